// SPDX-License-Identifier: MIT
//
// What the stream room asks of the machine: atomics, a clock, and putting a thread to sleep until a
// word changes. Everything in the room is a template over it, so that a checker can take its place
// (tests/support/checker.hpp does).
//
// A platform offers
//   atomic<T>                    std::atomic or something that behaves as one
//   this_thread(), now()         who asks, and steady_clock's time
//   yield()                      a hint to the scheduler
//   back_off(attempt, locked)    passes time until a lock that was found taken is worth a try
//   random()                     a number to be fair with
//   wait(word, value, deadline)  sleeps while word == value; may return for no reason; false once
//                                the deadline has passed
//   wake_one(word)               wakes one sleeper; uses the word's address only, so that the word
//                                may be gone by then
//   wait_yields                  how often a wait looks again before it sleeps
#ifndef LLMS_DETAIL_STREAM_PLATFORM_HPP
#define LLMS_DETAIL_STREAM_PLATFORM_HPP

#if defined(__linux__)
#    include <llms/detail/stream_platform_base.hpp>

#    include <linux/futex.h>
#    include <sys/syscall.h>
#    include <unistd.h>

#    include <atomic>
#    include <cerrno>
#    include <chrono>
#    include <cstdint>
#    include <ctime>

namespace llms::inline v0_1::detail {

struct stream_platform : stream_platform_base {
    static auto wait(std::atomic<std::uint32_t>& word, std::uint32_t value,
                     time_point deadline) noexcept -> bool {
        using namespace std::chrono;
        if (deadline == time_point::max()) {
            syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
            return true;
        }
        // FUTEX_WAIT_BITSET takes an absolute time of the clock that steady_clock reads.
        auto const since_boot = deadline.time_since_epoch();
        auto const whole = duration_cast<seconds>(since_boot);
        std::timespec until{};
        until.tv_sec = static_cast<std::time_t>(whole.count());
        until.tv_nsec = static_cast<long>(duration_cast<nanoseconds>(since_boot - whole).count());
        auto const failed = syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, value, &until,
                                    nullptr, FUTEX_BITSET_MATCH_ANY) != 0;
        return !(failed && errno == ETIMEDOUT);
    }

    static void wake_one(std::atomic<std::uint32_t>& word) noexcept {
        syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
    }

    static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t));
};

} // namespace llms::inline v0_1::detail

#else
#    include <llms/detail/stream_portable_platform.hpp>

namespace llms::inline v0_1::detail {
using stream_platform = stream_portable_platform;
} // namespace llms::inline v0_1::detail

#endif

#endif // LLMS_DETAIL_STREAM_PLATFORM_HPP
