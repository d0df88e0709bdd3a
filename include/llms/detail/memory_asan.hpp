// SPDX-License-Identifier: MIT
//
// Marks memory as not to be touched, for AddressSanitizer; without it these functions do nothing.
#ifndef LLMS_DETAIL_MEMORY_ASAN_HPP
#define LLMS_DETAIL_MEMORY_ASAN_HPP

#include <cstddef>

// g++ defines the macro, clang answers the feature test; g++ 12 cannot parse both in one condition.
#if defined(__SANITIZE_ADDRESS__)
#    define LLMS_ASAN 1
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer)
#        define LLMS_ASAN 1
#    endif
#endif

#ifdef LLMS_ASAN
// As <sanitizer/asan_interface.h> declares them.
extern "C" void __asan_poison_memory_region(void const volatile* begin, std::size_t bytes);
extern "C" void __asan_unpoison_memory_region(void const volatile* begin, std::size_t bytes);
#endif

namespace llms::inline v0_1::detail {

#ifdef LLMS_ASAN
inline constexpr bool asan = true;

inline void poison(void const volatile* begin, std::size_t bytes) noexcept {
    __asan_poison_memory_region(begin, bytes);
}

inline void unpoison(void const volatile* begin, std::size_t bytes) noexcept {
    __asan_unpoison_memory_region(begin, bytes);
}
#else
inline constexpr bool asan = false;

inline void poison(void const volatile* /*begin*/, std::size_t /*bytes*/) noexcept {}
inline void unpoison(void const volatile* /*begin*/, std::size_t /*bytes*/) noexcept {}
#endif

} // namespace llms::inline v0_1::detail

#undef LLMS_ASAN

#endif // LLMS_DETAIL_MEMORY_ASAN_HPP
