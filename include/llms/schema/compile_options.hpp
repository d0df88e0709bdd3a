// SPDX-License-Identifier: MIT
//
// How `schema::compile` reads a schema. Everything has a default:
//
//     auto s = llms::schema::compile(document, {.formats_asserted = true, .strict = true});
//
// The functions given here are kept by the compiled schema and called by every thread that
// validates with it, never under a lock.
#ifndef LLMS_SCHEMA_COMPILE_OPTIONS_HPP
#define LLMS_SCHEMA_COMPILE_OPTIONS_HPP

#include <llms/schema/draft.hpp>
#include <llms/schema/pattern.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace llms::inline v0_1 {

/// Says whether a text has a format.
using format_check = std::function<bool(std::string_view text)>;

/// Says whether an instance satisfies a keyword.
using keyword_check = std::function<bool(nlohmann::json const& instance)>;

/// Reads the value of a keyword once, at compile time; what it throws is reported as a problem of
/// the schema.
using keyword_factory = std::function<keyword_check(nlohmann::json const& value)>;

/// Compiles a pattern, by whatever engine; throws `pattern_error` where it cannot.
using pattern_factory = std::function<pattern(std::string_view text)>;

/// Gives the document that a URI (without fragment) names, or nothing.
using schema_resolver = std::function<std::optional<nlohmann::json>(std::string_view uri)>;

/// Options of `schema::compile`.
struct compile_options {
    /// How to read a schema that does not say so by `$schema`.
    draft default_draft = draft::v2020_12;
    /// Whether `format` is checked; the specification's default is that it only informs.
    bool formats_asserted = false;
    /// Whether unknown keywords and dialects are problems.
    bool strict = false;
    /// The deepest nesting of schema and instance that is followed; deeper ones are refused. The
    /// stack that a validation needs grows with it: about 0.5 KiB each.
    std::size_t max_depth = 512;
    /// How many visits of subschemas one validation may need beyond those that are remembered.
    /// Only schemas made to explode need that many.
    std::size_t max_work = std::size_t{1} << 24U;
    /// The URI of the schema where it has no `$id`.
    std::string base_uri{};
    /// Asked for documents that `$ref` and `$schema` name; the drafts' own are built in. Without
    /// it a reference to elsewhere is a problem. Nothing is ever fetched.
    schema_resolver resolver{};
    /// Formats to add or replace, by name.
    std::map<std::string, format_check, std::less<>> formats{};
    /// Keywords to add, by name.
    std::map<std::string, keyword_factory, std::less<>> keywords{};
    /// The most that the compiled patterns of one schema may hold together; more is a problem of the
    /// schema. One pattern has the bounds of its engine.
    std::size_t max_pattern_bytes = std::size_t{64} << 20U;
    /// Compiles what `pattern` and `patternProperties` hold; empty for `pattern::compile`.
    pattern_factory patterns{};
};

} // namespace llms::inline v0_1

#endif // LLMS_SCHEMA_COMPILE_OPTIONS_HPP
