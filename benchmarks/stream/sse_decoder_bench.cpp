// SPDX-License-Identifier: MIT
//
// Decoding a stream of chat chunks, some 230 bytes an event, that the network cut into pieces.
// Baselines over the same pieces: memchr for each line end, the least that finding lines can cost,
// and the decoder that programs have today (append to a buffer, find a blank line, erase the front).
#include <llms/stream/sse_decoder.hpp>

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace {

constexpr std::size_t stream_bytes = std::size_t{1} << 20;

struct recorded_stream {
    std::string bytes;
    std::size_t events = 0;
    std::size_t data_bytes = 0;
};

auto chat_stream() -> recorded_stream const& {
    static auto const stream = [] {
        recorded_stream result;
        for (; result.bytes.size() < stream_bytes; ++result.events) {
            auto const data =
                R"({"id":"chatcmpl-9x2Kd81","object":"chat.completion.chunk","created":1790000000,)"
                R"("model":"gpt-4o-2024-08-06","system_fingerprint":"fp_1","choices":[{"index":0,)"
                R"("delta":{"content":" token)" +
                std::to_string(result.events) + R"("},"logprobs":null,"finish_reason":null}]})";
            result.bytes += "data: " + data + "\n\n";
            result.data_bytes += data.size();
        }
        return result;
    }();
    return stream;
}

template <class Feed>
void for_each_piece(std::string_view bytes, std::size_t size, Feed feed) {
    for (std::size_t at = 0; at < bytes.size(); at += size) {
        feed(bytes.substr(at, size));
    }
}

void check(benchmark::State& state, std::size_t events, std::size_t data_bytes) {
    auto const& stream = chat_stream();
    if (events != stream.events * static_cast<std::size_t>(state.iterations()) ||
        data_bytes != stream.data_bytes * static_cast<std::size_t>(state.iterations())) {
        state.SkipWithError("wrong events");
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(stream.bytes.size()));
}

void BM_sse_decoder(benchmark::State& state) {
    auto const& stream = chat_stream();
    llms::sse_decoder decoder;
    std::size_t events = 0;
    std::size_t data_bytes = 0;
    for (auto _ : state) {
        for_each_piece(stream.bytes, static_cast<std::size_t>(state.range(0)), [&](auto piece) {
            decoder.feed(piece, [&](llms::sse_event const& event) {
                ++events;
                data_bytes += event.data.size();
                benchmark::DoNotOptimize(event.data.data());
            });
        });
    }
    check(state, events, data_bytes);
}

void BM_sse_memchr(benchmark::State& state) {
    auto const& stream = chat_stream();
    std::size_t lines = 0;
    for (auto _ : state) {
        for_each_piece(stream.bytes, static_cast<std::size_t>(state.range(0)), [&](auto piece) {
            while (auto const* end = std::memchr(piece.data(), '\n', piece.size())) {
                ++lines;
                piece.remove_prefix(
                    static_cast<std::size_t>(static_cast<char const*>(end) + 1 - piece.data()));
                if (piece.empty()) {
                    break;
                }
            }
        });
        benchmark::DoNotOptimize(lines);
    }
    check(state, lines / 2, stream.data_bytes * static_cast<std::size_t>(state.iterations()));
}

// As seen, in variations, in most programs that read such streams.
class concatenating_decoder {
public:
    template <class OnData>
    void feed(std::string_view piece, OnData on_data) {
        buffer_ += piece;
        for (auto end = buffer_.find("\n\n"); end != std::string::npos;
             end = buffer_.find("\n\n")) {
            auto const event = buffer_.substr(0, end);
            buffer_ = buffer_.substr(end + 2);
            if (event.rfind("data: ", 0) == 0) {
                on_data(event.substr(6));
            }
        }
    }

private:
    std::string buffer_;
};

void BM_sse_concatenating(benchmark::State& state) {
    auto const& stream = chat_stream();
    concatenating_decoder decoder;
    std::size_t events = 0;
    std::size_t data_bytes = 0;
    for (auto _ : state) {
        for_each_piece(stream.bytes, static_cast<std::size_t>(state.range(0)), [&](auto piece) {
            decoder.feed(piece, [&](std::string const& data) {
                ++events;
                data_bytes += data.size();
                benchmark::DoNotOptimize(data.data());
            });
        });
    }
    check(state, events, data_bytes);
}

BENCHMARK(BM_sse_decoder)->ArgName("piece")->Arg(1)->Arg(64)->Arg(1024)->Arg(16384);
BENCHMARK(BM_sse_memchr)->ArgName("piece")->Arg(1)->Arg(64)->Arg(1024)->Arg(16384);
BENCHMARK(BM_sse_concatenating)->ArgName("piece")->Arg(1)->Arg(64)->Arg(1024)->Arg(16384);

// One event of so many megabytes, byte by byte: the time for a byte must not grow.
template <class Decoder, class Data>
void one_large_event(benchmark::State& state, Data data_of) {
    auto const size = static_cast<std::size_t>(state.range(0));
    auto const bytes = "data: " + std::string(size, 'x') + "\n\n";
    std::size_t seen = 0;
    for (auto _ : state) {
        Decoder decoder;
        for_each_piece(bytes, 1, [&](auto piece) {
            decoder.feed(piece, [&](auto const& event) { seen += data_of(event).size(); });
        });
    }
    if (seen != size * static_cast<std::size_t>(state.iterations())) {
        state.SkipWithError("wrong event");
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(size));
}

void BM_sse_decoder_large_event(benchmark::State& state) {
    one_large_event<llms::sse_decoder>(state, [](llms::sse_event const& e) { return e.data; });
}

void BM_sse_concatenating_large_event(benchmark::State& state) {
    one_large_event<concatenating_decoder>(state, [](std::string const& data) { return data; });
}

BENCHMARK(BM_sse_decoder_large_event)
    ->ArgName("bytes")
    ->RangeMultiplier(4)
    ->Range(1 << 20, 64 << 20)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(BM_sse_concatenating_large_event)
    ->ArgName("bytes")
    ->RangeMultiplier(4)
    ->Range(1 << 12, 1 << 16)
    ->Unit(benchmark::kMillisecond);

} // namespace
