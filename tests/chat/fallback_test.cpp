// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/error_of.hpp"
#include "support/scripted_provider.hpp"
#include <llms/chat/fallback.hpp>
#include <llms/chat/mock_provider.hpp>

#include <cstddef>
#include <exception>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace fallback_test {

namespace {

using namespace std::chrono_literals;
using llms::failure;
using llms::mock_answer;
using llms::mock_provider;
using llms::provider_error;
using support::error_of;

auto ask() -> llms::request {
    return {.model = "m", .messages = {llms::message::user("hi")}};
}

auto named(std::string name, std::vector<mock_answer> answers) -> mock_provider {
    return mock_provider{{.answers = std::move(answers), .name = std::move(name)}};
}

auto failing(provider_error const& with) -> mock_provider {
    return named("failing", {mock_answer::fails(with)});
}

auto http(failure kind, int status) -> provider_error {
    return {"HTTP " + std::to_string(status), {.kind = kind, .status = status}};
}

// The text of an answer that is streamed or not.
template <class Client>
auto text_of(Client& client, bool streamed) -> std::string {
    return (streamed ? client.stream(ask()).finish() : client.complete(ask())).text();
}

} // namespace

TEST_CASE("fallback: a provider's failure leads to the next", "[fallback]") {
    auto const failed =
        GENERATE(http(failure::connection, 0), http(failure::timeout, 0),
                 http(failure::rate_limited, 429), http(failure::server, 503),
                 http(failure::authentication, 401), http(failure::authentication, 403),
                 http(failure::malformed, 200), http(failure::invalid_request, 402),
                 http(failure::invalid_request, 404), http(failure::invalid_request, 408));
    bool const streamed = GENERATE(false, true);
    auto const first = failing(failed);
    auto const second = failing(failed);
    mock_provider const third(mock_answer::text("third"));
    mock_provider const fourth;
    auto client = first | llms::fallback(second, third, fourth);
    CHECK(text_of(client, streamed) == "third");
    CHECK(first.calls() == 1);
    CHECK(second.calls() == 1);
    CHECK(fourth.calls() == 0);
    CHECK(client.name() == "failing");
}

TEST_CASE("fallback: a fault of the request is thrown as it is", "[fallback]") {
    auto const status = GENERATE(400, 413, 422);
    bool const streamed = GENERATE(false, true);
    auto const first = failing(http(failure::invalid_request, status));
    mock_provider const second;
    auto client = first | llms::fallback(second);
    CHECK(error_of([&] { return text_of(client, streamed); }).status() == status);
    CHECK(second.calls() == 0);
}

TEST_CASE("fallback: what is no failure of a provider is thrown as it is", "[fallback]") {
    auto const first = named("a", {mock_answer::fails(std::make_exception_ptr(llms::error("x")))});
    mock_provider const second;
    auto client = first | llms::fallback(second);
    CHECK_THROWS_WITH(client.complete(ask()), "x");
    CHECK_THROWS_WITH(client.stream(ask()), "x");

    auto injected = first | llms::fallback({.next_after =
                                                [](llms::error const& e) {
                                                    return std::string_view(e.what()) == "x";
                                                }},
                                           second);
    CHECK_NOTHROW(injected.complete(ask()));
    auto const late =
        named("b", {mock_answer::fails(std::make_exception_ptr(llms::timeout_error("late")))});
    auto patient = late | llms::fallback(second);
    CHECK_NOTHROW(patient.complete(ask()));
}

TEST_CASE("fallback: a caller who is stopped is not sent on", "[fallback]") {
    support::scripted_provider first({support::chunks_of({"a"})});
    std::stop_source mine;
    first->on_call = [&](std::stop_token const&) {
        mine.request_stop();
        throw provider_error(failure::connection, "aborted"); // as a transport may say it
    };
    mock_provider const second;
    auto client = first | llms::fallback(second);
    CHECK_THROWS_WITH(client.complete(ask(), mine.get_token()), "aborted");
    CHECK_THROWS_WITH(client.stream(ask(), mine.get_token()), "aborted");
    CHECK(second.calls() == 0);
}

TEST_CASE("fallback: a stream goes on elsewhere until its first chunk, and never after",
          "[fallback]") {
    auto const first = named(
        "a",
        {mock_answer::pieces({"x", "y"}).failing_after(GENERATE(0U, 1U), failure::connection)});
    mock_provider const second(mock_answer::text("second"));
    auto client = first | llms::fallback(second);
    auto stream = client.stream(ask());
    auto const text = stream.next()->text;
    if (text == "x") {
        CHECK(error_of([&] { return stream.next(); }).kind() == failure::connection);
        CHECK(second.calls() == 0);
    } else {
        CHECK(std::move(stream).finish().text() == "second");
    }
    CHECK(first.calls() == 1);
}

TEST_CASE("fallback: when all fail the error says how each did", "[fallback]") {
    bool const streamed = GENERATE(false, true);
    auto const first = named("alpha", {mock_answer::fails(http(failure::authentication, 401))});
    auto const second = named(
        "beta", {mock_answer::fails(provider_error("slow down", {.kind = failure::rate_limited,
                                                                 .status = 429,
                                                                 .request_id = "r-2",
                                                                 .retry_after = 7ms}))});
    auto const third = named("gamma", {mock_answer::fails(http(failure::authentication, 403))});
    std::vector<std::string> steps;
    auto client =
        first | llms::fallback({.on_fallback =
                                    [&](std::string_view who, llms::error const& e) {
                                        steps.push_back(std::string(who) + " " + e.what());
                                    }},
                               second, third);
    try {
        static_cast<void>(text_of(client, streamed));
        FAIL("it did not fail");
    } catch (llms::fallback_error const& e) {
        CHECK(std::string(e.what()) ==
              "every provider failed: alpha: HTTP 401; beta: slow down; gamma: HTTP 403");
        CHECK(e.kind() == failure::rate_limited); // which may pass, so that `retrying` may retry
        CHECK(e.status() == 429);
        CHECK(e.request_id() == "r-2");
        CHECK(e.retry_after() == 7ms);
        REQUIRE(e.attempts().size() == 3);
        CHECK(e.attempts()[2].provider == "gamma");
        CHECK_THROWS_AS(std::rethrow_exception(e.attempts()[0].error), provider_error);
    }
    CHECK(steps == std::vector<std::string>{"alpha HTTP 401", "beta slow down"});
}

TEST_CASE("fallback: of the failures one that may pass decides, a timeout is one", "[fallback]") {
    auto const late = named(
        "late", {mock_answer::fails(std::make_exception_ptr(llms::timeout_error("no answer")))});
    auto const refused = failing(http(failure::authentication, 401));
    // What is no provider's failure, and gone on after all the same.
    auto const odd =
        named("odd", {mock_answer::fails(std::make_exception_ptr(llms::error("disk full")))});
    llms::fallback_options const all{.next_after = [](llms::error const& /*e*/) {
        return true;
    }};
    bool const streamed = GENERATE(false, true);
    auto const error = [&](auto client) {
        return error_of([&] { return text_of(client, streamed); });
    };
    for (auto const& failed :
         {error(late | llms::fallback(all, refused)), error(refused | llms::fallback(all, late)),
          error(odd | llms::fallback(all, late)), error(late | llms::fallback(all, odd))}) {
        CHECK(failed.kind() == failure::timeout);
        CHECK(failed.status() == 0);
        CHECK(failed.retryable());
    }
    for (auto const& failed :
         {error(odd | llms::fallback(all, odd)), error(refused | llms::fallback(all, odd))}) {
        CHECK(failed.kind() == failure::invalid_request);
        CHECK(failed.status() == 0);
        CHECK_FALSE(failed.retryable());
    }
    CHECK(std::string(error(odd | llms::fallback(all, late)).what()) ==
          "every provider failed: odd: disk full; late: no answer");
}

TEST_CASE("fallback: each provider is asked for a model of its own", "[fallback]") {
    bool const streamed = GENERATE(false, true);
    auto const first = failing(http(failure::invalid_request, 404));
    auto const second = failing(http(failure::server, 500));
    mock_provider const third;
    auto client = first | llms::fallback(llms::fallback_to{second, "other"}, third);
    CHECK_NOTHROW(text_of(client, streamed));
    CHECK(first.requests().at(0).model == "m");
    CHECK(second.requests().at(0).model == "other");
    CHECK(third.requests().at(0).model == "m");
}

TEST_CASE("fallback: a provider that keeps failing is passed by, until it answers a probe",
          "[fallback]") {
    bool const streamed = GENERATE(false, true);
    mock_provider const first{{.answer = [](llms::request const&, std::size_t n) {
        return n < 3 ? mock_answer::fails(failure::server) : mock_answer::text("first");
    }}};
    mock_provider const second(mock_answer::text("second"));
    SECTION("for a while") {
        auto client =
            first | llms::fallback({.breaker = {{.failures = 2, .open_for = 1h}}}, second);
        for (int i = 0; i < 5; ++i) {
            CHECK(text_of(client, streamed) == "second");
        }
        CHECK(first.calls() == 2);
    }
    SECTION("the while is over at once") {
        auto client =
            first | llms::fallback({.breaker = {{.failures = 2, .open_for = 0ms}}}, second);
        for (int i = 0; i < 3; ++i) {
            CHECK(text_of(client, streamed) == "second");
        }
        CHECK(text_of(client, streamed) == "first");
        CHECK(text_of(client, streamed) == "first");
        CHECK(first.calls() == 5);
    }
    SECTION("but the last one never is") {
        auto const down = failing(http(failure::server, 500));
        auto client = down | llms::fallback({.breaker = {{.failures = 1, .open_for = 1h}}}, down);
        CHECK_THROWS_AS(text_of(client, streamed), llms::fallback_error);
        CHECK_THROWS_WITH(text_of(client, streamed),
                          "every provider failed: failing: passed by, as it kept failing; failing: "
                          "HTTP 500");
        CHECK(down.calls() == 3);
    }
}

} // namespace fallback_test
