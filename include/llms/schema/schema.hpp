// SPDX-License-Identifier: MIT
//
// A JSON Schema (drafts 4, 6, 7, 2019-09, 2020-12), compiled once for many validations.
//
//     auto const city = llms::schema::compile(R"({
//         "type": "object",
//         "properties": {"name": {"type": "string"}, "people": {"minimum": 0}},
//         "required": ["name"] })"_json);
//     llms::validator{city}.is_valid(answer);
//
// Thread safety: immutable; a copy is a shared pointer. Cost: compiling takes tens of microseconds
// for a tool's parameters and keeps a copy of the document. A document may be hostile: its depth
// is bounded, colliding names and huge enums cost O(n log n), and nothing is fetched.
#ifndef LLMS_SCHEMA_SCHEMA_HPP
#define LLMS_SCHEMA_SCHEMA_HPP

#include <llms/detail/schema_compiler.hpp>
#include <llms/detail/schema_keyword.hpp>
#include <llms/detail/schema_program.hpp>
#include <llms/schema/compile_options.hpp>
#include <llms/schema/schema_error.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace llms::inline v0_1 {

/// A compiled schema.
class schema {
public:
    /// Compiles `document`, a `nlohmann::json` or a `basic_json` that converts to it. Throws
    /// `schema_error` with all that is wrong with it.
    template <class Json = nlohmann::json>
    requires nlohmann::detail::is_basic_json<std::remove_cvref_t<Json>>::value static auto
    compile(Json&& document, compile_options const& options = {}) -> schema {
        // Copying recurses as deep as the document does.
        if (!detail::schema_engine::nests_within(document, options.max_depth)) {
            throw schema_error({{"", "",
                                 "the schema nests deeper than " +
                                     std::to_string(options.max_depth) + " levels"}});
        }
        auto compiled = std::make_shared<program>();
        detail::schema_engine::compiler<nlohmann::json>{*compiled, options}.run(
            nlohmann::json(std::forward<Json>(document)));
        return schema{std::move(compiled)};
    }

    /// The document that was compiled. It lives as long as any copy of this.
    [[nodiscard]] auto document() const noexcept -> nlohmann::json const& {
        return program_->documents.front();
    }

    /// The subschema that the `$ref` (or a dynamic reference that can only mean one thing) of
    /// `subschema` leads to; null if it has none or is no part of this schema's documents. O(1).
    [[nodiscard]] auto referenced(nlohmann::json const& subschema) const -> nlohmann::json const* {
        auto const* const found = program_->nodes.find(&subschema);
        if (found == nullptr) {
            return nullptr;
        }
        auto const* const target = found->ref != nullptr ? found->ref : found->dynamic_ref;
        return target == nullptr ? nullptr : target->source;
    }

    /// Whether `name` is a keyword that says what values may be where `subschema` stands: its draft
    /// has it, its vocabulary is in use, and no `$ref` beside it replaces it, as up to draft 7. Of a
    /// program's own keywords and of what is no part of this schema's documents, false. O(1).
    [[nodiscard]] auto heeds(nlohmann::json const& subschema, std::string_view name) const -> bool {
        using detail::schema_engine::keyword;
        auto const* const found = program_->nodes.find(&subschema);
        if (found == nullptr) {
            return false;
        }
        auto const& reading = found->home->reading;
        auto const id = detail::schema_engine::keyword_of(name, reading);
        auto const replaced = id != keyword::ref && reading.ref_stands_alone() &&
                              subschema.is_object() && subschema.contains("$ref");
        return id != keyword::unknown && id != keyword::annotation && !replaced;
    }

    /// What a reference like `#/$defs/city` or `#anchor`, seen from the root of the document,
    /// leads to; null if that is nothing in it.
    [[nodiscard]] auto resolve(std::string_view reference) const -> nlohmann::json const* {
        auto const [uri, fragment] = detail::schema_engine::split_fragment(reference);
        auto const& root = program_->resources.front();
        if (!uri.empty() && uri != root.uri) {
            return nullptr;
        }
        auto const decoded = detail::schema_engine::percent_decoded(fragment);
        if (decoded.empty() || decoded.front() == '/') {
            auto const* at = root.root;
            for (auto rest = std::string_view{decoded}; at != nullptr && !rest.empty();) {
                at = detail::schema_engine::child_of(
                    *at, detail::schema_engine::take_pointer_token(rest));
            }
            return at;
        }
        auto const found = root.anchors.find(decoded);
        return found == root.anchors.end() ? nullptr : found->second->source;
    }

    /// About how much memory the compiled schema holds, patterns included, documents not.
    [[nodiscard]] auto size_bytes() const noexcept -> std::size_t {
        return program_->memory.size_bytes() + program_->nodes.size_bytes() +
               program_->pattern_bytes + sizeof(program);
    }

private:
    friend class validator;
    friend class sax_validator;
    friend class stream_validator;
    using program = detail::schema_engine::program;

    explicit schema(std::shared_ptr<program const> compiled) : program_(std::move(compiled)) {}

    std::shared_ptr<program const> program_;
};

} // namespace llms::inline v0_1

#endif // LLMS_SCHEMA_SCHEMA_HPP
