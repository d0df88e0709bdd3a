// SPDX-License-Identifier: MIT
//
// The hash index of one shard: open addressing over cells of eight bytes, each a pointer with a tag
// in the sixteen bits that a pointer leaves free. Sized once for the shard's capacity, so that a
// put never rehashes and never fails for want of memory.
#ifndef LLMS_DETAIL_CACHE_INDEX_HPP
#define LLMS_DETAIL_CACHE_INDEX_HPP

#include <llms/detail/cache_node.hpp>

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace llms::inline v0_1::detail {

/// Robin Hood hashing with backward shift deletion: no tombstones, and neither a probe nor a
/// removal looks into an entry whose tag does not match.
///
/// A tag is the distance from the entry's home cell (1 is home, 0 an empty cell) above eight bits
/// of its hash. Invariant: along the cells the distance grows by at most one a step, so a probe
/// ends as soon as it meets an entry that is nearer to its home than the probe is.
///
/// A distance fits eight bits. With a seeded hash at two thirds full none comes near that; with a
/// degenerate one, what does not fit is pushed out (`insert`), so that a probe is bounded whatever
/// the keys: it is a cache, it may forget.
///
/// Source: P. Celis, "Robin Hood Hashing", 1986; the packed distance and fingerprint are those of
/// martinus/unordered_dense.
class cache_index {
public:
    explicit cache_index(std::size_t capacity = 0)
        : homes_{capacity + capacity / 2 + 1},
          // A run that begins in the last home cell needs a cell for each entry that can be there,
          // and an empty one behind it.
          size_{homes_ + (capacity < max_distance ? capacity : max_distance) + 1},
          cells_{std::make_unique<std::uint64_t[]>(size_)} {
        static_assert(sizeof(void*) == sizeof(std::uint64_t), "llms::cache needs 64-bit pointers");
        assert(capacity < (std::size_t{1} << 31U));
    }

    /// The entry of that hash for which `is_match` holds, or null. Matches are tried without a lock
    /// of its own: the caller holds the shard's.
    template <typename IsMatch>
    [[nodiscard]] auto find(std::uint32_t hash, IsMatch&& is_match) const -> cache_node* {
        auto const* cell = &cells_[home(hash)];
        for (auto tag = first_tag(hash); distance(tag_of(*cell)) >= distance(tag); tag += step) {
            if (tag_of(*cell) == tag) {
                if (auto* const node = node_of(*cell); node->hash == hash && is_match(*node)) {
                    return node;
                }
            }
            ++cell;
        }
        return nullptr;
    }

    /// Adds an entry that is not in the index. Returns the one that had to leave it for want of
    /// room within reach (which is `node` itself at worst), or null.
    [[nodiscard]] auto insert(cache_node& node) noexcept -> cache_node* {
        auto* cell = &cells_[home(node.hash)];
        auto tag = first_tag(node.hash);
        for (; distance(tag_of(*cell)) >= distance(tag); tag += step) {
            ++cell;
        }
        if (distance(tag) > max_distance) {
            return &node;
        }
        // Everybody from here to the next empty cell moves one further from home.
        for (auto carried = pack(tag, node);; ++cell) {
            std::swap(carried, *cell);
            if (carried == 0) {
                return nullptr;
            }
            if (distance(tag_of(carried)) == max_distance) {
                return node_of(carried);
            }
            carried += std::uint64_t{step} << tag_shift;
        }
    }

    void remove(cache_node const& node) noexcept {
        auto* cell = locate(node);
        for (; distance(tag_of(cell[1])) > 1; ++cell) {
            cell[0] = cell[1] - (std::uint64_t{step} << tag_shift);
        }
        cell[0] = 0;
    }

    /// Puts `fresh`, which has the same key and hash, in the place of `old`.
    void replace(cache_node const& old, cache_node& fresh) noexcept {
        auto* const cell = locate(old);
        *cell = pack(tag_of(*cell), fresh);
    }

    void clear() noexcept {
        for (std::size_t i = 0; i < size_; ++i) {
            cells_[i] = 0;
        }
    }

    /// The cells, for scans: `at(i)` is null where cell `i` is empty.
    [[nodiscard]] auto size() const noexcept -> std::size_t { return size_; }
    [[nodiscard]] auto at(std::size_t i) const noexcept -> cache_node* {
        return node_of(cells_[i]);
    }

private:
    static constexpr unsigned tag_shift = 48;
    static constexpr std::uint32_t step = 1U << 8U;
    static constexpr std::uint32_t max_distance = 255;

    static auto first_tag(std::uint32_t hash) noexcept -> std::uint32_t {
        return step | (hash >> 8U & 255U);
    }
    static auto distance(std::uint32_t tag) noexcept -> std::uint32_t { return tag >> 8U; }
    static auto tag_of(std::uint64_t cell) noexcept -> std::uint32_t {
        return static_cast<std::uint32_t>(cell >> tag_shift);
    }
    static auto node_of(std::uint64_t cell) noexcept -> cache_node* {
        auto const address = cell & ((std::uint64_t{1} << tag_shift) - 1);
        return reinterpret_cast<cache_node*>(address); // NOLINT
    }
    static auto pack(std::uint32_t tag, cache_node& node) noexcept -> std::uint64_t {
        auto const address = reinterpret_cast<std::uintptr_t>(&node); // NOLINT
        assert(address >> tag_shift == 0);
        return std::uint64_t{tag} << tag_shift | address;
    }

    // The high bits of the hash choose the cell, eight others go into the tag; the lowest are the same
    // in all of a shard.
    [[nodiscard]] auto home(std::uint32_t hash) const noexcept -> std::size_t {
        return static_cast<std::size_t>((std::uint64_t{hash} * homes_) >> 32U);
    }
    [[nodiscard]] auto locate(cache_node const& node) const noexcept -> std::uint64_t* {
        auto* cell = &cells_[home(node.hash)];
        while (node_of(*cell) != &node) {
            ++cell;
        }
        return cell;
    }

    std::size_t homes_;
    std::size_t size_;
    std::unique_ptr<std::uint64_t[]> cells_;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CACHE_INDEX_HPP
