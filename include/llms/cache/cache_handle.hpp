// SPDX-License-Identifier: MIT
//
// What a cache answers: nothing, or a value that stays where it is for as long as the handle lives,
// whatever happens to the cache meanwhile: eviction, replacement, even its end.
//
//     if (auto hit = cache.get(key)) {
//         use(*hit);
//     }
//
// Thread safety: as of a `std::shared_ptr<Value const>`. A copy costs one atomic increment. What is
// pinned but no longer in the cache does not count towards the cache's bounds: do not hoard
// handles.
#ifndef LLMS_CACHE_CACHE_HANDLE_HPP
#define LLMS_CACHE_CACHE_HANDLE_HPP

#include <llms/detail/cache_entry.hpp>

#include <cassert>
#include <cstddef>
#include <utility>

namespace llms::inline v0_1 {

/// A pinned entry of a `cache<Key, Value, ...>`, or empty.
template <typename Key, typename Value>
class cache_handle {
public:
    /// Empty: a miss.
    cache_handle() noexcept = default;
    cache_handle(std::nullptr_t) noexcept {} // NOLINT(google-explicit-constructor)
    cache_handle(cache_handle const& other) noexcept : entry_{other.entry_}, stale_{other.stale_} {
        if (entry_ != nullptr) {
            entry_->retain();
        }
    }
    cache_handle(cache_handle&& other) noexcept
        : entry_{std::exchange(other.entry_, nullptr)},
          stale_{other.stale_} {}
    auto operator=(cache_handle other) noexcept -> cache_handle& {
        std::swap(entry_, other.entry_);
        std::swap(stale_, other.stale_);
        return *this;
    }
    ~cache_handle() {
        if (entry_ != nullptr) {
            // The analyzer takes every release for the last one.
            entry_->release(); // NOLINT(clang-analyzer-cplusplus.NewDelete)
        }
    }

    [[nodiscard]] explicit operator bool() const noexcept { return entry_ != nullptr; }

    /// The value. Precondition: not empty.
    [[nodiscard]] auto operator*() const noexcept -> Value const& {
        assert(entry_ != nullptr);
        return entry_->value();
    }
    [[nodiscard]] auto operator->() const noexcept -> Value const* { return &**this; }

    /// The key as stored; a `std::string` is seen as a `std::string_view`. Precondition: not empty.
    [[nodiscard]] auto key() const noexcept -> detail::cache_key_view<Key> {
        assert(entry_ != nullptr);
        return entry_->key();
    }

    /// Whether the value was past its soft or its hard time to live when it was handed out.
    [[nodiscard]] auto stale() const noexcept -> bool { return stale_; }

private:
    template <typename, typename, typename, typename, typename>
    friend class cache;
    using entry = detail::cache_entry<Key, Value>;

    // Takes over a reference.
    explicit cache_handle(entry* pinned, bool stale) noexcept : entry_{pinned}, stale_{stale} {}

    entry* entry_ = nullptr;
    bool stale_ = false;
};

} // namespace llms::inline v0_1

#endif // LLMS_CACHE_CACHE_HANDLE_HPP
