// SPDX-License-Identifier: MIT
//
// What a cache is told and what it tells: its options, those of a single call, why an entry left,
// and its counters.
//
//     llms::cache<std::string, answer> cache{{.max_entries = 1024, .ttl = 10min}};
//     cache.put(key, value, {.ttl = 1h});
//     cache.get(key, {.max_age = 30s});
#ifndef LLMS_CACHE_CACHE_OPTIONS_HPP
#define LLMS_CACHE_CACHE_OPTIONS_HPP

#include <llms/detail/cache_entry.hpp>
#include <llms/detail/cache_function.hpp>
#include <llms/error.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace llms::inline v0_1 {

/// A cache was given options that contradict themselves.
class cache_error : public error {
public:
    using error::error;
};

/// A time to live without end.
inline constexpr std::chrono::nanoseconds cache_forever = std::chrono::nanoseconds::max();

/// Why an entry left the cache.
enum class removal_cause : std::uint8_t {
    evicted,  ///< made room for another
    expired,  ///< its time to live was over
    replaced, ///< a newer value was put
    erased,   ///< `erase`, `erase_if` or `clear`
};

/// How a `cache<Key, Value, ...>` is bounded, how long it keeps things and whom it tells.
///
/// The bounds hold whenever `put` returns. Both are split evenly among the shards, so an entry can
/// be evicted a little before the whole is full.
template <typename Key, typename Value>
struct cache_options {
    /// What the callbacks see of a key: `std::string_view` for a `std::string`, else `Key const&`.
    using key_view = detail::cache_key_view<Key>;

    /// The most entries held; zero turns the cache off. The index for all of them, 16 bytes each,
    /// is reserved at construction.
    std::size_t max_entries = 1024;
    /// The most bytes held, as the weigher counts them.
    std::size_t max_bytes = std::size_t{64} << 20U;
    /// A heavier entry is refused; zero: a shard's share of `max_bytes`, which is the limit anyhow.
    std::size_t max_entry_bytes = 0;

    /// How long an entry is good, unless its `put` says otherwise.
    std::chrono::nanoseconds ttl = cache_forever;
    /// After this long it is still served, but `get_or_load` refreshes it.
    std::chrono::nanoseconds soft_ttl = cache_forever;
    /// How long past its time to live it may still answer a `get_or_load` whose loader fails.
    std::chrono::nanoseconds stale_if_error{0};
    /// How long a failed load answers later ones of its key too (on the steady clock); zero: not at
    /// all.
    std::chrono::nanoseconds remember_failures{0};
    /// Shortens each lifetime by a random share of it up to this, from 0 to 1, so that what was put
    /// together does not expire together.
    double jitter = 0;

    /// The bytes that an entry counts for. By default its block with the key, and the elements of a
    /// value that is a string or a vector; give one when the value owns memory in other ways.
    /// Called by the thread that puts, under no lock; what it throws leaves the cache unchanged.
    detail::cache_function<std::size_t(key_view, Value const&)> weigher = {};
    /// Told of each entry that left, by the thread that made it leave, under no lock. Should not
    /// throw: what it throws is swallowed.
    detail::cache_function<void(key_view, Value const&, removal_cause)> on_removal = {};
    /// Runs the refreshes of `soft_ttl` somewhere else, for instance on a thread pool; a task may
    /// also be dropped. Without one, the caller who comes first reloads while the others are
    /// served.
    detail::cache_function<void(detail::cache_function<void()>)> executor = {};

    /// A power of two; zero chooses: four for each hardware thread, at most 64, and each at least
    /// 256 entries and 1 MiB.
    std::size_t shards = 0;
};

/// How one entry is put.
struct cache_put_options {
    /// How long it is good; by default what the cache's options say.
    std::optional<std::chrono::nanoseconds> ttl = std::nullopt;
    /// How old it is already, for `ttl`, `soft_ttl` and `max_age`: what comes from a second tier.
    std::chrono::nanoseconds age{0};
};

/// What one reader accepts.
struct cache_get_options {
    /// Something older is a miss for this reader, and stays for others.
    std::chrono::nanoseconds max_age = cache_forever;
    /// Also what has expired, as long as it is within `stale_if_error`.
    bool accept_expired = false;
};

/// Counters since construction, and what is held now.
struct cache_stats {
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
    std::uint64_t stale_hits = 0;    ///< hits past their soft or hard time to live
    std::uint64_t loads = 0;         ///< loaders that returned a value, refreshes included
    std::uint64_t load_failures = 0; ///< loaders that threw
    std::uint64_t coalesced = 0;     ///< callers who were given what another loaded
    std::uint64_t insertions = 0;    ///< entries stored, replacements included
    std::uint64_t refused = 0;       ///< entries too heavy to be stored
    std::uint64_t evicted = 0;
    std::uint64_t expired = 0;
    std::uint64_t replaced = 0;
    std::uint64_t erased = 0;
    std::size_t entries = 0;
    std::size_t bytes = 0;
};

/// What became of a `cache::load`.
enum class cache_load_result : std::uint8_t {
    loaded,        ///< what still fits and has not expired is in the cache
    not_a_cache,   ///< the stream does not begin like a saved cache; nothing was changed
    other_version, ///< saved by a version with another format; nothing was changed
    corrupt,       ///< cut short or damaged, or a codec refused; nothing was changed
};

} // namespace llms::inline v0_1

#endif // LLMS_CACHE_CACHE_OPTIONS_HPP
