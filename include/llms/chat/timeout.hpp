// SPDX-License-Identifier: MIT
//
// `timeout(limits)`: the middleware that ends calls which take too long: in all, until the first chunk
// of a stream, or between two chunks.
//
//     auto client = provider | llms::timeout({.total = 60s, .first_chunk = 10s, .idle = 5s})
//                            | llms::retrying();
//
// A call that is over a limit is stopped through its stop_token and fails with a provider_error of
// kind timeout that names the limit; that may be retried. Inside of `retrying` the limits are those of
// each attempt, outside those of all. The time that the consumer of a stream spends between two
// `next` counts to the total only. A provider that does not heed its stop_token is not interrupted.
//
// Thread safety: as the provider's. Cost: one thread for all calls, from the first on until the client
// and its streams are gone; about a lock a call, and two a chunk where first_chunk or idle is set.
// Callbacks on the stop_token run on that thread, and must not destroy the client.
#ifndef LLMS_CHAT_TIMEOUT_HPP
#define LLMS_CHAT_TIMEOUT_HPP

#include <llms/chat/chunk.hpp>
#include <llms/chat/middleware.hpp>
#include <llms/chat/provider.hpp>
#include <llms/chat/provider_error.hpp>
#include <llms/chat/request.hpp>
#include <llms/chat/response.hpp>
#include <llms/chat/response_stream.hpp>
#include <llms/detail/chat_deadlines.hpp>
#include <llms/detail/chat_pause.hpp>
#include <llms/error.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

namespace llms::inline v0_1 {

/// How long a call may take. max() = without a limit.
struct timeout_limits {
    static constexpr auto none = std::chrono::nanoseconds::max();

    std::chrono::nanoseconds total = none;       ///< from the call to the whole answer
    std::chrono::nanoseconds first_chunk = none; ///< of a stream: from the call to its first chunk
    std::chrono::nanoseconds idle = none;        ///< of a stream: from one chunk to the next
};

namespace detail {

/// One call under limits.
class timed_call {
    using clock = std::chrono::steady_clock;

public:
    timed_call(deadline_timer& timer, timeout_limits const& limits, std::stop_token outer)
        : limits_(limits),
          outer_(std::move(outer)),
          watch_(timer, outer_),
          total_due_(deadline_in(limits.total)) {
        if (total_due_ != deadline_timer::never) {
            watch_.until(total_due_);
        }
    }

    [[nodiscard]] auto token() const noexcept -> std::stop_token { return watch_.token(); }

    /// Returns `wait()`, which is stopped at the end of the call. \throws provider_error for that.
    template <class Wait>
    auto whole(std::stop_token const& inner, Wait wait) -> decltype(wait()) {
        try {
            return wait();
        } catch (cancelled_error const&) {
            if (outer_.stop_requested() || inner.stop_requested() || !watch_.over()) {
                throw;
            }
        }
        fail();
    }

    /// The same, but stopped when the first chunk is overdue.
    template <class Wait>
    auto first_chunk(std::stop_token const& inner, Wait wait) -> decltype(wait()) {
        auto const begun =
            limits_.first_chunk == timeout_limits::none ? clock::time_point() : clock::now();
        auto result = within(limits_.first_chunk, "first_chunk", inner, wait);
        if (limits_.first_chunk != timeout_limits::none) {
            limits_.first_chunk -= clock::now() - begun; // the rest is for the next wait for it
        }
        return result;
    }

    /// The same, but stopped when the next chunk is overdue.
    template <class Wait>
    auto next_chunk(std::stop_token const& inner, Wait wait) -> decltype(wait()) {
        return within(limits_.idle, "idle", inner, wait);
    }

private:
    template <class Wait>
    auto within(std::chrono::nanoseconds limit, char const* name, std::stop_token const& inner,
                Wait const& wait) -> decltype(wait()) {
        if (limit == timeout_limits::none) {
            return whole(inner, wait);
        }
        auto const due = deadline_in(limit);
        if (!watch_.until(std::min(due, total_due_))) {
            throw_if_stopped(outer_);
            throw_if_stopped(inner);
            fail();
        }
        passed_ = due < total_due_ ? name : "total";
        auto result = whole(inner, wait);
        if (watch_.until(total_due_)) { // else it is `passed_` that has come, at the last moment
            passed_ = "total";
        }
        return result;
    }

    [[noreturn]] void fail() const {
        throw provider_error(failure::timeout,
                             std::string("timeout: the call was over its limit \"") + passed_ +
                                 '"');
    }

    timeout_limits limits_;
    std::stop_token outer_;
    deadline_timer::watch watch_;
    deadline_timer::time_point total_due_;
    char const* passed_ = "total"; // the limit that the deadline at hand is
};

} // namespace detail

/// A provider whose calls are limited in time; made by `timeout`.
template <provider P>
class timeout_provider {
public:
    static constexpr auto layers = layers_of<P>;

    timeout_provider(P inner, timeout_limits limits)
        : shared_(std::make_shared<shared>(std::move(inner), limits)) {}

    /// \throws provider_error of kind timeout when a limit has passed.
    [[nodiscard]] auto complete(request const& ask, std::stop_token stop = {}) -> response {
        detail::timed_call call(shared_->timer, shared_->limits, std::move(stop));
        return call.whole({}, [&] { return shared_->inner.complete(ask, call.token()); });
    }

    [[nodiscard]] auto stream(request const& ask, std::stop_token stop = {}) -> response_stream {
        return response_stream(std::make_unique<source>(shared_, ask, std::move(stop)));
    }

    [[nodiscard]] auto name() const -> std::string_view { return shared_->inner.name(); }

private:
    struct shared {
        shared(P&& inner_, timeout_limits const& limits_)
            : inner(std::move(inner_)),
              limits(limits_) {}
        P inner;
        timeout_limits const limits;
        detail::deadline_timer timer;
    };

    class source final : public chunk_source {
    public:
        source(std::shared_ptr<shared> from, request const& ask, std::stop_token stop)
            : shared_(std::move(from)),
              call_(shared_->timer, shared_->limits, std::move(stop)),
              inner_(call_.first_chunk({},
                                       [&] { return shared_->inner.stream(ask, call_.token()); })) {
        }

        [[nodiscard]] auto next(chunk& out, std::stop_token const& stop) -> bool override {
            auto const take = [&] {
                return inner_.next(stop);
            };
            auto const* const piece = std::exchange(begun_, true) ? call_.next_chunk(stop, take)
                                                                  : call_.first_chunk(stop, take);
            if (piece != nullptr) {
                out = *piece;
            }
            return piece != nullptr;
        }

    private:
        std::shared_ptr<shared> shared_; // the timer must not go before the call
        detail::timed_call call_;
        response_stream inner_;
        bool begun_ = false;
    };

    std::shared_ptr<shared> shared_;
};

/// The middleware that `timeout` makes.
class timeout_middleware {
public:
    explicit timeout_middleware(timeout_limits limits) noexcept : limits_(limits) {}
    template <provider P>
    [[nodiscard]] auto wrap(P inner) && {
        return timeout_provider<P>(std::move(inner), limits_);
    }

private:
    timeout_limits limits_;
};

/// Limits the time of calls.
[[nodiscard]] inline auto timeout(timeout_limits limits) noexcept -> timeout_middleware {
    return timeout_middleware(limits);
}

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_TIMEOUT_HPP
