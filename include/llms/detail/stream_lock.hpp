// SPDX-License-Identifier: MIT
//
// A lock of four bytes for the few instructions a channel spends inside: it spins, yields, and only
// then sleeps. std::mutex sleeps at once, and on a token stream that costs more than the stream.
#ifndef LLMS_DETAIL_STREAM_LOCK_HPP
#define LLMS_DETAIL_STREAM_LOCK_HPP

#include <atomic>
#include <cstdint>

namespace llms::inline v0_1::detail {

template <class Platform>
class stream_lock {
public:
    stream_lock() = default;
    stream_lock(stream_lock const&) = delete;
    auto operator=(stream_lock const&) -> stream_lock& = delete;
    ~stream_lock() = default;

    void lock() noexcept {
        if (!try_lock())
            lock_contended();
    }

    void unlock() noexcept {
        // Release: the next owner sees what was done inside. Read-modify-write: whether somebody
        // sleeps and that the lock is free are learnt and said in one step.
        if (word_.exchange(unlocked, std::memory_order_release) == contended) {
            Platform::wake_one(word_);
        }
    }

private:
    static constexpr std::uint32_t unlocked = 0;
    static constexpr std::uint32_t locked = 1;
    static constexpr std::uint32_t contended = 2; // locked, and somebody may be asleep

    auto try_lock() noexcept -> bool {
        auto expected = unlocked;
        return word_.compare_exchange_strong(expected, locked, std::memory_order_acquire,
                                             std::memory_order_relaxed);
    }

    void lock_contended() noexcept {
        for (int round = 0; round < Platform::lock_spins + Platform::lock_yields; ++round) {
            if (round < Platform::lock_spins) {
                Platform::pause();
            } else {
                Platform::yield();
            }
            if (word_.load(std::memory_order_relaxed) == unlocked && try_lock())
                return;
        }
        // From here on the lock is taken as `contended`: the taker cannot know whether others sleep
        // still, and a wake too many is harmless where one too few is not.
        // Source: U. Drepper, "Futexes Are Tricky", mutex 2.
        while (word_.exchange(contended, std::memory_order_acquire) != unlocked) {
            Platform::wait(word_, contended, Platform::time_point::max());
        }
    }

    typename Platform::template atomic<std::uint32_t> word_{unlocked};
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_STREAM_LOCK_HPP
