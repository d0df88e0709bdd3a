// SPDX-License-Identifier: MIT
//
// How a recorded response becomes bytes, for second tiers and for `save`, and back. The bytes may come
// from anywhere: what is not exactly an answer is refused, and memory stays within some tens of times
// of their number.
//
// Integers are LEB128, texts have their length before them, JSON is text ("" for null).
#ifndef LLMS_DETAIL_CHAT_RESPONSE_CODEC_HPP
#define LLMS_DETAIL_CHAT_RESPONSE_CODEC_HPP

#include <llms/cache/cache_codec.hpp>
#include <llms/chat/recorded_response.hpp>
#include <llms/detail/chat_json.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace llms::inline v0_1 {
namespace detail {

inline constexpr std::uint8_t response_format = 2;

/// Appends fields to a string.
class response_fields_out {
public:
    explicit response_fields_out(std::string& to) noexcept : to_(to) {}

    template <class... Fields>
    void operator()(Fields const&... fields) {
        (put(fields), ...);
    }

private:
    void put(std::string const& text) {
        put(text.size());
        to_ += text;
    }
    void put(nlohmann::json const& value) { put(value.is_null() ? std::string() : value.dump()); }
    void put(std::int64_t value) { put(static_cast<std::uint64_t>(value)); }
    void put(std::uint64_t value) {
        for (; value >= 0x80; value >>= 7U) {
            to_ += static_cast<char>((value & 0x7FU) | 0x80U);
        }
        to_ += static_cast<char>(value);
    }
    void put(text_part const& p) { (*this)(p.text, p.extra); }
    void put(reasoning_part const& p) { (*this)(p.text, p.signature); }
    void put(image_part const& p) { (*this)(p.url, p.detail); }
    void put(audio_part const& p) { (*this)(p.data, p.format); }
    void put(file_part const& p) { (*this)(p.name, p.data, p.id); }
    void put(other_part const& p) { put(p.raw); }

    std::string& to_;
};

/// Takes the same fields off a text. After the first that is not there everything is neutral and `ok`
/// false.
class response_fields_in {
public:
    explicit response_fields_in(std::string_view from) noexcept : from_(from) {}

    template <class... Fields>
    void operator()(Fields&... fields) {
        (take(fields), ...);
    }

    /// A number up to `most`.
    [[nodiscard]] auto number(std::uint64_t most) -> std::uint64_t {
        std::uint64_t value = 0;
        take(value);
        ok_ = ok_ && value <= most;
        return ok_ ? value : 0;
    }

    /// The content part of that alternative.
    [[nodiscard]] auto part(std::uint64_t kind) -> content_part {
        switch (kind) {
        case 0:
            return one<text_part>([this](auto& p) { (*this)(p.text, p.extra); });
        case 1:
            return one<reasoning_part>([this](auto& p) { (*this)(p.text, p.signature); });
        case 2:
            return one<image_part>([this](auto& p) { (*this)(p.url, p.detail); });
        case 3:
            return one<audio_part>([this](auto& p) { (*this)(p.data, p.format); });
        case 4:
            return one<file_part>([this](auto& p) { (*this)(p.name, p.data, p.id); });
        default:
            return one<other_part>([this](auto& p) { take(p.raw); });
        }
    }

    [[nodiscard]] auto ok() const noexcept -> bool { return ok_; }
    [[nodiscard]] auto at_end() const noexcept -> bool { return ok_ && from_.empty(); }

private:
    template <class Part, class Read>
    [[nodiscard]] static auto one(Read read) -> content_part {
        Part part{};
        read(part);
        return part;
    }

    void take(std::uint64_t& value) {
        value = 0;
        for (unsigned shift = 0; ok_ && shift < 64; shift += 7) {
            if (from_.empty()) {
                break;
            }
            auto const byte = static_cast<unsigned char>(from_.front());
            from_.remove_prefix(1);
            value |= std::uint64_t{byte & 0x7FU} << shift;
            if (byte < 0x80) {
                return;
            }
        }
        ok_ = false;
        value = 0;
    }
    void take(std::int64_t& value) {
        std::uint64_t bits = 0;
        take(bits);
        value = static_cast<std::int64_t>(bits);
    }
    void take(std::string& text) {
        auto const size = number(from_.size());
        text.assign(from_, 0, static_cast<std::size_t>(size));
        from_.remove_prefix(text.size());
    }
    void take(nlohmann::json& value) {
        std::string text;
        take(text);
        if (!text.empty()) {
            value = parse_json(text);
            ok_ = ok_ && !value.is_discarded();
        }
    }

    std::string_view from_;
    bool ok_ = true;
};

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
        auto const& m = answer.message;
        detail::response_fields_out put(to);
        put(std::uint64_t{detail::response_format}, std::uint64_t(answer.finish), answer.id,
            answer.model, answer.finish_text, answer.extra);
        put(answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.cached_input_tokens,
            answer.usage.cache_write_tokens, answer.usage.reasoning_tokens);
        put(std::uint64_t(m.role), m.name, m.tool_call_id, m.extra);
        put(m.content.size());
        for (auto const& part : m.content) {
            put(part.index());
            std::visit(put, part);
        }
        put(m.tool_calls.size());
        for (auto const& call : m.tool_calls) {
            put(call.id, call.name, call.arguments, call.extra);
        }
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
        auto& m = answer.message;
        detail::response_fields_in take(from);
        if (take.number(0xFF) != detail::response_format) {
            return std::nullopt;
        }
        answer.finish =
            static_cast<finish_reason>(take.number(std::uint64_t(finish_reason::content_filter)));
        take(answer.id, answer.model, answer.finish_text, answer.extra);
        take(answer.usage.input_tokens, answer.usage.output_tokens,
             answer.usage.cached_input_tokens, answer.usage.cache_write_tokens,
             answer.usage.reasoning_tokens);
        m.role = static_cast<role>(take.number(std::uint64_t(role::tool)));
        take(m.name, m.tool_call_id, m.extra);
        for (auto left = take.number(max_parts); left > 0 && take.ok(); --left) {
            m.content.push_back(take.part(take.number(std::variant_size_v<content_part> - 1)));
        }
        for (auto left = take.number(max_calls); left > 0 && take.ok(); --left) {
            auto& call = m.tool_calls.emplace_back();
            take(call.id, call.name, call.arguments, call.extra);
        }
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

private:
    static constexpr std::uint64_t max_parts = 65'536;
    static constexpr std::uint64_t max_calls = 1024; // as response_builder
};

} // namespace llms::inline v0_1

#endif // LLMS_DETAIL_CHAT_RESPONSE_CODEC_HPP
