// SPDX-License-Identifier: MIT
//
// The default engine of patterns: a finite automaton of our own, dependency-free. Time is linear in
// the subject, the stack it needs is constant, and it allocates nothing while it matches, whatever
// the pattern and the subject are.
//
//     auto date = llms::linear_regex::compile(R"(^\d{4}-\d{2}-\d{2}$)");
//     date.search("2026-11-23");                                     // true
//
// It takes all of ECMA-262 but back-references, lookarounds other than those pinned to one place
// (`^(?=...)`, `^(?!...)`, `^[a-z]{2}(?!...)`, `(?<!-)$`), and Unicode properties other than
// general categories: those are a `pattern_error`, as is a pattern of more than `max_states`
// states. Use ext/pcre2_regex.hpp for them.
//
// Threads: programs are immutable. Cost: a table look-up per character; where a table would grow
// out of proportion to the pattern, a step of a set of states per character, with `max_steps` in
// all.
#ifndef LLMS_SCHEMA_LINEAR_REGEX_HPP
#define LLMS_SCHEMA_LINEAR_REGEX_HPP

#include <llms/detail/regex_automaton.hpp>
#include <llms/detail/regex_syntax.hpp>
#include <llms/schema/pattern_error.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace llms::inline v0_1 {

class linear_regex {
public:
    /// Upper bound of states a pattern may need; `{2,50}` counts its operand fifty times.
    static constexpr std::size_t max_states = detail::regex_automaton::max_states;
    /// Upper bound of steps of one search without a table; beyond it `pattern_limit_error` is
    /// thrown.
    static constexpr std::uint64_t max_steps = detail::regex_automaton::max_steps;

    class program {
    public:
        /// Throws `pattern_limit_error` beyond `max_steps`.
        [[nodiscard]] auto search(std::string_view subject) const -> bool {
            return std::all_of(conditions_.begin(), conditions_.end(), [&](condition const& each) {
                auto const found = each.automaton.search(subject);
                if (!found) {
                    throw pattern_limit_error(text_, "more than max_steps steps on a subject of " +
                                                         std::to_string(subject.size()) + " bytes");
                }
                return *found != each.negated;
            });
        }

        [[nodiscard]] auto memory_bytes() const noexcept -> std::size_t {
            std::size_t sum = text_.capacity();
            for (auto const& each : conditions_) {
                sum += sizeof(each) + each.automaton.memory_bytes();
            }
            return sum;
        }

        /// Whether every part of it runs from a table.
        [[nodiscard]] auto has_table() const noexcept -> bool {
            return std::all_of(conditions_.begin(), conditions_.end(),
                               [](condition const& each) { return each.automaton.has_table(); });
        }

    private:
        friend class linear_regex;

        struct condition {
            detail::regex_automaton automaton;
            bool negated = false;
        };

        std::string text_;
        std::vector<condition> conditions_;
    };

    /// Throws `pattern_error` for what is no pattern or beyond this engine.
    [[nodiscard]] static auto compile(std::string_view text) -> program {
        detail::regex_tree const tree = detail::regex_parser::parse(text);
        program compiled;
        compiled.text_ = text;
        for (auto const& part : detail::split_lookarounds(tree)) {
            compiled.conditions_.push_back(
                {detail::regex_automaton(tree, part.terms), part.negated});
        }
        return compiled;
    }
};

} // namespace llms::inline v0_1

#endif // LLMS_SCHEMA_LINEAR_REGEX_HPP
