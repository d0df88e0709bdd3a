// SPDX-License-Identifier: MIT
//
// What kind of JSON each C++ type is, decided once: reading, writing and the schema all follow it.
// With it the constant tables of a type's members and enumerators, descriptions merged in.
#ifndef LLMS_DETAIL_REFLECT_TRAITS_HPP
#define LLMS_DETAIL_REFLECT_TRAITS_HPP

#include <llms/detail/reflect_names.hpp>
#include <llms/schema/description.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace llms::inline v0_1::detail {

enum class kind : std::uint8_t {
    anything,    // a JSON document
    nothing,     // null
    boolean,     //
    integer,     //
    number,      //
    text,        //
    enumeration, // a string, one of some
    nullable,    // null or a value
    choice,      // one of several types
    map,         // an object with any names
    list,        // an array of any length
    row,         // an array of one type and fixed length
    tuple,       // an array of given types
    duration,    // ISO 8601 text
    instant,     // RFC 3339 date-time
    date,        // RFC 3339 date
    record,      // an object with the members of an aggregate
    foreign,     // whatever the type's own to_json and from_json say
    unsupported,
};

template <class T, template <class...> class Template>
inline constexpr bool is_a = false;
template <template <class...> class Template, class... Arguments>
inline constexpr bool is_a<Template<Arguments...>, Template> = true;

template <class T>
inline constexpr bool is_std_array = false;
template <class T, std::size_t Size>
inline constexpr bool is_std_array<std::array<T, Size>> = true;

template <class T>
inline constexpr bool is_instant = false;
template <class Duration>
inline constexpr bool is_instant<std::chrono::sys_time<Duration>> = true;

template <class T>
concept any_json = std::same_as<T, nlohmann::json> || std::same_as<T, nlohmann::ordered_json>;

template <class T>
concept string_map = requires(T& map, std::string name) {
    requires std::same_as<typename T::key_type, std::string>;
    typename T::mapped_type;
    map.try_emplace(std::move(name));
};

template <class T>
concept growing_list = requires(T& list, typename T::value_type value) {
    list.clear();
    list.push_back(std::move(value));
};

template <class T>
concept unique_list = requires(T& list, typename T::key_type value) {
    requires std::same_as<typename T::key_type, typename T::value_type>;
    { list.insert(std::move(value)).second } -> std::convertible_to<bool>;
};

template <class T>
concept character = std::same_as<T, char> || std::same_as<T, wchar_t> || std::same_as<T, char8_t> ||
    std::same_as<T, char16_t> || std::same_as<T, char32_t>;

// nlohmann's own to_json takes every enumeration; only what argument-dependent lookup finds with an
// argument that is no basic_json was written for `T`.
struct json_stand_in {
    operator nlohmann::json&() const;
};
template <class T>
concept converts_enumeration = std::is_enum_v<T> && requires(json_stand_in json, T const& value) {
    to_json(json, value);
};
template <class T>
concept writes_itself = requires(nlohmann::json& json, T const& value) {
    nlohmann::adl_serializer<T>::to_json(json, value);
};
template <class T>
concept reads_itself = requires(nlohmann::json const& json, T& value) {
    nlohmann::adl_serializer<T>::from_json(json, value);
};

template <class T>
consteval auto find_kind() -> kind {
    if constexpr (any_json<T>) {
        return kind::anything;
    } else if constexpr (std::same_as<T, std::nullptr_t> || std::same_as<T, std::monostate>) {
        return kind::nothing;
    } else if constexpr (std::same_as<T, bool>) {
        return kind::boolean;
    } else if constexpr (std::integral<T>) {
        return character<T> ? kind::unsupported : kind::integer;
    } else if constexpr (std::floating_point<T>) {
        return kind::number;
    } else if constexpr (std::same_as<T, std::string>) {
        return kind::text;
    } else if constexpr (std::is_enum_v<T>) {
        return converts_enumeration<T> ? kind::foreign : kind::enumeration;
    } else if constexpr (is_a<T, std::optional> || is_a<T, std::unique_ptr> ||
                         is_a<T, std::shared_ptr>) {
        return kind::nullable;
    } else if constexpr (is_a<T, std::variant>) {
        return kind::choice;
    } else if constexpr (string_map<T>) {
        return kind::map;
    } else if constexpr (is_std_array<T>) {
        return kind::row;
    } else if constexpr (growing_list<T> || unique_list<T>) {
        return kind::list;
    } else if constexpr (is_a<T, std::pair> || is_a<T, std::tuple>) {
        return kind::tuple;
    } else if constexpr (is_a<T, std::chrono::duration>) {
        return kind::duration;
    } else if constexpr (is_instant<T>) {
        return kind::instant;
    } else if constexpr (std::same_as<T, std::chrono::year_month_day>) {
        return kind::date;
    } else if constexpr (writes_itself<T> || reads_itself<T>) {
        return kind::foreign;
    } else if constexpr (std::is_aggregate_v<T> && !std::is_array_v<T>) {
        return kind::record;
    } else {
        return kind::unsupported;
    }
}

template <class T>
inline constexpr kind kind_of = find_kind<std::remove_cv_t<T>>();

/// A type that can be read from JSON, written to it and described by a schema: an aggregate, or a
/// type that the list in `reflect.hpp` names, of such types.
template <class T>
concept reflectable = kind_of<T>
!= kind::unsupported;

// What a nullable type holds, else the type itself.
template <class T>
struct held {
    using type = T;
};
template <class T>
    requires(kind_of<T> == kind::nullable)
struct held<T> : held<std::remove_cvref_t<decltype(*std::declval<T&>())>> {};
template <class T>
using held_t = typename held<T>::type;

// The types that a JSON value may have, as a set of bits.
enum class json_types : std::uint8_t {
    none = 0,
    null = 1,
    boolean = 2,
    number = 4,
    string = 8,
    array = 16,
    object = 32,
    all = 63,
};
constexpr auto operator|(json_types a, json_types b) noexcept -> json_types {
    return static_cast<json_types>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
constexpr auto have(json_types all, json_types some) noexcept -> bool {
    return (static_cast<unsigned>(all) & static_cast<unsigned>(some)) != 0;
}

template <class Json>
constexpr auto json_type_of(Json const& json) noexcept -> json_types {
    switch (json.type()) {
    case Json::value_t::null:
        return json_types::null;
    case Json::value_t::boolean:
        return json_types::boolean;
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
    case Json::value_t::number_float:
        return json_types::number;
    case Json::value_t::string:
        return json_types::string;
    case Json::value_t::array:
        return json_types::array;
    case Json::value_t::object:
        return json_types::object;
    case Json::value_t::binary:
    case Json::value_t::discarded:
        break;
    }
    return json_types::none;
}

template <class T>
constexpr auto types_of() noexcept -> json_types;

template <class... Alternatives>
constexpr auto types_of_choice(std::variant<Alternatives...> const* /*type*/) noexcept
    -> json_types {
    return (json_types::none | ... | types_of<Alternatives>());
}

/// The JSON types that a `T` may be read from, coercion aside.
template <class T>
constexpr auto types_of() noexcept -> json_types {
    constexpr auto kind = kind_of<T>;
    if constexpr (kind == kind::nothing) {
        return json_types::null;
    } else if constexpr (kind == kind::boolean) {
        return json_types::boolean;
    } else if constexpr (kind == kind::integer || kind == kind::number) {
        return json_types::number;
    } else if constexpr (kind == kind::text || kind == kind::enumeration ||
                         kind == kind::duration || kind == kind::instant || kind == kind::date) {
        return json_types::string;
    } else if constexpr (kind == kind::list || kind == kind::row || kind == kind::tuple) {
        return json_types::array;
    } else if constexpr (kind == kind::map || kind == kind::record) {
        return json_types::object;
    } else if constexpr (kind == kind::nullable) {
        return json_types::null | types_of<held_t<T>>();
    } else if constexpr (kind == kind::choice) {
        return types_of_choice(static_cast<T const*>(nullptr));
    } else {
        return json_types::all;
    }
}

/// One member of an aggregate as JSON sees it.
struct field {
    std::string_view name;
    member about;
    bool required = true;
};

constexpr auto index_of(auto const& names, std::string_view name) noexcept -> std::size_t {
    return static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
}

template <class T>
concept describes_members =
    std::same_as<std::remove_cvref_t<decltype(*described<T>.items.data())>, member>;
template <class T>
concept describes_enumerators =
    std::same_as<std::remove_cvref_t<decltype(*described<T>.items.data())>, enumerator<T>>;
template <class T>
concept gives_schema_text =
    std::same_as<std::remove_cvref_t<decltype(*described<T>.items.data())>, schema_text>;

template <class T, std::size_t... Index>
constexpr auto make_fields(std::index_sequence<Index...> /*indices*/) {
    auto fields = std::array<field, sizeof...(Index)>{
        field{member_names<T>[Index], {}, kind_of<member_type<T, Index>> != kind::nullable}...};
    if constexpr (describes_members<T>) {
        for (auto const& about : described<T>.items) {
            auto& field = fields[index_of(member_names<T>, about.of)];
            field.name = about.name.empty() ? about.of : about.name;
            field.about = about;
            field.required = field.required && !about.optional;
        }
    }
    return fields;
}

// The assertions stand apart from the table so that a mistake gives a sentence.
template <class T>
constexpr auto names_only_members() -> bool {
    if constexpr (describes_members<T>) {
        return std::all_of(described<T>.items.begin(), described<T>.items.end(), [](auto& about) {
            return index_of(member_names<T>, about.of) < member_names<T>.size();
        });
    } else {
        return gives_schema_text<T>;
    }
}

template <class T, std::size_t Index>
constexpr auto limits_suit() -> bool {
    if constexpr (describes_members<T>) {
        constexpr auto kind = kind_of<held_t<member_type<T, Index>>>;
        auto suits = true;
        for (auto const& about : described<T>.items) {
            if (about.of != member_names<T>[Index]) {
                continue;
            }
            auto const of_number = about.minimum || about.maximum || about.exclusive_minimum ||
                                   about.exclusive_maximum;
            auto const of_text = about.min_length || about.max_length || !about.pattern.empty() ||
                                 !about.format.empty();
            auto const of_list = about.min_items || about.max_items;
            suits = (!of_number || kind == kind::integer || kind == kind::number) &&
                    (!of_text || kind == kind::text) &&
                    (!of_list || kind == kind::list || kind == kind::map);
        }
        return suits;
    } else {
        return true;
    }
}

template <class T, std::size_t... Index>
constexpr auto all_limits_suit(std::index_sequence<Index...> /*indices*/) -> bool {
    return (limits_suit<T, Index>() && ...);
}

template <class T>
constexpr auto checked_fields() {
    static_assert(names_only_members<T>(),
                  "llms::described names something that is no member of the type");
    static_assert(all_limits_suit<T>(std::make_index_sequence<member_count<T>>{}),
                  "llms::described gives a member a limit that does not suit its type");
    return make_fields<T>(std::make_index_sequence<member_count<T>>{});
}

/// The members of the aggregate `T`, in the order of declaration.
template <class T>
inline constexpr auto fields_of = checked_fields<T>();

template <class T>
constexpr auto order_by_name() {
    auto order = std::array<std::uint8_t, member_count<T>>{};
    for (auto at = std::size_t{0}; at < order.size(); ++at) {
        order[at] = static_cast<std::uint8_t>(at);
    }
    std::sort(order.begin(), order.end(),
              [](auto a, auto b) { return fields_of<T>[a].name < fields_of<T>[b].name; });
    return order;
}

/// The indices of the members sorted by name, the order in which nlohmann::json has them.
template <class T>
inline constexpr auto fields_by_name = order_by_name<T>();

template <class Enum>
constexpr auto make_choices() {
    if constexpr (describes_enumerators<Enum>) {
        // Listed ones first, then those that reflection alone has found.
        constexpr auto listed = [](Enum value) {
            return std::any_of(described<Enum>.items.begin(), described<Enum>.items.end(),
                               [value](auto& item) { return item.value == value; });
        };
        constexpr auto others = static_cast<std::size_t>(
            std::count_if(enumerators_of<Enum>.begin(), enumerators_of<Enum>.end(),
                          [listed](auto& found) { return !listed(found.value); }));
        auto names = std::array<named_enumerator<Enum>, described<Enum>.items.size() + others>{};
        auto count = std::size_t{0};
        for (auto const& item : described<Enum>.items) {
            names[count++] = {item.value, item.name};
        }
        for (auto const& found : enumerators_of<Enum>) {
            if (!listed(found.value)) {
                names[count++] = found;
            }
        }
        return names;
    } else {
        static_assert(!enumerators_of<Enum>.empty(),
                      "no enumerator from -128 to 127 was found; list them in llms::described");
        return enumerators_of<Enum>;
    }
}

/// The enumerators of `Enum` with their names in JSON.
template <class Enum>
inline constexpr auto choices_of = make_choices<Enum>();

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_REFLECT_TRAITS_HPP
