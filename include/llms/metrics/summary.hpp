// SPDX-License-Identifier: MIT
//
// `metrics_summary` is what a program did, in a dozen numbers over all models and tools.
//
//     auto const all = metrics.summary();
//     all.calls;        // operations answered by a provider, or failed
//     all.mean_latency();
#ifndef LLMS_METRICS_SUMMARY_HPP
#define LLMS_METRICS_SUMMARY_HPP

#include <llms/metrics/names.hpp>
#include <llms/metrics/snapshot.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string_view>

namespace llms::inline v0_1 {

/// Totals since the metrics were made.
struct metrics_summary {
    std::uint64_t calls = 0; ///< Operations that went to a provider, well or not: no cache answers.
    std::uint64_t failed_calls = 0;
    std::uint64_t cached_answers = 0;
    std::uint64_t coalesced_answers = 0;
    std::uint64_t attempts = 0; ///< Requests: more than `calls` when some were retried.
    std::uint64_t retries = 0;
    std::uint64_t input_tokens = 0;
    std::uint64_t output_tokens = 0;
    std::uint64_t response_bytes = 0;
    std::uint64_t tool_executions = 0;
    std::uint64_t failed_tools = 0;
    std::chrono::duration<double> latency{};   ///< Of all calls, added up.
    std::chrono::duration<double> tool_time{}; ///< Of all tools, added up.

    [[nodiscard]] auto mean_latency() const noexcept -> std::chrono::duration<double> {
        return calls != 0 ? latency / static_cast<double>(calls) : latency;
    }
    [[nodiscard]] auto mean_tool_time() const noexcept -> std::chrono::duration<double> {
        return tool_executions != 0 ? tool_time / static_cast<double>(tool_executions) : tool_time;
    }
};

/// The totals of what `metrics::record` recorded.
[[nodiscard]] inline auto summarize(metrics_snapshot const& metrics) -> metrics_summary {
    auto const label = [](series_snapshot const& series, std::string_view name) {
        for (auto const& [key, value] : series.labels) {
            if (key == name) {
                return std::string_view{value};
            }
        }
        return std::string_view{};
    };
    metrics_summary all;
    for (auto const& metric : metrics) {
        for (auto const& series : metric.series) {
            auto const& data = series.distribution;
            auto const value = static_cast<std::uint64_t>(series.value);
            bool const failed = !label(series, metric::error_type).empty();
            if (metric.name == metric::operation_duration.name) {
                all.calls += data.count;
                all.failed_calls += failed ? data.count : 0;
                all.latency += std::chrono::duration<double>{data.sum};
            } else if (metric.name == metric::operations.name) {
                auto const origin = label(series, metric::origin);
                all.cached_answers += origin == "cache" ? value : 0;
                all.coalesced_answers += origin == "coalesced" ? value : 0;
            } else if (metric.name == metric::attempts.name) {
                all.attempts += value;
            } else if (metric.name == metric::retries.name) {
                all.retries += value;
            } else if (metric.name == metric::token_usage.name) {
                auto const tokens = static_cast<std::uint64_t>(data.sum);
                auto const type = label(series, metric::token_type);
                all.input_tokens += type == "input" ? tokens : 0;
                all.output_tokens += type == "output" ? tokens : 0;
            } else if (metric.name == metric::response_size.name) {
                all.response_bytes += static_cast<std::uint64_t>(data.sum);
            } else if (metric.name == metric::tool_duration.name) {
                all.tool_executions += data.count;
                all.failed_tools += failed ? data.count : 0;
                all.tool_time += std::chrono::duration<double>{data.sum};
            }
        }
    }
    return all;
}

} // namespace llms::inline v0_1

#endif // LLMS_METRICS_SUMMARY_HPP
