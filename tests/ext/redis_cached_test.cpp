// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/redis_server.hpp"
#include "support/tiered_load.hpp"
#include <llms/ext/redis_store.hpp>

#include <chrono>
#include <memory>

namespace redis_cached_test {

namespace {

using namespace std::chrono_literals;
using support::redis_server;

} // namespace

TEST_CASE("redis tier: killed, started and frozen in mid-run: calls go on, nothing wrong is served",
          "[redis_store][cached]") {
    if (!redis_server::installed()) {
        WARN("redis-server is not installed: the tier was not tested");
        return;
    }
    redis_server server;
    auto const tier = std::make_shared<llms::guarded_store>(
        std::make_shared<llms::redis_store>(llms::redis_store_options{.port = server.port()}),
        llms::guarded_store_options{.breaker = {.failures = 3, .open_for = 10ms, .open_max = 20ms},
                                    .lease_ttl = 5s});
    support::tiered_load load(tier);
    load.more_tier_hits(50);
    server.kill();
    load.more_failures(50);
    load.more(200);
    server.start(); // empty
    load.more_tier_hits(50);
    server.freeze();
    load.more_failures(20);
    load.more(200);
    server.thaw();
    load.more_tier_hits(50);
    load.stop();
    CHECK(load.wrong() == 0);
    CHECK(load.failed() == 0);
}

TEST_CASE("redis tier: of many machines one makes the call", "[redis_store][cached]") {
    if (!redis_server::installed()) {
        WARN("redis-server is not installed: the tier was not tested");
        return;
    }
    redis_server const server;
    std::atomic<int> calls = 0;
    std::atomic<int> right = 0;
    {
        std::vector<std::jthread> machines;
        machines.reserve(4);
        for (int m = 0; m < 4; ++m) {
            machines.emplace_back([&, m] {
                auto const tier = std::make_shared<llms::guarded_store>(
                    std::make_shared<llms::redis_store>(llms::redis_store_options{
                        .port = server.port(), .connect_timeout = 60s, .command_timeout = 60s}),
                    llms::guarded_store_options{.get_timeout = 60s,
                                                .put_timeout = 60s,
                                                .close_timeout = 60s,
                                                .poll_interval = 1ms});
                llms::response_cache cache{{.tenant = "test", .tier = tier}};
                auto client = support::echo_provider(calls) | llms::cached(cache);
                llms::request const ask{
                    .model = "m", .messages = {llms::message::user("hi")}, .temperature = 0.0};
                auto const answer = m % 2 == 0 ? client.complete(ask) : client.stream(ask).finish();
                right += answer.text() == support::echo_provider::answer_to("hi") ? 1 : 0;
            });
        }
    }
    CHECK(right == 4);
    CHECK(calls == 1);
}

} // namespace redis_cached_test
