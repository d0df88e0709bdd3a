// SPDX-License-Identifier: MIT
//
// What it costs to mend arguments by their schema. The baselines: the validation that is needed in
// any case, and a copy of the value, which a coercion that always copies would pay.

#include <llms/schema/coerce.hpp>

#include <benchmark/benchmark.h>
#include <nlohmann/json.hpp>

#include <stdexcept>

namespace {

using nlohmann::json;

auto search_schema() -> json {
    return json::parse(R"({"type": "object", "required": ["query", "limit"],
        "additionalProperties": false, "properties": {
            "query": {"type": "string"},
            "limit": {"type": "integer", "minimum": 1, "maximum": 100},
            "threshold": {"type": "number"},
            "exact": {"type": "boolean"},
            "unit": {"enum": ["Celsius", "Fahrenheit"]}}})");
}

auto typed() -> json {
    return {
        {"query", "x"}, {"limit", 10}, {"threshold", 0.5}, {"exact", true}, {"unit", "Celsius"}};
}

auto stringified() -> json {
    return {{"query", "x"},
            {"limit", "10"},
            {"threshold", "0.5"},
            {"exact", "true"},
            {"unit", "celsius"}};
}

auto large(bool wrong) -> json {
    auto rows = json::array();
    for (auto i = 0; i < 1000; ++i) {
        rows.push_back(typed());
    }
    if (wrong) {
        rows.back() = stringified();
    }
    return rows;
}

void verify(bool good) {
    if (!good) {
        throw std::logic_error{"the benchmark coerces wrongly"};
    }
}

void run(benchmark::State& state, json const& schema, json const& value, std::size_t changes) {
    auto const mend = llms::coercer{llms::schema::compile(schema)};
    for (auto _ : state) {
        auto result = mend(value);
        benchmark::DoNotOptimize(result);
    }
    verify(mend(value) && mend(value).changes().size() == changes);
}

void BM_coerce_validate(benchmark::State& state) {
    auto const judge = llms::validator{llms::schema::compile(search_schema())};
    auto const value = typed();
    for (auto _ : state) {
        auto valid = judge.is_valid(value);
        benchmark::DoNotOptimize(valid);
    }
    verify(judge.is_valid(value));
}
BENCHMARK(BM_coerce_validate)->Name("BM_coerce/baseline:is_valid");

void BM_coerce_copy(benchmark::State& state) {
    auto const value = typed();
    for (auto _ : state) {
        auto copy = value;
        benchmark::DoNotOptimize(copy);
    }
}
BENCHMARK(BM_coerce_copy)->Name("BM_coerce/baseline:copy");

void BM_coerce_valid(benchmark::State& state) {
    run(state, search_schema(), typed(), 0);
}
BENCHMARK(BM_coerce_valid)->Name("BM_coerce/members:5/changes:0");

void BM_coerce_changed(benchmark::State& state) {
    run(state, search_schema(), stringified(), 4);
}
BENCHMARK(BM_coerce_changed)->Name("BM_coerce/members:5/changes:4");

auto rows_schema() -> json {
    return {{"type", "array"}, {"items", search_schema()}};
}

void BM_coerce_large_valid(benchmark::State& state) {
    run(state, rows_schema(), large(false), 0);
}
BENCHMARK(BM_coerce_large_valid)->Name("BM_coerce/members:5000/changes:0");

void BM_coerce_large_changed(benchmark::State& state) {
    run(state, rows_schema(), large(true), 4);
}
BENCHMARK(BM_coerce_large_changed)->Name("BM_coerce/members:5000/changes:4");

void BM_coerce_compile(benchmark::State& state) {
    auto const compiled = llms::schema::compile(search_schema());
    for (auto _ : state) {
        auto mend = llms::coercer{compiled};
        benchmark::DoNotOptimize(mend);
    }
}
BENCHMARK(BM_coerce_compile)->Name("BM_coerce/make_coercer");

} // namespace
