// SPDX-License-Identifier: MIT
//
// The liberties that may be taken with a value that does not fit what is expected of it. Each is a
// rule that loses nothing and has one reading; whatever is not in the table stays an error.
//
// | rule            | from                        | to                     | never                             |
// |-----------------|-----------------------------|------------------------|-----------------------------------|
// | text_to_number  | "3", "2.5", "-1e3", "3.0"   | the number             | "3.14" to integer, "1,234", "007" |
// | text_to_boolean | "true", "False", any case   | true, false            | "yes", "1", 1                     |
// | text_to_array   | "[1, 2]"                    | the array              | "1, 2"                            |
// | text_to_object  | "{\"a\": 1}"                | the object             |                                   |
// | text_to_null    | "null" in any case          | null                   | "none", ""                        |
// | wrap_in_array   | 5 where [5] is due          | [5]                    | null to [null]                    |
// | drop_null       | null for an optional member | no member              | a required member                 |
// | drop_empty      | "" for an optional member   | no member              | a string member                   |
// | enum_case       | "Celsius"                   | "celsius"              | where two match                   |
// | date_form       | "2024/5/1", "May 1, 2024"   | "2024-05-01"           | "5/1/2024": which is the month?   |
// |                 | "2024-05-01 12:00Z"         | "2024-05-01T12:00:00Z" |                                   |
#ifndef LLMS_SCHEMA_COERCION_HPP
#define LLMS_SCHEMA_COERCION_HPP

#include <cstdint>
#include <string_view>

namespace llms::inline v0_1 {

/// A set of coercion rules, joined with `|`; the header's table says what each does.
enum class coercion : std::uint16_t {
    none = 0,
    text_to_number = 1 << 0,
    text_to_boolean = 1 << 1,
    text_to_array = 1 << 2,
    text_to_object = 1 << 3,
    text_to_null = 1 << 4,
    wrap_in_array = 1 << 5,
    drop_null = 1 << 6,
    drop_empty = 1 << 7,
    enum_case = 1 << 8,
    date_form = 1 << 9,
    all = (1 << 10) - 1,
};

constexpr auto operator|(coercion a, coercion b) noexcept -> coercion {
    return static_cast<coercion>(static_cast<std::uint16_t>(a) | static_cast<std::uint16_t>(b));
}

constexpr auto operator&(coercion a, coercion b) noexcept -> coercion {
    return static_cast<coercion>(static_cast<std::uint16_t>(a) & static_cast<std::uint16_t>(b));
}

/// `coercion::all & ~coercion::enum_case` is every rule but one.
constexpr auto operator~(coercion a) noexcept -> coercion {
    return static_cast<coercion>(~static_cast<std::uint16_t>(a)) & coercion::all;
}

/// The name of one rule, as in the table.
constexpr auto to_string(coercion rule) noexcept -> std::string_view {
    switch (rule) {
    case coercion::text_to_number:
        return "text_to_number";
    case coercion::text_to_boolean:
        return "text_to_boolean";
    case coercion::text_to_array:
        return "text_to_array";
    case coercion::text_to_object:
        return "text_to_object";
    case coercion::text_to_null:
        return "text_to_null";
    case coercion::wrap_in_array:
        return "wrap_in_array";
    case coercion::drop_null:
        return "drop_null";
    case coercion::drop_empty:
        return "drop_empty";
    case coercion::enum_case:
        return "enum_case";
    case coercion::date_form:
        return "date_form";
    case coercion::none:
    case coercion::all:
        break;
    }
    return "coercion";
}

} // namespace llms::inline v0_1

#endif // LLMS_SCHEMA_COERCION_HPP
