// SPDX-License-Identifier: MIT
//
// Who may end before whom: handles, pools, threads, processes.
#include "support/catch.hpp"
#include <llms/memory/object_pool.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <barrier>
#include <cstdlib>
#include <functional>
#include <latch>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#    define LLMS_TEST_SANITIZED
#elif defined(__has_feature)
#    if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#        define LLMS_TEST_SANITIZED
#    endif
#endif

namespace object_pool_life_test {

namespace {

// Counts how many there are, for each Tag.
template <class Tag>
struct counted_for {
    static inline std::atomic<long> alive = 0;
    std::vector<int> numbers;

    counted_for() noexcept { alive.fetch_add(1); }
    ~counted_for() { alive.fetch_sub(1); }
    counted_for(counted_for const&) = delete;
    auto operator=(counted_for const&) -> counted_for& = delete;
    void clear() noexcept { numbers.clear(); }
};

using counted = counted_for<struct tests>;

using pool = llms::object_pool<counted>;
using handle = llms::pooled<counted>;

// A thread that does what it is told, one thing after another, and lives until the end of the scope.
class worker {
public:
    worker() = default;
    worker(worker const&) = delete;
    auto operator=(worker const&) -> worker& = delete;
    ~worker() { end(); }

    template <class Task>
    void run(Task task) {
        task_ = task;
        turn_.arrive_and_wait();
        turn_.arrive_and_wait();
    }

    void end() {
        if (thread_.joinable()) {
            task_ = nullptr;
            turn_.arrive_and_wait();
            thread_.join();
        }
    }

private:
    std::barrier<> turn_{2};
    std::function<void()> task_;
    std::thread thread_{[this] {
        for (;;) {
            turn_.arrive_and_wait();
            if (!task_) {
                return;
            }
            task_();
            turn_.arrive_and_wait();
        }
    }};
};

auto take(pool& from, std::size_t n) -> std::vector<handle> {
    std::vector<handle> out;
    for (std::size_t i = 0; i < n; ++i) {
        out.push_back(from.acquire());
    }
    return out;
}

} // namespace

TEST_CASE("object_pool: a handle may outlive its pool", "[object_pool]") {
    auto owner = std::make_unique<pool>();
    auto out = take(*owner, 3);
    { auto const returned = take(*owner, 40); }
    owner.reset();
    CHECK(counted::alive == 3); // the idle ones are gone
    out[0]->numbers.push_back(1);
    out.pop_back();
    CHECK(counted::alive == 2);
    out.clear();
    CHECK(counted::alive == 0);
}

TEST_CASE("object_pool: a shared_ptr and a weak_ptr may outlive the pool", "[object_pool]") {
    auto owner = std::make_unique<pool>();
    std::shared_ptr<counted> shared = owner->acquire();
    std::weak_ptr<counted> const weak = shared;
    owner.reset();
    shared->numbers.push_back(1);
    shared.reset();
    CHECK(weak.expired());
}

TEST_CASE("object_pool: a handle may outlive its pool in another thread", "[object_pool]") {
    worker other;
    auto owner = std::make_unique<pool>();
    std::vector<handle> out;
    other.run([&] {
        out = take(*owner, 5);
        auto const returned = take(*owner, 7);
    });
    owner.reset();
    CHECK(counted::alive == 5 + 7); // a handle is out: the other thread's magazine is left alone
    other.run([&] { out.pop_back(); });
    CHECK(counted::alive == 4); // it found the pool closed, and emptied its magazine
    out.clear();
    CHECK(counted::alive == 0);
}

TEST_CASE("object_pool: a pool destroys what lies idle in living threads", "[object_pool]") {
    worker other;
    auto owner = std::make_unique<pool>();
    other.run([&] { auto const returned = take(*owner, 20); });
    CHECK(counted::alive == 20);
    owner.reset();
    CHECK(counted::alive == 0);

    // The thread can go on with other pools, and end.
    pool next;
    other.run([&] { auto const returned = take(next, 2); });
    CHECK(next.stats().idle == 2);
}

TEST_CASE("object_pool: a thread that ends leaves its objects to the others", "[object_pool]") {
    pool shared{{.max_idle = 100}};
    std::thread([&] { auto const returned = take(shared, 70); }).join();
    CHECK(shared.stats().idle == 70);
    auto const out = take(shared, 70);
    CHECK(shared.stats().created == 70);
    CHECK(shared.stats().reused == 70);
}

TEST_CASE("object_pool: a thread may end after the pool", "[object_pool]") {
    worker other;
    {
        pool shortlived;
        other.run([&] { auto const returned = take(shortlived, 10); });
    }
    CHECK(counted::alive == 0);
    other.end();
    CHECK(counted::alive == 0);
}

TEST_CASE("object_pool: a thread that sees many pools end keeps nothing of them", "[object_pool]") {
    worker other;
    for (int i = 0; i < 200; ++i) {
        pool shortlived;
        other.run([&] { auto const returned = take(shortlived, 3); });
    }
    CHECK(counted::alive == 0);
}

TEST_CASE("object_pool: trim reaches other threads when they next return", "[object_pool]") {
    worker other;
    pool shared;
    other.run([&] { auto const returned = take(shared, 20); });
    shared.trim();
    CHECK(counted::alive == 20);
    other.run([&] { auto const returned = take(shared, 1); });
    CHECK(shared.stats().idle == 1);
    CHECK(counted::alive == 1);
}

TEST_CASE("object_pool: what one thread takes and another returns is used again", "[object_pool]") {
    worker giver;
    pool shared{{.max_idle = 512}};
    constexpr std::size_t rounds = 400;
    constexpr std::size_t batch = 16;
    for (std::size_t i = 0; i < rounds; ++i) {
        auto out = take(shared, batch);
        giver.run([&] { out.clear(); });
    }
    auto const stats = shared.stats();
    CHECK(stats.acquired == rounds * batch);
    CHECK(stats.dropped == 0);
    // At most two full magazines lie with the giver before it hands over.
    CHECK(stats.created <= 64 + 2 * batch);
    CHECK(stats.idle == stats.created);
}

TEST_CASE("object_pool: 64 threads that come and go hold no more than allowed", "[object_pool]") {
    constexpr std::size_t threads = 64;
    constexpr std::size_t generations = 4;
    for (std::size_t const max_idle : {0U, 1U, 40U, 128U, 1000U}) {
        pool shared{{.max_idle = max_idle}};
        std::atomic<long> claimed = 0;  // objects that were ever about to be taken
        std::atomic<long> released = 0; // objects of these that were certainly returned
        std::atomic<long> worst = 0;    // the most that were certainly idle at once
        for (std::size_t generation = 0; generation < generations; ++generation) {
            std::barrier together(threads);
            std::vector<std::thread> crowd;
            for (std::size_t t = 0; t < threads; ++t) {
                crowd.emplace_back([&, t] {
                    together.arrive_and_wait();
                    for (std::size_t i = 0; i < 20; ++i) {
                        auto const n = static_cast<long>((t * 7 + i * 3) % 60);
                        claimed.fetch_add(n);
                        take(shared, static_cast<std::size_t>(n)).clear();
                        released.fetch_add(n);
                        // Both only grow: read on either side of `alive`, their difference is no
                        // less than what was in use then, and the rest was idle.
                        auto const released_before = released.load();
                        auto const alive = counted::alive.load();
                        auto const idle = alive - (claimed.load() - released_before);
                        auto seen = worst.load();
                        while (idle > seen && !worst.compare_exchange_weak(seen, idle)) {}
                    }
                });
            }
            for (auto& each : crowd) {
                each.join();
            }
            auto const stats = shared.stats();
            CHECK(stats.in_use == 0);
            CHECK(stats.idle <= max_idle);
            CHECK(counted::alive == static_cast<long>(stats.idle));
            CHECK(stats.created == stats.idle + stats.dropped);
        }
        CHECK(worst <= static_cast<long>(max_idle));
        if (max_idle > 0) {
            CHECK(shared.stats().reused > 0);
        }
    }
    CHECK(counted::alive == 0);
}

TEST_CASE("object_pool: handles end in many threads while the pool ends", "[object_pool]") {
    constexpr std::size_t threads = 4;
    for (int round = 0; round < 200; ++round) {
        auto owner = std::make_unique<pool>(llms::object_pool_options{.max_idle = 20});
        std::array<std::vector<handle>, threads> out;
        std::latch ready(threads + 1);
        std::vector<std::thread> crowd;
        crowd.reserve(threads);
        for (auto& mine : out) {
            crowd.emplace_back([&ready, &owner, &mine] {
                take(*owner, 5).clear(); // attaches the thread
                mine = take(*owner, 10);
                ready.arrive_and_wait();
                while (!mine.empty()) {
                    if (mine.size() % 2 == 0) {
                        std::shared_ptr<counted> const shared = std::move(mine.back());
                    }
                    mine.pop_back();
                }
            });
        }
        ready.arrive_and_wait();
        owner.reset();
        for (auto& each : crowd) {
            each.join();
        }
        REQUIRE(counted::alive == 0);
    }
}

TEST_CASE("object_pool: threads end while the pool ends", "[object_pool]") {
    for (int round = 0; round < 200; ++round) {
        auto owner = std::make_unique<pool>();
        std::latch ready(4);
        std::vector<std::thread> crowd;
        crowd.reserve(3);
        for (int t = 0; t < 3; ++t) {
            crowd.emplace_back([&] {
                take(*owner, 8).clear();
                ready.arrive_and_wait();
            });
        }
        ready.arrive_and_wait();
        owner.reset();
        for (auto& each : crowd) {
            each.join();
        }
        REQUIRE(counted::alive == 0);
    }
}

TEST_CASE("object_pool: all operations at once keep the books", "[object_pool]") {
    pool shared{{.max_idle = 50}};
    constexpr std::size_t threads = 4;
    std::mutex mutex;
    std::vector<handle> passed; // from thread to thread
    std::vector<std::thread> crowd;
    for (std::size_t t = 0; t < threads; ++t) {
        crowd.emplace_back([&, t] {
            for (std::size_t i = 0; i < 2000; ++i) {
                auto mine = take(shared, (i + t) % 7);
                for (auto& each : mine) {
                    each->numbers.push_back(1);
                }
                if (i % 3 == 0 && !mine.empty()) {
                    std::lock_guard const lock(mutex);
                    passed.push_back(std::move(mine.back()));
                    if (passed.size() > 40) {
                        passed.clear();
                    }
                }
                if (i % 500 == t) {
                    shared.trim();
                }
                if (i % 100 == t) {
                    static_cast<void>(shared.stats());
                }
            }
        });
    }
    for (auto& each : crowd) {
        each.join();
    }
    passed.clear();
    auto const stats = shared.stats();
    CHECK(stats.in_use == 0);
    CHECK(stats.idle <= 50);
    CHECK(stats.created == stats.idle + stats.dropped);
    CHECK(counted::alive == static_cast<long>(stats.idle));
}

namespace {

// Returned after the thread's magazines have gone, for it was made before them.
struct late_returner {
    std::optional<handle> kept;
};

} // namespace

TEST_CASE("object_pool: an object may be returned while its thread ends", "[object_pool]") {
    pool shared;
    std::thread([&] {
        static thread_local late_returner last;
        last.kept.emplace();
        *last.kept = shared.acquire(); // attaches: the magazine ends before `last`
    }).join();
    CHECK(shared.stats().in_use == 0);
    CHECK(shared.stats().idle == 1);
}

#ifdef LLMS_TEST_SANITIZED
TEST_CASE("object_pool: the pool works in the child of a fork", "[object_pool]") {
    WARN("skipped: the sanitizers do not support a fork while other threads run");
}
#else
TEST_CASE("object_pool: the pool works in the child of a fork", "[object_pool]") {
    std::atomic<bool> over = false;
    auto shared = std::make_unique<pool>(llms::object_pool_options{.max_idle = 64});
    std::vector<std::thread> crowd;
    crowd.reserve(3);
    for (int t = 0; t < 3; ++t) {
        crowd.emplace_back([&] {
            while (!over) {
                take(*shared, 40).clear();
            }
        });
    }
    auto const mine = take(*shared, 3);
    for (int i = 0; i < 20; ++i) {
        pid_t const child = fork();
        if (child == 0) {
            alarm(20); // ends the child if it hangs
            for (int k = 0; k < 50; ++k) {
                take(*shared, 40).clear();
            }
            std::thread([&] { take(*shared, 40).clear(); }).join();
            shared->trim();
            shared.reset();
            _exit(0);
        }
        REQUIRE(child > 0);
        int status = -1;
        REQUIRE(waitpid(child, &status, 0) == child);
        CHECK(WIFEXITED(status));
        CHECK(WEXITSTATUS(status) == 0);
    }
    over = true;
    for (auto& each : crowd) {
        each.join();
    }
    CHECK(shared->stats().in_use == 3);
}
#endif

// ---- Static objects. They are made in this order and end in reverse; a wrong count at the very end
// makes the test process fail.

namespace {

using lasting = counted_for<struct statics>;

struct last_check {
    long expected = 1; // left idle in the shared pool, which nothing destroys

    ~last_check() {
        auto const idle = static_cast<long>(llms::shared_pool<lasting>().stats().idle);
        if (lasting::alive != expected || idle != expected) {
            std::_Exit(99);
        }
    }
};

struct uses_a_pool_when_it_ends {
    ~uses_a_pool_when_it_ends() { auto const used = llms::shared_pool<lasting>().acquire(); }
};

last_check checks_last;                                // NOLINT(cert-err58-cpp)
llms::pooled<lasting> outlives_its_static_pool;        // NOLINT(cert-err58-cpp)
llms::pooled<lasting> of_the_shared_pool;              // NOLINT(cert-err58-cpp)
uses_a_pool_when_it_ends const uses_a_pool_at_the_end; // NOLINT(cert-err58-cpp)
llms::object_pool<lasting> static_pool;                // NOLINT(cert-err58-cpp)

} // namespace

TEST_CASE("object_pool: handles and pools may be static", "[object_pool]") {
    outlives_its_static_pool = static_pool.acquire();
    of_the_shared_pool = llms::shared_pool<lasting>().acquire();
    checks_last.expected = 2;
    CHECK(static_pool.stats().in_use == 1);
    // The rest is checked by last_check, after main().
}

} // namespace object_pool_life_test
