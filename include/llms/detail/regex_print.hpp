// SPDX-License-Identifier: MIT
//
// Prints a pattern for an engine of somebody else: the tree says what ECMA-262 means, the dialect
// how the engine writes it. Whatever engines read differently (`\d`, `\s`, `.`, `$`, `[^]`, `\cX`,
// names) is spelt out, so it cannot be misread.
#ifndef LLMS_DETAIL_REGEX_PRINT_HPP
#define LLMS_DETAIL_REGEX_PRINT_HPP

#include <llms/detail/regex_syntax.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace llms::inline v0_1::detail {

/// A `Dialect` has the static functions `character(out, c)` (inside a class and outside),
/// `property(out, tree, node, property)`, `end()` and `back_reference(out, number)`, and the
/// constants `looks_ahead`, `looks_behind` and `refers_back`. `Text` is a string of ASCII, or of
/// whatever `character` puts in.
template <class Dialect, class Text>
class regex_printer {
public:
    /// Throws `pattern_error` for what the dialect cannot say.
    static auto print(regex_tree const& tree) -> Text {
        regex_printer printer{tree};
        printer.node(tree.nodes[tree.root]);
        return std::move(printer.out_);
    }

private:
    explicit regex_printer(regex_tree const& tree) : tree_(tree) {}

    void put(std::string_view ascii) { out_.append(ascii.begin(), ascii.end()); }

    void node(regex_node const& node) {
        switch (node.kind) {
        case regex_kind::empty:
            break;
        case regex_kind::literal:
            Dialect::character(out_, node.value);
            break;
        case regex_kind::set:
            set(node);
            break;
        case regex_kind::begin:
            put("^");
            break;
        case regex_kind::end:
            put(Dialect::end());
            break;
        case regex_kind::word_boundary:
            put(node.negated ? "\\B" : "\\b");
            break;
        case regex_kind::group:
            enclosed(node, node.value != 0 && tree_.has_back_reference ? "(" : "(?:");
            break;
        case regex_kind::look_ahead:
            require(node, Dialect::looks_ahead, "the engine has no lookahead");
            enclosed(node, node.negated ? "(?!" : "(?=");
            break;
        case regex_kind::look_behind:
            require(node, Dialect::looks_behind, "the engine has no lookbehind");
            enclosed(node, node.negated ? "(?<!" : "(?<=");
            break;
        case regex_kind::back_reference:
            require(node, Dialect::refers_back, "the engine has no back-references");
            put(Dialect::back_reference(node.value));
            break;
        case regex_kind::concatenation:
            for (std::uint32_t i = 0; i < node.child_count; ++i) {
                this->node(tree_.child(node, i));
            }
            break;
        case regex_kind::alternation:
            for (std::uint32_t i = 0; i < node.child_count; ++i) {
                put(i == 0 ? "" : "|");
                this->node(tree_.child(node, i));
            }
            break;
        case regex_kind::repetition:
            this->node(tree_.child(node));
            quantifier(node);
            break;
        }
    }

    void require(regex_node const& node, bool possible, std::string_view reason) const {
        if (!possible) {
            tree_.fail(node, reason);
        }
    }

    void enclosed(regex_node const& node, std::string_view open) {
        put(open);
        this->node(tree_.child(node));
        put(")");
    }

    void quantifier(regex_node const& node) {
        if (node.max != unbounded) {
            put("{" + std::to_string(node.min) + "," + std::to_string(node.max) + "}");
        } else if (node.min <= 1) {
            put(node.min == 0 ? "*" : "+");
        } else {
            put("{" + std::to_string(node.min) + ",}");
        }
        put(node.lazy ? "?" : "");
    }

    void set(regex_node const& node) {
        regex_set const& set = tree_.sets[node.value];
        bool const is_empty = set.ranges.empty() && set.properties.empty();
        put(set.negated != is_empty ? "[^" : "["); // the complement of all for the empty set
        if (is_empty) {
            range({0, max_code_point});
        }
        for (auto const each : set.ranges) {
            range(each);
        }
        for (auto const& property : set.properties) {
            Dialect::property(out_, tree_, node, property);
        }
        put("]");
    }

    void range(code_range each) {
        Dialect::character(out_, each.first);
        if (each.last != each.first) {
            put("-");
            Dialect::character(out_, each.last);
        }
    }

    regex_tree const& tree_;
    Text out_;
};

/// \x{...}, as PCRE2 and RE2 know it.
inline void put_hex_character(std::string& out, char32_t c) {
    if (is_ascii_alpha(c) || is_ascii_digit(c)) {
        out.push_back(static_cast<char>(c));
        return;
    }
    std::array<char, 8> digits{};
    std::size_t at = digits.size();
    do {
        digits[--at] = "0123456789abcdef"[c % 16];
        c /= 16;
    } while (c != 0);
    out += "\\x{";
    out.append(digits.data() + at, digits.size() - at);
    out += '}';
}

/// General categories by their two letters, as PCRE2 and RE2 know them inside a class.
inline void put_categories(std::string& out, regex_property const& property) {
    std::uint32_t const members =
        property.negated ? any_mask & ~property.categories : property.categories;
    for (std::uint32_t i = 0; i < category_count; ++i) {
        // The names of single categories come in pairs, short and long, in the order of the bits.
        for (auto const& [name, categories] : category_names) {
            if (name.size() == 2 && categories == 1U << i && (members & categories) != 0) {
                out.append("\\p{").append(name).append("}");
            }
        }
    }
}

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_REGEX_PRINT_HPP
