// SPDX-License-Identifier: MIT
//
// `recorded_response`: an answer with the places where its stream was cut and the pauses between,
// so that it can be replayed as the stream it was. 16 bytes a chunk beside the response itself.
#ifndef LLMS_CHAT_RECORDED_RESPONSE_HPP
#define LLMS_CHAT_RECORDED_RESPONSE_HPP

#include <llms/chat/chunk.hpp>
#include <llms/chat/response.hpp>
#include <llms/chat/response_stream.hpp>
#include <llms/detail/chat_json.hpp>
#include <llms/detail/chat_response_chunks.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace llms::inline v0_1 {

/// One chunk of a recorded stream: how many bytes it added to what, and the pause before it.
struct recorded_cut {
    chunk_kind kind = chunk_kind::text;
    std::uint16_t index = 0; ///< as of the chunk
    std::uint32_t bytes = 0;
    std::uint32_t pause_us = 0; ///< microseconds
};

/// An answer that can be replayed as a stream.
struct recorded_response {
    llms::response response{};
    std::vector<recorded_cut> cuts{}; ///< empty: it was not streamed

    [[nodiscard]] auto clone() const -> recorded_response { return {response.clone(), cuts}; }

    /// About how many bytes of memory this takes.
    [[nodiscard]] auto weight() const -> std::size_t {
        auto const& m = response.message;
        auto bytes = sizeof(*this) + cuts.capacity() * sizeof(recorded_cut) +
                     weight_of(response.id, response.model, response.finish_text, response.extra,
                               m.name, m.tool_call_id, m.extra) +
                     m.content.capacity() * sizeof(content_part) +
                     m.tool_calls.capacity() * sizeof(tool_call);
        for (auto const& part : m.content) {
            bytes += std::visit([](auto const& one) { return weight_of(one); }, part);
        }
        for (auto const& call : m.tool_calls) {
            bytes += weight_of(call.id, call.name, call.arguments, call.extra);
        }
        return bytes;
    }

private:
    static auto weight_of(std::string const& text) -> std::size_t { return text.capacity(); }
    static auto weight_of(nlohmann::json const& j) -> std::size_t {
        return j.is_null() ? 0 : detail::lenient_dump(j).size() * 4;
    }
    static auto weight_of(text_part const& p) -> std::size_t { return weight_of(p.text, p.extra); }
    static auto weight_of(reasoning_part const& p) -> std::size_t {
        return weight_of(p.text, p.signature);
    }
    static auto weight_of(image_part const& p) -> std::size_t { return weight_of(p.url, p.detail); }
    static auto weight_of(audio_part const& p) -> std::size_t {
        return weight_of(p.data, p.format);
    }
    static auto weight_of(file_part const& p) -> std::size_t {
        return weight_of(p.name, p.data, p.id);
    }
    static auto weight_of(other_part const& p) -> std::size_t { return weight_of(p.raw); }
    template <class... Fields>
        requires(sizeof...(Fields) > 1)
    static auto weight_of(Fields const&... fields) -> std::size_t {
        return (... + weight_of(fields));
    }
};

/// Records a stream's chunks. One thread at a time.
template <class Clock = std::chrono::steady_clock>
class stream_recorder {
public:
    void add(chunk const& piece) {
        auto const now = Clock::now();
        auto const pause = std::chrono::duration_cast<std::chrono::microseconds>(now - last_);
        constexpr auto most = std::int64_t{std::numeric_limits<std::uint32_t>::max()};
        last_ = now;
        cuts_.push_back({.kind = piece.kind,
                         .index = static_cast<std::uint16_t>(piece.index),
                         .bytes = static_cast<std::uint32_t>(piece.text.size()),
                         .pause_us = static_cast<std::uint32_t>(
                             std::clamp<std::int64_t>(pause.count(), 0, most))});
        built_.add(piece);
    }

    [[nodiscard]] auto done() const noexcept -> bool { return built_.done(); }
    [[nodiscard]] auto take() && -> recorded_response {
        return {std::move(built_).value(), std::move(cuts_)};
    }

private:
    typename Clock::time_point last_ = Clock::now();
    std::vector<recorded_cut> cuts_;
    response_builder built_;
};

/// Replays a recorded response: the same chunks, but `cached` and with `usage` zero. An
/// answer that was not streamed comes in one chunk per part.
class replay_cursor {
public:
    /// The next chunk; false after the end. `answer` is the same in every call.
    [[nodiscard]] auto next(recorded_response const& answer, chunk& out) -> bool {
        auto const& cuts = answer.cuts;
        if (cuts.empty()) {
            return next_part(answer.response, out);
        }
        if (at_ == cuts.size()) {
            return false;
        }
        auto const& cut = cuts[at_++];
        out.kind = cut.kind;
        switch (cut.kind) {
        case chunk_kind::text:
            piece<text_part>(answer.response, cut, out);
            break;
        case chunk_kind::reasoning:
            piece<reasoning_part>(answer.response, cut, out);
            break;
        case chunk_kind::tool_call:
            call_piece(answer.response, cut, out);
            break;
        case chunk_kind::part:
            other(answer.response, out);
            break;
        case chunk_kind::end:
            end(answer.response, out);
            break;
        }
        return true;
    }

    /// How long after the chunk before the one came that `next` gave out last.
    [[nodiscard]] auto pause(recorded_response const& answer) const -> std::chrono::microseconds {
        return std::chrono::microseconds{
            at_ > 0 && at_ <= answer.cuts.size() ? answer.cuts[at_ - 1].pause_us : 0};
    }

private:
    template <class Part>
    void piece(response const& from, recorded_cut const& cut, chunk& out) {
        out.index = cut.index;
        auto const& parts = from.message.content;
        // A part is over when its bytes are and more of them, or another index, come.
        while (part_ < parts.size() && (!std::holds_alternative<Part>(parts[part_]) ||
                                        (offset_ == std::get<Part>(parts[part_]).text.size() &&
                                         used_ && (cut.bytes > 0 || cut.index != index_)))) {
            leave();
        }
        index_ = cut.index;
        if (part_ == parts.size()) {
            return;
        }
        used_ = true;
        auto const& part = std::get<Part>(parts[part_]);
        out.text.assign(part.text, offset_, cut.bytes);
        offset_ += out.text.size();
        if (offset_ == part.text.size() && !closed_) {
            closed_ = true; // what goes with the whole part comes once
            if constexpr (std::same_as<Part, reasoning_part>) {
                out.signature = part.signature;
            } else {
                out.json = detail::extra_text(part.extra);
            }
        }
    }

    void leave() noexcept {
        ++part_;
        offset_ = 0;
        used_ = false;
        closed_ = false;
    }

    void other(response const& from, chunk& out) {
        auto const& parts = from.message.content;
        while (part_ < parts.size() && !std::holds_alternative<other_part>(parts[part_])) {
            leave();
        }
        if (part_ < parts.size()) {
            out.json = detail::lenient_dump(std::get<other_part>(parts[part_]).raw);
            leave();
        }
    }

    void call_piece(response const& from, recorded_cut const& cut, chunk& out) {
        out.index = cut.index;
        if (cut.index >= from.message.tool_calls.size()) {
            return;
        }
        call_offsets_.resize(from.message.tool_calls.size(), fresh);
        auto& offset = call_offsets_[cut.index];
        auto const& call = from.message.tool_calls[cut.index];
        if (offset == fresh) {
            out.id = call.id;
            out.name = call.name;
            out.json = detail::extra_text(call.extra);
            offset = 0;
        }
        out.text.assign(call.arguments, offset, cut.bytes);
        offset += out.text.size();
    }

    [[nodiscard]] auto next_part(response const& from, chunk& out) -> bool {
        auto const& parts = from.message.content;
        auto const& calls = from.message.tool_calls;
        for (; at_ < parts.size(); ++at_) {
            if (!detail::write_part(parts[at_], out)) {
                continue;
            }
            out.index = static_cast<std::uint32_t>(at_);
            ++at_;
            return true;
        }
        auto const call = at_ - parts.size();
        if (call > calls.size()) {
            return false;
        }
        ++at_;
        if (call == calls.size()) {
            end(from, out);
        } else {
            detail::write_tool_call(calls[call], static_cast<std::uint32_t>(call), out);
        }
        return true;
    }

    static void end(response const& from, chunk& out) {
        detail::write_end(from, out);
        out.usage = {};
        out.cached = true;
        out.coalesced = false;
    }

    static constexpr auto fresh = static_cast<std::size_t>(-1);

    std::size_t at_ = 0;      // the next cut, or part and then tool call
    std::size_t part_ = 0;    // the part that the next text or reasoning comes from
    std::size_t offset_ = 0;  // in that part
    std::uint32_t index_ = 0; // of the last text or reasoning chunk
    bool used_ = false;       // the part has given a chunk
    bool closed_ = false;     // ... and its signature or further members
    std::vector<std::size_t> call_offsets_;
};

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_RECORDED_RESPONSE_HPP
