// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/scripted_provider.hpp"
#include <llms/chat/budgeted.hpp>
#include <llms/chat/cached.hpp>
#include <llms/chat/mock_provider.hpp>

#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <latch>
#include <limits>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace budgeted_test {

namespace {

using llms::budget;
using llms::mock_answer;
using llms::mock_provider;

auto ask(std::int64_t max_tokens = 50) -> llms::request {
    return {.model = "m",
            .messages = {llms::message::user("hi")},
            .temperature = 0.0,
            .max_tokens = max_tokens};
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

auto by_use(std::string_view /*model*/, llms::usage const& used) -> double {
    return 0.1 * static_cast<double>(used.input_tokens) +
           0.2 * static_cast<double>(used.output_tokens);
}

auto message_of_refusal(budget& from, llms::request const& of) -> std::string {
    try {
        static_cast<void>(from.enter(of));
    } catch (llms::budget_error const& e) {
        return e.what();
    }
    return {};
}

} // namespace

TEST_CASE("budgeted: what a call may come to is reserved, what it came to is spent", "[budgeted]") {
    budget all({.max_tokens = 100, .max_cost = 1000, .price = by_use, .count_tokens = ten});
    auto const model = answers({10, 15});
    auto client = model | llms::budgeted(all);
    auto stream = client.stream(ask());
    CHECK(all.reserved() == llms::budget_amount{60, 11});
    CHECK(all.left() == llms::budget_amount{40, 989});
    CHECK_THROWS_AS(client.complete(ask()), llms::budget_error);
    while (stream.next() != nullptr) {}
    CHECK(all.reserved() == llms::budget_amount{});
    CHECK(all.spent() == llms::budget_amount{25, 4});
    CHECK(client.complete(ask()).text() == "a");
    CHECK(all.spent() == llms::budget_amount{50, 8});
    CHECK(model.calls() == 2);
    all.reset();
    CHECK(all.left() == llms::budget_amount{100, 1000});
}

TEST_CASE("budgeted: the last token and the last cent can be spent", "[budgeted]") {
    budget all({.max_tokens = 60, .max_cost = 11, .price = by_use, .count_tokens = ten});
    CHECK_THROWS_AS(all.enter(ask(51)), llms::budget_error);
    CHECK_NOTHROW(all.enter(ask(50)));
    auto client = answers({10, 50}) | llms::budgeted(all);
    CHECK_NOTHROW(client.complete(ask(50)));
    CHECK(all.left() == llms::budget_amount{});
    CHECK_THROWS_AS(client.complete(ask(0)), llms::budget_error);
}

TEST_CASE("budgeted: a refusal names what is left", "[budgeted]") {
    budget tokens({.max_tokens = 100, .assumed_output = 200, .count_tokens = ten});
    auto open = ask();
    open.max_tokens.reset();
    CHECK(message_of_refusal(tokens, open) ==
          "budgeted: the call may take 210 tokens, and 100 of 100 are left");
    budget money({.max_cost = 2.5, .price = by_use, .count_tokens = ten});
    CHECK(message_of_refusal(money, ask()) ==
          "budgeted: the call may cost 11.000000, and 2.500000 of 2.500000 are left");
}

TEST_CASE("budgeted: a call that takes more than was reserved is spent all the same",
          "[budgeted]") {
    budget all({.max_tokens = 100, .count_tokens = ten});
    auto client = answers({100, 100}) | llms::budgeted(all);
    CHECK_NOTHROW(client.complete(ask()));
    CHECK(all.left().tokens == -100);
    CHECK_THROWS_AS(client.complete(ask(0)), llms::budget_error);
}

TEST_CASE("budgeted: a failed call is free", "[budgeted]") {
    budget all({.max_tokens = 100, .count_tokens = ten});
    auto client = mock_provider{mock_answer::fails(llms::failure::server)} | llms::budgeted(all);
    CHECK_THROWS_AS(client.complete(ask()), llms::provider_error);
    CHECK_THROWS_AS(client.stream(ask()).finish(), llms::provider_error);
    CHECK(all.left().tokens == 100);
}

TEST_CASE("budgeted: answers from a cache inside are free", "[budgeted]") {
    llms::response_cache cache{{.tenant = "t"}};
    // A price by the call: hits would show.
    budget all({.max_cost = 10, .price = [](auto, auto const&) {
                    return 1.0;
                }});
    auto client = answers({10, 5}) | llms::cached(cache) | llms::budgeted(all);
    CHECK_FALSE(client.complete(ask()).cached);
    CHECK(all.spent() == llms::budget_amount{15, 1});
    CHECK(client.complete(ask()).cached);
    CHECK(client.stream(ask()).finish().cached);
    CHECK(all.spent() == llms::budget_amount{15, 1});
    CHECK(all.reserved() == llms::budget_amount{});
}

TEST_CASE("budgeted: a stream without a usage is spent by an estimate", "[budgeted]") {
    budget all({.max_tokens = 1000, .count_tokens = ten});
    auto chunks = support::chunks_of({"12345678", "1234"});
    chunks.back().usage = {};
    auto const model = support::scripted_provider({chunks});
    auto client = model | llms::budgeted(all);
    SECTION("dropped before anything came") {
        static_cast<void>(client.stream(ask()));
        CHECK(all.spent().tokens == 0);
    }
    SECTION("dropped") {
        auto stream = client.stream(ask());
        static_cast<void>(stream.next());
        stream.cancel();
        CHECK(all.spent().tokens == 10 + 2);
    }
    SECTION("broken off") {
        model->on_chunk = [](std::size_t at, std::stop_token const&) {
            if (at == 2) {
                throw llms::provider_error(llms::failure::connection, "dropped");
            }
        };
        CHECK_THROWS_AS(client.stream(ask()).finish(), llms::provider_error);
        CHECK(all.spent().tokens == 10 + 3);
    }
    SECTION("ended") {
        static_cast<void>(client.stream(ask()).finish());
        CHECK(all.spent().tokens == 10 + 3);
    }
    SECTION("whole") {
        static_cast<void>(client.complete(ask()));
        CHECK(all.spent().tokens == 10 + 4 + 3); // the message itself by estimate_tokens
    }
    CHECK(all.reserved().tokens == 0);
}

TEST_CASE("budgeted: a price that fails leaves the answer, at what was reserved", "[budgeted]") {
    int asked = 0;
    budget all({.max_cost = 10, .price = [&](auto, auto const&) -> double {
                    if (++asked == 2) {
                        throw std::runtime_error("no price");
                    }
                    return asked == 1 ? 3.0 : std::numeric_limits<double>::quiet_NaN();
                }});
    auto client = answers({1, 1}) | llms::budgeted(all);
    CHECK(client.complete(ask()).text() == "a");
    CHECK(all.spent().cost == 3);
    CHECK(all.reserved().cost == 0);
    CHECK_NOTHROW(client.complete(ask())); // no number: free
    CHECK(all.spent().cost == 3);
}

TEST_CASE("budgeted: no usage can overflow the count", "[budgeted]") {
    constexpr auto most = std::numeric_limits<std::int64_t>::max();
    budget all({.price = by_use});
    auto client = answers({most, most}) | llms::budgeted(all);
    for (int n = 0; n < 10; ++n) {
        CHECK_NOTHROW(client.complete(ask()));
    }
    CHECK(all.spent().tokens > 0);
    CHECK(all.reserved() == llms::budget_amount{});
    CHECK(all.left().tokens == most);
    CHECK(std::isinf(all.left().cost));
    auto backwards = answers({-most, -most}) | llms::budgeted(budget({.max_tokens = 100}));
    CHECK_NOTHROW(backwards.complete(ask()));
}

TEST_CASE("budgeted: stress: concurrent calls cannot overrun", "[budgeted][threads]") {
    constexpr std::size_t threads = 8;
    constexpr std::int64_t whole = 5000;
    budget all({.max_tokens = whole, .max_cost = 1e6, .price = by_use, .count_tokens = ten});
    std::atomic<std::int64_t> paid = 0;
    std::atomic<std::int64_t> refused = 0;
    mock_provider const model{{.answer =
                                   [&](llms::request const&, std::size_t n) {
                                       if (n % 7 == 3) {
                                           return mock_answer::fails(llms::failure::server);
                                       }
                                       auto answer = mock_answer::text("a");
                                       auto const output = static_cast<std::int64_t>(n % 51);
                                       answer.chunks.back().usage = {10, output};
                                       paid += 10 + output;
                                       return answer;
                                   },
                               .max_requests = 0}};
    std::atomic<bool> overrun = false;
    {
        std::latch all_here(threads);
        std::vector<std::jthread> callers;
        for (std::size_t n = 0; n < threads; ++n) {
            callers.emplace_back([&, client = model | llms::budgeted(all)]() mutable {
                all_here.arrive_and_wait();
                for (int call = 0; call < 100; ++call) {
                    try {
                        static_cast<void>(call % 2 == 0 ? client.complete(ask())
                                                        : client.stream(ask()).finish());
                    } catch (llms::provider_error const&) {
                    } catch (llms::budget_error const&) {
                        ++refused;
                    }
                    if (all.left().tokens < 0) {
                        overrun = true;
                    }
                }
            });
        }
    }
    CHECK_FALSE(overrun);
    CHECK(refused > 0);
    CHECK(paid <= whole);
    CHECK(paid > whole - 60); // no more was refused than had to be
    CHECK(all.spent().tokens == paid);
    CHECK(all.reserved() == llms::budget_amount{});
}

} // namespace budgeted_test
