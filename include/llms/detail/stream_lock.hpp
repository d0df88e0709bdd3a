// SPDX-License-Identifier: MIT
//
// A lock of one byte for the few instructions a channel spends inside. A thread that finds it taken
// stays away for longer and longer: first it pauses, then it yields, at last it naps, in case the
// owner was preempted. Staying away is also what makes many at one end fast, because the owner meanwhile
// does several operations on a cache line that it keeps. Nobody sleeps until woken, so that
// unlocking is a plain store. std::mutex sleeps at once, and on a token stream that costs more than
// the stream.
#ifndef LLMS_DETAIL_STREAM_LOCK_HPP
#define LLMS_DETAIL_STREAM_LOCK_HPP

#include <atomic>

namespace llms::inline v0_1::detail {

template <class Platform>
class stream_lock {
public:
    stream_lock() = default;
    stream_lock(stream_lock const&) = delete;
    auto operator=(stream_lock const&) -> stream_lock& = delete;
    ~stream_lock() = default;

    void lock() noexcept {
        if (locked_.exchange(true, std::memory_order_acquire)) [[unlikely]] {
            lock_later();
        }
    }

    // Release: the next owner sees what was done inside.
    void unlock() noexcept { locked_.store(false, std::memory_order_release); }

    /// Waits until nobody holds it; for a destructor, when nobody will take it any more.
    void await_free() const noexcept {
        for (auto attempt = 0; locked_.load(std::memory_order_acquire); ++attempt) {
            Platform::back_off(attempt, locked_);
        }
    }

private:
    // Out of line, so that the first attempt is inlined.
    [[gnu::noinline]] void lock_later() noexcept {
        auto attempt = 0;
        do {
            Platform::back_off(attempt++, locked_);
        } while (locked_.exchange(true, std::memory_order_acquire));
    }

    typename Platform::template atomic<bool> locked_{false};
};

/// Holds a lock for a scope; std::lock_guard without the size of <mutex>.
template <class Lock>
class stream_guard {
public:
    explicit stream_guard(Lock& lock) noexcept : lock_(lock) { lock_.lock(); }
    stream_guard(stream_guard const&) = delete;
    auto operator=(stream_guard const&) -> stream_guard& = delete;
    ~stream_guard() { lock_.unlock(); }

private:
    Lock& lock_;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_STREAM_LOCK_HPP
