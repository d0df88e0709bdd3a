// SPDX-License-Identifier: MIT
//
// What a metric is called and what it measures: what a `metrics_registry` is asked for.
//
//     constexpr llms::metric_info jobs{.name = "app.jobs", .help = "Jobs done.", .unit = "{job}"};
//     registry.counter(jobs, {{"app.queue", "night"}}).add();
#ifndef LLMS_METRICS_METRIC_INFO_HPP
#define LLMS_METRICS_METRIC_INFO_HPP

#include <llms/error.hpp>

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

namespace llms::inline v0_1 {

/// A metric was asked for that cannot be: no name, the name of another kind of metric, bounds that
/// do not ascend, a label twice, more metrics than `registry_options::max_metrics`.
class metrics_error : public error {
public:
    using error::error;
};

/// The kinds of metrics.
enum class metric_kind : std::uint8_t { counter, gauge, histogram };

/// Describes a metric.
struct metric_info {
    std::string_view name; ///< With dots, as OpenTelemetry has it: "llms.cache.hits".
    std::string_view help{};
    std::string_view unit{}; ///< UCUM: "s", "By", "{token}"; empty when there is none.
    /// Upper bounds of a histogram's buckets, in `unit`, ascending, inclusive.
    std::span<double const> bounds{};
    /// A histogram counts in integers, so many to one unit: 1e9 for seconds kept as nanoseconds.
    double steps_per_unit = 1;
};

/// One attribute of a series. A label with an empty value is as good as none.
struct label {
    std::string_view name{};
    std::string_view value{};
};

/// The labels of a series, for a function argument: braces, or anything that gives a span of them.
class label_list : public std::span<label const> {
public:
    label_list() = default;
    template <class Labels>
        requires std::convertible_to<Labels const&, std::span<label const>>
        label_list(Labels const& list)
    noexcept : std::span<label const>{list} {}
    /// The list must live as long as this is used: till the end of the call it is made for.
    label_list(std::initializer_list<label> list) noexcept
        : std::span<label const>{list.begin(), list.size()} {}
};

} // namespace llms::inline v0_1

#endif // LLMS_METRICS_METRIC_INFO_HPP
