// SPDX-License-Identifier: MIT
//
// A history that is full: what one more message costs, and a look at it, beside a vector of messages
// that drops its oldest and is copied to be looked at. Sizes are messages in the history; each text has
// 100 bytes, and a system message stays in front.
#include <llms/chat/message_manager.hpp>

#include <benchmark/benchmark.h>

#include <cstddef>
#include <string>

namespace {

std::string const words(100, 'w');

auto filled(std::size_t size) -> llms::message_manager {
    return llms::message_manager{{.max_messages = size}};
}

void fill(llms::message_manager& talk, std::size_t size) {
    talk.append(llms::message::system("Be brief."));
    while (talk.size() < size) {
        talk.append(llms::message::user(words));
    }
}

void BM_history_append(benchmark::State& state) {
    auto const size = static_cast<std::size_t>(state.range(0));
    auto talk = filled(size);
    fill(talk, size);
    for (auto _ : state) {
        talk.append(llms::message::user(words));
    }
    if (talk.size() != size || talk.snapshot().begin()->role != llms::role::system) {
        state.SkipWithError("not the history that was asked for");
    }
}

void BM_history_append_vector(benchmark::State& state) {
    auto const size = static_cast<std::size_t>(state.range(0));
    llms::message_list talk;
    talk.push_back(llms::message::system("Be brief."));
    while (talk.size() < size) {
        talk.push_back(llms::message::user(words));
    }
    for (auto _ : state) {
        talk.erase(talk.begin() + 1); // the system message stays
        talk.push_back(llms::message::user(words));
    }
    benchmark::DoNotOptimize(talk.data());
}

void BM_history_snapshot(benchmark::State& state) {
    auto const size = static_cast<std::size_t>(state.range(0));
    auto talk = filled(size);
    fill(talk, size);
    for (auto _ : state) {
        auto const seen = talk.snapshot();
        benchmark::DoNotOptimize(seen.size());
    }
}

void BM_history_snapshot_copy(benchmark::State& state) {
    auto const size = static_cast<std::size_t>(state.range(0));
    auto talk = filled(size);
    fill(talk, size);
    auto const list = talk.snapshot().to_list();
    for (auto _ : state) {
        auto const copy = list.clone();
        benchmark::DoNotOptimize(copy.data());
    }
}

void sizes(benchmark::internal::Benchmark* of) {
    of->ArgName("messages")->RangeMultiplier(10)->Range(10, 100'000);
}

BENCHMARK(BM_history_append)->Apply(sizes);
BENCHMARK(BM_history_append_vector)->Apply(sizes);
BENCHMARK(BM_history_snapshot)->Apply(sizes);
BENCHMARK(BM_history_snapshot_copy)->ArgName("messages")->Arg(10)->Arg(1000);

} // namespace
