// SPDX-License-Identifier: MIT
//
// What joining calls costs beside the call: `single_flight` next to the usual mutex with a map of
// shared_futures, alone and with a second thread on the same key; `stream_flight` next to a queue for
// each reader that every chunk is copied into.
#include <llms/cache/single_flight.hpp>
#include <llms/cache/stream_flight.hpp>

#include <benchmark/benchmark.h>

#include <cstdint>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace {

std::string const key(64, 'k'); // as long as a digest in hexadecimal

// What one would write; nobody's stop_token or deadline counts.
class future_flight {
public:
    template <class Make>
    auto run(std::string const& of, Make make) -> std::shared_ptr<int const> {
        std::promise<std::shared_ptr<int const>> promise;
        {
            std::unique_lock lock(mutex_);
            auto const [known, led] = flights_.try_emplace(of);
            if (!led) {
                auto const other = known->second;
                lock.unlock();
                return other.get();
            }
            known->second = promise.get_future().share();
        }
        auto value = std::make_shared<int const>(make());
        promise.set_value(value);
        std::lock_guard const lock(mutex_);
        flights_.erase(of);
        return value;
    }

private:
    std::mutex mutex_;
    std::unordered_map<std::string, std::shared_future<std::shared_ptr<int const>>> flights_;
};

void BM_flight_future(benchmark::State& state) { // NOLINT(readability-identifier-naming)
    static future_flight flights;
    int calls = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(*flights.run(key, [&] { return ++calls; }));
    }
}

void BM_single_flight(benchmark::State& state) { // NOLINT(readability-identifier-naming)
    static llms::single_flight<std::string, int> flights;
    int calls = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(*flights.run(key, [&] { return ++calls; }));
    }
}

constexpr int chunks = 1000;

auto chunk(int number) -> std::string {
    return "a token of the stream, " + std::to_string(number);
}

void BM_stream_queues(benchmark::State& state) { // NOLINT(readability-identifier-naming)
    struct queue {
        std::mutex mutex;
        std::deque<std::string> chunks;
    };
    auto const readers = static_cast<std::size_t>(state.range(0));
    std::size_t read = 0;
    for (auto _ : state) {
        std::vector<queue> queues(readers);
        for (int i = 0; i < chunks; ++i) {
            auto const made = chunk(i);
            for (auto& each : queues) {
                std::lock_guard const lock(each.mutex);
                each.chunks.push_back(made);
            }
        }
        for (auto& each : queues) {
            for (;;) {
                std::lock_guard const lock(each.mutex);
                if (each.chunks.empty()) {
                    break;
                }
                read += each.chunks.front().size() > 20 ? 1 : 0;
                each.chunks.pop_front();
            }
        }
    }
    if (read != readers * chunks * static_cast<std::size_t>(state.iterations())) {
        state.SkipWithError("chunks were lost");
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(read));
}

void BM_stream_flight(benchmark::State& state) { // NOLINT(readability-identifier-naming)
    using flights = llms::stream_flight<std::string, std::string>;
    auto const readers = static_cast<std::size_t>(state.range(0));
    std::size_t read = 0;
    flights all;
    for (auto _ : state) {
        std::optional<flights::writer> writer;
        std::vector<flights::reader> joined;
        for (std::size_t i = 0; i < readers; ++i) {
            joined.push_back(
                all.join(key, [&](flights::writer given) { writer = std::move(given); }));
        }
        for (int i = 0; i < chunks; ++i) {
            writer->push(chunk(i));
        }
        writer->close();
        for (auto& each : joined) {
            while (auto const* const next = each.next()) {
                read += next->size() > 20 ? 1 : 0;
            }
        }
    }
    if (read != readers * chunks * static_cast<std::size_t>(state.iterations())) {
        state.SkipWithError("chunks were lost");
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(read));
}

BENCHMARK(BM_flight_future)->Threads(1)->Threads(2);
BENCHMARK(BM_single_flight)->Threads(1)->Threads(2);
BENCHMARK(BM_stream_queues)->ArgName("readers")->Arg(1)->Arg(4);
BENCHMARK(BM_stream_flight)->ArgName("readers")->Arg(1)->Arg(4);

} // namespace
