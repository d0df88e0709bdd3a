// SPDX-License-Identifier: MIT
//
// Any bytes, cut in any way, give the events of the slow reference decoder, and an event bound is
// an error or no difference, never anything else.
#include "../stream/sse_reference.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" auto LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) -> int {
    std::string_view const stream{reinterpret_cast<char const*>(bytes), size};
    auto const expected = sse_test::decode(stream);
    if (size <= 64) {
        if (sse_test::differing_cuts(stream, expected) != 0) {
            std::abort();
        }
    } else {
        std::size_t const seed = bytes[0] + std::size_t{bytes[size / 2]} * 256;
        for (std::size_t const piece : {std::size_t{1}, 2 + seed % 31, size}) {
            if (sse_test::decode_in_pieces(stream, piece) != expected) {
                std::abort();
            }
        }
        if (sse_test::decode_cut_at(stream, seed % size) != expected) {
            std::abort();
        }
    }
    sse_test::collector bounded{{.max_event_bytes = 16}};
    bool complete = true;
    try {
        bounded.feed(stream);
    } catch (llms::sse_error const&) {
        complete = false;
    }
    auto const& events = bounded.events;
    if (complete ? events != expected
                 : events.size() > expected.size() ||
                       !std::equal(events.begin(), events.end(), expected.begin())) {
        std::abort();
    }
    return 0;
}
