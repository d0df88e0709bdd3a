// SPDX-License-Identifier: MIT
//
// The one reader of ECMA-262 regular expressions (with the `u` flag, as JSON Schema asks).
// Everything that runs or checks a pattern starts here: the trivial matcher, the automaton, format
// "regex", and the adapters, which print the tree in the dialect of their engine (regex_print.hpp).
//
// More is taken than the letter of the `u` grammar where published schemas rely on it and the
// meaning is plain: `\-`, `\_`, `\"` and other escaped punctuation, `{`, `}` and `]` that stand for
// themselves, a class escape beside a dash (`[\w-.]`). Escaped letters without a meaning (`\a`,
// `\Z`) and inline flags are errors.
//
// Text is bounded to 64 KiB and groups to a depth of 200, so neither reading nor walking the tree
// can overflow the stack.
#ifndef LLMS_DETAIL_REGEX_SYNTAX_HPP
#define LLMS_DETAIL_REGEX_SYNTAX_HPP

#include <llms/detail/regex_unicode.hpp>
#include <llms/schema/pattern_error.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace llms::inline v0_1::detail {

/// A `\p{...}` inside a set. `categories` is a mask of general categories when the property is one;
/// otherwise only an engine with its own tables can take the property, by `name`.
struct regex_property {
    std::string name;
    std::uint32_t categories = 0;
    bool negated = false;
};

/// A set of code points as written: a character class or a class escape.
struct regex_set {
    std::vector<code_range> ranges; // in the order of the text, may overlap
    std::vector<regex_property> properties;
    bool negated = false;
};

enum class regex_kind : std::uint8_t {
    empty,
    literal,        // value: code point
    set,            // value: index into sets
    begin,          // ^
    end,            // $
    word_boundary,  // \b, or \B when negated
    group,          // value: number, 0 when it does not capture; one child
    concatenation,  // children
    alternation,    // children
    repetition,     // min, max, lazy; one child
    look_ahead,     // negated; one child
    look_behind,    // negated; one child
    back_reference, // value: number of the group
};

struct regex_node {
    regex_kind kind = regex_kind::empty;
    bool negated = false;
    bool lazy = false;
    std::uint32_t value = 0;
    std::uint32_t min = 0;
    std::uint32_t max = 0;
    std::uint32_t first_child = 0; // into regex_tree::children
    std::uint32_t child_count = 0;
    std::uint32_t offset = 0; // in the text, for errors
};

constexpr std::uint32_t unbounded = std::numeric_limits<std::uint32_t>::max();

struct regex_tree {
    std::string text;
    std::vector<regex_node> nodes;
    std::vector<std::uint32_t> children;
    std::vector<regex_set> sets;
    std::uint32_t root = 0;
    bool has_back_reference = false;
    bool has_look = false;

    [[nodiscard]] auto child(regex_node const& node, std::uint32_t i = 0) const
        -> regex_node const& {
        return nodes[children[node.first_child + i]];
    }
    [[noreturn]] void fail(regex_node const& node, std::string_view reason) const {
        throw pattern_error(text, node.offset, reason);
    }
};

constexpr auto is_ascii_digit(char32_t c) noexcept -> bool {
    return c >= '0' && c <= '9';
}
constexpr auto is_ascii_alpha(char32_t c) noexcept -> bool {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr auto is_word_character(char32_t c) noexcept -> bool {
    return is_ascii_digit(c) || is_ascii_alpha(c) || c == '_';
}
/// 0 to 15, or -1 for what is no hexadecimal digit.
constexpr auto hex_value(char32_t c) noexcept -> int {
    if (is_ascii_digit(c)) {
        return static_cast<int>(c - U'0');
    }
    char32_t const lower = c | 0x20U;
    return lower >= 'a' && lower <= 'f' ? static_cast<int>(lower - U'a') + 10 : -1;
}

inline constexpr std::array<code_range, 1> digit_ranges{{{'0', '9'}}};
inline constexpr std::array<code_range, 4> word_ranges{
    {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}};
// WhiteSpace and LineTerminator of ECMA-262.
inline constexpr std::array<code_range, 10> space_ranges{{{0x09, 0x0D},
                                                          {0x20, 0x20},
                                                          {0xA0, 0xA0},
                                                          {0x1680, 0x1680},
                                                          {0x2000, 0x200A},
                                                          {0x2028, 0x2029},
                                                          {0x202F, 0x202F},
                                                          {0x205F, 0x205F},
                                                          {0x3000, 0x3000},
                                                          {0xFEFF, 0xFEFF}}};
inline constexpr std::array<code_range, 3> line_terminator_ranges{
    {{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}};

/// Reads one pattern into a tree. Throws `pattern_error`.
class regex_parser {
public:
    static auto parse(std::string_view text) -> regex_tree {
        if (text.size() > max_bytes) {
            throw pattern_error(text, max_bytes, "longer than 65536 bytes");
        }
        regex_parser parser{text};
        return parser.run();
    }

private:
    static constexpr std::size_t max_bytes = 65536;
    static constexpr int max_depth = 200;

    explicit regex_parser(std::string_view text) : text_(text) { tree_.text = text; }

    auto run() -> regex_tree {
        tree_.root = disjunction(0);
        if (!at_end()) {
            fail("unmatched )");
        }
        for (auto const& [node, name] : named_references_) {
            auto const found = std::find(group_names_.begin(), group_names_.end(), name);
            if (found == group_names_.end()) {
                tree_.fail(tree_.nodes[node], "no group is named \"" + name + "\"");
            }
            tree_.nodes[node].value =
                group_numbers_[static_cast<std::size_t>(found - group_names_.begin())];
        }
        for (auto const& node : tree_.nodes) {
            if (node.kind == regex_kind::back_reference && node.value > group_count_) {
                tree_.fail(node, "back-reference to a group that does not exist");
            }
        }
        return std::move(tree_);
    }

    [[noreturn]] void fail(std::string_view reason) const {
        throw pattern_error(text_, position_, reason);
    }
    [[nodiscard]] auto at_end() const -> bool { return position_ == text_.size(); }
    // '\0' at the end: no construct is introduced by it, so look-ups by character stay simple.
    [[nodiscard]] auto peek(std::size_t ahead = 0) const -> char {
        return position_ + ahead < text_.size() ? text_[position_ + ahead] : '\0';
    }
    auto accept(std::string_view token) -> bool {
        if (text_.substr(position_).substr(0, token.size()) != token) {
            return false;
        }
        position_ += token.size();
        return true;
    }
    auto take_code_point() -> char32_t {
        auto const [code_point, length] = decode_utf8(text_, position_);
        if (length == 0) {
            fail("not valid UTF-8");
        }
        position_ += length;
        return code_point;
    }

    auto add(regex_node node, std::size_t offset) -> std::uint32_t {
        node.offset = static_cast<std::uint32_t>(offset);
        tree_.nodes.push_back(node);
        return static_cast<std::uint32_t>(tree_.nodes.size() - 1);
    }
    auto add_parent(regex_node node, std::vector<std::uint32_t> const& children, std::size_t offset)
        -> std::uint32_t {
        node.first_child = static_cast<std::uint32_t>(tree_.children.size());
        node.child_count = static_cast<std::uint32_t>(children.size());
        tree_.children.insert(tree_.children.end(), children.begin(), children.end());
        return add(node, offset);
    }
    auto add_set(regex_set set, std::size_t offset) -> std::uint32_t {
        tree_.sets.push_back(std::move(set));
        return add(
            {.kind = regex_kind::set, .value = static_cast<std::uint32_t>(tree_.sets.size() - 1)},
            offset);
    }

    auto disjunction(int depth) -> std::uint32_t {
        if (depth > max_depth) {
            fail("groups nested deeper than 200");
        }
        std::size_t const offset = position_;
        std::vector<std::uint32_t> alternatives{alternative(depth)};
        while (accept("|")) {
            alternatives.push_back(alternative(depth));
        }
        return alternatives.size() == 1
                   ? alternatives.front()
                   : add_parent({.kind = regex_kind::alternation}, alternatives, offset);
    }

    auto alternative(int depth) -> std::uint32_t {
        std::size_t const offset = position_;
        std::vector<std::uint32_t> terms;
        while (!at_end() && peek() != '|' && peek() != ')') {
            terms.push_back(term(depth));
        }
        if (terms.empty()) {
            return add({}, offset);
        }
        return terms.size() == 1 ? terms.front()
                                 : add_parent({.kind = regex_kind::concatenation}, terms, offset);
    }

    auto term(int depth) -> std::uint32_t {
        std::size_t const offset = position_;
        bool quantifiable = true;
        std::uint32_t const node = atom(depth, quantifiable);
        std::uint32_t min = 0;
        std::uint32_t max = 0;
        std::size_t const quantifier_offset = position_;
        if (!quantifier(min, max)) {
            return node;
        }
        if (!quantifiable) {
            throw pattern_error(text_, quantifier_offset, "nothing to repeat");
        }
        bool const lazy = accept("?");
        return add_parent({.kind = regex_kind::repetition, .lazy = lazy, .min = min, .max = max},
                          {node}, offset);
    }

    auto quantifier(std::uint32_t& min, std::uint32_t& max) -> bool {
        if (accept("*")) {
            min = 0;
            max = unbounded;
        } else if (accept("+")) {
            min = 1;
            max = unbounded;
        } else if (accept("?")) {
            min = 0;
            max = 1;
        } else if (peek() == '{') {
            return counted_quantifier(min, max);
        } else {
            return false;
        }
        return true;
    }

    // A brace that opens no quantifier stands for itself.
    auto counted_quantifier(std::uint32_t& min, std::uint32_t& max) -> bool {
        std::size_t const start = position_;
        ++position_;
        bool valid = number(min);
        max = min;
        if (valid && accept(",") && !number(max)) {
            max = unbounded;
        }
        if (!valid || !accept("}")) {
            position_ = start;
            return false;
        }
        if (max < min) {
            throw pattern_error(text_, start, "the bounds of {} are out of order");
        }
        return true;
    }

    // Saturates just below `unbounded`.
    auto number(std::uint32_t& value) -> bool {
        std::size_t const start = position_;
        std::uint64_t sum = 0;
        while (is_ascii_digit(static_cast<unsigned char>(peek()))) {
            sum = std::min<std::uint64_t>(sum * 10 + static_cast<std::uint64_t>(peek() - '0'),
                                          unbounded - 1);
            ++position_;
        }
        value = static_cast<std::uint32_t>(sum);
        return position_ != start;
    }

    auto atom(int depth, bool& quantifiable) -> std::uint32_t {
        std::size_t const offset = position_;
        switch (peek()) {
        case '^':
            ++position_;
            quantifiable = false;
            return add({.kind = regex_kind::begin}, offset);
        case '$':
            ++position_;
            quantifiable = false;
            return add({.kind = regex_kind::end}, offset);
        case '(':
            return group(depth, quantifiable);
        case '[':
            return character_class();
        case '\\':
            return escape(quantifiable);
        case '.':
            ++position_;
            return add_set(
                {.ranges = {line_terminator_ranges.begin(), line_terminator_ranges.end()},
                 .properties = {},
                 .negated = true},
                offset);
        case '*':
        case '+':
        case '?':
            fail("nothing to repeat");
        case '{': {
            std::uint32_t min = 0;
            std::uint32_t max = 0;
            if (counted_quantifier(min, max)) {
                throw pattern_error(text_, offset, "nothing to repeat");
            }
            break;
        }
        default:
            break;
        }
        return add({.kind = regex_kind::literal, .value = take_code_point()}, offset);
    }

    auto group(int depth, bool& quantifiable) -> std::uint32_t {
        std::size_t const offset = position_;
        regex_node node{.kind = regex_kind::group};
        ++position_;
        if (accept("?:")) {
            // does not capture
        } else if (accept("?=") || accept("?!")) {
            node.kind = regex_kind::look_ahead;
            node.negated = text_[position_ - 1] == '!';
        } else if (accept("?<=") || accept("?<!")) {
            node.kind = regex_kind::look_behind;
            node.negated = text_[position_ - 1] == '!';
        } else if (accept("?<")) {
            node.value = ++group_count_;
            std::string name = group_name();
            if (std::find(group_names_.begin(), group_names_.end(), name) != group_names_.end()) {
                fail("two groups are named \"" + name + "\"");
            }
            if (group_names_.size() == max_named_groups) {
                fail("more than 100 named groups");
            }
            group_names_.push_back(std::move(name));
            group_numbers_.push_back(node.value);
        } else if (peek() == '?') {
            fail("(? opens a construct that ECMA-262 does not have");
        } else {
            node.value = ++group_count_;
        }
        if (node.kind != regex_kind::group) {
            quantifiable = false;
            tree_.has_look = true;
        }
        std::uint32_t const body = disjunction(depth + 1);
        if (!accept(")")) {
            fail("unclosed group");
        }
        return add_parent(node, {body}, offset);
    }

    auto group_name() -> std::string {
        std::size_t const start = position_;
        while (!at_end() && peek() != '>') {
            char32_t const c = take_code_point();
            bool const first = position_ - start == 1;
            if (!(is_word_character(c) || c == '$' || c >= 0x80) || (first && is_ascii_digit(c))) {
                fail("not a name for a group");
            }
        }
        std::string name(text_.substr(start, position_ - start));
        if (name.empty() || !accept(">")) {
            fail("unfinished name of a group");
        }
        return name;
    }

    auto escape(bool& quantifiable) -> std::uint32_t {
        std::size_t const offset = position_;
        switch (peek(1)) {
        case 'b':
        case 'B':
            quantifiable = false;
            position_ += 2;
            return add({.kind = regex_kind::word_boundary, .negated = text_[offset + 1] == 'B'},
                       offset);
        case 'k': {
            position_ += 2;
            if (!accept("<")) {
                fail("\\k needs the name of a group: \\k<name>");
            }
            std::string name = group_name();
            std::uint32_t const node = add({.kind = regex_kind::back_reference}, offset);
            named_references_.emplace_back(node, std::move(name));
            tree_.has_back_reference = true;
            return node;
        }
        default:
            break;
        }
        if (peek(1) >= '1' && peek(1) <= '9') {
            ++position_;
            std::uint32_t value = 0;
            number(value);
            tree_.has_back_reference = true;
            return add({.kind = regex_kind::back_reference, .value = value}, offset);
        }
        regex_set set;
        if (class_escape(set)) {
            return add_set(std::move(set), offset);
        }
        return add({.kind = regex_kind::literal, .value = character_escape()}, offset);
    }

    // \d \D \w \W \s \S \p{} \P{}: adds to `set`.
    auto class_escape(regex_set& set) -> bool {
        auto const add_ranges = [&set](auto const& ranges, bool negated) {
            std::vector<code_range> all(ranges.begin(), ranges.end());
            if (negated) {
                all = complement(std::move(all));
            }
            set.ranges.insert(set.ranges.end(), all.begin(), all.end());
        };
        char const letter = peek(1);
        switch (letter) {
        case 'd':
        case 'D':
            add_ranges(digit_ranges, letter == 'D');
            break;
        case 'w':
        case 'W':
            add_ranges(word_ranges, letter == 'W');
            break;
        case 's':
        case 'S':
            add_ranges(space_ranges, letter == 'S');
            break;
        case 'p':
        case 'P':
            position_ += 2;
            property(set, letter == 'P');
            return true;
        default:
            return false;
        }
        position_ += 2;
        return true;
    }

    void property(regex_set& set, bool negated) {
        std::size_t const start = position_;
        std::size_t const close = text_.find('}', position_);
        if (!accept("{") || close == std::string_view::npos) {
            fail("\\p needs a property in braces");
        }
        std::string_view const name = text_.substr(position_, close - position_);
        position_ = close + 1;
        auto const found = find_unicode_property(name);
        if (!found) {
            throw pattern_error(text_, start,
                                "unknown Unicode property \"" + std::string(name) + "\"");
        }
        if (set.properties.size() == max_properties) {
            fail("more than 100 properties in one class");
        }
        set.properties.push_back({std::string(name), *found, negated});
    }

    // One escaped character, at the backslash.
    auto character_escape() -> char32_t {
        std::size_t const start = position_++;
        if (at_end()) {
            fail("\\ at the end");
        }
        char32_t const c = take_code_point();
        switch (c) {
        case 't':
            return '\t';
        case 'n':
            return '\n';
        case 'v':
            return '\v';
        case 'f':
            return '\f';
        case 'r':
            return '\r';
        case 'c':
            if (!is_ascii_alpha(static_cast<unsigned char>(peek()))) {
                fail("\\c needs a letter");
            }
            return static_cast<unsigned char>(text_[position_++]) % 32U;
        case 'x':
            return hex_digits(2);
        case 'u':
            return unicode_escape();
        case '0':
            if (!is_ascii_digit(static_cast<unsigned char>(peek()))) {
                return 0;
            }
            break;
        default:
            if (!is_ascii_alpha(c) && !is_ascii_digit(c)) {
                return c;
            }
            break;
        }
        throw pattern_error(text_, start,
                            "escape " + std::string(text_.substr(start, 2)) +
                                " has no meaning in ECMA-262");
    }

    auto hex_digits(int count) -> char32_t {
        char32_t value = 0;
        for (int i = 0; i < count; ++i) {
            int const digit = hex_value(static_cast<unsigned char>(peek()));
            if (digit < 0) {
                fail("a hexadecimal digit is missing");
            }
            value = value * 16 + static_cast<char32_t>(digit);
            ++position_;
        }
        return value;
    }

    auto unicode_escape() -> char32_t {
        if (accept("{")) {
            char32_t value = 0;
            std::size_t const start = position_;
            while (peek() != '}') {
                value = value * 16 + hex_digits(1);
                if (value > max_code_point) {
                    fail("beyond the last code point");
                }
            }
            if (position_ == start) {
                fail("a hexadecimal digit is missing");
            }
            ++position_;
            return value;
        }
        char32_t const high = hex_digits(4);
        if (high >= 0xD800 && high <= 0xDBFF && peek() == '\\' && peek(1) == 'u' &&
            peek(2) != '{') {
            std::size_t const back = position_;
            position_ += 2;
            char32_t const low = hex_digits(4);
            if (low >= 0xDC00 && low <= 0xDFFF) {
                return 0x10000 + ((high - 0xD800) << 10U) + (low - 0xDC00);
            }
            position_ = back;
        }
        return high;
    }

    auto character_class() -> std::uint32_t {
        std::size_t const offset = position_++;
        regex_set set;
        set.negated = accept("^");
        while (peek() != ']') {
            if (at_end()) {
                throw pattern_error(text_, offset, "unclosed class");
            }
            char32_t first = 0;
            bool const first_is_set = class_atom(set, first);
            if (peek() != '-' || peek(1) == ']') {
                if (!first_is_set) {
                    set.ranges.push_back({first, first});
                }
                continue;
            }
            ++position_; // the dash
            if (at_end()) {
                continue;
            }
            std::size_t const last_offset = position_;
            char32_t last = 0;
            bool const last_is_set = class_atom(set, last);
            if (first_is_set || last_is_set) {
                // A set is no end of a range: the dash stands for itself.
                set.ranges.push_back({'-', '-'});
                if (!first_is_set) {
                    set.ranges.push_back({first, first});
                }
                if (!last_is_set) {
                    set.ranges.push_back({last, last});
                }
            } else if (last < first) {
                throw pattern_error(text_, last_offset, "the range is out of order");
            } else {
                set.ranges.push_back({first, last});
            }
        }
        ++position_;
        return add_set(std::move(set), offset);
    }

    // One member of a class: either adds a set to `set` and returns true, or yields a character.
    auto class_atom(regex_set& set, char32_t& character) -> bool {
        if (peek() != '\\') {
            character = take_code_point();
            return false;
        }
        if (class_escape(set)) {
            return true;
        }
        if (accept("\\b")) {
            character = '\b';
            return false;
        }
        character = character_escape();
        return false;
    }

    static constexpr std::size_t max_named_groups = 100;
    static constexpr std::size_t max_properties = 100;

    std::string_view text_;
    std::size_t position_ = 0;
    std::uint32_t group_count_ = 0;
    std::vector<std::string> group_names_;
    std::vector<std::uint32_t> group_numbers_;
    std::vector<std::pair<std::uint32_t, std::string>> named_references_;
    regex_tree tree_;
};

/// The code points of a property, nothing when only an engine with tables of its own knows them.
inline auto property_ranges(regex_property const& property)
    -> std::optional<std::vector<code_range>> {
    std::vector<code_range> members;
    if (property.categories != 0) {
        members = category_ranges(property.categories);
    } else if (property.name == "ASCII") {
        members = {{0, 0x7F}};
    } else if (property.name == "ASCII_Hex_Digit" || property.name == "AHex") {
        members = {{'0', '9'}, {'A', 'F'}, {'a', 'f'}};
    } else {
        return std::nullopt;
    }
    return property.negated ? complement(std::move(members)) : members;
}

/// The members of a set, sorted and merged; nothing when it has a property that we have no table
/// for.
inline auto resolve(regex_set const& set) -> std::optional<std::vector<code_range>> {
    std::vector<code_range> all = set.ranges;
    for (auto const& property : set.properties) {
        auto const members = property_ranges(property);
        if (!members) {
            return std::nullopt;
        }
        all.insert(all.end(), members->begin(), members->end());
    }
    normalize(all);
    return set.negated ? complement(std::move(all)) : std::optional(std::move(all));
}

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_REGEX_SYNTAX_HPP
