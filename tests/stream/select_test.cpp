// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include <llms/stream/channel.hpp>
#include <llms/stream/channel_pool.hpp>
#include <llms/stream/select.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace select_test {

namespace {

using namespace std::chrono_literals;
using llms::channel;
using llms::conqueue_status;
using llms::on_pop;
using llms::on_push;
using llms::select;
using llms::try_select;

constexpr auto ignore = [](auto&&) {
};

} // namespace

TEST_CASE("select: takes the case that is ready and says which", "[select]") {
    channel<int> numbers(1);
    channel<std::string> words(1);
    REQUIRE(words.push("hello"));
    std::string got;
    auto const take_word = [&](llms::channel_result<std::string> word) {
        got = *word;
    };
    REQUIRE(*select(on_pop(numbers, ignore), on_pop(words, take_word)) == 1);
    REQUIRE(got == "hello");
    REQUIRE(words.size() == 0);
}

TEST_CASE("select: writes where there is room, and only there", "[select]") {
    channel<std::unique_ptr<int>> full(1);
    channel<std::unique_ptr<int>> free(1);
    REQUIRE(full.push(nullptr));
    auto one = std::make_unique<int>(1);
    auto two = std::make_unique<int>(2);
    REQUIRE(*select(on_push(full, std::move(one)), on_push(free, std::move(two))) == 1);
    REQUIRE(one != nullptr); // NOLINT(bugprone-use-after-move): not moved from, the point
    REQUIRE(**free.pop() == 2);
}

TEST_CASE("select: gives up as its limit says", "[select]") {
    channel<int> empty(1);
    channel<int> full(1);
    REQUIRE(full.push(1));
    std::stop_source source;
    REQUIRE(select(0s, on_pop(empty, ignore), on_push(full, 2)) == conqueue_status::timeout);
    REQUIRE(select(1us, on_pop(empty, ignore), on_push(full, 2)) == conqueue_status::timeout);
    REQUIRE(try_select(on_pop(empty, ignore), on_push(full, 2)) == conqueue_status::empty);
    std::jthread stopper([&] { source.request_stop(); });
    REQUIRE(select({source.get_token(), 1h}, on_pop(empty, ignore), on_push(full, 2)) ==
            conqueue_status::stopped);
    // Once it is stopped nothing is taken, ready or not.
    REQUIRE(select(source.get_token(), on_pop(full, ignore)) == conqueue_status::stopped);
    REQUIRE(full.size() == 1);
}

TEST_CASE("select: a closed channel is ready, and says so", "[select]") {
    channel<int> open(1);
    channel<int> closed(1);
    closed.close();
    auto status = conqueue_status::success;
    auto const note = [&](auto&& result) {
        status = result.status();
    };
    REQUIRE(*select(on_pop(open, ignore), on_pop(closed, note)) == 1);
    REQUIRE(status == conqueue_status::closed);
    status = conqueue_status::success;
    REQUIRE(*select(on_pop(open, ignore), on_push(closed, 1, note)) == 1);
    REQUIRE(status == conqueue_status::closed);
}

TEST_CASE("select: throws what the chosen channel was closed with, try_select does not",
          "[select]") {
    channel<int> open(1);
    channel<int> broken(1);
    broken.close(std::make_exception_ptr(std::runtime_error("broken")));
    REQUIRE_THROWS_WITH(select(on_pop(open, ignore), on_pop(broken, ignore)), "broken");
    auto status = conqueue_status::success;
    REQUIRE(*try_select(on_pop(open, ignore),
                        on_pop(broken, [&](auto&& result) { status = result.status(); })) == 1);
    REQUIRE(status == conqueue_status::closed);
}

TEST_CASE("select: waits until another thread acts", "[select]") {
    channel<int> left(1);
    channel<int> right(1);
    int sum = 0;
    auto const add = [&](llms::channel_result<int> const& item) {
        sum += item ? *item : 0;
    };
    std::jthread producer([&] {
        for (int n = 1; n <= 100; ++n) {
            if (!(n % 3 == 0 ? left : right).push(n)) {
                return;
            }
        }
    });
    for (int n = 0; n != 100; ++n) {
        REQUIRE(select(on_pop(left, add), on_pop(right, add)));
    }
    REQUIRE(sum == 5050);
}

TEST_CASE("select: prefers none of those that are ready", "[select]") {
    channel<int> one(1);
    channel<int> two(1);
    channel<int> never(1);
    std::vector<std::size_t> chosen(3);
    for (int n = 0; n != 3000; ++n) {
        (void)one.try_push(1);
        (void)two.try_push(1);
        auto const index =
            n % 2 == 0
                ? *select(on_pop(never, ignore), on_pop(one, ignore), on_pop(two, ignore))
                : *try_select(on_pop(never, ignore), on_pop(one, ignore), on_pop(two, ignore));
        ++chosen[index];
    }
    REQUIRE(chosen[0] == 0);
    REQUIRE(chosen[1] > 1200); // fourteen standard deviations
    REQUIRE(chosen[2] > 1200);
}

TEST_CASE("select: what its function throws comes out, after the item did", "[select]") {
    channel<int> ch(1);
    REQUIRE(ch.push(1));
    auto const refuse = [](auto&&) {
        throw std::logic_error("refused");
    };
    REQUIRE_THROWS_WITH(select(on_pop(ch, refuse)), "refused");
    REQUIRE(ch.size() == 0);
}

TEST_CASE("select: takes the ends of pooled streams", "[select]") {
    llms::channel_pool<int> pool({.capacity = 1});
    auto one = pool.open();
    auto two = pool.open();
    int got = 0;
    REQUIRE(*select(on_push(one.writer, 7), on_pop(two.reader, ignore)) == 0);
    REQUIRE(*select(on_pop(one.reader, [&](auto&& item) { got = *item; }),
                    on_pop(two.reader, ignore)) == 0);
    REQUIRE(got == 7);
}

TEST_CASE("select: many selects lose nothing", "[select][stress]") {
    constexpr int items = 4000;
    channel<int> left(2);
    channel<int> right(2);
    channel<int> out(3);
    std::vector<std::jthread> threads;
    for (int worker = 0; worker != 2; ++worker) {
        threads.emplace_back([&] {
            for (int n = 0; n != items / 2; ++n) {
                (void)select(on_push(left, 1), on_push(right, 1));
            }
        });
        threads.emplace_back([&] {
            for (int n = 0; n != items / 2;) {
                int item = 0;
                auto const take = [&](llms::channel_result<int> const& got) {
                    item = *got;
                };
                // Gives up now and then.
                if (!select(n % 5 == 0 ? 1us : 1h, on_pop(left, take), on_pop(right, take))) {
                    continue;
                }
                (void)out.push(item);
                ++n;
            }
        });
    }
    int sum = 0;
    for (int n = 0; n != items; ++n) {
        sum += *out.pop();
    }
    REQUIRE(sum == items);
    REQUIRE(left.size() + right.size() + out.size() == 0);
}

} // namespace select_test
