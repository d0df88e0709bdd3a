// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include <llms/schema/schema_cache.hpp>
#include <llms/schema/validator.hpp>

#include <nlohmann/json.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace schema_cache_test {

namespace {

using nlohmann::json;

constexpr std::string_view text_schema = R"({"type":"string","maxLength":3})";
constexpr std::string_view number_schema = R"({"type":"number"})";

struct same_hash {
    auto operator()(std::string_view /*text*/) const noexcept -> std::uint64_t { return 42; }
};

struct test_clock {
    using duration = std::chrono::nanoseconds;
    using time_point = std::chrono::time_point<test_clock, duration>;
    static auto now() noexcept -> time_point { return time_point(duration(current)); }
    static inline std::atomic<duration::rep> current = 1;
    static void advance(duration by) { current += by.count(); }
};

auto is_valid(auto const& hit, json const& instance) -> bool {
    return llms::validator{hit->compiled}.is_valid(instance);
}

} // namespace

TEST_CASE("schema_cache: a schema is compiled once, whoever brings it", "[schema_cache]") {
    llms::schema_cache cache;
    auto const first = cache.get(text_schema);
    CHECK(is_valid(first, "abc"));
    CHECK_FALSE(is_valid(first, "abcd"));
    std::string const copy{text_schema};
    CHECK(&*cache.get(copy) == &*first);
    CHECK(&*cache.get(first.key()) == &*first);
    CHECK(&*cache.get(cache.key(text_schema)) == &*first);
    auto const by_value = cache.get(json::parse(text_schema));
    CHECK(&*cache.get(json::parse(text_schema)) == &*by_value);
    CHECK(cache.stats().loads == 2); // nlohmann::json writes the members in another order
    CHECK(cache.get(json::parse(text_schema))->compact == by_value->compiled.document().dump());
    CHECK(json::parse(first->indented) == json::parse(text_schema));
}

TEST_CASE("schema_cache: the same address with another content is another schema",
          "[schema_cache]") {
    llms::schema_cache cache;
    auto document = json::parse(text_schema);
    CHECK(is_valid(cache.get(document), "abc"));
    document = json::parse(number_schema);
    CHECK_FALSE(is_valid(cache.get(document), "abc"));
    std::string text{text_schema};
    CHECK(is_valid(cache.get(text), "abc"));
    text = number_schema;
    CHECK(is_valid(cache.get(text), 3));
}

TEST_CASE("schema_cache: schemas whose hashes collide are told apart", "[schema_cache]") {
    llms::basic_schema_cache<same_hash> cache;
    for (int round = 0; round < 2; ++round) {
        for (int i = 0; i < 50; ++i) {
            auto const hit = cache.get(json{{"const", i}});
            CHECK(is_valid(hit, i));
            CHECK_FALSE(is_valid(hit, i + 1));
            CHECK(is_valid(cache.get(hit.key()), i));
        }
    }
    CHECK(cache.stats().loads == 50);
}

TEST_CASE("schema_cache: a key brings back what was evicted", "[schema_cache]") {
    llms::schema_cache cache{{.max_entries = 2}};
    auto const key = cache.key(text_schema);
    for (int i = 0; i < 20; ++i) {
        static_cast<void>(cache.get(json{{"const", i}}));
    }
    CHECK(cache.stats().entries <= 2);
    CHECK(is_valid(cache.get(key), "abc"));
}

TEST_CASE("schema_cache: stays within its bytes", "[schema_cache]") {
    llms::schema_cache cache{{.max_bytes = 100'000}};
    for (int i = 0; i < 100; ++i) {
        CHECK(is_valid(cache.get(json{{"enum", {i, std::string(300, 'x')}}}), i));
    }
    CHECK(cache.stats().bytes <= 100'000);
    CHECK(cache.stats().evicted > 0);
}

TEST_CASE("schema_cache: what is too old is compiled again", "[schema_cache]") {
    using namespace std::chrono_literals;
    llms::basic_schema_cache<llms::cache_hash<std::string>, test_clock> cache{{.ttl = 10s}};
    auto const first = cache.get(text_schema);
    test_clock::advance(9s);
    CHECK(&*cache.get(first.key()) == &*first);
    test_clock::advance(2s);
    CHECK(&*cache.get(first.key()) != &*first);
    CHECK(cache.stats().loads == 2);
    CHECK(is_valid(first, "abc")); // what is held stays valid
}

TEST_CASE("schema_cache: threads that ask at once share one compilation", "[schema_cache]") {
    constexpr int thread_count = 8;
    std::atomic<int> compiled = 0;
    std::atomic<int> started = 0;
    std::atomic<int> right = 0;
    std::atomic<bool> gate = false;
    llms::schema_cache cache{{.compile = {.patterns = [&](std::string_view text) {
                                  ++compiled;
                                  gate.wait(false);
                                  return llms::pattern::compile(text);
                              }}}};
    std::vector<std::thread> threads;
    for (int i = 0; i < thread_count; ++i) {
        threads.emplace_back([&] {
            if (++started == thread_count) {
                gate = true;
                gate.notify_all();
            }
            right += is_valid(cache.get(R"({"pattern":"^a+b$"})"), "aab") ? 1 : 0;
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    CHECK(right == thread_count);
    CHECK(compiled == 1);
}

TEST_CASE("schema_cache: what cannot be compiled is a schema_error each time", "[schema_cache]") {
    llms::schema_cache cache{{.max_text_bytes = 300'000}};
    for (auto const& text :
         {std::string("{"), std::string(R"({"type":"nonsense"})"),
          std::string(R"({"pattern":"("})"), std::string(200'000, '['),
          std::string(100'000, '[') + std::string(100'000, ']'), std::string(300'001, ' ')}) {
        for (int i = 0; i < 2; ++i) {
            CHECK_THROWS_AS(cache.get(text), llms::schema_error);
        }
    }
    json deep = 0;
    for (int i = 0; i < 100'000; ++i) {
        json outer;
        outer["not"] = std::move(deep);
        deep = std::move(outer);
    }
    CHECK_THROWS_AS(cache.get(deep), llms::schema_error);
    CHECK_THROWS_AS(cache.get(json{{"const", "\xFF"}}), llms::schema_error);
    CHECK(cache.stats().entries == 0);
}

TEST_CASE("schema_cache: a document has a key, and clearing forgets all but what is held",
          "[schema_cache]") {
    llms::schema_cache cache;
    auto const document = json::parse(text_schema);
    auto const hit = cache.get(cache.key(document));
    CHECK(is_valid(cache.get(document), "abc"));
    CHECK(cache.stats().entries == 1);
    cache.clear();
    CHECK(cache.stats().entries == 0);
    CHECK(is_valid(hit, "abc"));
    CHECK_FALSE(is_valid(hit, "abcd"));
}

} // namespace schema_cache_test
