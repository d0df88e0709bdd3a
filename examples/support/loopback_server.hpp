// SPDX-License-Identifier: MIT
//
// A real HTTP server on 127.0.0.1 that speaks OpenAI's Chat Completions and Anthropic's Messages,
// for the demo and the tests: whole answers and streams, tool calls, usage, and, when told to, the
// ways in which providers fail. It counts what it served.
//
//     support::loopback_server server;
//     server.next({.tokens = {"Hel", "lo"}});            // the next answer; else what answer_with
//     says openai_client client{transport, {.base_url = server.base_url()}};
//
// Built on cpp-httplib, which only loopback_server.cpp includes.
#ifndef LLMS_EXAMPLES_SUPPORT_LOOPBACK_SERVER_HPP
#define LLMS_EXAMPLES_SUPPORT_LOOPBACK_SERVER_HPP

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace support {

/// A way in which a provider fails.
enum class fault {
    none,
    drop_at_once, ///< the connection is closed after the headers, before a byte of the answer
    drop,         ///< the connection is closed after the first half of the answer
    stall,        ///< the answer stops in the middle, and the connection stays open
    malformed,    ///< an event that is not JSON, in the middle
    garbage,      ///< bytes that are no event stream
    error,        ///< an error event in the middle
    oversized,    ///< an event, or a whole answer, that never ends
};

/// A tool call that an answer makes; its arguments are streamed in pieces of five bytes.
struct scripted_call {
    std::string id;
    std::string name;
    std::string arguments;
};

/// One answer of the server.
struct reply {
    std::vector<std::string> tokens{};
    std::vector<scripted_call> calls{};
    std::string finish{};                         ///< empty = "stop", or "tool_calls"
    int status = 200;                             ///< another one sends `error` and no answer
    std::string error = "the server was told to"; ///< the message of an error
    std::optional<std::chrono::seconds> retry_after{};
    support::fault fault = fault::none;
    std::chrono::milliseconds head{0};        ///< pause before the headers
    std::chrono::milliseconds first_token{0}; ///< pause before the answer begins
    std::chrono::milliseconds per_token{0};   ///< pause before each further token
};

/// The words of a text as tokens, each with the space before it.
[[nodiscard]] auto tokens_of(std::string const& text) -> std::vector<std::string>;

/// The server; it listens until it is destroyed. Thread-safe.
class loopback_server {
public:
    /// A connection holds one of the server's threads while it is open.
    explicit loopback_server(std::size_t threads = 32);
    ~loopback_server();
    loopback_server(loopback_server const&) = delete;
    auto operator=(loopback_server const&) -> loopback_server& = delete;

    /// "http://127.0.0.1:<port>/v1"
    [[nodiscard]] auto base_url() const -> std::string;

    /// Answers the next request that has no other answer waiting.
    void next(reply answer);

    /// Answers every request for which `next` left nothing. Called on the server's threads.
    void answer_with(std::function<reply(nlohmann::json const& request)> make);

    /// Requests for a completion that came in, failed ones included.
    [[nodiscard]] auto requests() const -> std::size_t;
    /// Answers in progress.
    [[nodiscard]] auto active() const -> std::size_t;
    /// The body of the last request.
    [[nodiscard]] auto last_request() const -> nlohmann::json;
    /// A header of the last request; empty if it had none of that name.
    [[nodiscard]] auto last_header(std::string const& name) const -> std::string;

private:
    struct state;
    std::unique_ptr<state> state_;
};

} // namespace support

#endif // LLMS_EXAMPLES_SUPPORT_LOOPBACK_SERVER_HPP
