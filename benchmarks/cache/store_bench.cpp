// SPDX-License-Identifier: MIT
//
// The second tiers: a get and a put of 1 KiB of a SQLite file and of a Redis server, and what
// `guarded_store` adds to a get. The baselines are what a program writes by hand: two prepared
// statements, two commands of hiredis, without bounds, deadlines or other processes in mind; and the
// store itself, unguarded.
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
#if __has_include(<hiredis/hiredis.h>)
#    include "support/redis_server.hpp"
#    include <llms/ext/redis_store.hpp>

#    include <hiredis/hiredis.h>
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

template <class Store>
void run_get(benchmark::State& state, Store& store) {
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
void run_put(benchmark::State& state, Store& store) {
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

/// A store of llms as a program calls it.
template <class Store>
class llms_store {
public:
    template <class Place>
    explicit llms_store(Place const& place) : store_(place) {}

    auto get(std::string const& name) -> std::optional<std::string> {
        return store_.get(name, clock::now() + 1s);
    }
    void put(std::string const& name, std::string_view value) {
        store_.put(name, value, 1h, clock::now() + 1s);
    }

private:
    Store store_;
};

#if __has_include(<sqlite3.h>)

// The same journal and the same syncs.
class sqlite_by_hand {
public:
    explicit sqlite_by_hand(std::string const& path) {
        sqlite3_open(path.c_str(), &file_);
        sqlite3_exec(file_,
                     "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
                     "CREATE TABLE t (k TEXT PRIMARY KEY, v BLOB) WITHOUT ROWID",
                     nullptr, nullptr, nullptr);
        sqlite3_prepare_v2(file_, "SELECT v FROM t WHERE k = ?1", -1, &get_, nullptr);
        sqlite3_prepare_v2(file_, "INSERT OR REPLACE INTO t VALUES (?1, ?2)", -1, &put_, nullptr);
    }
    sqlite_by_hand(sqlite_by_hand const&) = delete;
    auto operator=(sqlite_by_hand const&) -> sqlite_by_hand& = delete;
    ~sqlite_by_hand() {
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
    support::temporary_directory const place;
    Store store(place.file("store.db"));
    run_get(state, store);
}

template <class Store>
void BM_store_sqlite_put(benchmark::State& state) {
    support::temporary_directory const place;
    Store store(place.file("store.db"));
    run_put(state, store);
}

BENCHMARK_TEMPLATE(BM_store_sqlite_get, llms_store<llms::sqlite_store>)
    ->Name("BM_store_sqlite_get")
    ->UseRealTime();
BENCHMARK_TEMPLATE(BM_store_sqlite_get, sqlite_by_hand)
    ->Name("BM_store_sqlite_get_baseline_by_hand")
    ->UseRealTime();
BENCHMARK_TEMPLATE(BM_store_sqlite_put, llms_store<llms::sqlite_store>)
    ->Name("BM_store_sqlite_put")
    ->UseRealTime();
BENCHMARK_TEMPLATE(BM_store_sqlite_put, sqlite_by_hand)
    ->Name("BM_store_sqlite_put_baseline_by_hand")
    ->UseRealTime();

#endif

#if __has_include(<hiredis/hiredis.h>)

class redis_by_hand {
public:
    explicit redis_by_hand(llms::redis_store_options const& options)
        : context_(redisConnect(options.host.c_str(), options.port)) {}
    redis_by_hand(redis_by_hand const&) = delete;
    auto operator=(redis_by_hand const&) -> redis_by_hand& = delete;
    ~redis_by_hand() { redisFree(context_); }

    auto get(std::string const& name) -> std::optional<std::string> {
        auto const answer = command("GET llms:%b", name.data(), name.size());
        return answer != nullptr && answer->str != nullptr
                   ? std::optional(std::string(answer->str, answer->len))
                   : std::nullopt;
    }
    void put(std::string const& name, std::string_view value) {
        (void)command("SET llms:%b %b PX 3600000", name.data(), name.size(), value.data(),
                      value.size());
    }

private:
    struct free_reply {
        void operator()(redisReply* answer) const noexcept { freeReplyObject(answer); }
    };
    template <class... Words>
    auto command(char const* format, Words... words) -> std::unique_ptr<redisReply, free_reply> {
        return std::unique_ptr<redisReply, free_reply>(
            static_cast<redisReply*>(redisCommand(context_, format, words...)));
    }

    redisContext* context_;
};

template <class Store, class Run>
void with_redis(benchmark::State& state, Run run) {
    if (!support::redis_server::installed()) {
        state.SkipWithError("no redis-server here");
        return;
    }
    support::redis_server const server;
    Store store(llms::redis_store_options{.port = server.port()});
    run(state, store);
}

template <class Store>
void BM_store_redis_get(benchmark::State& state) {
    with_redis<Store>(state, run_get<Store>);
}

template <class Store>
void BM_store_redis_put(benchmark::State& state) {
    with_redis<Store>(state, run_put<Store>);
}

BENCHMARK_TEMPLATE(BM_store_redis_get, llms_store<llms::redis_store>)
    ->Name("BM_store_redis_get")
    ->UseRealTime();
BENCHMARK_TEMPLATE(BM_store_redis_get, redis_by_hand)
    ->Name("BM_store_redis_get_baseline_by_hand")
    ->UseRealTime();
BENCHMARK_TEMPLATE(BM_store_redis_put, llms_store<llms::redis_store>)
    ->Name("BM_store_redis_put")
    ->UseRealTime();
BENCHMARK_TEMPLATE(BM_store_redis_put, redis_by_hand)
    ->Name("BM_store_redis_put_baseline_by_hand")
    ->UseRealTime();

#endif

} // namespace
