// SPDX-License-Identifier: MIT
//
// The tools that a model may call, and the calling of several at once:
//
//     auto const tools = llms::toolbox{distance, weather, search};
//     ask.tools = tools.specs();
//     for (auto const& r : tools.call(answer.message.tool_calls, pool, {.timeout = 10s})) {
//         conversation.push_back(r.message());
//     }
//
// An executor is anything with `post(job)`, where a job is a `std::function<void()>` that it runs on
// some thread, once or never. Results come in the order of the calls, whatever order they end in. At
// the deadline, or when the caller's stop_token is stopped, the tools' stop_token is stopped and the
// results of those that still run are given up; C++ cannot end a function that does not look at its
// token, so such a one runs on, and its result is dropped.
// Thread safety: const once filled; calls may run at once.
#ifndef LLMS_CHAT_TOOLBOX_HPP
#define LLMS_CHAT_TOOLBOX_HPP

#include <llms/chat/message.hpp>
#include <llms/chat/request.hpp>
#include <llms/chat/tool.hpp>
#include <llms/chat/tool_result.hpp>
#include <llms/detail/chat_tool_batch.hpp>
#include <llms/error.hpp>
#include <llms/metrics/metrics.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace llms::inline v0_1 {

/// Something that runs jobs.
template <class Executor>
concept job_executor = requires(Executor& executor, std::function<void()> job) {
    executor.post(std::move(job));
};

/// Options of `toolbox::call`.
struct tool_call_options {
    /// How long to wait for all results; for ever by default.
    std::optional<std::chrono::nanoseconds> timeout{};
    /// Stopped by the caller to give up.
    std::stop_token stop{};
    /// Told of each execution: of its begin where it runs, of its end there or, when it was given
    /// up, by the caller. Not used once the call has returned.
    llms::metrics* metrics = nullptr;
};

/// Tools by name.
class toolbox {
public:
    toolbox() = default;
    template <std::same_as<tool>... Tools>
        requires(sizeof...(Tools) > 0)
    explicit toolbox(Tools... tools) { (add(std::move(tools)), ...); }

    /// Adds a tool. Throws `error` if there is one of its name.
    void add(tool added) {
        if (find(added.name()) != nullptr) {
            throw error{"there is a tool named " + added.name() + " already"};
        }
        tools_.push_back(std::move(added));
    }

    /// The tool of that name, or null. Invalidated by `add`.
    [[nodiscard]] auto find(std::string_view name) const noexcept -> tool const* {
        auto const found = std::find_if(tools_.begin(), tools_.end(),
                                        [name](tool const& each) { return each.name() == name; });
        return found == tools_.end() ? nullptr : &*found;
    }

    [[nodiscard]] auto size() const noexcept -> std::size_t { return tools_.size(); }
    [[nodiscard]] auto begin() const noexcept { return tools_.begin(); }
    [[nodiscard]] auto end() const noexcept { return tools_.end(); }

    /// The tools for `request::tools`.
    [[nodiscard]] auto specs(schema_dialect dialect = schema_dialect::full) const
        -> std::vector<tool_spec> {
        auto specs = std::vector<tool_spec>{};
        for (auto const& each : tools_) {
            specs.push_back(each.spec(dialect).tool);
        }
        return specs;
    }

    /// Makes one call on this thread.
    [[nodiscard]] auto call(tool_call const& call, std::stop_token stop = {}) const -> tool_result {
        if (auto const* const found = find(call.name)) {
            return found->call(call, stop);
        }
        auto text = "There is no tool named \"" + call.name + "\". The tools are:";
        for (auto const& each : tools_) {
            text += (&each == tools_.data() ? " " : ", ") + each.name();
        }
        return {.id = call.id,
                .name = call.name,
                .status = tool_status::unknown_tool,
                .text = std::move(text)};
    }

    /// Makes the calls one after the other on this thread; past the timeout no more are begun.
    [[nodiscard]] auto call(std::vector<tool_call> const& calls,
                            tool_call_options const& options = {}) const
        -> std::vector<tool_result> {
        auto const deadline = detail::tool_deadline(options.timeout);
        auto results = std::vector<tool_result>{};
        for (auto const& each : calls) {
            results.push_back(detail::tool_clock::now() < deadline
                                  ? detail::told_tool(options.metrics, each,
                                                      [&] { return call(each, options.stop); })
                                  : detail::given_up(each, tool_status::timed_out));
        }
        return results;
    }

    /// Makes the calls on `executor`, as many at once as it likes, and waits for them. What the
    /// executor throws or drops fails that call alone.
    template <job_executor Executor>
    [[nodiscard]] auto call(std::vector<tool_call> const& calls, Executor&& executor,
                            tool_call_options const& options = {}) const
        -> std::vector<tool_result> {
        // Jobs may outlive a caller that has given up, and with it this toolbox.
        auto const tools = std::make_shared<toolbox const>(*this);
        auto const batch = std::make_shared<detail::tool_batch>(
            calls, detail::tool_deadline(options.timeout), options.metrics);
        auto const on_stop = std::stop_callback{options.stop, [&batch] {
                                                    batch->cancel();
                                                }};
        for (auto at = std::size_t{0}; at < calls.size(); ++at) {
            auto job = std::function<void()>{
                [tools, place = std::make_shared<detail::tool_batch::place>(batch, at)] {
                    place->run([&tools](tool_call const& each, std::stop_token stop) {
                        return tools->call(each, std::move(stop));
                    });
                }};
            try {
                executor.post(std::move(job));
            } catch (std::exception const& e) {
                batch->fail(at, "The tool could not be started: " + std::string{e.what()});
            }
        }
        return batch->wait();
    }

private:
    std::vector<tool> tools_;
};

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_TOOLBOX_HPP
