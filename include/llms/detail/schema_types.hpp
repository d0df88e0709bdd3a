// SPDX-License-Identifier: MIT
//
// The JSON types of schema and instance as bits, and what an instance is to the validator: any
// `nlohmann::basic_json` or the name of a property (`propertyNames` judges names without making a
// JSON value of them).
#ifndef LLMS_DETAIL_SCHEMA_TYPES_HPP
#define LLMS_DETAIL_SCHEMA_TYPES_HPP

#include <llms/version.hpp>

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>

namespace llms::inline v0_1::detail::schema_engine {

using json = nlohmann::json;
using value_t = nlohmann::detail::value_t;

/// One bit for each `value_t`, and one for a floating-point number without a fraction.
using type_mask = std::uint16_t;

constexpr auto bit(value_t type) noexcept -> type_mask {
    return static_cast<type_mask>(1U << static_cast<unsigned>(type));
}

constexpr std::size_t type_count = 9; // null … binary

constexpr type_mask null_bit = bit(value_t::null);
constexpr type_mask object_bit = bit(value_t::object);
constexpr type_mask array_bit = bit(value_t::array);
constexpr type_mask string_bit = bit(value_t::string);
constexpr type_mask boolean_bit = bit(value_t::boolean);
constexpr type_mask float_bit = bit(value_t::number_float);
constexpr type_mask whole_float_bit = 1U << 10U;
constexpr type_mask whole_number_bits =
    bit(value_t::number_integer) | bit(value_t::number_unsigned);
constexpr type_mask integer_bits = whole_number_bits | whole_float_bit;
constexpr type_mask number_bits = integer_bits | float_bit;
constexpr type_mask all_types =
    null_bit | object_bit | array_bit | string_bit | boolean_bit | number_bits;
constexpr type_mask no_types = 0;

/// Both sides keep all but the masks' common bits out; `&` of two masks is an `int`.
constexpr auto both(type_mask one, type_mask other) noexcept -> type_mask {
    return static_cast<type_mask>(one & other);
}

inline auto is_whole(double number) noexcept -> bool {
    return std::isfinite(number) && std::trunc(number) == number;
}

/// A property name where an instance is expected.
struct name_instance {
    std::string const& name;

    // As a json value has it. NOLINTNEXTLINE(readability-convert-member-functions-to-static)
    [[nodiscard]] auto type() const noexcept -> value_t { return value_t::string; }
};

template <class Value>
inline constexpr bool is_name = std::is_same_v<Value, name_instance>;

/// The text of a string instance.
template <class Value>
auto text_of(Value const& value) noexcept -> std::string const& {
    if constexpr (is_name<Value>) {
        return value.name;
    } else {
        return *value.template get_ptr<typename Value::string_t const*>();
    }
}

template <class Value>
auto object_of(Value const& value) noexcept -> typename Value::object_t const& {
    return *value.template get_ptr<typename Value::object_t const*>();
}

template <class Value>
auto array_of(Value const& value) noexcept -> typename Value::array_t const& {
    return *value.template get_ptr<typename Value::array_t const*>();
}

/// Where the members of an object are found by binary search, not by walking over all of them.
template <class Json>
inline constexpr bool members_are_sorted =
    !std::is_same_v<typename Json::object_t::key_compare, std::equal_to<>> &&
    !std::is_same_v<typename Json::object_t::key_compare, std::equal_to<std::string>>;

/// A mask admits a value if its type's bit is set or it is a whole float and those are admitted.
template <class Value>
auto admits(type_mask types, Value const& value) noexcept -> bool {
    auto const type = value.type();
    if ((types & bit(type)) != 0) {
        return true;
    }
    if constexpr (is_name<Value>) {
        return false;
    } else {
        return type == value_t::number_float && (types & whole_float_bit) != 0 &&
               is_whole(*value.template get_ptr<typename Value::number_float_t const*>());
    }
}

} // namespace llms::inline v0_1::detail::schema_engine

#endif // LLMS_DETAIL_SCHEMA_TYPES_HPP
