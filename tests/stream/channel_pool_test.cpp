// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/coroutine.hpp"
#include <llms/stream/channel_pool.hpp>

#include <atomic>
#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace channel_pool_test {

namespace {

using namespace std::chrono_literals;
using llms::channel_pool;
using llms::conqueue_status;

} // namespace

TEST_CASE("channel_pool: a stream from open to end", "[channel_pool]") {
    channel_pool<std::string> pool;
    std::string text;
    {
        auto [writer, reader] = pool.open();
        REQUIRE(writer.capacity() == 20);
        std::jthread producer([writer = std::move(writer)]() mutable {
            for (auto const* word : {"one ", "two ", "three"}) {
                if (!writer.push(word)) {
                    return;
                }
            }
        });
        for (auto& token : reader) {
            text += token;
        }
        REQUIRE(reader.is_closed());
    }
    REQUIRE(text == "one two three");
    REQUIRE(pool.stats().live == 0);
    REQUIRE(pool.stats().idle == 1);
}

TEST_CASE("channel_pool: dropping the writer ends the stream after what is inside",
          "[channel_pool]") {
    channel_pool<int> pool;
    auto ends = pool.open();
    {
        auto writer = std::move(ends.writer);
        REQUIRE(writer.push(1));
    }
    REQUIRE_FALSE(ends.writer); // NOLINT(bugprone-use-after-move)
    REQUIRE(*ends.reader.pop() == 1);
    REQUIRE(ends.reader.pop() == conqueue_status::closed);
    REQUIRE(ends.reader.pop(1h) == conqueue_status::closed);
}

TEST_CASE("channel_pool: an error reaches the reader after the last item", "[channel_pool]") {
    channel_pool<int> pool;
    auto [writer, reader] = pool.open();
    REQUIRE(writer.push(1));
    writer.close(std::make_exception_ptr(std::runtime_error("overloaded")));
    writer.close();
    REQUIRE(*reader.pop() == 1);
    REQUIRE_THROWS_WITH(reader.pop(), "overloaded");
}

TEST_CASE("channel_pool: dropping the reader wakes a blocked producer and runs its hook once",
          "[channel_pool]") {
    channel_pool<int> pool({.capacity = 1});
    auto [writer, reader] = pool.open();
    std::atomic<int> hooked = 0;
    writer.on_closed([&] { ++hooked; });
    auto second = conqueue_status::success;
    std::jthread producer([&, writer = std::move(writer)]() mutable {
        (void)writer.push(1);
        second = writer.push(2).status(); // waits for room that never comes
    });
    while (reader.size() == 0) {
        std::this_thread::yield();
    }
    {
        auto const gone = std::move(reader);
        REQUIRE(hooked == 0);
    }
    producer.join();
    REQUIRE(second == conqueue_status::closed);
    REQUIRE(hooked == 1);
    REQUIRE(pool.stats().live == 0);
}

TEST_CASE("channel_pool: a reader that closes can still read what is inside", "[channel_pool]") {
    channel_pool<int> pool;
    auto [writer, reader] = pool.open();
    bool hooked = false;
    writer.on_closed([&] { hooked = true; });
    REQUIRE(writer.push(1));
    reader.close();
    reader.close();
    REQUIRE(hooked);
    REQUIRE(writer.push(2) == conqueue_status::closed);
    REQUIRE(*reader.pop() == 1);
    REQUIRE(reader.pop() == conqueue_status::closed);
}

TEST_CASE("channel_pool: a hook set too late runs at once", "[channel_pool]") {
    channel_pool<int> pool;
    auto ends = pool.open();
    { auto const gone = std::move(ends.reader); }
    bool hooked = false;
    ends.writer.on_closed([&] { hooked = true; });
    REQUIRE(hooked);
}

TEST_CASE("channel_pool: no hook runs for a stream that its writer ended", "[channel_pool]") {
    channel_pool<int> pool;
    auto const watched = std::make_shared<int>(0);
    {
        auto [writer, reader] = pool.open();
        writer.on_closed([watched] { ++*watched; });
        writer.close();
        REQUIRE(watched.use_count() == 1);
    }
    {
        auto ends = pool.open();
        ends.writer.on_closed([watched] { ++*watched; });
        ends.writer.on_closed([watched] { ++*watched; });
        REQUIRE(watched.use_count() == 2); // the later replaced the earlier
        { auto const gone = std::move(ends.writer); }
        REQUIRE(watched.use_count() == 1);
    }
    REQUIRE(*watched == 0);
}

TEST_CASE("channel_pool: a hook may destroy the writer", "[channel_pool]") {
    channel_pool<int> pool;
    auto ends = pool.open();
    std::optional<llms::channel_writer<int>> writer(std::move(ends.writer));
    writer->on_closed([&] { writer.reset(); });
    { auto const gone = std::move(ends.reader); }
    REQUIRE_FALSE(writer.has_value());
    REQUIRE(pool.stats().live == 0);
}

TEST_CASE("channel_pool: destroying the writer waits for a hook that runs", "[channel_pool]") {
    channel_pool<int> pool;
    auto ends = pool.open();
    std::atomic<bool> begun = false;
    std::atomic<bool> may_end = false;
    std::atomic<bool> ended = false;
    ends.writer.on_closed([&] {
        begun = true;
        while (!may_end) {
            std::this_thread::yield();
        }
        ended = true;
    });
    std::jthread reader(
        [reader = std::move(ends.reader)]() mutable { auto const gone = std::move(reader); });
    while (!begun) {
        std::this_thread::yield();
    }
    std::jthread later([&] { may_end = true; });
    { auto const gone = std::move(ends.writer); }
    REQUIRE(ended);
}

TEST_CASE("channel_pool: a late end of an old stream cannot touch a new one", "[channel_pool]") {
    channel_pool<int> pool({.capacity = 4});
    auto old = pool.open();
    auto const old_generation = old.writer.generation();
    REQUIRE(old.reader.generation() == old_generation);
    REQUIRE(old.writer.push(1));
    { auto const gone = std::move(old.reader); }

    // The old writer is still there, so its channel is not.
    auto fresh = pool.open();
    REQUIRE(fresh.writer.generation() > old_generation);
    REQUIRE(pool.stats().created == 2);
    REQUIRE(old.writer.push(99) == conqueue_status::closed);
    REQUIRE(old.writer.try_push(99) == conqueue_status::closed);
    old.writer.close(std::make_exception_ptr(std::runtime_error("late")));
    REQUIRE(fresh.reader.try_pop() == conqueue_status::empty);
    REQUIRE_FALSE(fresh.reader.is_closed());
}

TEST_CASE("channel_pool: a channel comes back as new", "[channel_pool]") {
    channel_pool<std::shared_ptr<int>> pool(
        {.capacity = 2, .when_full = llms::backpressure::drop_oldest});
    auto const item = std::make_shared<int>(1);
    std::uint64_t generation = 0;
    for (int round = 0; round != 3; ++round) {
        auto [writer, reader] = pool.open();
        REQUIRE(writer.generation() > generation);
        generation = writer.generation();
        REQUIRE_FALSE(writer.is_closed());
        REQUIRE(reader.failure() == nullptr);
        REQUIRE(reader.size() == 0);
        REQUIRE(writer.dropped() == 0);
        for (int n = 0; n != 3; ++n) {
            REQUIRE(writer.push(item));
        }
        REQUIRE(reader.dropped() == 1);
        writer.close(std::make_exception_ptr(std::runtime_error("broken")));
    }
    REQUIRE(item.use_count() == 1); // what nobody read is gone
    REQUIRE(pool.stats().created == 1);
    REQUIRE(pool.stats().reused == 2);
}

TEST_CASE("channel_pool: live streams are bounded", "[channel_pool]") {
    channel_pool<int> pool({.max_live = 2});
    auto one = pool.open();
    auto two = pool.open();
    REQUIRE_FALSE(pool.try_open().has_value());
    REQUIRE_THROWS_AS(pool.open(), llms::stream_limit_error);
    REQUIRE(pool.stats().refused == 2);
    { auto const gone = std::move(one.writer); }
    REQUIRE_FALSE(pool.try_open().has_value()); // its reader is still there
    { auto const gone = std::move(one.reader); }
    REQUIRE(pool.try_open().has_value());
}

TEST_CASE("channel_pool: idle channels are bounded in number and in bytes", "[channel_pool]") {
    auto const use = [](channel_pool<int>& pool, int streams) {
        std::vector<llms::channel_ends<int>> ends;
        for (int n = 0; n != streams; ++n) {
            ends.push_back(pool.open());
        }
    };
    channel_pool<int> few({.max_idle = 3});
    use(few, 5);
    REQUIRE(few.stats().idle == 3);
    REQUIRE(few.stats().dropped == 2);
    few.trim(1);
    REQUIRE(few.stats().idle == 1);
    few.trim();
    REQUIRE(few.stats().idle == 0);

    channel_pool<int> light({.capacity = 1000, .max_idle_bytes = 10'000});
    use(light, 5);
    REQUIRE(light.stats().idle == 2);
    channel_pool<int> none({.max_idle_bytes = 1});
    use(none, 2);
    REQUIRE(none.stats().idle == 0);
}

TEST_CASE("channel_pool: a capacity of zero is refused", "[channel_pool]") {
    REQUIRE_THROWS_AS(channel_pool<int>({.capacity = 0}), llms::error);
}

TEST_CASE("channel_pool: streams outlive their pool", "[channel_pool]") {
    auto pool = std::make_unique<channel_pool<int>>();
    auto idle = pool->open();
    auto [writer, reader] = pool->open();
    idle = {};
    pool.reset();
    REQUIRE(writer.push(1));
    REQUIRE(*reader.pop() == 1);
    auto const moved = std::move(writer);
}

TEST_CASE("channel_pool: a stop ends either side's wait", "[channel_pool]") {
    channel_pool<int> pool({.capacity = 1});
    auto ends = pool.open();
    auto& writer = ends.writer;
    auto& reader = ends.reader;
    std::stop_source source;
    auto popped = conqueue_status::success;
    {
        std::jthread const popper([&] { popped = reader.pop(source.get_token()).status(); });
        source.request_stop();
    }
    REQUIRE(popped == conqueue_status::stopped);
    REQUIRE(writer.push(1, std::stop_token{}));
    REQUIRE(writer.push(2, source.get_token()) == conqueue_status::stopped);
    REQUIRE(writer.push(2, std::chrono::steady_clock::now()) == conqueue_status::timeout);
}

TEST_CASE("channel_pool: streams opened and dropped from all sides", "[channel_pool][stress]") {
    channel_pool<std::string> pool({.capacity = 2, .max_idle = 2});
    std::atomic<int> hooked = 0;
    std::atomic<int> wrong = 0;
    std::vector<std::jthread> threads;
    for (int side = 0; side != 2; ++side) {
        threads.emplace_back([&] {
            for (int n = 0; n != 200; ++n) {
                auto [writer, reader] = pool.open();
                writer.on_closed([&] { ++hooked; });
                std::jthread producer([n, writer = std::move(writer)]() mutable {
                    for (int k = 0;; ++k) {
                        if (!writer.push(std::to_string(n) + ":" + std::to_string(k))) {
                            break;
                        }
                    }
                });
                // Leaves after a while, with the producer somewhere in its push.
                for (int k = 0; k != n % 5; ++k) {
                    if (*reader.pop() != std::to_string(n) + ":" + std::to_string(k)) {
                        ++wrong;
                    }
                }
                { auto const gone = std::move(reader); }
            }
        });
    }
    threads.clear();
    REQUIRE(wrong == 0);
    REQUIRE(hooked == 400);
    REQUIRE(pool.stats().live == 0);
    REQUIRE(pool.stats().idle <= 2);
}

TEST_CASE("channel_pool: the ends do what a channel does", "[channel_pool]") {
    channel_pool<std::string> pool;
    auto ends = pool.open();
    REQUIRE(ends.writer);
    REQUIRE(ends.reader);
    std::string const word = "one";
    REQUIRE(ends.writer.try_push(word));
    for (auto const* more : {"two", "three", "four", "five"}) {
        REQUIRE(ends.writer.push(more));
    }
    REQUIRE(ends.writer.size() == 5);
    REQUIRE(ends.reader.capacity() == 20);
    std::vector<std::string> taken;
    REQUIRE(*ends.reader.pop_some(taken, 1) == 1);
    auto const second = ends.reader.pop();
    REQUIRE(second->size() == 3);
    auto at = ends.reader.begin();
    REQUIRE(at->size() == 5);
    at++;
    REQUIRE(*at == "four");
    REQUIRE(*ends.reader.pop_all(taken) == 1);
    REQUIRE(taken == std::vector<std::string>{"one", "five"});
}

TEST_CASE("channel_pool: a coroutine may hold either end", "[channel_pool]") {
    channel_pool<std::string> pool;
    auto ends = pool.open();
    support::run_queue loop;
    std::string text;
    auto const produce = [](auto& writer, auto& executor) -> support::coroutine {
        for (auto const* word : {"one ", "two"}) {
            static_cast<void>(co_await writer.async_push(executor, std::string(word)));
        }
        writer.close();
    };
    auto const consume = [](auto& reader, auto& executor, std::string& to) -> support::coroutine {
        while (auto const token = co_await reader.async_pop(executor)) {
            to += *token;
        }
    };
    auto const reading = consume(ends.reader, loop, text);
    auto const writing = produce(ends.writer, loop);
    loop.run();
    REQUIRE(writing.done());
    REQUIRE(reading.done());
    REQUIRE(text == "one two");
}

} // namespace channel_pool_test
