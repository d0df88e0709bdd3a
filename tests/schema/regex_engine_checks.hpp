// SPDX-License-Identifier: MIT
//
// What every engine of patterns must do: the same answers as ECMA-262, and no crash, hang or wrong
// answer on texts made to hurt. Each engine's test calls these with itself.
#ifndef LLMS_TESTS_SCHEMA_REGEX_ENGINE_CHECKS_HPP
#define LLMS_TESTS_SCHEMA_REGEX_ENGINE_CHECKS_HPP

#include "support/catch.hpp"
#include "support/shared_data.hpp"
#include <llms/schema/pattern_error.hpp>

#include <nlohmann/json.hpp>

#include <array>
#include <cstddef>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

namespace llms_test {

struct regex_case {
    std::string_view pattern;
    std::string_view subject;
    bool matches;
};

// Answers of V8 with the flag u.
inline constexpr auto common_cases = std::to_array<regex_case>({
    {"", "", true},
    {"", "abc", true},
    {"b", "abc", true},
    {"^b", "abc", false},
    {"b$", "abc", false},
    {"^abc$", "abc\n", false},
    {"^abc$", "\nabc", false},
    {"^$", "", true},
    {"^$", "\n", false},
    {"$^", "", true},
    {"a|b", "xxb", true},
    {"^a|b$", "xb", true},
    {"^(?:a|b)$", "xb", false},
    {"^(a|b|)$", "", true},
    {"^a{2,3}$", "aaaa", false},
    {"^a{2,}$", "aaaa", true},
    {"^(ab){2}$", "abab", true},
    {"^(ab){2}$", "ababab", false},
    {"^a{0}b$", "b", true},
    {"^(?:a?){3}$", "aa", true},
    {"^(a*)*$", "aab", false},
    {"(|a)+b", "aaab", true},
    {"^.$", "\n", false},
    {"^.$", "\r", false},
    {"^.$", "\xE2\x80\xA8", false}, // U+2028
    {"^.$", "\xF0\x9F\x90\xB2", true},
    {"^.{2}$", "\xF0\x9F\x90\xB2", false},
    {"^[^]$", "\n", true},
    {"[]", "a", false},
    {"a[]|b", "b", true},
    {"^\\d$", "\xDB\xB0", false}, // an Extended Arabic-Indic digit
    {"^\\D$", "\xDB\xB0", true},
    {"^\\w+$", "aZ_09", true},
    {"^\\w$", "\xC3\xA9", false},
    {"^\\s$", "\xEF\xBB\xBF", true},  // U+FEFF
    {"^\\s$", "\xE1\xA0\x8E", false}, // U+180E, a format character
    {"^\\S$", "\xC2\xA0", false},
    {"^[\\s\\d]+$", " 1\t2", true},
    {"^[^\\s\\d]+$", "a b", false},
    {"^[\\w-.]+$", "a-b.c", true},
    {"^[a\\-z]+$", "a-z", true},
    {"^[a-]$", "-", true},
    {"^[\\b]$", "\b", true},
    {"\\bfoo\\b", "a foo.", true},
    {"\\bfoo\\b", "afoo", false},
    {"\\bfoo\\b",
     "\xC3\xA9"
     "foo",
     true}, // é is no word character
    {"\\Bo\\B", "foot", true},
    {"^\\Bx", "x", false},
    {"^\\B$", "", true},
    {"^\\b$", "", false},
    {"\\x41\\u0042\\u{43}", "ABC", true},
    {"^\\ud83d\\udc32$", "\xF0\x9F\x90\xB2", true},
    {"^\\cJ$", "\n", true},
    {"^\\0$", {"\0", 1}, true},
    {"^a.c$", {"a\0c", 3}, true},
    {"^\\/\\.\\*\\-$", "/.*-", true},
    {"^{a}$", "{a}", true},
    {"^x{,2}$", "x{,2}", true},
    {"]", "]", true},
    {"^[[:alpha:]]$", "a]", true}, // no POSIX class: one of "[:alph", then a bracket
    {"^[&&x]$", "&", true},
    {"^(?<year>\\d{4})$", "2026", true},
    {"^\\p{Lu}\\p{Ll}*$",
     "\xC3\x89"
     "cole",
     true},
    {"^\\p{Letter}+$",
     "\xC3\x89"
     "cole",
     true},
    {"^\\p{gc=Decimal_Number}$", "\xE0\xA7\xAA", true},
    {"^\\P{L}$", "a", false},
    {"^[^\\P{L}]$", "a", true},
    {"^[\\p{L}\\p{N}_]+$", "a1_\xC3\xA9", true},
    {"^\\p{ASCII}+$", "a\xC3\xA9", false},
    {"^a+?$", "aaa", true},
    {"a+?b", "aaab", true},
    {"^[\xC3\xA0-\xC3\xBF]+$", "\xC3\xA9\xC3\xAA", true},
    {"^[^a]$", "\xC3\xA9", true},
    {"^\xC3\xA9*$", "\xC3\xA9\xC3\xA9", true},
    {"^(?:@[0-9a-z-_.]+\\/)?[a-z][0-9a-z-_.]*$", "@scope/name-1", true},
    {"^(0|[1-9]\\d*)\\.(0|[1-9]\\d*)\\.(0|[1-9]\\d*)$", "1.10.0", true},
    {"^(0|[1-9]\\d*)\\.(0|[1-9]\\d*)\\.(0|[1-9]\\d*)$", "1.01.0", false},
});

// For engines with lookaheads; `linear_regex` has them where they are pinned to one place, as here.
inline constexpr auto pinned_lookahead_cases = std::to_array<regex_case>({
    {"^(?=.*[A-Z])(?=.*\\d).{8,}$", "Passw0rds", true},
    {"^(?=.*[A-Z])(?=.*\\d).{8,}$", "passw0rds", false},
    {"^(?!.*\\.\\.)[a-z.]+$", "a.b.c", true},
    {"^(?!.*\\.\\.)[a-z.]+$", "a..b", false},
    {"^[a-z]{2}(?!x)[a-z]+$", "abxc", false},
    {"^[a-z]{2}(?!x)[a-z]+$", "abcx", true},
    {"^(?!foo$)(?!bar$)\\w+$", "bar", false},
    {"^(?!foo$)(?!bar$)\\w+$", "bars", true},
});
inline constexpr auto lookbehind_cases = std::to_array<regex_case>({
    {"^[a-z-]+(?<!-)$", "a-b", true},
    {"^[a-z-]+(?<!-)$", "a-b-", false},
    {"(?<=ab)c$", "xabc", true},
    {"(?<=ab)c$", "xbc", false},
});
inline constexpr auto backtracking_cases = std::to_array<regex_case>({
    {"^(a+)\\1$", "aaaa", true},
    {"^(a+)\\1$", "aaaaa", false},
    {"^(?<q>['\"]).*\\k<q>$", "'it'", true},
    {"^(?<q>['\"]).*\\k<q>$", "'it\"", false},
    {"^((?!foo).)*$", "bar", true},
    {"^((?!foo).)*$", "a foo", false},
    {"a(?=b)", "ab", true},
    {"a(?=b)", "ac", false},
});

template <class Engine, class Cases>
void check_cases(Engine const& engine, Cases const& cases) {
    for (auto const& [pattern, subject, matches] : cases) {
        INFO("pattern " << pattern << " subject " << subject);
        CHECK(engine.compile(pattern).search(subject) == matches);
    }
}

/// Searches; nothing when the engine says by name that a limit was hit.
template <class Program>
auto search_or_limit(Program const& program, std::string_view subject) -> std::optional<bool> {
    try {
        return program.search(subject);
    } catch (llms::pattern_limit_error const& e) {
        CHECK_FALSE(e.limit().empty());
        return std::nullopt;
    }
}

/// Long and hostile subjects: the right answer or a named limit, if `may_give_up`.
template <class Engine>
void check_hostile_subjects(Engine const& engine, bool may_give_up) {
    auto const expect = [&](std::string_view pattern, std::string_view subject, bool matches) {
        INFO("pattern " << pattern << ", subject of " << subject.size() << " bytes");
        auto const found = search_or_limit(engine.compile(pattern), subject);
        CHECK((found || may_give_up));
        CHECK(found.value_or(matches) == matches);
    };
    for (std::size_t const size : {std::size_t{1} << 10U, std::size_t{1} << 16U,
                                   std::size_t{1} << 20U, std::size_t{1} << 22U}) {
        std::string const text(size, 'a');
        std::string const spoilt = text + "!";
        for (auto const* const pattern : {"^(a|b)*$", "^\\w+$", "^[a-z]*$", "^(?:a|b|c)+$"}) {
            expect(pattern, text, true);
            expect(pattern, spoilt, false);
        }
        expect("^.*$", text, true);
        expect("^.*$", text + "\n", false);
        expect("(a|b)*c", text, false);
    }
    std::string const text(40, 'a');
    for (auto const* const pattern :
         {"^(a+)+$", "^(a|a)*$", "^(a*)*$", "^(a|aa)+$", "^(.*a){20}$", "^a*a*a*a*a*a*a*a*$"}) {
        expect(pattern, text + "!", false);
    }
    expect("^(a?){25}a{25}$", std::string(25, 'a'), true);
}

/// Patterns that grow out of bounds are refused, or answered rightly.
template <class Engine>
void check_hostile_patterns(Engine const& engine) {
    auto const survives = [&](std::string const& pattern) {
        try {
            auto const program = engine.compile(pattern);
            static_cast<void>(search_or_limit(program, std::string(100, 'a')));
        } catch (llms::pattern_error const& e) {
            CHECK_FALSE(e.reason().empty());
            CHECK(e.pattern() == pattern);
        }
    };
    survives("(((((a{1,100}){1,100}){1,100}){1,100}){1,100})");
    survives("a{4294967295}");
    survives("(){1000000000}");
    survives("((){1000}){1000}");
    survives(std::string(199, '(') + "a" + std::string(199, ')'));
    survives(std::string(100'000, '('));
    survives(std::string(60'000, 'a'));
    std::string alternatives = "a";
    std::string classes;
    for (int i = 0; i < 3000; ++i) {
        alternatives += "|b" + std::to_string(i);
        classes += "[a" + std::to_string(i) + "]?";
    }
    survives(alternatives);
    survives(classes);
    survives("(a|b)*a(a|b){30}");
    survives("(?:\\p{L}{0,60}\\p{Lu}){0,60}");
}

/// The patterns of optional/ecmascript-regex and optional/non-bmp-regex of the official suite, run
/// directly: as `pattern`, and as `patternProperties` where nothing else decides.
template <class Engine>
void check_suite(Engine const& engine) {
    auto const suite = support::shared_data("JSON-Schema-Test-Suite/tests");
    if (!suite) {
        return;
    }
    std::size_t total = 0;
    std::size_t passed = 0;
    for (auto const* const draft : {"draft4", "draft6", "draft7", "draft2019-09", "draft2020-12"}) {
        for (auto const* const name : {"ecmascript-regex", "non-bmp-regex"}) {
            std::ifstream file(*suite / draft / "optional" / (name + std::string(".json")));
            if (!file) {
                continue;
            }
            for (auto const& group : nlohmann::json::parse(file)) {
                auto const& schema = group.at("schema");
                bool const of_properties = !schema.contains("pattern");
                if (of_properties && !schema.contains("additionalProperties")) {
                    continue;
                }
                auto const text = of_properties ? schema.at("patternProperties").begin().key()
                                                : schema.at("pattern").template get<std::string>();
                auto const program = engine.compile(text);
                for (auto const& test : group.at("tests")) {
                    auto const& value = test.at("data");
                    auto const subject =
                        of_properties ? value.begin().key() : value.template get<std::string>();
                    INFO(draft << ": " << text << ": " << subject);
                    bool const right =
                        program.search(subject) == test.at("valid").template get<bool>();
                    CHECK(right);
                    ++total;
                    passed += right ? 1 : 0;
                }
            }
        }
    }
    CHECK(total > 0);
    WARN("regular expressions of the official suite: " << passed << " of " << total);
}

inline void check_rejected(auto const& engine) {
    for (auto const* const pattern : {"(",
                                      ")",
                                      "^(abc]",
                                      "[a",
                                      "a**",
                                      "+a",
                                      "\\",
                                      "\\a",
                                      "\\Z",
                                      "(?i)a",
                                      "(?P<n>a)",
                                      "[z-a]",
                                      "a{2,1}",
                                      "\\u{110000}",
                                      "\\x4",
                                      "\\c1",
                                      "\\p{Nonsense}",
                                      "\\p",
                                      "\\k<n>",
                                      "(a)\\2",
                                      "\\01",
                                      "^*",
                                      "(?<n>a)(?<n>b)",
                                      "\xFF"}) {
        INFO("pattern " << pattern);
        CHECK_THROWS_AS(engine.compile(pattern), llms::pattern_error);
    }
}

} // namespace llms_test

#endif // LLMS_TESTS_SCHEMA_REGEX_ENGINE_CHECKS_HPP
