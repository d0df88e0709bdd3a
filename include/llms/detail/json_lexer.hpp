// SPDX-License-Identifier: MIT
//
// Reads JSON text as it comes, in pieces of any size, and calls a handler for what it reads. Nothing
// depends on where the text is cut: the calls, their offsets and the errors are the same. O(n).
//
// The handler's functions return false to stop the lexer for good. `at` is the offset of the byte
// that decided; strings come in parts, each either a run of the text or one unescaped character:
//
//     begin_object(at)  end_object(at)  begin_array(at)  end_array(at)  comma(at)
//     begin_string(kind, at)  string_part(kind, text_part)  end_string(kind, at)
//     begin_literal(literal, at)  end_literal(literal, at)
//     number_byte(text, at)  number(number_value, at)          // each byte, then the whole
//
// Sources: T. Bray, "The JavaScript Object Notation (JSON) Data Interchange Format", RFC 8259;
// The Unicode Standard, table 3-7, "Well-Formed UTF-8 Byte Sequences".
#ifndef LLMS_DETAIL_JSON_LEXER_HPP
#define LLMS_DETAIL_JSON_LEXER_HPP

#include <llms/detail/json_text.hpp>
#include <llms/version.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

namespace llms::inline v0_1::detail {

enum class json_literal : unsigned char { null, yes, no };

/// What a string is: a value or the name of a member.
enum class json_string : unsigned char { value, name };

/// Characters of a string. Byte i of a run lies at offset `first + i`; a character that was
/// escaped, or cut in pieces, was whole with the byte at `first`.
struct json_text_part {
    std::string_view text;
    std::size_t first;
    bool is_run;

    /// Where the byte at `index` was known, with the character that it belongs to.
    [[nodiscard]] auto offset_of(std::size_t index) const noexcept -> std::size_t {
        if (!is_run) {
            return first;
        }
        while (index + 1 < text.size() &&
               (static_cast<unsigned char>(text[index + 1]) & 0xC0U) == 0x80U) {
            ++index;
        }
        return first + index;
    }
};

/// A number as nlohmann::json keeps it.
using json_number = std::variant<std::uint64_t, std::int64_t, double>;

/// The number that a text of JSON's form spells; false if no double is that large.
inline auto json_number_of(std::string_view text, json_number& number) noexcept -> bool {
    auto const* const first = text.data();
    auto const* const last = first + text.size();
    if (text.find_first_of(".eE") == std::string_view::npos) {
        if (text.front() == '-') {
            if (auto value = std::int64_t{};
                std::from_chars(first, last, value).ec == std::errc{}) {
                number = value;
                return true;
            }
        } else if (auto value = std::uint64_t{};
                   std::from_chars(first, last, value).ec == std::errc{}) {
            number = value;
            return true;
        }
    }
    auto value = 0.0;
    if (std::from_chars(first, last, value).ec != std::errc{}) {
        // Too large or too small: which of them the decimal exponent of the first digit tells.
        auto const mark = std::min(text.find_first_of("eE"), text.size());
        auto const mantissa = text.substr(0, mark);
        auto const point = std::min(mantissa.find('.'), mark);
        auto const digit = mantissa.find_first_of("123456789");
        auto magnitude = static_cast<std::int64_t>(point) - static_cast<std::int64_t>(digit);
        if (mark < text.size()) {
            auto const shrinks = text[mark + 1] == '-';
            auto const is_signed = shrinks || text[mark + 1] == '+';
            constexpr auto most = std::numeric_limits<std::int64_t>::max() / 2;
            auto power = most;
            std::from_chars(first + mark + (is_signed ? 2 : 1), last, power);
            power = std::min(power, most); // so that the sum below cannot overflow
            magnitude += shrinks ? -power : power;
        }
        if (magnitude > 0) {
            return false;
        }
        value = text.front() == '-' ? -0.0 : 0.0;
    }
    number = value;
    return std::isfinite(value);
}

/// Source: The Unicode Standard, table 3-6, "UTF-8 Bit Distribution".
class json_utf8 {
public:
    explicit json_utf8(std::uint32_t code) noexcept {
        if (code < 0x80) {
            put(code);
        } else if (code < 0x800) {
            put(0xC0U | code >> 6U);
            put(0x80U | (code & 0x3FU));
        } else {
            if (code < 0x10000) {
                put(0xE0U | code >> 12U);
            } else {
                put(0xF0U | code >> 18U);
                put(0x80U | (code >> 12U & 0x3FU));
            }
            put(0x80U | (code >> 6U & 0x3FU));
            put(0x80U | (code & 0x3FU));
        }
    }

    [[nodiscard]] auto text() const noexcept -> std::string_view { return {bytes_.data(), size_}; }

private:
    void put(std::uint32_t byte) noexcept { bytes_[size_++] = static_cast<char>(byte); }

    std::array<char, 4> bytes_{};
    std::size_t size_ = 0;
};

class json_lexer {
public:
    json_lexer(std::size_t max_depth, std::size_t max_bytes) noexcept
        : max_depth_(max_depth),
          max_bytes_(max_bytes) {}

    /// Reads on; false once the text is malformed or the handler said stop.
    template <class Handler>
    auto feed(std::string_view text, Handler& handler) -> bool {
        auto const room = max_bytes_ - offset_;
        auto const fits = text.substr(0, room);
        auto const first = offset_;
        auto const* at = fits.data();
        auto const* const end = at + fits.size();
        while (at != end && state_ != state::failed) {
            at = step(at, end, handler);
            if (state_ != state::failed) {
                offset_ = first + static_cast<std::size_t>(at - fits.data());
            }
        }
        if (state_ != state::failed && fits.size() < text.size()) {
            fail("the text is longer than " + std::to_string(max_bytes_) + " bytes");
        }
        return state_ != state::failed;
    }

    /// Says that there is no more text: the last number is whole.
    template <class Handler>
    auto finish(Handler& handler) -> bool {
        if (state_ == state::number) {
            end_number(handler);
        }
        if (state_ != state::failed && state_ != state::end) {
            fail(offset_ == 0 ? "there is no text" : "the text ends before the value does");
        }
        return state_ != state::failed;
    }

    /// Takes no more.
    void stop() noexcept { state_ = state::failed; }

    /// Whether the value is complete; white space may follow.
    [[nodiscard]] auto done() const noexcept -> bool { return state_ == state::end; }
    [[nodiscard]] auto failed() const noexcept -> bool { return state_ == state::failed; }

    /// The bytes read; of malformed text, those before the byte that is wrong.
    [[nodiscard]] auto offset() const noexcept -> std::size_t { return offset_; }

    /// What is wrong with the text; empty where it was the handler that stopped.
    [[nodiscard]] auto reason() const noexcept -> std::string const& { return reason_; }

private:
    enum class state : unsigned char {
        mark,     // before everything: a byte order mark may come
        value,    // a value must come
        item,     // a value or the end of the array
        member,   // a name or the end of the object
        name,     // a name must come
        colon,    // after a name
        after,    // after a value in a container
        end,      // after the value
        text,     // in a string
        escape,   // after its backslash
        hex,      // in \u
        low,      // after a high surrogate: its backslash must come
        low_u,    // and its u
        sequence, // inside a character of several bytes
        literal,
        number,
        failed,
    };

    enum class number_state : unsigned char {
        minus,
        zero,
        whole,
        point,
        fraction,
        exponent,
        exponent_sign,
        exponent_digits,
    };

    void fail(std::string reason) {
        reason_ = std::move(reason);
        state_ = state::failed;
    }

    // What is wrong with the byte at the present offset.
    void unexpected(std::string_view expected, char found) {
        auto const byte = static_cast<unsigned char>(found);
        auto reason = "expected " + std::string(expected) + ", found ";
        if (byte > 0x20 && byte < 0x7F) {
            reason.append("'").append(1, found).append("'");
        } else {
            constexpr auto digits = std::string_view{"0123456789ABCDEF"};
            reason.append("byte 0x").append(1, digits[byte >> 4U]).append(1, digits[byte & 15U]);
        }
        fail(std::move(reason));
    }

    // What a handler's answer means.
    void go_on(bool wanted, state next) { state_ = wanted ? next : state::failed; }

    static auto is_blank(char c) noexcept -> bool {
        return c == ' ' || c == '\n' || c == '\r' || c == '\t';
    }
    static auto is_digit(char c) noexcept -> bool { return c >= '0' && c <= '9'; }

    // Returns where it stopped; if that is at `at`, it has failed or will go on from another state.
    // `offset_` is that of `at` when it begins, and that of the byte that is wrong when it fails.
    template <class Handler>
    auto step(char const* at, char const* end, Handler& handler) -> char const* {
        switch (state_) {
        case state::text:
            return read_text(at, end, handler);
        case state::number:
            return read_number(at, end, handler);
        case state::literal:
            return read_literal(at, handler);
        case state::escape:
            return read_escape(at, handler);
        case state::hex:
            return read_hex(at, handler);
        case state::low:
            return expect(at, '\\', state::low_u, "the low surrogate of a pair");
        case state::low_u:
            hex_left_ = 4;
            return expect(at, 'u', state::hex, "the low surrogate of a pair");
        case state::sequence:
            return read_sequence(at, handler);
        case state::mark:
            return read_mark(at);
        default:
            break;
        }
        if (is_blank(*at)) {
            while (at != end && is_blank(*at)) {
                ++at;
            }
            return at;
        }
        return read_structure(at, handler);
    }

    auto expect(char const* at, char wanted, state next, std::string_view what) -> char const* {
        if (*at != wanted) {
            unexpected(what, *at);
            return at;
        }
        state_ = next;
        return at + 1;
    }

    auto read_mark(char const* at) -> char const* {
        constexpr auto mark = std::string_view{"\xEF\xBB\xBF"};
        if (mark_read_ == 0 && *at != mark[0]) {
            state_ = state::value;
            return at;
        }
        if (*at != mark[mark_read_]) {
            unexpected("the byte order mark of UTF-8", *at);
            return at;
        }
        if (++mark_read_ == mark.size()) {
            state_ = state::value;
        }
        return at + 1;
    }

    template <class Handler>
    auto read_structure(char const* at, Handler& handler) -> char const* {
        auto const c = *at;
        switch (state_) {
        case state::item:
            if (c == ']') {
                return close(at, handler);
            }
            [[fallthrough]];
        case state::value:
            return begin_value(at, handler);
        case state::member:
            if (c == '}') {
                return close(at, handler);
            }
            [[fallthrough]];
        case state::name:
            if (c != '"') {
                unexpected(state_ == state::name ? "the name of a member"
                                                 : "the name of a member or '}'",
                           c);
                return at;
            }
            kind_ = json_string::name;
            go_on(handler.begin_string(kind_, offset_), state::text);
            return at + 1;
        case state::colon:
            return expect(at, ':', state::value, "':'");
        case state::after:
            if (c == ',') {
                go_on(handler.comma(offset_), in_object() ? state::name : state::value);
                return at + 1;
            }
            if (c == (in_object() ? '}' : ']')) {
                return close(at, handler);
            }
            unexpected(in_object() ? "',' or '}'" : "',' or ']'", c);
            return at;
        default:
            unexpected("nothing after the value", c);
            return at;
        }
    }

    [[nodiscard]] auto in_object() const noexcept -> bool { return open_.back(); }

    void end_value(bool wanted) { go_on(wanted, open_.empty() ? state::end : state::after); }

    template <class Handler>
    auto close(char const* at, Handler& handler) -> char const* {
        auto const wanted = in_object() ? handler.end_object(offset_) : handler.end_array(offset_);
        open_.pop_back();
        end_value(wanted);
        return at + 1;
    }

    template <class Handler>
    auto begin_value(char const* at, Handler& handler) -> char const* {
        auto const c = *at;
        switch (c) {
        case '{':
        case '[':
            if (open_.size() >= max_depth_) {
                fail("the text nests deeper than " + std::to_string(max_depth_) + " levels");
                return at;
            }
            open_.push_back(c == '{');
            go_on(c == '{' ? handler.begin_object(offset_) : handler.begin_array(offset_),
                  c == '{' ? state::member : state::item);
            break;
        case '"':
            kind_ = json_string::value;
            go_on(handler.begin_string(kind_, offset_), state::text);
            break;
        case 'n':
            begin_literal(json_literal::null, handler);
            break;
        case 't':
            begin_literal(json_literal::yes, handler);
            break;
        case 'f':
            begin_literal(json_literal::no, handler);
            break;
        default:
            if (c != '-' && !is_digit(c)) {
                unexpected(state_ == state::item ? "a value or ']'" : "a value", c);
                return at;
            }
            number_.clear();
            number_state_ = c == '-'   ? number_state::minus
                            : c == '0' ? number_state::zero
                                       : number_state::whole;
            number_ += c;
            go_on(handler.number_byte(number_, offset_), state::number);
            break;
        }
        return at + 1;
    }

    // Literals.

    static auto spelled(json_literal literal) noexcept -> std::string_view {
        return literal == json_literal::null  ? "null"
               : literal == json_literal::yes ? "true"
                                              : "false";
    }

    template <class Handler>
    void begin_literal(json_literal literal, Handler& handler) {
        literal_ = literal;
        literal_read_ = 1;
        go_on(handler.begin_literal(literal, offset_), state::literal);
    }

    template <class Handler>
    auto read_literal(char const* at, Handler& handler) -> char const* {
        auto const text = spelled(literal_);
        if (*at != text[literal_read_]) {
            unexpected(text, *at);
            return at;
        }
        if (++literal_read_ < text.size()) {
            return at + 1;
        }
        auto const wanted = handler.end_literal(literal_, offset_);
        end_value(wanted);
        return at + 1;
    }

    // Numbers.

    // Where the number goes with `c`; false if it cannot.
    auto accepts(char c) noexcept -> bool {
        auto const go = [this](number_state next) {
            number_state_ = next;
            return true;
        };
        auto const digit = is_digit(c);
        switch (number_state_) {
        case number_state::minus:
            return digit && go(c == '0' ? number_state::zero : number_state::whole);
        case number_state::zero:
        case number_state::whole:
            if (c == '.') {
                return go(number_state::point);
            }
            return c == 'e' || c == 'E' ? go(number_state::exponent)
                                        : digit && number_state_ == number_state::whole;
        case number_state::point:
            return digit && go(number_state::fraction);
        case number_state::fraction:
            return c == 'e' || c == 'E' ? go(number_state::exponent) : digit;
        case number_state::exponent:
            if (c == '+' || c == '-') {
                return go(number_state::exponent_sign);
            }
            [[fallthrough]];
        default:
            return digit && go(number_state::exponent_digits);
        }
    }

    [[nodiscard]] auto number_may_end() const noexcept -> bool {
        return number_state_ == number_state::zero || number_state_ == number_state::whole ||
               number_state_ == number_state::fraction ||
               number_state_ == number_state::exponent_digits;
    }

    template <class Handler>
    auto read_number(char const* at, char const* end, Handler& handler) -> char const* {
        auto const first = offset_;
        auto const* const from = at;
        for (; at != end; ++at) {
            offset_ = first + static_cast<std::size_t>(at - from);
            if (!accepts(*at)) {
                auto const delimits = is_blank(*at) || *at == ',' || *at == ']' || *at == '}';
                if (delimits && number_may_end()) {
                    end_number(handler);
                } else {
                    unexpected(number_may_end() ? "the end of the number" : "a digit", *at);
                }
                break;
            }
            number_ += *at;
            if (!handler.number_byte(number_, offset_)) {
                state_ = state::failed;
                break;
            }
        }
        return at;
    }

    template <class Handler>
    void end_number(Handler& handler) {
        auto number = json_number{};
        if (!number_may_end()) {
            fail("the text ends before the value does");
        } else if (!json_number_of(number_, number)) {
            fail("the number is too large");
        } else {
            end_value(handler.number(number, offset_));
        }
    }

    // Strings.

    template <class Handler>
    auto read_text(char const* at, char const* end, Handler& handler) -> char const* {
        auto const* const from = at;
        auto const* const stop = end_of_run(at, end);
        if (stop != from &&
            !handler.string_part(kind_,
                                 {{from, static_cast<std::size_t>(stop - from)}, offset_, true})) {
            state_ = state::failed;
            return from;
        }
        if (stop == end) {
            return end;
        }
        offset_ += static_cast<std::size_t>(stop - from);
        auto const byte = static_cast<unsigned char>(*stop);
        if (byte == '"') {
            auto const wanted = handler.end_string(kind_, offset_);
            if (kind_ == json_string::name) {
                go_on(wanted, state::colon);
            } else {
                end_value(wanted);
            }
        } else if (byte == '\\') {
            state_ = state::escape;
        } else if (byte < 0x20) {
            unexpected("no control character in a string", *stop);
        } else {
            sequence_size_ = 0;
            state_ = state::sequence;
            return stop;
        }
        return stop + 1;
    }

    // The end of the whole characters at `at` that stand for themselves.
    static auto end_of_run(char const* at, char const* end) noexcept -> char const* {
        for (;;) {
            if constexpr (std::endian::native == std::endian::little) {
                while (end - at >= 8) {
                    auto word = std::uint64_t{};
                    std::memcpy(&word, at, sizeof word);
                    if (auto const special = json_special(word); special != 0) {
                        at += std::countr_zero(special) / 8;
                        break;
                    }
                    at += 8;
                }
            }
            while (at != end && static_cast<unsigned char>(*at) < 0x80 &&
                   static_cast<unsigned char>(*at) >= 0x20 && *at != '"' && *at != '\\') {
                ++at;
            }
            if (at == end || static_cast<unsigned char>(*at) < 0x80) {
                return at;
            }
            auto const* const next = json_skip_utf8(at, end);
            if (next == nullptr) {
                return at;
            }
            at = next;
        }
    }

    // One byte of a character that is ill-formed or was cut.
    template <class Handler>
    auto read_sequence(char const* at, Handler& handler) -> char const* {
        auto const byte = static_cast<unsigned char>(*at);
        if (sequence_size_ == 0) {
            if (byte < 0xC2 || byte > 0xF4) {
                unexpected("UTF-8", *at);
                return at;
            }
            sequence_wanted_ = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : 2;
        } else {
            auto const lead = static_cast<unsigned char>(sequence_[0]);
            auto const second = sequence_size_ == 1;
            auto const least = second && lead == 0xE0 ? 0xA0 : second && lead == 0xF0 ? 0x90 : 0x80;
            auto const most = second && lead == 0xED ? 0x9F : second && lead == 0xF4 ? 0x8F : 0xBF;
            if (byte < least || byte > most) {
                unexpected("UTF-8", *at);
                return at;
            }
        }
        sequence_[sequence_size_++] = *at;
        if (sequence_size_ < sequence_wanted_) {
            return at + 1;
        }
        return give_character({sequence_.data(), sequence_size_}, at, handler);
    }

    template <class Handler>
    auto give_character(std::string_view character, char const* at, Handler& handler)
        -> char const* {
        go_on(handler.string_part(kind_, {character, offset_, false}), state::text);
        return at + 1;
    }

    template <class Handler>
    auto read_escape(char const* at, Handler& handler) -> char const* {
        constexpr auto escapes = std::string_view{"\"\\/bfnrt"};
        constexpr auto meanings = std::string_view{"\"\\/\b\f\n\r\t"};
        if (*at == 'u') {
            hex_left_ = 4;
            high_ = 0;
            code_ = 0;
            state_ = state::hex;
            return at + 1;
        }
        auto const found = escapes.find(*at);
        if (found == std::string_view::npos) {
            unexpected("an escape character", *at);
            return at;
        }
        return give_character(meanings.substr(found, 1), at, handler);
    }

    template <class Handler>
    auto read_hex(char const* at, Handler& handler) -> char const* {
        auto const c = *at;
        auto const letter = static_cast<char>(c | 0x20);
        if (!is_digit(c) && (letter < 'a' || letter > 'f')) {
            unexpected("a hexadecimal digit", c);
            return at;
        }
        code_ = code_ << 4U | static_cast<std::uint32_t>(is_digit(c) ? c - '0' : letter - 'a' + 10);
        if (--hex_left_ > 0) {
            return at + 1;
        }
        auto const code = std::exchange(code_, 0U);
        auto const is_low = code >= 0xDC00 && code < 0xE000;
        if (is_low != (high_ != 0)) {
            fail(is_low ? "a low surrogate without a high one before it"
                        : "a high surrogate without a low one after it");
            return at;
        }
        if (code >= 0xD800 && code < 0xDC00) {
            high_ = code;
            state_ = state::low;
            return at + 1;
        }
        auto const character =
            is_low ? 0x10000U + ((high_ - 0xD800U) << 10U) + (code - 0xDC00U) : code;
        return give_character(json_utf8(character).text(), at, handler);
    }

    std::size_t max_depth_;
    std::size_t max_bytes_;
    std::size_t offset_ = 0;
    std::vector<bool> open_; // per container: it is an object
    std::string number_;
    std::string reason_;
    std::array<char, 4> sequence_{};
    std::size_t sequence_size_ = 0;
    std::size_t sequence_wanted_ = 0;
    std::size_t mark_read_ = 0;
    std::size_t literal_read_ = 0;
    std::uint32_t code_ = 0;
    std::uint32_t high_ = 0; // 0: none came
    int hex_left_ = 0;
    state state_ = state::mark;
    number_state number_state_ = number_state::zero;
    json_literal literal_ = json_literal::null;
    json_string kind_ = json_string::value;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_JSON_LEXER_HPP
