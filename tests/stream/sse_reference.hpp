// SPDX-License-Identifier: MIT
//
// A decoder of event streams that is slow and plainly right: the HTML Standard read aloud, over the
// whole stream at once. `sse_decoder` must agree with it for every way to cut the bytes.
#ifndef LLMS_TESTS_STREAM_SSE_REFERENCE_HPP
#define LLMS_TESTS_STREAM_SSE_REFERENCE_HPP

#include <llms/stream/sse_decoder.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace sse_test {

struct event {
    std::string name;
    std::string data;
    std::string id;
    std::optional<std::int64_t> retry;

    auto operator==(event const&) const -> bool = default;

    friend auto operator<<(std::ostream& out, event const& e) -> std::ostream& {
        out << '{' << e.name << '|' << e.data << '|' << e.id << '|';
        return (e.retry ? out << *e.retry : out << "none") << '}';
    }
};

/// Encoding Standard, "UTF-8 decoder": its states, byte by byte; gives UTF-8 again, with U+FFFD.
inline auto decode_utf8(std::string_view bytes) -> std::string {
    constexpr char const* replacement = "\xEF\xBF\xBD";
    std::string out;
    std::string pending;
    unsigned needed = 0;
    unsigned lower = 0x80;
    unsigned upper = 0xBF;
    for (std::size_t i = 0; i < bytes.size();) {
        auto const byte = static_cast<unsigned char>(bytes[i]);
        if (needed == 0) {
            ++i;
            if (byte <= 0x7F) {
                out += bytes[i - 1];
            } else if (byte >= 0xC2 && byte <= 0xF4) {
                needed = byte <= 0xDF ? 1 : byte <= 0xEF ? 2 : 3;
                lower = byte == 0xE0 ? 0xA0 : byte == 0xF0 ? 0x90 : 0x80;
                upper = byte == 0xED ? 0x9F : byte == 0xF4 ? 0x8F : 0xBF;
                pending = bytes[i - 1];
            } else {
                out += replacement;
            }
        } else if (byte < lower || byte > upper) {
            needed = 0; // "prepend byte to the stream": it is read again
            out += replacement;
        } else {
            ++i;
            lower = 0x80;
            upper = 0xBF;
            pending += bytes[i - 1];
            if (--needed == 0) {
                out += pending;
            }
        }
    }
    return needed != 0 ? out + replacement : out;
}

/// HTML Standard, "Parsing an event stream" and "Interpreting an event stream".
inline auto decode(std::string_view bytes) -> std::vector<event> {
    auto const text = decode_utf8(bytes.substr(0, 3) == "\xEF\xBB\xBF" ? bytes.substr(3) : bytes);
    std::vector<std::string> lines(1);
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\r' || text[i] == '\n') {
            if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') {
                ++i;
            }
            lines.emplace_back();
        } else {
            lines.back() += text[i];
        }
    }
    lines.pop_back(); // not ended: never processed

    std::vector<event> events;
    std::string data;
    std::string name;
    std::string id;
    std::optional<std::int64_t> retry;
    for (auto const& line : lines) {
        if (line.empty()) {
            if (!data.empty()) {
                data.pop_back(); // the last LF
                events.push_back({name.empty() ? "message" : name, data, id, retry});
                retry.reset();
            }
            data.clear();
            name.clear();
            continue;
        }
        auto const colon = line.find(':');
        auto const field = line.substr(0, colon);
        auto value = colon == std::string::npos ? std::string{} : line.substr(colon + 1);
        if (!value.empty() && value.front() == ' ') {
            value.erase(0, 1);
        }
        if (field == "event") {
            name = value;
        } else if (field == "data") {
            data += value + '\n';
        } else if (field == "id" && value.find('\0') == std::string::npos) {
            id = value;
        } else if (field == "retry" && !value.empty() &&
                   value.find_first_not_of("0123456789") == std::string::npos) {
            auto const digits = value.substr(std::min(value.find_first_not_of('0'), value.size()));
            constexpr std::int64_t most = 3'153'600'000'000; // a hundred years, see sse_event
            retry = digits.empty()       ? 0
                    : digits.size() > 13 ? most
                                         : std::min<std::int64_t>(std::stoll(digits), most);
        }
    }
    return events;
}

/// What `sse_decoder` gives for pieces cut after `cut` bytes each.
class collector {
public:
    explicit collector(llms::sse_options options = {}) : decoder{options} {}

    void feed(std::string_view piece) {
        decoder.feed(piece, [&](llms::sse_event const& e) {
            events.push_back({std::string{e.event}, std::string{e.data}, std::string{e.id},
                              e.retry ? std::optional{e.retry->count()} : std::nullopt});
        });
    }

    llms::sse_decoder decoder;
    std::vector<event> events;
};

inline auto decode_in_pieces(std::string_view bytes, std::size_t size) -> std::vector<event> {
    collector out;
    for (std::size_t at = 0; at < bytes.size(); at += size) {
        // A copy of each piece, so that a sanitizer sees reads outside of it or after its time.
        std::vector<char> const piece{
            bytes.begin() + static_cast<std::ptrdiff_t>(at),
            bytes.begin() + static_cast<std::ptrdiff_t>(std::min(at + size, bytes.size()))};
        out.feed({piece.data(), piece.size()});
    }
    return out.events;
}

inline auto decode_cut_at(std::string_view bytes, std::size_t cut) -> std::vector<event> {
    collector out;
    for (auto const part : {bytes.substr(0, cut), bytes.substr(cut)}) {
        std::vector<char> const piece{part.begin(), part.end()};
        out.feed({piece.data(), piece.size()});
    }
    return out.events;
}

/// How many of all cuts in two, and of all pieces of equal size up to 9, give other events.
inline auto differing_cuts(std::string_view bytes, std::vector<event> const& expected)
    -> std::size_t {
    std::size_t differing = 0;
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
        differing += decode_cut_at(bytes, cut) != expected ? 1U : 0U;
    }
    for (std::size_t size = 1; size < 10; ++size) {
        differing += decode_in_pieces(bytes, size) != expected ? 1U : 0U;
    }
    return differing;
}

} // namespace sse_test

#endif // LLMS_TESTS_STREAM_SSE_REFERENCE_HPP
