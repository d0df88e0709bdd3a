// SPDX-License-Identifier: MIT
//
// `hedged({.after = t})`: the middleware that asks a second time when no answer has come after `t`, or no
// first chunk of a stream; the first answer is taken, and the other call stopped. It cuts the slowest
// calls of a provider whose time varies: with the 95th percentile as `t`, one call in twenty is made
// twice.
//
//     auto client = provider | llms::hedged({.after = 3s});
//
// A call that fails leaves the others going; when none is left, the first error is thrown. Calls that
// are stopped may cost what they had made; `stats()` says how many there were. It stands inside of
// `retrying`, `coalesced` and `cached`.
//
// Thread safety: as the provider's. Calls that were stopped are not waited for by their caller, but by
// the last of the client's copies and its streams to go. Cost: a thread a call, tens of us, and a copy
// of the request.
// Source: J. Dean, L. A. Barroso, "The Tail at Scale", CACM 56(2), 2013 (hedged requests).
#ifndef LLMS_CHAT_HEDGED_HPP
#define LLMS_CHAT_HEDGED_HPP

#include <llms/chat/chunk.hpp>
#include <llms/chat/middleware.hpp>
#include <llms/chat/provider.hpp>
#include <llms/chat/request.hpp>
#include <llms/chat/response.hpp>
#include <llms/chat/response_stream.hpp>
#include <llms/detail/cache_wait.hpp>
#include <llms/detail/chat_pause.hpp>
#include <llms/detail/chat_stops.hpp>
#include <llms/detail/chat_worker_group.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace llms::inline v0_1 {

/// When `hedged` asks again.
struct hedged_options {
    std::chrono::nanoseconds after = std::chrono::seconds(5); ///< from one call to the next
    std::size_t max_calls = 2;                                ///< the first included
    /// Called on the caller's thread before each further call: its number, from 1.
    std::function<void(std::size_t)> on_hedge{};
};

/// What a `hedged` has done so far.
struct hedged_stats {
    std::uint64_t calls = 0;  ///< of its callers
    std::uint64_t hedges = 0; ///< further calls made for them
    std::uint64_t won = 0;    ///< ... that answered first
};

namespace detail {

/// Calls of which the first that answers wins.
template <class T>
class call_race {
public:
    explicit call_race(std::size_t most) : stops_(std::max<std::size_t>(most, 1)) {}

    [[nodiscard]] auto most() const noexcept -> std::size_t { return stops_.size(); }
    [[nodiscard]] auto token(std::size_t number) const noexcept -> std::stop_token {
        return stops_[number].get_token();
    }

    /// Runs call number `number` to its end, on its own thread.
    template <class Call>
    void run(std::size_t number, Call call) noexcept {
        std::exception_ptr failure;
        try {
            auto answer = call(token(number));
            std::lock_guard const lock(mutex_);
            if (answer_) {
                return; // what is not wanted goes after the lock
            }
            answer_.emplace(std::move(answer));
            winner_ = number;
            changed_.notify_all();
        } catch (...) {
            failure = std::current_exception();
        }
        if (!failure) {
            stop_all_but(number);
            return;
        }
        std::lock_guard const lock(mutex_);
        if (failures_++ == 0) {
            failure_ = std::move(failure); // this thread keeps no part of it
        }
        changed_.notify_all();
    }

    void stop_all_but(std::size_t number) noexcept {
        for (std::size_t i = 0; i < most(); ++i) {
            if (i != number) {
                stops_[i].request_stop();
            }
        }
    }
    void stop_all() noexcept { stop_all_but(most()); }

    /// Waits for the answer of `started` calls and returns it with the number of its call; nothing when
    /// `limits` are spent. \throws the first error when all have failed.
    [[nodiscard]] auto wait(std::size_t started, wait_limits<> const& limits)
        -> std::optional<std::pair<T, std::size_t>> {
        wait_within(mutex_, changed_, limits, [&] { return answer_ || failures_ == started; });
        std::lock_guard const lock(mutex_);
        if (answer_) {
            return std::pair{*std::move(answer_), winner_};
        }
        if (failures_ == started) {
            std::rethrow_exception(std::exchange(failure_, nullptr));
        }
        return std::nullopt;
    }

private:
    std::vector<std::stop_source> stops_; // of each call that may be; constant
    std::mutex mutex_;                    // guards what follows
    std::condition_variable changed_;
    std::optional<T> answer_; // moved from once it has been returned
    std::size_t winner_ = 0;
    std::size_t failures_ = 0;
    std::exception_ptr failure_; // the first; taken by who is told
};

} // namespace detail

/// A provider that asks again when an answer is late; made by `hedged`.
template <provider P>
class hedged_provider {
public:
    static constexpr auto layers = layers_of<P> | layer::hedged;

    hedged_provider(P inner, hedged_options options)
        : shared_(std::make_shared<shared>(std::move(inner), std::move(options))) {}

    [[nodiscard]] auto complete(request const& ask, std::stop_token stop = {}) -> response {
        detail::throw_if_stopped(stop);
        race<response> calls(*shared_, ask, [](P& inner, request const& again, auto const& token) {
            return inner.complete(again, token);
        });
        return calls.first_answer(stop);
    }

    [[nodiscard]] auto stream(request const& ask, std::stop_token stop = {}) -> response_stream {
        detail::throw_if_stopped(stop);
        return response_stream(std::make_unique<source>(shared_, ask, std::move(stop)));
    }

    [[nodiscard]] auto name() const -> std::string_view { return shared_->inner.name(); }

    [[nodiscard]] auto stats() const noexcept -> hedged_stats {
        return {shared_->calls.load(std::memory_order_relaxed),
                shared_->hedges.load(std::memory_order_relaxed),
                shared_->won.load(std::memory_order_relaxed)};
    }

private:
    struct shared {
        shared(P&& inner_, hedged_options&& options_)
            : inner(std::move(inner_)),
              options(std::move(options_)) {}
        P inner;
        hedged_options const options;
        std::atomic<std::uint64_t> calls{0}; // only counted: relaxed, as the next two
        std::atomic<std::uint64_t> hedges{0};
        std::atomic<std::uint64_t> won{0};
        detail::worker_group workers; // goes first: its threads use `inner`
    };

    // The calls made for one caller: the first begins here, and all are stopped with this.
    template <class T>
    class race {
    public:
        using call = T (*)(P&, request const&, std::stop_token const&);

        race(shared& owner, request const& ask, call make)
            : owner_(&owner),
              make_(make),
              ask_(std::make_shared<request const>(ask.clone())),
              calls_(std::make_shared<detail::call_race<T>>(owner.options.max_calls)) {
            owner.calls.fetch_add(1, std::memory_order_relaxed);
            start();
        }
        race(race const&) = delete;
        auto operator=(race const&) -> race& = delete;
        ~race() { calls_->stop_all(); }

        void stop_all() const noexcept { calls_->stop_all(); }

        [[nodiscard]] auto first_answer(std::stop_token const& stop) -> T {
            for (;;) {
                wait_limits<> limits{.stop = stop};
                if (started_ < calls_->most()) {
                    limits.deadline = due_;
                }
                if (auto won = calls_->wait(started_, limits)) {
                    owner_->won.fetch_add(won->second > 0 ? 1 : 0, std::memory_order_relaxed);
                    return std::move(won->first);
                }
                detail::throw_if_stopped(stop);
                hedge();
            }
        }

    private:
        void hedge() {
            if (owner_->options.on_hedge) {
                owner_->options.on_hedge(started_);
            }
            try {
                start();
                owner_->hedges.fetch_add(1, std::memory_order_relaxed);
            } catch (std::system_error const&) { // no thread is to be had: the others go on
                due_ = std::chrono::steady_clock::time_point::max();
            }
        }

        void start() {
            owner_->workers.run([inner = &owner_->inner, make = make_, ask = ask_, calls = calls_,
                                 number = started_]() noexcept {
                calls->run(number,
                           [&](std::stop_token const& stop) { return make(*inner, *ask, stop); });
            });
            ++started_;
            due_ = detail::deadline_in(owner_->options.after);
        }

        shared* owner_;
        call make_;
        std::shared_ptr<request const> ask_; // shared with the threads, as the next
        std::shared_ptr<detail::call_race<T>> calls_;
        std::size_t started_ = 0;
        std::chrono::steady_clock::time_point due_; // the next call, if there may be one
    };

    struct begun_stream {
        response_stream stream;
        chunk first;
    };

    class source final : public chunk_source {
    public:
        source(std::shared_ptr<shared> from, request const& ask, std::stop_token stop)
            : shared_(std::move(from)),
              outer_(std::move(stop)),
              race_(*shared_, ask, begin),
              forward_(outer_, stop_all{&race_}) {}

        [[nodiscard]] auto next(chunk& out, std::stop_token const& stop) -> bool override {
            if (!stream_) {
                auto begun =
                    detail::with_either_stop(outer_, stop, [this](std::stop_token const& either) {
                        return race_.first_answer(either);
                    });
                stream_.emplace(std::move(begun.stream));
                out = std::move(begun.first);
                return true;
            }
            auto const* const piece = stream_->next(stop);
            if (piece != nullptr) {
                out = *piece;
            }
            return piece != nullptr;
        }

    private:
        struct stop_all {
            race<begun_stream> const* calls;
            void operator()() const noexcept { calls->stop_all(); }
        };

        static auto begin(P& inner, request const& ask, std::stop_token const& stop)
            -> begun_stream {
            auto stream = inner.stream(ask, stop);
            auto first = *stream.next(stop); // a stream that has not begun has a chunk, or throws
            return {std::move(stream), std::move(first)};
        }

        std::shared_ptr<shared> shared_; // the threads must not go before the calls
        std::stop_token outer_;
        race<begun_stream> race_;
        std::stop_callback<stop_all> forward_; // for the call that has won
        std::optional<response_stream> stream_;
    };

    std::shared_ptr<shared> shared_;
};

/// The middleware that `hedged` makes.
class hedged_middleware {
public:
    explicit hedged_middleware(hedged_options options) : options_(std::move(options)) {}
    template <provider P>
    [[nodiscard]] auto wrap(P inner) && {
        static_assert(!has_layer<P, layer::with_tools>,
                      "a second call would run the tools again: write `provider | hedged(...) | "
                      "with_tools(...)`");
        return hedged_provider<P>(std::move(inner), std::move(options_));
    }

private:
    hedged_options options_;
};

/// Asks again when an answer is late.
[[nodiscard]] inline auto hedged(hedged_options options) -> hedged_middleware {
    return hedged_middleware(std::move(options));
}

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_HEDGED_HPP
