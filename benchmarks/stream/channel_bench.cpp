// SPDX-License-Identifier: MIT
//
// Token streams between threads. ns_per_token is the figure to read; compare rows of one run only, and
// medians of repetitions: what threads that sleep cost moves by a factor of two within minutes.
//   --benchmark_repetitions=5 --benchmark_report_aggregates_only
// cores:1 puts both sides on one core, cores:2 each on its own.
#include "peers.hpp"
#include "support.hpp"
#include <llms/stream/channel.hpp>

#include <benchmark/benchmark.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <deque>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using text = std::string;

constexpr std::size_t tokens = 20'000;

void per_token(benchmark::State& state, std::size_t count) {
    state.counters["ns_per_token"] = benchmark::Counter(
        static_cast<double>(count) * 1e-9,
        benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

template <class Queue>
void BM_channel_stream(benchmark::State& state) {
    auto const capacity = static_cast<std::size_t>(state.range(0));
    auto const cores = static_cast<unsigned>(state.range(1));
    bench::pinned const here(0);
    for (auto _ : state) {
        Queue queue(capacity);
        std::thread producer([&] {
            bench::pin(cores - 1);
            for (std::size_t n = 0; n != tokens; ++n) {
                queue.push(bench::token(n));
            }
        });
        std::size_t bytes = 0;
        text token;
        for (std::size_t n = 0; n != tokens; ++n) {
            queue.pop(token);
            bytes += token.size();
        }
        producer.join();
        if (bytes != bench::token_bytes(tokens)) {
            state.SkipWithError("lost tokens");
        }
    }
    per_token(state, tokens);
}

void BM_channel_stream_batch(benchmark::State& state) {
    auto const capacity = static_cast<std::size_t>(state.range(0));
    auto const cores = static_cast<unsigned>(state.range(1));
    bench::pinned const here(0);
    for (auto _ : state) {
        peers::llms_channel<text> queue(capacity);
        std::thread producer([&] {
            bench::pin(cores - 1);
            for (std::size_t n = 0; n != tokens; ++n) {
                queue.push(bench::token(n));
            }
        });
        std::size_t bytes = 0;
        std::size_t received = 0;
        std::vector<text> batch;
        while (received != tokens) {
            batch.clear();
            queue.pop_all(batch);
            received += batch.size();
            for (auto const& token : batch) {
                bytes += token.size();
            }
        }
        producer.join();
        if (bytes != bench::token_bytes(tokens)) {
            state.SkipWithError("lost tokens");
        }
    }
    per_token(state, tokens);
}

/// As many producers as consumers, wherever the scheduler puts them.
template <class Queue>
void BM_channel_mpmc(benchmark::State& state) {
    auto const capacity = static_cast<std::size_t>(state.range(0));
    auto const pairs = static_cast<std::size_t>(state.range(1));
    auto const share = tokens / pairs;
    for (auto _ : state) {
        Queue queue(capacity);
        std::vector<std::size_t> bytes(pairs);
        {
            std::vector<std::jthread> threads;
            for (auto& sum : bytes) {
                threads.emplace_back([&] {
                    for (std::size_t n = 0; n != share; ++n) {
                        queue.push(bench::token(n));
                    }
                });
                threads.emplace_back([&] {
                    text token;
                    for (std::size_t n = 0; n != share; ++n) {
                        queue.pop(token);
                        sum += token.size();
                    }
                });
            }
        }
        if (std::accumulate(bytes.begin(), bytes.end(), std::size_t{0}) !=
            pairs * bench::token_bytes(share)) {
            state.SkipWithError("lost tokens");
        }
    }
    per_token(state, pairs * share);
}

/// Many channels open at once, on one thread: a token to each, then one from each.
template <class Queue>
void BM_channel_many(benchmark::State& state) {
    auto const count = static_cast<std::size_t>(state.range(0));
    std::deque<Queue> queues;
    while (queues.size() != count) {
        queues.emplace_back(20);
    }
    std::size_t bytes = 0;
    text token;
    for (auto _ : state) {
        for (std::size_t n = 0; n != count; ++n) {
            queues[n].push(bench::token(n));
        }
        for (auto& queue : queues) {
            queue.pop(token);
            bytes += token.size();
        }
    }
    if (bytes != static_cast<std::size_t>(state.iterations()) * bench::token_bytes(count)) {
        state.SkipWithError("lost tokens");
    }
    per_token(state, count);
}

/// There and back again over two queues: mostly the time to wake a thread.
template <class Queue>
void BM_channel_ping_pong(benchmark::State& state) {
    constexpr int rounds = 1000;
    auto const cores = static_cast<unsigned>(state.range(0));
    bench::pinned const here(0);
    for (auto _ : state) {
        Queue ping(1);
        Queue pong(1);
        std::thread echo([&] {
            bench::pin(cores - 1);
            text token;
            for (int n = 0; n != rounds; ++n) {
                ping.pop(token);
                pong.push(std::move(token));
            }
        });
        text token = "token";
        for (int n = 0; n != rounds; ++n) {
            ping.push(std::move(token));
            pong.pop(token);
        }
        echo.join();
        if (token != "token") {
            state.SkipWithError("lost token");
        }
    }
    per_token(state, rounds);
}

/// A cache line there and back, with nothing around it: what all that goes between two cores is made
/// of. A virtual machine's cores are moved about: one way was seen at 43 and at 200 ns within seconds.
void BM_cache_line_round(benchmark::State& state) {
    bench::pinned const here(0);
    alignas(64) std::atomic<int> line{0};
    std::jthread const echo([&] {
        bench::pin(1);
        for (int next = 1, seen = 0; seen >= 0; seen = line.load(std::memory_order_acquire)) {
            if (seen == next) {
                line.store(next + 1, std::memory_order_release);
                next += 2;
            }
        }
    });
    int last = 0;
    for (auto _ : state) {
        line.store(last + 1, std::memory_order_release);
        last += 2;
        while (line.load(std::memory_order_acquire) != last) {}
    }
    line.store(-1, std::memory_order_release);
}

/// One token a millisecond, the consumer asleep in between: what a language model's stream is.
template <class Queue>
void BM_channel_cold(benchmark::State& state) {
#if defined(__linux__)
    constexpr int count = 500;
    bench::pinned const here(0);
    std::chrono::nanoseconds pushing{};
    std::int64_t cpu = 0;
    for (auto _ : state) {
        Queue queue(20);
        std::thread consumer([&] {
            bench::pin(1);
            text token;
            for (int n = 0; n != count; ++n) {
                queue.pop(token);
            }
            timespec used{};
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
            cpu += used.tv_sec * 1'000'000'000 + used.tv_nsec;
        });
        auto next = std::chrono::steady_clock::now();
        for (std::size_t n = 0; n != count; ++n) {
            std::this_thread::sleep_until(next += 1ms);
            auto const start = std::chrono::steady_clock::now();
            queue.push(bench::token(n));
            pushing += std::chrono::steady_clock::now() - start;
        }
        consumer.join();
    }
    auto const total = static_cast<double>(state.iterations()) * count;
    state.counters["push_us"] = static_cast<double>(pushing.count()) / total / 1000;
    state.counters["consumer_cpu_us"] = static_cast<double>(cpu) / total / 1000;
#else
    state.SkipWithError("needs a CPU clock for one thread");
#endif
}

template <class Queue>
void BM_channel_uncontended(benchmark::State& state) {
    Queue queue(20);
    std::size_t n = 0;
    text token;
    for (auto _ : state) {
        queue.push(bench::token(n++));
        queue.pop(token);
        benchmark::DoNotOptimize(token);
    }
}

template <class Queue>
void BM_channel_create(benchmark::State& state) {
    auto const capacity = static_cast<std::size_t>(state.range(0));
    text token;
    for (auto _ : state) {
        Queue queue(capacity);
        queue.push(bench::token(3));
        queue.pop(token);
        benchmark::DoNotOptimize(token);
    }
}

void streams(benchmark::internal::Benchmark* bench) {
    bench->ArgNames({"capacity", "cores"})->UseRealTime()->Unit(benchmark::kMillisecond);
    for (int const cores : {1, 2}) {
        for (int const capacity : {20, 1024}) {
            bench->Args({capacity, cores});
        }
    }
}
void crowds(benchmark::internal::Benchmark* bench) {
    bench->ArgNames({"capacity", "pairs"})->UseRealTime()->Unit(benchmark::kMillisecond);
    for (int const pairs : {1, 2, 4, 8}) {
        bench->Args({20, pairs});
    }
    bench->Args({1024, 2});
}
void numbers(benchmark::internal::Benchmark* bench) {
    bench->ArgName("channels")->RangeMultiplier(10)->Range(1, 1000);
}
void cores(benchmark::internal::Benchmark* bench) {
    bench->ArgName("cores")->UseRealTime()->Unit(benchmark::kMillisecond)->Arg(1)->Arg(2);
}
void once(benchmark::internal::Benchmark* bench) {
    bench->UseRealTime()->Unit(benchmark::kMillisecond)->Iterations(1);
}

#define LLMS_BENCH_ALL(queue)                                                                      \
    BENCHMARK_TEMPLATE(BM_channel_stream, queue<text>)->Apply(streams);                            \
    BENCHMARK_TEMPLATE(BM_channel_mpmc, queue<text>)->Apply(crowds);                               \
    BENCHMARK_TEMPLATE(BM_channel_many, queue<text>)->Apply(numbers);                              \
    BENCHMARK_TEMPLATE(BM_channel_ping_pong, queue<text>)->Apply(cores);                           \
    BENCHMARK_TEMPLATE(BM_channel_cold, queue<text>)->Apply(once);                                 \
    BENCHMARK_TEMPLATE(BM_channel_uncontended, queue<text>);                                       \
    BENCHMARK_TEMPLATE(BM_channel_create, queue<text>)->ArgName("capacity")->Arg(20)->Arg(1024)

BENCHMARK(BM_cache_line_round)->UseRealTime();
BENCHMARK(BM_channel_stream_batch)->Apply(streams);
LLMS_BENCH_ALL(peers::llms_channel);
LLMS_BENCH_ALL(peers::textbook);
#ifdef LLMS_BENCH_FIBERS
LLMS_BENCH_ALL(peers::fibers);
#endif
#ifdef LLMS_BENCH_TBB
LLMS_BENCH_ALL(peers::tbb_bounded);
#endif
#ifdef LLMS_BENCH_MOODYCAMEL
LLMS_BENCH_ALL(peers::moodycamel_unbounded);
#endif

} // namespace
