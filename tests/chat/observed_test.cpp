// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/scripted_provider.hpp"
#include <llms/chat/cached.hpp>
#include <llms/chat/mock_provider.hpp>
#include <llms/chat/observed.hpp>
#include <llms/chat/retrying.hpp>

#include <string>
#include <vector>

namespace observed_test {

namespace {

auto ask() -> llms::request {
    return {.model = "m", .messages = {llms::message::user("hi")}, .temperature = 0.0};
}

} // namespace

TEST_CASE("observed: operations and attempts are counted apart, a hit is no call", "[observed]") {
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

TEST_CASE("observed: failures have their type, a stream left early is cancelled", "[observed]") {
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
    inner->on_call = [](std::stop_token const&) {
        throw llms::timeout_error("late");
    };
    CHECK_THROWS_AS(client.complete(ask()), llms::timeout_error);
    CHECK(errors == std::vector<std::string>{"cancelled", "rate_limited", "rate_limited", "_OTHER",
                                             "timeout"});
    CHECK(metrics.summary().failed_calls == 5);
}

TEST_CASE("observed: attempts and retries bear the id of their operation", "[observed]") {
    using llms::mock_answer;
    llms::mock_provider model{mock_answer::fails(llms::failure::server),
                              mock_answer::fails(llms::failure::rate_limited),
                              mock_answer::text("a"), mock_answer::fails(llms::failure::server)};
    llms::metrics metrics;
    std::vector<std::string> told;
    auto const line = [&](auto const& event, unsigned number) {
        told.push_back(std::to_string(event.id) + "." + std::to_string(number) + " " +
                       std::string(event.error_type) + " " + std::string(event.info.model));
    };
    auto const hook =
        metrics.subscribe({.after_operation = [&](llms::operation_end const& e) { line(e, 0); },
                           .after_attempt = [&](llms::attempt_end const& e) { line(e, e.number); },
                           .on_retry =
                               [&](llms::retry_event const& e) {
                                   told.emplace_back(e.delay ? "wait" : "given up");
                                   line(e, e.failed_attempts);
                               }});
    auto client = model | llms::attempts(metrics) |
                  llms::retrying({.on_retry = llms::count_retries(metrics),
                                  .wait =
                                      [](auto, auto const&) {
                                      }}) |
                  llms::observed(metrics);
    static_cast<void>(client.stream(ask()).finish());
    CHECK(told == std::vector<std::string>{"1.1 server m", "wait", "1.1 server m",
                                           "1.2 rate_limited m", "wait", "1.2 rate_limited m",
                                           "1.3  m", "1.0  m"});
    told.clear();
    CHECK_THROWS_AS(client.complete(ask()), llms::provider_error);
    CHECK(told == std::vector<std::string>{"2.1 server m", "wait", "2.1 server m", "2.2 server m",
                                           "wait", "2.2 server m", "2.3 server m", "given up",
                                           "2.3 server m", "2.0 server m"});
    auto const total = metrics.summary();
    CHECK(total.calls == 2);
    CHECK(total.attempts == 6);
    CHECK(total.retries == 4);
    // Attempts and retries without an operation around them are not tracked.
    told.clear();
    auto bare = model | llms::attempts(metrics) |
                llms::retrying({.max_attempts = 2,
                                .on_retry = llms::count_retries(metrics),
                                .wait = [](auto, auto const&) {
                                }});
    CHECK_THROWS_AS(bare.complete(ask()), llms::provider_error);
    CHECK(told == std::vector<std::string>{"0.1 server m", "wait", "0.1 server ", "0.1 server m"});
}

TEST_CASE("metrics: shows the statistics of a response cache", "[observed]") {
    llms::response_cache cache{{.tenant = "t"}};
    llms::metrics metrics;
    auto const watch = metrics.watch_cache("answers", cache);
    auto client = llms::mock_provider{llms::mock_answer::text("a")} | llms::cached(cache);
    auto warm = ask();
    warm.temperature = 1;
    static_cast<void>(client.complete(warm));
    for (int i = 0; i < 3; ++i) {
        static_cast<void>(client.complete(ask()));
    }
    auto const text = metrics.prometheus_text();
    for (auto const* line : {"llms_cache_hits_total{llms_cache_name=\"answers\"} 2\n",
                             "llms_cache_misses_total{llms_cache_name=\"answers\"} 1\n",
                             "llms_cache_bypasses_total{llms_cache_name=\"answers\"} 1\n",
                             "llms_cache_stores_total{llms_cache_name=\"answers\"} 1\n",
                             "llms_cache_evictions_total{llms_cache_name=\"answers\"} 0\n",
                             "llms_cache_entries{llms_cache_name=\"answers\"} 1\n",
                             "llms_cache_size_bytes{llms_cache_name=\"answers\"} "}) {
        CHECK_THAT(text, support::contains(line));
    }
}

} // namespace observed_test
