// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/error_of.hpp"
#include "support/manual_clock.hpp"
#include "support/scripted_provider.hpp"
#include <llms/chat/limited.hpp>
#include <llms/chat/mock_provider.hpp>
#include <llms/chat/retrying.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>
#include <optional>
#include <semaphore>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

namespace limited_test {

namespace {

using namespace std::chrono_literals;
using llms::failure;
using llms::mock_answer;
using llms::mock_provider;
using support::error_of;

using clock_of_test = support::manual_clock<81>;
using manual_limiter = llms::basic_limiter<clock_of_test>;

auto ask(std::int64_t max_tokens = 0) -> llms::request {
    return {.model = "m", .messages = {llms::message::user("hi")}, .max_tokens = max_tokens};
}

// A message is ten tokens.
auto ten(llms::message const& /*m*/) -> std::size_t {
    return 10;
}

auto answers(llms::usage used) -> mock_provider {
    auto answer = mock_answer::text("a");
    answer.chunks.back().usage = used;
    return mock_provider{answer};
}

template <class Limiter>
void wait_until_waiting(Limiter const& limits, std::size_t count) {
    while (limits.waiting() != count) {
        std::this_thread::yield();
    }
}

} // namespace

TEST_CASE("limited: requests in a minute, and what was not used is saved", "[limited]") {
    auto const model = answers({5, 5});
    auto client =
        model |
        llms::limited(manual_limiter({.requests_per_minute = 60, .burst = 3s, .max_wait = 0s}));
    auto const fits = [&] {
        for (std::size_t n = 0;; ++n) {
            try {
                static_cast<void>(client.complete(ask()));
            } catch (llms::provider_error const& e) {
                CHECK(e.kind() == failure::rate_limited);
                CHECK(e.retry_after() == 1s);
                return n;
            }
        }
    };
    CHECK(fits() == 3);
    clock_of_test::advance(1s);
    CHECK(fits() == 1);
    clock_of_test::advance(2s);
    CHECK(fits() == 2);
    clock_of_test::advance(1h);
    CHECK(fits() == 3);
    CHECK(model.calls() == 9);
}

TEST_CASE("limited: one request is let through however short the burst", "[limited]") {
    auto client =
        answers({5, 5}) |
        llms::limited(manual_limiter({.requests_per_minute = 1, .burst = 0s, .max_wait = 0s}));
    CHECK_NOTHROW(client.complete(ask()));
    CHECK(error_of([&] { return client.complete(ask()); }).retry_after() == 60s);
    clock_of_test::advance(60s);
    CHECK_NOTHROW(client.complete(ask()));
}

TEST_CASE("limited: tokens are taken by the estimate and set right by the usage", "[limited]") {
    // A token a millisecond, 100 saved.
    llms::limit_options const options{
        .tokens_per_minute = 60'000, .burst = 100ms, .max_wait = 0s, .count_tokens = ten};
    bool const streamed = GENERATE(false, true);
    auto const wait_after = [&](llms::usage used) {
        auto client = answers(used) | llms::limited(manual_limiter(options));
        auto const call = [&](std::int64_t max_tokens) {
            return streamed ? client.stream(ask(max_tokens)).finish()
                            : client.complete(ask(max_tokens));
        };
        static_cast<void>(call(50));                                       // 60 by the estimate
        return error_of([&] { return call(1000); }).retry_after().value(); // needs a full bucket
    };
    CHECK(wait_after({10, 50}) == 60ms);
    CHECK(wait_after({10, 20}) == 30ms);
    CHECK(wait_after({100, 900}) == 1000ms);
    CHECK(wait_after({-5, 7}) == 7ms);
    CHECK(wait_after({std::numeric_limits<std::int64_t>::max(), 1}) > 24h * 364);
}

TEST_CASE("limited: a provider that tells no usage is taken by the estimate, a cache for free",
          "[limited]") {
    llms::limit_options const options{
        .tokens_per_minute = 60'000, .burst = 100ms, .max_wait = 0s, .count_tokens = ten};
    bool const cached = GENERATE(false, true);
    auto answer = mock_answer::text("a");
    answer.chunks.back().cached = cached;
    // A mock fills in a usage that is zero: a list of chunks does not.
    auto chunks = support::chunks_of({"a"});
    chunks.back().usage = {};
    chunks.back().cached = cached;
    auto client = support::scripted_provider({chunks}) | llms::limited(manual_limiter(options));
    static_cast<void>(client.complete(ask(50)));
    auto const needs_all = [&] {
        return client.complete(ask(1000));
    };
    if (cached) {
        CHECK_NOTHROW(needs_all());
    } else {
        CHECK(error_of(needs_all).retry_after() == 60ms);
    }
}

TEST_CASE("limited: a request larger than the bucket waits for all of it, and leaves a debt",
          "[limited]") {
    auto client =
        answers({10, 290}) |
        llms::limited(manual_limiter(
            {.tokens_per_minute = 60'000, .burst = 100ms, .max_wait = 0s, .count_tokens = ten}));
    CHECK_NOTHROW(client.complete(ask(290)));
    CHECK(error_of([&] { return client.complete(ask(0)); }).retry_after() == 210ms);
    clock_of_test::advance(210ms);
    CHECK_NOTHROW(client.complete(ask(0)));
}

TEST_CASE("limited: a stream holds its place until it has ended, failed or been dropped",
          "[limited]") {
    auto const model = support::scripted_provider({support::chunks_of({"a", "b"})});
    llms::limiter limits({.max_concurrent = 1, .max_wait = 0s});
    auto client = model | llms::limited(limits);
    auto stream = client.stream(ask());
    REQUIRE(stream.next() != nullptr);
    CHECK(limits.active() == 1);
    auto const refused = error_of([&] { return client.complete(ask()); });
    CHECK(refused.kind() == failure::rate_limited);
    CHECK_FALSE(refused.retry_after());
    CHECK(model->calls == 1);
    SECTION("ended") {
        while (stream.next() != nullptr) {}
    }
    SECTION("dropped") {
        stream.cancel();
    }
    SECTION("failed") {
        model->on_chunk = [](std::size_t, std::stop_token const&) {
            throw llms::provider_error(failure::connection, "dropped");
        };
        stream.cancel();
        CHECK_THROWS_AS(client.stream(ask()).finish(), llms::provider_error);
        model->on_chunk = nullptr;
    }
    SECTION("not opened") {
        stream.cancel();
        model->on_call = [](std::stop_token const&) {
            throw llms::provider_error(failure::connection, "dropped");
        };
        CHECK_THROWS_AS(client.stream(ask()), llms::provider_error);
        model->on_call = nullptr;
    }
    CHECK(limits.active() == 0);
    CHECK_NOTHROW(client.complete(ask()));
}

TEST_CASE("limited: first come, first served, and who gives up passes on", "[limited][threads]") {
    llms::limiter limits({.max_concurrent = 1});
    std::mutex mutex;
    std::vector<int> order;
    auto held = std::optional(limits.enter(ask(), {}));
    std::stop_source stop;
    std::atomic<int> cancelled = 0;
    {
        std::vector<std::jthread> callers;
        for (int n = 0; n < 6; ++n) {
            callers.emplace_back([&, n] {
                try {
                    // The first in the queue and one in its middle are stopped.
                    auto const mine =
                        limits.enter(ask(), n % 3 == 0 ? stop.get_token() : std::stop_token{});
                    std::lock_guard const lock(mutex);
                    order.push_back(n);
                } catch (llms::cancelled_error const&) {
                    ++cancelled;
                }
            });
            wait_until_waiting(limits, static_cast<std::size_t>(n) + 1);
        }
        stop.request_stop();
        wait_until_waiting(limits, 4);
        CHECK(limits.active() == 1);
        held.reset();
    }
    CHECK(cancelled == 2);
    CHECK(order == std::vector<int>{1, 2, 4, 5});
    CHECK(limits.active() == 0);
}

TEST_CASE("limited: who waits for the rate goes on when it is there", "[limited][threads]") {
    // One each millisecond of a clock that stands.
    manual_limiter limits({.requests_per_minute = 60'000, .burst = 0s});
    static_cast<void>(limits.enter(ask(), {}));
    std::counting_semaphore<> through(0);
    std::atomic<int> count = 0;
    std::vector<std::jthread> callers;
    for (std::size_t n = 1; n <= 3; ++n) {
        callers.emplace_back([&] {
            static_cast<void>(limits.enter(ask(), {}));
            ++count;
            through.release();
        });
        wait_until_waiting(limits, n);
    }
    for (int n = 1; n <= 3; ++n) {
        CHECK(count == n - 1);
        clock_of_test::advance(1ms);
        through.acquire();
        CHECK(count == n);
    }
}

TEST_CASE("limited: max_wait ends the wait, unsent, retrying may ask again", "[limited]") {
    auto const model = answers({5, 5});
    llms::limiter limits({.max_concurrent = 1, .max_wait = 1ms});
    auto held = std::optional(limits.enter(ask(), {}));
    int retries = 0;
    auto client = model | llms::limited(limits) | llms::retrying({.wait = [&](auto, auto const&) {
                      ++retries;
                      held.reset();
                  }});
    CHECK(client.complete(ask()).text() == "a");
    CHECK(retries == 1);
    CHECK(model.calls() == 1);
    CHECK(limits.waiting() == 0);
}

TEST_CASE("limited: several providers and copies share one limiter", "[limited]") {
    llms::limiter limits({.max_concurrent = 1, .max_wait = 0s});
    auto one = answers({5, 5}) | llms::limited(limits);
    auto copy = one;
    auto other = answers({5, 5}) | llms::limited(limits);
    auto const stream = one.stream(ask());
    CHECK(error_of([&] { return copy.complete(ask()); }).kind() == failure::rate_limited);
    CHECK(error_of([&] { return other.complete(ask()); }).kind() == failure::rate_limited);
}

TEST_CASE("limited: a limit that is no limit is refused", "[limited]") {
    CHECK_THROWS_AS(llms::limited({.requests_per_minute = -1}), llms::error);
    CHECK_THROWS_AS(llms::limited({.tokens_per_minute = std::numeric_limits<double>::quiet_NaN()}),
                    llms::error);
    CHECK_THROWS_AS(llms::limited({.burst = -1s}), llms::error);
}

TEST_CASE("limited: stress: never more at once, and nobody is forgotten", "[limited][threads]") {
    constexpr int threads = 8;
    constexpr int calls = 200;
    std::atomic<int> inside = 0;
    std::atomic<int> most = 0;
    std::atomic<int> done = 0;
    mock_provider const model{{.answer =
                                   [&](llms::request const&, std::size_t) {
                                       auto const now = ++inside;
                                       auto seen = most.load();
                                       while (seen < now &&
                                              !most.compare_exchange_weak(seen, now)) {}
                                       std::this_thread::yield();
                                       --inside;
                                       return mock_answer::text("a");
                                   },
                               .max_requests = 0}};
    llms::limiter limits(
        {.requests_per_minute = 6e6, .tokens_per_minute = 6e8, .burst = 1ms, .max_concurrent = 3});
    {
        std::vector<std::jthread> callers;
        for (int n = 0; n < threads; ++n) {
            callers.emplace_back([&, n, client = model | llms::limited(limits)]() mutable {
                for (int call = 0; call < calls; ++call) {
                    std::stop_source stop;
                    std::jthread stopper;
                    if (call % 50 == n) {
                        stopper = std::jthread([&] { stop.request_stop(); });
                    }
                    try {
                        static_cast<void>(call % 2 == 0
                                              ? client.complete(ask(), stop.get_token())
                                              : client.stream(ask(), stop.get_token()).finish());
                    } catch (llms::cancelled_error const&) {}
                    ++done;
                }
            });
        }
    }
    CHECK(done == threads * calls);
    CHECK(most <= 3);
    CHECK(most >= 1);
    CHECK(limits.active() == 0);
    CHECK(limits.waiting() == 0);
}

} // namespace limited_test
