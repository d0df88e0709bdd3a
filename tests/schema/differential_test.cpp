// SPDX-License-Identifier: MIT
//
// The compiled schema against a slow interpreter of the specification, on random schemas.
#include "schema/random_schema.hpp"
#include "schema/schema_interpreter.hpp"
#include "schema/streamed.hpp"
#include "support/catch.hpp"
#include <llms/schema/validator.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>

namespace differential_test {

namespace {

using nlohmann::json;

auto resolves(json const& instance, std::string const& pointer) -> bool {
    return instance.contains(json::json_pointer(pointer)) || pointer.empty();
}

} // namespace

TEST_CASE("differential: the compiled schema judges as the interpreter does", "[schema]") {
    auto valid = std::size_t{0};
    auto invalid = std::size_t{0};
    for (std::uint64_t seed = 0; seed < 6000; ++seed) {
        auto make = random_schema::maker{random_schema::splitmix{seed}};
        auto const document = make.schema();
        auto const compiled = llms::validator{llms::schema::compile(document)};
        auto const reference = schema_interpreter::interpreter{document};
        for (auto i = 0; i < 8; ++i) {
            auto const instance = make.instance();
            auto const ordered = nlohmann::ordered_json::parse(instance.dump());
            auto const expected = reference.run(document, instance).valid;
            auto const report = compiled.validate(instance);
            (expected ? valid : invalid) += 1;
            INFO("seed " << seed << "\n" << document.dump() << "\n" << instance.dump());
            REQUIRE(compiled.is_valid(instance) == expected);
            REQUIRE(compiled.is_valid(ordered) == expected);
            REQUIRE(static_cast<bool>(report) == expected);
            REQUIRE(streamed::agree(compiled.compiled(), instance.dump(), expected));
            for (auto const& error : report.errors()) {
                REQUIRE(error.message != "the value does not match the schema");
                REQUIRE(resolves(instance, error.instance_pointer));
            }
        }
    }
    CHECK(valid > 2000);
    CHECK(invalid > 2000);
}

} // namespace differential_test
