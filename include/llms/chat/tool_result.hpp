// SPDX-License-Identifier: MIT
//
// What became of one tool call: the text that goes back to the model, and what the program wants to
// know about it.
#ifndef LLMS_CHAT_TOOL_RESULT_HPP
#define LLMS_CHAT_TOOL_RESULT_HPP

#include <llms/chat/message.hpp>
#include <llms/json/mend.hpp>
#include <llms/schema/change.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace llms::inline v0_1 {

/// How a tool call ended.
enum class tool_status : std::uint8_t {
    ok,            ///< the tool was called and returned
    unknown_tool,  ///< there is no tool of that name
    bad_arguments, ///< the tool was not called: its arguments are not what it takes
    failed,        ///< the tool threw, or could not be run
    timed_out,     ///< the deadline came first
    cancelled,     ///< the caller's stop_token was stopped first
};

/// The status as a word, "bad_arguments".
[[nodiscard]] constexpr auto to_string(tool_status status) noexcept -> std::string_view {
    constexpr std::string_view names[] = {"ok",     "unknown_tool", "bad_arguments",
                                          "failed", "timed_out",    "cancelled"};
    return names[static_cast<std::size_t>(status)];
}

/// The outcome of one tool call.
struct tool_result {
    std::string id{};   ///< of the call
    std::string name{}; ///< of the tool, as the model wrote it
    tool_status status = tool_status::ok;
    /// For the model: the result as JSON (a string as it is), or in a sentence why there is none.
    std::string text{};
    /// What was coerced in the arguments.
    std::vector<change<>> changes{};
    /// What was mended in their text.
    std::vector<mend> mends{};

    /// Whether the tool returned.
    [[nodiscard]] explicit operator bool() const noexcept { return status == tool_status::ok; }

    /// The message that answers the call.
    [[nodiscard]] auto message() const -> llms::message {
        return llms::message::tool_result(id, text);
    }
};

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_TOOL_RESULT_HPP
