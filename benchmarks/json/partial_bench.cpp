// SPDX-License-Identifier: MIT
//
// An answer as it streams in, a token of four bytes at a time, and its value after each: with
// `partial_json`; by what one would write, keeping the text and closing what is open before parsing
// it once more (here the best case: the whole text is parsed, nothing has to be closed); and beside
// both the one parse of the whole text, which shows no value before the end.
#include <llms/json/partial.hpp>

#include <benchmark/benchmark.h>
#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

using nlohmann::json;

constexpr std::size_t token = 4;

auto answer(std::int64_t bytes) -> std::string {
    auto list = json::array();
    for (std::size_t size = 0; size < static_cast<std::size_t>(bytes); size += 100) {
        list.push_back({{"id", size},
                        {"name", "record number " + std::to_string(size)},
                        {"tags", {"red", "green", "blue"}},
                        {"note", "said \"yes\"\nand left"}});
    }
    return list.dump();
}

void BM_partial_tokens(benchmark::State& state) { // NOLINT(readability-identifier-naming)
    auto const text = answer(state.range(0));
    for (auto _ : state) {
        llms::partial_json seen;
        for (std::size_t at = 0; at < text.size(); at += token) {
            seen.feed(std::string_view(text).substr(at, token));
            benchmark::DoNotOptimize(seen.value().size());
        }
        if (!seen.done()) {
            state.SkipWithError("not done");
        }
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
    state.SetComplexityN(state.range(0));
}
BENCHMARK(BM_partial_tokens)
    ->ArgName("bytes")
    ->Arg(1'000)
    ->Arg(10'000)
    ->Arg(100'000)
    ->Arg(1'000'000)
    ->Complexity(benchmark::oN);

void BM_partial_parse_once(benchmark::State& state) { // NOLINT(readability-identifier-naming)
    auto const text = answer(state.range(0));
    for (auto _ : state) {
        benchmark::DoNotOptimize(json::parse(text));
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(BM_partial_parse_once)->ArgName("bytes")->Arg(1'000)->Arg(10'000)->Arg(1'000'000);

void BM_partial_parse_each_token(benchmark::State& state) { // NOLINT(readability-identifier-naming)
    auto const text = answer(state.range(0));
    for (auto _ : state) {
        for (std::size_t at = token; at < text.size() + token; at += token) {
            auto const seen = std::string_view(text).substr(0, at);
            benchmark::DoNotOptimize(json::parse(seen, nullptr, false));
        }
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(BM_partial_parse_each_token)->ArgName("bytes")->Arg(1'000)->Arg(10'000);

} // namespace
