// SPDX-License-Identifier: MIT
//
// `metrics_registry` owns metrics by name and labels.
//
//     constexpr llms::metric_info jobs{.name = "app.jobs", .help = "Jobs done.", .unit = "{job}"};
//     auto& night = registry.counter(jobs, {{"app.queue", "night"}}); // once
//     night.add();                                                    // often
//
// Labels often come from outside (a model's name), so their number is bounded: above `max_series`
// a metric counts in one series labelled `otel.metric.overflow="true"`.
//
// Thread-safe. Looking a metric up takes a lock and builds a key, some 200 ns: keep the reference,
// which lives as long as the registry. Memory: a series takes about 600 bytes, and 64 bytes (a
// histogram: 8 a bucket) for each thread that used it.
#ifndef LLMS_METRICS_REGISTRY_HPP
#define LLMS_METRICS_REGISTRY_HPP

#include <llms/detail/metrics_callbacks.hpp>
#include <llms/detail/metrics_text.hpp>
#include <llms/metrics/counter.hpp>
#include <llms/metrics/gauge.hpp>
#include <llms/metrics/histogram.hpp>
#include <llms/metrics/names.hpp>
#include <llms/metrics/snapshot.hpp>
#include <llms/metrics/subscription.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace llms::inline v0_1 {

/// What can be set on a `metrics_registry`.
struct registry_options {
    std::size_t max_metrics = 256;     ///< More throw `metrics_error`.
    std::size_t max_series = 512;      ///< Of one metric, not counting its overflow series.
    std::size_t max_label_bytes = 256; ///< Longer values are cut.
};

/// Where an observer puts values that are kept elsewhere; see `metrics_registry::observe`.
class metrics_observer {
public:
    /// Adds the value of a counter, a sum since the program began.
    void counter(metric_info const& info, label_list labels, double value) {
        add_(info, metric_kind::counter, labels, value);
    }
    /// Adds the value of a gauge.
    void gauge(metric_info const& info, label_list labels, double value) {
        add_(info, metric_kind::gauge, labels, value);
    }

private:
    friend class metrics_registry;
    using add_function = std::function<void(metric_info const&, metric_kind, label_list, double)>;
    explicit metrics_observer(add_function add) : add_{std::move(add)} {}
    add_function add_;
};

/// Metrics by name and labels.
class metrics_registry {
public:
    explicit metrics_registry(registry_options options = {}) noexcept : options_{options} {}

    /// The counter of this name and these labels, in any order; made when it is asked for first.
    /// Throws `metrics_error` when the name is another kind of metric's or equals another's in
    /// Prometheus' spelling, or a label comes twice.
    auto counter(metric_info const& info, label_list labels = {}) -> llms::counter& {
        return find<llms::counter>(info, metric_kind::counter, labels);
    }

    /// As `counter`.
    auto gauge(metric_info const& info, label_list labels = {}) -> llms::gauge& {
        return find<llms::gauge>(info, metric_kind::gauge, labels);
    }

    /// As `counter`. All series of a metric have the bounds it was first asked for with.
    auto histogram(metric_info const& info, label_list labels = {}) -> llms::histogram& {
        return find<llms::histogram>(info, metric_kind::histogram, labels, info.bounds,
                                     info.steps_per_unit);
    }

    /// Calls `report` at each snapshot, for values that are kept elsewhere: the statistics of a
    /// pool or cache. It runs in the thread that takes the snapshot, under no lock; what it throws
    /// is swallowed. Values reported for the same series are added up; those under a name that is
    /// taken by another metric are left out.
    auto observe(std::function<void(metrics_observer&)> report) -> subscription {
        auto* const node = observers_->add(std::move(report));
        return subscription{[list = observers_, node] {
            list->remove(node);
        }};
    }

    /// What all metrics hold now. Each value is exact, but not all are of the same instant.
    [[nodiscard]] auto snapshot() const -> metrics_snapshot {
        auto result = own_metrics();
        metrics_observer observer{[&](auto const& info, auto kind, auto labels, double value) {
            add_observed(result, info, kind, labels, value);
        }};
        observers_->for_each([&](auto const& report) { report(observer); });
        std::sort(result.begin(), result.end(),
                  [](auto const& a, auto const& b) { return a.name < b.name; });
        return result;
    }

    [[nodiscard]] auto options() const noexcept -> registry_options const& { return options_; }

private:
    using any_metric = std::variant<llms::counter, llms::gauge, llms::histogram>;
    using observers = detail::callback_list<std::function<void(metrics_observer&)>>;

    struct family {
        metric_snapshot description; // without series
        std::string exposed_name;
        std::map<label_values, any_metric> series;
    };

    template <class Metric, class... Arguments>
    auto find(metric_info const& info, metric_kind kind, label_list labels,
              Arguments const&... arguments) -> Metric& {
        auto key = key_of(labels);
        std::scoped_lock const lock{mutex_};
        auto& series = family_of(info, kind).series;
        auto at = series.find(key);
        if (at == series.end()) {
            if (series.size() >= options_.max_series) {
                key = overflow_key();
            }
            at = series.try_emplace(std::move(key), std::in_place_type<Metric>, arguments...).first;
        }
        return std::get<Metric>(at->second);
    }

    auto family_of(metric_info const& info, metric_kind kind) -> family& {
        if (auto const at = families_.find(info.name); at != families_.end()) {
            if (at->second.description.kind != kind) {
                throw metrics_error{"metric " + std::string{info.name} + " is of another kind"};
            }
            return at->second;
        }
        auto exposed = detail::prometheus_name(info.name, info.unit, kind);
        if (info.name.empty() || families_.size() >= options_.max_metrics) {
            throw metrics_error{info.name.empty() ? "metric without a name"
                                                  : "more metrics than max_metrics (" +
                                                        std::to_string(options_.max_metrics) + ")"};
        }
        for (auto const& [name, other] : families_) {
            if (other.exposed_name == exposed) {
                throw metrics_error{"metric " + std::string{info.name} + " and " + name +
                                    " have one name in Prometheus: " + exposed};
            }
        }
        auto& result = families_[std::string{info.name}];
        result.description = describe(info, kind);
        result.exposed_name = std::move(exposed);
        return result;
    }

    static auto describe(metric_info const& info, metric_kind kind) -> metric_snapshot {
        return {.name = std::string{info.name},
                .help = std::string{info.help},
                .unit = std::string{info.unit},
                .kind = kind,
                .series = {}};
    }

    static auto overflow_key() -> label_values { return {{std::string{metric::overflow}, "true"}}; }

    [[nodiscard]] auto key_of(label_list labels) const -> label_values {
        label_values key;
        for (auto const& [name, value] : labels) {
            if (!value.empty()) {
                key.emplace_back(name, detail::label_text(value, options_.max_label_bytes));
            }
        }
        std::sort(key.begin(), key.end());
        for (std::size_t i = 0; i < key.size(); ++i) {
            auto const exposed = detail::prometheus_label(key[i].first);
            bool twice = exposed.empty() || exposed == "le" || exposed.starts_with("__");
            for (std::size_t j = 0; j < i; ++j) {
                twice = twice || detail::prometheus_label(key[j].first) == exposed;
            }
            if (twice) {
                throw metrics_error{"label " + key[i].first + " is empty, reserved or comes twice"};
            }
        }
        return key;
    }

    [[nodiscard]] auto own_metrics() const -> metrics_snapshot {
        std::scoped_lock const lock{mutex_};
        metrics_snapshot result;
        for (auto const& [name, known] : families_) {
            auto& metric = result.emplace_back(known.description);
            for (auto const& [key, value] : known.series) {
                auto& series = metric.series.emplace_back();
                series.labels = key;
                if (auto const* histogram = std::get_if<llms::histogram>(&value)) {
                    series.distribution = histogram->data();
                } else if (auto const* gauge = std::get_if<llms::gauge>(&value)) {
                    series.value = gauge->value();
                } else {
                    series.value = static_cast<double>(std::get<llms::counter>(value).value());
                }
            }
        }
        return result;
    }

    void add_observed(metrics_snapshot& into, metric_info const& info, metric_kind kind,
                      label_list labels, double value) const {
        auto key = key_of(labels);
        auto const exposed = detail::prometheus_name(info.name, info.unit, kind);
        auto metric = std::find_if(into.begin(), into.end(), [&](auto const& other) {
            return other.name == info.name ||
                   detail::prometheus_name(other.name, other.unit, other.kind) == exposed;
        });
        if (metric == into.end()) {
            if (info.name.empty() || into.size() >= options_.max_metrics) {
                return;
            }
            metric = into.insert(into.end(), describe(info, kind));
        } else if (metric->name != info.name || metric->kind != kind) {
            return;
        }
        auto const find = [&] {
            return std::find_if(metric->series.begin(), metric->series.end(),
                                [&](auto const& other) { return other.labels == key; });
        };
        auto series = find();
        if (series == metric->series.end()) {
            if (metric->series.size() >= options_.max_series) {
                key = overflow_key();
                series = find();
            }
            if (series == metric->series.end()) {
                series = metric->series.insert(series, series_snapshot{});
                series->labels = std::move(key);
            }
        }
        series->value += value;
    }

    registry_options options_;
    mutable std::mutex mutex_;
    std::map<std::string, family, std::less<>> families_;
    std::shared_ptr<observers> observers_ = std::make_shared<observers>();
};

} // namespace llms::inline v0_1

#endif // LLMS_METRICS_REGISTRY_HPP
