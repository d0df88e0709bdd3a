// SPDX-License-Identifier: MIT
//
// A C++ struct as JSON Schema, from JSON and to JSON, without a macro and without a line of
// description:
//
//     struct trip { std::string from, to; std::optional<int> seats; };
//
//     llms::schema_of<trip>().dump();       // {"type":"object","properties":{"from":{"type": ...
//     auto const t = llms::from_json_checked<trip>(json, {.coerce = llms::coercion::all});
//     if (t) { drive(t->from, t->to); } else { ask_again(t.text()); } // names every error
//     llms::to_json(trip{"Ulm", "Bonn"});   // {"from":"Ulm","to":"Bonn"}
//
// Reflected are aggregates of up to 64 members (no base classes, no C arrays, default
// constructible, enumerations by the names of -128 to 127) of each other and of: bool, integers,
// floating numbers, std::string, optional, unique_ptr, shared_ptr (absent or null), variant
// (anyOf), vector, deque, list, set, unordered_set, array, pair, tuple, maps from std::string,
// durations (ISO 8601 text, not numbers, whose unit a model would guess), sys_time (date-time),
// year_month_day (date) and JSON. A type with its own nlohmann to_json and from_json uses them.
// `llms::described` says more. All tables are constants. Functions without state: safe in any
// thread. Reading costs about what nlohmann's `get` does and allocates only for the value, the
// problems and the changes.
#ifndef LLMS_SCHEMA_REFLECT_HPP
#define LLMS_SCHEMA_REFLECT_HPP

#include <llms/detail/reflect_location.hpp>
#include <llms/detail/reflect_read.hpp>
#include <llms/detail/reflect_schema.hpp>
#include <llms/detail/reflect_traits.hpp>
#include <llms/detail/reflect_write.hpp>
#include <llms/schema/checked.hpp>
#include <llms/schema/description.hpp>
#include <llms/schema/reflect_options.hpp>

#include <nlohmann/json.hpp>

#include <utility>

namespace llms::inline v0_1 {

/// A type that can be reflected: see the list above.
template <class T>
concept reflectable = detail::reflectable<T>;

/// The JSON Schema (2020-12) of `T`. Members stand in the order of declaration, in which a model
/// should fill them, unless `Json` is nlohmann::json, which sorts. Optional members are absent from
/// `required`; objects are closed unless unknown members are ignored.
template <reflectable T, class Json = nlohmann::ordered_json>
[[nodiscard]] auto schema_of(unknown_members unknown = unknown_members::reject) -> Json {
    return detail::schema_writer<Json>{unknown}.template document<T>();
}

/// Reads a `T`, or says all that is wrong. Nothing is cut, rounded or guessed: a number outside of
/// the range of its C++ type, a fraction for an integer, an unknown enumerator are errors. Limits
/// from `described` are checked but `pattern` and `format`, which take a `validator`.
template <reflectable T, class Json>
[[nodiscard]] auto from_json_checked(Json const& json, reflect_options const& options = {})
    -> checked<T, Json> {
    auto reader = detail::reader<Json>{options};
    auto value = T{};
    reader.read(json, value, detail::location{}, 0);
    return reader.result(std::move(value));
}

/// Writes `value`; empty optional members are left out. Inverse of `from_json_checked`.
template <class Json = nlohmann::ordered_json, reflectable T>
[[nodiscard]] auto to_json(T const& value) -> Json {
    return detail::write<Json>(value);
}

} // namespace llms::inline v0_1

#endif // LLMS_SCHEMA_REFLECT_HPP
