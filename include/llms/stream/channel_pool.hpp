// SPDX-License-Identifier: MIT
//
// Streams with two ends on channels that are used again.
//
//     llms::channel_pool<std::string> streams;
//     auto [writer, reader] = streams.open();
//     writer.on_closed([&] { request.cancel(); });          // the reader has gone
//     // producer, elsewhere: while (writer.push(next_token(), stop)) {}
//     for (auto& token : reader) std::cout << token;
//
// Dropping the writer ends the stream; dropping the reader wakes the producer at once, makes its
// pushes return `closed` and runs its hook. A channel goes back when both ends are gone, and is
// opened again as a new stream with a new generation: an old end holds its channel until it goes,
// so it cannot reach a later stream, whatever it does and however late.
// What the pool is for: a bound on live streams, the hook, and reuse of large rings. It saves no
// time on small ones: making a channel of twenty costs as little as fetching one.
// Thread-safe. The pool may be destroyed before the ends.
#ifndef LLMS_STREAM_CHANNEL_POOL_HPP
#define LLMS_STREAM_CHANNEL_POOL_HPP

#include <llms/detail/stream_lease.hpp>
#include <llms/detail/stream_platform.hpp>
#include <llms/error.hpp>
#include <llms/stream/channel_pool_options.hpp>
#include <llms/stream/channel_reader.hpp>
#include <llms/stream/channel_writer.hpp>

#include <cstddef>
#include <memory>
#include <optional>

namespace llms::inline v0_1 {

/// `channel_pool::open` was called with `max_live` streams open.
class stream_limit_error : public error {
public:
    using error::error;
};

/// The two ends of a stream.
template <class T, class Platform = detail::stream_platform>
struct channel_ends {
    channel_writer<T, Platform> writer;
    channel_reader<T, Platform> reader;
};

/// Opens streams, and keeps their channels for the next ones.
template <class T, class Platform = detail::stream_platform>
class channel_pool {
public:
    using ends = channel_ends<T, Platform>;

    /// Throws `error` if the capacity is 0.
    explicit channel_pool(channel_pool_options const& options = {}) : leases_(make(options)) {}

    /// A stream of its own. Throws `stream_limit_error` if `max_live` are open.
    [[nodiscard]] auto open() -> ends {
        auto* const lease = leases_->lend();
        if (lease == nullptr) {
            throw stream_limit_error("channel_pool: max_live streams are open already");
        }
        return ends_of(*lease);
    }

    /// A stream, or none if `max_live` are open.
    [[nodiscard]] auto try_open() -> std::optional<ends> {
        auto* const lease = leases_->lend();
        if (lease == nullptr) {
            return std::nullopt;
        }
        return ends_of(*lease);
    }

    /// Deletes idle channels until at most `keep` are left.
    void trim(std::size_t keep = 0) noexcept { leases_->trim(keep); }

    [[nodiscard]] auto stats() const noexcept -> channel_pool_stats { return leases_->stats(); }

private:
    using leases = detail::stream_leases<T, Platform>;

    static auto ends_of(detail::stream_lease<T, Platform>& lease) noexcept -> ends {
        return {channel_writer<T, Platform>(lease), channel_reader<T, Platform>(lease)};
    }

    struct orphan {
        void operator()(leases* state) const noexcept { state->orphan(); }
    };

    static auto make(channel_pool_options const& options) -> leases* {
        if (options.capacity == 0) {
            throw error("channel_pool: the capacity must be at least 1");
        }
        return new leases(options); // NOLINT(cppcoreguidelines-owning-memory)
    }

    std::unique_ptr<leases, orphan> leases_;
};

} // namespace llms::inline v0_1

#endif // LLMS_STREAM_CHANNEL_POOL_HPP
