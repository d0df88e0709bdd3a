// SPDX-License-Identifier: MIT
//
// Patterns by RE2: linear time, and the fastest there is on long texts.
//
//     auto date = llms::pattern::compile(R"(^\d{4}-\d{2}-\d{2}$)", llms::re2_regex{});
//     date.search("2026-11-23");                                     // true
//
// It has no lookarounds, no back-references and no counts beyond 1000: those are a `pattern_error`. One
// known difference: a `\B` with nothing to consume beside it also matches inside a character.
//
// Threads: programs may be shared. Needs libre2.
#ifndef LLMS_EXT_RE2_REGEX_HPP
#define LLMS_EXT_RE2_REGEX_HPP

#include <llms/detail/regex_print.hpp>
#include <llms/detail/regex_syntax.hpp>
#include <llms/schema/pattern_error.hpp>

#include <re2/re2.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace llms::inline v0_1 {

namespace detail {

struct re2_dialect {
    static constexpr bool looks_ahead = false;
    static constexpr bool looks_behind = false;
    static constexpr bool refers_back = false;
    static void character(std::string& out, char32_t c) { put_hex_character(out, c); }
    static auto end() -> std::string_view { return "\\z"; }
    static auto back_reference(std::uint32_t /*number*/) -> std::string { return {}; }
    static void property(std::string& out, regex_tree const& tree, regex_node const& node,
                         regex_property const& property) {
        // RE2 knows neither Cn nor the properties that are no categories: spell them out.
        if (property.categories != 0 && (property.categories & mask(category::Cn)) == 0 &&
            !property.negated) {
            put_categories(out, property);
            return;
        }
        auto const members = property_ranges(property);
        if (!members) {
            tree.fail(node, "this Unicode property needs an engine that knows it (PCRE2)");
        }
        for (auto const [first, last] : *members) {
            character(out, first);
            out += '-';
            character(out, last);
        }
    }
};

} // namespace detail

/// A `regex_engine`.
struct re2_regex {
    /// What one pattern may hold, its automata included, which RE2 makes as it meets new texts.
    std::size_t max_memory_bytes = std::size_t{1} << 20U;

    class program {
    public:
        [[nodiscard]] auto search(std::string_view subject) const -> bool {
            return code_->Match({subject.data(), subject.size()}, 0, subject.size(),
                                re2::RE2::UNANCHORED, nullptr, 0);
        }
        /// The upper bound: RE2 does not tell what it has made so far.
        [[nodiscard]] auto memory_bytes() const noexcept -> std::size_t {
            return static_cast<std::size_t>(code_->options().max_mem());
        }

    private:
        friend struct re2_regex;
        explicit program(std::unique_ptr<re2::RE2> code) : code_(std::move(code)) {}
        std::unique_ptr<re2::RE2> code_;
    };

    /// Throws `pattern_error`.
    [[nodiscard]] auto compile(std::string_view text) const -> program {
        auto const tree = detail::regex_parser::parse(text);
        auto const printed = detail::regex_printer<detail::re2_dialect, std::string>::print(tree);
        re2::RE2::Options options;
        options.set_log_errors(false);
        options.set_max_mem(static_cast<std::int64_t>(max_memory_bytes));
        auto code = std::make_unique<re2::RE2>(printed, options);
        if (!code->ok()) {
            throw pattern_error(text, 0, "RE2: " + code->error());
        }
        return program{std::move(code)};
    }
};

} // namespace llms::inline v0_1

#endif // LLMS_EXT_RE2_REGEX_HPP
