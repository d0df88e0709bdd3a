// SPDX-License-Identifier: MIT
//
// One text chunk of a stream, from the data of its event to a `chunk`: the decoders against what
// nlohmann::json::parse alone takes for the same bytes.
#include <llms/chat/anthropic_wire.hpp>
#include <llms/chat/chunk.hpp>
#include <llms/chat/openai_wire.hpp>

#include <benchmark/benchmark.h>

#include <string>
#include <string_view>

namespace {

constexpr std::string_view openai_chunk =
    R"({"id":"chatcmpl-CWxyz0123456789","object":"chat.completion.chunk","created":1761933113,)"
    R"("model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"fp_51db84",)"
    R"("choices":[{"index":0,"delta":{"content":" world"},"logprobs":null,"finish_reason":null}],)"
    R"("usage":null,"obfuscation":"abcdefgh"})";
constexpr std::string_view anthropic_chunk =
    R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" world"}})";

template <class Decoder>
void decode(benchmark::State& state, std::string_view data) {
    Decoder decoder;
    std::size_t bytes = 0;
    std::size_t events = 0;
    for (auto _ : state) {
        decoder.feed(data, [&](llms::chunk&& piece) { bytes += piece.text.size(); });
        ++events;
    }
    if (bytes != events * std::string_view(" world").size()) {
        state.SkipWithError("a token was lost");
    }
}

void parse(benchmark::State& state, std::string_view data) {
    for (auto _ : state) {
        auto const event = nlohmann::json::parse(data);
        benchmark::DoNotOptimize(event);
    }
}

void BM_wire_openai(benchmark::State& state) {
    decode<llms::openai::stream_decoder>(state, openai_chunk);
}
void BM_wire_openai_nlohmann_parse(benchmark::State& state) {
    parse(state, openai_chunk);
}
void BM_wire_anthropic(benchmark::State& state) {
    decode<llms::anthropic::stream_decoder>(state, anthropic_chunk);
}
void BM_wire_anthropic_nlohmann_parse(benchmark::State& state) {
    parse(state, anthropic_chunk);
}
BENCHMARK(BM_wire_openai);
BENCHMARK(BM_wire_openai_nlohmann_parse);
BENCHMARK(BM_wire_anthropic);
BENCHMARK(BM_wire_anthropic_nlohmann_parse);

} // namespace
