// SPDX-License-Identifier: MIT
//
// Figures as text, for the page and for the README.
#ifndef LLMS_BENCHMARKS_REPORT_TEXT_HPP
#define LLMS_BENCHMARKS_REPORT_TEXT_HPP

#include "figures.hpp"

#include <array>
#include <cstdio>
#include <string>
#include <string_view>

namespace report {

[[nodiscard]] inline auto escaped(std::string_view text) -> std::string {
    std::string result;
    for (char const c : text) {
        switch (c) {
        case '<':
            result += "&lt;";
            break;
        case '&':
            result += "&amp;";
            break;
        case '"':
            result += "&quot;";
            break;
        default:
            result += c;
        }
    }
    return result;
}

/// Three digits: "1.23", "12.3", "1234".
[[nodiscard]] inline auto digits(double number) -> std::string {
    std::array<char, 64> text{};
    auto const places = number < 10 ? 2 : number < 100 ? 1 : 0;
    std::snprintf(text.data(), text.size(), "%.*f", places, number);
    return text.data();
}

/// "12.3 ns", "4.50 us" for a time, "7.60 GB/s" for a rate.
[[nodiscard]] inline auto pretty(double value, measure how) -> std::string {
    auto const rate = how == measure::bytes;
    std::array<char const*, 4> const times{" ns", " us", " ms", " s"};
    std::array<char const*, 4> const rates{" B/s", " kB/s", " MB/s", " GB/s"};
    std::size_t unit = 0;
    while (value >= 1000 && unit < 3) {
        value /= 1000;
        ++unit;
    }
    return digits(value) + (rate ? rates : times).at(unit);
}

} // namespace report

#endif // LLMS_BENCHMARKS_REPORT_TEXT_HPP
