// SPDX-License-Identifier: MIT
//
// What the cache promises to cost, by counting: the work of a put at capacity is the same whatever the
// capacity, and an entry takes no more than 140 bytes beside its key and value.
#include "support/catch.hpp"
#include <llms/cache/cache.hpp>
#include <llms/cache/clock.hpp>
#include <llms/cache/lru.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace {

// As glibc's malloc takes them: 8 bytes more, in steps of 16.
std::atomic<std::size_t> bytes_allocated = 0;

auto counted(std::size_t bytes, std::size_t alignment) noexcept -> void* {
    bytes_allocated.fetch_add((bytes + 8 + 15) / 16 * 16, std::memory_order_relaxed);
    return std::aligned_alloc(alignment, (bytes / alignment + 1) * alignment);
}

auto counted_or_throw(std::size_t bytes, std::size_t alignment) -> void* {
    if (auto* const memory = counted(bytes, alignment)) {
        return memory;
    }
    throw std::bad_alloc();
}

constexpr std::size_t usual = __STDCPP_DEFAULT_NEW_ALIGNMENT__;

void (*volatile release)(void*) = &std::free; // g++ 12 takes a visible free for a mistake

} // namespace

auto operator new(std::size_t bytes) -> void* {
    return counted_or_throw(bytes, usual);
}
auto operator new(std::size_t bytes, std::align_val_t alignment) -> void* {
    return counted_or_throw(bytes, static_cast<std::size_t>(alignment));
}
auto operator new(std::size_t bytes, std::nothrow_t const& /*tag*/) noexcept -> void* {
    return counted(bytes, usual);
}
auto operator new(std::size_t bytes, std::align_val_t alignment,
                  std::nothrow_t const& /*tag*/) noexcept -> void* {
    return counted(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept {
    release(memory);
}
void operator delete(void* memory, std::size_t /*bytes*/) noexcept {
    release(memory);
}
void operator delete(void* memory, std::align_val_t /*alignment*/) noexcept {
    release(memory);
}
void operator delete(void* memory, std::size_t /*bytes*/, std::align_val_t /*alignment*/) noexcept {
    release(memory);
}

namespace cache_cost_test {

namespace {

std::size_t comparisons = 0; // of keys
std::size_t looks = 0;       // of an eviction at an entry

struct counted_key {
    std::uint64_t id = 0;
    friend auto operator==(counted_key const& a, counted_key const& b) noexcept -> bool {
        ++comparisons;
        return a.id == b.id;
    }
};

struct hash_of_key {
    auto operator()(counted_key const& key) const noexcept -> std::uint64_t { return key.id; }
};

template <class Policy>
struct watched : Policy {
    using Policy::Policy;

    template <class IsDead>
    [[nodiscard]] auto evict(IsDead&& is_dead) noexcept -> llms::detail::cache_node& {
        ++looks; // at the one that goes, of which not every policy asks
        return Policy::evict([&](llms::detail::cache_node const& node) {
            ++looks;
            return is_dead(node);
        });
    }
};

// Most of the keys that are asked for are few: of every five, four are of the first tenth.
class keys {
public:
    explicit keys(std::size_t entries) : range_(3 * entries) {}

    auto next() -> counted_key {
        seed_ = seed_ * 6364136223846793005U + 1442695040888963407U;
        auto const random = seed_ >> 33U;
        auto const within = (seed_ >> 29U) % 5 != 0 ? range_ / 10 : range_;
        return {random % within};
    }

private:
    std::uint64_t range_;
    std::uint64_t seed_ = 1;
};

} // namespace

TEMPLATE_TEST_CASE("cache: a put at capacity costs the same at any capacity", "[cache]",
                   llms::s3_fifo, llms::s3_fifo_published, llms::clock, llms::lru) {
    for (std::size_t const entries : {100U, 1'000U, 10'000U, 100'000U}) {
        llms::cache<counted_key, int, watched<TestType>, hash_of_key> cache(
            {.max_entries = entries});
        keys source(entries);
        for (std::size_t i = 0; i < 10 * entries; ++i) { // it is full, and has been used
            if (auto const key = source.next(); !cache.get(key)) {
                cache.put(key, 1);
            }
        }
        auto const before = cache.stats();
        comparisons = looks = 0;
        std::size_t puts = 0;
        for (std::size_t i = 0; i < 4 * entries; ++i) {
            auto const key = source.next();
            auto const compared = comparisons;
            bool const absent = !cache.get(key);
            comparisons = compared; // those of the put alone
            if (absent) {
                cache.put(key, 1);
                ++puts;
            }
        }
        INFO(entries << " entries, " << puts << " puts, " << looks << " looks, " << comparisons
                     << " comparisons");
        CHECK(cache.stats().evicted - before.evicted == puts);
        CHECK(puts > entries / 10);
        CHECK(looks <= 4 * puts);
        CHECK(comparisons <= puts / 10);
    }
}

TEST_CASE("cache: an entry takes at most 140 bytes beside its key and value", "[cache]") {
    constexpr std::size_t entries = 100'000;
    auto const before = bytes_allocated.load();
    llms::cache<std::uint64_t, std::uint64_t> cache({.max_entries = entries});
    for (std::uint64_t i = 0; i < entries; ++i) {
        cache.put(i, i);
    }
    auto const each = (bytes_allocated.load() - before) / entries - 2 * sizeof(std::uint64_t);
    INFO(each << " bytes");
    CHECK(cache.size() > entries * 9 / 10);
    CHECK(each <= 140);
}

} // namespace cache_cost_test
