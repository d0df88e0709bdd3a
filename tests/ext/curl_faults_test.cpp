// SPDX-License-Identifier: MIT
//
// Both clients against a real HTTP server on 127.0.0.1 in each way a provider fails: the error is
// the documented one, nothing is cached, no thread is left.
#include "support/catch.hpp"
#include "support/error_of.hpp"
#include "support/loopback_server.hpp"
#include "support/process.hpp"
#include <llms/chat/anthropic.hpp>
#include <llms/chat/cached.hpp>
#include <llms/chat/openai.hpp>
#include <llms/chat/response_cache.hpp>
#include <llms/ext/curl_transport.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace curl_faults_test {

namespace {

using namespace std::chrono_literals;
using llms::failure;
using support::error_of;
using support::fault;
using support::reply;
using support::threads;
using support::tokens_of;

using openai = llms::openai_client<llms::curl_transport>;
using anthropic = llms::anthropic_client<llms::curl_transport>;

template <class Client>
auto client_of(support::loopback_server const& server, llms::http_timeouts timeouts = {},
               std::size_t max_bytes = 1 << 20) -> Client {
    return Client{llms::curl_transport{},
                  {.base_url = server.base_url(),
                   .api_key = "sk-secret",
                   .timeouts = timeouts,
                   .max_response_bytes = max_bytes}};
}

auto ask() -> llms::request {
    return {.model = "m", .messages = {llms::message::user("hi")}, .temperature = 0.0};
}

// The same once it has fallen to `expected`, for five seconds at most: a thread that was joined is
// listed for a moment longer.
auto threads_down_to(std::ptrdiff_t expected) -> std::ptrdiff_t {
    for (int i = 0; i < 5000 && threads() > expected; ++i) {
        std::this_thread::sleep_for(1ms);
    }
    return threads();
}

} // namespace

TEMPLATE_TEST_CASE("clients: a whole answer and a stream over HTTP", "[curl]", openai, anthropic) {
    support::loopback_server server;
    auto client = client_of<TestType>(server);
    bool const streamed = GENERATE(false, true);
    server.next({.tokens = tokens_of("Let me see"),
                 .calls = {{"a", "f", R"({"from":"Oslo"})"}, {"b", "g", "{}"}}});
    auto const answer = streamed ? client.stream(ask()).finish() : client.complete(ask());
    CHECK(answer.text() == "Let me see");
    CHECK(answer.finish == llms::finish_reason::tool_calls);
    REQUIRE(answer.message.tool_calls.size() == 2);
    CHECK(answer.message.tool_calls[0] == llms::tool_call{"a", "f", R"({"from":"Oslo"})"});
    CHECK(answer.message.tool_calls[1] == llms::tool_call{"b", "g", "{}"});
    CHECK(answer.usage.output_tokens == 5);
    CHECK(answer.usage.input_tokens > 0);
    CHECK(server.last_request().value("stream", false) == streamed);
}

TEST_CASE("anthropic_client: what it sends", "[curl]") {
    support::loopback_server server;
    anthropic client{llms::curl_transport{},
                     {.base_url = server.base_url(), .api_key = "sk-secret", .max_tokens = 9}};
    CHECK_FALSE(client.complete(ask()).text().empty());
    CHECK(server.last_header("x-api-key") == "sk-secret");
    CHECK(server.last_header("anthropic-version") == "2023-06-01");
    CHECK(server.last_header("Authorization").empty());
    CHECK(server.last_request()["max_tokens"] == 9);
}

TEMPLATE_TEST_CASE("clients: each fault gives its error and is not cached", "[curl]", openai,
                   anthropic) {
    struct expectation {
        support::fault what;
        failure whole;
        failure streamed;
    };
    auto const expected =
        GENERATE(expectation{fault::drop_at_once, failure::connection, failure::connection},
                 expectation{fault::drop, failure::connection, failure::connection},
                 expectation{fault::stall, failure::timeout, failure::timeout},
                 expectation{fault::malformed, failure::malformed, failure::malformed},
                 expectation{fault::garbage, failure::malformed, failure::connection},
                 expectation{fault::error, failure::connection, failure::server},
                 expectation{fault::oversized, failure::malformed, failure::malformed});
    CAPTURE(static_cast<int>(expected.what));
    support::loopback_server server;
    llms::response_cache cache{{.tenant = "t"}};
    auto client = client_of<TestType>(server, {.idle = 100ms}) | llms::cached(cache);
    reply const broken{.tokens = tokens_of("one two three four"), .fault = expected.what};
    server.next(broken);
    CHECK(error_of([&] { return client.complete(ask()); }).kind() == expected.whole);
    server.next(broken);
    CHECK(error_of([&] { return client.stream(ask()).finish(); }).kind() == expected.streamed);
    CHECK(server.requests() == 2); // neither came from the cache
    server.next({.tokens = {"fine"}});
    auto const answer = client.complete(ask());
    CHECK(answer.text() == "fine"); // the client is as good as new
    CHECK_FALSE(answer.cached);
}

TEMPLATE_TEST_CASE("clients: a status says what to do and is not cached", "[curl]", openai,
                   anthropic) {
    struct expectation {
        int status;
        failure kind;
        bool retryable;
    };
    auto const expected = GENERATE(
        expectation{429, failure::rate_limited, true}, expectation{500, failure::server, true},
        expectation{529, failure::server, true}, expectation{401, failure::authentication, false},
        expectation{400, failure::invalid_request, false});
    bool const streamed = GENERATE(false, true);
    support::loopback_server server;
    llms::response_cache cache{{.tenant = "t"}};
    auto client = client_of<TestType>(server) | llms::cached(cache);
    server.next({.status = expected.status, .error = "no more", .retry_after = 3s});
    auto const error =
        error_of([&] { return streamed ? client.stream(ask()).finish() : client.complete(ask()); });
    CHECK(error.kind() == expected.kind);
    CHECK(error.status() == expected.status);
    CHECK(error.retryable() == expected.retryable);
    CHECK(error.retry_after() == std::optional<std::chrono::milliseconds>(3s));
    CHECK(error.request_id().starts_with("req-"));
    CHECK(std::string(error.what()).find("no more") != std::string::npos);
    CHECK((std::string(error.what()) + error.body()).find("sk-secret") == std::string::npos);
    server.next({.tokens = {"fine"}});
    CHECK_FALSE(client.complete(ask()).cached);
}

TEMPLATE_TEST_CASE("clients: slow headers and a late first token time out", "[curl]", openai,
                   anthropic) {
    support::loopback_server server;
    auto client = client_of<TestType>(server, {.first_byte = 50ms, .idle = 50ms});
    bool const streamed = GENERATE(false, true);
    auto const call = [&] {
        return streamed ? client.stream(ask()).finish() : client.complete(ask());
    };
    server.next({.tokens = {"late"}, .head = 10min});
    CHECK(error_of(call).kind() == failure::timeout);
    server.next({.tokens = {"late"}, .first_token = 10min});
    CHECK(error_of(call).kind() == failure::timeout);
}

TEMPLATE_TEST_CASE("clients: the total time holds though tokens come", "[curl]", openai,
                   anthropic) {
    support::loopback_server server;
    auto client = client_of<TestType>(server, {.total = 100ms});
    server.next({.tokens = std::vector<std::string>(2000, "x"), .per_token = 1ms});
    CHECK(error_of([&] { return client.stream(ask()).finish(); }).kind() == failure::timeout);
}

// Memory while they run: a channel of 20 chunks, an SSE buffer of one event and a thread's stack
// for each stream, whatever the length of its answer.
TEMPLATE_TEST_CASE("clients: 200 streams at once lose nothing and leave no thread",
                   "[curl][threads]", openai, anthropic) {
    constexpr std::size_t streams = 200;
    constexpr std::size_t tokens = 60;
    std::thread([] {}).join(); // with the first one ThreadSanitizer starts one of its own
    auto const before = threads();
    std::optional<support::loopback_server> server(std::in_place, streams + 8);
    std::string text;
    for (std::size_t i = 0; i < tokens; ++i) {
        text += "w" + std::to_string(i) + " ";
    }
    server->answer_with([&](nlohmann::json const&) { return reply{.tokens = tokens_of(text)}; });
    auto client = client_of<TestType>(*server);
    {
        std::vector<llms::response_stream> open;
        open.reserve(streams);
        for (std::size_t i = 0; i < streams; ++i) {
            open.push_back(client.stream(ask()));
            REQUIRE(open.back().next() != nullptr); // cpp-httplib queues 5 connections, no more
        }
        std::size_t whole = 0;
        for (auto& stream : open) { // each waits, its channel full, until its turn comes
            std::size_t pieces = 1;
            while (auto const* piece = stream.next()) {
                pieces += piece->kind == llms::chunk_kind::text ? 1 : 0;
            }
            whole += stream.value().text() == text && pieces == tokens_of(text).size() ? 1 : 0;
        }
        CHECK(whole == streams);
    }
    CHECK(server->requests() == streams);
    server.reset(); // its threads are not the client's
    CHECK(threads_down_to(before) == before);
}

} // namespace curl_faults_test
