// SPDX-License-Identifier: MIT
//
// Where one thread sleeps until it is woken, told to stop, or out of time. It lives on the
// sleeper's stack.
#ifndef LLMS_DETAIL_STREAM_PARKER_HPP
#define LLMS_DETAIL_STREAM_PARKER_HPP

#include <llms/stream/conqueue_status.hpp>

#include <atomic>
#include <cstdint>

namespace llms::inline v0_1::detail {

template <class Platform>
class stream_parker {
public:
    using time_point = typename Platform::time_point;

    stream_parker() = default;
    stream_parker(stream_parker const&) = delete;
    auto operator=(stream_parker const&) -> stream_parker& = delete;
    ~stream_parker() = default;

    /// Wakes the sleeper. The addition is the last access to `*this`: as soon as the sleeper sees
    /// it, it may return and take its stack with it; `wake_one` uses the address only.
    void wake() noexcept { signal(word_.fetch_add(one_wake, std::memory_order_acq_rel)); }

    /// Makes this and later sleeps end with `stopped`.
    void stop() noexcept { signal(word_.fetch_or(stop_bit, std::memory_order_acq_rel)); }

    /// Sleeps until the next wake (`success`), or `stopped`, or `timeout`. Wakes are counted, one
    /// call takes one, and a wake that is there comes first.
    [[nodiscard]] auto sleep(time_point deadline) noexcept -> conqueue_status {
        for (;;) {
            auto word = word_.load(std::memory_order_acquire);
            if (word / one_wake != taken_) {
                ++taken_;
                return conqueue_status::success;
            }
            if ((word & stop_bit) != 0) {
                return conqueue_status::stopped;
            }
            if (deadline != time_point::max() && Platform::now() >= deadline) {
                return conqueue_status::timeout;
            }
            sleep_while(word, deadline);
        }
    }

    /// Takes `count` wakes that are certain to come: their senders are past the point of no return.
    void take(std::uint32_t count) noexcept {
        for (auto const all = taken_ + count; taken_ != all;) {
            auto word = word_.load(std::memory_order_acquire);
            if (word / one_wake - taken_ >= all - taken_) {
                taken_ = all;
            } else {
                sleep_while(word, time_point::max());
            }
        }
    }

private:
    static constexpr std::uint32_t asleep_bit = 1;
    static constexpr std::uint32_t stop_bit = 2;
    static constexpr std::uint32_t one_wake = 4;

    void signal(std::uint32_t before) noexcept {
        if ((before & asleep_bit) != 0) {
            Platform::wake_one(word_);
        }
    }

    // All that sleepers and wakers know of each other is in the one word, so its modification order
    // decides: either the waker's change comes first and the exchange below fails, or the waker
    // finds asleep_bit. No fence, no second variable.
    void sleep_while(std::uint32_t word, time_point deadline) noexcept {
        if (!word_.compare_exchange_strong(word, word | asleep_bit, std::memory_order_acq_rel,
                                           std::memory_order_relaxed)) {
            return;
        }
        Platform::wait(word_, word | asleep_bit, deadline);
        word_.fetch_and(~asleep_bit, std::memory_order_relaxed);
    }

    typename Platform::template atomic<std::uint32_t> word_{0};
    std::uint32_t taken_ = 0;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_STREAM_PARKER_HPP
