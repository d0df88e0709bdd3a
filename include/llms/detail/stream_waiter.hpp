// SPDX-License-Identifier: MIT
//
// Who waits at one side of a channel, and the list of them. The list is intrusive: waiting
// allocates nothing, leaving is O(1).
#ifndef LLMS_DETAIL_STREAM_WAITER_HPP
#define LLMS_DETAIL_STREAM_WAITER_HPP

#include <cassert>
#include <cstddef>

namespace llms::inline v0_1::detail {

/// One wait: a thread's, one case of a select's, or a coroutine's. Guarded by the channel's locks.
struct stream_waiter {
    explicit stream_waiter(void (*wake_function)(stream_waiter&) noexcept) noexcept
        : wake(wake_function) {}

    stream_waiter* previous = nullptr;
    stream_waiter* next = nullptr;
    bool queued = false;
    /// Called outside the locks, once for every time the waiter was taken out of a list to be woken.
    void (*wake)(stream_waiter&) noexcept;
};

/// First come, first woken.
class stream_waiters {
public:
    [[nodiscard]] auto empty() const noexcept -> bool { return first_ == nullptr; }

    void push_back(stream_waiter& waiter) noexcept {
        assert(!waiter.queued);
        waiter.previous = last_;
        waiter.next = nullptr;
        (last_ == nullptr ? first_ : last_->next) = &waiter;
        last_ = &waiter;
        waiter.queued = true;
    }

    void erase(stream_waiter& waiter) noexcept {
        assert(waiter.queued);
        (waiter.previous == nullptr ? first_ : waiter.previous->next) = waiter.next;
        (waiter.next == nullptr ? last_ : waiter.next->previous) = waiter.previous;
        waiter.queued = false;
    }

    auto pop_front() noexcept -> stream_waiter& {
        auto& waiter = *first_;
        erase(waiter);
        return waiter;
    }

private:
    stream_waiter* first_ = nullptr;
    stream_waiter* last_ = nullptr;
};

/// The waiters that a critical section decided to wake, to be woken after it.
class stream_woken {
public:
    /// Takes up to `count` waiters out of `from`.
    void take(stream_waiters& from, std::size_t count) noexcept {
        for (; count != 0 && !from.empty(); --count) {
            auto& waiter = from.pop_front();
            waiter.next = nullptr;
            (last_ == nullptr ? first_ : last_->next) = &waiter;
            last_ = &waiter;
        }
    }

    void wake_all() noexcept {
        for (auto* waiter = first_; waiter != nullptr;) {
            auto* const next = waiter->next; // read first: a woken waiter may be gone
            waiter->wake(*waiter);
            waiter = next;
        }
    }

private:
    stream_waiter* first_ = nullptr;
    stream_waiter* last_ = nullptr;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_STREAM_WAITER_HPP
