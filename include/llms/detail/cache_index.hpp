// SPDX-License-Identifier: MIT
//
// The hash index of one shard: open addressing over buckets of one cache line each, in which readers find
// and pin an entry without a lock. Sized once for the shard's capacity, so that a put never rehashes and
// never fails for want of memory.
#ifndef LLMS_DETAIL_CACHE_INDEX_HPP
#define LLMS_DETAIL_CACHE_INDEX_HPP

#include <llms/detail/cache_mix.hpp>
#include <llms/detail/cache_prefetch.hpp>

#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace llms::inline v0_1::detail {

/// What a reader found without a lock.
enum class cache_lookup : std::uint8_t {
    found,
    absent,
    worn ///< nothing is said before `fold` has been called for the hash
};

/// Seven cells a bucket, and beside them a word with a byte of each one's hash: the tags of a bucket are
/// compared all at once, and an entry is looked into only where its tag matches. So a lookup has no loop
/// over cells, whose end the processor would have to guess.
///
/// What finds its home bucket full goes into the next one that has a free cell, and the buckets on its way
/// count it: a probe goes on only past a bucket that something has passed. An entry stays in its cell for
/// as long as it is in the index, and there are no tombstones. With four entries to a bucket on average,
/// one in forty is not at home.
///
/// Everything but `pin` is for the holder of the shard's lock. Invariants:
/// - An entry lies within `reach_` buckets from its home, and the last byte of a bucket's `tags` is the
///   number of entries that lie behind it and have their home at or before it (at most `7 * max_reach`).
///   With a degenerate hash there may be no cell within reach though others are free (`insert`); so a
///   probe is bounded whatever the keys.
/// - A cell is a pointer and, above it, how often the entry was pinned through it since the last `fold`. A
///   reader pins by raising that count, in one step with seeing the pointer: an entry that has left its
///   cell cannot be pinned any more, and one that is in a cell has not been freed. Nobody but the holder
///   of the lock changes anything else about a cell.
/// - Whoever empties the cell learns its count, with which the account of the entry is settled; see
///   `cache_references` for what is counted where meanwhile.
///
/// Why a lookup is right:
/// - A hit. The entry was in its cell when it was pinned, and the acquire of the pinning pairs with the
///   release that put it there (the pins of others in between continue that release sequence), so its key
///   and value are seen as they were written.
/// - A miss. An entry does not move, so one that is there all the while is met in its bucket, and what is put
///   in place of another takes over its cell in one step.
/// - The tag is written before the cell, so whoever pins an entry, be it by the tag of one that was there
///   before, sees its tag from then on: no miss follows a hit of what stays.
/// - What was put is there for all: of two threads that each put a key and then look for the other's, one at
///   least finds it. So the writes that publish an entry, and the reads that a lookup decides by, are
///   sequentially consistent; that costs a reader nothing on x86, and a put two exchanges.
///
/// Source: the words of tags are those of Abseil's SwissTable, the counts of what went past those of
/// Folly's F14, the count beside the pointer that of split reference counts (A. Williams, "C++ Concurrency
/// in Action", 7.2.4).
template <typename Node>
class cache_index {
public:
    explicit cache_index(std::size_t capacity = 0)
        : count_{capacity / mean_fill + 1},
          reach_{count_ < max_reach ? count_ : max_reach},
          buckets_{std::make_unique<bucket[]>(count_)} {
        static_assert(sizeof(void*) == sizeof(std::uint64_t), "llms::cache needs 64-bit pointers");
        assert(capacity < (std::size_t{1} << 31U));
    }

    /// Under no lock: pins entries that may be of that hash and hands each, with the reference, to
    /// `keep(Node&)`, until that says that it was the one.
    template <typename Keep>
    [[nodiscard]] auto pin(std::uint32_t hash, Keep&& keep) const -> cache_lookup {
        auto result = cache_lookup::absent;
        probe(hash, [&](cell_name where) {
            auto& cell = cell_at(where);
            auto seen = cell.load(std::memory_order_seq_cst);
            while (node_of(seen) != nullptr) {
                if (pins_of(seen) == max_pins) {
                    result = cache_lookup::worn;
                    return true;
                }
                cache_prefetch_to_read(node_of(seen), Node::near_bytes);
                if (cell.compare_exchange_weak(seen, seen + one_pin, std::memory_order_seq_cst)) {
                    if (keep(*node_of(seen))) {
                        result = cache_lookup::found;
                    }
                    break;
                }
            }
            return result == cache_lookup::found;
        });
        return result;
    }

    /// The entry of that hash for which `is_match` holds, or null.
    template <typename IsMatch>
    [[nodiscard]] auto find(std::uint32_t hash, IsMatch&& is_match) const -> Node* {
        Node* result = nullptr;
        probe(hash, [&](cell_name where) {
            auto* const node = in(where);
            auto const is_found = node->hash == hash && is_match(*node);
            result = is_found ? node : nullptr;
            return is_found;
        });
        return result;
    }

    /// Adds an entry that is not in the index and takes over a reference to it. False when there is no
    /// room within reach: something that is `in_the_way` has to leave first.
    [[nodiscard]] auto insert(Node& node) noexcept -> bool {
        auto const from = home(node.hash);
        auto at = from;
        auto free = zeros(tags_of(at));
        for (std::size_t far = 1; free == 0; ++far, at = next(at), free = zeros(tags_of(at))) {
            if (far == reach_) {
                return false;
            }
        }
        node.hold();
        pass(from, at, passed_once, std::memory_order_seq_cst);
        set_tags(at, tags_of(at) | tag_of(node.hash) << (8 * place(free)),
                 std::memory_order_seq_cst);
        buckets_[at].cells[place(free)].store(pack(node), std::memory_order_seq_cst);
        return true;
    }

    /// An entry without which `insert` finds room for that hash. Precondition: it found none.
    [[nodiscard]] auto in_the_way(std::uint32_t hash) const noexcept -> Node& {
        return *in({home(hash), 0});
    }

    /// Takes an entry out and gives its reference to the caller. Returns how often it was pinned since
    /// the last `fold`.
    auto remove(Node& node) noexcept -> std::uint64_t {
        auto const from = locate(node);
        set_tags(from.bucket, tags_of(from.bucket) & ~(std::uint64_t{255} << (8 * from.place)),
                 std::memory_order_relaxed);
        pass(home(node.hash), from.bucket, std::uint64_t{0} - passed_once,
             std::memory_order_relaxed);
        return swap(from, node, 0);
    }

    /// Puts `fresh`, which has the same key and hash, in the place of `old`; as to the rest, as `insert`
    /// and `remove`.
    auto replace(Node& old, Node& fresh) noexcept -> std::uint64_t {
        fresh.hold();
        return swap(locate(old), old, pack(fresh));
    }

    /// Makes room for more pins in what a lookup of that hash may have found worn. Returns how many were
    /// folded.
    auto fold(std::uint32_t hash) noexcept -> std::uint64_t {
        std::uint64_t folded = 0;
        probe(hash, [&](cell_name where) {
            auto& node = *in(where);
            auto const pins =
                pins_of(cell_at(where).exchange(pack(node), std::memory_order_relaxed));
            node.retain(static_cast<std::uint32_t>(pins));
            folded += pins;
            return false;
        });
        return folded;
    }

    /// How often what is in cell `i` was pinned since its last `fold`.
    [[nodiscard]] auto pins(std::size_t i) const noexcept -> std::uint64_t {
        return pins_of(cell_at({i / width, i % width}).load(std::memory_order_relaxed));
    }

    /// The cells, for scans: `at(i)` is null where cell `i` is empty.
    [[nodiscard]] auto size() const noexcept -> std::size_t { return count_ * width; }
    [[nodiscard]] auto at(std::size_t i) const noexcept -> Node* {
        return in({i / width, i % width});
    }

private:
    using word = typename Node::template atomic<std::uint64_t>;

    static constexpr std::size_t width = 7;
    static constexpr std::size_t mean_fill = 4;
    static constexpr std::size_t max_reach = 32;
    static constexpr std::uint64_t every_place = cache_ones<8, width>;
    static constexpr std::uint64_t passed_once = std::uint64_t{1} << 56U;
    static constexpr unsigned pins_shift = 48;
    static constexpr std::uint64_t one_pin = std::uint64_t{1} << pins_shift;
    static constexpr std::uint64_t max_pins = 0xffff;
    static_assert(width * max_reach < 256 && max_pins < Node::held / 2);

    // A tag of 0 is an empty cell, and so is a cell of 0.
    struct alignas(64) bucket {
        word tags{0};
        word cells[width] = {};
    };
    struct cell_name {
        std::size_t bucket;
        std::size_t place;
    };

    static auto zeros(std::uint64_t bytes) noexcept -> std::uint64_t {
        return cache_zero_lanes<8, width>(bytes);
    }
    static auto place(std::uint64_t found) noexcept -> std::size_t {
        return static_cast<std::size_t>(std::countr_zero(found)) / 8;
    }

    static auto pack(Node& node) noexcept -> std::uint64_t {
        auto const address = reinterpret_cast<std::uintptr_t>(&node); // NOLINT
        assert(address >> pins_shift == 0);
        return address;
    }
    static auto node_of(std::uint64_t cell) noexcept -> Node* {
        return reinterpret_cast<Node*>(cell & (one_pin - 1)); // NOLINT
    }
    static auto pins_of(std::uint64_t cell) noexcept -> std::uint64_t { return cell >> pins_shift; }

    static auto tag_of(std::uint32_t hash) noexcept -> std::uint64_t {
        auto const bits = cache_print<8>(hash);
        return bits == 0 ? 1 : bits;
    }
    [[nodiscard]] auto home(std::uint32_t hash) const noexcept -> std::size_t {
        return cache_bucket_of(hash, count_);
    }
    [[nodiscard]] auto next(std::size_t at) const noexcept -> std::size_t {
        return at + 1 == count_ ? 0 : at + 1;
    }

    [[nodiscard]] auto tags_of(std::size_t at) const noexcept -> std::uint64_t {
        return buckets_[at].tags.load(std::memory_order_relaxed);
    }
    void set_tags(std::size_t at, std::uint64_t tags, std::memory_order order) noexcept {
        buckets_[at].tags.store(tags, order);
    }
    [[nodiscard]] auto cell_at(cell_name where) const noexcept -> word& {
        return buckets_[where.bucket].cells[where.place];
    }
    [[nodiscard]] auto in(cell_name where) const noexcept -> Node* {
        return node_of(cell_at(where).load(std::memory_order_relaxed));
    }

    // Counts an entry that lies in bucket `to` in those from its home on that come before.
    void pass(std::size_t from, std::size_t to, std::uint64_t once,
              std::memory_order order) noexcept {
        for (; from != to; from = next(from)) {
            set_tags(from, tags_of(from) + once, order);
        }
    }

    auto swap(cell_name where, Node& old, std::uint64_t fresh) noexcept -> std::uint64_t {
        auto const pins = pins_of(cell_at(where).exchange(fresh, std::memory_order_seq_cst));
        old.let_go(static_cast<std::uint32_t>(pins));
        return pins;
    }

    // Precondition: it is in the index.
    [[nodiscard]] auto locate(Node const& node) const noexcept -> cell_name {
        cell_name result{};
        probe(node.hash, [&](cell_name where) {
            result = where;
            return in(where) == &node;
        });
        return result;
    }

    // Calls `visit(cell_name)` for the cells in which an entry of that hash may be, until it says that it
    // is enough. One load of a bucket's tags decides which they are and whether to go on.
    template <typename Visit>
    void probe(std::uint32_t hash, Visit&& visit) const {
        auto const wanted = tag_of(hash) * every_place;
        auto at = home(hash);
        for (std::size_t far = 0; far < reach_; ++far, at = next(at)) {
            auto const tags = buckets_[at].tags.load(std::memory_order_seq_cst);
            for (auto found = zeros(tags ^ wanted); found != 0; found &= found - 1) {
                if (visit(cell_name{at, place(found)})) {
                    return;
                }
            }
            if (tags < passed_once) {
                return;
            }
        }
    }

    std::size_t count_;
    std::size_t reach_;
    std::unique_ptr<bucket[]> buckets_;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CACHE_INDEX_HPP
