// SPDX-License-Identifier: MIT
//
// How the flights wait: for a condition, but no longer than a caller's stop_token and deadline
// allow. std::condition_variable_any knows stop_tokens but locks a second mutex per wait, and knows
// no deadline in a clock that tests can move; a stop_callback that notifies does both with one
// mutex.
#ifndef LLMS_DETAIL_CACHE_WAIT_HPP
#define LLMS_DETAIL_CACHE_WAIT_HPP

#include <llms/error.hpp>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <string>

namespace llms::inline v0_1 {

/// How long a caller is willing to wait: until `stop` is stopped or `deadline` has come.
template <class Clock = std::chrono::steady_clock>
struct wait_limits {
    std::stop_token stop = {};
    typename Clock::time_point deadline = Clock::time_point::max(); ///< max() = no deadline

    /// Tells whether the caller has been stopped or its deadline has come.
    [[nodiscard]] auto spent() const -> bool {
        return stop.stop_requested() ||
               (deadline != Clock::time_point::max() && Clock::now() >= deadline);
    }

    /// Throws `cancelled_error` if stopped, else `timeout_error`; `who` begins the message.
    [[noreturn]] void give_up(char const* who) const {
        if (stop.stop_requested()) {
            throw cancelled_error(std::string(who) + ": the caller's stop_token was stopped");
        }
        throw timeout_error(std::string(who) + ": the caller's deadline came first");
    }
};

namespace detail {

/// Blocks until `ready()`, which is called under `mutex`, or until `limits` are spent. What became
/// of it the caller looks up under the lock: a result that came at the last moment is taken.
/// \pre `mutex` is not held by this thread: a stop_callback runs inside its own constructor when
/// stop was requested before, and its destructor waits for one that runs elsewhere.
template <class Clock, class Ready>
void wait_within(std::mutex& mutex, std::condition_variable& changed,
                 wait_limits<Clock> const& limits, Ready ready) {
    auto const wake = [&] {
        // The lock orders this after the waiter's check of stop_requested(): no wake-up is lost.
        std::lock_guard const lock(mutex);
        changed.notify_all();
    };
    std::stop_callback const on_stop(limits.stop, wake);
    auto const over = [&] {
        return ready() || limits.stop.stop_requested();
    };
    std::unique_lock lock(mutex);
    if (limits.deadline == Clock::time_point::max()) { // max() would overflow in wait_until
        changed.wait(lock, over);
    } else {
        changed.wait_until(lock, limits.deadline, over);
    }
}

/// Blocks until `limits` are spent.
template <class Clock>
void wait_out(wait_limits<Clock> const& limits) {
    std::mutex nobody;
    std::condition_variable never;
    wait_within(nobody, never, limits, [] { return false; });
}

} // namespace detail
} // namespace llms::inline v0_1

#endif // LLMS_DETAIL_CACHE_WAIT_HPP
