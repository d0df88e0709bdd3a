// SPDX-License-Identifier: MIT
//
// What `limited` and `budgeted` share: each call enters a gate and holds something of it until it is
// over. A gate has `enter(request, stop_token) -> hold`; a hold gives back in its destructor what the
// call did not take, which it learns by `settle(response)` or, chunk by chunk, by `took(chunk)`.
#ifndef LLMS_DETAIL_CHAT_HOLDING_HPP
#define LLMS_DETAIL_CHAT_HOLDING_HPP

#include <llms/chat/chunk.hpp>
#include <llms/chat/message_manager.hpp>
#include <llms/chat/middleware.hpp>
#include <llms/chat/provider.hpp>
#include <llms/chat/request.hpp>
#include <llms/chat/response.hpp>
#include <llms/chat/response_stream.hpp>
#include <llms/detail/chat_json.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string_view>
#include <utility>

namespace llms::inline v0_1::detail {

/// A count of tokens from elsewhere, into what can be added up without overflow and is exact as a
/// double.
template <class Count>
[[nodiscard]] constexpr auto bounded_tokens(Count count) noexcept -> std::int64_t {
    constexpr auto most = std::int64_t{1} << 50;
    return std::cmp_less(count, 0) ? 0 : std::cmp_less(most, count) ? most : std::int64_t(count);
}

[[nodiscard]] inline auto tokens_of(usage const& used) noexcept -> std::int64_t {
    return bounded_tokens(used.input_tokens) + bounded_tokens(used.output_tokens);
}

/// An estimate of what a request's messages and tools come to: a token for four bytes of a tool.
[[nodiscard]] inline auto input_tokens(request const& ask, token_counter const& count)
    -> std::int64_t {
    std::int64_t tokens = 0;
    for (auto const& each : ask.messages) {
        tokens =
            bounded_tokens(tokens + bounded_tokens(count ? count(each) : estimate_tokens(each)));
    }
    for (auto const& tool : ask.tools) {
        auto const bytes = tool.name.size() + tool.description.size() +
                           nlohmann::json(tool.parameters).dump().size();
        tokens += static_cast<std::int64_t>(bytes / 4 + 4);
    }
    return tokens;
}

/// A stream that holds what its call entered with until it has ended, failed or been dropped.
template <class Hold>
class held_source final : public chunk_source {
public:
    held_source(Hold hold, response_stream inner)
        : hold_(std::move(hold)),
          inner_(std::move(inner)) {}

    [[nodiscard]] auto next(chunk& out, std::stop_token const& stop) -> bool override {
        auto const* const piece = inner_.next(stop);
        if (piece == nullptr) {
            return false;
        }
        hold_.took(*piece);
        out = *piece;
        return true;
    }

private:
    Hold hold_; // outlives inner_: the provider is let go first
    response_stream inner_;
};

/// A provider whose calls go through a gate.
template <provider P, class Gate>
class holding_provider {
public:
    static constexpr auto layers = layers_of<P>;

    holding_provider(P inner, Gate gate) : inner_(std::move(inner)), gate_(std::move(gate)) {}

    /// \throws as the gate and the provider
    [[nodiscard]] auto complete(request const& ask, std::stop_token stop = {}) -> response {
        auto hold = gate_.enter(ask, stop);
        auto answer = inner_.complete(ask, std::move(stop));
        hold.settle(answer);
        return answer;
    }

    /// \throws as `complete`
    [[nodiscard]] auto stream(request const& ask, std::stop_token stop = {}) -> response_stream {
        auto hold = gate_.enter(ask, stop);
        auto inner = inner_.stream(ask, std::move(stop));
        return response_stream(
            std::make_unique<held_source<decltype(hold)>>(std::move(hold), std::move(inner)));
    }

    [[nodiscard]] auto name() const -> std::string_view { return inner_.name(); }

private:
    P inner_;
    Gate gate_;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CHAT_HOLDING_HPP
