// SPDX-License-Identifier: MIT
//
// The keywords of JSON Schema: which draft and vocabulary has which, and the dialect of a schema.
#ifndef LLMS_DETAIL_SCHEMA_KEYWORD_HPP
#define LLMS_DETAIL_SCHEMA_KEYWORD_HPP

#include <llms/detail/schema_names.hpp>
#include <llms/schema/draft.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace llms::inline v0_1::detail::schema_engine {

enum class keyword : std::uint8_t {
    id, // first: what says where a schema is and how to read it
    schema,
    ref,
    anchor,
    dynamic_ref,
    dynamic_anchor,
    recursive_ref,
    recursive_anchor,
    vocabulary,
    definitions, // subschemas that apply nowhere by themselves
    defs,
    all_of,
    any_of,
    one_of,
    not_,
    if_,
    then,
    else_,
    dependencies,
    dependent_schemas,
    properties,
    pattern_properties,
    additional_properties,
    property_names,
    prefix_items,
    items,
    additional_items,
    contains,
    unevaluated_items,
    unevaluated_properties,
    type,
    enum_,
    const_,
    multiple_of,
    maximum,
    exclusive_maximum,
    minimum,
    exclusive_minimum,
    max_length,
    min_length,
    pattern,
    format,
    max_items,
    min_items,
    unique_items,
    max_contains,
    min_contains,
    max_properties,
    min_properties,
    required,
    dependent_required,
    annotation, // all that say nothing about validity
    unknown,
};

constexpr auto keyword_count = static_cast<std::size_t>(keyword::unknown) + 1;

enum class vocabulary : std::uint8_t { core, applicator, unevaluated, validation, format, other };
constexpr std::size_t vocabulary_count = 6;

/// How a schema is to be read.
struct dialect {
    draft version = draft::v2020_12;
    std::array<bool, vocabulary_count> active{true, true, true, true, true, true};
    bool format_asserted = false;

    [[nodiscard]] auto has(vocabulary which) const noexcept -> bool {
        return active[static_cast<std::size_t>(which)];
    }
    /// Up to draft 7 `$ref` replaces all that stands beside it.
    [[nodiscard]] auto ref_stands_alone() const noexcept -> bool { return version <= draft::v7; }
};

struct keyword_row {
    std::string_view name;
    keyword id;
    vocabulary group;
    draft since = draft::v4;
    draft until = draft::v2020_12;
};

// clang-format off
inline constexpr auto keyword_rows = std::to_array<keyword_row>({
    {"$id", keyword::id, vocabulary::core, draft::v6},
    {"id", keyword::id, vocabulary::core, draft::v4, draft::v4},
    {"$schema", keyword::schema, vocabulary::core},
    {"$ref", keyword::ref, vocabulary::core},
    {"$anchor", keyword::anchor, vocabulary::core, draft::v2019_09},
    {"$dynamicRef", keyword::dynamic_ref, vocabulary::core, draft::v2020_12},
    {"$dynamicAnchor", keyword::dynamic_anchor, vocabulary::core, draft::v2020_12},
    {"$recursiveRef", keyword::recursive_ref, vocabulary::core, draft::v2019_09, draft::v2019_09},
    {"$recursiveAnchor", keyword::recursive_anchor, vocabulary::core, draft::v2019_09, draft::v2019_09},
    {"$vocabulary", keyword::vocabulary, vocabulary::core, draft::v2019_09},
    {"definitions", keyword::definitions, vocabulary::core},
    {"$defs", keyword::defs, vocabulary::core, draft::v2019_09},
    {"allOf", keyword::all_of, vocabulary::applicator},
    {"anyOf", keyword::any_of, vocabulary::applicator},
    {"oneOf", keyword::one_of, vocabulary::applicator},
    {"not", keyword::not_, vocabulary::applicator},
    {"if", keyword::if_, vocabulary::applicator, draft::v7},
    {"then", keyword::then, vocabulary::applicator, draft::v7},
    {"else", keyword::else_, vocabulary::applicator, draft::v7},
    {"dependencies", keyword::dependencies, vocabulary::applicator},
    {"dependentSchemas", keyword::dependent_schemas, vocabulary::applicator, draft::v2019_09},
    {"properties", keyword::properties, vocabulary::applicator},
    {"patternProperties", keyword::pattern_properties, vocabulary::applicator},
    {"additionalProperties", keyword::additional_properties, vocabulary::applicator},
    {"propertyNames", keyword::property_names, vocabulary::applicator, draft::v6},
    {"prefixItems", keyword::prefix_items, vocabulary::applicator, draft::v2020_12},
    {"items", keyword::items, vocabulary::applicator},
    {"additionalItems", keyword::additional_items, vocabulary::applicator, draft::v4, draft::v2019_09},
    {"contains", keyword::contains, vocabulary::applicator, draft::v6},
    {"unevaluatedItems", keyword::unevaluated_items, vocabulary::unevaluated, draft::v2019_09},
    {"unevaluatedProperties", keyword::unevaluated_properties, vocabulary::unevaluated, draft::v2019_09},
    {"type", keyword::type, vocabulary::validation},
    {"enum", keyword::enum_, vocabulary::validation},
    {"const", keyword::const_, vocabulary::validation, draft::v6},
    {"multipleOf", keyword::multiple_of, vocabulary::validation},
    {"maximum", keyword::maximum, vocabulary::validation},
    {"exclusiveMaximum", keyword::exclusive_maximum, vocabulary::validation},
    {"minimum", keyword::minimum, vocabulary::validation},
    {"exclusiveMinimum", keyword::exclusive_minimum, vocabulary::validation},
    {"maxLength", keyword::max_length, vocabulary::validation},
    {"minLength", keyword::min_length, vocabulary::validation},
    {"pattern", keyword::pattern, vocabulary::validation},
    {"format", keyword::format, vocabulary::format},
    {"maxItems", keyword::max_items, vocabulary::validation},
    {"minItems", keyword::min_items, vocabulary::validation},
    {"uniqueItems", keyword::unique_items, vocabulary::validation},
    {"maxContains", keyword::max_contains, vocabulary::validation, draft::v2019_09},
    {"minContains", keyword::min_contains, vocabulary::validation, draft::v2019_09},
    {"maxProperties", keyword::max_properties, vocabulary::validation},
    {"minProperties", keyword::min_properties, vocabulary::validation},
    {"required", keyword::required, vocabulary::validation},
    {"dependentRequired", keyword::dependent_required, vocabulary::validation, draft::v2019_09},
    {"$comment", keyword::annotation, vocabulary::other, draft::v7},
    {"title", keyword::annotation, vocabulary::other},
    {"description", keyword::annotation, vocabulary::other},
    {"default", keyword::annotation, vocabulary::other},
    {"examples", keyword::annotation, vocabulary::other, draft::v6},
    {"deprecated", keyword::annotation, vocabulary::other, draft::v2019_09},
    {"readOnly", keyword::annotation, vocabulary::other, draft::v7},
    {"writeOnly", keyword::annotation, vocabulary::other, draft::v7},
    {"contentEncoding", keyword::annotation, vocabulary::other, draft::v7},
    {"contentMediaType", keyword::annotation, vocabulary::other, draft::v7},
    {"contentSchema", keyword::annotation, vocabulary::other, draft::v2019_09},
});
// clang-format on

/// The table above, findable; built once.
inline auto keyword_table() -> name_table<keyword_row const*> const& {
    struct built {
        arena memory;
        name_table<keyword_row const*> table;

        built() {
            table.reserve(memory, keyword_rows.size());
            for (std::size_t i = 0; i < keyword_rows.size(); ++i) {
                table.entries()[i].name = keyword_rows[i].name;
                table.entries()[i].payload = &keyword_rows[i];
            }
            table.freeze(memory);
        }
    };
    static built const once;
    return once.table;
}

/// What `name` means in a schema of `reading`.
inline auto keyword_of(std::string_view name, dialect const& reading) -> keyword {
    auto const* const found = keyword_table().find(name);
    if (found == nullptr || reading.version < (*found)->since ||
        reading.version > (*found)->until) {
        return keyword::unknown;
    }
    return reading.has((*found)->group) ? (*found)->id : keyword::annotation;
}

} // namespace llms::inline v0_1::detail::schema_engine

#endif // LLMS_DETAIL_SCHEMA_KEYWORD_HPP
