// SPDX-License-Identifier: MIT
#include "schema/regex_engine_checks.hpp"
#include "support/catch.hpp"
#include <llms/schema/pattern.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace pattern_test {

namespace {

/// Refuses everything: what compiles with it is trivial.
struct no_engine {
    [[nodiscard]] static auto compile(std::string_view text) -> llms::linear_regex::program {
        throw llms::pattern_error(text, 0, "needs an engine");
    }
};

} // namespace

TEST_CASE("pattern: simple forms need no engine", "[pattern]") {
    for (auto const* const text : {"",
                                   ".*",
                                   "^",
                                   "$",
                                   "a*",
                                   ".+",
                                   "^.*$",
                                   "^.{1,256}$",
                                   "^[a-z]+$",
                                   "^x-",
                                   "^/.*",
                                   "^abc$",
                                   "abc",
                                   "\\.json$",
                                   "^(foo|bar)$",
                                   "^(?:foo|bar)",
                                   "^https://[^ ]+$",
                                   "^[A-Z]{2,}",
                                   "^\\S*$",
                                   "^#[0-9a-fA-F]{6}$",
                                   "^v\\d+$",
                                   "^\\p{L}{1,20}$",
                                   "[0-9]",
                                   "\\d{3}",
                                   "^(a)$",
                                   "^\xE2\x82\xAC \\d+$"}) {
        INFO(text);
        CHECK(llms::pattern::compile(text, no_engine{}).is_trivial());
    }
    for (auto const* const text :
         {"^a+b+$", "^(a|b)*$", "a|b", "[a-z]+$", "^[a-z]*b", "\\bx", "^a$b", "(foo|bar)",
          "^\\p{Emoji}$", "^\\d(a|b)$", "^(a|b|c|d|e|f|g|h|i|j|k|l|m|n|o|p|q)$"}) {
        INFO(text);
        CHECK_THROWS_AS(llms::pattern::compile(text, no_engine{}), llms::pattern_error);
    }
    auto const price = llms::pattern::compile("^\xE2\x82\xAC \\d+$");
    CHECK(price.search("\xE2\x82\xAC 15"));
    CHECK_FALSE(price.search("\xE2\x82\xAB 15"));
}

TEST_CASE("pattern: answers as ECMA-262 does", "[pattern]") {
    for (auto const& [text, subject, matches] : llms_test::common_cases) {
        INFO("pattern " << text << " subject " << subject);
        CHECK(llms::pattern::compile(text).search(subject) == matches);
    }
}

TEST_CASE("pattern: the trivial forms agree with the automaton", "[pattern]") {
    std::vector<std::string> texts;
    for (std::string const begin : {"", "^"}) {
        for (std::string const before : {"", "a", "ab", "\xC3\xA9"}) {
            for (std::string const middle :
                 {"", "[ab]", "[ab]*", "[^a]+", ".{2,3}", "\\w{2}", "[\xC3\xA0-\xC3\xBF]*",
                  "(?:a|ba|)", "\\p{Ll}{1,2}", "b?"}) {
                for (std::string const after : {"", "b", "\xC3\xA9"}) {
                    for (std::string const end : {"", "$"}) {
                        texts.push_back(begin + before + middle + after + end);
                    }
                }
            }
        }
    }
    std::array<std::string_view, 5> const letters{"a", "b", "\xC3\xA9", "\n", "\xFF"};
    std::vector<std::string> subjects{""};
    for (std::size_t i = 0; subjects.size() < 700; ++i) {
        for (auto const letter : letters) {
            subjects.push_back(subjects[i] + std::string(letter));
        }
    }
    std::size_t trivial = 0;
    std::size_t differing = 0;
    for (auto const& text : texts) {
        auto const pattern = llms::pattern::compile(text);
        auto const automaton = llms::linear_regex::compile(text);
        trivial += pattern.is_trivial() ? 1 : 0;
        for (auto const& subject : subjects) {
            if (pattern.search(subject) != automaton.search(subject)) {
                ++differing;
                UNSCOPED_INFO("pattern " << text << " subject " << subject);
            }
        }
    }
    CHECK(differing == 0);
    CHECK(trivial > texts.size() / 3);
}

TEST_CASE("pattern: long subjects cost no stack", "[pattern]") {
    std::string const text(std::size_t{1} << 22U, 'a');
    for (auto const* const pattern :
         {"^(a|b)*$", "^.*$", "^\\w+$", "^[a-z]*$", "a{1000}", "^(a+)+$"}) {
        CHECK(llms::pattern::compile(pattern).search(text));
    }
}

TEST_CASE("pattern: what it is made of can be asked", "[pattern]") {
    auto const small = llms::pattern::compile("^a");
    auto const large = llms::pattern::compile("^(\\p{L}|x{1,500}y)$");
    CHECK(small.text() == "^a");
    CHECK(large.memory_bytes() > small.memory_bytes());
    auto const copy = large; // shares the program NOLINT(performance-unnecessary-copy-*)
    CHECK(copy.search("x"));
    CHECK(&copy.text() == &large.text());
}

TEST_CASE("pattern_error: long patterns are cut between characters in messages", "[pattern]") {
    std::string text;
    for (int i = 0; i < 200; ++i) {
        text += "\xC3\xA9";
    }
    llms::pattern_error const error(text + "a", 3, "reason");
    CHECK(std::string(error.what()) ==
          "pattern \"" + text.substr(0, 200) + "...\", byte 3: reason");
    CHECK(error.pattern().size() == 401);
    CHECK(llms::pattern_error::excerpt("a" + text) == "a" + text.substr(0, 198) + "...");
}

} // namespace pattern_test
