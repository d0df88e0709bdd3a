// SPDX-License-Identifier: MIT
//
// A compiled regular expression, as the keywords `pattern` and `patternProperties` need it:
// ECMA-262 syntax, by Unicode code points, searched anywhere in the text unless it says `^` or `$`.
//
//     auto zip = llms::pattern::compile("^[0-9]{5}$");
//     zip.search("10115");                                           // true
//     auto back = llms::pattern::compile(R"(^(a+)\1$)", llms::pcre2_regex{});
//
// Simple forms (a literal, a prefix, one run of a class ...) are matched by code of our own; the
// rest goes to an engine: `linear_regex` unless another is named. What an engine cannot take is a
// `pattern_error` when it compiles, never a wrong answer later.
//
// Threads: a pattern is immutable; copies share one program. `search` allocates nothing.
#ifndef LLMS_SCHEMA_PATTERN_HPP
#define LLMS_SCHEMA_PATTERN_HPP

#include <llms/detail/regex_syntax.hpp>
#include <llms/detail/regex_trivial.hpp>
#include <llms/schema/linear_regex.hpp>
#include <llms/schema/pattern_error.hpp>

#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace llms::inline v0_1 {

/// What compiles patterns. `compile` takes the whole pattern text and throws `pattern_error` for
/// what it cannot run; the program's `search` may be called from many threads at once and throws
/// `pattern_limit_error` when a bound of the engine was hit; `memory_bytes` is what the program
/// holds.
template <class Engine>
concept regex_engine = requires(Engine const& engine, std::string_view text) {
    { engine.compile(text).search(text) } -> std::same_as<bool>;
    { engine.compile(text).memory_bytes() } -> std::convertible_to<std::size_t>;
};

class pattern {
public:
    /// Compiles `text`. Throws `pattern_error`.
    template <regex_engine Engine = linear_regex>
    static auto compile(std::string_view text, Engine const& engine = {}) -> pattern {
        auto const make = [&](auto matcher, bool trivial) {
            using compiled = matcher_of<decltype(matcher)>;
            return pattern{std::make_shared<compiled const>(text, std::move(matcher), trivial)};
        };
        if (auto trivial = detail::trivial_pattern::recognize(detail::regex_parser::parse(text))) {
            return make(*std::move(trivial), true);
        }
        return make(engine.compile(text), false);
    }

    /// Whether `subject` has a match. Throws `pattern_limit_error` when the engine could not tell.
    [[nodiscard]] auto search(std::string_view subject) const -> bool {
        return program_->run(*program_, subject);
    }

    [[nodiscard]] auto text() const noexcept -> std::string const& { return program_->text; }

    /// Whether it needs no engine.
    [[nodiscard]] auto is_trivial() const noexcept -> bool { return program_->is_trivial; }

    /// What all copies of it hold together.
    [[nodiscard]] auto memory_bytes() const noexcept -> std::size_t {
        return program_->memory_bytes;
    }

private:
    // One indirect call a search; no virtual functions, so that the object is one block.
    struct shared_program {
        std::string text;
        std::size_t memory_bytes;
        bool is_trivial;
        bool (*run)(shared_program const&, std::string_view);
    };

    template <class Matcher>
    struct matcher_of : shared_program {
        matcher_of(std::string_view pattern_text, Matcher compiled, bool trivial)
            : shared_program{std::string(pattern_text),
                             sizeof(matcher_of) + pattern_text.size() + compiled.memory_bytes(),
                             trivial,
                             [](shared_program const& self, std::string_view subject) {
                                 return static_cast<matcher_of const&>(self).matcher.search(
                                     subject);
                             }},
              matcher(std::move(compiled)) {}
        Matcher matcher;
    };

    explicit pattern(std::shared_ptr<shared_program const> compiled)
        : program_(std::move(compiled)) {}

    std::shared_ptr<shared_program const> program_;
};

} // namespace llms::inline v0_1

#endif // LLMS_SCHEMA_PATTERN_HPP
