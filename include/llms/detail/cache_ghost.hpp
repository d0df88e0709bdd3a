// SPDX-License-Identifier: MIT
//
// The keys that were evicted lately, as fingerprints in a table of fixed size.
#ifndef LLMS_DETAIL_CACHE_GHOST_HPP
#define LLMS_DETAIL_CACHE_GHOST_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

namespace llms::inline v0_1::detail {

/// A set of hashes that forgets the oldest first, as a queue of a given length would: a table of buckets
/// of one cache line each, in which the oldest falls out, and whose cells carry the time of their
/// insertion, so that what is too old is as good as forgotten. Within 0.4 points of the hit ratio with an
/// exact queue on the traces of `benchmarks/cache/hit_ratio`.
///
/// Two keys are confused with a chance of one in two thousand at most, which costs a wrong guess of the
/// policy and nothing else.
class cache_ghost {
public:
    /// Room for `capacity` hashes, and a third more because buckets do not fill evenly.
    explicit cache_ghost(std::size_t capacity)
        : buckets_{(capacity + capacity / 3) / width + 1},
          table_{std::make_unique<bucket[]>(buckets_)} {
        while ((capacity >> age_shift_) > max_age) {
            ++age_shift_;
        }
    }

    void insert(std::uint32_t hash) noexcept {
        if (++inserted_ == memory_span) {
            inserted_ /= 2;
            taken_ /= 2;
        }
        ++clock_;
        auto& home = bucket_of(hash);
        shift(home.prints, 0, 1);
        shift(home.born, 0, 1);
        home.prints[0] = print(hash);
        home.born[0] = stamp();
    }

    /// Takes `hash` out. False when it is not among those that a queue of the given length would hold.
    [[nodiscard]] auto take(std::uint32_t hash, std::size_t length) noexcept -> bool {
        auto& home = bucket_of(hash);
        auto place = width;
        for (auto i = width; i-- > 0;) { // without a way out, so that it is done on vectors
            place = home.prints[i] == print(hash) ? i : place;
        }
        if (place == width) {
            return false;
        }
        // What is taken out leaves its place to others: a queue of that length reaches back further
        // than that many insertions.
        auto const reach = length * inserted_ / (inserted_ - taken_ + 1);
        auto const age = static_cast<std::uint16_t>(stamp() - home.born[place]);
        auto const is_held = age <= (reach >> age_shift_);
        taken_ += is_held && taken_ < inserted_ ? 1 : 0;
        shift(home.prints, place + 1, place);
        shift(home.born, place + 1, place);
        home.prints[width - 1] = 0;
        return is_held;
    }

private:
    static constexpr std::size_t width = 16;
    // Of stamps, which wrap after 65,536: a cell would have to survive several times its bucket's fair
    // share of insertions to be taken for a young one.
    static constexpr std::size_t max_age = 1U << 13U;
    static constexpr std::size_t memory_span = 4096;

    // Newest first; a print of 0 is an empty cell, and only empty ones follow it.
    struct alignas(64) bucket {
        std::uint16_t prints[width];
        std::uint16_t born[width];
    };

    // Moves the cells from `from` on, as many as there is room for, to `to`.
    static void shift(std::uint16_t (&cells)[width], std::size_t from, std::size_t to) noexcept {
        std::memmove(cells + to, cells + from, (width - (from > to ? from : to)) * sizeof cells[0]);
    }

    static auto print(std::uint32_t hash) noexcept -> std::uint16_t {
        return static_cast<std::uint16_t>(hash >> 6U | 1U);
    }
    [[nodiscard]] auto stamp() const noexcept -> std::uint16_t {
        return static_cast<std::uint16_t>(clock_ >> age_shift_);
    }
    [[nodiscard]] auto bucket_of(std::uint32_t hash) const noexcept -> bucket& {
        return table_[static_cast<std::size_t>((std::uint64_t{hash} * buckets_) >> 32U)];
    }

    std::size_t buckets_;
    std::unique_ptr<bucket[]> table_;
    unsigned age_shift_ = 0;
    std::uint64_t clock_ = 0;
    // Of late: both are halved together. taken_ <= inserted_.
    std::size_t inserted_ = 0;
    std::size_t taken_ = 0;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CACHE_GHOST_HPP
