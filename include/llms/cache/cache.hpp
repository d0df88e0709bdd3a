// SPDX-License-Identifier: MIT
//
// A bounded, sharded, thread-safe cache in memory. It keeps what is used (S3-FIFO), never more than
// it was told in entries and in bytes, and nothing longer than its time to live.
//
//     llms::cache<std::string, answer> cache{{.max_entries = 1024, .ttl = 10min}};
//     if (auto hit = cache.get(key)) {
//         use(*hit); // stays valid as long as `hit`, whatever happens to the cache
//     }
//     cache.put(key, value);
//     auto const found = cache.get_or_load(key, [&] { return ask(); }); // one call for all
//
// Thread safety: everything but construction and destruction may be called from any thread. A hit
// takes no lock: it finds its entry in one cache line of the index, pins it there in one atomic step and
// raises a 2-bit counter; no list is touched, nothing is copied or allocated, and no writer is waited for.
// (With a policy that moves what is used, `lru`, it takes its shard's lock.) No callback of the user's is
// called under a lock; but keys are compared under one, and a value's `size()` and `data()` may be asked
// for, if it has them, and must not use the cache. There is no thread: what has expired goes when it is
// met, by a read, an eviction or `purge`.
//
// Cost: O(1) for a hit and a put, evictions included: about 800 instructions for a put at capacity,
// from 100 entries to 1,000,000, though memory that is further away answers later. Therefore an eviction
// asks for what the next ones will touch (`cache_list`, `cache_shard`). At most 140 bytes an entry beside
// its key and value.
#ifndef LLMS_CACHE_CACHE_HPP
#define LLMS_CACHE_CACHE_HPP

#include <llms/cache/cache_codec.hpp>
#include <llms/cache/cache_handle.hpp>
#include <llms/cache/cache_hash.hpp>
#include <llms/cache/cache_options.hpp>
#include <llms/cache/coarse_clock.hpp>
#include <llms/cache/s3_fifo.hpp>
#include <llms/cache/single_flight.hpp>
#include <llms/detail/cache_entry.hpp>
#include <llms/detail/cache_file.hpp>
#include <llms/detail/cache_gate.hpp>
#include <llms/detail/cache_lock.hpp>
#include <llms/detail/cache_mix.hpp>
#include <llms/detail/cache_pins.hpp>
#include <llms/detail/cache_shard.hpp>
#include <llms/detail/cache_weight.hpp>

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>

namespace llms::inline v0_1 {

/// Keeps values of `Value` by `Key`, evicts by `Policy` (`s3_fifo`, `s3_fifo_published`, `clock`,
/// `lru`) and takes its time from `Clock::now()`.
///
/// A lookup takes whatever compares with a `Key` and `Hash` can hash, if `Hash::is_transparent`;
/// for keys of text that is all that a `std::string_view` can be made of. Anything else is
/// converted to a `Key`. What `Hash` returns is stirred with a secret of the process, unless
/// `Hash::is_avalanching`.
///
/// What hashing, comparing, copying or moving throws comes through, and the cache is as it was.
template <typename Key, typename Value, typename Policy = s3_fifo, typename Hash = cache_hash<Key>,
          typename Clock = coarse_clock>
class cache {
public:
    using options = cache_options<Key, Value>;
    using handle = cache_handle<Key, Value>;
    using key_view = detail::cache_key_view<Key>;

    /// Throws `cache_error` when an option is out of its range.
    explicit cache(options chosen = {})
        : options_{std::move(chosen)},
          flights_{{.remember_failures = options_.remember_failures}} {
        check(options_, gate_.get());
        shard_count_ = choose_shards();
        shards_ = std::make_unique<shard[]>(shard_count_);
        for (std::size_t i = 0; i < shard_count_; ++i) {
            shards_[i].open(share(options_.max_entries, i), share(options_.max_bytes, i),
                            options_.stale_if_error.count());
        }
    }

    cache(cache const&) = delete;
    auto operator=(cache const&) -> cache& = delete;

    /// Lets go of everything, without a word to `on_removal`. Handles stay valid; refreshes that
    /// are still with the executor come to nothing. Precondition: no thread is inside a member
    /// function.
    ~cache() {
        gate_->close();
        options_.on_removal = {};
        clear();
    }

    /// The value of `key`, or an empty handle. Past its soft time to live it is still a hit, which
    /// says so (`handle::stale`).
    template <typename K = Key>
    [[nodiscard]] auto get(K const& key, cache_get_options const& how = {}) -> handle {
        auto const hash = hash_of(key);
        auto& home = shard_of(hash);
        return serve(home, home.pin(hash, lookup(key)), how);
    }

    /// As `get`, but never waits: also empty, and counted as nothing, when that would take a lock that
    /// another thread has. With `lru` that is whenever a thread is in the shard, else when the count of
    /// an entry's hits has to be carried over, every 65,535.
    template <typename K = Key>
    [[nodiscard]] auto try_get(K const& key, cache_get_options const& how = {}) -> handle {
        auto const hash = hash_of(key);
        auto& home = shard_of(hash);
        auto const found = home.try_pin(hash, lookup(key));
        return found ? serve(home, *found, how) : handle{};
    }

    /// Stores a value, visible when this returns. False when it was refused for its weight; an
    /// older value of the key is gone even so.
    template <typename K = Key, typename V = Value>
    auto put(K&& key, V&& value, cache_put_options const& how = {}) -> bool {
        auto const hash = hash_of(key);
        auto fresh = make(hash, how, std::forward<K>(key), std::forward<V>(value));
        return commit(shard_of(hash), std::move(fresh), [](entry*) { return true; });
    }

    /// The value of `key`; when there is none, what `loader` returns, which is stored.
    ///
    /// `loader` is called as `loader(key, options)`, `loader(key)` or `loader()`, whichever it can
    /// be, where `key` is a `key_view` and `options` a `cache_put_options&` that it may set. It
    /// runs on a caller's thread, once for all who ask for the key meanwhile; when that caller is
    /// cancelled another takes over, see `single_flight`. Past its soft time to live the value is
    /// returned at once and refreshed by a copy of the loader through the executor; so capture
    /// nothing that goes away. A value that is put or erased while a loader runs wins over what it
    /// brings.
    ///
    /// Throws what the loader throws, unless an expired value is within `stale_if_error`, which is
    /// then returned; `cancelled_error` or `timeout_error` when `mine` ends the wait.
    template <typename K = Key, typename Loader>
    [[nodiscard]] auto get_or_load(K const& key, Loader&& loader, wait_limits<> const& mine = {})
        -> handle {
        auto const hash = hash_of(key);
        auto&& wanted = lookup(key);
        auto& home = shard_of(hash);
        handle found{home.pin(hash, wanted), false};
        if (!found) {
            home.count_absent();
            return load(home, hash, wanted, loader, mine, {});
        }
        auto const state = freshness_of(*found.entry_);
        if (state >= freshness::expired) {
            home.count_unserved();
            return load(home, hash, wanted, loader, mine,
                        state == freshness::expired ? std::move(found) : handle{});
        }
        if (state == freshness::soft) {
            stale_hits_.fetch_add(1, std::memory_order_relaxed);
            found.stale_ = true;
            return reload(std::move(found), std::forward<Loader>(loader));
        }
        return found;
    }

    /// Refreshes an entry that `get` has found stale, as `get_or_load` does: through the executor, or
    /// here when there is none; not when a refresh of it is under way. What the loader brings is
    /// stored unless the entry was replaced or removed meanwhile; what it throws changes nothing. An
    /// empty handle is left alone.
    template <typename Loader>
    void refresh(handle const& stale, Loader&& loader) {
        if (stale) {
            static_cast<void>(reload(stale, std::forward<Loader>(loader)));
        }
    }

    /// Removes one entry. False when there was none.
    template <typename K = Key>
    auto erase(K const& key) -> bool {
        auto const hash = hash_of(key);
        auto&& wanted = lookup(key);
        auto& home = shard_of(hash);
        detail::cache_removed gone;
        entry* found = nullptr;
        {
            std::lock_guard const alone{home.lock};
            found = home.find(hash, wanted);
            home.overtake(hash);
            if (found != nullptr) {
                home.remove(*found, removal_cause::erased, gone);
            }
        }
        report(gone);
        return found != nullptr;
    }

    /// Removes the entries for which `condition(key_view, Value const&)` holds; returns how many.
    /// The condition is asked of a snapshot, under no lock.
    template <typename Condition>
    auto erase_if(Condition&& condition) -> std::size_t {
        std::size_t erased = 0;
        for_each_shard([&](shard& home) {
            {
                std::lock_guard const alone{home.lock};
                home.overtake_all();
            }
            for (auto* const one : snapshot(home)) {
                if (condition(one->key(), one->value())) {
                    erased += remove_if_held(home, *one, removal_cause::erased) ? 1 : 0;
                }
            }
        });
        return erased;
    }

    /// Removes everything.
    void clear() noexcept {
        for_each_shard([&](shard& home) {
            detail::cache_removed gone;
            {
                std::lock_guard const alone{home.lock};
                home.overtake_all();
                home.clear(gone);
            }
            report(gone);
        });
    }

    /// Looks at up to `budget` places of the index, of which there are 1.75 for each of
    /// `max_entries`, and removes what has expired there; returns how many. Goes on where the last
    /// call ended and never holds a lock for more than 256 places.
    auto purge(std::size_t budget = static_cast<std::size_t>(-1)) -> std::size_t {
        std::size_t places = 0;
        for_each_shard([&](shard& home) { places += home.cells(); });
        auto left = budget < places ? budget : places;
        std::size_t purged = 0;
        while (left > 0) {
            auto const turn = purge_turn_.load(std::memory_order_relaxed);
            auto& home = shards_[turn % shard_count_];
            detail::cache_removed gone;
            {
                std::lock_guard const alone{home.lock};
                left -= home.purge(left < 256 ? left : 256, now(), gone);
                if (home.at_start()) {
                    purge_turn_.store(turn + 1, std::memory_order_relaxed);
                }
            }
            purged += report(gone);
        }
        return purged;
    }

    /// Calls `visit(key_view, Value const&)` for what is held and has not expired: a snapshot of
    /// each shard in turn, under no lock, in no order.
    template <typename Visit>
    void for_each(Visit&& visit) {
        for_each_shard([&](shard& home) {
            for (auto* const one : snapshot(home)) {
                if (freshness_of(*one) < freshness::expired) {
                    visit(one->key(), one->value());
                }
            }
        });
    }

    /// The number of entries held, those included that have expired and were not met yet.
    [[nodiscard]] auto size() const noexcept -> std::size_t {
        std::size_t sum = 0;
        for_each_shard([&](shard& home) {
            std::lock_guard const alone{home.lock};
            sum += home.count();
        });
        return sum;
    }

    /// Each number is right by itself; while others write, they are of slightly different moments.
    /// Counts the hits in the index (but for `lru`): a scan of 16 bytes for each of `max_entries`.
    [[nodiscard]] auto stats() const noexcept -> cache_stats {
        cache_stats sum;
        for_each_shard([&](shard& home) {
            std::lock_guard const alone{home.lock};
            home.add_to(sum);
        });
        sum.stale_hits = stale_hits_.load(std::memory_order_relaxed);
        sum.loads = loads_.load(std::memory_order_relaxed);
        sum.load_failures = load_failures_.load(std::memory_order_relaxed);
        sum.coalesced = coalesced_.load(std::memory_order_relaxed);
        sum.refused = refused_.load(std::memory_order_relaxed);
        return sum;
    }

    /// Writes what is held and has not expired to a `std::ostream` or anything else with its
    /// `write`, by `cache_codec<Key>` and `cache_codec<Value>`. An entry whose bytes exceed
    /// `max_bytes` is left out. The wall clock tells a later `load` how long the file has lain.
    template <typename Stream>
    void save(Stream& out,
              std::chrono::system_clock::time_point wall_clock = std::chrono::system_clock::now()) {
        detail::cache_file_writer<Stream> file{out, nanoseconds(wall_clock)};
        std::string record;
        for_each_shard([&](shard& home) {
            for (auto* const one : snapshot(home)) {
                auto const at = now();
                if (freshness_at(*one, at) < freshness::expired) {
                    encode(*one, at, record);
                    if (record.size() <= options_.max_bytes) {
                        file.record(record);
                    }
                }
            }
        });
        file.end();
    }

    /// Puts what `save` wrote to a `std::istream` or anything else with its `read` and `gcount`.
    /// The whole file is read and checked first: one that is damaged changes nothing. Reads no more
    /// than this cache may hold into memory. Throws what a codec throws, with nothing changed.
    template <typename Stream>
    [[nodiscard]] auto
    load(Stream& in,
         std::chrono::system_clock::time_point wall_clock = std::chrono::system_clock::now())
        -> cache_load_result {
        detail::cache_file_reader<Stream> file{in};
        if (auto const head = file.head(); head != cache_load_result::loaded) {
            return head;
        }
        auto const lain = time_between(file.wall_clock(), nanoseconds(wall_clock));
        auto const at = now();
        pins staged;
        std::size_t staged_bytes = 0;
        while (auto const record = file.next(options_.max_bytes)) {
            auto one = decode(*record, at, lain);
            if (!one) {
                return cache_load_result::corrupt;
            }
            auto const weight = one.entry_->weight;
            if (freshness_at(*one.entry_, at) < freshness::expired &&
                staged.size() < options_.max_entries &&
                weight <= options_.max_bytes - staged_bytes) {
                staged_bytes += weight;
                staged.push(*one.entry_);
                one.entry_ = nullptr; // its reference is with the others now
            }
        }
        if (!file.is_complete()) {
            return cache_load_result::corrupt;
        }
        for (auto* const one : staged) {
            one->retain();
            commit(shard_of(one->hash), handle{one, false}, [](entry*) { return true; });
        }
        return cache_load_result::loaded;
    }

private:
    using entry = detail::cache_entry<Key, Value>;
    using shard = detail::cache_shard<Key, Value, Policy>;
    using pins = detail::cache_pins<entry>;
    using gate = detail::cache_gate<cache>;

    // In the order of age: what is `expired` may still stand in for a failed load, what is `dead`
    // not.
    enum class freshness : std::uint8_t { fresh, soft, expired, dead };

    static constexpr auto never = std::numeric_limits<std::int64_t>::max();

    // --- Keys ---

    template <typename K>
    [[nodiscard]] static auto lookup(K const& key) -> decltype(auto) {
        if constexpr (detail::cache_key_is_inline<Key>) {
            return std::string_view{key};
        } else if constexpr (std::same_as<K, Key> || requires { typename Hash::is_transparent; }) {
            return (key);
        } else {
            return Key(key);
        }
    }

    template <typename K>
    [[nodiscard]] auto hash_of(K const& key) const -> std::uint32_t {
        if constexpr (!std::is_invocable_v<Hash const&, K const&>) {
            return hash_of(Key(key));
        } else if constexpr (requires { typename Hash::is_avalanching; }) {
            return static_cast<std::uint32_t>(std::uint64_t{hash_(key)} >> 32U);
        } else {
            // Twice: keys in sequence are still visible in the product of one.
            auto const once = detail::cache_fold(hash_(key) ^ secret_.a, secret_.b);
            return static_cast<std::uint32_t>(detail::cache_fold(once ^ secret_.c, secret_.b));
        }
    }
    // The low bits choose the shard, the others are for the shard.
    [[nodiscard]] auto shard_of(std::uint32_t hash) const noexcept -> shard& {
        return shards_[hash & (shard_count_ - 1)];
    }

    // --- Time ---

    template <typename Time>
    [[nodiscard]] static auto nanoseconds(Time time) noexcept -> std::int64_t {
        return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch())
            .count();
    }
    [[nodiscard]] static auto now() noexcept -> std::int64_t { return nanoseconds(Clock::now()); }

    // Of which the second is not negative.
    [[nodiscard]] static auto saturated_sum(std::int64_t a, std::int64_t b) noexcept
        -> std::int64_t {
        return b == never || a > never - b ? never : a + b;
    }

    // Not negative, and short enough to be added to any other time of the kind: what a file says is not
    // to be trusted.
    [[nodiscard]] static auto time_between(std::int64_t earlier, std::int64_t later) noexcept
        -> std::int64_t {
        if (later <= earlier) {
            return 0;
        }
        auto const apart = static_cast<std::uint64_t>(later) - static_cast<std::uint64_t>(earlier);
        constexpr auto most = static_cast<std::uint64_t>(never / 4);
        return static_cast<std::int64_t>(apart < most ? apart : most);
    }

    // A share of the lifetime that differs from entry to entry, and is the same whenever it is
    // asked.
    [[nodiscard]] auto shortened(std::chrono::nanoseconds lifetime, entry const& one) const noexcept
        -> std::int64_t {
        if (options_.jitter == 0 || lifetime == cache_forever) {
            return lifetime.count();
        }
        auto const bits = detail::cache_fold(one.hash ^ secret_.c, secret_.a) >> 32U;
        auto const cut = options_.jitter * static_cast<double>(bits) / 0x1p32;
        return lifetime.count() -
               static_cast<std::int64_t>(static_cast<double>(lifetime.count()) * cut);
    }

    [[nodiscard]] auto never_ages(entry const& one) const noexcept -> bool {
        return one.expires == never && options_.soft_ttl == cache_forever;
    }
    [[nodiscard]] auto freshness_at(entry const& one, std::int64_t at) const noexcept -> freshness {
        if (at >= one.expires && one.expires != never) {
            return at - one.expires >= options_.stale_if_error.count() ? freshness::dead
                                                                       : freshness::expired;
        }
        return options_.soft_ttl != cache_forever &&
                       at - one.created >= shortened(options_.soft_ttl, one)
                   ? freshness::soft
                   : freshness::fresh;
    }
    // Reads the clock only if it matters.
    [[nodiscard]] auto freshness_of(entry const& one) const noexcept -> freshness {
        return never_ages(one) ? freshness::fresh : freshness_at(one, now());
    }

    // --- Reading ---

    // Takes over the reference to what was found, if anything.
    [[nodiscard]] auto serve(shard& home, entry* found, cache_get_options const& how) -> handle {
        if (found == nullptr) {
            home.count_absent();
            return {};
        }
        handle pinned{found, false};
        if (never_ages(*found) && how.max_age == cache_forever) {
            return pinned;
        }
        auto const at = now();
        auto const state = freshness_at(*found, at);
        auto const is_too_old =
            how.max_age != cache_forever && at - found->created > how.max_age.count();
        if (state == freshness::dead) {
            remove_if_held(home, *found, removal_cause::expired);
        }
        if (state == freshness::dead || is_too_old ||
            (state == freshness::expired && !how.accept_expired)) {
            home.count_unserved();
            return {};
        }
        if (state != freshness::fresh) {
            stale_hits_.fetch_add(1, std::memory_order_relaxed);
            pinned.stale_ = true;
        }
        return pinned;
    }

    // --- Writing ---

    // Everything that can throw, before anything is changed.
    template <typename K, typename... Args>
    [[nodiscard]] auto make(std::uint32_t hash, cache_put_options const& how, K&& key,
                            Args&&... args) const -> handle {
        handle fresh{entry::make(std::forward<K>(key), std::forward<Args>(args)...), false};
        auto& one = *fresh.entry_;
        one.hash = hash;
        one.weight = options_.weigher ? options_.weigher(one.key(), one.value())
                                      : detail::cache_default_weight(one);
        auto const zero = std::chrono::nanoseconds::zero();
        // Kept away from the end of time, which could not be subtracted.
        one.created = now() - time_between(0, how.age.count());
        auto const ttl = how.ttl.value_or(options_.ttl);
        one.expires = saturated_sum(one.created, shortened(ttl < zero ? zero : ttl, one));
        return fresh;
    }

    // Puts `fresh` in the place of what its key has, null or not, if `may_replace(that)` says so.
    template <typename MayReplace>
    auto commit(shard& home, handle fresh, MayReplace&& may_replace) -> bool {
        auto& one = *fresh.entry_;
        auto const is_light = home.admits(one.weight) && (options_.max_entry_bytes == 0 ||
                                                          one.weight <= options_.max_entry_bytes);
        detail::cache_removed gone;
        {
            std::lock_guard const alone{home.lock};
            auto* const old = home.find(one.hash, one.key());
            if (!may_replace(old)) {
                return false;
            }
            home.overtake(one.hash);
            if (is_light) {
                home.store(one, old, one.created, gone);
            } else if (old != nullptr) {
                home.remove(*old, removal_cause::replaced, gone);
            }
        }
        if (is_light) {
            fresh.entry_ = nullptr; // the shard has taken over the reference
        } else {
            refused_.fetch_add(1, std::memory_order_relaxed);
        }
        report(gone);
        return is_light;
    }

    auto remove_if_held(shard& home, entry& one, removal_cause cause) noexcept -> bool {
        detail::cache_removed gone;
        {
            std::lock_guard const alone{home.lock};
            if (home.holds(one)) {
                home.remove(one, cause, gone);
            }
        }
        return report(gone) > 0;
    }

    // Tells the listener and drops the shard's references. Under no lock: a listener may use the
    // cache, and so may a destructor.
    auto report(detail::cache_removed& gone) const noexcept -> std::size_t {
        std::size_t count = 0;
        while (auto* const node = gone.take()) {
            handle const last{static_cast<entry*>(node), false};
            ++count;
            if (options_.on_removal) {
                try {
                    options_.on_removal(last.key(), *last, detail::cache_removed::cause(*node));
                } catch (...) { // NOLINT(bugprone-empty-catch): as documented
                }
            }
        }
        return count;
    }

    // --- Loading ---

    template <typename Loader>
    static auto call(Loader& loader, key_view key, cache_put_options& how) -> Value {
        if constexpr (std::is_invocable_v<Loader&, key_view, cache_put_options&>) {
            return loader(key, how);
        } else if constexpr (std::is_invocable_v<Loader&, key_view>) {
            return loader(key);
        } else {
            return loader();
        }
    }

    template <typename Loader>
    auto call_counted(Loader& loader, key_view key, cache_put_options& how) -> Value {
        try {
            Value value = call(loader, key, how);
            loads_.fetch_add(1, std::memory_order_relaxed);
            return value;
        } catch (...) {
            load_failures_.fetch_add(1, std::memory_order_relaxed);
            throw;
        }
    }

    // A load that puts and erases of its key can see, from before its loader is called to its end.
    class watched_load {
    public:
        watched_load(shard& home, std::uint32_t hash) : home_{home}, load_{hash} {
            std::lock_guard const alone{home_.lock};
            home_.begin(load_);
        }
        watched_load(watched_load const&) = delete;
        auto operator=(watched_load const&) -> watched_load& = delete;
        ~watched_load() {
            std::lock_guard const alone{home_.lock};
            home_.end(load_);
        }
        // Under the shard's lock.
        [[nodiscard]] auto is_overtaken() const noexcept -> bool { return load_.overtaken; }

    private:
        shard& home_;
        detail::cache_load load_;
    };

    // What is held, without a trace of the question.
    template <typename K>
    [[nodiscard]] static auto peek(shard& home, std::uint32_t hash, K const& wanted) -> handle {
        std::lock_guard const alone{home.lock};
        auto* const found = home.find(hash, wanted);
        if (found != nullptr) {
            found->retain();
        }
        return handle{found, false};
    }

    template <typename K, typename Loader>
    auto load(shard& home, std::uint32_t hash, K const& wanted, Loader& loader,
              wait_limits<> const& mine, handle fallback) -> handle {
        Key const key(wanted);
        auto const lead = [&]() -> handle {
            // Another flight may have landed between this caller's miss and its own start.
            if (auto landed = peek(home, hash, wanted);
                landed && freshness_of(*landed.entry_) < freshness::expired) {
                return landed;
            }
            watched_load const watch{home, hash};
            cache_put_options how;
            auto value = call_counted(loader, key, how);
            auto fresh = make(hash, how, key, std::move(value));
            commit(home, fresh, [&watch](entry*) { return !watch.is_overtaken(); });
            return fresh;
        };
        try {
            auto const result = flights_.run(key, lead, mine);
            if (!result.led) {
                coalesced_.fetch_add(1, std::memory_order_relaxed);
            }
            return *result;
        } catch (...) {
            if (!fallback) {
                throw;
            }
            stale_hits_.fetch_add(1, std::memory_order_relaxed);
            fallback.stale_ = true;
            return fallback;
        }
    }

    // One refresh of one entry, which may run after the cache is gone, or never.
    template <typename Loader>
    class refreshing {
    public:
        template <typename L>
        refreshing(std::shared_ptr<gate> way_back, handle old, L&& loader)
            : way_back_{std::move(way_back)},
              old_{std::move(old)},
              loader_(std::forward<L>(loader)) {}
        refreshing(refreshing const&) = delete;
        auto operator=(refreshing const&) -> refreshing& = delete;
        // Release pairs with the exchange in `reload`: the next refresh comes after this one.
        ~refreshing() { old_.entry_->refreshing.store(false, std::memory_order_release); }

        // The fresh value, or the old one when the loader throws.
        auto run() -> handle {
            cache_put_options how;
            std::optional<Value> value;
            try {
                value.emplace(call(loader_, old_.key(), how));
            } catch (...) { // NOLINT(bugprone-empty-catch): counted by settle()
            }
            auto result = old_;
            way_back_->enter([&](cache& owner) { result = owner.settle(old_, value, how); });
            return result;
        }

    private:
        std::shared_ptr<gate> way_back_;
        handle old_;
        Loader loader_;
    };

    template <typename Loader>
    auto reload(handle old, Loader&& loader) -> handle {
        if (old.entry_->refreshing.exchange(true, std::memory_order_acquire)) {
            return old;
        }
        if (!options_.executor) {
            return refreshing<Loader&>{gate_, old, loader}.run();
        }
        using task = refreshing<std::decay_t<Loader>>;
        try {
            options_.executor(
                [work = std::make_shared<task>(gate_, old, std::forward<Loader>(loader))] {
                    static_cast<void>(work->run());
                });
        } catch (...) { // NOLINT(bugprone-empty-catch): refused; a later caller will try again
        }
        return old;
    }

    // Stores what a refresh brought, if the entry it was for is still there; says what is to be
    // served.
    auto settle(handle const& old, std::optional<Value>& value,
                cache_put_options const& how) noexcept -> handle {
        if (!value) {
            load_failures_.fetch_add(1, std::memory_order_relaxed);
            return old;
        }
        loads_.fetch_add(1, std::memory_order_relaxed);
        try {
            auto const hash = hash_of(old.key());
            auto fresh = make(hash, how, old.key(), *std::move(value));
            commit(shard_of(hash), fresh, [&old](entry* held) { return held == old.entry_; });
            return fresh;
        } catch (...) { // a copy, hash or weigher of the user's: the old value is still good
            return old;
        }
    }

    // --- Saving ---

    static void encode(entry const& one, std::int64_t at, std::string& record) {
        record.clear();
        detail::cache_put_number(record, static_cast<std::uint64_t>(at - one.created));
        detail::cache_put_number(
            record, static_cast<std::uint64_t>(one.expires == never ? never : one.expires - at));
        detail::cache_put_number(record, one.uses.load(std::memory_order_relaxed), 1);
        auto const size_at = record.size();
        detail::cache_put_number(record, 0);
        auto const key_at = record.size();
        cache_codec<Key>::encode(one.key(), record);
        std::string size;
        detail::cache_put_number(size, record.size() - key_at);
        record.replace(size_at, size.size(), size);
        cache_codec<Value>::encode(one.value(), record);
    }

    // An entry that has aged by `lain` since it was written; empty when it is none.
    [[nodiscard]] auto decode(std::string_view record, std::int64_t at, std::int64_t lain) const
        -> handle {
        constexpr std::size_t head_bytes = 25;
        if (record.size() < head_bytes) {
            return {};
        }
        auto const age = static_cast<std::int64_t>(detail::cache_take_number(record));
        auto const left = static_cast<std::int64_t>(detail::cache_take_number(record));
        auto const uses = detail::cache_take_number(record, 1);
        auto const key_size = detail::cache_take_number(record);
        if (key_size > record.size() || age < 0 || left < 0) {
            return {};
        }
        auto key = cache_codec<Key>::decode(record.substr(0, static_cast<std::size_t>(key_size)));
        auto value = cache_codec<Value>::decode(record.substr(static_cast<std::size_t>(key_size)));
        if (!key || !value) {
            return {};
        }
        auto const hash = hash_of(*key);
        auto fresh = make(hash, {}, *std::move(key), *std::move(value));
        auto& one = *fresh.entry_;
        one.created = at - time_between(0, age) - lain;
        one.expires = left == never ? never : saturated_sum(at, left) - lain;
        one.uses.store(static_cast<std::uint8_t>(uses & detail::cache_node::max_uses),
                       std::memory_order_relaxed);
        return fresh;
    }

    // --- Reading all ---

    template <typename F>
    void for_each_shard(F&& f) const {
        for (std::size_t i = 0; i < shard_count_; ++i) {
            f(shards_[i]);
        }
    }

    // Pins all entries of a shard.
    [[nodiscard]] static auto snapshot(shard& home) -> pins {
        pins all;
        std::lock_guard const alone{home.lock};
        all.reserve(home.count());
        home.for_each([&all](entry& one) {
            one.retain();
            all.push(one);
        });
        return all;
    }

    // --- Options ---

    static void check(options const& chosen, void const* on_heap) {
        auto const demand = [](bool holds, char const* what) {
            if (!holds) {
                throw cache_error{std::string{"llms::cache: "} + what};
            }
        };
        auto const zero = std::chrono::nanoseconds::zero();
        demand(chosen.ttl >= zero && chosen.soft_ttl >= zero && chosen.stale_if_error >= zero &&
                   chosen.remember_failures >= zero,
               "ttl, soft_ttl, stale_if_error and remember_failures must not be negative");
        demand(chosen.jitter >= 0 && chosen.jitter <= 1, "jitter must be from 0 to 1");
        demand((chosen.shards & (chosen.shards - 1)) == 0, "shards must be a power of two, or 0");
        demand(chosen.max_entries < (std::size_t{1} << 31U), "max_entries must be below 2^31");
        auto const address = reinterpret_cast<std::uintptr_t>(on_heap); // NOLINT
        demand(address >> 48U == 0, "needs pointers of 48 bits, without tags above them");
    }

    [[nodiscard]] auto choose_shards() const noexcept -> std::size_t {
        if (options_.shards != 0) {
            return options_.shards;
        }
        constexpr std::size_t min_entries = 256;
        auto const floor_bytes = std::size_t{1} << 20U;
        auto const min_bytes =
            options_.max_entry_bytes > floor_bytes ? options_.max_entry_bytes : floor_bytes;
        std::size_t count = 1;
        while (count < 64 && count < 4 * std::size_t{std::thread::hardware_concurrency()} &&
               options_.max_entries / (2 * count) >= min_entries &&
               options_.max_bytes / (2 * count) >= min_bytes) {
            count *= 2;
        }
        return count;
    }

    [[nodiscard]] auto share(std::size_t total, std::size_t i) const noexcept -> std::size_t {
        return total / shard_count_ + (i < total % shard_count_ ? 1 : 0);
    }

    // What a hit reads comes first.
    std::unique_ptr<shard[]> shards_;
    std::size_t shard_count_ = 1;
    [[no_unique_address]] Hash hash_{};
    detail::cache_secret secret_ = detail::cache_process_secret();
    options options_;
    std::atomic<std::uint64_t> stale_hits_{0};
    std::atomic<std::uint64_t> loads_{0};
    std::atomic<std::uint64_t> load_failures_{0};
    std::atomic<std::uint64_t> coalesced_{0};
    std::atomic<std::uint64_t> refused_{0};
    std::atomic<std::size_t> purge_turn_{0};
    std::shared_ptr<gate> gate_ = std::make_shared<gate>(*this);
    single_flight<Key, handle, Hash> flights_;
};

} // namespace llms::inline v0_1

#endif // LLMS_CACHE_CACHE_HPP
