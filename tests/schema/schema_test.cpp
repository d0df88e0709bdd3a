// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include <llms/schema/schema.hpp>
#include <llms/schema/std_regex.hpp>
#include <llms/schema/validator.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace schema_test {

namespace {

using nlohmann::json;
using namespace nlohmann::literals; // NOLINT(google-build-using-namespace)
using llms::schema;
using llms::validator;

auto problems_of(json const& document, llms::compile_options const& options = {})
    -> std::vector<llms::schema_problem> {
    try {
        auto const unexpected = schema::compile(document, options);
        return {};
    } catch (llms::schema_error const& failure) {
        return failure.problems();
    }
}

auto accepts(json const& document, json const& instance, llms::compile_options const& options = {})
    -> bool {
    return validator{schema::compile(document, options)}.is_valid(instance);
}

// The document that a schema named `base` asks the resolver for.
auto document_asked_for(char const* base, char const* reference) -> std::string {
    auto asked = std::string{};
    auto const resolver = [&](std::string_view uri) -> std::optional<json> {
        asked = uri;
        return std::nullopt;
    };
    static_cast<void>(problems_of({{"$id", base}, {"$ref", reference}}, {.resolver = resolver}));
    return asked;
}

auto nested(std::size_t depth, std::string_view open, std::string_view core, std::string_view close)
    -> json {
    auto text = std::string{};
    for (std::size_t i = 0; i < depth; ++i) {
        text += open;
    }
    text += core;
    for (std::size_t i = 0; i < depth; ++i) {
        text += close;
    }
    return json::parse(text);
}

} // namespace

TEST_CASE("schema: all problems are thrown at once, each with its place", "[schema]") {
    auto const problems = problems_of(R"({
        "type": "strin", "minimum": "1", "required": "a", "anyOf": [], "$ref": "#/nope",
        "properties": {"a/b": {"pattern": "(", "maxLength": -1}, "c": 3}})"_json);
    auto places = std::vector<std::string>{};
    for (auto const& [pointer, keyword, reason] : problems) {
        places.push_back(pointer);
        places.back().append(" ").append(keyword);
        CHECK_FALSE(reason.empty());
    }
    auto const expects = [&](char const* place) {
        INFO(place);
        CHECK(std::find(places.begin(), places.end(), place) != places.end());
    };
    expects(" type");
    expects(" minimum");
    expects(" required");
    expects(" anyOf");
    expects(" $ref");
    expects("/properties/a~1b pattern");
    expects("/properties/a~1b maxLength");
    expects("/properties/c ");
    CHECK(problems.size() == 8);
}

TEST_CASE("schema: a keyword of the wrong type is a problem", "[schema]") {
    struct sample {
        char const* schema;
        char const* keyword;
        char const* reason;
    };
    auto const each = GENERATE(
        sample{R"({"$anchor": 5})", "$anchor", "expected a string, found number"},
        sample{R"({"$dynamicAnchor": []})", "$dynamicAnchor", "expected a string, found array"},
        sample{R"({"$schema": {}})", "$schema", "expected a string, found object"},
        sample{R"({"$ref": null})", "$ref", "expected a string, found null"},
        sample{R"({"$schema": "https://json-schema.org/draft/2019-09/schema",
                   "$recursiveAnchor": 1})",
               "$recursiveAnchor", "expected a boolean, found number"},
        sample{R"({"properties": []})", "properties", "expected an object of schemas, found array"},
        sample{R"({"$defs": 1})", "$defs", "expected an object of schemas, found number"},
        sample{R"({"enum": "a"})", "enum", "expected an array, found string"},
        sample{R"({"pattern": 1})", "pattern", "expected a string, found number"},
        sample{R"({"format": 1})", "format", "expected a string, found number"},
        sample{R"({"$schema": "http://json-schema.org/draft-04/schema", "minimum": 1,
                   "exclusiveMinimum": 0})",
               "exclusiveMinimum", "expected a boolean, found number"},
        sample{R"({"uniqueItems": "yes"})", "uniqueItems", "expected a boolean, found string"},
        sample{R"({"multipleOf": "2"})", "multipleOf", "expected a number, found string"});
    CAPTURE(each.schema);
    auto const problems = problems_of(json::parse(each.schema));
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].pointer.empty());
    CHECK(problems[0].keyword == each.keyword);
    CHECK(problems[0].reason == each.reason);
}

TEST_CASE("schema: an anchor that is not there is a problem", "[schema]") {
    auto const problems = problems_of(R"({"$ref": "#nope"})"_json);
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].reason == R"("#nope": there is no anchor "nope")");
}

TEST_CASE("schema: an index in a reference is a number without zeros before it", "[schema]") {
    auto const* const digits = GENERATE("01", "x", "-1", "1", "9999999999999999999");
    CAPTURE(digits);
    auto document = json{{"prefixItems", json::array({true})},
                         {"$ref", "#/prefixItems/" + std::string(digits)}};
    auto const problems = problems_of(document);
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].keyword == "$ref");
    document["$ref"] = "#/prefixItems/0";
    CHECK(problems_of(document).empty());
}

TEST_CASE("schema: a pattern that gives up on a property's name is a problem", "[schema]") {
    auto const options = llms::compile_options{.patterns = [](std::string_view text) {
        return llms::pattern::compile(text, llms::std_regex{.max_steps = 1000});
    }};
    auto const problems = problems_of({{"properties", {{std::string(40, 'a') + "!", true}}},
                                       {"patternProperties", {{"^(a+)+$", true}}}},
                                      options);
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].keyword == "patternProperties");
    CHECK_THAT(problems[0].reason, support::contains("max_steps"));
}

TEST_CASE("schema: the text of the error names pointer, keyword and reason", "[schema]") {
    CHECK_THROWS_WITH(schema::compile(R"({"properties": {"n": {"multipleOf": 0}}})"_json),
                      "the schema cannot be compiled: at \"/properties/n\", multipleOf: must be "
                      "above 0");
}

TEST_CASE("schema: unknown keywords are problems only when strict", "[schema]") {
    auto const document = R"({"properties": {"a": {"minimun": 3}}})"_json;
    CHECK(problems_of(document).empty());
    auto const problems = problems_of(document, {.strict = true});
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].pointer == "/properties/a");
    CHECK(problems[0].keyword == "minimun");
    CHECK(problems_of({{"$schema", "https://example.com/mine"}}, {.strict = true}).size() == 1);
}

TEST_CASE("schema: references go to pointers, anchors and identifiers", "[schema]") {
    auto const document = R"({
        "$id": "https://example.com/root",
        "$defs": {
            "by pointer": {"type": "integer"},
            "named": {"$anchor": "here", "type": "string"},
            "own": {"$id": "own", "type": "boolean"}},
        "properties": {
            "p": {"$ref": "#/$defs/by%20pointer"}, "a": {"$ref": "#here"}, "i": {"$ref": "own"}}
        })"_json;
    CHECK(accepts(document, R"({"p": 1, "a": "x", "i": true})"_json));
    CHECK_FALSE(accepts(document, R"({"p": "1"})"_json));
    CHECK_FALSE(accepts(document, R"({"a": 1})"_json));
    CHECK_FALSE(accepts(document, R"({"i": 1})"_json));
    auto const compiled = schema::compile(document);
    auto const& root = compiled.document();
    CHECK(compiled.resolve("#/$defs/by%20pointer") == &root["$defs"]["by pointer"]);
    CHECK(compiled.resolve("#here") == &root["$defs"]["named"]);
    CHECK(compiled.resolve("#") == &root);
    CHECK(compiled.resolve("#/nowhere") == nullptr);
    CHECK(compiled.resolve("https://elsewhere.org#here") == nullptr);
    CHECK(compiled.referenced(root["properties"]["i"]) == &root["$defs"]["own"]);
    CHECK(compiled.referenced(root["$defs"]["own"]) == nullptr);
    CHECK(compiled.referenced(document) == nullptr); // it has a document of its own
}

TEST_CASE("schema: a reference is resolved as RFC 3986 says", "[schema]") {
    struct sample {
        char const* reference;
        char const* uri;
    };
    // The examples of its section 5.4 that leave the document, and some beyond.
    auto const each = GENERATE(
        sample{"g:h", "g:h"}, sample{"g", "http://a/b/c/g"}, sample{"./g", "http://a/b/c/g"},
        sample{"g/", "http://a/b/c/g/"}, sample{"/g", "http://a/g"}, sample{"//g", "http://g"},
        sample{"?y", "http://a/b/c/d;p?y"}, sample{"g?y", "http://a/b/c/g?y"},
        sample{"g#s", "http://a/b/c/g"}, sample{"g?y#s", "http://a/b/c/g?y"},
        sample{";x", "http://a/b/c/;x"}, sample{"g;x?y#s", "http://a/b/c/g;x?y"},
        sample{".", "http://a/b/c/"}, sample{"./", "http://a/b/c/"}, sample{"..", "http://a/b/"},
        sample{"../", "http://a/b/"}, sample{"../g", "http://a/b/g"}, sample{"../..", "http://a/"},
        sample{"../../", "http://a/"}, sample{"../../g", "http://a/g"},
        sample{"../../../g", "http://a/g"}, sample{"../../../../g", "http://a/g"},
        sample{"/./g", "http://a/g"}, sample{"/../g", "http://a/g"},
        sample{"g.", "http://a/b/c/g."}, sample{".g", "http://a/b/c/.g"},
        sample{"g..", "http://a/b/c/g.."}, sample{"..g", "http://a/b/c/..g"},
        sample{"./../g", "http://a/b/g"}, sample{"./g/.", "http://a/b/c/g/"},
        sample{"g/./h", "http://a/b/c/g/h"}, sample{"g/../h", "http://a/b/c/h"},
        sample{"g;x=1/./y", "http://a/b/c/g;x=1/y"}, sample{"g;x=1/../y", "http://a/b/c/y"},
        sample{"g?y/./x", "http://a/b/c/g?y/./x"}, sample{"g?y/../x", "http://a/b/c/g?y/../x"});
    CAPTURE(each.reference);
    CHECK(document_asked_for("http://a/b/c/d;p?q", each.reference) == each.uri);
}

TEST_CASE("schema: a reference is resolved from a base without a path", "[schema]") {
    CHECK(document_asked_for("http://host", "g") == "http://host/g");
    CHECK(document_asked_for("", "../../g") == "g");
    // The document itself, which needs no asking.
    for (auto const* const reference : {".", "..", "./", "../."}) {
        CAPTURE(reference);
        auto const document =
            json{{"type", "object"}, {"properties", {{"n", {{"$ref", reference}}}}}};
        CHECK(accepts(document, R"({"n": {"n": {}}})"_json));
        CHECK_FALSE(accepts(document, R"({"n": {"n": 1}})"_json));
    }
}

TEST_CASE("schema: documents elsewhere come from the resolver only", "[schema]") {
    auto const document = R"({"$ref": "https://example.com/city#/$defs/name"})"_json;
    auto const problems = problems_of(document);
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].reason.find("no resolver") != std::string::npos);
    auto asked = std::vector<std::string>{};
    auto const resolver = [&](std::string_view uri) -> std::optional<json> {
        asked.emplace_back(uri);
        return R"({"$defs": {"name": {"minLength": 2}}})"_json;
    };
    CHECK_FALSE(accepts(document, "x", {.resolver = resolver}));
    CHECK(asked == std::vector<std::string>{"https://example.com/city"});
    CHECK(problems_of(document, {.resolver =
                                     [](auto) {
                                         return std::nullopt;
                                     }})
              .size() == 1);
    auto const failing = [](std::string_view) -> std::optional<json> {
        throw std::runtime_error("disk on fire");
    };
    CHECK(problems_of(document, {.resolver = failing}).at(0).reason.find("disk on fire") !=
          std::string::npos);
}

TEST_CASE("schema: what a resolver gives is bounded, in depth and in number", "[schema]") {
    auto const deep = problems_of(R"({"$ref": "https://example.com/deep"})"_json,
                                  {.resolver = [](std::string_view) -> std::optional<json> {
                                      return nested(1000, R"({"not":)", "true", "}");
                                  }});
    REQUIRE(deep.size() == 1);
    CHECK_THAT(deep[0].reason,
               support::contains(R"(the document "https://example.com/deep" nests too deeply)"));
    auto asked = 0;
    auto const many = problems_of(R"({"$ref": "https://example.com/0"})"_json,
                                  {.resolver = [&](std::string_view) -> std::optional<json> {
                                      ++asked;
                                      return json{{"$ref", "/" + std::to_string(asked)}};
                                  }});
    CHECK(asked == 1023); // and the schema itself
    REQUIRE(many.size() == 1);
    CHECK_THAT(many[0].reason, support::contains("refers to more than 1024 documents"));
}

TEST_CASE("schema: a dialect has the vocabularies that its own schema names", "[schema]") {
    auto const meta = R"({"$vocabulary": {
        "https://json-schema.org/draft/2020-12/vocab/core": true,
        "https://json-schema.org/draft/2020-12/vocab/applicator": true,
        "https://json-schema.org/draft/2020-12/vocab/unevaluated": true,
        "https://example.com/vocab/colors": false}})"_json;
    auto asked = std::vector<std::string>{};
    auto const options =
        llms::compile_options{.resolver = [&](std::string_view uri) -> std::optional<json> {
            asked.emplace_back(uri);
            return meta;
        }};
    auto const document = R"({"$schema": "https://example.com/meta", "properties": {"a": {
        "$id": "a", "$schema": "https://example.com/meta", "type": "integer"}},
        "unevaluatedProperties": false})"_json;
    CHECK(accepts(document, R"({"a": "no validation"})"_json, options));
    CHECK_FALSE(accepts(document, R"({"b": 1})"_json, options));
    CHECK(asked == std::vector<std::string>(2, "https://example.com/meta")); // once a compilation
    // It may lie in the document.
    auto inside = R"({"$defs": {"b": {"$id": "b", "$schema": "https://example.com/meta",
        "type": "integer", "properties": {"c": false}}}, "$ref": "b"})"_json;
    CHECK_FALSE(accepts(inside, "x"));
    inside["$defs"]["a"] = meta;
    inside["$defs"]["a"]["$id"] = "https://example.com/meta";
    CHECK(accepts(inside, "x"));
    CHECK_FALSE(accepts(inside, R"({"c": 1})"_json));
}

TEST_CASE("schema: a vocabulary that is required and not known is a problem", "[schema]") {
    auto needed = true;
    auto const options =
        llms::compile_options{.resolver = [&](std::string_view) -> std::optional<json> {
            return json{{"$vocabulary", {{"https://example.com/vocab/colors", needed}}}};
        }};
    auto const document = R"({"$schema": "https://example.com/meta"})"_json;
    auto const problems = problems_of(document, options);
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].keyword == "$schema");
    CHECK(problems[0].reason == R"(the dialect requires the vocabulary )"
                                R"("https://example.com/vocab/colors", which is not known)");
    needed = false;
    CHECK(problems_of(document, options).empty());
}

TEST_CASE("schema: the drafts' own schemas are built in", "[schema]") {
    for (auto const* const uri :
         {"http://json-schema.org/draft-04/schema#", "http://json-schema.org/draft-06/schema#",
          "http://json-schema.org/draft-07/schema#", "https://json-schema.org/draft/2019-09/schema",
          "https://json-schema.org/draft/2020-12/schema"}) {
        INFO(uri);
        auto const meta = json{{"$schema", uri}, {"$ref", uri}};
        CHECK(accepts(meta, R"({"properties": {"a": {"type": ["string", "null"]}}})"_json));
        CHECK_FALSE(accepts(meta, R"({"properties": {"a": {"type": "text"}}})"_json));
        CHECK_FALSE(accepts(meta, R"({"items": {"not": {"maxLength": -1}}})"_json));
    }
}

TEST_CASE("schema: the draft decides what keywords mean", "[schema]") {
    auto const tuple = R"({"items": [{"type": "integer"}]})"_json;
    CHECK_FALSE(accepts(tuple, json::array({"a"}), {.default_draft = llms::draft::v7}));
    CHECK(problems_of(tuple).size() == 1);
    auto const exclusive = R"({"minimum": 1, "exclusiveMinimum": true})"_json;
    CHECK_FALSE(accepts(exclusive, 1, {.default_draft = llms::draft::v4}));
    CHECK(problems_of(exclusive).size() == 1);
    auto const beside =
        json::parse(R"({"$defs": {"a": true}, "$ref": "#/$defs/a", "type": "null"})");
    CHECK_FALSE(accepts(beside, 1));
    CHECK(accepts(beside, 1, {.default_draft = llms::draft::v7}));
}

TEST_CASE("schema: says which keywords count where a subschema stands", "[schema]") {
    auto const compiled = schema::compile(json::parse(R"({
        "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "all", "mine": 1,
        "properties": {"new": {"$ref": "#", "const": 1, "additionalItems": {}},
                       "old": {"$id": "https://example.org/old",
                               "$schema": "http://json-schema.org/draft-04/schema#",
                               "properties": {"a": {"const": 1, "minimum": 0},
                                              "b": {"$ref": "#", "minimum": 0}}},
                       "any": true}})"),
                                          {.keywords = {{"mine", [](json const& /*value*/) {
                                                             return [](json const& /*x*/) {
                                                                 return true;
                                                             };
                                                         }}}});
    auto const& root = compiled.document();
    CHECK(compiled.heeds(root, "properties"));
    CHECK(compiled.heeds(root, "minimum")); // whether it is there or not
    for (auto const* const name : {"title", "mine", "unknown"}) {
        CHECK_FALSE(compiled.heeds(root, name));
    }
    auto const& fresh = root["properties"]["new"];
    CHECK(compiled.heeds(fresh, "$ref"));
    CHECK(compiled.heeds(fresh, "const"));
    CHECK_FALSE(compiled.heeds(fresh, "additionalItems"));
    auto const& old = root["properties"]["old"]["properties"];
    CHECK(compiled.heeds(old["a"], "minimum"));
    CHECK_FALSE(compiled.heeds(old["a"], "const"));
    CHECK(compiled.heeds(old["b"], "$ref"));
    CHECK_FALSE(compiled.heeds(old["b"], "minimum"));
    CHECK(compiled.heeds(root["properties"]["any"], "type"));
    CHECK_FALSE(compiled.heeds(json{{"type", "null"}}, "type")); // no part of it
}

TEST_CASE("schema: users add formats and keywords", "[schema]") {
    auto options = llms::compile_options{.formats_asserted = true};
    options.formats["even-length"] = [](std::string_view text) {
        return text.size() % 2 == 0;
    };
    options.keywords["divides"] = [](json const& value) -> llms::keyword_check {
        if (!value.is_number_integer()) {
            throw std::invalid_argument("must be an integer");
        }
        return [whole = value.get<int>()](json const& instance) {
            return !instance.is_number_integer() || whole % instance.get<int>() == 0;
        };
    };
    auto const document = R"({"format": "even-length", "divides": 12})"_json;
    CHECK(accepts(document, "ab", options));
    CHECK_FALSE(accepts(document, "abc", options));
    CHECK(accepts(document, 4, options));
    CHECK_FALSE(accepts(document, 5, options));
    CHECK_FALSE(validator{schema::compile(document, options)}.is_valid(nlohmann::ordered_json(5)));
    auto const report = validator{schema::compile(document, options)}.validate(json(5));
    CHECK(report.errors().at(0).keyword == "divides");
    CHECK(problems_of(R"({"divides": "x"})"_json, options).at(0).reason == "must be an integer");
    CHECK(validator{schema::compile(document, options)}
              .validate(json("abc"))
              .errors()
              .at(0)
              .message == R"("abc" is not a valid even-length)");
    // The keyword sees names as it sees strings, and no value deeper than is allowed.
    options.keywords["short"] = [](json const&) -> llms::keyword_check {
        return [](json const& value) {
            return value.dump().size() < 5;
        };
    };
    auto const names = R"({"propertyNames": {"short": true}})"_json;
    CHECK(accepts(names, R"({"ab": "long enough"})"_json, options));
    CHECK_FALSE(accepts(names, R"({"abc": 1})"_json, options));
    auto const deep = nlohmann::ordered_json(nested(600, "[", "", "]"));
    auto const shallow = validator{schema::compile(R"({"short": true})"_json, options)};
    CHECK(shallow.is_valid(nlohmann::ordered_json::parse("[[]]")));
    CHECK_THAT(shallow.validate(deep).errors().at(0).message, support::contains("deeper than 512"));
}

TEST_CASE("schema: formats inform or are asserted", "[schema]") {
    auto const document = R"({"format": "ipv4"})"_json;
    CHECK(accepts(document, "300.1.1.1"));
    CHECK_FALSE(accepts(document, "300.1.1.1", {.formats_asserted = true}));
    CHECK(accepts(R"({"format": "unheard-of"})"_json, "x", {.formats_asserted = true}));
}

TEST_CASE("schema: it compiles from ordered_json and keeps its own document", "[schema]") {
    auto document =
        nlohmann::ordered_json::parse(R"({"required": ["b"], "properties": {"a": true}})");
    auto const compiled = schema::compile(document);
    document.clear();
    CHECK(compiled.document() == R"({"required": ["b"], "properties": {"a": true}})"_json);
    auto copies = std::vector{compiled};
    CHECK(&copies.front().document() == &compiled.document());
    CHECK(compiled.size_bytes() > 0);
}

TEST_CASE("schema: what its patterns take together is counted and bounded", "[schema]") {
    auto document = json::object();
    for (int i = 0; i < 40; ++i) {
        document["properties"]["p" + std::to_string(i)]["pattern"] =
            "^(a|b)*" + std::to_string(i) + "(c|d){3}$";
    }
    auto const bare = schema::compile(R"({"properties": {}})"_json).size_bytes();
    auto const taken = schema::compile(document).size_bytes();
    CHECK(taken > bare + 20'000);
    CHECK(problems_of(document, {.max_pattern_bytes = taken}).empty());
    auto const problems = problems_of(document, {.max_pattern_bytes = 10'000});
    REQUIRE(problems.size() == 1);
    CHECK(problems.front().keyword == "pattern");
    CHECK(problems.front().reason ==
          "the patterns of the schema take more than 10000 bytes together");
}

TEST_CASE("schema: a document of any depth is refused, not followed", "[schema]") {
    CHECK(problems_of(nested(100000, R"({"not":)", "true", "}")).size() == 1);
    auto in_const = json::object();
    in_const["const"] = nested(100000, "[", "", "]");
    CHECK(problems_of(in_const).size() == 1);
    CHECK(problems_of(nested(500, R"({"not":)", "true", "}")).empty());
}

TEST_CASE("schema: names chosen to collide do not slow it down", "[schema]") {
    // Sixteen bytes whose two words are chosen so that the table's hash of them is always the same.
    constexpr auto first_factor = std::uint64_t{0x9E3779B97F4A7C15U};
    constexpr auto second_factor = std::uint64_t{0xC2B2AE3D27D4EB4FU};
    auto const colliding = [&](std::uint64_t i) {
        auto const words =
            std::array<std::uint64_t, 2>{second_factor * i, std::uint64_t{0} - first_factor * i};
        auto name = std::string(sizeof words, '\0');
        std::memcpy(name.data(), words.data(), name.size());
        return name;
    };
    using llms::detail::schema_engine::name_words;
    REQUIRE(name_words{colliding(1)}.hash == name_words{colliding(2)}.hash);
    auto document = json::object();
    auto instance = json::object();
    for (std::uint64_t i = 0; i < 10000; ++i) {
        document["properties"][colliding(i)]["type"] = "integer";
        instance[colliding(i)] = i;
    }
    document["additionalProperties"] = false;
    CHECK(accepts(document, instance));
    instance[colliding(10000)] = 1;
    CHECK_FALSE(accepts(document, instance));
}

TEST_CASE("schema: an enum of 100,000 is searched, not walked", "[schema]") {
    auto strings = json{{"enum", json::array()}};
    auto objects = strings;
    for (auto i = 0; i < 100000; ++i) {
        strings["enum"].push_back("value " + std::to_string(i));
        objects["enum"].push_back({{"id", i}});
    }
    auto const by_text = validator{schema::compile(strings)};
    auto const by_object = validator{schema::compile(objects)};
    for (auto i = 0; i < 100000; i += 7) {
        REQUIRE(by_text.is_valid(json("value " + std::to_string(i))));
        REQUIRE(by_object.is_valid(json{{"id", i}}));
        REQUIRE_FALSE(by_text.is_valid(json("value" + std::to_string(i))));
        REQUIRE_FALSE(by_object.is_valid(json{{"id", -1 - i}}));
    }
}

} // namespace schema_test
