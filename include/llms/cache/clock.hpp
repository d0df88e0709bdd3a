// SPDX-License-Identifier: MIT
//
// An eviction policy for `llms::cache`: one queue, second chances. An entry that was used goes
// round again, once for each of up to three uses since the hand last passed.
//
//     llms::cache<std::string, answer, llms::clock> cache;
//
// A hit raises a counter of two bits and moves nothing. No extra memory. Not scan-resistant.
//
// Source: F. J. Corbató, "A paging experiment with the Multics system", 1968, with counts for bits.
#ifndef LLMS_CACHE_CLOCK_HPP
#define LLMS_CACHE_CLOCK_HPP

#include <llms/detail/cache_node.hpp>

#include <cstddef>
#include <cstdint>

namespace llms::inline v0_1 {

/// CLOCK with 2-bit counters.
class clock {
public:
    /// A use is counted in the entry: readers need not exclude each other.
    static constexpr bool uses_are_counted = true;

    explicit clock(std::size_t /*capacity*/ = 0) noexcept {}

    static void use(detail::cache_node& node) noexcept { node.count_use(); }

    /// Nothing to decide: there is one queue.
    static void place(detail::cache_node& /*fresh*/) noexcept {}

    /// Takes in an entry as the newest.
    void insert(detail::cache_node& node) noexcept { ring_.push(node); }

    void remove(detail::cache_node& node) noexcept { ring_.remove(node); }

    /// Chooses an entry, takes it out and returns it. An entry for which `is_dead` holds goes first
    /// when it is met. Precondition: there is one.
    template <typename IsDead>
    [[nodiscard]] auto evict(IsDead&& is_dead) noexcept -> detail::cache_node& {
        return ring_.take_unused(is_dead);
    }

    /// The entry that is likely to go next. Precondition: there is one.
    [[nodiscard]] auto next() const noexcept -> detail::cache_node& { return ring_.oldest(); }

private:
    detail::cache_list ring_;
};

} // namespace llms::inline v0_1

#endif // LLMS_CACHE_CLOCK_HPP
