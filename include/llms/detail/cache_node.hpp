// SPDX-License-Identifier: MIT
//
// What a cache and its eviction policy know of an entry, whatever its key and value are, and the
// intrusive list that the policies keep their entries in.
#ifndef LLMS_DETAIL_CACHE_NODE_HPP
#define LLMS_DETAIL_CACHE_NODE_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace llms::inline v0_1::detail {

/// The head of every entry's block.
///
/// Who may touch what: `refs`, `uses` and `refreshing` are atomic and belong to everybody; the
/// links and `queue` belong to the holder of the shard's exclusive lock and, once the entry has
/// left its shard, to the one who took it out; the rest is written before the entry is published in
/// the index and constant from then on.
struct cache_node {
    static constexpr std::uint8_t max_uses = 3;

    cache_node* prev = nullptr;
    cache_node* next = nullptr;
    std::size_t weight = 0;
    std::int64_t created = 0; // clock ticks, in nanoseconds
    std::int64_t expires = 0; // first tick at which the entry is expired
    std::atomic<std::uint32_t> refs{1};
    std::uint32_t hash = 0;
    std::uint32_t key_size = 0; // of a key that lies behind the entry, see cache_entry
    std::atomic<std::uint8_t> uses{0};
    std::uint8_t queue = 0;
    std::atomic<bool> refreshing{false};

    /// Counts a use, up to `max_uses`. Relaxed, and a use may be lost when two threads meet: the
    /// counter is a hint. A count at its limit is only read, so a hot entry's line is not written.
    void count_use() noexcept {
        auto const count = uses.load(std::memory_order_relaxed);
        if (count < max_uses) {
            uses.store(static_cast<std::uint8_t>(count + 1), std::memory_order_relaxed);
        }
    }
};

/// First in, first out, and anything out of the middle. Owns nothing.
class cache_list {
public:
    [[nodiscard]] auto size() const noexcept -> std::size_t { return size_; }
    [[nodiscard]] auto newest() const noexcept -> cache_node* { return newest_; }
    [[nodiscard]] auto oldest() const noexcept -> cache_node* { return oldest_; }

    void push(cache_node& node) noexcept {
        node.prev = nullptr;
        node.next = newest_;
        (newest_ != nullptr ? newest_->prev : oldest_) = &node;
        newest_ = &node;
        ++size_;
    }

    void remove(cache_node& node) noexcept {
        (node.prev != nullptr ? node.prev->next : newest_) = node.next;
        (node.next != nullptr ? node.next->prev : oldest_) = node.prev;
        --size_;
    }

private:
    cache_node* newest_ = nullptr;
    cache_node* oldest_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CACHE_NODE_HPP
