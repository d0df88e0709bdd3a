// SPDX-License-Identifier: MIT
//
// A clock that stands until a test moves it. Another `Tag` is another clock.
#ifndef LLMS_TESTS_SUPPORT_MANUAL_CLOCK_HPP
#define LLMS_TESTS_SUPPORT_MANUAL_CLOCK_HPP

#include <atomic>
#include <chrono>

namespace support {

template <int Tag = 0>
struct manual_clock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<manual_clock>;
    static constexpr bool is_steady = true;

    static auto now() -> time_point { return time_point(since_epoch.load()); }
    static void advance(duration by) { since_epoch = since_epoch.load() + by; }

private:
    inline static std::atomic<duration> since_epoch = duration(std::chrono::hours(1));
};

} // namespace support

#endif // LLMS_TESTS_SUPPORT_MANUAL_CLOCK_HPP
