// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include <llms/chat/middleware.hpp>
#include <llms/chat/mock_provider.hpp>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <set>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace mock_provider_test {

namespace {

using namespace std::chrono_literals;
using llms::failure;
using llms::mock_answer;
using llms::mock_provider;

static_assert(llms::provider<mock_provider>);

auto ask(std::string text = "How many fjords?") -> llms::request {
    return {.model = "m", .messages = {llms::message::user(std::move(text))}};
}

auto texts_of(llms::response_stream stream) -> std::vector<std::string> {
    std::vector<std::string> texts;
    for (auto const& piece : stream) {
        texts.push_back(piece.text);
    }
    return texts;
}

/// A wait that takes no time and remembers.
struct waits {
    std::vector<std::chrono::nanoseconds> all;
    auto function() {
        return [this](std::chrono::nanoseconds time, std::stop_token const&) {
            all.push_back(time);
        };
    }
};

} // namespace

TEST_CASE("mock_provider: gives its answers in turn, whole or streamed", "[mock]") {
    mock_provider model{mock_answer::pieces({"a", "b"}), mock_answer::text("one two  three")};
    auto const first = model.complete(ask());
    CHECK(first.text() == "ab");
    CHECK(first.finish == llms::finish_reason::stop);
    CHECK(texts_of(model.stream(ask())) ==
          std::vector<std::string>{"one", " two", " ", " three", ""});
    CHECK(model.complete(ask()).text() == "one two  three"); // the last one again
    CHECK(model.calls() == 3);
    CHECK(model.name() == "mock");
}

TEST_CASE("mock_provider: an end says what it was not told", "[mock]") {
    mock_provider model{mock_answer::pieces({"a", "b"})};
    auto const whole = model.complete(ask("12345"));
    CHECK(whole.id == "mock-1");
    CHECK(whole.model == "m");
    CHECK(whole.usage == llms::usage{.input_tokens = 2, .output_tokens = 2});
    auto stream = model.stream(ask("12345"));
    auto const streamed = std::move(stream).finish();
    CHECK(streamed.id == "mock-2");
    CHECK(streamed.model == "m");
    CHECK(streamed.usage == whole.usage);

    llms::response said;
    said.id = "x";
    said.model = "n";
    said.usage = {.input_tokens = 9, .reasoning_tokens = 1};
    said.finish = llms::finish_reason::length;
    mock_provider exact{mock_answer::of(said)};
    CHECK(exact.complete(ask()) == said);
    CHECK(exact.stream(ask()).finish() == said);
}

TEST_CASE("mock_provider: reasoning and tool calls come as they are", "[mock]") {
    llms::response said;
    said.message.content = {llms::reasoning_part{"hm", "sig"}, llms::text_part{"yes"}};
    said.message.tool_calls = {{"1", "f", "{}"}, {"2", "g", R"({"a":1})"}};
    said.id = "x";
    said.model = "n";
    said.usage.input_tokens = 1;
    mock_provider model{mock_answer::of(said), mock_answer::calls(said.message.tool_calls)};
    CHECK(model.stream(ask()).finish() == said);
    auto const calls = model.complete(ask());
    CHECK(calls.message.tool_calls == said.message.tool_calls);
    CHECK(calls.finish == llms::finish_reason::tool_calls);
}

TEST_CASE("mock_provider: used up, it repeats, starts over or fails", "[mock]") {
    std::vector<mock_answer> const two{mock_answer::text("a"), mock_answer::text("b")};
    mock_provider circle{llms::mock_options{.answers = two, .at_end = llms::mock_end::start_over}};
    std::string said;
    for (int i = 0; i < 5; ++i) {
        said += circle.complete(ask()).text();
    }
    CHECK(said == "ababa");
    mock_provider strict{llms::mock_options{.answers = two, .at_end = llms::mock_end::fail}};
    static_cast<void>(strict.complete(ask()));
    static_cast<void>(strict.complete(ask()));
    CHECK_THROWS_WITH(strict.complete(ask()),
                      "mock_provider: call number 3, and there are 2 answers");
}

TEST_CASE("mock_provider: fails at the call, in the place of any chunk, or by breaking off",
          "[mock]") {
    mock_provider model{mock_answer::fails(failure::server),
                        mock_answer::pieces({"a", "b"}).failing_after(0, failure::timeout),
                        mock_answer::pieces({"a", "b"}).failing_after(2, failure::rate_limited),
                        mock_answer{.chunks = {{.text = "a"}}}};
    CHECK_THROWS_AS(model.stream(ask()), llms::provider_error);
    {
        auto stream = model.stream(ask());
        CHECK_THROWS_AS(stream.next(), llms::provider_error);
    }
    {
        auto stream = model.stream(ask());
        CHECK(stream.next()->text == "a");
        CHECK(stream.next()->text == "b");
        try {
            static_cast<void>(stream.next());
            FAIL("it did not fail");
        } catch (llms::provider_error const& e) {
            CHECK(e.kind() == failure::rate_limited);
        }
    }
    {
        auto stream = model.stream(ask());
        CHECK(stream.next()->text == "a");
        CHECK_THROWS_AS(stream.next(), llms::provider_error); // no end
    }
    CHECK_THROWS_AS(model.complete(ask()), llms::provider_error);
    CHECK(model.abandoned() == 0);
    mock_provider other{
        mock_answer::text("a").failing_after(1, std::make_exception_ptr(std::logic_error("x")))};
    CHECK_THROWS_AS(other.complete(ask()), std::logic_error);
}

TEST_CASE("mock_provider: without an error an answer fails nowhere", "[mock]") {
    auto answer = mock_answer::pieces({"a", "b"});
    answer.error_after = GENERATE(0U, 1U, 9U);
    mock_provider model{answer};
    CHECK(model.complete(ask()).text() == "ab");
    CHECK(model.stream(ask()).finish().text() == "ab");
}

TEST_CASE("mock_provider: answers by the request", "[mock]") {
    mock_provider model{{.answer = [](llms::request const& asked, std::size_t number) {
        return mock_answer::text(asked.messages.back().text() + std::to_string(number));
    }}};
    CHECK(model.complete(ask("a")).text() == "a0");
    CHECK(model.stream(ask("b")).finish().text() == "b1");
}

TEST_CASE("mock_provider: keeps what it was asked, the latest", "[mock]") {
    mock_provider model{{.words = 1, .max_requests = 2}};
    auto copy = model; // the same one
    static_cast<void>(copy.complete(ask("1")));
    static_cast<void>(copy.stream(ask("2")));
    static_cast<void>(copy.complete(ask("3")));
    auto const asked = model.requests();
    REQUIRE(asked.size() == 2);
    CHECK(asked[0].messages[0].text() == "2");
    CHECK(asked[1].messages[0].text() == "3");
    CHECK(model.calls() == 3);
    CHECK(model.abandoned() == 1);
}

TEST_CASE("mock_provider: pauses before its chunks, as long in all when not streamed", "[mock]") {
    waits seen;
    mock_provider model{
        {.answers =
             {mock_answer::pieces({"a", "b"}).paced(30ms, 2ms),
              mock_answer::pieces({"a", "b"}).paced(30ms, 2ms).failing_after(1, failure::server)},
         .wait = seen.function()}};
    static_cast<void>(model.complete(ask()));
    CHECK(seen.all == std::vector<std::chrono::nanoseconds>{30ms, 2ms, 2ms});
    seen.all.clear();
    auto stream = model.stream(ask());
    static_cast<void>(stream.next());
    CHECK(seen.all == std::vector<std::chrono::nanoseconds>{30ms});
    CHECK_THROWS(stream.next());
}

TEST_CASE("mock_provider: a seed repeats words, failures and jitter", "[mock]") {
    auto const run = [](std::uint64_t seed) {
        waits seen;
        mock_provider model{
            {.answer = [](auto const&,
                          auto) { return mock_answer::text("a b c").paced(10ms, 10ms); },
             .seed = seed,
             .failure_rate = 0.5,
             .jitter = 0.5,
             .wait = seen.function()}};
        std::string told;
        for (int i = 0; i < 200; ++i) {
            try {
                auto stream = model.stream(ask());
                for (auto const& piece : stream) {
                    told += piece.text;
                }
                told += ".";
            } catch (llms::provider_error const& e) {
                told += to_string(e.kind());
                CHECK(e.retryable());
            }
        }
        for (auto const time : seen.all) {
            CHECK((time >= 5ms && time <= 15ms));
        }
        return std::pair(told, seen.all);
    };
    auto const one = run(7);
    CHECK(one == run(7));
    CHECK(one != run(8));
    auto const whole = std::count(one.first.begin(), one.first.end(), '.');
    CHECK((whole > 60 && whole < 140)); // half of 200
    auto const words = [](std::uint64_t seed) {
        return mock_provider{{.seed = seed}}.complete(ask()).text();
    };
    CHECK(words(1) == words(1));
    CHECK(words(1) != words(2));
}

TEST_CASE("mock_provider: a stopped call ends, whichever token is stopped", "[mock]") {
    mock_provider model{mock_answer::text("a b").paced(0s, 1h)};
    std::stop_source stopped;
    stopped.request_stop();
    CHECK_THROWS_AS(model.complete(ask(), stopped.get_token()), llms::cancelled_error);
    for (bool const of_call : {true, false}) {
        std::stop_source call;
        std::stop_source next;
        auto stream = model.stream(ask(), call.get_token());
        CHECK(stream.next(next.get_token())->text == "a");
        std::jthread const stopper([&] { (of_call ? call : next).request_stop(); });
        CHECK_THROWS_AS(stream.next(next.get_token()), llms::cancelled_error);
    }
}

TEST_CASE("mock_provider: from many threads, each call has a number of its own",
          "[mock][threads]") {
    mock_provider model{
        {.answer =
             [](llms::request const& asked, std::size_t number) {
                 return mock_answer::pieces({asked.messages.back().text(), std::to_string(number)});
             },
         .max_requests = 100}};
    std::mutex mutex;
    std::set<std::string> numbers;
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([&, client = model]() mutable {
                for (int i = 0; i < 100; ++i) {
                    auto const texts = texts_of(client.stream(ask(std::to_string(i))));
                    std::lock_guard const lock(mutex);
                    CHECK(texts[0] == std::to_string(i));
                    numbers.insert(texts[1]);
                }
            });
        }
    }
    CHECK(numbers.size() == 400);
    CHECK(model.requests().size() == 100);
}

} // namespace mock_provider_test
