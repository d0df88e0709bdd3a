// SPDX-License-Identifier: MIT
//
// Gives each thread a number of its own, so that a metric can keep a cell for each thread that only
// this thread writes: adding to it is a load and a store, without a locked instruction.
//
// Numbers are given back when their thread ends. Threads above `exclusive_slots` that live at the
// same time, and threads that are ending, share `shared_slot`.
#ifndef LLMS_DETAIL_METRICS_SLOT_HPP
#define LLMS_DETAIL_METRICS_SLOT_HPP

#include <atomic>
#include <bit>
#include <cstdint>
#include <utility>

namespace llms::inline v0_1::detail {

inline constexpr unsigned exclusive_slots = 64;
inline constexpr unsigned shared_slot = exclusive_slots;

// A set bit is a free slot. What the last owner of a slot wrote happens before what the next owner
// reads: the slot is given back with release and taken with acquire. A constant-initialised global
// without a destructor: threads may end before main begins and after it returns.
inline constinit std::atomic<std::uint64_t> free_slots{~std::uint64_t{0}};
inline constexpr unsigned no_slot_yet = ~0U;
inline constinit thread_local unsigned slot_of_thread = no_slot_yet;

inline auto take_slot() noexcept -> unsigned {
    auto free = free_slots.load(std::memory_order_relaxed);
    while (free != 0) {
        if (free_slots.compare_exchange_weak(free, free & (free - 1), std::memory_order_acquire,
                                             std::memory_order_relaxed)) {
            return static_cast<unsigned>(std::countr_zero(free));
        }
    }
    return shared_slot;
}

struct slot_return {
    slot_return() = default;
    slot_return(slot_return const&) = delete;
    auto operator=(slot_return const&) -> slot_return& = delete;
    ~slot_return() {
        // Other thread_local destructors may still record: from here on, in the shared cells.
        auto const slot = std::exchange(slot_of_thread, shared_slot);
        if (slot < exclusive_slots) {
            free_slots.fetch_or(std::uint64_t{1} << slot, std::memory_order_release);
        }
    }
};

inline auto assign_slot() noexcept -> unsigned {
    thread_local slot_return const at_thread_exit;
    return slot_of_thread = take_slot();
}

/// The slot of the calling thread: below `exclusive_slots` no other thread has it now.
[[nodiscard]] inline auto thread_slot() noexcept -> unsigned {
    auto const slot = slot_of_thread;
    return slot != no_slot_yet ? slot : assign_slot();
}

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_METRICS_SLOT_HPP
