// SPDX-License-Identifier: MIT
//
// Writes metrics as JSON, for a report or a log line.
//
//     file << llms::json_text(registry.snapshot());
//     // {"metrics":[{"name":"llms.cache.hits","kind":"counter","unit":"{lookup}","help":"...",
//     //   "series":[{"labels":{"llms.cache.name":"responses"},"value":9}]}, ...]}
//
// A histogram's series has "count", "sum" and "buckets": [{"le":0.01,"count":3}, ...], where counts
// are not cumulative and the last bucket has "le":null.
#ifndef LLMS_METRICS_JSON_TEXT_HPP
#define LLMS_METRICS_JSON_TEXT_HPP

#include <llms/detail/metrics_text.hpp>
#include <llms/metrics/snapshot.hpp>

#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>

namespace llms::inline v0_1 {

namespace detail {

inline void append_json_string(std::string& out, std::string_view text) {
    constexpr std::string_view hex = "0123456789abcdef";
    out += '"';
    for (char const c : text) {
        auto const code = static_cast<unsigned char>(c);
        if (code < 0x20) {
            out += "\\u00";
            out += hex[code >> 4U];
            out += hex[code & 15U];
        } else {
            if (c == '"' || c == '\\') {
                out += '\\';
            }
            out += c;
        }
    }
    out += '"';
}

inline void append_json_number(std::string& out, double value) {
    if (std::isfinite(value)) {
        append_number(out, value);
    } else {
        out += "null"; // JSON has no infinity
    }
}

inline void append_json_series(std::string& out, series_snapshot const& series, metric_kind kind) {
    out += "{\"labels\":{";
    std::string_view separator;
    for (auto const& [label, text] : series.labels) {
        out += separator;
        append_json_string(out, label);
        out += ':';
        append_json_string(out, text);
        separator = ",";
    }
    if (kind != metric_kind::histogram) {
        out += "},\"value\":";
        append_json_number(out, series.value);
        out += '}';
        return;
    }
    auto const& data = series.distribution;
    out += "},\"count\":" + std::to_string(data.count) + ",\"sum\":";
    append_json_number(out, data.sum);
    out += ",\"buckets\":[";
    for (std::size_t i = 0; i < data.counts.size(); ++i) {
        out += i == 0 ? "{\"le\":" : ",{\"le\":";
        append_json_number(out, i < data.bounds.size() ? data.bounds[i] : HUGE_VAL);
        out += ",\"count\":" + std::to_string(data.counts[i]) + '}';
    }
    out += "]}";
}

} // namespace detail

/// The metrics as one JSON document, without line ends.
[[nodiscard]] inline auto json_text(metrics_snapshot const& metrics) -> std::string {
    std::string out = "{\"metrics\":[";
    std::string_view separator;
    for (auto const& metric : metrics) {
        out += separator;
        out += "{\"name\":";
        detail::append_json_string(out, metric.name);
        out += metric.kind == metric_kind::counter ? ",\"kind\":\"counter\",\"unit\":"
               : metric.kind == metric_kind::gauge ? ",\"kind\":\"gauge\",\"unit\":"
                                                   : ",\"kind\":\"histogram\",\"unit\":";
        detail::append_json_string(out, metric.unit);
        out += ",\"help\":";
        detail::append_json_string(out, metric.help);
        out += ",\"series\":[";
        std::string_view comma;
        for (auto const& series : metric.series) {
            out += comma;
            detail::append_json_series(out, series, metric.kind);
            comma = ",";
        }
        out += "]}";
        separator = ",";
    }
    out += "]}";
    return out;
}

} // namespace llms::inline v0_1

#endif // LLMS_METRICS_JSON_TEXT_HPP
