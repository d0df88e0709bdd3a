// SPDX-License-Identifier: MIT
//
// `complete_async`: `complete` for coroutines, with any provider and any executor:
//
//     auto answer = co_await llms::complete_async(client, ask, executor, stop);
//
// The call runs on a thread of its own, since providers block; the coroutine is resumed by
// `executor.post(callable)`, under the conventions of channel::async_pop: the callable is one
// pointer, to be run once, not from inside `post`. A coroutine may be destroyed while it waits, on
// its executor's thread: that stops the call and waits until the provider has noticed.
//
// Cost: a thread a call, some 20 us beside the provider's answer. For streams: async_stream.
#ifndef LLMS_CHAT_COMPLETE_ASYNC_HPP
#define LLMS_CHAT_COMPLETE_ASYNC_HPP

#include <llms/chat/provider.hpp>
#include <llms/chat/request.hpp>
#include <llms/chat/response.hpp>
#include <llms/detail/chat_async_call.hpp>
#include <llms/stream/channel.hpp>

#include <coroutine>
#include <optional>
#include <stop_token>
#include <utility>

namespace llms::inline v0_1 {

namespace detail {

/// What `co_await complete_async(...)` awaits. The call begins when it is awaited.
template <provider P, class Executor>
class [[nodiscard]] complete_awaiter {
public:
    complete_awaiter(P& client, request ask, Executor& executor, std::stop_token stop)
        : client_(&client),
          ask_(std::move(ask)),
          executor_(&executor),
          stop_(std::move(stop)) {}
    complete_awaiter(complete_awaiter const&) = delete;
    auto operator=(complete_awaiter const&) -> complete_awaiter& = delete;
    ~complete_awaiter() = default; // the wait first, then the call

    auto await_ready() -> bool {
        call_.emplace(1, stop_, [this](channel<response>& out, std::stop_token const& stop) {
            static_cast<void>(out.try_push(client_->complete(ask_, stop))); // there is room for one
        });
        // Without a token: a stopped call ends by itself, and says how.
        waiting_.emplace(call_->items(), *executor_);
        return waiting_->pop.await_ready();
    }
    auto await_suspend(std::coroutine_handle<> coroutine) -> bool {
        return waiting_->pop.await_suspend(coroutine);
    }
    /// \throws as the client's `complete`
    auto await_resume() -> response {
        auto result = waiting_->pop.await_resume();
        return *std::move(
            result); // the channel is closed only after its one item, or with an error
    }

private:
    struct wait {
        wait(channel<response>& from, Executor& executor) : pop(from.async_pop(executor)) {}
        decltype(std::declval<channel<response>&>().async_pop(std::declval<Executor&>())) pop;
    };

    P* client_;
    request ask_;
    Executor* executor_;
    std::stop_token stop_;
    std::optional<async_call<response>> call_;
    std::optional<wait> waiting_;
};

} // namespace detail

/// Awaits `client.complete(ask, stop)`. The client and the executor must live until it is over.
template <provider P, class Executor>
[[nodiscard]] auto complete_async(P& client, request const& ask, Executor& executor,
                                  std::stop_token stop = {}) {
    return detail::complete_awaiter<P, Executor>(client, ask.clone(), executor, std::move(stop));
}

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_COMPLETE_ASYNC_HPP
