// SPDX-License-Identifier: MIT
#include "schema/regex_engine_checks.hpp"
#include "support/catch.hpp"
#include <llms/schema/linear_regex.hpp>
#include <llms/schema/pattern.hpp>
#include <llms/schema/std_regex.hpp>

#include <array>
#include <string>

namespace regex_test {

namespace {

// Answers of V8 with the flag u; without it for the range that ends in a class, which u refuses.
constexpr auto rare_cases = std::to_array<llms_test::regex_case>({
    {"^a+b|^c+d", "ccd", true},
    {"^a+b|^c+d", "xab", false},
    {"^(?:){0,3}a+b$", "aab", true},
    {"^(?:(?:)b?){0,3}c$", "bbc", true},
    {"^[a-\\d]+$", "5-a", true}, // a class is no end of a range
    {"^[a-\\d]+$", "b", false},
    {"^[\\uD83D\\u0041]$", "A", true}, // half a pair, then a letter
    {"^\\p{ASCII_Hex_Digit}+$", "aF9", true},
    {"^\\p{AHex}+$", "g", false},
    {"^\\p{Any}+$", "a\n", true},
    {"^\\p{Assigned}$", "a", true},
    {"^\\p{Assigned}$", "\xCD\xB8", false}, // U+0378
});

} // namespace

static_assert(llms::regex_engine<llms::linear_regex>);
static_assert(llms::regex_engine<llms::std_regex>);

TEST_CASE("linear_regex: answers as ECMA-262 does", "[regex]") {
    llms::linear_regex const engine;
    llms_test::check_cases(engine, llms_test::common_cases);
    llms_test::check_cases(engine, rare_cases);
    llms_test::check_cases(engine, llms_test::pinned_lookahead_cases);
    llms_test::check_cases(engine, llms_test::lookbehind_cases);
}

TEST_CASE("linear_regex: never gives up on a subject, whatever it is", "[regex]") {
    llms_test::check_hostile_subjects(llms::linear_regex{}, false);
}

TEST_CASE("linear_regex: hostile patterns are refused or run", "[regex]") {
    llms_test::check_hostile_patterns(llms::linear_regex{});
    llms_test::check_rejected(llms::linear_regex{});
}

TEST_CASE("linear_regex: names what it cannot run, and where", "[regex]") {
    try {
        static_cast<void>(llms::linear_regex::compile("^ab(c)\\1"));
        FAIL("compiled a back-reference");
    } catch (llms::pattern_error const& e) {
        CHECK(e.offset() == 6);
        CHECK(e.pattern() == "^ab(c)\\1");
        CHECK(std::string(e.what()).find("back-reference") != std::string::npos);
    }
    for (auto const* const pattern :
         {"(?=a)b", "^(?:(?!a).)*$", "^a*(?=b)", "(?<=a)b", "\\p{Emoji}"}) {
        CHECK_THROWS_AS(llms::linear_regex::compile(pattern), llms::pattern_error);
    }
}

TEST_CASE("linear_regex: a pattern that is none is refused by its reason", "[regex]") {
    auto const reason_of = [](std::string const& text) -> std::string {
        try {
            static_cast<void>(llms::linear_regex::compile(text));
        } catch (llms::pattern_error const& e) {
            return e.what();
        }
        return "";
    };
    auto const times = [](int n, std::string const& piece) {
        std::string text;
        for (int i = 0; i < n; ++i) {
            text += piece;
        }
        return text;
    };
    std::string different; // 5000 letters, each another
    for (auto c = 0x4E00; c < 0x4E00 + 5000; ++c) {
        different += static_cast<char>(0xE0 | (c >> 12));
        different += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
        different += static_cast<char>(0x80 | (c & 0x3F));
    }
    std::string named;
    for (auto i = 0; i < 101; ++i) {
        named += "(?<n" + std::to_string(i) + ">)";
    }
    auto const [text, reason] = GENERATE_COPY(table<std::string, std::string>(
        {{"a|*", "nothing to repeat"},
         {"(?:+)", "nothing to repeat"},
         {"a|{2}", "byte 2: nothing to repeat"},
         {times(201, "(") + times(201, ")"), "groups nested deeper than 200"},
         {"(?<1a>x)", "not a name for a group"},
         {"(?<a-b>x)", "not a name for a group"},
         {"(?<>x)", "unfinished name of a group"},
         {"(?<ab", "unfinished name of a group"},
         {"(?<a>x)\\k", "\\k needs the name of a group"},
         {"(?<a>x)\\kb", "\\k needs the name of a group"},
         {"\\u{}", "a hexadecimal digit is missing"},
         {"\\u{110000}", "beyond the last code point"},
         {"[" + times(101, "\\p{Lu}") + "]", "more than 100 properties in one class"},
         {named, "more than 100 named groups"},
         {"^" + times(17, "(?=a)"), "more than 16 lookarounds"},
         {"^(a)\\1(?=b)", "a lookaround here needs an engine that backtracks"},
         {different, "needs more than 4096 states"},
         {times(199, "(?:") + "a" + times(199, ")") + "{4000}", "needs more than 4096 states"},
         {"x[a-", "byte 1: unclosed class"},
         {"a\xC3(", "byte 1: not valid UTF-8"},
         {"\\p{Block=Latin}", "Block=Latin"},
         {"\\p{gc=Greek}", "gc=Greek"},
         {"\\c1", "\\c needs a letter"},
         {"a\\", "\\ at the end"}}));
    CAPTURE(text);
    CHECK(reason_of(text).find(reason) != std::string::npos);
}

TEST_CASE("linear_regex: escapes of characters", "[regex]") {
    auto const matches = [](char const* pattern, std::string_view text) {
        return llms::linear_regex::compile(pattern).search(text);
    };
    CHECK(matches("^\\t\\n\\v\\f\\r$", "\t\n\v\f\r"));
    CHECK(matches("^[\\t\\n\\v\\f\\r]{5}$", "\r\f\v\n\t"));
    CHECK(matches("^\\uD83D\\uDE00$", "\xF0\x9F\x98\x80"));
    CHECK(matches("^\\u{1F600}$", "\xF0\x9F\x98\x80"));
    CHECK_FALSE(matches("^\\uD83Dx$", "x")); // half a pair stands for nothing in UTF-8
}

TEST_CASE("linear_regex: without a table it answers the same", "[regex]") {
    // Which of the last twelve letters is an a: a table of 4096 rows, out of proportion.
    auto const program = llms::linear_regex::compile("^(a|b)*a(a|b){11}$");
    REQUIRE_FALSE(program.has_table());
    std::string text(5000, 'b');
    CHECK_FALSE(program.search(text));
    text[text.size() - 12] = 'a';
    CHECK(program.search(text));
    text += 'b';
    CHECK_FALSE(program.search(text));
    CHECK_FALSE(program.search("bc" + text)); // from the c on nothing can match
    auto const words = llms::linear_regex::compile("\\b(a|b)*a(a|b){11}\\b");
    REQUIRE_FALSE(words.has_table());
    CHECK(words.search("x abbbbbbbbbbb x"));
    CHECK_FALSE(words.search("x abbbbbbbbbbbc x"));
}

TEST_CASE("linear_regex: too long a search without a table is a named error", "[regex]") {
    auto const program = llms::linear_regex::compile("(a|b|c.{3}){0,60}(.{0,30}x){40}y");
    REQUIRE_FALSE(program.has_table());
    CHECK_THROWS_AS(program.search(std::string(1U << 20U, 'a')), llms::pattern_limit_error);
}

TEST_CASE("linear_regex: text that is not UTF-8 is searched to its end", "[regex]") {
    auto const any = llms::linear_regex::compile("^[^a]*b$");
    CHECK(any.search("\xFF\xC3\x80\xED\xA0\x80"
                     "b"));
    CHECK_FALSE(any.search("\xFF\xC3"));
}

TEST_CASE("std_regex: answers as ECMA-262 does", "[regex]") {
    llms::std_regex const engine;
    llms_test::check_cases(engine, llms_test::common_cases);
    llms_test::check_cases(engine, rare_cases);
    llms_test::check_cases(engine, llms_test::pinned_lookahead_cases);
    llms_test::check_cases(engine, llms_test::backtracking_cases);
}

TEST_CASE("std_regex: names the limit where the standard library would crash or hang", "[regex]") {
    llms_test::check_hostile_subjects(llms::std_regex{.max_steps = 200'000}, true);
    CHECK_THROWS_AS(llms::std_regex{}.compile("^(a|b)*$").search(std::string(1U << 16U, 'a')),
                    llms::pattern_limit_error);
    CHECK_THROWS_AS(llms::std_regex{}.compile("^(a+)+$").search(std::string(40, 'a') + "!"),
                    llms::pattern_limit_error);
    CHECK(llms::std_regex{}.compile("^(a|b)*$").search(std::string(100, 'a')));
}

TEST_CASE("std_regex: hostile patterns are refused or run", "[regex]") {
    llms_test::check_hostile_patterns(llms::std_regex{});
    llms_test::check_rejected(llms::std_regex{});
    CHECK_THROWS_AS(llms::std_regex{}.compile("(?<=a)b"), llms::pattern_error);
    CHECK_THROWS_WITH(llms::std_regex{}.compile("a\\p{Emoji}"),
                      support::contains("byte 1: this Unicode property needs an engine"));
    // Allowed by ECMA-262, not by the standard library.
    CHECK_THROWS_WITH(llms::std_regex{}.compile("\\1(a)"), support::contains("std::regex: "));
}

TEST_CASE("linear_regex: passes the official suite's tests of regular expressions", "[regex]") {
    llms_test::check_suite(llms::linear_regex{});
}

TEST_CASE("std_regex: passes the official suite's tests of regular expressions", "[regex]") {
    llms_test::check_suite(llms::std_regex{});
}

} // namespace regex_test
