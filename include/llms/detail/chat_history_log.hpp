// SPDX-License-Identifier: MIT
//
// An append-only list whose prefixes can be read while it grows: one writer at a time, any number of
// readers, no copies.
//
// Elements stand in blocks that never move. A reader holds the list and a number of elements that were
// in it when it asked, under the writer's lock. The writer afterwards only touches elements beyond that
// number, and the `next` of the last block, which a reader follows only to reach an element within its
// number, so that both were written before it asked. Hence no atomics: the lock under which a reader
// got its number orders all that it reads. A place keeps its block and all later ones alive.
#ifndef LLMS_DETAIL_CHAT_HISTORY_LOG_HPP
#define LLMS_DETAIL_CHAT_HISTORY_LOG_HPP

#include <array>
#include <cstddef>
#include <memory>
#include <utility>

namespace llms::inline v0_1::detail {

template <class T>
class history_log {
    static constexpr std::size_t block_size = 64;

    struct block {
        std::array<T, block_size> items{};
        std::shared_ptr<block> next{};

        block() = default;
        block(block const&) = delete;
        auto operator=(block const&) -> block& = delete;
        ~block() { // one by one: no recursion, however long the list
            for (auto at = std::move(next); at && at.use_count() == 1;) {
                auto after = std::move(at->next);
                at = std::move(after);
            }
        }
    };

public:
    /// A place in the list. It keeps its block alive, and with it all later ones, not the earlier.
    class cursor {
    public:
        cursor() = default;
        [[nodiscard]] auto operator*() const noexcept -> T const& { return at_->items[offset_]; }
        /// \pre there is an element beyond this one
        void advance() {
            if (++offset_ == block_size) {
                at_ = std::shared_ptr<block>(at_->next); // copied before the old block is let go
                offset_ = 0;
            }
        }

    private:
        friend class history_log;
        cursor(std::shared_ptr<block> at, std::size_t offset) noexcept
            : at_(std::move(at)),
              offset_(offset) {}
        std::shared_ptr<block> at_;
        std::size_t offset_ = 0;
    };

    /// Appends and returns the place of the element. Amortised O(1).
    auto append(T value) -> cursor {
        if (!last_ || used_ == block_size) {
            auto fresh = std::make_shared<block>();
            if (last_) {
                last_->next = fresh;
            }
            last_ = std::move(fresh);
            used_ = 0;
        }
        last_->items[used_] = std::move(value);
        return cursor(last_, used_++);
    }

    history_log() = default;
    history_log(history_log&&) noexcept = default;
    auto operator=(history_log&&) noexcept -> history_log& = default;

private:
    std::shared_ptr<block> last_;
    std::size_t used_ = 0;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CHAT_HISTORY_LOG_HPP
