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
#include <map>
#include <string>
#include <string_view>

namespace {

using nlohmann::json;

using reader = auto(std::string_view) -> bool;

auto extract(std::string_view text) -> bool {
    return llms::extract_json(text).has_value();
}

auto repair(std::string_view text) -> bool {
    return llms::repair_json(text).value.has_value();
}

auto parse(std::string_view text) -> bool {
    return !json::parse(text, nullptr, false).is_discarded();
}

void BM_hostile(benchmark::State& state, // NOLINT(readability-identifier-naming)
                reader* read, char const* unit) {
    auto const size = static_cast<std::size_t>(state.range(0));
    std::string text;
    while (text.size() < size) {
        text += unit;
    }
    for (auto _ : state) {
        if (read(text)) {
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

BENCHMARK_CAPTURE(BM_hostile, extract_closed, extract, "{x}")->Apply(sizes);
BENCHMARK_CAPTURE(BM_hostile, extract_open, extract, "{")->Apply(sizes);
BENCHMARK_CAPTURE(BM_hostile, repair_closed, repair, "{x}")->Apply(sizes);
BENCHMARK_CAPTURE(BM_hostile, repair_open, repair, "{")->Apply(sizes);
BENCHMARK_CAPTURE(BM_hostile, repair_quotes, repair, "[{\"{'")->Apply(sizes);
BENCHMARK_CAPTURE(BM_hostile, repair_fences, repair, "```\n~~~\n")->Apply(sizes);

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

void BM_answer(benchmark::State& state, // NOLINT(readability-identifier-naming)
               reader* read, std::string const& text) {
    for (auto _ : state) {
        if (!read(text)) {
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
    auto text = valid();
    for (auto const& [from, to] : std::map<std::string, std::string>{{"\"id\"", "id"},
                                                                     {"\"name\"", "name"},
                                                                     {"    },", "    }, // next"},
                                                                     {"    }\n", "    },\n"}}) {
        for (auto at = text.find(from); at != std::string::npos;
             at = text.find(from, at + to.size())) {
            text.replace(at, from.size(), to);
        }
    }
    return text;
}

BENCHMARK_CAPTURE(BM_answer, valid_nlohmann, parse, valid());
BENCHMARK_CAPTURE(BM_answer, valid_extract, extract, valid());
BENCHMARK_CAPTURE(BM_answer, valid_repair, repair, valid());
BENCHMARK_CAPTURE(BM_answer, in_prose_extract, extract, in_prose());
BENCHMARK_CAPTURE(BM_answer, in_prose_repair, repair, in_prose());
BENCHMARK_CAPTURE(BM_answer, broken_repair, repair, broken());

} // namespace
