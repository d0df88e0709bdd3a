// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include <llms/metrics/hooks.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace hooks_test {

TEST_CASE("hook_list: each event goes to its functions, of all hooks", "[hooks]") {
    llms::hook_list hooks;
    std::string seen;
    auto const all = hooks.subscribe({
        .before_operation = [&](llms::operation_begin const&) { seen += "b"; },
        .after_operation = [&](llms::operation_end const&) { seen += "e"; },
        .after_attempt = [&](llms::attempt_end const&) { seen += "a"; },
        .on_retry = [&](llms::retry_event const&) { seen += "r"; },
        .on_chunk = [&](llms::chunk_event const&) { seen += "c"; },
        .before_tool = [&](llms::tool_begin const&) { seen += "T"; },
        .after_tool = [&](llms::tool_end const&) { seen += "t"; },
        .on_cache = [&](llms::cache_event const&) { seen += "h"; },
    });
    auto const one = hooks.subscribe({.on_chunk = [&](auto const&) {
        seen += "C";
    }});
    hooks.run(llms::operation_begin{});
    hooks.run(llms::attempt_end{});
    hooks.run(llms::retry_event{});
    hooks.run(llms::tool_begin{});
    hooks.run(llms::tool_end{});
    hooks.run(llms::cache_event{});
    hooks.run(llms::operation_end{});
    CHECK(seen == "barTthe");
    seen.clear();
    hooks.run(llms::chunk_event{});
    CHECK((seen == "cC" || seen == "Cc"));
}

TEST_CASE("hook_list: what a hook throws reaches neither the call nor other hooks", "[hooks]") {
    llms::hook_list hooks;
    int calls = 0;
    auto const count = [&](llms::operation_end const&) {
        ++calls;
        throw std::runtime_error{"a hook's own trouble"};
    };
    auto const first = hooks.subscribe({.after_operation = count});
    auto const second = hooks.subscribe({.after_operation = count});
    CHECK_NOTHROW(hooks.run(llms::operation_end{}));
    CHECK(calls == 2);
}

TEST_CASE("subscription: ends when cancelled, replaced or destroyed, and frees the hook at once",
          "[hooks]") {
    llms::hook_list hooks;
    auto const token = std::make_shared<int>(0);
    auto const subscribe = [&] {
        return hooks.subscribe({.on_chunk = [token](llms::chunk_event const&) {
            ++*token;
        }});
    };
    {
        auto first = subscribe();
        auto moved = std::move(first);
        hooks.run(llms::chunk_event{});
        CHECK(*token == 1);
        moved.cancel();
        moved.cancel();
        CHECK(token.use_count() == 1);
        moved = subscribe();
        moved = subscribe();
        CHECK(token.use_count() == 2);
        hooks.run(llms::chunk_event{});
    }
    CHECK(token.use_count() == 1);
    hooks.run(llms::chunk_event{});
    CHECK(*token == 2);
}

TEST_CASE("subscription: may outlive its list", "[hooks]") {
    auto hooks = std::make_unique<llms::hook_list>();
    auto const kept = hooks->subscribe({.on_chunk = [](llms::chunk_event const&) {
    }});
    hooks.reset();
}

TEST_CASE("hook_list: a hook may cancel itself, subscribe others and cause events", "[hooks]") {
    llms::hook_list hooks;
    int chunks = 0;
    int tools = 0;
    std::optional<llms::subscription> self;
    std::vector<llms::subscription> more;
    self = hooks.subscribe({.on_chunk = [&](llms::chunk_event const&) {
        ++chunks;
        self.reset();
        more.push_back(hooks.subscribe({.after_tool = [&](llms::tool_end const&) {
            ++tools;
        }}));
        hooks.run(llms::tool_end{});
    }});
    hooks.run(llms::chunk_event{});
    hooks.run(llms::chunk_event{});
    CHECK(chunks == 1);
    CHECK(tools == 1);
    for (int i = 0; i < 3; ++i) { // the place of the one that cancelled itself is used again
        more.push_back(hooks.subscribe({.on_chunk = [&](llms::chunk_event const&) {
            ++chunks;
        }}));
    }
    hooks.run(llms::chunk_event{});
    CHECK(chunks == 4);
}

TEST_CASE("hook_list: a hook may cancel one that it runs inside of", "[hooks]") {
    llms::hook_list hooks;
    int chunks = 0;
    std::optional<llms::subscription> outer;
    auto const inner = hooks.subscribe({.after_tool = [&](llms::tool_end const&) {
        outer.reset();
    }});
    outer = hooks.subscribe({.on_chunk = [&](llms::chunk_event const&) {
        ++chunks;
        hooks.run(llms::tool_end{});
    }});
    hooks.run(llms::chunk_event{});
    hooks.run(llms::chunk_event{});
    CHECK(chunks == 1);
}

TEST_CASE("hook_list: a cancelled hook is not running and will not run, whoever calls meanwhile",
          "[hooks]") {
    llms::hook_list hooks;
    std::atomic<unsigned> total{0};
    std::vector<std::jthread> callers;
    callers.reserve(2);
    for (int i = 0; i < 2; ++i) {
        callers.emplace_back([&](std::stop_token const& stop) {
            while (!stop.stop_requested()) {
                hooks.run(llms::chunk_event{.index = 1});
            }
        });
    }
    std::vector<std::jthread> subscribers;
    subscribers.reserve(2);
    for (int i = 0; i < 2; ++i) {
        subscribers.emplace_back([&] {
            for (int round = 0; round < 300; ++round) {
                // A sanitizer sees a call that comes after the end of what the hook refers to.
                auto const local = std::make_unique<std::atomic<unsigned>>(0);
                {
                    auto const hook = hooks.subscribe({.on_chunk = [&](llms::chunk_event const&) {
                        local->fetch_add(1);
                    }});
                    if (round % 8 == 0) { // until it was called for sure
                        while (local->load() == 0) {
                            std::this_thread::yield();
                        }
                    }
                }
                auto const calls = local->load();
                total += calls;
                if (local->load() != calls) {
                    std::terminate();
                }
            }
        });
    }
    subscribers.clear();
    callers.clear();
    CHECK(total >= 2 * 38);
}

} // namespace hooks_test
