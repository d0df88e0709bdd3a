// SPDX-License-Identifier: MIT
//
// Compiled patterns by their text, for programs that compile many schemas: the same few patterns
// come again and again.
//
//     llms::regex_cache<llms::pcre2_regex> patterns;
//     auto const s = llms::schema::compile(document, {.patterns = std::ref(patterns)});
//
// Bounded in entries and bytes. Keyed by the whole text. Threads that ask for the same pattern at
// once share one compilation; one that fails leaves nothing behind.
//
// Thread safety: all members may be called from any thread; a pattern outlives its cache. Cost: a
// hit is a hash of the text and a shared lock.
#ifndef LLMS_SCHEMA_REGEX_CACHE_HPP
#define LLMS_SCHEMA_REGEX_CACHE_HPP

#include <llms/cache/cache.hpp>
#include <llms/schema/pattern.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace llms::inline v0_1 {

struct regex_cache_options {
    std::size_t max_entries = 1024;
    /// Of texts and programs. A larger pattern is compiled whenever it is asked for.
    std::size_t max_bytes = std::size_t{16} << 20U;
};

template <regex_engine Engine = linear_regex>
class regex_cache {
public:
    explicit regex_cache(Engine engine = {}, regex_cache_options const& options = {})
        : engine_(std::move(engine)),
          patterns_({.max_entries = options.max_entries,
                     .max_bytes = options.max_bytes,
                     .weigher = [](std::string_view, pattern const& compiled) {
                         // The text is here twice, as the key too.
                         return entry_bytes + compiled.text().size() + compiled.memory_bytes();
                     }}) {}

    /// The pattern for `text`, compiled now if it is not here. Throws `pattern_error`.
    [[nodiscard]] auto get(std::string_view text) -> pattern {
        return *patterns_.get_or_load(text, [&] { return pattern::compile(text, engine_); });
    }

    /// As `get`, so that `std::ref` of a cache is a `pattern_factory`.
    [[nodiscard]] auto operator()(std::string_view text) -> pattern { return get(text); }

    [[nodiscard]] auto stats() const noexcept -> cache_stats { return patterns_.stats(); }

    void clear() noexcept { patterns_.clear(); }

private:
    static constexpr std::size_t entry_bytes = 160;

    Engine engine_;
    cache<std::string, pattern> patterns_;
};

} // namespace llms::inline v0_1

#endif // LLMS_SCHEMA_REGEX_CACHE_HPP
