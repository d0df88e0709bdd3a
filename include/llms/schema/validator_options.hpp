// SPDX-License-Identifier: MIT
//
// How much a `validator` reports and how much text it takes.
//
//     llms::validator v{schema, {.max_errors = 10}};
#ifndef LLMS_SCHEMA_VALIDATOR_OPTIONS_HPP
#define LLMS_SCHEMA_VALIDATOR_OPTIONS_HPP

#include <llms/version.hpp>

#include <cstddef>

namespace llms::inline v0_1 {

/// Options of `validator`.
struct validator_options {
    /// The errors that a report lists, causes included; at least one.
    std::size_t max_errors = 100;
    /// The longest text that `validate_text` parses.
    std::size_t max_text_bytes = std::size_t{16} << 20U;
    /// The deepest nesting of a text that `validate_text` parses.
    std::size_t max_text_depth = 512;
};

} // namespace llms::inline v0_1

#endif // LLMS_SCHEMA_VALIDATOR_OPTIONS_HPP
