// SPDX-License-Identifier: MIT
//
// What the platforms of the stream room (see stream_platform.hpp) have in common.
#ifndef LLMS_DETAIL_STREAM_PLATFORM_BASE_HPP
#define LLMS_DETAIL_STREAM_PLATFORM_BASE_HPP

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

namespace llms::inline v0_1::detail {

struct stream_platform_base {
    template <class T>
    using atomic = std::atomic<T>;
    using time_point = std::chrono::steady_clock::time_point;

    static constexpr int lock_spins = 16;
    static constexpr int lock_yields = 64;
    static constexpr int wait_yields = 32;

    static auto now() noexcept -> time_point { return std::chrono::steady_clock::now(); }

    static void yield() noexcept { std::this_thread::yield(); }

    static void pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        asm volatile("yield");
#endif
    }

    /// Good enough to be fair with. Source: G. Marsaglia, "Xorshift RNGs".
    static auto random() noexcept -> std::uint32_t {
        static thread_local std::uint32_t state = 2'463'534'242;
        state ^= state << 13U;
        state ^= state >> 17U;
        state ^= state << 5U;
        return state;
    }
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_STREAM_PLATFORM_BASE_HPP
