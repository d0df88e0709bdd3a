// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include <llms/cache/stream_flight.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace stream_flight_test {

namespace {

using flights = llms::stream_flight<std::string, std::string>;

// Starts a stream whose writer the test keeps.
auto start(flights& all, std::optional<flights::writer>& writer, std::string const& key = "key")
    -> flights::reader {
    return all.join(key, [&](flights::writer given) { writer = std::move(given); });
}

auto join(flights& all, std::string const& key = "key") -> flights::reader {
    return all.join(key, [](flights::writer const&) { FAIL("launched a second time"); });
}

auto rest(flights::reader& reader) -> std::string {
    std::string all;
    while (auto const* chunk = reader.next()) {
        all += *chunk;
    }
    return all;
}

TEST_CASE("stream_flight: readers get every chunk from the first, whenever they joined",
          "[stream_flight]") {
    flights all;
    std::optional<flights::writer> writer;
    auto first = start(all, writer);
    REQUIRE(writer->push("a"));
    CHECK(*first.next() == "a");
    auto late = join(all);
    for (int i = 0; i < 100; ++i) { // several blocks
        REQUIRE(writer->push(std::to_string(i) + ","));
    }
    auto later = join(all);
    CHECK(first.led());
    CHECK_FALSE(late.led());
    CHECK(*later.next() == "a");
    CHECK(all.stats().in_flight == 1);
    writer->close();
    auto const expected = rest(first);
    CHECK(rest(late) == "a" + expected);
    CHECK(rest(later) == expected);
    CHECK(first.next() == nullptr);
    auto const stats = all.stats();
    CHECK(stats.launched == 1);
    CHECK(stats.shared == 2);
    CHECK(stats.in_flight == 0);
    CHECK(stats.abandoned == 0);
}

TEST_CASE("stream_flight: nobody joins a sealed stream, its readers get its end",
          "[stream_flight]") {
    flights all;
    std::optional<flights::writer> writer;
    auto reader = start(all, writer);
    REQUIRE(writer->push("a"));
    writer->seal();
    CHECK(all.stats().in_flight == 0);
    std::optional<flights::writer> next_writer;
    auto next = start(all, next_writer);
    REQUIRE(writer->push("b"));
    writer->close();
    CHECK(rest(reader) == "ab");
    REQUIRE(next_writer->push("c"));
    CHECK(all.stats().in_flight == 1); // the end of the old one has not touched it
    next_writer->close();
    CHECK(rest(next) == "c");
}

TEST_CASE("stream_flight: chunks are shared, not copied", "[stream_flight]") {
    llms::stream_flight<int, std::unique_ptr<int>> all;
    std::optional<decltype(all)::writer> writer;
    auto one = all.join(1, [&](auto given) { writer = std::move(given); });
    auto other = all.join(1, [](auto const&) {});
    REQUIRE(writer->push(std::make_unique<int>(7)));
    CHECK(one.next() == other.next());
}

TEST_CASE("stream_flight: a leader that leaves does not end the stream", "[stream_flight]") {
    flights all;
    std::optional<flights::writer> writer;
    std::optional<flights::reader> leader = start(all, writer);
    auto follower = join(all);
    leader.reset();
    CHECK_FALSE(writer->abandoned().stop_requested());
    CHECK(writer->push("more"));
    writer->close();
    CHECK(rest(follower) == "more");
}

TEST_CASE("stream_flight: when the last reader leaves, the producer is told", "[stream_flight]") {
    flights all;
    std::optional<flights::writer> writer;
    std::optional<flights::reader> leader = start(all, writer);
    std::optional<flights::reader> follower = join(all);
    int cancelled = 0;
    std::stop_callback const cancel(writer->abandoned(), [&] { ++cancelled; });
    leader.reset();
    CHECK(cancelled == 0);
    follower.reset();
    CHECK(cancelled == 1);
    CHECK_FALSE(writer->push("nobody reads this"));
    CHECK(all.stats().abandoned == 1);

    std::optional<flights::writer> second; // the key is free at once
    auto reader = start(all, second);
    CHECK(reader.led());
    second->close();
    CHECK(reader.next() == nullptr);
}

TEST_CASE("stream_flight: a failure reaches every reader after the chunks", "[stream_flight]") {
    flights all;
    std::optional<flights::writer> writer;
    auto one = start(all, writer);
    auto other = join(all);
    REQUIRE(writer->push("half"));
    SECTION("closed with an exception") {
        writer->close(std::make_exception_ptr(std::runtime_error("provider said 500")));
        for (auto* reader : {&one, &other}) {
            CHECK(*reader->next() == "half");
            CHECK_THROWS_WITH(reader->next(), "provider said 500");
        }
    }
    SECTION("not closed at all") {
        writer.reset();
        for (auto* reader : {&one, &other}) {
            CHECK(*reader->next() == "half");
            CHECK_THROWS_AS(reader->next(), llms::stream_broken_error);
        }
    }
    CHECK(all.stats().failed == 1);
    CHECK(all.stats().in_flight == 0);
}

TEST_CASE("stream_flight: a launch that throws fails the stream with its exception",
          "[stream_flight]") {
    flights all;
    std::optional<flights::reader> follower;
    auto const launch = [&](flights::writer) {
        follower = join(all); // joins before the launch fails
        throw std::runtime_error("no connection");
    };
    CHECK_THROWS_WITH(all.join("key", launch), "no connection");
    CHECK_THROWS_WITH(follower->next(), "no connection");
}

TEST_CASE("stream_flight: a writer dropped inside launch breaks the stream", "[stream_flight]") {
    flights all;
    auto reader = all.join("key", [](flights::writer) {});
    CHECK_THROWS_AS(reader.next(), llms::stream_broken_error);
}

TEST_CASE("stream_flight: a reader's stop_token and deadline end its wait, not its reading",
          "[stream_flight]") {
    flights all;
    std::optional<flights::writer> writer;
    auto reader = start(all, writer);
    std::stop_source stopped;
    stopped.request_stop();
    CHECK_THROWS_AS(reader.next({.stop = stopped.get_token()}), llms::cancelled_error);
    CHECK_THROWS_AS(reader.next({.deadline = std::chrono::steady_clock::now()}),
                    llms::timeout_error);
    REQUIRE(writer->push("x"));
    CHECK(*reader.next({.stop = stopped.get_token()}) == "x"); // it is there: no need to wait
}

TEST_CASE("stream_flight: what a stream keeps is bounded", "[stream_flight]") {
    struct counted {
        explicit counted(std::atomic<int>& n) : live(&n) { ++*live; }
        counted(counted&& other) noexcept : live(other.live) { ++*live; }
        counted(counted const&) = delete;
        auto operator=(counted const&) -> counted& = delete;
        ~counted() { --*live; }
        std::atomic<int>* live;
    };
    struct kilobyte {
        auto operator()(counted const& /*chunk*/) const -> std::size_t { return 1024; }
    };
    using streams =
        llms::stream_flight<int, counted, std::hash<int>, kilobyte, std::chrono::steady_clock>;
    std::atomic<int> live = 0;
    {
        streams all({.max_buffered_bytes = std::size_t{100} * 1024});
        std::optional<streams::writer> writer;
        auto quick = all.join(1, [&](auto given) { writer = std::move(given); });
        auto slow = all.join(1, [](auto const&) {});
        REQUIRE(writer->push(counted(live)));
        auto const* const pinned = slow.next();
        int most = 0;
        for (int i = 1; i < 1000; ++i) {
            REQUIRE(quick.next() != nullptr);
            REQUIRE(writer->push(counted(live)));
            most = std::max(most, live.load());
        }
        CHECK(most <= 100 + 13 + 1);  // and the slow reader's block, a twelfth of the bound
        CHECK(pinned->live == &live); // still there
        CHECK(all.stats().overruns == 1);
        CHECK(all.stats().in_flight == 0);
        auto fresh = all.join(1, [&](auto given) { given.close(); });
        CHECK(fresh.led()); // the first chunks are gone, so a new stream was launched
        CHECK_THROWS_AS(
            [&] {
                while (slow.next() != nullptr) {}
            }(),
            llms::stream_overrun_error);
        writer->close();
        CHECK(quick.next() != nullptr);
        CHECK(quick.next() == nullptr);
    }
    CHECK(live == 0);
}

TEST_CASE("stream_flight: who comes while the first chunks are dropped starts a stream anew",
          "[stream_flight][threads]") {
    struct noted_key { // all are equal
        std::atomic<bool>* hashed = nullptr;
        auto operator==(noted_key const& /*other*/) const -> bool { return true; }
    };
    struct hash {
        auto operator()(noted_key const& key) const -> std::size_t {
            if (key.hashed != nullptr) {
                *key.hashed = true;
                key.hashed->notify_one();
            }
            return 0;
        }
    };
    using streams = llms::stream_flight<noted_key, std::shared_ptr<void>, hash>;
    streams all({.max_buffered_bytes = 1}); // one chunk
    std::optional<streams::writer> old;
    std::optional<streams::writer> fresh;
    auto slow = all.join({}, [&](auto given) { old = std::move(given); });
    std::optional<streams::reader> late;
    std::jthread comer;
    std::atomic<bool> searching = false;
    auto const come = [&](void* /*chunk*/) { // as the first chunk goes
        comer = std::jthread(
            [&] { late = all.join({&searching}, [&](auto given) { fresh = std::move(given); }); });
        searching.wait(false); // it looks for the stream, and finds it as it is after this
    };
    REQUIRE(old->push(std::shared_ptr<void>(&all, come)));
    REQUIRE(old->push(nullptr));
    comer.join();
    CHECK(late->led());
    CHECK(all.stats().launched == 2);
    CHECK(all.stats().overruns == 1);
    CHECK(all.stats().in_flight == 1);
    CHECK_THROWS_AS(slow.next(), llms::stream_overrun_error);

    old->close(); // does not end the new one
    auto second = all.join({}, [](auto const&) { FAIL("launched a third time"); });
    REQUIRE(fresh->push(nullptr));
    fresh->close();
    for (auto* const reader : {&*late, &second}) {
        CHECK(reader->next() != nullptr);
        CHECK(reader->next() == nullptr);
    }
}

TEST_CASE("stream_flight: many threads read one stream whole, and another key is another stream",
          "[stream_flight][stress]") {
    flights all;
    std::string expected;
    for (int i = 0; i < 2000; ++i) {
        expected += std::to_string(i) + ' ';
    }
    std::atomic<int> launches = 0;
    std::atomic<int> right = 0;
    std::array<std::optional<std::jthread>, 2> producer_of; // each is set by one launch
    {
        std::vector<std::jthread> readers;
        readers.reserve(8);
        for (std::size_t t = 0; t < 8; ++t) {
            readers.emplace_back([&, t] {
                auto const key = t % 2;
                auto reader = all.join(std::to_string(key), [&](flights::writer writer) {
                    ++launches;
                    producer_of[key].emplace([&all, out = std::move(writer)]() mutable {
                        while (all.stats().shared < 6) { // all have joined
                            std::this_thread::yield();
                        }
                        for (int i = 0; i < 2000; ++i) {
                            out.push(std::to_string(i) + ' ');
                        }
                        out.close();
                    });
                });
                right += rest(reader) == expected ? 1 : 0;
            });
        }
    }
    CHECK(launches == 2);
    CHECK(right == 8);
}

TEST_CASE("stream_flight: readers that come and go at random never break a stream",
          "[stream_flight][stress]") {
    flights all;
    std::atomic<int> bad = 0;
    std::atomic<int> ended = 0;
    std::atomic<int> producing = 0;
    {
        std::vector<std::jthread> readers;
        readers.reserve(8);
        for (unsigned t = 0; t < 6; ++t) {
            readers.emplace_back([&, t] {
                auto seed = t * 2654435761U + 1;
                for (int round = 0; round < 100; ++round) {
                    auto reader = all.join("key", [&producing](flights::writer writer) {
                        ++producing;
                        std::thread([&producing, out = std::move(writer)]() mutable {
                            for (int i = 0; i < 100 && out.push(std::to_string(i)); ++i) {}
                            out.close();
                            --producing;
                        }).detach();
                    });
                    seed = seed * 1664525U + 1013904223U;
                    auto const stay = static_cast<int>(seed >> 24U);
                    int seen = 0;
                    while (seen < stay) {
                        auto const* const chunk = reader.next();
                        if (chunk == nullptr) {
                            ++ended;
                            bad += seen == 100 ? 0 : 1;
                            break;
                        }
                        bad += *chunk == std::to_string(seen++) ? 0 : 1;
                    }
                }
            });
        }
    }
    while (producing > 0) {
        std::this_thread::yield();
    }
    CHECK(bad == 0);
    CHECK(ended > 0);
    CHECK(all.stats().failed == 0);
}

} // namespace

} // namespace stream_flight_test
