// SPDX-License-Identifier: MIT
//
// The conversation between a model and its tools, without the way in which the model is asked.
#ifndef LLMS_DETAIL_CHAT_TOOL_LOOP_HPP
#define LLMS_DETAIL_CHAT_TOOL_LOOP_HPP

#include <llms/chat/message.hpp>
#include <llms/chat/request.hpp>
#include <llms/chat/response.hpp>
#include <llms/chat/tool_result.hpp>
#include <llms/chat/toolbox.hpp>
#include <llms/chat/with_tools_options.hpp>
#include <llms/detail/chat_json.hpp>
#include <llms/detail/chat_pause.hpp>
#include <llms/detail/chat_tool_batch.hpp>
#include <llms/error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace llms::inline v0_1::detail {

/// What all calls of one client share.
struct tool_loop_settings {
    tool_loop_settings(toolbox tools_, with_tools_options options_,
                       std::function<void(std::function<void()>)> post_)
        : tools(std::move(tools_)),
          options(std::move(options_)),
          executor{std::move(post_)},
          specs(tools.specs(options.dialect)) {}

    struct any_executor {
        std::function<void(std::function<void()>)> run; // empty: there is none
        void post(std::function<void()> job) const { run(std::move(job)); }
    };

    toolbox tools;
    with_tools_options options;
    any_executor executor;
    std::vector<tool_spec> specs;
};

/// Cuts a text between characters when it is longer than `most`, and says so.
inline void cut_result(std::string& text, std::size_t most) {
    if (text.size() <= most) {
        return;
    }
    auto end = most;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
        --end;
    }
    auto note = "\n[cut: the first " + std::to_string(end) + " of " + std::to_string(text.size()) +
                " bytes]";
    text.resize(end);
    text += note;
}

/// Whether a tool_choice leaves the model no other way; in OpenAI's or Anthropic's words.
inline auto forces_a_call(nlohmann::json const& choice) -> bool {
    auto const free = [](std::string const& word) {
        return word == "auto" || word == "none" || word == "allowed_tools";
    };
    return choice.is_string()   ? !free(choice.get_ref<std::string const&>())
           : choice.is_object() ? !free(string_of(choice, "type"))
                                : false;
}

/// One call of the client: its steps. One thread at a time; the settings must outlive it.
class tool_loop {
public:
    tool_loop(tool_loop_settings const& settings, request const& ask)
        : settings_(&settings),
          ask_(ask.clone()),
          deadline_(tool_deadline(settings.options.timeout)) {
        auto const own = ask_.tools.size();
        for (auto const& spec : settings.specs) {
            if (std::none_of(ask.tools.begin(), ask.tools.end(),
                             [&](tool_spec const& known) { return known.name == spec.name; })) {
                ask_.tools.push_back(spec);
            }
        }
        for (std::size_t i = 0; i < own; ++i) {
            if (settings.tools.find(ask_.tools[i].name) == nullptr) {
                callers_.push_back(ask_.tools[i].name);
            }
        }
    }

    /// What the model is to be asked in the next step. \throws timeout_error
    [[nodiscard]] auto next_request() -> request const& {
        if (steps_ > 0 && tool_clock::now() >= deadline_) {
            throw timeout_error("with_tools: the timeout came after " + std::to_string(steps_) +
                                (steps_ == 1 ? " step" : " steps"));
        }
        ++steps_;
        if (steps_ == max_steps() && settings_->options.at_limit == tool_limit::answer &&
            !ask_.tools.empty()) {
            ask_.tool_choice = "none";
        } else if (steps_ > 1 && forces_a_call(ask_.tool_choice)) {
            ask_.tool_choice = nullptr; // it would force one for ever
        }
        return ask_;
    }

    /// True: the tools were called, and the model is to be asked again. False: `answer` is the last,
    /// and now says what all steps used.
    /// \throws tool_steps_error; cancelled_error when `stop` is stopped before all tools are done
    [[nodiscard]] auto take(response& answer, std::stop_token const& stop) -> bool {
        add(answer);
        if (!calls_ours(answer)) {
            return false;
        }
        if (steps_ >= max_steps()) {
            if (settings_->options.at_limit == tool_limit::hand_back) {
                return false;
            }
            throw tool_steps_error(steps_, std::move(answer));
        }
        auto results = run(answer.message.tool_calls, stop);
        throw_if_stopped(stop);
        append(std::move(answer.message));
        for (auto& result : results) {
            cut_result(result.text, settings_->options.max_result_bytes);
            append(result.message());
        }
        return true;
    }

private:
    [[nodiscard]] auto max_steps() const noexcept -> std::size_t {
        return std::max<std::size_t>(settings_->options.max_steps, 1);
    }

    // Calls that were cut off with the answer, or filtered, are not made.
    [[nodiscard]] auto calls_ours(response const& answer) const -> bool {
        auto const& calls = answer.message.tool_calls;
        return !calls.empty() && answer.finish != finish_reason::length &&
               answer.finish != finish_reason::content_filter &&
               std::none_of(calls.begin(), calls.end(), [this](tool_call const& call) {
                   return std::find(callers_.begin(), callers_.end(), call.name) != callers_.end();
               });
    }

    [[nodiscard]] auto run(std::vector<tool_call> const& calls, std::stop_token const& stop) const
        -> std::vector<tool_result> {
        auto const& options = settings_->options;
        tool_call_options how{
            .timeout = options.tool_timeout, .stop = stop, .metrics = options.metrics};
        if (deadline_ != tool_clock::time_point::max()) {
            auto const left = std::chrono::nanoseconds{deadline_ - tool_clock::now()};
            how.timeout = how.timeout ? std::min(*how.timeout, left) : left;
        }
        return settings_->executor.run ? settings_->tools.call(calls, settings_->executor, how)
                                       : settings_->tools.call(calls, how);
    }

    void append(message&& added) {
        if (settings_->options.on_message) {
            settings_->options.on_message(added);
        }
        ask_.messages.push_back(std::move(added));
    }

    void add(response& answer) {
        used_.input_tokens += answer.usage.input_tokens;
        used_.output_tokens += answer.usage.output_tokens;
        used_.cached_input_tokens += answer.usage.cached_input_tokens;
        used_.cache_write_tokens += answer.usage.cache_write_tokens;
        used_.reasoning_tokens += answer.usage.reasoning_tokens;
        cached_ = cached_ && answer.cached;
        coalesced_ = coalesced_ && answer.coalesced;
        answer.usage = used_;
        answer.cached = cached_;
        answer.coalesced = coalesced_;
    }

    tool_loop_settings const* settings_;
    request ask_;
    std::vector<std::string> callers_; // tools that the caller runs
    tool_clock::time_point deadline_;
    std::size_t steps_ = 0;
    usage used_;
    bool cached_ = true; // every step was
    bool coalesced_ = true;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CHAT_TOOL_LOOP_HPP
