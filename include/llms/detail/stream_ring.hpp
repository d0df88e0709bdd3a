// SPDX-License-Identifier: MIT
//
// A ring of at most `capacity` items in one allocation. Items are constructed when they come and
// destroyed when they go, so T needs no default constructor.
//
// Its two ends have a lock each and share no cache line, so that one thread may put items in while
// another takes some out. All they tell each other is how many items have passed, and an end reads what the
// other shows only when it must stop by what it saw last: at best once in the ring's length.
// Source: P. Lee, T. Bu and G. Chandranmenon, "A Lock-Free, Cache-Efficient Shared Ring Buffer for
// Multi-Core Architectures" (ANCS 2009), for what an end remembers of the other.
#ifndef LLMS_DETAIL_STREAM_RING_HPP
#define LLMS_DETAIL_STREAM_RING_HPP

#include <llms/detail/stream_lock.hpp>

#include <array>
#include <atomic>
#include <cassert>
#include <cstddef>
#include <memory>
#include <utility>

namespace llms::inline v0_1::detail {

/// Keeps what stands before it and after it out of each other's cache lines, wherever they lie.
/// `alignas` would send every channel on the heap through the slower aligned allocation.
struct stream_gap {
    std::array<std::byte, 64> unused;
};

/// One end of a ring. The lock guards all of it, but for `shown`, which others read.
template <class Platform>
struct stream_end {
    stream_lock<Platform> lock;
    std::size_t passed = 0;                                   // items, since the beginning
    std::size_t slot = 0;                                     // of the next item
    std::size_t seen = 0;                                     // of what the other end has shown
    typename Platform::template atomic<std::size_t> shown{0}; // what has passed
};

template <class T, class Platform>
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

    [[nodiscard]] auto back_lock() noexcept -> stream_lock<Platform>& { return back_.lock; }
    [[nodiscard]] auto front_lock() noexcept -> stream_lock<Platform>& { return front_.lock; }

    [[nodiscard]] auto capacity() const noexcept -> std::size_t { return capacity_; }
    /// Exact for who holds both locks and while nothing passes; else a hint, from 0 to the capacity.
    [[nodiscard]] auto size() const noexcept -> std::size_t {
        // In this order, and acquire: what came is at least what had gone before.
        auto const gone = front_.shown.load(std::memory_order_acquire);
        auto const inside = back_.shown.load(std::memory_order_relaxed) - gone;
        return inside < capacity_ ? inside : capacity_;
    }

    /// Under the lock of the back: whether there is room for an item.
    [[nodiscard]] auto has_room() noexcept -> bool {
        if (back_.passed - back_.seen == capacity_) {
            // Acquire: an item is destroyed before its slot is used again.
            back_.seen = front_.shown.load(std::memory_order_acquire);
        }
        return back_.passed - back_.seen != capacity_;
    }

    /// Under the lock of the back. Precondition: there is room. If the constructor throws, the ring
    /// is as it was.
    template <class... Args>
    void emplace_back(Args&&... args) {
        assert(back_.passed - back_.seen < capacity_);
        std::construct_at(slots_ + back_.slot, std::forward<Args>(args)...);
        back_.slot = after(back_.slot);
        // Release: who counts the item finds it constructed.
        back_.shown.store(++back_.passed, std::memory_order_release);
    }

    /// Under the lock of the front: gives up to `max` items to `sink(T&&)`, oldest first, and counts
    /// them in `taken`, which is 0 before. If `sink` throws, its item stays, as its move
    /// constructor left it.
    template <class Sink>
    void take_front(Sink&& sink, std::size_t max, std::size_t& taken) {
        if (front_.seen - front_.passed < max) {
            // Acquire: an item is constructed before it is taken.
            front_.seen = back_.shown.load(std::memory_order_acquire);
        }
        auto const inside = front_.seen - front_.passed;
        auto const last = inside < max ? inside : max;
        if (last == 0) {
            return;
        }
        // Once for all of them, so that the other end finds much room when it looks.
        struct showing {
            stream_end<Platform>& front;
            std::size_t const& taken;
            ~showing() {
                front.passed += taken;
                // Release: who finds room finds the items destroyed.
                front.shown.store(front.passed, std::memory_order_release);
            }
        } const shown{front_, taken};
        for (; taken != last; ++taken) {
            sink(std::move(slots_[front_.slot]));
            std::destroy_at(slots_ + front_.slot);
            front_.slot = after(front_.slot);
        }
    }

    /// Precondition: nobody else knows the ring.
    void clear() noexcept {
        std::size_t taken = 0;
        take_front([](T&& /*item*/) {}, static_cast<std::size_t>(-1), taken);
    }

private:
    [[nodiscard]] auto after(std::size_t slot) const noexcept -> std::size_t {
        return slot + 1 == capacity_ ? 0 : slot + 1;
    }

    T* slots_;
    std::size_t capacity_;
    stream_gap before_back_;
    stream_end<Platform> back_;
    stream_gap before_front_;
    stream_end<Platform> front_;
    stream_gap after_front_;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_STREAM_RING_HPP
