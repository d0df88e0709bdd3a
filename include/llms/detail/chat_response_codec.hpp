// SPDX-License-Identifier: MIT
//
// How a recorded response becomes bytes, for second tiers and for `save`, and back. The bytes may come
// from anywhere: what is not exactly an answer is refused, and memory stays within some tens of times
// of their number.
#ifndef LLMS_DETAIL_CHAT_RESPONSE_CODEC_HPP
#define LLMS_DETAIL_CHAT_RESPONSE_CODEC_HPP

#include <llms/cache/cache_codec.hpp>
#include <llms/chat/recorded_response.hpp>
#include <llms/detail/chat_fields.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace llms::inline v0_1 {
namespace detail {

inline constexpr std::uint8_t response_format = 2;

/// Whether the cuts of a recorded response yield that response when it is replayed.
[[nodiscard]] inline auto is_whole(recorded_response const& answer) -> bool {
    replay_cursor cursor;
    response_builder built;
    for (chunk piece; !built.done() && cursor.next(answer, piece); piece.clear()) {
        built.add(piece);
    }
    chunk more;
    return built.done() && !cursor.next(answer, more) &&
           built.value().message.content == answer.response.message.content &&
           built.value().message.tool_calls == answer.response.message.tool_calls;
}

} // namespace detail

/// The bytes of a recorded response. Whether it was `cached` or `coalesced` is not kept.
template <>
struct cache_codec<recorded_response> {
    /// \throws nlohmann::json::exception when a text in an `extra` is not UTF-8.
    static void encode(recorded_response const& from, std::string& to) {
        auto const& [answer, cuts] = from;
        detail::fields_out put(to);
        put(std::uint64_t{detail::response_format}, std::uint64_t(answer.finish), answer.id,
            answer.model, answer.finish_text, answer.extra);
        put(answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.cached_input_tokens,
            answer.usage.cache_write_tokens, answer.usage.reasoning_tokens);
        put(answer.message);
        put(cuts.size());
        for (auto const& cut : cuts) {
            put(std::uint64_t(cut.kind), std::uint64_t{cut.index}, std::uint64_t{cut.bytes},
                std::uint64_t{cut.pause_us});
        }
    }

    /// Nothing if the bytes are not exactly those of a recorded response of this version. Cuts that
    /// do not fit the answer are left out: it is then replayed part by part.
    static auto decode(std::string_view from) -> std::optional<recorded_response> {
        std::optional<recorded_response> made(std::in_place);
        auto& [answer, cuts] = *made;
        detail::fields_in take(from);
        if (take.number(0xFF) != detail::response_format) {
            return std::nullopt;
        }
        answer.finish =
            static_cast<finish_reason>(take.number(std::uint64_t(finish_reason::content_filter)));
        take(answer.id, answer.model, answer.finish_text, answer.extra);
        take(answer.usage.input_tokens, answer.usage.output_tokens,
             answer.usage.cached_input_tokens, answer.usage.cache_write_tokens,
             answer.usage.reasoning_tokens);
        take(answer.message);
        for (auto left = take.number(from.size()); left > 0 && take.ok(); --left) {
            auto& cut = cuts.emplace_back();
            cut.kind = static_cast<chunk_kind>(take.number(std::uint64_t(chunk_kind::end)));
            cut.index = static_cast<std::uint16_t>(take.number(0xFFFF));
            cut.bytes = static_cast<std::uint32_t>(take.number(0xFFFF'FFFF));
            cut.pause_us = static_cast<std::uint32_t>(take.number(0xFFFF'FFFF));
        }
        if (!take.at_end()) {
            return std::nullopt;
        }
        if (!cuts.empty() && !detail::is_whole(*made)) {
            cuts.clear();
        }
        return made;
    }
};

} // namespace llms::inline v0_1

#endif // LLMS_DETAIL_CHAT_RESPONSE_CODEC_HPP
