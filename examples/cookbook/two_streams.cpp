// SPDX-License-Identifier: MIT
//
// Two producers, one consumer: streams from a pool, and `select` takes whichever has something. A
// producer whose reader has gone is woken and told.
#include <llms/stream/channel_pool.hpp>
#include <llms/stream/select.hpp>

#include <chrono>
#include <iostream>
#include <string>
#include <thread>

int main() {
    using namespace std::chrono_literals;
    llms::channel_pool<std::string> streams{{.capacity = 20}};

    auto fast = streams.open();
    auto slow = streams.open();
    std::jthread const first([writer = std::move(fast.writer)]() mutable {
        for (auto const* word : {"a", "b", "c"}) {
            static_cast<void>(writer.push(word));
        }
    });
    std::jthread const second([writer = std::move(slow.writer)]() mutable {
        for (int i = 0; writer.push("tick " + std::to_string(i)); ++i) {} // until nobody listens
    });

    int words = 0;
    int ticks = 0;
    auto const on_tick = [&](auto tick) {
        ticks += tick ? 1 : 0;
    };
    for (bool more = true; more || ticks < 3;) {
        auto const chosen = more ? llms::select(5s,
                                                llms::on_pop(fast.reader,
                                                             [&](auto word) {
                                                                 more = static_cast<bool>(word);
                                                                 words += more ? 1 : 0;
                                                             }),
                                                llms::on_pop(slow.reader, on_tick))
                                 // A closed channel is always ready: it is left out from here on.
                                 : llms::select(5s, llms::on_pop(slow.reader, on_tick));
        if (!chosen) {
            break; // nothing came for five seconds
        }
    }
    slow.reader = {}; // wakes the second producer wherever it waits; its push returns `closed`
    std::cout << words << " words, " << ticks << " ticks\n";
    return words == 3 ? 0 : 1;
}
