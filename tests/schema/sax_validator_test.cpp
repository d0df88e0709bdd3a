// SPDX-License-Identifier: MIT
#include "schema/streamed.hpp"
#include "support/catch.hpp"
#include <llms/schema/sax_validator.hpp>

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace sax_validator_test {

namespace {

using llms::sax_validator;
using llms::verdict;
using nlohmann::json;

auto compiled(std::string_view text) -> llms::schema {
    return llms::schema::compile(json::parse(text));
}

/// The keyword that refuses `text`; "valid" if none does.
auto refused_by(std::string_view schema, std::string_view text) -> std::string {
    auto check = sax_validator{compiled(schema)};
    json::sax_parse(text, &check);
    return check.error() == nullptr ? "valid" : check.error()->keyword;
}

} // namespace

TEST_CASE("sax_validator: each keyword has its say", "[schema][sax]") {
    struct row {
        char const* schema;
        char const* good;
        char const* bad;
        char const* keyword;
    };
    for (auto const& one : {
             row{R"({"type": "integer"})", "1.0", "1.5", "type"},
             {R"({"enum": [1, "a", null]})", "1.0", "2", "enum"},
             {R"({"const": "a"})", R"("a")", R"("b")", "const"},
             {R"({"const": {"a": [1]}})", R"({"a": [1.0]})", R"({"a": [2]})", "const"},
             {R"({"minimum": 2})", "2", "1.9", "minimum"},
             {R"({"exclusiveMaximum": 2})", "1.9", "2", "exclusiveMaximum"},
             {R"({"multipleOf": 0.01})", "4.02", "4.021", "multipleOf"},
             {R"({"minLength": 2})", R"("éé")", R"("é")", "minLength"},
             {R"({"pattern": "^a"})", R"("ab")", R"("ba")", "pattern"},
             {R"({"properties": {"a": {"type": "null"}}})", R"({"b": 1})", R"({"a": 1})", "type"},
             {R"({"patternProperties": {"a": {"minimum": 2}}})", R"({"ba": 2})", R"({"ba": 1})",
              "minimum"},
             {R"({"properties": {"a": true}, "patternProperties": {"^b": true},
                  "additionalProperties": {"maximum": 1}})",
              R"({"a": 2, "b1": 2, "c": 1})", R"({"c": 2})", "maximum"},
             {R"({"propertyNames": {"pattern": "^[a-z]+$"}})", R"({"a": 1})", R"({"A": 1})",
              "pattern"},
             {R"({"required": ["a", "b"]})", R"({"b": 1, "a": 2})", R"({"b": 1})", "required"},
             {R"({"minProperties": 1})", R"({"b": 1})", "{}", "minProperties"},
             {R"({"maxProperties": 1})", R"({"b": 1})", R"({"a": 1, "b": 1})", "maxProperties"},
             {R"({"dependentRequired": {"a": ["b"]}})", R"({"b": 1})", R"({"a": 1})",
              "dependentRequired"},
             {R"({"dependentSchemas": {"a": {"required": ["b"]}}})", R"({"b": 1})", R"({"a": 1})",
              "required"},
             {R"({"items": {"type": "string"}})", R"(["a"])", R"(["a", 1])", "type"},
             {R"({"prefixItems": [true, {"type": "null"}], "items": {"minimum": 5}})",
              "[1, null, 5]", "[1, null, 4]", "minimum"},
             {R"({"minItems": 1})", "[0]", "[]", "minItems"},
             {R"({"maxItems": 1})", "[0]", "[0, 1]", "maxItems"},
             {R"({"uniqueItems": true})", "[0, false]", "[0, 0.0]", "uniqueItems"},
             {R"({"contains": {"const": 1}, "minContains": 2, "maxContains": 3})", "[1, 2, 1]",
              "[1, 2]", "minContains"},
             {R"({"contains": {"const": 1}, "maxContains": 1})", "[1, 2]", "[1, 1]", "maxContains"},
             {R"({"contains": {"required": ["a"]}, "minContains": 0})", "[{}]", "1", "valid"},
             {R"({"allOf": [{"minimum": 1}, {"maximum": 3}]})", "2", "4", "maximum"},
             {R"({"anyOf": [{"required": ["a"]}, {"required": ["b"]}]})", R"({"b": 1})",
              R"({"c": 1})", "anyOf"},
             {R"({"oneOf": [{"required": ["a"]}, {"required": ["b"]}]})", R"({"b": 1})",
              R"({"a": 1, "b": 1})", "oneOf"},
             {R"({"not": {"required": ["a"]}})", R"({"b": 1})", R"({"a": 1})", "not"},
             {R"({"if": {"required": ["a"]}, "then": {"required": ["b"]}})", R"({"c": 1})",
              R"({"a": 1})", "required"},
             {R"({"$ref": "#/$defs/n", "$defs": {"n": {"items": {"$ref": "#/$defs/n"},
                  "type": "array"}}})",
              "[[], [[]]]", "[[], [1]]", "type"},
             {R"({"properties": {"a": true}, "unevaluatedProperties": false})", R"({"a": 1})",
              R"({"b": 1})", "unevaluatedProperties"},
             {R"({"prefixItems": [true], "unevaluatedItems": false})", "[1]", "[1, 2]",
              "unevaluatedItems"},
             {R"({"additionalProperties": false})", "{}", R"({"a": 1})", "additionalProperties"},
         }) {
        INFO(one.schema << "\n" << one.good << "\n" << one.bad);
        CHECK(refused_by(one.schema, one.good) == "valid");
        CHECK(refused_by(one.schema, one.bad) == one.keyword);
    }
}

TEST_CASE("sax_validator: the parser is stopped as soon as the verdict is certain",
          "[schema][sax]") {
    auto check = sax_validator{compiled(R"({"properties": {"a": {"type": "string"}}})")};
    CHECK(check.start_object(1));
    CHECK(check.key("a"));
    CHECK(check.state() == verdict::undecided);
    CHECK(check.error() == nullptr);
    CHECK_FALSE(check.number_unsigned(1));
    CHECK(check.state() == verdict::invalid);
    CHECK(check.error()->instance_pointer == "/a");
    CHECK(check.error()->schema_pointer == "/properties/a/type");
    CHECK(check.error()->message == "expected string, found number 1");
}

TEST_CASE("sax_validator: pointers name the member or the container that is wrong",
          "[schema][sax]") {
    auto const pointer = [](std::string_view schema, std::string_view text) {
        auto check = sax_validator{compiled(schema)};
        json::sax_parse(text, &check);
        return check.error()->instance_pointer + " " + check.error()->schema_pointer;
    };
    auto const* const schema = R"({"properties": {"l": {"items": {"required": ["k"],
        "maxProperties": 2, "properties": {"~/": {"maxItems": 1}}}}}})";
    CHECK(pointer(schema, R"({"l": [{"k": 1}, {}]})") == "/l/1 /properties/l/items/required");
    CHECK(pointer(schema, R"({"l": [{"k": 1, "a": 1, "b": 2}]})") ==
          "/l/0 /properties/l/items/maxProperties");
    CHECK(pointer(schema, R"({"l": [{"k": 1, "~/": [1, 2]}]})") ==
          "/l/0/~0~1 /properties/l/items/properties/~0~1/maxItems");
}

TEST_CASE("sax_validator: one handler judges many values", "[schema][sax]") {
    auto check =
        sax_validator{compiled(R"({"anyOf": [{"required": ["a"]}, {"required": ["b"]}]})")};
    for (auto i = 0; i < 3; ++i) {
        CHECK(json::sax_parse(R"({"a": {"b": [1]}})", &check));
        CHECK(check.state() == verdict::valid);
        check.reset();
        CHECK_FALSE(json::sax_parse("{}", &check));
        CHECK(check.error()->keyword == "anyOf");
        check.reset();
        CHECK(check.state() == verdict::undecided);
    }
}

TEST_CASE("sax_validator: a name that comes twice", "[schema][sax]") {
    auto const* const text = R"({"a": "wrong", "a": 1})";
    CHECK(refused_by(R"({"properties": {"a": {"minimum": 0}}})", text).empty());
    CHECK(refused_by(R"({"properties": {"b": {"properties": {}}}})", text).empty());
    CHECK(refused_by("{}", text) == "valid"); // nothing is said about the object
}

TEST_CASE("sax_validator: what is no JSON", "[schema][sax]") {
    auto check = sax_validator{compiled("true")};
    CHECK_FALSE(json::sax_parse("[1, 2", &check));
    CHECK(check.state() == verdict::invalid);
    check.reset();
    CHECK_FALSE(check.binary(json::binary_t{}));
    CHECK(check.state() == verdict::invalid);
    auto deep = sax_validator{compiled("true"), {.max_text_depth = 2}};
    CHECK_FALSE(json::sax_parse("[[[]]]", &deep));
    CHECK_THAT(deep.error()->message, support::contains("2 levels"));
}

TEST_CASE("sax_validator: containers that are built lie in others, beside others",
          "[schema][sax]") {
    auto const schema = compiled(R"({"items": {"uniqueItems": true, "items": {
        "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
        "properties": {"c": {"not": {"maxProperties": 1}}, "a": {"enum": [[1], [2]]}}}}})");
    CHECK(streamed::agree(schema, R"([[{"a": [1]}, {"a": [2]}], [{"b": {}}], 3])", true));
    CHECK(streamed::agree(schema, R"([[{"a": [1]}, {"a": [1]}], [{"b": {}}]])", false));
    CHECK(streamed::agree(schema, R"([[{"a": [1]}, {"a": [3]}], [{"b": {}}]])", false));
    CHECK(streamed::agree(schema, R"([[{"b": 1, "c": {"x": 1, "y": [{}]}}]])", true));
    CHECK(streamed::agree(schema, R"([[{"b": 1, "c": {"x": 1}}]])", false));
    CHECK(streamed::agree(schema, R"([[{"b": 1}], [{"a": [2], "b": 1}]])", false));
}

} // namespace sax_validator_test
