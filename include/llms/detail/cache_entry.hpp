// SPDX-License-Identifier: MIT
//
// One cached key and value: a single heap block, counted by reference.
#ifndef LLMS_DETAIL_CACHE_ENTRY_HPP
#define LLMS_DETAIL_CACHE_ENTRY_HPP

#include <llms/detail/cache_node.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace llms::inline v0_1::detail {

/// How a stored key is seen. The bytes of a `std::string` lie in the entry's own block, which saves
/// an allocation and a cache miss a lookup; so such a key is seen as a view.
template <typename Key>
inline constexpr bool cache_key_is_inline = std::same_as<Key, std::string>;
template <typename Key>
using cache_key_view = std::conditional_t<cache_key_is_inline<Key>, std::string_view, Key const&>;

/// The block `[cache_node][value][key]`. Born with one reference, destroyed with the last; what it
/// points to never changes, so a pinned entry can be read without a lock.
template <typename Key, typename Value>
class cache_entry final : public cache_node {
public:
    /// Strong guarantee: what a constructor of the key or the value throws leaves nothing behind.
    template <typename K, typename... Args>
    [[nodiscard]] static auto make(K&& key, Args&&... args) -> cache_entry* {
        if constexpr (cache_key_is_inline<Key>) {
            std::string_view const bytes{key};
            auto* const block = allocate(bytes.size());
            try {
                auto* const entry =
                    ::new (block) cache_entry(std::in_place, std::forward<Args>(args)...);
                entry->key_size = static_cast<std::uint32_t>(bytes.size());
                bytes.copy(static_cast<char*>(block) + sizeof(cache_entry), bytes.size());
                return entry;
            } catch (...) {
                deallocate(block);
                throw;
            }
        } else {
            auto* const block = allocate(0);
            try {
                return ::new (block) cache_entry(std::forward<K>(key), std::forward<Args>(args)...);
            } catch (...) {
                deallocate(block);
                throw;
            }
        }
    }

    cache_entry(cache_entry const&) = delete;
    auto operator=(cache_entry const&) -> cache_entry& = delete;

    [[nodiscard]] auto key() const noexcept -> cache_key_view<Key> {
        if constexpr (cache_key_is_inline<Key>) {
            return {reinterpret_cast<char const*>(this + 1), key_size}; // NOLINT
        } else {
            return key_;
        }
    }
    [[nodiscard]] auto value() const noexcept -> Value const& { return value_; }

    void release() noexcept {
        if (give_back()) {
            this->~cache_entry();
            deallocate(this);
        }
    }

private:
    struct nothing {
        explicit nothing(std::in_place_t /*unused*/) noexcept {}
    };
    using key_slot = std::conditional_t<cache_key_is_inline<Key>, nothing, Key>;

    template <typename K, typename... Args>
    explicit cache_entry(K&& key, Args&&... args)
        : value_(std::forward<Args>(args)...),
          key_(std::forward<K>(key)) {}
    ~cache_entry() = default;

    // The aligned forms of new are slower, and most entries do without.
    static constexpr bool is_overaligned = alignof(Value) > __STDCPP_DEFAULT_NEW_ALIGNMENT__ ||
                                           alignof(Key) > __STDCPP_DEFAULT_NEW_ALIGNMENT__;

    static auto allocate(std::size_t key_bytes) -> void* {
        if constexpr (is_overaligned) {
            return ::operator new (sizeof(cache_entry) + key_bytes,
                                   std::align_val_t{alignof(cache_entry)});
        } else {
            return ::operator new(sizeof(cache_entry) + key_bytes);
        }
    }
    static void deallocate(void* block) noexcept {
        if constexpr (is_overaligned) {
            ::operator delete (block, std::align_val_t{alignof(cache_entry)});
        } else {
            ::operator delete(block);
        }
    }

    Value value_;
    [[no_unique_address]] key_slot key_;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CACHE_ENTRY_HPP
