// SPDX-License-Identifier: MIT
//
// JSON to C++ values. One reader serves one call of `from_json_checked`.
#ifndef LLMS_DETAIL_REFLECT_READ_HPP
#define LLMS_DETAIL_REFLECT_READ_HPP

#include <llms/detail/coerce_depth.hpp>
#include <llms/detail/coerce_text.hpp>
#include <llms/detail/coerce_time.hpp>
#include <llms/detail/reflect_location.hpp>
#include <llms/detail/reflect_time.hpp>
#include <llms/detail/reflect_traits.hpp>
#include <llms/detail/reflect_words.hpp>
#include <llms/schema/change.hpp>
#include <llms/schema/checked.hpp>
#include <llms/schema/reflect_options.hpp>
#include <llms/schema/report.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace llms::inline v0_1::detail {

// Every `read` fills `to` and says whether it could; if not, an error was noted, unless the reader
// is only trying. `to` is then in some valid state that nobody is shown.
template <class Json>
class reader {
public:
    explicit reader(reflect_options const& options) noexcept
        : options_(options),
          rules_(options.coerce),
          values_left_(options.max_values) {}

    template <class T>
    auto read(Json const& from, T& to, location const& at, std::size_t depth) -> bool {
        static_assert(reflectable<T>, "llms can neither read this type nor describe it");
        if (values_left_ == 0) {
            return fail(at, "", "too many values to read");
        }
        --values_left_;
        constexpr auto kind = kind_of<T>;
        if constexpr (kind == kind::anything) {
            return read_anything(from, to, at, depth);
        } else if constexpr (kind == kind::nothing) {
            return from.is_null() || read_null_text(from, at) || mismatch(at, "type", "null", from);
        } else if constexpr (kind == kind::boolean) {
            return read_boolean(from, to, at);
        } else if constexpr (kind == kind::integer) {
            return read_integer(from, to, at);
        } else if constexpr (kind == kind::number) {
            return read_number(from, to, at);
        } else if constexpr (kind == kind::text) {
            auto const* const text = text_of(from);
            if (text == nullptr) {
                return mismatch(at, "type", "a string", from);
            }
            to = *text;
            return true;
        } else if constexpr (kind == kind::enumeration) {
            return read_enumeration(from, to, at);
        } else if constexpr (kind == kind::nullable) {
            return read_nullable(from, to, at, depth);
        } else if constexpr (kind == kind::choice) {
            return read_choice(from, to, at, depth);
        } else if constexpr (kind == kind::list || kind == kind::row || kind == kind::tuple) {
            return read_array(from, to, at, depth);
        } else if constexpr (kind == kind::map || kind == kind::record) {
            return read_object(from, to, at, depth);
        } else if constexpr (kind == kind::duration || kind == kind::instant ||
                             kind == kind::date) {
            return read_time(from, to, at);
        } else {
            return read_foreign(from, to, at, depth);
        }
    }

    /// `value`, if all went well, or why not.
    template <class T>
    auto result(T value) -> checked<T, Json> {
        if (!errors_.empty()) {
            changes_.clear();
        }
        return {std::move(value), report{std::move(errors_), truncated_}, std::move(changes_)};
    }

private:
    using string_t = typename Json::string_t;

    static auto text_of(Json const& from) noexcept -> string_t const* {
        return from.template get_ptr<string_t const*>();
    }

    [[nodiscard]] auto may(coercion rule) const noexcept -> bool {
        return (rules_ & rule) != coercion::none;
    }

    // --- what is noted ---

    // `keyword` is the one of JSON Schema that would say no; empty for a bound of the reader.
    auto fail(location const& at, std::string_view keyword, std::string message) -> bool {
        if (trying_ == 0) {
            if (errors_.size() < std::max<std::size_t>(options_.max_errors, 1)) {
                errors_.push_back({at.pointer(), {}, std::string{keyword}, std::move(message)});
            } else {
                truncated_ = true;
            }
        }
        return false;
    }

    auto mismatch(location const& at, std::string_view keyword, std::string_view expected,
                  Json const& found) -> bool {
        return trying_ == 0 &&
               fail(at, keyword, "expected " + std::string{expected} + ", found " + shown(found));
    }

    // Whether there is no point in looking for more errors.
    [[nodiscard]] auto full() const noexcept -> bool { return trying_ != 0 || truncated_; }

    void note(location const& at, Json const& from, std::optional<Json> to, coercion rule) {
        if (changes_.empty()) {
            changes_.reserve(4);
        }
        changes_.push_back({at.pointer(), from, std::move(to), rule});
    }

    // Reads without noting errors; a failed attempt leaves no changes behind.
    template <class T>
    auto try_read(Json const& from, T& to, location const& at, std::size_t depth) -> bool {
        auto const mark = changes_.size();
        ++trying_;
        auto const good = read(from, to, at, depth);
        --trying_;
        if (!good) {
            changes_.resize(mark);
        }
        return good;
    }

    // --- scalars ---

    auto read_null_text(Json const& from, location const& at) -> bool {
        auto const* const text = text_of(from);
        if (!may(coercion::text_to_null) || text == nullptr ||
            !same_letters(trimmed(*text), "null")) {
            return false;
        }
        note(at, from, Json(nullptr), coercion::text_to_null);
        return true;
    }

    auto read_boolean(Json const& from, bool& to, location const& at) -> bool {
        if (auto const* const value = from.template get_ptr<bool const*>()) {
            to = *value;
            return true;
        }
        if (auto const* const text = text_of(from);
            text != nullptr && may(coercion::text_to_boolean)) {
            if (auto const value = boolean_in(*text)) {
                to = *value;
                note(at, from, Json(to), coercion::text_to_boolean);
                return true;
            }
        }
        return mismatch(at, "type", "true or false", from);
    }

    // A number is what it is worth: 3.0 is an integer, as JSON Schema has it.
    template <class T>
    static auto fits(Json const& from, T& to) noexcept -> bool {
        switch (from.type()) {
        case Json::value_t::number_unsigned: {
            auto const value = *from.template get_ptr<std::uint64_t const*>();
            to = static_cast<T>(value);
            return std::in_range<T>(value);
        }
        case Json::value_t::number_integer: {
            auto const value = *from.template get_ptr<std::int64_t const*>();
            to = static_cast<T>(value);
            return std::in_range<T>(value);
        }
        case Json::value_t::number_float: {
            auto const value = *from.template get_ptr<double const*>();
            if (std::trunc(value) != value || !(value >= -0x1p63) || !(value < 0x1p64)) {
                return false;
            }
            return value < 0 ? whole(static_cast<std::int64_t>(value), to)
                             : whole(static_cast<std::uint64_t>(value), to);
        }
        default:
            return false;
        }
    }
    template <class T>
    static auto whole(auto value, T& to) noexcept -> bool {
        to = static_cast<T>(value);
        return std::in_range<T>(value);
    }

    template <class T>
    auto read_integer(Json const& from, T& to, location const& at) -> bool {
        if (fits(from, to)) {
            return true;
        }
        if (auto const* const text = text_of(from);
            text != nullptr && may(coercion::text_to_number)) {
            auto value = integer_in<Json>(*text);
            if (fits(value, to)) {
                note(at, from, std::move(value), coercion::text_to_number);
                return true;
            }
        }
        return trying_ == 0 &&
               mismatch(at, "type",
                        "an integer from " + std::to_string(std::numeric_limits<T>::min()) +
                            " to " + std::to_string(std::numeric_limits<T>::max()),
                        from);
    }

    template <class T>
    static auto fits_float(Json const& from, T& to) noexcept -> bool {
        switch (from.type()) {
        case Json::value_t::number_unsigned:
            to = static_cast<T>(*from.template get_ptr<std::uint64_t const*>());
            return true;
        case Json::value_t::number_integer:
            to = static_cast<T>(*from.template get_ptr<std::int64_t const*>());
            return true;
        case Json::value_t::number_float: {
            auto const value = *from.template get_ptr<double const*>();
            if constexpr (sizeof(T) < sizeof(double)) {
                if (std::fabs(value) > static_cast<double>(std::numeric_limits<T>::max())) {
                    return false;
                }
            }
            to = static_cast<T>(value);
            return true;
        }
        default:
            return false;
        }
    }

    template <class T>
    auto read_number(Json const& from, T& to, location const& at) -> bool {
        if (fits_float(from, to)) {
            return true;
        }
        if (auto const* const text = text_of(from);
            text != nullptr && may(coercion::text_to_number)) {
            auto value = number_in<Json>(*text);
            if (fits_float(value, to)) {
                note(at, from, std::move(value), coercion::text_to_number);
                return true;
            }
        }
        return mismatch(at, "type", from.is_number() ? "a number that is less large" : "a number",
                        from);
    }

    template <class Enum>
    auto read_enumeration(Json const& from, Enum& to, location const& at) -> bool {
        auto const* const text = text_of(from);
        if (text != nullptr) {
            for (auto const& choice : choices_of<Enum>) {
                if (*text == choice.name) {
                    to = choice.value;
                    return true;
                }
            }
            if (may(coercion::enum_case) && read_other_case(from, *text, to, at)) {
                return true;
            }
        }
        if (trying_ != 0) {
            return false;
        }
        auto expected = std::string{choices_of<Enum>.size() > 1 ? "one of " : ""};
        for (auto const& choice : choices_of<Enum>) {
            expected += &choice == choices_of<Enum>.data() ? "" : ", ";
            expected += in_quotes(choice.name);
        }
        return mismatch(at, "enum", expected, from);
    }

    template <class Enum>
    auto read_other_case(Json const& from, std::string_view text, Enum& to, location const& at)
        -> bool {
        auto const* match = static_cast<named_enumerator<Enum> const*>(nullptr);
        for (auto const& choice : choices_of<Enum>) {
            if (same_letters(text, choice.name)) {
                if (match != nullptr) {
                    return false;
                }
                match = &choice;
            }
        }
        if (match == nullptr) {
            return false;
        }
        to = match->value;
        note(at, from, Json(std::string{match->name}), coercion::enum_case);
        return true;
    }

    template <class T>
    static auto parse_time(std::string_view text, T& to) -> bool {
        if constexpr (kind_of<T> == kind::date) {
            auto const date = parse_date(text);
            to = date.value_or(T{});
            return date.has_value();
        } else if constexpr (kind_of<T> == kind::instant) {
            using duration = typename T::duration;
            auto const span = parse_instant(text);
            auto const since_1970 = span ? to_duration<duration>(*span) : std::nullopt;
            to = T{since_1970.value_or(duration{})};
            return since_1970.has_value();
        } else {
            auto const span = parse_duration(text);
            auto const duration = span ? to_duration<T>(*span) : std::nullopt;
            to = duration.value_or(T{});
            return duration.has_value();
        }
    }

    template <class T>
    auto read_time(Json const& from, T& to, location const& at) -> bool {
        constexpr auto kind = kind_of<T>;
        auto const* const text = text_of(from);
        if (text != nullptr && parse_time(*text, to)) {
            return true;
        }
        if constexpr (kind != kind::duration) {
            if (text != nullptr && may(coercion::date_form)) {
                auto form = kind == kind::date ? date_form_of(*text) : date_time_form_of(*text);
                if (!form.empty() && parse_time(form, to)) {
                    note(at, from, Json(std::move(form)), coercion::date_form);
                    return true;
                }
            }
        }
        return mismatch(at, "format",
                        kind == kind::date      ? "a date such as \"2024-05-01\""
                        : kind == kind::instant ? "a date-time such as \"2024-05-01T12:00:00Z\""
                                                : "an ISO 8601 duration such as \"PT1H30M\" or "
                                                  "\"PT0.5S\"",
                        from);
    }

    // --- wrappers ---

    auto read_anything(Json const& from, any_json auto& to, location const& at, std::size_t depth)
        -> bool {
        // To copy and to destroy a document recurses.
        if (!shallow(from, depth)) {
            return too_deep(at);
        }
        to = from;
        return true;
    }

    auto too_deep(location const& at) -> bool {
        return fail(at, "", "nested deeper than " + std::to_string(options_.max_depth) + " levels");
    }

    auto shallow(Json const& from, std::size_t depth) -> bool {
        return nested_within(from, options_.max_depth - std::min(depth, options_.max_depth),
                             [this] { values_left_ -= values_left_ > 0 ? 1 : 0; });
    }

    template <class T>
    auto read_nullable(Json const& from, T& to, location const& at, std::size_t depth) -> bool {
        using inner = std::remove_cvref_t<decltype(*to)>;
        if (from.is_null()) {
            to.reset();
            return true;
        }
        if constexpr (!have(types_of<held_t<T>>(), json_types::string)) {
            if (read_null_text(from, at)) {
                to.reset();
                return true;
            }
        }
        if constexpr (is_a<T, std::optional>) {
            return read(from, to.emplace(), at, depth);
        } else {
            auto value = std::make_unique<inner>();
            auto const good = read(from, *value, at, depth);
            to = std::move(value);
            return good;
        }
    }

    template <class... Alternatives>
    auto read_choice(Json const& from, std::variant<Alternatives...>& to, location const& at,
                     std::size_t depth) -> bool {
        auto const type = json_type_of(from);
        constexpr auto types = std::array{types_of<Alternatives>()...};
        auto const candidates = std::count_if(types.begin(), types.end(),
                                              [type](json_types each) { return have(each, type); });
        // With a single candidate its own problems say more than that nothing fits.
        auto const sole = candidates == 1;
        auto const rules = rules_;
        rules_ = sole ? rules_ : coercion::none;
        auto read_as = [&]<class T>(std::type_identity<T> /*type*/) {
            if (!have(types_of<T>(), type)) {
                return false;
            }
            auto& value = to.template emplace<T>();
            return sole ? read(from, value, at, depth) : try_read(from, value, at, depth);
        };
        auto good = (read_as(std::type_identity<Alternatives>{}) || ...);
        rules_ = rules;
        if (good || sole) {
            return good;
        }
        return read_coerced_choice(from, to, at, depth);
    }

    // With coercion only an alternative that is alone in becoming right may be taken.
    template <class... Alternatives>
    auto read_coerced_choice(Json const& from, std::variant<Alternatives...>& to,
                             location const& at, std::size_t depth) -> bool {
        if (rules_ != coercion::none) {
            auto found = std::variant<Alternatives...>{};
            auto right = std::size_t{0};
            auto const mark = changes_.size();
            auto read_as = [&]<class T>(std::type_identity<T> /*type*/) {
                auto value = T{};
                if (auto const before = changes_.size(); try_read(from, value, at, depth)) {
                    if (++right == 1) {
                        found.template emplace<T>(std::move(value));
                    } else {
                        changes_.resize(before);
                    }
                }
            };
            (read_as(std::type_identity<Alternatives>{}), ...);
            if (right == 1) {
                to = std::move(found);
                return true;
            }
            changes_.resize(mark);
        }
        if (trying_ != 0) {
            return false;
        }
        auto message = "fits none of its " + std::to_string(sizeof...(Alternatives)) + " forms";
        if (explaining_) {
            return fail(at, "anyOf", std::move(message)); // or each level would multiply the text
        }
        message += ": ";
        auto separator = std::string_view{};
        auto explain = [&]<class T>(std::type_identity<T> /*type*/) {
            auto errors = std::exchange(errors_, {});
            auto value = T{};
            read(from, value, at, depth);
            message += separator;
            message += name_of<T>();
            if (!errors_.empty()) {
                auto const& first = errors_.front();
                auto const inside =
                    std::string_view{first.instance_pointer}.substr(at.pointer().size());
                message += " (" + std::string{inside} + (inside.empty() ? "" : ": ");
                message += first.message + ")";
            }
            separator = "; ";
            errors_ = std::move(errors);
        };
        auto const truncated = std::exchange(truncated_, false);
        explaining_ = true;
        (explain(std::type_identity<Alternatives>{}), ...);
        explaining_ = false;
        truncated_ = truncated;
        return fail(at, "anyOf", std::move(message));
    }

    template <class T>
    static constexpr auto name_of() -> std::string_view {
        switch (kind_of<T>) {
        case kind::record:
        case kind::enumeration:
        case kind::foreign:
            return type_name<T>();
        case kind::nothing:
            return "null";
        case kind::boolean:
            return "boolean";
        case kind::integer:
            return "integer";
        case kind::number:
            return "number";
        case kind::map:
            return "object";
        case kind::list:
        case kind::row:
        case kind::tuple:
            return "array";
        case kind::text:
            return "string";
        case kind::duration:
            return "duration";
        case kind::instant:
            return "date-time";
        case kind::date:
            return "date";
        default:
            return "other";
        }
    }

    template <class T>
    auto read_foreign(Json const& from, T& to, location const& at, std::size_t depth) -> bool {
        if (!shallow(from, depth)) {
            return too_deep(at);
        }
        if constexpr (std::is_enum_v<T>) {
            // NLOHMANN_JSON_SERIALIZE_ENUM reads what it does not know as the first enumerator.
            for (auto const& choice : choices_of<T>) {
                if (auto const json = nlohmann::json(choice.value); json == from) {
                    to = choice.value;
                    return true;
                }
            }
            auto expected = std::string{"one of"};
            for (auto const& choice : choices_of<T>) {
                expected += ' ' + nlohmann::json(choice.value).dump();
            }
            return mismatch(at, "enum", expected, from);
        } else {
            static_assert(reads_itself<T>, "this type has a to_json of its own but no from_json");
            try {
                nlohmann::adl_serializer<T>::from_json(nlohmann::json(from), to);
                return true;
            } catch (std::exception const& e) {
                return fail(at, "", e.what());
            }
        }
    }

    // --- arrays ---

    template <class T>
    auto read_array(Json const& from, T& to, location const& at, std::size_t depth) -> bool {
        if (from.is_array()) {
            if (depth >= options_.max_depth) {
                return too_deep(at);
            }
            return read_items(from, to, at, depth + 1);
        }
        // "[1, 2]" is an array before it is an item of one, if both can be.
        if (auto const* const text = text_of(from);
            text != nullptr && may(coercion::text_to_array)) {
            if (auto array = container_in<Json>(*text, '[', options_.max_depth); array.is_array()) {
                auto const mark = changes_.size();
                note(at, from, array, coercion::text_to_array);
                if (try_read(array, to, at, depth)) {
                    return true;
                }
                changes_.resize(mark);
            }
        }
        if constexpr (kind_of<T> == kind::list) {
            if (may(coercion::wrap_in_array) && !from.is_null() && depth < options_.max_depth) {
                auto const mark = changes_.size();
                auto array = Json::array({from});
                note(at, from, array, coercion::wrap_in_array);
                if (try_read(array, to, at, depth)) {
                    return true;
                }
                changes_.resize(mark);
            }
        }
        return mismatch(at, "type", "an array", from);
    }

    template <class T>
    auto read_items(Json const& from, T& to, location const& at, std::size_t depth) -> bool {
        auto const& items = *from.template get_ptr<typename Json::array_t const*>();
        auto good = true;
        auto index = std::size_t{0};
        if constexpr (kind_of<T> == kind::list) {
            to.clear();
            if constexpr (requires { to.reserve(items.size()); }) {
                // A hostile array of small values may stand for far larger ones in C++.
                to.reserve(std::min(items.size(), std::size_t{4096}));
            }
            for (auto const& item : items) {
                auto value = typename T::value_type{};
                auto const here = at.item(index++);
                if (!read(item, value, here, depth)) {
                    good = false;
                } else if constexpr (growing_list<T>) {
                    to.push_back(std::move(value));
                } else if (!to.insert(std::move(value)).second) {
                    good = fail(here, "uniqueItems",
                                "is equal to an item before it, and all must differ");
                }
                if (!good && full()) {
                    return false;
                }
            }
            return good;
        } else {
            constexpr auto size = std::tuple_size_v<T>;
            if (items.size() != size) {
                return fail(at, "minItems",
                            "expected an array of " + std::to_string(size) + " items, found " +
                                std::to_string(items.size()));
            }
            auto read_item = [&](auto& value) {
                auto const here = at.item(index);
                good = read(items[index], value, here, depth) && good;
                ++index;
            };
            if constexpr (kind_of<T> == kind::row) {
                for (auto& value : to) {
                    read_item(value);
                }
            } else {
                std::apply([&](auto&... values) { (read_item(values), ...); }, to);
            }
            return good;
        }
    }

    // --- objects ---

    template <class T>
    auto read_object(Json const& from, T& to, location const& at, std::size_t depth) -> bool {
        if (auto const* const members = from.template get_ptr<typename Json::object_t const*>()) {
            if (depth >= options_.max_depth) {
                return too_deep(at);
            }
            return read_members(*members, to, at, depth + 1);
        }
        if (auto const* const text = text_of(from);
            text != nullptr && may(coercion::text_to_object)) {
            if (auto object = container_in<Json>(*text, '{', options_.max_depth);
                object.is_object()) {
                note(at, from, object, coercion::text_to_object);
                return read(object, to, at, depth);
            }
        }
        return mismatch(at, "type", "an object", from);
    }

    template <class T>
    auto read_members(typename Json::object_t const& members, T& to, location const& at,
                      std::size_t depth) -> bool {
        auto good = true;
        if constexpr (kind_of<T> == kind::map) {
            to.clear();
            for (auto const& [name, value] : members) {
                auto& slot = to.try_emplace(name).first->second;
                good = read(value, slot, at.member(name), depth) && good;
                if (!good && full()) {
                    return false;
                }
            }
            return good;
        } else {
            constexpr auto const& fields = fields_of<T>;
            auto seen = std::uint64_t{0};
            auto expected = std::size_t{0}; // rank of the member that comes next, if sorted by name
            for (auto const& [name, value] : members) {
                auto const rank = rank_of<T>(name, expected);
                if (rank < fields.size()) {
                    expected = rank + 1;
                    auto const index = fields_by_name<T>[rank];
                    seen |= std::uint64_t{1} << index;
                    good = read_member(index, value, to, at.member(name), depth) && good;
                } else if (options_.unknown == unknown_members::reject) {
                    good = trying_ == 0 && unknown_member<T>(at.member(name));
                }
                if (!good && full()) {
                    return false;
                }
            }
            if (auto const missing = required_of<T> & ~seen; missing != 0) {
                for (auto index = std::size_t{0}; index < fields.size(); ++index) {
                    if (((missing >> index) & 1U) != 0) {
                        good =
                            trying_ == 0 && fail(at, "required",
                                                 "the required member " +
                                                     in_quotes(fields[index].name) + " is missing");
                    }
                }
            }
            return good;
        }
    }

    template <class T>
    static constexpr auto required_of = [] {
        auto bits = std::uint64_t{0};
        for (auto index = std::size_t{0}; index < fields_of<T>.size(); ++index) {
            bits |= fields_of<T>[index].required ? std::uint64_t{1} << index : 0;
        }
        return bits;
    }();

    // The place of `name` in `fields_by_name`, looked for from `expected` on around, or their
    // number.
    template <class T>
    static auto rank_of(std::string_view name, std::size_t expected) noexcept -> std::size_t {
        constexpr auto const& order = fields_by_name<T>;
        for (auto rank = expected; rank < order.size(); ++rank) {
            if (fields_of<T>[order[rank]].name == name) {
                return rank;
            }
        }
        for (auto rank = std::size_t{0}; rank < expected; ++rank) {
            if (fields_of<T>[order[rank]].name == name) {
                return rank;
            }
        }
        return order.size();
    }

    template <class T>
    auto unknown_member(location const& at) -> bool {
        auto message = std::string{"is unknown; the members are"};
        for (auto const& field : fields_of<T>) {
            message += &field == fields_of<T>.data() ? " " : ", ";
            message += field.name;
        }
        return fail(at, "additionalProperties", std::move(message));
    }

    template <class T>
    auto read_member(std::size_t which, Json const& from, T& to, location const& at,
                     std::size_t depth) -> bool {
        auto const members = tie_members(to);
        auto good = false;
        [&]<std::size_t... Index>(std::index_sequence<Index...> /*indices*/) {
            static_cast<void>(
                ((which == Index &&
                  (good = read_field<T, Index>(from, std::get<Index>(members), at, depth), true)) ||
                 ...));
        }
        (std::make_index_sequence<member_count<T>>{});
        return good;
    }

    template <class T, std::size_t Index, class Value>
    auto read_field(Json const& from, Value& to, location const& at, std::size_t depth) -> bool {
        constexpr auto const& field = fields_of<T>[Index];
        if constexpr (!field.required) {
            if (from.is_null() && may(coercion::drop_null) &&
                !have(types_of<Value>(), json_types::null)) {
                note(at, from, std::nullopt, coercion::drop_null);
                return true;
            }
            if constexpr (!have(types_of<Value>(), json_types::string)) {
                if (auto const* const text = text_of(from);
                    text != nullptr && text->empty() && may(coercion::drop_empty)) {
                    note(at, from, std::nullopt, coercion::drop_empty);
                    return true;
                }
            }
        }
        if constexpr (described<T>.items.empty()) {
            return read(from, to, at, depth);
        } else {
            return read(from, to, at, depth) && within_limits<T, Index>(to, at);
        }
    }

    template <class T, std::size_t Index, class Value>
    auto within_limits(Value const& value, location const& at) -> bool {
        constexpr auto const& about = fields_of<T>[Index].about;
        if constexpr (kind_of<Value> == kind::nullable) {
            return value == nullptr_of(value) || within_limits<T, Index>(*value, at);
        } else if constexpr (kind_of<Value> == kind::integer || kind_of<Value> == kind::number) {
            auto const number = static_cast<double>(value);
            if constexpr (about.minimum.has_value()) {
                if (!(number >= *about.minimum)) {
                    return outside(at, "minimum", "at least ", *about.minimum, value);
                }
            }
            if constexpr (about.maximum.has_value()) {
                if (!(number <= *about.maximum)) {
                    return outside(at, "maximum", "at most ", *about.maximum, value);
                }
            }
            if constexpr (about.exclusive_minimum.has_value()) {
                if (!(number > *about.exclusive_minimum)) {
                    return outside(at, "exclusiveMinimum", "more than ", *about.exclusive_minimum,
                                   value);
                }
            }
            if constexpr (about.exclusive_maximum.has_value()) {
                if (!(number < *about.exclusive_maximum)) {
                    return outside(at, "exclusiveMaximum", "less than ", *about.exclusive_maximum,
                                   value);
                }
            }
            return true;
        } else if constexpr (kind_of<Value> == kind::text) {
            if constexpr (about.min_length.has_value() || about.max_length.has_value()) {
                return count_within(at, "Length", length_of(value), about.min_length,
                                    about.max_length, " characters");
            }
            return true;
        } else if constexpr (kind_of<Value> == kind::list || kind_of<Value> == kind::map) {
            if constexpr (about.min_items.has_value() || about.max_items.has_value()) {
                return count_within(at, kind_of<Value> == kind::map ? "Properties" : "Items",
                                    value.size(), about.min_items, about.max_items, " items");
            }
            return true;
        } else {
            return true;
        }
    }

    static constexpr auto nullptr_of(auto const& value) noexcept {
        if constexpr (is_a<std::remove_cvref_t<decltype(value)>, std::optional>) {
            return std::nullopt;
        } else {
            return nullptr;
        }
    }

    auto outside(location const& at, std::string_view keyword, std::string_view words, double limit,
                 auto value) -> bool {
        return trying_ == 0 &&
               mismatch(at, keyword, std::string{words} + bound<Json>(limit).dump(), Json(value));
    }

    auto count_within(location const& at, std::string_view what, std::size_t count,
                      std::optional<std::size_t> least, std::optional<std::size_t> most,
                      std::string_view unit) -> bool {
        if ((!least || count >= *least) && (!most || count <= *most)) {
            return true;
        }
        auto const low = least && count < *least;
        return trying_ == 0 && fail(at, (low ? "min" : "max") + std::string{what},
                                    (low ? "expected at least " : "expected at most ") +
                                        std::to_string(low ? *least : *most) + std::string{unit} +
                                        ", found " + std::to_string(count));
    }

    reflect_options const& options_;
    coercion rules_;
    std::size_t values_left_;
    std::size_t trying_ = 0; // how many attempts, one inside of the other, are under way
    std::vector<validation_error> errors_;
    bool truncated_ = false;
    bool explaining_ = false; // why no alternative of a variant fits
    std::vector<change<Json>> changes_;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_REFLECT_READ_HPP
