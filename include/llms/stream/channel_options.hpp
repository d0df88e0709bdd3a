// SPDX-License-Identifier: MIT
//
// The size of a channel, and what a full one does with a push.
//
//     llms::channel<event> progress{{.capacity = 64, .when_full =
//     llms::backpressure::drop_oldest}};
#ifndef LLMS_STREAM_CHANNEL_OPTIONS_HPP
#define LLMS_STREAM_CHANNEL_OPTIONS_HPP

#include <cstddef>
#include <cstdint>

namespace llms::inline v0_1 {

/// What `push` does when the channel is full.
enum class backpressure : std::uint8_t {
    block,       ///< waits for room: nothing is lost, a slow consumer slows the producer down
    reject,      ///< returns `conqueue_status::full` at once; the caller keeps its value
    drop_oldest, ///< throws the oldest item away and counts it: the latest matter most
};

/// How to make a channel.
struct channel_options {
    std::size_t capacity = 20; ///< in items, at least 1; twenty tokens are half a second of speech
    backpressure when_full = backpressure::block;
};

} // namespace llms::inline v0_1

#endif // LLMS_STREAM_CHANNEL_OPTIONS_HPP
