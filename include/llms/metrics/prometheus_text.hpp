// SPDX-License-Identifier: MIT
//
// Writes metrics in Prometheus' text format, for a /metrics endpoint or a node_exporter text file.
//
//     response.set_content(llms::prometheus_text(registry.snapshot()),
//                          llms::prometheus_content_type);
//
// `llms.cache.hits` becomes `llms_cache_hits_total`, `gen_ai.client.operation.duration` in seconds
// becomes `gen_ai_client_operation_duration_seconds`; labels likewise.
#ifndef LLMS_METRICS_PROMETHEUS_TEXT_HPP
#define LLMS_METRICS_PROMETHEUS_TEXT_HPP

#include <llms/detail/metrics_text.hpp>
#include <llms/metrics/snapshot.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace llms::inline v0_1 {

inline constexpr char const* prometheus_content_type = "text/plain; version=0.0.4; charset=utf-8";

namespace detail {

inline void append_escaped(std::string& out, std::string_view text, bool quoted) {
    for (char const c : text) {
        if (c == '\n') {
            out += "\\n";
        } else {
            if (c == '\\' || (quoted && c == '"')) {
                out += '\\';
            }
            out += c;
        }
    }
}

inline void append_sample(std::string& out, std::string_view name, label_values const& labels,
                          double value, double const* upper_bound = nullptr) {
    out += name;
    char separator = '{';
    for (auto const& [label, text] : labels) {
        out += separator;
        out += prometheus_label(label);
        out += "=\"";
        append_escaped(out, text, true);
        out += '"';
        separator = ',';
    }
    if (upper_bound != nullptr) {
        out += separator;
        out += "le=\"";
        append_number(out, *upper_bound);
        out += '"';
        separator = ',';
    }
    out += separator == ',' ? "} " : " ";
    append_number(out, value);
    out += '\n';
}

inline void append_histogram(std::string& out, std::string const& name,
                             series_snapshot const& series) {
    auto const& data = series.distribution;
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < data.counts.size(); ++i) {
        below += data.counts[i];
        double const bound =
            i < data.bounds.size() ? data.bounds[i] : std::numeric_limits<double>::infinity();
        append_sample(out, name + "_bucket", series.labels, static_cast<double>(below), &bound);
    }
    append_sample(out, name + "_sum", series.labels, data.sum);
    append_sample(out, name + "_count", series.labels, static_cast<double>(data.count));
}

} // namespace detail

/// The metrics in Prometheus' text format 0.0.4.
[[nodiscard]] inline auto prometheus_text(metrics_snapshot const& metrics) -> std::string {
    std::string out;
    for (auto const& metric : metrics) {
        auto const name = detail::prometheus_name(metric.name, metric.unit, metric.kind);
        out += "# HELP " + name + ' ';
        detail::append_escaped(out, metric.help, false);
        out += "\n# TYPE " + name;
        out += metric.kind == metric_kind::counter ? " counter\n"
               : metric.kind == metric_kind::gauge ? " gauge\n"
                                                   : " histogram\n";
        for (auto const& series : metric.series) {
            if (metric.kind == metric_kind::histogram) {
                detail::append_histogram(out, name, series);
            } else {
                detail::append_sample(out, name, series.labels, series.value);
            }
        }
    }
    return out;
}

} // namespace llms::inline v0_1

#endif // LLMS_METRICS_PROMETHEUS_TEXT_HPP
