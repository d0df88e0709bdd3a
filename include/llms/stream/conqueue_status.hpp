// SPDX-License-Identifier: MIT
//
// How an operation on a channel ended. The name and the first enumerators are those of the
// concurrent queues proposed for the standard (P0260); `timeout` and `stopped` are what a bounded
// wait adds.
#ifndef LLMS_STREAM_CONQUEUE_STATUS_HPP
#define LLMS_STREAM_CONQUEUE_STATUS_HPP

#include <cstdint>

namespace llms::inline v0_1 {

/// How an operation on a channel ended.
enum class conqueue_status : std::uint8_t {
    success, ///< the item went in, or came out
    empty,   ///< nothing to pop at the moment (`try_` verbs only)
    full,    ///< no room at the moment (`try_` verbs, and `push` under `backpressure::reject`)
    closed,  ///< closed, and for a pop also drained: no later attempt can succeed
    timeout, ///< the deadline passed first
    stopped, ///< the stop_token was stopped first
};

/// The enumerator's name, for logs and test output.
[[nodiscard]] constexpr auto to_string(conqueue_status status) noexcept -> char const* {
    switch (status) {
    case conqueue_status::success:
        return "success";
    case conqueue_status::empty:
        return "empty";
    case conqueue_status::full:
        return "full";
    case conqueue_status::closed:
        return "closed";
    case conqueue_status::timeout:
        return "timeout";
    case conqueue_status::stopped:
        return "stopped";
    }
    return "unknown";
}

} // namespace llms::inline v0_1

#endif // LLMS_STREAM_CONQUEUE_STATUS_HPP
