// SPDX-License-Identifier: MIT
#include "near.hpp"
#include "support/catch.hpp"
#include <llms/metrics/counter.hpp>
#include <llms/metrics/gauge.hpp>
#include <llms/metrics/histogram.hpp>
#include <llms/metrics/names.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <latch>
#include <limits>
#include <random>
#include <thread>
#include <vector>

namespace instruments_test {

using namespace std::chrono_literals;

namespace {

// Runs `work` in that many threads, all alive at the same time.
template <class Work>
void in_threads(int count, Work work) {
    std::atomic<int> arrived{0};
    std::vector<std::jthread> threads;
    threads.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) {
        threads.emplace_back([&] {
            arrived.fetch_add(1);
            arrived.notify_all();
            for (int now = arrived.load(); now != count; now = arrived.load()) {
                arrived.wait(now);
            }
            work();
        });
    }
}

} // namespace

TEST_CASE("counter: counts every addition of more threads than there are slots", "[counter]") {
    llms::counter counter;
    std::latch counted{80}; // a thread that ends leaves its slot to another
    in_threads(80, [&] {
        for (int i = 0; i < 500; ++i) {
            counter.add();
            counter.add(2);
        }
        counted.arrive_and_wait();
    });
    CHECK(counter.value() == 120'000);
}

TEST_CASE("counter: a thread goes on where a thread that ended left its cells", "[counter]") {
    llms::counter counter;
    for (int i = 0; i < 200; ++i) { // threads that follow each other share a slot
        std::jthread{[&] {
            counter.add(5);
        }};
    }
    CHECK(counter.value() == 1000);
}

TEST_CASE("counter: counts what destructors of thread_local objects count", "[counter]") {
    static llms::counter counter;
    struct at_exit {
        ~at_exit() { counter.add(); }
    };
    in_threads(4, [] {
        thread_local at_exit const late; // made before the slot is taken: destroyed after it
        counter.add();
        (void)late;
    });
    CHECK(counter.value() == 8);
}

TEST_CASE("counter: a reader never sees it fall", "[counter]") {
    llms::counter counter;
    std::atomic<bool> fell{false};
    {
        std::jthread const reader{[&](std::stop_token const& stop) {
            std::uint64_t last = 0;
            do {
                auto const now = counter.value();
                fell = fell || now < last;
                last = now;
            } while (!stop.stop_requested());
        }};
        in_threads(3, [&] {
            for (int i = 0; i < 10'000; ++i) {
                counter.add();
            }
        });
    }
    CHECK_FALSE(fell);
    CHECK(counter.value() == 30'000);
}

TEST_CASE("gauge: adds from many threads, the last set wins", "[gauge]") {
    llms::gauge gauge;
    gauge.set(5);
    in_threads(4, [&] {
        for (int i = 0; i < 1000; ++i) {
            gauge.add(1.5);
            gauge.add(-0.5);
        }
    });
    CHECK(gauge.value() == 4005);
    gauge.set(-1);
    CHECK(gauge.value() == -1);
}

TEST_CASE("histogram: a value on a bound is in the bucket of that bound", "[histogram]") {
    llms::histogram seconds{llms::metric::duration_bounds, 1e9};
    for (auto const duration : {10ms, 20ms, 40ms, 80ms, 160ms, 320ms, 640ms, 1280ms, 2560ms, 5120ms,
                                10240ms, 20480ms, 40960ms, 81920ms}) {
        seconds.record(duration);       // in
        seconds.record(duration + 1ns); // above
    }
    auto const data = seconds.data();
    REQUIRE(data.counts.size() == 15);
    CHECK(data.counts.front() == 1);
    CHECK(data.counts.back() == 1);
    CHECK(std::all_of(data.counts.begin() + 1, data.counts.end() - 1,
                      [](auto count) { return count == 2; }));
    CHECK(data.count == 28);
    CHECK(near(data.sum, 2 * 163.83));
    CHECK(near(data.min, 0.01));
    CHECK(near(data.max, 81.92));
}

TEST_CASE("histogram: finds the bucket that a search through the bounds finds", "[histogram]") {
    std::mt19937_64 random{7}; // NOLINT(cert-msc51-cpp): the same values each time
    for (int round = 0; round < 200; ++round) {
        std::vector<double> bounds;
        for (auto size = random() % 129; bounds.size() < size;) {
            auto const bits = random() % 50;
            bounds.push_back(static_cast<double>(1 + (random() >> (63 - bits))));
        }
        std::sort(bounds.begin(), bounds.end());
        bounds.erase(std::unique(bounds.begin(), bounds.end()), bounds.end());
        llms::histogram histogram{bounds};
        std::vector<std::uint64_t> expected(bounds.size() + 1);
        auto const record = [&](std::uint64_t value) {
            auto const at =
                std::lower_bound(bounds.begin(), bounds.end(), static_cast<double>(value));
            ++expected[static_cast<std::size_t>(at - bounds.begin())];
            histogram.record(value);
        };
        record(0);
        record(std::uint64_t{1} << 63U);
        for (double const bound : bounds) {
            for (int offset = -1; offset <= 1; ++offset) {
                record(static_cast<std::uint64_t>(bound + offset));
            }
        }
        REQUIRE(histogram.data().counts == expected);
    }
}

TEST_CASE("histogram: takes the extremes", "[histogram]") {
    llms::histogram histogram{llms::metric::token_bounds};
    CHECK(histogram.data().quantile(0.5) == 0);
    CHECK(histogram.data().mean() == 0);
    histogram.record(-5ns); // a clock that was set back
    histogram.record(std::numeric_limits<std::uint64_t>::max());
    auto const data = histogram.data();
    CHECK(data.counts.front() == 1);
    CHECK(data.counts.back() == 1);
    CHECK(data.min == 0);
    CHECK(near(data.max, 1.8446744e19, 1e-6));
}

TEST_CASE("histogram: estimates quantiles within the bounds of what was recorded", "[histogram]") {
    llms::histogram histogram{llms::metric::duration_bounds, 1e9};
    histogram.record(3us);
    CHECK(near(histogram.data().quantile(0.5), 3e-6)); // not the middle of 0 to 10 ms
    for (int ms = 1; ms <= 1000; ++ms) {
        histogram.record(std::chrono::milliseconds{ms});
    }
    auto const data = histogram.data();
    CHECK(near(data.quantile(0.5), 0.5, 0.05));
    CHECK(near(data.quantile(0.95), 0.95, 0.05));
    CHECK(near(data.quantile(1), 1));
    CHECK(near(data.quantile(0), 3e-6));
}

TEST_CASE("histogram: refuses bounds that are no bounds", "[histogram]") {
    auto const infinity = std::numeric_limits<double>::infinity();
    auto const bounds = GENERATE_COPY(
        std::vector<double>{2, 1}, std::vector<double>{1, 1}, std::vector<double>{0, 1},
        std::vector<double>{-1}, std::vector<double>{1, infinity},
        std::vector<double>{std::numeric_limits<double>::quiet_NaN()});
    CHECK_THROWS_AS(llms::histogram{bounds}, llms::metrics_error);
    std::vector<double> many(129);
    std::generate(many.begin(), many.end(), [next = 0.0]() mutable { return ++next; });
    CHECK_THROWS_AS(llms::histogram{many}, llms::metrics_error);
    many.pop_back();
    CHECK_NOTHROW(llms::histogram{many});
}

TEST_CASE("histogram: records from many threads, extremes too", "[histogram]") {
    llms::histogram histogram{llms::metric::byte_bounds};
    std::atomic<std::uint64_t> next{1};
    in_threads(70, [&] {
        for (int i = 0; i < 100; ++i) {
            histogram.record(next.fetch_add(1));
        }
    });
    auto const data = histogram.data();
    CHECK(data.count == 7000);
    CHECK(data.sum == 7000.0 * 7001 / 2);
    CHECK(data.min == 1);
    CHECK(data.max == 7000);
}

} // namespace instruments_test
