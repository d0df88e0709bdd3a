// SPDX-License-Identifier: MIT
//
// The input chooses a schema and an instance; the compiled schema must judge as the slow interpreter
// of the specification does.
#include "fuzz/choices.hpp"
#include "schema/random_schema.hpp"
#include "schema/schema_interpreter.hpp"
#include <llms/schema/validator.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" auto LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) -> int {
    auto make = random_schema::maker{fuzz::choices{{bytes, size}}};
    auto const document = make.schema();
    auto const instance = make.instance();
    auto const expected = schema_interpreter::interpreter{document}.run(document, instance).valid;
    auto const check = llms::validator{llms::schema::compile(document)};
    if (check.is_valid(instance) != expected ||
        static_cast<bool>(check.validate(instance)) != expected) {
        std::abort();
    }
    return 0;
}
