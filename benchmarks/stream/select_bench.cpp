// SPDX-License-Identifier: MIT
//
// One item out of the one channel of several that has it: `select`, beside a loop that tries each in
// turn, which is what a program without it writes, and which cannot wait.
#include <llms/stream/channel.hpp>
#include <llms/stream/select.hpp>

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <utility>

namespace {

using channels = std::deque<llms::channel<std::uint64_t>>;

// An item goes in, each time into the next of `count` channels, and `take(channels, sum)` gets it out.
template <class Take>
void run(benchmark::State& state, std::size_t count, Take take) {
    channels all;
    while (all.size() != count) {
        all.emplace_back(20);
    }
    std::uint64_t sent = 0;
    std::uint64_t sum = 0;
    for (auto _ : state) {
        if (!all[sent % count].try_push(sent)) {
            std::abort();
        }
        ++sent;
        take(all, sum);
    }
    if (sum != sent * (sent - 1) / 2) {
        state.SkipWithError("lost items");
    }
}

template <std::size_t... I>
void select_one(channels& all, std::uint64_t& sum, std::index_sequence<I...> /*numbers*/) {
    (void)llms::select(llms::on_pop(all[I], [&](auto item) { sum += *item; })...);
}

template <std::size_t Count>
void BM_select(benchmark::State& state) {
    run(state, Count, [](channels& all, std::uint64_t& sum) {
        select_one(all, sum, std::make_index_sequence<Count>{});
    });
}

void BM_select_by_trying(benchmark::State& state) {
    run(state, static_cast<std::size_t>(state.range(0)), [](channels& all, std::uint64_t& sum) {
        for (auto& each : all) {
            if (auto const item = each.try_pop()) {
                sum += *item;
                break;
            }
        }
    });
}

BENCHMARK_TEMPLATE(BM_select, 1)->Name("BM_select/channels:1");
BENCHMARK_TEMPLATE(BM_select, 4)->Name("BM_select/channels:4");
BENCHMARK_TEMPLATE(BM_select, 16)->Name("BM_select/channels:16");
BENCHMARK(BM_select_by_trying)->ArgName("channels")->Arg(1)->Arg(4)->Arg(16);

} // namespace
