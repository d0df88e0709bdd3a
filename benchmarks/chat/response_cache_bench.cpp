// SPDX-License-Identifier: MIT
//
// A hit in `response_cache` end to end, from the request to the answer in the caller's hands, beside what
// one would write: the body's dump(), std::hash of it, an unordered_map under a mutex, a copy of the
// answer. A request of two messages (a system prompt and a question), an answer of 300 bytes; streams
// were cut into 60 chunks. `allocations` counts those of one call.
#include <llms/chat/cached.hpp>

#include <benchmark/benchmark.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace {

thread_local std::uint64_t allocations = 0;

} // namespace

[[gnu::noinline]] auto operator new(std::size_t size) -> void* { // or g++ 12 sees a mismatch
    ++allocations;
    if (auto* const block = std::malloc(size); block != nullptr) { // NOLINT
        return block;
    }
    throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* block) noexcept {
    std::free(block);
} // NOLINT
[[gnu::noinline]] void operator delete(void* block, std::size_t /*size*/) noexcept {
    std::free(block);
} // NOLINT

namespace {

auto ask() -> llms::request {
    return {
        .model = "gpt-4o-mini",
        .messages = {llms::message::system(
                         "You are a helpful assistant for the customers of a shop. Answer in one "
                         "short paragraph, and say so when you do not know."),
                     llms::message::user("Which of the three fjords that you named yesterday is "
                                         "the longest, and how long is it in kilometres?")},
        .temperature = 0.0,
        .max_tokens = 256};
}

auto pieces() -> std::vector<std::string> {
    std::vector<std::string> all;
    for (int i = 0; i < 59; ++i) {
        all.push_back("chunk");
    }
    return all;
}

class fixed_source final : public llms::chunk_source {
public:
    [[nodiscard]] auto next(llms::chunk& out, std::stop_token const& /*stop*/) -> bool override {
        if (at_ < pieces_.size()) {
            out.text = pieces_[at_++];
        } else {
            out.kind = llms::chunk_kind::end;
            out.finish = llms::finish_reason::stop;
            out.id = "chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz012";
            out.name = "gpt-4o-mini-2024-07-18";
            out.signature = "stop";
            out.usage = {.input_tokens = 60, .output_tokens = 59};
        }
        return true;
    }

private:
    std::vector<std::string> pieces_ = pieces();
    std::size_t at_ = 0;
};

struct fixed_provider {
    [[nodiscard]] auto complete(llms::request const& what, std::stop_token const& stop)
        -> llms::response {
        return stream(what, stop).finish(stop);
    }
    [[nodiscard]] static auto stream(llms::request const& /*ask*/, std::stop_token const& /*stop*/)
        -> llms::response_stream {
        return llms::response_stream(std::make_unique<fixed_source>());
    }
    [[nodiscard]] static auto name() -> std::string_view { return "fixed"; }
};

auto all_text() -> std::string const& {
    static auto const text = [] {
        std::string joined;
        for (auto const& piece : pieces()) {
            joined += piece;
        }
        return joined;
    }();
    return text;
}

void check(benchmark::State& state, llms::response const& answer) {
    if (answer.text() != all_text()) {
        state.SkipWithError("not the answer");
    }
}

template <class Work>
void measure(benchmark::State& state, Work work) {
    auto const before = allocations;
    for (auto _ : state) {
        work();
    }
    state.counters["allocations"] = benchmark::Counter(static_cast<double>(allocations - before) /
                                                           static_cast<double>(state.iterations()),
                                                       benchmark::Counter::kAvgThreads);
}

void BM_response_cache_complete(benchmark::State& state) {
    llms::response_cache cache{{.tenant = "bench"}};
    auto client = fixed_provider{} | llms::cached(cache);
    auto const request = ask();
    static_cast<void>(client.stream(request).finish());
    check(state, client.complete(request));
    measure(state, [&] {
        auto const answer = client.complete(request);
        benchmark::DoNotOptimize(answer.message.content.data());
    });
}
BENCHMARK(BM_response_cache_complete)->Threads(1)->Threads(2)->UseRealTime();

void BM_response_cache_key(benchmark::State& state) {
    llms::response_cache const cache{{.tenant = "bench"}};
    auto const request = ask();
    measure(state, [&] { benchmark::DoNotOptimize(cache.key(request, "fixed").data()); });
}
BENCHMARK(BM_response_cache_key);

// To the first chunk, and to the end.
void BM_response_cache_stream(benchmark::State& state) {
    llms::response_cache cache{{.tenant = "bench"}};
    auto client = fixed_provider{} | llms::cached(cache);
    auto const request = ask();
    check(state, client.stream(request).finish());
    check(state, client.stream(request).finish());
    bool const whole = state.range(0) == 60;
    measure(state, [&] {
        auto stream = client.stream(request);
        auto const* piece = stream.next();
        while (whole && piece != nullptr) {
            benchmark::DoNotOptimize(piece->text.data());
            piece = stream.next();
        }
        benchmark::DoNotOptimize(piece);
    });
}
BENCHMARK(BM_response_cache_stream)->ArgName("chunks")->Arg(1)->Arg(60);

void BM_dump_and_hash_complete(benchmark::State& state) {
    std::mutex mutex;
    std::unordered_map<std::size_t, llms::response> answers;
    auto const request = ask();
    auto const key = [&] {
        return std::hash<std::string>{}(llms::openai::body(request).dump());
    };
    answers.emplace(key(), fixed_provider{}.complete(request, {}));
    auto const call = [&] {
        auto const wanted = key();
        std::lock_guard const lock(mutex);
        auto answer = answers.at(wanted).clone();
        answer.cached = true;
        return answer;
    };
    check(state, call());
    measure(state, [&] {
        auto const answer = call();
        benchmark::DoNotOptimize(answer.message.content.data());
    });
}
BENCHMARK(BM_dump_and_hash_complete);

} // namespace
