// SPDX-License-Identifier: MIT
//
// The producer's end of a stream that a channel_pool opened. Dropping it closes the stream.
#ifndef LLMS_STREAM_CHANNEL_WRITER_HPP
#define LLMS_STREAM_CHANNEL_WRITER_HPP

#include <llms/detail/stream_access.hpp>
#include <llms/detail/stream_lease.hpp>
#include <llms/detail/stream_platform.hpp>
#include <llms/stream/channel.hpp>
#include <llms/stream/channel_result.hpp>
#include <llms/stream/wait_limit.hpp>

#include <cassert>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <stop_token>
#include <utility>

namespace llms::inline v0_1 {

/// The producer's end of a stream. Move-only; a moved-from one may only be assigned to, asked
/// `operator bool` and destroyed. The verbs are those of `channel`, and as thread-safe.
template <class T, class Platform = detail::stream_platform>
class channel_writer {
public:
    using value_type = T;

    channel_writer() noexcept = default;
    channel_writer(channel_writer&& other) noexcept
        : lease_(std::exchange(other.lease_, nullptr)) {}
    auto operator=(channel_writer&& other) noexcept -> channel_writer& {
        channel_writer(std::move(other)).swap(*this);
        return *this;
    }
    ~channel_writer() {
        if (lease_ != nullptr) {
            lease_->leave_writer();
        }
    }
    void swap(channel_writer& other) noexcept { std::swap(lease_, other.lease_); }

    /// Whether this is an end of a stream.
    [[nodiscard]] explicit operator bool() const noexcept { return lease_ != nullptr; }

    /// See `channel`. `closed` once the reader is gone.
    auto push(T&& value, wait_limit limit = {}) -> channel_result<void> {
        return tokens().push(std::move(value), limit);
    }
    auto push(T const& value, wait_limit limit = {}) -> channel_result<void> {
        return tokens().push(value, limit);
    }
    auto try_push(T&& value) -> channel_result<void> { return tokens().try_push(std::move(value)); }
    auto try_push(T const& value) -> channel_result<void> { return tokens().try_push(value); }
    template <class Executor>
    [[nodiscard]] auto async_push(Executor&& executor, T&& value, std::stop_token stop = {}) {
        return tokens().async_push(std::forward<Executor>(executor), std::move(value),
                                   std::move(stop));
    }
    template <class Executor>
    [[nodiscard]] auto async_push(Executor&& executor, T const& value, std::stop_token stop = {}) {
        return tokens().async_push(std::forward<Executor>(executor), value, std::move(stop));
    }

    /// Ends the stream; the reader still gets what is inside.
    void close() noexcept { close(nullptr); }
    /// Ends the stream with an error, which the reader's pop beyond the last item throws.
    void close(std::exception_ptr failure) noexcept {
        assert(lease_ != nullptr);
        lease_->finish(std::move(failure));
    }

    /// Whether pushes are in vain: this end closed the stream, or the reader is gone.
    [[nodiscard]] auto is_closed() const noexcept -> bool { return tokens().is_closed(); }
    [[nodiscard]] auto size() const noexcept -> std::size_t { return tokens().size(); }
    [[nodiscard]] auto capacity() const noexcept -> std::size_t { return tokens().capacity(); }
    [[nodiscard]] auto dropped() const noexcept -> std::uint64_t { return tokens().dropped(); }

    /// Has `hook()` called once if the reader goes, or closes, before this end does: to cancel what
    /// produces the items. It runs on the reader's thread, or here and now if that has happened,
    /// never under a lock, and must not throw. A later hook replaces an earlier one. When the
    /// writer is destroyed the hook is too, after it has run if it has begun. Not to be called
    /// by two threads at once.
    template <std::invocable Hook>
    void on_closed(Hook&& hook) {
        assert(lease_ != nullptr);
        lease_->on_closed.arm(std::forward<Hook>(hook));
    }

    /// The stream's number in its pool, from 1; no two streams have the same.
    [[nodiscard]] auto generation() const noexcept -> std::uint64_t {
        assert(lease_ != nullptr);
        return lease_->generation;
    }

private:
    template <class, class>
    friend class channel_pool;
    friend struct detail::stream_access;

    explicit channel_writer(detail::stream_lease<T, Platform>& lease) noexcept : lease_(&lease) {}

    [[nodiscard]] auto tokens() const noexcept -> channel<T, Platform>& {
        assert(lease_ != nullptr);
        return lease_->tokens;
    }

    detail::stream_lease<T, Platform>* lease_ = nullptr;
};

} // namespace llms::inline v0_1

#endif // LLMS_STREAM_CHANNEL_WRITER_HPP
