// SPDX-License-Identifier: MIT
//
// `response`: a model's whole answer, with why it ended and what it cost.
//
//     llms::response const answer = client.complete(ask);
//     std::cout << answer.text() << '\n' << answer.usage.output_tokens << " tokens\n";
//
// Thread safety: as a standard container: concurrent reads, exclusive writes.
#ifndef LLMS_CHAT_RESPONSE_HPP
#define LLMS_CHAT_RESPONSE_HPP

#include <llms/chat/message.hpp>
#include <llms/detail/chat_explicit_copy.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace llms::inline v0_1 {

/// Why an answer ended. `unknown`: the provider has not said, or said what llms does not know.
enum class finish_reason : std::uint8_t { unknown, stop, length, tool_calls, content_filter };

/// The reason in OpenAI's words: "stop", "length", "tool_calls", "content_filter"; else "unknown".
[[nodiscard]] constexpr auto to_string(finish_reason reason) noexcept -> std::string_view {
    constexpr std::string_view names[] = {"unknown", "stop", "length", "tool_calls",
                                          "content_filter"};
    return names[static_cast<std::size_t>(reason)];
}

/// Tokens that a call used, as the provider counted them.
struct usage {
    std::int64_t input_tokens = 0;        ///< of the prompt, those read from its cache included
    std::int64_t output_tokens = 0;       ///< of the answer, reasoning included
    std::int64_t cached_input_tokens = 0; ///< of input_tokens: read from the provider's cache
    std::int64_t cache_write_tokens = 0;  ///< of input_tokens: written to the provider's cache
    std::int64_t reasoning_tokens = 0;    ///< of output_tokens: spent on reasoning

    auto operator==(usage const&) const -> bool = default;
};

/// A model's whole answer; see the head of this file.
struct response {
    std::string id{};
    std::string model{};                            ///< the model that answered
    llms::message message{.role = role::assistant}; ///< what it said
    llms::finish_reason finish = finish_reason::unknown;
    std::string finish_text{}; ///< the reason in the provider's own words
    llms::usage usage{};
    bool cached = false;    ///< answered from a cache: no call was made, `usage` is zero
    bool coalesced = false; ///< answered by another caller's call in flight; `usage` is zero
    nlohmann::json extra{}; ///< further members of the wire form
    [[no_unique_address]] detail::explicit_copy copies_are_explicit{};

    /// The answer's text parts, joined.
    [[nodiscard]] auto text() const -> std::string { return message.text(); }

    [[nodiscard]] auto clone() const -> response {
        return {.id = id,
                .model = model,
                .message = message.clone(),
                .finish = finish,
                .finish_text = finish_text,
                .usage = usage,
                .cached = cached,
                .coalesced = coalesced,
                .extra = extra};
    }

    /// Makes this the default response again; vectors and strings keep their capacity.
    void clear() noexcept {
        id.clear();
        model.clear();
        message.clear();
        message.role = role::assistant;
        finish = finish_reason::unknown;
        finish_text.clear();
        usage = {};
        cached = false;
        coalesced = false;
        extra = nullptr;
    }

    auto operator==(response const& other) const -> bool {
        return id == other.id && model == other.model && message == other.message &&
               finish == other.finish && finish_text == other.finish_text && usage == other.usage &&
               cached == other.cached && coalesced == other.coalesced && extra == other.extra;
    }
};

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_RESPONSE_HPP
