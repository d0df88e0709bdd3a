// SPDX-License-Identifier: MIT
//
// A JSON Schema, compiled once, and reports that a person or a model can act on.
#include <llms/schema/schema.hpp>
#include <llms/schema/schema_error.hpp>
#include <llms/schema/validator.hpp>

#include <nlohmann/json.hpp>

#include <iostream>

int main() {
    auto const document = nlohmann::json::parse(R"({
        "type": "object",
        "properties": {
            "name":  {"type": "string", "pattern": "^[a-z]+$"},
            "ports": {"type": "array", "items": {"type": "integer", "maximum": 65535}}
        },
        "required": ["name"],
        "additionalProperties": false
    })");
    llms::validator const judge{llms::schema::compile(document)};

    std::cout << judge.is_valid({{"name", "web"}, {"ports", {80, 443}}}) << '\n'; // 1

    auto const report = judge.validate({{"nmae", "web"}, {"ports", {80, 70000}}});
    std::cout << report.text(); // every error: where, what was expected, what was there
    for (auto const& error : report.errors()) {
        std::cout << error.keyword << " at \"" << error.instance_pointer << "\"\n";
    }

    // A schema that is wrong says so when it is compiled, all problems at once.
    try {
        auto const bad = llms::schema::compile({{"type", "strin"}, {"minimum", "1"}});
        return 1;
    } catch (llms::schema_error const& e) {
        std::cout << e.what() << '\n';
    }
    return report ? 1 : 0;
}
