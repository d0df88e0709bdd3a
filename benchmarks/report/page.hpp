// SPDX-License-Identifier: MIT
//
// The pieces of the self-contained HTML page: tables of ratios, charts of scaling, all in SVG.
#ifndef LLMS_BENCHMARKS_REPORT_PAGE_HPP
#define LLMS_BENCHMARKS_REPORT_PAGE_HPP

#include "figures.hpp"
#include "text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace report {

/// How llms compares with what stands beside it: how many times as fast, over the repetitions.
struct ratio {
    double middle = 1;
    double low = 1;
    double high = 1;

    /// Repetitions are paired in their order: those of one moment had one machine.
    [[nodiscard]] static auto of(figure const& ours, figure const& theirs, measure how) -> ratio {
        figure each;
        auto const count = std::min(ours.values.size(), theirs.values.size());
        for (std::size_t i = 0; i < count; ++i) {
            each.values.push_back(how == measure::bytes ? ours.values[i] / theirs.values[i]
                                                        : theirs.values[i] / ours.values[i]);
        }
        return {each.median(), each.lowest(), each.highest()};
    }
};

/// A bar around 1 on a logarithmic axis from 1/64 to 64, with the range of the repetitions as a line.
[[nodiscard]] inline auto ratio_bar(ratio const& r) -> std::string {
    auto const x = [](double value) {
        return static_cast<int>(160 + 25 * std::log2(std::clamp(value, 1.0 / 64, 64.0)));
    };
    auto const from = std::min(x(1), x(r.middle));
    auto const width = std::max(1, std::abs(x(r.middle) - x(1)));
    return "<svg width='320' height='16'><rect x='" + std::to_string(from) + "' y='2' width='" +
           std::to_string(width) + "' height='12' rx='2' fill='" +
           (r.middle < 1 ? "#d1495b" : "#2f6fde") + "'/><path d='M" + std::to_string(x(r.low)) +
           " 8H" + std::to_string(x(r.high)) + "' stroke='#1c2330'/><path d='M160 0V16' " +
           "stroke='#8a93a3'/></svg>";
}

/// One line of a scaling chart.
struct series {
    std::string label;
    std::vector<std::pair<double, double>> points; // size, ns
};

/// Lines of time over size, both axes logarithmic.
[[nodiscard]] inline auto scaling_chart(std::vector<series> const& lines, std::string const& axis)
    -> std::string {
    static constexpr std::array<char const*, 6> colours{"#2f6fde", "#b0b8c4", "#d1495b",
                                                        "#3a9a68", "#c98a1b", "#7a5cc9"};
    double left = INFINITY;
    double right = 0;
    double low = INFINITY;
    double high = 0;
    for (auto const& line : lines) {
        for (auto const& [size, time] : line.points) {
            left = std::min(left, size);
            right = std::max(right, size);
            low = std::min(low, time);
            high = std::max(high, time);
        }
    }
    // Whole decades up and down, so that flat looks flat.
    low = std::pow(10, std::floor(std::log10(low)));
    high = std::pow(10, std::ceil(std::log10(high * 1.001)));
    auto const x = [&](double size) {
        auto const all = std::max(std::log(right / left), 0.01);
        return static_cast<int>(70 + 400 * std::log(size / left) / all);
    };
    auto const y = [&](double time) {
        return static_cast<int>(210 - 190 * std::log(time / low) / std::log(high / low));
    };
    std::string svg = "<svg width='760' height='250' font-size='12'>";
    for (auto decade = low; decade <= high * 1.001; decade *= 10) {
        auto const at = std::to_string(y(decade));
        svg += "<path d='M70 " + at + "H470' stroke='#e3e6eb'/><text x='64' y='" + at +
               "' text-anchor='end' dominant-baseline='middle'>" +
               pretty(decade, measure::iteration) + "</text>";
    }
    for (std::size_t i = 0; i < lines.size(); ++i) {
        auto const* const colour = colours.at(i % colours.size());
        std::string path;
        for (auto const& [size, time] : lines[i].points) {
            path += (path.empty() ? "M" : "L") + std::to_string(x(size)) + " " +
                    std::to_string(y(time));
            svg += "<circle cx='" + std::to_string(x(size)) + "' cy='" + std::to_string(y(time)) +
                   "' r='3' fill='" + colour + "'/>";
        }
        svg += "<path fill='none' stroke-width='2' stroke='" + std::string(colour) + "' d='" +
               path + "'/><text x='480' y='" + std::to_string(30 + 18 * static_cast<int>(i)) +
               "' fill='" + colour + "'>" + escaped(lines[i].label) + "</text>";
    }
    for (auto const& [size, time] : lines.front().points) {
        svg += "<text x='" + std::to_string(x(size)) + "' y='228' text-anchor='middle'>" +
               digits(size).substr(0, digits(size).find('.')) + "</text>";
    }
    return svg + "<text x='270' y='245' text-anchor='middle'>" + escaped(axis) + "</text></svg>";
}

} // namespace report

#endif // LLMS_BENCHMARKS_REPORT_PAGE_HPP
