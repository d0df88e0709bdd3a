// SPDX-License-Identifier: MIT
//
// What is known of a value that is still coming.
#ifndef LLMS_SCHEMA_VERDICT_HPP
#define LLMS_SCHEMA_VERDICT_HPP

#include <llms/version.hpp>

#include <cstdint>

namespace llms::inline v0_1 {

/// The state of `sax_validator` and `stream_validator`.
enum class verdict : std::uint8_t {
    undecided, ///< so far nothing is wrong
    valid,     ///< the value is complete and satisfies the schema
    invalid,   ///< nothing that may follow makes it valid; this stays
};

} // namespace llms::inline v0_1

#endif // LLMS_SCHEMA_VERDICT_HPP
