// SPDX-License-Identifier: MIT
//
// Out of memory at every allocation of a scenario in turn: the first run fails at its first
// allocation, the next at its second, until one gets through. Each time the failure is a
// std::bad_alloc to the caller, nothing leaks, and what is left can be used as before.
//
// The rooms of floor 1, and patterns: nlohmann::json allocates in its destructor, which ends the
// program when that fails, so what holds JSON cannot be tried like this.
#include "support/catch.hpp"
#include <llms/cache/cache.hpp>
#include <llms/cache/single_flight.hpp>
#include <llms/memory/object_pool.hpp>
#include <llms/metrics/metrics.hpp>
#include <llms/schema/pattern.hpp>
#include <llms/stream/channel.hpp>
#include <llms/stream/channel_pool.hpp>
#include <llms/stream/sse_decoder.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace std::chrono_literals;

// How many allocations of this thread still succeed; negative = all.
thread_local long allowed = -1;
std::atomic<long> live = 0; // blocks of all threads

auto allocate(std::size_t bytes, std::size_t alignment) noexcept -> void* {
    if (allowed == 0) {
        return nullptr;
    }
    auto const rounded = (bytes + alignment - 1) / alignment * alignment;
    auto* const memory = std::aligned_alloc(alignment, rounded == 0 ? alignment : rounded);
    if (memory != nullptr) {
        allowed -= allowed > 0 ? 1 : 0;
        ++live;
    }
    return memory;
}

auto allocate_or_throw(std::size_t bytes, std::size_t alignment) -> void* {
    if (auto* const memory = allocate(bytes, alignment)) {
        return memory;
    }
    throw std::bad_alloc();
}

void release(void* memory) noexcept {
    if (memory != nullptr) {
        --live;
        std::free(memory);
    }
}

constexpr std::size_t usual = __STDCPP_DEFAULT_NEW_ALIGNMENT__;

} // namespace

auto operator new(std::size_t n) -> void* {
    return allocate_or_throw(n, usual);
}
auto operator new(std::size_t n, std::align_val_t alignment) -> void* {
    return allocate_or_throw(n, static_cast<std::size_t>(alignment));
}
auto operator new(std::size_t n, std::nothrow_t const& /*tag*/) noexcept -> void* {
    return allocate(n, usual);
}
auto operator new(std::size_t n, std::align_val_t alignment, std::nothrow_t const& /*tag*/) noexcept
    -> void* {
    return allocate(n, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept {
    release(memory);
}
void operator delete(void* memory, std::size_t /*n*/) noexcept {
    release(memory);
}
void operator delete(void* memory, std::align_val_t /*alignment*/) noexcept {
    release(memory);
}
void operator delete(void* memory, std::size_t /*n*/, std::align_val_t /*alignment*/) noexcept {
    release(memory);
}

namespace allocation_failure_test {

namespace {

// Runs `scenario` until it gets through; says how often it failed. `check` runs with all the memory
// in the world after each try.
template <class Scenario, class Check>
auto fail_in_turn(Scenario scenario, Check check) -> long {
    for (long count = 0; count < 100'000; ++count) {
        bool failed = false;
        allowed = count;
        try {
            scenario();
        } catch (std::bad_alloc const&) {
            failed = true;
        } catch (...) {
            allowed = -1;
            throw;
        }
        allowed = -1;
        check();
        if (!failed) {
            return count;
        }
    }
    return -1;
}

// The same from nothing each time: what the scenario made is gone with it.
template <class Scenario>
auto fail_from_nothing(Scenario scenario) -> long {
    auto const before = live.load();
    bool leaked = false;
    auto const failures = fail_in_turn(scenario, [&] { leaked = leaked || live != before; });
    CHECK_FALSE(leaked);
    return failures;
}

std::string const long_text(100, 'x');

} // namespace

TEST_CASE("out of memory: object_pool", "[core][memory]") {
    // The first object makes what the thread keeps for its pools.
    { auto const warm = llms::object_pool<std::string>().acquire(); }
    CHECK(fail_from_nothing([] {
              llms::object_pool<std::string> pool;
              auto first = pool.acquire();
              first->assign(long_text);
              std::shared_ptr<std::string> const shared = pool.acquire();
              shared->assign(long_text);
          }) > 3);

    llms::object_pool<std::string> pool;
    fail_in_turn([&] { pool.acquire()->assign(long_text); },
                 [&] { CHECK(pool.acquire()->empty()); });
}

TEST_CASE("out of memory: channel and channel_pool", "[core][stream]") {
    CHECK(fail_from_nothing([] {
              llms::channel<std::string> tokens(4);
              static_cast<void>(tokens.push(long_text));
              static_cast<void>(tokens.push(std::string(long_text)));
              std::vector<std::string> all;
              static_cast<void>(tokens.pop_all(all));
          }) > 3);

    llms::channel_pool<std::string> streams{{.capacity = 4}};
    CHECK(fail_in_turn(
              [&] {
                  auto [writer, reader] = streams.open();
                  writer.on_closed([] {});
                  static_cast<void>(writer.push(long_text));
                  auto const token = reader.pop();
              },
              [&] {
                  CHECK(streams.stats().live == 0);
                  auto [writer, reader] = streams.open();
                  CHECK(writer.push(long_text));
                  CHECK(*reader.pop() == long_text);
              }) > 0);
}

TEST_CASE("out of memory: a push that failed leaves the channel as it was", "[core][stream]") {
    llms::channel<std::string> tokens(4);
    REQUIRE(tokens.push("first"));
    bool pushed = false;
    CHECK(fail_in_turn([&] { pushed = static_cast<bool>(tokens.push(long_text)); },
                       [&] { CHECK(tokens.size() == (pushed ? 2 : 1)); }) > 0);
    CHECK(*tokens.pop() == "first");
    CHECK(*tokens.pop() == long_text);
}

TEST_CASE("out of memory: sse_decoder", "[core][stream]") {
    auto const text = "event: x\nid: 7\ndata: " + long_text + "\ndata: " + long_text + "\n\n";
    CHECK(fail_from_nothing([&] {
              llms::sse_decoder decoder;
              std::size_t bytes = 0;
              for (std::size_t at = 0; at < text.size(); at += 7) {
                  decoder.feed(std::string_view(text).substr(at, 7), [&](auto const& event) {
                      bytes += event.data.size();
                      return true;
                  });
              }
          }) > 0);
}

TEST_CASE("out of memory: cache", "[core][cache]") {
    using cache = llms::cache<std::string, std::string>;
    cache kept{{.max_entries = 64}};
    kept.put("there", "before");
    int key = 0;
    auto const failures = fail_in_turn(
        [&] {
            auto const name = std::to_string(key) + long_text;
            kept.put(name, long_text);
            auto const found = kept.get_or_load("loaded " + name, [&] { return long_text; });
            kept.erase(name);
        },
        [&] {
            ++key;
            CHECK(kept.stats().entries <= 64);
            auto const hit = kept.get("there");
            REQUIRE(hit);
            CHECK(*hit == "before");
        });
    CHECK(failures > 3);

    CHECK(fail_from_nothing([] {
              cache small{{.max_entries = 4}};
              for (int i = 0; i < 8; ++i) {
                  small.put(std::to_string(i) + long_text, long_text);
              }
          }) > 8);
}

TEST_CASE("out of memory: single_flight hands the failure to its caller", "[core][cache]") {
    llms::single_flight<std::string, std::string> flights;
    CHECK(fail_in_turn(
              [&] { auto const result = flights.run(long_text, [] { return long_text; }); },
              [&] { CHECK(*flights.run("again", [] { return long_text; }) == long_text); }) > 0);
}

TEST_CASE("out of memory: an event is not counted, and the call goes on", "[core][metrics]") {
    llms::metrics metrics;
    for (long count = 0; count < 60; ++count) {
        allowed = count;
        auto const model = "model-" + std::string(1, static_cast<char>('0' + count));
        metrics.record(llms::attempt_end{.info = {.model = model}, .duration = 1s});
        allowed = -1;
    }
    CHECK(metrics.prometheus_text().find("# TYPE") != std::string::npos);
}

TEST_CASE("out of memory: a pattern", "[core][schema]") {
    CHECK(fail_from_nothing([] {
              auto const compiled = llms::pattern::compile("^(a|b)*[c-e]{2,5}(foo|bar)$");
              static_cast<void>(compiled.search("abccdfoo"));
          }) > 10);
}

} // namespace allocation_failure_test
