// SPDX-License-Identifier: MIT
//
// `with_tools(tools)`: the middleware that lets the model call tools: it sends their descriptions,
// makes the calls that come back, sends the results, and so on until the model answers.
//
//     auto client = provider | llms::with_tools(llms::toolbox{weather, distance}, pool);
//     std::cout << client.complete(ask).text();
//
// The answer is that of the last step, with the usage of all of them. A stream yields the text and
// reasoning of every step, without the calls between them, and ends once. With an executor (see
// toolbox) the calls of a step run at once. Whatever is wrong with a call becomes text for the model;
// a call of a tool that the request brought itself ends the loop and goes to the caller. A
// `tool_choice` that forces a call holds for the first step.
//
// Thread safety: as the provider's. Cost: a copy of the request for each call.
#ifndef LLMS_CHAT_WITH_TOOLS_HPP
#define LLMS_CHAT_WITH_TOOLS_HPP

#include <llms/chat/chunk.hpp>
#include <llms/chat/message.hpp>
#include <llms/chat/middleware.hpp>
#include <llms/chat/provider.hpp>
#include <llms/chat/request.hpp>
#include <llms/chat/response.hpp>
#include <llms/chat/response_stream.hpp>
#include <llms/chat/tool_result.hpp>
#include <llms/chat/toolbox.hpp>
#include <llms/detail/chat_response_chunks.hpp>
#include <llms/detail/chat_stops.hpp>
#include <llms/detail/chat_tool_loop.hpp>
#include <llms/error.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string_view>
#include <utility>
#include <vector>

namespace llms::inline v0_1 {

/// A provider whose model calls tools; made by `with_tools`.
template <provider P>
class tools_provider {
public:
    static constexpr auto layers = layers_of<P> | layer::with_tools;

    tools_provider(P inner, std::shared_ptr<detail::tool_loop_settings const> settings)
        : shared_(std::make_shared<shared>(std::move(inner), std::move(settings))) {}

    /// \throws as the provider; tool_steps_error and timeout_error as the options say.
    [[nodiscard]] auto complete(request const& ask, std::stop_token stop = {}) -> response {
        detail::tool_loop loop(*shared_->settings, ask);
        for (;;) {
            auto answer = shared_->inner.complete(loop.next_request(), stop);
            if (!loop.take(answer, stop)) {
                return answer;
            }
        }
    }

    /// \throws as `complete`
    [[nodiscard]] auto stream(request const& ask, std::stop_token stop = {}) -> response_stream {
        return response_stream(std::make_unique<source>(shared_, ask, std::move(stop)));
    }

    [[nodiscard]] auto name() const -> std::string_view { return shared_->inner.name(); }

private:
    struct shared {
        shared(P&& inner_, std::shared_ptr<detail::tool_loop_settings const> settings_)
            : inner(std::move(inner_)),
              settings(std::move(settings_)) {}
        P inner;
        std::shared_ptr<detail::tool_loop_settings const> settings;
    };

    class source final : public chunk_source {
    public:
        source(std::shared_ptr<shared> from, request const& ask, std::stop_token stop)
            : shared_(std::move(from)),
              loop_(*shared_->settings, ask),
              stop_(std::move(stop)) {
            ask_model();
        }

        [[nodiscard]] auto next(chunk& out, std::stop_token const& stop) -> bool override {
            while (!answer_) {
                auto const* const piece = step_->next(stop);
                if (piece == nullptr) {
                    return false;
                }
                if (piece->kind == chunk_kind::end) {
                    end_step(stop);
                } else if (piece->kind != chunk_kind::tool_call) { // known whole at the end
                    out = *piece;
                    return true;
                }
            }
            auto const& calls = answer_->message.tool_calls; // those that nobody here answers
            if (given_out_ < calls.size()) {
                detail::write_tool_call(calls[given_out_], given_out_, out);
            } else if (given_out_ == calls.size()) {
                detail::write_end(*answer_, out);
            } else {
                return false;
            }
            ++given_out_;
            return true;
        }

    private:
        void ask_model() { step_.emplace(shared_->inner.stream(loop_.next_request(), stop_)); }

        void end_step(std::stop_token const& stop) {
            auto answer = std::move(*step_).finish();
            step_.reset();
            detail::either_stop const either(stop_, stop);
            if (loop_.take(answer, either.token())) {
                ask_model();
            } else {
                answer_ = std::move(answer);
            }
        }

        std::shared_ptr<shared> shared_;
        detail::tool_loop loop_;
        std::stop_token stop_;
        std::optional<response_stream> step_;
        std::optional<response> answer_; // of the last step
        std::uint32_t given_out_ = 0;    // of its tool calls and the end
    };

    std::shared_ptr<shared> shared_;
};

/// The middleware that `with_tools` makes.
class tools_middleware {
public:
    explicit tools_middleware(detail::tool_loop_settings settings)
        : settings_(std::make_shared<detail::tool_loop_settings const>(std::move(settings))) {}
    template <provider P>
    [[nodiscard]] auto wrap(P inner) && {
        return tools_provider<P>(std::move(inner), std::move(settings_));
    }

private:
    std::shared_ptr<detail::tool_loop_settings const> settings_;
};

/// Lets the model call `tools`, one after the other on the thread of the call.
[[nodiscard]] inline auto with_tools(toolbox tools, with_tools_options options = {})
    -> tools_middleware {
    return tools_middleware({std::move(tools), std::move(options), nullptr});
}

/// Lets the model call `tools`, those of a step at once on `executor`, which must outlive the client
/// and its streams.
template <job_executor Executor>
[[nodiscard]] auto with_tools(toolbox tools, Executor& executor, with_tools_options options = {})
    -> tools_middleware {
    return tools_middleware(
        {std::move(tools), std::move(options), [&executor](std::function<void()> job) {
             executor.post(std::move(job));
         }});
}

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_WITH_TOOLS_HPP
