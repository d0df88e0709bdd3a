// SPDX-License-Identifier: MIT
#include "cache/cache_test_clock.hpp"
#include "support/catch.hpp"
#include <llms/cache/cache.hpp>
#include <llms/cache/clock.hpp>
#include <llms/cache/lru.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace cache_test {

using namespace std::chrono_literals;

namespace {

using text_cache = llms::cache<std::string, std::string>;
template <typename Key, typename Value>
using timed_cache = llms::cache<Key, Value, llms::s3_fifo, llms::cache_hash<Key>, cache_test_clock>;

// What left, in order: key and cause.
using leavers = std::vector<std::pair<std::string, llms::removal_cause>>;
auto note(leavers& out) {
    return [&out](std::string_view key, auto const&, llms::removal_cause cause) {
        out.emplace_back(key, cause);
    };
}

auto weigh_length(std::string_view /*key*/, std::string const& value) -> std::size_t {
    return value.size();
}

} // namespace

TEST_CASE("cache: what is put with an age has only the rest of its times", "[cache]") {
    timed_cache<std::string, int> cache{{.ttl = 1h, .soft_ttl = 20min}};
    cache.put("a", 1, {.age = 10min});
    CHECK(cache.get("a", {.max_age = 10min}));
    CHECK_FALSE(cache.get("a", {.max_age = 9min}));
    CHECK_FALSE(cache.get("a").stale());
    cache_test_clock::advance(10min);
    CHECK(cache.get("a").stale());
    cache_test_clock::advance(40min);
    CHECK_FALSE(cache.get("a"));
    cache.put("b", 1, {.ttl = llms::cache_forever, .age = llms::cache_forever});
    CHECK(cache.get("b"));
}

TEST_CASE("cache: refresh replaces what get found stale, and nothing newer", "[cache]") {
    timed_cache<std::string, int> cache{{.ttl = 1h, .soft_ttl = 1min}};
    cache.put("a", 1);
    cache_test_clock::advance(2min);
    auto const stale = cache.get("a");
    REQUIRE(stale.stale());
    cache.refresh(stale, [](std::string_view) -> int { throw std::runtime_error("down"); });
    CHECK(*cache.get("a") == 1);
    cache.refresh(stale, [] { return 2; });
    CHECK(*cache.get("a") == 2);
    CHECK_FALSE(cache.get("a").stale());
    cache.refresh(stale, [] { return 3; }); // it is not there any more
    CHECK(*cache.get("a") == 2);
    CHECK(*stale == 1);
}

TEST_CASE("cache: a failed load is remembered only if it is asked for", "[cache]") {
    bool const remembers = GENERATE(false, true);
    text_cache cache{{.remember_failures = remembers ? 1h : 0h}};
    int loads = 0;
    auto const load = [&]() -> std::string {
        ++loads;
        throw std::runtime_error("down");
    };
    CHECK_THROWS_AS(cache.get_or_load("a", load), std::runtime_error);
    CHECK_THROWS_AS(cache.get_or_load("a", load), std::runtime_error);
    CHECK(loads == (remembers ? 1 : 2));
}

TEST_CASE("cache: what was put is found, under any form of its key", "[cache]") {
    text_cache cache{{.max_entries = 1024, .max_bytes = 64 << 20, .ttl = 10min}};
    CHECK_FALSE(cache.get("a"));
    CHECK(cache.put("a", "1"));
    CHECK(cache.put(std::string{"b"}, std::string{"2"}));

    CHECK(*cache.get("a") == "1");
    CHECK(*cache.get(std::string{"b"}) == "2");
    CHECK(*cache.get(std::string_view{"b"}) == "2");
    CHECK(cache.get("b").key() == "b");
    CHECK_FALSE(cache.get("b").stale());
    CHECK(*cache.try_get("a") == "1");
    CHECK_FALSE(cache.try_get("c"));

    CHECK(cache.put("a", "3"));
    CHECK(*cache.get("a") == "3");
    CHECK(cache.erase("a"));
    CHECK_FALSE(cache.erase("a"));
    CHECK_FALSE(cache.get("a"));

    auto const stats = cache.stats();
    CHECK(stats.entries == 1);
    CHECK(stats.hits == 7);
    CHECK(stats.misses == 3);
    CHECK(stats.insertions == 3);
    CHECK(stats.replaced == 1);
    CHECK(stats.erased == 1);
}

TEST_CASE("cache: empty keys, long keys and keys with zeros are told apart", "[cache]") {
    text_cache cache{{.max_entries = 400}};
    std::vector<std::string> keys;
    for (std::size_t size = 0; size < 130; ++size) {
        keys.emplace_back(size, '\0');
        keys.emplace_back(size, 'x');
    }
    for (auto const& key : keys) {
        cache.put(key, key + "!");
    }
    for (auto const& key : keys) {
        REQUIRE(cache.get(key));
        CHECK(*cache.get(key) == key + "!");
        CHECK(cache.get(key).key() == key);
    }
}

TEST_CASE("cache: a handle keeps its value whatever happens to the cache", "[cache]") {
    text_cache::handle replaced;
    text_cache::handle erased;
    text_cache::handle survivor;
    {
        text_cache cache{{.max_entries = 4}};
        cache.put("a", "first");
        replaced = cache.get("a");
        cache.put("a", "second");
        erased = cache.get("a");
        cache.clear();
        cache.put("b", "third");
        survivor = cache.get("b");
        for (int i = 0; i < 100; ++i) {
            cache.put(std::to_string(i), "x");
        }
    }
    CHECK(*replaced == "first");
    CHECK(*erased == "second");
    auto const copy = survivor; // NOLINT(performance-unnecessary-copy-initialization)
    survivor = nullptr;
    CHECK_FALSE(survivor);
    CHECK(*copy == "third");
    CHECK(copy.key() == "b");
}

TEST_CASE("cache: values that cannot be copied, keys that are not text", "[cache]") {
    llms::cache<int, std::unique_ptr<int>> cache;
    cache.put(1, std::make_unique<int>(10));
    auto const loaded =
        cache.get_or_load(2, [](int key) { return std::make_unique<int>(key * 10); });
    CHECK(**cache.get(1) == 10);
    CHECK(**loaded == 20);
    CHECK(**cache.get(2) == 20);

    struct alignas(64) wide {
        int number;
    };
    llms::cache<int, wide> aligned;
    aligned.put(1, wide{7});
    auto const hit = aligned.get(1);
    CHECK(hit->number == 7);
    CHECK(reinterpret_cast<std::uintptr_t>(&*hit) % 64 == 0); // NOLINT
}

TEMPLATE_TEST_CASE("cache: the bounds hold after every put, and the account is right", "[cache]",
                   llms::s3_fifo, llms::s3_fifo_published, llms::clock, llms::lru) {
    std::size_t const shards = GENERATE(1U, 4U);
    constexpr std::size_t max_entries = 200;
    constexpr std::size_t max_bytes = 9'000;
    llms::cache<std::string, std::string, TestType> cache{{.max_entries = max_entries,
                                                           .max_bytes = max_bytes,
                                                           .weigher = weigh_length,
                                                           .shards = shards}};
    std::uint32_t random = 1;
    for (int i = 0; i < 5'000; ++i) {
        random = random * 1664525U + 1013904223U;
        auto const key = std::to_string(random >> 22U);
        std::string value(random >> 12U & 127U, 'v');
        REQUIRE(cache.put(key, value));
        auto const stats = cache.stats();
        REQUIRE(stats.entries <= max_entries);
        REQUIRE(stats.bytes <= max_bytes);
        REQUIRE(*cache.get(key) == value);
        if (i % 16 == 0) {
            static_cast<void>(cache.erase(std::to_string(random >> 23U)));
        }
    }
    std::size_t entries = 0;
    std::size_t bytes = 0;
    cache.for_each([&](std::string_view /*key*/, std::string const& value) {
        ++entries;
        bytes += value.size();
    });
    auto const stats = cache.stats();
    CHECK(stats.entries == entries);
    CHECK(stats.bytes == bytes);
    CHECK(stats.evicted > 0);
    CHECK(stats.insertions == stats.entries + stats.evicted + stats.replaced + stats.erased);
}

TEMPLATE_TEST_CASE("cache: more than the processor's own caches hold, of values with and without "
                   "elements",
                   "[cache]", llms::s3_fifo, llms::clock, llms::lru) {
    using value = std::vector<std::uint32_t>;
    constexpr std::size_t max_bytes = 3U << 20U;
    constexpr std::size_t most_elements = 4096;
    llms::cache<std::uint32_t, value, TestType> cache{
        {.max_entries = 700, .max_bytes = max_bytes, .shards = 1}};
    std::size_t most = 0;
    for (std::uint32_t key = 0; key < 5'000; ++key) {
        if (key % 7 == 0) {
            cache.erase(key / 2);
        }
        std::size_t const elements = static_cast<std::uint32_t>(key * 2654435761U) % most_elements;
        cache.put(key, value(key % 3 == 0 ? 0 : elements, key));
        auto const found = cache.get(key);
        REQUIRE(found);
        REQUIRE(std::all_of(found->begin(), found->end(), [&](auto one) { return one == key; }));
        most = std::max(most, cache.stats().bytes);
    }
    CHECK(most > max_bytes - most_elements * sizeof(std::uint32_t));
    CHECK(most <= max_bytes);
}

TEST_CASE("cache: what is too heavy is refused and counted, and an older value is gone",
          "[cache]") {
    leavers gone;
    text_cache cache{{.max_entries = 10,
                      .max_bytes = 100,
                      .max_entry_bytes = 50,
                      .weigher = weigh_length,
                      .on_removal = note(gone)}};
    CHECK(cache.put("a", std::string(50, 'a')));
    CHECK(cache.put("b", std::string(50, 'b')));
    CHECK_FALSE(cache.put("a", std::string(51, 'c')));
    CHECK_FALSE(cache.get("a"));
    CHECK(cache.get("b"));
    CHECK(cache.stats().refused == 1);
    CHECK(gone == leavers{{"a", llms::removal_cause::replaced}});

    // A loaded value reaches its caller even so.
    auto const loaded = cache.get_or_load("d", [] { return std::string(60, 'd'); });
    CHECK(loaded->size() == 60);
    CHECK_FALSE(cache.get("d"));
    CHECK(cache.stats().refused == 2);
}

TEST_CASE("cache: room for no entry turns it off", "[cache]") {
    text_cache cache{{.max_entries = 0}};
    CHECK_FALSE(cache.put("a", "1"));
    CHECK_FALSE(cache.get("a"));
    CHECK(*cache.get_or_load("a", [] { return "2"; }) == "2");
    CHECK(cache.size() == 0);
    CHECK(cache.purge() == 0);
}

TEST_CASE("cache: options out of range are refused by name", "[cache]") {
    CHECK_THROWS_AS((text_cache{{.ttl = -1s}}), llms::cache_error);
    CHECK_THROWS_AS((text_cache{{.soft_ttl = -1s}}), llms::cache_error);
    CHECK_THROWS_AS((text_cache{{.stale_if_error = -1s}}), llms::cache_error);
    CHECK_THROWS_AS((text_cache{{.jitter = 1.5}}), llms::cache_error);
    CHECK_THROWS_AS((text_cache{{.shards = 3}}), llms::cache_error);
    CHECK_THROWS_WITH((text_cache{{.shards = 3}}),
                      support::contains("shards") && support::contains("power of two"));
}

TEST_CASE("cache: an entry lives for its time to live and not a tick longer", "[cache]") {
    leavers gone;
    timed_cache<std::string, int> cache{{.ttl = 10min, .on_removal = note(gone)}};
    cache.put("default", 1);
    cache.put("short", 2, {.ttl = 1s});
    cache.put("forever", 3, {.ttl = llms::cache_forever});
    cache.put("never", 4, {.ttl = 0s});
    CHECK_FALSE(cache.get("never"));

    cache_test_clock::advance(1s - 1ns);
    CHECK(cache.get("short"));
    cache_test_clock::advance(1ns);
    CHECK_FALSE(cache.get("short"));
    CHECK(gone == leavers{{"never", llms::removal_cause::expired},
                          {"short", llms::removal_cause::expired}});
    CHECK(cache.size() == 2);

    cache_test_clock::advance(10min);
    CHECK_FALSE(cache.try_get("default"));
    cache_test_clock::advance(std::chrono::hours{24 * 365 * 50});
    CHECK(cache.get("forever"));
    CHECK(cache.stats().expired == 3);
    CHECK(cache.stats().misses == 3);
    CHECK(cache.stats().hits == 2);
}

TEST_CASE("cache: a reader may want it younger than others do", "[cache]") {
    timed_cache<std::string, int> cache{{.ttl = 10min}};
    cache.put("a", 1);
    cache_test_clock::advance(30s);
    CHECK(cache.get("a", {.max_age = 30s}));
    cache_test_clock::advance(1ns);
    CHECK_FALSE(cache.get("a", {.max_age = 30s}));
    CHECK(cache.get("a"));
}

TEST_CASE("cache: jitter spreads what was put together, and only shortens", "[cache]") {
    constexpr int count = 400; // of room for ten times as many
    timed_cache<int, int> cache{{.max_entries = 4'000, .ttl = 100s, .jitter = 0.5}};
    for (int i = 0; i < count; ++i) {
        cache.put(i, i);
    }
    auto const alive = [&cache] {
        int n = 0;
        for (int i = 0; i < count; ++i) {
            n += cache.get(i) ? 1 : 0;
        }
        return n;
    };
    cache_test_clock::advance(49s);
    CHECK(alive() == count);
    cache_test_clock::advance(26s);
    auto const half = alive();
    CHECK(half > count / 4);
    CHECK(half < 3 * count / 4);
    cache_test_clock::advance(25s);
    CHECK(alive() == 0);
}

TEST_CASE("cache: purge removes the expired within its budget and goes on where it stopped",
          "[cache]") {
    std::size_t const shards = GENERATE(1U, 4U);
    timed_cache<int, int> cache{{.max_entries = 4000, .ttl = 1s, .shards = shards}};
    for (int i = 0; i < 1000; ++i) {
        cache.put(i, i);
        cache.put(-1 - i, i, {.ttl = 1h});
    }
    auto const held = cache.size();
    CHECK(cache.purge() == 0);
    cache_test_clock::advance(1s);
    auto const first = cache.purge(500);
    CHECK(first > 0);
    CHECK(first < 500);
    CHECK(cache.size() == held - first);
    std::size_t rest = 0;
    for (int i = 0; i < 16; ++i) {
        rest += cache.purge(500);
    }
    CHECK(first + rest == 1000);
    CHECK(cache.purge() == 0);
    CHECK(cache.stats().expired == 1000);
    CHECK(cache.size() == 1000);
}

TEST_CASE("cache: the expired make room first and never block a put", "[cache]") {
    std::size_t const entries = GENERATE(3U, 128U); // with one queue, with a small one before it
    leavers gone;
    timed_cache<std::string, int> cache{
        {.max_entries = entries, .on_removal = note(gone), .shards = 1}};
    cache.put("a", 1, {.ttl = 1s});
    CHECK(cache.get("a"));
    CHECK(cache.get("a"));
    for (std::size_t i = 1; i < entries; ++i) {
        cache.put(std::to_string(i), 1);
    }
    cache_test_clock::advance(1s);
    cache.put("d", 1);
    CHECK(gone == leavers{{"a", llms::removal_cause::expired}});
    CHECK(cache.put("a", 2));
    CHECK(*cache.get("a") == 2);
}

TEST_CASE("cache: past its soft time it is served, and refreshed once in the background",
          "[cache]") {
    std::vector<std::function<void()>> queue;
    timed_cache<std::string, int> cache{
        {.ttl = 1h, .soft_ttl = 1min, .executor = [&queue](auto task) {
             queue.emplace_back(task);
         }}};
    std::atomic<int> calls{0};
    auto const load = [&calls](std::string_view key) {
        CHECK(key == "a");
        return ++calls;
    };
    CHECK(*cache.get_or_load("a", load) == 1);
    cache_test_clock::advance(1min - 1ns);
    CHECK_FALSE(cache.get_or_load("a", load).stale());
    cache_test_clock::advance(1ns);

    auto const stale = cache.get_or_load("a", load);
    CHECK(*stale == 1);
    CHECK(stale.stale());
    CHECK(cache.get_or_load("a", load).stale());
    CHECK(cache.get("a").stale());
    REQUIRE(queue.size() == 1);
    CHECK(calls == 1);

    SECTION("the refresh runs") {
        queue[0]();
        auto const fresh = cache.get_or_load("a", load);
        CHECK(*fresh == 2);
        CHECK_FALSE(fresh.stale());
        CHECK(cache.stats().loads == 2);
        CHECK(cache.stats().stale_hits == 3);
    }
    SECTION("the executor drops it: the next caller asks again") {
        queue.clear();
        CHECK(cache.get_or_load("a", load).stale());
        CHECK(queue.size() == 1);
    }
    SECTION("erased meanwhile: the refresh does not bring it back") {
        cache.erase("a");
        queue[0]();
        CHECK_FALSE(cache.get("a"));
    }
    SECTION("put meanwhile: the refresh does not undo it") {
        cache.put("a", 77);
        queue[0]();
        CHECK(*cache.get("a") == 77);
    }
}

TEST_CASE("cache: a refresh that outlives its cache, or fails, does no harm", "[cache]") {
    std::vector<std::function<void()>> queue;
    auto cache =
        std::make_unique<timed_cache<std::string, int>>(llms::cache_options<std::string, int>{
            .ttl = 1h, .soft_ttl = 1min, .executor = [&queue](auto task) {
                queue.emplace_back(task);
            }});
    cache->put("a", 1);
    cache_test_clock::advance(1min);
    CHECK(*cache->get_or_load("a", []() -> int { throw std::runtime_error{"down"}; }) == 1);
    REQUIRE(queue.size() == 1);
    queue[0]();
    queue.clear();
    CHECK(cache->stats().load_failures == 1);
    CHECK(*cache->get_or_load("a", [] { return 2; }) == 1);
    REQUIRE(queue.size() == 1);
    cache.reset();
    queue[0]();
    queue.clear();
}

TEST_CASE("cache: an executor that refuses a refresh does no harm, the next caller asks again",
          "[cache]") {
    bool refuses = true;
    std::vector<std::function<void()>> queue;
    timed_cache<std::string, int> cache{{.ttl = 1h, .soft_ttl = 1min, .executor = [&](auto task) {
                                             if (refuses) {
                                                 throw std::runtime_error{"full"};
                                             }
                                             queue.emplace_back(task);
                                         }}};
    cache.put("a", 1);
    cache_test_clock::advance(1min);
    auto const refused = cache.get_or_load("a", [] { return 2; });
    CHECK(*refused == 1);
    CHECK(refused.stale());
    CHECK(cache.stats().load_failures == 0); // the loader was not called
    refuses = false;
    CHECK(*cache.get_or_load("a", [] { return 2; }) == 1);
    REQUIRE(queue.size() == 1);
    queue[0]();
    CHECK(*cache.get("a") == 2);
}

TEST_CASE("cache: without an executor the first caller refreshes", "[cache]") {
    timed_cache<std::string, int> cache{{.ttl = 1h, .soft_ttl = 1min}};
    cache.put("a", 1);
    cache_test_clock::advance(1min);
    auto const failed = cache.get_or_load("a", []() -> int { throw std::runtime_error{"down"}; });
    CHECK(*failed == 1);
    CHECK(failed.stale());
    auto const fresh = cache.get_or_load("a", [] { return 2; });
    CHECK(*fresh == 2);
    CHECK_FALSE(fresh.stale());
    CHECK(*cache.get("a") == 2);
}

TEST_CASE("cache: an expired value stands in for a load that fails, for a while", "[cache]") {
    timed_cache<std::string, int> cache{{.ttl = 1min, .stale_if_error = 1h}};
    auto const fail = []() -> int {
        throw std::runtime_error{"down"};
    };
    CHECK_THROWS_WITH(cache.get_or_load("a", fail), "down");
    cache.put("a", 1);
    cache_test_clock::advance(1min);
    CHECK_FALSE(cache.get("a"));
    CHECK(cache.get("a", {.accept_expired = true}).stale());

    auto const rescued = cache.get_or_load("a", fail);
    CHECK(*rescued == 1);
    CHECK(rescued.stale());
    CHECK(*cache.get_or_load("a", [] { return 2; }) == 2);

    cache_test_clock::advance(1min + 1h);
    CHECK_THROWS_WITH(cache.get_or_load("a", fail), "down");
    CHECK(cache.stats().load_failures == 3);
    CHECK(cache.stats().loads == 1);
}

TEST_CASE("cache: a loader may say how long its value is good", "[cache]") {
    timed_cache<std::string, int> cache{{.ttl = 1h}};
    auto const load = [](std::string_view, llms::cache_put_options& how) {
        how.ttl = 1s;
        return 1;
    };
    CHECK(*cache.get_or_load("a", load) == 1);
    cache_test_clock::advance(1s);
    CHECK_FALSE(cache.get("a"));
}

TEST_CASE("cache: callers who miss together load once", "[cache]") {
    constexpr int callers = 8;
    text_cache cache;
    std::atomic<int> arrived{0};
    std::atomic<int> loads{0};
    auto const load = [&](std::string_view key) {
        ++loads;
        while (arrived < callers) {
            std::this_thread::yield();
        }
        return std::string{key} + "!";
    };
    std::vector<std::thread> threads;
    threads.reserve(callers);
    std::vector<text_cache::handle> answers(callers);
    for (int i = 0; i < callers; ++i) {
        threads.emplace_back([&, i] {
            ++arrived;
            answers[static_cast<std::size_t>(i)] = cache.get_or_load("k", load);
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    CHECK(loads == 1);
    for (auto const& answer : answers) {
        REQUIRE(answer);
        CHECK(*answer == "k!");
    }
    auto const stats = cache.stats();
    CHECK(stats.loads == 1);
    CHECK(stats.misses >= 1);
    CHECK(stats.hits + stats.misses == callers);
}

TEST_CASE("cache: a failed load reaches its callers and is not kept", "[cache]") {
    text_cache cache;
    CHECK_THROWS_WITH(
        cache.get_or_load("a", []() -> std::string { throw std::runtime_error{"no"}; }), "no");
    CHECK(cache.size() == 0);
    CHECK(*cache.get_or_load("a", [] { return "yes"; }) == "yes");
    CHECK(cache.stats().load_failures == 1);
}

TEST_CASE("cache: what is put or erased while a loader runs wins over what it brings", "[cache]") {
    text_cache cache;
    SECTION("put") {
        CHECK(*cache.get_or_load("a", [&] {
            cache.put("a", "newer");
            return "older";
        }) == "older");
        CHECK(*cache.get("a") == "newer");
    }
    SECTION("erase") {
        static_cast<void>(cache.get_or_load("a", [&] {
            cache.erase("a");
            return "older";
        }));
        CHECK_FALSE(cache.get("a"));
    }
    SECTION("clear") {
        static_cast<void>(cache.get_or_load("a", [&] {
            cache.clear();
            return "older";
        }));
        CHECK_FALSE(cache.get("a"));
    }
    SECTION("erase_if") {
        static_cast<void>(cache.get_or_load("a", [&] {
            CHECK(cache.erase_if([](auto, auto const&) { return true; }) == 0);
            return "older";
        }));
        CHECK_FALSE(cache.get("a"));
    }
    SECTION("of another key") {
        static_cast<void>(cache.get_or_load("a", [&] {
            cache.put("b", "x");
            cache.erase("c");
            return "kept";
        }));
        CHECK(*cache.get("a") == "kept");
    }
}

TEST_CASE("cache: the listener is told of each entry that left, with the cause", "[cache]") {
    leavers gone;
    timed_cache<std::string, int> cache{{.max_entries = 2, .ttl = 1h, .on_removal = note(gone)}};
    cache.put("a", 1);
    cache.put("a", 2);
    cache.put("b", 1);
    cache.put("c", 1);
    cache.erase("c");
    cache.put("d", 1, {.ttl = 1s});
    cache_test_clock::advance(1s);
    CHECK(cache.purge() == 1);
    using enum llms::removal_cause;
    REQUIRE(gone.size() == 4);
    CHECK(gone[0] == std::pair{std::string{"a"}, replaced});
    CHECK(gone[1].second == evicted);
    CHECK(gone[2] == std::pair{std::string{"c"}, erased});
    CHECK(gone[3] == std::pair{std::string{"d"}, expired});
    cache.clear();
    CHECK(gone.size() == 5);
    CHECK(gone[4].second == erased);
}

TEST_CASE("cache: a listener may use the cache, and may throw", "[cache]") {
    llms::cache<int, int>* self = nullptr;
    int told = 0;
    llms::cache<int, int> cache{
        {.max_entries = 8, .on_removal = [&](int key, int, llms::removal_cause) {
             ++told;
             if (key >= 0) {
                 self->put(-1 - key, 0);
                 self->erase(-1 - key);
             }
             throw std::runtime_error{"not my day"};
         }}};
    self = &cache;
    for (int i = 0; i < 100; ++i) {
        CHECK(cache.put(i, i));
    }
    CHECK(told >= 92);
    CHECK(cache.size() <= 8);
}

TEST_CASE("cache: erase_if, for_each and clear see everything that is held", "[cache]") {
    std::size_t const shards = GENERATE(1U, 8U);
    llms::cache<int, int> cache{{.max_entries = 4000, .shards = shards}};
    for (int i = 0; i < 1000; ++i) {
        cache.put(i, -i);
    }
    CHECK(cache.erase_if([](int key, int value) {
        CHECK(value == -key);
        return key % 3 == 0;
    }) == 334);
    std::set<int> seen;
    cache.for_each([&](int key, int) {
        seen.insert(key);
        static_cast<void>(cache.get(key)); // under no lock
    });
    CHECK(seen.size() == 666);
    CHECK(!seen.contains(3));
    CHECK(seen.contains(4));
    cache.clear();
    CHECK(cache.size() == 0);
    CHECK(cache.stats().bytes == 0);
    CHECK(cache.stats().erased == 1000);
    cache.put(1, 1);
    CHECK(cache.get(1));
}

namespace {

// A key whose parts can be made to throw, or to call out.
struct touchy {
    int id = 0;
    static inline bool hash_throws = false;
    static inline bool copy_throws = false;
    static inline std::function<void()> on_compare;

    explicit touchy(int number) : id{number} {}
    touchy(touchy const& other) : id{other.id} {
        if (copy_throws) {
            throw std::runtime_error{"copy"};
        }
    }
    touchy(touchy&&) = default;
    auto operator=(touchy const&) -> touchy& = default;
    auto operator=(touchy&&) -> touchy& = default;
    ~touchy() = default;
    friend auto operator==(touchy const& a, touchy const& b) -> bool {
        if (on_compare) {
            on_compare();
        }
        return a.id == b.id;
    }
    struct hash {
        auto operator()(touchy const& key) const -> std::size_t {
            if (hash_throws) {
                throw std::runtime_error{"hash"};
            }
            return static_cast<std::size_t>(key.id);
        }
    };
};

} // namespace

TEST_CASE("cache: a hash, comparison, copy or weigher that throws leaves it unchanged", "[cache]") {
    bool weigher_throws = false;
    int told = 0;
    llms::cache<touchy, touchy, llms::s3_fifo, touchy::hash> cache{
        {.max_entries = 4,
         .weigher = [&](touchy const&, touchy const&) -> std::size_t {
             if (weigher_throws) {
                 throw std::runtime_error{"weigher"};
             }
             return 1;
         },
         .on_removal =
             [&](touchy const&, touchy const&, llms::removal_cause) {
                 ++told;
             }}};
    for (int i = 0; i < 4; ++i) {
        cache.put(touchy{i}, touchy{i * 10});
    }
    touchy const key{2};
    touchy const other{9};
    touchy const value{99};

    SECTION("hash") {
        touchy::hash_throws = true;
        CHECK_THROWS_WITH(cache.put(key, value), "hash");
        CHECK_THROWS_WITH(cache.get(key), "hash");
        CHECK_THROWS_WITH(cache.erase(key), "hash");
        touchy::hash_throws = false;
    }
    SECTION("copy") {
        touchy::copy_throws = true;
        CHECK_THROWS_WITH(cache.put(key, value), "copy");
        CHECK_THROWS_WITH(cache.put(other, value), "copy");
        CHECK_THROWS_WITH(cache.get_or_load(other, [&]() -> touchy const& { return value; }),
                          "copy");
        touchy::copy_throws = false;
    }
    SECTION("comparison") {
        touchy::on_compare = [] {
            throw std::runtime_error{"comparison"};
        };
        CHECK_THROWS_WITH(cache.put(key, value), "comparison");
        CHECK_THROWS_WITH(cache.get(key), "comparison");
        CHECK_THROWS_WITH(cache.erase(key), "comparison");
        touchy::on_compare = nullptr;
    }
    SECTION("weigher") {
        weigher_throws = true;
        CHECK_THROWS_WITH(cache.put(key, value), "weigher");
        CHECK_THROWS_WITH(cache.put(other, value), "weigher");
        CHECK_THROWS_WITH(cache.get_or_load(other, [&]() -> touchy const& { return value; }),
                          "weigher");
    }

    CHECK(told == 0);
    CHECK(cache.size() == 4);
    CHECK(cache.stats().bytes == 4);
    for (int i = 0; i < 4; ++i) {
        auto const hit = cache.get(touchy{i});
        REQUIRE(hit);
        CHECK(hit->id == i * 10);
    }
    CHECK_FALSE(cache.get(other));
}

TEST_CASE("cache: a hash, copy or weigher that throws in a refresh leaves the old value",
          "[cache]") {
    bool weigher_throws = false;
    std::vector<std::function<void()>> queue;
    llms::cache<touchy, int, llms::s3_fifo, touchy::hash, cache_test_clock> cache{
        {.ttl = 1h,
         .soft_ttl = 1min,
         .weigher = [&](touchy const&, int) -> std::size_t {
             if (weigher_throws) {
                 throw std::runtime_error{"weigher"};
             }
             return 1;
         },
         .executor =
             [&queue](auto task) {
                 queue.emplace_back(task);
             }}};
    touchy const key{1};
    auto const load = [] {
        return 2;
    };
    cache.put(key, 1);
    cache_test_clock::advance(1min);
    CHECK(*cache.get_or_load(key, load) == 1);
    REQUIRE(queue.size() == 1);
    auto& throws = *GENERATE_REF(&touchy::hash_throws, &touchy::copy_throws, &weigher_throws);
    throws = true;
    CHECK_NOTHROW(queue[0]());
    throws = false;
    queue.clear();
    CHECK(*cache.get(key) == 1);
    CHECK(cache.get(key).stale());
    CHECK(cache.size() == 1);

    CHECK(*cache.get_or_load(key, load) == 1); // and the next caller tries again
    REQUIRE(queue.size() == 1);
    queue[0]();
    CHECK(*cache.get(key) == 2);
}

TEST_CASE("cache: a hit does not wait for a writer, and try_get for nothing", "[cache]") {
    auto const tried_while_writing = [](auto& cache) {
        cache.put(touchy{1}, 1);
        std::optional<bool> is_hit;
        touchy::on_compare = [&] { // called by put under the lock of the shard
            touchy::on_compare = nullptr;
            std::thread{[&] {
                is_hit = static_cast<bool>(cache.try_get(touchy{1}));
            }}.join();
        };
        cache.put(touchy{1}, 2);
        CHECK(*cache.try_get(touchy{1}) == 2);
        CHECK(cache.stats().misses == 0);
        return is_hit.value();
    };
    llms::cache<touchy, int, llms::s3_fifo, touchy::hash> counting;
    CHECK(tried_while_writing(counting));
    llms::cache<touchy, int, llms::lru, touchy::hash> moving; // has to move what it finds
    CHECK_FALSE(tried_while_writing(moving));
}

TEST_CASE("cache: more hits of an entry than its cell can count", "[cache]") {
    llms::cache<int, int> cache;
    cache.put(1, 10);
    cache.put(2, 20);
    auto const pinned = cache.get(2);
    for (int i = 0; i < 200'000; ++i) {
        REQUIRE(*(i % 3 == 0 ? cache.try_get(1) : cache.get(1)) == 10);
    }
    CHECK(cache.stats().hits == 200'001);
    CHECK(cache.erase(1));
    CHECK(cache.stats().hits == 200'001);
    CHECK_FALSE(cache.get(1));
    CHECK(*pinned == 20);
}

TEST_CASE("cache: a lookup whose comparison throws leaves the entry as it was", "[cache]") {
    llms::cache<touchy, int, llms::s3_fifo, touchy::hash> cache;
    cache.put(touchy{1}, 1);
    touchy::on_compare = [] {
        touchy::on_compare = nullptr;
        throw std::runtime_error{"compare"};
    };
    CHECK_THROWS_AS(cache.get(touchy{1}), std::runtime_error);
    CHECK(cache.stats().hits == 0);
    CHECK(*cache.get(touchy{1}) == 1);
    CHECK(cache.stats().hits == 1);
    CHECK(cache.erase(touchy{1}));
}

namespace {

struct constant_hash {
    using is_avalanching = void;
    auto operator()(int /*key*/) const -> std::size_t { return 42; }
};

} // namespace

TEST_CASE("cache: a hash that is always the same costs room, not correctness", "[cache]") {
    llms::cache<int, int, llms::s3_fifo, constant_hash> cache{{.max_entries = 1000}};
    for (int i = 0; i < 3000; ++i) {
        cache.put(i, -i);
        if (auto const hit = cache.get(i / 2)) {
            REQUIRE(*hit == -(i / 2));
        }
        REQUIRE(cache.size() <= 1000);
    }
    CHECK(cache.size() > 200);
    cache.for_each([&](int key, int value) { CHECK(value == -key); });
    CHECK(cache.erase_if([](int, int) { return true; }) > 200);
    CHECK(cache.size() == 0);
}

TEST_CASE("cache: a hash of the standard library will do, and keys are converted for it",
          "[cache]") {
    llms::cache<std::string, int, llms::s3_fifo, std::hash<std::string>> cache;
    cache.put("a", 1);
    CHECK(*cache.get("a") == 1);
    CHECK(*cache.get(std::string_view{"a"}) == 1);
    CHECK(*cache.get(std::string{"a"}) == 1);
    CHECK(*cache.get_or_load(std::string_view{"b"}, [] { return 2; }) == 2);
    CHECK(cache.erase(std::string_view{"b"}));
}

TEST_CASE("cache_hash: all bytes and the length count, and forms of text agree", "[cache]") {
    llms::cache_hash<std::string> const hash;
    CHECK(hash("text") == hash(std::string_view{"text"}));
    CHECK(hash("text") == hash(std::string{"text"}));
    std::set<std::size_t> seen;
    std::size_t tried = 0;
    for (std::size_t size = 0; size < 100; ++size) {
        std::string text(size, '\0');
        seen.insert(hash(text));
        ++tried;
        for (std::size_t at = 0; at < size; ++at) {
            for (unsigned bit = 0; bit < 8; ++bit) {
                auto flipped = text;
                flipped[at] = static_cast<char>(1U << bit);
                seen.insert(hash(flipped));
                ++tried;
            }
        }
    }
    CHECK(seen.size() == tried);
}

// --- Saving ---

namespace {

auto saved(text_cache& cache) -> std::string {
    std::ostringstream out;
    cache.save(out);
    return out.str();
}

} // namespace

TEST_CASE("cache: what was saved is loaded", "[cache]") {
    text_cache from{{.max_entries = 2000}};
    for (int i = 0; i < 500; ++i) {
        from.put(std::to_string(i), std::string(static_cast<std::size_t>(i), 'v'));
    }
    std::istringstream in{saved(from)};
    text_cache to{{.max_entries = 2000}};
    to.put("7", "old");
    CHECK(to.load(in) == llms::cache_load_result::loaded);
    CHECK(to.size() == 500);
    for (int i = 0; i < 500; ++i) {
        auto const hit = to.get(std::to_string(i));
        REQUIRE(hit);
        CHECK(hit->size() == static_cast<std::size_t>(i));
    }

    std::istringstream again{saved(from)};
    text_cache tiny{{.max_entries = 10}};
    CHECK(tiny.load(again) == llms::cache_load_result::loaded);
    CHECK(tiny.size() == 10);
}

TEST_CASE("cache: a damaged file is refused and changes nothing", "[cache]") {
    text_cache from;
    from.put("key", "value");
    from.put("other", "text");
    auto const good = saved(from);

    text_cache to;
    to.put("key", "mine");
    auto const untouched = [&] {
        return to.size() == 1 && *to.get("key") == "mine" && to.stats().insertions == 1;
    };
    auto const load = [&to](std::string const& bytes) {
        std::istringstream in{bytes};
        return to.load(in);
    };
    for (std::size_t size = 0; size < good.size(); ++size) {
        auto const result = load(good.substr(0, size));
        REQUIRE(result != llms::cache_load_result::loaded);
        REQUIRE(untouched());
    }
    for (std::size_t at = 0; at < good.size(); ++at) {
        for (unsigned bit = 0; bit < 8; ++bit) {
            auto bad = good;
            bad[at] = static_cast<char>(static_cast<unsigned char>(bad[at]) ^ (1U << bit));
            REQUIRE(load(bad) != llms::cache_load_result::loaded);
            REQUIRE(untouched());
        }
    }
    CHECK(load("") == llms::cache_load_result::not_a_cache);
    CHECK(load("{\"not\": \"a cache\", \"but\": \"something else\"}") ==
          llms::cache_load_result::not_a_cache);
    auto newer = good;
    newer[8] = static_cast<char>(good[8] + 1);
    CHECK(load(newer) == llms::cache_load_result::other_version);
    auto lying = good.substr(0, 28) + std::string("\xff\xff\xff\xff\xff\xff\xff\x7f", 8);
    CHECK(load(lying) == llms::cache_load_result::corrupt);
    CHECK(load(good.substr(0, 28) + good.substr(28)) == llms::cache_load_result::loaded);
    CHECK(to.size() == 2);
}

TEST_CASE("cache: time goes on for what lies in a file", "[cache]") {
    timed_cache<std::string, std::string> from{{.ttl = 1h}};
    from.put("long", "1");
    from.put("short", "2", {.ttl = 1min});
    from.put("ever", "3", {.ttl = llms::cache_forever});
    cache_test_clock::advance(30s);
    auto const written = std::chrono::system_clock::now();
    std::ostringstream out;
    from.save(out, written);

    timed_cache<std::string, std::string> to{{.ttl = 1s}};
    std::istringstream in{out.str()};
    CHECK(to.load(in, written + 29s) == llms::cache_load_result::loaded);
    CHECK(to.size() == 3);
    cache_test_clock::advance(1s);
    CHECK_FALSE(to.get("short"));
    CHECK(to.get("long"));
    CHECK_FALSE(to.get("long", {.max_age = 59s}));
    CHECK(to.get("long", {.max_age = 60s}));

    timed_cache<std::string, std::string> late;
    std::istringstream again{out.str()};
    CHECK(late.load(again, written + 2h) == llms::cache_load_result::loaded);
    CHECK(late.size() == 1);
    CHECK(late.get("ever"));
}

namespace {

struct pair_of_numbers {
    int a = 0;
    int b = 0;
};

} // namespace

} // namespace cache_test

template <>
struct llms::cache_codec<cache_test::pair_of_numbers> {
    static void encode(cache_test::pair_of_numbers const& from, std::string& to) {
        to += std::to_string(from.a) + " " + std::to_string(from.b);
    }
    static auto decode(std::string_view from) -> std::optional<cache_test::pair_of_numbers> {
        std::istringstream in{std::string{from}};
        cache_test::pair_of_numbers to;
        return in >> to.a >> to.b && to.a != 13 ? std::optional{to} : std::nullopt;
    }
};

namespace cache_test {

TEST_CASE("cache: a codec of one's own, which may refuse", "[cache]") {
    llms::cache<int, pair_of_numbers> from;
    from.put(1, pair_of_numbers{2, 3});
    std::stringstream file;
    from.save(file);
    llms::cache<int, pair_of_numbers> to;
    CHECK(to.load(file) == llms::cache_load_result::loaded);
    CHECK(to.get(1)->b == 3);

    from.put(2, pair_of_numbers{13, 0});
    std::stringstream unlucky;
    from.save(unlucky);
    to.clear();
    CHECK(to.load(unlucky) == llms::cache_load_result::corrupt);
    CHECK(to.size() == 0);
}

} // namespace cache_test
