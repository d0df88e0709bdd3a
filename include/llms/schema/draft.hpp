// SPDX-License-Identifier: MIT
//
// The drafts of JSON Schema that `schema::compile` knows. A schema names its own in `$schema`;
// one that does not is read as `compile_options::default_draft`.
#ifndef LLMS_SCHEMA_DRAFT_HPP
#define LLMS_SCHEMA_DRAFT_HPP

#include <llms/version.hpp>

namespace llms::inline v0_1 {

/// A draft of JSON Schema, older ones first.
enum class draft : unsigned char { v4, v6, v7, v2019_09, v2020_12 };

} // namespace llms::inline v0_1

#endif // LLMS_SCHEMA_DRAFT_HPP
