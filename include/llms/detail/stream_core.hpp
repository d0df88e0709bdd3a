// SPDX-License-Identifier: MIT
//
// The mechanism under channel<T>: a ring with a lock at either end, and a list of waiters for each
// side.
//
// Notify and retry. Nobody is ever handed an item; a waiter is told to look again. So a waiter that
// leaves (stopped, out of time, destroyed) has no item to lose, only a notification, and the rules
// below see to it that no notification is lost either:
//
//   1. A waiter enters a list only in the section in which its attempt failed.
//   2. Whoever makes n items (or n places) takes up to n waiters of the other side out of the list
//      in the same section, and wakes them after it.
//   3. A waiter taken out of a list lets the wake reach it before it returns: the wake touches it.
//   4. A waiter that was notified attempts once more before it leaves for any reason. If the attempt
//      finds nothing, another has what the notification announced. If the waiter cannot attempt
//      (T's move threw, its coroutine was destroyed, its select took another case), it passes the
//      notification on.
//
// Invariant, for either side, with "notified" = taken out of the list, attempt still to come:
// while the list is not empty, at least as many waiters are notified as there are items (places).
// Rule 1 starts it at zero items, rule 2 keeps it as items come, and an attempt lowers the left
// side by one only together with the right side (rule 4).
//
// A section holds both locks. The lists and closed_ change in sections only, so under either lock
// they stand still, and while nobody waits at the other side an attempt is made under the lock of
// its own end alone, unless it may have to drop the oldest. It owes nobody a notification: who enters
// the list of the other side later does so in a section, whose attempt finds what this one left. In a
// stream that flows, the two sides share no lock.
//
// An attempt in vain that took one lock has not seen all that the other side did before: a failed
// attempt synchronises with nothing. For waiting that is of no account, for rule 1 asks for a section.
#ifndef LLMS_DETAIL_STREAM_CORE_HPP
#define LLMS_DETAIL_STREAM_CORE_HPP

#include <llms/detail/stream_parker.hpp>
#include <llms/detail/stream_ring.hpp>
#include <llms/detail/stream_waiter.hpp>
#include <llms/error.hpp>
#include <llms/stream/channel_options.hpp>
#include <llms/stream/conqueue_status.hpp>
#include <llms/stream/wait_limit.hpp>

#include <array>
#include <atomic>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <stop_token>
#include <utility>

namespace llms::inline v0_1::detail {

/// Who waits: for an item, or for room.
enum class stream_side : bool { pop, push };

template <class T, class Platform>
class stream_core {
public:
    using platform = Platform;
    using value_type = T;

    explicit stream_core(channel_options options)
        : when_full_(options.when_full),
          ring_(options.capacity != 0 ? options.capacity
                                      : throw error("channel: the capacity must be at least 1")) {}
    stream_core(stream_core const&) = delete;
    auto operator=(stream_core const&) -> stream_core& = delete;
    /// Unlocking is the last that an attempt or a close does here. Who has its item, or has seen the
    /// end, may destroy the channel, and waits for the other only if that has not unlocked yet.
    ~stream_core() {
        ring_.back_lock().await_free();
        ring_.front_lock().await_free();
        assert(poppers_.empty() && pushers_.empty());
    }

    /// A critical section at the back, the front or both. One of both wakes, outside the locks, whom
    /// it took out of the lists.
    template <bool Back, bool Front>
    class section_at {
    public:
        explicit section_at(stream_core& core) noexcept : core_(core) {
            if constexpr (Back) { // always first
                core_.ring_.back_lock().lock();
            }
            if constexpr (Front) {
                core_.ring_.front_lock().lock();
            }
        }
        section_at(section_at const&) = delete;
        auto operator=(section_at const&) -> section_at& = delete;
        ~section_at() {
            if constexpr (Front) {
                core_.ring_.front_lock().unlock();
            }
            if constexpr (Back) {
                core_.ring_.back_lock().unlock();
            }
            woken_.wake_all();
        }

        /// Takes the first item: `sink(T&&)` puts it where it belongs. If that throws, the item
        /// stays, as its move constructor left it.
        template <class Sink>
        auto take(Sink&& sink) -> conqueue_status {
            std::size_t taken = 0;
            return take_some(sink, 1, taken);
        }

        /// Takes up to `max` items and says how many; what was taken before a throw stays taken.
        template <class Sink>
        auto take_some(Sink&& sink, std::size_t max, std::size_t& taken) -> conqueue_status {
            static_assert(Front);
            taken = 0;
            try {
                core_.ring_.take_front(sink, max, taken);
            } catch (...) {
                notify(core_.pushers_, taken);
                throw;
            }
            if (taken == 0) {
                // Of a closed channel that was all: it cannot have been closed since.
                return core_.closed() ? conqueue_status::closed : conqueue_status::empty;
            }
            notify(core_.pushers_, taken);
            return conqueue_status::success;
        }

        /// Puts `value` in, or leaves it alone. An item that has to go for it is moved to
        /// `evicted`, to be destroyed outside the locks.
        template <class Value>
        auto put(Value&& value, std::optional<T>& evicted) -> conqueue_status {
            static_assert(Back);
            if (core_.closed()) {
                return conqueue_status::closed;
            }
            if (!core_.ring_.has_room() && !evict_first(evicted)) {
                return conqueue_status::full;
            }
            core_.ring_.emplace_back(std::forward<Value>(value));
            notify(core_.poppers_, 1);
            return conqueue_status::success;
        }

        void enqueue(stream_side side, stream_waiter& waiter) noexcept {
            static_assert(Back && Front);
            core_.waiters(side).push_back(waiter);
        }
        void dequeue(stream_side side, stream_waiter& waiter) noexcept {
            static_assert(Back && Front);
            core_.waiters(side).erase(waiter);
        }

        /// Notifies somebody else, for a waiter that was notified and cannot attempt.
        void pass_on(stream_side side) noexcept {
            static_assert(Back && Front);
            notify(core_.waiters(side), 1);
        }

        /// False if it was closed before; `failure` is swapped in otherwise.
        auto close(std::exception_ptr& failure) noexcept -> bool {
            static_assert(Back && Front);
            if (core_.closed()) {
                return false;
            }
            core_.failure_.swap(failure);
            core_.closed_.store(true, std::memory_order_release);
            notify(core_.poppers_, everybody);
            notify(core_.pushers_, everybody);
            return true;
        }

    private:
        static constexpr auto everybody = static_cast<std::size_t>(-1);

        void notify(stream_waiters& waiters, std::size_t count) noexcept {
            if constexpr (Back && Front) {
                woken_.take(waiters, count);
            } else {
                assert(waiters.empty());
            }
        }

        auto evict_first(std::optional<T>& evicted) -> bool {
            if constexpr (Front) {
                if (core_.when_full_ == backpressure::drop_oldest) {
                    std::size_t taken = 0;
                    core_.ring_.take_front([&](T&& item) { evicted.emplace(std::move(item)); }, 1,
                                           taken);
                    core_.dropped_.fetch_add(1, std::memory_order_relaxed);
                    return core_.ring_.has_room(); // looks, so that the back sees it gone
                }
            }
            return false;
        }

        stream_core& core_;
        stream_woken woken_;
    };

    using section = section_at<true, true>;

    /// Attempts once. `operation(inside)` says how it went; `inside` is a section, or the end of this
    /// side alone if that is enough.
    template <stream_side Side, class Operation>
    auto attempt(Operation&& operation) -> conqueue_status {
        constexpr auto pops = Side == stream_side::pop;
        if (pops || when_full_ != backpressure::drop_oldest) {
            section_at<!pops, pops> inside(*this);
            if ((pops ? pushers_ : poppers_).empty()) {
                return operation(inside);
            }
        }
        section inside(*this);
        return operation(inside);
    }

    /// Attempts until it need not wait any more or `limit` ends the wait.
    template <stream_side Side, class Operation>
    auto wait(wait_limit const& limit, Operation&& operation) -> conqueue_status {
        if (limit.stop_requested()) {
            return conqueue_status::stopped;
        }
        auto& slept = sleeps_[static_cast<std::size_t>(Side)];
        auto const awake = [&](auto& inside) { // afterwards the channel may be gone
            auto const status = operation(inside);
            if (!must_wait(status) && slept.load(std::memory_order_relaxed) != 0) {
                slept.store(0, std::memory_order_relaxed);
            }
            return status;
        };
        auto status = attempt<Side>(awake);
        if (!must_wait(status)) {
            return status;
        }
        if (limit.never_waits()) {
            return conqueue_status::timeout;
        }
        // The other side of a fast stream is just about to act, and a sleep costs hundreds of
        // items. In a slow one, where several waits in a row ended in a sleep and nothing
        // was there without a wait, looking again is wasted.
        auto const slow = slept.load(std::memory_order_relaxed) >= 4;
        for (int round = slow ? Platform::wait_yields * 7 / 8 : 0; round < Platform::wait_yields;
             ++round) {
            Platform::yield();
            if (!looks_ready(Side)) {
                continue;
            }
            if (limit.stop_requested()) {
                return conqueue_status::stopped;
            }
            status = attempt<Side>(awake);
            if (!must_wait(status)) {
                return status;
            }
        }
        if (!slow) {
            slept.fetch_add(1, std::memory_order_relaxed);
        }
        return sleep(Side, limit, operation);
    }

    /// Whether an attempt that ended so is worth repeating.
    [[nodiscard]] auto must_wait(conqueue_status status) const noexcept -> bool {
        return status == conqueue_status::empty ||
               (status == conqueue_status::full && when_full_ == backpressure::block);
    }

    /// Whether an attempt may succeed; a hint, without a lock.
    [[nodiscard]] auto looks_ready(stream_side side) const noexcept -> bool {
        return closed() || (side == stream_side::pop ? size() != 0 : size() != capacity());
    }

    /// False if it was closed before.
    auto close(std::exception_ptr failure) noexcept -> bool {
        if (closed()) {
            return false;
        }
        return section(*this).close(failure);
    }

    [[nodiscard]] auto closed() const noexcept -> bool {
        return closed_.load(std::memory_order_acquire);
    }
    [[nodiscard]] auto size() const noexcept -> std::size_t { return ring_.size(); }
    [[nodiscard]] auto capacity() const noexcept -> std::size_t { return ring_.capacity(); }
    [[nodiscard]] auto dropped() const noexcept -> std::uint64_t {
        return dropped_.load(std::memory_order_relaxed);
    }

    /// What the channel was closed with. It is written once, before closed_, so who finds the
    /// channel closed may read it.
    [[nodiscard]] auto failure() const noexcept -> std::exception_ptr {
        return closed() ? failure_ : nullptr;
    }
    void rethrow_failure() const {
        if (auto error = failure()) {
            std::rethrow_exception(error);
        }
    }

    /// As if constructed again, but for a hint. Precondition: nobody else knows the channel.
    void reset() noexcept {
        assert(poppers_.empty() && pushers_.empty());
        ring_.clear();
        failure_ = nullptr;
        dropped_.store(0, std::memory_order_relaxed);
        closed_.store(false, std::memory_order_relaxed);
    }

private:
    /// A thread that waits at one side.
    struct sleeper : stream_waiter {
        sleeper() noexcept
            : stream_waiter([](stream_waiter& self) noexcept {
                  static_cast<sleeper&>(self).parker.wake();
              }) {}
        stream_parker<Platform> parker;
    };

    struct stop_sleeper {
        stream_parker<Platform>& parker;
        void operator()() const noexcept { parker.stop(); }
    };

    auto waiters(stream_side side) noexcept -> stream_waiters& {
        return side == stream_side::pop ? poppers_ : pushers_;
    }

    template <class Operation>
    auto sleep(stream_side side, wait_limit const& limit, Operation& operation) -> conqueue_status {
        sleeper self;
        auto const deadline = limit.deadline(Platform::now());
        // Destroyed before `self`, and its destructor waits for a callback that is running.
        std::optional<std::stop_callback<stop_sleeper>> on_stop;
        if (limit.stop() != nullptr && limit.stop()->stop_possible()) {
            on_stop.emplace(*limit.stop(), stop_sleeper{self.parker});
        }
        for (;;) {
            if (auto const status = attempt_or_enqueue(side, self, operation); !must_wait(status)) {
                return status;
            }
            auto const reason = self.parker.sleep(deadline);
            if (reason != conqueue_status::success && withdraw(side, self)) {
                return reason;
            }
            // Here the waiter was notified, perhaps as its time ran out, and attempts again.
        }
    }

    template <class Operation>
    auto attempt_or_enqueue(stream_side side, sleeper& self, Operation& operation)
        -> conqueue_status {
        section inside(*this);
        try {
            auto const status = operation(inside);
            if (must_wait(status)) {
                inside.enqueue(side, self);
            }
            return status;
        } catch (...) {
            // Perhaps not notified at all; one notification too many is harmless.
            inside.pass_on(side);
            throw;
        }
    }

    /// Leaves the list; false if it was taken out to be woken, and then the wake has arrived.
    auto withdraw(stream_side side, sleeper& self) noexcept -> bool {
        {
            section inside(*this);
            if (self.queued) {
                inside.dequeue(side, self);
                return true;
            }
        }
        self.parker.take(1);
        return false;
    }

    // All but the ring is read by every operation and written by few.
    backpressure const when_full_;
    std::atomic<bool> closed_{false};
    // For each side, the sleeps since it last got something without one; a hint.
    std::array<std::atomic<std::uint8_t>, 2> sleeps_{};
    stream_waiters poppers_;
    stream_waiters pushers_;
    std::atomic<std::uint64_t> dropped_{0};
    std::exception_ptr failure_;
    stream_ring<T, Platform> ring_;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_STREAM_CORE_HPP
