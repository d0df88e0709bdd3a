// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include <llms/json/canonical.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace canonical_test {

namespace {

using llms::canonical_error;
using llms::canonical_form;
using llms::canonical_options;
using nlohmann::json;
using nlohmann::ordered_json;

auto text(std::string_view source, canonical_options const& options = {}) -> std::string {
    return canonical_form(options).text(ordered_json::parse(source));
}

auto jcs(std::string_view source) -> std::string {
    return text(source, {.rfc8785 = true});
}

TEST_CASE("canonical: equal values have one text", "[canonical]") {
    std::string const expected =
        R"({"a":[1,2.5,{"x":null,"y":true}],"model":"gpt","temperature":0})";
    for (auto const* source : {
             R"({"temperature": 0, "model": "gpt", "a": [1, 2.5, {"y": true, "x": null}]})",
             R"({"a":[1.0,25e-1,{"x":null,"y":true}],"temperature":0.0,"model":"\u0067pt"})",
             R"({ "model":"gpt","temperature":-0.0 , "a":[1e0, 2.50,{"x":null,"y":true}]})",
         }) {
        CHECK(text(source) == expected);
        CHECK(canonical_form().text(json::parse(source)) == expected);
        CHECK(jcs(source) == expected);
    }
}

TEST_CASE("canonical: different values have different texts", "[canonical]") {
    std::vector<std::string> const sources{
        "1",
        "\"1\"",
        "1.5",
        "-1",
        "true",
        "null",
        "[]",
        "{}",
        "[[]]",
        "[1]",
        "[1,2]",
        "[12]",
        "[[1],2]",
        "[[1,2]]",
        R"({"a":"b,c"})",
        R"({"a":"b","c":""})",
        R"({"a":["b","c"]})",
        R"({"ab":"c"})",
        R"({"a":"bc"})",
        R"({"a":"\"b\""})",
        R"({"a":"b\"c"})",
        "9007199254740992",
        "9007199254740993",
        "18446744073709551615",
        "18446744073709551616",
        "0.1",
        "0.10000000000000002",
    };
    for (auto const& one : sources) {
        for (auto const& other : sources) {
            if (&one != &other) {
                CHECK(text(one) != text(other));
            }
        }
    }
}

TEST_CASE("canonical: integers keep all their digits, and integral doubles join them",
          "[canonical]") {
    CHECK(text("18446744073709551615") == "18446744073709551615");
    CHECK(text("-9223372036854775808") == "-9223372036854775808");
    CHECK(text("9007199254740993") == "9007199254740993");
    CHECK(text("9007199254740992.0") == "9007199254740992");
    CHECK(text("-9223372036854775808.0") == "-9223372036854775808");
    CHECK(text("1e19") == text("10000000000000000000"));
    CHECK(text("18446744073709551616.0") == "18446744073709552000"); // no integer of 64 bits
    CHECK(text("1e300") == "1e+300");
}

TEST_CASE("canonical: RFC 8785, the examples of its text", "[canonical][jcs]") {
    CHECK(jcs(R"({
        "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
        "literals": [null, true, false]
    })") == "{\"literals\":[null,true,false],"
            "\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
            "\"string\":\"\u20ac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
    // Names sort by UTF-16 code units: the smiley (a surrogate pair) comes before U+FB33.
    CHECK(jcs(R"({
        "\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One", "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis"
    })") == "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\","
            "\"\u00f6\":\"Latin Small Letter O With Diaeresis\",\"\u20ac\":\"Euro Sign\","
            "\"\U0001F600\":\"Emoji: Grinning Face\","
            "\"\uFB33\":\"Hebrew Letter Dalet With Dagesh\"}");
    // nlohmann::json sorts by bytes, which is the other way round.
    auto const by_bytes = json::parse(R"({"\ufb33":1,"\ud83d\ude00":2})");
    CHECK(canonical_form({.rfc8785 = true}).text(by_bytes) == "{\"\U0001F600\":2,\"\uFB33\":1}");
    CHECK(canonical_form().text(by_bytes) == "{\"\uFB33\":1,\"\U0001F600\":2}");
    CHECK(jcs(R"({"ab": 1, "a": 2, "": 3})") == R"({"":3,"a":2,"ab":1})");
    CHECK(jcs("\"\\u0000\\b\\t\\n\\f\\r\\u001f\\u007f\"") ==
          "\"\\u0000\\b\\t\\n\\f\\r\\u001f\x7f\"");
}

TEST_CASE("canonical: RFC 8785, the numbers of its appendix B", "[canonical][jcs]") {
    std::vector<std::pair<std::uint64_t, std::string>> const samples{
        {0x0000000000000000U, "0"},
        {0x8000000000000000U, "0"},
        {0x0000000000000001U, "5e-324"},
        {0x8000000000000001U, "-5e-324"},
        {0x7fefffffffffffffU, "1.7976931348623157e+308"},
        {0xffefffffffffffffU, "-1.7976931348623157e+308"},
        {0x4340000000000000U, "9007199254740992"},
        {0xc340000000000000U, "-9007199254740992"},
        {0x4430000000000000U, "295147905179352830000"},
        {0x44b52d02c7e14af5U, "9.999999999999997e+22"},
        {0x44b52d02c7e14af6U, "1e+23"},
        {0x44b52d02c7e14af7U, "1.0000000000000001e+23"},
        {0x444b1ae4d6e2ef4eU, "999999999999999700000"},
        {0x444b1ae4d6e2ef4fU, "999999999999999900000"},
        {0x444b1ae4d6e2ef50U, "1e+21"},
        {0x3eb0c6f7a0b5ed8cU, "9.999999999999997e-7"},
        {0x3eb0c6f7a0b5ed8dU, "0.000001"},
        {0x41b3de4355555553U, "333333333.3333332"},
        {0x41b3de4355555554U, "333333333.33333325"},
        {0x41b3de4355555555U, "333333333.3333333"},
        {0x41b3de4355555556U, "333333333.3333334"},
        {0x41b3de4355555557U, "333333333.33333343"},
        {0xbecbf647612f3696U, "-0.0000033333333333333333"},
        {0x43143ff3c1cb0959U, "1424953923781206.2"},
    };
    canonical_form const strict({.rfc8785 = true});
    for (auto const& [bits, expected] : samples) {
        auto const number = std::bit_cast<double>(bits);
        CHECK(strict.text(json(number)) == expected);
    }
    CHECK(jcs("9007199254740993") == "9007199254740992"); // what any other reader would see
    CHECK(jcs("9007199254740992") == "9007199254740992");
}

TEST_CASE("canonical: what has no text is an error that names the place", "[canonical]") {
    for (bool const strict : {false, true}) {
        canonical_form const form({.rfc8785 = strict});
        auto const place_of = [&](json const& value) -> std::string {
            try {
                return "no error: " + form.text(value);
            } catch (canonical_error const& problem) {
                return problem.pointer() + ": " + problem.reason();
            }
        };
        auto const nan = std::numeric_limits<double>::quiet_NaN();
        auto const infinity = std::numeric_limits<double>::infinity();
        CHECK(place_of({{"a", {1, nan}}}) == "/a/1: NaN and the infinities are no JSON numbers");
        CHECK(place_of(-infinity) == ": NaN and the infinities are no JSON numbers");
        CHECK(place_of({{"a/b", {{"~", "\xFF"}}}}) == "/a~1b/~0: the text is not UTF-8");
        CHECK(place_of({{"a", {1, {{"\xC3", 1}}}}}) == "/a/1/\xC3: the text is not UTF-8");
        CHECK(place_of({1, json::binary({1})}) ==
              "/1: a binary or discarded value has no JSON text");
    }
}

TEST_CASE("canonical: UTF-8 is checked wherever the text is cut", "[canonical]") {
    canonical_form const form;
    std::vector<std::string> const good{"\u0080",     "\u07FF",     "\u0800",
                                        "\uD7FF",     "\uE000",     "\uFFFF",
                                        "\U00010000", "\U0010FFFF", "\u65E5\u672C"};
    std::vector<std::string> const bad{
        "\x80",         "\xC0\x80",         "\xC1\xBF",         "\xE0\x9F\xBF",
        "\xED\xA0\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
        "\xC3",         "\xE2\x82",         "\xF0\x9F\x98",     "\xC3(",
        "\xE2\x82(",    "\xF0\x9F\x98("};
    for (std::size_t before = 0; before < 40; ++before) {
        std::string const lead(before, 'a');
        for (auto const& each : good) {
            auto const text = lead + each + "b";
            CHECK(form.text(json(text)) == json(text).dump());
        }
        for (auto const& each : bad) {
            CHECK_THROWS_AS(form.text(json(lead + each)), canonical_error);
        }
    }
}

TEST_CASE("canonical: every string agrees with dump, whatever its length and content",
          "[canonical]") {
    canonical_form const form;
    std::vector<std::string> const pieces{"a", "\"", "\\", "\n", "\x01", "/", "\u00e9", "\u65e5"};
    std::uint32_t seed = 1;
    for (std::size_t size = 0; size < 3000; size += size < 100 ? 1 : 97) {
        std::string content;
        while (content.size() < size) {
            seed = seed * 1664525U + 1013904223U;
            content += seed >> 28U == 0 ? pieces[seed >> 20U & 7U] : "x";
        }
        json const value{{content, content}};
        REQUIRE(form.text(value) == value.dump());
        REQUIRE(form.matches(value, value.dump()));
    }
    for (int c = 0; c < 128; ++c) {
        json const value = std::string(1, static_cast<char>(c));
        if (c != 127) { // dump escapes DEL, which JCS does not
            CHECK(form.text(value) == value.dump());
        }
    }
}

TEST_CASE("canonical: members and elements are left out by JSON Pointer", "[canonical]") {
    auto const* const request = R"({"model":"m","stream":true,"user":"u","a/b":1,"c~d":2,
        "messages":[{"id":1,"content":"x","metadata":{"id":3}},{"id":2,"content":"y"}]})";
    CHECK(text(request, {.ignore = {"/stream", "/user", "/a~1b", "/c~0d", "/messages/*/id",
                                    "/not/there"}}) ==
          R"({"messages":[{"content":"x","metadata":{"id":3}},{"content":"y"}],"model":"m"})");
    CHECK(text("[1,2,3]", {.ignore = {"/1"}}) == "[1,3]");
    CHECK(text(R"({"":1,"a":2})", {.ignore = {"/"}}) == R"({"a":2})");
    json const broken{{"a", std::nan("")}, {"b", 1}};
    CHECK(canonical_form({.ignore = {"/a"}}).text(broken) == R"({"b":1})");
    for (auto const* pointer : {"", "a", "/~", "/~2", "#/a"}) {
        CHECK_THROWS_AS(canonical_form({.ignore = {pointer}}), canonical_error);
    }
    CHECK_THROWS_AS(canonical_form({.ignore = std::vector<std::string>(65, "/a")}),
                    canonical_error);
}

TEST_CASE("canonical: below some pointers the order of members is kept", "[canonical]") {
    auto const* const request = R"({"tools":[{"z":1,"parameters":{"y":{"b":1,"a":2},"x":3}}],
        "b":{"d":1,"c":2},"a":1})";
    CHECK(text(request, {.keep_order = {"/tools/*/parameters"}}) ==
          R"({"a":1,"b":{"c":2,"d":1},"tools":[{"parameters":{"y":{"b":1,"a":2},"x":3},"z":1}]})");
    CHECK(text(R"({"b":{"d":1,"c":2},"a":1})", {.keep_order = {""}}) ==
          R"({"b":{"d":1,"c":2},"a":1})");
}

TEST_CASE("canonical: depth is bounded, and costs no stack", "[canonical]") {
    auto const deep = [](int depth) {
        json value = 1;
        for (int i = 0; i < depth; ++i) {
            json outer = json::array();
            outer.push_back(std::move(value));
            value = std::move(outer);
        }
        return value;
    };
    CHECK(canonical_form().text(deep(1000)).size() == 2001);
    CHECK_THROWS_WITH(canonical_form().text(deep(1001)),
                      support::contains("nested deeper than 1000"));
    CHECK_THROWS_AS(canonical_form().text(deep(100'000)), canonical_error);
    CHECK(canonical_form({.max_depth = 100'000}).text(deep(100'000)).size() == 200'001);
    CHECK_THROWS_AS(canonical_form({.max_depth = 0}).text(json::array()), canonical_error);
    CHECK(canonical_form({.max_depth = 0}).text(json(1)) == "1");
}

TEST_CASE("canonical: sinks get the text in pieces, and matches() compares without it",
          "[canonical]") {
    canonical_form const form;
    json value;
    for (int i = 0; i < 1000; ++i) {
        value["member " + std::to_string(i)] = {i, i / 7.0, "some text"};
    }
    auto const whole = form.text(value);
    std::string joined;
    int pieces = 0;
    form.write(value, [&](std::string_view piece) {
        joined += piece;
        ++pieces;
    });
    CHECK(joined == whole);
    CHECK(pieces > 10);
    CHECK(json::parse(whole) == value);
    CHECK(form.matches(value, whole));
    for (auto const at : {std::size_t{0}, whole.size() / 2, whole.size() - 1}) {
        auto other = whole;
        other[at] ^= 1;
        CHECK_FALSE(form.matches(value, other));
        CHECK_FALSE(form.matches(value, whole.substr(0, at)));
    }
    CHECK_FALSE(form.matches(value, whole + "x"));
}

TEST_CASE("canonical: the writer makes the same text of plain values", "[canonical]") {
    std::string made;
    auto sink = [&](std::string_view piece) {
        made += piece;
    };
    llms::canonical_writer out(sink);
    out.begin_object().name("a").begin_array().integer(-1).number(2.0).number(0.5).null();
    out.begin_object().end_object().boolean(true).end_array().name("b").string("\"x\"");
    out.end_object().flush();
    CHECK(made == R"({"a":[-1,2,0.5,null,{},true],"b":"\"x\""})");
    CHECK(made == canonical_form().text(json::parse(made)));
}

} // namespace

} // namespace canonical_test
