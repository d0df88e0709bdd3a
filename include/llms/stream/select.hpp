// SPDX-License-Identifier: MIT
//
// Waits for the first of several channels, to read or to write.
//
//     auto const chosen = llms::select({stop, 5s},
//         llms::on_pop(tokens, [&](auto token) { if (token) text += *token; else done = true; }),
//         llms::on_push(progress, percent));
//     if (!chosen) return chosen.status();                   // stopped or timeout
//     switch (*chosen) ...                                   // the case's index
//
// A case is ready when its verb would not wait, so a closed channel is always ready: leave it out
// of the next select. Exactly one case takes place, or none; among ready ones, each is as likely.
// Costs a lock for each case that is looked at; a wait allocates nothing.
#ifndef LLMS_STREAM_SELECT_HPP
#define LLMS_STREAM_SELECT_HPP

#include <llms/detail/stream_access.hpp>
#include <llms/detail/stream_select.hpp>
#include <llms/stream/channel_result.hpp>
#include <llms/stream/wait_limit.hpp>

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

namespace llms::inline v0_1 {

/// A case of `select`: pop from `source`, a channel or a channel_reader, and call
/// `then(channel_result<T>)`. Borrows the source.
template <class Source, std::invocable<channel_result<typename Source::value_type>> Then>
[[nodiscard]] auto on_pop(Source& source, Then&& then) {
    auto& core = detail::stream_access::core(source);
    using core_type = std::remove_reference_t<decltype(core)>;
    return detail::stream_pop_case<core_type, Then>(core, std::forward<Then>(then));
}

/// A case of `select`: push `value` to `sink`, a channel or a channel_writer, and call
/// `then(channel_result<void>)`. Borrows both; the value is moved from only if it went in.
template <class Sink, class Value, std::invocable<channel_result<void>> Then>
[[nodiscard]] auto on_push(Sink& sink, Value&& value, Then&& then) {
    auto& core = detail::stream_access::core(sink);
    using core_type = std::remove_reference_t<decltype(core)>;
    return detail::stream_push_case<core_type, Value, Then>(core, std::forward<Value>(value),
                                                            std::forward<Then>(then));
}
template <class Sink, class Value>
[[nodiscard]] auto on_push(Sink& sink, Value&& value) {
    return on_push(sink, std::forward<Value>(value), [](channel_result<void> const&) {});
}

/// Waits until one case is ready or `limit` ends the wait, does it, calls its function, outside any
/// lock and after all waiting is over, and returns its index; or `stopped` or `timeout`. Throws
/// what the function throws, what T's move throws, and what the chosen case's channel was closed
/// with.
template <detail::stream_case... Cases>
auto select(wait_limit limit, Cases&&... cases) -> channel_result<std::size_t> {
    return detail::stream_select_among(cases...).wait(limit);
}
template <detail::stream_case... Cases>
auto select(Cases&&... cases) -> channel_result<std::size_t> {
    return detail::stream_select_among(cases...).wait({});
}

/// Does one case that is ready and calls its function, or returns `empty`. The function of a
/// channel that was closed with an error is called with `closed`; the error is not thrown.
template <detail::stream_case... Cases>
auto try_select(Cases&&... cases) -> channel_result<std::size_t> {
    return detail::stream_select_among(cases...).attempt();
}

} // namespace llms::inline v0_1

#endif // LLMS_STREAM_SELECT_HPP
