// SPDX-License-Identifier: MIT
//
// A row of 64-bit sums and maxima that many threads write to: each thread has a row of its own on
// cache lines of its own, allocated when it first adds; reading combines the rows.
#ifndef LLMS_DETAIL_METRICS_CELLS_HPP
#define LLMS_DETAIL_METRICS_CELLS_HPP

#include <llms/detail/metrics_slot.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

namespace llms::inline v0_1::detail {

class sharded_cells {
    struct alignas(64) cache_line {
        std::array<std::atomic<std::uint64_t>, 8> cells{};
    };

public:
    /// The row of one thread, to be used at once and in that thread only.
    class row {
    public:
        void add(std::size_t cell, std::uint64_t amount) const noexcept {
            auto& sum = lines_[cell / 8].cells[cell % 8];
            // An exclusive row has one writer, so nothing can be lost between load and store.
            // Relaxed: sums order nothing else, and readers see each cell grow monotonically.
            if (exclusive_) {
                sum.store(sum.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
            } else {
                sum.fetch_add(amount, std::memory_order_relaxed);
            }
        }

        void raise(std::size_t cell, std::uint64_t value) const noexcept {
            auto& most = lines_[cell / 8].cells[cell % 8];
            auto now = most.load(std::memory_order_relaxed);
            while (value > now &&
                   !most.compare_exchange_weak(now, value, std::memory_order_relaxed)) {}
        }

    private:
        friend sharded_cells;
        row(cache_line* lines, bool exclusive) noexcept : lines_{lines}, exclusive_{exclusive} {}
        cache_line* lines_;
        bool exclusive_;
    };

    explicit sharded_cells(std::size_t cells) : line_count_{(cells + 7) / 8} {
        rows_[shared_slot].store(new cache_line[line_count_], std::memory_order_relaxed);
    }
    sharded_cells(sharded_cells const&) = delete;
    auto operator=(sharded_cells const&) -> sharded_cells& = delete;
    ~sharded_cells() {
        for (auto& lines : rows_) {
            delete[] lines.load(std::memory_order_relaxed);
        }
    }

    [[nodiscard]] auto own_row() noexcept -> row {
        auto const slot = thread_slot();
        // Relaxed: a row of an exclusive slot was made by this thread or by an owner of the slot
        // before it, which happens before; the shared row was made by the constructor.
        auto* lines = rows_[slot].load(std::memory_order_relaxed);
        if (lines == nullptr) {
            lines = add_row(slot);
            if (lines == nullptr) { // out of memory
                return {rows_[shared_slot].load(std::memory_order_relaxed), false};
            }
        }
        return {lines, slot != shared_slot};
    }

    /// The sum over all threads of what was added to a cell.
    [[nodiscard]] auto sum(std::size_t cell) const noexcept -> std::uint64_t {
        std::uint64_t total = 0;
        for_each_row(cell, [&](std::uint64_t value) { total += value; });
        return total;
    }

    /// The most that a cell was raised to, or 0.
    [[nodiscard]] auto most(std::size_t cell) const noexcept -> std::uint64_t {
        std::uint64_t most = 0;
        for_each_row(cell, [&](std::uint64_t value) { most = value > most ? value : most; });
        return most;
    }

private:
    template <class Use>
    void for_each_row(std::size_t cell, Use use) const noexcept {
        for (auto const& of_thread : rows_) {
            // Acquire: the zeros the row was made with are seen.
            if (auto const* lines = of_thread.load(std::memory_order_acquire)) {
                use(lines[cell / 8].cells[cell % 8].load(std::memory_order_relaxed));
            }
        }
    }

    auto add_row(unsigned slot) noexcept -> cache_line* {
        auto* lines = new (std::nothrow) cache_line[line_count_];
        rows_[slot].store(lines, std::memory_order_release);
        return lines;
    }

    std::size_t line_count_;
    std::array<std::atomic<cache_line*>, exclusive_slots + 1> rows_{};
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_METRICS_CELLS_HPP
