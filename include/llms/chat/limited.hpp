// SPDX-License-Identifier: MIT
//
// `limited(options)`: the middleware that keeps to a provider's limits: requests and tokens per minute,
// and calls at one time. What is too much waits, first come first served, until there is room for it, its
// stop_token is stopped or `max_wait` has passed.
//
//     auto client = provider | llms::limited({.requests_per_minute = 500,
//                                             .tokens_per_minute = 200'000,
//                                             .max_concurrent = 16}) | llms::retrying();
//
// Copies share one limiter; several providers share one that is made by hand: `llms::limiter quota{...}`
// and `limited(quota)`. Tokens are taken by an estimate, the input's and `max_tokens`, and set right by
// the usage once it is known. A stream holds its place until it has ended, failed or been dropped.
//
// Thread safety: all of it. Cost: two locks a call, held for some arithmetic.
#ifndef LLMS_CHAT_LIMITED_HPP
#define LLMS_CHAT_LIMITED_HPP

#include <llms/chat/chunk.hpp>
#include <llms/chat/message_manager.hpp>
#include <llms/chat/middleware.hpp>
#include <llms/chat/provider.hpp>
#include <llms/chat/provider_error.hpp>
#include <llms/chat/request.hpp>
#include <llms/chat/response.hpp>
#include <llms/detail/cache_wait.hpp>
#include <llms/detail/chat_holding.hpp>
#include <llms/detail/chat_rate.hpp>
#include <llms/error.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <stop_token>
#include <utility>

namespace llms::inline v0_1 {

/// What `limited` keeps to; 0 = no limit.
struct limit_options {
    double requests_per_minute = 0;
    double tokens_per_minute = 0; ///< of input and answer
    /// What was not used is saved for so long, to be used at once; one request always is. A request for
    /// more tokens waits for all that can be saved, and later ones for its debt.
    std::chrono::nanoseconds burst = std::chrono::seconds{1};
    std::size_t max_concurrent = 0;
    /// A call that has waited so long fails as `failure::rate_limited`, unsent; zero = none waits.
    std::chrono::nanoseconds max_wait = std::chrono::nanoseconds::max();
    token_counter count_tokens{}; ///< of a message; by default `estimate_tokens`
};

/// Limits that calls share; a copy is the same limiter.
template <class Clock = std::chrono::steady_clock>
class basic_limiter {
    struct state;

public:
    /// \throws error when a limit is negative
    explicit basic_limiter(limit_options options)
        : state_(std::make_shared<state>(std::move(options))) {}

    /// The place of one call, given up by its destructor.
    class permit {
    public:
        permit(permit&&) noexcept = default;
        auto operator=(permit&&) -> permit& = delete;
        ~permit() {
            if (state_) {
                state_->leave(too_few_);
            }
        }

        void settle(response const& answer) noexcept {
            settle(answer.usage, answer.cached || answer.coalesced);
        }
        void took(chunk const& piece) noexcept {
            if (piece.kind == chunk_kind::end) {
                settle(piece.usage, piece.cached || piece.coalesced);
            }
        }

    private:
        friend basic_limiter;
        permit(std::shared_ptr<state> from, std::int64_t tokens)
            : state_(std::move(from)),
              tokens_(tokens) {}

        // Providers that tell no usage are taken by the estimate.
        void settle(usage const& used, bool free) noexcept {
            if (free || used != usage{}) {
                too_few_ = detail::tokens_of(used) - tokens_;
            }
        }

        std::shared_ptr<state> state_;
        std::int64_t tokens_;      // taken
        std::int64_t too_few_ = 0; // the usage exceeds them by so much
    };

    /// Waits until there is room for the request.
    /// \throws provider_error (rate_limited, with the earliest time in `retry_after()` where it is
    /// known) after `max_wait`; cancelled_error when `stop` was stopped first.
    [[nodiscard]] auto enter(request const& ask, std::stop_token const& stop) -> permit {
        auto const& options = state_->options;
        std::int64_t tokens = 0;
        if (options.tokens_per_minute > 0) {
            tokens = detail::input_tokens(ask, options.count_tokens) +
                     detail::bounded_tokens(ask.max_tokens.value_or(0));
        }
        state_->enter(static_cast<double>(tokens), stop);
        return permit(state_, tokens);
    }

    /// How many calls have a place now.
    [[nodiscard]] auto active() const -> std::size_t {
        std::lock_guard const lock(state_->mutex);
        return state_->active;
    }
    /// How many wait for one.
    [[nodiscard]] auto waiting() const -> std::size_t {
        std::lock_guard const lock(state_->mutex);
        return state_->queue.size();
    }

private:
    using bucket = detail::rate_bucket<Clock>;
    using time_point = typename bucket::time_point;

    struct waiter {
        bool called = false;             // look again
        std::condition_variable changed; // notified when called is set
    };

    // The first of the queue alone looks at the limits and waits for a time; the others wait until
    // they are first. Whoever makes a waiter the first, or makes room, calls the first.
    struct state {
        explicit state(limit_options&& from)
            : options(std::move(from)),
              requests(options.requests_per_minute, options.burst),
              tokens(options.tokens_per_minute, options.burst) {
            if (!(options.requests_per_minute >= 0) || !(options.tokens_per_minute >= 0) ||
                options.burst.count() < 0) {
                throw error("limited: a limit cannot be negative");
            }
        }

        void enter(double amount, std::stop_token const& stop) {
            auto const begun = time_point(Clock::now());
            {
                std::lock_guard const lock(mutex);
                if (queue.empty() && admit(amount, begun)) {
                    return;
                }
            }
            auto const deadline = options.max_wait < time_point::max() - begun
                                      ? begun + options.max_wait
                                      : time_point::max();
            std::list<waiter> own(1); // moved into the queue and out of it: no allocation there
            auto const me = own.begin();
            std::unique_lock lock(mutex);
            queue.splice(queue.end(), own);
            for (;;) {
                me->called = false;
                auto const now = time_point(Clock::now());
                bool const first = me == queue.begin();
                bool const admitted = first && admit(amount, now);
                bool const over = stop.stop_requested() || now >= deadline;
                if (admitted || over) {
                    own.splice(own.begin(), queue, me);
                    if (first) {
                        call_first();
                    }
                    if (admitted) {
                        return;
                    }
                    auto const left = room() ? when(amount) - now : std::chrono::nanoseconds{0};
                    lock.unlock();
                    give_up(stop, left);
                }
                auto const until = first && room() ? std::min(when(amount), deadline) : deadline;
                lock.unlock();
                detail::wait_within(mutex, me->changed, wait_limits<Clock>{stop, as_clock(until)},
                                    [&] { return me->called; });
                lock.lock();
            }
        }

        void leave(std::int64_t too_few) {
            std::lock_guard const lock(mutex);
            --active;
            if (too_few != 0) {
                tokens.take(static_cast<double>(too_few), Clock::now());
            }
            call_first();
        }

        limit_options const options;
        mutable std::mutex mutex; // guards all below
        bucket requests;
        bucket tokens;
        std::size_t active = 0;
        std::list<waiter> queue; // oldest first

    private:
        [[nodiscard]] auto room() const -> bool {
            return options.max_concurrent == 0 || active < options.max_concurrent;
        }
        [[nodiscard]] auto when(double amount) const -> time_point {
            return std::max(requests.when(1), tokens.when(amount));
        }
        [[nodiscard]] auto admit(double amount, time_point now) -> bool {
            if (!room() || when(amount) > now) {
                return false;
            }
            requests.take(1, now);
            tokens.take(amount, now);
            ++active;
            return true;
        }
        void call_first() {
            if (!queue.empty()) {
                queue.front().called = true;
                queue.front().changed.notify_one(); // under the lock: it may leave at any time
            }
        }

        [[nodiscard]] static auto as_clock(time_point at) {
            // Rounded up, so that it is not waited for twice; max() stays.
            using target = typename Clock::time_point;
            return at == time_point::max() ? target::max()
                                           : std::chrono::ceil<typename Clock::duration>(at);
        }

        [[noreturn]] static void give_up(std::stop_token const& stop,
                                         std::chrono::nanoseconds left) {
            if (stop.stop_requested()) {
                throw cancelled_error("limited: the call was cancelled while it waited");
            }
            provider_error::details known{.kind = failure::rate_limited};
            if (left.count() > 0) { // else nobody knows
                known.retry_after = std::chrono::ceil<std::chrono::milliseconds>(left);
            }
            throw provider_error("limited: there was no room for the call within max_wait; it was "
                                 "not sent",
                                 std::move(known));
        }
    };

    std::shared_ptr<state> state_;
};

/// A limiter of the usual clock.
using limiter = basic_limiter<>;

/// The middleware that `limited` makes.
template <class Clock>
class limited_middleware {
public:
    explicit limited_middleware(basic_limiter<Clock> limits) : limits_(std::move(limits)) {}
    template <provider P>
    [[nodiscard]] auto wrap(P inner) && {
        static_assert(!has_layer<P, layers_of_many_calls>,
                      "limits are of requests to the provider: write `provider | limited(...)` "
                      "before retrying, hedged, coalesced, cached and with_tools");
        return detail::holding_provider<P, basic_limiter<Clock>>(std::move(inner),
                                                                 std::move(limits_));
    }

private:
    basic_limiter<Clock> limits_;
};

/// Keeps to the limits of `limits`, together with all else that does.
template <class Clock>
[[nodiscard]] auto limited(basic_limiter<Clock> limits) -> limited_middleware<Clock> {
    return limited_middleware<Clock>(std::move(limits));
}

/// Keeps to limits of its own.
[[nodiscard]] inline auto limited(limit_options options)
    -> limited_middleware<std::chrono::steady_clock> {
    return limited(limiter(std::move(options)));
}

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_LIMITED_HPP
