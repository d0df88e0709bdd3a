// SPDX-License-Identifier: MIT
//
// A lock for critical sections of a few dozen instructions: what changes a shard of a cache. It spins briefly
// and then yields, so that many threads on few cores hand the processor to the holder instead of burning
// its time.
#ifndef LLMS_DETAIL_CACHE_LOCK_HPP
#define LLMS_DETAIL_CACHE_LOCK_HPP

#include <atomic>
#include <thread>

namespace llms::inline v0_1::detail {

/// Waits a little, and from the 65th call on for longer.
class cache_backoff {
public:
    void operator()() noexcept {
        if (spins_ == 0) {
            std::this_thread::yield();
            return;
        }
        --spins_;
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        asm volatile("yield");
#endif
    }

private:
    int spins_ = 64;
};

/// Meets the standard's Lockable. Acquire on the way in and release on the way out order what it protects;
/// those who wait only read until it looks free.
class cache_lock {
public:
    void lock() noexcept {
        cache_backoff wait;
        while (!try_lock()) {
            wait();
        }
    }

    [[nodiscard]] auto try_lock() noexcept -> bool {
        return !is_held_.load(std::memory_order_relaxed) &&
               !is_held_.exchange(true, std::memory_order_acquire);
    }

    void unlock() noexcept { is_held_.store(false, std::memory_order_release); }

private:
    std::atomic<bool> is_held_{false};
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CACHE_LOCK_HPP
