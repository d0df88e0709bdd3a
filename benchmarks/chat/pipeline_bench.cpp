// SPDX-License-Identifier: MIT
//
// What the middlewares add to a call and to a token of a stream. The provider is a mock that answers
// at once; each row has one layer more than the row above it. The baseline is what a program without
// a library does: it calls the provider itself.
//
// The cache is asked to stand aside (temperature 0.7), so that every call reaches the provider.
#include <llms/chat/budgeted.hpp>
#include <llms/chat/cached.hpp>
#include <llms/chat/coalesced.hpp>
#include <llms/chat/fallback.hpp>
#include <llms/chat/hedged.hpp>
#include <llms/chat/limited.hpp>
#include <llms/chat/mock_provider.hpp>
#include <llms/chat/observed.hpp>
#include <llms/chat/recording.hpp>
#include <llms/chat/replaying.hpp>
#include <llms/chat/retrying.hpp>
#include <llms/chat/timeout.hpp>
#include <llms/chat/trimmed.hpp>
#include <llms/chat/with_tools.hpp>

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <sstream>
#include <streambuf>
#include <string>
#include <utility>
#include <vector>

namespace {

constexpr std::size_t tokens = 1000;

struct place {
    std::string city;
};

auto mock(std::size_t pieces) -> llms::mock_provider {
    return llms::mock_provider{
        {.answers = {llms::mock_answer::pieces(std::vector<std::string>(pieces, " token"))},
         .max_requests = 0}};
}

auto ask() -> llms::request {
    return {.model = "gpt-4o-mini",
            .messages = {llms::message::system("You are a guide who answers briefly."),
                         llms::message::user("Which three fjords should I see in a week in May?")},
            .temperature = 0.7};
}

auto tools() -> llms::toolbox {
    return llms::toolbox{llms::tool{"weather", "The weather of a city.", [](place const& where) {
                                        return where.city;
                                    }}};
}

// The layers, one more each.
struct stack {
    llms::metrics metrics;
    llms::response_cache cache{{.tenant = "bench"}};

    template <int Layers>
    auto on(llms::mock_provider inner) {
        if constexpr (Layers == 0) {
            return inner;
        } else {
            auto below = on<Layers - 1>(std::move(inner));
            if constexpr (Layers == 1) {
                return std::move(below) | llms::attempts(metrics);
            } else if constexpr (Layers == 2) {
                return std::move(below) | llms::retrying();
            } else if constexpr (Layers == 3) {
                return std::move(below) | llms::cached(cache);
            } else if constexpr (Layers == 4) {
                return std::move(below) | llms::observed(metrics);
            } else {
                return std::move(below) | llms::with_tools(tools());
            }
        }
    }
};

template <int Layers>
void BM_pipeline_call(benchmark::State& state) {
    stack under;
    auto const model = mock(20);
    auto client = under.on<Layers>(model);
    auto const question = ask();
    std::size_t bytes = 0;
    for (auto _ : state) {
        auto answer = client.complete(question);
        bytes += answer.message.content.size();
        benchmark::DoNotOptimize(answer);
    }
    if (bytes != static_cast<std::size_t>(state.iterations()) || model.calls() != bytes) {
        state.SkipWithError("not every call was answered by the provider");
    }
}

// Per token; the opening of the stream is spread over its 1000 tokens.
template <int Layers>
void BM_pipeline_token(benchmark::State& state) {
    stack under;
    auto const model = mock(tokens);
    auto client = under.on<Layers>(model);
    auto const question = ask();
    std::int64_t came = 0;
    while (state.KeepRunningBatch(tokens)) {
        auto stream = client.stream(question);
        while (auto const* piece = stream.next()) {
            came += piece->kind == llms::chunk_kind::text ? 1 : 0;
            benchmark::DoNotOptimize(piece);
        }
        if (stream.value().usage.output_tokens != tokens) {
            state.SkipWithError("not the whole answer");
        }
    }
    if (came != static_cast<std::int64_t>(state.iterations())) {
        state.SkipWithError("lost tokens");
    }
}

// A stream from its opening to its one chunk and its end.
template <int Layers>
void BM_pipeline_open(benchmark::State& state) {
    stack under;
    auto const model = mock(1);
    auto client = under.on<Layers>(model);
    auto const question = ask();
    for (auto _ : state) {
        auto answer = client.stream(question).finish();
        benchmark::DoNotOptimize(answer);
    }
    if (model.calls() != static_cast<std::size_t>(state.iterations())) {
        state.SkipWithError("not every call reached the provider");
    }
}

#define LLMS_BENCH_LAYERS(function)                                                                \
    BENCHMARK_TEMPLATE(function, 0)->Name(#function "/mock_alone");                                \
    BENCHMARK_TEMPLATE(function, 1)->Name(#function "/attempts");                                  \
    BENCHMARK_TEMPLATE(function, 2)->Name(#function "/retrying");                                  \
    BENCHMARK_TEMPLATE(function, 3)->Name(#function "/cached_bypassed");                           \
    BENCHMARK_TEMPLATE(function, 4)->Name(#function "/observed");                                  \
    BENCHMARK_TEMPLATE(function, 5)->Name(#function "/with_tools")

// The guards, each by itself around the mock: nothing times out, fails or is late.
template <class Guard>
void BM_guard_call(benchmark::State& state, Guard guard) {
    auto const model = mock(20);
    auto client = model | std::move(guard);
    auto const question = ask();
    for (auto _ : state) {
        auto answer = client.complete(question);
        benchmark::DoNotOptimize(answer);
    }
    if (model.calls() != static_cast<std::size_t>(state.iterations())) {
        state.SkipWithError("not every call was answered by the provider");
    }
}

template <class Guard>
void BM_guard_token(benchmark::State& state, Guard guard) {
    auto const model = mock(tokens);
    auto client = model | std::move(guard);
    auto const question = ask();
    while (state.KeepRunningBatch(tokens)) {
        auto answer = client.stream(question).finish();
        if (answer.usage.output_tokens != tokens) {
            state.SkipWithError("not the whole answer");
        }
    }
}

constexpr llms::timeout_limits an_hour{.total = std::chrono::hours(1),
                                       .first_chunk = std::chrono::hours(1),
                                       .idle = std::chrono::hours(1)};

// Where a recording costs its text and nothing else.
class nowhere : std::streambuf {
public:
    std::ostream stream{this};

private:
    auto overflow(int_type c) -> int_type override { return traits_type::not_eof(c); }
    auto xsputn(char const* /*text*/, std::streamsize n) -> std::streamsize override { return n; }
};
nowhere discarded;

#define LLMS_BENCH_GUARDS(function)                                                                \
    BENCHMARK_CAPTURE(function, timeout, llms::timeout(an_hour));                                  \
    BENCHMARK_CAPTURE(function, fallback, llms::fallback(mock(1)));                                \
    BENCHMARK_CAPTURE(function, limited, llms::limited({.requests_per_minute = 1e12}));            \
    BENCHMARK_CAPTURE(function, budgeted, llms::budgeted({.max_tokens = 1'000'000'000'000}));      \
    BENCHMARK_CAPTURE(function, trimmed, llms::trimmed({.max_tokens = 8000}));                     \
    BENCHMARK_CAPTURE(function, recording, llms::recording(discarded.stream));                     \
    BENCHMARK_CAPTURE(function, coalesced, llms::coalesced({.any_temperature = true}))             \
        ->UseRealTime();                                                                           \
    BENCHMARK_CAPTURE(function, hedged, llms::hedged({.after = std::chrono::hours(1)}))            \
        ->UseRealTime()

// The same call out of a recording.
void BM_replayed_call(benchmark::State& state) {
    std::stringstream file;
    auto const question = ask();
    auto recorded = mock(20) | llms::recording(file);
    auto const answer = recorded.complete(question);
    llms::replaying_provider client{file, {.repeat_last = true}};
    for (auto _ : state) {
        if (client.complete(question).text() != answer.text()) {
            state.SkipWithError("not what was recorded");
        }
    }
}
BENCHMARK(BM_replayed_call);

LLMS_BENCH_GUARDS(BM_guard_call);
LLMS_BENCH_GUARDS(BM_guard_token);

LLMS_BENCH_LAYERS(BM_pipeline_call);
LLMS_BENCH_LAYERS(BM_pipeline_open);
LLMS_BENCH_LAYERS(BM_pipeline_token);

} // namespace
