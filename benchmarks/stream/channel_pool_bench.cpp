// SPDX-License-Identifier: MIT
//
// Streams from a pool against streams made each time, and a whole token stream read into a string.
#include "peers.hpp"
#include "support.hpp"
#include <llms/stream/channel_pool.hpp>

#include <benchmark/benchmark.h>

#include <cstddef>
#include <memory>
#include <string>
#include <thread>
#include <utility>

namespace {

using text = std::string;

constexpr std::size_t tokens = 1000;

// The ends of a stream are on two threads; while a program has one, shared_ptr does not count with
// atomics.
auto const second_thread = [] {
    std::thread([] {}).join();
    return true;
}();

/// What a user writes for two ends: a shared queue, closed by who writes.
template <class Queue>
void BM_channel_pool_constructed(benchmark::State& state) {
    auto const capacity = static_cast<std::size_t>(state.range(0));
    text token;
    for (auto _ : state) {
        auto writer = std::make_shared<Queue>(capacity);
        auto reader = writer;
        writer->push(bench::token(3));
        writer->close();
        writer.reset();
        reader->pop(token);
        benchmark::DoNotOptimize(token);
    }
}

void BM_channel_pool_open(benchmark::State& state) {
    llms::channel_pool<text> pool({.capacity = static_cast<std::size_t>(state.range(0))});
    text token;
    for (auto _ : state) {
        auto [writer, reader] = pool.open();
        (void)writer.push(bench::token(3));
        { auto const done = std::move(writer); }
        token = *reader.pop();
        benchmark::DoNotOptimize(token);
    }
    if (pool.stats().created != 1) {
        state.SkipWithError("the pool does not reuse");
    }
}

/// A thread that writes one stream after the other, as a connection does; on a core of its own, for the
/// scheduler leaves two such threads on one core or on two for minutes.
template <class Job>
class producer {
public:
    producer() = default;
    void write(Job job) { (void)jobs_.push(std::move(job)); }
    ~producer() { jobs_.close(); }
    producer(producer const&) = delete;
    auto operator=(producer const&) -> producer& = delete;

private:
    llms::channel<Job> jobs_{1};
    std::jthread thread_{[this] {
        bench::pin(1);
        for (auto& job : jobs_) {
            job();
        }
    }};
};

void check(benchmark::State& state, text const& answer) {
    if (answer.size() != bench::token_bytes(tokens)) {
        state.SkipWithError("lost tokens");
    }
    state.counters["ns_per_token"] = benchmark::Counter(
        static_cast<double>(tokens) * 1e-9,
        benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

struct write_pooled {
    llms::channel_writer<text> writer;
    void operator()() {
        for (std::size_t n = 0; n != tokens; ++n) {
            if (!writer.push(bench::token(n))) {
                return;
            }
        }
        writer.close();
    }
};

void BM_channel_pool_answer(benchmark::State& state) {
    llms::channel_pool<text> pool({.capacity = static_cast<std::size_t>(state.range(0))});
    bench::pinned const here(0);
    producer<write_pooled> connection;
    text answer;
    for (auto _ : state) {
        auto [writer, reader] = pool.open();
        connection.write({std::move(writer)});
        answer.clear();
        for (auto const& token : reader) {
            answer += token;
        }
    }
    check(state, answer);
}

template <class Queue>
struct write_shared {
    std::shared_ptr<Queue> queue;
    void operator()() {
        for (std::size_t n = 0; n != tokens; ++n) {
            queue->push(bench::token(n));
        }
        queue->push({});
    }
};

/// An empty token ends the stream.
template <class Queue>
void BM_channel_pool_answer_by(benchmark::State& state) {
    bench::pinned const here(0);
    producer<write_shared<Queue>> connection;
    text answer;
    for (auto _ : state) {
        auto const queue = std::make_shared<Queue>(static_cast<std::size_t>(state.range(0)));
        connection.write({queue});
        answer.clear();
        text token;
        for (queue->pop(token); !token.empty(); queue->pop(token)) {
            answer += token;
        }
    }
    check(state, answer);
}

void capacities(benchmark::internal::Benchmark* bench) {
    bench->ArgName("capacity")->UseRealTime()->Arg(20)->Arg(1024);
}

BENCHMARK(BM_channel_pool_open)->Apply(capacities);
BENCHMARK_TEMPLATE(BM_channel_pool_constructed, peers::llms_channel<text>)->Apply(capacities);
BENCHMARK_TEMPLATE(BM_channel_pool_constructed, peers::textbook<text>)->Apply(capacities);
BENCHMARK(BM_channel_pool_answer)->Apply(capacities);
BENCHMARK_TEMPLATE(BM_channel_pool_answer_by, peers::textbook<text>)->Apply(capacities);

} // namespace
