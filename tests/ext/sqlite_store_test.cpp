// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/manual_clock.hpp"
#include "support/temporary_directory.hpp"
#include <llms/cache/guarded_store.hpp>
#include <llms/ext/sqlite_store.hpp>

#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace sqlite_store_test {

namespace {

using namespace std::chrono_literals;
using support::temporary_directory;

static_assert(llms::leasing_store<llms::sqlite_store>);

auto soon() -> llms::store_deadline {
    return std::chrono::steady_clock::now() + 60s;
}

using wall_clock = support::manual_clock<>;
using timed_store = llms::basic_sqlite_store<wall_clock>;

// The value that the tests put under a key, of about `size` bytes.
auto value_of(std::string const& key, std::size_t size = 1000) -> std::string {
    std::string value;
    while (value.size() < size) {
        value += key + ' ';
    }
    return value;
}

TEST_CASE("sqlite_store: keeps values over a restart, until they expire", "[sqlite_store]") {
    temporary_directory const place;
    std::string const binary("a\0b\xFF", 4);
    {
        timed_store store(place.file("db"));
        CHECK_FALSE(store.get("key", soon()));
        store.put("key", "old", 10s, soon());
        store.put("key", binary, 10s, soon());
        store.put("empty", "", 10s, soon());
        store.put("gone", "x", 10s, soon());
        store.erase("gone", soon());
    }
    timed_store store(place.file("db"));
    CHECK(store.get("key", soon()) == binary);
    CHECK(store.get("empty", soon()) == "");
    CHECK_FALSE(store.get("gone", soon()));
    wall_clock::advance(10s);
    CHECK_FALSE(store.get("key", soon()));
}

TEST_CASE("sqlite_store: is bounded in entries and bytes, the expired, then the oldest go",
          "[sqlite_store]") {
    temporary_directory const place;
    timed_store store(place.file("db"), {.max_entries = 10, .max_bytes = 1000});
    auto const count = [&](char first) {
        int found = 0;
        for (int i = 0; i < 30; ++i) {
            found += store.get(first + std::to_string(i), soon()) ? 1 : 0;
        }
        return found;
    };
    for (int i = 0; i < 15; ++i) {
        store.put("a" + std::to_string(i), "x", 1h, soon());
    }
    CHECK(count('a') == 10);
    CHECK_FALSE(store.get("a4", soon()));
    CHECK(store.get("a5", soon()));
    store.put("a5", "again", 1h, soon()); // a newer entry now
    store.put("big", std::string(900, 'b'), 1h, soon());
    CHECK(store.get("big", soon()));
    store.put("bigger", std::string(990, 'c'), 1s, soon()); // needs all the room
    CHECK(count('a') == 0);
    CHECK_FALSE(store.get("big", soon()));
    CHECK_THROWS_AS(store.put("key", std::string(1000, 'x'), 1h, soon()), llms::store_error);
    CHECK(store.get("bigger", soon()));

    store.erase("bigger", soon());
    for (int i = 0; i < 9; ++i) {
        store.put("a" + std::to_string(i), "x", 1h, soon());
    }
    store.put("brief", "x", 1s, soon());
    wall_clock::advance(1s);
    store.put("b0", "x", 1h, soon());
    CHECK(count('a') == 9); // the expired one made room
}

TEST_CASE("sqlite_store: refuses what is not its own and leaves it alone", "[sqlite_store]") {
    temporary_directory const place;
    auto const path = place.file("db");
    sqlite3* other = nullptr;
    auto const run = [&](char const* sql) {
        REQUIRE(sqlite3_open(path.c_str(), &other) == SQLITE_OK);
        REQUIRE(sqlite3_exec(other, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
        sqlite3_close(other);
    };
    SECTION("another program's database") {
        run("CREATE TABLE theirs(x); INSERT INTO theirs VALUES(1)");
        CHECK_THROWS_WITH(llms::sqlite_store(path), support::contains("another program's"));
        run("INSERT INTO theirs VALUES(2)");
    }
    SECTION("a later version's file") {
        { llms::sqlite_store const store(path); }
        run("PRAGMA user_version = 2");
        CHECK_THROWS_WITH(llms::sqlite_store(path), support::contains("schema version 2"));
    }
    SECTION("a directory that does not exist") {
        CHECK_THROWS_AS(llms::sqlite_store(place.file("no/such/db")), llms::store_error);
    }
    CHECK(place.count("db.corrupt") == 0);
}

TEST_CASE("sqlite_store: a file that is no database is set aside, and the first call says so",
          "[sqlite_store]") {
    temporary_directory const place;
    std::ofstream(place.file("db")) << std::string(10'000, 'x');
    llms::sqlite_store store(place.file("db"));
    CHECK_THROWS_WITH(store.get("key", soon()), support::contains("set aside"));
    CHECK(place.count("db.corrupt") == 1);
    CHECK_FALSE(store.get("key", soon()));
    store.put("key", "value", 1h, soon());
    CHECK(store.get("key", soon()) == "value");
    CHECK(std::filesystem::exists(place.file("db")));
}

// Fills a file, damages it behind the back of a guarded_store that uses it, and goes on.
template <class Damage>
void survive(Damage damage) {
    temporary_directory const place;
    auto const path = place.file("db");
    {
        llms::sqlite_store store(path);
        for (int i = 0; i < 200; ++i) {
            auto const key = std::to_string(i);
            auto const sealed = llms::detail::cache_envelope::seal(
                key, value_of(key), 0, std::chrono::milliseconds(24h * 365 * 200).count());
            store.put(key, sealed, 1h, soon());
        }
    } // the last connection moves the log into the file
    llms::guarded_store tier(
        std::make_shared<llms::sqlite_store>(path),
        {.get_timeout = 60s, .put_timeout = 60s, .breaker = {.failures = 1000}});
    REQUIRE(tier.get("7"));
    damage(path);
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 200; ++i) {
            auto const key = std::to_string(i);
            auto const found = tier.get(key);
            REQUIRE((!found || found->value == value_of(key))); // a miss, or right
            tier.put(key, value_of(key), 1h);
        }
        REQUIRE(tier.flush(soon()));
    }
    for (int i = 0; i < 200; ++i) { // all is well again
        auto const found = tier.get(std::to_string(i));
        REQUIRE(found);
        REQUIRE(found->value == value_of(std::to_string(i)));
    }
}

TEST_CASE("sqlite_store: a file damaged in mid-run: calls go on, nothing wrong is served",
          "[sqlite_store]") {
    SECTION("truncated to a half") {
        survive([](std::string const& path) {
            std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
        });
    }
    SECTION("truncated to a page and a bit") {
        survive([](std::string const& path) { std::filesystem::resize_file(path, 5000); });
    }
    SECTION("truncated to nothing") {
        survive([](std::string const& path) { std::filesystem::resize_file(path, 0); });
    }
    SECTION("overwritten") {
        survive([](std::string const& path) {
            std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
            std::string const noise(1500, '\x5A');
            for (std::streamoff at = 100; at < 200'000; at += 4096) {
                file.seekp(at);
                file.write(noise.data(), static_cast<std::streamsize>(noise.size()));
            }
        });
    }
    SECTION("removed") {
        survive([](std::string const& path) {
            for (auto const* part : {"", "-wal", "-shm"}) {
                std::filesystem::remove(path + part);
            }
        });
    }
}

TEST_CASE("sqlite_store: a full disk fails puts, not gets", "[sqlite_store]") {
    temporary_directory const place;
    auto const store = std::make_shared<llms::sqlite_store>(
        place.file("db"), llms::sqlite_store_options{.max_file_bytes = 200'000});
    int stored = 0;
    auto const fill = [&] {
        for (;; ++stored) {
            auto const key = std::to_string(stored);
            store->put(key, value_of(key), 1h, soon());
        }
    };
    CHECK_THROWS_WITH(fill(), support::contains("full"));
    CHECK(stored > 50);
    for (int i = 0; i < stored; ++i) {
        REQUIRE(store->get(std::to_string(i), soon()) == value_of(std::to_string(i)));
    }
    CHECK(std::filesystem::file_size(place.file("db")) <= 210'000);
    for (int i = 0; i < 10; ++i) {
        store->erase(std::to_string(i), soon());
    }
    store->put("key", value_of("key"), 1h, soon());
    CHECK(store->get("key", soon()) == value_of("key"));
}

TEST_CASE("sqlite_store: waits for another's lock up to the deadline", "[sqlite_store]") {
    temporary_directory const place;
    llms::sqlite_store store(place.file("db"));
    store.put("key", "value", 1h, soon());
    sqlite3* other = nullptr;
    REQUIRE(sqlite3_open(place.file("db").c_str(), &other) == SQLITE_OK);
    REQUIRE(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK);
    CHECK_THROWS_WITH(store.put("key", "other", 1h, std::chrono::steady_clock::now() + 20ms),
                      support::contains("locked"));
    CHECK(store.get("key", soon()) == "value"); // readers need no lock
    sqlite3_close(other);
    store.put("key", "other", 1h, soon());
    CHECK(store.get("key", soon()) == "other");

    // A new file that another process is still making.
    for (auto const* part : {"db", "db-wal", "db-shm"}) {
        std::filesystem::remove(place.file(part));
    }
    REQUIRE(sqlite3_open(place.file("db").c_str(), &other) == SQLITE_OK);
    REQUIRE(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK);
    CHECK_THROWS_WITH(store.get("key", std::chrono::steady_clock::now() + 20ms),
                      support::contains("locked"));
    sqlite3_close(other);
    CHECK_FALSE(store.get("key", soon()));
    CHECK(place.count("db.corrupt") == 0);
}

TEST_CASE("sqlite_store: waits for one of its connections up to the deadline", "[sqlite_store]") {
    temporary_directory const place;
    llms::sqlite_store store(place.file("db"), {.max_connections = 1});
    sqlite3* other = nullptr;
    REQUIRE(sqlite3_open(place.file("db").c_str(), &other) == SQLITE_OK);
    REQUIRE(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK);
    auto busy = false;
    {
        auto const end = soon();
        std::jthread const writer([&] { store.put("key", "value", 1h, end); });
        while (!busy && std::chrono::steady_clock::now() < end) { // until the writer has it
            try {
                static_cast<void>(store.get("key", std::chrono::steady_clock::now() + 1ms));
            } catch (llms::store_error const& e) { // perhaps its own time was too short
                busy = std::string(e.what()).find("every connection was busy") != std::string::npos;
            }
        }
        sqlite3_close(other);
    }
    CHECK(busy);
    CHECK(store.get("key", soon()) == "value");
}

TEST_CASE("sqlite_store: a put that runs out of time changes nothing", "[sqlite_store]") {
    temporary_directory const place;
    constexpr int entries = 100;
    auto const options = llms::sqlite_store_options{.max_entries = entries};
    {
        timed_store store(place.file("db"), options);
        for (int i = 0; i < entries; ++i) {
            store.put(std::to_string(i), "x", 10s, soon());
        }
    }
    timed_store store(place.file("db"), options);
    wall_clock::advance(10s); // all of them are to make room
    CHECK_THROWS_WITH(store.put("key", "value", 1h, std::chrono::steady_clock::now() - 1s),
                      support::contains("interrupted"));
    CHECK_FALSE(store.get("key", soon()));
    wall_clock::advance(-10s);
    for (int i = 0; i < entries; ++i) {
        REQUIRE(store.get(std::to_string(i), soon()) == "x");
    }
    store.put("key", "value", 1h, soon());
    CHECK(store.get("key", soon()) == "value");
}

TEST_CASE("sqlite_store: a file whose totals are wrong is set aside", "[sqlite_store]") {
    temporary_directory const place;
    llms::sqlite_store store(place.file("db"), {.max_entries = 10});
    store.put("key", "value", 1h, soon());
    struct row {
        char const* damage;
        char const* complaint;
    };
    auto const [damage, complaint] = GENERATE(
        row{"DELETE FROM totals", "no totals; the file was set aside"},
        row{"UPDATE totals SET entries = 1000", "totals of nothing; the file was set aside"});
    sqlite3* other = nullptr;
    REQUIRE(sqlite3_open(place.file("db").c_str(), &other) == SQLITE_OK);
    REQUIRE(sqlite3_exec(other, damage, nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(other);
    CHECK_THROWS_WITH(store.put("more", "value", 1h, soon()), support::contains(complaint));
    CHECK(place.count("db.corrupt") > 0);
    store.put("more", "value", 1h, soon());
    CHECK(store.get("more", soon()) == "value");
}

TEST_CASE("sqlite_store: a lease is one process's, until it gives it back or its time is over",
          "[sqlite_store]") {
    temporary_directory const place;
    timed_store one(place.file("db"));
    timed_store other(place.file("db"));
    CHECK(one.try_lease("key", "token 1", 10s, soon()));
    CHECK_FALSE(other.try_lease("key", "token 2", 10s, soon()));
    other.release("key", "token 2", soon()); // not its own
    CHECK_FALSE(other.try_lease("key", "token 2", 10s, soon()));
    one.release("key", "token 1", soon());
    CHECK(other.try_lease("key", "token 2", 10s, soon()));
    wall_clock::advance(10s);
    CHECK(one.try_lease("key", "token 1", 10s, soon()));
}

TEST_CASE("sqlite_store: a process killed while it writes leaves a sound file", "[sqlite_store]") {
    temporary_directory const place;
    auto const path = place.file("db");
    auto const child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        llms::sqlite_store store(path);
        for (int i = 0;; ++i) {
            store.put(std::to_string(i), value_of(std::to_string(i)), 1h, soon());
        }
    }
    {
        llms::sqlite_store store(path); // reads while the other one writes
        while (!store.get("50", soon())) {
            std::this_thread::yield();
        }
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
    }
    llms::sqlite_store store(path);
    for (int i = 0; i <= 50; ++i) {
        REQUIRE(store.get(std::to_string(i), soon()) == value_of(std::to_string(i)));
    }
    store.put("after", "value", 1h, soon());
    CHECK(store.get("after", soon()) == "value");
    CHECK(place.count("db.corrupt") == 0);
}

TEST_CASE("sqlite_store: many threads, two handles, one file", "[sqlite_store][stress]") {
    temporary_directory const place;
    llms::sqlite_store stores[2] = {
        llms::sqlite_store(place.file("db"), {.max_entries = 20, .max_connections = 2}),
        llms::sqlite_store(place.file("db"), {.max_entries = 20, .max_connections = 2})};
    std::atomic<int> wrong = 0;
    std::atomic<int> found = 0;
    {
        std::vector<std::jthread> users;
        users.reserve(8);
        for (unsigned t = 0; t < 4; ++t) {
            users.emplace_back([&, t] {
                auto seed = t + 1;
                for (int i = 0; i < 100; ++i) {
                    seed = seed * 1664525U + 1013904223U;
                    auto const key = std::to_string(seed >> 27U);
                    auto& store = stores[t % 2];
                    if ((seed >> 20U & 1U) == 0) {
                        store.put(key, value_of(key), 1h, soon());
                    } else if (auto const value = store.get(key, soon())) {
                        ++found;
                        wrong += *value == value_of(key) ? 0 : 1;
                    }
                }
            });
        }
    }
    CHECK(wrong == 0);
    CHECK(found > 0);
}

} // namespace

} // namespace sqlite_store_test
