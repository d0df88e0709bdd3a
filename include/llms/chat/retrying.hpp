// SPDX-License-Identifier: MIT
//
// `retrying(policy)`: the middleware that makes a failed call again when that may help: after 429,
// 408, 409, 5xx, a lost connection or a stalled provider. It waits as long as the provider asks, else
// with decorrelated jitter, and never longer than its caller's stop_token lets it.
//
//     auto client = provider | llms::retrying({.max_attempts = 4});
//
// A stream is asked for again only while none of its chunks was given out, unless `resume_streams`
// says so: what a consumer has seen is never contradicted. Retries have a budget over all calls, so
// that a provider that is down is not hammered. Put it inside of `cached`, so that a flight is
// retried, not each caller.
//
// Thread safety: as the provider's.
#ifndef LLMS_CHAT_RETRYING_HPP
#define LLMS_CHAT_RETRYING_HPP

#include <llms/chat/chunk.hpp>
#include <llms/chat/middleware.hpp>
#include <llms/chat/provider.hpp>
#include <llms/chat/provider_error.hpp>
#include <llms/chat/request.hpp>
#include <llms/chat/response.hpp>
#include <llms/chat/response_stream.hpp>
#include <llms/detail/cache_wait.hpp>
#include <llms/detail/chat_stops.hpp>
#include <llms/error.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

namespace llms::inline v0_1 {

/// When and how often `retrying` asks again.
struct retry_policy {
    unsigned max_attempts = 3;                 ///< the first included; 1 = never again
    std::chrono::milliseconds base{500};       ///< the shortest wait
    std::chrono::milliseconds longest{20'000}; ///< of one wait, unless the provider asks for more
    /// A provider that asks for a longer wait than this is not waited for: its error is thrown.
    std::chrono::milliseconds longest_asked{60'000};
    /// Retries that each call adds to what all calls of the middleware may spend together; up to ten
    /// are saved, and are there from the beginning.
    double budget = 0.2;
    /// Ask again for a stream that broke off after text was given out, and go on behind that text if
    /// the new answer begins with the same; else, and once anything but text was given out, the
    /// error is thrown.
    bool resume_streams = false;
    /// Called before each wait, on the thread of the call.
    std::function<void(provider_error const&, std::chrono::milliseconds)> on_retry{};
    /// Waits; for tests. Throws cancelled_error when the token is stopped first.
    std::function<void(std::chrono::milliseconds, std::stop_token const&)> wait{};
};

namespace detail {

/// Waits for `time`, or throws cancelled_error once `stop` is stopped.
inline void wait_or_stop(std::chrono::milliseconds time, std::stop_token const& stop) {
    wait_out(wait_limits<>{.stop = stop, .deadline = std::chrono::steady_clock::now() + time});
    if (stop.stop_requested()) {
        throw cancelled_error("retrying: the call was cancelled while it waited");
    }
}

/// What all calls may spend on retries, in thousandths of one. Only the number counts, nothing else
/// is published with it: relaxed.
class retry_budget {
public:
    explicit retry_budget(double per_call) noexcept
        : per_call_(static_cast<std::int64_t>(std::clamp(per_call, 0.0, 10.0) * one)) {}

    /// A call begins.
    void add() noexcept {
        auto now = left_.load(std::memory_order_relaxed);
        while (now < most && !left_.compare_exchange_weak(now, std::min(most, now + per_call_),
                                                          std::memory_order_relaxed)) {}
    }

    /// Takes one retry, if it is there.
    [[nodiscard]] auto take() noexcept -> bool {
        auto now = left_.load(std::memory_order_relaxed);
        while (now >= one) {
            if (left_.compare_exchange_weak(now, now - one, std::memory_order_relaxed)) {
                return true;
            }
        }
        return false;
    }

private:
    static constexpr std::int64_t one = 1000;
    static constexpr std::int64_t most = 10 * one;

    std::int64_t per_call_;
    std::atomic<std::int64_t> left_ = most;
};

/// The attempts of one call.
class retry_plan {
public:
    retry_plan(retry_policy const& policy, retry_budget& budget)
        : policy_(&policy),
          budget_(&budget),
          last_(policy.base) {
        budget.add();
    }

    /// Waits before the next attempt, or rethrows the error being handled if there is to be none.
    void again_after(provider_error const& e, std::stop_token const& stop) {
        ++attempts_;
        auto const asked = e.retry_after();
        if (!e.retryable() || attempts_ >= policy_->max_attempts || stop.stop_requested() ||
            (asked && *asked > policy_->longest_asked) || !budget_->take()) {
            throw;
        }
        auto const pause = asked ? std::max(*asked, policy_->base) : next_pause();
        if (policy_->on_retry) {
            policy_->on_retry(e, pause);
        }
        (policy_->wait ? policy_->wait(pause, stop) : wait_or_stop(pause, stop));
    }

private:
    // Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015
    // (decorrelated): between the base and three times the pause before, at most `longest`.
    auto next_pause() -> std::chrono::milliseconds {
        auto const span = std::max<std::int64_t>(last_.count() * 3 - policy_->base.count(), 0);
        auto const random = static_cast<double>(next_random() >> 11U) * 0x1p-53;
        auto const pause = policy_->base + std::chrono::milliseconds{static_cast<std::int64_t>(
                                               random * static_cast<double>(span))};
        last_ = std::max(policy_->base, std::min(policy_->longest, pause));
        return last_;
    }

    // Source: S. Vigna, splitmix64, https://prng.di.unimi.it/splitmix64.c. One sequence for the
    // process: callers who fail together must not wait alike. Only the values matter, no order.
    static auto next_random() noexcept -> std::uint64_t {
        static std::atomic<std::uint64_t> state{static_cast<std::uint64_t>(
            std::chrono::steady_clock::now().time_since_epoch().count())};
        auto z = state.fetch_add(0x9E3779B97F4A7C15U, std::memory_order_relaxed);
        z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
        z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
        return z ^ (z >> 31U);
    }

    retry_policy const* policy_;
    retry_budget* budget_;
    std::chrono::milliseconds last_;
    unsigned attempts_ = 0;
};

} // namespace detail

/// A provider that asks again; made by `retrying`.
template <provider P>
class retrying_provider {
public:
    static constexpr auto layers = layers_of<P> | layer::retrying;

    retrying_provider(P inner, retry_policy policy)
        : shared_(std::make_shared<shared>(std::move(inner), std::move(policy))) {}

    [[nodiscard]] auto complete(request const& ask, std::stop_token stop = {}) -> response {
        detail::retry_plan plan(shared_->policy, shared_->budget);
        for (;;) {
            try {
                return shared_->inner.complete(ask, stop);
            } catch (provider_error const& e) {
                plan.again_after(e, stop);
            }
        }
    }

    [[nodiscard]] auto stream(request const& ask, std::stop_token stop = {}) -> response_stream {
        return response_stream(std::make_unique<source>(shared_, ask.clone(), std::move(stop)));
    }

    [[nodiscard]] auto name() const -> std::string_view { return shared_->inner.name(); }

private:
    struct shared {
        shared(P&& inner_, retry_policy&& policy_)
            : inner(std::move(inner_)),
              policy(std::move(policy_)),
              budget(policy.budget) {}
        P inner;
        retry_policy policy;
        detail::retry_budget budget;
    };

    class source final : public chunk_source {
    public:
        source(std::shared_ptr<shared> from, request ask, std::stop_token stop)
            : shared_(std::move(from)),
              ask_(std::move(ask)),
              stop_(std::move(stop)),
              plan_(shared_->policy, shared_->budget) {
            attempt(stop_, [this] { inner_.emplace(shared_->inner.stream(ask_, stop_)); });
        }

        [[nodiscard]] auto next(chunk& out, std::stop_token const& stop) -> bool override {
            return attempt(stop, [&] { return take(out, stop); });
        }

    private:
        [[nodiscard]] auto take(chunk& out, std::stop_token const& stop) -> bool {
            if (!inner_) {
                inner_.emplace(shared_->inner.stream(ask_, stop_));
                skip_ = given_out_.size();
            }
            while (auto const* const piece = inner_->next(stop)) {
                if (skip_ > 0) {
                    auto const known = std::min(skip_, piece->text.size());
                    if (piece->kind != chunk_kind::text ||
                        given_out_.compare(given_out_.size() - skip_, known, piece->text, 0,
                                           known) != 0) {
                        resumable_ = false;
                        throw provider_error(failure::connection,
                                             "the stream broke off, and the answer to another "
                                             "attempt is not the same so far");
                    }
                    skip_ -= known;
                    if (known == piece->text.size()) {
                        continue;
                    }
                    out = *piece;
                    out.text.erase(0, known);
                } else {
                    out = *piece;
                }
                begun_ = true;
                if (!shared_->policy.resume_streams || out.kind != chunk_kind::text) {
                    resumable_ = false;
                } else if (resumable_) {
                    given_out_ += out.text;
                }
                return true;
            }
            return false;
        }

        template <class Attempt>
        auto attempt(std::stop_token const& stop, Attempt make) -> decltype(make()) {
            for (;;) {
                try {
                    return make();
                } catch (provider_error const& e) {
                    if (begun_ && !resumable_) {
                        throw;
                    }
                    inner_.reset();
                    // The call's token ends the wait, and so does that of this `next`.
                    detail::with_either_stop(stop_, stop, [&](std::stop_token const& either) {
                        plan_.again_after(e, either);
                    });
                }
            }
        }

        std::shared_ptr<shared> shared_;
        request ask_;
        std::stop_token stop_;
        detail::retry_plan plan_;
        std::optional<response_stream> inner_;
        std::string given_out_; // the text so far, where streams are resumed
        std::size_t skip_ = 0;  // bytes of it that the stream now read has not repeated yet
        bool begun_ = false;    // a chunk was given out
        bool resumable_ = true; // ... and nothing but text that given_out_ holds
    };

    std::shared_ptr<shared> shared_;
};

/// The middleware that `retrying` makes.
class retrying_middleware {
public:
    explicit retrying_middleware(retry_policy policy) : policy_(std::move(policy)) {}
    template <provider P>
    [[nodiscard]] auto wrap(P inner) && {
        static_assert(!has_layer<P, layer::with_tools>,
                      "a retry would run the tools again: write `provider | retrying() | "
                      "with_tools(...)`");
        return retrying_provider<P>(std::move(inner), std::move(policy_));
    }

private:
    retry_policy policy_;
};

/// Makes failed calls again, as `policy` says.
[[nodiscard]] inline auto retrying(retry_policy policy = {}) -> retrying_middleware {
    return retrying_middleware(std::move(policy));
}

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_RETRYING_HPP
