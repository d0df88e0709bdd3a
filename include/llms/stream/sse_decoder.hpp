// SPDX-License-Identifier: MIT
//
// `sse_decoder` turns the bytes of a `text/event-stream` response into events, by the rules of the
// HTML Standard, however the network cut those bytes.
//
//     llms::sse_decoder decoder;
//     transport.on_bytes = [&](std::string_view bytes) {
//         decoder.feed(bytes, [&](llms::sse_event const& event) { out << event.data; });
//     };
//     if (!decoder.finish()) { /* the stream was cut in the middle of an event */ }
//
// An event is given as soon as the blank line that ends it is seen; nothing waits for a later byte.
// Broken UTF-8 becomes U+FFFD. What a field means is left to the caller: `[DONE]` is data.
//
// Threads: a decoder belongs to one thread at a time; decoders are independent of each other.
// Cost: O(bytes) for any cut. An event that lies in one piece, on one `data:` line, is not copied;
// other events go through buffers that are kept, so a warm decoder does not allocate. Memory is
// bounded by `max_event_bytes`; comments and unknown fields take none, whatever their length.
#ifndef LLMS_STREAM_SSE_DECODER_HPP
#define LLMS_STREAM_SSE_DECODER_HPP

#include <llms/error.hpp>

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace llms::inline v0_1 {

/// One server-sent event. The views live until the callback that got the event returns.
struct sse_event {
    std::string_view event = "message"; ///< The event's name; "message" when the server gave none.
    std::string_view data;              ///< The `data:` lines, joined by LF.
    std::string_view id;                ///< The last event id so far, of this event or one before.
    /// The reconnection time, when the server sent one since the event before; a time above a
    /// hundred years counts as that, so that adding it to a clock cannot overflow.
    std::optional<std::chrono::milliseconds> retry;
};

/// An event grew above `sse_options::max_event_bytes`.
class sse_error : public error {
public:
    using error::error;
};

/// What can be set on an `sse_decoder`.
struct sse_options {
    /// Most bytes of one event: its data, name and id as received, without field names.
    std::size_t max_event_bytes = std::size_t{128} << 20;
};

/// What `sse_decoder::feed` calls for each event. A result of `false` ends the stream.
template <class F>
concept sse_handler = std::invocable<F&, sse_event const&> &&
    (std::is_void_v<std::invoke_result_t<F&, sse_event const&>> ||
     std::convertible_to<std::invoke_result_t<F&, sse_event const&>, bool>);

namespace detail {

struct utf8_sequence {
    std::size_t bytes;
    bool valid;
};

/// The first sequence of `text`, which is not empty: a whole character, or the longest beginning of
/// one that is broken. Source: Unicode 15, table 3-7 and "U+FFFD substitution of maximal subparts".
[[nodiscard]] inline auto next_utf8(std::string_view text) noexcept -> utf8_sequence {
    auto const byte = [&](std::size_t i) {
        return static_cast<unsigned char>(text[i]);
    };
    auto const lead = byte(0);
    if (lead < 0x80) {
        return {1, true};
    }
    if (lead < 0xC2 || lead > 0xF4) {
        return {1, false};
    }
    std::size_t const size = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    // The second byte rules out overlong forms, surrogates and what is above U+10FFFF.
    unsigned low = lead == 0xE0 ? 0xA0U : lead == 0xF0 ? 0x90U : 0x80U;
    unsigned high = lead == 0xED ? 0x9FU : lead == 0xF4 ? 0x8FU : 0xBFU;
    for (std::size_t i = 1; i < size; ++i) {
        if (i == text.size() || byte(i) < low || byte(i) > high) {
            return {i, false};
        }
        low = 0x80U;
        high = 0xBFU;
    }
    return {size, true};
}

/// A number of first bytes of `text` that are ASCII: all, or all but some 8 of those that are.
[[nodiscard]] inline auto ascii_prefix(std::string_view text) noexcept -> std::size_t {
    constexpr std::size_t word = sizeof(std::uint64_t);
    auto const high_bits = [&](std::size_t from) {
        std::uint64_t bytes = 0;
        std::memcpy(&bytes, text.data() + from, word);
        return bytes & 0x8080808080808080U;
    };
    std::size_t at = 0;
    while (text.size() - at >= 4 * word &&
           (high_bits(at) | high_bits(at + word) | high_bits(at + 2 * word) |
            high_bits(at + 3 * word)) == 0) {
        at += 4 * word;
    }
    while (text.size() - at >= word) {
        if (high_bits(at) != 0) {
            return at;
        }
        at += word;
    }
    // The rest is less than a word: look at the last word, part of which was seen before.
    return text.size() >= word && high_bits(text.size() - word) == 0 ? text.size() : at;
}

/// How many of the first bytes of `text` are valid UTF-8; `text.size()` when all are.
[[nodiscard]] inline auto valid_utf8_prefix(std::string_view text) noexcept -> std::size_t {
    std::size_t at = 0;
    while (at < text.size()) {
        at += ascii_prefix(text.substr(at));
        for (auto const stop = at + 32; at < stop && at < text.size();) {
            auto const sequence = next_utf8(text.substr(at));
            if (!sequence.valid) {
                return at;
            }
            at += sequence.bytes;
        }
    }
    return at;
}

/// Replaces every broken sequence of `text`, whose first `valid` bytes are known to be valid.
inline void replace_broken_utf8(std::string& text, std::size_t valid) {
    std::string repaired;
    repaired.reserve(text.size() + 64);
    std::string_view rest = text;
    while (true) {
        repaired += rest.substr(0, valid);
        rest.remove_prefix(valid);
        if (rest.empty()) {
            break;
        }
        repaired += "\xEF\xBF\xBD";
        rest.remove_prefix(next_utf8(rest).bytes);
        valid = valid_utf8_prefix(rest);
    }
    text = std::move(repaired);
}

/// Finds line ends in one piece. The next LF and the next CR are each remembered until passed, so
/// that a stream which has only one of them is searched once for the other, not once a line.
class line_ends {
public:
    line_ends(char const* begin, char const* end) noexcept
        : end_{end},
          lf_{find('\n', begin)},
          cr_{find('\r', begin)} {}

    /// The first line end not before `from`, or the end of the piece. `from` must not go back.
    [[nodiscard]] auto next(char const* from) noexcept -> char const* {
        if (lf_ < from) {
            bool const at_once = from != end_ && *from == '\n'; // a blank line: every other one
            lf_ = at_once ? from : find('\n', from);
        }
        if (cr_ < from) {
            cr_ = find('\r', from);
        }
        return lf_ < cr_ ? lf_ : cr_;
    }

private:
    [[nodiscard]] auto find(char c, char const* from) const noexcept -> char const* {
        if (end_ - from < 8) { // a call would cost more
            while (from != end_ && *from != c) {
                ++from;
            }
            return from;
        }
        auto const* const found = std::memchr(from, c, static_cast<std::size_t>(end_ - from));
        return found != nullptr ? static_cast<char const*>(found) : end_;
    }

    char const* end_;
    char const* lf_;
    char const* cr_;
};

} // namespace detail

/// Decodes one event stream at a time; see the top of this header.
class sse_decoder {
public:
    explicit sse_decoder(sse_options options = {}) noexcept : options_{options} {}

    /// Decodes the next bytes of the stream and calls `on_event` for each event they complete, in
    /// this thread; `on_event` must not use the decoder.
    ///
    /// Returns false when `on_event` returned false: the rest of `bytes` is then dropped and the
    /// decoder is reset. Throws `sse_error`, naming the bound, when an event exceeds
    /// `max_event_bytes`, and what `on_event` throws; the decoder is then reset as well.
    template <sse_handler OnEvent>
    auto feed(std::string_view bytes, OnEvent&& on_event) -> bool {
        try {
            if (decode(bytes, on_event)) {
                keep_data();
                return true;
            }
        } catch (...) {
            reset();
            throw;
        }
        reset();
        return false;
    }

    /// Says that the stream has ended, and makes the decoder ready for another one. An event that
    /// was not ended by a blank line is dropped, as the standard wants. Returns false when there
    /// was such an event, or an unfinished line: the stream was cut.
    auto finish() noexcept -> bool {
        bool const complete = !state_.has_data && at_line_start();
        reset();
        return complete;
    }

    /// Forgets the stream, as if newly constructed; buffers are kept, up to a megabyte each.
    void reset() noexcept {
        state_ = {};
        in_place_ = {};
        for (auto* buffer : {&data_, &name_, &id_line_, &id_}) {
            buffer->clear();
            if (buffer->capacity() > std::size_t{1} << 20) {
                *buffer = {};
            }
        }
    }

private:
    // What the bytes of the current line are.
    enum class part : std::uint8_t { field_name, ignored, data, event, id, retry };

    struct state {
        std::uint8_t mark_bytes = 0; // of the byte order mark, seen so far; 3 when that is settled
        bool after_cr = false;       // the last line ended with CR: an LF now belongs to it
        // Of the current line.
        part now = part::field_name;
        std::array<char, 5> field{}; // as long as the longest name that matters
        std::uint8_t field_size = 0;
        bool after_colon = false; // one space is dropped here
        bool retry_valid = false;
        std::int64_t retry_ms = 0;
        // Of the current event.
        bool has_data = false; // a `data` line, even an empty one, makes it an event
        std::size_t event_bytes = 0;
        std::optional<std::chrono::milliseconds> retry;
    };

    static constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    static constexpr std::int64_t longest_retry_ms = 3'153'600'000'000;

    template <class OnEvent>
    auto decode(std::string_view bytes, OnEvent& on_event) -> bool {
        if (state_.mark_bytes < byte_order_mark.size()) {
            drop_byte_order_mark(bytes);
        }
        auto const* at = bytes.data();
        auto const* const end = at + bytes.size();
        if (at != end && std::exchange(state_.after_cr, false) && *at == '\n') {
            ++at;
        }
        for (detail::line_ends ends{at, end}; at != end;) {
            auto const* const line_end = ends.next(at);
            if (at != line_end) {
                take({at, static_cast<std::size_t>(line_end - at)});
            }
            if (line_end == end) {
                break;
            }
            // A CR ends its line at once. Waiting for a possible LF would hold the event back.
            at = line_end + 1;
            if (*line_end == '\r') {
                if (at == end) {
                    state_.after_cr = true;
                } else if (*at == '\n') {
                    ++at;
                }
            }
            if (at_line_start()) {
                if (!dispatch(on_event)) {
                    return false;
                }
            } else {
                end_line();
            }
        }
        return true;
    }

    void drop_byte_order_mark(std::string_view& bytes) {
        while (!bytes.empty() && state_.mark_bytes < byte_order_mark.size()) {
            if (bytes.front() != byte_order_mark[state_.mark_bytes]) {
                // Not the mark after all: what was held back is content.
                take(byte_order_mark.substr(0, state_.mark_bytes));
                state_.mark_bytes = byte_order_mark.size();
                return;
            }
            ++state_.mark_bytes;
            bytes.remove_prefix(1);
        }
    }

    [[nodiscard]] auto at_line_start() const noexcept -> bool {
        return state_.now == part::field_name && state_.field_size == 0;
    }

    // Takes a piece of the current line; it holds no line end.
    void take(std::string_view piece) {
        if (state_.now == part::field_name) {
            take_field_name(piece);
        }
        if (piece.empty()) {
            return;
        }
        if (std::exchange(state_.after_colon, false) && piece.front() == ' ') {
            piece.remove_prefix(1);
        }
        switch (state_.now) {
        case part::data:
            take_data(piece);
            break;
        case part::event:
            count(piece.size());
            name_ += piece;
            break;
        case part::id:
            count(piece.size());
            id_line_ += piece;
            break;
        case part::retry:
            take_retry(piece);
            break;
        case part::field_name:
        case part::ignored:
            break;
        }
    }

    void take_field_name(std::string_view& piece) {
        if (state_.field_size == 0 && piece.substr(0, 5) == "data:") { // nearly every line
            piece.remove_prefix(5);
            begin_value(part::data);
            return;
        }
        while (!piece.empty() && state_.now == part::field_name) {
            char const c = piece.front();
            piece.remove_prefix(1);
            if (c == ':') {
                begin_value(named_part());
            } else if (state_.field_size < state_.field.size()) {
                state_.field[state_.field_size++] = c;
            } else {
                state_.now = part::ignored;
            }
        }
    }

    [[nodiscard]] auto named_part() const noexcept -> part {
        std::string_view const name{state_.field.data(), state_.field_size};
        return name == "data"    ? part::data
               : name == "event" ? part::event
               : name == "id"    ? part::id
               : name == "retry" ? part::retry
                                 : part::ignored; // a comment has the empty name
    }

    void begin_value(part which) {
        state_.now = which;
        state_.after_colon = true;
        if (which == part::data) {
            if (std::exchange(state_.has_data, true)) {
                count(1);
                keep_data();
                data_ += '\n';
            }
        } else if (which == part::event) {
            name_.clear();
        } else if (which == part::id) {
            id_line_.clear();
        } else if (which == part::retry) {
            state_.retry_ms = 0;
            state_.retry_valid = false;
        }
    }

    void take_data(std::string_view piece) {
        count(piece.size());
        if (in_place_.empty() && data_.empty()) {
            in_place_ = piece;
        } else {
            keep_data();
            data_ += piece;
        }
    }

    void take_retry(std::string_view digits) noexcept {
        for (char const c : digits) {
            bool const is_digit = c >= '0' && c <= '9';
            state_.retry_valid = is_digit && state_.retry_ms >= 0;
            if (!state_.retry_valid) {
                state_.retry_ms = -1; // whatever follows
                return;
            }
            state_.retry_ms = state_.retry_ms * 10 + (c - '0');
            if (state_.retry_ms > longest_retry_ms) {
                state_.retry_ms = longest_retry_ms;
            }
        }
    }

    void end_line() {
        if (state_.now == part::field_name) { // no colon: the whole line is the name
            begin_value(named_part());
        }
        if (state_.now == part::event) {
            repair(name_);
        } else if (state_.now == part::id && id_line_.find('\0') == std::string::npos) {
            repair(id_line_);
            id_.swap(id_line_);
        } else if (state_.now == part::retry && state_.retry_valid) {
            state_.retry = std::chrono::milliseconds{state_.retry_ms};
        }
        state_.now = part::field_name;
        state_.field_size = 0;
        state_.after_colon = false;
    }

    template <class OnEvent>
    auto dispatch(OnEvent& on_event) -> bool {
        bool go_on = true;
        if (state_.has_data) {
            bool const valid = detail::valid_utf8_prefix(in_place_) == in_place_.size();
            if (!valid || in_place_.empty()) {
                keep_data();
                repair(data_);
            }
            sse_event event{.data = in_place_.empty() ? data_ : in_place_,
                            .id = id_,
                            .retry = std::exchange(state_.retry, {})};
            if (!name_.empty()) {
                event.event = name_;
            }
            if constexpr (std::is_void_v<std::invoke_result_t<OnEvent&, sse_event const&>>) {
                on_event(std::as_const(event));
            } else {
                go_on = static_cast<bool>(on_event(std::as_const(event)));
            }
        }
        state_.has_data = false;
        state_.event_bytes = 0;
        in_place_ = {};
        data_.clear();
        name_.clear();
        return go_on;
    }

    // Copies the data that still lies in the caller's bytes.
    void keep_data() {
        if (!in_place_.empty()) {
            data_ += in_place_;
            in_place_ = {};
        }
    }

    static void repair(std::string& text) {
        if (auto const valid = detail::valid_utf8_prefix(text); valid != text.size()) {
            detail::replace_broken_utf8(text, valid);
        }
    }

    void count(std::size_t bytes) {
        if (bytes > options_.max_event_bytes - state_.event_bytes) {
            throw sse_error{"server-sent event exceeds max_event_bytes (" +
                            std::to_string(options_.max_event_bytes) + " bytes)"};
        }
        state_.event_bytes += bytes;
    }

    sse_options options_;
    state state_;
    std::string_view in_place_; // data of the event, still in the caller's bytes, or else ...
    std::string data_;          // ... copied here; at most one of the two is not empty
    std::string name_;
    std::string id_line_; // the id being received; a NUL in it makes it void
    std::string id_;      // the last event id
};

} // namespace llms::inline v0_1

#endif // LLMS_STREAM_SSE_DECODER_HPP
