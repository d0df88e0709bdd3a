// SPDX-License-Identifier: MIT
//
// A schema as one provider takes it, with what that took away; made by `adapt`.
#ifndef LLMS_SCHEMA_ADAPTED_SCHEMA_HPP
#define LLMS_SCHEMA_ADAPTED_SCHEMA_HPP

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace llms::inline v0_1 {

/// The part of JSON Schema that a provider takes.
enum class schema_dialect : std::uint8_t {
    full,             ///< all of it: OpenAI and Anthropic when not strict, MCP
    openai_strict,    ///< OpenAI's structured outputs and strict tools
    anthropic_strict, ///< Anthropic's structured outputs and strict tools
};

/// A schema in a dialect.
struct adapted_schema {
    /// One thing that the dialect cannot say.
    struct note {
        std::string pointer; ///< of the subschema
        std::string keyword;
        std::string text; ///< what became of it

        friend auto operator==(note const&, note const&) -> bool = default;
    };

    nlohmann::ordered_json schema;
    /// The constraints that `schema` lost, for the validator to hold; if not `expressible`, why.
    std::vector<note> notes{};
    /// Whether the dialect can say what remains. If not, `schema` is the original.
    bool expressible = true;
};

} // namespace llms::inline v0_1

#endif // LLMS_SCHEMA_ADAPTED_SCHEMA_HPP
