// SPDX-License-Identifier: MIT
//
// A reader/writer lock of one word for critical sections of a few dozen instructions: the shards of
// a cache. It spins briefly and then yields, readers too, so that many threads on few cores hand the
// processor to the holder instead of burning its time.
#ifndef LLMS_DETAIL_CACHE_LOCK_HPP
#define LLMS_DETAIL_CACHE_LOCK_HPP

#include <atomic>
#include <cstdint>
#include <mutex>
#include <thread>

namespace llms::inline v0_1::detail {

/// Meets the standard's SharedMutex, and counts: a reader can leave with a tally, which costs nothing
/// beside the leaving. Writers go first: once one waits, no reader enters.
///
/// Invariant: the low 16 bits of the word are the number of readers inside or about to back out, bit 16
/// says that a writer holds the lock or waits for the last reader to leave, and the bits above are the
/// tally, which wraps at 2^47 (80 days at 20 million a second). Acquire on the way in and release on the
/// way out order the protected data; the failed attempts of a reader touch nothing and are relaxed.
class cache_lock {
public:
    void lock() noexcept {
        backoff wait;
        while ((word_.fetch_or(writer, std::memory_order_acquire) & writer) != 0) {
            do {
                wait();
            } while ((word_.load(std::memory_order_relaxed) & writer) != 0);
        }
        while ((word_.load(std::memory_order_acquire) & readers) != 0) {
            wait();
        }
    }

    [[nodiscard]] auto try_lock() noexcept -> bool {
        auto word = word_.load(std::memory_order_relaxed);
        return (word & (writer | readers)) == 0 &&
               word_.compare_exchange_strong(word, word | writer, std::memory_order_acquire,
                                             std::memory_order_relaxed);
    }

    // Not a store: readers that are backing out are still counted in the word.
    void unlock() noexcept { word_.fetch_sub(writer, std::memory_order_release); }

    /// The holder becomes a reader.
    void downgrade() noexcept { word_.fetch_sub(writer - reader, std::memory_order_release); }

    void lock_shared() noexcept {
        backoff wait;
        while (!try_lock_shared()) {
            do {
                wait();
            } while ((word_.load(std::memory_order_relaxed) & writer) != 0);
        }
    }

    [[nodiscard]] auto try_lock_shared() noexcept -> bool {
        if ((word_.fetch_add(reader, std::memory_order_acquire) & writer) == 0) {
            return true;
        }
        word_.fetch_sub(reader, std::memory_order_relaxed);
        return false;
    }

    void unlock_shared() noexcept { word_.fetch_sub(reader, std::memory_order_release); }
    /// Leaves and counts one.
    void unlock_shared_and_tally() noexcept {
        word_.fetch_add(tally_unit - reader, std::memory_order_release);
    }

    /// How often a reader left with a tally.
    [[nodiscard]] auto tally() const noexcept -> std::uint64_t {
        return word_.load(std::memory_order_relaxed) / tally_unit;
    }

private:
    static constexpr std::uint64_t reader = 1;
    static constexpr std::uint64_t readers = (1U << 16U) - 1;
    static constexpr std::uint64_t writer = 1U << 16U;
    static constexpr std::uint64_t tally_unit = 1U << 17U;

    class backoff {
    public:
        void operator()() noexcept {
            if (spins_ == 0) {
                std::this_thread::yield();
                return;
            }
            --spins_;
#if defined(__x86_64__) || defined(__i386__)
            __builtin_ia32_pause();
#elif defined(__aarch64__)
            asm volatile("yield");
#endif
        }

    private:
        int spins_ = 64;
    };

    std::atomic<std::uint64_t> word_{0};
};

/// Holds the shared side for a scope.
class cache_reading {
public:
    explicit cache_reading(cache_lock& lock) noexcept : lock_{lock} { lock_.lock_shared(); }
    cache_reading(cache_reading const&) = delete;
    auto operator=(cache_reading const&) -> cache_reading& = delete;
    ~cache_reading() { lock_.unlock_shared(); }

private:
    cache_lock& lock_;
};

using cache_writing = std::lock_guard<cache_lock>;

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CACHE_LOCK_HPP
