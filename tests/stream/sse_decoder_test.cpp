// SPDX-License-Identifier: MIT
#include "sse_reference.hpp"
#include "support/catch.hpp"
#include <llms/stream/sse_decoder.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using sse_test::event;
using namespace std::chrono_literals;

namespace {
std::atomic<std::size_t> allocations{0};
void (*volatile release)(void*) = &std::free; // g++ 12 takes a visible free for a mistake
} // namespace

// Counts the allocations of this program.
auto operator new(std::size_t size, std::nothrow_t const& /*tag*/) noexcept -> void* {
    ++allocations;
    return std::malloc(size != 0 ? size : 1);
}
auto operator new(std::size_t size) -> void* {
    if (void* const memory = operator new(size, std::nothrow)) {
        return memory;
    }
    throw std::bad_alloc{};
}
void operator delete(void* memory) noexcept {
    release(memory);
}
void operator delete(void* memory, std::size_t /*size*/) noexcept {
    release(memory);
}

namespace sse_decoder_test {

TEST_CASE("sse_decoder: gives an event as soon as its blank line is there", "[sse]") {
    sse_test::collector out;
    out.feed("event: ping\nid: 7\nretry: 1500\ndata: a\ndata: b\n");
    CHECK(out.events.empty());
    SECTION("LF") {
        out.feed("\n");
    }
    SECTION("CR, without waiting for an LF") {
        out.feed("\r");
    }
    REQUIRE(out.events == std::vector<event>{{"ping", "a\nb", "7", 1500}});
    out.feed("\ndata: c\n\n");
    REQUIRE(out.events.size() == 2);
    CHECK(out.events[1] == event{"message", "c", "7", {}});
}

TEST_CASE("sse_decoder: data that lies in one piece is not copied", "[sse]") {
    std::string_view const bytes = "data: hello\n\n";
    llms::sse_decoder decoder;
    decoder.feed(bytes,
                 [&](llms::sse_event const& e) { CHECK(e.data.data() == bytes.data() + 6); });
}

TEST_CASE("sse_decoder: does not allocate once it is warm, however the bytes are cut", "[sse]") {
    std::string const stream =
        "event: content_block_delta_with_a_long_name\n"
        "id: 0123456789-0123456789-0123456789\nretry: 1500\n: a comment\n"
        "data: {\"delta\": {\"text\": \"gr\u00FC\u00DFe\"}}\ndata: more of it\n\n";
    llms::sse_decoder decoder;
    std::size_t events = 0;
    auto const feed_all = [&](std::size_t size) {
        for (std::size_t at = 0; at < stream.size(); at += size) {
            decoder.feed(std::string_view{stream}.substr(at, size),
                         [&](llms::sse_event const&) { ++events; });
        }
    };
    feed_all(1);
    feed_all(1); // the two buffers of the id have changed places
    auto const before = allocations.load();
    for (std::size_t size = 1; size <= stream.size(); ++size) {
        feed_all(size);
        decoder.finish();
    }
    CHECK(allocations.load() == before);
    CHECK(events == stream.size() + 2);
}

TEST_CASE("sse_decoder: finish says whether the stream was cut, and makes ready for the next",
          "[sse]") {
    sse_test::collector out;
    CHECK(out.decoder.finish());
    out.feed("data: a\n\n");
    CHECK(out.decoder.finish());
    for (auto const* cut : {"data: b", "data: b\n", "da", ": comm", "\357\273\277data"}) {
        out.feed(cut);
        CHECK_FALSE(out.decoder.finish());
    }
    out.feed("id: 3\ndata: a\n\n");
    CHECK(out.decoder.finish());
    out.feed("\357\273\277data: c\n\n");
    REQUIRE(out.events.size() == 3);
    CHECK(out.events[2] == event{"message", "c", "", {}}); // no id, no byte order mark left over
}

TEST_CASE("sse_decoder: a callback that returns false ends the stream", "[sse]") {
    llms::sse_decoder decoder;
    std::vector<std::string> seen;
    auto const first = [&](llms::sse_event const& e) {
        seen.emplace_back(e.data);
        return false;
    };
    CHECK_FALSE(decoder.feed("data: a\n\ndata: b\n\ndata: c", first));
    CHECK(decoder.feed("data: d\n", first));
    CHECK_FALSE(decoder.feed("\n", first));
    CHECK(seen == std::vector<std::string>{"a", "d"});
}

TEST_CASE("sse_decoder: an exception of the callback passes and leaves the decoder usable",
          "[sse]") {
    sse_test::collector out;
    CHECK_THROWS_AS(out.decoder.feed("id: 1\ndata: a\n\ndata: b\n\n",
                                     [](llms::sse_event const&) { throw std::runtime_error{"x"}; }),
                    std::runtime_error);
    out.feed("data: c\n\n");
    CHECK(out.events == std::vector<event>{{"message", "c", "", {}}});
}

TEST_CASE("sse_decoder: an event of 64 MiB passes by default", "[sse]") {
    std::string const megabyte(1 << 20, 'x');
    std::size_t seen = 0;
    llms::sse_decoder decoder;
    auto const count = [&](llms::sse_event const& e) {
        seen = e.data.size();
    };
    decoder.feed("data: ", count);
    for (int i = 0; i < 64; ++i) {
        decoder.feed(megabyte, count);
    }
    decoder.feed("\n\n", count);
    CHECK(seen == std::size_t{64} << 20);
}

TEST_CASE("sse_decoder: an event above max_event_bytes is an error that names the bound", "[sse]") {
    auto const stream =
        GENERATE(as<std::string>{}, "data: 1234567890\n\n", "data: 12345\ndata: 7890\n\n",
                 "event: 12345\ndata: 67890\n\n", "id: 12345\ndata: 67890\n\n", "data: 1234567890",
                 "data\ndata\ndata\ndata\ndata\ndata\ndata\n"
                 "data\ndata\ndata\ndata\n");
    CAPTURE(stream);
    for (std::size_t size : {std::size_t{1}, stream.size()}) {
        sse_test::collector exact{{.max_event_bytes = 10}};
        sse_test::collector tight{{.max_event_bytes = 9}};
        auto const feed_all = [&](sse_test::collector& out) {
            for (std::size_t at = 0; at < stream.size(); at += size) {
                out.feed(std::string_view{stream}.substr(at, size));
            }
        };
        CHECK_NOTHROW(feed_all(exact));
        CHECK_THROWS_WITH(feed_all(tight), "server-sent event exceeds max_event_bytes (9 bytes)");
        tight.feed("data: ok\n\n"); // as a new stream
        CHECK(tight.events == std::vector<event>{{"message", "ok", "", {}}});
    }
}

TEST_CASE("sse_decoder: the bound is an event's, not the stream's, comments are free", "[sse]") {
    sse_test::collector out{{.max_event_bytes = 9}};
    for (int i = 0; i < 100; ++i) {
        out.feed(": a comment much longer than nine bytes\nunknown: field, longer as well\n");
        out.feed("data: 123456789\n\n");
    }
    CHECK(out.events.size() == 100);
}

TEST_CASE("sse_decoder: a retry too large to add to a clock is cut to a hundred years", "[sse]") {
    sse_test::collector out;
    out.feed("retry: 99999999999999999999999999\ndata: a\n\n");
    REQUIRE(out.events.size() == 1);
    CHECK(out.events[0].retry == std::chrono::milliseconds{24h * 365 * 100}.count());
}

TEST_CASE("sse_decoder: broken UTF-8 becomes U+FFFD, one for each maximal part", "[sse]") {
    // Unicode 15, table 3-8 and the text around it.
    auto const [broken, repaired] = GENERATE(table<std::string, std::string>({
        {"\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41",
         "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFDA"},
        {"\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41",
         "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFDA"},
        {"\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42", "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFDA\uFFFD\uFFFDB"},
        {"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", "\uFFFD\uFFFD\uFFFD\uFFFDA"},
        {"\xF4\x8F\xBF\xBF\xEF\xBF\xBF\xC2\x80", "\xF4\x8F\xBF\xBF\xEF\xBF\xBF\xC2\x80"},
    }));
    auto const stream = "event: " + broken + "\nid: " + broken + "\ndata: " + broken + "\n\n";
    std::vector<event> const expected{{repaired, repaired, repaired, {}}};
    CHECK(sse_test::decode(stream) == expected);
    CHECK(sse_test::differing_cuts(stream, expected) == 0);
}

TEST_CASE("sse_decoder: agrees with the reference on random streams, for all cuts", "[sse]") {
    using namespace std::string_view_literals;
    std::vector<std::string_view> atoms;
    for (auto list =
             "data: |\ndata: |\n\n|data:|data|event: |event|id: |id|retry: |12|:| |\n|\n|\n\n|"
             "\r|\r\n|\r\r|x|hello|foo: |retryy:|dat|\0|\xEF\xBB\xBF|\xEF|\xEF\xBB|\xC3\xA4|"
             "\xC3|\xF0\x9F\x9A\x80|\xF0\x9F|\xFF|thirty-two bytes or more in one step"sv;
         !list.empty(); list.remove_prefix(std::min(list.size(), atoms.back().size() + 1))) {
        atoms.push_back(list.substr(0, list.find('|')));
    }
    std::mt19937 random{20261123}; // NOLINT(cert-msc51-cpp): the same streams each time
    std::size_t events = 0;
    for (int round = 0; round < 3000; ++round) {
        std::string stream;
        for (auto length = random() % 40; length != 0; --length) {
            stream += atoms[random() % atoms.size()];
        }
        stream += round % 2 == 0 ? "\n\n" : "";
        auto const expected = sse_test::decode(stream);
        events += expected.size();
        CAPTURE(stream, expected);
        REQUIRE(sse_test::differing_cuts(stream, expected) == 0);
    }
    CHECK(events > 1000); // the streams do say something
}

} // namespace sse_decoder_test
