// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include <llms/schema/validator.hpp>

#include <nlohmann/json.hpp>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

/// What `is_valid` allocates: counted by the allocator of the instance's own type is not enough, so
/// this counts all of `operator new` on this thread.
thread_local std::size_t allocations =
    0; // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

} // namespace

// NOLINTBEGIN(misc-new-delete-overloads): counting, not managing. Not inlined, or g++ sees a
// `free` of what came from `new`.
[[gnu::noinline]] auto operator new(std::size_t size) -> void* {
    ++allocations;
    if (auto* const place = std::malloc(size == 0 ? 1 : size)) {
        return place;
    }
    throw std::bad_alloc();
}
[[gnu::noinline]] auto operator new(std::size_t size, std::nothrow_t const& /*tag*/) noexcept
    -> void* {
    ++allocations;
    return std::malloc(size == 0 ? 1 : size);
}
[[gnu::noinline]] void operator delete(void* place) noexcept {
    std::free(place);
}
[[gnu::noinline]] void operator delete(void* place, std::size_t /*size*/) noexcept {
    std::free(place);
}
// NOLINTEND(misc-new-delete-overloads)

namespace validator_test {

namespace {

using nlohmann::json;
using namespace nlohmann::literals; // NOLINT(google-build-using-namespace)
using llms::schema;
using llms::validator;

auto compiled(char const* text, llms::compile_options const& options = {}) -> validator {
    return validator{schema::compile(json::parse(text), options)};
}

/// The message of the only error that `document` has for `instance`.
auto message(char const* document, json const& instance) -> std::string {
    auto const report = compiled(document, {.formats_asserted = true}).validate(instance);
    REQUIRE(report.errors().size() == 1);
    return report.errors().front().message;
}

auto nested_array(std::size_t depth) -> json {
    return json::parse(std::string(depth, '[') + std::string(depth, ']'));
}

} // namespace

TEST_CASE("validator: each keyword says what it expected and what it found", "[schema]") {
    CHECK(message(R"({"type": ["integer", "null"]})", "3") ==
          R"(expected integer or null, found string "3")");
    CHECK(message(R"({"const": {"a": 1}})", 2) == R"(expected {"a":1}, found 2)");
    CHECK(message(R"({"enum": ["celsius", "fahrenheit", 3]})", "Farenheit") ==
          R"(expected one of "fahrenheit", "celsius", 3; found "Farenheit")");
    CHECK(message(R"({"minimum": 3})", 2.5) == "expected a number of at least 3, found 2.5");
    CHECK(message(R"({"maximum": 3})", 4) == "expected a number of at most 3, found 4");
    CHECK(message(R"({"exclusiveMinimum": 3})", 3) == "expected a number above 3, found 3");
    CHECK(message(R"({"exclusiveMaximum": 3})", 3) == "expected a number below 3, found 3");
    CHECK(message(R"({"multipleOf": 0.01})", 0.125) ==
          "expected a number that is a multiple of 0.01, found 0.125");
    CHECK(message(R"({"minLength": 3})", "äö") ==
          R"(expected at least 3 characters, found 2: "äö")");
    CHECK(message(R"({"maxLength": 1})", "äö") ==
          R"(expected at most 1 characters, found 2: "äö")");
    CHECK(message(R"({"pattern": "^[a-z]+$"})", "A1") ==
          R"("A1" does not match the pattern "^[a-z]+$")");
    CHECK(message(R"({"format": "date"})", "today") == R"("today" is not a valid date)");
    CHECK(message(R"({"minItems": 2})", json::array({1})) == "expected at least 2 items, found 1");
    CHECK(message(R"({"maxItems": 0})", json::array({1})) == "expected at most 0 items, found 1");
    CHECK(message(R"({"uniqueItems": true})", json::array({1, 2, 1.0})) ==
          "items must differ, but items 0 and 2 are both 1");
    CHECK(message(R"({"contains": {"type": "string"}})", json::array({1})) ==
          "expected at least 1 item to be string, found 0");
    CHECK(message(R"({"contains": true, "maxContains": 1})", json::array({1, 2})) ==
          "expected at most 1 item to be anything, found 2");
    CHECK(message(R"({"prefixItems": [true], "items": false})", json::array({1, 2})) ==
          "unexpected item 2: at most 1 item allowed");
    CHECK(message(R"({"minProperties": 1})", json::object()) ==
          "expected at least 1 properties, found 0");
    CHECK(message(
              R"({"required": ["a"], "properties": {"a": {"type": "string", "description": "d"}}})",
              json::object()) == R"(missing property "a" (string): "d")");
    CHECK(message(R"({"dependentRequired": {"a": ["b"]}})", R"({"a": 1})"_json) ==
          R"(missing property "b", which is required beside "a")");
    CHECK(message(R"({"properties": {"city": true, "days": true}, "additionalProperties": false})",
                  R"({"Citty": 1})"_json) ==
          R"(unexpected property "Citty", did you mean "city"? (known: "city", "days"))");
    CHECK(message(R"({"allOf": [{"properties": {"a": true}}], "unevaluatedProperties": false})",
                  R"({"b": 1})"_json) ==
          R"(unexpected property "b", did you mean "a"? (known: "a"))");
    CHECK(message(R"({"propertyNames": {"maxLength": 1}})", R"({"ab": 1})"_json) ==
          R"(expected at most 1 characters, found 2: "ab")");
    CHECK(message(R"({"not": {"type": "string"}})", "x") == R"(must not be string, found "x")");
    CHECK(message("false", 1) == "no value is allowed here, found 1");
    CHECK(message(R"({"type": "integer"})", json::binary({1})) ==
          "expected integer, found binary data");
    CHECK(message("true", json::binary({1})) == "the value does not match the schema"); // no JSON
    // What is long is cut between characters, and counted.
    auto text = std::string("x");
    while (text.size() < 100) {
        text += "\xC3\xA9";
    }
    CHECK(message(R"({"const": 1})", text) ==
          "expected 1, found \"" + text.substr(0, 59) + "...\"");
    CHECK(message(R"({"not": {"required": ["a", "b", "c", "d", "e", "f", "g", "h"]}})",
                  R"({"a": 1, "b": 1, "c": 1, "d": 1, "e": 1, "f": 1, "g": 1, "h": 1})"_json) ==
          R"(must not be a value with "a", "b", "c", "d", "e", "f" and 2 more, )"
          "found an object of 8 properties");
}

TEST_CASE("validator: unions say which variants there are and how they fail", "[schema]") {
    CHECK(message(R"({"anyOf": [{"type": "string"}, {"type": "integer", "minimum": 3}]})", 1) ==
          "matches none of the 2 variants: (1) string, (2) integer; nearest is (1)");
    CHECK(message(R"({"oneOf": [{"minimum": 1}, {"minimum": 2}, {"minimum": 9}]})", 3) ==
          "exactly one variant must match, but variants 1, 2 of 3 do");
    CHECK(message(R"({"anyOf": [{"title": "city", "type": "object"},
                                {"type": "string", "format": "date"}]})",
                  1) == R"(matches none of the 2 variants: (1) "city", (2) string (date); )"
                        "nearest is (1)");
    auto const* const shapes = R"({"oneOf": [
        {"type": "object", "properties": {"kind": {"const": "circle"}}, "required": ["kind", "r"]},
        {"type": "object", "properties": {"kind": {"const": "square"}}, "required": ["kind"]}]})";
    CHECK(message(shapes, R"({"kind": "oval"})"_json) ==
          R"(property "kind" must be one of "circle", "square", found "oval")");
    CHECK(message(shapes, R"({"r": 1})"_json) ==
          R"(property "kind" is missing; it must be one of "circle", "square")");
    auto const report = compiled(shapes).validate(R"({"kind": "circle"})"_json);
    REQUIRE(report.errors().size() == 1);
    CHECK(
        report.errors()[0].message ==
        R"(by "kind": "circle" this is variant (1), object with "kind" = "circle", "r", which it does not match)");
    REQUIRE(report.errors()[0].causes.size() == 1);
    CHECK(report.errors()[0].causes[0].message == R"(missing property "r")");
    // A variant may be a union itself.
    CHECK(message(R"({"oneOf": [
        {"anyOf": [{"properties": {"kind": {"const": "a"}}, "required": ["kind"]},
                   {"type": "null"}]},
        {"type": "object", "properties": {"kind": {"const": "b"}}, "required": ["kind"]}]})",
                  R"({"kind": "c"})"_json) ==
          R"(property "kind" must be one of "a", "b", found "c")");
}

TEST_CASE("validator: a union of more variants than are sorted beforehand", "[schema]") {
    auto document = json{{"anyOf", json::array()}};
    for (auto i = 0; i < 65; ++i) {
        document["anyOf"].push_back({{"minimum", i}, {"maximum", i}});
    }
    auto const check = validator{schema::compile(document)};
    CHECK(check.is_valid(json(0)));
    CHECK(check.is_valid(json(64)));
    CHECK_FALSE(check.is_valid(json(63.5)));
    CHECK(check.validate(json(65)).errors().at(0).message.starts_with("matches none of the 65"));
}

TEST_CASE("validator: a variant that refers to itself is no more than deep", "[schema]") {
    auto const check = compiled(R"({"oneOf": [
        {"properties": {"kind": {"const": "b"}}, "required": ["kind"]},
        {"properties": {"kind": {"const": "a"}}, "allOf": [{"$ref": "#/oneOf/1"}]}]})");
    CHECK(check.is_valid(R"({"kind": "b"})"_json));
    CHECK(check.validate(R"({"kind": "a"})"_json).errors().at(0).message.find("refers to itself") !=
          std::string::npos);
}

TEST_CASE("validator: more names and patterns than are matched beforehand", "[schema]") {
    auto document = json::object();
    for (auto i = 0; i < 257; ++i) {
        document["properties"]["p" + std::to_string(i)]["type"] = "integer";
        document["patternProperties"]["^p" + std::to_string(i) + "$"]["maximum"] = i;
    }
    document["additionalProperties"] = false;
    auto const check = validator{schema::compile(document)};
    CHECK(check.is_valid(R"({"p3": 3, "p256": 256})"_json));
    CHECK_FALSE(check.is_valid(R"({"p3": "3"})"_json));
    CHECK_FALSE(check.is_valid(R"({"p3": 4})"_json));
    CHECK_FALSE(check.is_valid(R"({"p257": 0})"_json));
}

TEST_CASE("validator: $ref and $dynamicRef beside each other both count", "[schema]") {
    auto const check = compiled(R"({"$ref": "#/$defs/a", "$dynamicRef": "#b",
        "$defs": {"a": {"minimum": 3}, "b": {"$dynamicAnchor": "b", "maximum": 5}}})");
    CHECK(check.is_valid(json(4)));
    CHECK_FALSE(check.is_valid(json(2)));
    CHECK_FALSE(check.is_valid(json(6)));
}

TEST_CASE("validator: without `applicator` a missing property is a value", "[schema]") {
    auto const resolver = [](std::string_view) -> std::optional<json> {
        return R"({"$vocabulary": {"https://json-schema.org/draft/2020-12/vocab/core": true,
            "https://json-schema.org/draft/2020-12/vocab/validation": true}})"_json;
    };
    auto const check = compiled(R"({"$schema": "https://example.com/meta", "required": ["a"],
                                    "properties": {"a": {"type": "string"}}})",
                                {.resolver = resolver});
    CHECK(check.is_valid(R"({"a": 1})"_json));
    CHECK(check.validate(json::object()).errors().at(0).message ==
          R"(missing property "a" (a value))");
}

TEST_CASE("validator: numbers are compared as numbers, exactly", "[schema]") {
    auto const largest = json(9007199254740993);
    CHECK(compiled(R"({"const": 9007199254740993})").is_valid(largest));
    CHECK_FALSE(compiled(R"({"const": 9007199254740992})").is_valid(largest));
    CHECK_FALSE(compiled(R"({"maximum": 9007199254740992.0})").is_valid(largest));
    CHECK(compiled(R"({"minimum": 18446744073709551615})").is_valid(json(18446744073709551615U)));
    CHECK_FALSE(compiled(R"({"minimum": 18446744073709551615})").is_valid(json(-1)));
    CHECK_FALSE(compiled(R"({"maximum": -9223372036854775808})").is_valid(json(-1)));
    CHECK_FALSE(compiled(R"({"exclusiveMaximum": -9223372036854775808})")
                    .is_valid(json::parse("-9223372036854775808")));
    CHECK(compiled(R"({"minimum": -1e30, "maximum": 1e30})").is_valid(json(-5)));
    CHECK_FALSE(compiled(R"({"minimum": 1e30})").is_valid(json(5)));
    auto const beyond = compiled(R"({"exclusiveMinimum": 9223372036854775807})");
    CHECK_FALSE(beyond.is_valid(json(9223372036854775807)));
    CHECK(beyond.is_valid(json(9223372036854775808U)));
    auto const far_below = compiled(R"({"maximum": -1e30})");
    CHECK_FALSE(far_below.is_valid(json::parse("-9223372036854775808")));
    CHECK(far_below.is_valid(json(-2e30)));
    CHECK(compiled(R"({"minimum": 1.5})").is_valid(json(2)));
    CHECK_FALSE(compiled(R"({"minimum": 1.5})").is_valid(json(1)));
    CHECK(compiled(R"({"multipleOf": 0.0001})").is_valid(json(0.0075)));
    CHECK_FALSE(compiled(R"({"multipleOf": 0.0001})").is_valid(json(0.00751)));
    CHECK(compiled(R"({"multipleOf": 0.1})").is_valid(json(123456789)));
    CHECK_FALSE(compiled(R"({"multipleOf": 7})").is_valid(json(1e20)));
    CHECK_FALSE(compiled(R"({"multipleOf": 1234567890123456789})").is_valid(json(0.005)));
    CHECK(compiled(R"({"type": "integer", "enum": [1, 2.0]})").is_valid(json(1.0)));
    CHECK(compiled(R"({"enum": [1, 2.0]})").is_valid(json(2)));
    CHECK(compiled(R"({"enum": [{"a": 1, "b": [2]}]})")
              .is_valid(nlohmann::ordered_json::parse(R"({"b": [2.0], "a": 1.0})")));
}

TEST_CASE("validator: members are compared whatever their order", "[schema]") {
    auto wide = nlohmann::ordered_json::object();
    for (auto i = 12; i > 0; --i) {
        wide["k" + std::to_string(i)] = i;
    }
    auto const check = validator{schema::compile(json{{"const", json(wide)}})};
    CHECK(check.is_valid(wide));
    wide["k7"] = 8;
    CHECK_FALSE(check.is_valid(wide));
    CHECK(compiled(R"({"uniqueItems": true})")
              .is_valid(nlohmann::ordered_json::array({wide, json(wide).size()})));
}

TEST_CASE("validator: is_valid allocates nothing", "[schema]") {
    auto const check = compiled(R"({
        "$defs": {"node": {"type": "object", "unevaluatedProperties": false, "properties": {
            "name": {"type": "string", "pattern": "^[a-z]+$", "minLength": 2, "format": "hostname"},
            "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
            "kind": {"enum": ["one", "two"]},
            "size": {"multipleOf": 0.5, "maximum": 10},
            "list": {"uniqueItems": true, "contains": {"const": {"a": [1]}}}},
            "propertyNames": {"maxLength": 20}, "patternProperties": {"^x-": true},
            "dependentRequired": {"kind": ["name"]}, "required": ["kind"]}},
        "$ref": "#/$defs/node"})",
                                {.formats_asserted = true});
    auto const good = R"({"name": "abc", "kind": "one", "size": 2.5, "list": [{"a": [1]}, 2, "3"],
        "x-a long name of its own": 1, "next": {"kind": "two", "name": "abcd", "next": null}})"_json;
    auto bad = good;
    bad["next"]["kind"] = "three";
    auto const good_ordered = nlohmann::ordered_json::parse(good.dump());
    REQUIRE_FALSE(check.is_valid(good)); // the name of 24 characters
    auto fixed = good;
    fixed.erase("x-a long name of its own");
    auto const before = allocations;
    auto const first = check.is_valid(fixed);
    auto const second = check.is_valid(bad);
    auto const third = check.is_valid(good_ordered);
    auto const after = allocations;
    CHECK(first);
    CHECK_FALSE(second);
    CHECK_FALSE(third);
    CHECK(after == before);
}

TEST_CASE("validator: depth is bounded, in the instance and in the schema", "[schema]") {
    auto const arrays = compiled(R"({"type": "array", "items": {"$ref": "#"}})");
    CHECK(arrays.is_valid(nested_array(500)));
    auto const deep = nested_array(100000);
    CHECK_FALSE(arrays.is_valid(deep));
    CHECK(arrays.validate(deep).errors().at(0).message.find("deeper than 512") !=
          std::string::npos);
    CHECK_FALSE(
        compiled(R"({"not": {"type": "array", "items": {"$ref": "#/not"}}})").is_valid(deep));
    CHECK_FALSE(
        compiled(R"({"items": {"$ref": "#"}})", {.max_depth = 10}).is_valid(nested_array(20)));
    auto twice = json::array();
    twice.push_back(nested_array(100000));
    twice.push_back(nested_array(100000));
    CHECK_FALSE(compiled(R"({"uniqueItems": true})").is_valid(twice));
    auto const often = json(json::array_t(9, nested_array(1000)));
    CHECK(compiled(R"({"uniqueItems": true})")
              .validate(often)
              .errors()
              .at(0)
              .message.find("deeper than 512") != std::string::npos);
    CHECK_FALSE(compiled(R"({"const": [[1]]})").is_valid(deep));
    for (auto const* const endless :
         {R"({"$ref": "#"})", R"({"allOf": [{"$ref": "#"}, {"$ref": "#"}]})",
          R"({"not": {"$ref": "#"}})", R"({"anyOf": [{"$ref": "#"}, true]})"}) {
        INFO(endless);
        CHECK_NOTHROW(compiled(endless).validate(json(1)));
    }
}

TEST_CASE("validator: no union takes exponential time", "[schema]") {
    // Each level tries two branches that both go on below; without remembering, 2^300 visits.
    auto const two_ways = compiled(R"({"anyOf": [
        {"type": "object", "properties": {"x": {"$ref": "#"}}, "required": ["y"]},
        {"type": "object", "properties": {"x": {"$ref": "#"}}}, {"const": 1}]})");
    auto instance = json(1);
    auto wrong = json(2);
    for (auto i = 0; i < 300; ++i) {
        instance = json{{"x", std::move(instance)}};
        wrong = json{{"x", std::move(wrong)}};
    }
    CHECK(two_ways.is_valid(instance));
    CHECK_FALSE(two_ways.is_valid(wrong));
    CHECK_FALSE(two_ways.validate(wrong));
    auto doubling = json::object();
    for (auto i = 0; i < 60; ++i) {
        auto const next = json{{"$ref", "#/$defs/" + std::to_string(i + 1)}};
        doubling["$defs"][std::to_string(i)]["allOf"] = {next, next};
    }
    doubling["$defs"]["60"]["type"] = "integer";
    doubling["$ref"] = "#/$defs/0";
    auto const doubled = validator{schema::compile(doubling)};
    CHECK(doubled.is_valid(json(1)));
    CHECK_FALSE(doubled.is_valid(json("x")));
    CHECK(doubled.validate(json("x")).truncated());
    auto const names = validator{schema::compile(
        json{{"$defs", doubling["$defs"]}, {"propertyNames", {{"$ref", "#/$defs/0"}}}})};
    CHECK_FALSE(names.is_valid(R"({"a": 1})"_json)); // a name is no integer
    doubling["$defs"]["60"]["type"] = "string";
    auto const texts = validator{schema::compile(
        json{{"$defs", doubling["$defs"]}, {"propertyNames", {{"$ref", "#/$defs/0"}}}})};
    CHECK(texts.is_valid(R"({"a": 1, "b": 2})"_json));
    doubling["$defs"]["60"]["type"] = "integer";
    doubling["unevaluatedProperties"] = false;
    auto const bounded = validator{schema::compile(doubling, {.max_work = 100000})};
    CHECK(bounded.validate(json::object()).errors().at(0).message ==
          "expected integer, found object {}");
    doubling["$defs"]["60"] = {{"type", "object"}};
    CHECK(validator{schema::compile(doubling, {.max_work = 100000})}
              .validate(json::object())
              .errors()
              .at(0)
              .message == "the schema takes more work than is allowed for this value");
}

TEST_CASE("validator: uniqueItems takes n log n comparisons", "[schema]") {
    auto const unique = compiled(R"({"uniqueItems": true})");
    auto items = json::array();
    for (auto i = 0; i < 100000; ++i) {
        items.push_back({{"id", i}});
    }
    CHECK(unique.is_valid(items));
    items.push_back({{"id", 7.0}});
    CHECK_FALSE(unique.is_valid(items));
    CHECK(unique.validate(items).errors().at(0).message ==
          R"(items must differ, but items 7 and 100000 are both {"id":7})");
    auto some = json(json::array_t(items.begin(), items.begin() + 64));
    CHECK(unique.is_valid(some));
    some[63] = some[3];
    CHECK(unique.validate(some).errors().at(0).message ==
          R"(items must differ, but items 3 and 63 are both {"id":3})");
}

TEST_CASE("validator: objects beyond the marks' inline size are tracked", "[schema]") {
    auto const check = compiled(
        R"({"allOf": [{"patternProperties": {"^k": true}}], "unevaluatedProperties": false})");
    auto instance = json::object();
    for (auto i = 0; i < 1000; ++i) {
        instance["k" + std::to_string(i)] = i;
    }
    CHECK(check.is_valid(instance));
    instance["x"] = 1;
    CHECK_FALSE(check.is_valid(instance));
    // What each variant that matches evaluates counts.
    auto const either = compiled(R"({"anyOf": [{"patternProperties": {"^k": true}},
        {"patternProperties": {"^x": true}}], "unevaluatedProperties": false})");
    CHECK(either.is_valid(instance));
    instance["y"] = 1;
    CHECK_FALSE(either.is_valid(instance));
}

TEST_CASE("validator: text is parsed within bounds", "[schema]") {
    auto const check = validator{schema::compile(R"({"type": "object"})"_json),
                                 {.max_text_bytes = 1000, .max_text_depth = 5}};
    auto value = json{};
    CHECK(check.validate_text(R"({"a": "[[[[[[[["})", &value));
    CHECK(value["a"] == "[[[[[[[[");
    CHECK(check.validate_text("[]").errors().at(0).keyword == "type");
    CHECK(check.validate_text("[[[[[[").errors().at(0).message ==
          "the text nests deeper than 5 levels");
    CHECK(check.validate_text(std::string(1001, ' ')).errors().at(0).message ==
          "the text is longer than 1000 bytes");
    CHECK(check.validate_text(R"({"a": )").errors().at(0).message ==
          "the text is not JSON: error at byte 7");
    CHECK_FALSE(check.validate_text("{\"a\": 1e999}"));
    CHECK_FALSE(check.validate_text("{\"a\": \"\xff\"}"));
    CHECK_FALSE(check.validate_text(""));
    auto const ordered = compiled("true").validate_text<nlohmann::ordered_json>(R"({"b": 1})");
    CHECK(ordered);
}

TEST_CASE("validator: many threads use one schema", "[schema]") {
    auto const check = compiled(
        R"({"properties": {"a": {"pattern": "^a+b$"}, "n": {"$ref": "#"}}, "required": ["a"]})");
    auto const good = R"({"a": "aaab", "n": {"a": "ab"}})"_json;
    auto const bad = R"({"a": "aaab", "n": {"a": "b"}})"_json;
    auto right = std::atomic<int>{0};
    auto threads = std::vector<std::thread>{};
    for (auto t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            for (auto i = 0; i < 500; ++i) {
                right +=
                    check.is_valid(good) && !check.is_valid(bad) && !check.validate(bad) ? 1 : 0;
            }
        });
    }
    for (auto& one : threads) {
        one.join();
    }
    CHECK(right == 2000);
}

} // namespace validator_test
