// SPDX-License-Identifier: MIT
#include "schema/regex_engine_checks.hpp"
#include "support/catch.hpp"
#include <llms/ext/re2_regex.hpp>
#include <llms/schema/pattern.hpp>

#include <string>

namespace re2_regex_test {

static_assert(llms::regex_engine<llms::re2_regex>);

TEST_CASE("re2_regex: answers as ECMA-262 does", "[regex]") {
    llms_test::check_cases(llms::re2_regex{}, llms_test::common_cases);
}

TEST_CASE("re2_regex: never gives up on a subject, whatever it is", "[regex]") {
    llms_test::check_hostile_subjects(llms::re2_regex{}, false);
}

TEST_CASE("re2_regex: hostile patterns are refused or run", "[regex]") {
    llms_test::check_hostile_patterns(llms::re2_regex{});
    llms_test::check_rejected(llms::re2_regex{});
}

TEST_CASE("re2_regex: refuses what it cannot run, by name", "[regex]") {
    for (auto const* const pattern : {"(a)\\1", "^(?=a)", "(?<!a)b", "\\p{Emoji}", "a{1001}"}) {
        CHECK_THROWS_AS(llms::re2_regex{}.compile(pattern), llms::pattern_error);
    }
}

TEST_CASE("re2_regex: is an engine of patterns", "[regex]") {
    auto const date = llms::pattern::compile(R"(^\d{4}-\d{2}-\d{2}$)", llms::re2_regex{});
    CHECK_FALSE(date.is_trivial());
    CHECK(date.memory_bytes() > 0);
    CHECK(date.search("2026-11-23"));
    CHECK_FALSE(date.search("2026-11-233"));
}

TEST_CASE("re2_regex: passes the official suite's tests of regular expressions", "[regex]") {
    llms_test::check_suite(llms::re2_regex{});
}

} // namespace re2_regex_test
