// SPDX-License-Identifier: MIT
//
// Entries that somebody holds on to for a while, many at once.
#ifndef LLMS_DETAIL_CACHE_PINS_HPP
#define LLMS_DETAIL_CACHE_PINS_HPP

#include <cstddef>
#include <memory>
#include <utility>

namespace llms::inline v0_1::detail {

/// A growing array of references to entries; `<vector>` would cost every user of the cache more than all
/// of the cache does.
template <typename Entry>
class cache_pins {
public:
    cache_pins() = default;
    cache_pins(cache_pins&& other) noexcept
        : pins_{std::move(other.pins_)},
          size_{std::exchange(other.size_, 0)},
          room_{std::exchange(other.room_, 0)} {}
    cache_pins(cache_pins const&) = delete;
    auto operator=(cache_pins const&) -> cache_pins& = delete;
    auto operator=(cache_pins&&) -> cache_pins& = delete;
    ~cache_pins() {
        for (auto* const one : *this) {
            one->release();
        }
    }

    void reserve(std::size_t room) {
        if (room > room_) {
            auto larger = std::make_unique<Entry*[]>(room);
            for (std::size_t i = 0; i < size_; ++i) {
                larger[i] = pins_[i];
            }
            pins_ = std::move(larger);
            room_ = room;
        }
    }

    /// Takes over a reference. Throws only when the room that was reserved is used up.
    void push(Entry& one) {
        if (size_ == room_) {
            reserve(room_ * 2 + 16);
        }
        pins_[size_++] = &one;
    }

    [[nodiscard]] auto size() const noexcept -> std::size_t { return size_; }
    [[nodiscard]] auto begin() const noexcept -> Entry* const* { return pins_.get(); }
    [[nodiscard]] auto end() const noexcept -> Entry* const* { return pins_.get() + size_; }

private:
    std::unique_ptr<Entry*[]> pins_;
    std::size_t size_ = 0;
    std::size_t room_ = 0;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CACHE_PINS_HPP
