// SPDX-License-Identifier: MIT
//
// How messages and their members become bytes and back. The bytes may come from anywhere: memory
// stays within some tens of times of their number.
//
// Integers are LEB128, texts have their length before them, JSON is text ("" for null).
#ifndef LLMS_DETAIL_CHAT_FIELDS_HPP
#define LLMS_DETAIL_CHAT_FIELDS_HPP

#include <llms/chat/message.hpp>
#include <llms/detail/chat_json.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace llms::inline v0_1::detail {

/// Appends fields to a string.
class fields_out {
public:
    explicit fields_out(std::string& to) noexcept : to_(to) {}

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
    void put(message const& m) {
        (*this)(std::uint64_t(m.role), m.name, m.tool_call_id, m.extra, m.content.size());
        for (auto const& part : m.content) {
            put(part.index());
            std::visit(*this, part);
        }
        put(m.tool_calls.size());
        for (auto const& call : m.tool_calls) {
            (*this)(call.id, call.name, call.arguments, call.extra);
        }
    }

    std::string& to_;
};

/// Takes the same fields off a text. After the first that is not there everything is neutral and `ok`
/// false.
class fields_in {
public:
    explicit fields_in(std::string_view from) noexcept : from_(from) {}

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

    [[nodiscard]] auto ok() const noexcept -> bool { return ok_; }
    [[nodiscard]] auto at_end() const noexcept -> bool { return ok_ && from_.empty(); }

private:
    // The content part of that alternative.
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

    void take(message& m) {
        m.role = static_cast<role>(number(std::uint64_t(role::tool)));
        (*this)(m.name, m.tool_call_id, m.extra);
        for (auto left = number(max_parts); left > 0 && ok_; --left) {
            m.content.push_back(part(number(std::variant_size_v<content_part> - 1)));
        }
        for (auto left = number(max_calls); left > 0 && ok_; --left) {
            auto& call = m.tool_calls.emplace_back();
            (*this)(call.id, call.name, call.arguments, call.extra);
        }
    }

    static constexpr std::uint64_t max_parts = 65'536;
    static constexpr std::uint64_t max_calls = 1024; // as response_builder

    std::string_view from_;
    bool ok_ = true;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CHAT_FIELDS_HPP
