// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/listener.hpp"
#include "support/redis_server.hpp"
#include "support/temporary_directory.hpp"
#include <llms/cache/guarded_store.hpp>
#include <llms/ext/redis_store.hpp>

#include <hiredis/hiredis.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace redis_store_test {

namespace {

using namespace std::chrono_literals;
using support::redis_server;

static_assert(llms::leasing_store<llms::redis_store>);

auto soon() -> llms::store_deadline {
    return std::chrono::steady_clock::now() + 60s;
}

// Patient: a loaded machine is no failure.
auto options(redis_server const& server) -> llms::redis_store_options {
    return {.port = server.port(), .connect_timeout = 60s, .command_timeout = 60s};
}

auto missing() -> bool {
    if (redis_server::installed()) {
        return false;
    }
    WARN("redis-server is not installed: redis_store was not tested");
    return true;
}

// Sends one command past the store.
void command(redis_server const& server, std::string const& text) {
    auto* const context = redisConnect("127.0.0.1", server.port());
    REQUIRE(context->err == 0);
    freeReplyObject(redisCommand(context, text.c_str()));
    redisFree(context);
}

TEST_CASE("redis_store: keeps values by namespaced keys until they expire", "[redis_store]") {
    if (missing()) {
        return;
    }
    redis_server const server;
    llms::redis_store store(options(server));
    auto other_options = options(server);
    other_options.key_prefix = "other:";
    llms::redis_store other(other_options);
    std::string const binary("a\0b\xFF\r\n", 6);
    CHECK_FALSE(store.get("key", soon()));
    store.put("key", binary, 1h, soon());
    store.put("empty", "", 1h, soon());
    CHECK(store.get("key", soon()) == binary);
    CHECK(store.get("empty", soon()) == "");
    CHECK_FALSE(other.get("key", soon()));
    store.erase("key", soon());
    CHECK_FALSE(store.get("key", soon()));
    store.put("brief", "x", 1ms, soon());
    while (store.get("brief", soon())) { // the server's clock
        std::this_thread::yield();
    }
    std::string const big(5'000'000, 'x'); // more than a socket's buffer
    store.put("big", big, 1h, soon());
    CHECK(store.get("big", soon()) == big);
    auto bounded = options(server);
    bounded.max_reply_bytes = 1'000'000;
    CHECK_THROWS_WITH(llms::redis_store(bounded).get("big", soon()),
                      support::contains("max_reply_bytes"));
}

TEST_CASE("redis_store: says what the server says", "[redis_store]") {
    if (missing()) {
        return;
    }
    redis_server const server;
    llms::redis_store store(options(server));
    command(server, "LPUSH llms:value:key element");
    CHECK_THROWS_WITH(store.get("key", soon()), support::contains("WRONGTYPE"));
    command(server, "CONFIG SET requirepass secret");
    CHECK_THROWS_WITH(llms::redis_store(options(server)).get("key", soon()),
                      support::contains("NOAUTH"));
    auto known = options(server);
    known.password = "secret";
    known.database = 3;
    CHECK_FALSE(llms::redis_store(known).get("key", soon())); // an empty database
    known.user = "default";
    CHECK_FALSE(llms::redis_store(known).get("key", soon()));
    known.password = "wrong";
    CHECK_THROWS_WITH(llms::redis_store(known).get("key", soon()), support::contains("WRONGPASS"));
}

TEST_CASE(
    "redis_store: a server killed and started again costs misses, and no error once it is back",
    "[redis_store]") {
    if (missing()) {
        return;
    }
    redis_server server;
    auto const store = std::make_shared<llms::redis_store>(options(server));
    llms::guarded_store tier(
        store, {.get_timeout = 60s, .put_timeout = 60s, .breaker = {.failures = 1'000'000}});
    std::atomic<int> wrong = 0;
    std::atomic<int> hits = 0;
    std::atomic<bool> over = false;
    {
        std::vector<std::jthread> callers;
        callers.reserve(8);
        for (unsigned t = 0; t < 3; ++t) {
            callers.emplace_back([&, t] {
                auto seed = t + 1;
                while (!over) {
                    seed = seed * 1664525U + 1013904223U;
                    auto const key = std::to_string(seed >> 28U);
                    if (auto const found = tier.get(key)) {
                        ++hits;
                        wrong += found->value == "value of " + key ? 0 : 1;
                    }
                    tier.put(key, "value of " + key, 1h);
                }
            });
        }
        auto const more = [&](std::atomic<int>& counter) {
            auto const before = counter.load();
            while (counter < before + 100) {
                std::this_thread::yield();
            }
        };
        more(hits);
        server.kill(); // in mid-run
        while (tier.stats().failures < 10) {
            std::this_thread::yield();
        }
        server.start();
        more(hits);
        over = true;
    }
    CHECK(wrong == 0);
    CHECK(tier.flush(soon()));

    store->put("key", "value", 1h, soon());
    server.kill(); // while the connections lie idle
    server.start();
    for (int i = 0; i < 10; ++i) {
        CHECK_FALSE(store->get("key", soon())); // no error: a new connection, and an empty server
    }
}

TEST_CASE("redis_store: a frozen server holds nobody beyond the timeouts", "[redis_store]") {
    if (missing()) {
        return;
    }
    redis_server const server;
    auto impatient = options(server);
    impatient.command_timeout = 50ms;
    auto const store = std::make_shared<llms::redis_store>(impatient);
    llms::redis_store patient(options(server));
    patient.put("key", "value", 1h, soon());
    server.freeze();
    CHECK_THROWS_WITH(store->get("key", soon()), support::contains("no reply by the deadline"));
    CHECK_THROWS_WITH(patient.get("key", std::chrono::steady_clock::now() + 10ms),
                      support::contains("no reply by the deadline"));
    CHECK_THROWS_AS(store->put("key", std::string(8'000'000, 'x'), 1h, soon()), // fills the socket
                    llms::store_error);
    {
        llms::guarded_store tier(store, {.breaker = {.failures = 2, .open_for = 60s}});
        for (int i = 0; i < 100; ++i) {
            CHECK_FALSE(tier.get("key"));
        }
        CHECK(tier.stats().refused == 98);
        auto const leased = tier.get_or_lease("key"); // nor does it wait for a lease
        CHECK_FALSE(leased.value);
        CHECK_FALSE(leased.permit);
    }
    server.thaw();
    CHECK(patient.get("key", soon()) == "value"); // and no reply of an earlier question
}

TEST_CASE("redis_store: of many machines one makes the call", "[redis_store]") {
    if (missing()) {
        return;
    }
    redis_server const server;
    std::atomic<int> calls = 0;
    std::atomic<int> served = 0;
    {
        std::vector<std::jthread> machines;
        machines.reserve(8);
        for (int m = 0; m < 4; ++m) {
            machines.emplace_back([&] {
                llms::guarded_store tier(std::make_shared<llms::redis_store>(options(server)),
                                         {.get_timeout = 60s,
                                          .put_timeout = 60s,
                                          .close_timeout = 60s,
                                          .poll_interval = 1ms});
                auto found = tier.get_or_lease("key");
                if (found.value) {
                    served += found.value->value == "made once" ? 1 : 0;
                } else if (found.permit) {
                    ++calls;
                    tier.put("key", "made once", 1h);
                }
            });
        }
    }
    CHECK(calls == 1);
    CHECK(served == 3);

    llms::redis_store store(options(server));
    CHECK(store.try_lease("a", "token 1", 1h, soon()));
    CHECK_FALSE(store.try_lease("a", "token 2", 1h, soon()));
    store.release("a", "token 2", soon()); // not its own
    CHECK_FALSE(store.try_lease("a", "token 2", 1h, soon()));
    store.release("a", "token 1", soon());
    CHECK(store.try_lease("a", "token 2", 1ms, soon()));
    while (!store.try_lease("a", "token 3", 1h, soon())) { // until its time is over
        std::this_thread::yield();
    }
}

TEST_CASE("redis_store: a server that is not there is an error at once", "[redis_store]") {
    int port = 0;
    if (missing()) {
        return;
    }
    {
        redis_server const server;
        port = server.port();
    }
    llms::redis_store store({.port = port, .connect_timeout = 60s, .command_timeout = 60s});
    CHECK_THROWS_WITH(store.get("key", soon()), support::contains("cannot connect"));
    CHECK_THROWS_AS(store.get("key", std::chrono::steady_clock::now() - 1s), llms::store_error);
}

TEST_CASE("redis_store: a socket in the file system", "[redis_store]") {
    if (missing()) {
        return;
    }
    support::temporary_directory const folder;
    auto const path = folder.file("redis.sock");
    redis_server const server({"--unixsocket", path});
    auto given = options(server);
    given.port = 1; // nobody is there
    given.unix_socket = path;
    llms::redis_store store(given);
    store.put("key", "value", 1h, soon());
    CHECK(store.get("key", soon()) == "value");
}

TEST_CASE("redis_store: a server that is none, or speaks of something else", "[redis_store]") {
    struct row {
        char const* answer;
        char const* complaint;
    };
    for (auto const& [answer, complaint] :
         {row{"HTTP/1.1 400 Bad Request\r\n\r\n", "not Redis protocol"},
          row{":7\r\n", "a reply of an unexpected type"}}) {
        support::parrot const server(answer);
        llms::redis_store store(
            {.port = server.port(), .connect_timeout = 60s, .command_timeout = 60s});
        CHECK_THROWS_WITH(store.get("key", soon()), support::contains(complaint));
    }
}

} // namespace

} // namespace redis_store_test
