// SPDX-License-Identifier: MIT
//
// `anthropic_client`: a provider that speaks Anthropic's Messages over any transport.
//
//     llms::anthropic_client client{llms::curl_transport{},
//                                   llms::anthropic_options::from_environment()};
//     auto stream = client.stream({.model = "claude-sonnet-4-5",
//                                  .messages = {llms::message::user("Hi")}});
//
// Streams are run and bounded as those of `openai_client`. What the API has and llms does not
// model goes through `request::extra` ("thinking", "mcp_servers" ...); its blocks are other_parts.
//
// Thread safety: all of it. The client may go before its streams: they share what they need.
#ifndef LLMS_CHAT_ANTHROPIC_HPP
#define LLMS_CHAT_ANTHROPIC_HPP

#include <llms/chat/anthropic_wire.hpp>
#include <llms/chat/provider.hpp>
#include <llms/chat/transport.hpp>
#include <llms/detail/chat_exchange.hpp>
#include <llms/detail/chat_json.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace llms::inline v0_1 {

/// How to reach Anthropic, or a service that speaks its API.
struct anthropic_options {
    std::string base_url = "https://api.anthropic.com"; ///< without the trailing slash and /v1
    std::string api_key{};              ///< sent as x-api-key; never logged, never in an error
    std::vector<http_header> headers{}; ///< sent with each request
    http_timeouts timeouts{};
    std::string version = "2023-06-01"; ///< of the API
    std::int64_t max_tokens = 4096;     ///< of an answer, where the request says none
    std::size_t max_response_bytes = std::size_t{64}
                                     << 20; ///< of an answer, or of one stream event
    std::size_t channel_capacity = 20;      ///< chunks between network and consumer
    std::size_t max_streams = 1024;         ///< open at a time; more is an error

    /// ANTHROPIC_BASE_URL and ANTHROPIC_API_KEY, else LLMS_BASE_URL and LLMS_API_KEY, where they are
    /// set and not empty, else the defaults. To be called before other threads change the
    /// environment.
    [[nodiscard]] static auto from_environment() -> anthropic_options {
        anthropic_options options;
        detail::read_environment({"ANTHROPIC_BASE_URL", "LLMS_BASE_URL"}, options.base_url);
        detail::read_environment({"ANTHROPIC_API_KEY", "LLMS_API_KEY"}, options.api_key);
        return options;
    }
};

/// A client of Anthropic's Messages; see the head of this file.
template <transport Transport>
class anthropic_client {
public:
    explicit anthropic_client(Transport transport, anthropic_options options = {})
        : shared_(std::make_shared<state>(std::move(transport), std::move(options))) {}

    /// Asks and waits for the whole answer.
    /// \throws provider_error, cancelled_error
    [[nodiscard]] auto complete(request const& ask, std::stop_token stop = {}) -> response {
        return anthropic::response_from_json(
            detail::exchange_json(*shared_, http(ask, false), std::move(stop)));
    }

    /// Asks for a stream. Errors of the call, its status included, come from the stream.
    /// \throws error when `max_streams` are open.
    [[nodiscard]] auto stream(request const& ask, std::stop_token stop = {}) -> response_stream {
        return detail::exchange_stream<anthropic::stream_decoder>(shared_, http(ask, true), stop);
    }

    /// "anthropic", as OpenTelemetry names the provider.
    [[nodiscard]] auto name() const noexcept -> std::string_view { return "anthropic"; }

private:
    using state = detail::exchange_state<Transport, anthropic_options>;

    // The base with or without /v1: both are in use.
    [[nodiscard]] static auto messages_url(std::string const& base) -> std::string {
        return base + (base.ends_with("/v1") ? "/messages" : "/v1/messages");
    }

    [[nodiscard]] auto http(request const& ask, bool stream) const -> http_request {
        auto const& options = shared_->options;
        http_request wire{.url = messages_url(options.base_url),
                          .body = detail::dump_body(anthropic::body(
                              ask, {.stream = stream, .max_tokens = options.max_tokens})),
                          .headers = options.headers,
                          .timeouts = options.timeouts};
        wire.headers.push_back({"Content-Type", "application/json"});
        wire.headers.push_back({"anthropic-version", options.version});
        if (stream) {
            wire.headers.push_back({"Accept", "text/event-stream"});
        }
        if (!options.api_key.empty()) {
            wire.headers.push_back({"x-api-key", options.api_key});
        }
        return wire;
    }

    std::shared_ptr<state> shared_;
};

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_ANTHROPIC_HPP
