// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/scripted_provider.hpp"
#include <llms/chat/retrying.hpp>

#include <chrono>
#include <stop_token>
#include <thread>
#include <vector>

namespace retrying_test {

namespace {

using namespace std::chrono_literals;
using llms::failure;
using support::chunks_of;

auto ask() -> llms::request {
    return {.model = "m", .messages = {llms::message::user("hi")}};
}

// A provider whose first `failures` calls fail so.
auto failing(std::size_t failures, llms::provider_error const& error)
    -> support::scripted_provider {
    support::scripted_provider inner({chunks_of({"a", "b"})});
    auto* const script = inner.operator->();
    inner->on_call = [=](std::stop_token const&) {
        if (script->calls <= failures) {
            throw error;
        }
    };
    return inner;
}

struct waits {
    std::vector<std::chrono::milliseconds> taken;
    auto policy() -> llms::retry_policy {
        return {.wait = [this](std::chrono::milliseconds time, std::stop_token const&) {
            taken.push_back(time);
        }};
    }
};

} // namespace

TEST_CASE("retrying: a failure that may pass is tried again, whole or streamed", "[retrying]") {
    auto const kind =
        GENERATE(failure::connection, failure::timeout, failure::rate_limited, failure::server);
    auto inner = failing(2, llms::provider_error(kind, "x"));
    waits waited;
    auto client = inner | llms::retrying(waited.policy());
    bool const streamed = GENERATE(false, true);
    CHECK((streamed ? client.stream(ask()).finish() : client.complete(ask())).text() == "ab");
    CHECK(inner->calls == 3);
    REQUIRE(waited.taken.size() == 2);
    CHECK(waited.taken[0] >= 500ms);
    CHECK(waited.taken[0] <= 1500ms);
    CHECK(waited.taken[1] >= 500ms);
    CHECK(waited.taken[1] <= 4500ms);
}

TEST_CASE("retrying: gives up after max_attempts, with the last error", "[retrying]") {
    auto inner = failing(9, llms::provider_error(failure::server, "x"));
    waits waited;
    auto client = inner | llms::retrying(waited.policy());
    CHECK_THROWS_AS(client.complete(ask()), llms::provider_error);
    CHECK(inner->calls == 3);
    CHECK_THROWS_AS(client.stream(ask()).finish(), llms::provider_error);
    CHECK(inner->calls == 6);
}

TEST_CASE("retrying: what cannot pass is not tried again", "[retrying]") {
    auto const kind =
        GENERATE(failure::authentication, failure::invalid_request, failure::malformed);
    auto inner = failing(9, llms::provider_error(kind, "x"));
    waits waited;
    auto client = inner | llms::retrying(waited.policy());
    CHECK_THROWS_AS(client.complete(ask()), llms::provider_error);
    CHECK(inner->calls == 1);
    CHECK(waited.taken.empty());
}

TEST_CASE("retrying: waits as the provider asks, or not at all", "[retrying]") {
    auto const asking = [](std::chrono::milliseconds time) {
        return llms::provider_error("slow down",
                                    {.kind = failure::rate_limited, .retry_after = time});
    };
    waits waited;
    auto patient = failing(1, asking(7s)) | llms::retrying(waited.policy());
    CHECK(patient.complete(ask()).text() == "ab");
    CHECK(waited.taken == std::vector<std::chrono::milliseconds>{7s});
    auto hopeless = failing(1, asking(1h)) | llms::retrying(waited.policy());
    CHECK_THROWS_AS(hopeless.complete(ask()), llms::provider_error);
}

TEST_CASE("retrying: a stream that has begun is not asked for again", "[retrying]") {
    support::scripted_provider inner({chunks_of({"a", "b"})});
    inner->on_chunk = [](std::size_t at, std::stop_token const&) {
        if (at == 1) {
            throw llms::provider_error(failure::connection, "dropped");
        }
    };
    waits waited;
    auto client = inner | llms::retrying(waited.policy());
    auto stream = client.stream(ask());
    REQUIRE(stream.next() != nullptr);
    CHECK_THROWS_AS(stream.next(), llms::provider_error);
    CHECK(inner->calls == 1);
    CHECK(waited.taken.empty());
}

TEST_CASE("retrying: a stop_token ends the wait", "[retrying][threads]") {
    auto inner = failing(9, llms::provider_error(failure::server, "x"));
    std::stop_source stop;
    std::jthread stopper;
    auto client =
        inner | llms::retrying({.base = 1h, .longest = 1h, .on_retry = [&](auto const&, auto) {
                                    stopper = std::jthread([&] { stop.request_stop(); });
                                }});
    CHECK_THROWS_AS(client.complete(ask(), stop.get_token()), llms::cancelled_error);
    CHECK(inner->calls == 1);
}

TEST_CASE("retrying: a provider that is down is asked less and less", "[retrying]") {
    auto inner = failing(1000, llms::provider_error(failure::server, "down"));
    waits waited;
    auto policy = waited.policy();
    policy.budget = 0.5;
    auto client = inner | llms::retrying(policy);
    for (int call = 0; call < 40; ++call) {
        CHECK_THROWS_AS(client.complete(ask()), llms::provider_error);
    }
    // 40 calls, the ten retries that were saved, and half a retry for each call since.
    CHECK(inner->calls >= 40 + 10 + 15);
    CHECK(inner->calls <= 40 + 10 + 20);
}

TEST_CASE("retrying: a stream that broke off is resumed behind what was given out", "[retrying]") {
    support::scripted_provider inner({chunks_of({"The ", "deepest ", "fjord"}),
                                      chunks_of({"The deep", "est fjord ", "is long."}),
                                      chunks_of({"Once upon a time"})});
    auto const drop_after = [&](std::size_t calls) {
        inner->on_chunk = [script = inner.operator->(), calls](std::size_t at,
                                                               std::stop_token const&) {
            if (at == 2 && script->calls <= calls) {
                throw llms::provider_error(failure::connection, "dropped");
            }
        };
    };
    waits waited;
    auto policy = waited.policy();
    policy.resume_streams = true;
    auto client = inner | llms::retrying(policy);
    SECTION("where the new answer says the same") {
        drop_after(1);
        auto stream = client.stream(ask());
        std::vector<std::string> pieces;
        while (auto const* piece = stream.next()) {
            pieces.push_back(piece->text);
        }
        CHECK(pieces == std::vector<std::string>{"The ", "deepest ", "fjord ", "is long.", ""});
        CHECK(inner->calls == 2);
    }
    SECTION("and ends where it says something else") {
        inner->answers.erase(inner->answers.begin() + 1);
        drop_after(1);
        auto stream = client.stream(ask());
        CHECK(stream.next()->text == "The ");
        CHECK(stream.next()->text == "deepest ");
        CHECK_THROWS_WITH(stream.next(), support::contains("not the same so far"));
        CHECK(inner->calls == 2);
        CHECK(stream.value().text() == "The deepest ");
    }
}

TEST_CASE("retrying: the stop_token of `next` ends the wait, too", "[retrying][threads]") {
    auto inner = failing(0, llms::provider_error(failure::server, "x"));
    inner->on_chunk = [](std::size_t, std::stop_token const&) {
        throw llms::provider_error(failure::server, "x");
    };
    std::stop_source stop;
    auto client = inner | llms::retrying({.base = std::chrono::hours(1),
                                          .longest = std::chrono::hours(1),
                                          .on_retry = [&](auto const&, auto) {
                                              stop.request_stop();
                                          }});
    auto stream = client.stream(ask());
    CHECK_THROWS_AS(stream.next(stop.get_token()), llms::cancelled_error);
}

} // namespace retrying_test
