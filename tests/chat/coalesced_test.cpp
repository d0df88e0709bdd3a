// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/scripted_provider.hpp"
#include <llms/chat/cached.hpp>
#include <llms/chat/coalesced.hpp>
#include <llms/chat/mock_provider.hpp>
#include <llms/chat/provider_error.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <latch>
#include <optional>
#include <semaphore>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace coalesced_test {

namespace {

using support::chunks_of;
using support::scripted_provider;

auto ask(std::string const& text = "hi") -> llms::request {
    return {.model = "m", .messages = {llms::message::user(text)}, .temperature = 0.0};
}

// Until `done()`; what it waits for comes, or the test hangs.
template <class Done>
void await(Done done) {
    while (!done()) {
        std::this_thread::yield();
    }
}

// Waits until the token is stopped, as a provider that obeys does.
[[noreturn]] void stall(std::stop_token const& stop) {
    std::binary_semaphore stopped(0);
    std::stop_callback const wake(stop, [&] { stopped.release(); });
    stopped.acquire();
    throw llms::cancelled_error("stopped");
}

} // namespace

TEST_CASE("coalesced: N callers at one moment make one call", "[coalesced][threads]") {
    constexpr std::size_t callers = 8;
    bool const as_stream = GENERATE(false, true);
    scripted_provider inner({chunks_of({"a", "b"})});
    auto client = inner | llms::coalesced();
    inner->on_chunk = [&](std::size_t at, std::stop_token const&) {
        await([&] {
            auto const [calls, streams] = client.stats();
            return at > 0 || calls.waiting + streams.shared == callers - 1;
        });
    };
    std::atomic<int> right{0};
    std::atomic<int> led{0};
    {
        std::vector<std::jthread> threads;
        for (std::size_t i = 0; i < callers; ++i) {
            threads.emplace_back([&] {
                auto const answer =
                    as_stream ? client.stream(ask()).finish() : client.complete(ask());
                right +=
                    answer.text() == "ab" && answer.coalesced == (answer.usage == llms::usage{})
                        ? 1
                        : 0;
                led += answer.coalesced ? 0 : 1;
            });
        }
    }
    CHECK(right == callers);
    CHECK(led == 1);
    CHECK(inner->calls == 1);
}

TEST_CASE("coalesced: nothing is kept, and other requests are others", "[coalesced]") {
    llms::mock_provider const inner;
    auto client = inner | llms::coalesced();
    CHECK_FALSE(client.complete(ask()).coalesced);
    CHECK_FALSE(client.complete(ask()).coalesced);
    auto first = client.stream(ask());
    auto second = client.stream(ask("other"));
    CHECK_FALSE(std::move(first).finish().coalesced);
    CHECK_FALSE(std::move(second).finish().coalesced);
    CHECK_FALSE(client.stream(ask()).finish().coalesced);
    CHECK(inner.calls() == 5);
    CHECK(client.name() == "mock");
}

TEST_CASE("coalesced: what may not be joined goes past", "[coalesced]") {
    std::latch go(1);
    scripted_provider inner({chunks_of({"a"})});
    inner->on_chunk = [&](std::size_t, std::stop_token const&) {
        if (inner->calls == 1) {
            go.wait();
        }
    };
    auto warm = ask();
    warm.temperature.reset();
    bool joined = false;
    llms::coalesced_options how;
    SECTION("any temperature but 0") {}
    SECTION("but where the options allow it") {
        how.any_temperature = joined = true;
    }
    SECTION("or the request") {
        warm.cache.any_temperature = joined = true;
    }
    SECTION("unless the request is to bypass") {
        how.any_temperature = true;
        warm.cache.mode = llms::cache_mode::bypass;
    }
    auto client = inner | llms::coalesced(how);
    auto first = client.stream(warm);
    auto second = client.stream(warm);
    go.count_down();
    CHECK_FALSE(std::move(first).finish().coalesced);
    CHECK(std::move(second).finish().coalesced == joined);
    CHECK_FALSE(client.complete(warm).coalesced); // nobody asks with it
}

TEST_CASE("coalesced: a leader who is stopped hands over", "[coalesced][threads]") {
    scripted_provider inner({chunks_of({"a"})});
    auto client = inner | llms::coalesced();
    std::stop_source mine;
    inner->on_call = [&](std::stop_token const& stop) {
        if (inner->calls == 1) {
            await([&] { return client.stats().first.waiting == 1; });
            mine.request_stop();
            stall(stop);
        }
    };
    bool cancelled = false;
    std::latch leads(1);
    std::jthread leader([&] {
        try {
            leads.count_down();
            static_cast<void>(client.complete(ask(), mine.get_token()));
        } catch (llms::cancelled_error const&) {
            cancelled = true;
        }
    });
    await([&] { return client.stats().first.led == 1; });
    auto const answer = client.complete(ask());
    leader.join();
    CHECK(cancelled);
    CHECK(answer.text() == "a");
    CHECK_FALSE(answer.coalesced); // its own call
    CHECK(inner->calls == 2);
}

TEST_CASE("coalesced: who joins a stream late gets it from the first chunk on, whoever leaves",
          "[coalesced][threads]") {
    scripted_provider inner({chunks_of({"a", "b", "c"})});
    std::latch joined(1);
    auto client = inner | llms::coalesced();
    inner->on_chunk = [&](std::size_t at, std::stop_token const&) {
        if (at == 2) {
            joined.wait();
        }
    };
    std::stop_source mine;
    auto leader = client.stream(ask(), mine.get_token());
    REQUIRE(leader.next() != nullptr);
    REQUIRE(leader.next() != nullptr);
    auto follower = client.stream(ask());
    mine.request_stop();
    CHECK_THROWS_AS(leader.next(), llms::cancelled_error);
    joined.count_down();
    auto const answer = std::move(follower).finish();
    CHECK(answer.text() == "abc");
    CHECK(answer.coalesced);
    CHECK(answer.usage == llms::usage{});
    CHECK(inner->calls == 1);
}

TEST_CASE("coalesced: a stream that everyone leaves is stopped, and its thread waited for",
          "[coalesced][threads]") {
    scripted_provider inner({chunks_of({"a", "b"})});
    std::atomic<bool> stopped{false};
    inner->on_chunk = [&](std::size_t at, std::stop_token const& stop) {
        if (at == 1) {
            try {
                stall(stop);
            } catch (...) {
                stopped = true;
                throw;
            }
        }
    };
    {
        std::optional client(inner | llms::coalesced());
        auto stream = client->stream(ask());
        REQUIRE(stream.next() != nullptr);
        client.reset(); // the stream goes on without it
        CHECK_FALSE(stopped);
    }
    CHECK(stopped);
}

TEST_CASE("coalesced: an error reaches all who share the call, and is forgotten", "[coalesced]") {
    std::latch go(1);
    scripted_provider inner({chunks_of({"a", "b"})});
    inner->on_chunk = [&](std::size_t at, std::stop_token const&) {
        if (inner->calls == 1 && at == 1) {
            go.wait();
            throw llms::provider_error(llms::failure::connection, "dropped");
        }
    };
    auto client = inner | llms::coalesced();
    auto first = client.stream(ask());
    auto second = client.stream(ask());
    go.count_down();
    CHECK_THROWS_WITH(std::move(first).finish(), "dropped");
    CHECK_THROWS_WITH(std::move(second).finish(), "dropped");
    CHECK(client.complete(ask()).text() == "ab");
    CHECK(inner->calls == 2);
}

TEST_CASE("coalesced: what a caller says to a cache further in is not another's", "[coalesced]") {
    std::latch go(1);
    scripted_provider inner({chunks_of({"a"})});
    inner->on_chunk = [&](std::size_t, std::stop_token const&) {
        if (inner->calls == 1) {
            go.wait();
        }
    };
    llms::response_cache cache{{.tenant = "t"}};
    auto client = inner | llms::cached(cache) | llms::coalesced();
    auto anew = ask();
    anew.cache.mode = llms::cache_mode::refresh;
    auto kept = client.stream(ask());
    auto fresh = client.stream(anew);
    go.count_down();
    CHECK_FALSE(std::move(kept).finish().coalesced);
    CHECK_FALSE(std::move(fresh).finish().coalesced);
    CHECK(client.complete(ask()).cached);
}

TEST_CASE("coalesced: only callers who want an answer as young share a call", "[coalesced]") {
    std::latch go(1);
    scripted_provider inner({chunks_of({"a"})});
    inner->on_chunk = [&](std::size_t, std::stop_token const&) {
        go.wait();
    };
    auto client = inner | llms::coalesced();
    auto young = ask();
    young.cache.max_age = std::chrono::minutes{1};
    auto any = client.stream(ask());
    auto first = client.stream(young);
    auto second = client.stream(young);
    young.cache.max_age = std::chrono::hours{1};
    auto older = client.stream(young);
    go.count_down();
    CHECK_FALSE(std::move(any).finish().coalesced);
    CHECK_FALSE(std::move(first).finish().coalesced);
    CHECK(std::move(second).finish().coalesced);
    CHECK_FALSE(std::move(older).finish().coalesced);
    CHECK(inner->calls == 3);
}

TEST_CASE("coalesced: many callers who come and go", "[coalesced][threads]") {
    llms::mock_provider const inner{{.words = 8, .failure_rate = 0.1}};
    std::atomic<std::size_t> answered{0};
    std::atomic<std::size_t> failed{0};
    std::atomic<std::size_t> wrong{0};
    constexpr std::size_t rounds = 200;
    {
        auto client = inner | llms::coalesced();
        std::vector<std::jthread> threads;
        for (std::size_t t = 0; t < 4; ++t) {
            threads.emplace_back([&, t] {
                for (std::size_t i = 0; i < rounds; ++i) {
                    auto const question = ask(std::to_string(i / 4 % 3));
                    try {
                        if ((i + t) % 3 == 0) {
                            static_cast<void>(client.stream(question).next()); // and leaves
                            ++answered;
                        } else {
                            auto const answer = (i + t) % 3 == 1 ? client.complete(question)
                                                                 : client.stream(question).finish();
                            wrong += answer.text().empty() ||
                                             answer.coalesced != (answer.usage == llms::usage{})
                                         ? 1U
                                         : 0U;
                            ++answered;
                        }
                    } catch (llms::provider_error const&) {
                        ++failed;
                    }
                }
            });
        }
    }
    CHECK(answered + failed == 4 * rounds);
    CHECK(wrong == 0);
    CHECK(inner.calls() <= 4 * rounds);
}

} // namespace coalesced_test
