// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/shared_data.hpp"
#include <llms/json/extract.hpp>
#include <llms/json/repair.hpp>

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace repair_test {

namespace {

using llms::mending;
using llms::repair_json;
using nlohmann::json;

// What a text is mended to, and by which rules; or where and why it is refused.
auto mended(std::string_view text, llms::repair_options const& options = {}) -> std::string {
    auto const result = repair_json(text, options);
    if (!result) {
        return std::string(result.problem.reason) + " @" + std::to_string(result.problem.offset);
    }
    auto told = result.value->dump();
    for (auto const& one : result.mends) {
        told += ' ' + std::string(to_string(one.rule)) + '@' + std::to_string(one.offset);
    }
    return told;
}

auto random_json(std::mt19937& random, int depth) -> json {
    auto const text = [&random] {
        static std::vector<std::string> const parts{
            "a",   " ", "'",    "\"",     "\\",     "\n",     "\x01",      "//",
            "/*",  "#", "{",    "}",      "[",      "]",      ",",         ":",
            "```", "+", "True", "\u00e9", "\u201c", "\u201d", "\U0001F600"};
        std::string result;
        for (auto left = random() % 6; left > 0; --left) {
            result += parts[random() % parts.size()];
        }
        return result;
    };
    switch (random() % (depth > 0 ? 7 : 5)) {
    case 0:
        return nullptr;
    case 1:
        return random() % 2 == 0;
    case 2:
        return static_cast<std::int64_t>(random()) - 2'000'000'000;
    case 3:
        return std::ldexp(static_cast<double>(random()), static_cast<int>(random() % 200) - 100);
    case 4:
        return text();
    case 5: {
        auto list = json::array();
        for (auto left = random() % 4; left > 0; --left) {
            list.push_back(random_json(random, depth - 1));
        }
        return list;
    }
    default: {
        auto object = json::object();
        for (auto left = random() % 4; left > 0; --left) {
            object[text()] = random_json(random, depth - 1);
        }
        return object;
    }
    }
}

} // namespace

TEST_CASE("repair: every case of the shared data is mended to what is expected", "[repair]") {
    auto const path = support::shared_data("broken_json/cases.jsonl");
    if (!path) {
        return;
    }
    std::istringstream lines(support::read_file(*path));
    auto cases = 0;
    for (std::string line; std::getline(lines, line); ++cases) {
        auto const one = json::parse(line);
        auto const mended = repair_json(one["input"].get_ref<std::string const&>());
        INFO(one["id"] << '\n' << one["input"].get<std::string>());
        INFO(mended.problem.reason << " at " << mended.problem.offset);
        CHECKED_IF(mended) {
            CHECK(*mended.value == one["expected"]);
            CHECK_FALSE(mended.mends.empty());
        }
        CHECK(mended);
    }
    CHECK(cases == 854);
}

TEST_CASE("repair: every text of the shared data that has no one reading is refused", "[repair]") {
    auto const path = support::shared_data("broken_json/refuse.jsonl");
    if (!path) {
        return;
    }
    std::istringstream lines(support::read_file(*path));
    auto cases = 0;
    for (std::string line; std::getline(lines, line); ++cases) {
        auto const one = json::parse(line);
        auto const text = one["input"].get<std::string>();
        auto const mended = repair_json(text);
        INFO(one["id"] << '\n' << text << '\n' << mended.value.value_or(nullptr));
        CHECK_FALSE(mended);
        CHECK_FALSE(mended.problem.reason.empty());
        CHECK(mended.problem.offset <= text.size());
    }
    CHECK(cases == 64);
}

TEST_CASE("repair: valid JSON is never altered", "[repair]") {
    std::mt19937 random(7);
    for (auto round = 0; round < 2000; ++round) {
        auto const value = random_json(random, 5);
        auto const text = value.dump(round % 2 == 0 ? -1 : 2);
        auto const whole = repair_json(text);
        INFO(text);
        REQUIRE(whole);
        CHECK(*whole.value == value);
        CHECK(whole.mends.empty());
        CHECK(whole.length == text.size());
        // Nor is what is valid in something that is mended.
        auto const member = repair_json("{\"v\": " + text + ",}");
        REQUIRE(member);
        CHECK(*member.value == json{{"v", value}});
        CHECK(member.mends == std::vector{llms::mend{mending::trailing_comma, text.size() + 6}});
        auto const found = llms::extract_json("The values: [" + text + ", 0] as asked");
        REQUIRE(found);
        CHECK(found->value == json::array({value, 0}));
    }
}

TEST_CASE("repair: each rule, and where it was applied", "[repair]") {
    CHECK(mended("\xEF\xBB\xBF[1]") == "[1] byte_order_mark@0");
    CHECK(mended("So: {\"a\": 1}.") == R"({"a":1} prose@0 prose@12)");
    CHECK(mended("```json\n[1]\n```") == "[1] fence@0");
    CHECK(mended("~~~\n[1]") == "[1] fence@0");
    CHECK(mended("A\n```JSON5\nB []\n```\nC") == "[] prose@0 fence@2 prose@11 prose@20");
    CHECK(mended("/* a */ [1 // b\n, # c ]\n2]") == "[1,2] comment@0 comment@11 comment@18");
    CHECK(mended("[1, /* a */ ] // b") == "[1] trailing_comma@2 comment@4 comment@14");
    CHECK(mended("[1, /* a */ // b\n") == "[1] missing_bracket@2 comment@4 comment@12");
    CHECK(mended("{\"a\": 1,,, \"b\": 2}") == R"({"a":1,"b":2} double_comma@8 double_comma@9)");
    CHECK(mended("[1\n2]") == "[1,2] missing_comma@3");
    CHECK(mended("[{} {}]") == "[{},{}] missing_comma@4");
    CHECK(mended("{\"a\": 1 \"b\": 2}") == R"({"a":1,"b":2} missing_comma@8)");
    CHECK(mended("['a\"', 'it\\'s']") == R"(["a\"","it's"] quotes@1 quotes@7)");
    CHECK(mended("[\u201Ca\"\u201D, \u2018b\u2019]") == R"(["a\"","b"] quotes@1 quotes@11)");
    CHECK(mended("[\"it\\'s\"]") == R"(["it's"] quotes@4)");
    CHECK(mended("{a: 1, $b_2: 2}") == R"({"$b_2":2,"a":1} unquoted_key@1 unquoted_key@7)");
    CHECK(mended("[True, False, None]") == "[true,false,null] literal@1 literal@7 literal@14");
    CHECK(mended("[+3, .5, -.25, 5., 5.e1]") ==
          "[3,0.5,-0.25,5.0,50.0] number@1 number@5 number@10 number@17 number@21");
    CHECK(mended("[\"a\nb\x02\"]") == R"(["a\nb\u0002"] control_character@3 control_character@5)");
    CHECK(mended("[\"a\" + 'b' +\n\"c\"]") == R"(["abc"] concatenation@3 concatenation@9)");
    CHECK(mended("{\"a\": [1, {\"b\": 2}") == R"({"a":[1,{"b":2}]} missing_bracket@18)");
    CHECK(mended("[1, 2, ") == "[1,2] missing_bracket@5");
}

TEST_CASE("repair: what has no one reading is refused, where it is wrong", "[repair]") {
    CHECK(mended("[,]") == "expected a value @1");
    CHECK(mended("[1,,2]") == "expected a value @3");
    CHECK(mended("{\"a\": 1, , : 2}") == "expected a name @11");
    CHECK(mended("[1 2]") == "expected ',' or a closing bracket @3");
    CHECK(mended("{\"a\": 1\nb: 2}") == "expected ',' or a closing bracket @8");
    CHECK(mended("{\"a\": \"he said \"no\"\"}").ends_with("@16"));
    CHECK(mended("{\"a\": 1, null: 2}") == "expected a name @9");
    CHECK(mended("{\"a\": 010}") == "no number of JSON @6");
    CHECK(mended("[1, 0x1F]") == "no number of JSON @4");
    CHECK(mended("[1, 1e999]") == "a number too large @4");
    CHECK(mended("[1, .]") == "no number of JSON @4");
    CHECK(mended("[1, \"\\x41\"]") == "no escape of JSON @5");
    CHECK(mended("[1, \"\\ud800\"]") == "no escape of JSON @5");
    CHECK(mended("[1, \"\xFF\"]") == "no UTF-8 @5");
    CHECK(mended("[1, \"abc") == "the string has no end @4");
    CHECK(mended("[1, /* abc") == "the comment has no end @4");
    CHECK(mended("[1, 23") == "the text may end within the number @4");
    CHECK(mended("{\"a\": 1, \"b\"") == "expected ':' @12");
    CHECK(mended("{\"a\": 1, \"b\":") == "the text ends before the value does @13");
    CHECK(mended("{\"a\": [") == "the text ends before the value does @7");
    CHECK(mended("{\"a\": 1 # b}") == "a comment holds the bracket that is missing @12");
    CHECK(mended("[{\"a\": 1]}") == "the brackets do not pair @8");
    CHECK(mended("\"a\": {\"b\": 1}}") == "the brackets do not pair @13");
    CHECK(mended("[1, 2] [3, 4]") == "there is another value @7");
    CHECK(mended("True") == "there is no value @4");
    CHECK(mended(std::string_view("[]\0", 3)) == "[] prose@2");
}

TEST_CASE("repair: a part of a broken value is not taken for the value", "[repair]") {
    for (auto const* text :
         {R"({"x": NaN, "y": [1, 2]})", "[NaN, [1, 2]]", "{{\"a\": 1}}", "[[see, {\"a\": 1}]]",
          "if (x) { f({\"a\": 1}) }", R"({'x': foo, "y": {"a": 1}})"}) {
        INFO(text);
        CHECK_FALSE(repair_json(text));
        CHECK_FALSE(llms::extract_json(text));
    }
}

TEST_CASE("repair: brackets in prose and code are no values", "[repair]") {
    for (auto const* text :
         {"As [1] says, a[0] and f([2, 3]) are {x}; - [ ] do: {\"a\": 1}",
          "int y[] = [3]; \\frac{1}{2} ${HOME} ${\"b\"} [c](d) [4](e) {\"a\": 1}",
          "```python\nd = {\"b\": 2}\n```\nso {\"a\": 1}"}) {
        INFO(text);
        CHECK(mended(text).starts_with(R"({"a":1} prose@0)"));
        CHECK(llms::extract_json(text).value().value == json{{"a", 1}});
    }
    auto const index = repair_json("a[0]", [](json const& value) { return value.is_array(); });
    REQUIRE(index);
    CHECK(*index.value == json::array({0}));
}

TEST_CASE("repair: of several values the one that fits wins", "[repair]") {
    auto const has_b = [](json const& value) {
        return value.contains("b");
    };
    auto const* const text = "Not {a: 1} but {b: 2} or {b: 3}";
    CHECK(mended(text) == "there is another value @15");
    auto const fitting = repair_json(text, has_b);
    REQUIRE(fitting);
    CHECK(*fitting.value == json{{"b", 2}});
    CHECK(fitting.offset == 15);
    CHECK(fitting.length == 6);
    CHECK(repair_json("{a: 1}", has_b).problem.reason == "the value does not fit");
    CHECK(repair_json("x {a: 1}", has_b).problem.reason == "no value fits");
}

TEST_CASE("repair: the rules can be switched and the bounds hold", "[repair]") {
    CHECK(mended("[1,]", {.rules = mending::all & ~mending::trailing_comma}) ==
          "no JSON, and the rule that would mend it is off @2");
    CHECK(mended("[1", {.rules = mending::around}) != "[1]");
    CHECK(mended("so [1, 2]", {.rules = mending::all & ~mending::prose}) == "there is no value @9");
    CHECK(mended("so\n```\n[1]\n```", {.rules = mending::all & ~mending::prose}) ==
          "words around the value @0");
    CHECK(mended("[1]", {.rules = mending::none}) == "[1]");
    CHECK(mended("\xEF\xBB\xBF[1]", {.rules = mending::none}) == "a byte order mark @0");
    CHECK(mended("[1]", {.max_bytes = 2}) == "the text is too long @2");
    CHECK(mended("[[1]]", {.max_depth = 2}) == "[[1]]");
    CHECK(mended("[[1]]", {.max_depth = 1}) == "nested too deep @1");
    CHECK(mended("x [[[1]]]", {.max_depth = 2}) == "nested too deep @4");
    CHECK(mended(std::string(1U << 20U, '[')) == "nested too deep @256");
    CHECK(mended(std::string(1U << 20U, '{')) == "expected a name @1");
    CHECK(to_string(mending::missing_bracket) == "missing_bracket");
    CHECK(to_string(mending::all) == "mending");
}

TEST_CASE("extract: the first value, in fences before prose, as it stands", "[extract]") {
    auto const text = std::string("Not [7, 8]:\n~~~ json\n{\"a\": \"}{\"}\n~~~\n{\"b\": 1}");
    auto const found = llms::extract_json(text);
    REQUIRE(found);
    CHECK(text.substr(found->offset, found->length) == R"({"a": "}{"})");
    CHECK(llms::extract_json("first [1, 2] then [3]").value().value == json::array({1, 2}));
    CHECK(llms::extract_json("first [1, 2] then {3").value().offset == 6);
    CHECK(llms::extract_json(" 42 ").value().value == 42);
    CHECK_FALSE(llms::extract_json("It is 42"));
    CHECK_FALSE(llms::extract_json("[1,]"));
    CHECK_FALSE(llms::extract_json(""));
    CHECK(llms::extract_json("[1] [\"a\"]", [](json const& value) { return value[0].is_string(); })
              .value()
              .offset == 4);
}

} // namespace repair_test
