// SPDX-License-Identifier: MIT
//
// Pauses that a stop_token ends.
#ifndef LLMS_DETAIL_CHAT_PAUSE_HPP
#define LLMS_DETAIL_CHAT_PAUSE_HPP

#include <llms/detail/cache_wait.hpp>
#include <llms/error.hpp>

#include <chrono>
#include <functional>
#include <stop_token>

namespace llms::inline v0_1::detail {

/// Waits for a time, or throws cancelled_error once the token is stopped.
using pause_function = std::function<void(std::chrono::nanoseconds, std::stop_token const&)>;

inline void throw_if_stopped(std::stop_token const& stop) {
    if (stop.stop_requested()) {
        throw cancelled_error("the call was cancelled");
    }
}

/// The time `after` from now; max() where that is too far away.
[[nodiscard]] inline auto deadline_in(std::chrono::nanoseconds after) noexcept
    -> std::chrono::steady_clock::time_point {
    auto const now = std::chrono::steady_clock::now();
    constexpr auto never = std::chrono::steady_clock::time_point::max();
    return after < never - now ? now + after : never;
}

/// The `pause_function` of the real clock.
inline void pause(std::chrono::nanoseconds time, std::stop_token const& stop) {
    if (time > std::chrono::nanoseconds::zero()) {
        wait_out(wait_limits<>{.stop = stop, .deadline = deadline_in(time)});
    }
    throw_if_stopped(stop);
}

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CHAT_PAUSE_HPP
