// SPDX-License-Identifier: MIT
//
// Reads one object or array from its bracket to its end, by JSON's grammar with the liberties of
// mending.hpp, and writes down as JSON what was not. Without liberties it finds the end of a value.
//
// Iterative: what is open lies in a string of brackets. No byte is read twice, but for the blanks
// after a string: O(n). The text is copied only if something is mended. A run that succeeds leaves a
// text that nlohmann::json parses: characters, escapes and numbers are checked here.
#ifndef LLMS_DETAIL_JSON_MENDER_HPP
#define LLMS_DETAIL_JSON_MENDER_HPP

#include <llms/detail/coerce_text.hpp>
#include <llms/detail/json_lexer.hpp>
#include <llms/detail/json_text.hpp>
#include <llms/json/mend.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace llms::inline v0_1::detail {

/// What is wrong with a text, and with which of its bytes.
struct json_fault {
    std::size_t offset = 0;
    std::string_view reason{}; // a literal
};

constexpr auto is_identifier(char c, bool first = false) noexcept -> bool {
    return (lower(c) >= 'a' && lower(c) <= 'z') || c == '_' || c == '$' || (!first && is_digit(c));
}

class json_mender {
public:
    json_mender(std::string_view text, mending rules, std::size_t max_depth)
        : text_(text),
          rules_(rules),
          max_depth_(max_depth) {}

    /// Reads the value whose bracket is at `first`, and nothing from `last` on. Where `cut`, the
    /// value may lack its last brackets.
    auto run(std::size_t first, std::size_t last, bool cut) -> bool {
        last_ = last;
        cut_ = cut;
        first_ = at_ = copied_ = first;
        comma_ = std::string_view::npos;
        failed_ = evidence_ = edited_ = hidden_ = false;
        open_.clear();
        out_.clear();
        mends_.clear();
        open();
        while (!failed_ && !open_.empty()) {
            step();
        }
        if (failed_) {
            return false;
        }
        if (edited_) {
            flush(at_);
        }
        return true;
    }

    /// One beyond the value; after a failure one beyond what was read.
    [[nodiscard]] auto at() const noexcept -> std::size_t { return at_; }
    /// The value as JSON. Good until the next run.
    [[nodiscard]] auto json() const noexcept -> std::string_view {
        return edited_ ? std::string_view(out_) : text_.substr(first_, at_ - first_);
    }
    [[nodiscard]] auto mends() noexcept -> std::vector<mend>& { return mends_; }

    /// Of a failure: what it was; how many brackets were open; and whether the text had shown that
    /// JSON is meant, by a name with its colon or a whole element.
    [[nodiscard]] auto fault() const noexcept -> json_fault const& { return fault_; }
    [[nodiscard]] auto depth() const noexcept -> std::size_t { return open_.size(); }
    [[nodiscard]] auto evidence() const noexcept -> bool { return evidence_; }

    [[nodiscard]] auto allows(mending rule) const noexcept -> bool {
        return (rules_ & rule) != mending::none;
    }

    /// The first byte in [at, last) that is neither blank nor in a comment.
    [[nodiscard]] auto past_comments(std::size_t at, std::size_t last) const noexcept
        -> std::size_t {
        for (;;) {
            at = past_blanks(at, last);
            auto const end = comment_end(at, last);
            if (end == at || end > last) {
                return at;
            }
            at = end;
        }
    }
    [[nodiscard]] auto past_blanks(std::size_t at, std::size_t last) const noexcept -> std::size_t {
        while (at < last && is_space(text_[at])) {
            ++at;
        }
        return at;
    }

private:
    enum class previous : unsigned char { bracket, comma, string, container, scalar };

    // How a string is quoted, and the size of the quote.
    struct quote {
        char kind = 0; // '"', '\'', 'd' for “ ” and 's' for ‘ ’; 0 is none
        std::size_t size = 1;
    };

    void step() {
        skip();
        if (failed_) {
            return;
        }
        if (at_ == last_) {
            return end_of_text();
        }
        auto const c = text_[at_];
        if (c == '}' || c == ']') {
            return close(c);
        }
        if (c == ',' && (previous_ == previous::comma ? in_object() : after_value())) {
            return read_comma();
        }
        if (after_value()) {
            if (!may_lack_comma(c)) {
                return fail(at_, "expected ',' or a closing bracket");
            }
            edit(at_, at_, ",", mending::missing_comma);
        }
        if (in_object() && !failed_) {
            read_name();
        }
        if (!failed_) {
            read_value();
        }
    }

    [[nodiscard]] auto in_object() const noexcept -> bool { return open_.back() == '{'; }
    [[nodiscard]] auto after_value() const noexcept -> bool { return previous_ > previous::comma; }

    void open() {
        if (open_.size() == max_depth_) {
            evidence_ = true; // a value inside of this one must not be taken for it
            return fail(at_, "nested too deep");
        }
        open_.push_back(text_[at_++]);
        previous_ = previous::bracket;
    }

    void close(char c) {
        if ((c == '}') != in_object()) {
            return fail(at_, "the brackets do not pair");
        }
        if (previous_ == previous::comma) {
            drop_comma(mending::trailing_comma);
        }
        ++at_;
        open_.pop_back();
        end_value(previous::container);
    }

    void end_value(previous kind) {
        previous_ = kind;
        evidence_ = evidence_ || (!open_.empty() && !in_object());
    }

    // The text ends here, after a whole value or its comma, or else it is too short.
    void end_of_text() {
        if (!cut_ || previous_ == previous::bracket || !allows(mending::missing_bracket)) {
            return fail(at_, "the text ends before the value does");
        }
        if (hidden_) {
            return fail(at_, "a comment holds the bracket that is missing");
        }
        if (previous_ == previous::comma) {
            drop_comma(mending::missing_bracket);
            flush(at_);
        } else {
            edit(at_, at_, "", mending::missing_bracket);
        }
        for (; !open_.empty(); open_.pop_back()) {
            out_ += in_object() ? '}' : ']';
        }
    }

    void read_comma() {
        if (previous_ == previous::comma) {
            edit(at_, at_ + 1, "", mending::double_comma);
        } else {
            comma_ = at_;
        }
        ++at_;
        previous_ = previous::comma;
    }

    // Across lines a comma may be missing before an element or a quoted name; on one line only where
    // nothing else can be meant.
    [[nodiscard]] auto may_lack_comma(char c) const noexcept -> bool {
        if (in_object()) {
            return line_break_ ? quote_at(at_).kind != 0
                               : c == '"' && previous_ != previous::string;
        }
        return line_break_ || (previous_ == previous::container && (c == '{' || c == '['));
    }

    void read_name() {
        auto const begin = at_;
        if (auto const mark = quote_at(at_); mark.kind != 0) {
            read_string(mark, true);
        } else {
            auto const word = read_word();
            if (word.empty() || is_literal(word)) {
                return fail(begin, "expected a name");
            }
            if (edit(begin, begin, "\"", mending::unquoted_key)) {
                replace(at_, at_, "\"");
            }
        }
        skip();
        if (failed_) {
            return;
        }
        if (at_ == last_ || text_[at_] != ':') {
            return fail(at_, "expected ':'");
        }
        ++at_;
        evidence_ = true;
        skip();
    }

    void read_value() {
        if (at_ == last_) {
            return fail(at_, "the text ends before the value does");
        }
        auto const c = text_[at_];
        if (c == '{' || c == '[') {
            open();
        } else if (auto const mark = quote_at(at_); mark.kind != 0) {
            read_string(mark, false);
        } else if (is_identifier(c, true)) {
            read_literal();
        } else {
            read_number();
        }
    }

    auto read_word() -> std::string_view {
        auto const begin = at_;
        while (at_ < last_ && is_identifier(text_[at_], at_ == begin)) {
            ++at_;
        }
        return text_.substr(begin, at_ - begin);
    }

    static auto is_literal(std::string_view word) noexcept -> bool {
        return std::any_of(std::begin(literals), std::end(literals),
                           [word](std::string_view one) { return one == word; });
    }

    void read_literal() {
        auto const begin = at_;
        auto const word = read_word();
        if (word == "True" || word == "False" || word == "None") {
            auto const* const meant = word == "True" ? "true" : word == "False" ? "false" : "null";
            edit(begin, at_, meant, mending::literal);
        } else if (word != "true" && word != "false" && word != "null") {
            return fail(begin, "no value of JSON");
        }
        end_value(previous::scalar);
    }

    void read_number() {
        auto const begin = at_;
        auto const digits = [this] {
            auto const from = at_;
            while (at_ < last_ && is_digit(text_[at_])) {
                ++at_;
            }
            return at_ - from;
        };
        auto const is_at = [this](char c) {
            return at_ < last_ && text_[at_] == c;
        };
        if (is_at('+')) {
            edit(begin, begin + 1, "", mending::number);
        }
        auto const negative = is_at('-');
        at_ += negative || is_at('+') ? 1U : 0U;
        auto const whole = at_;
        auto const before = digits();
        auto good = before == 1 || (before > 1 && text_[whole] != '0');
        auto const point = at_;
        if (is_at('.')) {
            ++at_;
            auto const after = digits();
            good = (good || before == 0) && before + after > 0;
            if (good && before == 0) {
                edit(point, point, "0", mending::number);
            }
            if (good && after == 0) {
                edit(at_, at_, "0", mending::number);
            }
        }
        if (good && (is_at('e') || is_at('E'))) {
            ++at_;
            at_ += is_at('+') || is_at('-') ? 1U : 0U;
            good = digits() > 0;
        }
        if (at_ == begin) {
            return fail(at_, "expected a value");
        }
        // What goes on like 1.2.3, 12:30 or 1_000 is no number; what goes on in a new line is whole.
        if (!good || (at_ < last_ && (is_identifier(text_[at_]) || text_[at_] == '.' ||
                                      text_[at_] == '-' || text_[at_] == '+'))) {
            return fail(begin, "no number of JSON");
        }
        if (at_ == last_) {
            return fail(begin, "the text may end within the number");
        }
        auto number = json_number{};
        auto const from = text_[begin] == '+' ? whole : begin;
        if (!json_number_of(text_.substr(from, at_ - from), number)) {
            return fail(begin, "a number too large");
        }
        end_value(previous::scalar);
    }

    [[nodiscard]] auto quote_at(std::size_t at) const noexcept -> quote {
        auto const text = text_.substr(at, std::min<std::size_t>(3, last_ - at));
        if (text.starts_with('"') || text.starts_with('\'')) {
            return {text[0], 1};
        }
        if (text == left_double || text == right_double || text == low_double) {
            return {'d', 3};
        }
        return {text == left_single ? 's' : '\0', 3};
    }

    [[nodiscard]] auto closes(quote mark) const noexcept -> bool {
        if (mark.size == 1) {
            return text_[at_] == mark.kind;
        }
        auto const text = text_.substr(at_, std::min<std::size_t>(3, last_ - at_));
        return mark.kind == 's' ? text == right_single
                                : text == right_double || text == left_double;
    }

    void read_string(quote mark, bool is_name) {
        auto const begin = at_;
        if (mark.kind != '"' && !edit(at_, at_ + mark.size, "\"", mending::quotes)) {
            return;
        }
        at_ += mark.size;
        while (!failed_) {
            if (at_ == last_) {
                return fail(begin, "the string has no end");
            }
            auto const c = static_cast<unsigned char>(text_[at_]);
            if (closes(mark)) {
                auto const end = at_ + mark.size;
                auto const next = is_name ? quote{} : concatenated(end);
                if (next.kind == 0) {
                    if (mark.kind != '"') {
                        replace(at_, end, "\"");
                    }
                    at_ = end;
                    if (!is_name) {
                        end_value(previous::string);
                    }
                    return;
                }
                edit(at_, end, "", mending::concatenation);
                at_ = past_blanks(past_blanks(end, last_) + 1, last_) + next.size;
                copied_ = at_;
                mark = next;
            } else if (c == '\\') {
                read_escape(mark);
            } else if (c == '"') {
                replace(at_, at_ + 1, "\\\"");
                ++at_;
            } else if (c < 0x20) {
                constexpr auto hex = std::string_view{"0123456789abcdef"};
                char const code[] = {'\\', 'u', '0', '0', hex[c >> 4U], hex[c & 15U], '\0'};
                edit(at_, at_ + 1,
                     c == '\n'   ? "\\n"
                     : c == '\t' ? "\\t"
                                 : code,
                     mending::control_character);
                ++at_;
            } else if (c < 0x80) {
                ++at_;
            } else if (auto const* const end =
                           json_skip_utf8(text_.data() + at_, text_.data() + last_)) {
                at_ = static_cast<std::size_t>(end - text_.data());
            } else {
                return fail(at_, "no UTF-8");
            }
        }
    }

    // The quote that goes on with a string that ends before `end`, if `+` and a quote follow.
    [[nodiscard]] auto concatenated(std::size_t end) const noexcept -> quote {
        auto const plus = past_blanks(end, last_);
        if (plus == last_ || text_[plus] != '+') {
            return {};
        }
        return quote_at(past_blanks(plus + 1, last_));
    }

    // At a backslash.
    void read_escape(quote mark) {
        auto const c = at_ + 1 < last_ ? text_[at_ + 1] : '\0';
        if (c == 'u') {
            auto const high = hex_at(at_ + 2);
            auto const is_high = high >= 0xD800 && high < 0xDC00;
            auto const low = is_high && text_.substr(at_ + 6, 2) == "\\u" ? hex_at(at_ + 8) : 0U;
            if (high > 0xFFFF || (high >= 0xDC00 && high < 0xE000) ||
                (is_high && (low < 0xDC00 || low >= 0xE000))) {
                return fail(at_, "no escape of JSON");
            }
            at_ += is_high ? 12 : 6;
        } else if (c == '\'') {
            if (mark.kind == '\'') {
                replace(at_, at_ + 1, "");
            } else {
                edit(at_, at_ + 1, "", mending::quotes);
            }
            at_ += 2;
        } else if (c != '\0' && std::string_view{"\"\\/bfnrt"}.find(c) != std::string_view::npos) {
            at_ += 2;
        } else {
            return fail(at_, "no escape of JSON");
        }
    }

    // The four hexadecimal digits at `at`; something larger if they are none.
    [[nodiscard]] auto hex_at(std::size_t at) const noexcept -> std::uint32_t {
        auto code = std::uint32_t{};
        auto const* const from = text_.data() + std::min(at, last_);
        auto const* const to = text_.data() + std::min(at + 4, last_);
        auto const* const end = std::from_chars(from, to, code, 16).ptr;
        return end == from + 4 ? code : 0x10000U;
    }

    // Blanks and comments.
    void skip() {
        line_break_ = false;
        while (at_ < last_ && !failed_) {
            auto const c = text_[at_];
            if (is_space(c)) {
                line_break_ = line_break_ || c == '\n' || c == '\r';
                ++at_;
                continue;
            }
            auto const end = comment_end(at_, last_);
            if (end == at_) {
                return;
            }
            auto const begin = std::exchange(at_, std::min(end, last_));
            if (end > last_) {
                return fail(begin, "the comment has no end");
            }
            auto const comment = text_.substr(begin, end - begin);
            hidden_ = hidden_ || (!comment.starts_with("/*") &&
                                  comment.find_first_of("}]") != std::string_view::npos);
            edit(begin, end, "", mending::comment);
        }
    }

    // The end of the comment at `at`: `at` if there is none, beyond `last` if it has no end.
    [[nodiscard]] auto comment_end(std::size_t at, std::size_t last) const noexcept -> std::size_t {
        auto const text = text_.substr(at, last - at);
        if (!allows(mending::comment) ||
            (!text.starts_with('#') && !text.starts_with("//") && !text.starts_with("/*"))) {
            return at;
        }
        if (text.starts_with("/*")) {
            auto const end = text.find("*/", 2);
            return end == std::string_view::npos ? last + 1 : at + end + 2;
        }
        return at + std::min(text.find_first_of("\r\n"), text.size());
    }

    // Notes a mend, if its rule is on.
    auto note(mending rule, std::size_t offset) -> bool {
        if (!allows(rule)) {
            fail(offset, "no JSON, and the rule that would mend it is off");
            return false;
        }
        mends_.push_back({rule, offset});
        return true;
    }

    auto edit(std::size_t from, std::size_t to, std::string_view with, mending rule) -> bool {
        if (!note(rule, from)) {
            return false;
        }
        replace(from, to, with);
        return true;
    }

    // Nothing after `from` has been copied yet.
    void replace(std::size_t from, std::size_t to, std::string_view with) {
        flush(from);
        out_ += with;
        copied_ = to;
        edited_ = true;
    }

    void flush(std::size_t to) {
        if (comma_ >= copied_ && comma_ < to) {
            comma_out_ = out_.size() + (comma_ - copied_);
        }
        out_ += text_.substr(copied_, to - copied_);
        copied_ = to;
    }

    // Takes the last comma back, which may have been copied already.
    void drop_comma(mending rule) {
        if (comma_ >= copied_) {
            edit(comma_, comma_ + 1, "", rule);
        } else if (note(rule, comma_)) {
            out_[comma_out_] = ' ';
            for (auto at = mends_.end() - 1; // to its place before the comments that follow it
                 at != mends_.begin() && at[-1].offset > at->offset; --at) {
                std::swap(at[-1], at[0]);
            }
        }
    }

    void fail(std::size_t offset, std::string_view reason) {
        if (!std::exchange(failed_, true)) {
            fault_ = {offset, reason};
        }
    }

    static constexpr std::string_view literals[] = {
        "true", "false", "null", "True", "False", "None", "NaN", "Infinity", "undefined"};

    static constexpr std::string_view left_single = "\xE2\x80\x98";
    static constexpr std::string_view right_single = "\xE2\x80\x99";
    static constexpr std::string_view left_double = "\xE2\x80\x9C";
    static constexpr std::string_view right_double = "\xE2\x80\x9D";
    static constexpr std::string_view low_double = "\xE2\x80\x9E";

    std::string_view text_;
    mending rules_;
    std::size_t max_depth_;

    std::size_t first_ = 0;
    std::size_t last_ = 0;
    std::size_t at_ = 0;
    std::size_t copied_ = 0;                     // what lies before is in `out_`
    std::size_t comma_ = std::string_view::npos; // the last one, in the text
    std::size_t comma_out_ = 0;                  // and in `out_`, once it is there
    previous previous_ = previous::bracket;
    bool cut_ = false;
    bool line_break_ = false; // in the blanks before this token
    bool hidden_ = false;     // a closing bracket stood in a comment up to the end of a line
    bool failed_ = false;
    bool evidence_ = false;
    bool edited_ = false;
    std::string open_; // the brackets
    std::string out_;
    std::vector<mend> mends_;
    json_fault fault_;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_JSON_MENDER_HPP
