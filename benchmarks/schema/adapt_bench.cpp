// SPDX-License-Identifier: MIT
//
// What is left of a tool's schema for a provider, beside copying the schema: the least that a program
// does which changes one for a provider by hand.
#include <llms/schema/adapt.hpp>

#include <benchmark/benchmark.h>
#include <nlohmann/json.hpp>

#include <string>

namespace {

using nlohmann::ordered_json;

// An object of that many members, each an object with an optional part and a bound.
auto schema_of(std::int64_t members) -> ordered_json {
    ordered_json schema{{"type", "object"}, {"properties", ordered_json::object()}};
    for (std::int64_t i = 0; i < members; ++i) {
        schema["properties"]["member" + std::to_string(i)] = ordered_json::parse(
            R"({"type": "object", "required": ["query"], "properties": {
                "query": {"type": "string", "maxLength": 200, "description": "What to look for."},
                "limit": {"type": "integer", "minimum": 1}}})");
    }
    return schema;
}

void BM_adapt(benchmark::State& state, llms::schema_dialect dialect) {
    auto const schema = schema_of(state.range(0));
    for (auto _ : state) {
        auto const adapted = llms::adapt(schema, dialect);
        if (!adapted.expressible || adapted.notes.empty()) {
            state.SkipWithError("adapted wrongly");
        }
    }
}

void BM_adapt_baseline_copy(benchmark::State& state) {
    auto const schema = schema_of(state.range(0));
    for (auto _ : state) {
        auto copy = schema;
        benchmark::DoNotOptimize(copy);
    }
}

BENCHMARK_CAPTURE(BM_adapt, openai, llms::schema_dialect::openai_strict)
    ->ArgName("members")
    ->Arg(1)
    ->Arg(10)
    ->Arg(100);
BENCHMARK_CAPTURE(BM_adapt, anthropic, llms::schema_dialect::anthropic_strict)
    ->ArgName("members")
    ->Arg(1)
    ->Arg(10)
    ->Arg(100);
BENCHMARK(BM_adapt_baseline_copy)->ArgName("members")->Arg(1)->Arg(10)->Arg(100);

} // namespace
