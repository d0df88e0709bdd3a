// SPDX-License-Identifier: MIT
//
// A clock that stands until a test moves it.
#ifndef LLMS_TESTS_CACHE_CACHE_TEST_CLOCK_HPP
#define LLMS_TESTS_CACHE_CACHE_TEST_CLOCK_HPP

#include <atomic>
#include <chrono>
#include <cstdint>

struct cache_test_clock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<cache_test_clock>;
    static constexpr bool is_steady = true;

    static auto now() noexcept -> time_point {
        return time_point{duration{ticks.load(std::memory_order_relaxed)}};
    }
    static void advance(duration by) noexcept {
        ticks.fetch_add(by.count(), std::memory_order_relaxed);
    }

    static inline std::atomic<std::int64_t> ticks{1'000'000};
};

#endif // LLMS_TESTS_CACHE_CACHE_TEST_CLOCK_HPP
