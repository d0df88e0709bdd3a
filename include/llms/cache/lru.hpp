// SPDX-License-Identifier: MIT
//
// An eviction policy for `llms::cache`: the least recently used entry goes, exactly.
//
//     llms::cache<std::string, answer, llms::lru> cache;
//
// A hit moves its entry to the front, so it takes the shard's lock alone: with many readers prefer
// `s3_fifo`, which is also the better judge on nearly every trace.
#ifndef LLMS_CACHE_LRU_HPP
#define LLMS_CACHE_LRU_HPP

#include <llms/detail/cache_node.hpp>

#include <cstddef>
#include <cstdint>

namespace llms::inline v0_1 {

/// Least recently used.
class lru {
public:
    /// A use moves the entry: readers exclude each other.
    static constexpr bool uses_are_counted = false;

    explicit lru(std::size_t /*capacity*/ = 0) noexcept {}

    void use(detail::cache_node& node) noexcept {
        list_.remove(node);
        list_.push(node);
    }

    /// Nothing to decide: there is one queue.
    static void place(detail::cache_node& /*fresh*/) noexcept {}

    /// Takes in an entry as the newest.
    void insert(detail::cache_node& node) noexcept { list_.push(node); }

    void remove(detail::cache_node& node) noexcept { list_.remove(node); }

    /// Takes the least recently used entry out and returns it. Precondition: there is one.
    template <typename IsDead>
    [[nodiscard]] auto evict(IsDead&& /*is_dead*/) noexcept -> detail::cache_node& {
        return list_.take_oldest();
    }

    /// The entry that is likely to go next. Precondition: there is one.
    [[nodiscard]] auto next() const noexcept -> detail::cache_node& { return list_.oldest(); }

private:
    detail::cache_list list_;
};

} // namespace llms::inline v0_1

#endif // LLMS_CACHE_LRU_HPP
