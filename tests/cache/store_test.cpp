// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/manual_clock.hpp"
#include "support/memory_store.hpp"
#include <llms/cache/cache_codec.hpp>
#include <llms/cache/circuit_breaker.hpp>
#include <llms/cache/guarded_store.hpp>
#include <llms/cache/store.hpp>
#include <llms/detail/cache_envelope.hpp>
#include <llms/detail/cache_sha256.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace store_test {

namespace {

using namespace std::chrono_literals;
using support::memory_store;

using breaker_clock = support::manual_clock<0>;
using wall_clock = support::manual_clock<1>;
using guarded = llms::basic_guarded_store<breaker_clock, wall_clock>;

auto soon() -> llms::store_deadline {
    return std::chrono::steady_clock::now() + 60s;
}

// The value, or "-".
auto look(guarded& tier, std::string const& key) -> std::string {
    auto const found = tier.get(key, soon());
    return found ? found->value : "-";
}

auto relaxed() -> llms::guarded_store_options {
    return {.get_timeout = 60s, .put_timeout = 60s}; // a loaded machine is no failure
}

TEST_CASE("sha256: the vectors of FIPS 180-4, in pieces of any size", "[sha256]") {
    using namespace llms::detail;
    auto const hex = [](std::string const& text) {
        return sha256_hex(sha256_of(text));
    };
    CHECK(hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    CHECK(hex("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmn"
              "opqrlmnopqrsmnopqrstnopqrstu") ==
          "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
    CHECK(hex(std::string(1'000'000, 'a')) ==
          "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");

    std::string text;
    for (int i = 0; i < 300; ++i) {
        text += static_cast<char>(i);
    }
    for (std::size_t size = 0; size < text.size(); ++size) { // every length of padding
        auto const part = std::string_view(text).substr(0, size);
        sha256 hash;
        for (std::size_t at = 0; at < size; at += 7) {
            hash.update(part.substr(at, 7));
        }
        REQUIRE(hash.finish() == sha256_of(part));
    }

    sha256_state portable{1, 2, 3, 4, 5, 6, 7, 8};
    auto accelerated = portable;
    sha256_portable(portable, text.data(), 4);
    if (sha256_instructions()) {
        sha256_accelerated(accelerated, text.data(), 4);
        CHECK(accelerated == portable);
    } else {
        WARN("this processor has no SHA instructions: only the portable code was tested");
    }
}

TEST_CASE("circuit_breaker: opens, probes and closes", "[circuit_breaker]") {
    llms::circuit_breaker<breaker_clock> breaker(
        {.failures = 3, .open_for = 1000ms, .open_max = 3000ms});
    using state = llms::circuit_state;
    auto const fail = [&](int times) {
        while (times-- > 0) {
            REQUIRE(breaker.allow());
            breaker.failed();
        }
    };
    fail(2);
    breaker.succeeded(); // the row is broken
    fail(2);
    CHECK(breaker.state() == state::closed);
    fail(1);
    CHECK(breaker.state() == state::open);
    CHECK_FALSE(breaker.allow());
    breaker.succeeded(); // a late answer to an earlier question
    CHECK(breaker.state() == state::open);

    breaker_clock::advance(1s);
    CHECK(breaker.allow());
    CHECK(breaker.state() == state::half_open);
    CHECK_FALSE(breaker.allow()); // one probe only
    breaker.failed();
    breaker_clock::advance(1999ms);
    CHECK_FALSE(breaker.allow()); // it doubled
    breaker_clock::advance(1ms);
    fail(1);
    breaker_clock::advance(2999ms);
    CHECK_FALSE(breaker.allow());
    breaker_clock::advance(1ms); // 3 s at most
    CHECK(breaker.allow());      // a probe that never reports
    CHECK_FALSE(breaker.allow());
    breaker_clock::advance(3s);
    CHECK(breaker.allow());
    breaker.succeeded();
    CHECK(breaker.state() == state::closed);
    CHECK(breaker.allow());
}

TEST_CASE("guarded_store: what was put is got, with its times, until it expires",
          "[guarded_store]") {
    auto const store = std::make_shared<memory_store>();
    guarded tier(store, relaxed());
    auto const start = wall_clock::now();
    std::string const binary("a\0b\xFF", 4);
    CHECK(tier.put("key", binary, 10s));
    CHECK(tier.flush(soon()));
    auto const found = tier.get("key", soon());
    REQUIRE(found);
    CHECK(found->value == binary);
    CHECK(found->created == start);
    CHECK(found->expires == start + 10s);
    CHECK(look(tier, "other") == "-");
    wall_clock::advance(10s);
    CHECK(look(tier, "key") == "-"); // the store still has it
    tier.put("key", "for ever", std::chrono::nanoseconds::max());
    tier.flush(soon());
    wall_clock::advance(24h * 365);
    CHECK(look(tier, "key") == "for ever");
    tier.erase("key");
    CHECK(look(tier, "key") == "-");
    auto const stats = tier.stats();
    CHECK(stats.hits == 2);
    CHECK(stats.misses == 3);
    CHECK(stats.failures == 0);
}

TEST_CASE("guarded_store: a store that corrupts or mixes up values serves nothing wrong",
          "[guarded_store]") {
    auto const store = std::make_shared<memory_store>();
    guarded tier(store, relaxed());
    tier.put("one", "first value", 1h);
    tier.put("two", "second value", 1h);
    REQUIRE(tier.flush(soon()));
    std::string original;
    store->tamper("one", [&](std::string& bytes) { original = bytes; });
    std::uint64_t wrong = 0;
    for (std::size_t at = 0; at < original.size(); ++at) { // each bit, somewhere in each byte
        store->tamper("one", [&](std::string& bytes) {
            bytes = original;
            bytes[at] = static_cast<char>(bytes[at] ^ (1 << at % 8));
        });
        REQUIRE(look(tier, "one") == "-");
        store->tamper("one", [&](std::string& bytes) { bytes = original.substr(0, at); });
        REQUIRE(look(tier, "one") == "-");
        wrong += 2;
    }
    store->tamper("one", [&](std::string& bytes) { bytes = original + "x"; });
    CHECK(look(tier, "one") == "-");
    store->mix_up("one", "two");
    CHECK(look(tier, "one") == "-");
    CHECK(look(tier, "two") == "second value");
    store->tamper("one", [&](std::string& bytes) { bytes = original; });
    CHECK(look(tier, "one") == "first value");
    CHECK(tier.stats().mismatches == wrong + 2);
}

TEST_CASE("guarded_store: a failing store is a miss, then is not asked, then is tried again",
          "[guarded_store]") {
    auto const store = std::make_shared<memory_store>();
    guarded tier(
        store,
        {.get_timeout = 60s, .put_timeout = 60s, .breaker = {.failures = 3, .open_for = 1000ms}});
    tier.put("key", "value", 1h);
    REQUIRE(tier.flush(soon()));
    store->failing = true;
    for (int i = 0; i < 10; ++i) {
        CHECK(look(tier, "key") == "-");
    }
    auto stats = tier.stats();
    CHECK(stats.failures == 3);
    CHECK(stats.refused == 7);
    CHECK(stats.circuit == llms::circuit_state::open);
    CHECK(stats.last_failure == "memory_store: told to fail");
    CHECK(store->calls == 4); // a put and three gets
    tier.put("lost", "value", 1h);
    CHECK(tier.flush(soon()));
    CHECK(tier.stats().dropped == 1);

    store->failing = false;
    CHECK(look(tier, "key") == "-"); // still open
    breaker_clock::advance(1s);
    CHECK(look(tier, "key") == "value");
    CHECK(tier.stats().circuit == llms::circuit_state::closed);
}

TEST_CASE("guarded_store: an answer that comes late counts as a failure", "[guarded_store]") {
    auto const store = std::make_shared<memory_store>();
    guarded tier(store, relaxed());
    CHECK_FALSE(tier.get("key", std::chrono::steady_clock::now() - 1s));
    CHECK(tier.stats().failures == 1);
}

TEST_CASE("guarded_store: writes are queued within bounds, seen at once, and in order",
          "[guarded_store]") {
    auto const store = std::make_shared<memory_store>();
    std::atomic<bool> release = false;
    store->before_put = [&] {
        while (!release) {
            std::this_thread::yield();
        }
    };
    auto options = relaxed();
    options.max_pending = 4;
    options.max_pending_bytes = 100;
    options.max_value_bytes = 50;
    guarded tier(store, options);
    CHECK(tier.put("a", "1", 1h));
    CHECK(tier.put("a", "2", 1h));
    CHECK(look(tier, "a") == "2"); // though nothing is written
    CHECK(tier.erase("a"));
    CHECK(look(tier, "a") == "-");
    CHECK_FALSE(tier.put("b", std::string(51, 'x'), 1h)); // too big a value
    CHECK(tier.put("b", std::string(50, 'x'), 1h));
    CHECK_FALSE(tier.put("c", "", 1h)); // too many
    auto stats = tier.stats();
    CHECK(stats.pending == 4);
    CHECK(stats.pending_bytes == 5 + 51);
    CHECK(stats.dropped == 2);
    release = true;
    REQUIRE(tier.flush(soon()));
    CHECK(look(tier, "a") == "-");
    CHECK(look(tier, "b") == std::string(50, 'x'));
    CHECK_FALSE(tier.put(std::string(60, 'k'), std::string(50, 'x'), 1h)); // too many bytes
    stats = tier.stats();
    CHECK(stats.pending == 0);
    CHECK(stats.pending_bytes == 0);
    CHECK(stats.written == 4);
}

TEST_CASE("guarded_store: an executor does the writes", "[guarded_store]") {
    auto const store = std::make_shared<memory_store>();
    using task = llms::detail::cache_function<void()>;
    std::vector<task> tasks;
    auto options = relaxed();
    options.executor = [&](task const& given) {
        tasks.push_back(given);
    };
    options.close_timeout = 0ms;
    std::optional<guarded> tier;
    tier.emplace(store, options);
    tier->put("a", "1", 1h);
    tasks.clear(); // the executor dropped it
    tier->put("b", "2", 1h);
    REQUIRE(tasks.size() == 1);
    CHECK(store->calls == 0);
    tasks[0]();
    CHECK(store->calls == 2);
    tier->put("c", "3", 1h);
    tier.reset(); // drops what was not written
    for (auto& each : tasks) {
        each(); // may outlive the guarded_store
    }
    CHECK(store->calls == 2);
}

TEST_CASE("guarded_store: the destructor writes what is queued", "[guarded_store]") {
    auto const store = std::make_shared<memory_store>();
    auto options = relaxed();
    options.close_timeout = 60s;
    {
        guarded tier(store, options);
        for (int i = 0; i < 100; ++i) {
            tier.put(std::to_string(i), "value", 1h);
        }
    }
    guarded other(store, options);
    for (int i = 0; i < 100; ++i) {
        CHECK(look(other, std::to_string(i)) == "value");
    }
}

TEST_CASE("guarded_store: of several processes one makes the value, the others get it",
          "[guarded_store]") {
    auto const store = std::make_shared<memory_store>();
    std::atomic<int> made = 0;
    std::atomic<int> served = 0;
    {
        std::vector<std::jthread> processes;
        processes.reserve(8);
        for (int p = 0; p < 4; ++p) {
            processes.emplace_back([&] {
                auto options = relaxed();
                options.poll_interval = 1ms;
                options.close_timeout = 60s;
                guarded tier(store, options);
                auto found = tier.get_or_lease("key");
                if (found.value) {
                    served += found.value->value == "made" ? 1 : 0;
                } else if (found.permit) {
                    ++made;
                    tier.put("key", "made", 1h);
                }
            });
        }
    }
    CHECK(made == 1);
    CHECK(served == 3);
}

TEST_CASE("guarded_store: nobody waits for a lease in vain", "[guarded_store]") {
    auto const store = std::make_shared<memory_store>();
    auto options = relaxed();
    options.poll_interval = 1ms;
    guarded holder(store, options);
    auto held = holder.get_or_lease("key");
    REQUIRE(held.permit);
    SECTION("its own deadline ends the wait") {
        auto const now = std::chrono::steady_clock::now();
        auto const other = holder.get_or_lease("key", {.deadline = now + 5ms});
        CHECK_FALSE(other.value);
        CHECK_FALSE(other.permit);
    }
    SECTION("so does its stop_token") {
        std::stop_source stop;
        stop.request_stop();
        auto const other = holder.get_or_lease("key", {.stop = stop.get_token()});
        CHECK_FALSE(other.permit);
    }
    SECTION("and the life of the lease") {
        options.lease_ttl = 5ms;
        guarded other(store, options);
        CHECK_FALSE(other.get_or_lease("key").permit);
    }
    SECTION("a store that fails gives neither value nor lease") {
        store->failing = true;
        auto const other = holder.get_or_lease("key");
        CHECK_FALSE(other.value);
        CHECK_FALSE(other.permit);
        store->failing = false;
    }
    SECTION("a lease that could not be given back, because the store failed") {
        store->failing = true;
        held.permit = {};
        REQUIRE(holder.flush(soon()));
        store->failing = false;
        breaker_clock::advance(1h);
        auto const again = holder.get_or_lease("key"); // in nobody's hands: does not wait
        CHECK_FALSE(again.permit);
        REQUIRE(holder.flush(soon()));
        CHECK(holder.get_or_lease("key").permit);
    }
    SECTION("a lease given back is free again") {
        held = {};
        CHECK(holder.get_or_lease("key").permit);
    }
}

TEST_CASE("guarded_store: readers, writers and a store that comes and goes",
          "[guarded_store][stress]") {
    auto const store = std::make_shared<memory_store>();
    auto options = relaxed();
    options.breaker.failures = 1000000; // keep asking
    guarded tier(store, options);
    std::atomic<int> wrong = 0;
    {
        std::vector<std::jthread> users;
        users.reserve(8);
        for (unsigned t = 0; t < 4; ++t) {
            users.emplace_back([&, t] {
                auto seed = t + 1;
                for (int i = 0; i < 1000; ++i) {
                    seed = seed * 1664525U + 1013904223U;
                    auto const key = std::to_string(seed >> 28U);
                    switch (seed >> 20U & 3U) {
                    case 0:
                        tier.put(key, "value of " + key, 1h);
                        break;
                    case 1:
                        tier.erase(key);
                        break;
                    default:
                        auto const found = look(tier, key);
                        wrong += found == "-" || found == "value of " + key ? 0 : 1;
                    }
                    store->failing = (seed >> 10U & 15U) == 0;
                }
            });
        }
    }
    store->failing = false;
    CHECK(tier.flush(soon()));
    CHECK(wrong == 0);
}

} // namespace

TEST_CASE("cache_codec: a number of another size is none", "[cache]") {
    std::string bytes;
    llms::cache_codec<int>::encode(7, bytes);
    CHECK(llms::cache_codec<int>::decode(bytes) == 7);
    CHECK_FALSE(llms::cache_codec<int>::decode(bytes + "."));
}

// A store that throws what is no std::exception.
struct rude_store {
    static auto get(std::string_view /*key*/, llms::store_deadline /*deadline*/)
        -> std::optional<std::string> {
        throw 42;
    }
    static void put(std::string_view /*key*/, std::string_view /*value*/,
                    std::chrono::milliseconds /*ttl*/, llms::store_deadline /*deadline*/) {
        throw 42;
    }
    static void erase(std::string_view /*key*/, llms::store_deadline /*deadline*/) { throw 42; }
};

TEST_CASE("guarded_store: whatever a store throws is a miss", "[guarded_store]") {
    guarded tier{std::make_shared<rude_store>(), relaxed()};
    CHECK(look(tier, "k") == "-");
    CHECK(tier.stats().failures == 1);
}

} // namespace store_test
