// SPDX-License-Identifier: MIT
//
// Two stop_tokens as one: that which a stream was opened with and that of a single `next`.
#ifndef LLMS_DETAIL_CHAT_STOPS_HPP
#define LLMS_DETAIL_CHAT_STOPS_HPP

#include <stop_token>

namespace llms::inline v0_1::detail {

/// Passes a stop on to a source, as the callback of another token.
struct stop_forward {
    mutable std::stop_source to;
    void operator()() const noexcept { to.request_stop(); }
};

/// A token that is stopped when either of two is, for as long as this lives.
class either_stop {
public:
    either_stop(std::stop_token const& one, std::stop_token const& other)
        : one_(one, stop_forward{both_}),
          other_(other, stop_forward{both_}) {}
    [[nodiscard]] auto token() const noexcept -> std::stop_token { return both_.get_token(); }

private:
    std::stop_source both_;
    std::stop_callback<stop_forward> one_;
    std::stop_callback<stop_forward> other_;
};

/// Calls `wait(token)` with a token that is stopped when either is; where only one of them can be, with
/// that one, and nothing is allocated.
template <class Wait>
auto with_either_stop(std::stop_token const& one, std::stop_token const& other, Wait wait) {
    if (one.stop_possible() && other.stop_possible()) {
        return wait(either_stop(one, other).token());
    }
    return wait(one.stop_possible() ? one : other);
}

/// The same for many waits with one outer token: it is registered once.
class both_stops {
public:
    explicit both_stops(std::stop_token const& outer) : outer_(outer, stop_forward{stop_}) {}

    /// Calls `wait(token)`. Once stopped it stays so: what follows is cancelled, too.
    template <class Wait>
    auto during(std::stop_token const& inner, Wait wait) {
        std::stop_callback const forwarding(inner, stop_forward{stop_});
        return wait(stop_.get_token());
    }

private:
    std::stop_source stop_;
    std::stop_callback<stop_forward> outer_;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CHAT_STOPS_HPP
