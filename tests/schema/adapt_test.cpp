// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include <llms/schema/adapt.hpp>

#include <nlohmann/json.hpp>

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace adapt_test {

namespace {

using llms::schema_dialect;
using nlohmann::ordered_json;

constexpr std::array strict_dialects{schema_dialect::openai_strict,
                                     schema_dialect::anthropic_strict};

auto adapt_text(std::string_view schema, schema_dialect dialect) -> llms::adapted_schema {
    return llms::adapt(ordered_json::parse(schema), dialect);
}

// An object with one required member, of that schema.
auto with_member(std::string_view schema) -> std::string {
    return R"({"type": "object", "required": ["x"], "properties": {"x": )" + std::string(schema) +
           "}}";
}

auto refusal(std::string_view schema, schema_dialect dialect) -> llms::adapted_schema::note {
    auto const adapted = adapt_text(schema, dialect);
    CHECK_FALSE(adapted.expressible);
    CHECK(adapted.schema == ordered_json::parse(schema));
    REQUIRE_FALSE(adapted.notes.empty());
    return adapted.notes.front();
}

} // namespace

TEST_CASE("adapt: the root must be one object", "[adapt]") {
    for (auto const dialect : strict_dialects) {
        CHECK(refusal(R"({"type": "string"})", dialect).keyword == "type");
        CHECK(refusal("true", dialect).keyword == "type");
        CHECK(refusal("[]", dialect).keyword == "type");
        auto const note = refusal(
            R"({"type": "object", "properties": {}, "anyOf": [{"type": "object"}]})", dialect);
        CHECK(note.keyword == "anyOf");
        CHECK(note.pointer.empty());
    }
}

TEST_CASE("adapt: what cannot be said is refused with its place", "[adapt]") {
    struct sample {
        std::string_view member;
        std::string_view keyword;
        std::string_view pointer;
    };
    auto const each =
        GENERATE(sample{"{}", "type", "/properties/x"}, sample{"true", "type", "/properties/x"},
                 sample{R"({"type": "array", "prefixItems": [{"type": "string"}]})", "prefixItems",
                        "/properties/x"},
                 sample{R"({"type": "array", "items": true})", "items", "/properties/x"},
                 sample{R"({"type": "string", "not": {"const": "a"}})", "not", "/properties/x"},
                 sample{R"({"type": "object", "patternProperties": {"^a": {}}})",
                        "patternProperties", "/properties/x"},
                 sample{R"({"type": "object", "additionalProperties": {"type": "string"}})",
                        "additionalProperties", "/properties/x"},
                 sample{R"({"type": "object", "properties": {"a/b~c": {}}})", "type",
                        "/properties/x/properties/a~1b~0c"},
                 sample{R"({"anyOf": [{"type": "string"}, {}]})", "type", "/properties/x/anyOf/1"},
                 sample{R"({"type": "array", "items": {"type": "array", "items": {}}})", "type",
                        "/properties/x/items/items"});
    CAPTURE(each.member);
    for (auto const dialect : strict_dialects) {
        auto const note = refusal(with_member(each.member), dialect);
        CHECK(note.keyword == each.keyword);
        CHECK(note.pointer == each.pointer);
    }
}

TEST_CASE("adapt: what is no schema is refused, not a crash", "[adapt]") {
    auto const* const member =
        GENERATE(R"({"type": 5})", R"({"type": null})", R"({"type": {"a": 1}})",
                 R"({"type": "string", "enum": 3})", R"({"type": "object", "properties": 7})",
                 R"({"type": "object", "properties": ["a"]})", R"({"anyOf": 3})",
                 R"({"type": "array", "items": 4})",
                 R"({"type": "string", "description": 1, "maxLength": 2})");
    CAPTURE(member);
    for (auto const dialect : strict_dialects) {
        refusal(with_member(member), dialect);
        // Optional, where OpenAI's dialect adds null to what there is.
        refusal(R"({"type": "object", "properties": {"x": )" + std::string(member) + "}}", dialect);
    }
}

TEST_CASE("adapt: definitions that are none are refused, not a crash", "[adapt]") {
    for (auto const dialect : strict_dialects) {
        refusal(R"({"type": "object", "properties": {}, "$defs": 5})", dialect);
        refusal(R"({"type": "object", "properties": {}, "$defs": ["a"]})", dialect);
    }
}

TEST_CASE("adapt: allOf is for one dialect only", "[adapt]") {
    auto const schema =
        with_member(R"({"allOf": [{"type": "object", "properties": {"a": {"type": "string"}}}]})");
    CHECK(refusal(schema, schema_dialect::openai_strict).keyword == "allOf");
    auto const adapted = adapt_text(schema, schema_dialect::anthropic_strict);
    CHECK(adapted.expressible);
    CHECK(adapted.schema["properties"]["x"]["allOf"].size() == 1);
}

TEST_CASE("adapt: recursion, where it can be said", "[adapt]") {
    auto const through = [](std::string_view defs) {
        return R"({"type": "object", "required": ["x"], "properties": {"x": {"$ref": "#/$defs/a"}},
                   "$defs": )" +
               std::string(defs) + "}";
    };
    auto const chain = through(R"({
        "a": {"type": "object", "properties": {"b": {"$ref": "#/$defs/b"}}},
        "b": {"type": "object", "properties": {"c": {"$ref": "#/$defs/c"}}},
        "c": {"type": "string"}})");
    CHECK(adapt_text(chain, schema_dialect::openai_strict).expressible);
    CHECK(adapt_text(chain, schema_dialect::anthropic_strict).expressible);

    auto const ring = through(R"({
        "a": {"type": "object", "properties": {"b": {"$ref": "#/$defs/b"}}},
        "b": {"type": "object", "properties": {"c": {"$ref": "#/$defs/c"}}},
        "c": {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}}})");
    CHECK(adapt_text(ring, schema_dialect::openai_strict).expressible);
    CHECK(refusal(ring, schema_dialect::anthropic_strict).keyword == "$ref");

    auto const root = with_member(R"({"type": "array", "items": {"$ref": "#"}})");
    CHECK(adapt_text(root, schema_dialect::openai_strict).expressible);
    CHECK(refusal(root, schema_dialect::anthropic_strict).keyword == "$ref");
    CHECK(refusal(R"({"type": "object", "$defs": {"a": {"type": "string"}}, "properties":
                      {"x": {"$ref": "#"}}})",
                  schema_dialect::anthropic_strict)
              .keyword == "$ref");
}

TEST_CASE("adapt: no deeper and no larger than the provider takes", "[adapt]") {
    auto deep = ordered_json{{"type", "string"}};
    for (int level = 0; level < 200; ++level) {
        deep = {{"type", "object"}, {"properties", {{"x", deep}}}, {"required", {"x"}}};
    }
    for (auto const dialect : strict_dialects) {
        auto const adapted = llms::adapt(deep, dialect);
        CHECK_FALSE(adapted.expressible);
        CHECK(adapted.notes.front().text == "nested deeper than 64 levels");
    }

    auto wide = ordered_json{{"type", "object"}, {"properties", ordered_json::object()}};
    for (int i = 0; i < 5001; ++i) {
        wide["properties"]["member" + std::to_string(i)] = {{"type", "string"}};
    }
    auto const adapted = llms::adapt(wide, schema_dialect::openai_strict);
    CHECK_FALSE(adapted.expressible);
    CHECK(adapted.notes.front().text == "5001 where at most 5000 are allowed");
    CHECK(llms::adapt(wide, schema_dialect::anthropic_strict).expressible);
}

TEST_CASE("adapt: constraints go into words, and are noted", "[adapt]") {
    auto const adapted = adapt_text(
        with_member(
            R"({"type": "string", "description": "A name.", "maxLength": 9, "default": "ann"})"),
        schema_dialect::openai_strict);
    REQUIRE(adapted.expressible);
    CHECK(adapted.schema["properties"]["x"]["description"] ==
          "A name. (maxLength: 9, default: \"ann\")");
    CHECK_FALSE(adapted.schema["properties"]["x"].contains("maxLength"));
    CHECK(adapted.notes == std::vector<llms::adapted_schema::note>{
                               {"/properties/x", "maxLength", "moved into the description"}});
}

} // namespace adapt_test
