// SPDX-License-Identifier: MIT
//
// Writes metrics as a table for people: a line for each series that has something to say.
//
//     std::cout << llms::metrics_table(registry.snapshot());
//     // metric                           labels                  count     mean      p50      p95
//     max
//     // gen_ai.client.operation.duration chat openai gpt-4o         12   212 ms   180 ms   410 ms
//     498 ms
//     // llms.cache.hits                  responses                   9
#ifndef LLMS_METRICS_TABLE_HPP
#define LLMS_METRICS_TABLE_HPP

#include <llms/detail/metrics_text.hpp>
#include <llms/metrics/snapshot.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace llms::inline v0_1 {

namespace detail {

/// Three digits that matter and a unit of fitting size: "1.30 s", "212 ms", "4.10 kB", "16777216".
inline auto readable(double value, std::string_view unit) -> std::string {
    struct scale {
        double size;
        std::string_view name;
    };
    constexpr std::array<scale, 4> seconds{
        {{1, " s"}, {1e-3, " ms"}, {1e-6, " us"}, {1e-9, " ns"}}};
    constexpr std::array<scale, 4> bytes{{{1e9, " GB"}, {1e6, " MB"}, {1e3, " kB"}, {1, " B"}}};
    scale chosen{1, ""};
    if (unit == "s" || unit == "By") {
        auto const& scales = unit == "s" ? seconds : bytes;
        auto const* fitting = std::find_if(scales.begin(), scales.end() - 1, [&](scale const& at) {
            return std::abs(value) >= at.size;
        });
        chosen = *fitting;
    }
    double const scaled = value / chosen.size;
    int const decimals = std::abs(scaled) >= 100 || scaled == std::round(scaled) ? 0
                         : std::abs(scaled) >= 10                                ? 1
                                                                                 : 2;
    std::array<char, 400> digits{};
    auto* const end = std::to_chars(digits.data(), digits.data() + digits.size(), scaled,
                                    std::chars_format::fixed, decimals)
                          .ptr;
    return std::string(digits.data(), end).append(chosen.name);
}

/// Characters of `text`, about what it takes on a terminal.
inline auto text_width(std::string_view text) noexcept -> std::size_t {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    }));
}

} // namespace detail

/// The metrics as aligned text. A series that counted nothing has no line. Control characters in
/// labels, which may come from outside, become '?'.
[[nodiscard]] inline auto metrics_table(metrics_snapshot const& metrics) -> std::string {
    using row = std::array<std::string, 7>;
    std::vector<row> rows{{"metric", "labels", "count", "mean", "p50", "p95", "max"}};
    for (auto const& metric : metrics) {
        for (auto const& series : metric.series) {
            auto const& data = series.distribution;
            bool const is_histogram = metric.kind == metric_kind::histogram;
            if (is_histogram ? data.count == 0 : series.value == 0) {
                continue;
            }
            auto& line = rows.emplace_back();
            line[0] = metric.name;
            for (auto const& [name, value] : series.labels) {
                line[1] += line[1].empty() ? value : ' ' + value;
            }
            std::replace_if(
                line[1].begin(), line[1].end(),
                [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, '?');
            if (is_histogram) {
                line[2] = std::to_string(data.count);
                line[3] = detail::readable(data.mean(), metric.unit);
                line[4] = detail::readable(data.quantile(0.5), metric.unit);
                line[5] = detail::readable(data.quantile(0.95), metric.unit);
                line[6] = detail::readable(data.max, metric.unit);
            } else {
                line[2] = detail::readable(series.value, metric.unit);
            }
        }
    }
    std::array<std::size_t, 7> widths{};
    for (auto const& line : rows) {
        for (std::size_t i = 0; i < line.size(); ++i) {
            widths.at(i) = std::max(widths.at(i), detail::text_width(line.at(i)));
        }
    }
    std::string out;
    for (auto const& line : rows) {
        for (std::size_t i = 0; i < line.size(); ++i) {
            std::string const padding(widths.at(i) - detail::text_width(line.at(i)), ' ');
            bool const is_text = i < 2;
            out += i == 0 ? "" : "  ";
            out += is_text ? line.at(i) + padding : padding + line.at(i);
        }
        out.erase(out.find_last_not_of(' ') + 1);
        out += '\n';
    }
    return out;
}

} // namespace llms::inline v0_1

#endif // LLMS_METRICS_TABLE_HPP
