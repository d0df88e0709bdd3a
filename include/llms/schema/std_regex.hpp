// SPDX-License-Identifier: MIT
//
// Patterns by `std::regex`, for who must have lookarounds or back-references and no other library.
// It is slow to compile, in both senses: this is the only header of llms that includes <regex>.
//
//     auto twice = llms::pattern::compile(R"(^(\w+) \1$)", llms::std_regex{});
//     twice.search("so so");                                         // true
//
// The standard library bounds neither its stack nor its time, so its reading of the subject is
// watched: beyond `max_stack_bytes` or `max_steps` a search throws `pattern_limit_error`, and so it
// does for a subject beyond `max_subject_bytes`. Patterns beyond `max_pattern_size` are a
// `pattern_error`. With libstdc++ a back-reference to a group that took no part never matches, where
// ECMA-262 has it match nothing.
//
// Threads: programs are immutable. A search allocates.
#ifndef LLMS_SCHEMA_STD_REGEX_HPP
#define LLMS_SCHEMA_STD_REGEX_HPP

#include <llms/detail/regex_print.hpp>
#include <llms/detail/regex_syntax.hpp>
#include <llms/schema/pattern_error.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <locale>
#include <regex>
#include <string>
#include <string_view>
#include <utility>

namespace llms::inline v0_1 {

namespace detail {

struct std_dialect {
    static constexpr bool looks_ahead = true;
    static constexpr bool looks_behind = false;
    static constexpr bool refers_back = true;
    static void character(std::wstring& out, char32_t c) {
        if (c > static_cast<char32_t>(std::numeric_limits<wchar_t>::max())) {
            throw pattern_error("", 0, "a character beyond what wchar_t holds");
        }
        if (is_word_character(c) || c >= 0x80) {
            out.push_back(static_cast<wchar_t>(c));
            return;
        }
        constexpr std::wstring_view digits = L"0123456789abcdef";
        out += L"\\x";
        out += digits[c / 16];
        out += digits[c % 16];
    }
    static auto end() -> std::string_view { return "$"; }
    static auto back_reference(std::uint32_t number) -> std::string {
        return "(?:\\" + std::to_string(number) + ")";
    }
    static void property(std::wstring& out, regex_tree const& tree, regex_node const& node,
                         regex_property const& property) {
        auto const members = property_ranges(property);
        if (!members) {
            tree.fail(node, "this Unicode property needs an engine that knows it (PCRE2)");
        }
        for (auto const [first, last] : *members) {
            character(out, first);
            out += L'-';
            character(out, last);
        }
    }
};

} // namespace detail

/// A `regex_engine`. Its members bound patterns and searches. A template, so that nothing of
/// `<regex>` is instantiated before it is used; `wchar_t` is the one `Char` that the standard library
/// can match.
template <class Char = wchar_t>
struct basic_std_regex {
    std::size_t max_subject_bytes = std::size_t{1} << 20U;
    /// How often a search may look at a character.
    std::size_t max_steps = 2'000'000;
    /// How deep a search may call itself.
    std::size_t max_stack_bytes = std::size_t{256} << 10U;
    /// Of the syntax tree, with counted parts as often as they count.
    std::size_t max_pattern_size = 2000;

    class program;

    /// Throws `pattern_error`.
    [[nodiscard]] auto compile(std::string_view text) const -> program;

private:
    /// What one search has used up.
    struct budget {
        std::size_t steps;
        std::uintptr_t stack_base;
        std::size_t max_stack_bytes;
    };
    struct exhausted {
        std::string_view limit;
    };

    [[nodiscard]] static auto stack_position() -> std::uintptr_t;

    /// Walks the subject for std::regex and keeps watch: each look at a character is a step, and
    /// tells by the address of its frame how deep the search is.
    class watched_iterator {
    public:
        using iterator_category = std::bidirectional_iterator_tag;
        using value_type = Char;
        using difference_type = std::ptrdiff_t;
        using pointer = Char const*;
        using reference = Char const&;

        watched_iterator() = default;
        watched_iterator(pointer at, budget& left) : at_(at), left_(&left) {}

        auto operator*() const -> reference {
            if (left_->steps == 0) {
                throw exhausted{"more than max_steps steps"};
            }
            --left_->steps;
            std::uintptr_t const here = stack_position();
            std::uintptr_t const base = left_->stack_base;
            if ((here < base ? base - here : here - base) > left_->max_stack_bytes) {
                throw exhausted{"more than max_stack_bytes of stack"};
            }
            return *at_;
        }
        auto operator++() -> watched_iterator& {
            ++at_;
            return *this;
        }
        auto operator++(int) -> watched_iterator {
            auto const before = *this;
            ++at_;
            return before;
        }
        auto operator--() -> watched_iterator& {
            --at_;
            return *this;
        }
        auto operator--(int) -> watched_iterator {
            auto const before = *this;
            --at_;
            return before;
        }
        friend auto operator==(watched_iterator a, watched_iterator b) -> bool {
            return a.at_ == b.at_;
        }

    private:
        pointer at_ = nullptr;
        budget* left_ = nullptr;
    };

    static auto size_of(detail::regex_tree const& tree, detail::regex_node const& node,
                        std::size_t most) -> std::size_t;
};

using std_regex = basic_std_regex<>;

template <class Char>
class basic_std_regex<Char>::program {
public:
    /// Throws `pattern_limit_error`.
    [[nodiscard]] auto search(std::string_view subject) const -> bool {
        if (subject.size() > limits_.max_subject_bytes) {
            throw pattern_limit_error(text_, "the subject is longer than max_subject_bytes");
        }
        std::basic_string<Char> wide;
        for (std::size_t at = 0; at < subject.size();) {
            auto const [code_point, length] = detail::decode_lossy(subject, at);
            wide.push_back(static_cast<Char>(code_point));
            at += length;
        }
        budget left{limits_.max_steps, stack_position(), limits_.max_stack_bytes};
        try {
            return std::regex_search(watched_iterator{wide.data(), left},
                                     watched_iterator{wide.data() + wide.size(), left}, code_);
        } catch (exhausted const& bound) {
            throw pattern_limit_error(text_, bound.limit);
        } catch (std::regex_error const& e) {
            throw pattern_limit_error(text_, e.what());
        }
    }

    /// An estimate: the standard library does not tell.
    [[nodiscard]] auto memory_bytes() const noexcept -> std::size_t {
        constexpr std::size_t bytes_per_node = 256;
        return text_.capacity() + bytes_per_node * size_;
    }

private:
    friend struct basic_std_regex;
    program(std::string_view text, basic_std_regex const& limits, std::size_t size,
            std::basic_string<Char> const& printed)
        : text_(text),
          limits_(limits),
          size_(size) {
        // Whatever the global locale is: word boundaries are those of ASCII.
        code_.imbue(std::locale::classic());
        code_.assign(printed, std::regex_constants::ECMAScript);
    }

    std::string text_;
    basic_std_regex limits_;
    std::size_t size_;
    std::basic_regex<Char> code_;
};

template <class Char>
auto basic_std_regex<Char>::stack_position() -> std::uintptr_t {
#if defined(__GNUC__)
    return reinterpret_cast<std::uintptr_t>(
        __builtin_frame_address(0)); // NOLINT(*-reinterpret-cast)
#else
    char volatile here = 0;
    return reinterpret_cast<std::uintptr_t>(&here); // NOLINT(*-reinterpret-cast)
#endif
}

// Stops counting beyond `most`.
template <class Char>
auto basic_std_regex<Char>::size_of(detail::regex_tree const& tree, detail::regex_node const& node,
                                    std::size_t most) -> std::size_t {
    std::size_t sum = 1;
    for (std::uint32_t i = 0; i < node.child_count && sum <= most; ++i) {
        sum += size_of(tree, tree.child(node, i), most);
    }
    if (node.kind == detail::regex_kind::set) {
        for (auto const& property : tree.sets[node.value].properties) {
            auto const members = detail::property_ranges(property);
            sum += members ? members->size() / 16 : 0;
        }
    }
    if (node.kind == detail::regex_kind::repetition) {
        std::size_t const copies =
            node.max == detail::unbounded ? node.min + std::size_t{1} : node.max;
        sum = copies > most ? most + 1 : sum * (copies + 1);
    }
    return sum > most ? most + 1 : sum;
}

template <class Char>
auto basic_std_regex<Char>::compile(std::string_view text) const -> program {
    auto const tree = detail::regex_parser::parse(text);
    std::size_t const size = size_of(tree, tree.nodes[tree.root], max_pattern_size);
    if (size > max_pattern_size) {
        throw pattern_error(text, 0, "larger than max_pattern_size");
    }
    try {
        return {text, *this, size,
                detail::regex_printer<detail::std_dialect, std::basic_string<Char>>::print(tree)};
    } catch (std::regex_error const& e) {
        throw pattern_error(text, 0, std::string("std::regex: ") + e.what());
    }
}

} // namespace llms::inline v0_1

#endif // LLMS_SCHEMA_STD_REGEX_HPP
