// SPDX-License-Identifier: MIT
//
// Many threads on one small cache; every value read is checked against a model. Meant for
// ThreadSanitizer and AddressSanitizer as much as for its own checks.
#include "cache/cache_test_clock.hpp"
#include "support/catch.hpp"
#include <llms/cache/cache.hpp>
#include <llms/cache/lru.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace cache_stress_test {

using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t thread_count = 8;
constexpr std::uint32_t key_count = 2048;

// What the one thread that writes a key has done to it, so that whoever reads can say which values are
// possible. A write is started before it is made and done after it has returned.
struct history {
    std::atomic<std::uint64_t> started{0}; // the last version that may be visible
    std::atomic<std::uint64_t> floor{0};   // the first version that may still be visible
    // When a version is expired at the latest, by its low bits; 0 while its write is under way.
    std::array<std::atomic<std::int64_t>, 64> dies{};
};

struct value {
    std::uint32_t key = 0;
    std::uint64_t version = 0;
    std::string text; // so that a use after free is seen
};

auto text_of(std::uint32_t key, std::uint64_t version) -> std::string {
    return std::to_string(key) + ":" + std::to_string(version) + std::string(64, '.');
}

template <typename Policy>
class stress {
public:
    void run() {
        std::vector<std::thread> threads;
        for (std::uint32_t i = 0; i < thread_count; ++i) {
            threads.emplace_back([this, i] { work(i); });
        }
        for (auto& thread : threads) {
            thread.join();
        }
        CHECK(wrong_ == 0);
        auto const stats = cache_.stats();
        CHECK(stats.entries <= max_entries);
        CHECK(stats.bytes <= max_bytes);
        CHECK(stats.insertions ==
              stats.entries + stats.evicted + stats.expired + stats.replaced + stats.erased);
        CHECK(stats.insertions - stats.entries == told_);
        CHECK(stats.hits > 0);
        CHECK(stats.evicted > 0);
        CHECK(stats.expired > 0);
        cache_.clear();
        CHECK(cache_.stats().bytes == 0);
    }

private:
    static constexpr std::size_t max_entries = 256;
    static constexpr std::size_t max_bytes = 30 * max_entries;
    static constexpr auto life = 2ms;
    using cache =
        llms::cache<std::string, value, Policy, llms::cache_hash<std::string>, cache_test_clock>;

    void expect(bool holds) noexcept { wrong_ += holds ? 0 : 1; }

    static auto now() -> std::int64_t { return cache_test_clock::ticks.load(); }

    auto make(std::uint32_t key) -> value {
        auto const version = ++histories_[key].started;
        histories_[key].dies[version % 64] = 0;
        return {key, version, text_of(key, version)};
    }

    // The write of that version has returned.
    void settle(std::uint32_t key, std::uint64_t version) {
        histories_[key].dies[version % 64] = now() + std::chrono::nanoseconds{life}.count();
    }

    // `floor` and `before` were read before the value was asked for.
    void check(value const& seen, std::uint32_t key, std::uint64_t floor, std::int64_t before) {
        expect(seen.key == key);
        expect(seen.version >= floor);
        auto const& known = histories_[key];
        auto const dies = known.dies[seen.version % 64].load();
        auto const started = known.started.load();
        expect(seen.version <= started);
        expect(seen.text == text_of(key, seen.version));
        if (dies != 0 && started - seen.version < 64) { // else the time is of a later version
            expect(before < dies);
        }
    }

    void read(std::uint32_t key, bool waits) {
        auto const floor = histories_[key].floor.load();
        auto const before = now();
        auto const name = std::to_string(key);
        if (auto const hit = waits ? cache_.get(name) : cache_.try_get(name)) {
            check(*hit, key, floor, before);
        }
    }

    void work(std::uint32_t self) {
        std::uint64_t random = self;
        std::vector<typename cache::handle> kept(16);
        for (++ready_; ready_ < thread_count;) {
            std::this_thread::yield();
        }
        for (std::uint32_t i = 0; i < rounds; ++i) {
            random = random * 6364136223846793005U + 1442695040888963407U;
            // The low keys are hot; mine to write is every eighth.
            auto const any = static_cast<std::uint32_t>(random >> 40U & random >> 30U) % key_count;
            auto const mine = any / thread_count * thread_count + self;
            auto const name = std::to_string(mine);
            auto& history = histories_[mine];
            switch (random >> 59U) {
            case 0:
            case 1:
            case 2:
            case 3:
            case 4: {
                auto made = make(mine);
                auto const version = made.version;
                cache_.put(name, std::move(made));
                history.floor = version;
                settle(mine, version);
                break;
            }
            case 5:
                cache_.erase(name);
                history.floor = history.started + 1;
                break;
            case 6: {
                auto const floor = history.floor.load();
                auto const before = now();
                auto const got = cache_.get_or_load(name, [&] { return make(mine); });
                check(*got, mine, floor, before);
                settle(mine, got->version);
                kept[i % kept.size()] = got;
                break;
            }
            case 7:
                cache_test_clock::advance(10us);
                break;
            case 8:
                static_cast<void>(cache_.purge(32));
                break;
            case 9:
                if (i % 64 == 0) {
                    cache_.for_each([this](std::string_view key, value const& seen) {
                        check(seen, static_cast<std::uint32_t>(std::stoul(std::string{key})), 0, 0);
                    });
                    static_cast<void>(cache_.erase_if([self](std::string_view, value const& seen) {
                        return seen.key % thread_count == self && seen.version % 2 == 0;
                    }));
                }
                break;
            default:
                read(any, i % 4 != 0);
            }
            if (auto const& old = kept[random >> 33U & 15U]) {
                expect(old->text == text_of(old->key, old->version));
            }
            if (i % 32 == 0) {
                auto const stats = cache_.stats();
                expect(stats.entries <= max_entries && stats.bytes <= max_bytes);
            }
        }
    }

    static constexpr std::uint32_t rounds = 10'000;
    std::vector<history> histories_{key_count};
    std::atomic<std::uint32_t> ready_{0};
    std::atomic<std::uint64_t> wrong_{0};
    std::atomic<std::uint64_t> told_{0};
    cache cache_{{.max_entries = max_entries,
                  .max_bytes = max_bytes,
                  .ttl = life,
                  .weigher = [](std::string_view, value const& v) { return 1 + v.version % 60; },
                  .on_removal =
                      [this](std::string_view key, value const& v, llms::removal_cause) {
                          ++told_;
                          expect(v.text == text_of(v.key, v.version) &&
                                 std::to_string(v.key) == key);
                      },
                  .shards = 2}};
};

} // namespace

TEMPLATE_TEST_CASE("cache: eight threads never read what they should not", "[cache][stress]",
                   llms::s3_fifo, llms::lru) {
    auto const test = std::make_unique<stress<TestType>>();
    test->run();
}

TEST_CASE("cache: refreshes on other threads end with the cache, in any order", "[cache][stress]") {
    using timed = llms::cache<std::string, int, llms::s3_fifo, llms::cache_hash<std::string>,
                              cache_test_clock>;
    for (int round = 0; round < 50; ++round) {
        std::vector<std::thread> workers;
        std::atomic<int> version{1};
        {
            timed cache{{.soft_ttl = 1us, .executor = [&workers](auto task) {
                             workers.emplace_back(task);
                         }}};
            cache.put("a", 1);
            for (int i = 0; i < 3; ++i) {
                cache_test_clock::advance(1us);
                auto const got = cache.get_or_load("a", [&version] { return ++version; });
                CHECK(*got <= 4);
            }
        }
        for (auto& worker : workers) {
            worker.join();
        }
        CHECK(version <= 4);
    }
}

TEST_CASE("cache: of two who put and then look for the other's, one at least finds it",
          "[cache][stress]") {
    llms::cache<int, int> cache{{.max_entries = 100'000, .shards = 64}};
    constexpr int rounds = 20'000;
    std::atomic<int> begun{0};
    std::atomic<int> done{0};
    bool other_found = false; // handed over by `done`
    std::thread other{[&] {
        for (int i = 1; i <= rounds; ++i) {
            while (begun.load(std::memory_order_acquire) != i) {
                std::this_thread::yield();
            }
            cache.put(-i, 1);
            other_found = static_cast<bool>(cache.get(i));
            done.store(i, std::memory_order_release);
        }
    }};
    int both_missed = 0;
    for (int i = 1; i <= rounds; ++i) {
        begun.store(i, std::memory_order_release);
        cache.put(i, 1);
        auto const found = static_cast<bool>(cache.get(-i));
        while (done.load(std::memory_order_acquire) != i) {
            std::this_thread::yield();
        }
        both_missed += found || other_found ? 0 : 1;
    }
    other.join();
    CHECK(both_missed == 0);
}

TEST_CASE("cache_gate: its end waits for what is inside, and nothing enters after it",
          "[cache][stress]") {
    int owner = 0;
    llms::detail::cache_gate<int> gate{owner};
    std::atomic<bool> is_inside{false};
    std::atomic<bool> may_leave{false};
    std::thread visitor{[&] {
        gate.enter([&](int& mine) {
            is_inside = true;
            while (!may_leave) {
                std::this_thread::yield();
            }
            mine = 1;
        });
    }};
    while (!is_inside) {
        std::this_thread::yield();
    }
    std::thread opener{[&] {
        std::this_thread::sleep_for(20ms); // so that the end has begun, most of the time
        may_leave = true;
    }};
    gate.close();
    CHECK(owner == 1);
    gate.enter([&](int& mine) { mine = 2; });
    CHECK(owner == 1);
    visitor.join();
    opener.join();
}

TEST_CASE("cache_lock: one at a time", "[cache][stress]") {
    llms::detail::cache_lock lock;
    std::uint64_t plain = 0;
    std::atomic<std::uint64_t> entered{0};
    std::vector<std::thread> threads;
    for (std::uint32_t i = 0; i < thread_count; ++i) {
        threads.emplace_back([&, i] {
            for (int n = 0; n < 2'000; ++n) {
                if (i % 2 == 0) {
                    lock.lock();
                } else if (!lock.try_lock()) {
                    continue;
                }
                ++plain;
                ++entered;
                lock.unlock();
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    CHECK(plain == entered);
    CHECK(plain >= std::uint64_t{thread_count} / 2 * 2'000);
    CHECK(lock.try_lock());
    CHECK_FALSE(lock.try_lock());
}

TEST_CASE("cache: hits of one key from many threads are all counted, and cost it nothing",
          "[cache][stress]") {
    llms::cache<std::string, value> cache{{.max_entries = 4}};
    cache.put("hot", value{1, 1, text_of(1, 1)});
    constexpr std::uint64_t hits_each = 40'000; // in all, more than a cell of the index can count
    std::atomic<std::uint32_t> wrong{0};
    std::atomic<bool> is_over{false};
    std::vector<std::thread> threads;
    for (std::uint32_t i = 0; i < thread_count; ++i) {
        threads.emplace_back([&] {
            for (std::uint64_t n = 0; n < hits_each; ++n) {
                auto const hit = n % 2 == 0 ? cache.get("hot") : cache.try_get("hot");
                wrong += hit && hit->text == text_of(1, hit->version) ? 0 : 1;
            }
        });
    }
    std::thread writer{[&] {
        for (std::uint64_t version = 2; !is_over; ++version) {
            cache.put("hot", value{1, version, text_of(1, version)});
            std::this_thread::yield();
        }
    }};
    for (auto& thread : threads) {
        thread.join();
    }
    is_over = true;
    writer.join();
    CHECK(cache.stats().misses == 0);
    CHECK(cache.stats().hits + wrong == thread_count * hits_each);
}

} // namespace cache_stress_test
