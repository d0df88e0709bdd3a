// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/error_of.hpp"
#include <llms/chat/hedged.hpp>
#include <llms/chat/mock_provider.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <latch>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace hedged_test {

namespace {

using namespace std::chrono_literals;
using llms::failure;
using llms::mock_answer;
using llms::mock_provider;
using support::error_of;

auto ask() -> llms::request {
    return {.model = "m", .messages = {llms::message::user("hi")}};
}

auto stalled() -> mock_answer {
    return mock_answer::text("late").paced(100h, 0s);
}

// Until so many calls have come to the provider: a thread may be slow to begin.
void await_calls(mock_provider const& inner, std::size_t calls) {
    while (inner.calls() < calls) {
        std::this_thread::yield();
    }
}

template <class Client>
auto answer_of(Client& client, bool streamed) -> llms::response {
    return streamed ? client.stream(ask()).finish() : client.complete(ask());
}

} // namespace

TEST_CASE("hedged: an answer in time is not asked for again", "[hedged]") {
    mock_provider const inner(mock_answer::text("one two"));
    bool const streamed = GENERATE(false, true);
    auto client = inner | llms::hedged({.after = 100h});
    CHECK(answer_of(client, streamed).text() == "one two");
    CHECK(inner.calls() == 1);
    CHECK(client.stats().calls == 1);
    CHECK(client.stats().hedges == 0);
    CHECK(client.name() == "mock");
}

TEST_CASE("hedged: the first answer wins, and the others are stopped", "[hedged][threads]") {
    bool const streamed = GENERATE(false, true);
    std::size_t const most = GENERATE(2U, 4U);
    mock_provider const inner{{.answer = [most](llms::request const&, std::size_t n) {
        return n + 1 < most ? stalled() : mock_answer::text("quick");
    }}};
    std::vector<std::size_t> hedges;
    {
        auto client =
            inner |
            llms::hedged({.after = 1ms, .max_calls = most, .on_hedge = [&](std::size_t number) {
                              hedges.push_back(number);
                              await_calls(inner, number);
                          }});
        CHECK(answer_of(client, streamed).text() == "quick");
        CHECK(inner.calls() == most);
        CHECK(client.stats().hedges == most - 1);
        CHECK(client.stats().won == 1);
    } // ends only because the stalled calls were stopped
    CHECK(hedges.size() == most - 1);
    CHECK(hedges.back() == most - 1);
    CHECK(inner.abandoned() == (streamed ? most - 1 : 0));
}

TEST_CASE("hedged: an error of one does not end the other", "[hedged][threads]") {
    bool const streamed = GENERATE(false, true);
    std::latch failed(1);
    mock_provider const inner{
        {.answers = {mock_answer::text("good").paced(1ns, 0s), mock_answer::fails(failure::server)},
         .wait = [&](std::chrono::nanoseconds, std::stop_token const&) {
             failed.wait();
         }}};
    auto client = inner | llms::hedged({.after = 1ms, .on_hedge = [&](std::size_t number) {
                                            await_calls(inner, number);
                                        }});
    std::jthread const watcher([&] {
        await_calls(inner, 2);
        failed.count_down();
    });
    CHECK(answer_of(client, streamed).text() == "good");
    CHECK(client.stats().won == 0);
}

TEST_CASE("hedged: a call that fails before a second has begun is the caller's", "[hedged]") {
    bool const streamed = GENERATE(false, true);
    mock_provider const inner(mock_answer::fails(failure::rate_limited));
    auto client = inner | llms::hedged({.after = 100h});
    CHECK(error_of([&] { return answer_of(client, streamed); }).kind() == failure::rate_limited);
    CHECK(inner.calls() == 1);
}

TEST_CASE("hedged: when all fail it is with the first error", "[hedged][threads]") {
    bool const streamed = GENERATE(false, true);
    mock_provider inner{
        {.answers = {mock_answer::text("x").paced(1ns, 0s).failing_after(1, failure::connection),
                     mock_answer::fails(failure::server)},
         .wait = [&](std::chrono::nanoseconds, std::stop_token const&) {
             // Until the second call has been made, too.
             await_calls(inner, 2);
             throw llms::provider_error(failure::timeout, "late");
         }}};
    auto client = inner | llms::hedged({.after = 1ms, .max_calls = 2});
    auto const kind = error_of([&] { return answer_of(client, streamed); }).kind();
    CHECK((kind == failure::timeout || kind == failure::server)); // whichever was first
    CHECK(inner.calls() == 2);
}

TEST_CASE("hedged: a stream that has begun is not asked for again, and may be left",
          "[hedged][threads]") {
    mock_provider const inner(mock_answer::pieces({"a", "b"}).paced(0s, 100h));
    {
        auto client = inner | llms::hedged({.after = 100h});
        auto stream = client.stream(ask());
        CHECK(stream.next()->text == "a");
        std::stop_source mine;
        SECTION("by its consumer") {
            stream.cancel();
        }
        SECTION("by a stop of one wait") {
            mine.request_stop();
            CHECK_THROWS_AS(stream.next(mine.get_token()), llms::cancelled_error);
        }
    }
    CHECK(inner.calls() == 1);
    CHECK(inner.abandoned() == 1);
}

TEST_CASE("hedged: a caller who is stopped stops all calls", "[hedged][threads]") {
    mock_provider const inner(stalled());
    std::stop_source mine;
    {
        auto client = inner | llms::hedged({.after = 0s, .max_calls = 3});
        std::jthread const stopper([&] {
            await_calls(inner, 3);
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
    CHECK(inner.calls() == 3);
    auto client = inner | llms::hedged({.after = 0s});
    CHECK_THROWS_AS(client.complete(ask(), mine.get_token()), llms::cancelled_error);
    CHECK_THROWS_AS(client.stream(ask(), mine.get_token()), llms::cancelled_error);
    CHECK(inner.calls() == 3);
}

TEST_CASE("hedged: the token of a stream stops the call that has won", "[hedged][threads]") {
    mock_provider const inner(stalled(), mock_answer::pieces({"a", "b"}).paced(0s, 100h));
    auto client = inner | llms::hedged({.after = 1ms});
    std::stop_source mine;
    auto stream = client.stream(ask(), mine.get_token());
    REQUIRE(stream.next() != nullptr);
    mine.request_stop();
    CHECK_THROWS_AS(stream.next(), llms::cancelled_error);
}

TEST_CASE("hedged: a stream outlives the client", "[hedged][threads]") {
    mock_provider const inner(stalled(), mock_answer::text("quick"));
    auto stream = [&] {
        auto client = inner | llms::hedged({.after = 1ms});
        return client.stream(ask());
    }();
    CHECK(std::move(stream).finish().text() == "quick");
}

TEST_CASE("hedged: many callers, calls and ends", "[hedged][threads]") {
    constexpr std::size_t rounds = 60;
    mock_provider const inner{{.answer =
                                   [](llms::request const&, std::size_t n) {
                                       auto answer = mock_answer::pieces({"a", "b"});
                                       return n % 5 == 0   ? mock_answer::fails(failure::server)
                                              : n % 3 == 0 ? std::move(answer).paced(300us, 0s)
                                                           : std::move(answer);
                                   },
                               .max_requests = 0}};
    std::atomic<std::size_t> answered{0};
    std::atomic<std::size_t> other{0};
    std::atomic<std::size_t> wrong{0};
    {
        auto client = inner | llms::hedged({.after = 100us, .max_calls = 3});
        std::vector<std::jthread> threads;
        for (std::size_t t = 0; t < 4; ++t) {
            threads.emplace_back([&, t] {
                for (std::size_t i = 0; i < rounds; ++i) {
                    try {
                        if ((i + t) % 3 == 0) {
                            auto stream = client.stream(ask()); // and is left, begun or not
                            if (i % 2 == 0) {
                                static_cast<void>(stream.next());
                            }
                            ++other;
                            continue;
                        }
                        auto const answer = answer_of(client, (i + t) % 3 == 1);
                        wrong += answer.text() == "ab" ? 0U : 1U;
                        ++answered;
                    } catch (llms::provider_error const& e) {
                        wrong += e.kind() == failure::server ? 0U : 1U;
                        ++other;
                    }
                }
            });
        }
    }
    CHECK(answered + other == 4 * rounds);
    CHECK(answered > 0);
    CHECK(wrong == 0);
}

} // namespace hedged_test
