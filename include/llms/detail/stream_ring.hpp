// SPDX-License-Identifier: MIT
//
// A ring of at most `capacity` items in one allocation. Items are constructed when they come and
// destroyed when they go, so T needs no default constructor. Not thread-safe but for `size()`.
#ifndef LLMS_DETAIL_STREAM_RING_HPP
#define LLMS_DETAIL_STREAM_RING_HPP

#include <atomic>
#include <cassert>
#include <cstddef>
#include <memory>
#include <utility>

namespace llms::inline v0_1::detail {

template <class T>
class stream_ring {
public:
    explicit stream_ring(std::size_t capacity)
        : slots_(std::allocator<T>{}.allocate(capacity)),
          capacity_(capacity) {}
    stream_ring(stream_ring const&) = delete;
    auto operator=(stream_ring const&) -> stream_ring& = delete;
    ~stream_ring() {
        clear();
        std::allocator<T>{}.deallocate(slots_, capacity_);
    }

    [[nodiscard]] auto capacity() const noexcept -> std::size_t { return capacity_; }
    /// Exact for who holds the lock, a hint for everybody else.
    [[nodiscard]] auto size() const noexcept -> std::size_t {
        return size_.load(std::memory_order_relaxed);
    }

    [[nodiscard]] auto front() noexcept -> T& { return slots_[first_]; }

    /// If the constructor throws, the ring is as it was.
    template <class... Args>
    void emplace_back(Args&&... args) {
        auto const count = size();
        assert(count < capacity_);
        std::construct_at(slots_ + wrapped(first_ + count), std::forward<Args>(args)...);
        size_.store(count + 1, std::memory_order_relaxed);
    }

    void pop_front() noexcept {
        std::destroy_at(slots_ + first_);
        first_ = wrapped(first_ + 1);
        size_.store(size() - 1, std::memory_order_relaxed);
    }

    void clear() noexcept {
        while (size() != 0) {
            pop_front();
        }
    }

private:
    [[nodiscard]] auto wrapped(std::size_t index) const noexcept -> std::size_t {
        return index < capacity_ ? index : index - capacity_;
    }

    T* slots_;
    std::size_t capacity_;
    std::size_t first_ = 0;
    std::atomic<std::size_t> size_{0};
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_STREAM_RING_HPP
