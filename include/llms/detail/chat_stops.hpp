// SPDX-License-Identifier: MIT
//
// A wait that two stop_tokens end: the one a stream was opened with and the one of a single `next`.
#ifndef LLMS_DETAIL_CHAT_BOTH_STOPS_HPP
#define LLMS_DETAIL_CHAT_BOTH_STOPS_HPP

#include <stop_token>

namespace llms::inline v0_1::detail {

/// A token that is stopped when either of two is.
class both_stops {
public:
    explicit both_stops(std::stop_token const& outer) : outer_(outer, forward{stop_}) {}

    /// Calls `wait(token)`. Once stopped it stays so: what follows is cancelled, too.
    template <class Wait>
    auto during(std::stop_token const& inner, Wait wait) {
        std::stop_callback const forwarding(inner, forward{stop_});
        return wait(stop_.get_token());
    }

private:
    struct forward {
        mutable std::stop_source to;
        void operator()() const noexcept { to.request_stop(); }
    };

    std::stop_source stop_;
    std::stop_callback<forward> outer_;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CHAT_BOTH_STOPS_HPP
