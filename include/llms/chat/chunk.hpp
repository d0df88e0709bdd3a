// SPDX-License-Identifier: MIT
//
// `chunk`: what a stream yields: a piece of text, of reasoning or of a tool call's arguments, and
// last of all the end, with the finish reason and the usage.
//
//     for (llms::chunk const& piece : stream) {
//         std::cout << piece.text << std::flush;
//     }
//
// `response_builder` joins chunks into the whole response.
#ifndef LLMS_CHAT_CHUNK_HPP
#define LLMS_CHAT_CHUNK_HPP

#include <llms/chat/message.hpp>
#include <llms/chat/response.hpp>
#include <llms/detail/chat_json.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace llms::inline v0_1 {

/// What a chunk adds to the answer.
enum class chunk_kind : std::uint8_t {
    text,      ///< `text` continues the answer
    reasoning, ///< `text` continues the reasoning; `signature` may come with it
    tool_call, ///< `text` continues the arguments of tool call `index`
    part,      ///< `json` is a part that llms does not model, whole
    end,       ///< the one last chunk: `finish` and `usage`
};

/// A piece of a streamed answer; see the head of this file.
struct chunk {
    chunk_kind kind = chunk_kind::text;
    llms::finish_reason finish = finish_reason::unknown; ///< end
    /// tool_call: which of the calls, from 0; text and reasoning: a change begins a part of its own
    std::uint32_t index = 0;
    std::string text{};
    std::string id{};        ///< tool_call: its first chunk brings the id; end: the response's id
    std::string name{};      ///< tool_call: its first chunk brings the name; end: the model
    std::string signature{}; ///< reasoning: the provider's signature of it; end: `finish_text`
    /// JSON text. part: the part; text, tool_call and end: an object, the further members of the
    /// part, the call or the response.
    std::string json{};
    llms::usage usage{};    ///< end
    bool cached = false;    ///< end: as of `response`
    bool coalesced = false; ///< end: as of `response`

    /// Makes this the default chunk again; strings keep their capacity.
    void clear() noexcept {
        kind = chunk_kind::text;
        finish = finish_reason::unknown;
        index = 0;
        text.clear();
        id.clear();
        name.clear();
        signature.clear();
        json.clear();
        usage = {};
        cached = false;
        coalesced = false;
    }

    auto operator==(chunk const&) const -> bool = default;
};

/// Joins the chunks of one stream into a response. Amortised O(1) per byte.
class response_builder {
public:
    /// Adds one chunk.
    /// \pre `done()` is false.
    void add(chunk const& piece) {
        switch (piece.kind) {
        case chunk_kind::text:
            merge(append<text_part>(piece).extra, piece.json);
            break;
        case chunk_kind::reasoning:
            append<reasoning_part>(piece).signature += piece.signature;
            break;
        case chunk_kind::tool_call:
            add_call(piece);
            break;
        case chunk_kind::part:
            built_.message.content.emplace_back(other_part{detail::parse_json(piece.json)});
            break;
        case chunk_kind::end:
            built_.id = piece.id;
            built_.model = piece.name;
            built_.finish = piece.finish;
            built_.finish_text = piece.signature;
            built_.usage = piece.usage;
            merge(built_.extra, piece.json);
            built_.cached = piece.cached;
            built_.coalesced = piece.coalesced;
            done_ = true;
            break;
        }
    }

    /// The end has been added: `value()` is whole.
    [[nodiscard]] auto done() const noexcept -> bool { return done_; }

    /// The response so far.
    [[nodiscard]] auto value() const& noexcept -> response const& { return built_; }
    [[nodiscard]] auto value() && noexcept -> response { return std::move(built_); }

private:
    static void merge(nlohmann::json& extra, std::string const& members) {
        if (!members.empty()) {
            auto const more = detail::parse_json(members);
            if (more.is_object()) {
                if (extra.is_null()) {
                    extra = more;
                } else {
                    extra.update(more);
                }
            }
        }
    }

    // Text that follows text of the same index continues the last part; anything else opens a part
    // of its own.
    template <class Part>
    auto append(chunk const& piece) -> Part& {
        auto& parts = built_.message.content;
        if (parts.empty() || !std::holds_alternative<Part>(parts.back()) || piece.index != index_) {
            parts.emplace_back(Part{});
            index_ = piece.index;
        }
        auto& part = std::get<Part>(parts.back());
        part.text += piece.text;
        return part;
    }

    void add_call(chunk const& piece) {
        auto& calls = built_.message.tool_calls;
        while (calls.size() <= piece.index && calls.size() < max_calls) {
            calls.emplace_back();
        }
        if (piece.index >= calls.size()) {
            return; // decoders refuse such an index; a hand-made chunk must not allocate gigabytes
        }
        auto& call = calls[piece.index];
        call.id += piece.id;
        call.name += piece.name;
        call.arguments += piece.text;
        merge(call.extra, piece.json);
    }

    static constexpr std::size_t max_calls = 1024;

    response built_;
    std::uint32_t index_ = 0; // of the text or reasoning part that came last
    bool done_ = false;
};

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_CHUNK_HPP
