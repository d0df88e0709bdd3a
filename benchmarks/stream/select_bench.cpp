// SPDX-License-Identifier: MIT
//
// One item out of the one channel of several that has it: `select`, beside a loop that tries each in
// turn, which is what a program without it writes, and which cannot wait.
#include <llms/stream/channel.hpp>
#include <llms/stream/select.hpp>

#include <benchmark/benchmark.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace {

template <std::size_t Count>
struct channels {
    // The next item, in the channel whose turn it is.
    void push(std::uint64_t item) {
        if (!of[item % Count].try_push(item)) {
            std::abort();
        }
    }

    std::array<llms::channel<std::uint64_t>, Count> of = make(std::make_index_sequence<Count>{});

private:
    template <std::size_t... I>
    static auto make(std::index_sequence<I...> /*numbers*/)
        -> std::array<llms::channel<std::uint64_t>, Count> {
        return {llms::channel<std::uint64_t>((void(I), 20))...};
    }
};

template <std::size_t Count>
void BM_select(benchmark::State& state) {
    channels<Count> all;
    std::uint64_t sent = 0;
    std::uint64_t sum = 0;
    for (auto _ : state) {
        all.push(sent++);
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            (void)llms::select(llms::on_pop(all.of[I], [&](auto item) { sum += *item; })...);
        }
        (std::make_index_sequence<Count>{});
    }
    if (sum != sent * (sent - 1) / 2) {
        state.SkipWithError("lost items");
    }
}

template <std::size_t Count>
void BM_select_by_trying(benchmark::State& state) {
    channels<Count> all;
    std::uint64_t sent = 0;
    std::uint64_t sum = 0;
    for (auto _ : state) {
        all.push(sent++);
        for (auto& each : all.of) {
            if (auto const item = each.try_pop()) {
                sum += *item;
                break;
            }
        }
    }
    if (sum != sent * (sent - 1) / 2) {
        state.SkipWithError("lost items");
    }
}

BENCHMARK_TEMPLATE(BM_select, 1)->Name("BM_select/channels:1");
BENCHMARK_TEMPLATE(BM_select, 4)->Name("BM_select/channels:4");
BENCHMARK_TEMPLATE(BM_select, 16)->Name("BM_select/channels:16");
BENCHMARK_TEMPLATE(BM_select_by_trying, 1)->Name("BM_select_by_trying/channels:1");
BENCHMARK_TEMPLATE(BM_select_by_trying, 4)->Name("BM_select_by_trying/channels:4");
BENCHMARK_TEMPLATE(BM_select_by_trying, 16)->Name("BM_select_by_trying/channels:16");

} // namespace
