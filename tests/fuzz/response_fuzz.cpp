// SPDX-License-Identifier: MIT
//
// Bytes that a second tier hands back either are a recorded response, which then encodes to what
// decodes to the same and replays to its end, or are refused.
#include "fuzz/demand.hpp"
#include <llms/detail/chat_response_codec.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

using fuzz::demand;

extern "C" auto LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) -> int {
    using codec = llms::cache_codec<llms::recorded_response>;
    std::string_view const input(reinterpret_cast<char const*>(bytes), size); // NOLINT
    auto const made = codec::decode(input);
    if (!made) {
        return 0;
    }
    std::string again;
    try {
        codec::encode(*made, again);
    } catch (nlohmann::json::exception const&) { // a text in an `extra` is not UTF-8
        return 0;
    }
    auto const same = codec::decode(again);
    demand(same && same->response == made->response && same->cuts.size() == made->cuts.size());
    llms::replay_cursor cursor;
    llms::response_builder built;
    for (llms::chunk piece; cursor.next(*made, piece); piece.clear()) {
        demand(!built.done());
        built.add(piece);
    }
    demand(built.done());
    return 0;
}
