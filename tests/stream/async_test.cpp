// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/coroutine.hpp"
#include <llms/stream/channel.hpp>
#include <llms/stream/channel_pool.hpp>

#include <atomic>
#include <coroutine>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace async_test {

namespace {

using llms::channel;
using llms::conqueue_status;

using support::coroutine;
using support::run_queue;
using support::thread_pool;

template <class Executor>
auto produce(channel<std::string>& ch, Executor& executor, int count) -> coroutine {
    for (int n = 0; n != count; ++n) {
        auto item = std::to_string(n);
        if (!co_await ch.async_push(executor, std::move(item))) {
            co_return;
        }
    }
    ch.close();
}

template <class Executor>
auto consume(channel<std::string>& ch, Executor& executor, std::vector<std::string>& out)
    -> coroutine {
    while (auto item = co_await ch.async_pop(executor)) {
        out.push_back(std::move(*item));
    }
}

auto pop_one(channel<int>& ch, run_queue& executor, std::stop_token stop, int& out) -> coroutine {
    auto const item = co_await ch.async_pop(executor, std::move(stop));
    out = item ? *item : -static_cast<int>(item.status());
}

auto push_one(channel<int>& ch, run_queue& executor, int item, std::stop_token stop,
              conqueue_status& out) -> coroutine {
    out = (co_await ch.async_push(executor, item, std::move(stop))).status();
}

constexpr int was_stopped = -static_cast<int>(conqueue_status::stopped);

} // namespace

TEST_CASE("async: coroutines of one thread stream through a small channel", "[async]") {
    channel<std::string> ch(3);
    run_queue executor;
    std::vector<std::string> out;
    auto const consumer = consume(ch, executor, out);
    auto const producer = produce(ch, executor, 100);
    executor.run();
    REQUIRE(producer.done());
    REQUIRE(consumer.done());
    REQUIRE(out.size() == 100);
    for (int n = 0; n != 100; ++n) {
        REQUIRE(out[static_cast<std::size_t>(n)] == std::to_string(n));
    }
}

TEST_CASE("async: what needs no waiting never goes to the executor", "[async]") {
    channel<int> ch(1);
    run_queue executor;
    int got = 0;
    auto status = conqueue_status::empty;
    auto const push = push_one(ch, executor, 5, {}, status);
    auto const pop = pop_one(ch, executor, {}, got);
    REQUIRE(push.done());
    REQUIRE(pop.done());
    REQUIRE(executor.size() == 0);
    REQUIRE(got == 5);
}

TEST_CASE("async: a coroutine and a thread share a channel", "[async]") {
    channel<std::string> ch(2);
    std::vector<std::string> out;
    std::jthread producer([&] {
        for (int n = 0; n != 500; ++n) {
            (void)ch.push(std::to_string(n));
        }
        ch.close();
    });
    thread_pool executor(2);
    auto const consumer = consume(ch, executor, out);
    while (!consumer.done()) {
        std::this_thread::yield();
    }
    REQUIRE(out.size() == 500);
    REQUIRE(out.back() == "499");
}

TEST_CASE("async: a stop resumes who waits, and loses nothing", "[async]") {
    channel<int> ch(1);
    run_queue executor;
    std::stop_source source;
    int got = 0;
    auto const stopped = pop_one(ch, executor, source.get_token(), got);
    REQUIRE_FALSE(stopped.done());
    source.request_stop();
    REQUIRE_FALSE(stopped.done()); // not from inside request_stop
    executor.run();
    REQUIRE(stopped.done());
    REQUIRE(got == was_stopped);
    auto const at_once = pop_one(ch, executor, source.get_token(), got);
    REQUIRE(at_once.done());

    REQUIRE(ch.push(7));
    auto status = conqueue_status::success;
    auto const pushing = push_one(ch, executor, 8, source.get_token(), status);
    REQUIRE(status == conqueue_status::stopped);
    REQUIRE(*ch.pop() == 7);
    REQUIRE(ch.size() == 0);
}

TEST_CASE("async: a stop after the wake-up does not swallow the item", "[async]") {
    channel<int> ch(1);
    run_queue executor;
    std::stop_source source;
    int first = 0;
    int second = 0;
    auto const one = pop_one(ch, executor, source.get_token(), first);
    auto const two = pop_one(ch, executor, {}, second);
    REQUIRE(ch.push(5)); // wakes the first, which is then stopped
    source.request_stop();
    executor.run();
    REQUIRE(first + second == (first == 5 ? 5 : 5 + was_stopped));
    ch.close();
    executor.run();
    REQUIRE(two.done());
}

TEST_CASE("async: a coroutine destroyed while it waits leaves the channel sound", "[async]") {
    channel<int> ch(1);
    run_queue executor;
    int lost = 0;
    int got = 0;
    {
        auto const doomed = pop_one(ch, executor, {}, lost);
        REQUIRE_FALSE(doomed.done());
    }
    auto const waiting = pop_one(ch, executor, {}, got);
    REQUIRE(ch.push(1));
    executor.run();
    REQUIRE(got == 1);
    REQUIRE(lost == 0);
}

TEST_CASE("async: a coroutine destroyed after its wake-up passes it on", "[async]") {
    channel<int> ch(1);
    run_queue executor;
    std::stop_source source;
    int lost = 0;
    int got = 0;
    std::vector<coroutine> doomed;
    doomed.push_back(pop_one(ch, executor, source.get_token(), lost));
    auto const waiting = pop_one(ch, executor, {}, got);
    REQUIRE(ch.push(1)); // posts the doomed one's turn
    doomed.clear();      // which is posted still
    executor.run();
    REQUIRE(waiting.done());
    REQUIRE(got == 1);
    REQUIRE(lost == 0);
    source.request_stop();
}

TEST_CASE("async: a coroutine whose item another took waits on", "[async]") {
    channel<int> ch(1);
    run_queue executor;
    int got = 0;
    auto const waiting = pop_one(ch, executor, {}, got);
    REQUIRE(ch.push(1)); // posts its turn
    REQUIRE(*ch.try_pop() == 1);
    executor.run();
    REQUIRE_FALSE(waiting.done());
    REQUIRE(ch.push(2));
    executor.run();
    REQUIRE(got == 2);
}

TEST_CASE("async: an item whose move throws is left to who waits next", "[async]") {
    struct stubborn {
        explicit stubborn(int& left) : moves_until_throw(&left) {}
        stubborn(stubborn&& other) // NOLINT(performance-noexcept-move-constructor): the point
            : moves_until_throw(other.moves_until_throw) {
            if (--*moves_until_throw == 0) {
                throw std::runtime_error("no");
            }
        }
        auto operator=(stubborn&&) -> stubborn& = default;

        int* moves_until_throw;
    };
    auto const pop = [](channel<stubborn>& from, run_queue& executor, bool& out) -> coroutine {
        out = (co_await from.async_pop(executor)).has_value();
    };
    channel<stubborn> ch(1);
    run_queue executor;
    bool lost = false;
    bool got = false;
    auto const failed = pop(ch, executor, lost);
    auto const next = pop(ch, executor, got);
    int left = 0;
    REQUIRE(ch.push(stubborn(left)));
    left = 1;
    executor.run();
    REQUIRE_THROWS_WITH(std::rethrow_exception(failed.error()), "no");
    REQUIRE_FALSE(lost);
    REQUIRE(next.done());
    REQUIRE(got);
}

TEST_CASE("async: closing resumes all, and an error is thrown to who pops", "[async]") {
    channel<int> ch(1);
    run_queue executor;
    int got = 0;
    auto const failed = pop_one(ch, executor, {}, got);
    ch.close(std::make_exception_ptr(std::runtime_error("broken")));
    executor.run();
    REQUIRE(failed.done());
    REQUIRE_THROWS_WITH(std::rethrow_exception(failed.error()), "broken");

    channel<int> full(1);
    REQUIRE(full.push(1));
    auto status = conqueue_status::success;
    auto const pushing = push_one(full, executor, 2, {}, status);
    full.close();
    executor.run();
    REQUIRE(status == conqueue_status::closed);
}

TEST_CASE("async: an executor given by value is kept by value", "[async]") {
    struct handle {
        run_queue* queue;
        void post(std::function<void()> task) const { queue->post(std::move(task)); }
    };
    channel<int> ch(1);
    run_queue executor;
    int got = 0;
    auto const waiting = [](channel<int>& from, run_queue& queue, int& out) -> coroutine {
        out = *co_await from.async_pop(handle{&queue});
    }(ch, executor, got);
    REQUIRE(ch.push(3));
    executor.run();
    REQUIRE(got == 3);
}

TEST_CASE("async: the ends of a pooled stream", "[async]") {
    llms::channel_pool<int> pool({.capacity = 1});
    run_queue executor;
    auto ends = pool.open();
    int sum = 0;
    auto const consumer = [](auto& reader, run_queue& queue, int& out) -> coroutine {
        while (auto item = co_await reader.async_pop(queue)) {
            out += *item;
        }
    }(ends.reader, executor, sum);
    auto const producer = [](auto writer, run_queue& queue) -> coroutine {
        for (int n = 1; n <= 10; ++n) {
            if (!co_await writer.async_push(queue, n)) {
                co_return;
            }
        }
        writer.close();
    }(std::move(ends.writer), executor);
    executor.run();
    REQUIRE(consumer.done());
    REQUIRE(producer.done());
    REQUIRE(sum == 55);
}

TEST_CASE("async: stops and pushes race on many threads and nothing is lost", "[async][stress]") {
    constexpr int rounds = 300;
    channel<std::string> ch(2);
    std::atomic<int> popped = 0;
    std::atomic<int> pushed = 0;
    {
        thread_pool executor(2);
        std::vector<coroutine> all;
        std::vector<std::stop_source> sources(rounds);
        for (auto& source : sources) {
            all.push_back([](auto& from, auto& pool, auto stop, auto& count) -> coroutine {
                if (co_await from.async_pop(pool, stop)) {
                    ++count;
                }
            }(ch, executor, source.get_token(), popped));
            all.push_back([](auto& to, auto& pool, auto stop, auto& count) -> coroutine {
                std::string const item = "token";
                if (co_await to.async_push(pool, item, stop)) {
                    ++count;
                }
            }(ch, executor, source.get_token(), pushed));
            if (all.size() % 3 == 0) {
                for (auto& other : sources) {
                    if (&other == &source) {
                        break;
                    }
                    other.request_stop();
                }
            }
        }
        std::jthread stopper([&] {
            for (auto& source : sources) {
                source.request_stop();
            }
        });
        for (auto const& one : all) {
            while (!one.done()) {
                std::this_thread::yield();
            }
        }
    }
    REQUIRE(pushed == popped + static_cast<int>(ch.size()));
}

} // namespace async_test
