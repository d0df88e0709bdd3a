// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/error_of.hpp"
#include "support/scripted_provider.hpp"
#include <llms/chat/mock_provider.hpp>
#include <llms/chat/retrying.hpp>
#include <llms/chat/timeout.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <semaphore>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace timeout_test {

namespace {

using namespace std::chrono_literals;
using llms::failure;
using llms::mock_answer;
using llms::mock_provider;
using support::error_of;

auto ask() -> llms::request {
    return {.model = "m", .messages = {llms::message::user("hi")}};
}

// A provider that never comes to an end of such a pause by itself.
auto stalling(std::chrono::nanoseconds first, std::chrono::nanoseconds between) -> mock_provider {
    return mock_provider(mock_answer::pieces({"a", "b"}).paced(first, between));
}

auto names(llms::provider_error const& e, std::string const& limit) -> bool {
    return e.kind() == failure::timeout && e.retryable() &&
           std::string(e.what()).find('"' + limit + '"') != std::string::npos;
}

} // namespace

TEST_CASE("timeout: calls within their limits are as without", "[timeout]") {
    mock_provider const inner(mock_answer::text("one two"));
    auto const limit = GENERATE(std::chrono::nanoseconds(1h), llms::timeout_limits::none);
    auto client = inner | llms::timeout({.total = limit, .first_chunk = limit, .idle = limit});
    CHECK(client.complete(ask()).text() == "one two");
    CHECK(client.stream(ask()).finish().text() == "one two");
    CHECK(client.name() == "mock");
}

TEST_CASE("timeout: the total ends whole answers and streams", "[timeout][threads]") {
    auto const inner = stalling(100h, 0s);
    auto client = inner | llms::timeout({.total = 1ms});
    CHECK(names(error_of([&] { return client.complete(ask()); }), "total"));
    CHECK(names(error_of([&] { return client.stream(ask()).finish(); }), "total"));
    CHECK(inner.calls() == 2);
}

TEST_CASE("timeout: the total ends a stream that does give chunks", "[timeout][threads]") {
    mock_provider const inner{
        {.answers = {mock_answer::pieces(std::vector<std::string>(100'000, "a")).paced(1ms, 1ms)}}};
    auto client = inner | llms::timeout({.total = 20ms, .first_chunk = 1h, .idle = 1h});
    CHECK(names(error_of([&] { return client.stream(ask()).finish(); }), "total"));
}

TEST_CASE("timeout: the total goes on while a stream's consumer is away", "[timeout][threads]") {
    support::scripted_provider inner({support::chunks_of({"a", "b"})});
    std::stop_token of_call;
    inner->on_call = [&](std::stop_token const& stop) {
        of_call = stop;
    };
    inner->on_chunk = [&](std::size_t, std::stop_token const&) {
        llms::detail::throw_if_stopped(of_call);
    };
    auto const idle = GENERATE(llms::timeout_limits::none, std::chrono::nanoseconds(1h));
    auto client = inner | llms::timeout({.total = 1ms, .idle = idle});
    auto stream = client.stream(ask());
    while (!of_call.stop_requested()) {
        std::this_thread::yield();
    }
    CHECK(names(error_of([&] { return stream.next(); }), "total"));
}

TEST_CASE("timeout: the first chunk, and the pause between two", "[timeout][threads]") {
    auto const late = stalling(100h, 0s);
    auto client = late | llms::timeout({.first_chunk = 1ms, .idle = 1h});
    CHECK(names(error_of([&] { return client.stream(ask()).finish(); }), "first_chunk"));

    auto const stuck = stalling(0s, 100h);
    auto other = stuck | llms::timeout({.total = 50h, .first_chunk = 1h, .idle = 1ms});
    auto stream = other.stream(ask());
    CHECK(stream.next()->text == "a");
    CHECK(names(error_of([&] { return stream.next(); }), "idle"));
    CHECK(stream.next() == nullptr);
    CHECK(stuck.abandoned() == 1);
}

TEST_CASE("timeout: the first chunk is waited for from the call on", "[timeout][threads]") {
    support::scripted_provider inner({support::chunks_of({"a"})});
    inner->on_call = [](std::stop_token const& stop) { // as where the headers do not come
        std::binary_semaphore stopped(0);
        std::stop_callback const wake(stop, [&] { stopped.release(); });
        stopped.acquire();
        throw llms::cancelled_error("stopped");
    };
    auto client = inner | llms::timeout({.first_chunk = 1ms});
    CHECK(names(error_of([&] { return client.stream(ask()); }), "first_chunk"));
}

TEST_CASE("timeout: the time that a consumer takes is not idle time", "[timeout][threads]") {
    auto const inner = stalling(0s, 0s);
    auto client = inner | llms::timeout({.first_chunk = 500ms, .idle = 500ms});
    auto stream = client.stream(ask());
    REQUIRE(stream.next() != nullptr);
    std::this_thread::sleep_for(600ms);
    CHECK(std::move(stream).finish().text() == "ab");
}

TEST_CASE("timeout: a caller who is stopped is cancelled, not out of time", "[timeout][threads]") {
    auto const inner = stalling(100h, 0s);
    auto client = inner | llms::timeout({.total = 1h, .first_chunk = 1h, .idle = 1h});
    std::stop_source mine;
    std::jthread const stopper([&] {
        while (inner.calls() < 1) {
            std::this_thread::yield();
        }
        mine.request_stop();
    });
    SECTION("a whole answer") {
        CHECK_THROWS_AS(client.complete(ask(), mine.get_token()), llms::cancelled_error);
    }
    SECTION("a stream") {
        CHECK_THROWS_AS(client.stream(ask(), mine.get_token()).finish(), llms::cancelled_error);
    }
    SECTION("one wait of a stream") {
        CHECK_THROWS_AS(client.stream(ask()).finish(mine.get_token()), llms::cancelled_error);
    }
}

TEST_CASE("timeout: an error of the provider's is thrown as it is", "[timeout]") {
    mock_provider const inner(mock_answer::fails(failure::server));
    auto client = inner | llms::timeout({.total = 1h, .first_chunk = 1h});
    CHECK(error_of([&] { return client.complete(ask()); }).kind() == failure::server);
    CHECK(error_of([&] { return client.stream(ask()); }).kind() == failure::server);
}

TEST_CASE("timeout: an attempt that is over its time is tried again", "[timeout][threads]") {
    mock_provider const inner(mock_answer::text("slow").paced(100h, 0s),
                              mock_answer::text("quick"));
    auto client = inner | llms::timeout({.total = 100ms}) |
                  llms::retrying({.max_attempts = 9,
                                  .budget = 9,
                                  .wait = [](std::chrono::milliseconds, std::stop_token const&) {
                                  }});
    CHECK(client.complete(ask()).text() == "quick");
    CHECK(inner.calls() >= 2);
}

TEST_CASE("timeout: a stream outlives the client, and its limits with it", "[timeout][threads]") {
    auto stream = [] {
        auto client = stalling(0s, 100h) | llms::timeout({.idle = 1ms});
        return client.stream(ask());
    }();
    REQUIRE(stream.next() != nullptr);
    CHECK(names(error_of([&] { return stream.next(); }), "idle"));
}

TEST_CASE("timeout: many calls, some over their limits", "[timeout][threads]") {
    constexpr std::size_t rounds = 100;
    mock_provider const inner{
        {.answer =
             [](llms::request const&, std::size_t n) {
                 auto const slow = n % 3 == 0;
                 return mock_answer::pieces({"a", "b", "c"})
                     .paced(slow ? 100h : 0h, n % 7 == 0 ? std::chrono::nanoseconds(100h) : 300us);
             },
         .max_requests = 0}};
    std::atomic<std::size_t> answered{0};
    std::atomic<std::size_t> late{0};
    std::atomic<std::size_t> cancelled{0};
    std::atomic<std::size_t> wrong{0};
    {
        auto client = inner | llms::timeout({.total = 3ms, .first_chunk = 2ms, .idle = 1ms});
        std::vector<std::jthread> threads;
        for (std::size_t t = 0; t < 4; ++t) {
            threads.emplace_back([&, t] {
                for (std::size_t i = 0; i < rounds; ++i) {
                    std::stop_source mine;
                    try {
                        if (i % 5 == 0) {
                            mine.request_stop();
                        }
                        auto const answer = (i + t) % 2 == 0
                                                ? client.complete(ask(), mine.get_token())
                                                : client.stream(ask(), mine.get_token()).finish();
                        wrong += answer.text() == "abc" ? 0U : 1U;
                        ++answered;
                    } catch (llms::provider_error const& e) {
                        wrong += e.kind() == failure::timeout ? 0U : 1U;
                        ++late;
                    } catch (llms::cancelled_error const&) {
                        ++cancelled;
                    }
                }
            });
        }
    }
    CHECK(answered + late + cancelled == 4 * rounds);
    CHECK(cancelled == 4 * rounds / 5);
    CHECK(late >= 4 * rounds / 3 - cancelled); // the stalled ones that were not cancelled, at least
    CHECK(wrong == 0);
}

} // namespace timeout_test
