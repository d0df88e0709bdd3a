// SPDX-License-Identifier: MIT
//
// The bounds of a channel_pool, and what it counts.
#ifndef LLMS_STREAM_CHANNEL_POOL_OPTIONS_HPP
#define LLMS_STREAM_CHANNEL_POOL_OPTIONS_HPP

#include <llms/stream/channel_options.hpp>

#include <cstddef>
#include <cstdint>

namespace llms::inline v0_1 {

/// How to make a channel_pool.
struct channel_pool_options {
    std::size_t capacity = 20; ///< of each channel, in items
    backpressure when_full = backpressure::block;
    std::size_t max_live = 65'536;        ///< streams open at one time
    std::size_t max_idle = 64;            ///< channels kept for reuse
    std::size_t max_idle_bytes = 4 << 20; ///< kept for reuse, in the channels' rings
};

/// What a channel_pool has counted, at one moment.
struct channel_pool_stats {
    std::uint64_t created = 0; ///< channels made
    std::uint64_t reused = 0;  ///< streams opened on a channel that was idle
    std::uint64_t dropped = 0; ///< channels deleted, for the idle bounds or by `trim`
    std::uint64_t refused = 0; ///< streams not opened because `max_live` were open
    std::size_t idle = 0;
    std::size_t live = 0;
};

} // namespace llms::inline v0_1

#endif // LLMS_STREAM_CHANNEL_POOL_OPTIONS_HPP
