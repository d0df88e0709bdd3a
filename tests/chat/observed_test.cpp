// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/scripted_provider.hpp"
#include <llms/chat/cached.hpp>
#include <llms/chat/observed.hpp>

#include <string>
#include <vector>

namespace {

auto ask() -> llms::request {
    return {.model = "m", .messages = {llms::message::user("hi")}, .temperature = 0.0};
}

} // namespace

TEST_CASE("observed: operations and attempts are counted apart; a hit is no call", "[observed]") {
    support::scripted_provider inner({support::chunks_of({"a", "b"})});
    llms::metrics metrics;
    llms::response_cache cache{{.tenant = "t"}};
    auto client = inner | llms::attempts(metrics) | llms::cached(cache) | llms::observed(metrics);
    static_cast<void>(client.complete(ask()));
    static_cast<void>(client.complete(ask()));
    static_cast<void>(client.stream(ask()).finish());
    auto const total = metrics.summary();
    CHECK(total.calls == 1);
    CHECK(total.attempts == 1);
    CHECK(total.cached_answers == 2);
    CHECK(total.input_tokens == 7);
    CHECK(total.output_tokens == 3);
    CHECK(total.failed_calls == 0);
}

TEST_CASE("observed: failures have their type; a stream left early is cancelled", "[observed]") {
    support::scripted_provider inner({support::chunks_of({"a", "b"})});
    llms::metrics metrics;
    std::vector<std::string> errors;
    auto const seen = metrics.subscribe({.after_operation = [&](llms::operation_end const& end) {
        errors.emplace_back(end.error_type);
    }});
    auto client = inner | llms::observed(metrics);
    {
        auto stream = client.stream(ask());
        static_cast<void>(stream.next());
    }
    inner->on_call = [](std::stop_token const&) {
        throw llms::provider_error(llms::failure::rate_limited, "slow down");
    };
    CHECK_THROWS_AS(client.complete(ask()), llms::provider_error);
    CHECK_THROWS_AS(client.stream(ask()), llms::provider_error);
    inner->on_call = [](std::stop_token const&) {
        throw 42;
    };
    CHECK_THROWS(client.complete(ask()));
    CHECK(errors ==
          std::vector<std::string>{"cancelled", "rate_limited", "rate_limited", "_OTHER"});
    CHECK(metrics.summary().failed_calls == 4);
}
