// SPDX-License-Identifier: MIT
//
// `async_stream`: a stream of chunks for coroutines, from any provider with any executor:
//
//     auto stream = llms::stream_async(client, ask, executor, stop);
//     while (llms::chunk const* piece = co_await stream.next()) {
//         send(piece->text);
//     }
//     llms::response const& whole = stream.value();
//
// A thread of its own reads the provider's stream, at most `capacity` chunks ahead; the coroutine is
// resumed by `executor.post(callable)`, under the conventions of channel::async_pop. A coroutine may
// be destroyed while it waits, on its executor's thread. Destroying a stream that has not ended
// cancels the call behind it and waits until the provider has noticed.
//
// Thread safety: one coroutine at a time. Cost: a thread a stream; a chunk costs a channel's push
// and pop, and one allocation when it has to be waited for.
#ifndef LLMS_CHAT_ASYNC_STREAM_HPP
#define LLMS_CHAT_ASYNC_STREAM_HPP

#include <llms/chat/chunk.hpp>
#include <llms/chat/provider.hpp>
#include <llms/chat/request.hpp>
#include <llms/chat/response.hpp>
#include <llms/detail/chat_async_call.hpp>
#include <llms/error.hpp>
#include <llms/stream/channel.hpp>
#include <llms/stream/conqueue_status.hpp>

#include <coroutine>
#include <cstddef>
#include <memory>
#include <optional>
#include <stop_token>
#include <utility>

namespace llms::inline v0_1 {

/// A stream that coroutines read; made by `stream_async`. Move-only; not while `next` is awaited.
template <class Executor>
class async_stream {
    using pop = decltype(std::declval<channel<chunk>&>().async_pop(std::declval<Executor&>()));

public:
    /// What `next` gives to `co_await`.
    class [[nodiscard]] awaiter {
    public:
        awaiter(async_stream& from, std::stop_token stop) : from_(from) {
            if (from.call_ && !from.over_) {
                pop_.emplace(from.call_->items(), *from.executor_, std::move(stop));
            }
        }
        auto await_ready() -> bool { return !pop_ || pop_->it.await_ready(); }
        auto await_suspend(std::coroutine_handle<> coroutine) -> bool {
            return pop_->it.await_suspend(coroutine);
        }
        auto await_resume() -> chunk const* { return pop_ ? from_.take(pop_->it) : nullptr; }

    private:
        struct held {
            held(channel<chunk>& items, Executor& executor, std::stop_token stop)
                : it(items.async_pop(executor, std::move(stop))) {}
            pop it;
        };
        async_stream& from_;
        std::optional<held> pop_; // none: the stream is over
    };

    /// Reads `client.stream(ask, stop)`. See `stream_async`.
    template <provider P>
    async_stream(P& client, request ask, Executor& executor, std::stop_token const& stop,
                 std::size_t capacity)
        : executor_(&executor),
          call_(std::make_unique<detail::async_call<chunk>>(
              capacity, stop,
              [&client, ask = std::move(ask)](channel<chunk>& out, std::stop_token const& halt) {
                  auto stream = client.stream(ask, halt);
                  while (auto const* const piece = stream.next(halt)) {
                      if (!out.push(*piece, halt)) {
                          throw cancelled_error("the call was cancelled");
                      }
                  }
              })) {}

    /// `co_await` it: the next chunk, valid until the next is awaited; null after the end was given
    /// out or an error was thrown. When `stop` is stopped first, `cancelled_error` is thrown and the
    /// stream is over.
    /// \throws as response_stream::next
    [[nodiscard]] auto next(std::stop_token stop = {}) -> awaiter {
        return awaiter(*this, std::move(stop));
    }

    /// The response so far; whole once the end was given out.
    [[nodiscard]] auto value() const& noexcept -> response const& { return built_.value(); }
    [[nodiscard]] auto value() && noexcept -> response { return std::move(built_).value(); }
    /// The end was given out: `value()` is whole.
    [[nodiscard]] auto done() const noexcept -> bool { return built_.done(); }
    /// Gives the call up. What came so far stays in `value()`.
    void cancel() noexcept { call_.reset(); }

private:
    auto take(pop& from) -> chunk const* {
        try {
            auto item = from.await_resume();
            if (!item) {
                throw cancelled_error("the call was cancelled");
            }
            current_ = *std::move(item);
        } catch (...) {
            over_ = true;
            throw;
        }
        built_.add(current_);
        over_ = built_.done();
        return &current_;
    }

    Executor* executor_;
    chunk current_;
    response_builder built_;
    bool over_ = false; // ended or failed; the channel goes later, an awaiter still refers to it
    std::unique_ptr<detail::async_call<chunk>> call_;
};

/// A stream of `client` for coroutines that `executor` resumes. The client and the executor must
/// outlive it. The call begins at once; its errors come from `next`.
template <provider P, class Executor>
[[nodiscard]] auto stream_async(P& client, request const& ask, Executor& executor,
                                std::stop_token const& stop = {}, std::size_t capacity = 20)
    -> async_stream<Executor> {
    return async_stream<Executor>(client, ask.clone(), executor, stop, capacity);
}

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_ASYNC_STREAM_HPP
