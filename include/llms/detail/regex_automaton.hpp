// SPDX-License-Identifier: MIT
//
// The automaton behind `linear_regex`. A pattern becomes a Thompson automaton over classes of code
// points; then, if it stays small, a table of all its state sets by class; if not, the state sets
// are made while it runs. Only "is there a match" is asked: there are no captures and no
// priorities, and the first match found ends the search.
//
// Source: R. Cox, "Regular Expression Matching Can Be Simple And Fast" and its sequels.
#ifndef LLMS_DETAIL_REGEX_AUTOMATON_HPP
#define LLMS_DETAIL_REGEX_AUTOMATON_HPP

#include <llms/detail/regex_syntax.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace llms::inline v0_1::detail {

/// A part of a pattern that is searched by itself: nodes of the tree, one after the other.
struct regex_part {
    std::vector<std::uint32_t> terms;
    bool negated = false;
};

/// How many code points each match of `node` has, if all have as many.
inline auto fixed_width(regex_tree const& tree, regex_node const& node)
    -> std::optional<std::uint64_t> {
    switch (node.kind) {
    case regex_kind::literal:
    case regex_kind::set:
        return 1;
    case regex_kind::group:
        return fixed_width(tree, tree.child(node));
    case regex_kind::concatenation: {
        std::uint64_t sum = 0;
        for (std::uint32_t i = 0; i < node.child_count; ++i) {
            auto const width = fixed_width(tree, tree.child(node, i));
            if (!width) {
                return std::nullopt;
            }
            sum += *width;
        }
        return sum;
    }
    case regex_kind::alternation: {
        auto const first = fixed_width(tree, tree.child(node));
        for (std::uint32_t i = 1; i < node.child_count; ++i) {
            if (fixed_width(tree, tree.child(node, i)) != first) {
                return std::nullopt;
            }
        }
        return first;
    }
    case regex_kind::repetition: {
        auto const width = fixed_width(tree, tree.child(node));
        // Nested counts multiply: beyond 32 bits no automaton is built anyway.
        if (!width || *width > unbounded || (node.min != node.max && *width != 0)) {
            return std::nullopt;
        }
        return *width * node.min;
    }
    case regex_kind::back_reference:
        return std::nullopt;
    default:
        return 0;
    }
}

/// Takes a pattern with lookarounds apart into conditions that must all hold. That is right where a
/// lookaround can be asked at one place only: a fixed distance behind `^` for a lookahead, before
/// `$` for a lookbehind. There `^ab(?!x)rest` is `^abrest` and not `^abx`. The first part is the
/// pattern without its lookarounds. Throws `pattern_error` for a lookaround elsewhere.
inline auto split_lookarounds(regex_tree const& tree) -> std::vector<regex_part> {
    constexpr std::size_t max_lookarounds = 16;
    regex_node const* top = &tree.nodes[tree.root];
    while (top->kind == regex_kind::group) {
        top = &tree.child(*top);
    }
    if (!tree.has_look || top->kind != regex_kind::concatenation) {
        return {{.terms = {tree.root}}};
    }
    auto const pinned = [&tree](std::span<std::uint32_t const> terms, regex_kind anchor) {
        return std::any_of(terms.begin(), terms.end(),
                           [&](auto term) { return tree.nodes[term].kind == anchor; }) &&
               std::all_of(terms.begin(), terms.end(), [&](auto term) {
                   return fixed_width(tree, tree.nodes[term]).has_value();
               });
    };
    struct look {
        regex_node const* node;
        std::size_t at; // how many terms of `plain` stand before it
    };
    std::vector<std::uint32_t> plain;
    std::vector<look> looks;
    for (std::uint32_t i = 0; i < top->child_count; ++i) {
        regex_node const& node = tree.child(*top, i);
        if (node.kind == regex_kind::look_ahead || node.kind == regex_kind::look_behind) {
            looks.push_back({&node, plain.size()});
        } else {
            plain.push_back(tree.children[top->first_child + i]);
        }
    }
    std::vector<regex_part> parts{{.terms = plain}};
    for (auto const& [node, at] : looks) {
        std::span<std::uint32_t const> const all = plain;
        std::uint32_t const body = tree.children[node->first_child];
        regex_part part{.terms = {}, .negated = node->negated};
        if (parts.size() > max_lookarounds) {
            tree.fail(*node, "more than 16 lookarounds");
        }
        if (node->kind == regex_kind::look_ahead && pinned(all.first(at), regex_kind::begin)) {
            part.terms.assign(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(at));
            part.terms.push_back(body);
        } else if (node->kind == regex_kind::look_behind &&
                   pinned(all.subspan(at), regex_kind::end)) {
            part.terms.push_back(body);
            part.terms.insert(part.terms.end(), all.begin() + static_cast<std::ptrdiff_t>(at),
                              all.end());
        } else {
            tree.fail(*node, "a lookaround here needs an engine that backtracks (PCRE2)");
        }
        parts.push_back(std::move(part));
    }
    return parts;
}

/// The classes of code points that the sets and literals of a pattern tell apart. To the automaton
/// they are the characters.
class symbol_map {
public:
    symbol_map() = default;

    /// `literals` and each of `sets` are sorted; at most 65535 literals.
    symbol_map(std::span<char32_t const> literals, std::span<std::vector<code_range> const> sets) {
        std::vector<char32_t> starts{0, 0x80};
        for (auto const& set : sets) {
            for (auto const range : set) {
                starts.push_back(range.first);
                starts.push_back(range.last + 1);
            }
        }
        for (char32_t const literal : literals) {
            starts.push_back(literal);
            starts.push_back(literal + 1);
        }
        std::sort(starts.begin(), starts.end());
        starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
        if (starts.back() > max_code_point) {
            starts.pop_back();
        }
        // Each set splits the classes found so far in two; each literal is a class of its own.
        std::vector<std::uint16_t> symbols(starts.size(), 0);
        for (auto const& set : sets) {
            split(starts, symbols, set);
        }
        for (char32_t const literal : literals) {
            auto const at = std::lower_bound(starts.begin(), starts.end(), literal);
            symbols[static_cast<std::size_t>(at - starts.begin())] = count_++;
        }
        std::size_t interval = 0;
        for (char32_t c = 0; c < 0x80; ++c) {
            while (interval + 1 < starts.size() && starts[interval + 1] <= c) {
                ++interval;
            }
            ascii_[c] = symbols[interval];
        }
        auto const beyond = std::lower_bound(starts.begin(), starts.end(), char32_t{0x80});
        symbols_.assign(symbols.begin() + (beyond - starts.begin()), symbols.end());
        starts_.assign(beyond, starts.end());
    }

    [[nodiscard]] auto count() const noexcept -> std::uint16_t { return count_; }
    [[nodiscard]] auto at(char32_t c) const noexcept -> std::uint16_t {
        if (c < 0x80) {
            return ascii_[c];
        }
        if (starts_.size() == 1) {
            return symbols_.front();
        }
        auto const after = std::upper_bound(starts_.begin(), starts_.end(), c);
        return symbols_[static_cast<std::size_t>(after - starts_.begin()) - 1];
    }
    /// The symbol of the character at `position`, which moves behind it.
    [[nodiscard]] auto take(std::string_view text, std::size_t& position) const noexcept
        -> std::uint16_t {
        auto const byte = static_cast<unsigned char>(text[position]);
        if (byte < 0x80) {
            ++position;
            return ascii_[byte];
        }
        auto const [code_point, length] = decode_lossy(text, position);
        position += length;
        return at(code_point);
    }

    /// Calls `visit` with each symbol that has members in `range`, which is one of those it was
    /// made of; with some more than once.
    template <class Visit>
    void each_in(code_range range, Visit visit) const {
        for (char32_t c = range.first; c <= range.last && c < 0x80; ++c) {
            visit(ascii_[c]);
        }
        auto const from = std::lower_bound(starts_.begin(), starts_.end(), range.first);
        for (auto i = from; i != starts_.end() && *i <= range.last; ++i) {
            visit(symbols_[static_cast<std::size_t>(i - starts_.begin())]);
        }
    }

    [[nodiscard]] auto memory_bytes() const noexcept -> std::size_t {
        return starts_.capacity() * sizeof(char32_t) + symbols_.capacity() * sizeof(std::uint16_t);
    }

private:
    void split(std::span<char32_t const> starts, std::span<std::uint16_t> symbols,
               std::vector<code_range> const& set) {
        constexpr std::uint16_t unseen = 0xFFFF;
        // For each class that has members: the class of its first interval keeps the old number.
        std::vector<std::array<std::uint16_t, 2>> renamed(count_, {unseen, unseen});
        std::size_t range = 0;
        for (std::size_t i = 0; i < starts.size(); ++i) {
            while (range < set.size() && set[range].last < starts[i]) {
                ++range;
            }
            bool const inside = range < set.size() && set[range].first <= starts[i];
            auto& names = renamed[symbols[i]];
            if (names[inside ? 1 : 0] == unseen) {
                bool const first = names[inside ? 0 : 1] == unseen;
                names[inside ? 1 : 0] = first ? symbols[i] : count_++;
            }
            symbols[i] = names[inside ? 1 : 0];
        }
    }

    std::array<std::uint16_t, 128> ascii_{};
    std::vector<char32_t> starts_{0x80}; // of the intervals from U+0080 on
    std::vector<std::uint16_t> symbols_{0};
    std::uint16_t count_ = 1;
};

class regex_automaton {
public:
    static constexpr std::size_t max_states = 4096;
    static constexpr std::uint64_t max_steps = std::uint64_t{1} << 25U;

    /// An automaton for the nodes `terms` of `tree`, one after the other. Throws `pattern_error`.
    regex_automaton(regex_tree const& tree, std::span<std::uint32_t const> terms);

    /// Whether there is a match; nothing when that takes more than `max_steps`.
    [[nodiscard]] auto search(std::string_view text) const -> std::optional<bool> {
        return table_.empty() ? simulate(text) : run_table(text);
    }

    [[nodiscard]] auto has_table() const noexcept -> bool { return !table_.empty(); }
    [[nodiscard]] auto memory_bytes() const noexcept -> std::size_t {
        return states_.capacity() * sizeof(state) + rows_.capacity() * sizeof(std::uint64_t) +
               table_.capacity() * sizeof(std::uint16_t) + symbols_.memory_bytes();
    }

private:
    enum class action : std::uint8_t {
        match,
        symbol, // consumes the symbol `what`
        set,    // consumes any symbol of the row `what`
        split,  // goes on at `next` and at `other`
        begin,
        end,
        boundary,
        no_boundary,
    };

    struct state {
        action kind = action::match;
        std::uint16_t what = 0;
        std::uint16_t next = 0;
        std::uint16_t other = 0;
    };

    /// What is known about a place in the text. An assertion that is not known to hold waits.
    struct place {
        bool begin = false;
        bool end = false;
        bool boundary = false;
        bool no_boundary = false;
    };

    /// A set of states that remembers their order. Source: P. Briggs, L. Torczon, "An Efficient
    /// Representation for Sparse Sets".
    class state_set {
    public:
        // The arrays outlive the set and have a slot for each state; `sparse` is initialised.
        state_set(std::uint16_t* dense, std::uint16_t* sparse) : dense_(dense), sparse_(sparse) {}
        void insert(std::uint16_t s) {
            if (sparse_[s] >= size_ || dense_[sparse_[s]] != s) {
                sparse_[s] = static_cast<std::uint16_t>(size_);
                dense_[size_++] = s;
            }
        }
        void clear() { size_ = 0; }
        [[nodiscard]] auto size() const -> std::size_t { return size_; }
        [[nodiscard]] auto operator[](std::size_t i) const -> std::uint16_t { return dense_[i]; }
        [[nodiscard]] auto begin() const { return dense_; }
        [[nodiscard]] auto end() const { return dense_ + size_; }

    private:
        std::uint16_t* dense_;
        std::uint16_t* sparse_;
        std::size_t size_ = 0;
    };

    class builder;
    class tabulator;

    [[nodiscard]] auto row_has(std::uint16_t row, std::uint16_t symbol) const -> bool {
        return (rows_[row * row_words_ + symbol / 64U] >> (symbol % 64U) & 1U) != 0;
    }
    [[nodiscard]] auto is_word(std::uint16_t symbol) const -> bool {
        return asks_words_ && row_has(word_row_, symbol);
    }

    /// Follows everything in `set` that consumes nothing. Returns whether a match was reached.
    auto close(state_set& set, place at) const -> bool {
        for (std::size_t i = 0; i < set.size(); ++i) { // grows while it is walked
            state const& s = states_[set[i]];
            switch (s.kind) {
            case action::match:
                return true;
            case action::split:
                set.insert(s.next);
                set.insert(s.other);
                break;
            case action::begin:
                if (at.begin) {
                    set.insert(s.next);
                }
                break;
            case action::end:
                if (at.end) {
                    set.insert(s.next);
                }
                break;
            case action::boundary:
                if (at.boundary) {
                    set.insert(s.next);
                }
                break;
            case action::no_boundary:
                if (at.no_boundary) {
                    set.insert(s.next);
                }
                break;
            default:
                break;
            }
        }
        return false;
    }

    /// `close` once the next character is known: a word character, another one, or the end.
    auto close_before(state_set& set, bool begin, bool end, bool after_word, bool before_word) const
        -> bool {
        return close(set, {.begin = begin,
                           .end = end,
                           .boundary = after_word != before_word,
                           .no_boundary = after_word == before_word});
    }

    void step(state_set const& from, std::uint16_t symbol, state_set& to) const {
        to.clear();
        for (std::uint16_t const i : from) {
            state const& s = states_[i];
            if ((s.kind == action::symbol && s.what == symbol) ||
                (s.kind == action::set && row_has(s.what, symbol))) {
                to.insert(s.next);
            }
        }
    }

    [[nodiscard]] auto run_table(std::string_view text) const -> bool {
        std::uint16_t const* const table = table_.data();
        std::size_t const accepting = columns_;
        std::size_t row = first_row_;
        std::size_t position = 0;
        while (row > accepting) {
            if (position == text.size()) {
                return table[row + columns_ - 1] == accepting;
            }
            row = table[row + symbols_.take(text, position)];
        }
        return row == accepting;
    }

    [[nodiscard]] auto simulate(std::string_view text) const -> std::optional<bool> {
        // 32 KiB of stack, of which only what the states need is touched.
        std::array<std::array<std::uint16_t, max_states>, 4> storage;
        std::fill_n(storage[1].begin(), states_.size(), std::uint16_t{0});
        std::fill_n(storage[3].begin(), states_.size(), std::uint16_t{0});
        state_set now{storage[0].data(), storage[1].data()};
        state_set next{storage[2].data(), storage[3].data()};
        std::uint64_t steps = 0;
        bool after_word = false;
        std::size_t position = 0;
        now.insert(start_);
        if (close(now, {.begin = true})) {
            return true;
        }
        while (position < text.size()) {
            bool const at_begin = position == 0;
            std::uint16_t const symbol = symbols_.take(text, position);
            bool const word = is_word(symbol);
            if (asks_words_ && close_before(now, at_begin, false, after_word, word)) {
                return true;
            }
            step(now, symbol, next);
            if (close(next, {})) {
                return true;
            }
            if (next.size() == 0) {
                return false;
            }
            steps += now.size();
            if (steps > max_steps) {
                return std::nullopt;
            }
            after_word = word;
            std::swap(now, next);
        }
        return close_before(now, text.empty(), true, after_word, false);
    }

    std::vector<state> states_; // of the automaton; [0] is the match
    std::uint16_t start_ = 0;
    symbol_map symbols_;
    std::vector<std::uint64_t> rows_; // of bits: which symbols a set has
    std::size_t row_words_ = 0;
    std::uint16_t word_row_ = 0;
    bool asks_words_ = false; // whether there is a \b or \B
    // Rows of `columns_` entries, each the index at which the next row starts. Row 0 is dead, row 1
    // has matched.
    std::vector<std::uint16_t> table_;
    std::size_t columns_ = 0;
    std::size_t first_row_ = 0;
};

/// Turns a tree into states, from the last to the first: each is made knowing what follows it.
class regex_automaton::builder {
public:
    builder(regex_automaton& automaton, regex_tree const& tree) : out_(automaton), tree_(tree) {}

    void build(std::span<std::uint32_t const> terms) {
        for (auto const term : terms) {
            collect(tree_.nodes[term]);
        }
        bool const anchored = starts_anchored(terms);
        std::uint16_t any_row = 0;
        if (!anchored) {
            any_row = add_row({{0, max_code_point}});
        }
        if (out_.asks_words_) {
            out_.word_row_ = add_row({word_ranges.begin(), word_ranges.end()});
        }
        make_symbols();
        out_.states_.push_back({.kind = action::match});
        std::uint16_t next = 0;
        for (std::size_t i = terms.size(); i > 0; --i) {
            next = emit(tree_.nodes[terms[i - 1]], next);
        }
        if (!anchored) { // any characters first
            std::uint16_t const loop = add({.kind = action::split, .other = next});
            out_.states_[loop].next = add({.kind = action::set, .what = any_row, .next = loop});
            next = loop;
        }
        out_.start_ = next;
    }

private:
    static constexpr std::size_t max_sets = 256;
    static constexpr std::size_t max_work = 1U << 18U;

    auto add_row(std::vector<code_range> ranges) -> std::uint16_t {
        auto const found = std::find(sets_.begin(), sets_.end(), ranges);
        if (found != sets_.end()) {
            return static_cast<std::uint16_t>(found - sets_.begin());
        }
        if (sets_.size() == max_sets) {
            throw pattern_error(tree_.text, 0, "more than 256 different classes");
        }
        sets_.push_back(std::move(ranges));
        return static_cast<std::uint16_t>(sets_.size() - 1);
    }

    /// Gathers the sets and literals below `node`, and refuses what no automaton can do.
    void collect(regex_node const& node) {
        switch (node.kind) {
        case regex_kind::literal:
            literals_.push_back(node.value);
            break;
        case regex_kind::set: {
            auto ranges = resolve(tree_.sets[node.value]);
            if (!ranges) {
                tree_.fail(node, "this Unicode property needs an engine that knows it (PCRE2)");
            }
            row_of_set_.resize(tree_.sets.size());
            row_of_set_[node.value] = add_row(*std::move(ranges));
            break;
        }
        case regex_kind::word_boundary:
            out_.asks_words_ = true;
            break;
        case regex_kind::look_ahead:
        case regex_kind::look_behind:
            tree_.fail(node, "a lookaround here needs an engine that backtracks (PCRE2)");
        case regex_kind::back_reference:
            tree_.fail(node, "a back-reference needs an engine that backtracks (PCRE2)");
        default:
            for (std::uint32_t i = 0; i < node.child_count; ++i) {
                collect(tree_.child(node, i));
            }
            break;
        }
    }

    void make_symbols() {
        std::sort(literals_.begin(), literals_.end());
        literals_.erase(std::unique(literals_.begin(), literals_.end()), literals_.end());
        if (literals_.size() > max_states) {
            throw pattern_error(tree_.text, 0, too_many_states);
        }
        out_.symbols_ = symbol_map(literals_, sets_);
        out_.row_words_ = out_.symbols_.count() / 64U + 1U;
        out_.rows_.assign(sets_.size() * out_.row_words_, 0);
        for (std::size_t row = 0; row < sets_.size(); ++row) {
            for (auto const range : sets_[row]) {
                out_.symbols_.each_in(range, [&](std::uint16_t symbol) {
                    out_.rows_[row * out_.row_words_ + symbol / 64U] |= std::uint64_t{1}
                                                                        << (symbol % 64U);
                });
            }
        }
    }

    [[nodiscard]] auto starts_anchored(std::span<std::uint32_t const> terms) const -> bool {
        for (auto const term : terms) {
            if (is_anchored(tree_.nodes[term])) {
                return true;
            }
            if (fixed_width(tree_, tree_.nodes[term]) != 0) {
                return false;
            }
        }
        return false;
    }

    /// Whether every match of `node` starts at the begin of the text.
    [[nodiscard]] auto is_anchored(regex_node const& node) const -> bool {
        switch (node.kind) {
        case regex_kind::begin:
            return true;
        case regex_kind::group:
            return is_anchored(tree_.child(node));
        case regex_kind::repetition:
            return node.min > 0 && is_anchored(tree_.child(node));
        case regex_kind::concatenation:
            return starts_anchored({tree_.children.data() + node.first_child, node.child_count});
        case regex_kind::alternation:
            for (std::uint32_t i = 0; i < node.child_count; ++i) {
                if (!is_anchored(tree_.child(node, i))) {
                    return false;
                }
            }
            return true;
        default:
            return false;
        }
    }

    auto add(state s) -> std::uint16_t {
        if (out_.states_.size() == max_states) {
            throw pattern_error(tree_.text, 0, too_many_states);
        }
        out_.states_.push_back(s);
        return static_cast<std::uint16_t>(out_.states_.size() - 1);
    }

    /// Adds the states of `node`, after which `next` follows. Returns the first of them.
    auto emit(regex_node const& node, std::uint16_t next) -> std::uint16_t {
        if (++work_ > max_work) {
            throw pattern_error(tree_.text, 0, too_many_states);
        }
        switch (node.kind) {
        case regex_kind::literal:
            return add(
                {.kind = action::symbol, .what = out_.symbols_.at(node.value), .next = next});
        case regex_kind::set:
            return add({.kind = action::set, .what = row_of_set_[node.value], .next = next});
        case regex_kind::begin:
            return add({.kind = action::begin, .next = next});
        case regex_kind::end:
            return add({.kind = action::end, .next = next});
        case regex_kind::word_boundary:
            return add(
                {.kind = node.negated ? action::no_boundary : action::boundary, .next = next});
        case regex_kind::group:
            return emit(tree_.child(node), next);
        case regex_kind::concatenation:
            for (std::uint32_t i = node.child_count; i > 0; --i) {
                next = emit(tree_.child(node, i - 1), next);
            }
            return next;
        case regex_kind::alternation: {
            std::uint16_t first = emit(tree_.child(node, node.child_count - 1), next);
            for (std::uint32_t i = node.child_count - 1; i > 0; --i) {
                std::uint16_t const one = emit(tree_.child(node, i - 1), next);
                first = add({.kind = action::split, .next = one, .other = first});
            }
            return first;
        }
        case regex_kind::repetition:
            return repeat(node, next);
        default:
            return next;
        }
    }

    auto repeat(regex_node const& node, std::uint16_t next) -> std::uint16_t {
        regex_node const& body = tree_.child(node);
        std::uint32_t copies = node.min;
        std::uint16_t first = next;
        if (node.max == unbounded) {
            std::uint16_t const loop = add({.kind = action::split, .other = next});
            std::uint16_t const inner = emit(body, loop);
            out_.states_[loop].next = inner;
            first = copies > 0 ? inner : loop;
            copies -= copies > 0 ? 1 : 0;
        } else {
            for (std::uint32_t i = node.min; i < node.max; ++i) {
                std::uint16_t const inner = emit(body, first);
                if (inner == first) {
                    break; // no states: an empty body, once is as good as often
                }
                first = add({.kind = action::split, .next = inner, .other = next});
            }
        }
        for (; copies > 0; --copies) {
            std::uint16_t const inner = emit(body, first);
            if (inner == first) {
                break;
            }
            first = inner;
        }
        return first;
    }

    static constexpr std::string_view too_many_states = "needs more than 4096 states";

    regex_automaton& out_;
    regex_tree const& tree_;
    std::vector<char32_t> literals_;
    std::vector<std::vector<code_range>> sets_;
    std::vector<std::uint16_t> row_of_set_; // by index into tree_.sets
    std::size_t work_ = 0;
};

/// Follows an automaton through all texts at once: each set of states that it can be in becomes a row.
class regex_automaton::tabulator {
public:
    /// The work allowed grows with the states and with the text of the pattern, so that many short
    /// patterns with large counts cost no more than as much text of another kind.
    tabulator(regex_automaton& automaton, std::size_t text_bytes)
        : out_(automaton),
          columns_(std::size_t{automaton.symbols_.count()} + 1),
          work_left_(512 * (8 + std::min(automaton.states_.size(), 8 * text_bytes))),
          storage_(automaton.states_.size() * 6),
          targets_(set_at(0)),
          sources_{set_at(2), set_at(4)} {}

    /// Fills the table, or leaves it empty when it would be out of proportion to the pattern.
    void make() {
        targets_.insert(out_.start_);
        bool const matched = out_.close(targets_, {.begin = true});
        std::size_t const first = matched ? accept : number_of_targets(begin_flag);
        table_.assign(2 * columns_, static_cast<std::uint16_t>(dead));
        table_[2 * columns_ - 1] = accept;
        for (std::size_t row = 2; row < rows_.size(); ++row) {
            if (rows_.size() * columns_ > max_entries || !add_row(row_key(rows_[row]))) {
                return;
            }
        }
        for (auto& entry : table_) {
            entry = static_cast<std::uint16_t>(entry * columns_);
        }
        out_.columns_ = columns_;
        out_.first_row_ = first * columns_;
        table_.shrink_to_fit();
        out_.table_ = std::move(table_);
    }

private:
    // A row is known by its states that wait or consume, behind a character of flags.
    using row_key = std::u16string;
    static constexpr char16_t begin_flag = 1;
    static constexpr char16_t after_word_flag = 2;
    static constexpr std::size_t dead = 0;
    static constexpr std::size_t accept = 1;
    static constexpr std::size_t max_entries = 65536; // entries address entries, with 16 bits

    auto set_at(std::size_t slot) -> state_set {
        std::size_t const size = out_.states_.size();
        return {storage_.data() + slot * size, storage_.data() + (slot + 1) * size};
    }

    static void load(state_set& set, row_key const& key) {
        set.clear();
        for (std::size_t i = 1; i < key.size(); ++i) {
            set.insert(key[i]);
        }
    }

    /// The row for `targets_`.
    auto number_of_targets(char16_t flags) -> std::size_t {
        row_key key(1, flags);
        for (std::uint16_t const i : targets_) {
            action const kind = out_.states_[i].kind;
            if (kind != action::split && kind != action::begin) {
                key.push_back(static_cast<char16_t>(i));
            }
        }
        if (key.size() == 1) {
            return dead;
        }
        std::sort(key.begin() + 1, key.end());
        auto const [found, is_fresh] = numbers_.try_emplace(std::move(key), rows_.size());
        if (is_fresh) {
            rows_.push_back(found->first);
        }
        return found->second;
    }

    /// Adds the entries of one row. False when there is no work left.
    auto add_row(row_key const& key) -> bool {
        bool const begin = (key.front() & begin_flag) != 0;
        bool const after_word = (key.front() & after_word_flag) != 0;
        std::array<bool, 2> matched{}; // before another character, before a word character
        for (std::size_t word = 0; word < 2; ++word) {
            load(sources_[word], key);
            matched[word] = out_.asks_words_ &&
                            out_.close_before(sources_[word], begin, false, after_word, word != 0);
        }
        for (std::uint16_t symbol = 0; symbol + 1U < columns_; ++symbol) {
            std::size_t const word = out_.is_word(symbol) ? 1 : 0;
            std::size_t target = accept;
            if (!matched[word]) {
                out_.step(sources_[word], symbol, targets_);
                target = out_.close(targets_, {})
                             ? accept
                             : number_of_targets(word != 0 ? after_word_flag : char16_t{0});
                std::size_t const cost = sources_[word].size() + targets_.size();
                if (cost > work_left_) {
                    return false;
                }
                work_left_ -= cost;
            }
            table_.push_back(static_cast<std::uint16_t>(target));
        }
        load(sources_[0], key);
        bool const at_end = out_.close_before(sources_[0], begin, true, after_word, false);
        table_.push_back(static_cast<std::uint16_t>(at_end ? accept : dead));
        return true;
    }

    regex_automaton& out_;
    std::size_t columns_; // one for each symbol, and one for the end of the text
    std::size_t work_left_;
    std::vector<std::uint16_t> storage_; // of the three sets, two slots each
    state_set targets_;
    std::array<state_set, 2> sources_;
    std::vector<row_key> rows_ = std::vector<row_key>(2); // the first two are `dead` and `accept`
    std::unordered_map<row_key, std::size_t> numbers_;
    std::vector<std::uint16_t> table_;
};

inline regex_automaton::regex_automaton(regex_tree const& tree,
                                        std::span<std::uint32_t const> terms) {
    builder{*this, tree}.build(terms);
    tabulator{*this, tree.text.size()}.make();
}

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_REGEX_AUTOMATON_HPP
