// SPDX-License-Identifier: MIT
//
// What a cache and its eviction policy know of an entry, whatever its key and value are, and the
// intrusive list that the policies keep their entries in.
#ifndef LLMS_DETAIL_CACHE_NODE_HPP
#define LLMS_DETAIL_CACHE_NODE_HPP

#include <llms/detail/cache_prefetch.hpp>

#include <atomic>
#include <cassert>
#include <cstddef>
#include <cstdint>

namespace llms::inline v0_1::detail {

/// The count of an entry's references. While the entry is in the index (`cache_index`), the index is counted
/// as `held`, and those who pinned it through the index are not counted at all until they give it back: the
/// index counts those, and adds them when the entry leaves it. So the count may sink below `held`, but not
/// to where it would seem to be used up.
///
/// `Atomic` is `std::atomic` but for the tests, which try all orders of its operations.
template <template <typename> typename Atomic>
struct cache_references {
    template <typename T>
    using atomic = Atomic<T>;

    static constexpr std::uint32_t held = 1U << 31U;

    Atomic<std::uint32_t> refs{1};

    /// Relaxed is enough: whoever retains has a reference already, or the lock under which that of the
    /// index cannot go away.
    void retain(std::uint32_t count = 1) noexcept {
        refs.fetch_add(count, std::memory_order_relaxed);
    }

    /// True for the last, who has to destroy the entry. Release orders what its holders read before that,
    /// acquire makes the last one wait for them all. Who has the only reference need not say that it is gone.
    [[nodiscard]] auto give_back() noexcept -> bool {
        return refs.load(std::memory_order_acquire) == 1 ||
               refs.fetch_sub(1, std::memory_order_acq_rel) == 1;
    }

    /// The caller's reference becomes that of the index. A store will do when there is no other, because
    /// then nobody else can make one. Acquire, for what former holders did; publishing is a release.
    void hold() noexcept {
        if (refs.load(std::memory_order_acquire) == 1) {
            refs.store(held, std::memory_order_relaxed);
        } else {
            retain(held - 1);
        }
    }

    /// The index's reference becomes the caller's, after the entry has left its cell, through which it was
    /// pinned so many times.
    ///
    /// A store will do when all that was ever handed out has been given back, which is usual. That cannot
    /// be mistaken: the count is `held - pins` only if as many references were given back as there were
    /// pins and copies of pins (a copy is counted before it is given back), and no other can be made then.
    /// Acquire, because what follows may be the end of the entry.
    void let_go(std::uint32_t pins) noexcept {
        if (refs.load(std::memory_order_acquire) == held - pins) {
            refs.store(1, std::memory_order_relaxed);
        } else {
            refs.fetch_add(pins + 1 - held, std::memory_order_relaxed);
        }
    }
};

/// The head of every entry's block.
///
/// Who may touch what: `refs`, `uses` and `refreshing` are atomic and belong to everybody; the
/// links and `queue` belong to the holder of the shard's lock and, once the entry has left its shard, to
/// the one who took it out; the rest is written before the entry is published in the index and constant
/// from then on.
struct cache_node : cache_references<std::atomic> {
    static constexpr std::uint8_t max_uses = 3;

    /// How much of an entry is asked for before it is needed: its head, its value and the beginning of its
    /// key, as a rule.
    static constexpr std::size_t near_bytes = 192;

    std::uint32_t hash = 0;
    cache_node* prev = nullptr;
    cache_node* next = nullptr;
    std::size_t weight = 0;
    std::int64_t created = 0;   // clock ticks, in nanoseconds
    std::int64_t expires = 0;   // first tick at which the entry is expired
    std::uint32_t key_size = 0; // of a key that lies behind the entry, see cache_entry
    std::atomic<std::uint8_t> uses{0};
    std::uint8_t queue = 0;
    std::atomic<bool> refreshing{false};

    /// Counts a use, up to `max_uses`. Relaxed, and a use may be lost when two threads meet: the
    /// counter is a hint. Without a branch: no processor guesses how often an entry was used.
    void count_use() noexcept {
        auto const count = uses.load(std::memory_order_relaxed);
        uses.store(static_cast<std::uint8_t>(count + (count < max_uses ? 1 : 0)),
                   std::memory_order_relaxed);
    }
};

/// First in, first out, and anything out of the middle. Owns nothing.
///
/// An entry that becomes the oldest was last touched when it came in and is far away in memory. So what takes
/// the oldest out leaves its neighbour alone (`next` of the oldest means nothing) and asks for the one behind
/// that, which is a turn away.
class cache_list {
public:
    [[nodiscard]] auto size() const noexcept -> std::size_t { return size_; }
    [[nodiscard]] auto oldest() const noexcept -> cache_node& { return *oldest_; }

    void push(cache_node& node) noexcept {
        node.prev = nullptr;
        node.next = newest_;
        (newest_ != nullptr ? newest_->prev : oldest_) = &node;
        newest_ = &node;
        ++size_;
    }

    void remove(cache_node& node) noexcept {
        if (&node == oldest_) {
            take_oldest();
            return;
        }
        (node.prev != nullptr ? node.prev->next : newest_) = node.next;
        node.next->prev = node.prev;
        --size_;
    }

    /// Takes out and returns the oldest. Precondition: not empty.
    auto take_oldest() noexcept -> cache_node& {
        assert(oldest_ != nullptr);
        auto& node = *oldest_;
        oldest_ = node.prev;
        if (oldest_ == nullptr) {
            newest_ = nullptr;
        } else {
            cache_prefetch_to_write(oldest_->prev, cache_node::near_bytes);
        }
        --size_;
        return node;
    }

    /// The second chance of CLOCK: takes out and returns the oldest that has no use left. Those met on the
    /// way there lose a use and are the newest then; one for which `is_dead` holds goes when it is met.
    /// Bounded, though readers may raise the counts as fast as they are lowered here. Precondition: not
    /// empty.
    template <typename IsDead>
    [[nodiscard]] auto take_unused(IsDead&& is_dead) noexcept -> cache_node& {
        for (auto left = size_ * cache_node::max_uses;; --left) {
            auto& node = take_oldest();
            auto const uses = node.uses.load(std::memory_order_relaxed);
            if (uses == 0 || left == 0 || is_dead(node)) {
                return node;
            }
            node.uses.store(static_cast<std::uint8_t>(uses - 1), std::memory_order_relaxed);
            push(node);
        }
    }

private:
    cache_node* newest_ = nullptr;
    cache_node* oldest_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CACHE_NODE_HPP
