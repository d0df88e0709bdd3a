// SPDX-License-Identifier: MIT
//
// `histogram` counts values by size, in buckets with fixed bounds.
//
//     llms::histogram latency{llms::metric::duration_bounds, 1e9}; // seconds, kept in nanoseconds
//     latency.record(420ms);
//     latency.data().quantile(0.95);                                // seconds
//
// Thread-safe. `record` takes no lock; it writes four cells of the calling thread, and
// one allocation (of 8 bytes a bucket) the first time a thread calls it.
#ifndef LLMS_METRICS_HISTOGRAM_HPP
#define LLMS_METRICS_HISTOGRAM_HPP

#include <llms/detail/metrics_cells.hpp>
#include <llms/metrics/metric_info.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace llms::inline v0_1 {

/// What a histogram held at one time, in its unit.
struct histogram_data {
    std::vector<double> bounds{}; ///< Upper, inclusive.
    std::vector<std::uint64_t>
        counts{}; ///< One a bucket, and one more for what is above all bounds.
    std::uint64_t count = 0;
    double sum = 0;
    double min = 0; ///< 0 when there is no value.
    double max = 0;

    [[nodiscard]] auto mean() const noexcept -> double {
        return count != 0 ? sum / static_cast<double>(count) : 0;
    }

    /// Estimates the value that `fraction` (0 to 1) of all values do not exceed, as if they were
    /// evenly spread within each bucket, and none below `min` or above `max`.
    [[nodiscard]] auto quantile(double fraction) const noexcept -> double {
        double rank = fraction * static_cast<double>(count);
        for (std::size_t i = 0; i < counts.size(); ++i) {
            auto const in_bucket = static_cast<double>(counts[i]);
            if (in_bucket > 0 && rank <= in_bucket) {
                double const low = i != 0 ? std::max(bounds[i - 1], min) : min;
                double const high = i < bounds.size() ? std::min(bounds[i], max) : max;
                return low + (high - low) * rank / in_bucket;
            }
            rank -= in_bucket;
        }
        return max;
    }
};

/// Counts values by size.
class histogram {
public:
    /// `bounds` are the upper bounds of the buckets, in the histogram's unit. What is
    /// recorded are integers, `steps_per_unit` to one unit. Throws `metrics_error` when the bounds
    /// are not finite, positive and ascending, or are more than 128.
    explicit histogram(std::span<double const> bounds, double steps_per_unit = 1)
        : bounds_(bounds.begin(), bounds.end()),
          steps_(steps(bounds, steps_per_unit)),
          steps_per_unit_{steps_per_unit},
          cells_{first_bucket + bounds.size() + 1} {
        for (std::size_t i = 0; i < bounds.size(); ++i) {
            ++first_of_width_[static_cast<std::size_t>(std::bit_width(steps_[i])) + 1];
        }
        for (std::size_t width = 1; width < first_of_width_.size(); ++width) {
            most_of_one_width_ = std::max<std::size_t>(most_of_one_width_, first_of_width_[width]);
            first_of_width_[width] =
                static_cast<std::uint8_t>(first_of_width_[width] + first_of_width_[width - 1]);
        }
    }

    /// Records a value, in steps.
    void record(std::uint64_t value) noexcept {
        // All bounds of less bits are below the value, all of more bits are not: what is left are
        // the few bounds of as many bits. No branch depends on the value.
        std::size_t bucket = first_of_width_[static_cast<std::size_t>(std::bit_width(value))];
        for (std::size_t i = 0; i < most_of_one_width_; ++i) {
            bucket += static_cast<std::size_t>(steps_[bucket] < value);
        }
        auto const row = cells_.own_row();
        row.add(sum_cell, value);
        row.add(first_bucket + bucket, 1);
        row.raise(max_cell, value);
        row.raise(min_cell, ~value);
    }

    /// Records a duration; `steps_per_unit` must be 1e9. A negative one, of a clock that was set
    /// back, counts as zero.
    void record(std::chrono::nanoseconds duration) noexcept {
        auto const count = duration.count();
        record(count > 0 ? static_cast<std::uint64_t>(count) : 0);
    }

    /// What was recorded. Values recorded meanwhile may be in the counts and not yet in the sum.
    [[nodiscard]] auto data() const -> histogram_data {
        histogram_data result{.bounds = bounds_};
        result.counts.reserve(bounds_.size() + 1);
        for (std::size_t i = 0; i <= bounds_.size(); ++i) {
            result.counts.push_back(cells_.sum(first_bucket + i));
            result.count += result.counts.back();
        }
        result.sum = static_cast<double>(cells_.sum(sum_cell)) / steps_per_unit_;
        if (result.count != 0) {
            result.min = static_cast<double>(~cells_.most(min_cell)) / steps_per_unit_;
            result.max = static_cast<double>(cells_.most(max_cell)) / steps_per_unit_;
        }
        return result;
    }

private:
    static constexpr std::size_t sum_cell = 0;
    static constexpr std::size_t max_cell = 1;
    static constexpr std::size_t min_cell = 2; // the most of the complement: no value is 0 as well
    static constexpr std::size_t first_bucket = 3;

    // The bounds in steps: what is rounding error (0.07 * 1e9) goes to the nearest integer.
    static auto steps(std::span<double const> bounds, double steps_per_unit)
        -> std::vector<std::uint64_t> {
        constexpr auto most = std::numeric_limits<std::uint64_t>::max();
        std::vector<std::uint64_t> result;
        double previous = 0;
        for (double const bound : bounds) {
            if (!(bound > previous) || !std::isfinite(bound) || bounds.size() > 128) {
                throw metrics_error{"histogram bounds must be positive, finite, ascending, and at "
                                    "most 128"};
            }
            previous = bound;
            double const exact = bound * steps_per_unit;
            double const nearest = std::round(exact);
            double const step =
                std::abs(exact - nearest) < 1e-6 * nearest ? nearest : std::floor(exact);
            result.push_back(step < 1.8e19 ? static_cast<std::uint64_t>(step) : most);
        }
        result.push_back(most);
        return result;
    }

    std::vector<double> bounds_;
    std::vector<std::uint64_t> steps_; // the bounds, and the greatest integer, which ends a search
    std::array<std::uint8_t, 66> first_of_width_{}; // how many bounds have less bits
    std::size_t most_of_one_width_ = 0;
    double steps_per_unit_;
    detail::sharded_cells cells_;
};

} // namespace llms::inline v0_1

#endif // LLMS_METRICS_HISTOGRAM_HPP
