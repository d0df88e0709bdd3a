// SPDX-License-Identifier: MIT
//
// `budgeted(budget)`: the middleware that spends no more than a budget of tokens or money. A call
// reserves what it may come to before it is made, and is refused with a `budget_error` if that is not
// there; when it is over, what it did come to is spent and the rest given back. So calls at one time
// cannot overrun the budget together.
//
//     llms::budget daily{{.max_cost = 20.0, .price = [](std::string_view, llms::usage const& used) {
//                             return used.input_tokens * 0.15e-6 + used.output_tokens * 0.60e-6;
//                         }}};
//     auto client = provider | llms::budgeted(daily);
//
// Reserved are the input by an estimate and `max_tokens` of answer, else `assumed_output`; only what a
// call takes beyond that overruns, and is spent all the same. Answers from a cache inside are free, and
// so are calls of which nothing came. A stream that broke off or was dropped, and an answer whose
// provider tells no usage, are spent by an estimate: the input, and a token for four bytes that came.
//
// Thread safety: all of it. Cost: two locks a call, held for some arithmetic, and two calls of `price`.
#ifndef LLMS_CHAT_BUDGETED_HPP
#define LLMS_CHAT_BUDGETED_HPP

#include <llms/chat/chunk.hpp>
#include <llms/chat/message_manager.hpp>
#include <llms/chat/middleware.hpp>
#include <llms/chat/provider.hpp>
#include <llms/chat/request.hpp>
#include <llms/chat/response.hpp>
#include <llms/detail/chat_holding.hpp>
#include <llms/error.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

namespace llms::inline v0_1 {

/// A call was not made, as the budget has not enough left for what it may come to.
class budget_error : public error {
public:
    using error::error;
};

/// Tokens of input and answers, and what they cost.
struct budget_amount {
    std::int64_t tokens = 0;
    double cost = 0; ///< in the unit of `price`, to a billionth of it

    auto operator==(budget_amount const&) const -> bool = default;
};

/// How much a `budget` is, and how calls are estimated.
struct budget_options {
    std::int64_t max_tokens = std::numeric_limits<std::int64_t>::max();
    double max_cost = std::numeric_limits<double>::infinity(); ///< in the unit of `price`
    /// What a call costs, by its model and usage; called under no lock. What is no number counts as
    /// 0. What it throws fails a call before it is made; after, the call has cost what was reserved.
    std::function<double(std::string_view, usage const&)> price{};
    std::int64_t assumed_output = 4096; ///< reserved for a request without `max_tokens`
    token_counter count_tokens{};       ///< of a message; by default `estimate_tokens`
};

namespace detail {

/// An amount in whole numbers, so that what is added and taken away again leaves nothing. Tokens and
/// costs are each at most `most`; a limit of `most` is none. Sums wrap around where there is no limit
/// and nobody could pay: what is taken away again still leaves nothing.
struct exact_amount {
    static constexpr std::int64_t most = std::int64_t{1} << 60U;
    static constexpr double parts = 1e9; // of one unit of cost

    std::int64_t tokens = 0;
    std::int64_t cost = 0;

    [[nodiscard]] static auto of(std::int64_t tokens, double cost) noexcept -> exact_amount {
        auto const whole = cost * parts;
        return {std::clamp<std::int64_t>(tokens, 0, most), !(whole > 0) ? 0
                                                           : whole >= static_cast<double>(most)
                                                               ? most
                                                               : std::llround(whole)};
    }
    [[nodiscard]] auto rounded() const noexcept -> budget_amount {
        return {tokens, static_cast<double>(cost) / parts};
    }
    [[nodiscard]] auto fits(exact_amount const& limit) const noexcept -> bool {
        return (limit.tokens == most || tokens <= limit.tokens) &&
               (limit.cost == most || cost <= limit.cost);
    }
    [[nodiscard]] friend auto operator+(exact_amount a, exact_amount b) noexcept -> exact_amount {
        return {wrapped(bits(a.tokens) + bits(b.tokens)), wrapped(bits(a.cost) + bits(b.cost))};
    }
    [[nodiscard]] friend auto operator-(exact_amount a, exact_amount b) noexcept -> exact_amount {
        return {wrapped(bits(a.tokens) - bits(b.tokens)), wrapped(bits(a.cost) - bits(b.cost))};
    }

private:
    static auto bits(std::int64_t n) noexcept -> std::uint64_t {
        return static_cast<std::uint64_t>(n);
    }
    static auto wrapped(std::uint64_t n) noexcept -> std::int64_t {
        return static_cast<std::int64_t>(n); // C++20: modulo 2^64
    }
};

} // namespace detail

/// What calls may spend together; a copy is the same budget.
class budget {
    struct state;

public:
    explicit budget(budget_options options = {})
        : state_(std::make_shared<state>(std::move(options))) {}

    /// What one call has reserved; its destructor gives back what was not spent.
    class reservation {
    public:
        reservation(reservation&&) noexcept = default;
        auto operator=(reservation&&) -> reservation& = delete;
        ~reservation() {
            if (state_) {
                state_->settle(reserved_, answered_ || bytes_ == 0 ? spent_ : so_far());
            }
        }

        void settle(response const& answer) noexcept {
            if (answer.usage == usage{}) {
                bytes_ = detail::bounded_tokens(estimate_tokens(answer.message)) * 4;
            }
            settle(answer.model, answer.usage, answer.cached || answer.coalesced);
        }
        void took(chunk const& piece) noexcept {
            if (piece.kind == chunk_kind::end) {
                settle(piece.name, piece.usage, piece.cached || piece.coalesced);
            } else {
                bytes_ += static_cast<std::int64_t>(piece.text.size() + piece.json.size());
            }
        }

    private:
        friend budget;
        reservation(std::shared_ptr<state> from, std::string model, usage const& most)
            : state_(std::move(from)),
              model_(std::move(model)),
              input_tokens_(most.input_tokens) {
            auto const amount = state_->amount_of(model_, most);
            state_->reserve(amount); // what throws leaves nothing reserved, nor a destructor to run
            reserved_ = amount;
        }

        void settle(std::string_view model, usage const& used, bool free) noexcept {
            answered_ = true;
            spent_ = free              ? detail::exact_amount{}
                     : used == usage{} ? so_far()
                                       : amount_of(model, used);
        }

        // By an estimate.
        [[nodiscard]] auto so_far() const noexcept -> detail::exact_amount {
            return amount_of(model_,
                             {.input_tokens = input_tokens_, .output_tokens = (bytes_ + 3) / 4});
        }

        [[nodiscard]] auto amount_of(std::string_view model, usage const& used) const noexcept
            -> detail::exact_amount {
            try {
                return state_->amount_of(model, used);
            } catch (...) { // the price is not known: the answer is not lost for that
                return reserved_;
            }
        }

        std::shared_ptr<state> state_;
        std::string model_;
        std::int64_t input_tokens_;
        std::int64_t bytes_ = 0; // of the answer
        bool answered_ = false;
        detail::exact_amount reserved_;
        detail::exact_amount spent_;
    };

    /// Reserves what a call of `ask` may come to.
    /// \throws budget_error if there is less left
    [[nodiscard]] auto enter(request const& ask, std::stop_token const& /*stop*/ = {})
        -> reservation {
        auto const& options = state_->options;
        auto const output = ask.max_tokens.value_or(options.assumed_output);
        return reservation(state_, ask.model,
                           {.input_tokens = detail::input_tokens(ask, options.count_tokens),
                            .output_tokens = detail::bounded_tokens(output)});
    }

    /// What calls have come to.
    [[nodiscard]] auto spent() const -> budget_amount { return state_->read().spent.rounded(); }
    /// What calls under way may come to.
    [[nodiscard]] auto reserved() const -> budget_amount {
        return state_->read().reserved.rounded();
    }
    /// What may still be reserved; negative where calls came to more than was reserved; without a
    /// limit, the limit.
    [[nodiscard]] auto left() const -> budget_amount {
        auto const now = state_->read();
        auto const& limit = state_->most;
        auto result = (limit - now.spent - now.reserved).rounded();
        if (limit.tokens == detail::exact_amount::most) {
            result.tokens = std::numeric_limits<std::int64_t>::max();
        }
        if (limit.cost == detail::exact_amount::most) {
            result.cost = std::numeric_limits<double>::infinity();
        }
        return result;
    }
    /// Begins anew, as at midnight: nothing is spent. What is reserved stays.
    void reset() {
        std::lock_guard const lock(state_->mutex);
        state_->now.spent = {};
    }

private:
    struct account {
        detail::exact_amount spent;
        detail::exact_amount reserved; // with spent at most the whole, when it was reserved
    };

    struct state {
        explicit state(budget_options&& from)
            : options(std::move(from)),
              most(detail::exact_amount::of(options.max_tokens, options.max_cost)) {}

        [[nodiscard]] auto amount_of(std::string_view model, usage const& used) const
            -> detail::exact_amount {
            return detail::exact_amount::of(detail::tokens_of(used),
                                            options.price ? options.price(model, used) : 0);
        }

        void reserve(detail::exact_amount const& amount) {
            std::unique_lock lock(mutex);
            if ((now.spent + now.reserved + amount).fits(most)) {
                now.reserved = now.reserved + amount;
                return;
            }
            auto const free = most - now.spent - now.reserved;
            lock.unlock();
            bool const tokens = !amount.fits({free.tokens, detail::exact_amount::most}) &&
                                most.tokens != detail::exact_amount::most;
            auto const left = free.rounded();
            auto const may = amount.rounded();
            auto const whole = most.rounded();
            throw budget_error(
                "budgeted: the call may " +
                (tokens ? "take " + std::to_string(may.tokens) + " tokens, and " +
                              std::to_string(left.tokens) + " of " + std::to_string(whole.tokens)
                        : "cost " + std::to_string(may.cost) + ", and " +
                              std::to_string(left.cost) + " of " + std::to_string(whole.cost)) +
                " are left");
        }

        void settle(detail::exact_amount const& reserved, detail::exact_amount const& spent) {
            std::lock_guard const lock(mutex);
            auto const sum = now.spent + spent;
            now.reserved = now.reserved - reserved;
            now.spent = {std::min(sum.tokens, detail::exact_amount::most),
                         std::min(sum.cost, detail::exact_amount::most)};
        }

        [[nodiscard]] auto read() const -> account {
            std::lock_guard const lock(mutex);
            return now;
        }

        budget_options const options;
        detail::exact_amount const most;
        mutable std::mutex mutex;
        account now; // guarded by mutex
    };

    std::shared_ptr<state> state_;
};

/// The middleware that `budgeted` makes.
class budgeted_middleware {
public:
    explicit budgeted_middleware(budget from) : budget_(std::move(from)) {}
    template <provider P>
    [[nodiscard]] auto wrap(P inner) && {
        static_assert(!has_layer<P, layer::with_tools>,
                      "one reservation would stand for many calls: write `provider | "
                      "budgeted(...) | with_tools(...)`");
        return detail::holding_provider<P, budget>(std::move(inner), std::move(budget_));
    }

private:
    budget budget_;
};

/// Spends from `from`, together with all else that does.
[[nodiscard]] inline auto budgeted(budget from) -> budgeted_middleware {
    return budgeted_middleware(std::move(from));
}

/// Spends from a budget of its own.
[[nodiscard]] inline auto budgeted(budget_options options) -> budgeted_middleware {
    return budgeted(budget(std::move(options)));
}

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_BUDGETED_HPP
