// SPDX-License-Identifier: MIT
//
// `message`: one entry of a conversation, as providers understand it: a role, content parts (text,
// images, audio, files), the tool calls of an assistant or the result of one.
//
//     auto const hello = llms::message::user("What is the weather in Oslo?");
//     std::string const text = hello.text();
//
// Moves are cheap. A copy can be megabytes of base64, so it is spelt out: `m.clone()`.
//
// Thread safety: as a standard container: concurrent reads, exclusive writes.
#ifndef LLMS_CHAT_MESSAGE_HPP
#define LLMS_CHAT_MESSAGE_HPP

#include <llms/detail/chat_explicit_copy.hpp>

#include <nlohmann/json.hpp>

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace llms::inline v0_1 {

/// Who speaks.
enum class role : std::uint8_t { system, developer, user, assistant, tool };

/// The role's name on the wire: "system", "developer", "user", "assistant" or "tool".
[[nodiscard]] constexpr auto to_string(role who) noexcept -> std::string_view {
    constexpr std::string_view names[] = {"system", "developer", "user", "assistant", "tool"};
    return names[static_cast<std::size_t>(who)];
}

/// A call of a tool that the model asks for.
struct tool_call {
    std::string id;         ///< the provider's name of this call; the result refers to it
    std::string name;       ///< the tool
    std::string arguments;  ///< JSON text as the model wrote it: perhaps broken, never trusted
    nlohmann::json extra{}; ///< further members of the wire form, kept and sent back

    auto operator==(tool_call const&) const -> bool = default;
};

/// Text, UTF-8.
struct text_part {
    std::string text;
    nlohmann::json
        extra{}; ///< further members of the wire form (citations ...), kept and sent back
    auto operator==(text_part const&) const -> bool = default;
};

/// What a reasoning model let see of its thoughts.
struct reasoning_part {
    std::string text;
    std::string signature{}; ///< to be sent back unchanged where the provider signs its reasoning
    auto operator==(reasoning_part const&) const -> bool = default;
};

/// An image: an https URL, or a data URL that holds the bytes in base64.
struct image_part {
    std::string url;
    std::string detail{}; ///< "low", "high" or "auto"; empty = the provider's default
    auto operator==(image_part const&) const -> bool = default;
};

/// A piece of audio in base64.
struct audio_part {
    std::string data;
    std::string format; ///< "wav", "mp3" ...
    auto operator==(audio_part const&) const -> bool = default;
};

/// A file: its bytes in base64 as a data URL, or the id of one that was uploaded before.
struct file_part {
    std::string name{};
    std::string data{};
    std::string id{};
    auto operator==(file_part const&) const -> bool = default;
};

/// A part of a kind that llms does not know, kept as the provider wrote it.
struct other_part {
    nlohmann::json raw;
    auto operator==(other_part const&) const -> bool = default;
};

/// One part of a message's content.
using content_part =
    std::variant<text_part, reasoning_part, image_part, audio_part, file_part, other_part>;

/// One entry of a conversation; see the head of this file.
struct message {
    llms::role role = llms::role::user;
    std::vector<content_part> content{};
    std::vector<tool_call> tool_calls{}; ///< of an assistant: what it wants called
    std::string tool_call_id{};          ///< of a tool: the call that this is the result of
    std::string name{};                  ///< the speaker, where several share a role
    nlohmann::json extra{};              ///< further members of the wire form, kept and sent back
    [[no_unique_address]] detail::explicit_copy copies_are_explicit{};

    [[nodiscard]] static auto system(std::string text) -> message {
        return of(llms::role::system, std::move(text));
    }
    [[nodiscard]] static auto user(std::string text) -> message {
        return of(llms::role::user, std::move(text));
    }
    [[nodiscard]] static auto assistant(std::string text) -> message {
        return of(llms::role::assistant, std::move(text));
    }
    /// The result of the tool call `id`, as text for the model.
    [[nodiscard]] static auto tool_result(std::string id, std::string text) -> message {
        auto result = of(llms::role::tool, std::move(text));
        result.tool_call_id = std::move(id);
        return result;
    }

    /// The text parts, joined.
    [[nodiscard]] auto text() const -> std::string {
        std::string joined;
        for (auto const& part : content) {
            if (auto const* piece = std::get_if<text_part>(&part)) {
                joined += piece->text;
            }
        }
        return joined;
    }

    [[nodiscard]] auto clone() const -> message {
        return {.role = role,
                .content = content,
                .tool_calls = tool_calls,
                .tool_call_id = tool_call_id,
                .name = name,
                .extra = extra};
    }

    /// Makes this the default message again; vectors and strings keep their capacity.
    void clear() noexcept {
        role = llms::role::user;
        content.clear();
        tool_calls.clear();
        tool_call_id.clear();
        name.clear();
        extra = nullptr;
    }

    auto operator==(message const& other) const -> bool {
        return role == other.role && content == other.content && tool_calls == other.tool_calls &&
               tool_call_id == other.tool_call_id && name == other.name && extra == other.extra;
    }

private:
    [[nodiscard]] static auto of(llms::role who, std::string text) -> message {
        message made{.role = who};
        made.content.emplace_back(text_part{std::move(text)});
        return made;
    }
};

/// A conversation, oldest message first: a vector that can be written as a list of moved messages.
///
///     llms::message_list talk{llms::message::system("Be brief."), llms::message::user("Hi")};
struct message_list : std::vector<message> {
    message_list() = default;
    template <std::same_as<message>... Messages>
        requires(sizeof...(Messages) > 0)
    message_list(Messages... messages) { // NOLINT(google-explicit-constructor)
        reserve(sizeof...(Messages));
        (push_back(std::move(messages)), ...);
    }

    [[nodiscard]] auto clone() const -> message_list {
        message_list copy;
        copy.reserve(size());
        for (auto const& entry : *this) {
            copy.push_back(entry.clone());
        }
        return copy;
    }
};

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_MESSAGE_HPP
