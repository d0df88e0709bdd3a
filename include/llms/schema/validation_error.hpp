// SPDX-License-Identifier: MIT
//
// One thing that is wrong with an instance, as a `report` lists it.
#ifndef LLMS_SCHEMA_VALIDATION_ERROR_HPP
#define LLMS_SCHEMA_VALIDATION_ERROR_HPP

#include <llms/version.hpp>

#include <string>
#include <vector>

namespace llms::inline v0_1 {

/// A place in the instance that a keyword of the schema does not allow.
struct validation_error {
    /// JSON Pointer of the value that is wrong; empty for the whole instance.
    std::string instance_pointer;
    /// JSON Pointer of the keyword in its schema document; its URI stands before it if that is not
    /// the document that was compiled.
    std::string schema_pointer;
    /// The keyword; empty where the schema `false` or a bound of the validator said no.
    std::string keyword;
    /// What was expected and what was found.
    std::string message;
    /// The way that led to the keyword, through every `$ref`.
    std::string evaluation_path{};
    /// The keyword's place as a URI with a JSON Pointer for fragment.
    std::string absolute_location{};
    /// For `anyOf`, `oneOf` and `contains`: what is wrong under each variant.
    std::vector<validation_error> causes{};
};

} // namespace llms::inline v0_1

#endif // LLMS_SCHEMA_VALIDATION_ERROR_HPP
