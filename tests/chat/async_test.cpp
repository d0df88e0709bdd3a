// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/coroutine.hpp"
#include <llms/chat/async_stream.hpp>
#include <llms/chat/complete_async.hpp>
#include <llms/chat/mock_provider.hpp>

#include <atomic>
#include <chrono>
#include <exception>
#include <semaphore>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace async_test {

namespace {

using namespace std::chrono_literals;
using llms::mock_answer;
using llms::mock_provider;
using support::coroutine;
using support::thread_pool;

auto ask(std::string text = "hi") -> llms::request {
    return {.model = "m", .messages = {llms::message::user(std::move(text))}};
}

/// A model that says when it was asked, and answers when it is stopped.
struct stuck_provider {
    std::binary_semaphore asked{0};
    std::atomic<int> inside{0};

    auto complete(llms::request const& /*ask*/, std::stop_token const& stop) -> llms::response {
        ++inside;
        asked.release();
        while (!stop.stop_requested()) {
            std::this_thread::yield();
        }
        --inside;
        throw llms::cancelled_error("stopped");
    }
    auto stream(llms::request const& question, std::stop_token const& stop)
        -> llms::response_stream {
        static_cast<void>(complete(question, stop));
        std::terminate(); // complete throws
    }
    static auto name() -> std::string_view { return "stuck"; }
};

template <class P, class Executor>
auto complete(P& client, Executor& executor, std::string& out, std::stop_token stop = {})
    -> coroutine {
    auto const answer = co_await llms::complete_async(client, ask(), executor, std::move(stop));
    out = answer.text();
}

template <class P, class Executor>
auto read(P& client, Executor& executor, std::vector<std::string>& out, std::stop_token stop = {},
          std::size_t capacity = 20) -> coroutine {
    auto stream = llms::stream_async(client, ask(), executor, stop, capacity);
    while (auto const* piece = co_await stream.next()) {
        out.push_back(piece->text);
    }
    auto const* const after = co_await stream.next(); // no check here: this runs on any thread
    out.push_back(stream.done() && after == nullptr ? "= " + stream.value().text() : "not done");
}

/// A run_queue that other threads post to.
class shared_queue {
public:
    void post(std::function<void()> task) { static_cast<void>(tasks_.push(std::move(task))); }
    void run_until_done(coroutine const& work) {
        while (!work.done()) {
            (*tasks_.pop())();
        }
    }
    void run_one() { (*tasks_.pop())(); }
    [[nodiscard]] auto size() const { return tasks_.size(); }

private:
    llms::channel<std::function<void()>> tasks_{64};
};

template <class E>
auto ended_with(coroutine const& work) -> bool {
    try {
        std::rethrow_exception(work.error());
    } catch (E const&) {
        return true;
    } catch (...) {
        return false;
    }
}

} // namespace

TEST_CASE("complete_async: resumes on the executor with the answer or the error", "[async]") {
    mock_provider model{mock_answer::text("yes"), mock_answer::fails(llms::failure::server)};
    shared_queue loop;
    std::string said;
    auto const first = complete(model, loop, said);
    loop.run_until_done(first);
    CHECK(said == "yes");
    CHECK(first.error() == nullptr);
    auto const second = complete(model, loop, said);
    loop.run_until_done(second);
    CHECK(ended_with<llms::provider_error>(second));
}

TEST_CASE("complete_async: the caller's stop_token ends the call", "[async]") {
    stuck_provider model;
    shared_queue loop;
    std::string said;
    std::stop_source caller;
    auto const work = complete(model, loop, said, caller.get_token());
    model.asked.acquire();
    caller.request_stop();
    loop.run_until_done(work);
    CHECK(ended_with<llms::cancelled_error>(work));
}

TEST_CASE("complete_async: a coroutine destroyed while it waits stops its call", "[async]") {
    stuck_provider model;
    shared_queue loop;
    std::string said;
    {
        auto const work = complete(model, loop, said);
        model.asked.acquire();
        CHECK(model.inside == 1);
    }
    CHECK(model.inside == 0);
    // Its wake-up may be posted; running it does no harm.
    while (loop.size() != 0) {
        loop.run_one();
    }
    CHECK(said.empty());
}

TEST_CASE("async_stream: yields every chunk, the end, and the whole response", "[async]") {
    for (std::size_t const capacity : {1U, 2U, 20U}) {
        mock_provider model{mock_answer::pieces({"a", "b", "c"})};
        shared_queue loop;
        std::vector<std::string> seen;
        auto const work = read(model, loop, seen, {}, capacity);
        loop.run_until_done(work);
        CHECK(work.error() == nullptr);
        CHECK(seen == std::vector<std::string>{"a", "b", "c", "", "= abc"});
    }
}

TEST_CASE("async_stream: an error comes after what came before it", "[async]") {
    mock_provider model{mock_answer::pieces({"a", "b"}).failing_after(1, llms::failure::timeout),
                        mock_answer::fails(llms::failure::rate_limited)};
    shared_queue loop;
    std::vector<std::string> seen;
    auto const work = read(model, loop, seen);
    loop.run_until_done(work);
    CHECK(seen == std::vector<std::string>{"a"});
    CHECK(ended_with<llms::provider_error>(work));
    auto const refused = read(model, loop, seen);
    loop.run_until_done(refused);
    CHECK(ended_with<llms::provider_error>(refused));
}

TEST_CASE("async_stream: stopped or destroyed, it cancels the call", "[async]") {
    stuck_provider model;
    shared_queue loop;
    std::vector<std::string> seen;
    std::stop_source caller;
    auto const stopped = read(model, loop, seen, caller.get_token());
    model.asked.acquire();
    caller.request_stop();
    loop.run_until_done(stopped);
    CHECK(ended_with<llms::cancelled_error>(stopped));
    {
        auto const work = read(model, loop, seen);
        model.asked.acquire();
    }
    CHECK(model.inside == 0);
    while (loop.size() != 0) {
        loop.run_one();
    }
    CHECK(seen.empty());
}

TEST_CASE("async_stream: a stop_token of one wait ends that wait", "[async]") {
    stuck_provider model;
    shared_queue loop;
    std::stop_source one;
    auto const wait = [&](shared_queue& executor) -> coroutine {
        auto stream = llms::stream_async(model, ask(), executor);
        static_cast<void>(co_await stream.next(one.get_token()));
    };
    auto const work = wait(loop);
    model.asked.acquire();
    one.request_stop();
    loop.run_until_done(work);
    CHECK(ended_with<llms::cancelled_error>(work));
    CHECK(model.inside == 0);
}

TEST_CASE("async: many coroutines on a few threads, some destroyed", "[async][threads]") {
    mock_provider model{mock_answer::pieces({"a", "b", "c"})};
    thread_pool pool(2);
    std::vector<std::string> said(20);
    std::vector<std::vector<std::string>> seen(20);
    std::vector<coroutine> work;
    for (std::size_t i = 0; i < said.size(); ++i) {
        work.push_back(complete(model, pool, said[i]));
        work.push_back(read(model, pool, seen[i], {}, 1 + i % 3));
    }
    for (auto const& each : work) {
        while (!each.done()) {
            std::this_thread::yield();
        }
    }
    for (std::size_t i = 0; i < said.size(); ++i) {
        CHECK(said[i] == "abc");
        CHECK(seen[i].size() == 5);
    }
    // On the one thread of its executor a coroutine may be destroyed wherever it waits.
    for (int n = 0; n < 30; ++n) {
        shared_queue loop;
        std::vector<std::string> some;
        {
            auto const left = read(model, loop, some, {}, 1);
            for (int steps = 0; steps < n % 4; ++steps) {
                if (!left.done()) {
                    loop.run_one();
                }
            }
        }
        while (loop.size() != 0) {
            loop.run_one();
        }
    }
}

TEST_CASE("async_stream: given up, it keeps what came", "[async]") {
    mock_provider model{mock_answer::text("a b c")};
    shared_queue loop;
    std::string kept;
    bool ended = true;
    auto const read_one = [&](shared_queue& executor) -> coroutine {
        auto stream = llms::stream_async(model, ask(), executor);
        static_cast<void>(co_await stream.next());
        stream.cancel();
        ended = co_await stream.next() != nullptr || stream.done();
        kept = std::move(stream).value().text();
    };
    auto const work = read_one(loop);
    loop.run_until_done(work);
    CHECK(kept == "a");
    CHECK_FALSE(ended);
}

} // namespace async_test
