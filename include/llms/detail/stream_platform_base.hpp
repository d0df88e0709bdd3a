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

    /// How often a wait looks again before it sleeps: about as long as a sleep and a wake take.
    static constexpr int wait_yields = 32;

    using thread_id = std::thread::id;
    static auto this_thread() noexcept -> thread_id { return std::this_thread::get_id(); }

    static auto now() noexcept -> time_point { return std::chrono::steady_clock::now(); }

    static void yield() noexcept { std::this_thread::yield(); }

    /// Passes some time, more with every attempt, before a lock found taken is tried again.
    static void back_off(int attempt, std::atomic<bool> const& /*locked*/) noexcept {
        if (attempt < 4) {
            for (auto pauses = 32 << attempt; pauses != 0; --pauses) {
                pause();
            }
        } else if (attempt < 64) {
            yield();
        } else {
            std::this_thread::sleep_for(std::chrono::microseconds(50)); // the owner was preempted
        }
    }

    /// Good enough to be fair with. Source: G. Marsaglia, "Xorshift RNGs".
    static auto random() noexcept -> std::uint32_t {
        static thread_local std::uint32_t state = 2'463'534'242;
        state ^= state << 13U;
        state ^= state >> 17U;
        state ^= state << 5U;
        return state;
    }

private:
    static void pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        asm volatile("yield");
#endif
    }
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_STREAM_PLATFORM_BASE_HPP
