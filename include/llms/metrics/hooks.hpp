// SPDX-License-Identifier: MIT
//
// `hook_list` calls the functions that a program registered for what happens during calls.
//
//     auto const slow = hooks.subscribe({.after_operation = [&](llms::operation_end const& end) {
//         if (end.duration > 10s) { log(end.info.model, end.duration); }
//     }});
//
// Hooks are added to each other, never replaced; their order is not defined. They run in the thread
// of the call, under no lock, and several threads may be in one hook at once. What a hook throws is
// swallowed. A hook sees strings that live until it returns.
//
// Thread-safe. Without a hook an event costs one load; with hooks some 15 ns each, without a lock.
#ifndef LLMS_METRICS_HOOKS_HPP
#define LLMS_METRICS_HOOKS_HPP

#include <llms/detail/metrics_callbacks.hpp>
#include <llms/metrics/events.hpp>
#include <llms/metrics/subscription.hpp>

#include <functional>
#include <memory>
#include <utility>

namespace llms::inline v0_1 {

/// Functions for what happens during calls; empty ones are skipped.
struct metrics_hook {
    std::function<void(operation_begin const&)> before_operation{};
    std::function<void(operation_end const&)> after_operation{};
    std::function<void(attempt_end const&)> after_attempt{};
    std::function<void(retry_event const&)> on_retry{};
    std::function<void(chunk_event const&)> on_chunk{};
    std::function<void(tool_begin const&)> before_tool{};
    std::function<void(tool_end const&)> after_tool{};
    std::function<void(cache_event const&)> on_cache{};
};

/// The hooks of a program, or of one client.
class hook_list {
public:
    /// Calls `hook` from now on, for as long as the result lives.
    auto subscribe(metrics_hook hook) -> subscription {
        auto* const node = hooks_->add(std::move(hook));
        return subscription{[hooks = hooks_, node] {
            hooks->remove(node);
        }};
    }

    void run(operation_begin const& event) noexcept { run(&metrics_hook::before_operation, event); }
    void run(operation_end const& event) noexcept { run(&metrics_hook::after_operation, event); }
    void run(attempt_end const& event) noexcept { run(&metrics_hook::after_attempt, event); }
    void run(retry_event const& event) noexcept { run(&metrics_hook::on_retry, event); }
    void run(chunk_event const& event) noexcept { run(&metrics_hook::on_chunk, event); }
    void run(tool_begin const& event) noexcept { run(&metrics_hook::before_tool, event); }
    void run(tool_end const& event) noexcept { run(&metrics_hook::after_tool, event); }
    void run(cache_event const& event) noexcept { run(&metrics_hook::on_cache, event); }

private:
    using list = detail::callback_list<metrics_hook>;

    template <class Event>
    void run(std::function<void(Event const&)> metrics_hook::*member, Event const& event) noexcept {
        hooks_->for_each([&](metrics_hook const& hook) {
            if (auto const& function = hook.*member) {
                function(event);
            }
        });
    }

    std::shared_ptr<list> hooks_ = std::make_shared<list>(); // shared with the subscriptions
};

} // namespace llms::inline v0_1

#endif // LLMS_METRICS_HOOKS_HPP
