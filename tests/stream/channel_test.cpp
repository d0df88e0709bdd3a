// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include <llms/stream/channel.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <iterator>
#include <limits>
#include <list>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace channel_test {

namespace {

using namespace std::chrono_literals;
using llms::backpressure;
using llms::channel;
using llms::conqueue_status;

auto const long_ago = std::chrono::steady_clock::time_point{} + 1s;

auto stopped_token() -> std::stop_token {
    std::stop_source source;
    source.request_stop();
    return source.get_token();
}

/// Throws at every copy while `fragile` is set; has no move of its own.
struct copied {
    explicit copied(int number, bool const* when) : value(number), fragile(when) {}
    copied(copied const& other) : value(other.value), fragile(other.fragile) {
        if (*fragile) {
            throw std::runtime_error("copy");
        }
    }
    auto operator=(copied const&) -> copied& = default;
    ~copied() = default;
    int value;
    bool const* fragile;
};

} // namespace

TEST_CASE("channel: a status has a name", "[channel]") {
    CHECK(std::string(to_string(conqueue_status::success)) == "success");
    CHECK(std::string(to_string(conqueue_status::empty)) == "empty");
    CHECK(std::string(to_string(conqueue_status::full)) == "full");
    CHECK(std::string(to_string(conqueue_status::closed)) == "closed");
    CHECK(std::string(to_string(conqueue_status::timeout)) == "timeout");
    CHECK(std::string(to_string(conqueue_status::stopped)) == "stopped");
}

TEST_CASE("channel: first in, first out, across the end of the ring", "[channel]") {
    channel<int> ch(3);
    for (int round = 0; round != 5; ++round) {
        REQUIRE(ch.push(2 * round));
        REQUIRE(ch.push(2 * round + 1));
        REQUIRE(ch.size() == 2);
        REQUIRE(*ch.pop() == 2 * round);
        REQUIRE(*ch.pop() == 2 * round + 1);
    }
    REQUIRE(ch.capacity() == 3);
    REQUIRE(ch.size() == 0);
}

TEST_CASE("channel: the default holds twenty", "[channel]") {
    channel<int> ch;
    for (int n = 0; n != 20; ++n) {
        REQUIRE(ch.try_push(n));
    }
    REQUIRE(ch.try_push(20) == conqueue_status::full);
}

TEST_CASE("channel: a capacity of zero is refused", "[channel]") {
    REQUIRE_THROWS_AS(channel<int>(0), llms::error);
    REQUIRE_THROWS_AS(channel<int>({.capacity = 0}), llms::error);
}

TEST_CASE("channel: try_ verbs tell empty, full and closed apart", "[channel]") {
    channel<std::string> ch(1);
    REQUIRE(ch.try_pop() == conqueue_status::empty);
    REQUIRE(ch.try_push("a"));
    REQUIRE(ch.try_push("b") == conqueue_status::full);
    ch.close();
    REQUIRE(ch.try_push("b") == conqueue_status::closed);
    REQUIRE(ch.try_pop() == conqueue_status::success);
    REQUIRE(ch.try_pop() == conqueue_status::closed);
}

TEST_CASE("channel: a closed channel yields what it holds, then ends", "[channel]") {
    channel<std::string> ch(3);
    REQUIRE(ch.push("one"));
    REQUIRE(ch.push("two"));
    REQUIRE_FALSE(ch.is_closed());
    ch.close();
    ch.close();
    REQUIRE(ch.is_closed());
    REQUIRE(ch.push("three") == conqueue_status::closed);
    REQUIRE(*ch.pop() == "one");
    REQUIRE(*ch.pop() == "two");
    REQUIRE(ch.pop() == conqueue_status::closed);
    REQUIRE(ch.pop() == conqueue_status::closed);
}

TEST_CASE("channel: the error it was closed with comes after the last item, every time",
          "[channel]") {
    channel<int> ch(2);
    REQUIRE(ch.push(1));
    ch.close(std::make_exception_ptr(std::runtime_error("connection reset")));
    ch.close(std::make_exception_ptr(std::logic_error("later closes do not count")));
    std::vector<int> out;
    REQUIRE(*ch.pop_all(out) == 1);
    REQUIRE_THROWS_WITH(ch.pop(), "connection reset");
    REQUIRE_THROWS_WITH(ch.pop(1h), "connection reset");
    REQUIRE_THROWS_WITH(ch.pop_all(out), "connection reset");
    REQUIRE_THROWS_WITH(ch.begin(), "connection reset");
    REQUIRE(ch.try_pop() == conqueue_status::closed);
    REQUIRE(ch.failure() != nullptr);
    REQUIRE(ch.push(2) == conqueue_status::closed);
    REQUIRE(channel<int>(1).failure() == nullptr);
}

TEST_CASE("channel: every limit ends a wait for an item", "[channel]") {
    channel<int> ch(1);
    REQUIRE(ch.pop(stopped_token()) == conqueue_status::stopped);
    REQUIRE(ch.pop(0s) == conqueue_status::timeout);
    REQUIRE(ch.pop(-1h) == conqueue_status::timeout);
    REQUIRE(ch.pop(1us) == conqueue_status::timeout);
    REQUIRE(ch.pop(long_ago) == conqueue_status::timeout);
    REQUIRE(ch.pop(std::chrono::system_clock::now() - 1h) == conqueue_status::timeout);
    REQUIRE(ch.pop({std::stop_token{}, 1us}) == conqueue_status::timeout);
    REQUIRE(ch.pop({stopped_token(), 1h}) == conqueue_status::stopped);
    std::vector<int> out;
    REQUIRE(ch.pop_all(out, stopped_token()) == conqueue_status::stopped);
    REQUIRE(ch.pop_some(out, 1, 1us) == conqueue_status::timeout);
    REQUIRE(out.empty());
}

TEST_CASE("channel: every limit ends a wait for room, and the value stays", "[channel]") {
    channel<std::unique_ptr<int>> ch(1);
    REQUIRE(ch.push(std::make_unique<int>(1)));
    auto value = std::make_unique<int>(2);
    REQUIRE(ch.push(std::move(value), stopped_token()) == conqueue_status::stopped);
    REQUIRE(ch.push(std::move(value), 0ns) == conqueue_status::timeout);
    REQUIRE(ch.push(std::move(value), 1us) == conqueue_status::timeout);
    REQUIRE(ch.push(std::move(value), long_ago) == conqueue_status::timeout);
    REQUIRE(ch.push(std::move(value), {stopped_token(), long_ago}) == conqueue_status::stopped);
    REQUIRE(ch.try_push(std::move(value)) == conqueue_status::full);
    ch.close();
    REQUIRE(ch.push(std::move(value)) == conqueue_status::closed);
    REQUIRE(ch.try_push(std::move(value)) == conqueue_status::closed);
    REQUIRE(value != nullptr); // NOLINT(bugprone-use-after-move): the point
    REQUIRE(*value == 2);
    REQUIRE(**ch.pop() == 1);
}

TEST_CASE("channel: what needs no waiting is done under any limit but a stop", "[channel]") {
    channel<int> ch(2);
    REQUIRE(ch.push(1, 0s));
    REQUIRE(ch.push(2, long_ago));
    REQUIRE(*ch.pop(0s) == 1);
    REQUIRE(ch.pop(stopped_token()) == conqueue_status::stopped);
    REQUIRE(*ch.pop(long_ago) == 2);
}

TEST_CASE("channel: limits too far away to reckon with are none", "[channel]") {
    channel<int> ch(1);
    for (int round = 0; round != 4; ++round) {
        std::jthread const producer([&] { (void)ch.push(7); });
        switch (round) {
        case 0:
            REQUIRE(*ch.pop(std::chrono::hours::max()) == 7);
            break;
        case 1:
            REQUIRE(*ch.pop(std::chrono::steady_clock::time_point::max()) == 7);
            break;
        case 2:
            REQUIRE(*ch.pop(std::chrono::duration<double>(
                        std::numeric_limits<double>::infinity())) == 7);
            break;
        default:
            REQUIRE(*ch.pop(std::chrono::nanoseconds::max()) == 7);
            break;
        }
    }
}

TEST_CASE("channel: a stop wakes who waits for an item and who waits for room", "[channel]") {
    channel<int> empty(1);
    channel<int> full(1);
    REQUIRE(full.push(1));
    std::stop_source source;
    auto popped = conqueue_status::success;
    auto pushed = conqueue_status::success;
    {
        std::jthread const popper([&] { popped = empty.pop({source.get_token(), 1h}).status(); });
        std::jthread const pusher([&] { pushed = full.push(2, source.get_token()).status(); });
        source.request_stop();
    }
    REQUIRE(popped == conqueue_status::stopped);
    REQUIRE(pushed == conqueue_status::stopped);
    REQUIRE(full.size() == 1);
}

TEST_CASE("channel: closing wakes all who wait", "[channel]") {
    channel<int> empty(1);
    channel<int> full(1);
    REQUIRE(full.push(1));
    std::vector<conqueue_status> popped(3);
    std::vector<conqueue_status> pushed(3);
    {
        std::vector<std::jthread> waiting;
        for (auto& status : popped) {
            waiting.emplace_back([&] { status = empty.pop().status(); });
        }
        for (auto& status : pushed) {
            waiting.emplace_back([&] { status = full.push(2).status(); });
        }
        empty.close();
        full.close();
    }
    REQUIRE(popped == std::vector(3, conqueue_status::closed));
    REQUIRE(pushed == std::vector(3, conqueue_status::closed));
    REQUIRE(*full.pop() == 1);
    REQUIRE(full.pop() == conqueue_status::closed);
}

TEST_CASE("channel: reject leaves the value to the caller, and waits for nobody", "[channel]") {
    channel<std::unique_ptr<int>> ch({.capacity = 1, .when_full = backpressure::reject});
    REQUIRE(ch.push(std::make_unique<int>(1)));
    auto value = std::make_unique<int>(2);
    REQUIRE(ch.push(std::move(value)) == conqueue_status::full);
    REQUIRE(ch.push(std::move(value), 1h) == conqueue_status::full);
    REQUIRE(value != nullptr); // NOLINT(bugprone-use-after-move): the point
    REQUIRE(**ch.pop() == 1);
    REQUIRE(ch.push(std::move(value)));
    REQUIRE(ch.dropped() == 0);
}

TEST_CASE("channel: drop_oldest keeps the latest and counts the rest", "[channel]") {
    channel<std::string> ch({.capacity = 3, .when_full = backpressure::drop_oldest});
    for (int n = 0; n != 10; ++n) {
        REQUIRE((n % 2 == 0 ? ch.push(std::to_string(n)) : ch.try_push(std::to_string(n))));
    }
    REQUIRE(ch.dropped() == 7);
    ch.close();
    std::vector<std::string> rest;
    for (auto& item : ch) {
        rest.push_back(std::move(item));
    }
    REQUIRE(rest == std::vector<std::string>{"7", "8", "9"});
}

TEST_CASE("channel: an evicted item is destroyed outside the lock", "[channel]") {
    struct nosy {
        channel<std::shared_ptr<nosy>>* from;
        std::size_t* seen;
        ~nosy() { *seen = from->try_push(nullptr) ? from->size() : 0; }
    };
    std::size_t seen = 0;
    channel<std::shared_ptr<nosy>> ch({.capacity = 2, .when_full = backpressure::drop_oldest});
    REQUIRE(ch.push(std::shared_ptr<nosy>(new nosy{&ch, &seen})));
    REQUIRE(ch.push(nullptr));
    REQUIRE(ch.push(nullptr)); // evicts the nosy one, which uses the channel
    REQUIRE(seen == 2);
}

TEST_CASE("channel: a batch takes what is there, at most so much, in order", "[channel]") {
    channel<int> ch(8);
    for (int n = 0; n != 8; ++n) {
        REQUIRE(ch.push(n));
    }
    std::vector<int> out;
    REQUIRE(*ch.pop_some(out, 3) == 3);
    REQUIRE(ch.size() == 5);
    std::list<int> more;
    REQUIRE(*ch.pop_some(std::back_inserter(more), 2) == 2);
    REQUIRE(*ch.pop_all(out) == 3);
    REQUIRE(out == std::vector<int>{0, 1, 2, 5, 6, 7});
    REQUIRE(more == std::list<int>{3, 4});
    ch.close();
    REQUIRE(ch.pop_all(out) == conqueue_status::closed);
}

TEST_CASE("channel: a batch that cannot be appended loses only what was appended", "[channel]") {
    struct small {
        void push_back(int&& item) {
            if (items.size() == 2) {
                throw std::length_error("full up");
            }
            items.push_back(item);
        }
        std::vector<int> items;
    };
    channel<int> ch(4);
    for (int n = 0; n != 4; ++n) {
        REQUIRE(ch.push(n));
    }
    small out;
    REQUIRE_THROWS_AS(ch.pop_all(out), std::length_error);
    REQUIRE(out.items == std::vector<int>{0, 1});
    REQUIRE(*ch.pop() == 2);
    REQUIRE(*ch.pop() == 3);
}

TEST_CASE("channel: it is an input range that ends with the stream", "[channel]") {
    static_assert(std::ranges::input_range<channel<int>>);
    static_assert(std::is_same_v<std::ranges::range_value_t<channel<int>>, int>);
    channel<std::unique_ptr<int>> ch(4);
    std::jthread producer([&] {
        for (int n = 0; n != 100; ++n) {
            if (!ch.push(std::make_unique<int>(n))) {
                return;
            }
        }
        ch.close();
    });
    int expected = 0;
    for (auto& item : ch) {
        REQUIRE(*item == expected++);
    }
    REQUIRE(expected == 100);
}

TEST_CASE("channel: a loop that is left leaves the rest inside", "[channel]") {
    channel<int> ch(4);
    for (int n = 0; n != 4; ++n) {
        REQUIRE(ch.push(n));
    }
    for (auto const item : ch) {
        if (item == 1) {
            break;
        }
    }
    REQUIRE(*ch.pop() == 2);
}

TEST_CASE("channel: a loop throws the error after the last item", "[channel]") {
    channel<int> ch(4);
    REQUIRE(ch.push(1));
    ch.close(std::make_exception_ptr(std::runtime_error("broken")));
    int seen = 0;
    REQUIRE_THROWS_WITH(
        [&] {
            for (auto const item : ch) {
                seen += item;
            }
        }(),
        "broken");
    REQUIRE(seen == 1);
}

TEST_CASE("channel: an item whose copy throws neither gets in by half nor gets lost", "[channel]") {
    bool fragile = false;
    channel<copied> ch(2);
    copied const first(1, &fragile);
    REQUIRE(ch.push(first));
    fragile = true;
    REQUIRE_THROWS_WITH(ch.push(first), "copy");
    REQUIRE(ch.size() == 1);
    REQUIRE_THROWS_WITH(ch.pop(), "copy");
    REQUIRE_THROWS_WITH(ch.try_pop(), "copy");
    REQUIRE(ch.size() == 1);
    fragile = false;
    REQUIRE(ch.pop()->value == 1);
    REQUIRE(ch.push(first));
    REQUIRE(ch.size() == 1);
}

TEST_CASE("channel: items left inside are destroyed with it", "[channel]") {
    auto const item = std::make_shared<int>(1);
    {
        channel<std::shared_ptr<int>> ch(2);
        REQUIRE(ch.push(item));
        REQUIRE(ch.push(item));
        REQUIRE(item.use_count() == 3);
    }
    REQUIRE(item.use_count() == 1);
}

TEST_CASE("channel: a result gives the item away and names its status", "[channel]") {
    channel<std::unique_ptr<int>> ch(1);
    REQUIRE(ch.push(std::make_unique<int>(5)));
    std::unique_ptr<int> const mine = ch.pop().value();
    REQUIRE(*mine == 5);
    auto const none = ch.try_pop();
    REQUIRE_FALSE(none.has_value());
    REQUIRE(std::string(to_string(none.status())) == "empty");
}

} // namespace channel_test
