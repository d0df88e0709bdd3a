// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/manual_clock.hpp"
#include <llms/cache/single_flight.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace single_flight_test {

namespace {

using namespace std::chrono_literals;
using flights = llms::single_flight<std::string, int>;

// Yields until `count` callers wait in `all`: the only way in which these tests wait.
template <class Flights>
void await_waiting(Flights const& all, std::size_t count) {
    while (all.stats().waiting != count) {
        std::this_thread::yield();
    }
}

TEST_CASE("single_flight: concurrent calls of a key run once and share one value",
          "[single_flight]") {
    flights all;
    std::atomic<int> runs = 0;
    std::vector<flights::result> results(8);
    {
        std::vector<std::jthread> callers;
        callers.reserve(8);
        for (auto& result : results) {
            callers.emplace_back([&] {
                result = all.run("key", [&] {
                    await_waiting(all, results.size() - 1);
                    return ++runs;
                });
            });
        }
    }
    CHECK(runs == 1);
    int led = 0;
    for (auto const& result : results) {
        CHECK(*result == 1);
        CHECK(result.value == results.front().value); // one object
        led += result.led ? 1 : 0;
    }
    CHECK(led == 1);
    auto const stats = all.stats();
    CHECK(stats.led == 1);
    CHECK(stats.shared == 7);
    CHECK(stats.in_flight == 0);
    CHECK(stats.waiting == 0);
}

TEST_CASE("single_flight: nothing is kept when the flight is over", "[single_flight]") {
    flights all;
    CHECK(*all.run("key", [] { return 1; }) == 1);
    CHECK(*all.run("key", [] { return 2; }) == 2);
    CHECK(all.stats().led == 2);
}

TEST_CASE("single_flight: keys do not wait for each other", "[single_flight]") {
    flights all;
    auto const outer = all.run("a", [&] { return *all.run("b", [] { return 1; }) + 1; });
    CHECK(*outer == 2);
}

TEST_CASE("single_flight: values need not be copyable", "[single_flight]") {
    llms::single_flight<int, std::unique_ptr<int>> all;
    CHECK(**all.run(1, [] { return std::make_unique<int>(5); }) == 5);
}

TEST_CASE("single_flight: a failure reaches all who wait and is not kept", "[single_flight]") {
    flights all;
    std::atomic<int> told = 0;
    {
        std::vector<std::jthread> callers;
        callers.reserve(8);
        for (int i = 0; i < 4; ++i) {
            callers.emplace_back([&] {
                try {
                    all.run("key", [&]() -> int {
                        await_waiting(all, 3);
                        throw std::runtime_error("provider said 500");
                    });
                } catch (std::runtime_error const& error) {
                    told += error.what() == std::string("provider said 500") ? 1 : 0;
                }
            });
        }
    }
    CHECK(told == 4);
    CHECK(all.stats().failed == 1);
    CHECK(all.stats().led == 1);
    CHECK(*all.run("key", [] { return 3; }) == 3);
}

TEST_CASE("single_flight: a cancelled leader hands over to one that waits", "[single_flight]") {
    flights all;
    std::stop_source stop;
    std::atomic<int> runs = 0;
    std::atomic<int> cancelled = 0;
    std::atomic<int> served = 0;
    std::atomic<bool> leading = false;
    std::jthread leader([&] {
        auto const make = [&]() -> int {
            leading = true;
            await_waiting(all, 3);
            stop.request_stop();
            throw std::runtime_error("connection closed"); // what a cancelled call looks like
        };
        try {
            all.run("key", make, {.stop = stop.get_token()});
        } catch (std::runtime_error const&) {
            ++cancelled;
        }
    });
    while (!leading) {
        std::this_thread::yield();
    }
    {
        std::vector<std::jthread> followers;
        followers.reserve(8);
        for (int i = 0; i < 3; ++i) {
            followers.emplace_back([&] {
                auto const result = all.run("key", [&] {
                    await_waiting(all, 2);
                    return 40 + ++runs;
                });
                served += *result == 41 ? 1 : 0;
            });
        }
    }
    leader.join();
    CHECK(cancelled == 1);
    CHECK(served == 3);
    CHECK(runs == 1);
    auto const stats = all.stats();
    CHECK(stats.led == 2);
    CHECK(stats.handed_over == 1);
    CHECK(stats.shared == 2);
    CHECK(stats.failed == 0);
    CHECK(stats.in_flight == 0);
}

TEST_CASE("single_flight: a cancelled leader that nobody waits for leaves nothing behind",
          "[single_flight]") {
    flights all;
    auto const cancel = []() -> int {
        throw llms::cancelled_error("given up");
    };
    CHECK_THROWS_AS(all.run("key", cancel), llms::cancelled_error);
    CHECK(all.stats().in_flight == 0);
    CHECK(all.stats().handed_over == 1);
    CHECK(*all.run("key", [] { return 1; }) == 1);
}

TEST_CASE("single_flight: a leader out of its own time hands over too", "[single_flight]") {
    flights all;
    auto const late = []() -> int {
        throw std::runtime_error("took too long");
    };
    CHECK_THROWS_AS(all.run("key", late, {.deadline = std::chrono::steady_clock::now()}),
                    std::runtime_error);
    CHECK(all.stats().handed_over == 1);
    CHECK(all.stats().failed == 0);
}

TEST_CASE("single_flight: a caller that waits keeps its own stop_token and deadline",
          "[single_flight]") {
    flights all;
    std::stop_source stop;
    std::atomic<bool> leading = false;
    std::atomic<bool> release = false;
    std::jthread leader([&] {
        auto const result = all.run("key", [&] {
            leading = true;
            while (!release) {
                std::this_thread::yield();
            }
            return 1;
        });
        REQUIRE(*result == 1);
    });
    while (!leading) {
        std::this_thread::yield();
    }
    auto const never = []() -> int {
        throw std::logic_error("must not run");
    };
    SECTION("a deadline that has come") {
        CHECK_THROWS_AS(all.run("key", never, {.deadline = std::chrono::steady_clock::now()}),
                        llms::timeout_error);
    }
    SECTION("a deadline that comes while it waits") {
        CHECK_THROWS_AS(all.run("key", never, {.deadline = std::chrono::steady_clock::now() + 5ms}),
                        llms::timeout_error);
    }
    SECTION("a stop before") {
        stop.request_stop();
        CHECK_THROWS_AS(all.run("key", never, {.stop = stop.get_token()}), llms::cancelled_error);
    }
    SECTION("a stop while it waits") {
        std::jthread const stopper([&] {
            await_waiting(all, 1);
            stop.request_stop();
        });
        CHECK_THROWS_AS(all.run("key", never, {.stop = stop.get_token()}), llms::cancelled_error);
    }
    CHECK(all.stats().gave_up == 1);
    release = true;
}

TEST_CASE("single_flight: a function that asks for its own key is told so", "[single_flight]") {
    flights all;
    auto const again = [&] {
        return *all.run("key", [] { return 1; });
    };
    CHECK_THROWS_AS(all.run("key", again), llms::error);
    CHECK(all.stats().in_flight == 0);
}

TEST_CASE("single_flight: failures are remembered for the time asked for, and bounded",
          "[single_flight]") {
    using clock = support::manual_clock<>;
    using timed = llms::single_flight<int, int, std::hash<int>, clock>;
    timed all({.remember_failures = 10s, .max_failures = 2});
    int runs = 0;
    auto const fail = [&]() -> int {
        throw std::runtime_error(std::to_string(++runs));
    };
    CHECK_THROWS_WITH(all.run(1, fail), "1");
    clock::advance(9s);
    CHECK_THROWS_WITH(all.run(1, fail), "1");
    CHECK_THROWS_WITH(all.run(2, fail), "2");
    CHECK_THROWS_WITH(all.run(3, fail), "3");
    CHECK_THROWS_WITH(all.run(3, fail), "4"); // there was no room for it
    CHECK(all.stats().remembered == 1);
    clock::advance(1s);
    CHECK_THROWS_WITH(all.run(1, fail), "5");
    CHECK_THROWS_AS(all.run(4, []() -> int { throw llms::cancelled_error("mine"); }),
                    llms::cancelled_error);
    CHECK(*all.run(4, [] { return 1; }) == 1); // a cancelled leader is no failure
}

TEST_CASE("single_flight: random stops and failures under load: one run at a time, right values",
          "[single_flight][stress]") {
    llms::single_flight<int, int> all;
    std::atomic<int> inside[4] = {};
    std::atomic<int> wrong = 0;
    std::atomic<int> values = 0;
    std::atomic<int> others = 0;
    {
        std::vector<std::jthread> callers;
        callers.reserve(8);
        for (unsigned t = 0; t < 8; ++t) {
            callers.emplace_back([&, t] {
                auto seed = t * 2654435761U + 1;
                for (int round = 0; round < 1000; ++round) {
                    seed = seed * 1664525U + 1013904223U;
                    auto const key = static_cast<int>(seed >> 30U);
                    auto const fate = seed >> 24U & 7U;
                    std::stop_source stop;
                    auto const make = [&]() -> int {
                        wrong += inside[key].fetch_add(1) == 0 ? 0 : 1; // nobody else of this key
                        std::this_thread::yield();
                        --inside[key];
                        if (fate == 0) {
                            stop.request_stop();
                            throw llms::cancelled_error("cancelled");
                        }
                        if (fate == 1) {
                            throw std::runtime_error("failed");
                        }
                        return key;
                    };
                    if (fate == 2) {
                        stop.request_stop();
                    }
                    try {
                        wrong += *all.run(key, make, {.stop = stop.get_token()}) == key ? 0 : 1;
                        ++values;
                    } catch (std::runtime_error const&) {
                        ++others;
                    }
                }
            });
        }
    }
    CHECK(wrong == 0);
    CHECK(values + others == 8000);
    CHECK(values > 4000);
    auto const stats = all.stats();
    CHECK(stats.led + stats.shared + stats.gave_up == 8000);
    CHECK(stats.in_flight == 0);
    CHECK(stats.waiting == 0);
}

} // namespace

} // namespace single_flight_test
