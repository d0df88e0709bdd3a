// SPDX-License-Identifier: MIT
//
// `openai_client`: a provider that speaks OpenAI's Chat Completions over any transport: OpenAI, and
// the many that follow it (vLLM, llama.cpp, Ollama, Mistral, Groq, DeepSeek ...).
//
//     llms::openai_client client{llms::curl_transport{},
//                                {.base_url = "http://localhost:11434/v1", .api_key = key}};
//     auto stream = client.stream({.model = "llama3.2", .messages = {llms::message::user("Hi")}});
//
// A stream runs on a thread of its own and hands its chunks over through a pooled channel of
// `channel_capacity`: a slow consumer slows the connection down, one that leaves closes it. At most
// `max_streams` are open at a time.
//
// Thread safety: all of it. The client may go before its streams: they share what they need.
#ifndef LLMS_CHAT_OPENAI_HPP
#define LLMS_CHAT_OPENAI_HPP

#include <llms/chat/openai_wire.hpp>
#include <llms/chat/provider.hpp>
#include <llms/chat/transport.hpp>
#include <llms/detail/chat_exchange.hpp>
#include <llms/detail/chat_json.hpp>

#include <cstddef>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace llms::inline v0_1 {

/// How to reach an OpenAI-compatible service.
struct openai_options {
    std::string base_url = "https://api.openai.com/v1"; ///< without the trailing slash
    std::string api_key{};              ///< sent as a bearer token; never logged, never in an error
    std::vector<http_header> headers{}; ///< sent with each request
    http_timeouts timeouts{};
    std::size_t max_response_bytes = std::size_t{64}
                                     << 20; ///< of an answer, or of one stream event
    std::size_t channel_capacity = 20;      ///< chunks between network and consumer
    std::size_t max_streams = 1024;         ///< open at a time; more is an error

    /// LLMS_BASE_URL and LLMS_API_KEY where they are set and not empty, else the defaults. To be
    /// called before other threads change the environment.
    [[nodiscard]] static auto from_environment() -> openai_options {
        openai_options options;
        detail::read_environment({"LLMS_BASE_URL"}, options.base_url);
        detail::read_environment({"LLMS_API_KEY"}, options.api_key);
        return options;
    }
};

/// A client of an OpenAI-compatible service; see the head of this file.
template <transport Transport>
class openai_client {
public:
    explicit openai_client(Transport transport, openai_options options = {})
        : shared_(std::make_shared<state>(std::move(transport), std::move(options))) {}

    /// Asks and waits for the whole answer.
    /// \throws provider_error, cancelled_error
    [[nodiscard]] auto complete(request const& ask, std::stop_token stop = {}) -> response {
        return openai::response_from_json(
            detail::exchange_json(*shared_, http(ask, false), std::move(stop)));
    }

    /// Asks for a stream. Errors of the call, its status included, come from the stream.
    /// \throws error when `max_streams` are open.
    [[nodiscard]] auto stream(request const& ask, std::stop_token stop = {}) -> response_stream {
        return detail::exchange_stream<openai::stream_decoder>(shared_, http(ask, true), stop);
    }

    /// "openai", as OpenTelemetry names the provider.
    [[nodiscard]] auto name() const noexcept -> std::string_view { return "openai"; }

private:
    using state = detail::exchange_state<Transport, openai_options>;

    [[nodiscard]] auto http(request const& ask, bool stream) const -> http_request {
        auto const& options = shared_->options;
        http_request wire{.url = options.base_url + "/chat/completions",
                          .body = detail::dump_body(openai::body(ask, {.stream = stream})),
                          .headers = options.headers,
                          .timeouts = options.timeouts};
        wire.headers.push_back({"Content-Type", "application/json"});
        if (stream) {
            wire.headers.push_back({"Accept", "text/event-stream"});
        }
        if (!options.api_key.empty()) {
            wire.headers.push_back({"Authorization", "Bearer " + options.api_key});
        }
        return wire;
    }

    std::shared_ptr<state> shared_;
};

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_OPENAI_HPP
