// SPDX-License-Identifier: MIT
//
// The documents and resources of a schema under compilation: which URI names what, and in which
// dialect it is to be read. Documents come from the schema itself, the drafts' own schemas and the
// user's resolver; the network is never asked.
#ifndef LLMS_DETAIL_SCHEMA_REGISTRY_HPP
#define LLMS_DETAIL_SCHEMA_REGISTRY_HPP

#include <llms/detail/schema_keyword.hpp>
#include <llms/detail/schema_meta.hpp>
#include <llms/detail/schema_program.hpp>
#include <llms/detail/schema_types.hpp>
#include <llms/detail/schema_uri.hpp>
#include <llms/schema/compile_options.hpp>
#include <llms/schema/schema_error.hpp>

#include <cstddef>
#include <exception>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace llms::inline v0_1::detail::schema_engine {

/// Whether `document` nests at most `levels` deep.
template <class Json>
auto nests_within(Json const& document, std::size_t levels) -> bool {
    if (!document.is_structured()) {
        return true;
    }
    if (levels == 0) {
        return false;
    }
    for (auto const& child : document) {
        if (child.is_structured() && !nests_within(child, levels - 1)) {
            return false;
        }
    }
    return true;
}

inline auto text_or_empty(json const& object, char const* name) -> std::string_view {
    auto const found = object.find(name);
    return found != object.end() && found->is_string() ? std::string_view{text_of(*found)}
                                                       : std::string_view{};
}

template <class Json>
class registry {
public:
    registry(program& target, compile_options const& options)
        : target_{target},
          options_{options} {}

    /// The resource of a document that `document` is, read under `uri` unless it says otherwise.
    /// The document must be in `program::documents` already.
    auto add_document(Json const& document, std::string const& uri) -> resource& {
        auto const is_root = target_.resources.empty();
        auto const reading = dialect_of(document, default_dialect());
        auto const id = document.is_object()
                            ? text_or_empty(document, reading.version == draft::v4 ? "id" : "$id")
                            : std::string_view{};
        auto& added = add_resource(document, resolve_uri(uri, split_fragment(id).first), reading);
        added.is_root_document = is_root;
        by_uri_.emplace(uri, &added);
        return added;
    }

    auto add_resource(Json const& root, std::string uri, dialect const& reading) -> resource& {
        auto& added = target_.resources.emplace_back();
        added.uri = std::move(uri);
        added.reading = reading;
        added.root = &root;
        added.is_root_document = false;
        by_uri_.emplace(added.uri, &added);
        return added;
    }

    [[nodiscard]] auto find(std::string_view uri) const -> resource* {
        auto const found = by_uri_.find(uri);
        return found == by_uri_.end() ? nullptr : found->second;
    }

    /// The document of `uri`, new to the program, or null with `reason` saying why.
    auto load(std::string const& uri, std::string& reason) -> Json const* {
        if (target_.documents.size() >= most_documents) {
            reason =
                "the schema refers to more than " + std::to_string(most_documents) + " documents";
            return nullptr;
        }
        auto found = std::optional<Json>{};
        if (auto const text = meta_text(uri); !text.empty()) {
            found = Json::parse(text);
        } else if (options_.resolver) {
            try {
                found = options_.resolver(uri);
            } catch (std::exception const& failure) {
                reason = "the resolver failed for \"" + uri + "\": " + failure.what();
                return nullptr;
            }
        }
        if (!found) {
            reason =
                "\"" + uri + "\" is not in the schema and " +
                (options_.resolver ? "the resolver does not know it"
                                   : "there is no resolver (compile_options::resolver) to ask");
            return nullptr;
        }
        if (!nests_within(*found, options_.max_depth)) {
            reason = "the document \"" + uri + "\" nests too deeply";
            return nullptr;
        }
        return &target_.documents.emplace_back(std::move(*found));
    }

    /// The dialect that `root` says it is written in, `otherwise` if it says nothing.
    auto dialect_of(Json const& root, dialect const& otherwise) -> dialect {
        auto const named = root.is_object() ? text_or_empty(root, "$schema") : std::string_view{};
        return named.data() == nullptr ? otherwise : dialect_named(named, root);
    }

    [[nodiscard]] auto default_dialect() const -> dialect {
        return read_as(options_.default_draft);
    }

    /// Problems found on the way, each at the root of a document.
    [[nodiscard]] auto problems() -> std::vector<schema_problem>& { return problems_; }

private:
    static constexpr std::size_t most_documents = 1024;
    static constexpr int most_dialects = 8; // a meta-schema of a meta-schema of …

    [[nodiscard]] auto read_as(draft version) const -> dialect {
        auto result = dialect{};
        result.version = version;
        result.format_asserted = options_.formats_asserted;
        return result;
    }

    auto dialect_named(std::string_view name, Json const& at) -> dialect {
        auto const uri = split_fragment(name).first;
        struct known {
            std::string_view tail;
            draft version;
        };
        static constexpr auto drafts = std::to_array<known>({
            {"json-schema.org/draft-04/schema", draft::v4},
            {"json-schema.org/draft-06/schema", draft::v6},
            {"json-schema.org/draft-07/schema", draft::v7},
            {"json-schema.org/draft/2019-09/schema", draft::v2019_09},
            {"json-schema.org/draft/2020-12/schema", draft::v2020_12},
        });
        for (auto const& [tail, version] : drafts) {
            if (uri.ends_with(tail) &&
                uri.substr(0, uri.size() - tail.size()).starts_with("http")) {
                return read_as(version);
            }
        }
        if (auto const found = dialects_.find(uri); found != dialects_.end()) {
            return found->second;
        }
        auto const result = custom_dialect(std::string(uri), at);
        dialects_.emplace(uri, result);
        return result;
    }

    // A dialect whose meta-schema only the resolver can give.
    auto custom_dialect(std::string const& uri, Json const& at) -> dialect {
        auto reason = std::string{};
        auto const* meta = static_cast<Json const*>(nullptr);
        if (auto const* const loaded = find(uri); loaded != nullptr) {
            meta = loaded->root;
        } else if (++nesting_ <= most_dialects && options_.resolver) {
            meta = load(uri, reason);
        }
        if (meta == nullptr || !meta->is_object() || meta == &at) {
            if (options_.strict) {
                problems_.push_back({"", "$schema", "the dialect \"" + uri + "\" is not known"});
            }
            return default_dialect();
        }
        auto result = dialect_of(*meta, default_dialect());
        auto const vocabularies = meta->find("$vocabulary");
        if (vocabularies != meta->end() && vocabularies->is_object()) {
            read_vocabularies(*vocabularies, result);
        }
        return result;
    }

    void read_vocabularies(Json const& vocabularies, dialect& result) {
        static constexpr auto start_2019 =
            std::string_view{"https://json-schema.org/draft/2019-09/vocab/"};
        static constexpr auto start_2020 =
            std::string_view{"https://json-schema.org/draft/2020-12/vocab/"};
        result.active = {};
        auto const activate = [&](vocabulary which) {
            result.active[static_cast<std::size_t>(which)] = true;
        };
        activate(vocabulary::core);
        activate(vocabulary::other);
        for (auto const& [uri, value] : object_of(vocabularies)) {
            auto const needed = value.is_boolean() && value.template get<bool>();
            auto const old = uri.starts_with(start_2019);
            auto const name = old || uri.starts_with(start_2020)
                                  ? std::string_view{uri}.substr(start_2020.size())
                                  : std::string_view{};
            if (name == "applicator") {
                activate(vocabulary::applicator);
                if (old) {
                    activate(vocabulary::unevaluated);
                }
            } else if (name == "unevaluated") {
                activate(vocabulary::unevaluated);
            } else if (name == "validation") {
                activate(vocabulary::validation);
            } else if (name == "format-assertion" || name == "format-annotation" ||
                       name == "format") {
                activate(vocabulary::format);
                result.format_asserted = result.format_asserted || name == "format-assertion" ||
                                         (name == "format" && needed);
            } else if (name.empty() && needed) {
                problems_.push_back(
                    {"", "$schema",
                     "the dialect requires the vocabulary \"" + uri + "\", which is not known"});
            }
        }
    }

    program& target_;
    compile_options const& options_;
    std::map<std::string, resource*, std::less<>> by_uri_;
    std::map<std::string, dialect, std::less<>> dialects_;
    std::vector<schema_problem> problems_;
    int nesting_ = 0;
};

} // namespace llms::inline v0_1::detail::schema_engine

#endif // LLMS_DETAIL_SCHEMA_REGISTRY_HPP
