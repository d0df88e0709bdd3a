// SPDX-License-Identifier: MIT
//
// The client and the transport against a real HTTP server on 127.0.0.1, in each way it can fail.
#include "support/catch.hpp"
#include "support/error_of.hpp"
#include "support/listener.hpp"
#include "support/loopback_server.hpp"
#include <llms/chat/openai.hpp>
#include <llms/ext/curl_transport.hpp>

#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

extern char** environ; // NOLINT(readability-redundant-declaration)

namespace curl_transport_test {

namespace {

using namespace std::chrono_literals;
using llms::failure;
using support::error_of;
using support::fault;
using support::reply;
using support::tokens_of;

using client_type = llms::openai_client<llms::curl_transport>;

auto client_of(support::loopback_server const& server, llms::http_timeouts timeouts = {})
    -> client_type {
    return client_type{
        llms::curl_transport{},
        {.base_url = server.base_url(), .api_key = "sk-secret", .timeouts = timeouts}};
}

auto ask() -> llms::request {
    return {.model = "m", .messages = {llms::message::user("hi")}};
}

} // namespace

TEST_CASE("openai_client: a whole answer over HTTP", "[curl]") {
    support::loopback_server server;
    auto client = client_of(server);
    server.next({.tokens = tokens_of("Hello there"), .calls = {{"c", "f", R"({"x": 1})"}}});
    auto const answer = client.complete(ask());
    CHECK(answer.text() == "Hello there");
    CHECK(answer.finish == llms::finish_reason::tool_calls);
    REQUIRE(answer.message.tool_calls.size() == 1);
    CHECK(answer.message.tool_calls[0] == llms::tool_call{"c", "f", R"({"x": 1})"});
    CHECK(answer.usage.output_tokens == 3);
    CHECK(server.last_header("Authorization") == "Bearer sk-secret");
    CHECK(server.last_request()["messages"][0]["content"] == "hi");
    CHECK_FALSE(server.last_request().contains("stream"));
}

TEST_CASE("openai_client: a stream over HTTP, with tool-call deltas and usage", "[curl]") {
    support::loopback_server server;
    auto client = client_of(server);
    server.next({.tokens = tokens_of("Let me see"),
                 .calls = {{"a", "f", R"({"from": "Oslo"})"}, {"b", "g", "{}"}}});
    auto stream = client.stream(ask());
    std::size_t pieces = 0;
    for (auto const& piece : stream) {
        pieces += piece.kind == llms::chunk_kind::text ? 1 : 0;
    }
    CHECK(pieces == 3);
    auto const& answer = stream.value();
    CHECK(answer.text() == "Let me see");
    REQUIRE(answer.message.tool_calls.size() == 2);
    CHECK(answer.message.tool_calls[0] == llms::tool_call{"a", "f", R"({"from": "Oslo"})"});
    CHECK(answer.message.tool_calls[1] == llms::tool_call{"b", "g", "{}"});
    CHECK(answer.usage.output_tokens == 5);
    CHECK(server.last_request()["stream_options"]["include_usage"] == true);
}

TEST_CASE("openai_client: each fault gives its error, whole or streamed", "[curl]") {
    support::loopback_server server;
    auto client = client_of(server, {.idle = 100ms});
    struct expectation {
        support::fault what;
        failure whole;
        failure streamed;
    };
    auto const expected =
        GENERATE(expectation{fault::drop, failure::connection, failure::connection},
                 expectation{fault::stall, failure::timeout, failure::timeout},
                 expectation{fault::malformed, failure::malformed, failure::malformed},
                 expectation{fault::garbage, failure::malformed, failure::connection},
                 expectation{fault::error, failure::connection, failure::server});
    CAPTURE(static_cast<int>(expected.what));
    reply const broken{.tokens = tokens_of("one two three four"), .fault = expected.what};
    server.next(broken);
    CHECK(error_of([&] { return client.complete(ask()); }).kind() == expected.whole);
    server.next(broken);
    CHECK(error_of([&] { return client.stream(ask()).finish(); }).kind() == expected.streamed);
    server.next({.tokens = {"fine"}});
    CHECK(client.complete(ask()).text() == "fine"); // the client is as good as new
}

TEST_CASE("openai_client: a status says what to do, the key is in no error", "[curl]") {
    support::loopback_server server;
    auto client = client_of(server);
    struct expectation {
        int status;
        failure kind;
        bool retryable;
    };
    auto const expected = GENERATE(
        expectation{429, failure::rate_limited, true}, expectation{500, failure::server, true},
        expectation{503, failure::server, true}, expectation{401, failure::authentication, false},
        expectation{400, failure::invalid_request, false},
        expectation{408, failure::invalid_request, true});
    bool const streamed = GENERATE(false, true);
    server.next({.status = expected.status, .error = "no more", .retry_after = 3s});
    auto const error =
        error_of([&] { return streamed ? client.stream(ask()).finish() : client.complete(ask()); });
    CHECK(error.kind() == expected.kind);
    CHECK(error.status() == expected.status);
    CHECK(error.retryable() == expected.retryable);
    CHECK(error.retry_after() == std::optional<std::chrono::milliseconds>(3s));
    CHECK(error.request_id().substr(0, 4) == "req-");
    CHECK(std::string(error.what()).find("no more") != std::string::npos);
    CHECK((std::string(error.what()) + error.body()).find("sk-secret") == std::string::npos);
}

TEST_CASE("openai_client: nobody listens", "[curl]") {
    std::optional<support::loopback_server> server(std::in_place);
    auto client = client_of(*server);
    server.reset();
    CHECK(error_of([&] { return client.complete(ask()); }).kind() == failure::connection);
    CHECK(error_of([&] { return client.stream(ask()).finish(); }).kind() == failure::connection);
}

TEST_CASE("openai_client: no first byte in time", "[curl]") {
    support::loopback_server server;
    auto client = client_of(server, {.first_byte = 50ms});
    server.next({.tokens = {"late"}, .first_token = 10s});
    CHECK(error_of([&] { return client.complete(ask()); }).kind() == failure::timeout);
}

TEST_CASE("openai_client: a stop_token ends a stalled call at once", "[curl]") {
    support::loopback_server server;
    auto client = client_of(server);
    bool const streamed = GENERATE(false, true);
    server.next({.tokens = tokens_of("one two three"), .fault = fault::stall});
    std::stop_source stop;
    std::jthread const canceller([&] {
        while (server.active() == 0) {
            std::this_thread::yield();
        }
        stop.request_stop();
    });
    auto const call = [&] {
        return streamed ? client.stream(ask(), stop.get_token()).finish()
                        : client.complete(ask(), stop.get_token());
    };
    CHECK_THROWS_AS(call(), llms::cancelled_error);
}

TEST_CASE("openai_client: dropping a stream ends its request", "[curl]") {
    support::loopback_server server;
    auto client = client_of(server);
    server.next({.tokens = tokens_of("one two three"), .fault = fault::stall});
    {
        auto stream = client.stream(ask());
        REQUIRE(stream.next() != nullptr);
    }
    while (server.active() > 0) { // the server sees its client go
        std::this_thread::yield();
    }
    SUCCEED();
}

#ifdef SOCK_CLOEXEC
TEST_CASE("openai_client: a process that is started meanwhile does not keep a connection open",
          "[curl]") {
    support::loopback_server server;
    server.next({.tokens = {"a", "b", "c", "d"}, .fault = fault::stall});
    auto client = client_of(server);
    std::optional<llms::response_stream> stream(client.stream(ask()));
    REQUIRE(stream->next() != nullptr);
    std::string name = "sleep";
    std::string time = "1000";
    char* const words[] = {name.data(), time.data(), nullptr};
    ::pid_t child = 0;
    REQUIRE(::posix_spawnp(&child, "sleep", nullptr, nullptr, words, environ) == 0);
    stream.reset();
    for (int i = 0; i < 5000 && server.active() > 0; ++i) {
        std::this_thread::sleep_for(1ms);
    }
    CHECK(server.active() == 0);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
}
#endif

TEST_CASE("openai_client: an answer larger than allowed is refused", "[curl]") {
    support::loopback_server server;
    client_type client{llms::curl_transport{},
                       {.base_url = server.base_url(), .max_response_bytes = 1000}};
    server.next({.tokens = {std::string(2000, 'x')}});
    CHECK(error_of([&] { return client.complete(ask()); }).kind() == failure::malformed);
    server.next({.tokens = {std::string(2000, 'x')}});
    CHECK(error_of([&] { return client.stream(ask()).finish(); }).kind() == failure::malformed);
}

TEST_CASE("openai_client: no more streams than max_streams", "[curl]") {
    support::loopback_server server;
    client_type client{llms::curl_transport{}, {.base_url = server.base_url(), .max_streams = 1}};
    server.next({.tokens = tokens_of("one two three"), .fault = fault::stall});
    auto stream = client.stream(ask());
    CHECK_THROWS_AS(client.stream(ask()), llms::error);
}

TEST_CASE("openai_client: many streams at once lose nothing", "[curl][threads]") {
    constexpr int streams = 48;
    support::loopback_server server(streams + 8);
    std::string const text = "a long enough answer that its pieces go through the channel in turns "
                             "and more than once around its ring of twenty";
    server.answer_with([&](nlohmann::json const&) { return reply{.tokens = tokens_of(text)}; });
    auto client = client_of(server);
    std::atomic<int> whole{0};
    {
        std::vector<std::jthread> threads;
        threads.reserve(streams);
        for (int i = 0; i < streams; ++i) {
            threads.emplace_back([&] {
                auto const answer = client.stream(ask()).finish();
                whole += answer.text() == text ? 1 : 0;
            });
        }
    }
    CHECK(whole == streams);
    CHECK(server.requests() == streams);
}

TEST_CASE("openai_client: a client may go before its streams", "[curl]") {
    support::loopback_server server;
    std::optional<client_type> client(client_of(server));
    server.next({.tokens = tokens_of("still here"), .first_token = 20ms});
    auto stream = client->stream(ask());
    client.reset();
    auto const answer = std::move(stream).finish();
    CHECK(answer.text() == "still here");
}

TEST_CASE("curl_transport: an answer whose headers never end is refused", "[curl]") {
    std::string answer = "HTTP/1.1 200 OK\r\n";
    for (int i = 0; i < 280; ++i) {
        answer += "X-" + std::to_string(i) + ": " + std::string(1020, 'x') + "\r\n";
    }
    support::parrot const server(answer);
    client_type client{llms::curl_transport{}, {.base_url = server.url()}};
    auto const error = error_of([&] { return client.complete(ask()); });
    CHECK(error.kind() == failure::malformed);
    CHECK(std::string(error.what()).find("headers exceed 256 KiB") != std::string::npos);
}

TEST_CASE("curl_transport: asks a proxy for what is elsewhere", "[curl]") {
    std::string const body = R"({"choices": [{"message": {"content": "fine"}}]})";
    support::parrot const proxy(
        "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    client_type client{llms::curl_transport{{.proxy = proxy.url()}},
                       {.base_url = "http://provider.invalid/v1"}}; // a name without an address
    CHECK(client.complete(ask()).text() == "fine");
}

TEST_CASE("curl_transport: trusts the certificates of a file, which must be there", "[curl]") {
    support::loopback_server const server;
    client_type client{llms::curl_transport{{.ca_file = "/no/such/file.pem"}},
                       {.base_url = "https" + server.base_url().substr(4)}};
    auto const error = error_of([&] { return client.complete(ask()); });
    CHECK(error.kind() == failure::connection);
    CHECK(std::string(error.what()).find("/no/such/file.pem") != std::string::npos);
}

TEST_CASE("curl_transport: takes http and https only", "[curl]") {
    client_type client{llms::curl_transport{}, {.base_url = "file:///etc"}};
    CHECK_THROWS_AS(client.complete(ask()), llms::error);
}

} // namespace curl_transport_test
