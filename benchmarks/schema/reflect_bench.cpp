// SPDX-License-Identifier: MIT
//
// A struct of five filled from JSON: what Go's tool parameters take 1,870 ns for. The baseline is
// nlohmann's `get` over its own macro, which neither coerces nor finds more than the first problem.

#include <llms/schema/reflect.hpp>

#include <benchmark/benchmark.h>
#include <nlohmann/json.hpp>

#include <array>
#include <stdexcept>
#include <string>

namespace {

struct search {
    std::string query;
    int limit = 0;
    double threshold = 0;
    bool exact = false;
    std::string language;
};

struct search_by_macro {
    std::string query;
    int limit = 0;
    double threshold = 0;
    bool exact = false;
    std::string language;

    NLOHMANN_DEFINE_TYPE_INTRUSIVE(search_by_macro, query, limit, threshold, exact, language)
};

struct leg {
    std::string from;
    std::string to;
    int minutes = 0;
};
struct journey {
    std::string name;
    std::array<leg, 3> legs;
    std::vector<std::string> tags;
    std::map<std::string, double> prices;
};

auto typed() -> nlohmann::json {
    return {{"query", "tool calls"},
            {"limit", 10},
            {"threshold", 0.5},
            {"exact", true},
            {"language", "en"}};
}

auto stringified() -> nlohmann::json {
    return {{"query", "tool calls"},
            {"limit", "10"},
            {"threshold", "0.5"},
            {"exact", "true"},
            {"language", "en"}};
}

void verify(bool good) {
    if (!good) {
        throw std::logic_error{"the benchmark reads wrong values"};
    }
}

void BM_reflect_nlohmann_get(benchmark::State& state) {
    auto const json = typed();
    for (auto _ : state) {
        auto value = json.get<search_by_macro>();
        benchmark::DoNotOptimize(value);
    }
    verify(json.get<search_by_macro>().limit == 10);
}
BENCHMARK(BM_reflect_nlohmann_get)->Name("BM_reflect/baseline:nlohmann_get");

void BM_reflect_read(benchmark::State& state) {
    auto const json = typed();
    for (auto _ : state) {
        auto value = llms::from_json_checked<search>(json);
        benchmark::DoNotOptimize(value);
    }
    verify(llms::from_json_checked<search>(json)->limit == 10);
}
BENCHMARK(BM_reflect_read)->Name("BM_reflect/from_json_checked");

void BM_reflect_read_coerced(benchmark::State& state) {
    auto const json = stringified();
    auto const options = llms::reflect_options{.coerce = llms::coercion::all};
    for (auto _ : state) {
        auto value = llms::from_json_checked<search>(json, options);
        benchmark::DoNotOptimize(value);
    }
    auto const value = llms::from_json_checked<search>(json, options);
    verify(value && value->limit == 10 && value->exact && value.changes().size() == 3);
}
BENCHMARK(BM_reflect_read_coerced)->Name("BM_reflect/from_json_checked/coercing:3_of_5");

void BM_reflect_nested(benchmark::State& state) {
    auto const json = nlohmann::json(
        llms::to_json(journey{"home",
                              {leg{"Ulm", "Bonn", 200}, leg{"Bonn", "Kiel", 300}, {}},
                              {"rail"},
                              {{"2nd", 9.5}}}));
    for (auto _ : state) {
        auto value = llms::from_json_checked<journey>(json);
        benchmark::DoNotOptimize(value);
    }
    verify(llms::from_json_checked<journey>(json)->legs[1].minutes == 300);
}
BENCHMARK(BM_reflect_nested)->Name("BM_reflect/from_json_checked/nested");

void BM_reflect_macro_write(benchmark::State& state) {
    auto const value = typed().get<search_by_macro>();
    for (auto _ : state) {
        auto json = nlohmann::json(value);
        benchmark::DoNotOptimize(json);
    }
}
BENCHMARK(BM_reflect_macro_write)->Name("BM_reflect/baseline:nlohmann_to_json");

void BM_reflect_write(benchmark::State& state) {
    auto const value = *llms::from_json_checked<search>(typed());
    for (auto _ : state) {
        auto json = llms::to_json<nlohmann::json>(value);
        benchmark::DoNotOptimize(json);
    }
    verify(llms::to_json<nlohmann::json>(value) == typed());
}
BENCHMARK(BM_reflect_write)->Name("BM_reflect/to_json");

void BM_reflect_schema(benchmark::State& state) {
    for (auto _ : state) {
        auto schema = llms::schema_of<journey>();
        benchmark::DoNotOptimize(schema);
    }
}
BENCHMARK(BM_reflect_schema)->Name("BM_reflect/schema_of");

} // namespace
