// SPDX-License-Identifier: MIT
//
// How strictly and how far `from_json_checked` reads.
#ifndef LLMS_SCHEMA_REFLECT_OPTIONS_HPP
#define LLMS_SCHEMA_REFLECT_OPTIONS_HPP

#include <llms/schema/coercion.hpp>

#include <cstddef>
#include <cstdint>

namespace llms::inline v0_1 {

/// What to do with a member of an object that the C++ type does not have.
enum class unknown_members : std::uint8_t { reject, ignore };

/// Options of `from_json_checked`.
struct reflect_options {
    /// The liberties that may be taken with the values; `changes()` lists those that were.
    coercion coerce = coercion::none;
    unknown_members unknown = unknown_members::reject;
    /// How deep arrays and objects may be nested.
    std::size_t max_depth = 128;
    /// The errors that a report lists; reading stops at the last.
    std::size_t max_errors = 16;
    /// How many values may be looked at, those of a variant once for each alternative tried.
    std::size_t max_values = 10'000'000;
};

} // namespace llms::inline v0_1

#endif // LLMS_SCHEMA_REFLECT_OPTIONS_HPP
