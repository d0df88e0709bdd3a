// SPDX-License-Identifier: MIT
//
// The key of a chat request: `canonical_form` beside what one would write, dump() and std::hash, of
// which the latter takes {"temperature": 0} and {"temperature": 0.0} for two requests.
//
//   text_hash      the canonical text in a reused buffer and its seeded 64-bit hash: a look-up in process
//   digest         SHA-256 of the canonical text, which is not built
//   text_digest    both, as the key of a second tier beside the text
//
// `marshal` is the whole way between a request and its text: dump(), the canonical text, parse().
#include <llms/cache/cache_hash.hpp>
#include <llms/detail/cache_sha256.hpp>
#include <llms/json/canonical.hpp>

#include <benchmark/benchmark.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace {

using nlohmann::json;
using nlohmann::ordered_json;

template <class Json>
auto request(std::int64_t messages) -> Json {
    Json body;
    body["model"] = "gpt-4o-mini";
    body["messages"] = Json::array();
    for (std::int64_t i = 0; i < messages; ++i) {
        Json message;
        message["role"] = i % 2 == 0 ? "user" : "assistant";
        message["content"] =
            "Message " + std::to_string(i) +
            ": please summarise the following \"document\" in three bullet points,\nkeep the names "
            "of people and answer in English. It is a text of ordinary length, such as a user "
            "would write, or a model would answer.";
        body["messages"].push_back(message);
    }
    body["temperature"] = 0;
    body["max_tokens"] = 512;
    body["stream"] = true;
    return body;
}

auto form() -> llms::canonical_form const& {
    static llms::canonical_form const result(
        {.ignore = {"/stream", "/stream_options", "/user", "/metadata"}});
    return result;
}

template <class Json>
void BM_key_dump_hash(benchmark::State& state) { // NOLINT(readability-identifier-naming)
    auto const body = request<Json>(state.range(0));
    for (auto _ : state) {
        benchmark::DoNotOptimize(std::hash<std::string>()(body.dump()));
    }
    state.counters["bytes"] = static_cast<double>(body.dump().size());
}

template <class Json>
void BM_key_text_hash(benchmark::State& state) { // NOLINT(readability-identifier-naming)
    auto const body = request<Json>(state.range(0));
    llms::cache_hash<std::string> const hash;
    std::string text;
    for (auto _ : state) {
        text.clear();
        form().write(body, [&](std::string_view piece) { text += piece; });
        benchmark::DoNotOptimize(hash(text));
    }
    if (text != form().text(body) || text.find("stream") != std::string::npos) {
        state.SkipWithError("wrong text");
    }
}

template <class Json>
void BM_key_digest(benchmark::State& state) { // NOLINT(readability-identifier-naming)
    auto const body = request<Json>(state.range(0));
    llms::detail::sha256_digest digest{};
    for (auto _ : state) {
        llms::detail::sha256 hash;
        form().write(body, [&](std::string_view piece) { hash.update(piece); });
        benchmark::DoNotOptimize(digest = hash.finish());
    }
    if (digest != llms::detail::sha256_of(form().text(body))) {
        state.SkipWithError("wrong digest");
    }
}

template <class Json>
void BM_key_text_digest(benchmark::State& state) { // NOLINT(readability-identifier-naming)
    auto const body = request<Json>(state.range(0));
    std::string text;
    for (auto _ : state) {
        text.clear();
        form().write(body, [&](std::string_view piece) { text += piece; });
        benchmark::DoNotOptimize(llms::detail::sha256_of(text));
    }
}

template <class Json>
void BM_key_matches(benchmark::State& state) { // NOLINT(readability-identifier-naming)
    auto const body = request<Json>(state.range(0));
    auto const text = form().text(body);
    for (auto _ : state) {
        if (!form().matches(body, text)) {
            state.SkipWithError("no match");
            break;
        }
    }
}

void BM_marshal_dump(benchmark::State& state) { // NOLINT(readability-identifier-naming)
    auto const body = request<json>(state.range(0));
    for (auto _ : state) {
        auto text = body.dump();
        benchmark::DoNotOptimize(text);
    }
}

void BM_marshal_canonical(benchmark::State& state) { // NOLINT(readability-identifier-naming)
    auto const body = request<json>(state.range(0));
    llms::canonical_form const everything;
    std::string text;
    for (auto _ : state) {
        text = everything.text(body);
        benchmark::DoNotOptimize(text);
    }
    if (json::parse(text) != body) {
        state.SkipWithError("not what was written");
    }
}

void BM_marshal_parse(benchmark::State& state) { // NOLINT(readability-identifier-naming)
    auto const text = request<json>(state.range(0)).dump();
    for (auto _ : state) {
        auto body = json::parse(text);
        benchmark::DoNotOptimize(body);
    }
}

void BM_sha256(benchmark::State& state) { // NOLINT(readability-identifier-naming)
    std::string const text(static_cast<std::size_t>(state.range(0)), 'x');
    bool const portable = state.range(1) == 0;
    llms::detail::sha256_state mixed{};
    for (auto _ : state) {
        (portable ? llms::detail::sha256_portable
                  : llms::detail::sha256_accelerated)(mixed, text.data(), text.size() / 64);
        benchmark::DoNotOptimize(mixed);
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
    if (!portable && !llms::detail::sha256_instructions()) {
        state.SkipWithError("this processor has no SHA instructions");
    }
}

void messages(benchmark::internal::Benchmark* run) {
    run->ArgName("messages")->Arg(2)->Arg(10);
}

BENCHMARK(BM_key_dump_hash<json>)->Apply(messages);
BENCHMARK(BM_key_text_hash<json>)->Apply(messages);
BENCHMARK(BM_key_digest<json>)->Apply(messages);
BENCHMARK(BM_key_text_digest<json>)->Apply(messages);
BENCHMARK(BM_key_matches<json>)->Apply(messages);
BENCHMARK(BM_key_dump_hash<ordered_json>)->Apply(messages);
BENCHMARK(BM_key_text_hash<ordered_json>)->Apply(messages);
BENCHMARK(BM_key_digest<ordered_json>)->Apply(messages);
BENCHMARK(BM_marshal_dump)->Apply(messages);
BENCHMARK(BM_marshal_canonical)->Apply(messages);
BENCHMARK(BM_marshal_parse)->Apply(messages);
BENCHMARK(BM_sha256)->ArgNames({"bytes", "accelerated"})->Args({16384, 0})->Args({16384, 1});

} // namespace
