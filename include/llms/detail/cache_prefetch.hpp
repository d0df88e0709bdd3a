// SPDX-License-Identifier: MIT
//
// A word to the processor of what will be needed soon.
#ifndef LLMS_DETAIL_CACHE_PREFETCH_HPP
#define LLMS_DETAIL_CACHE_PREFETCH_HPP

#include <cstddef>
#include <cstdint>

namespace llms::inline v0_1::detail {

/// Has the cache lines of `bytes` bytes from `at` on come over while something else is done: to be read, or
/// to be written, which takes them away from other processors. A hint that reads nothing itself: any address
/// will do, null and that of what is no more too.
template <bool ToWrite>
void cache_prefetch([[maybe_unused]] void const* at, [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(__GNUC__)
    constexpr std::size_t line = 64;
    auto const first = reinterpret_cast<std::uintptr_t>(at); // NOLINT
    for (std::size_t offset = 0; offset < bytes; offset += line) {
        // NOLINTNEXTLINE: null has no offsets
        __builtin_prefetch(reinterpret_cast<void const*>(first + offset), ToWrite ? 1 : 0);
    }
#endif
}

inline void cache_prefetch_to_read(void const* at, std::size_t bytes) noexcept {
    cache_prefetch<false>(at, bytes);
}
inline void cache_prefetch_to_write(void const* at, std::size_t bytes) noexcept {
    cache_prefetch<true>(at, bytes);
}

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CACHE_PREFETCH_HPP
