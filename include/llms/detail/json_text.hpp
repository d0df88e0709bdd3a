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

/// Not 0 if one of the eight bytes does not stand for itself: a control character, a quote, a
/// backslash, or what is not ASCII.
inline auto json_special(std::uint64_t word) noexcept -> std::uint64_t {
    constexpr std::uint64_t ones = 0x0101010101010101U;
    // Subtracting sets the top bit of a byte that is too small. It also borrows from the next byte,
    // whose flag may then be false, but never that of a byte before the first true one.
    auto const too_small =
        (word - ones * 0x20U) | ((word ^ ones * '"') - ones) | ((word ^ ones * '\\') - ones);
    return (too_small | word) & (ones << 7U);
}

/// Copies the first `size` (0 to 8) bytes at `from` up to the first special one, and returns how
/// many they are. Eight bytes at `to` may be written.
inline auto json_copy_plain(char const* from, std::size_t size, char* to) noexcept -> std::size_t {
    if constexpr (std::endian::native == std::endian::little) {
        auto const load = [from](auto part, std::size_t at) {
            std::memcpy(&part, from + at, sizeof part);
            return std::uint64_t{part} << (8 * at);
        };
        std::uint64_t word = 0;
        if (size >= 8) {
            word = load(std::uint64_t{}, 0);
        } else if (size >= 4) { // two halves that overlap in equal bytes
            word = load(std::uint32_t{}, 0) | load(std::uint32_t{}, size - 4);
        } else if (size > 0) {
            using byte = unsigned char;
            word = load(byte{}, 0) | load(byte{}, size / 2) | load(byte{}, size - 1);
        }
        std::memcpy(to, &word, sizeof word);
        auto const plain = static_cast<std::size_t>(std::countr_zero(json_special(word))) / 8;
        return plain < size ? plain : size; // the bytes beyond are zeros, and special
    } else {
        std::size_t plain = 0;
        for (; plain < size; ++plain) {
            auto const c = static_cast<unsigned char>(from[plain]);
            if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\') {
                break;
            }
            to[plain] = from[plain];
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

/// Enough for any number's text.
inline constexpr std::size_t json_number_size = 40;

/// Prints a finite number as ECMAScript's Number::toString(10) does: the shortest digits that read
/// back as the same double, without an exponent from 1e-6 up to 1e21. Returns the end.
/// Source: ECMA-262, "Number::toString"; RFC 8785, section 3.2.2.3.
inline auto json_print_double(char* to, double number) noexcept -> char* {
    if (number == 0) {
        *to = '0'; // -0 too
        return to + 1;
    }
    char scientific[json_number_size]; // [-]d[.d…]e(+|-)dd
    auto const* end = std::to_chars(std::begin(scientific), std::end(scientific), number,
                                    std::chars_format::scientific)
                          .ptr;
    auto const* from = std::begin(scientific);
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
        to = std::to_chars(to, to + 4, exponent < 0 ? -exponent : exponent).ptr;
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
    return to;
}

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_JSON_TEXT_HPP
