// SPDX-License-Identifier: MIT
//
// `provider_error`: a call of a provider failed. `kind()` says how, `retryable()` whether the same
// call may succeed when it is made again, `retry_after()` when.
//
//     catch (llms::provider_error const& e) {
//         std::cerr << e.what() << " (HTTP " << e.status() << ", id " << e.request_id() << ")\n";
//     }
#ifndef LLMS_CHAT_PROVIDER_ERROR_HPP
#define LLMS_CHAT_PROVIDER_ERROR_HPP

#include <llms/error.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace llms::inline v0_1 {

/// How a call of a provider failed.
enum class failure : std::uint8_t {
    connection,      ///< no connection, or it was dropped before the answer was whole
    timeout,         ///< the provider stalled beyond the transport's limits
    rate_limited,    ///< 429
    server,          ///< 5xx, or an error event in the stream
    authentication,  ///< 401 or 403
    invalid_request, ///< another 4xx
    malformed,       ///< an answer that is not in the wire form, or is too large
};

/// The failure's name: "connection", "timeout", "rate_limited" ...
[[nodiscard]] constexpr auto to_string(failure kind) noexcept -> std::string_view {
    constexpr std::string_view names[] = {"connection", "timeout",        "rate_limited",
                                          "server",     "authentication", "invalid_request",
                                          "malformed"};
    return names[static_cast<std::size_t>(kind)];
}

/// A call of a provider failed; see the head of this file. Cheap to copy; copying never throws.
class provider_error : public error {
public:
    /// What is known of a failed call.
    struct details {
        failure kind = failure::connection;
        int status = 0;           ///< HTTP status; 0 = none was received
        std::string body{};       ///< of the error response, cut to a bound
        std::string request_id{}; ///< the provider's id of the call
        std::optional<std::chrono::milliseconds> retry_after{};
    };

    provider_error(std::string const& what, details known)
        : error(what),
          known_(std::make_shared<details const>(std::move(known))) {}
    provider_error(failure kind, std::string const& what)
        : provider_error(what, details{.kind = kind}) {}

    [[nodiscard]] auto kind() const noexcept -> failure { return known_->kind; }
    /// The HTTP status; 0 when none was received.
    [[nodiscard]] auto status() const noexcept -> int { return known_->status; }
    /// The error response's body, cut to a bound.
    [[nodiscard]] auto body() const noexcept -> std::string const& { return known_->body; }
    /// The provider's id of the call, where it sent one.
    [[nodiscard]] auto request_id() const noexcept -> std::string const& {
        return known_->request_id;
    }
    /// How long the provider asks to wait before another attempt.
    [[nodiscard]] auto retry_after() const noexcept -> std::optional<std::chrono::milliseconds> {
        return known_->retry_after;
    }
    /// Another attempt of the same call may succeed: 408, 409, 429, 5xx, and failures on the way.
    [[nodiscard]] auto retryable() const noexcept -> bool {
        switch (kind()) {
        case failure::connection:
        case failure::timeout:
        case failure::rate_limited:
        case failure::server:
            return true;
        case failure::invalid_request:
            return status() == 408 || status() == 409;
        case failure::authentication:
        case failure::malformed:
            return false;
        }
        return false;
    }

private:
    std::shared_ptr<details const> known_;
};

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_PROVIDER_ERROR_HPP
