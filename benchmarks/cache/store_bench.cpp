// SPDX-License-Identifier: MIT
//
// The second tiers: a get and a put of 1 KiB of a SQLite file, and what `guarded_store` adds to a get.
// The baselines are what a program writes by hand: the two prepared statements without bounds, expiry
// or other processes in mind, and the store itself, unguarded.
#include "support/temporary_directory.hpp"
#include <llms/cache/guarded_store.hpp>

#include <benchmark/benchmark.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#if __has_include(<sqlite3.h>)
#    include <llms/ext/sqlite_store.hpp>

#    include <sqlite3.h>
#endif

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr int keys = 1000;

auto key(int id) -> std::string {
    auto text = std::to_string(id);
    return std::string(64 - text.size(), 'k') + text;
}

// As a store that has everything: what is measured is the guard.
struct instant_store {
    std::string value = std::string(1024, 'v');

    auto get(std::string_view /*key*/, llms::store_deadline /*deadline*/)
        -> std::optional<std::string> {
        return value;
    }
    void put(std::string_view /*key*/, std::string_view bytes, std::chrono::milliseconds /*ttl*/,
             llms::store_deadline /*deadline*/) {
        value = bytes;
    }
    void erase(std::string_view /*key*/, llms::store_deadline /*deadline*/) {}
};

void BM_store_guarded_get(benchmark::State& state) {
    auto const inner = std::make_shared<instant_store>();
    llms::guarded_store tier{inner, {.executor = [](auto write) {
                                 write();
                             }}};
    auto const name = key(1);
    tier.put(name, std::string(1024, 'v'), 1h);
    for (auto _ : state) {
        auto const found = tier.get(name);
        if (!found || found->value.size() != 1024) {
            state.SkipWithError("not what was put");
        }
    }
}

void BM_store_guarded_baseline_bare(benchmark::State& state) {
    instant_store inner;
    auto const name = key(1);
    for (auto _ : state) {
        auto const found = inner.get(name, clock::now() + 100ms);
        if (!found || found->size() != 1024) {
            state.SkipWithError("not what was put");
        }
    }
}

BENCHMARK(BM_store_guarded_get);
BENCHMARK(BM_store_guarded_baseline_bare);

#if __has_include(<sqlite3.h>)

struct llms_store {
    llms::sqlite_store store;

    explicit llms_store(std::string const& path) : store(path) {}
    auto get(std::string const& name) -> std::optional<std::string> {
        return store.get(name, clock::now() + 1s);
    }
    void put(std::string const& name, std::string_view value) {
        store.put(name, value, 1h, clock::now() + 1s);
    }
};

// The same journal and the same syncs.
class by_hand {
public:
    explicit by_hand(std::string const& path) {
        sqlite3_open(path.c_str(), &file_);
        sqlite3_exec(file_,
                     "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
                     "CREATE TABLE t (k TEXT PRIMARY KEY, v BLOB) WITHOUT ROWID",
                     nullptr, nullptr, nullptr);
        sqlite3_prepare_v2(file_, "SELECT v FROM t WHERE k = ?1", -1, &get_, nullptr);
        sqlite3_prepare_v2(file_, "INSERT OR REPLACE INTO t VALUES (?1, ?2)", -1, &put_, nullptr);
    }
    by_hand(by_hand const&) = delete;
    auto operator=(by_hand const&) -> by_hand& = delete;
    ~by_hand() {
        sqlite3_finalize(get_);
        sqlite3_finalize(put_);
        sqlite3_close(file_);
    }

    auto get(std::string const& name) -> std::optional<std::string> {
        bind(get_, 1, name);
        std::optional<std::string> value;
        if (sqlite3_step(get_) == SQLITE_ROW) {
            value.emplace(static_cast<char const*>(sqlite3_column_blob(get_, 0)),
                          static_cast<std::size_t>(sqlite3_column_bytes(get_, 0)));
        }
        sqlite3_reset(get_);
        return value;
    }
    void put(std::string const& name, std::string_view value) {
        bind(put_, 1, name);
        bind(put_, 2, value);
        sqlite3_step(put_);
        sqlite3_reset(put_);
    }

private:
    static void bind(sqlite3_stmt* statement, int at, std::string_view bytes) {
        sqlite3_bind_blob(statement, at, bytes.data(), static_cast<int>(bytes.size()),
                          SQLITE_STATIC);
    }

    sqlite3* file_ = nullptr;
    sqlite3_stmt* get_ = nullptr;
    sqlite3_stmt* put_ = nullptr;
};

template <class Store>
void BM_store_sqlite_get(benchmark::State& state) {
    llms_tests::temporary_directory const place;
    Store store(place.file("store.db"));
    std::string const value(1024, 'v');
    for (int id = 0; id < keys; ++id) {
        store.put(key(id), value);
    }
    int id = 0;
    for (auto _ : state) {
        if (store.get(key(id)) != value) {
            state.SkipWithError("not what was put");
        }
        id = (id + 1) % keys;
    }
}

template <class Store>
void BM_store_sqlite_put(benchmark::State& state) {
    llms_tests::temporary_directory const place;
    Store store(place.file("store.db"));
    std::string const value(1024, 'v');
    int id = 0;
    for (auto _ : state) {
        store.put(key(id), value);
        id = (id + 1) % keys;
    }
    if (store.get(key(0)) != value) {
        state.SkipWithError("not what was put");
    }
}

BENCHMARK_TEMPLATE(BM_store_sqlite_get, llms_store)->Name("BM_store_sqlite_get")->UseRealTime();
BENCHMARK_TEMPLATE(BM_store_sqlite_get, by_hand)
    ->Name("BM_store_sqlite_get_baseline_by_hand")
    ->UseRealTime();
BENCHMARK_TEMPLATE(BM_store_sqlite_put, llms_store)->Name("BM_store_sqlite_put")->UseRealTime();
BENCHMARK_TEMPLATE(BM_store_sqlite_put, by_hand)
    ->Name("BM_store_sqlite_put_baseline_by_hand")
    ->UseRealTime();

#endif

} // namespace
