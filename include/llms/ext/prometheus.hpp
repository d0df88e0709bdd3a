// SPDX-License-Identifier: MIT
//
// Gives metrics to prometheus-cpp, for programs that already expose a registry of that library.
//
//     auto const bridge = std::make_shared<llms::prometheus_collectable>(metrics.registry());
//     exposer.RegisterCollectable(bridge); // prometheus::Exposer keeps a weak pointer
//
// Needs prometheus-cpp (core); link llms::prometheus. Thread-safe.
#ifndef LLMS_EXT_PROMETHEUS_HPP
#define LLMS_EXT_PROMETHEUS_HPP

#include <llms/detail/metrics_text.hpp>
#include <llms/metrics/registry.hpp>
#include <llms/metrics/snapshot.hpp>

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace llms::inline v0_1 {

/// Collects a `metrics_registry`, which must outlive it, under the names of `prometheus_text`.
class prometheus_collectable : public prometheus::Collectable {
public:
    explicit prometheus_collectable(metrics_registry const& registry) noexcept
        : registry_{&registry} {}

    [[nodiscard]] auto Collect() const -> std::vector<prometheus::MetricFamily> override {
        std::vector<prometheus::MetricFamily> families;
        for (auto const& metric : registry_->snapshot()) {
            auto& family = families.emplace_back();
            family.name = detail::prometheus_name(metric.name, metric.unit, metric.kind);
            family.help = metric.help;
            family.type = type_of(metric.kind);
            for (auto const& series : metric.series) {
                family.metric.push_back(convert(series, metric.kind));
            }
        }
        return families;
    }

private:
    static auto type_of(metric_kind kind) noexcept -> prometheus::MetricType {
        return kind == metric_kind::counter ? prometheus::MetricType::Counter
               : kind == metric_kind::gauge ? prometheus::MetricType::Gauge
                                            : prometheus::MetricType::Histogram;
    }

    static auto convert(series_snapshot const& series, metric_kind kind)
        -> prometheus::ClientMetric {
        prometheus::ClientMetric result;
        for (auto const& [name, value] : series.labels) {
            result.label.push_back({detail::prometheus_label(name), value});
        }
        if (kind == metric_kind::counter) {
            result.counter.value = series.value;
        } else if (kind == metric_kind::gauge) {
            result.gauge.value = series.value;
        } else {
            auto const& data = series.distribution;
            result.histogram.sample_count = data.count;
            result.histogram.sample_sum = data.sum;
            std::uint64_t below = 0;
            for (std::size_t i = 0; i < data.counts.size(); ++i) {
                below += data.counts[i];
                auto& bucket = result.histogram.bucket.emplace_back();
                bucket.cumulative_count = below;
                bucket.upper_bound = i < data.bounds.size()
                                         ? data.bounds[i]
                                         : std::numeric_limits<double>::infinity();
            }
        }
        return result;
    }

    metrics_registry const* registry_;
};

} // namespace llms::inline v0_1

#endif // LLMS_EXT_PROMETHEUS_HPP
