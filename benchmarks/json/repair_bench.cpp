// SPDX-License-Identifier: MIT
//
// Finding and mending JSON in text. The first group is of texts that make a search start at every
// bracket: time must grow as the text does (the Go library took 60 s for 16 KB of `{x}`). The second
// is an answer of 100 records, valid, in prose, and broken, beside nlohmann::json::parse of it.
#include <llms/json/extract.hpp>
#include <llms/json/repair.hpp>

#include <benchmark/benchmark.h>
#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <regex>
#include <string>
#include <string_view>

namespace {

using nlohmann::json;

auto extract(std::string_view text) -> bool {
    return llms::extract_json(text).has_value();
}

auto repair(std::string_view text) -> bool {
    return llms::repair_json(text).value.has_value();
}

auto parse(std::string_view text) -> bool {
    return !json::parse(text, nullptr, false).is_discarded();
}

template <auto Read>
void BM_hostile(benchmark::State& state,
                char const* unit) { // NOLINT(readability-identifier-naming)
    auto const size = static_cast<std::size_t>(state.range(0));
    std::string text;
    while (text.size() < size) {
        text += unit;
    }
    for (auto _ : state) {
        if (Read(text)) {
            state.SkipWithError("there is no value in it");
        }
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
    state.SetComplexityN(state.range(0));
}

void sizes(benchmark::internal::Benchmark* run) {
    run->ArgName("bytes")->Arg(1'000)->Arg(10'000)->Arg(100'000)->Arg(1'000'000)->Arg(10'000'000);
    run->Complexity(benchmark::oN);
}

BENCHMARK_CAPTURE(BM_hostile<extract>, extract_closed, "{x}")->Apply(sizes);
BENCHMARK_CAPTURE(BM_hostile<extract>, extract_open, "{")->Apply(sizes);
BENCHMARK_CAPTURE(BM_hostile<repair>, repair_closed, "{x}")->Apply(sizes);
BENCHMARK_CAPTURE(BM_hostile<repair>, repair_open, "{")->Apply(sizes);
BENCHMARK_CAPTURE(BM_hostile<repair>, repair_quotes, "[{\"{'")->Apply(sizes);
BENCHMARK_CAPTURE(BM_hostile<repair>, repair_fences, "```\n~~~\n")->Apply(sizes);

auto answer() -> json {
    auto list = json::array();
    for (auto i = 0; i < 100; ++i) {
        list.push_back({{"id", i},
                        {"name", "record number " + std::to_string(i)},
                        {"price", i * 1.25},
                        {"tags", {"red", "green", "blue"}},
                        {"note", i % 3 == 0 ? json(nullptr) : json("said \"yes\"\nand left")}});
    }
    return {{"records", list}};
}

template <auto Read>
void BM_answer(benchmark::State& state,
               std::string const& text) { // NOLINT(readability-identifier-naming)
    for (auto _ : state) {
        if (!Read(text)) {
            state.SkipWithError("there is a value in it");
        }
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}

auto valid() -> std::string {
    return answer().dump(2);
}

auto in_prose() -> std::string {
    return "Here is what you asked for:\n\n```json\n" + valid() + "\n```\nI hope this helps!";
}

// Names without quotes, comments, and a comma after every record.
auto broken() -> std::string {
    auto text = std::regex_replace(valid(), std::regex{R"("([a-z]+)":)"}, "$1:");
    text = std::regex_replace(text, std::regex{R"(\}(?=\n))"}, "}, // next");
        return std::regex_replace(text, std::regex{R"(,, // next)"}, ",");
}

BENCHMARK_CAPTURE(BM_answer<parse>, valid_nlohmann, valid());
BENCHMARK_CAPTURE(BM_answer<extract>, valid_extract, valid());
BENCHMARK_CAPTURE(BM_answer<repair>, valid_repair, valid());
BENCHMARK_CAPTURE(BM_answer<extract>, in_prose_extract, in_prose());
BENCHMARK_CAPTURE(BM_answer<repair>, in_prose_repair, in_prose());
BENCHMARK_CAPTURE(BM_answer<repair>, broken_repair, broken());

} // namespace
