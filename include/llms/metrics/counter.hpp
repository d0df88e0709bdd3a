// SPDX-License-Identifier: MIT
//
// `counter` counts up, from any number of threads.
//
//     llms::counter sent;
//     sent.add();          // about a nanosecond, in each thread on a cache line of its own
//     sent.value();
//
// Thread-safe. `add` takes no lock; it allocates 64 bytes the first time a thread calls it, and
// shares a cell with other threads when that fails or when more than 64 threads count.
#ifndef LLMS_METRICS_COUNTER_HPP
#define LLMS_METRICS_COUNTER_HPP

#include <llms/detail/metrics_cells.hpp>

#include <cstdint>

namespace llms::inline v0_1 {

/// A sum that only grows.
class counter {
public:
    void add(std::uint64_t amount = 1) noexcept { cells_.own_row().add(0, amount); }

    /// The sum of what was added. It holds all that happened before the call, and from one call to
    /// the next, in one thread, it never falls.
    [[nodiscard]] auto value() const noexcept -> std::uint64_t { return cells_.sum(0); }

private:
    detail::sharded_cells cells_{1};
};

} // namespace llms::inline v0_1

#endif // LLMS_METRICS_COUNTER_HPP
