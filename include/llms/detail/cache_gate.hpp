// SPDX-License-Identifier: MIT
//
// A way back into a cache for work that may outlive it.
#ifndef LLMS_DETAIL_CACHE_GATE_HPP
#define LLMS_DETAIL_CACHE_GATE_HPP

#include <llms/detail/cache_lock.hpp>

#include <atomic>
#include <cstdint>

namespace llms::inline v0_1::detail {

/// Shared by an owner and its background work. After `close` no work reaches the owner; `close`
/// waits for what is inside.
///
/// One word: the number of those who are inside, or on their way out again because it is closed, and a bit
/// that says that it is. Release on the way out and acquire in `close` order what was done inside before
/// its end.
template <typename Owner>
class cache_gate {
public:
    explicit cache_gate(Owner& owner) noexcept : owner_{owner} {}

    template <typename F>
    void enter(F&& f) {
        struct visit {
            std::atomic<std::uint32_t>& word;
            bool may_enter = (word.fetch_add(1, std::memory_order_relaxed) & closed) == 0;
            ~visit() { word.fetch_sub(1, std::memory_order_release); }
        };
        if (visit const mine{word_}; mine.may_enter) {
            f(owner_);
        }
    }

    void close() noexcept {
        word_.fetch_or(closed, std::memory_order_relaxed);
        for (cache_backoff wait; word_.load(std::memory_order_acquire) != closed;) {
            wait();
        }
    }

private:
    static constexpr std::uint32_t closed = 1U << 31U;

    std::atomic<std::uint32_t> word_{0};
    Owner& owner_;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CACHE_GATE_HPP
