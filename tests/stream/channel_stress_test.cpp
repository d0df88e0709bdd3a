// SPDX-License-Identifier: MIT
//
// What many threads may observe of a channel, whatever the timing: every item once, each producer's
// in its order, none from after the close, and no wait that never ends. To be run under
// ThreadSanitizer as well.
#include "support/catch.hpp"
#include <llms/detail/stream_portable_platform.hpp>
#include <llms/stream/channel.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace channel_stress_test {

namespace {

using namespace std::chrono_literals;
using llms::channel;
using llms::channel_options;
using llms::conqueue_status;

/// An item that says where it comes from; the pointer makes a double delivery a crash.
struct item {
    int producer = 0;
    int number = 0;
    std::unique_ptr<int> witness = std::make_unique<int>(0);
};

/// What one consumer saw.
class journal {
public:
    explicit journal(int producers) : last_(static_cast<std::size_t>(producers), -1) {}
    void note(item const& seen) {
        auto& last = last_[static_cast<std::size_t>(seen.producer)];
        in_order_ = in_order_ && seen.number > last && seen.witness != nullptr;
        last = seen.number;
        sum_ += seen.number;
        ++count_;
    }
    [[nodiscard]] auto in_order() const { return in_order_; }
    [[nodiscard]] auto count() const { return count_; }
    [[nodiscard]] auto sum() const { return sum_; }

private:
    std::vector<int> last_;
    bool in_order_ = true;
    std::int64_t count_ = 0;
    std::int64_t sum_ = 0;
};

/// Producers and consumers that use every verb there is, some of them always about to give up.
template <class Channel>
void stream(Channel& ch, int producers, int consumers, int each) {
    std::vector<journal> journals(static_cast<std::size_t>(consumers), journal(producers));
    std::atomic<int> refused = 0;
    std::stop_source const never;
    {
        std::vector<std::jthread> reading;
        for (int c = 0; c != consumers; ++c) {
            reading.emplace_back([&, c, &mine = journals[static_cast<std::size_t>(c)]] {
                std::vector<item> batch;
                for (int turn = c;; ++turn) {
                    auto status = conqueue_status::success;
                    auto const note = [&](auto&& got) {
                        if (got) {
                            mine.note(*got);
                        }
                        status = got.status();
                    };
                    switch (turn % 4) {
                    case 0:
                        note(ch.pop());
                        break;
                    case 1:
                        note(ch.pop(1us));
                        break;
                    case 2:
                        note(ch.try_pop());
                        break;
                    default:
                        batch.clear();
                        status = ch.pop_some(batch, 7).status();
                        for (auto const& got : batch) {
                            mine.note(got);
                        }
                    }
                    if (status == conqueue_status::closed) {
                        return;
                    }
                }
            });
        }
        {
            std::vector<std::jthread> writing;
            for (int p = 0; p != producers; ++p) {
                writing.emplace_back([&, p] {
                    for (int n = 0; n != each; ++n) {
                        item next{.producer = p, .number = n};
                        for (int turn = n; next.witness != nullptr; ++turn) {
                            switch (turn % 4) {
                            case 0:
                                (void)ch.push(std::move(next));
                                break;
                            case 1:
                                (void)ch.push(std::move(next), 1us);
                                break;
                            case 2:
                                (void)ch.try_push(std::move(next));
                                break;
                            default:
                                (void)ch.push(std::move(next), never.get_token());
                            }
                        }
                    }
                });
            }
        }
        ch.close();
        if (!(ch.push(item{}) == conqueue_status::closed)) {
            ++refused;
        }
    }
    std::int64_t count = 0;
    std::int64_t sum = 0;
    for (auto const& one : journals) {
        REQUIRE(one.in_order());
        count += one.count();
        sum += one.sum();
    }
    REQUIRE(count == std::int64_t{producers} * each);
    REQUIRE(sum == std::int64_t{producers} * each * (each - 1) / 2);
    REQUIRE(refused == 0);
    REQUIRE(ch.size() == 0);
}

} // namespace

TEST_CASE("stress: every item once and in order", "[channel][stress]") {
    for (std::size_t const capacity : {1U, 2U, 20U, 1024U}) {
        channel<item> ch(capacity);
        stream(ch, 1, 1, 2000);
        channel<item> shared(capacity);
        stream(shared, 3, 3, 1000);
    }
}

TEST_CASE("stress: the same without a futex", "[channel][stress]") {
    for (std::size_t const capacity : {1U, 20U}) {
        channel<item, llms::detail::stream_portable_platform> ch(capacity);
        stream(ch, 2, 2, 1000);
    }
}

TEST_CASE("stress: a close in the midst loses nothing that was accepted", "[channel][stress]") {
    for (int round = 0; round != 200; ++round) {
        channel<int> ch(3);
        std::atomic<int> pushed = 0;
        std::atomic<int> popped = 0;
        {
            std::vector<std::jthread> threads;
            for (int n = 0; n != 2; ++n) {
                threads.emplace_back([&] {
                    while (ch.push(1)) {
                        ++pushed;
                    }
                });
                threads.emplace_back([&] {
                    while (ch.pop()) {
                        ++popped;
                    }
                });
            }
            threads.emplace_back([&] {
                while (pushed < round) {
                    std::this_thread::yield();
                }
                ch.close();
            });
        }
        REQUIRE(pushed == popped);
    }
}

TEST_CASE("stress: stops and deadlines in the midst lose nothing", "[channel][stress]") {
    channel<int> ch(1);
    std::atomic<int> pushed = 0;
    std::atomic<int> popped = 0;
    std::atomic<bool> over = false;
    {
        std::vector<std::jthread> threads;
        for (int n = 0; n != 2; ++n) {
            // Each wait gets a stop_source of its own, which another thread stops at any moment.
            threads.emplace_back([&, n] {
                for (int k = 0; k != 300; ++k) {
                    std::stop_source source;
                    std::jthread const stopper([&] { source.request_stop(); });
                    if (n == 0) {
                        pushed += ch.push(1, {source.get_token(), 50us}) ? 1 : 0;
                    } else {
                        popped += ch.pop({source.get_token(), 50us}) ? 1 : 0;
                    }
                }
                over = true;
            });
        }
        threads.emplace_back([&] {
            while (!over) {
                pushed += ch.push(1, 20us) ? 1 : 0;
            }
        });
        threads.emplace_back([&] {
            while (!over) {
                popped += ch.pop(20us) ? 1 : 0;
            }
        });
    }
    REQUIRE(pushed == popped + static_cast<int>(ch.size()));
}

TEST_CASE("stress: a channel may go as soon as its item or its end is there", "[channel][stress]") {
    constexpr int rounds = 5000;
    bool const ends = GENERATE(false, true);
    channel<channel<int>*> asked(1);
    std::jthread const server([&] {
        for (auto* const reply : asked) {
            if (ends) {
                reply->close();
            } else {
                (void)reply->push(7);
            }
        }
    });
    for (int i = 0; i != rounds; ++i) {
        auto reply = std::make_unique<channel<int>>(1);
        REQUIRE(asked.push(reply.get()));
        auto const got = reply->pop();
        reply.reset();
        REQUIRE((ends ? got.status() == conqueue_status::closed : *got == 7));
    }
    asked.close();
}

TEST_CASE("stress: drop_oldest never waits and accounts for all", "[channel][stress]") {
    channel<int> ch(channel_options{.capacity = 4, .when_full = llms::backpressure::drop_oldest});
    constexpr int each = 5000;
    std::int64_t popped = 0;
    {
        std::jthread consumer([&] {
            int last = -1;
            for (auto const number : ch) {
                if (number <= last) {
                    return;
                } // the count below is wrong then
                last = number;
                ++popped;
            }
        });
        std::jthread producer([&] {
            for (int n = 0; n != each; ++n) {
                (void)ch.push(n);
            }
            ch.close();
        });
    }
    REQUIRE(popped + static_cast<std::int64_t>(ch.dropped()) == each);
}

} // namespace channel_stress_test
