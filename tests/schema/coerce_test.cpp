// SPDX-License-Identifier: MIT

#include "support/catch.hpp"
#include "support/shared_data.hpp"
#include <llms/schema/coerce.hpp>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace coerce_test {

using llms::coercion;
using nlohmann::json;
using nlohmann::ordered_json;

namespace {

auto parse(char const* text) -> json {
    return json::parse(text);
}

auto coerce(json const& schema, json const& value, llms::coerce_options const& options = {}) {
    return llms::coerce(llms::schema::compile(schema), value, options);
}

// The value after coercion, or nothing if it is invalid.
auto coerced_to(json const& schema, json const& value, llms::coerce_options const& options = {})
    -> std::optional<json> {
    auto const result = coerce(schema, value, options);
    if (!result) {
        CHECK(result.changes().empty());
        CHECK(result.report().errors().empty() == false);
        CHECK(&result.value(value) == &value);
        return std::nullopt;
    }
    return result.value(value);
}

auto pointers(auto const& changes) -> std::set<std::string> {
    auto result = std::set<std::string>{};
    for (auto const& each : changes) {
        result.insert(each.pointer);
    }
    return result;
}

auto replayed(json value, std::vector<llms::change<json>> const& changes) -> json {
    for (auto const& each : changes) {
        auto const at = json::json_pointer{each.pointer};
        REQUIRE(value.at(at) == each.from);
        if (each.to) {
            value.at(at) = *each.to;
        } else {
            value.at(at.parent_pointer()).erase(at.back());
        }
    }
    return value;
}

auto of_type(char const* type) -> json {
    return {{"type", type}};
}

auto nothing() -> std::optional<json> {
    return std::nullopt;
}

} // namespace

TEST_CASE("coerce: every tool call of the shared cases comes out as it should", "[coerce]") {
    auto const path = support::shared_data("tool_calls/cases.jsonl");
    if (!path) {
        return;
    }
    auto file = std::ifstream{*path};
    auto wrong = std::vector<std::string>{};
    auto count = 0;
    for (auto line = std::string{}; std::getline(file, line); ++count) {
        auto const item = json::parse(line);
        auto const& input = item["input"];
        auto const result = coerce(item["schema"], input);
        auto const& expected = item["expected"];
        auto const right =
            expected.is_null()
                ? !result && result.changes().empty()
                : result && result.value(input) == expected &&
                      pointers(result.changes()) == item["changed"].get<std::set<std::string>>() &&
                      replayed(input, result.changes()) == expected;
        if (!right) {
            wrong.push_back(item["id"].dump());
        }
    }
    CHECK(count == 1540);
    CHECK(wrong.empty());
}

TEST_CASE("coerce: a valid value is not copied and nothing is changed", "[coerce]") {
    auto const schema = parse(R"({"properties": {"a": {"type": "string"}}})");
    for (auto const& value :
         {json{{"a", "3"}}, json{{"a", "true"}}, json{{"a", "[1]"}}, json(3.0)}) {
        auto const result = coerce(schema, value);
        CHECK(result);
        CHECK(result.changes().empty());
        CHECK(&result.value(value) == &value);
    }
    CHECK(coerced_to(of_type("integer"), 3.0)->is_number_float());
}

TEST_CASE("coerce: text that spells another type becomes it", "[coerce]") {
    CHECK(coerced_to(of_type("integer"), "3") == json(3));
    CHECK(coerced_to(of_type("integer"), " -12\n") == json(-12));
    CHECK(coerced_to(of_type("integer"), "3.0") == json(3));
    CHECK(coerced_to(of_type("integer"), "18446744073709551615") == json(18446744073709551615U));
    CHECK(coerced_to(of_type("number"), "2.5e-1") == json(0.25));
    CHECK(coerced_to(of_type("number"), "3")->is_number_integer());
    CHECK(coerced_to(of_type("boolean"), "TRUE") == json(true));
    CHECK(coerced_to(of_type("null"), "null") == json(nullptr));
    CHECK(coerced_to(of_type("array"), "[1, {\"a\": []}]") == parse(R"([1, {"a": []}])"));
    CHECK(coerced_to(of_type("object"), "{\"a\": 1}") == parse(R"({"a": 1})"));
    CHECK(coerced_to(parse(R"({"enum": [1, 2]})"), "2") == json(2));
    CHECK(coerced_to(parse(R"({"type": ["integer", "null"]})"), "7") == json(7));
}

TEST_CASE("coerce: what has no single exact reading stays wrong", "[coerce]") {
    for (auto const* const text :
         {"3.14", "1,234", "007", "+1", "1e400", "0x1F", "", " ", "1 2", "NaN", "Infinity", "1.",
          ".5", "9223372036854775808.5", "99999999999999999999", "one", "1e", "2.0e+"}) {
        INFO(text);
        CHECK(coerced_to(of_type("integer"), text) == nothing());
    }
    for (auto const* const text : {"yes", "No", "1", "on", "t", "garbage", ""}) {
        INFO(text);
        CHECK(coerced_to(of_type("boolean"), text) == nothing());
    }
    CHECK(coerced_to(of_type("boolean"), 1) == nothing());
    CHECK(coerced_to(of_type("boolean"), nullptr) == nothing());
    CHECK(coerced_to(of_type("string"), 5) == nothing());
    CHECK(coerced_to(of_type("object"), "{\"a\": 1,}") == nothing());
    CHECK(coerced_to(of_type("object"), "[1]") == nothing());
    CHECK(coerced_to(of_type("integer"), 3.5) == nothing());
    CHECK(coerced_to(of_type("integer"), json::binary({1})) == nothing());
    CHECK(coerced_to(of_type("array"), nullptr) == nothing());
    CHECK(coerced_to(parse(R"({"type": "integer", "maximum": 9})"), "10") == nothing());
}

TEST_CASE("coerce: one value becomes an array of it, text of an array first", "[coerce]") {
    auto const strings = parse(R"({"type": "array", "items": {"type": "string"}})");
    auto const integers = parse(R"({"type": "array", "items": {"type": "integer"}})");
    CHECK(coerced_to(strings, "a") == json({"a"}));
    CHECK(coerced_to(integers, 5) == json({5}));
    CHECK(coerced_to(integers, "[5, \"6\"]") == json({5, 6}));
    CHECK(coerced_to(integers, "5") == json({5}));
    CHECK(coerced_to(strings, "[5]") == json({"[5]"}));
    CHECK(coerced_to(strings, "[\"x\"]") == json({"x"}));
    CHECK(coerced_to(parse(R"({"type": "array", "items": {"type": "object"}})"), parse("{}")) ==
          json::array({json::object()}));
    CHECK(coerced_to(parse(R"({"type": "array", "minItems": 2})"), 5) == nothing());

    auto const result = coerce(integers, "5");
    REQUIRE(result.changes().size() == 2);
    CHECK(result.changes()[0].rule == coercion::wrap_in_array);
    CHECK(result.changes()[1].pointer == "/0");
}

TEST_CASE("coerce: null and empty text stand for an absent optional member", "[coerce]") {
    auto const schema = parse(R"({"type": "object", "required": ["must"], "properties": {
        "must": {"type": "integer"}, "may": {"type": "integer"}, "text": {"type": "string"},
        "nullable": {"type": ["integer", "null"]}}})");
    auto const result =
        coerce(schema, parse(R"({"must": 1, "may": null, "text": "", "nullable": null})"));
    REQUIRE(result);
    CHECK(result.value(json{}) == parse(R"({"must": 1, "text": "", "nullable": null})"));
    REQUIRE(result.changes().size() == 1);
    CHECK(result.changes()[0].pointer == "/may");
    CHECK_FALSE(result.changes()[0].to);
    CHECK(result.changes()[0].rule == coercion::drop_null);
    CHECK(coerced_to(schema, parse(R"({"must": 1, "may": ""})")) == json({{"must", 1}}));
    CHECK(coerced_to(schema, parse(R"({"must": null})")) == nothing());
    CHECK(coerced_to(schema, parse(R"({"must": ""})")) == nothing());
    // Required by another part of the schema.
    CHECK(coerced_to(parse(R"({"properties": {"a": {"type": "integer"}},
                               "allOf": [{"required": ["a"]}]})"),
                     parse(R"({"a": null})")) == nothing());
}

TEST_CASE("coerce: an enumerator in another case is taken if it is the only one", "[coerce]") {
    auto const schema = parse(R"({"enum": ["Celsius", "Fahrenheit", "k", "K", 5]})");
    CHECK(coerced_to(schema, "celsius") == json("Celsius"));
    CHECK(coerced_to(schema, "FAHRENHEIT") == json("Fahrenheit"));
    CHECK(coerced_to(schema, "Kelvin") == nothing());
    CHECK(coerced_to(schema, "k") == json("k"));
    CHECK(coerced_to(parse(R"({"enum": ["kM", "Km"]})"), "km") == nothing());
    CHECK(coerced_to(parse(R"({"const": "Fixed"})"), "fixed") == json("Fixed"));
}

TEST_CASE("coerce: dates written in another unmistakable way become RFC 3339", "[coerce]") {
    auto const date = parse(R"({"type": "string", "format": "date"})");
    for (auto const* const text :
         {"2024/5/1", "2024-5-01", "2024.05.01", "20240501", "May 1, 2024", "1 May 2024",
          "1 may, 2024", "2024-05-01T00:00:00Z", " 2024-05-01 "}) {
        INFO(text);
        CHECK(coerced_to(date, text) == json("2024-05-01"));
    }
    auto const time = parse(R"({"type": "string", "format": "date-time"})");
    for (auto const* const text : {"2024-05-01 12:00:00Z", "2024-05-01 12:00Z", "2024-05-01T12:00z",
                                   "2024-05-01 12:00:00 Z"}) {
        INFO(text);
        CHECK(coerced_to(time, text) == json("2024-05-01T12:00:00Z"));
    }
    CHECK(coerced_to(time, "2024-05-01 12:00:00.5+0200") == json("2024-05-01T12:00:00.5+02:00"));
    CHECK(coerced_to(time, "2024-05-01 12:00:00-07") == json("2024-05-01T12:00:00-07:00"));

    // Not asserted, the format says nothing against these; asserted, they are errors.
    auto const asserted = llms::coercer{llms::schema::compile(date, {.formats_asserted = true})};
    auto const asserted_time =
        llms::coercer{llms::schema::compile(time, {.formats_asserted = true})};
    for (auto const* const text :
         {"5/1/2024", "01-05-2024", "2024-02-30", "2024-13-01", "tomorrow", "May 2024", "2024/5-1",
          "2024-05-01T12:00:00Z", "2024-05-01-", "1 May 2024 AD"}) {
        INFO(text);
        CHECK(coerced_to(date, text) == json(text));
        CHECK_FALSE(asserted(json(text)));
    }
    for (auto const* const text : {"2024-05-01", "2024-05-01 12:00:00", "noon",
                                   "2024-05-01T25:00:00Z", "2024-05-01  12:00:00Z"}) {
        INFO(text);
        CHECK(coerced_to(time, text) == json(text));
        CHECK_FALSE(asserted_time(json(text)));
    }
    CHECK(asserted(json("1 May 2024")));
}

TEST_CASE("coerce: each rule can be switched off", "[coerce]") {
    auto const optional = [](char const* type) {
        return json{{"type", "object"}, {"properties", {{"a", of_type(type)}}}};
    };
    struct row {
        coercion rule;
        json schema;
        json value;
    };
    auto const rows = std::vector<row>{
        {coercion::text_to_number, of_type("number"), "3"},
        {coercion::text_to_boolean, of_type("boolean"), "true"},
        {coercion::text_to_array, optional("array"), {{"a", "[]"}}},
        {coercion::text_to_object, of_type("object"), "{}"},
        {coercion::text_to_null, of_type("null"), "null"},
        {coercion::wrap_in_array, of_type("array"), 3},
        {coercion::drop_null, optional("integer"), {{"a", nullptr}}},
        {coercion::drop_empty, optional("integer"), {{"a", ""}}},
        {coercion::enum_case, parse(R"({"enum": ["A"]})"), "a"},
        {coercion::date_form, parse(R"({"format": "date"})"), "2024/01/01"},
    };
    for (auto const& [rule, schema, value] : rows) {
        INFO(to_string(rule));
        auto const on = coerce(schema, value, {.rules = rule});
        REQUIRE(on.changes().size() == 1);
        CHECK(on.changes()[0].rule == rule);
        auto const off = coerce(schema, value, {.rules = coercion::all & ~rule});
        for (auto const& each : off.changes()) {
            CHECK(each.rule != rule);
        }
        CHECK(coerce(schema, value, {.rules = coercion::none}).changes().empty());
    }
    CHECK(to_string(coercion::all) == "coercion"); // no single rule
}

TEST_CASE("coerce: a branch is taken only if it is the only one", "[coerce]") {
    auto const either = parse(R"({"anyOf": [{"type": "integer"}, {"type": "boolean"}]})");
    CHECK(coerced_to(either, "3") == json(3));
    CHECK(coerced_to(either, "true") == json(true));
    CHECK(coerced_to(either, "maybe") == nothing());
    // Both branches make the same of it.
    CHECK(coerced_to(parse(R"({"anyOf": [{"type": "integer"}, {"type": "number"}]})"), "3") ==
          json(3));
    // As text it fits already.
    CHECK(coerced_to(parse(R"({"anyOf": [{"type": "integer"}, {"type": "string"}]})"), "3") ==
          json("3"));
    // Only one has room for it.
    for (
        auto const* const bounds :
        {R"([{"type": "integer", "exclusiveMinimum": 7}, {"type": "array", "items": {"type": "boolean"}}])",
         R"([{"type": "integer", "exclusiveMaximum": 7}, {"type": "integer", "exclusiveMinimum": 7}])",
         R"([{"type": "integer", "maximum": 7}, {"type": "integer", "minimum": 8}])"}) {
        CAPTURE(bounds);
        auto const schema = parse((std::string(R"({"anyOf": )") + bounds + "}").c_str());
        CHECK(coerced_to(schema, "8") == json(8));
        CHECK(coerced_to(schema, "7.5") == nothing());
    }
    auto const by_size = parse(R"({"anyOf": [
        {"type": "object", "maxProperties": 1, "additionalProperties": {"type": "integer"}},
        {"type": "object", "minProperties": 2, "additionalProperties": {"type": "boolean"}}]})");
    CHECK(coerced_to(by_size, parse(R"({"a": "1"})")) == parse(R"({"a": 1})"));
    CHECK(coerced_to(by_size, parse(R"({"a": "true", "b": "false"})")) ==
          parse(R"({"a": true, "b": false})"));
    CHECK(coerced_to(parse(R"({"anyOf": [
        {"type": "array", "items": {"type": "string", "maxLength": 2}},
        {"type": "array", "items": {"type": "string", "minLength": 3}}]})"),
                     "abc") == json::array({"abc"}));
    // 5 could become [5] in either.
    CHECK(coerced_to(parse(R"({"anyOf": [
        {"type": "object", "required": ["a"], "properties": {"a": {"type": "array"}}},
        {"type": "object", "required": ["a"], "properties": {"a": {"enum": [5]}}}]})"),
                     parse(R"({"a": "5"})")) == nothing());
    auto const shapes = parse(R"({"oneOf": [
        {"type": "object", "required": ["kind", "r"], "properties": {
            "kind": {"const": "circle"}, "r": {"type": "number"}}, "additionalProperties": false},
        {"type": "object", "required": ["kind", "side"], "properties": {
            "kind": {"const": "square"}, "side": {"type": "number"}}}]})");
    auto const result = coerce(shapes, parse(R"({"kind": "square", "side": "2"})"));
    REQUIRE(result);
    CHECK(pointers(result.changes()) == std::set<std::string>{"/side"});
}

TEST_CASE("coerce: boolean schemas and patterns of names leave members as they are", "[coerce]") {
    auto const schema = parse(R"({"properties": {"any": true, "none": false,
        "n": {"type": "integer"}}})");
    CHECK(coerced_to(schema, parse(R"({"any": "1", "n": "2"})")) ==
          parse(R"({"any": "1", "n": 2})"));
    CHECK(coerced_to(schema, parse(R"({"none": "1", "n": "2"})")) == nothing());
    CHECK(coerced_to(schema, parse(R"({"none": null, "n": "2"})")) == parse(R"({"n": 2})"));
    // Which names `additionalProperties` is for, the patterns decide.
    CHECK(coerced_to(parse(R"({"properties": {"n": {"type": "integer"}},
                               "patternProperties": {"^x": {"type": "string"}},
                               "additionalProperties": {"type": "integer"}})"),
                     parse(R"({"x": "1", "n": "2"})")) == parse(R"({"x": "1", "n": 2})"));
}

TEST_CASE("coerce: references, also circular ones, and allOf are followed", "[coerce]") {
    auto const tree = parse(R"({"$ref": "#/$defs/node", "$defs": {"node": {"type": "object",
        "properties": {"value": {"type": "integer"},
                       "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}}}}})");
    CHECK(coerced_to(tree, parse(R"({"value": "1", "children": [{"value": "2"}]})")) ==
          parse(R"({"value": 1, "children": [{"value": 2}]})"));
    CHECK(coerced_to(parse(R"({"allOf": [{"type": "integer"}, {"minimum": 2}]})"), "3") == json(3));
    CHECK(coerced_to(parse(R"({"allOf": [{"type": "integer"}, {"minimum": 4}]})"), "3") ==
          nothing());
    // The same member twice is changed once.
    auto const twice = coerce(parse(R"({"properties": {"a": {"type": "integer"}},
        "allOf": [{"properties": {"a": {"type": "integer"}}}]})"),
                              parse(R"({"a": "1"})"));
    CHECK(twice.changes().size() == 1);
    CHECK(coerced_to(parse(R"({"$ref": "#"})"), 1) == nothing());
    // Up to draft 7 nothing counts beside a reference, not even a type that there is not.
    CHECK(coerced_to(parse(R"({"$schema": "http://json-schema.org/draft-07/schema#",
                               "properties": {"a": {"$ref": "#/definitions/n", "type": "whole"}},
                               "definitions": {"n": {"type": "integer"}}})"),
                     parse(R"({"a": "1"})")) == parse(R"({"a": 1})"));
    CHECK(coerced_to(parse(R"({"$schema": "http://json-schema.org/draft-07/schema#",
                               "properties": {"a": {"$ref": "#/definitions/n", "type": "boolean",
                                                    "const": "1"}},
                               "definitions": {"n": {"type": "integer"}}})"),
                     parse(R"({"a": "1"})")) == parse(R"({"a": 1})"));
    CHECK(coerced_to(parse(R"({"prefixItems": [{"type": "integer"}, {"type": "boolean"}],
                               "items": {"type": "null"}})"),
                     parse(R"(["1", "true", "null"])")) == parse("[1, true, null]"));
    CHECK(coerced_to(parse(R"({"additionalProperties": {"type": "integer"}})"),
                     parse(R"({"a/b": "1"})")) == parse(R"({"a/b": 1})"));
}

TEST_CASE("coerce: a keyword counts where its draft has it", "[coerce]") {
    auto const old_const = parse(R"({"$schema": "http://json-schema.org/draft-04/schema#",
                                     "type": "string", "const": "Yes"})");
    CHECK(coerced_to(old_const, "yes") == json("yes"));
    CHECK(coerced_to(parse(R"({"type": "string", "const": "Yes"})"), "yes") == json("Yes"));

    auto const* const tuple =
        R"({"items": [{"type": "string"}], "additionalItems": {"type": "integer"}})";
    auto tuples = parse(tuple);
    tuples["$schema"] = "https://json-schema.org/draft/2019-09/schema";
    CHECK(coerced_to(tuples, parse(R"(["1", "2"])")) == parse(R"(["1", 2])"));
    CHECK(coerced_to(parse(R"({"additionalItems": {"type": "integer"}})"), parse(R"(["1"])")) ==
          parse(R"(["1"])"));
    CHECK(coerced_to(parse(R"({"$schema": "https://json-schema.org/draft/2019-09/schema",
                               "prefixItems": [{"type": "integer"}]})"),
                     parse(R"(["1"])")) == parse(R"(["1"])"));

    // A subschema with an identifier of its own may be of another draft.
    auto const mixed = parse(R"({"properties": {
        "old": {"$id": "http://example.com/old", "$schema": "http://json-schema.org/draft-07/schema#",
                "properties": {"n": {"$ref": "#/definitions/n", "type": "boolean"}},
                "definitions": {"n": {"type": "integer"}}},
        "new": {"$ref": "#/$defs/n", "type": "integer"}}, "$defs": {"n": {}}})");
    CHECK(coerced_to(mixed, parse(R"({"old": {"n": "1"}, "new": "2"})")) ==
          parse(R"({"old": {"n": 1}, "new": 2})"));
}

TEST_CASE("coerce: the report tells what coercion could not mend", "[coerce]") {
    auto const schema = parse(R"({"type": "object", "properties": {
        "a": {"type": "integer"}, "b": {"type": "integer"}, "c": {"pattern": "^x"}}})");
    auto const value = parse(R"({"a": "1", "b": "one", "c": "y"})");
    auto const result = coerce(schema, value);
    REQUIRE_FALSE(result);
    CHECK(result.value(value) == value);
    auto const& errors = result.report().errors();
    REQUIRE(errors.size() == 2);
    CHECK(errors[0].instance_pointer == "/b");
    CHECK(errors[1].instance_pointer == "/c");
}

TEST_CASE("coerce: ordered_json keeps its order", "[coerce]") {
    auto const mend = llms::coercer{llms::schema::compile(
        parse(R"({"properties": {"b": {"type": "integer"}, "a": {"enum": ["X"]}}})"))};
    auto const value = ordered_json::parse(R"({"b": "1", "a": "x", "c": 1})");
    auto const result = mend(value);
    REQUIRE(result);
    CHECK(result.value(value).dump() == R"({"b":1,"a":"X","c":1})");
}

TEST_CASE("coerce: enumerators of any type are known in an ordered_json", "[coerce]") {
    auto const mend = llms::coercer{
        llms::schema::compile(parse(R"({"items": {"enum": [{"k": 1, "l": [2]}, 3, null]}})"))};
    auto const value = ordered_json::parse(R"([{"l": [2], "k": 1}, 3, "3", null])");
    auto const result = mend(value);
    REQUIRE(result);
    CHECK(result.value(value).dump() == R"([{"l":[2],"k":1},3,3,null])");
    CHECK_FALSE(mend(ordered_json::parse(R"([{"k": 1}, "3"])")));
}

TEST_CASE("coerce: hostile values and schemas end soon", "[coerce]") {
    auto const brackets = std::string(100'000, '[') + std::string(100'000, ']');
    CHECK(coerced_to(of_type("object"), json::parse(brackets)) == nothing());
    CHECK(coerced_to(of_type("array"), brackets) == json::array({brackets}));

    // Three branches a level, each of which could be: 3^100 ways through.
    auto const maze = parse(R"({"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [
        {"type": "array", "items": {"$ref": "#/$defs/a"}, "minItems": 1},
        {"type": "array", "items": {"$ref": "#/$defs/a"}, "maxItems": 9},
        {"type": "array", "prefixItems": [{"$ref": "#/$defs/a"}]},
        {"type": "integer"}]}}})");
    auto deep = json("x");
    for (auto level = 0; level < 100; ++level) {
        deep = json::array({std::move(deep)});
    }
    CHECK_FALSE(coerce(maze, deep, {.max_steps = 20'000}));
}

TEST_CASE("coerce: whatever is put in, the outcome keeps its promises", "[coerce]") {
    auto state = std::uint64_t{42};
    auto const pick = [&state](std::uint64_t below) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        return (state >> 33U) % below;
    };
    auto const scalars = std::vector<json>{
        "3", "3.5", "true", "null",  "",  "[1]", "{\"a\": 1}", "a",          "A",
        1,   2.5,   true,   nullptr, "[", "-0",  "\"q\"",      "2024/01/01", "[\"2\"]"};
    auto const types = std::vector<char const*>{"integer", "number", "boolean", "null",
                                                "string",  "array",  "object"};
    auto const value_of = [&](auto const& self, int depth) -> json {
        switch (depth > 2 ? 2 : pick(4)) {
        case 0: {
            auto value = json::object();
            for (auto i = pick(4); i > 0; --i) {
                value[std::string(1, static_cast<char>('a' + pick(3)))] = self(self, depth + 1);
            }
            return value;
        }
        case 1: {
            auto value = json::array();
            for (auto i = pick(3); i > 0; --i) {
                value.push_back(self(self, depth + 1));
            }
            return value;
        }
        default:
            return scalars[pick(scalars.size())];
        }
    };
    auto const schema_of = [&](auto const& self, int depth) -> json {
        auto schema = json::object();
        auto const kind = pick(depth > 2 ? 7 : 11);
        if (kind < 7) {
            schema["type"] = types[kind];
        }
        if (kind == 7) {
            schema["enum"] = {"A", 3, nullptr};
        } else if (kind == 8) {
            schema["anyOf"] = {self(self, depth + 1), self(self, depth + 1)};
        } else if (kind == 9) {
            schema["allOf"] = {self(self, depth + 1), self(self, depth + 1)};
        } else if (kind == 10) {
            schema["type"] = {types[pick(7)], types[pick(7)]};
            if (schema["type"][0] == schema["type"][1]) {
                schema["type"].erase(1);
            }
        }
        if (depth <= 2 && pick(2) == 0) {
            schema["items"] = self(self, depth + 1);
        }
        if (depth <= 2 && pick(2) == 0) {
            schema["properties"] = {{"a", self(self, depth + 1)}, {"b", self(self, depth + 1)}};
            if (pick(2) == 0) {
                schema["required"] = {"a"};
            }
        }
        return schema;
    };
    auto changed = 0;
    for (auto round = 0; round < 3000; ++round) {
        auto const document = schema_of(schema_of, 0);
        auto const value = value_of(value_of, 0);
        auto const before = value;
        auto const mend = llms::coercer{llms::schema::compile(document)};
        auto const result = mend(value);
        INFO(document.dump() << '\n' << value.dump());
        REQUIRE(value == before);
        if (mend.judge().is_valid(value)) {
            REQUIRE(result);
            REQUIRE(result.changes().empty());
        } else if (result) {
            ++changed;
            REQUIRE(mend.judge().is_valid(result.value(value)));
            REQUIRE(replayed(value, result.changes()) == result.value(value));
            // Coercing what was coerced changes nothing.
            REQUIRE(mend(result.value(value)).changes().empty());
        } else {
            REQUIRE(&result.value(value) == &value);
            REQUIRE_FALSE(result.report());
        }
    }
    CHECK(changed > 200);
}

TEST_CASE("coercer: the value can be moved out", "[coerce]") {
    auto const mend = llms::coercer{llms::schema::compile(json{{"type", "integer"}})};
    CHECK(mend(json("3")).value(json("3")) == json(3));
    CHECK(mend(json(4)).value(json(4)) == json(4));
}

} // namespace coerce_test
