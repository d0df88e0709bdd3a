// SPDX-License-Identifier: MIT
//
// An append-only list whose prefixes can be read while it grows: one writer at a time, any number of
// readers, no copies.
//
// Elements stand in blocks that never move. A reader holds the list and a number of elements that were
// in it when it asked, under the writer's lock. The writer afterwards only touches elements beyond that
// number, and the `next` of the last block, which a reader follows only to reach an element within its
// number, so that both were written before it asked. Hence elements need no atomics: the lock under which a
// reader got its number orders all that it reads. A place keeps its block and all later ones alive.
#ifndef LLMS_DETAIL_CHAT_HISTORY_LOG_HPP
#define LLMS_DETAIL_CHAT_HISTORY_LOG_HPP

#include <array>
#include <atomic>
#include <cstddef>
#include <utility>

namespace llms::inline v0_1::detail {

// Blocks count their owners: the places in them, the list for its last, each block for the next. Who
// drops the last reference (acquire-release: all that others did with the block came before) deletes it
// and drops its reference to the next in the same loop, so that no list is too long to be let go.
template <class T>
class history_log {
    static constexpr std::size_t block_size = 64;

    struct block {
        std::array<T, block_size> items{};
        block* next = nullptr; // with a reference; written once
        std::atomic<std::size_t> references{1};
    };

    // A counted reference to a block.
    class block_reference {
    public:
        block_reference() = default;
        /// Takes over a reference.
        explicit block_reference(block* owned) noexcept : at_(owned) {}
        block_reference(block_reference const& other) noexcept : at_(other.at_) {
            if (at_ != nullptr) {
                at_->references.fetch_add(1, std::memory_order_relaxed); // `other` holds one
            }
        }
        block_reference(block_reference&& other) noexcept
            : at_(std::exchange(other.at_, nullptr)) {}
        auto operator=(block_reference other) noexcept -> block_reference& {
            std::swap(at_, other.at_);
            return *this;
        }
        ~block_reference() {
            while (at_ != nullptr && at_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
                delete std::exchange(at_, at_->next);
            }
        }

        [[nodiscard]] auto operator->() const noexcept -> block* { return at_; }
        [[nodiscard]] explicit operator bool() const noexcept { return at_ != nullptr; }
        /// The next block, which this one keeps alive.
        [[nodiscard]] auto next() const noexcept -> block_reference {
            at_->next->references.fetch_add(1, std::memory_order_relaxed);
            return block_reference(at_->next);
        }
        /// Gives the reference up without dropping it.
        [[nodiscard]] auto take() && noexcept -> block* { return std::exchange(at_, nullptr); }

    private:
        block* at_ = nullptr;
    };

public:
    /// A place in the list. It keeps its block alive, and with it all later ones, not the earlier.
    class cursor {
    public:
        cursor() = default;
        [[nodiscard]] auto operator*() const noexcept -> T const& { return at_->items[offset_]; }
        /// \pre there is an element beyond this one
        void advance() noexcept {
            if (++offset_ == block_size) {
                at_ = at_.next();
                offset_ = 0;
            }
        }

    private:
        friend class history_log;
        cursor(block_reference at, std::size_t offset) noexcept
            : at_(std::move(at)),
              offset_(offset) {}
        block_reference at_;
        std::size_t offset_ = 0;
    };

    /// Appends and returns the place of the element. Amortised O(1).
    auto append(T value) -> cursor {
        if (!last_ || used_ == block_size) {
            block_reference fresh(new block);
            if (last_) {
                last_->next = block_reference(fresh).take();
            }
            last_ = std::move(fresh);
            used_ = 0;
        }
        last_->items[used_] = std::move(value);
        return cursor(last_, used_++);
    }

    history_log() = default;
    history_log(history_log&&) noexcept = default; // a copy would be a second writer
    auto operator=(history_log&&) noexcept -> history_log& = default;

private:
    block_reference last_;
    std::size_t used_ = 0;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CHAT_HISTORY_LOG_HPP
