// SPDX-License-Identifier: MIT
//
// The consumer's end of a stream that a channel_pool opened. Dropping it tells the producer so.
#ifndef LLMS_STREAM_CHANNEL_READER_HPP
#define LLMS_STREAM_CHANNEL_READER_HPP

#include <llms/detail/stream_access.hpp>
#include <llms/detail/stream_iterator.hpp>
#include <llms/detail/stream_lease.hpp>
#include <llms/detail/stream_platform.hpp>
#include <llms/stream/channel.hpp>
#include <llms/stream/channel_result.hpp>
#include <llms/stream/wait_limit.hpp>

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iterator>
#include <stop_token>
#include <utility>

namespace llms::inline v0_1 {

/// The consumer's end of a stream. Move-only; a moved-from one may only be assigned to, asked
/// `operator bool` and destroyed. When it is destroyed, a producer that waits for room is woken at
/// once, pushes return `closed`, the writer's `on_closed` hook runs (on this thread), and what was
/// inside is destroyed. The verbs are those of `channel`, and as thread-safe.
template <class T, class Platform = detail::stream_platform>
class channel_reader {
public:
    using value_type = T;
    using iterator = detail::stream_iterator<channel<T, Platform>>;

    channel_reader() noexcept = default;
    channel_reader(channel_reader&& other) noexcept
        : lease_(std::exchange(other.lease_, nullptr)) {}
    auto operator=(channel_reader&& other) noexcept -> channel_reader& {
        channel_reader(std::move(other)).swap(*this);
        return *this;
    }
    ~channel_reader() {
        if (lease_ != nullptr) {
            lease_->leave_reader();
        }
    }
    void swap(channel_reader& other) noexcept { std::swap(lease_, other.lease_); }

    /// Whether this is an end of a stream.
    [[nodiscard]] explicit operator bool() const noexcept { return lease_ != nullptr; }

    /// See `channel`.
    [[nodiscard]] auto pop(wait_limit limit = {}) -> channel_result<T> {
        return tokens().pop(limit);
    }
    [[nodiscard]] auto try_pop() -> channel_result<T> { return tokens().try_pop(); }
    template <class Out>
    auto pop_all(Out&& out, wait_limit limit = {}) -> channel_result<std::size_t> {
        return tokens().pop_all(std::forward<Out>(out), limit);
    }
    template <class Out>
    auto pop_some(Out&& out, std::size_t max, wait_limit limit = {})
        -> channel_result<std::size_t> {
        return tokens().pop_some(std::forward<Out>(out), max, limit);
    }
    template <class Executor>
    [[nodiscard]] auto async_pop(Executor&& executor, std::stop_token stop = {}) {
        return tokens().async_pop(std::forward<Executor>(executor), std::move(stop));
    }

    /// The reader wants no more: as its destruction, but what is inside can still be popped.
    void close() noexcept {
        assert(lease_ != nullptr);
        lease_->refuse();
    }

    [[nodiscard]] auto is_closed() const noexcept -> bool { return tokens().is_closed(); }
    [[nodiscard]] auto failure() const noexcept -> std::exception_ptr { return tokens().failure(); }
    [[nodiscard]] auto size() const noexcept -> std::size_t { return tokens().size(); }
    [[nodiscard]] auto capacity() const noexcept -> std::size_t { return tokens().capacity(); }
    [[nodiscard]] auto dropped() const noexcept -> std::uint64_t { return tokens().dropped(); }

    [[nodiscard]] auto begin() -> iterator { return tokens().begin(); }
    [[nodiscard]] auto end() const noexcept -> std::default_sentinel_t { return {}; }

    /// The stream's number in its pool, the same as the writer's.
    [[nodiscard]] auto generation() const noexcept -> std::uint64_t {
        assert(lease_ != nullptr);
        return lease_->generation;
    }

private:
    template <class, class>
    friend class channel_pool;
    friend struct detail::stream_access;

    explicit channel_reader(detail::stream_lease<T, Platform>& lease) noexcept : lease_(&lease) {}

    [[nodiscard]] auto tokens() const noexcept -> channel<T, Platform>& {
        assert(lease_ != nullptr);
        return lease_->tokens;
    }

    detail::stream_lease<T, Platform>* lease_ = nullptr;
};

} // namespace llms::inline v0_1

#endif // LLMS_STREAM_CHANNEL_READER_HPP
