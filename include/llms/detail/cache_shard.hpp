// SPDX-License-Identifier: MIT
//
// One shard of a cache: a lock and, under it, an index, a policy and the bounds.
#ifndef LLMS_DETAIL_CACHE_SHARD_HPP
#define LLMS_DETAIL_CACHE_SHARD_HPP

#include <llms/cache/cache_options.hpp>
#include <llms/detail/cache_entry.hpp>
#include <llms/detail/cache_index.hpp>
#include <llms/detail/cache_lock.hpp>
#include <llms/detail/cache_node.hpp>
#include <llms/detail/cache_prefetch.hpp>
#include <llms/detail/cache_weight.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace llms::inline v0_1::detail {

/// Entries on their way out: chained by their own links, so that nothing is allocated under a lock
/// or in an eviction. They keep the reference that the shard had.
class cache_removed {
public:
    void add(cache_node& node, removal_cause cause) noexcept {
        node.queue = static_cast<std::uint8_t>(cause);
        node.next = first_;
        first_ = &node;
    }

    [[nodiscard]] auto take() noexcept -> cache_node* {
        return first_ == nullptr ? nullptr : std::exchange(first_, first_->next);
    }

    [[nodiscard]] static auto cause(cache_node const& node) noexcept -> removal_cause {
        return static_cast<removal_cause>(node.queue);
    }

private:
    cache_node* first_ = nullptr;
};

/// A load that is under way. What is put or erased meanwhile is newer than what it will bring,
/// which is then not stored.
struct cache_load {
    std::uint32_t hash = 0;
    bool overtaken = false;
    cache_load* next = nullptr;
};

/// A lookup that ends in a hit or a miss takes no lock, unless the policy has to move what was found (see
/// `cache_index` for why that is right). What is not said to be under no lock must be
/// called under `lock`.
///
/// Invariant: an entry is in `index_` if and only if it is in `policy_`, and then `count_` and
/// `bytes_` include it. `count_ <= max_entries_` and `bytes_ <= max_bytes_`, always.
template <typename Key, typename Value, typename Policy>
class alignas(128) cache_shard {
public:
    using entry = cache_entry<Key, Value>;

    /// Called once, before any other.
    void open(std::size_t max_entries, std::size_t max_bytes, std::int64_t grace) {
        index_ = cache_index<cache_node>{max_entries};
        policy_ = Policy{max_entries};
        max_entries_ = max_entries;
        max_bytes_ = max_bytes;
        grace_ = grace;
    }

    /// The entry of that key, used once more and with a reference for the caller, or null; under no lock.
    /// Counts an entry that was found; what was not the caller counts by `count_absent`, and what it
    /// found but had no use for by `count_unserved`. Throws what comparing keys throws.
    template <typename K>
    [[nodiscard]] auto pin(std::uint32_t hash, K const& key) -> entry* {
        entry* found = nullptr;
        if (!pin_free(hash, key, found)) {
            std::lock_guard const alone{lock};
            found = pin_alone(hash, key);
        }
        return found;
    }

    /// As `pin`, but nothing when that would wait for the lock. Under no lock.
    template <typename K>
    [[nodiscard]] auto try_pin(std::uint32_t hash, K const& key) -> std::optional<entry*> {
        entry* found = nullptr;
        if (pin_free(hash, key, found)) {
            return found;
        }
        std::unique_lock const alone{lock, std::try_to_lock};
        if (!alone.owns_lock()) {
            return std::nullopt;
        }
        return pin_alone(hash, key);
    }

    /// Under no lock.
    void count_absent() noexcept { absent_.fetch_add(1, std::memory_order_relaxed); }
    void count_unserved() noexcept { unserved_.fetch_add(1, std::memory_order_relaxed); }

    /// The entry of that key, or null. Throws what comparing keys throws.
    template <typename K>
    [[nodiscard]] auto find(std::uint32_t hash, K const& key) const -> entry* {
        return static_cast<entry*>(index_.find(hash, [&key](cache_node const& node) {
            return static_cast<entry const&>(node).key() == key;
        }));
    }

    /// Whether the shard could hold an entry of that weight. Under no lock.
    [[nodiscard]] auto admits(std::size_t weight) const noexcept -> bool {
        return max_entries_ > 0 && weight <= max_bytes_;
    }

    /// Stores `fresh`, whose weight is admitted, in place of `old`, which is what `find` returned
    /// for its key, and takes over a reference to it. What had to go is in `gone`.
    void store(entry& fresh, entry* old, std::int64_t now, cache_removed& gone) noexcept {
        if (old != nullptr) {
            // Before anything is evicted, so that it is not chosen itself.
            policy_.remove(*old);
            fresh.queue = old->queue;
            fresh.uses.store(old->uses.load(std::memory_order_relaxed), std::memory_order_relaxed);
            fresh.count_use();
            forget(*old, index_.replace(*old, fresh), removal_cause::replaced, gone);
        } else {
            policy_.place(fresh);
        }
        auto const is_dead = [this, now](cache_node const& node) {
            return dead(node, now);
        };
        while (count_ == max_entries_ || fresh.weight > max_bytes_ - bytes_) {
            auto& victim = policy_.evict(is_dead);
            if (bytes_ > processor_cache) {
                prefetch_payload(static_cast<entry&>(victim), 1024);
            }
            forget(victim, index_.remove(victim),
                   is_dead(victim) ? removal_cause::expired : removal_cause::evicted, gone);
        }
        while (old == nullptr && !index_.insert(fresh)) {
            remove(static_cast<entry&>(index_.in_the_way(fresh.hash)), removal_cause::evicted,
                   gone);
        }
        policy_.insert(fresh);
        ++count_;
        bytes_ += fresh.weight;
        ++insertions_;
        if (bytes_ > processor_cache) {
            prefetch_payload(static_cast<entry const&>(policy_.next()), 0);
        }
    }

    void remove(entry& node, removal_cause cause, cache_removed& gone) noexcept {
        policy_.remove(node);
        forget(node, index_.remove(node), cause, gone);
    }

    /// Whether `node` is held. It may have left; it may not have been destroyed.
    [[nodiscard]] auto holds(entry const& node) const noexcept -> bool {
        return index_.find(node.hash,
                           [&node](cache_node const& other) { return &other == &node; }) != nullptr;
    }

    void clear(cache_removed& gone) noexcept {
        for_each([&](entry& node) { remove(node, removal_cause::erased, gone); });
    }

    /// Removes dead entries, going on where the last call stopped, until it has passed `budget`
    /// cells or the end, where the next call begins anew. Returns the number of cells passed.
    auto purge(std::size_t budget, std::int64_t now, cache_removed& gone) noexcept -> std::size_t {
        std::size_t passed = 0;
        while (passed < budget && cursor_ < index_.size()) {
            auto* const node = static_cast<entry*>(index_.at(cursor_));
            if (node != nullptr && dead(*node, now)) {
                remove(*node, removal_cause::expired, gone);
            }
            ++cursor_;
            ++passed;
        }
        if (cursor_ == index_.size()) {
            cursor_ = 0;
        }
        return passed;
    }

    /// Calls `f(entry&)` for each, which it may remove.
    template <typename F>
    void for_each(F&& f) const {
        for (std::size_t i = 0; i < index_.size(); ++i) {
            if (auto* const node = index_.at(i); node != nullptr) {
                f(static_cast<entry&>(*node));
            }
        }
    }

    void begin(cache_load& load) noexcept {
        load.next = loads_;
        loads_ = &load;
    }
    void end(cache_load& load) noexcept {
        auto** at = &loads_;
        while (*at != &load) {
            at = &(*at)->next;
        }
        *at = load.next;
    }
    /// Something was put or erased under that hash.
    void overtake(std::uint32_t hash) noexcept {
        for (auto* load = loads_; load != nullptr; load = load->next) {
            load->overtaken = load->overtaken || load->hash == hash;
        }
    }
    void overtake_all() noexcept {
        for (auto* load = loads_; load != nullptr; load = load->next) {
            load->overtaken = true;
        }
    }

    /// Past its time and past the time in which it may stand in for a failed load.
    [[nodiscard]] auto dead(cache_node const& node, std::int64_t now) const noexcept -> bool {
        return now >= node.expires && now - node.expires >= grace_;
    }

    void add_to(cache_stats& sum) const noexcept {
        // An entry is pinned before it is not served, but the two are not read at one moment.
        auto const unserved = unserved_.load(std::memory_order_relaxed);
        auto const in_vain = unserved + mistaken_.load(std::memory_order_relaxed);
        auto pins = pins_;
        if constexpr (Policy::uses_are_counted) {
            for (std::size_t i = 0; i < index_.size(); ++i) {
                pins += index_.pins(i);
            }
        }
        sum.hits += pins > in_vain ? pins - in_vain : 0;
        sum.misses += absent_.load(std::memory_order_relaxed) + unserved;
        sum.insertions += insertions_;
        sum.evicted += removals_[static_cast<int>(removal_cause::evicted)];
        sum.expired += removals_[static_cast<int>(removal_cause::expired)];
        sum.replaced += removals_[static_cast<int>(removal_cause::replaced)];
        sum.erased += removals_[static_cast<int>(removal_cause::erased)];
        sum.entries += count_;
        sum.bytes += bytes_;
    }
    [[nodiscard]] auto at_start() const noexcept -> bool { return cursor_ == 0; }
    [[nodiscard]] auto count() const noexcept -> std::size_t { return count_; }
    [[nodiscard]] auto cells() const noexcept -> std::size_t { return index_.size(); }

private:
    // Bytes; who holds no more than that finds it in the caches of the processor anyway.
    static constexpr std::size_t processor_cache = std::size_t{1} << 21U;

    // False when that takes the lock. A pin of another entry that looked alike is given back; should it be
    // the last to hold that one, it ends here.
    template <typename K>
    auto pin_free(std::uint32_t hash, K const& key, entry*& found) -> bool {
        if constexpr (Policy::uses_are_counted) {
            auto const give_back = [this](entry* other) {
                mistaken_.fetch_add(1, std::memory_order_relaxed);
                other->release();
            };
            auto const keep = [&](cache_node& node) {
                std::unique_ptr<entry, decltype(give_back)> pinned{static_cast<entry*>(&node),
                                                                   give_back};
                if (node.hash == hash && pinned->key() == key) {
                    found = pinned.release();
                    policy_.use(node);
                }
                return found != nullptr;
            };
            return index_.pin(hash, keep) != cache_lookup::worn;
        } else {
            return false;
        }
    }

    // Under the lock.
    template <typename K>
    auto pin_alone(std::uint32_t hash, K const& key) -> entry* {
        if constexpr (Policy::uses_are_counted) {
            pins_ += index_.fold(hash);
        }
        auto* const found = find(hash, key);
        if (found != nullptr) {
            policy_.use(*found);
            found->retain();
            ++pins_;
        }
        return found;
    }

    // Asks for the elements of a value that is about to end, up to `most` bytes, and for what the heap keeps
    // before them. The heap will write there, and hands the block that was freed last to the next who asks for
    // one of that size and is about to fill it: as a rule this thread, with its next value. (Blocks above 1 KiB
    // are merged and split first.)
    static void prefetch_payload(entry const& one, std::size_t most) noexcept {
        if constexpr (cache_has_payload<Value>) {
            constexpr std::size_t heap_head = 16;
            auto const bytes = cache_payload_bytes(one.value());
            auto const at =
                reinterpret_cast<std::uintptr_t>(one.value().data()) - heap_head; // NOLINT
            cache_prefetch_to_write(reinterpret_cast<void const*>(at),            // NOLINT
                                    heap_head + (bytes < most ? bytes : most));
        }
    }

    void forget(cache_node& node, std::uint64_t pins, removal_cause cause,
                cache_removed& gone) noexcept {
        pins_ += pins;
        --count_;
        bytes_ -= node.weight;
        ++removals_[static_cast<int>(cause)];
        gone.add(node, cause);
    }

    // What readers read comes first, on a line that nobody writes.
    cache_index<cache_node> index_;
    std::size_t max_entries_ = 0;
    std::size_t max_bytes_ = 0;
    std::int64_t grace_ = 0;

public:
    alignas(64) cache_lock lock;

private:
    std::atomic<std::uint64_t> absent_{0};
    std::atomic<std::uint64_t> unserved_{0};
    std::atomic<std::uint64_t> mistaken_{0};
    Policy policy_;
    std::uint64_t pins_ = 0; // through entries that have left, and through `fold`
    std::size_t count_ = 0;
    std::size_t bytes_ = 0;
    std::size_t cursor_ = 0;
    cache_load* loads_ = nullptr;
    std::uint64_t insertions_ = 0;
    std::uint64_t removals_[4] = {};
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CACHE_SHARD_HPP
