// SPDX-License-Identifier: MIT
//
// What an entry weighs when the user does not say.
#ifndef LLMS_DETAIL_CACHE_WEIGHT_HPP
#define LLMS_DETAIL_CACHE_WEIGHT_HPP

#include <llms/detail/cache_entry.hpp>

#include <cstddef>

namespace llms::inline v0_1::detail {

/// A string, a vector and the like, whose elements lie outside of the object.
template <typename T>
concept cache_has_payload = requires(T const& object) {
    object.size() * sizeof(*object.data());
};

/// The bytes of those elements; else zero.
template <typename T>
[[nodiscard]] auto cache_payload_bytes(T const& object) noexcept -> std::size_t {
    if constexpr (cache_has_payload<T>) {
        return object.size() * sizeof(*object.data());
    } else {
        return 0;
    }
}

template <typename Key, typename Value>
[[nodiscard]] auto cache_default_weight(cache_entry<Key, Value> const& entry) noexcept
    -> std::size_t {
    return sizeof entry + cache_payload_bytes(entry.key()) + cache_payload_bytes(entry.value());
}

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CACHE_WEIGHT_HPP
