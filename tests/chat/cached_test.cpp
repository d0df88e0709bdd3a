// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/scripted_provider.hpp"
#include <llms/chat/cached.hpp>

#include <atomic>
#include <barrier>
#include <latch>
#include <string>
#include <thread>
#include <vector>

namespace cached_test {

namespace {

using llms::cache_mode;
using support::chunks_of;
using support::scripted_provider;

auto ask(std::string text = "hi") -> llms::request {
    return {.model = "m", .messages = {llms::message::user(std::move(text))}, .temperature = 0.0};
}

auto texts(llms::response_stream stream) -> std::vector<std::string> {
    std::vector<std::string> pieces;
    for (auto const& piece : stream) {
        if (piece.kind == llms::chunk_kind::text) {
            pieces.push_back(piece.text);
        }
    }
    return pieces;
}

} // namespace

TEST_CASE("response_cache: must be told whose answers it keeps", "[cached]") {
    CHECK_THROWS_AS(llms::response_cache(llms::response_cache_options{}), llms::error);
}

TEST_CASE("cached: the second call is answered from the cache, without usage", "[cached]") {
    scripted_provider inner({chunks_of({"Hel", "lo"})});
    llms::response_cache cache{{.tenant = "t"}};
    auto client = inner | llms::cached(cache);
    auto const first = client.complete(ask());
    CHECK_FALSE(first.cached);
    CHECK(first.usage.input_tokens == 7);
    auto const second = client.complete(ask());
    CHECK(second.cached);
    CHECK(second.text() == "Hello");
    CHECK(second.usage == llms::usage{});
    CHECK(inner->calls == 1);
    auto const stats = cache.stats();
    CHECK(stats.hits == 1);
    CHECK(stats.misses == 1);
    CHECK(stats.input_tokens_saved == 7);
    CHECK(stats.output_tokens_saved == 3);
}

TEST_CASE("cached: a stream is replayed cut as it was, and feeds complete", "[cached]") {
    scripted_provider inner({chunks_of({"Hel", "lo ", "there"})});
    llms::response_cache cache{{.tenant = "t"}};
    auto client = inner | llms::cached(cache);
    std::vector<std::string> const pieces{"Hel", "lo ", "there"};
    CHECK(texts(client.stream(ask())) == pieces);
    CHECK(texts(client.stream(ask())) == pieces);
    CHECK(client.complete(ask()).text() == "Hello there");
    CHECK(inner->calls == 1);
    auto replay = client.stream(ask()).finish();
    CHECK(replay.cached);
    CHECK(replay.finish == llms::finish_reason::stop);
    CHECK(replay.id == "id-1");
}

TEST_CASE("cached: tool calls, reasoning and their cuts survive the replay", "[cached]") {
    using llms::chunk_kind;
    std::vector<llms::chunk> chunks{
        {.kind = chunk_kind::reasoning, .text = "h"},
        {.kind = chunk_kind::reasoning, .text = "m", .signature = "sig"},
        {.text = "Let me "},
        {.text = "see."},
        {.kind = chunk_kind::tool_call, .index = 0, .id = "a", .name = "f"},
        {.kind = chunk_kind::tool_call, .index = 0, .text = "{\"x\":"},
        {.kind = chunk_kind::tool_call, .index = 1, .text = "[", .id = "b", .name = "g"},
        {.kind = chunk_kind::tool_call, .index = 0, .text = "1}"},
        {.kind = chunk_kind::tool_call, .index = 1, .text = "]"},
        {.kind = chunk_kind::end,
         .finish = llms::finish_reason::tool_calls,
         .id = "i",
         .name = "m",
         .signature = "tool_calls"}};
    scripted_provider inner({chunks});
    llms::response_cache cache{{.tenant = "t"}};
    auto client = inner | llms::cached(cache);
    auto const live = client.stream(ask()).finish();
    std::vector<llms::chunk> replayed;
    auto stream = client.stream(ask());
    for (auto const& piece : stream) {
        replayed.push_back(piece);
    }
    chunks.back().cached = true;
    REQUIRE(replayed.size() == chunks.size());
    for (std::size_t i = 0; i < chunks.size(); ++i) {
        CAPTURE(i);
        CHECK(replayed[i] == chunks[i]);
    }
    CHECK(stream.value().message == live.message);
    CHECK(inner->calls == 1);
}

TEST_CASE("cached: N callers at one moment make one call", "[cached][threads]") {
    constexpr std::ptrdiff_t callers = 8;
    bool const as_stream = GENERATE(false, true);
    scripted_provider inner({chunks_of({"a", "b"})});
    std::latch all_asked(callers);
    llms::response_cache cache{{.tenant = "t"}};
    auto client = inner | llms::cached(cache);
    inner->on_chunk = [&](std::size_t, std::stop_token const&) {
        all_asked.wait();
    };
    std::atomic<int> right{0};
    std::atomic<int> led{0};
    {
        std::vector<std::jthread> threads;
        for (std::ptrdiff_t i = 0; i < callers; ++i) {
            threads.emplace_back([&] {
                all_asked.count_down();
                auto const answer =
                    as_stream ? client.stream(ask()).finish() : client.complete(ask());
                right += answer.text() == "ab" ? 1 : 0;
                led += answer.cached || answer.coalesced ? 0 : 1;
            });
        }
    }
    CHECK(right == callers);
    CHECK(led == 1);
    CHECK(inner->calls == 1);
    auto const stats = cache.stats();
    CHECK(stats.hits + stats.coalesced == callers - 1);
    CHECK(stats.misses == 1);
}

TEST_CASE("cached: a leader of a stream may leave, the others get it whole", "[cached][threads]") {
    scripted_provider inner({chunks_of({"a", "b", "c"})});
    std::latch joined(1);
    llms::response_cache cache{{.tenant = "t"}};
    auto client = inner | llms::cached(cache);
    inner->on_chunk = [&](std::size_t at, std::stop_token const&) {
        if (at == 1) {
            joined.wait();
        }
    };
    auto leader = client.stream(ask());
    REQUIRE(leader.next() != nullptr);
    auto follower = client.stream(ask());
    leader.cancel();
    joined.count_down();
    auto const answer = std::move(follower).finish();
    CHECK(answer.text() == "abc");
    CHECK(answer.coalesced);
    CHECK(answer.usage == llms::usage{});
    CHECK(inner->calls == 1);
    CHECK(client.complete(ask()).cached);
}

TEST_CASE("cached: a stream that everyone leaves is cancelled and not kept", "[cached][threads]") {
    scripted_provider inner({chunks_of({"a", "b"})});
    std::atomic<bool> cancelled{false};
    {
        llms::response_cache cache{{.tenant = "t"}};
        auto client = inner | llms::cached(cache);
        inner->on_chunk = [&](std::size_t at, std::stop_token const& stop) {
            if (at == 1) {
                std::binary_semaphore stopped(0);
                std::stop_callback const wake(stop, [&] { stopped.release(); });
                stopped.acquire();
                cancelled = true;
                throw llms::cancelled_error("stopped");
            }
        };
        auto stream = client.stream(ask());
        REQUIRE(stream.next() != nullptr);
        stream.cancel();
        CHECK(cache.stats().entries == 0);
    } // the cache waits for its threads
    CHECK(cancelled);
}

TEST_CASE("cached: a caller's stop_token ends its wait, not the stream", "[cached][threads]") {
    scripted_provider inner({chunks_of({"a", "b"})});
    std::latch go(1);
    llms::response_cache cache{{.tenant = "t"}};
    auto client = inner | llms::cached(cache);
    inner->on_chunk = [&](std::size_t at, std::stop_token const&) {
        if (at == 1) {
            go.wait();
        }
    };
    std::stop_source mine;
    auto leader = client.stream(ask(), mine.get_token());
    REQUIRE(leader.next() != nullptr);
    auto follower = client.stream(ask());
    mine.request_stop();
    CHECK_THROWS_AS(leader.next(), llms::cancelled_error);
    go.count_down();
    auto const answer = std::move(follower).finish();
    CHECK(answer.text() == "ab");
}

TEST_CASE("cached: an error reaches everyone and is not kept", "[cached]") {
    scripted_provider inner({chunks_of({"a"})});
    llms::response_cache cache{{.tenant = "t"}};
    auto client = inner | llms::cached(cache);
    inner->on_call = [](std::stop_token const&) {
        throw llms::provider_error(llms::failure::server, "down");
    };
    CHECK_THROWS_AS(client.complete(ask()), llms::provider_error);
    CHECK_THROWS_AS(client.stream(ask()).finish(), llms::provider_error);
    inner->on_call = {};
    CHECK(client.complete(ask()).text() == "a");
    CHECK(inner->calls == 3);
}

TEST_CASE("cached: only whole answers are kept", "[cached]") {
    using llms::finish_reason;
    auto const finish =
        GENERATE(finish_reason::length, finish_reason::content_filter, finish_reason::unknown);
    scripted_provider inner({chunks_of({"a"}, finish)});
    llms::response_cache cache{{.tenant = "t"}};
    auto client = inner | llms::cached(cache);
    CHECK_FALSE(client.complete(ask()).cached);
    CHECK_FALSE(client.complete(ask()).cached);
    CHECK_FALSE(client.stream(ask()).finish().cached);
    CHECK(inner->calls == 3);
    CHECK(cache.stats().refused == 3);

    llms::response_cache lenient{{.tenant = "t", .keep_truncated = true}};
    auto keeping = inner | llms::cached(lenient);
    CHECK_FALSE(keeping.complete(ask()).cached);
    CHECK(keeping.complete(ask()).cached == (finish == finish_reason::length));
}

TEST_CASE("cached: a request whose temperature is not 0 goes past, unless allowed", "[cached]") {
    scripted_provider inner({chunks_of({"a"})});
    llms::response_cache cache{{.tenant = "t"}};
    auto client = inner | llms::cached(cache);
    auto warm = ask();
    warm.temperature = 0.7;
    auto unsaid = ask();
    unsaid.temperature.reset(); // not the same as 0: the provider's default is 1
    for (int i = 0; i < 2; ++i) {
        CHECK_FALSE(client.complete(warm).cached);
        CHECK_FALSE(client.complete(unsaid).cached);
    }
    CHECK(inner->calls == 4);
    CHECK(cache.stats().bypassed == 4);
    warm.cache.any_temperature = true;
    CHECK_FALSE(client.complete(warm).cached);
    CHECK(client.complete(warm).cached);
}

TEST_CASE("cached: what a call says to the cache", "[cached]") {
    scripted_provider inner({chunks_of({"1"}), chunks_of({"2"}), chunks_of({"3"})});
    llms::response_cache cache{{.tenant = "t"}};
    auto client = inner | llms::cached(cache);
    auto const with = [](cache_mode mode) {
        auto request = ask();
        request.cache.mode = mode;
        return request;
    };
    CHECK_THROWS_AS(client.complete(with(cache_mode::only_if_cached)), llms::cache_miss_error);
    CHECK(client.complete(with(cache_mode::no_store)).text() == "1");
    CHECK(cache.stats().entries == 0);
    CHECK(client.complete(with(cache_mode::normal)).text() == "2");
    CHECK(client.complete(with(cache_mode::bypass)).text() == "3");
    CHECK(client.complete(with(cache_mode::only_if_cached)).text() == "2");
    CHECK(client.complete(with(cache_mode::refresh)).text() == "3");
    CHECK(client.complete(with(cache_mode::normal)).text() == "3");
    auto other = ask();
    other.cache.variant = 1;
    CHECK_FALSE(client.complete(other).cached);
    CHECK(client.complete(other).cached);
}

} // namespace cached_test
