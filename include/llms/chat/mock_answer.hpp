// SPDX-License-Identifier: MIT
//
// `mock_answer`: what a `mock_provider` does when it is called: the chunks it gives out, when, and
// where it fails.
//
//     llms::mock_answer::text("Three fjords: ...");                   // cut at its spaces
//     llms::mock_answer::pieces({"Three", " fjords"}).paced(200ms, 20ms);
//     llms::mock_answer::calls({{"id-1", "weather", R"({"city":"Oslo"})"}});
//     llms::mock_answer::fails(llms::failure::rate_limited);          // the call itself
//     llms::mock_answer::text("one two").failing_after(1, llms::failure::connection);
//
// Thread safety: a value.
#ifndef LLMS_CHAT_MOCK_ANSWER_HPP
#define LLMS_CHAT_MOCK_ANSWER_HPP

#include <llms/chat/chunk.hpp>
#include <llms/chat/message.hpp>
#include <llms/chat/provider_error.hpp>
#include <llms/chat/response.hpp>
#include <llms/detail/chat_response_chunks.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace llms::inline v0_1 {

/// One scripted answer; see the head of this file.
struct mock_answer {
    /// The last should be the end: without it the answer breaks off. An end that names no model or
    /// usage gets the request's model, and as usage one token for four bytes of the request and one
    /// for each chunk; one without an id gets "mock-N".
    std::vector<chunk> chunks{};
    std::chrono::nanoseconds first_delay{}; ///< before the first chunk
    std::chrono::nanoseconds delay{};       ///< before each further chunk, the end included
    std::exception_ptr error{};             ///< what the call fails with; null = it does not
    /// Where it fails: after so many chunks; nothing: `stream` itself throws.
    std::optional<std::size_t> error_after{};

    /// Text in the given pieces, then the end.
    [[nodiscard]] static auto pieces(std::vector<std::string> const& texts,
                                     finish_reason finish = finish_reason::stop) -> mock_answer {
        mock_answer answer;
        answer.chunks.reserve(texts.size() + 1);
        for (auto const& piece : texts) {
            answer.chunks.push_back({.text = piece});
        }
        answer.add_end(finish);
        return answer;
    }

    /// Text, cut before its spaces as models cut theirs.
    [[nodiscard]] static auto text(std::string_view whole,
                                   finish_reason finish = finish_reason::stop) -> mock_answer {
        std::vector<std::string> texts;
        while (!whole.empty()) {
            auto const piece = whole.substr(0, whole.find(' ', 1));
            texts.emplace_back(piece);
            whole.remove_prefix(piece.size());
        }
        return pieces(texts, finish);
    }

    /// Calls of tools, one chunk each.
    [[nodiscard]] static auto calls(std::vector<tool_call> const& wanted) -> mock_answer {
        response answer;
        answer.message.tool_calls = wanted;
        answer.finish = finish_reason::tool_calls;
        answer.finish_text = "tool_calls";
        return of(answer);
    }

    /// Any response, in one chunk a part; what a stream cannot carry (images, `extra`) is left out.
    [[nodiscard]] static auto of(response const& whole) -> mock_answer {
        return {.chunks = detail::response_chunks(whole)};
    }

    /// A call that fails before anything came.
    [[nodiscard]] static auto fails(std::exception_ptr with) -> mock_answer {
        return {.error = std::move(with)};
    }
    [[nodiscard]] static auto fails(failure kind) -> mock_answer { return fails(mocked(kind)); }
    [[nodiscard]] static auto fails(provider_error const& with) -> mock_answer {
        return fails(std::make_exception_ptr(with));
    }

    /// This, with pauses before the first chunk and before each further one.
    [[nodiscard]] auto paced(std::chrono::nanoseconds first,
                             std::chrono::nanoseconds between) && -> mock_answer {
        first_delay = first;
        delay = between;
        return std::move(*this);
    }

    /// This, but failing in the place of chunk number `count` (from 0).
    [[nodiscard]] auto failing_after(std::size_t count, std::exception_ptr with) && -> mock_answer {
        error = std::move(with);
        error_after = count;
        return std::move(*this);
    }
    [[nodiscard]] auto failing_after(std::size_t count, failure kind) && -> mock_answer {
        return std::move(*this).failing_after(count, mocked(kind));
    }

private:
    static auto mocked(failure kind) -> std::exception_ptr {
        return std::make_exception_ptr(provider_error(
            kind, "mock_provider: told to fail (" + std::string(to_string(kind)) + ")"));
    }

    void add_end(finish_reason finish) {
        chunks.push_back({.kind = chunk_kind::end,
                          .finish = finish,
                          .signature = std::string(to_string(finish))});
    }
};

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_MOCK_ANSWER_HPP
