// SPDX-License-Identifier: MIT
//
// What counting costs: one operation of a known model, with its begin, end, duration, tokens and
// size. The baseline is what a program writes: a mutex around a map from labels to totals. The
// figure to beat elsewhere: 253 ns for a pair of calls of go-llms' metrics hook, which counts less.
#include <llms/metrics/metrics.hpp>
#include <llms/metrics/operation_timer.hpp>

#include <benchmark/benchmark.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#if __has_include(<prometheus/text_serializer.h>)
#    include <llms/ext/prometheus.hpp>

#    include <prometheus/histogram.h>
#    include <prometheus/registry.h>
#    include <prometheus/text_serializer.h>
#endif

namespace {

using namespace std::chrono_literals;

constexpr llms::operation_info info{"chat", "openai", "gpt-4o-2024-08-06"};

auto operation(std::uint64_t i) -> llms::operation_end {
    return {.info = info,
            .duration = std::chrono::milliseconds{i % 4096},
            .input_tokens = i % 8192,
            .output_tokens = i % 512,
            .response_bytes = i % 65536 + 1};
}

// Counts the same, with exact results, under one lock.
class locked_metrics {
public:
    void record(llms::operation_begin const& /*event*/) {}
    void record(llms::operation_end const& event) {
        std::scoped_lock const lock{mutex_};
        auto& known = entries_[{std::string{event.info.operation}, std::string{event.info.provider},
                                std::string{event.info.model}}];
        ++known.operations;
        known.duration.record(std::chrono::duration<double>{event.duration}.count(),
                              llms::metric::duration_bounds);
        known.input.record(static_cast<double>(*event.input_tokens), llms::metric::token_bounds);
        known.output.record(static_cast<double>(*event.output_tokens), llms::metric::token_bounds);
        known.size.record(static_cast<double>(event.response_bytes), llms::metric::byte_bounds);
    }

    [[nodiscard]] auto operations() -> std::uint64_t {
        std::scoped_lock const lock{mutex_};
        return entries_.empty() ? 0 : entries_.begin()->second.operations;
    }

private:
    struct distribution {
        std::array<std::uint64_t, 16> counts{};
        double sum = 0;

        template <class Bounds>
        void record(double value, Bounds const& bounds) {
            std::size_t i = 0;
            while (i < bounds.size() && bounds[i] < value) {
                ++i;
            }
            ++counts.at(i);
            sum += value;
        }
    };
    struct entry {
        std::uint64_t operations = 0;
        distribution duration, input, output, size;
    };
    std::mutex mutex_;
    std::map<std::tuple<std::string, std::string, std::string>, entry> entries_;
};

template <class Metrics>
void record_operations(benchmark::State& state, Metrics& metrics) {
    std::uint64_t i = 0;
    for (auto _ : state) {
        metrics.record(llms::operation_begin{.info = info});
        metrics.record(operation(++i));
    }
    state.SetItemsProcessed(state.iterations());
}

auto shared_metrics() -> llms::metrics& {
    static llms::metrics metrics;
    return metrics;
}

void BM_metrics_operation(benchmark::State& state) {
    auto& metrics = shared_metrics();
    auto const before = metrics.summary().calls;
    record_operations(state, metrics);
    if (state.threads() == 1 &&
        metrics.summary().calls - before != static_cast<std::uint64_t>(state.iterations())) {
        state.SkipWithError("lost operations");
    }
}

void BM_metrics_operation_locked_map(benchmark::State& state) {
    static locked_metrics metrics;
    auto const before = metrics.operations();
    record_operations(state, metrics);
    if (state.threads() == 1 &&
        metrics.operations() - before != static_cast<std::uint64_t>(state.iterations())) {
        state.SkipWithError("lost operations");
    }
}

void BM_metrics_operation_with_hook(benchmark::State& state) {
    llms::metrics metrics;
    std::uint64_t calls = 0;
    auto const hook =
        metrics.subscribe({.before_operation = [&](llms::operation_begin const&) { ++calls; },
                           .after_operation =
                               [&](llms::operation_end const&) {
                                   ++calls;
                               }});
    record_operations(state, metrics);
    if (calls != 2 * static_cast<std::uint64_t>(state.iterations())) {
        state.SkipWithError("hook not called");
    }
}

// With the two clock readings, and copies of the names.
void BM_metrics_operation_timer(benchmark::State& state) {
    llms::metrics metrics;
    for (auto _ : state) {
        llms::operation_timer timer{metrics, info};
        timer.end({.input_tokens = 10, .output_tokens = 20, .response_bytes = 30});
    }
    if (metrics.summary().calls != static_cast<std::uint64_t>(state.iterations())) {
        state.SkipWithError("lost operations");
    }
}

void BM_metrics_chunk(benchmark::State& state) {
    llms::metrics metrics;
    std::uint64_t i = 0;
    for (auto _ : state) {
        metrics.record(llms::chunk_event{
            .info = info, .index = ++i, .since_previous = std::chrono::microseconds{i % 100'000}});
    }
}

void BM_metrics_clock(benchmark::State& state) {
    for (auto _ : state) {
        benchmark::DoNotOptimize(std::chrono::steady_clock::now());
    }
}

BENCHMARK(BM_metrics_operation)->Threads(1)->Threads(2);
BENCHMARK(BM_metrics_operation_locked_map)->Threads(1)->Threads(2);
BENCHMARK(BM_metrics_operation_with_hook);
BENCHMARK(BM_metrics_operation_timer);
BENCHMARK(BM_metrics_chunk);
BENCHMARK(BM_metrics_clock);

// One addition, and what stands for it in a program without sharding.
void BM_metrics_counter(benchmark::State& state) {
    static llms::counter counter;
    for (auto _ : state) {
        counter.add();
    }
    benchmark::DoNotOptimize(counter.value());
}

void BM_metrics_counter_atomic(benchmark::State& state) {
    static std::atomic<std::uint64_t> counter{0};
    for (auto _ : state) {
        counter.fetch_add(1, std::memory_order_relaxed);
    }
    benchmark::DoNotOptimize(counter.load());
}

void BM_metrics_histogram(benchmark::State& state) {
    static llms::histogram histogram{llms::metric::duration_bounds, 1e9};
    std::uint64_t i = 0;
    for (auto _ : state) {
        histogram.record(std::chrono::milliseconds{++i % 4096});
    }
    benchmark::DoNotOptimize(histogram.data());
}

BENCHMARK(BM_metrics_counter)->Threads(1)->Threads(2);
BENCHMARK(BM_metrics_counter_atomic)->Threads(1)->Threads(2);
BENCHMARK(BM_metrics_histogram)->Threads(1)->Threads(2);

// 100 models, some 12,000 lines of a scrape.
void fill(llms::metrics& metrics) {
    for (int i = 0; i < 100; ++i) {
        auto event = operation(static_cast<std::uint64_t>(i));
        auto const model = "model-" + std::to_string(i);
        event.info.model = model;
        metrics.record(event);
    }
}

// What a scrape costs.
void BM_metrics_prometheus_text(benchmark::State& state) {
    llms::metrics metrics;
    fill(metrics);
    std::size_t bytes = 0;
    for (auto _ : state) {
        bytes += metrics.prometheus_text().size();
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}
BENCHMARK(BM_metrics_prometheus_text)->Unit(benchmark::kMillisecond);

#if __has_include(<prometheus/text_serializer.h>)

auto count(std::vector<prometheus::MetricFamily> const& families) -> std::size_t {
    std::size_t series = 0;
    for (auto const& family : families) {
        series += family.metric.size();
    }
    return series;
}

// The same scrape through prometheus-cpp: the bridge collects, the library writes.
void BM_metrics_prometheus_bridge(benchmark::State& state) {
    llms::metrics metrics;
    fill(metrics);
    llms::prometheus_collectable const bridge{metrics.registry()};
    std::size_t bytes = 0;
    for (auto _ : state) {
        bytes += prometheus::TextSerializer{}.Serialize(bridge.Collect()).size();
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}

// Collecting alone, beside a registry of prometheus-cpp that has as many histograms.
void BM_metrics_prometheus_collect(benchmark::State& state) {
    llms::metrics metrics;
    fill(metrics);
    llms::prometheus_collectable const bridge{metrics.registry()};
    std::size_t series = 0;
    for (auto _ : state) {
        series += count(bridge.Collect());
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(series));
}

void BM_metrics_prometheus_collect_baseline_prometheus_cpp(benchmark::State& state) {
    llms::metrics metrics;
    fill(metrics);
    auto const wanted = count(llms::prometheus_collectable{metrics.registry()}.Collect());
    prometheus::Registry registry;
    auto& family = prometheus::BuildHistogram().Name("seconds").Help("").Register(registry);
    prometheus::Histogram::BucketBoundaries const bounds(llms::metric::duration_bounds.begin(),
                                                         llms::metric::duration_bounds.end());
    for (std::size_t i = 0; i < wanted; ++i) {
        family
            .Add({{"gen_ai_operation_name", "chat"}, {"gen_ai_request_model", std::to_string(i)}},
                 bounds)
            .Observe(static_cast<double>(i));
    }
    std::size_t series = 0;
    for (auto _ : state) {
        series += count(registry.Collect());
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(series));
}

BENCHMARK(BM_metrics_prometheus_bridge)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_metrics_prometheus_collect);
BENCHMARK(BM_metrics_prometheus_collect_baseline_prometheus_cpp);

#endif

} // namespace
