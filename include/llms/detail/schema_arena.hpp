// SPDX-License-Identifier: MIT
//
// The memory of one compiled schema: objects are placed one after the other and freed together.
// They must be trivially destructible, so that dropping a schema costs a handful of frees, and
// they never move, so that nodes may point at each other.
#ifndef LLMS_DETAIL_SCHEMA_ARENA_HPP
#define LLMS_DETAIL_SCHEMA_ARENA_HPP

#include <llms/version.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace llms::inline v0_1::detail::schema_engine {

class arena {
public:
    /// Places one value-initialised `T`.
    template <class T>
        requires std::is_trivially_destructible_v<T>
    auto make() -> T& { return *::new (allocate(sizeof(T), alignof(T))) T{}; }

    /// Places `count` value-initialised `T`s.
    template <class T>
        requires std::is_trivially_destructible_v<T>
    auto array(std::size_t count) -> std::span<T> {
        if (count == 0) {
            return {};
        }
        auto const bytes =
            sizeof(T) * count; // NOLINT(bugprone-sizeof-expression): T may be a pointer
        auto* const first = static_cast<T*>(allocate(bytes, alignof(T)));
        std::uninitialized_value_construct_n(first, count);
        return {std::launder(first), count};
    }

    /// Places a copy of `text`.
    auto text(std::string_view text) -> std::string_view {
        auto const copy = array<char>(text.size());
        std::copy(text.begin(), text.end(), copy.begin());
        return {copy.data(), copy.size()};
    }

    [[nodiscard]] auto size_bytes() const noexcept -> std::size_t { return size_bytes_; }

private:
    static constexpr std::size_t smallest_chunk = 2048;
    static constexpr std::size_t largest_chunk = 65536;

    auto allocate(std::size_t size, std::size_t alignment) -> void* {
        void* place = next_;
        if (std::align(alignment, size, place, left_) == nullptr) {
            auto const wanted = std::min(std::max(smallest_chunk, size_bytes_), largest_chunk);
            auto const bytes = std::max(wanted, size + alignment);
            chunks_.push_back(std::unique_ptr<std::byte[]>(new std::byte[bytes]));
            size_bytes_ += bytes;
            next_ = chunks_.back().get();
            left_ = bytes;
            place = next_;
            std::align(alignment, size, place, left_);
        }
        next_ = static_cast<std::byte*>(place) + size;
        left_ -= size;
        return place;
    }

    std::vector<std::unique_ptr<std::byte[]>> chunks_;
    std::byte* next_ = nullptr;
    std::size_t left_ = 0;
    std::size_t size_bytes_ = 0;
};

} // namespace llms::inline v0_1::detail::schema_engine

#endif // LLMS_DETAIL_SCHEMA_ARENA_HPP
