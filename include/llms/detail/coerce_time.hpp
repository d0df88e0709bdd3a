// SPDX-License-Identifier: MIT
//
// Other ways to write a date that have one reading. None that begins with a day or month in digits:
// 5/1/2024 is two different days.
#ifndef LLMS_DETAIL_COERCE_TIME_HPP
#define LLMS_DETAIL_COERCE_TIME_HPP

#include <llms/detail/coerce_text.hpp>
#include <llms/detail/reflect_time.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace llms::inline v0_1::detail {

inline auto padded(std::string_view digits) -> std::string {
    return digits.size() == 1 ? "0" + std::string{digits} : std::string{digits};
}

// The number of the month whose English name, or its first three letters, `word` is; "" if none.
inline auto month_named(std::string_view word) -> std::string_view {
    constexpr auto names = std::array<std::string_view, 12>{
        "january", "february", "march",     "april",   "may",      "june",
        "july",    "august",   "september", "october", "november", "december"};
    constexpr auto numbers = std::string_view{"010203040506070809101112"};
    for (auto month = std::size_t{0}; month < names.size(); ++month) {
        if (same_letters(word, names[month]) || same_letters(word, names[month].substr(0, 3))) {
            return numbers.substr(2 * month, 2);
        }
    }
    return {};
}

/// "2024/5/1", "2024.05.01", "20240501", "May 1, 2024", "1 May 2024" and midnight of a day in UTC
/// as "2024-05-01"; empty if `text` is none of them or no day.
inline auto date_form_of(std::string_view text) -> std::string {
    text = trimmed(text);
    auto parts = std::array<std::string_view, 3>{};
    auto separators = std::string_view{};
    auto count = std::size_t{0};
    if (text.size() > 11 && lower(text[10]) == 't') {
        auto const instant = parse_instant(text);
        auto const midnight = instant && instant->nanoseconds == 0 &&
                              instant->seconds % seconds_per_day == 0 && lower(text.back()) == 'z';
        return midnight ? std::string{text.substr(0, 10)} : std::string{};
    }
    if (text.size() == 8 && skip_digits(text, 0) == 8) {
        parts = {text.substr(0, 4), text.substr(4, 2), text.substr(6, 2)};
        count = 3;
    }
    for (auto at = std::size_t{0}; count < 3 && at < text.size();) {
        auto end = at;
        while (end < text.size() && (is_digit(text[end]) || lower(text[end]) != text[end] ||
                                     (text[end] >= 'a' && text[end] <= 'z'))) {
            ++end;
        }
        parts[count++] = text.substr(at, end - at);
        at = end;
        while (at < text.size() &&
               std::string_view{" ,/.-"}.find(text[at]) != std::string_view::npos) {
            ++at;
        }
        if (count == 1) {
            separators = text.substr(end, at - end);
        } else if (count == 2 && is_digit(parts[0].empty() ? ' ' : parts[0][0]) &&
                   is_digit(parts[1].empty() ? ' ' : parts[1][0]) &&
                   text.substr(end, at - end) != separators) {
            return {};
        }
        if (count == 3 && (at != text.size() || end != at)) {
            return {};
        }
    }
    auto const number = [](std::string_view part, std::size_t least, std::size_t most) {
        return part.size() >= least && part.size() <= most && skip_digits(part, 0) == part.size();
    };
    auto form = std::string{};
    if (count != 3) {
        return form;
    }
    if (number(parts[0], 4, 4) && number(parts[1], 1, 2) && number(parts[2], 1, 2)) {
        auto const one_separator =
            separators.empty() || separators == "/" || separators == "-" || separators == ".";
        if (one_separator) {
            form = std::string{parts[0]} + '-' + padded(parts[1]) + '-' + padded(parts[2]);
        }
    } else if (number(parts[2], 4, 4)) {
        auto const day_first = number(parts[0], 1, 2);
        auto const month = month_named(parts[day_first ? 1 : 0]);
        auto const day = parts[day_first ? 0 : 1];
        if (!month.empty() && number(day, 1, 2)) {
            form = std::string{parts[2]} + '-' + std::string{month} + '-' + padded(day);
        }
    }
    return parse_date(form) ? form : std::string{};
}

/// A date-time with a space for the T, without seconds, or with an offset without a colon, in the
/// form of RFC 3339; empty if `text` is no such thing. One without an offset says no instant.
inline auto date_time_form_of(std::string_view text) -> std::string {
    auto form = std::string{trimmed(text)};
    if (form.size() > 10 && (form[10] == ' ' || form[10] == 't')) {
        form[10] = 'T';
        if (form.size() > 11 && form[11] == ' ') {
            return {};
        }
    }
    if (form.size() < 17) {
        return {};
    }
    // The zone begins at a sign or Z after the minutes.
    auto zone = form.find_first_of("Zz+-", 16);
    if (zone == std::string::npos) {
        return {};
    }
    if (form[zone] == 'z') {
        form[zone] = 'Z';
    } else if (form[zone] != 'Z') {
        auto const digits = skip_digits(form, zone + 1) - zone - 1;
        if (digits == 4 && zone + 5 == form.size()) {
            form.insert(zone + 3, ":");
        } else if (digits == 2 && zone + 3 == form.size()) {
            form += ":00";
        }
    }
    if (form[zone - 1] == ' ') {
        form.erase(--zone, 1);
    }
    if (zone == 16) {
        form.insert(zone, ":00");
    }
    return parse_instant(form) ? form : std::string{};
}

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_COERCE_TIME_HPP
