// SPDX-License-Identifier: MIT
//
// The bytes of canonical JSON: strings escaped the one way RFC 8785 allows, UTF-8 checked on the
// way, and numbers as ECMAScript prints them.
#ifndef LLMS_DETAIL_JSON_TEXT_HPP
#define LLMS_DETAIL_JSON_TEXT_HPP

#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <string_view>

namespace llms::inline v0_1::detail {

/// The first `size` (1 to 8) bytes at `from`, in the order of memory, and spaces up to eight.
inline auto json_load(char const* from, std::size_t size) noexcept -> std::uint64_t {
    std::uint64_t word = 0x2020202020202020U;
    if (size >= 8) {
        std::memcpy(&word, from, 8);
        return word;
    }
    auto* const to = reinterpret_cast<char*>(&word); // NOLINT(*-reinterpret-cast)
    if (size >= 4) {                                 // two halves that overlap
        std::memcpy(to, from, 4);
        std::memcpy(to + size - 4, from + size - 4, 4);
    } else {
        to[0] = from[0];
        to[size / 2] = from[size / 2];
        to[size - 1] = from[size - 1];
    }
    return word;
}

/// Not 0 if one of the eight bytes does not stand for itself: a control character, a quote, a
/// backslash, or what is not ASCII.
inline auto json_special(std::uint64_t word) noexcept -> std::uint64_t {
    constexpr std::uint64_t ones = 0x0101010101010101U;
    // Subtracting sets the top bit of a byte that is too small. It also borrows from the next byte,
    // whose flag may then be false, but never that of a byte before the first true one.
    auto const too_small = (word - ones * 0x20U) | ((word ^ ones * '"') - ones) |
                           ((word ^ ones * '\\') - ones);
    return (too_small | word) & (ones << 7U);
}

/// Returns how many of the eight bytes come before the first special one, given what
/// `json_special` says of them.
inline auto json_count_plain(std::uint64_t word, std::uint64_t special) noexcept -> std::size_t {
    if constexpr (std::endian::native == std::endian::little) {
        return static_cast<std::size_t>(std::countr_zero(special)) / 8;
    } else {
        auto const* const bytes = reinterpret_cast<unsigned char const*>(&word); // NOLINT
        std::size_t plain = special == 0 ? 8 : 0;
        while (plain < 8 && bytes[plain] >= 0x20 && bytes[plain] < 0x80 && bytes[plain] != '"' &&
               bytes[plain] != '\\') {
            ++plain;
        }
        return plain;
    }
}

/// Returns the end of the well-formed UTF-8 sequence of two to four bytes at `at`, or nullptr.
/// Source: The Unicode Standard, table 3-7, "Well-Formed UTF-8 Byte Sequences".
inline auto json_skip_utf8(char const* at, char const* end) noexcept -> char const* {
    auto const byte = [at](int i) {
        return static_cast<unsigned char>(at[i]);
    };
    auto const lead = byte(0);
    int const size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || end - at < size) {
        return nullptr;
    }
    auto const least = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    auto const most = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (byte(1) < least || byte(1) > most) {
        return nullptr;
    }
    for (int i = 2; i < size; ++i) {
        if ((byte(i) & 0xC0U) != 0x80) {
            return nullptr;
        }
    }
    return at + size;
}

/// Compares as UTF-16 code units would: in well-formed UTF-8 the bytes order likewise, but for the
/// characters beyond U+FFFF, whose surrogates sort before U+E000 and after U+D7FF.
inline auto json_utf16_less(std::string_view one, std::string_view other) noexcept -> bool {
    auto const shared = one.size() < other.size() ? one.size() : other.size();
    for (std::size_t i = 0; i < shared; ++i) {
        auto const rank = [i](std::string_view text) -> unsigned {
            auto const byte = static_cast<unsigned char>(text[i]);
            return byte >= 0xF0 ? byte - 2U : byte >= 0xEE ? byte + 0x10U : byte;
        };
        if (one[i] != other[i]) {
            return rank(one) < rank(other);
        }
    }
    return one.size() < other.size();
}

/// Room for any number in text.
using json_number_buffer = char[40];

/// The decimal digits of an integer.
template <class Integer>
auto json_integer_text(json_number_buffer& buffer, Integer number) noexcept -> std::string_view {
    auto const end = std::to_chars(std::begin(buffer), std::end(buffer), number).ptr;
    return {std::begin(buffer), static_cast<std::size_t>(end - std::begin(buffer))};
}

/// A finite number as ECMAScript's Number::toString(10): the shortest digits that read back as the
/// same double, without an exponent from 1e-6 up to 1e21.
/// Source: ECMA-262, "Number::toString"; RFC 8785, section 3.2.2.3.
inline auto json_double_text(json_number_buffer& buffer, double number) noexcept
    -> std::string_view {
    if (number == 0) {
        return "0"; // -0 too
    }
    json_number_buffer scientific; // [-]d[.d…]e(+|-)dd
    auto const* end = std::to_chars(std::begin(scientific), std::end(scientific), number,
                                    std::chars_format::scientific)
                          .ptr;
    auto const* from = std::begin(scientific);
    char* to = std::begin(buffer);
    if (*from == '-') {
        *to++ = *from++;
    }
    char digits[20];
    int count = 0;
    for (; *from != 'e'; ++from) {
        if (*from != '.') {
            digits[count++] = *from;
        }
    }
    int exponent = 0; // from_chars knows no '+'
    std::from_chars(from[1] == '+' ? from + 2 : from + 1, end, exponent);
    auto const put = [&to](char const* text, int size) {
        std::memcpy(to, text, static_cast<std::size_t>(size));
        to += size;
    };
    auto const zeros = [&to](int size) {
        std::memset(to, '0', static_cast<std::size_t>(size));
        to += size;
    };
    int const point = exponent + 1; // the number is 0.digits × 10^point
    if (point > 21 || point <= -6) {
        put(digits, 1);
        if (count > 1) {
            put(".", 1);
            put(digits + 1, count - 1);
        }
        put(exponent < 0 ? "e-" : "e+", 2);
        to = std::to_chars(to, std::end(buffer), exponent < 0 ? -exponent : exponent).ptr;
    } else if (point <= 0) {
        put("0.", 2);
        zeros(-point);
        put(digits, count);
    } else if (point < count) {
        put(digits, point);
        put(".", 1);
        put(digits + point, count - point);
    } else {
        put(digits, count);
        zeros(point - count);
    }
    return {std::begin(buffer), static_cast<std::size_t>(to - std::begin(buffer))};
}

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_JSON_TEXT_HPP
