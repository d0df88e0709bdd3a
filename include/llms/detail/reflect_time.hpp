// SPDX-License-Identifier: MIT
//
// Dates, times and durations as text: RFC 3339 (which is what JSON Schema's `date` and `date-time`
// mean) and ISO 8601 durations of fixed length (weeks, days, hours, minutes, seconds).
#ifndef LLMS_DETAIL_REFLECT_TIME_HPP
#define LLMS_DETAIL_REFLECT_TIME_HPP

#include <llms/detail/coerce_text.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace llms::inline v0_1::detail {

/// Seconds and the nanoseconds after them, 0 to 999'999'999 also where the seconds are negative.
struct span_of_time {
    std::int64_t seconds = 0;
    std::int64_t nanoseconds = 0;
};

inline constexpr std::int64_t nanoseconds_per_second = 1'000'000'000;
inline constexpr std::int64_t seconds_per_day = 86'400;

// Reads fixed-width fields off the front of a text; once something was missing it stays failed.
class field_reader {
public:
    explicit constexpr field_reader(std::string_view text) noexcept : rest_(text) {}

    constexpr auto digits(std::size_t count) noexcept -> int {
        auto value = 0;
        for (auto at = std::size_t{0}; at < count; ++at) {
            if (at >= rest_.size() || !is_digit(rest_[at])) {
                failed_ = true;
                return 0;
            }
            value = value * 10 + (rest_[at] - '0');
        }
        rest_.remove_prefix(count);
        return value;
    }
    constexpr auto skip(std::string_view any_of) noexcept -> char {
        if (rest_.empty() || any_of.find(rest_.front()) == std::string_view::npos) {
            failed_ = true;
            return '\0';
        }
        auto const c = rest_.front();
        rest_.remove_prefix(1);
        return c;
    }
    /// The digits after a decimal point as nanoseconds; digits beyond the ninth must be zeros.
    constexpr auto fraction() noexcept -> std::int64_t {
        auto value = std::int64_t{0};
        auto scale = nanoseconds_per_second;
        auto const count = skip_digits(rest_, 0);
        failed_ = failed_ || count == 0;
        for (auto const c : rest_.substr(0, count)) {
            scale /= 10;
            failed_ = failed_ || (scale == 0 && c != '0');
            value += scale * (c - '0');
        }
        rest_.remove_prefix(count);
        return value;
    }
    [[nodiscard]] constexpr auto next_is(char c) const noexcept -> bool {
        return rest_.starts_with(c);
    }
    /// Whether all was read and nothing was missing.
    [[nodiscard]] constexpr auto done() const noexcept -> bool { return !failed_ && rest_.empty(); }
    [[nodiscard]] constexpr auto failed() const noexcept -> bool { return failed_; }

private:
    std::string_view rest_;
    bool failed_ = false;
};

constexpr auto date_in(field_reader& from) noexcept -> std::chrono::year_month_day {
    auto const year = from.digits(4);
    from.skip("-");
    auto const month = from.digits(2);
    from.skip("-");
    auto const day = from.digits(2);
    return {std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
            std::chrono::day{static_cast<unsigned>(day)}};
}

/// "2024-05-01" of a day that exists.
constexpr auto parse_date(std::string_view text) noexcept
    -> std::optional<std::chrono::year_month_day> {
    auto from = field_reader{text};
    auto const date = date_in(from);
    if (!from.done() || !date.ok()) {
        return std::nullopt;
    }
    return date;
}

/// "2024-05-01T12:00:00.5+02:00" as time since 1970 in UTC. A leap second has no place on that
/// scale and is refused.
constexpr auto parse_instant(std::string_view text) noexcept -> std::optional<span_of_time> {
    auto from = field_reader{text};
    auto const date = date_in(from);
    from.skip("Tt");
    auto const hour = from.digits(2);
    from.skip(":");
    auto const minute = from.digits(2);
    from.skip(":");
    auto const second = from.digits(2);
    auto nanoseconds = std::int64_t{0};
    if (from.next_is('.')) {
        from.skip(".");
        nanoseconds = from.fraction();
    }
    auto const zone = from.skip("Zz+-");
    auto offset = std::int64_t{0};
    if (zone == '+' || zone == '-') {
        auto const hours = from.digits(2);
        from.skip(":");
        auto const minutes = from.digits(2);
        if (hours > 23 || minutes > 59) {
            return std::nullopt;
        }
        offset = (zone == '+' ? 60 : -60) * std::int64_t{hours * 60 + minutes};
    }
    if (!from.done() || !date.ok() || hour > 23 || minute > 59 || second > 59) {
        return std::nullopt;
    }
    auto const days = std::chrono::sys_days{date}.time_since_epoch().count();
    return span_of_time{days * seconds_per_day + std::int64_t{hour} * 3600 +
                            std::int64_t{minute} * 60 + second - offset,
                        nanoseconds};
}

/// "P1DT2H", "PT0.5S", "-PT5M", "P2W". Years and months, which have no fixed length, are refused.
inline auto parse_duration(std::string_view text) noexcept -> std::optional<span_of_time> {
    auto const negative = text.starts_with('-');
    text.remove_prefix(negative ? 1 : 0);
    if (!text.starts_with('P')) {
        return std::nullopt;
    }
    text.remove_prefix(1);
    // Each unit at most once and from large to small, as `units` lists them; 'T' stands before
    // hours.
    constexpr auto units = std::string_view{"WDTHMS"};
    constexpr auto seconds_in =
        std::array<std::int64_t, 6>{7 * seconds_per_day, seconds_per_day, 0, 3600, 60, 1};
    constexpr auto limit = std::int64_t{1} << 62;
    auto total = span_of_time{};
    auto next = std::size_t{0};
    auto any = false;
    while (!text.empty()) {
        if (text.front() == 'T' && next <= 2 && text.size() > 1) {
            next = 3;
            text.remove_prefix(1);
            continue;
        }
        auto const end = skip_digits(text, 0);
        auto count = std::int64_t{0};
        if (end == 0 || std::from_chars(text.data(), text.data() + end, count).ec != std::errc{}) {
            return std::nullopt;
        }
        text.remove_prefix(end);
        if (text.starts_with('.')) {
            auto const digits = skip_digits(text, 1);
            auto fraction = field_reader{text.substr(1, digits - 1)};
            total.nanoseconds = fraction.fraction();
            text.remove_prefix(digits);
            if (!fraction.done() || text != "S") {
                return std::nullopt;
            }
        }
        auto const unit = text.empty() ? std::string_view::npos : units.find(text.front(), next);
        if (unit == std::string_view::npos || unit == 2 || (unit > 2 && next < 3) ||
            count > (limit - total.seconds) / seconds_in[unit]) {
            return std::nullopt;
        }
        total.seconds += count * seconds_in[unit];
        next = unit + 1;
        any = true;
        text.remove_prefix(1);
    }
    if (!any) {
        return std::nullopt;
    }
    if (negative) {
        total.seconds = -total.seconds - (total.nanoseconds != 0 ? 1 : 0);
        total.nanoseconds = total.nanoseconds != 0 ? nanoseconds_per_second - total.nanoseconds : 0;
    }
    return total;
}

/// `span` in units of `Duration`, or nothing if it is no whole number of them or too many.
template <class Duration>
auto to_duration(span_of_time span) noexcept -> std::optional<Duration> {
    using rep = typename Duration::rep;
    using period = typename Duration::period;
    if constexpr (std::is_floating_point_v<rep>) {
        auto const seconds =
            static_cast<rep>(span.seconds) + static_cast<rep>(span.nanoseconds) / rep{1e9};
        return Duration{seconds * static_cast<rep>(period::den) / static_cast<rep>(period::num)};
    } else if constexpr (period::den == 1) {
        auto const ticks = span.seconds / period::num;
        if (span.nanoseconds != 0 || span.seconds % period::num != 0 ||
            !std::in_range<rep>(ticks)) {
            return std::nullopt;
        }
        return Duration{static_cast<rep>(ticks)};
    } else {
        static_assert(period::num == 1 && nanoseconds_per_second % period::den == 0,
                      "a duration must count whole seconds, or a decimal part of one down to a "
                      "nanosecond");
        constexpr auto tick = nanoseconds_per_second / period::den;
        constexpr auto most = std::numeric_limits<std::int64_t>::max() / period::den - 1;
        if (span.nanoseconds % tick != 0 || span.seconds > most || span.seconds < -most) {
            return std::nullopt;
        }
        auto const ticks = span.seconds * period::den + span.nanoseconds / tick;
        if (!std::in_range<rep>(ticks)) {
            return std::nullopt;
        }
        return Duration{static_cast<rep>(ticks)};
    }
}

/// A duration as seconds and nanoseconds; one beyond 140 billion years is cut to that.
template <class Duration>
auto from_duration(Duration duration) noexcept -> span_of_time {
    using rep = typename Duration::rep;
    using period = typename Duration::period;
    if constexpr (std::is_floating_point_v<rep>) {
        using precise = std::chrono::duration<double>;
        auto const seconds = std::chrono::duration_cast<precise>(duration).count();
        auto const whole = std::floor(seconds);
        auto const rest = std::round((seconds - whole) * 1e9);
        auto const carry = rest >= 1e9;
        return {static_cast<std::int64_t>(whole) + (carry ? 1 : 0),
                carry ? 0 : static_cast<std::int64_t>(rest)};
    } else if constexpr (period::den == 1) {
        constexpr auto most = std::numeric_limits<std::int64_t>::max() / period::num / 2;
        return {std::clamp(static_cast<std::int64_t>(duration.count()), -most, most) * period::num,
                0};
    } else {
        constexpr auto tick = nanoseconds_per_second / period::den;
        auto const ticks = static_cast<std::int64_t>(duration.count());
        auto const whole = ticks / period::den - (ticks % period::den < 0 ? 1 : 0);
        return {whole, (ticks - whole * period::den) * tick};
    }
}

inline void append_padded(std::string& text, std::int64_t value, std::size_t width) {
    auto const digits = std::to_string(value);
    text.append(width > digits.size() ? width - digits.size() : 0, '0');
    text += digits;
}

inline void append_fraction(std::string& text, std::int64_t nanoseconds) {
    if (nanoseconds != 0) {
        text += '.';
        append_padded(text, nanoseconds, 9);
        text.erase(text.find_last_not_of('0') + 1);
    }
}

inline auto format_date(std::chrono::year_month_day date) -> std::string {
    auto text = std::string{};
    append_padded(text, static_cast<int>(date.year()), 4);
    text += '-';
    append_padded(text, static_cast<unsigned>(date.month()), 2);
    text += '-';
    append_padded(text, static_cast<unsigned>(date.day()), 2);
    return text;
}

inline auto format_instant(span_of_time since_1970) -> std::string {
    auto const seconds = since_1970.seconds;
    auto const days = seconds / seconds_per_day - (seconds % seconds_per_day < 0 ? 1 : 0);
    auto const rest = seconds - days * seconds_per_day;
    auto text = format_date(std::chrono::sys_days{std::chrono::days{days}});
    text += 'T';
    append_padded(text, rest / 3600, 2);
    text += ':';
    append_padded(text, rest / 60 % 60, 2);
    text += ':';
    append_padded(text, rest % 60, 2);
    append_fraction(text, since_1970.nanoseconds);
    text += 'Z';
    return text;
}

inline auto format_duration(span_of_time span) -> std::string {
    auto text = std::string{};
    if (span.seconds < 0) {
        text += '-';
        span.seconds = -span.seconds - (span.nanoseconds != 0 ? 1 : 0);
        span.nanoseconds = span.nanoseconds != 0 ? nanoseconds_per_second - span.nanoseconds : 0;
    }
    text += "PT";
    auto const hours = span.seconds / 3600;
    auto const minutes = span.seconds / 60 % 60;
    auto const seconds = span.seconds % 60;
    if (hours != 0) {
        text += std::to_string(hours) + 'H';
    }
    if (minutes != 0) {
        text += std::to_string(minutes) + 'M';
    }
    if (seconds != 0 || span.nanoseconds != 0 || text.back() == 'T') {
        text += std::to_string(seconds);
        append_fraction(text, span.nanoseconds);
        text += 'S';
    }
    return text;
}

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_REFLECT_TIME_HPP
