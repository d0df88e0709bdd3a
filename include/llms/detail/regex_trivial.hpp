// SPDX-License-Identifier: MIT
//
// Patterns that need no engine: nothing to check, one of some literals, or
// `^literal [class]{a,b} literal$` with any of its parts left out. Most patterns of real schemas
// that are not dates or versions are of these forms; they cost one memcmp and one pass over a
// table.
#ifndef LLMS_DETAIL_REGEX_TRIVIAL_HPP
#define LLMS_DETAIL_REGEX_TRIVIAL_HPP

#include <llms/detail/regex_syntax.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace llms::inline v0_1::detail {

inline void append_utf8(std::string& out, char32_t c) {
    auto const put = [&out](char32_t byte) {
        out.push_back(static_cast<char>(byte));
    };
    if (c < 0x80) {
        put(c);
    } else if (c < 0x800) {
        put(0xC0U | (c >> 6U));
        put(0x80U | (c & 0x3FU));
    } else if (c < 0x10000) {
        put(0xE0U | (c >> 12U));
        put(0x80U | ((c >> 6U) & 0x3FU));
        put(0x80U | (c & 0x3FU));
    } else {
        put(0xF0U | (c >> 18U));
        put(0x80U | ((c >> 12U) & 0x3FU));
        put(0x80U | ((c >> 6U) & 0x3FU));
        put(0x80U | (c & 0x3FU));
    }
}

/// A set of code points laid out for walking UTF-8: a table by byte, and ranges for the rest.
class byte_set {
public:
    byte_set() = default;
    explicit byte_set(std::vector<code_range> ranges) : ranges_(std::move(ranges)) {
        for (char32_t c = 0; c < 0x80; ++c) {
            bytes_[c] = contains(ranges_, c);
        }
        bool const any_beyond = !ranges_.empty() && ranges_.back().last >= 0x80;
        // With surrogates left out of the question, which no UTF-8 has.
        bool const all_beyond = any_beyond && contains(ranges_, 0x80) &&
                                ranges_.back().last == max_code_point &&
                                ranges_.back().first <= 0x80;
        std::fill(bytes_.begin() + 0x80, bytes_.end(), all_beyond);
        decodes_ = any_beyond && !all_beyond;
    }

    /// Where the run of members from `at` on ends; `count` grows by its code points, at most to
    /// `most`.
    auto run(std::string_view text, std::size_t at, std::size_t most, std::size_t& count) const
        -> std::size_t {
        while (at < text.size() && count < most) {
            auto const byte = static_cast<unsigned char>(text[at]);
            if (byte < 0x80) {
                if (!bytes_[byte]) {
                    break;
                }
                ++at;
            } else {
                auto const [code_point, length] = decode_lossy(text, at);
                if (!(decodes_ ? contains(ranges_, code_point) : bytes_[byte])) {
                    break;
                }
                at += length;
            }
            ++count;
        }
        return at;
    }

    /// Whether `text` has only members. Does not count.
    [[nodiscard]] auto has_all(std::string_view text) const -> bool {
        if (decodes_) {
            std::size_t count = 0;
            return run(text, 0, text.size(), count) == text.size();
        }
        return std::all_of(text.begin(), text.end(),
                           [this](char c) { return bytes_[static_cast<unsigned char>(c)]; });
    }

    [[nodiscard]] auto memory_bytes() const -> std::size_t {
        return ranges_.capacity() * sizeof(code_range);
    }

private:
    std::array<bool, 256> bytes_{};
    bool decodes_ = false; // whether a byte beyond 0x7F is not enough to decide
    std::vector<code_range> ranges_;
};

/// A pattern of one of the trivial forms, found by `recognize`.
class trivial_pattern {
public:
    /// Nothing when the pattern needs an engine.
    static auto recognize(regex_tree const& tree) -> std::optional<trivial_pattern> {
        recognizer reader{tree};
        if (!reader.flatten(tree.nodes[tree.root])) {
            return std::nullopt;
        }
        return reader.finish();
    }

    [[nodiscard]] auto search(std::string_view text) const -> bool {
        switch (form_) {
        case form::always:
            return true;
        case form::contains_literal:
            return text.find(prefix_) != std::string_view::npos;
        case form::contains_class:
            return contains_run(text);
        case form::ends_with:
            return text.ends_with(suffix_);
        case form::one_of:
            return std::any_of(literals_.begin(), literals_.end(), [&](std::string const& literal) {
                return anchored_end_ ? text == literal : text.starts_with(literal);
            });
        case form::affixes:
            return matches_affixes(text);
        }
        return false;
    }

    [[nodiscard]] auto memory_bytes() const -> std::size_t {
        std::size_t sum =
            sizeof(*this) + prefix_.capacity() + suffix_.capacity() + middle_.memory_bytes();
        for (auto const& literal : literals_) {
            sum += sizeof(std::string) + literal.capacity();
        }
        return sum;
    }

private:
    enum class form : std::uint8_t {
        always,
        contains_literal, // prefix_ anywhere
        contains_class,   // min_ members of middle_ in a row, anywhere
        ends_with,        // suffix_
        one_of,           // literals_, from the begin on, to the end if anchored_end_
        affixes,          // ^prefix_ middle_{min_,max_} suffix_$, or without suffix_$
    };

    [[nodiscard]] auto contains_run(std::string_view text) const -> bool {
        std::size_t at = 0;
        while (at < text.size()) {
            std::size_t count = 0;
            at = middle_.run(text, at, min_, count);
            if (count >= min_) {
                return true;
            }
            if (at < text.size()) {
                at += decode_lossy(text, at).length;
            }
        }
        return false;
    }

    [[nodiscard]] auto matches_affixes(std::string_view text) const -> bool {
        if (text.size() < prefix_.size() + suffix_.size() + min_ || !text.starts_with(prefix_)) {
            return false;
        }
        text.remove_prefix(prefix_.size());
        if (!anchored_end_) {
            std::size_t count = 0;
            middle_.run(text, 0, min_, count);
            return count >= min_;
        }
        if (!text.ends_with(suffix_)) {
            return false;
        }
        text.remove_suffix(suffix_.size());
        if (max_ == unbounded && min_ <= 1) {
            return middle_.has_all(text); // min_ == 1: the size was compared above
        }
        std::size_t count = 0;
        return middle_.run(text, 0, max_, count) == text.size() && count >= min_;
    }

    // Flattens the tree to `^? literal* (class run | literals)? literal* $?`.
    struct recognizer {
        static constexpr std::size_t max_literals = 16;

        regex_tree const& tree;
        bool begin = false;
        bool end = false;
        bool has_middle = false;
        std::string before{};
        std::string after{};
        std::vector<code_range> middle{};
        std::uint32_t min = 0;
        std::uint32_t max = 0;
        std::vector<std::string> literals{};

        auto flatten(regex_node const& node) -> bool {
            if (end && node.kind != regex_kind::empty) {
                return false;
            }
            switch (node.kind) {
            case regex_kind::empty:
                return true;
            case regex_kind::literal:
                append_utf8(has_middle || !literals.empty() ? after : before, node.value);
                return node.value < 0xD800 || node.value > 0xDFFF;
            case regex_kind::set:
                return run(node, 1, 1);
            case regex_kind::begin: {
                bool const first = !begin && before.empty() && !has_middle && literals.empty();
                begin = true;
                return first;
            }
            case regex_kind::end:
                end = true;
                return true;
            case regex_kind::group:
                return flatten(tree.child(node));
            case regex_kind::concatenation:
                for (std::uint32_t i = 0; i < node.child_count; ++i) {
                    if (!flatten(tree.child(node, i))) {
                        return false;
                    }
                }
                return true;
            case regex_kind::repetition:
                return run(tree.child(node), node.min, node.max);
            case regex_kind::alternation:
                return alternatives(node);
            default:
                return false;
            }
        }

        auto run(regex_node const& node, std::uint32_t least, std::uint32_t most) -> bool {
            if (has_middle || !literals.empty() ||
                (node.kind != regex_kind::set && node.kind != regex_kind::literal)) {
                return false;
            }
            auto members = node.kind == regex_kind::set
                               ? resolve(tree.sets[node.value])
                               : std::vector<code_range>{{node.value, node.value}};
            if (!members) {
                return false;
            }
            middle = *std::move(members);
            min = least;
            max = most;
            has_middle = true;
            return true;
        }

        auto alternatives(regex_node const& node) -> bool {
            if (has_middle || !literals.empty() || node.child_count > max_literals) {
                return false;
            }
            for (std::uint32_t i = 0; i < node.child_count; ++i) {
                recognizer one{tree};
                if (!one.flatten(tree.child(node, i)) || one.begin || one.end || one.has_middle ||
                    !one.literals.empty()) {
                    return false;
                }
                literals.push_back(std::move(one.before));
            }
            return true;
        }

        auto finish() -> std::optional<trivial_pattern> {
            trivial_pattern found;
            found.anchored_end_ = end;
            if (!literals.empty()) {
                if (!begin) {
                    return std::nullopt;
                }
                for (auto& literal : literals) {
                    literal.insert(0, before).append(after);
                }
                found.form_ = form::one_of;
                found.literals_ = std::move(literals);
                return found;
            }
            found.prefix_ = std::move(before);
            found.suffix_ = std::move(after);
            found.middle_ = byte_set(std::move(middle));
            found.min_ = min;
            found.max_ = max;
            if (begin) {
                found.form_ = form::affixes;
                // Without the end in place, a class may swallow what follows it: an engine's task.
                bool const open = !end && has_middle && !found.suffix_.empty();
                return open ? std::nullopt : std::optional(std::move(found));
            }
            if (!has_middle) {
                found.form_ = end                     ? form::ends_with
                              : found.prefix_.empty() ? form::always
                                                      : form::contains_literal;
                found.suffix_ = found.prefix_;
                return found;
            }
            if (end || !found.prefix_.empty() || !found.suffix_.empty()) {
                return std::nullopt;
            }
            found.form_ = min == 0 ? form::always : form::contains_class;
            return found;
        }
    };

    form form_ = form::always;
    bool anchored_end_ = false;
    std::uint32_t min_ = 0;
    std::uint32_t max_ = 0;
    std::string prefix_;
    std::string suffix_;
    std::vector<std::string> literals_;
    byte_set middle_;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_REGEX_TRIVIAL_HPP
