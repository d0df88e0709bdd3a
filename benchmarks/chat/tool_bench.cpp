// SPDX-License-Identifier: MIT
//
// A call of a tool from JSON text to JSON text. The baseline is what a program writes by hand without
// the library: parse, `get` by nlohmann's macro, call, dump; it checks and coerces nothing.

#include <llms/chat/tool.hpp>
#include <llms/chat/toolbox.hpp>

#include <benchmark/benchmark.h>
#include <nlohmann/json.hpp>

#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

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

constexpr auto typed = std::string_view{
    R"({"query": "tool calls", "limit": 10, "threshold": 0.5, "exact": true, "language": "en"})"};
constexpr auto stringified = std::string_view{
    R"({"query": "tool calls", "limit": "10", "threshold": "0.5", "exact": "true", "language": "en"})"};

void verify(bool good) {
    if (!good) {
        throw std::logic_error{"the benchmark calls wrongly"};
    }
}

auto make_tool() -> llms::tool {
    return llms::tool{"search", "Searches.", [](search const& in) {
                          return in.limit;
                      }};
}

void BM_tool_by_hand(benchmark::State& state) {
    for (auto _ : state) {
        auto const in = nlohmann::json::parse(typed).get<search_by_macro>();
        auto text = nlohmann::json(in.limit).dump();
        benchmark::DoNotOptimize(text);
    }
}
BENCHMARK(BM_tool_by_hand)->Name("BM_tool_call/baseline:by_hand");

void call(benchmark::State& state, std::string_view arguments) {
    auto const tool = make_tool();
    for (auto _ : state) {
        auto result = tool.call(arguments);
        benchmark::DoNotOptimize(result);
    }
    verify(tool.call(arguments).text == "10");
}

void BM_tool_call(benchmark::State& state) {
    call(state, typed);
}
BENCHMARK(BM_tool_call)->Name("BM_tool_call/coerced:0_of_5");

void BM_tool_call_coerced(benchmark::State& state) {
    call(state, stringified);
}
BENCHMARK(BM_tool_call_coerced)->Name("BM_tool_call/coerced:3_of_5");

void BM_tool_make(benchmark::State& state) {
    for (auto _ : state) {
        auto tool = make_tool();
        benchmark::DoNotOptimize(tool);
    }
}
BENCHMARK(BM_tool_make)->Name("BM_tool_make");

void BM_tool_render(benchmark::State& state) {
    auto const tool = make_tool();
    for (auto _ : state) {
        auto rendered = tool.render(llms::tool_dialect::openai_strict);
        benchmark::DoNotOptimize(rendered);
    }
}
BENCHMARK(BM_tool_render)->Name("BM_tool_render/openai_strict");

struct inline_executor {
    void post(std::function<void()> const& job) { job(); }
};

void BM_toolbox_call(benchmark::State& state) {
    auto const tools = llms::toolbox{make_tool()};
    auto const calls = std::vector<llms::tool_call>(8, {"id", "search", std::string{typed}});
    auto executor = inline_executor{};
    for (auto _ : state) {
        auto results = tools.call(calls, executor);
        benchmark::DoNotOptimize(results);
    }
    state.SetItemsProcessed(state.iterations() * 8);
}
BENCHMARK(BM_toolbox_call)->Name("BM_toolbox_call/calls:8/executor:inline");

} // namespace
