// SPDX-License-Identifier: MIT
//
// Marks memory as not to be touched, for AddressSanitizer; without it this does nothing.
#ifndef LLMS_DETAIL_MEMORY_ASAN_HPP
#define LLMS_DETAIL_MEMORY_ASAN_HPP

#include <cstddef>
#include <cstring>
#include <memory>

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

// Lies beside a poisoned T and keeps what that points to from being reported as leaked:
// LeakSanitizer looks for pointers neither in poisoned memory nor in poisoned root regions.
template <class T>
class kept_pointers {
public:
    void keep(T const& value) noexcept { std::memcpy(bytes_, std::addressof(value), sizeof(T)); }
    void forget() noexcept { std::memset(bytes_, 0, sizeof(T)); }

private:
    alignas(T) alignas(void*) unsigned char bytes_[sizeof(T)]{};
};
#else
inline constexpr bool asan = false;

inline void poison(void const volatile* /*begin*/, std::size_t /*bytes*/) noexcept {}
inline void unpoison(void const volatile* /*begin*/, std::size_t /*bytes*/) noexcept {}

template <class T>
struct kept_pointers {
    void keep(T const& /*value*/) noexcept {}
    void forget() noexcept {}
};
#endif

} // namespace llms::inline v0_1::detail

#undef LLMS_ASAN

#endif // LLMS_DETAIL_MEMORY_ASAN_HPP
