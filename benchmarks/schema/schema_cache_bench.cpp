// SPDX-License-Identifier: MIT
//
// A hit of the schema cache by key, by text and by document, for a tool's schema of half a kilobyte and
// one of a hundred; the baseline is compiling it each time.
#include <llms/schema/schema_cache.hpp>

#include <benchmark/benchmark.h>
#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>

namespace {

auto schema_of(std::int64_t properties) -> nlohmann::json {
    nlohmann::json schema{{"type", "object"}, {"required", {"p0"}}};
    for (std::int64_t i = 0; i < properties; ++i) {
        schema["properties"]["p" + std::to_string(i)] = {
            {"type", "string"}, {"description", "What the property is for, in a sentence or two."}};
    }
    return schema;
}

void BM_schema_cache_hit_by_key(benchmark::State& state) {
    llms::schema_cache cache;
    auto const key = cache.get(schema_of(state.range(0))).key();
    for (auto _ : state) {
        benchmark::DoNotOptimize(cache.get(key));
    }
}
BENCHMARK(BM_schema_cache_hit_by_key)->ArgName("properties")->Arg(5)->Arg(1000);

void BM_schema_cache_hit_by_text(benchmark::State& state) {
    llms::schema_cache cache;
    std::string const text = schema_of(state.range(0)).dump();
    benchmark::DoNotOptimize(cache.get(text));
    for (auto _ : state) {
        benchmark::DoNotOptimize(cache.get(text));
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(BM_schema_cache_hit_by_text)->ArgName("properties")->Arg(5)->Arg(1000);

void BM_schema_cache_hit_by_document(benchmark::State& state) {
    llms::schema_cache cache;
    auto const document = schema_of(state.range(0));
    benchmark::DoNotOptimize(cache.get(document));
    for (auto _ : state) {
        benchmark::DoNotOptimize(cache.get(document));
    }
}
BENCHMARK(BM_schema_cache_hit_by_document)->ArgName("properties")->Arg(5)->Arg(1000);

void BM_schema_cache_baseline_compile(benchmark::State& state) {
    std::string const text = schema_of(state.range(0)).dump();
    for (auto _ : state) {
        benchmark::DoNotOptimize(llms::schema::compile(nlohmann::json::parse(text)));
    }
}
BENCHMARK(BM_schema_cache_baseline_compile)->ArgName("properties")->Arg(5)->Arg(1000);

} // namespace
