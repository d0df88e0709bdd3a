// SPDX-License-Identifier: MIT
//
// Numbers as JSON Schema sees them: one set of numbers, however they are stored. Comparison is
// exact across int64, uint64 and double, and `multipleOf` works on the decimal digits that the
// number was written with, not on a quotient of doubles (0.0075 is a multiple of 0.0001).
#ifndef LLMS_DETAIL_SCHEMA_NUMBER_HPP
#define LLMS_DETAIL_SCHEMA_NUMBER_HPP

#include <llms/detail/schema_types.hpp>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>

namespace llms::inline v0_1::detail::schema_engine {

template <class Whole>
auto compare_whole(double one, Whole other) noexcept -> int {
    // 2^64 and 2^63 are exact doubles, the largest Whole is not.
    constexpr auto end = std::is_signed_v<Whole> ? 0x1p63 : 0x1p64;
    constexpr auto begin = std::is_signed_v<Whole> ? -0x1p63 : 0.0;
    if (!(one < end)) {
        return 1; // NaN is above all: no bound admits it by accident of order
    }
    if (one < begin) {
        return -1;
    }
    auto const whole = std::trunc(one);
    auto const exact = static_cast<Whole>(whole);
    if (exact != other) {
        return exact < other ? -1 : 1;
    }
    return one == whole ? 0 : (one < whole ? -1 : 1);
}

constexpr auto sign(bool below, bool above) noexcept -> int {
    return below ? -1 : (above ? 1 : 0);
}

/// < 0, 0, > 0 as the number `one` is below, equal to or above the number `other`.
template <class One, class Other>
auto compare_numbers(One const& one, Other const& other) noexcept -> int {
    if (one.type() == value_t::number_float) {
        auto const left = *one.template get_ptr<typename One::number_float_t const*>();
        switch (other.type()) {
        case value_t::number_float: {
            auto const right = *other.template get_ptr<typename Other::number_float_t const*>();
            return sign(left<right, left> right);
        }
        case value_t::number_unsigned:
            return compare_whole(
                left, *other.template get_ptr<typename Other::number_unsigned_t const*>());
        default:
            return compare_whole(
                left, *other.template get_ptr<typename Other::number_integer_t const*>());
        }
    }
    if (other.type() == value_t::number_float) {
        return -compare_numbers(other, one);
    }
    // nlohmann::json keeps a non-negative int64 readable through the unsigned member and back.
    auto const left = *one.template get_ptr<typename One::number_integer_t const*>();
    auto const right = *other.template get_ptr<typename Other::number_integer_t const*>();
    auto const left_negative = one.type() == value_t::number_integer && left < 0;
    auto const right_negative = other.type() == value_t::number_integer && right < 0;
    if (left_negative != right_negative) {
        return left_negative ? -1 : 1;
    }
    auto const left_bits = static_cast<std::uint64_t>(left);
    auto const right_bits = static_cast<std::uint64_t>(right);
    return sign(left_bits<right_bits, left_bits> right_bits);
}

/// A number as digits × 10^exponent; the digits of the shortest text that reads back the same.
struct decimal {
    std::uint64_t digits = 0;
    int exponent = 0;

    static auto of(double number) noexcept -> decimal {
        std::array<char, 40> text{};
        auto* const end =
            std::to_chars(text.begin(), text.end(), std::abs(number), std::chars_format::scientific)
                .ptr;
        auto result = decimal{};
        auto fraction = false;
        auto const* at = text.data();
        for (; at != end && *at != 'e'; ++at) {
            if (*at == '.') {
                fraction = true;
                continue;
            }
            result.digits = result.digits * 10 + static_cast<std::uint64_t>(*at - '0');
            result.exponent -= fraction ? 1 : 0;
        }
        if (at != end) {
            auto power = 0;
            ++at;
            auto const negative = *at == '-';
            std::from_chars(at + 1, end, power);
            result.exponent += negative ? -power : power;
        }
        return result;
    }

    template <class Number>
    static auto of_json(Number const& number) noexcept -> decimal {
        if (number.type() == value_t::number_float) {
            return of(*number.template get_ptr<typename Number::number_float_t const*>());
        }
        auto const value = *number.template get_ptr<typename Number::number_integer_t const*>();
        auto const bits = static_cast<std::uint64_t>(value);
        auto const negative = number.type() == value_t::number_integer && value < 0;
        return {negative ? 0 - bits : bits, 0};
    }

    /// Whether this is a multiple of `divisor`, whose digits are not zero.
    [[nodiscard]] auto multiple_of(decimal divisor) const noexcept -> bool {
        if (digits == 0) {
            return true;
        }
        auto const shift = exponent - divisor.exponent;
        if (shift >= 0) {
            auto rest = digits % divisor.digits;
            for (auto i = 0; i < shift && rest != 0; ++i) {
                rest = times_ten(rest, divisor.digits);
            }
            return rest == 0;
        }
        // digits must be divisible by divisor.digits * 10^-shift.
        auto factor = divisor.digits;
        for (auto i = 0; i < -shift; ++i) {
            if (factor > std::numeric_limits<std::uint64_t>::max() / 10) {
                return false;
            }
            factor *= 10;
        }
        return digits % factor == 0;
    }

private:
    // value * 10 mod modulus for value < modulus, without overflow.
    static auto times_ten(std::uint64_t value, std::uint64_t modulus) noexcept -> std::uint64_t {
        auto const twice = [modulus](std::uint64_t one) {
            return one >= modulus - one ? one - (modulus - one) : one + one;
        };
        auto const two = twice(value);
        auto const eight = twice(twice(two));
        return eight >= modulus - two ? eight - (modulus - two) : eight + two;
    }
};

} // namespace llms::inline v0_1::detail::schema_engine

#endif // LLMS_DETAIL_SCHEMA_NUMBER_HPP
