// SPDX-License-Identifier: MIT
//
// What a text says when it is read as another kind of JSON value: one reading or none.
#ifndef LLMS_DETAIL_COERCE_TEXT_HPP
#define LLMS_DETAIL_COERCE_TEXT_HPP

#include <llms/detail/json_depth.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

namespace llms::inline v0_1::detail {

constexpr auto is_space(char c) noexcept -> bool {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

constexpr auto is_digit(char c) noexcept -> bool {
    return c >= '0' && c <= '9';
}

constexpr auto lower(char c) noexcept -> char {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

constexpr auto trimmed(std::string_view text) noexcept -> std::string_view {
    while (!text.empty() && is_space(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && is_space(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

/// Whether both are the same but for the case of ASCII letters.
constexpr auto same_letters(std::string_view a, std::string_view b) noexcept -> bool {
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                              [](char x, char y) { return lower(x) == lower(y); });
}

constexpr auto boolean_in(std::string_view text) noexcept -> std::optional<bool> {
    text = trimmed(text);
    if (same_letters(text, "true")) {
        return true;
    }
    if (same_letters(text, "false")) {
        return false;
    }
    return std::nullopt;
}

constexpr auto skip_digits(std::string_view text, std::size_t at) noexcept -> std::size_t {
    while (at < text.size() && is_digit(text[at])) {
        ++at;
    }
    return at;
}

enum class number_form : std::uint8_t { none, whole, fractional };

// Which number of the JSON grammar `text` is: no sign but '-', no leading zeros, no bare point.
constexpr auto form_of_number(std::string_view text) noexcept -> number_form {
    auto at = std::size_t{text.starts_with('-') ? 1U : 0U};
    auto end = skip_digits(text, at);
    if (end == at || (text[at] == '0' && end > at + 1)) {
        return number_form::none;
    }
    auto form = number_form::whole;
    if (end < text.size() && text[end] == '.') {
        form = number_form::fractional;
        at = end + 1;
        end = skip_digits(text, at);
        if (end == at) {
            return number_form::none;
        }
    }
    if (end < text.size() && lower(text[end]) == 'e') {
        form = number_form::fractional;
        at = end + 1;
        at += at < text.size() && (text[at] == '-' || text[at] == '+') ? 1 : 0;
        end = skip_digits(text, at);
        if (end == at) {
            return number_form::none;
        }
    }
    return end == text.size() ? form : number_form::none;
}

/// Whether a floating number is a whole one that no rounding can have made.
inline auto is_exact_integer(double value) noexcept -> bool {
    return std::fabs(value) < 9007199254740992.0 && std::trunc(value) == value; // 2^53
}

/// The JSON number that `text` spells, discarded if it spells none. What is too large for an
/// integer becomes a floating number, as it would in JSON; what is too large for that is none.
template <class Json>
auto number_in(std::string_view text) -> Json {
    auto none = Json(Json::value_t::discarded);
    text = trimmed(text);
    auto const form = form_of_number(text);
    if (form == number_form::none) {
        return none;
    }
    auto const* const end = text.data() + text.size();
    if (form == number_form::whole) {
        if (auto value = std::uint64_t{0};
            std::from_chars(text.data(), end, value).ec == std::errc{}) {
            return value;
        }
        if (auto value = std::int64_t{0};
            std::from_chars(text.data(), end, value).ec == std::errc{}) {
            return value;
        }
    }
    auto value = 0.0;
    if (std::from_chars(text.data(), end, value).ec != std::errc{}) {
        return none;
    }
    return value;
}

/// The JSON integer that `text` spells exactly, discarded if it spells none: "3", "3.0", "1e3".
template <class Json>
auto integer_in(std::string_view text) -> Json {
    auto value = number_in<Json>(text);
    if (value.is_number_float()) {
        auto const number = *value.template get_ptr<double const*>();
        return is_exact_integer(number) ? Json(static_cast<std::int64_t>(number))
                                        : Json(Json::value_t::discarded);
    }
    return value;
}

/// The array (`open` is '[') or object ('{') that `text` is as JSON, else discarded.
template <class Json>
auto container_in(std::string_view text, char open, std::size_t max_depth) -> Json {
    text = trimmed(text);
    if (!text.starts_with(open) || json_deeper_than(text, max_depth)) {
        return Json(Json::value_t::discarded);
    }
    return Json::parse(text.begin(), text.end(), nullptr, false);
}

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_COERCE_TEXT_HPP
