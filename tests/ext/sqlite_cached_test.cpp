// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/temporary_directory.hpp"
#include "support/tiered_load.hpp"
#include <llms/ext/sqlite_store.hpp>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>

namespace sqlite_cached_test {

namespace {

using namespace std::chrono_literals;
using support::temporary_directory;

// Patient: a loaded machine is no failure.
auto open(std::string const& path, llms::sqlite_store_options options = {})
    -> std::shared_ptr<llms::guarded_store> {
    return std::make_shared<llms::guarded_store>(
        std::make_shared<llms::sqlite_store>(path, options),
        llms::guarded_store_options{.get_timeout = 60s,
                                    .put_timeout = 60s,
                                    .breaker = {.failures = 3, .open_for = 1ms, .open_max = 2ms},
                                    .close_timeout = 60s,
                                    .lease_ttl = 5s,
                                    .poll_interval = 1ms});
}

void resize(std::string const& path, std::uintmax_t size) {
    std::filesystem::resize_file(path, size);
}

void overwrite(std::string const& path) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    std::string const noise(1500, '\x5A');
    auto const size = static_cast<std::streamoff>(std::filesystem::file_size(path));
    for (std::streamoff at = 100; at < size; at += 4096) {
        file.seekp(at);
        file.write(noise.data(), static_cast<std::streamsize>(noise.size()));
    }
}

} // namespace

TEST_CASE("sqlite tier: the file survives a restart", "[sqlite_store][cached]") {
    temporary_directory const place;
    std::atomic<int> calls = 0;
    llms::request const ask{
        .model = "m", .messages = {llms::message::user("hi")}, .temperature = 0.0};
    for (bool const expected : {false, true}) {
        llms::response_cache cache{{.tenant = "test", .tier = open(place.file("db"))}};
        auto client = support::echo_provider(calls) | llms::cached(cache);
        CHECK(client.stream(ask).finish().cached == (expected));
    }
    CHECK(calls == 1);
}

TEST_CASE("sqlite tier: a file damaged in mid-run: calls go on, nothing wrong is served",
          "[sqlite_store][cached]") {
    temporary_directory const place;
    auto const path = place.file("db");
    support::tiered_load load(open(path));
    std::vector<std::function<void()>> const damages{
        [&] { resize(path, std::filesystem::file_size(path) / 2); },
        [&] { resize(path, 5000); },
        [&] { resize(path, 0); },
        [&] { overwrite(path); },
        [&] { std::filesystem::remove(path); },
    };
    for (auto const& damage : damages) {
        load.more_tier_hits(50);
        damage();
        load.more(200);
    }
    load.more_tier_hits(50); // all is well again
    load.stop();
    CHECK(load.wrong() == 0);
    CHECK(load.failed() == 0);
}

TEST_CASE("sqlite tier: a full disk: calls go on, nothing wrong is served",
          "[sqlite_store][cached]") {
    temporary_directory const place;
    auto const tier = open(place.file("db"), {.max_file_bytes = 60'000});
    std::string const filling(1000, 'x');
    for (int i = 0; tier->stats().failures == 0; ++i) { // by another tenant
        tier->put(std::to_string(i), filling, 1h);
        REQUIRE(tier->flush(std::chrono::steady_clock::now() + 60s));
    }
    support::tiered_load load(tier);
    load.more(500);
    load.stop();
    CHECK(load.wrong() == 0);
    CHECK(load.failed() == 0);
    CHECK(tier->stats().last_failure.find("full") != std::string::npos);
}

} // namespace sqlite_cached_test
