// SPDX-License-Identifier: MIT
//
// Compiled schemas by their content, for programs that are given schemas at run time: tools of an
// MCP server, response formats of a request. Compiling costs a hundred validations, and lists of
// tools are sent again and again.
//
//     llms::schema_cache schemas{{.max_entries = 256, .ttl = 1h}};
//     auto const hit = schemas.get(text_of_schema);       // compiled once
//     llms::validator{hit->compiled}.is_valid(arguments);
//     prompt += hit->indented;
//     auto const again = schemas.get(hit.key());          // costs the same for any schema
//
// Keyed by the whole text, never by a hash or an address alone. Bounded in entries and bytes.
// Threads that ask for the same schema at once share one compilation.
//
// Thread safety: all members may be called from any thread. Cost of a hit: by text one hash and one
// comparison of it, by JSON writing it out too, by key neither.
#ifndef LLMS_SCHEMA_SCHEMA_CACHE_HPP
#define LLMS_SCHEMA_SCHEMA_CACHE_HPP

#include <llms/cache/cache.hpp>
#include <llms/schema/compile_options.hpp>
#include <llms/schema/schema.hpp>
#include <llms/schema/schema_error.hpp>

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace llms::inline v0_1 {

struct schema_cache_options {
    std::size_t max_entries = 256;
    /// Of texts, documents and programs, estimated. A larger schema is compiled whenever it is
    /// asked for.
    std::size_t max_bytes = std::size_t{64} << 20U;
    /// How long a compiled schema is good; a limit is of use where references lead to documents
    /// that change.
    std::chrono::nanoseconds ttl = cache_forever;
    /// A longer text is a `schema_error`.
    std::size_t max_text_bytes = std::size_t{16} << 20U;
    /// How all schemas of the cache are compiled.
    compile_options compile{};
};

/// What is kept of a schema.
struct cached_schema {
    schema compiled;
    std::string compact;  ///< the schema as JSON without white space
    std::string indented; ///< the same for people and prompts, indented by two
};

/// The content of a schema, hashed once and kept alive: a key that is compared by its address
/// first, which is safe because it owns the text.
class schema_key {
public:
    /// Text that is only looked up.
    struct view {
        std::string_view text;
        std::uint64_t hash;
    };

    schema_key(std::string_view text, std::uint64_t hash)
        : text_(std::make_shared<std::string const>(text)),
          hash_(hash) {}
    explicit schema_key(view const& from) : schema_key(from.text, from.hash) {}

    [[nodiscard]] auto text() const noexcept -> std::string const& { return *text_; }
    [[nodiscard]] auto hash() const noexcept -> std::uint64_t { return hash_; }

    friend auto operator==(schema_key const& a, schema_key const& b) noexcept -> bool {
        return a.text_ == b.text_ || (a.hash_ == b.hash_ && *a.text_ == *b.text_);
    }
    friend auto operator==(schema_key const& a, view const& b) noexcept -> bool {
        return a.hash_ == b.hash && *a.text_ == b.text;
    }

private:
    std::shared_ptr<std::string const> text_;
    std::uint64_t hash_;
};

/// `TextHash` hashes a `std::string_view`; a poor one costs time, not correctness.
template <class TextHash = cache_hash<std::string>, class Clock = coarse_clock>
class basic_schema_cache {
public:
    /// A pinned `cached_schema`, valid whatever happens to the cache.
    using handle = cache_handle<schema_key, cached_schema>;

    explicit basic_schema_cache(schema_cache_options options = {})
        : compile_(std::move(options.compile)),
          max_text_bytes_(options.max_text_bytes),
          schemas_({.max_entries = options.max_entries,
                    .max_bytes = options.max_bytes,
                    .ttl = options.ttl,
                    .weigher = weigh}) {}

    /// The schema written as `text`. Throws `schema_error`, for text that is not JSON too.
    [[nodiscard]] auto get(std::string_view text) -> handle {
        return find(schema_key::view{text, hash_(text)}, text);
    }
    [[nodiscard]] auto get(std::string const& text) -> handle {
        return get(std::string_view(text));
    }
    [[nodiscard]] auto get(char const* text) -> handle { return get(std::string_view(text)); }

    /// The schema `document`, by what it says at this moment.
    [[nodiscard]] auto get(nlohmann::json const& document) -> handle {
        return get(std::string_view(text_of(document)));
    }

    /// The schema of a key: of a handle, or made by `key`. Compiled again if it was evicted or is
    /// too old.
    [[nodiscard]] auto get(schema_key const& key) -> handle { return find(key, key.text()); }

    /// A key to keep: looking up by it costs the same for any schema.
    [[nodiscard]] auto key(std::string_view text) const -> schema_key {
        return {text, hash_(text)};
    }
    [[nodiscard]] auto key(nlohmann::json const& document) const -> schema_key {
        return key(std::string_view(text_of(document)));
    }

    [[nodiscard]] auto stats() const noexcept -> cache_stats { return schemas_.stats(); }

    void clear() noexcept { schemas_.clear(); }

private:
    struct key_hash {
        using is_transparent = void;
        auto operator()(schema_key const& key) const noexcept -> std::uint64_t {
            return key.hash();
        }
        auto operator()(schema_key::view const& key) const noexcept -> std::uint64_t {
            return key.hash;
        }
    };

    // Checked first because writing recurses as deep as the document does.
    [[nodiscard]] auto text_of(nlohmann::json const& document) const -> std::string {
        if (!detail::schema_engine::nests_within(document, compile_.max_depth)) {
            throw schema_error({{"", "", "the schema nests too deep"}});
        }
        try {
            return document.dump();
        } catch (nlohmann::json::exception const& e) {
            throw schema_error({{"", "", e.what()}});
        }
    }

    template <class Key>
    auto find(Key const& key, std::string_view text) -> handle {
        return schemas_.get_or_load(key, [&] { return make(text); });
    }

    [[nodiscard]] auto make(std::string_view text) const -> cached_schema {
        if (text.size() > max_text_bytes_) {
            throw schema_error({{"", "", "the text is longer than max_text_bytes"}});
        }
        nlohmann::json document;
        try {
            document = nlohmann::json::parse(text);
        } catch (nlohmann::json::exception const& e) {
            throw schema_error({{"", "", std::string("not JSON: ") + e.what()}});
        }
        auto compiled = schema::compile(document, compile_);
        return {std::move(compiled), document.dump(), document.dump(2)};
    }

    static auto weigh(schema_key const& key, cached_schema const& value) -> std::size_t {
        // What nlohmann::json takes for the shortest values: "[{},{}]" is 64 bytes for each 3.
        constexpr std::size_t document_bytes_per_character = 24;
        constexpr std::size_t entry_bytes = 256;
        return entry_bytes + key.text().size() + value.compiled.size_bytes() +
               value.compact.size() * (1 + document_bytes_per_character) + value.indented.size();
    }

    TextHash hash_{};
    compile_options compile_;
    std::size_t max_text_bytes_;
    cache<schema_key, cached_schema, s3_fifo, key_hash, Clock> schemas_;
};

using schema_cache = basic_schema_cache<>;

} // namespace llms::inline v0_1

#endif // LLMS_SCHEMA_SCHEMA_CACHE_HPP
