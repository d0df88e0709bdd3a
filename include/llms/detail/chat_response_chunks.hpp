// SPDX-License-Identifier: MIT
//
// A whole response as the chunks of a stream.
#ifndef LLMS_DETAIL_CHAT_RESPONSE_CHUNKS_HPP
#define LLMS_DETAIL_CHAT_RESPONSE_CHUNKS_HPP

#include <llms/chat/chunk.hpp>
#include <llms/chat/message.hpp>
#include <llms/chat/response.hpp>
#include <llms/detail/chat_json.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace llms::inline v0_1::detail {

/// Further members as `chunk::json` has them.
[[nodiscard]] inline auto extra_text(nlohmann::json const& extra) -> std::string {
    return extra.is_null() ? std::string() : lenient_dump(extra);
}

/// A part in one chunk, without its index; false for a part that streams do not have.
[[nodiscard]] inline auto write_part(content_part const& part, chunk& out) -> bool {
    if (auto const* text = std::get_if<text_part>(&part)) {
        out.kind = chunk_kind::text;
        out.text = text->text;
        out.json = extra_text(text->extra);
    } else if (auto const* thought = std::get_if<reasoning_part>(&part)) {
        out.kind = chunk_kind::reasoning;
        out.text = thought->text;
        out.signature = thought->signature;
    } else if (auto const* other = std::get_if<other_part>(&part)) {
        out.kind = chunk_kind::part;
        out.json = lenient_dump(other->raw);
    } else {
        return false;
    }
    return true;
}

/// Tool call number `index` in one chunk.
inline void write_tool_call(tool_call const& call, std::uint32_t index, chunk& out) {
    out.kind = chunk_kind::tool_call;
    out.index = index;
    out.text = call.arguments;
    out.id = call.id;
    out.name = call.name;
    out.json = extra_text(call.extra);
}

/// The end of the stream that `whole` was.
inline void write_end(response const& whole, chunk& out) {
    out.kind = chunk_kind::end;
    out.finish = whole.finish;
    out.id = whole.id;
    out.name = whole.model;
    out.signature = whole.finish_text;
    out.json = extra_text(whole.extra);
    out.usage = whole.usage;
    out.cached = whole.cached;
    out.coalesced = whole.coalesced;
}

/// One chunk a part, one a tool call, the end.
[[nodiscard]] inline auto response_chunks(response const& whole) -> std::vector<chunk> {
    std::vector<chunk> chunks;
    auto const& said = whole.message;
    chunks.reserve(said.content.size() + said.tool_calls.size() + 1);
    for (std::uint32_t index = 0; auto const& part : said.content) {
        if (chunk piece; write_part(part, piece)) {
            piece.index = piece.kind == chunk_kind::part ? 0 : index;
            chunks.push_back(std::move(piece));
        }
        ++index;
    }
    for (std::uint32_t index = 0; auto const& call : said.tool_calls) {
        write_tool_call(call, index++, chunks.emplace_back());
    }
    write_end(whole, chunks.emplace_back());
    return chunks;
}

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CHAT_RESPONSE_CHUNKS_HPP
