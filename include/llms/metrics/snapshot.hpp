// SPDX-License-Identifier: MIT
//
// `metrics_snapshot` is what a registry held at one time, as plain values: what the writers
// (`prometheus_text`, `json_text`, `metrics_table`) and bridges to other systems read.
//
//     for (auto const& metric : registry.snapshot()) { ... }
#ifndef LLMS_METRICS_SNAPSHOT_HPP
#define LLMS_METRICS_SNAPSHOT_HPP

#include <llms/metrics/histogram.hpp>
#include <llms/metrics/metric_info.hpp>

#include <string>
#include <utility>
#include <vector>

namespace llms::inline v0_1 {

/// The labels of a series: names and values, sorted by name, no empty value.
using label_values = std::vector<std::pair<std::string, std::string>>;

/// One series of a metric.
struct series_snapshot {
    label_values labels;
    double value = 0;            ///< Of a counter or gauge.
    histogram_data distribution; ///< Of a histogram.
};

/// One metric with all its series, sorted by their labels.
struct metric_snapshot {
    std::string name;
    std::string help;
    std::string unit;
    metric_kind kind = metric_kind::counter;
    std::vector<series_snapshot> series;
};

/// All metrics of a registry, sorted by name.
using metrics_snapshot = std::vector<metric_snapshot>;

} // namespace llms::inline v0_1

#endif // LLMS_METRICS_SNAPSHOT_HPP
