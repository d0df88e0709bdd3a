// SPDX-License-Identifier: MIT
//
// The keys that were evicted lately, as fingerprints in an array of fixed size: four bytes each.
#ifndef LLMS_DETAIL_CACHE_GHOST_HPP
#define LLMS_DETAIL_CACHE_GHOST_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace llms::inline v0_1::detail {

/// A set of hashes that forgets in the order of insertion, approximately: within a bucket of eight
/// cells the oldest makes room, and what is older than the window a caller asks about is as good as
/// forgotten. Two keys are confused with a chance of about one in eight thousand, which costs a
/// wrong guess of the policy and nothing else.
class cache_ghost {
public:
    explicit cache_ghost(std::size_t capacity)
        : buckets_{(capacity + width - 1) / width},
          cells_{buckets_ == 0 ? nullptr : std::make_unique<bucket[]>(buckets_)} {
        while ((capacity >> age_shift_) > max_age) {
            ++age_shift_;
        }
    }

    void insert(std::uint32_t hash) noexcept {
        if (buckets_ == 0) {
            return;
        }
        ++clock_;
        auto* victim = &bucket_of(hash)[0];
        for (auto& cell : bucket_of(hash)) {
            if (cell.print == 0) {
                victim = &cell;
                break;
            }
            if (age(cell) > age(*victim)) {
                victim = &cell;
            }
        }
        *victim = {.print = print(hash), .stamp = stamp()};
    }

    /// Takes `hash` out; false when it is not there or was not among the last `window` that were
    /// put in.
    [[nodiscard]] auto take(std::uint32_t hash, std::size_t window) noexcept -> bool {
        if (buckets_ == 0) {
            return false;
        }
        for (auto& cell : bucket_of(hash)) {
            if (cell.print == print(hash)) {
                auto const is_young = age(cell) <= (window >> age_shift_);
                cell = {};
                return is_young;
            }
        }
        return false;
    }

private:
    static constexpr std::size_t width = 8;
    // A stamp wraps after 65,536 steps. A cell would have to survive four times its bucket's fair
    // share of insertions to be taken for a young one.
    static constexpr std::size_t max_age = 1U << 14U;

    struct memory {
        std::uint16_t print = 0; // 0: empty
        std::uint16_t stamp = 0;
    };
    using bucket = std::array<memory, width>;

    static auto print(std::uint32_t hash) noexcept -> std::uint16_t {
        return static_cast<std::uint16_t>(hash | 1U);
    }
    [[nodiscard]] auto stamp() const noexcept -> std::uint16_t {
        return static_cast<std::uint16_t>(clock_ >> age_shift_);
    }
    [[nodiscard]] auto age(memory of) const noexcept -> std::uint16_t {
        return static_cast<std::uint16_t>(stamp() - of.stamp);
    }
    [[nodiscard]] auto bucket_of(std::uint32_t hash) const noexcept -> bucket& {
        return cells_[static_cast<std::size_t>((std::uint64_t{hash} * buckets_) >> 32U)];
    }

    std::size_t buckets_;
    std::unique_ptr<bucket[]> cells_;
    unsigned age_shift_ = 0;
    std::uint64_t clock_ = 0;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CACHE_GHOST_HPP
