// SPDX-License-Identifier: MIT
//
// Looks for the one JSON value in a text: the text as a whole, then what stands in code fences, then
// objects and arrays in the prose.
//
// Linear: nlohmann, and the mender in each of the three places, read the text once. A start at a
// bracket that fails ends the search if it had shown that JSON is meant, for what lies inside of a
// broken value is not the value. Else the search goes on behind the last byte that it read, so that
// no two starts read the same byte; all that it can have read are brackets that open, blanks,
// comments, and one name or word. A start that succeeds is gone past.
#ifndef LLMS_DETAIL_JSON_FINDER_HPP
#define LLMS_DETAIL_JSON_FINDER_HPP

#include <llms/detail/coerce_text.hpp>
#include <llms/detail/json_depth.hpp>
#include <llms/detail/json_mender.hpp>
#include <llms/json/mend.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace llms::inline v0_1::detail {

/// What a search found, and where: a value, or what is wrong.
struct json_found {
    std::optional<nlohmann::json> value{};
    std::vector<mend> mends{};
    std::size_t offset = 0;
    std::size_t length = 0;
    json_fault fault{};
};

/// Which of several values is meant.
enum class json_choice : unsigned char {
    only,    // there must not be another
    first,   // the first
    fitting, // the first that fits, in code too
};

template <class Fits>
class json_finder {
public:
    json_finder(std::string_view text, Fits& fits, json_choice choice, mending rules,
                std::size_t max_depth)
        : text_(text),
          fits_(fits),
          choice_(choice),
          max_depth_(max_depth),
          mender_(text, rules, max_depth),
          hint_{text.size(), "there is no value"} {}

    auto find() -> json_found {
        constexpr auto mark = std::string_view{"\xEF\xBB\xBF"};
        if (text_.starts_with(mark)) {
            if (!mender_.allows(mending::byte_order_mark)) {
                fail(0, "a byte order mark");
            }
            before_.push_back({mending::byte_order_mark, 0});
            first_ = mark.size();
        }
        if (!decided()) {
            read_whole();
        }
        for (auto const place : {mending::fence, mending::prose}) {
            if (!decided() && mender_.allows(place)) {
                look_in(place);
            }
        }
        if (!decided()) {
            misfit_ ? fail(text_.size(), "no value fits") : fail(hint_.offset, hint_.reason);
        }
        if (found_.value) {
            before_.insert(before_.end(), found_.mends.begin(), found_.mends.end());
            found_.mends = std::move(before_);
        }
        return std::move(found_);
    }

private:
    struct span {
        std::size_t first = 0;
        std::size_t last = 0; // one beyond
    };

    // A code fence, what it holds, and whether that may be JSON.
    struct fence {
        span all;
        span body;
        bool is_json = false;
    };

    void fail(std::size_t offset, std::string_view reason) {
        found_ = {};
        found_.fault = {offset, reason};
    }

    // Where nothing is found, the first bracket that led to nothing tells why.
    void hint() {
        if (hint_.offset == text_.size()) {
            hint_ = mender_.fault();
        }
    }

    [[nodiscard]] auto decided() const noexcept -> bool {
        return found_.value.has_value() || !found_.fault.reason.empty();
    }

    // Whether there is a value and no other is of interest.
    [[nodiscard]] auto chosen() const noexcept -> bool {
        return found_.value.has_value() && choice_ != json_choice::only;
    }

    // Decides if the text is one value and nothing else, but for comments, or begins as one that is
    // broken.
    void read_whole() {
        auto const body = text_.substr(first_);
        // nlohmann takes a NUL for the end of the text.
        if (!json_deeper_than(body, max_depth_) && body.find('\0') == std::string_view::npos) {
            auto value = nlohmann::json::parse(body, nullptr, false);
            if (!value.is_discarded()) {
                auto const source = trimmed(body);
                auto const offset = static_cast<std::size_t>(source.data() - text_.data());
                return take_whole(std::move(value), offset, source.size());
            }
        }
        auto const begin = mender_.past_comments(first_, text_.size());
        if (begin == text_.size() || (text_[begin] != '{' && text_[begin] != '[')) {
            return;
        }
        if (!mender_.run(begin, text_.size(), true)) {
            if (mender_.evidence()) {
                fail(mender_.fault().offset, mender_.fault().reason);
            }
            return hint();
        }
        auto const end = mender_.at();
        if (mender_.past_comments(end, text_.size()) == text_.size()) {
            note_around({first_, begin}, mending::comment, before_);
            take_whole(parsed(), begin, end - begin);
            note_around({end, text_.size()}, mending::comment, found_.mends);
        }
    }

    void take_whole(nlohmann::json value, std::size_t offset, std::size_t length) {
        if (!take(std::move(value), offset, length)) {
            fail(offset, "the value does not fit");
        }
    }

    auto parsed() -> nlohmann::json {
        return nlohmann::json::parse(mender_.json(), nullptr, false);
    }

    auto take(nlohmann::json value, std::size_t offset, std::size_t length) -> bool {
        if (value.is_discarded() || !fits_(std::as_const(value))) {
            misfit_ = true;
            return false;
        }
        found_ = {std::move(value), std::move(mender_.mends()), offset, length, {}};
        return true;
    }

    // Notes what lies around the value, if it is more than blanks.
    void note_around(span around, mending rule, std::vector<mend>& to) {
        auto const at = mender_.past_blanks(around.first, around.last);
        if (at < around.last && found_.fault.reason.empty()) {
            if (!mender_.allows(rule)) {
                return fail(at, "words around the value");
            }
            to.push_back({rule, at});
        }
    }

    void look_in(mending place) {
        auto taken = fence{};
        for (auto at = first_; at < text_.size() && !stopped_ && !chosen();) {
            auto const next = next_fence(at);
            auto const had = found_.value.has_value();
            if (place == mending::prose) {
                look({at, next.all.first}, next.all.first == text_.size());
            } else if (next.is_json ||
                       (choice_ == json_choice::fitting && next.all.first < text_.size())) {
                look(next.body, true);
            }
            if (!had && found_.value) {
                taken = next;
            }
            at = next.all.last;
        }
        if (!found_.value) {
            return;
        }
        auto const value = span{found_.offset, found_.offset + found_.length};
        auto const whole = span{first_, text_.size()};
        if (place == mending::prose) {
            note_around({whole.first, value.first}, mending::prose, before_);
            return note_around({value.last, whole.last}, mending::prose, found_.mends);
        }
        note_around({whole.first, taken.all.first}, mending::prose, before_);
        before_.push_back({mending::fence, taken.all.first});
        note_around({taken.body.first, value.first}, mending::prose, before_);
        note_around({value.last, taken.body.last}, mending::prose, found_.mends);
        note_around({taken.all.last, whole.last}, mending::prose, found_.mends);
    }

    static constexpr auto is_bracket(char c) noexcept -> bool {
        return c == '{' || c == '}' || c == '[' || c == ']';
    }

    // Looks for values in a part of the text. A bracket that is no value's stays open up to its
    // partner, and what lies between them is a part of something else.
    void look(span where, bool cut) {
        auto depth = std::size_t{0};
        auto found_depth = std::size_t{0};
        auto here = false; // whether the value was found in this part
        for (auto at = where.first;;) {
            while (at < where.last && !is_bracket(text_[at])) {
                ++at;
            }
            if (at == where.last) {
                return;
            }
            if (text_[at] == '}' || text_[at] == ']') {
                if (depth > 0) {
                    --depth;
                    if (here && found_depth > depth) {
                        found_ = {};
                        here = false;
                    }
                } else if (here) {
                    return stop(at, "the brackets do not pair");
                }
                ++at;
            } else if (mender_.run(at, where.last, cut)) {
                auto const end = mender_.at();
                if (!chosen() && (choice_ == json_choice::fitting || !is_code({at, end}, where))) {
                    if (found_.value) {
                        return stop(at, "there is another value");
                    }
                    if (take(parsed(), at, end - at)) {
                        here = true;
                        found_depth = depth;
                        if (chosen() && depth == 0) {
                            return;
                        }
                    }
                }
                at = end;
            } else if (mender_.evidence()) {
                return chosen() ? void() : stop(mender_.fault().offset, mender_.fault().reason);
            } else {
                hint();
                depth += mender_.depth();
                at = std::max(mender_.at(), at + 1);
            }
        }
    }

    void stop(std::size_t offset, std::string_view reason) {
        stopped_ = true;
        fail(offset, reason);
    }

    // Whether what stands around a value in prose says that it is none: an index, an argument, an
    // initialiser, a placeholder, the number of a note, a box to tick.
    [[nodiscard]] auto is_code(span value, span where) const noexcept -> bool {
        auto before = value.first;
        while (before > where.first && is_space(text_[before - 1])) {
            --before;
        }
        auto const after = mender_.past_blanks(value.last, where.last);
        if (before == where.first && after == where.last) {
            return false;
        }
        auto const source = text_.substr(value.first + 1, value.last - value.first - 2);
        if (text_[value.first] == '[' && !source.empty() && source.size() <= 3 &&
            (source.find_first_not_of("0123456789") == std::string_view::npos || source == " ")) {
            return true;
        }
        if (before > where.first && text_[before - 1] == '=') {
            return true;
        }
        if (before == value.first && before > where.first) {
            auto const c = text_[before - 1];
            if (is_identifier(c) || std::string_view{")%#@\\"}.find(c) != std::string_view::npos ||
                (c == '(' && before - 1 > where.first && is_identifier(text_[before - 2]))) {
                return true;
            }
        }
        auto const next =
            text_.substr(value.last, std::min<std::size_t>(2, where.last - value.last));
        return next.starts_with('(') ||
               (next.size() == 2 && next[0] == '.' && is_identifier(next[1]));
    }

    // A fence opens with a line that begins with ``` or ~~~, perhaps with a language, and closes with
    // the next such line of its kind, or else with the next such mark, or with the text. An opening
    // line without a closing one is the last of its kind: O(n) for all.
    [[nodiscard]] auto next_fence(std::size_t at) const noexcept -> fence {
        auto const end = text_.size();
        auto const open = line_with("`~", at);
        if (open == end) {
            return {{end, end}, {end, end}, false};
        }
        auto const mark = text_.substr(open, 1);
        auto const tag = std::min(text_.find_first_not_of(mark[0], open), end);
        auto body = tag;
        while (body < end && (is_identifier(text_[body]) || text_[body] == '+' ||
                              text_[body] == '-' || text_[body] == '#')) {
            ++body;
        }
        auto const name = text_.substr(tag, body - tag);
        auto close = line_with(mark, std::min(text_.find('\n', body), end));
        if (close == end) {
            close = std::min(text_.find(text_.substr(open, 3), body), end);
        }
        return {{open, std::min(text_.find_first_not_of(mark[0], close), end)},
                {body, close},
                name.empty() || same_letters(name, "json") || same_letters(name, "json5") ||
                    same_letters(name, "jsonc")};
    }

    // Where the first line from `at` on begins with three of one of the `marks`; the size of the text
    // if none does. If `at` is in the middle of a line, that one does not count.
    [[nodiscard]] auto line_with(std::string_view marks, std::size_t at) const noexcept
        -> std::size_t {
        while (at < text_.size()) {
            if (at == first_ || text_[at - 1] == '\n') {
                auto const begin = std::min(text_.find_first_not_of(" \t", at), text_.size());
                auto const three = text_.substr(begin, 3);
                if (three.size() == 3 && marks.find(three[0]) != std::string_view::npos &&
                    three[1] == three[0] && three[2] == three[0]) {
                    return begin;
                }
            }
            auto const next = text_.find('\n', at);
            at = next == std::string_view::npos ? text_.size() : next + 1;
        }
        return text_.size();
    }

    std::string_view text_;
    Fits& fits_;
    json_choice choice_;
    std::size_t max_depth_;
    json_mender mender_;
    json_fault hint_;
    std::size_t first_ = 0; // behind a byte order mark
    bool stopped_ = false;
    bool misfit_ = false;
    std::vector<mend> before_; // the mends in front of the value
    json_found found_;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_JSON_FINDER_HPP
