// SPDX-License-Identifier: MIT
//
// What the test doubles share: pauses that a stop_token ends, and two stop_tokens as one.
#ifndef LLMS_DETAIL_CHAT_PAUSE_HPP
#define LLMS_DETAIL_CHAT_PAUSE_HPP

#include <llms/detail/cache_wait.hpp>
#include <llms/error.hpp>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>

namespace llms::inline v0_1::detail {

/// Waits for a time, or throws cancelled_error once the token is stopped.
using pause_function = std::function<void(std::chrono::nanoseconds, std::stop_token const&)>;

inline void throw_if_stopped(std::stop_token const& stop) {
    if (stop.stop_requested()) {
        throw cancelled_error("the call was cancelled");
    }
}

/// The `pause_function` of the real clock.
inline void pause(std::chrono::nanoseconds time, std::stop_token const& stop) {
    if (time > std::chrono::nanoseconds::zero()) {
        std::mutex mutex;
        std::condition_variable nothing;
        auto const now = std::chrono::steady_clock::now();
        auto const most = std::chrono::steady_clock::time_point::max() - now;
        wait_limits<> const limits{.stop = stop, .deadline = now + (time < most ? time : most)};
        wait_within(mutex, nothing, limits, [] { return false; });
    }
    throw_if_stopped(stop);
}

/// A token that is stopped when either of two is.
class either_stop {
public:
    either_stop(std::stop_token const& one, std::stop_token const& other)
        : one_(one, forward{both_}),
          other_(other, forward{both_}) {}
    [[nodiscard]] auto token() const noexcept -> std::stop_token { return both_.get_token(); }

private:
    struct forward {
        std::stop_source to;
        void operator()() const noexcept { to.request_stop(); }
    };

    std::stop_source both_;
    std::stop_callback<forward> one_;
    std::stop_callback<forward> other_;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CHAT_PAUSE_HPP
