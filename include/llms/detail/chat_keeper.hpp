// SPDX-License-Identifier: MIT
//
// What a response cache keeps, and its way to the second tier: apart from the cache, because
// background refreshes may outlive that.
#ifndef LLMS_DETAIL_CHAT_KEEPER_HPP
#define LLMS_DETAIL_CHAT_KEEPER_HPP

#include <llms/cache/guarded_store.hpp>
#include <llms/chat/recorded_response.hpp>
#include <llms/chat/request.hpp>
#include <llms/chat/response.hpp>
#include <llms/detail/cache_sha256.hpp>
#include <llms/detail/chat_response_codec.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace llms::inline v0_1::detail {

/// Copies share the tier.
struct response_keeper {
    std::shared_ptr<guarded_store> tier;
    std::chrono::nanoseconds ttl{0};
    bool keep_truncated = false;
    bool keep_filtered = false;

    /// What an answer is called in the second tier, where names must be short.
    [[nodiscard]] static auto tier_key(std::string_view key) -> std::string {
        return "llms1:" + sha256_hex(sha256_of(key));
    }

    /// Whether an answer is whole, or allowed not to be.
    [[nodiscard]] auto keeps(response const& answer) const noexcept -> bool {
        switch (answer.finish) {
        case finish_reason::stop:
        case finish_reason::tool_calls:
            return true;
        case finish_reason::length:
            return keep_truncated;
        case finish_reason::content_filter:
            return keep_filtered;
        case finish_reason::unknown:
            break;
        }
        return false;
    }

    /// The bytes for the second tier; nothing when there is none, or no bytes for this answer.
    [[nodiscard]] auto encode(recorded_response const& answer) const -> std::optional<std::string> {
        if (!tier) {
            return std::nullopt;
        }
        try {
            std::optional<std::string> bytes(std::in_place);
            cache_codec<recorded_response>::encode(answer, *bytes);
            return bytes;
        } catch (nlohmann::json::exception const&) { // a text in an `extra` is not UTF-8
            return std::nullopt;
        }
    }

    [[nodiscard]] auto decode(std::string_view bytes) const -> std::optional<recorded_response> {
        auto answer = cache_codec<recorded_response>::decode(bytes);
        return answer && keeps(answer->response) ? std::move(answer) : std::nullopt;
    }

    /// Queued: does not wait.
    void write(std::string_view key, std::string_view bytes, cache_control const& control) const {
        tier->put(tier_key(key), bytes, control.ttl.value_or(ttl));
    }
    void erase(std::string_view key) const {
        if (tier) {
            tier->erase(tier_key(key));
        }
    }
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CHAT_KEEPER_HPP
