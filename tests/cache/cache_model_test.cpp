// SPDX-License-Identifier: MIT
//
// Lookups without a lock, in every order of a few threads: the library's own index and counts of references
// under the explorer of support/checker.hpp. What needs the shard's lock is done by one thread.
#include "support/catch.hpp"
#include "support/checker.hpp"
#include "support/model.hpp"
#include <llms/detail/cache_index.hpp>
#include <llms/detail/cache_node.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <stdexcept>
#include <vector>

namespace cache_model_test {

namespace {

using checker::can_explore;
using checker::explore;
using checker::run;
using llms::detail::cache_lookup;

struct model_node : llms::detail::cache_references<checker::checked_atomic> {
    static constexpr std::size_t near_bytes = 64;

    std::uint32_t hash = 0;
    int key = 0;
};

/// Entries by key, the account of their ends, and what the threads do.
class world {
public:
    /// Two buckets.
    static constexpr std::size_t capacity = 7;

    world() = default;
    world(world const&) = delete;
    auto operator=(world const&) -> world& = delete;
    ~world() = default;

    // --- Under the lock: by one thread ---

    auto put(int key, std::uint32_t hash) -> model_node& {
        auto& fresh = make(key, hash);
        auto* const old = find(key, hash);
        if (old != nullptr) {
            pins += index.replace(*old, fresh);
            release(*old);
        } else if (!index.insert(fresh)) {
            throw std::runtime_error{"no room"};
        }
        return fresh;
    }
    void erase(int key, std::uint32_t hash) {
        auto* const old = find(key, hash);
        pins += index.remove(*old);
        release(*old);
    }
    void fold(std::uint32_t hash) { pins += index.fold(hash); }
    [[nodiscard]] auto find(int key, std::uint32_t hash) const -> model_node* {
        return index.find(hash, [key](model_node const& node) { return node.key == key; });
    }

    // --- By anybody ---

    /// The entry with a reference, or null. `worn` is not to be seen in so short a life.
    auto pin(int key, std::uint32_t hash) -> model_node* {
        model_node* found = nullptr;
        auto const result = index.pin(hash, [&](model_node& node) {
            if (node.hash == hash && node.key == key) {
                found = &node;
                return true;
            }
            ++mistaken;
            release(node);
            return false;
        });
        if (result == cache_lookup::worn) {
            throw std::runtime_error{"worn"};
        }
        return found;
    }
    void release(model_node& node) {
        if (node.give_back()) {
            node.~model_node();
            ++ended;
        }
    }

    /// What has been pinned in all.
    [[nodiscard]] auto all_pins() const -> std::uint64_t {
        auto sum = pins;
        for (std::size_t i = 0; i < index.size(); ++i) {
            sum += index.pins(i);
        }
        return sum;
    }

    std::size_t made = 0;
    std::size_t ended = 0;
    std::uint64_t pins = 0;
    std::uint64_t mistaken = 0;
    llms::detail::cache_index<model_node> index{capacity};

private:
    // The storage outlives the entry, so that what comes too late is seen.
    auto make(int key, std::uint32_t hash) -> model_node& {
        ++made;
        storage_.push_back(std::make_unique<storage>());
        auto* const node = ::new (storage_.back()->bytes) model_node;
        node->key = key;
        node->hash = hash;
        return *node;
    }

    struct storage {
        alignas(model_node) unsigned char bytes[sizeof(model_node)];
    };
    std::vector<std::unique_ptr<storage>> storage_;
};

template <class Scenario>
void require_right(int preemptions, Scenario const& scenario) {
    checker::require_right({.preemptions = preemptions}, 50, scenario);
}

constexpr std::uint32_t first_bucket = 0x0000'0100;
constexpr std::uint32_t second_bucket = 0x8000'0100;

} // namespace

TEST_CASE("model: the explorer finds an entry that is pinned after its end", "[cache][model]") {
    if (!can_explore) {
        return;
    }
    // Looks first and counts afterwards, as if nothing could happen in between.
    auto const found = explore({.preemptions = 1}, [](run& run) {
        world world;
        world.put(1, first_bucket);
        run.thread([&] {
            if (auto* const node = world.find(1, first_bucket); node != nullptr) {
                node->retain();
                world.release(*node);
            }
        });
        run.thread([&] { world.erase(1, first_bucket); });
        run.join();
    });
    REQUIRE(found.error == "an atomic is used after its end");
}

TEST_CASE("model: what is pinned lives, what is not ends, whoever is last", "[cache][model]") {
    auto const readers = GENERATE(1, 2);
    require_right(readers == 1 ? 3 : 2, [readers](run& run) {
        world world;
        world.put(1, first_bucket);
        std::uint64_t hits = 0;
        for (int i = 0; i < readers; ++i) {
            run.thread([&] {
                for (int n = 0; n < 2; ++n) {
                    if (auto* const node = world.pin(1, first_bucket); node != nullptr) {
                        ++hits;
                        run.check(node->key == 1 && node->refs.load() > 0, "it is what it was");
                        node->retain(); // a copy of the handle
                        world.release(*node);
                        world.release(*node);
                    }
                }
            });
        }
        run.thread([&] {
            world.fold(first_bucket);
            world.put(1, first_bucket); // replaces
            world.erase(1, first_bucket);
        });
        run.join();
        run.check(world.made == 2 && world.ended == 2, "each has its end");
        run.check(world.all_pins() == hits, "each hit is counted");
    });
}

TEST_CASE("model: a reference kept across the end of the entry's time in the index is the last",
          "[cache][model]") {
    require_right(3, [](run& run) {
        world world;
        world.put(1, first_bucket).retain(); // the caller's own, as after a load
        auto& mine = *world.find(1, first_bucket);
        model_node* kept = nullptr;
        run.thread([&] { kept = world.pin(1, first_bucket); });
        run.thread([&] {
            world.fold(first_bucket);
            world.erase(1, first_bucket);
        });
        run.thread([&] { world.release(mine); });
        run.join();
        run.check(world.ended == (kept == nullptr ? 1 : 0), "it lives for as long as it is kept");
        if (kept != nullptr) {
            world.release(*kept);
        }
        run.check(world.ended == 1, "and ends then");
    });
}

TEST_CASE("model: an entry that stays is found, whatever comes and goes around it",
          "[cache][model]") {
    require_right(2, [](run& run) {
        world world;
        for (int key = 0; key < 7; ++key) {
            world.put(key, first_bucket);
        }
        world.put(7, first_bucket); // in the second bucket, and the first knows
        world.put(8, second_bucket);
        run.thread([&] {
            for (int const key : {7, 8}) {
                auto const hash = key == 7 ? first_bucket : second_bucket;
                auto* const node = world.pin(key, hash);
                run.check(node != nullptr && node->key == key, "it was there all the while");
                if (node != nullptr) {
                    world.release(*node);
                }
            }
        });
        run.thread([&] {
            world.erase(0, first_bucket);
            world.put(7, first_bucket); // where it is
            world.put(9, first_bucket); // where 0 was
        });
        run.join();
        run.check(world.ended == 2, "two have left");
        run.check(world.all_pins() == 2 + world.mistaken, "each pin is counted");
    });
}

TEST_CASE("model: a cell that changes hands is seen as one entry or the other", "[cache][model]") {
    require_right(2, [](run& run) {
        world world;
        world.put(1, first_bucket);
        run.thread([&] {
            auto* const node = world.pin(2, first_bucket);
            if (node != nullptr) {
                run.check(node->key == 2, "it is the one");
                world.release(*node);
            }
        });
        run.thread([&] {
            world.erase(1, first_bucket);
            world.put(2, first_bucket);
            world.erase(2, first_bucket);
        });
        run.join();
        run.check(world.ended == 2 && world.made == 2, "each has its end");
    });
}

TEST_CASE("model: no miss follows a hit of what stays", "[cache][model]") {
    auto const before = GENERATE(1, 2); // what was in the cell: another key, or the same
    require_right(3, [before](run& run) {
        world world;
        auto const* const old = &world.put(before, first_bucket);
        run.thread([&] {
            auto* const first = world.pin(2, first_bucket);
            auto const is_new = first != nullptr && first != old;
            if (first != nullptr) {
                world.release(*first);
            }
            auto* const second = world.pin(2, first_bucket);
            run.check(!is_new || second == first, "it is still there");
            if (second != nullptr) {
                world.release(*second);
            }
        });
        run.thread([&] {
            world.erase(before, first_bucket);
            world.put(2, first_bucket);
        });
        run.join();
    });
}

} // namespace cache_model_test
