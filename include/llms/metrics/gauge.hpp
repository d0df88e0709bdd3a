// SPDX-License-Identifier: MIT
//
// `gauge` holds a value that goes up and down: streams open now, dollars left.
//
//     llms::gauge open_streams;
//     open_streams.add(1);
//     open_streams.add(-1);
//
// Thread-safe and lock-free. It is one atomic, not one a thread as in a `counter`: the last `set`
// must win. For what changes often, count begins and ends instead, and subtract.
#ifndef LLMS_METRICS_GAUGE_HPP
#define LLMS_METRICS_GAUGE_HPP

#include <atomic>

namespace llms::inline v0_1 {

/// A value that can be set.
class gauge {
public:
    void set(double value) noexcept { value_.store(value, std::memory_order_relaxed); }

    void add(double amount) noexcept {
        auto now = value_.load(std::memory_order_relaxed);
        while (!value_.compare_exchange_weak(now, now + amount, std::memory_order_relaxed)) {}
    }

    [[nodiscard]] auto value() const noexcept -> double {
        return value_.load(std::memory_order_relaxed);
    }

private:
    alignas(64) std::atomic<double> value_{0};
};

} // namespace llms::inline v0_1

#endif // LLMS_METRICS_GAUGE_HPP
