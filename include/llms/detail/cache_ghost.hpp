// SPDX-License-Identifier: MIT
//
// The keys that were evicted lately, as fingerprints in a table of fixed size.
#ifndef LLMS_DETAIL_CACHE_GHOST_HPP
#define LLMS_DETAIL_CACHE_GHOST_HPP

#include <llms/detail/cache_mix.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace llms::inline v0_1::detail {

/// A set of hashes that forgets the oldest first, as a queue of a given length would: a table of buckets
/// of one cache line each, rings in which the newest takes the place of the oldest, and whose cells carry
/// the time of their insertion, so that what is too old is as good as forgotten. Within 0.5 points of the
/// hit ratio with an exact queue on the traces of `benchmarks/cache/hit_ratio`.
///
/// Two keys are confused with a chance of one in two thousand (more often beyond a million entries, where the
/// 32 bits of a hash are used up), which costs a wrong guess of the policy and nothing else.
class cache_ghost {
public:
    /// Room for `capacity` hashes, and half as many because buckets do not fill evenly.
    explicit cache_ghost(std::size_t capacity)
        : buckets_{(capacity + capacity / 2) / width + 1},
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
        auto const at = home.oldest();
        auto& word = home.prints[at / 4];
        auto const shift = at % 4 * 16;
        word = (word & ~(lane << shift)) | print(hash) << shift;
        home.born[at] = stamp();
        home.oldest() = static_cast<std::uint16_t>(at + 1 == width ? 0 : at + 1);
    }

    /// Takes `hash` out. False when it is not among those that a queue of the given length would hold.
    /// There is no branch in it, because no processor could guess what comes back.
    [[nodiscard]] auto take(std::uint32_t hash, std::size_t length) noexcept -> bool {
        auto& home = bucket_of(hash);
        auto const wanted = print(hash) * every_lane;
        std::uint64_t found = 0; // of lane j of word k: bit 16 * j + k
        for (unsigned k = 0; k < 4; ++k) {
            found |= zeros(home.prints[k] ^ wanted) >> (15 - k);
        }
        auto const first = static_cast<unsigned>(std::countr_zero(found | std::uint64_t{1} << 51U));
        auto const word = first % 16;
        auto const lane_of = first / 16;
        // What is taken out leaves its place to others: a queue of that length reaches back further
        // than that many insertions.
        auto const age =
            std::uint64_t{static_cast<std::uint16_t>(stamp() - home.born[word * 4 + lane_of])}
            << age_shift_;
        auto const is_young = age * (inserted_ - taken_ + 1) <= length * inserted_;
        auto const is_held = as_word(found != 0) & as_word(is_young);
        home.prints[word] &= ~((is_held * lane) << (lane_of * 16));
        taken_ += is_held & as_word(taken_ < inserted_);
        return is_held != 0;
    }

private:
    static constexpr std::size_t width = 15;
    // Of stamps, which wrap after 65,536: a cell would have to survive several times its bucket's fair
    // share of insertions to be taken for a young one.
    static constexpr std::size_t max_age = 1U << 13U;
    static constexpr std::size_t memory_span = 4096;
    static constexpr std::uint64_t lane = 0xffff;
    static constexpr std::uint64_t every_lane = cache_ones<16, 4>;

    // Cell i is lane i % 4 of word i / 4. The sixteenth print is always 0, which is an empty cell, and what
    // would be its time is where the ring goes on.
    struct alignas(64) bucket {
        std::uint64_t prints[4] = {};
        std::uint16_t born[width + 1] = {};

        auto oldest() noexcept -> std::uint16_t& { return born[width]; }
    };

    static auto zeros(std::uint64_t lanes) noexcept -> std::uint64_t {
        return cache_zero_lanes<16, 4>(lanes);
    }
    static auto as_word(bool is) noexcept -> std::uint64_t {
        return static_cast<std::uint64_t>(is);
    }
    static auto print(std::uint32_t hash) noexcept -> std::uint64_t {
        return cache_print<16>(hash) | 1U;
    }
    [[nodiscard]] auto stamp() const noexcept -> std::uint16_t {
        return static_cast<std::uint16_t>(clock_ >> age_shift_);
    }
    [[nodiscard]] auto bucket_of(std::uint32_t hash) const noexcept -> bucket& {
        return table_[cache_bucket_of(hash, buckets_)];
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
