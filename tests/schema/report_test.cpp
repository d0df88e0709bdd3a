// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include <llms/schema/report.hpp>
#include <llms/schema/validator.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <string>

namespace report_test {

namespace {

using nlohmann::json;
using namespace nlohmann::literals; // NOLINT(google-build-using-namespace)

auto judge(json const& instance, std::size_t max_errors = 100) -> llms::report {
    auto const schema = llms::schema::compile(R"({
        "$id": "https://example.com/trip",
        "$defs": {"count": {"type": "integer", "minimum": 1}},
        "properties": {
            "days": {"$ref": "#/$defs/count"},
            "to/from": {"items": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/count"}]}}},
        "required": ["days"]})"_json);
    return llms::validator{schema, {.max_errors = max_errors}}.validate(instance);
}

} // namespace

TEST_CASE("report: a valid instance has an empty one", "[schema]") {
    auto const report = judge(R"({"days": 2})"_json);
    CHECK(report);
    CHECK(report.errors().empty());
    CHECK(report.text().empty());
    CHECK(report.flag() == R"({"valid": true})"_json);
    CHECK(report.basic() == R"({"valid": true})"_json);
    CHECK(report.detailed() == R"({"valid": true})"_json);
}

TEST_CASE("report: an error names its place in instance and schema", "[schema]") {
    auto const report = judge(R"({"days": 0})"_json);
    CHECK_FALSE(report);
    REQUIRE(report.errors().size() == 1);
    auto const& error = report.errors()[0];
    CHECK(error.instance_pointer == "/days");
    CHECK(error.schema_pointer == "/$defs/count/minimum");
    CHECK(error.keyword == "minimum");
    CHECK(error.evaluation_path == "/properties/days/$ref/minimum");
    CHECK(error.absolute_location == "https://example.com/trip#/$defs/count/minimum");
    CHECK(report.text() == "- at /days: expected a number of at least 1, found 0\n");
}

TEST_CASE("report: the output forms of the specification", "[schema]") {
    auto const report = judge(R"({"days": 1, "to/from": ["a", 0]})"_json);
    auto const under = [](char const* way, char const* place, char const* error) {
        return json{{"valid", false},
                    {"keywordLocation", std::string("/properties/to~1from/items") + way},
                    {"absoluteKeywordLocation", std::string("https://example.com/trip#") + place},
                    {"instanceLocation", "/to~1from/1"},
                    {"error", error}};
    };
    auto const none =
        under("/anyOf", "/properties/to~1from/items/anyOf",
              "matches none of the 2 variants: (1) string, (2) integer; nearest is (1)");
    auto const first = under("/anyOf/0/type", "/properties/to~1from/items/anyOf/0/type",
                             "expected string, found number 0");
    auto const second = under("/anyOf/1/$ref/minimum", "/$defs/count/minimum",
                              "expected a number of at least 1, found 0");
    CHECK(report.flag() == R"({"valid": false})"_json);
    CHECK(report.basic() == json{{"valid", false}, {"errors", {none, first, second}}});
    auto nested = none;
    nested["errors"] = {first, second};
    CHECK(report.detailed() == json{{"valid", false}, {"errors", json::array({nested})}});
    CHECK(report.text() == "- at /to~1from/1: matches none of the 2 variants: (1) string, (2) "
                           "integer; nearest is (1)\n"
                           "  - at /to~1from/1: expected string, found number 0\n"
                           "  - at /to~1from/1: expected a number of at least 1, found 0\n");
}

TEST_CASE("report: the number of errors is bounded, causes included", "[schema]") {
    auto many = json{{"days", 1}, {"to/from", json::array()}};
    for (auto i = 0; i < 1000; ++i) {
        many["to/from"].push_back(nullptr);
    }
    auto const report = judge(many, 10);
    CHECK(report.truncated());
    CHECK(report.basic()["errors"].size() <= 11);
    CHECK(report.text().ends_with("- and more\n"));
    CHECK_FALSE(judge(R"({"days": 0})"_json, 1).truncated());
}

} // namespace report_test
