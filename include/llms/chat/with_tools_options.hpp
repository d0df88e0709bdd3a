// SPDX-License-Identifier: MIT
//
// How `with_tools` runs its loop, and what it throws when the loop does not end.
#ifndef LLMS_CHAT_WITH_TOOLS_OPTIONS_HPP
#define LLMS_CHAT_WITH_TOOLS_OPTIONS_HPP

#include <llms/chat/message.hpp>
#include <llms/chat/response.hpp>
#include <llms/error.hpp>
#include <llms/metrics/metrics.hpp>
#include <llms/schema/adapt.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace llms::inline v0_1 {

/// What becomes of a model that calls tools in its last step, too.
enum class tool_limit : std::uint8_t {
    fail,      ///< `tool_steps_error`
    hand_back, ///< its answer goes to the caller, with the calls; `finish` is `tool_calls`
    answer,    ///< the last step forbids it to call tools (tool_choice "none"): it has to answer
};

/// Options of `with_tools`.
struct with_tools_options {
    std::size_t max_steps = 10; ///< answers asked for, the first included; 0 is 1
    tool_limit at_limit = tool_limit::fail;
    /// For the calls of one step together; what was not done by then is told the model as timed out.
    std::optional<std::chrono::nanoseconds> tool_timeout{};
    /// For the whole: tools get what is left of it, and past it no step is begun: timeout_error. It
    /// does not end a step that waits for the provider; the caller's stop_token does, and reaches
    /// the tools as well.
    std::optional<std::chrono::nanoseconds> timeout{};
    std::size_t max_result_bytes = std::size_t{1} << 20; ///< a longer result is cut, and says so
    schema_dialect dialect = schema_dialect::full;       ///< of the tools' parameters
    llms::metrics* metrics = nullptr;                    ///< told of each execution of a tool
    /// Called with each message that the loop adds to the conversation, in their order: the answers
    /// that call tools, and the results. Not with the last answer, which the caller gets.
    std::function<void(message const&)> on_message{};
};

/// The model called tools in its last step, too. Cheap to copy; copying never throws.
class tool_steps_error : public error {
public:
    tool_steps_error(std::size_t steps, llms::response last)
        : error("with_tools: the model still calls tools after " + std::to_string(steps) +
                (steps == 1 ? " step" : " steps") + ", the most that max_steps allows"),
          steps_(steps),
          last_(std::make_shared<llms::response const>(std::move(last))) {}

    [[nodiscard]] auto steps() const noexcept -> std::size_t { return steps_; }
    /// The answer of the last step, with the usage of all steps.
    [[nodiscard]] auto response() const noexcept -> llms::response const& { return *last_; }

private:
    std::size_t steps_;
    std::shared_ptr<llms::response const> last_;
};

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_WITH_TOOLS_OPTIONS_HPP
