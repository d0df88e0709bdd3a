// SPDX-License-Identifier: MIT
//
// `complete_async` and `async_stream`: a call and a stream of a mock that answers at once, awaited by
// a coroutine. The baselines are what a program writes that has no coroutines: std::async, and a thread
// that fills a deque under a mutex.
#include "../stream/peers.hpp"
#include <llms/chat/async_stream.hpp>
#include <llms/chat/complete_async.hpp>
#include <llms/chat/mock_provider.hpp>
#include <llms/stream/channel.hpp>

#include <benchmark/benchmark.h>

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <future>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

constexpr std::size_t tokens = 1000;

auto mock(std::size_t pieces) -> llms::mock_provider {
    return llms::mock_provider{
        {.answers = {llms::mock_answer::pieces(std::vector<std::string>(pieces, " token"))},
         .max_requests = 0}};
}

auto ask() -> llms::request {
    return {.model = "gpt-4o-mini",
            .messages = {llms::message::user("Which three fjords should I see in a week in May?")}};
}

/// The loop of a program: runs what other threads post, until it is told that all is done.
class event_loop {
public:
    void post(std::function<void()> task) { (void)tasks_.push(std::move(task)); }
    void run_until(bool const& done) {
        while (!done) {
            (*tasks_.pop())();
        }
    }

private:
    llms::channel<std::function<void()>> tasks_{1024};
};

struct detached {
    struct promise_type {
        auto get_return_object() noexcept -> detached { return {}; }
        auto initial_suspend() noexcept -> std::suspend_never { return {}; }
        auto final_suspend() noexcept -> std::suspend_never { return {}; }
        void return_void() noexcept {}
        void unhandled_exception() noexcept { std::terminate(); }
    };
};

auto call(llms::mock_provider& model, llms::request const& question, event_loop& loop,
          std::size_t& bytes, bool& done) -> detached {
    auto const answer = co_await llms::complete_async(model, question, loop);
    bytes += answer.message.content.size();
    done = true;
}

auto read(llms::mock_provider& model, llms::request const& question, event_loop& loop,
          std::size_t& came, bool& done) -> detached {
    auto stream = llms::stream_async(model, question, loop);
    while (auto const* const piece = co_await stream.next()) {
        came += piece->kind == llms::chunk_kind::text ? 1 : 0;
    }
    done = true;
}

void BM_complete_async(benchmark::State& state) {
    auto model = mock(1);
    auto const question = ask();
    event_loop loop;
    std::size_t bytes = 0;
    for (auto _ : state) {
        bool done = false;
        call(model, question, loop, bytes, done);
        loop.run_until(done);
    }
    if (bytes == 0 || model.calls() != static_cast<std::size_t>(state.iterations())) {
        state.SkipWithError("not every call was answered");
    }
}

void BM_complete_async_baseline_std_async(benchmark::State& state) {
    auto model = mock(1);
    auto const question = ask();
    std::size_t bytes = 0;
    for (auto _ : state) {
        auto answer = std::async(std::launch::async, [&] { return model.complete(question); });
        bytes += answer.get().message.content.size();
    }
    if (bytes == 0 || model.calls() != static_cast<std::size_t>(state.iterations())) {
        state.SkipWithError("not every call was answered");
    }
}

void BM_async_stream_token(benchmark::State& state) {
    auto model = mock(tokens);
    auto const question = ask();
    event_loop loop;
    for (auto _ : state) {
        std::size_t came = 0;
        bool done = false;
        read(model, question, loop, came, done);
        loop.run_until(done);
        if (came != tokens) {
            state.SkipWithError("lost tokens");
        }
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(tokens) * state.iterations());
}

void BM_async_stream_token_baseline_mutex_deque(benchmark::State& state) {
    auto model = mock(tokens);
    auto const question = ask();
    for (auto _ : state) {
        peers::textbook<llms::chunk> queue(20);
        std::jthread const producer([&] {
            auto stream = model.stream(question);
            while (auto const* const piece = stream.next()) {
                queue.push(*piece);
            }
        });
        std::size_t came = 0;
        for (llms::chunk piece; piece.kind != llms::chunk_kind::end;) {
            queue.pop(piece);
            came += piece.kind == llms::chunk_kind::text ? 1 : 0;
        }
        if (came != tokens) {
            state.SkipWithError("lost tokens");
        }
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(tokens) * state.iterations());
}

BENCHMARK(BM_complete_async)->UseRealTime();
BENCHMARK(BM_complete_async_baseline_std_async)->UseRealTime();
BENCHMARK(BM_async_stream_token)->UseRealTime();
BENCHMARK(BM_async_stream_token_baseline_mutex_deque)->UseRealTime();

} // namespace
