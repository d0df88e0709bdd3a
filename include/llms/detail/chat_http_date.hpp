// SPDX-License-Identifier: MIT
//
// The date of an HTTP header in its one current form: "Sun, 06 Nov 1994 08:49:37 GMT".
// Source: RFC 9110, 5.6.7 (IMF-fixdate).
#ifndef LLMS_DETAIL_CHAT_HTTP_DATE_HPP
#define LLMS_DETAIL_CHAT_HTTP_DATE_HPP

#include <charconv>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>

namespace llms::inline v0_1::detail {

[[nodiscard]] inline auto http_date(std::string_view text) noexcept
    -> std::optional<std::chrono::sys_seconds> {
    constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    if (text.size() != 29 || text.substr(25) != " GMT" || text[3] != ',') {
        return std::nullopt;
    }
    bool good = true;
    auto const number = [&](std::size_t at, std::size_t digits) {
        unsigned value = 0;
        auto const* const end = text.data() + at + digits;
        auto const [stop, problem] = std::from_chars(text.data() + at, end, value);
        good = good && problem == std::errc{} && stop == end;
        return value;
    };
    auto const month = months.find(text.substr(8, 3));
    auto const day = number(5, 2);
    auto const year = number(12, 4);
    auto const hour = number(17, 2);
    auto const minute = number(20, 2);
    auto const second = number(23, 2);
    using namespace std::chrono;
    year_month_day const date{std::chrono::year(static_cast<int>(year)),
                              std::chrono::month(static_cast<unsigned>(month / 3 + 1)),
                              std::chrono::day(day)};
    if (!good || month % 3 != 0 || !date.ok() || hour > 23 || minute > 59 || second > 60) {
        return std::nullopt;
    }
    return sys_days(date) + hours(hour) + minutes(minute) + seconds(second);
}

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CHAT_HTTP_DATE_HPP
