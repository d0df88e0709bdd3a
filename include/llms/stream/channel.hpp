// SPDX-License-Identifier: MIT
//
// A bounded queue between threads or coroutines, many producers and many consumers: what a stream
// of tokens travels through.
//
//     llms::channel<std::string> tokens{20};
//     std::jthread producer([&](std::stop_token stop) {
//         while (auto token = next()) if (!tokens.push(*token, stop)) break;
//         tokens.close();
//     });
//     for (auto& token : tokens) std::cout << token;
//
// First in, first out. Closing wakes everybody; what is inside is still delivered. Every blocking
// verb takes a wait_limit: a stop_token, a deadline or a timeout; giving up loses nothing.
// Thread-safe, but for construction and destruction. Allocates when constructed and, for coroutines
// that have to wait, once a wait. An uncontended push or pop costs about two atomic operations and
// the move of a T. Those who push and those who pop share no lock while nobody has to wait, unless the
// oldest is to be dropped. T is moved and destroyed, and the `out` of a batch appended to, under a lock:
// none of these may use the channel. A push synchronises with the pop of its item and a pop with the push
// into its place; `empty`, `full` and `size()` synchronise with nothing. Who has popped the item it
// waited for, or has seen the end, may destroy the channel, even before the push or close returns.
// The verbs are those of P0260; limits, batches, back-pressure and errors are additions.
#ifndef LLMS_STREAM_CHANNEL_HPP
#define LLMS_STREAM_CHANNEL_HPP

#include <llms/detail/stream_access.hpp>
#include <llms/detail/stream_async.hpp>
#include <llms/detail/stream_core.hpp>
#include <llms/detail/stream_iterator.hpp>
#include <llms/detail/stream_platform.hpp>
#include <llms/stream/channel_options.hpp>
#include <llms/stream/channel_result.hpp>
#include <llms/stream/conqueue_status.hpp>
#include <llms/stream/wait_limit.hpp>

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iterator>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>

namespace llms::inline v0_1 {

/// A bounded multi-producer multi-consumer queue. `Platform` is for checkers.
template <class T, class Platform = detail::stream_platform>
class channel {
public:
    static_assert(std::is_object_v<T> && !std::is_const_v<T>);

    using value_type = T;
    using iterator = detail::stream_iterator<channel>;

    /// A channel of `capacity` items whose `push` waits for room. Throws `error` if it is 0.
    explicit channel(std::size_t capacity) : channel(channel_options{.capacity = capacity}) {}

    /// A channel as `options` say. Throws `error` if the capacity is 0.
    explicit channel(channel_options options = {}) : core_(options) {}

    /// Puts `value` at the end. Waits for room, or does what the back-pressure policy says instead:
    /// `success`, `closed`, `stopped`, `timeout`, or `full` under `backpressure::reject`. Unless it
    /// is `success`, `value` is untouched. A stop already requested comes before anything else.
    auto push(T&& value, wait_limit limit = {}) -> channel_result<void> {
        return push_value(std::move(value), limit);
    }
    auto push(T const& value, wait_limit limit = {}) -> channel_result<void> {
        return push_value(value, limit);
    }

    /// Puts `value` at the end if that needs no waiting: `success`, `full` or `closed`.
    auto try_push(T&& value) -> channel_result<void> { return try_push_value(std::move(value)); }
    auto try_push(T const& value) -> channel_result<void> { return try_push_value(value); }

    /// Takes the first item, waiting for one: an item, or `closed` (and drained), `stopped`,
    /// `timeout`. Throws what the channel was closed with once it is drained. If T's move throws,
    /// the item stays in the channel. A stop already requested comes before anything else.
    [[nodiscard]] auto pop(wait_limit limit = {}) -> channel_result<T> {
        channel_result<T> result(conqueue_status::empty);
        auto const status = core_.template wait<detail::stream_side::pop>(limit, [&](auto& inside) {
            return inside.take([&](T&& item) { result.emplace(std::move(item)); });
        });
        if (status == conqueue_status::closed) {
            core_.rethrow_failure();
        }
        if (status != conqueue_status::success) {
            result.fail(status);
        }
        return result;
    }

    /// Takes the first item if there is one: an item, `empty` or `closed`; see `failure()`.
    [[nodiscard]] auto try_pop() -> channel_result<T> {
        channel_result<T> result(conqueue_status::empty);
        auto const status = core_.template attempt<detail::stream_side::pop>([&](auto& inside) {
            return inside.take([&](T&& item) { result.emplace(std::move(item)); });
        });
        if (status != conqueue_status::success) {
            result.fail(status);
        }
        return result;
    }

    /// Waits as `pop` does, then appends everything inside to `out` (with `push_back`, or through
    /// an output iterator) under one lock and one wake-up, after which all their places are free at
    /// once. Returns how many, at least 1.
    /// If appending throws, what was appended is out of the channel and the rest is in it.
    template <class Out>
    auto pop_all(Out&& out, wait_limit limit = {}) -> channel_result<std::size_t> {
        return pop_some(std::forward<Out>(out), static_cast<std::size_t>(-1), limit);
    }

    /// `pop_all`, but at most `max` items. Precondition: `max > 0`.
    template <class Out>
    auto pop_some(Out&& out, std::size_t max, wait_limit limit = {})
        -> channel_result<std::size_t> {
        assert(max != 0);
        std::size_t taken = 0;
        auto const status = core_.template wait<detail::stream_side::pop>(limit, [&](auto& inside) {
            return inside.take_some([&](T&& item) { append(out, std::move(item)); }, max, taken);
        });
        if (status == conqueue_status::success) {
            return channel_result<std::size_t>(std::in_place, taken);
        }
        if (status == conqueue_status::closed) {
            core_.rethrow_failure();
        }
        return channel_result<std::size_t>(status);
    }

    /// Ends the stream: pushes fail from now on, pops get what is inside and then `closed`;
    /// everyone who waits is woken. The first close counts, later ones do nothing.
    void close() noexcept { close(nullptr); }

    /// Ends the stream with an error, which every pop beyond the last item throws.
    void close(std::exception_ptr failure) noexcept { core_.close(std::move(failure)); }

    [[nodiscard]] auto is_closed() const noexcept -> bool { return core_.closed(); }

    /// What the channel was closed with; null if it is open or was closed without an error.
    [[nodiscard]] auto failure() const noexcept -> std::exception_ptr { return core_.failure(); }

    /// How many items are inside; with other threads at work an estimate, from 0 to the capacity.
    [[nodiscard]] auto size() const noexcept -> std::size_t { return core_.size(); }
    [[nodiscard]] auto capacity() const noexcept -> std::size_t { return core_.capacity(); }

    /// How many items `backpressure::drop_oldest` has thrown away.
    [[nodiscard]] auto dropped() const noexcept -> std::uint64_t { return core_.dropped(); }

    /// The items as an input range that ends when the channel is closed and drained; throws what
    /// the channel was closed with. Iterating pops.
    [[nodiscard]] auto begin() -> iterator { return iterator(*this); }
    [[nodiscard]] auto end() const noexcept -> std::default_sentinel_t { return {}; }

    /// `co_await` it to `pop` without holding up the thread: a coroutine that has to wait is
    /// resumed by `executor.post(callable)`. The callable is one pointer; the executor must run it
    /// once, not from inside `post`. A coroutine may be destroyed while it waits, if its executor
    /// cannot be resuming it at that moment: on the executor's thread, or when it has ended.
    template <class Executor>
    [[nodiscard]] auto async_pop(Executor&& executor, std::stop_token stop = {}) {
        return detail::stream_async_pop<T, core, Executor>(core_, std::forward<Executor>(executor),
                                                           std::move(stop));
    }

    /// `co_await` it to `push`, likewise. `value` is borrowed until the `co_await` is over and
    /// untouched unless the result is `success`.
    template <class Executor>
    [[nodiscard]] auto async_push(Executor&& executor, T&& value, std::stop_token stop = {}) {
        return detail::stream_async_push<T&&, core, Executor>(
            core_, std::forward<Executor>(executor), std::move(value), std::move(stop));
    }
    template <class Executor>
    [[nodiscard]] auto async_push(Executor&& executor, T const& value, std::stop_token stop = {}) {
        return detail::stream_async_push<T const&, core, Executor>(
            core_, std::forward<Executor>(executor), value, std::move(stop));
    }

private:
    friend struct detail::stream_access;

    using core = detail::stream_core<T, Platform>;

    template <class Value>
    auto push_value(Value&& value, wait_limit const& limit) -> channel_result<void> {
        std::optional<T> evicted;
        return channel_result<void>(core_.template wait<detail::stream_side::push>(
            limit, [&](auto& inside) { return inside.put(std::forward<Value>(value), evicted); }));
    }

    template <class Value>
    auto try_push_value(Value&& value) -> channel_result<void> {
        std::optional<T> evicted;
        return channel_result<void>(core_.template attempt<detail::stream_side::push>(
            [&](auto& inside) { return inside.put(std::forward<Value>(value), evicted); }));
    }

    template <class Out>
    static void append(Out& out, T&& item) {
        if constexpr (requires { out.push_back(std::move(item)); }) {
            out.push_back(std::move(item));
        } else {
            *out = std::move(item);
            ++out;
        }
    }

    core core_;
};

} // namespace llms::inline v0_1

#endif // LLMS_STREAM_CHANNEL_HPP
