// SPDX-License-Identifier: MIT
#include "schema/regex_engine_checks.hpp"
#include "support/catch.hpp"
#include <llms/ext/pcre2_regex.hpp>
#include <llms/schema/pattern.hpp>

#include <string>

namespace pcre2_regex_test {

static_assert(llms::regex_engine<llms::pcre2_regex>);

namespace {

void check_all(llms::pcre2_regex const& engine) {
    llms_test::check_cases(engine, llms_test::common_cases);
    llms_test::check_cases(engine, llms_test::pinned_lookahead_cases);
    llms_test::check_cases(engine, llms_test::lookbehind_cases);
    llms_test::check_cases(engine, llms_test::backtracking_cases);
    // A group that took no part in the match is as good as empty.
    CHECK(engine.compile("(?:a|(b))\\1c").search("ac"));
}

} // namespace

TEST_CASE("pcre2_regex: answers as ECMA-262 does, compiled and interpreted", "[regex]") {
    check_all(llms::pcre2_regex{});
    check_all(llms::pcre2_regex{.jit = false});
}

TEST_CASE("pcre2_regex: a limit is never taken for no match", "[regex]") {
    llms_test::check_hostile_subjects(llms::pcre2_regex{}, false);
    // The automaton cannot take over from a back-reference: the limit is named.
    auto const program = llms::pcre2_regex{.match_limit = 1000}.compile("^(a+)+\\1$");
    CHECK_THROWS_AS(program.search(std::string(40, 'a') + "!"), llms::pattern_limit_error);
    // No stack to speak of for the compiled code: the interpreter goes on.
    auto const small = llms::pcre2_regex{.jit_stack_bytes = 1024}.compile("^(a|b)*\\1$");
    CHECK(small.search(std::string(5000, 'a')));
}

TEST_CASE("pcre2_regex: hostile patterns are refused or run", "[regex]") {
    llms_test::check_hostile_patterns(llms::pcre2_regex{});
    llms_test::check_rejected(llms::pcre2_regex{});
}

TEST_CASE("pcre2_regex: knows scripts and binary properties", "[regex]") {
    llms::pcre2_regex const engine;
    CHECK(engine.compile("^\\p{Script=Greek}+$").search("\xCE\xB1\xCE\xB2"));
    CHECK_FALSE(engine.compile("^\\p{sc=Greek}+$").search("ab"));
    CHECK(engine.compile("^\\p{Alphabetic}+$").search("ab"));
    CHECK_FALSE(engine.compile("^\\P{White_Space}$").search(" "));
}

TEST_CASE("pcre2_regex: text that is not UTF-8 is searched all the same", "[regex]") {
    for (bool const jit : {false, true}) {
        auto const program = llms::pcre2_regex{.jit = jit}.compile("b$");
        CHECK(program.search("\xFF\xC3\x80\xED\xA0\x80"
                             "b"));
        CHECK_FALSE(program.search("\xFF\xC3"));
    }
}

TEST_CASE("pcre2_regex: is an engine of patterns", "[regex]") {
    auto const twice = llms::pattern::compile(R"(^(\w+) \1$)", llms::pcre2_regex{});
    CHECK_FALSE(twice.is_trivial());
    CHECK(twice.memory_bytes() > 0);
    CHECK(twice.search("so so"));
    CHECK(llms::pattern::compile("^so", llms::pcre2_regex{}).is_trivial());
}

TEST_CASE("pcre2_regex: passes the official suite's tests of regular expressions", "[regex]") {
    llms_test::check_suite(llms::pcre2_regex{});
}

} // namespace pcre2_regex_test
