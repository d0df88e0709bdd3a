// SPDX-License-Identifier: MIT
//
// `llms::cache` beside what else one would write or take: a mutex with a list and a map (LRU), the
// shared_mutex map of Go-LLMs, TBB's LRU cache and RocksDB's HyperClockCache where they are installed.
//
// Keys are strings of 64 bytes, values strings of 1 KiB that are built anew for each put; keys are drawn
// beforehand from Zipf(0.99); a read that misses puts, and every value read is checked against its key.
//
//   hit     100,000 keys, room for all, reads only
//   95/5    1,000,000 keys, room for 100,000, one operation in twenty a put; 75/25 likewise
//   small   10,000 keys, room for 1,024, 95/5
//   evict   distinct keys put into a full cache, by its capacity: the cost of an eviction
//
// A second thread sleeps all the while: in a process of one thread the C library takes no locks and
// counts no references atomically, and nobody needs a thread-safe cache there.
#include <llms/cache/cache.hpp>
#include <llms/cache/lru.hpp>

#include <benchmark/benchmark.h>
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <list>
#include <memory>
#include <mutex>
#include <random>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#if __has_include(<oneapi/tbb/concurrent_lru_cache.h>)
#    define TBB_PREVIEW_CONCURRENT_LRU_CACHE 1
#    include <oneapi/tbb/concurrent_lru_cache.h>
#    define LLMS_BENCH_TBB 1
#endif
#if __has_include(<rocksdb/cache.h>)
#    include <rocksdb/advanced_cache.h>
#    include <rocksdb/cache.h>
#    define LLMS_BENCH_ROCKSDB 1
#endif

namespace {

constexpr std::size_t key_bytes = 64;
constexpr std::size_t value_bytes = 1024;

auto make_key(std::uint32_t id) -> std::string {
    auto key = "llms:v1:tenant:" + std::to_string(id * 2654435761U) + ":";
    key.resize(key_bytes, 'k');
    std::memcpy(key.data() + key_bytes - sizeof id, &id, sizeof id);
    return key;
}

// A value says at both ends whose it is.
auto make_value(std::uint32_t id) -> std::string {
    std::string value(value_bytes, 'v');
    std::memcpy(value.data(), &id, sizeof id);
    std::memcpy(value.data() + value_bytes - sizeof id, &id, sizeof id);
    return value;
}

void check(std::string_view value, std::uint32_t id) {
    if (value.size() != value_bytes || std::memcmp(value.data(), &id, sizeof id) != 0 ||
        std::memcmp(value.data() + value_bytes - sizeof id, &id, sizeof id) != 0) {
        std::abort();
    }
}

// --- The caches: get(key, id) reads and checks, put(key, id) makes a value and stores it ---

template <typename Policy>
struct llms_cache {
    explicit llms_cache(std::size_t capacity)
        : cache{{.max_entries = capacity,
                 .max_bytes = std::size_t{8} << 30U,
                 .ttl = std::chrono::hours{1},
                 .shards = capacity < 4096 ? 0U : 16U}} {}
    auto get(std::string_view key, std::uint32_t id) -> bool {
        auto const hit = cache.get(key);
        if (hit) {
            check(*hit, id);
        }
        return static_cast<bool>(hit);
    }
    void put(std::string_view key, std::uint32_t id) { cache.put(key, make_value(id)); }

    llms::cache<std::string, std::string, Policy> cache;
};

class mutex_lru {
public:
    explicit mutex_lru(std::size_t capacity) : capacity_{capacity} {}
    auto get(std::string_view key, std::uint32_t id) -> bool {
        std::shared_ptr<std::string const> value;
        {
            std::lock_guard const guard{mutex_};
            auto const found = index_.find(key);
            if (found == index_.end()) {
                return false;
            }
            list_.splice(list_.begin(), list_, found->second);
            value = found->second->second;
        }
        check(*value, id);
        return true;
    }
    void put(std::string_view key, std::uint32_t id) {
        auto value = std::make_shared<std::string const>(make_value(id));
        std::lock_guard const guard{mutex_};
        if (auto const found = index_.find(key); found != index_.end()) {
            found->second->second = std::move(value);
            list_.splice(list_.begin(), list_, found->second);
            return;
        }
        if (list_.size() == capacity_) {
            index_.erase(list_.back().first);
            list_.pop_back();
        }
        list_.emplace_front(std::string{key}, std::move(value));
        index_.emplace(list_.front().first, list_.begin());
    }

private:
    using item = std::pair<std::string, std::shared_ptr<std::string const>>;
    std::size_t capacity_;
    std::mutex mutex_;
    std::list<item> list_;
    std::unordered_map<std::string_view, std::list<item>::iterator> index_;
};

// The response cache of lexlapax/go-llms: a map under a shared mutex; a put into a full one sorts all
// entries by usage count and then age, and drops the first.
class go_llms_map {
public:
    explicit go_llms_map(std::size_t capacity) : capacity_{capacity} {}
    auto get(std::string_view key, std::uint32_t id) -> bool {
        std::shared_ptr<std::string const> value;
        {
            std::shared_lock const guard{mutex_};
            auto const found = map_.find(std::string{key});
            if (found == map_.end()) {
                return false;
            }
            value = found->second.value;
        }
        {
            std::unique_lock const guard{mutex_};
            if (auto const found = map_.find(std::string{key}); found != map_.end()) {
                ++found->second.uses;
            }
        }
        check(*value, id);
        return true;
    }
    void put(std::string_view key, std::uint32_t id) {
        auto value = std::make_shared<std::string const>(make_value(id));
        std::unique_lock const guard{mutex_};
        if (map_.size() >= capacity_ && map_.find(std::string{key}) == map_.end()) {
            std::vector<std::pair<std::string, entry const*>> all;
            all.reserve(map_.size());
            for (auto const& [k, e] : map_) {
                all.emplace_back(k, &e);
            }
            std::sort(all.begin(), all.end(), [](auto const& a, auto const& b) {
                return a.second->uses != b.second->uses ? a.second->uses < b.second->uses
                                                        : a.second->born < b.second->born;
            });
            map_.erase(all.front().first);
        }
        map_[std::string{key}] = {std::move(value), 0, ++clock_};
    }

private:
    struct entry {
        std::shared_ptr<std::string const> value;
        std::uint64_t uses = 0;
        std::uint64_t born = 0;
    };
    std::size_t capacity_;
    std::shared_mutex mutex_;
    std::unordered_map<std::string, entry> map_;
    std::uint64_t clock_ = 0;
};

#if defined(LLMS_BENCH_TBB)
// It loads on a miss and cannot be put to: a read of it is a read and a put.
class tbb_lru {
public:
    explicit tbb_lru(std::size_t capacity) : cache_{&load, capacity} {}
    auto get(std::string_view key, std::uint32_t id) -> bool {
        auto const hit = cache_[std::string{key}];
        check(const_cast<decltype(cache_)::handle&>(hit).value(), id); // NOLINT
        return true;
    }
    void put(std::string_view key, std::uint32_t id) { get(key, id); }

private:
    static auto load(std::string key) -> std::string { // NOLINT: the type that TBB wants
        std::uint32_t id = 0;
        std::memcpy(&id, key.data() + key_bytes - sizeof id, sizeof id);
        return make_value(id);
    }
    tbb::concurrent_lru_cache<std::string, std::string> cache_;
};
#endif

#if defined(LLMS_BENCH_ROCKSDB)
// Keys of 16 bytes are all it takes, so the id stands for the key.
class hyper_clock {
public:
    explicit hyper_clock(std::size_t capacity)
        : cache_{rocksdb::HyperClockCacheOptions{capacity * value_bytes, value_bytes, 4}
                     .MakeSharedCache()} {}
    auto get(std::string_view /*key*/, std::uint32_t id) -> bool {
        auto* const hit = cache_->Lookup(slice(id));
        if (hit != nullptr) {
            check(*static_cast<std::string const*>(cache_->Value(hit)), id);
            cache_->Release(hit);
        }
        return hit != nullptr;
    }
    void put(std::string_view /*key*/, std::uint32_t id) {
        static_cast<void>(cache_->Insert(
            slice(id), new std::string(make_value(id)), value_bytes,
            [](rocksdb::Slice const&, void* value) { delete static_cast<std::string*>(value); }));
    }

private:
    static auto slice(std::uint32_t id) -> rocksdb::Slice {
        thread_local char bytes[16] = {};
        std::memcpy(bytes, &id, sizeof id);
        return {bytes, sizeof bytes};
    }
    std::shared_ptr<rocksdb::Cache> cache_;
};
#endif

// --- The work ---

struct operation {
    std::uint32_t id : 31;
    std::uint32_t is_put : 1;
};

struct work {
    // Side by side, each in a cache line of its own, so that fetching a key is not what is measured.
    struct alignas(64) key_text {
        char bytes[key_bytes];
    };

    [[nodiscard]] auto key(std::uint32_t id) const -> std::string_view {
        return {keys[id].bytes, key_bytes};
    }

    // The place `count` operations further on; after the last comes the first.
    [[nodiscard]] auto further(std::size_t at, std::size_t count = 1) const -> std::size_t {
        at += count;
        return at < operations.size() ? at : at - operations.size();
    }

    std::vector<key_text> keys;
    std::vector<operation> operations;
};

// Zipf(0.99) over `keys` keys, of which `puts` percent of the operations are puts. Made once.
auto work_of(std::uint32_t keys, unsigned puts) -> work const& {
    static std::unordered_map<std::uint64_t, std::unique_ptr<work>> all;
    static std::mutex mutex;
    std::lock_guard const guard{mutex};
    auto& one = all[std::uint64_t{keys} << 8U | puts];
    if (one == nullptr) {
        one = std::make_unique<work>();
        for (std::uint32_t id = 0; id < keys; ++id) {
            make_key(id).copy(one->keys.emplace_back().bytes, key_bytes);
        }
        std::vector<double> sums(keys);
        double sum = 0;
        for (std::uint32_t i = 0; i < keys; ++i) {
            sum += 1 / std::pow(i + 1, 0.99);
            sums[i] = sum;
        }
        std::vector<std::uint32_t> ids(keys); // so that popular keys do not lie together
        for (std::uint32_t i = 0; i < keys; ++i) {
            ids[i] = i;
        }
        std::mt19937 random{42};
        std::shuffle(ids.begin(), ids.end(), random);
        std::uniform_real_distribution<double> uniform{0, sum};
        std::uniform_int_distribution<unsigned> percent{0, 99};
        for (std::size_t i = 0; i < 4'000'000; ++i) {
            auto const rank =
                std::lower_bound(sums.begin(), sums.end(), uniform(random)) - sums.begin();
            one->operations.push_back({.id = ids[static_cast<std::size_t>(rank)] & 0x7fffffffU,
                                       .is_put = percent(random) < puts});
        }
    }
    return *one;
}

// One operation; false if it was a read that missed.
template <typename Cache>
auto step(Cache& cache, work const& todo, operation const op) -> bool {
    auto const key = todo.key(op.id);
    if (op.is_put == 0 && cache.get(key, op.id)) {
        return true;
    }
    cache.put(key, op.id);
    return op.is_put != 0;
}

// A cache that has seen its work for a while, up to operation `from`. It is kept for as long as the work
// stays the same: the benchmark is called anew for each guess at the number of iterations and for each number
// of threads.
template <typename Cache>
auto warmed(std::uint32_t keys, std::size_t capacity, unsigned puts, std::size_t warm_up,
            std::size_t from) -> Cache& {
    static std::unique_ptr<Cache> cache;
    static std::pair<std::uint32_t, unsigned> is_for;
    if (cache != nullptr && is_for == std::pair{keys, puts}) {
        return *cache;
    }
    is_for = {keys, puts};
    cache.reset();
    cache = std::make_unique<Cache>(capacity);
    auto const& todo = work_of(keys, puts);
    if (puts == 0) {
        for (std::uint32_t id = 0; id < keys; ++id) {
            cache->put(todo.key(id), id);
        }
    }
    for (auto at = todo.further(from, todo.operations.size() - warm_up); at != from;
         at = todo.further(at)) {
        step(*cache, todo, todo.operations[at]);
    }
    return *cache;
}

template <typename Cache>
void run(benchmark::State& state, std::uint32_t keys, std::size_t capacity, unsigned puts,
         std::size_t warm_up) {
    static Cache* cache = nullptr;
    // Where the last call ended: the same few operations again and again would find all that they ask for.
    static std::size_t from = 0;
    auto const& todo = work_of(keys, puts);
    if (state.thread_index() == 0) {
        cache = &warmed<Cache>(keys, capacity, puts, warm_up, from);
    }
    auto at =
        todo.further(from, todo.operations.size() / static_cast<std::size_t>(state.threads()) *
                               static_cast<std::size_t>(state.thread_index()));
    auto ahead = todo.further(at, 8);
    std::size_t hits = 0;
    for (auto _ : state) {
        __builtin_prefetch(todo.key(todo.operations[ahead].id).data());
        hits += step(*cache, todo, todo.operations[at]) ? 1 : 0;
        at = todo.further(at);
        ahead = todo.further(ahead);
    }
    if (state.thread_index() == 0) {
        from = at;
    }
    if (puts == 0 && hits != static_cast<std::size_t>(state.iterations())) {
        state.SkipWithError("a key was not held");
    }
    state.counters["hits"] =
        benchmark::Counter(static_cast<double>(hits) / static_cast<double>(state.iterations()),
                           benchmark::Counter::kAvgThreads);
}

template <typename Cache>
void hit(benchmark::State& state) {
    run<Cache>(state, 100'000, 131'072, 0, 0);
}
template <typename Cache>
void mixed(benchmark::State& state) {
    run<Cache>(state, 1'000'000, 100'000, static_cast<unsigned>(state.range(0)), 1'500'000);
}
template <typename Cache>
void small(benchmark::State& state) {
    run<Cache>(state, 10'000, 1'024, 5, 100'000);
}

template <typename Cache>
void evict(benchmark::State& state) {
    auto const capacity = static_cast<std::uint32_t>(state.range(0));
    Cache cache{capacity};
    std::vector<std::string> keys;
    auto const distinct = capacity + std::min(capacity, 100'000U);
    for (std::uint32_t id = 0; id < distinct; ++id) {
        keys.push_back(make_key(id));
    }
    std::uint32_t id = 0;
    for (; id < capacity; ++id) {
        cache.put(keys[id], id);
    }
    for (auto _ : state) {
        cache.put(keys[id], id);
        id = id + 1 == distinct ? 0 : id + 1;
    }
}

// Bytes that a full cache of 100,000 takes beside the bytes of its keys and values.
template <typename Cache>
void overhead(benchmark::State& state) {
    constexpr std::uint32_t entries = 100'000;
    double overhead = 0;
    for (auto _ : state) {
        std::vector<std::string> keys;
        for (std::uint32_t id = 0; id < 2 * entries; ++id) {
            keys.push_back(make_key(id));
        }
        auto const before = ::mallinfo2();
        Cache cache{entries};
        for (std::uint32_t id = 0; id < 2 * entries; ++id) { // all of it is in use
            cache.put(keys[id], id);
        }
        std::uint32_t held = 0;
        for (std::uint32_t id = 0; id < 2 * entries; ++id) {
            held += cache.get(keys[id], id) ? 1 : 0;
        }
        auto const after = ::mallinfo2();
        auto const taken = after.uordblks + after.hblkhd - before.uordblks - before.hblkhd;
        overhead = static_cast<double>(taken) / held - key_bytes - value_bytes;
    }
    state.counters["bytes_per_entry"] = overhead;
}

template <typename Cache>
void add(std::string const& name, bool is_fast = true) {
    auto const as = [&](std::string const& what, auto function) {
        return benchmark::RegisterBenchmark(("BM_cache_" + what + "/" + name).c_str(), function);
    };
    if (is_fast) {
        as("hit", hit<Cache>)->ThreadRange(1, 16)->UseRealTime();
        as("mixed", mixed<Cache>)
            ->ArgName("puts")
            ->Arg(5)
            ->Arg(25)
            ->Threads(1)
            ->Threads(2)
            ->Threads(8)
            ->UseRealTime();
    }
    as("small", small<Cache>)->Threads(1)->Threads(2)->UseRealTime();
    auto* const evictions = as("evict", evict<Cache>)->ArgName("capacity");
    for (std::int64_t capacity = 100; capacity <= (is_fast ? 1'000'000 : 10'000); capacity *= 10) {
        evictions->Arg(capacity);
    }
    if (is_fast) {
        as("overhead", overhead<Cache>)->Iterations(1);
    }
}

struct company {
    std::atomic<bool> is_over{false};
    std::thread sleeper{[this] {
        is_over.wait(false);
    }};
    company() = default;
    company(company const&) = delete;
    auto operator=(company const&) -> company& = delete;
    ~company() {
        is_over = true;
        is_over.notify_all();
        sleeper.join();
    }
};
company const not_alone;

auto const is_registered = [] {
    add<llms_cache<llms::s3_fifo>>("llms");
    add<llms_cache<llms::lru>>("llms_lru");
    add<mutex_lru>("mutex_lru");
    add<go_llms_map>("go_llms_map", false);
#if defined(LLMS_BENCH_TBB)
    add<tbb_lru>("tbb_lru");
#endif
#if defined(LLMS_BENCH_ROCKSDB)
    add<hyper_clock>("rocksdb_hyper_clock");
#endif
    return true;
}();

} // namespace
