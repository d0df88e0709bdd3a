// SPDX-License-Identifier: MIT
//
// The arithmetic of the cache's hashing: a secret of the process and a keyed hash of bytes.
#ifndef LLMS_DETAIL_CACHE_MIX_HPP
#define LLMS_DETAIL_CACHE_MIX_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if __has_include(<sys/random.h>)
#    include <sys/random.h>
#endif

namespace llms::inline v0_1::detail {

/// Three words that an outsider does not know.
struct cache_secret {
    std::uint64_t a, b, c;
};

/// The two halves of the 128-bit product of `x` and `y`, folded together.
inline auto cache_fold(std::uint64_t x, std::uint64_t y) noexcept -> std::uint64_t {
#if defined(__SIZEOF_INT128__)
    __extension__ using wide = unsigned __int128;
    auto const product = static_cast<wide>(x) * y;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
#else
    auto const low = (x & 0xffffffffU) * (y & 0xffffffffU);
    auto const high = (x >> 32U) * (y >> 32U);
    auto const cross = (x >> 32U) * (y & 0xffffffffU);
    auto const other = (x & 0xffffffffU) * (y >> 32U);
    auto const middle = (low >> 32U) + (cross & 0xffffffffU) + (other & 0xffffffffU);
    return (low & 0xffffffffU) ^ (middle << 32U) ^
           (high + (cross >> 32U) + (other >> 32U) + (middle >> 32U));
#endif
}

/// Which of `count` buckets a hash falls into: as its high bits say.
constexpr auto cache_bucket_of(std::uint32_t hash, std::size_t count) noexcept -> std::size_t {
    return static_cast<std::size_t>((std::uint64_t{hash} * count) >> 32U);
}

/// `Bits` bits to tell hashes in one bucket apart. The high bits of the hash are alike there, and the lowest
/// in all of a shard; so these are of the bits in between, as long as there are any.
template <unsigned Bits>
constexpr auto cache_print(std::uint32_t hash) noexcept -> std::uint64_t {
    return hash * 0x9e37'79b1U >> (32 - Bits);
}

/// A 1 in each of the lowest `Count` lanes of `Bits` bits.
template <unsigned Bits, unsigned Count>
inline constexpr std::uint64_t cache_ones = cache_ones<Bits, Count - 1> << Bits | 1U;
template <unsigned Bits>
inline constexpr std::uint64_t cache_ones<Bits, 0> = 0;

/// Which of those lanes are zero, as their high bits. Adding all the lower bits of a lane carries into the
/// high bit of any that is not zero.
template <unsigned Bits, unsigned Count>
constexpr auto cache_zero_lanes(std::uint64_t word) noexcept -> std::uint64_t {
    constexpr auto high_bits = cache_ones<Bits, Count> << (Bits - 1);
    constexpr auto low_bits = high_bits - cache_ones<Bits, Count>;
    return ~(((word & low_bits) + low_bits) | word) & high_bits;
}

/// Drawn once a process: from the system's generator where there is one, else from what changes
/// between runs (the clock, and addresses).
inline auto cache_process_secret() noexcept -> cache_secret {
    static auto const secret = [] {
        cache_secret drawn{0x9e3779b97f4a7c15U, 0xc2b2ae3d27d4eb4fU, 0x165667b19e3779f9U};
#if __has_include(<sys/random.h>)
        cache_secret random{};
        if (::getentropy(&random, sizeof random) == 0) {
            drawn = random;
        }
#endif
        auto const stirred = [&drawn](std::uint64_t word, std::uint64_t with) {
            auto const now = std::chrono::steady_clock::now().time_since_epoch().count();
            auto const place = reinterpret_cast<std::uintptr_t>(&drawn); // NOLINT
            return (word ^ cache_fold(static_cast<std::uint64_t>(now) ^ with, place | 1U)) | 1U;
        };
        return cache_secret{stirred(drawn.a, drawn.b), stirred(drawn.b, drawn.c),
                            stirred(drawn.c, drawn.a)};
    }();
    return secret;
}

/// Sixteen bytes a multiplication, in two lanes. The words that the input is combined with are
/// secret: with constants that are known, an input block that makes a factor zero would wipe out
/// what went before it, whatever the seed.
///
/// Source: the construction of Wang Yi's wyhash.
inline auto cache_hash_bytes(char const* data, std::size_t size, cache_secret const& key) noexcept
    -> std::uint64_t {
    auto const word = [](char const* from) {
        std::uint64_t bits = 0;
        std::memcpy(&bits, from, sizeof bits);
        return bits;
    };
    auto const half = [](char const* from) {
        std::uint32_t bits = 0;
        std::memcpy(&bits, from, sizeof bits);
        return std::uint64_t{bits};
    };
    auto const byte = [data](std::size_t at) {
        return std::uint64_t{static_cast<unsigned char>(data[at])};
    };

    if (size > 16) {
        auto const* const end = data + size;
        auto state = key.a;
        auto lane = key.b;
        for (; end - data > 32; data += 32) {
            state = cache_fold(word(data) ^ key.b, word(data + 8) ^ state);
            lane = cache_fold(word(data + 16) ^ key.c, word(data + 24) ^ lane);
        }
        // The last 32 bytes, which may overlap with what has been read, or the first and the last 16.
        data = size < 32 ? data : end - 32;
        state = cache_fold(word(data) ^ key.b, word(data + 8) ^ state);
        lane = cache_fold(word(end - 16) ^ key.c, word(end - 8) ^ lane);
        return cache_fold(state ^ size, lane ^ key.a);
    }
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    if (size >= 8) {
        first = word(data);
        last = word(data + size - 8);
    } else if (size >= 4) {
        first = half(data);
        last = half(data + size - 4);
    } else if (size > 0) {
        first = byte(0) << 16U | byte(size / 2) << 8U | byte(size - 1);
    }
    return cache_fold(key.c ^ size, cache_fold(first ^ key.b, last ^ key.a));
}

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CACHE_MIX_HPP
