// SPDX-License-Identifier: MIT
//
// The JSON Schema (2020-12) of a C++ type. A type that occurs more than once is written once, under
// `$defs`; so a recursive type ends and a much used one does not multiply.
#ifndef LLMS_DETAIL_REFLECT_SCHEMA_HPP
#define LLMS_DETAIL_REFLECT_SCHEMA_HPP

#include <llms/detail/reflect_traits.hpp>
#include <llms/detail/reflect_words.hpp>
#include <llms/detail/reflect_write.hpp>
#include <llms/schema/reflect_options.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace llms::inline v0_1::detail {

template <class Json>
class schema_writer {
public:
    explicit schema_writer(unknown_members unknown) noexcept
        : closed_(unknown == unknown_members::reject) {}

    template <class T>
    auto document() -> Json {
        count<T>();
        auto json = definition<T>();
        if (!definitions_.empty()) {
            auto& defs = json["$defs"];
            for (auto& [name, definition] : definitions_) {
                defs[name] = std::move(definition);
            }
        }
        return json;
    }

private:
    // One object a type, whose address stands for it.
    template <class T>
    static constexpr char key_of = 0;

    struct use {
        std::size_t count = 0;
        std::string reference{}; // empty until it is defined
    };

    template <class T>
    static constexpr bool is_named = kind_of<T> == kind::record || kind_of<T> == kind::enumeration;

    // --- first pass: how often each named type is used ---

    template <class T>
    void count() {
        constexpr auto kind = kind_of<T>;
        static_assert(reflectable<T>, "llms can neither read this type nor describe it");
        if constexpr (is_named<T>) {
            if (uses_[&key_of<T>].count++ > 0) {
                return;
            }
        }
        if constexpr (kind == kind::record) {
            [&]<std::size_t... Index>(std::index_sequence<Index...> /*indices*/) {
                (count<std::remove_cv_t<member_type<T, Index>>>(), ...);
            }
            (std::make_index_sequence<member_count<T>>{});
        } else if constexpr (kind == kind::nullable) {
            count<held_t<T>>();
        } else if constexpr (kind == kind::list || kind == kind::row) {
            count<typename T::value_type>();
        } else if constexpr (kind == kind::map) {
            count<typename T::mapped_type>();
        } else if constexpr (kind == kind::choice || kind == kind::tuple) {
            count_all(static_cast<T const*>(nullptr));
        }
    }
    template <template <class...> class Template, class... Types>
    void count_all(Template<Types...> const* /*type*/) {
        (count<Types>(), ...);
    }

    // --- second pass ---

    template <class T>
    auto schema() -> Json {
        if constexpr (is_named<T>) {
            auto& entry = uses_[&key_of<T>];
            if (entry.count > 1) {
                if (entry.reference.empty()) {
                    auto const name = free_name(std::string{type_name<T>()});
                    entry.reference = "#/$defs/" + name;
                    definitions_.emplace(name, Json{}); // takes the name before recursing
                    auto json = definition<T>();
                    definitions_[name] = std::move(json);
                }
                auto json = Json(Json::value_t::object);
                json["$ref"] = entry.reference;
                return json;
            }
        }
        return definition<T>();
    }

    [[nodiscard]] auto free_name(std::string const& name) const -> std::string {
        auto free = name;
        for (auto number = 2; definitions_.count(free) > 0; ++number) {
            free = name + std::to_string(number);
        }
        return free;
    }

    static auto of_type(char const* type) -> Json {
        auto json = Json(Json::value_t::object);
        json["type"] = type;
        return json;
    }

    template <class T>
    auto definition() -> Json {
        if constexpr (gives_schema_text<T>) {
            return described_as<T>(Json::parse(described<T>.items.front().json));
        } else {
            return described_as<T>(shape<T>());
        }
    }

    template <class T>
    static auto described_as(Json json) -> Json {
        constexpr auto text = described<T>.text;
        if constexpr (!text.empty()) {
            json["description"] = std::string{text};
        }
        return json;
    }

    template <class T>
    auto shape() -> Json {
        constexpr auto kind = kind_of<T>;
        if constexpr (kind == kind::nothing) {
            return of_type("null");
        } else if constexpr (kind == kind::boolean) {
            return of_type("boolean");
        } else if constexpr (kind == kind::integer) {
            return integer_shape<T>();
        } else if constexpr (kind == kind::number) {
            return of_type("number");
        } else if constexpr (kind == kind::text) {
            return of_type("string");
        } else if constexpr (kind == kind::enumeration) {
            auto json = of_type("string");
            for (auto const& choice : choices_of<T>) {
                json["enum"].push_back(std::string{choice.name});
            }
            return json;
        } else if constexpr (kind == kind::nullable) {
            return or_null(schema<held_t<T>>());
        } else if constexpr (kind == kind::choice) {
            auto json = Json(Json::value_t::object);
            add_all(json["anyOf"], static_cast<T const*>(nullptr));
            return json;
        } else if constexpr (kind == kind::map) {
            auto json = of_type("object");
            json["additionalProperties"] = schema<typename T::mapped_type>();
            return json;
        } else if constexpr (kind == kind::list) {
            auto json = of_type("array");
            json["items"] = schema<typename T::value_type>();
            if constexpr (unique_list<T>) {
                json["uniqueItems"] = true;
            }
            return json;
        } else if constexpr (kind == kind::row) {
            auto json = of_type("array");
            json["items"] = schema<typename T::value_type>();
            json["minItems"] = std::tuple_size_v<T>;
            json["maxItems"] = std::tuple_size_v<T>;
            return json;
        } else if constexpr (kind == kind::tuple) {
            auto json = of_type("array");
            add_all(json["prefixItems"], static_cast<T const*>(nullptr));
            json["items"] = false;
            json["minItems"] = std::tuple_size_v<T>;
            return json;
        } else if constexpr (kind == kind::duration || kind == kind::instant ||
                             kind == kind::date) {
            auto json = of_type("string");
            json["format"] = kind == kind::duration  ? "duration"
                             : kind == kind::instant ? "date-time"
                                                     : "date";
            return json;
        } else if constexpr (kind == kind::record) {
            return record_shape<T>();
        } else if constexpr (kind == kind::foreign) {
            return foreign_shape<T>();
        } else {
            return Json(Json::value_t::object); // anything
        }
    }

    // The bounds of a C++ type of 32 bits or more are not worth the tokens; they are checked
    // anyway.
    template <class T>
    static auto integer_shape() -> Json {
        auto json = of_type("integer");
        if constexpr (sizeof(T) < sizeof(std::int32_t)) {
            json["minimum"] = std::numeric_limits<T>::min();
            json["maximum"] = std::numeric_limits<T>::max();
        } else if constexpr (std::is_unsigned_v<T>) {
            json["minimum"] = 0;
        }
        return json;
    }

    template <template <class...> class Template, class... Types>
    void add_all(Json& to, Template<Types...> const* /*type*/) {
        to = Json(Json::value_t::array);
        (to.push_back(schema<Types>()), ...);
    }

    static auto or_null(Json json) -> Json {
        if (json.contains("type") && json["type"].is_string() && !json.contains("enum")) {
            json["type"] = Json::array({json["type"], "null"});
            return json;
        }
        auto either = Json(Json::value_t::object);
        either["anyOf"] = Json::array({std::move(json), of_type("null")});
        return either;
    }

    template <class T>
    auto record_shape() -> Json {
        auto json = of_type("object");
        auto& properties = json["properties"] = Json(Json::value_t::object);
        auto required = Json(Json::value_t::array);
        auto const initial = T{};
        auto const initial_members = tie_members(initial);
        auto add = [&]<std::size_t Index>(std::integral_constant<std::size_t, Index> /*i*/) {
            constexpr auto const& field = fields_of<T>[Index];
            using type = std::remove_cv_t<member_type<T, Index>>;
            // A nullable member is one that may be absent, so null need not be a value of it.
            auto property = schema<held_t<type>>();
            limit<T, Index>(property);
            if constexpr (field.about.optional && kind_of<type> != kind::nullable) {
                property["default"] = write<Json>(std::get<Index>(initial_members));
            }
            properties[std::string{field.name}] = std::move(property);
            if constexpr (field.required) {
                required.push_back(std::string{field.name});
            }
        };
        [&]<std::size_t... Index>(std::index_sequence<Index...> /*indices*/) {
            (add(std::integral_constant<std::size_t, Index>{}), ...);
        }
        (std::make_index_sequence<member_count<T>>{});
        if (!required.empty()) {
            json["required"] = std::move(required);
        }
        if (closed_) {
            json["additionalProperties"] = false;
        }
        return json;
    }

    template <class T, std::size_t Index>
    static void limit(Json& property) {
        constexpr auto const& about = fields_of<T>[Index].about;
        constexpr auto kind = kind_of<held_t<std::remove_cv_t<member_type<T, Index>>>>;
        auto state = [&](char const* keyword, auto const& value) {
            if (!value) {
                return;
            }
            if constexpr (std::is_same_v<std::remove_cvref_t<decltype(*value)>, double>) {
                property[keyword] = bound<Json>(*value);
            } else {
                property[keyword] = *value;
            }
        };
        state("minimum", about.minimum);
        state("maximum", about.maximum);
        state("exclusiveMinimum", about.exclusive_minimum);
        state("exclusiveMaximum", about.exclusive_maximum);
        state("minLength", about.min_length);
        state("maxLength", about.max_length);
        state(kind == kind::map ? "minProperties" : "minItems", about.min_items);
        state(kind == kind::map ? "maxProperties" : "maxItems", about.max_items);
        if constexpr (!about.pattern.empty()) {
            property["pattern"] = std::string{about.pattern};
        }
        if constexpr (!about.format.empty()) {
            property["format"] = std::string{about.format};
        }
        if constexpr (!about.text.empty()) {
            property["description"] = std::string{about.text};
        }
    }

    // What a conversion of the user's own writes is known only by looking. An aggregate that writes
    // exactly the names of its members (as NLOHMANN_DEFINE_TYPE does) is described by them, any
    // other type by the JSON type of its initial value.
    template <class T>
    auto foreign_shape() -> Json {
        if constexpr (std::is_enum_v<T>) {
            auto json = Json(Json::value_t::object);
            for (auto const& choice : choices_of<T>) {
                json["enum"].push_back(Json(nlohmann::json(choice.value)));
            }
            return json;
        } else if constexpr (writes_itself<T> && std::is_default_constructible_v<T>) {
            auto const initial = nlohmann::json(T{});
            if constexpr (std::is_aggregate_v<T>) {
                auto const& names = member_names<T>;
                if (initial.is_object() && initial.size() == names.size() &&
                    std::all_of(names.begin(), names.end(),
                                [&](auto name) { return initial.contains(name); })) {
                    return record_shape<T>();
                }
            }
            return initial.is_null()
                       ? Json(Json::value_t::object)
                       : of_type(initial.is_number_integer() ? "integer" : initial.type_name());
        } else {
            return Json(Json::value_t::object);
        }
    }

    bool closed_;
    std::map<void const*, use> uses_;
    std::map<std::string, Json> definitions_;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_REFLECT_SCHEMA_HPP
