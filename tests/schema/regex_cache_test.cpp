// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include <llms/schema/regex_cache.hpp>

#include <atomic>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace regex_cache_test {

namespace {

/// Counts compilations; waits in each until `gate` opens.
struct counting_engine {
    std::atomic<int>* compiled;
    std::atomic<bool>* gate = nullptr;

    [[nodiscard]] auto compile(std::string_view text) const -> llms::linear_regex::program {
        compiled->fetch_add(1);
        if (gate != nullptr) {
            gate->wait(false);
        }
        return llms::linear_regex::compile(text);
    }
};
static_assert(llms::regex_engine<counting_engine>);

// Needs an engine: no trivial form.
constexpr auto date = R"(^\d{4}-\d{2}-\d{2}$)";

} // namespace

TEST_CASE("regex_cache: a pattern is compiled once", "[regex_cache]") {
    std::atomic<int> compiled = 0;
    llms::regex_cache<counting_engine> cache{{&compiled}};
    CHECK(cache.get(date).search("2026-11-23"));
    CHECK_FALSE(cache.get(date).search("2026-11"));
    CHECK(compiled == 1);
    CHECK(cache.stats().hits == 1);
    cache.clear();
    CHECK(cache.get(date).text() == date);
    CHECK(compiled == 2);
}

TEST_CASE("regex_cache: threads that ask at once share one compilation", "[regex_cache]") {
    constexpr int thread_count = 8;
    std::atomic<int> compiled = 0;
    std::atomic<int> started = 0;
    std::atomic<int> right = 0;
    std::atomic<bool> gate = false;
    llms::regex_cache<counting_engine> cache{{&compiled, &gate}};
    std::vector<std::thread> threads;
    for (int i = 0; i < thread_count; ++i) {
        threads.emplace_back([&] {
            if (++started == thread_count) {
                gate = true;
                gate.notify_all();
            }
            right += cache.get(date).search("2026-11-23") ? 1 : 0;
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    CHECK(right == thread_count);
    CHECK(compiled == 1);
}

TEST_CASE("regex_cache: a pattern that fails is not kept, and fails again", "[regex_cache]") {
    llms::regex_cache<> cache;
    for (int i = 0; i < 2; ++i) {
        CHECK_THROWS_AS(cache.get("(a)\\1"), llms::pattern_error);
    }
    CHECK(cache.stats().entries == 0);
}

TEST_CASE("regex_cache: stays within its entries and bytes", "[regex_cache]") {
    llms::regex_cache<> few{{}, {.max_entries = 8}};
    llms::regex_cache<> small{{}, {.max_bytes = 20'000}};
    for (int i = 0; i < 200; ++i) {
        auto const text = "^(a|b)*" + std::to_string(i) + "$";
        CHECK(few.get(text).search("ab" + std::to_string(i)));
        CHECK(small.get(text).search("ba" + std::to_string(i)));
    }
    CHECK(few.stats().entries <= 8);
    CHECK(small.stats().bytes <= 20'000);
    CHECK(small.stats().evicted > 0);
    // One that does not fit is compiled whenever it is asked for.
    llms::regex_cache<> tiny{{}, {.max_bytes = 1000}};
    CHECK(tiny.get("^(?:[ab]c|d){1,40}x$").search("bcx"));
    CHECK(tiny.stats().entries == 0);
}

TEST_CASE("regex_cache: patterns outlive it", "[regex_cache]") {
    auto const kept = llms::regex_cache<>{}.get(date);
    CHECK(kept.search("2026-11-23"));
}

TEST_CASE("regex_cache: is a factory of patterns", "[regex_cache]") {
    llms::regex_cache<> cache;
    std::function<llms::pattern(std::string_view)> const factory = std::ref(cache);
    CHECK(factory("^a").search("abc"));
    CHECK(cache.stats().entries == 1);
}

} // namespace regex_cache_test
