// SPDX-License-Identifier: MIT
//
// Token streams between two coroutines on one thread, against two fibers of boost's.
#include "peers.hpp"
#include "support.hpp"
#include <llms/stream/channel.hpp>

#include <benchmark/benchmark.h>

#include <coroutine>
#include <cstddef>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#ifdef LLMS_BENCH_FIBERS
#    include <boost/fiber/fiber.hpp>
#endif

namespace {

using text = std::string;

constexpr std::size_t tokens = 20'000;

void per_token(benchmark::State& state) {
    state.counters["ns_per_token"] = benchmark::Counter(
        static_cast<double>(tokens) * 1e-9,
        benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

/// The least an executor can be: a queue of callables of one pointer.
class run_queue {
public:
    template <class Task>
    void post(Task task) {
        static_assert(sizeof(Task) <= sizeof(void*));
        entry made{[](void* bytes) { (*static_cast<Task*>(bytes))(); }, {}};
        ::new (static_cast<void*>(&made.bytes)) Task(task);
        later_.push_back(made);
    }
    void run() {
        while (!later_.empty()) {
            std::swap(now_, later_);
            for (auto& task : now_) {
                task.call(&task.bytes);
            }
            now_.clear();
        }
    }

private:
    struct entry {
        void (*call)(void*);
        void* bytes;
    };
    std::vector<entry> now_;
    std::vector<entry> later_;
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

auto produce(llms::channel<text>& ch, run_queue& executor) -> detached {
    for (std::size_t n = 0; n != tokens; ++n) {
        if (!co_await ch.async_push(executor, bench::token(n))) {
            co_return;
        }
    }
    ch.close();
}

auto consume(llms::channel<text>& ch, run_queue& executor, std::size_t& bytes) -> detached {
    while (auto token = co_await ch.async_pop(executor)) {
        bytes += token->size();
    }
}

void BM_async_stream(benchmark::State& state) {
    run_queue executor;
    for (auto _ : state) {
        llms::channel<text> ch(static_cast<std::size_t>(state.range(0)));
        std::size_t bytes = 0;
        consume(ch, executor, bytes);
        produce(ch, executor);
        executor.run();
        if (bytes != bench::token_bytes(tokens)) {
            state.SkipWithError("lost tokens");
        }
    }
    per_token(state);
}

#ifdef LLMS_BENCH_FIBERS
void BM_async_stream_fibers(benchmark::State& state) {
    for (auto _ : state) {
        peers::fibers<text> queue(static_cast<std::size_t>(state.range(0)));
        std::size_t bytes = 0;
        boost::fibers::fiber consumer([&] {
            text token;
            for (std::size_t n = 0; n != tokens; ++n) {
                queue.pop(token);
                bytes += token.size();
            }
        });
        boost::fibers::fiber producer([&] {
            for (std::size_t n = 0; n != tokens; ++n) {
                queue.push(bench::token(n));
            }
        });
        consumer.join();
        producer.join();
        if (bytes != bench::token_bytes(tokens)) {
            state.SkipWithError("lost tokens");
        }
    }
    per_token(state);
}
BENCHMARK(BM_async_stream_fibers)->ArgName("capacity")->Arg(20)->Arg(1024);
#endif

BENCHMARK(BM_async_stream)->ArgName("capacity")->Arg(20)->Arg(1024);

} // namespace
