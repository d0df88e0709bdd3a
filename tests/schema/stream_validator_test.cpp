// SPDX-License-Identifier: MIT
#include "schema/streamed.hpp"
#include "support/catch.hpp"
#include <llms/schema/stream_validator.hpp>
#include <llms/schema/validator.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace stream_validator_test {

namespace {

using llms::stream_validator;
using llms::verdict;
using nlohmann::json;

auto compiled(std::string_view text, llms::compile_options const& options = {}) -> llms::schema {
    return llms::schema::compile(json::parse(text), options);
}

/// The state after `text`, which has not ended.
auto after(std::string_view schema, std::string_view text) -> verdict {
    return stream_validator{compiled(schema)}.feed(text);
}

/// A text that is refused at the byte behind '^'; what stands before it becomes valid by `instead`.
struct refusal {
    char const* schema;
    char const* text;
    char const* instead;
    char const* keyword;
    char const* pointer;
};

void check_refusal(refusal const& one) {
    auto text = std::string{one.text};
    auto const offset = text.find('^');
    text.erase(offset, 1);
    auto const before = text.substr(0, offset);
    auto const schema = compiled(one.schema, {.formats_asserted = true});
    INFO(one.schema << "\n" << one.text);

    auto check = stream_validator{schema};
    CHECK(check.feed(before) == verdict::undecided);
    CHECK(check.error() == nullptr);
    CHECK(check.feed(text.substr(offset, 1)) == verdict::invalid);
    CHECK(check.offset() == offset);
    REQUIRE(check.error() != nullptr);
    CHECK(check.error()->keyword == one.keyword);
    CHECK(check.error()->instance_pointer == one.pointer);
    CHECK(!check.error()->message.empty());

    auto whole = stream_validator{schema};
    CHECK(whole.feed(text) == verdict::invalid);
    CHECK(whole.offset() == offset);

    // No earlier byte could have been refused.
    auto const completed = before + one.instead;
    INFO(completed);
    CHECK(streamed::agree(schema, completed, true));
    CHECK(llms::validator{schema}.is_valid(json::parse(completed)));
}

} // namespace

TEST_CASE("stream_validator: a value is refused at its first byte", "[schema][stream]") {
    for (auto const& one : {
             refusal{R"({"type": "string"})", R"( ^1)", R"("a")", "type", ""},
             {R"({"type": "string"})", R"(^{)", R"("a")", "type", ""},
             {R"({"type": ["object", "null"]})", R"(^[)", R"(null)", "type", ""},
             {R"({"properties": {"a": {"type": "integer"}}})", R"({"a": ^"x")", R"(1})", "type",
              "/a"},
             {R"({"items": {"type": "object"}})", R"([{}, ^null)", R"({}])", "type", "/1"},
             {R"({"prefixItems": [{"type": "string"}, {"type": "array"}]})", R"(["a", ^true)",
              R"([]])", "type", "/1"},
             {R"({"additionalProperties": {"type": "boolean"}})", R"({"a/b": ^{)", R"(true})",
              "type", "/a~1b"},
             {R"({"patternProperties": {"^x": {"type": "null"}}})", R"({"xy": ^[)", R"(null})",
              "type", "/xy"},
             {R"({"anyOf": [{"type": "string"}, {"type": "null"}]})", R"(^{)", R"("")", "", ""},
             {R"({"oneOf": [{"type": "object", "required": ["a"]}, {"type": "null"}]})", R"(^t)",
              R"(null)", "oneOf", ""},
             {R"({"anyOf": [{"type": "object", "properties": {"a": {"type": "string"}}},
                            {"type": "null"}]})",
              R"({"a": ^2)", R"(""})", "type", "/a"},
             {R"({"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"type": "array"}}})", R"(^7)",
              R"([])", "", ""},
             {R"({"properties": {"n": {"$ref": "#"}}, "type": "object"})", R"({"n": {"n": ^4)",
              R"({}}})", "type", "/n/n"},
             {R"({"if": {"type": "object"}, "then": {"items": false}, "else": {"type": "string"}})",
              R"(^3)", R"("")", "type", ""},
             {R"({"if": {"type": "string"}, "else": {"items": {"type": "null"}}})", R"([^1)",
              R"(null])", "type", "/0"},
             {R"({"not": {"type": "array"}})", R"(^[)", R"({})", "not", ""},
             {R"({"const": true})", R"(^f)", R"(true)", "const", ""},
             {R"({"enum": [1, false]})", R"(^t)", R"(false)", "enum", ""},
             {R"({"enum": ["a", 1]})", R"(^n)", R"(1)", "enum", ""},
             {R"({"not": {"const": null}})", R"(^n)", R"(0)", "not", ""},
         }) {
        check_refusal(one);
    }
}

TEST_CASE("stream_validator: the sign of a number is held against its bounds", "[schema][stream]") {
    check_refusal({R"({"minimum": 1})", "^-", "5", "minimum", ""});
    check_refusal({R"({"exclusiveMinimum": 0})", "^-", "1", "exclusiveMinimum", ""});
    check_refusal({R"({"maximum": -1})", "^5", "-5", "maximum", ""});
    check_refusal({R"({"exclusiveMaximum": 0})", "^0", "-5", "exclusiveMaximum", ""});
    check_refusal({R"({"items": {"allOf": [{"minimum": 0.5}]}})", "[1, ^-", "1]", "minimum", "/1"});
    // Minus zero is zero, and what underflows is.
    CHECK(streamed::agree(compiled(R"({"minimum": 0})"), "-0", true));
    CHECK(streamed::agree(compiled(R"({"minimum": 0})"), "-1e-999", true));
    CHECK(streamed::agree(compiled(R"({"maximum": 0})"), "1e-999", true));
    CHECK(streamed::agree(compiled(R"({"exclusiveMinimum": -1})"), "-0.5", true));
}

TEST_CASE("stream_validator: a number is judged when it has ended", "[schema][stream]") {
    check_refusal({R"({"items": {"maximum": 10}})", "[100^,", "e-9]", "maximum", "/0"});
    check_refusal({R"({"items": {"minimum": 10}})", "[1^]", "0]", "minimum", "/0"});
    check_refusal({R"({"items": {"multipleOf": 2}})", "[1^ ", "2]", "multipleOf", "/0"});
    check_refusal({R"({"items": {"type": "integer"}})", "[1.5^]", "e1]", "type", "/0"});
    check_refusal({R"({"items": {"enum": [1, 25]}})", "[2^,", "5]", "enum", "/0"});
    // At the very end of the text only `finish` can tell.
    auto check = stream_validator{compiled(R"({"maximum": 10})")};
    CHECK(check.feed("100") == verdict::undecided);
    CHECK(check.finish() == verdict::invalid);
    CHECK(check.offset() == 3);
    CHECK(check.error()->keyword == "maximum");
    // Draft 4 goes by how an integer is written.
    auto old =
        stream_validator{compiled(R"({"type": "integer"})", {.default_draft = llms::draft::v4})};
    CHECK(old.feed("12.") == verdict::invalid);
    CHECK(old.offset() == 2);
}

TEST_CASE("stream_validator: a string is refused at its first impossible character",
          "[schema][stream]") {
    for (auto const& one : {
             refusal{R"({"enum": ["red", "green", "great"]})", R"("grea^m)", R"(t")", "enum", ""},
             {R"({"enum": ["red", "green"]})", R"("^x)", R"(red")", "enum", ""},
             {R"({"enum": ["red", "green"]})", R"("red^d)", R"(")", "enum", ""},
             {R"({"enum": ["red", "redder"]})", R"("redd^")", R"(er")", "enum", ""},
             {R"({"const": "a\"b"})", R"("a\^n)", R"("b")", "const", ""},
             {R"({"properties": {"k": {"const": "é"}}})", "{\"k\": \"\xC3^\xA8", "\xA9\"}", "const",
              "/k"},
             {R"({"allOf": [{"enum": ["aa", "ab"]}, {"enum": ["ab", "ac"]}]})", R"("a^c)", R"(b")",
              "enum", ""},
             {R"({"maxLength": 2})", R"("éé^x)", R"(")", "maxLength", ""},
             {R"({"maxLength": 0})", R"("^x)", R"(")", "maxLength", ""},
             {R"({"anyOf": [{"type": "string", "maxLength": 1}, {"type": "null"}]})", R"("a^b)",
              R"(")", "maxLength", ""},
             {R"({"minLength": 2})", R"("a^")", R"(b")", "minLength", ""},
             {R"({"pattern": "ba"})", R"("ab^")", R"(a")", "pattern", ""},
             {R"({"format": "ipv4"})", R"("1.2.3^")", R"(.4")", "format", ""},
         }) {
        check_refusal(one);
    }
}

TEST_CASE("stream_validator: the message says what was expected", "[schema][stream]") {
    auto check = stream_validator{compiled(R"({"enum": ["red", "green"]})")};
    check.feed("\"b");
    CHECK_THAT(check.error()->message, support::contains(R"(expected one of "green", "red")"));
    CHECK(check.error()->schema_pointer == "/enum");
    auto other = stream_validator{compiled(R"({"properties": {"a": {"type": "string"}}})")};
    other.feed(R"({"a": 3)");
    CHECK(other.error()->message == "expected string, found number");
    CHECK(other.error()->schema_pointer == "/properties/a/type");
}

TEST_CASE("stream_validator: names and numbers of members", "[schema][stream]") {
    for (auto const& one : {
             refusal{R"({"properties": {"name": true, "n": true}, "additionalProperties": false})",
                     R"({"na^s)", R"(me": 1})", "additionalProperties", ""},
             {R"({"properties": {"name": true}, "additionalProperties": false})", R"({"nam^")",
              R"(e": 1})", "additionalProperties", "/nam"},
             {R"({"additionalProperties": false})", R"({^")", R"(})", "additionalProperties", ""},
             {R"({"properties": {"a": true}, "additionalProperties": false})", R"({"a": 1^,)",
              R"(})", "additionalProperties", ""},
             {R"({"patternProperties": {"a": true}, "additionalProperties": false})", R"({"b^")",
              R"(a": 1})", "additionalProperties", "/b"},
             {R"({"properties": {"a": false}})", R"({"a^")", R"(b": 1})", "properties", "/a"},
             {R"({"properties": {"ab": true}, "patternProperties": {"b$": false}})", R"({"ab^")",
              R"(c": 1})", "patternProperties", "/ab"},
             {R"({"propertyNames": {"enum": ["ab"]}})", R"({"a^c)", R"(b": 1})", "enum", ""},
             {R"({"propertyNames": {"maxLength": 1}})", R"({"a^c)", R"(": 1})", "maxLength", ""},
             {R"({"propertyNames": {"minLength": 2}})", R"({"a^")", R"(c": 1})", "minLength", "/a"},
             {R"({"maxProperties": 1})", R"({"a": 1^,)", R"(})", "maxProperties", ""},
             {R"({"maxProperties": 0})", R"({^")", R"(})", "maxProperties", ""},
             {R"({"properties": {"o": {"maxProperties": 1}}})", R"({"o": {"a": 1 ^,)", R"(}})",
              "maxProperties", "/o"},
             {R"({"minProperties": 2})", R"({"a": 1^})", R"(, "b": 1})", "minProperties", ""},
             {R"({"required": ["a", "b"]})", R"({"a": 1^})", R"(, "b": 1})", "required", ""},
             {R"({"dependentRequired": {"a": ["b"]}})", R"({"a": 1^})", R"(, "b": 1})",
              "dependentRequired", ""},
             {R"({"minProperties": 1})", R"({"a": 1, "a^")", R"(b": 1})", "", "/a"},
         }) {
        check_refusal(one);
    }
}

TEST_CASE("stream_validator: items and numbers of items", "[schema][stream]") {
    for (auto const& one : {
             refusal{R"({"maxItems": 1})", R"([1^,)", R"(])", "maxItems", ""},
             {R"({"maxItems": 0})", R"([^1)", R"(])", "maxItems", ""},
             {R"({"prefixItems": [true], "items": false})", R"([1^,)", R"(])", "items", ""},
             {R"({"minItems": 2})", R"([1^])", R"(, 2])", "minItems", ""},
             {R"({"contains": {"const": 1}})", R"([2, 3^])", R"(, 1])", "contains", ""},
             {R"({"contains": {"const": {"a": 1}}, "minContains": 2})", R"([{"a": 1}, {"a": 2}^])",
              R"(, {"a": 1}])", "minContains", ""},
             {R"({"contains": {"type": "object"}, "maxContains": 1})", R"([{}, 1, ^{)", R"(2])",
              "maxContains", "/2"},
             {R"({"contains": {"maxProperties": 1}, "maxContains": 1})", R"([{}, {"a": 1^})",
              R"(, "b": 2}])", "maxContains", "/1"},
         }) {
        check_refusal(one);
    }
}

TEST_CASE("stream_validator: what needs the whole container waits for its end",
          "[schema][stream]") {
    for (auto const& one : {
             refusal{R"({"uniqueItems": true})", R"([1, 1^])", R"(, 2)", "uniqueItems", ""},
             {R"({"enum": [[1], {"a": 1}]})", R"([2^])", "", "enum", ""},
             {R"({"anyOf": [{"required": ["a"]}, {"required": ["b"]}], "type": "object"})",
              R"({"c": 1^})", "", "anyOf", ""},
             {R"({"not": {"required": ["a"]}})", R"({"a": 1^})", "", "not", ""},
             {R"({"properties": {"a": true}, "unevaluatedProperties": false})",
              R"({"a": 1, "b": {"c": 1}^})", "", "unevaluatedProperties", "/b"},
             {R"({"dependentSchemas": {"a": {"minProperties": 2}}})", R"({"a": 1^})", "",
              "minProperties", ""},
         }) {
        auto text = std::string{one.text};
        auto const offset = text.find('^');
        text.erase(offset, 1);
        INFO(one.schema << "\n" << one.text);
        auto check = stream_validator{compiled(one.schema)};
        CHECK(check.feed(std::string_view(text).substr(0, offset)) == verdict::undecided);
        CHECK(check.feed(std::string_view(text).substr(offset)) == verdict::invalid);
        CHECK(check.offset() == offset);
        CHECK(check.error()->keyword == one.keyword);
        CHECK(check.error()->instance_pointer == one.pointer);
    }
    // What is decidable beside it does not wait.
    check_refusal({R"({"uniqueItems": true, "items": {"type": "integer"}})", R"([1, ^")", "2]",
                   "type", "/1"});
    check_refusal({R"({"properties": {"a": {"items": {"type": "null"}}},
                       "unevaluatedProperties": false})",
                   R"({"a": [^1)", "null]}", "type", "/a/0"});
}

TEST_CASE("stream_validator: a property that tells variants apart decides as soon as it comes",
          "[schema][stream]") {
    constexpr auto const* variants = R"({"type": "object", "oneOf": [
        {"properties": {"kind": {"const": "call"}, "x": {"type": "string"}}, "required": ["kind"],
         "maxProperties": 3},
        {"properties": {"kind": {"enum": ["calls", "all"]}, "x": {"items": {"type": "integer"}}},
         "required": ["kind", "x"], "additionalProperties": false}]})";
    check_refusal({variants, R"({"kind": "cal^")", R"(l"})", "oneOf", "/kind"});
    check_refusal({variants, R"({"kind": "call", "x": ^1)", R"(""})", "type", "/x"});
    check_refusal({variants, R"({"y": 1, "kind": "call", "x": ^[)", R"(""})", "type", "/x"});
    check_refusal({variants, R"({"kind": "all", "x": [^"")", R"(1]})", "type", "/x/0"});
    check_refusal({variants, R"({"kind": "all", "^y)", R"(x": []})", "additionalProperties", ""});
    check_refusal({variants, R"({"kind": "call", "y": 1, "z": 1^,)", R"(})", "maxProperties", ""});
    // What came before the tag waits for the end.
    auto check = stream_validator{compiled(variants)};
    CHECK(check.feed(R"({"x": 1, "kind": "call")") == verdict::undecided);
    CHECK(check.feed("}") == verdict::invalid);
    CHECK(check.error()->keyword == "oneOf");
    CHECK(streamed::agree(compiled(variants), R"({"x": [1], "kind": "all"})", true));
    CHECK(streamed::agree(compiled(variants), R"({"x": [], "kind": "calls"})", true));
}

TEST_CASE("stream_validator: text that is no JSON is invalid at its first wrong byte",
          "[schema][stream]") {
    auto const refused_at = [](std::string_view text) {
        auto check = stream_validator{compiled("true")};
        check.feed(text);
        CHECK(check.finish() == verdict::invalid);
        CHECK(check.error()->keyword.empty());
        CHECK(!check.error()->message.empty());
        return check.offset();
    };
    CHECK(refused_at("{\"a\": 1,}") == 8);
    CHECK(refused_at("[1 2]") == 3);
    CHECK(refused_at("trux") == 3);
    CHECK(refused_at("\"\xFF\"") == 1);
    CHECK(refused_at("1 2") == 2);
    CHECK(refused_at("{\"a\":") == 5);
    CHECK(refused_at("") == 0);
}

TEST_CASE("stream_validator: states", "[schema][stream]") {
    CHECK(after("true", "") == verdict::undecided);
    CHECK(after("true", "{\"a\": [1, 2]") == verdict::undecided);
    CHECK(after("true", "tru") == verdict::undecided);
    CHECK(after("true", "true") == verdict::valid);
    CHECK(after("true", "{} ") == verdict::valid);
    CHECK(after("true", "{} x") == verdict::invalid);
    CHECK(after("false", " ") == verdict::undecided);
    CHECK(after("false", " 1") == verdict::invalid);
}

TEST_CASE("stream_validator: bounds of the text", "[schema][stream]") {
    auto deep = stream_validator{compiled("true"), {.max_text_depth = 3}};
    CHECK(deep.feed("[[[") == verdict::undecided);
    CHECK(deep.feed("[") == verdict::invalid);
    CHECK(deep.offset() == 3);
    auto large = stream_validator{compiled("true"), {.max_text_bytes = 3}};
    CHECK(large.feed("[1,1]") == verdict::invalid);
    CHECK(large.offset() == 3);
    // Neither a schema that refers to itself nor a deep text overflows the stack.
    CHECK(after(R"({"$ref": "#"})", "[") == verdict::invalid);
    auto const says_deep = [](llms::schema const& schema, std::string_view text) {
        auto check = stream_validator{schema};
        return check.feed(text) == verdict::invalid &&
               check.error()->message.find("nest deeper than") != std::string::npos;
    };
    CHECK(says_deep(compiled(R"({"not": {"$ref": "#"}})"), "1 "));
    CHECK(says_deep(compiled(R"({"oneOf": [
        {"properties": {"kind": {"const": "b"}}, "required": ["kind"]},
        {"properties": {"kind": {"const": "a"}}, "allOf": [{"$ref": "#/oneOf/1"}]}]})"),
                    R"({"kind": "a")"));
    auto chain = json{{"$ref", "#/$defs/0"}};
    for (auto i = 0; i < 20; ++i) {
        chain["$defs"][std::to_string(i)] = {{"maxItems", 9},
                                             {"$ref", "#/$defs/" + std::to_string(i + 1)}};
    }
    chain["$defs"]["20"] = true;
    CHECK(streamed::agree(llms::schema::compile(chain), "[1]", true));
    CHECK(says_deep(llms::schema::compile(chain, {.max_depth = 4}), "["));
    auto const text = std::string(100'000, '[');
    CHECK(after(R"({"items": {"$ref": "#"}})", text) == verdict::invalid);
    CHECK(after(R"({"anyOf": [{"items": {"$ref": "#"}}, {"maxItems": 1}]})", text) ==
          verdict::invalid);
}

TEST_CASE("stream_validator: what a keyword throws comes out, and the text is invalid",
          "[schema][stream]") {
    auto const schema = compiled(R"({"items": {"odd": true}})",
                                 {.keywords = {{"odd", [](json const&) -> llms::keyword_check {
                                                    return [](json const& value) {
                                                        if (!value.is_number_integer()) {
                                                            throw std::invalid_argument("odd");
                                                        }
                                                        return value.get<int>() % 2 != 0;
                                                    };
                                                }}}});
    auto check = stream_validator{schema};
    CHECK(check.feed("[1, 3") == verdict::undecided);
    CHECK_THROWS_AS(check.feed(", null"), std::invalid_argument);
    CHECK(check.state() == verdict::invalid);
    CHECK(check.feed("]") == verdict::invalid);
    auto even = stream_validator{schema};
    CHECK(even.feed("[2]") == verdict::invalid);
    CHECK(even.error()->keyword == "odd");
}

TEST_CASE("stream_validator: many names, many shared subschemas", "[schema][stream]") {
    auto text = std::string{"{"};
    for (auto i = 0; i < 1000; ++i) {
        text += "\"" + std::to_string(i) + "\": 1, ";
    }
    auto const schema = compiled(R"({"type": "object", "additionalProperties": {"type": "integer"},
                                     "required": ["77"]})");
    CHECK(streamed::agree(schema, text + "\"x\": 1}", true));
    auto check = stream_validator{schema};
    CHECK(check.feed(text + "\"77") == verdict::undecided);
    CHECK(check.feed("\"") == verdict::invalid); // a name that came before
    // More shared subschemas than are followed: they are evaluated at the end.
    auto document = json{{"allOf", json::array()}};
    for (auto i = 0; i < 100; ++i) {
        auto const name = "s" + std::to_string(i);
        document["$defs"][name] = {{"properties", {{name, {{"type", "null"}}}}}};
        for (auto again = 0; again < 2; ++again) {
            document["allOf"].push_back({{"$ref", "#/$defs/" + name}});
        }
    }
    auto const many = llms::schema::compile(document);
    CHECK(streamed::agree(many, R"({"s3": null, "s99": null, "x": 1})", true));
    CHECK(streamed::agree(many, R"({"s3": null, "s99": 1})", false));
    CHECK(streamed::agree(many, R"({"s3": 1, "s99": null})", false));
}

} // namespace stream_validator_test
