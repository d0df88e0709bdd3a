// SPDX-License-Identifier: MIT
//
// A checked C++ value out of a model's answer, the model a mock that answers at once. The baseline is
// what a program writes by hand: ask, parse, `get` by nlohmann's macro; it knows no schema, mends
// nothing and checks nothing.
#include <llms/chat/mock_provider.hpp>
#include <llms/chat/structured.hpp>

#include <benchmark/benchmark.h>
#include <nlohmann/json.hpp>

#include <string>
#include <utility>

namespace {

struct forecast {
    std::string city;
    int degrees = 0;
    bool rain = false;
};

struct forecast_by_macro {
    std::string city;
    int degrees = 0;
    bool rain = false;

    NLOHMANN_DEFINE_TYPE_INTRUSIVE(forecast_by_macro, city, degrees, rain)
};

constexpr auto* plain = R"({"city": "Bergen", "degrees": 9, "rain": true})";
constexpr auto* wrapped = "Here it is:\n```json\n{\"city\": \"Bergen\", \"degrees\": 9, "
                          "\"rain\": true}\n```\nAnything else?";
constexpr auto* broken = "{city: 'Bergen', degrees: \"9\", rain: True,}";

auto model_that_says(std::string answer) -> llms::mock_provider {
    return llms::mock_provider{
        {.answers = {llms::mock_answer::text(std::move(answer))}, .max_requests = 0}};
}

auto ask() -> llms::request {
    return {.model = "mock", .messages = {llms::message::user("The weather in Bergen?")}};
}

void BM_structured(benchmark::State& state, char const* answer) {
    auto model = model_that_says(answer);
    auto const question = ask();
    for (auto _ : state) {
        auto const weather = llms::structured<forecast>(model, question);
        if (!weather || weather->degrees != 9 || weather.steps().size() != 1) {
            state.SkipWithError("not the answer");
        }
    }
}

void BM_structured_baseline_by_hand(benchmark::State& state) {
    auto model = model_that_says(plain);
    auto const question = ask();
    for (auto _ : state) {
        auto const answer = model.complete(question);
        auto const weather = nlohmann::json::parse(answer.text()).get<forecast_by_macro>();
        if (weather.degrees != 9) {
            state.SkipWithError("not the answer");
        }
    }
}

BENCHMARK_CAPTURE(BM_structured, plain, plain);
BENCHMARK_CAPTURE(BM_structured, wrapped_in_prose, wrapped);
BENCHMARK_CAPTURE(BM_structured, broken, broken);
BENCHMARK(BM_structured_baseline_by_hand);

} // namespace
