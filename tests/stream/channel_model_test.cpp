// SPDX-License-Identifier: MIT
//
// The protocol of waiting and waking, in every order of a few threads: the library's own code under
// the explorer of support/checker.hpp.
#include "support/catch.hpp"
#include "support/checker.hpp"
#include "support/model.hpp"
#include <llms/stream/channel.hpp>
#include <llms/stream/channel_pool.hpp>
#include <llms/stream/select.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

namespace channel_model_test {

namespace {

using namespace std::chrono_literals;
using checker::can_explore;
using checker::checked_platform;
using checker::explore;
using checker::run;
using llms::conqueue_status;
using model_channel = llms::channel<int, checked_platform>;

// AddressSanitizer makes every step dear, and takes the unwinding of a fiber's stack for an overflow.
constexpr int usual_depth = checker::under_address_sanitizer ? -1 : 0;
constexpr bool can_throw = !checker::under_address_sanitizer;

/// LLMS_MODEL_DEEPER=1 explores one preemption more: minutes instead of seconds.
auto deeper() -> int {
    auto const* const more = std::getenv("LLMS_MODEL_DEEPER");    // NOLINT(concurrency-mt-unsafe)
    return usual_depth + (more == nullptr ? 0 : std::atoi(more)); // NOLINT(cert-err34-c)
}

template <class Scenario>
void require_right(int preemptions, Scenario const& scenario) {
    checker::require_right({.preemptions = preemptions + deeper()}, 5, scenario);
}

/// Sleepers may be right to sleep if the channel has nothing for them; then it is closed.
auto unless_something_is_there(model_channel& channel) {
    return [&channel] {
        auto const right = channel.size() == 0;
        channel.close();
        return right;
    };
}

} // namespace

TEST_CASE("model: the explorer finds a wake-up that is lost", "[channel][model]") {
    // Looks, and then sleeps whatever has happened in between.
    struct careless {
        checker::checked_atomic<std::uint32_t> woken{0};
        checker::checked_atomic<std::uint32_t> word{0};
        void sleep() {
            if (woken.load() == 0) {
                checked_platform::wait(word, 0, run::time_point::max());
            }
        }
        void wake() {
            woken.store(1);
            checked_platform::wake_one(word);
        }
    };
    if (!can_explore) {
        return;
    }
    auto const found = explore({.preemptions = 1}, [](run& run) {
        careless parker;
        run.thread([&] { parker.sleep(); });
        run.thread([&] { parker.wake(); });
        run.join();
    });
    REQUIRE(found.error == "threads sleep for ever");
}

TEST_CASE("model: the explorer finds a use after the end", "[channel][model]") {
    if (!can_explore) {
        return;
    }
    auto const found = explore({.preemptions = 2}, [](run& run) {
        checker::checked_atomic<std::uint32_t>* shared = nullptr;
        alignas(checker::checked_atomic<std::uint32_t>) unsigned char
            storage[sizeof(checker::checked_atomic<std::uint32_t>)];
        shared = new (storage) checker::checked_atomic<std::uint32_t>(0);
        run.thread([&] { shared->fetch_add(1); });
        run.thread([&] {
            // Takes the change as the sign that the other thread is done with the word.
            static_cast<void>(shared->load());
            shared->~checked_atomic();
        });
        run.join();
    });
    REQUIRE(found.error == "an atomic is used after its end");
}

TEST_CASE("model: a lock admits one", "[channel][model]") {
    require_right(3, [](run& run) {
        llms::detail::stream_lock<checked_platform> lock;
        checker::checked_atomic<int> inside{0};
        for (int n = 0; n != 3; ++n) {
            run.thread([&] {
                lock.lock();
                run.check(inside.fetch_add(1) == 0, "two inside");
                run.check(inside.fetch_sub(1) == 1, "two inside");
                lock.unlock();
            });
        }
        run.join();
    });
}

TEST_CASE("model: a parker misses neither wakes nor a stop", "[channel][model]") {
    require_right(3, [](run& run) {
        std::optional<llms::detail::stream_parker<checked_platform>> parker(std::in_place);
        int wakes = 0;
        bool stopped = false;
        run.thread([&] {
            while (wakes != 2 || !stopped) {
                switch (parker->sleep(run::time_point::max())) {
                case conqueue_status::success:
                    ++wakes;
                    break;
                case conqueue_status::stopped:
                    stopped = true;
                    parker->take(static_cast<std::uint32_t>(2 - wakes));
                    wakes = 2;
                    break;
                default:
                    run.fail("out of time without a deadline");
                }
            }
        });
        run.thread([&] { parker->wake(); });
        run.thread([&] {
            parker->wake();
            parker->stop();
        });
        run.join();
        run.check(wakes == 2, "as many as were sent");
    });
}

TEST_CASE("model: the sleeper may go as soon as it is woken", "[channel][model]") {
    require_right(4, [](run& run) {
        std::optional<llms::detail::stream_parker<checked_platform>> parker(std::in_place);
        run.thread([&] {
            if (parker->sleep(run.now() + 1s) == conqueue_status::timeout) {
                parker->take(1);
            }
            parker.reset();
        });
        run.thread([&] { parker->wake(); });
        run.join();
    });
}

TEST_CASE("model: two producers and a consumer through one place", "[channel][model]") {
    require_right(2, [](run& run) {
        model_channel channel(1);
        std::vector<int> popped;
        run.thread([&] {
            (void)channel.push(1);
            (void)channel.push(2);
        });
        run.thread([&] { (void)channel.push(10); });
        run.thread([&] {
            for (int n = 0; n != 3; ++n) {
                popped.push_back(*channel.pop());
            }
        });
        run.join();
        run.check(popped.size() == 3 && popped[0] + popped[1] + popped[2] == 13, "each once");
        auto const first = std::find(popped.begin(), popped.end(), 1);
        run.check(std::find(first, popped.end(), 2) != popped.end(), "in order");
    });
}

TEST_CASE("model: a consumer that gives up takes no wake-up with it", "[channel][model]") {
    require_right(2, [](run& run) {
        model_channel channel(2);
        int popped = 0;
        run.thread([&] { popped += channel.pop(1s) ? 1 : 0; });
        run.thread([&] { popped += channel.pop() ? 1 : 0; });
        run.thread([&] { (void)channel.push(1); });
        run.join(unless_something_is_there(channel));
        run.check(popped == 1 && channel.size() == 0, "the item arrived");
    });
}

TEST_CASE("model: a producer that gives up takes no wake-up with it", "[channel][model]") {
    require_right(2, [](run& run) {
        model_channel channel(1);
        (void)channel.push(0);
        int pushed = 0;
        run.thread([&] { pushed += channel.push(1, 1s) ? 1 : 0; });
        run.thread([&] { pushed += channel.push(2) ? 1 : 0; });
        run.thread([&] { (void)channel.pop(); });
        run.join([&] {
            auto const right = channel.size() == channel.capacity();
            channel.close();
            return right;
        });
        run.check(pushed == 1 && channel.size() == 1, "one had room");
    });
}

TEST_CASE("model: a batch wakes as many producers as it made room for", "[channel][model]") {
    require_right(2, [](run& run) {
        model_channel channel(2);
        (void)channel.push(0);
        (void)channel.push(0);
        std::vector<int> popped;
        run.thread([&] { (void)channel.push(1); });
        run.thread([&] { (void)channel.push(2); });
        run.thread([&] { (void)channel.pop_all(popped); });
        run.join();
        run.check(popped.size() + channel.size() == 4, "each once");
    });
}

TEST_CASE("model: two items wake two consumers", "[channel][model]") {
    require_right(2, [](run& run) {
        model_channel channel(2);
        int popped = 0;
        run.thread([&] { popped += channel.pop() ? 1 : 0; });
        run.thread([&] { popped += channel.pop() ? 1 : 0; });
        run.thread([&] {
            (void)channel.push(1);
            (void)channel.push(2);
        });
        run.join();
        run.check(popped == 2, "each has one");
    });
}

TEST_CASE("model: closing wakes all who wait for an item", "[channel][model]") {
    require_right(2, [](run& run) {
        model_channel channel(1);
        run.thread([&] { run.check(!channel.pop(), "there is nothing"); });
        run.thread([&] { run.check(!channel.pop(), "there is nothing"); });
        run.thread([&] { channel.close(); });
        run.join();
    });
}

TEST_CASE("model: closing wakes all who wait for room", "[channel][model]") {
    require_right(2, [](run& run) {
        model_channel channel(1);
        (void)channel.push(0);
        run.thread([&] { run.check(!channel.push(1), "there is no room"); });
        run.thread([&] { run.check(!channel.push(1), "there is no room"); });
        run.thread([&] { channel.close(); });
        run.join();
    });
}

TEST_CASE("model: closing in the midst of a stream loses nothing", "[channel][model]") {
    require_right(2, [](run& run) {
        model_channel channel(1);
        int pushed = 0;
        int popped = 0;
        run.thread([&] {
            while (channel.push(1) && ++pushed != 2) {}
        });
        run.thread([&] {
            while (channel.pop()) {
                ++popped;
            }
        });
        run.thread([&] { channel.close(); });
        run.join();
        run.check(pushed == popped && channel.size() == 0, "what went in came out");
    });
}

TEST_CASE("model: who has its item may destroy the channel", "[channel][model]") {
    auto const waits = GENERATE(false, true);
    require_right(3, [&](run& run) {
        auto channel = std::make_unique<model_channel>(1);
        run.thread([&, to = channel.get()] { (void)(waits ? to->push(1) : to->try_push(1)); });
        run.thread([&] {
            (void)channel->pop();
            channel.reset();
        });
        run.join();
    });
}

TEST_CASE("model: who has seen the end may destroy the channel", "[channel][model]") {
    require_right(3, [](run& run) {
        auto channel = std::make_unique<model_channel>(1);
        run.thread([to = channel.get()] { to->close(); });
        run.thread([&] {
            while (channel->pop()) {}
            channel.reset();
        });
        run.join();
    });
}

TEST_CASE("model: an item whose move throws is not lost, nor is its wake-up", "[channel][model]") {
    struct stubborn {
        explicit stubborn(int* moves_until_throw) : countdown(moves_until_throw) {}
        stubborn(stubborn const& other) : countdown(other.countdown) {
            if (--*countdown == 0) {
                throw std::runtime_error("no");
            }
        }
        auto operator=(stubborn const&) -> stubborn& = delete;
        ~stubborn() = default;
        int* countdown;
    };
    if (!can_throw) {
        WARN("not explored under AddressSanitizer");
        return;
    }
    require_right(2, [](run& run) {
        int countdown = 2; // the second copy: the first pop's
        llms::channel<stubborn, checked_platform> channel(2);
        int popped = 0;
        auto const consumer = [&] {
            try {
                popped += channel.pop() ? 1 : 0;
            } catch (std::runtime_error const&) {}
        };
        run.thread(consumer);
        run.thread(consumer);
        run.thread([&] { (void)channel.push(stubborn(&countdown)); });
        run.join();
        run.check(popped == 1 && channel.size() == 0, "the other consumer got it");
    });
}

TEST_CASE("model: a select uses one wake-up and passes the other on", "[channel][model]") {
    require_right(2, [](run& run) {
        model_channel left(1);
        model_channel right(1);
        int popped = 0;
        auto const count = [&](llms::channel_result<int> const& item) {
            popped += item ? 1 : 0;
        };
        run.thread(
            [&] { (void)llms::select(llms::on_pop(left, count), llms::on_pop(right, count)); });
        run.thread([&] { popped += right.pop() ? 1 : 0; });
        run.thread([&] {
            (void)left.push(1);
            (void)right.push(1);
        });
        run.join([&] {
            // The select took from the right, and then the left item is nobody's.
            auto const fine = right.size() == 0;
            left.close();
            right.close();
            return fine;
        });
        run.check(popped + static_cast<int>(left.size() + right.size()) == 2, "each once");
        run.check(right.size() == 0, "the consumer was woken");
    });
}

TEST_CASE("model: a select that gives up takes no wake-up with it", "[channel][model]") {
    require_right(2, [](run& run) {
        model_channel left(1);
        model_channel right(1);
        int popped = 0;
        auto const count = [&](llms::channel_result<int> const& item) {
            popped += item ? 1 : 0;
        };
        run.thread(
            [&] { (void)llms::select(1s, llms::on_pop(left, count), llms::on_pop(right, count)); });
        run.thread([&] { popped += right.pop() ? 1 : 0; });
        run.thread([&] { (void)right.push(1); });
        run.join(unless_something_is_there(right));
        run.check(popped == 1, "the item arrived");
    });
}

TEST_CASE("model: selects on both ends of a channel meet", "[channel][model]") {
    require_right(2, [](run& run) {
        model_channel there(1);
        model_channel back(1);
        (void)there.push(0);
        (void)back.push(0);
        int moved = 0;
        run.thread([&] {
            (void)llms::select(llms::on_push(there, 1, [&](auto r) { moved += r ? 1 : 0; }),
                               llms::on_push(back, 1, [&](auto r) { moved += r ? 1 : 0; }));
        });
        run.thread([&] {
            (void)llms::select(llms::on_pop(there, [&](auto r) { moved += r ? 10 : 0; }),
                               llms::on_pop(back, [&](auto r) { moved += r ? 10 : 0; }));
        });
        run.join();
        run.check(moved == 11 && there.size() + back.size() == 2, "one in, one out");
    });
}

TEST_CASE("model: a reader that leaves wakes the writer and runs its hook", "[channel][model]") {
    require_right(3, [](run& run) {
        int hooked = 0;
        llms::channel_pool<int, checked_platform> pool({.capacity = 1});
        {
            auto ends = pool.open();
            ends.writer.on_closed([&hooked] { ++hooked; });
            run.thread([&hooked, &run,
                        writer = std::make_shared<decltype(ends.writer)>(
                            std::move(ends.writer))]() mutable {
                while (writer->push(1)) {}
                writer.reset();
                run.check(hooked == 1, "the hook ran before the writer was gone");
            });
            run.thread([reader = std::make_shared<decltype(ends.reader)>(
                            std::move(ends.reader))]() mutable { reader.reset(); });
        }
        run.join();
        run.check(pool.stats().live == 0 && pool.stats().idle == 1, "the channel went back");
    });
}

TEST_CASE("model: a hook runs at most once, and never for a stream that ended",
          "[channel][model]") {
    require_right(3, [](run& run) {
        int hooked = 0;
        bool ended = false;
        llms::channel_pool<int, checked_platform> pool({.capacity = 1});
        {
            auto ends = pool.open();
            run.thread([&, writer = std::make_shared<decltype(ends.writer)>(
                               std::move(ends.writer))]() mutable {
                writer->on_closed([&] { ++hooked; });
                ended = writer->push(1).has_value();
                writer->close();
                writer.reset();
            });
            run.thread([reader = std::make_shared<decltype(ends.reader)>(
                            std::move(ends.reader))]() mutable {
                (void)reader->pop();
                reader.reset();
            });
        }
        run.join();
        run.check(hooked <= 1, "at most once");
        run.check(ended || hooked == 1, "a writer that could not push was told");
        run.check(pool.stats().live == 0, "the channel went back");
    });
}

TEST_CASE("model: a pool, its streams and their ends go in any order", "[channel][model]") {
    require_right(2, [](run& run) {
        auto pool = std::make_shared<llms::channel_pool<int, checked_platform>>();
        auto ends = pool->open();
        run.thread([&] { auto const gone = std::move(ends.writer); });
        run.thread([&] { auto const gone = std::move(ends.reader); });
        run.thread([&] { pool.reset(); });
        run.join();
    });
}

} // namespace channel_model_test
