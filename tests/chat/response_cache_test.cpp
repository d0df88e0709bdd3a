// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/manual_clock.hpp"
#include "support/memory_store.hpp"
#include "support/scripted_provider.hpp"
#include <llms/chat/cached.hpp>
#include <llms/detail/cache_envelope.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <latch>
#include <memory>
#include <optional>
#include <semaphore>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace response_cache_test {

namespace {

using namespace std::chrono_literals;
using llms::cache_mode;
using support::chunks_of;
using support::memory_store;
using support::scripted_provider;

using test_clock = support::manual_clock<5>;
using cache_type = llms::basic_response_cache<test_clock>;
using codec = llms::cache_codec<llms::recorded_response>;

auto ask(std::string text = "hi") -> llms::request {
    return {.model = "m", .messages = {llms::message::user(std::move(text))}, .temperature = 0.0};
}

auto with(cache_mode mode) -> llms::request {
    auto request = ask();
    request.cache.mode = mode;
    return request;
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

// Patient: a loaded machine is no failure.
auto guard(std::shared_ptr<memory_store> const& store) -> std::shared_ptr<llms::guarded_store> {
    return std::make_shared<llms::guarded_store>(
        store,
        llms::guarded_store_options{.get_timeout = 60s, .put_timeout = 60s, .poll_interval = 1ms});
}

void settle(std::shared_ptr<llms::guarded_store> const& tier) {
    REQUIRE(tier->flush(std::chrono::steady_clock::now() + 60s));
}

void fail(std::stop_token const& /*stop*/) {
    throw llms::provider_error(llms::failure::server, "down");
}

// Runs tasks when the test says so.
struct task_list {
    std::shared_ptr<std::vector<llms::detail::cache_function<void()>>> tasks =
        std::make_shared<std::vector<llms::detail::cache_function<void()>>>();

    void operator()(llms::detail::cache_function<void()> task) const {
        tasks->push_back(std::move(task));
    }
    [[nodiscard]] auto waiting() const -> std::size_t { return tasks->size(); }
    void run() const {
        for (auto const& task : std::exchange(*tasks, {})) {
            task();
        }
    }
};

auto rich_answer() -> llms::recorded_response {
    llms::recorded_response made;
    made.response = {.id = "id",
                     .model = "model",
                     .finish = llms::finish_reason::tool_calls,
                     .finish_text = "tool_calls",
                     .usage = {.input_tokens = 300,
                               .output_tokens = 70'000,
                               .cached_input_tokens = 3,
                               .cache_write_tokens = 4,
                               .reasoning_tokens = 5},
                     .extra = {{"system_fingerprint", "fp"}, {"n", 1.5}}};
    auto& m = made.response.message;
    m.content = {
        llms::reasoning_part{"think", "sig"},  llms::text_part{std::string("t\0\xFFxt", 5)},
        llms::image_part{"data:,", "low"},     llms::audio_part{"QUJD", "wav"},
        llms::file_part{"name", "data", "id"}, llms::other_part{{{"type", "new"}}}};
    m.tool_calls = {{"a", "f", "{}"}, {"b", "g", "[1]"}};
    m.name = "bob";
    m.tool_call_id = "c";
    m.extra = {{"refusal", nullptr}};
    return made;
}

auto encoded(llms::recorded_response const& answer) -> std::string {
    std::string bytes;
    codec::encode(answer, bytes);
    return bytes;
}

} // namespace

TEST_CASE("response codec: every field comes back", "[response_cache]") {
    auto const answer = rich_answer();
    auto const back = codec::decode(encoded(answer));
    REQUIRE(back);
    CHECK(back->response == answer.response);
    CHECK(back->cuts.empty());
}

TEST_CASE("response codec: the cuts of a stream come back, those that do not fit are left out",
          "[response_cache]") {
    llms::stream_recorder<test_clock> recorder;
    for (auto const& piece : chunks_of({"Hel", "lo"})) {
        test_clock::advance(5ms);
        recorder.add(piece);
    }
    auto answer = std::move(recorder).take();
    auto const back = codec::decode(encoded(answer));
    REQUIRE(back);
    CHECK(back->response == answer.response);
    REQUIRE(back->cuts.size() == 3);
    CHECK(back->cuts[1].bytes == 2);
    CHECK(back->cuts[1].pause_us == 5000);
    auto const spoiled = GENERATE(0, 1, 2);
    switch (spoiled) {
    case 0:
        answer.cuts.pop_back(); // no end
        break;
    case 1:
        answer.cuts[0].bytes = 1; // text is left over
        break;
    default:
        answer.cuts.push_back(answer.cuts.back()); // two ends
    }
    auto const mended = codec::decode(encoded(answer));
    REQUIRE(mended);
    CHECK(mended->cuts.empty());
    CHECK(mended->response == answer.response);
}

TEST_CASE("response codec: what is cut short, longer or of another version is refused",
          "[response_cache]") {
    auto bytes = encoded(rich_answer());
    int accepted = 0;
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        accepted += codec::decode(std::string_view(bytes).substr(0, size)) ? 1 : 0;
    }
    CHECK(accepted == 0);
    CHECK_FALSE(codec::decode(bytes + '\0'));
    bytes[0] = 1; // of before parts and calls had further members
    CHECK_FALSE(codec::decode(bytes));
}

TEST_CASE("recorded_response: a signature in a chunk of its own is replayed once",
          "[response_cache]") {
    using llms::chunk_kind;
    scripted_provider inner({{{.kind = chunk_kind::reasoning, .text = "think"},
                              {.kind = chunk_kind::reasoning, .signature = "sig"},
                              {.text = "done"},
                              {.kind = chunk_kind::end, .finish = llms::finish_reason::stop}}});
    llms::response_cache cache{{.tenant = "t"}};
    auto client = inner | llms::cached(cache);
    auto const live = client.stream(ask()).finish();
    CHECK(client.stream(ask()).finish().message == live.message);
}

TEST_CASE("recorded_response: texts, media, calls and what llms does not model have weight",
          "[response_cache]") {
    std::string const large(5000, 'x');
    auto const empty = llms::recorded_response{}.weight();
    auto const adds = [&](auto change) {
        llms::recorded_response made;
        change(made.response);
        return made.weight() - empty;
    };
    auto const part = [&](llms::content_part added) {
        return adds([&](llms::response& r) { r.message.content.push_back(std::move(added)); });
    };
    CHECK(part(llms::text_part{large}) >= 5000);
    CHECK(part(llms::text_part{"", {{"citations", large}}}) >= 5000);
    CHECK(part(llms::reasoning_part{large, large}) >= 10'000);
    CHECK(part(llms::image_part{large, large}) >= 10'000);
    CHECK(part(llms::audio_part{large, "wav"}) >= 5000);
    CHECK(part(llms::file_part{large, large, large}) >= 15'000);
    CHECK(part(llms::other_part{{{"type", "new"}, {"x", large}}}) >= 5000);
    CHECK(adds([&](auto& r) { r.finish_text = large; }) >= 4900);
    CHECK(adds([&](auto& r) { r.message.tool_calls.push_back({"a", "f", large}); }) >= 5000);
    CHECK(adds([&](auto& r) { r.message.extra = {{"x", large}}; }) >= 5000);
    CHECK(adds([&](auto& r) { r.extra = {{"x", large}}; }) >= 5000);
}

TEST_CASE("response_cache: an answer that has no bytes for the second tier stays in memory",
          "[response_cache]") {
    auto const store = std::make_shared<memory_store>();
    auto const tier = guard(store);
    auto const answer = [] {
        llms::recorded_response made;
        made.response.message = llms::message::assistant("a");
        made.response.finish = llms::finish_reason::stop;
        made.response.extra = {{"odd", "\xFF"}};
        return made;
    };
    llms::response_cache here{{.tenant = "t", .tier = tier}};
    llms::response_cache there{{.tenant = "t", .tier = tier}};
    scripted_provider inner({chunks_of({"b"})});
    CHECK(here.put(here.key(ask(), "scripted"), answer()));
    settle(tier);
    CHECK((inner | llms::cached(here)).complete(ask()).text() == "a");
    CHECK((inner | llms::cached(there)).complete(ask()).text() == "b");
    CHECK(there.stats().tier_hits == 0);
}

TEST_CASE("response_cache: another process is answered from the second tier", "[response_cache]") {
    auto const store = std::make_shared<memory_store>();
    auto const tier = guard(store);
    bool const streamed = GENERATE(false, true);
    scripted_provider inner({chunks_of({"Hel", "lo"})});
    llms::response_cache first{{.tenant = "t", .tier = tier}};
    auto here = inner | llms::cached(first);
    CHECK_FALSE((streamed ? here.stream(ask()).finish() : here.complete(ask())).cached);
    settle(tier);
    llms::response_cache second{{.tenant = "t", .tier = tier}};
    auto there = inner | llms::cached(second);
    std::vector<std::string> const pieces{"Hel", "lo"};
    if (streamed) {
        CHECK(texts(there.stream(ask())) == pieces); // cut as it was
    }
    auto const answer = there.complete(ask());
    CHECK(answer.cached);
    CHECK(answer.text() == "Hello");
    CHECK(answer.id == "id-1");
    CHECK(answer.usage == llms::usage{});
    CHECK(there.complete(ask()).cached);
    CHECK(inner->calls == 1);
    auto const stats = second.stats();
    CHECK(stats.tier_hits == 1);
    CHECK(stats.hits == (streamed ? 3 : 2));
    CHECK(stats.misses == 0);
    CHECK(stats.entries == 1);
    CHECK(stats.output_tokens_saved == 3 * stats.hits);
}

TEST_CASE("response_cache: tenants share a second tier, but no answers", "[response_cache]") {
    auto const tier = guard(std::make_shared<memory_store>());
    scripted_provider inner({chunks_of({"1"}), chunks_of({"2"})});
    llms::response_cache mine{{.tenant = "a", .tier = tier}};
    llms::response_cache yours{{.tenant = "b", .tier = tier}};
    CHECK((inner | llms::cached(mine)).complete(ask()).text() == "1");
    settle(tier);
    CHECK((inner | llms::cached(yours)).complete(ask()).text() == "2");
}

TEST_CASE("response_cache: processes that ask at one moment make one call",
          "[response_cache][threads]") {
    auto const store = std::make_shared<memory_store>();
    scripted_provider inner({chunks_of({"a", "b"})});
    std::latch other_waits(1);
    inner->on_call = [&](std::stop_token const&) {
        other_waits.wait();
    };
    auto const process = [&] {
        llms::response_cache cache{{.tenant = "t", .tier = guard(store)}};
        return (inner | llms::cached(cache)).complete(ask()).text();
    };
    std::atomic<int> right = 0;
    {
        std::vector<std::jthread> processes;
        for (int i = 0; i < 2; ++i) {
            processes.emplace_back([&] { right += process() == "ab" ? 1 : 0; });
        }
        while (store->refused_leases == 0) {
            std::this_thread::yield();
        }
        other_waits.count_down();
    }
    CHECK(right == 2);
    CHECK(inner->calls == 1);
}

TEST_CASE("response_cache: a store that fails costs nothing but its hits", "[response_cache]") {
    auto const store = std::make_shared<memory_store>();
    store->failing = true;
    auto const tier = guard(store);
    scripted_provider inner({chunks_of({"a"})});
    llms::response_cache cache{{.tenant = "t", .tier = tier}};
    auto client = inner | llms::cached(cache);
    for (int i = 0; i < 20; ++i) {
        auto const request = ask(std::to_string(i));
        CHECK_FALSE(client.complete(request).cached);
        CHECK(client.stream(request).finish().cached); // from memory
    }
    settle(tier);
    CHECK(inner->calls == 20);
    CHECK(tier->stats().circuit == llms::circuit_state::open);
    CHECK(tier->stats().refused > 0);
}

TEST_CASE("response_cache: what the store mixes up or damages is a miss", "[response_cache]") {
    auto const store = std::make_shared<memory_store>();
    auto const tier = guard(store);
    scripted_provider inner({chunks_of({"right"}), chunks_of({"wrong"}), chunks_of({"right"})});
    llms::response_cache cache{{.tenant = "t", .tier = tier}};
    auto client = inner | llms::cached(cache);
    auto const name = [&](llms::request const& request) {
        return llms::detail::response_keeper::tier_key(cache.key(request, "scripted"));
    };
    CHECK(client.complete(ask()).text() == "right");
    CHECK(client.complete(ask("other")).text() == "wrong");
    settle(tier);
    if (GENERATE(false, true)) {
        store->mix_up(name(ask()), name(ask("other")));
    } else {
        store->tamper(name(ask()), [](std::string& bytes) { bytes[bytes.size() / 2] ^= 1; });
    }
    cache.clear();
    CHECK(client.complete(ask()).text() == "right");
    CHECK(inner->calls == 3);
    CHECK(tier->stats().mismatches > 0);
}

TEST_CASE("response_cache: memory keeps what comes from the tier for the rest of its time only",
          "[response_cache]") {
    auto const store = std::make_shared<memory_store>();
    scripted_provider inner({chunks_of({"new"})});
    cache_type cache{{.tenant = "t", .ttl = 10h, .tier = guard(store)}};
    auto client = inner | llms::cached(cache);
    auto const name = llms::detail::response_keeper::tier_key(cache.key(ask(), "scripted"));
    llms::recorded_response old;
    old.response.message.content = {llms::text_part{"old"}};
    old.response.finish = llms::finish_reason::stop;
    auto const now = std::chrono::duration_cast<std::chrono::milliseconds>(
                         std::chrono::system_clock::now().time_since_epoch())
                         .count();
    constexpr std::int64_t hour = 3'600'000;
    auto const keep = [&](llms::recorded_response const& answer) {
        store->put(
            name, llms::detail::cache_envelope::seal(name, encoded(answer), now - hour, now + hour),
            1h, {});
    };
    SECTION("an age that is too much for the call") {
        keep(old);
        auto young = ask();
        young.cache.max_age = 30min;
        CHECK(client.complete(young).text() == "new");
    }
    SECTION("the rest of its time") {
        keep(old);
        CHECK(client.complete(ask()).text() == "old");
        auto picky = ask();
        picky.cache.mode = cache_mode::only_if_cached;
        picky.cache.max_age = 30min; // it was an hour old when it came
        CHECK_THROWS_AS(client.complete(picky), llms::cache_miss_error);
        test_clock::advance(59min);
        CHECK(client.complete(ask()).text() == "old");
        store->erase(name, {});
        test_clock::advance(2min);
        CHECK(client.complete(ask()).text() == "new");
    }
    SECTION("an answer that this cache would not have kept") {
        old.response.finish = llms::finish_reason::length;
        keep(old);
        CHECK(client.complete(ask()).text() == "new");
    }
}

TEST_CASE("response_cache: only_if_cached looks into the second tier, no_store leaves it alone",
          "[response_cache]") {
    auto const store = std::make_shared<memory_store>();
    auto const tier = guard(store);
    scripted_provider inner({chunks_of({"a"})});
    llms::response_cache cache{{.tenant = "t", .tier = tier}};
    auto client = inner | llms::cached(cache);
    CHECK_FALSE(client.complete(with(cache_mode::no_store)).cached);
    settle(tier);
    CHECK_THROWS_AS(client.complete(with(cache_mode::only_if_cached)), llms::cache_miss_error);
    CHECK_FALSE(client.complete(ask()).cached);
    settle(tier);
    cache.clear();
    CHECK(client.complete(with(cache_mode::only_if_cached)).text() == "a");
    CHECK(cache.erase(ask(), "scripted"));
    settle(tier);
    CHECK_THROWS_AS(client.complete(with(cache_mode::only_if_cached)), llms::cache_miss_error);
}

TEST_CASE("response_cache: past the soft time to live an answer is served and refreshed behind",
          "[response_cache]") {
    CHECK_THROWS_AS(cache_type({.tenant = "t", .soft_ttl = 1min}), llms::error);
    bool const streamed = GENERATE(false, true);
    task_list const later;
    auto const tier = guard(std::make_shared<memory_store>());
    scripted_provider inner({chunks_of({"o", "ld"}), chunks_of({"n", "ew"})});
    cache_type cache{
        {.tenant = "t", .ttl = 10min, .soft_ttl = 1min, .executor = later, .tier = tier}};
    auto client = inner | llms::cached(cache);
    auto const get = [&] {
        return streamed ? client.stream(ask()).finish().text() : client.complete(ask()).text();
    };
    CHECK(get() == "old");
    test_clock::advance(2min);
    CHECK(get() == "old");
    CHECK(get() == "old");
    CHECK(client.complete(with(cache_mode::no_store)).text() == "old");
    CHECK(later.waiting() == 1); // one refresh, however many ask
    CHECK(inner->calls == 1);
    later.run();
    CHECK(get() == "new");
    CHECK(inner->calls == 2);
    CHECK(later.waiting() == 0);
    if (streamed) { // the new one was cut, too
        std::vector<std::string> const pieces{"n", "ew"};
        CHECK(texts(client.stream(ask())) == pieces);
    }
    auto const stats = cache.stats();
    CHECK(stats.stale_hits == 3);
    CHECK(stats.refreshes == 1);
    settle(tier);
    cache.clear();
    CHECK(get() == "new"); // the second tier has it
    CHECK(inner->calls == 2);
}

TEST_CASE("response_cache: a refresh that fails leaves the answer, and the next one tries again",
          "[response_cache]") {
    task_list const later;
    scripted_provider inner(
        {chunks_of({"old"}), chunks_of({"filtered"}, llms::finish_reason::content_filter)});
    cache_type cache{{.tenant = "t", .ttl = 10min, .soft_ttl = 1min, .executor = later}};
    auto client = inner | llms::cached(cache);
    CHECK(client.complete(ask()).text() == "old");
    test_clock::advance(2min);
    CHECK(client.complete(ask()).text() == "old");
    later.run(); // brings what is not kept
    CHECK(client.complete(ask()).text() == "old");
    inner->on_call = fail;
    later.run();
    CHECK(client.complete(ask()).text() == "old");
    CHECK(later.waiting() == 1);
    CHECK(cache.stats().refresh_failures == 2);
}

TEST_CASE("response_cache: a refresh may outlive the cache", "[response_cache]") {
    task_list const later;
    scripted_provider inner({chunks_of({"a"})});
    {
        cache_type cache{{.tenant = "t", .ttl = 10min, .soft_ttl = 1min, .executor = later}};
        auto client = inner | llms::cached(cache);
        CHECK(client.complete(ask()).text() == "a");
        test_clock::advance(2min);
        CHECK(client.complete(ask()).text() == "a");
    }
    later.run();
    CHECK(inner->calls == 2);
}

TEST_CASE("response_cache: an expired answer stands in for a failed call, for a while",
          "[response_cache]") {
    bool const streamed = GENERATE(false, true);
    scripted_provider inner({chunks_of({"ol", "d"})});
    cache_type cache{{.tenant = "t", .ttl = 10min, .stale_if_error = 1h}};
    auto client = inner | llms::cached(cache);
    auto const get = [&](llms::request const& request) {
        return streamed ? client.stream(request).finish() : client.complete(request);
    };
    CHECK(get(ask()).text() == "old");
    test_clock::advance(11min);
    inner->on_call = fail;
    auto const stale = get(ask());
    CHECK(stale.text() == "old");
    CHECK(stale.cached);
    CHECK(stale.usage == llms::usage{});
    CHECK(cache.stats().hits == 1);
    CHECK(cache.stats().stale_hits == 1);
    CHECK_THROWS_AS(get(with(cache_mode::refresh)), llms::provider_error);
    auto young = ask();
    young.cache.max_age = 5min;
    CHECK_THROWS_AS(get(young), llms::provider_error);
    test_clock::advance(1h);
    CHECK_THROWS_AS(get(ask()), llms::provider_error);
}

TEST_CASE("response_cache: a stream that broke off is not continued with an expired answer",
          "[response_cache]") {
    scripted_provider inner({chunks_of({"ol", "d"})});
    cache_type cache{{.tenant = "t", .ttl = 10min, .stale_if_error = 1h}};
    auto client = inner | llms::cached(cache);
    CHECK(client.complete(ask()).text() == "old");
    test_clock::advance(11min);
    inner->on_chunk = [](std::size_t at, std::stop_token const& stop) {
        if (at == 1) {
            fail(stop);
        }
    };
    auto stream = client.stream(ask());
    REQUIRE(stream.next() != nullptr);
    CHECK_THROWS_AS(stream.next(), llms::provider_error);
}

TEST_CASE("response_cache: a failure is remembered only if it is asked for", "[response_cache]") {
    bool const remembers = GENERATE(false, true);
    scripted_provider inner({chunks_of({"a"})});
    llms::response_cache cache{{.tenant = "t", .remember_failures = remembers ? 1h : 0h}};
    auto client = inner | llms::cached(cache);
    inner->on_call = fail;
    CHECK_THROWS_AS(client.complete(ask()), llms::provider_error);
    CHECK_THROWS_AS(client.complete(ask()), llms::provider_error);
    CHECK_THROWS_AS(client.stream(ask()).finish(), llms::provider_error);
    CHECK(inner->calls == (remembers ? 1U : 3U));
}

TEST_CASE("response_cache: a call says how old an answer may be", "[response_cache]") {
    scripted_provider inner({chunks_of({"1"}), chunks_of({"2"})});
    cache_type cache{{.tenant = "t", .ttl = 10min}};
    auto client = inner | llms::cached(cache);
    auto young = ask();
    young.cache.max_age = 1min;
    CHECK(client.complete(ask()).text() == "1");
    CHECK(client.complete(young).text() == "1");
    test_clock::advance(2min);
    CHECK(client.complete(ask()).text() == "1");
    CHECK(client.stream(young).finish().text() == "2");
    CHECK(client.complete(ask()).text() == "2");
}

TEST_CASE("response_cache: a call says how long its answer is good", "[response_cache]") {
    scripted_provider inner({chunks_of({"1"}), chunks_of({"2"})});
    cache_type cache{{.tenant = "t", .ttl = 10min}};
    auto client = inner | llms::cached(cache);
    auto brief = ask();
    brief.cache.ttl = 1min;
    CHECK(client.complete(brief).text() == "1");
    test_clock::advance(2min);
    CHECK(client.complete(ask()).text() == "2");
    test_clock::advance(9min);
    CHECK(client.complete(ask()).cached);
    test_clock::advance(1min);
    CHECK_FALSE(client.complete(ask()).cached);
}

TEST_CASE("response_cache: a paced replay waits as the stream did, and can be cancelled",
          "[response_cache][threads]") {
    scripted_provider inner({chunks_of({"unused"})});
    llms::response_cache cache{{.tenant = "t", .paced = true}};
    auto client = inner | llms::cached(cache);
    auto const keep = [&](std::uint32_t pause_us) {
        llms::stream_recorder<> recorder;
        for (auto const& piece : chunks_of({"a", "b"})) {
            recorder.add(piece);
        }
        auto recorded = std::move(recorder).take();
        recorded.cuts[0].pause_us = 0;
        recorded.cuts[1].pause_us = pause_us;
        recorded.cuts[2].pause_us = pause_us;
        REQUIRE(cache.put(std::string(cache.key(ask(), "scripted")), std::move(recorded)));
    };
    keep(10'000);
    auto const begin = std::chrono::steady_clock::now();
    std::vector<std::string> const pieces{"a", "b"};
    CHECK(texts(client.stream(ask())) == pieces);
    CHECK(std::chrono::steady_clock::now() - begin >= 20ms);

    keep(3'600'000'000); // an hour
    bool const by_call = GENERATE(false, true);
    std::stop_source stop;
    auto stream = by_call ? client.stream(ask(), stop.get_token()) : client.stream(ask());
    REQUIRE(stream.next() != nullptr);
    std::jthread const canceller([&] { stop.request_stop(); });
    CHECK_THROWS_AS(by_call ? stream.next() : stream.next(stop.get_token()), llms::cancelled_error);
    CHECK(client.complete(ask()).text() == "ab"); // at once
}

TEST_CASE("response_cache: hits and shared calls save tokens and money", "[response_cache]") {
    scripted_provider inner({chunks_of({"a"})});
    llms::response_cache cache{
        {.tenant = "t", .price = [](std::string_view model, llms::usage const& used) {
             CHECK(model == "model-1");
             return 0.5 * static_cast<double>(used.input_tokens) +
                    2.0 * static_cast<double>(used.output_tokens);
         }}};
    auto client = inner | llms::cached(cache);
    static_cast<void>(client.complete(ask()));
    CHECK(cache.stats().cost_saved == 0);
    static_cast<void>(client.complete(ask()));
    static_cast<void>(client.stream(ask()).finish());
    auto const stats = cache.stats();
    CHECK(stats.cost_saved == 2 * (0.5 * 7 + 2.0 * 3));
    CHECK(stats.input_tokens_saved == 14);
    CHECK(stats.output_tokens_saved == 6);
}

TEST_CASE("response_cache: what a filter ended is kept if asked for", "[response_cache]") {
    scripted_provider inner({chunks_of({"a"}, llms::finish_reason::content_filter)});
    llms::response_cache cache{{.tenant = "t", .keep_filtered = true}};
    auto client = inner | llms::cached(cache);
    CHECK_FALSE(client.complete(ask()).cached);
    CHECK(client.complete(ask()).cached);
}

TEST_CASE("response_cache: saved and loaded, it answers as before", "[response_cache]") {
    scripted_provider inner({chunks_of({"Hel", "lo"})});
    std::stringstream file;
    {
        llms::response_cache cache{{.tenant = "t"}};
        static_cast<void>((inner | llms::cached(cache)).stream(ask()).finish());
        cache.save(file);
    }
    llms::response_cache cache{{.tenant = "t"}};
    REQUIRE(cache.load(file) == llms::cache_load_result::loaded);
    std::vector<std::string> const pieces{"Hel", "lo"};
    CHECK(texts((inner | llms::cached(cache)).stream(ask())) == pieces);
    CHECK(inner->calls == 1);
}

TEST_CASE("cached: complete joins a stream in flight, and a stream a complete",
          "[response_cache][threads]") {
    bool const stream_first = GENERATE(false, true);
    scripted_provider inner({chunks_of({"a", "b"})});
    llms::response_cache cache{{.tenant = "t"}};
    auto client = inner | llms::cached(cache);
    std::binary_semaphore asked(0);
    std::latch joined(1);
    inner->on_call = [&](std::stop_token const&) {
        asked.release();
        joined.wait();
    };
    llms::response first;
    llms::response second;
    {
        std::jthread const leader(
            [&] { first = stream_first ? client.stream(ask()).finish() : client.complete(ask()); });
        asked.acquire();
        std::jthread const follower([&] {
            second = stream_first ? client.complete(ask()) : client.stream(ask()).finish();
        });
        while (cache.calls().stats().waiting == 0) {
            std::this_thread::yield();
        }
        joined.count_down();
    }
    CHECK(inner->calls == 1);
    CHECK(first.text() == "ab");
    CHECK_FALSE(first.coalesced);
    CHECK(first.usage.input_tokens == 7);
    CHECK(second.text() == "ab");
    CHECK(second.coalesced);
    CHECK(second.usage == llms::usage{});
    CHECK(cache.stats().coalesced == 1);
    CHECK(cache.stats().misses == 1);
}

TEST_CASE("cached: when the readers of a stream leave, who completes takes over",
          "[response_cache][threads]") {
    scripted_provider inner({chunks_of({"a", "b"})});
    llms::response_cache cache{{.tenant = "t"}};
    auto client = inner | llms::cached(cache);
    std::atomic<int> calls = 0;
    inner->on_chunk = [&](std::size_t at, std::stop_token const& stop) {
        if (at == 1 && ++calls == 1) { // the first call waits until it is cancelled
            std::binary_semaphore stopped(0);
            std::stop_callback const wake(stop, [&] { stopped.release(); });
            stopped.acquire();
            throw llms::cancelled_error("stopped");
        }
    };
    auto stream = client.stream(ask());
    REQUIRE(stream.next() != nullptr);
    llms::response answer;
    {
        std::jthread const other([&] { answer = client.complete(ask()); });
        while (cache.calls().stats().waiting == 0) {
            std::this_thread::yield();
        }
        stream.cancel();
    }
    CHECK(answer.text() == "ab");
    CHECK_FALSE(answer.coalesced);
    CHECK(inner->calls == 2);
}

TEST_CASE("cached: a refresh is not answered by a call that began before",
          "[response_cache][threads]") {
    scripted_provider inner({chunks_of({"1"}), chunks_of({"2"})});
    std::latch refreshed(1);
    llms::response_cache cache{{.tenant = "t"}};
    auto client = inner | llms::cached(cache);
    std::binary_semaphore asked(0);
    std::atomic<int> calls = 0;
    inner->on_call = [&](std::stop_token const&) {
        if (++calls == 1) {
            asked.release();
            refreshed.wait();
        }
    };
    auto slow = client.stream(ask());
    asked.acquire();
    CHECK(client.complete(with(cache_mode::refresh)).text() == "2");
    refreshed.count_down();
    CHECK(std::move(slow).finish().text() == "1");
}

TEST_CASE("response_cache: an answer can be forgotten, in the second tier too",
          "[response_cache]") {
    auto const tier = guard(std::make_shared<memory_store>());
    scripted_provider inner({chunks_of({"1"}), chunks_of({"2"})});
    llms::response_cache cache{{.tenant = "t", .tier = tier}};
    auto client = inner | llms::cached(cache);
    CHECK(client.complete(ask()).text() == "1");
    settle(tier);
    CHECK_FALSE(cache.erase(ask("another"), "scripted"));
    CHECK(client.complete(ask()).text() == "1");
    CHECK(cache.erase(ask(), "scripted"));
    settle(tier);
    CHECK(client.complete(ask()).text() == "2");
}

TEST_CASE("response_cache: purge drops what has expired", "[response_cache]") {
    scripted_provider inner({chunks_of({"1"})});
    cache_type cache{{.tenant = "t", .ttl = 1s}};
    auto client = inner | llms::cached(cache);
    static_cast<void>(client.complete(ask()));
    CHECK(cache.purge() == 0);
    test_clock::advance(2s);
    CHECK(cache.purge() == 1);
    CHECK(cache.stats().entries == 0);
}

TEST_CASE("response_cache: a price that cannot be told costs no answer", "[response_cache]") {
    scripted_provider inner({chunks_of({"1"})});
    llms::response_cache cache{
        {.tenant = "t",
         .price = [](std::string_view /*model*/, llms::usage const& /*saved*/) -> double {
             throw 42;
         }}};
    auto client = inner | llms::cached(cache);
    static_cast<void>(client.complete(ask()));
    CHECK(client.complete(ask()).cached);
    CHECK(cache.stats().output_tokens_saved == 3);
    CHECK(cache.stats().cost_saved == 0);
}

TEST_CASE("response_cache: only_if_cached does not call for what is never cached",
          "[response_cache]") {
    scripted_provider inner({chunks_of({"1"})});
    llms::response_cache cache{{.tenant = "t"}};
    auto client = inner | llms::cached(cache);
    auto warm = with(cache_mode::only_if_cached);
    warm.temperature = 1.0;
    CHECK_THROWS_AS(client.complete(warm), llms::cache_miss_error);
    CHECK_THROWS_AS(client.stream(warm), llms::cache_miss_error);
    CHECK(inner->calls == 0);
}

} // namespace response_cache_test
