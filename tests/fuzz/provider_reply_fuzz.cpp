// SPDX-License-Identifier: MIT
//
// Whatever a provider answers, whole or streamed: it is decoded or refused with an error of ours;
// a stream ends with one end; what was read writes back, and reads the same again.
#include "fuzz/demand.hpp"
#include <llms/chat/anthropic_wire.hpp>
#include <llms/chat/chunk.hpp>
#include <llms/chat/openai_wire.hpp>
#include <llms/chat/provider_error.hpp>
#include <llms/stream/sse_decoder.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace {

using fuzz::demand;
using nlohmann::json;

template <class Decoder>
void streamed(std::string_view input) {
    Decoder decoder;
    llms::response_builder built;
    int ends = 0;
    auto const out = [&](llms::chunk&& piece) {
        demand(ends == 0);
        ends += piece.kind == llms::chunk_kind::end ? 1 : 0;
        built.add(piece);
    };
    try {
        llms::sse_decoder sse(llms::sse_options{.max_event_bytes = 1 << 16});
        sse.feed(input, [&](llms::sse_event const& event) { decoder.feed(event.data, out); });
        decoder.finish(out);
        demand(ends == 1 && built.done());
    } catch (llms::error const&) {
        demand(!decoder.ended() || ends == 1);
    }
}

void whole(json const& j) {
    try {
        auto const read = llms::openai::response_from_json(j);
        demand(llms::openai::response_from_json(llms::openai::to_json(read)) == read);
    } catch (llms::provider_error const&) { // refused
        demand(true);
    }
    try {
        auto const read = llms::anthropic::response_from_json(j);
        demand(llms::anthropic::response_from_json(llms::anthropic::to_json(read)) == read);
    } catch (llms::provider_error const&) { // refused
        demand(true);
    }
    if (j.is_object()) {
        static_cast<void>(llms::openai::to_json(llms::openai::message_from_json(j)));
        static_cast<void>(llms::anthropic::to_json(llms::anthropic::message_from_json(j)));
    }
}

} // namespace

extern "C" auto LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) -> int {
    std::string_view const input(reinterpret_cast<char const*>(bytes), size); // NOLINT
    streamed<llms::openai::stream_decoder>(input);
    streamed<llms::anthropic::stream_decoder>(input);
    if (auto const j = llms::detail::parse_json(input); !j.is_discarded()) {
        whole(j);
    }
    return 0;
}
