// SPDX-License-Identifier: MIT
//
// `transport`: how a provider client sends one HTTP request and gets the answer piece by piece. The
// library ships one on libcurl (ext/curl_transport.hpp); a program that has an HTTP client already
// writes its own in a few lines:
//
//     struct my_transport {
//         void send(llms::http_request const&, llms::http_receiver&, std::stop_token);
//     };
#ifndef LLMS_CHAT_TRANSPORT_HPP
#define LLMS_CHAT_TRANSPORT_HPP

#include <chrono>
#include <concepts>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace llms::inline v0_1 {

/// One header field.
struct http_header {
    std::string name;
    std::string value;
};

/// How long each part of an exchange may take; zero = no limit.
struct http_timeouts {
    std::chrono::milliseconds connect{10'000};    ///< name look-up, connection and TLS
    std::chrono::milliseconds first_byte{60'000}; ///< from the request sent to the first byte
    std::chrono::milliseconds idle{60'000};       ///< between two pieces of the answer
    std::chrono::milliseconds total{0};           ///< the whole exchange
};

/// What to send.
struct http_request {
    std::string url;
    std::string body;
    std::vector<http_header> headers{};
    http_timeouts timeouts{};
};

/// An answer's status line and headers.
struct http_head {
    int status = 0;
    std::vector<http_header> headers{};

    /// The value of the last field of that name in any letter case; empty if there is none.
    [[nodiscard]] auto header(std::string_view name) const noexcept -> std::string_view {
        auto const lower = [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        };
        std::string_view found;
        for (auto const& field : headers) {
            bool same = field.name.size() == name.size();
            for (std::size_t i = 0; same && i < name.size(); ++i) {
                same = lower(field.name[i]) == lower(name[i]);
            }
            if (same) {
                found = field.value;
            }
        }
        return found;
    }
};

/// Takes an answer as it comes, on the thread that called `send`. Returning false gives the
/// exchange up.
class http_receiver {
public:
    http_receiver() = default;
    http_receiver(http_receiver const&) = delete;
    auto operator=(http_receiver const&) -> http_receiver& = delete;
    virtual ~http_receiver() = default;

    [[nodiscard]] virtual auto on_head(http_head const& head) -> bool = 0;
    [[nodiscard]] virtual auto on_body(std::string_view bytes) -> bool = 0;
};

/// Sends POST requests. `send` returns when the answer is whole or the receiver gave it up; it
/// throws provider_error (connection, timeout) when neither can be had, cancelled_error when the
/// stop_token was stopped, and what the receiver throws. It may be called from several threads.
template <class T>
concept transport = requires(T& t, http_request const& request, http_receiver& receiver,
                             std::stop_token stop) {
    { t.send(request, receiver, stop) } -> std::same_as<void>;
};

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_TRANSPORT_HPP
