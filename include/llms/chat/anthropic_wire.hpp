// SPDX-License-Identifier: MIT
//
// The wire form of Anthropic's Messages API: requests to JSON, answers and stream events from JSON.
// `anthropic_client` is built on it; a program with a transport of its own may use it alone.
//
//     std::string const body = llms::anthropic::body(ask, {.stream = true}).dump();
//     llms::anthropic::stream_decoder decoder;
//     decoder.feed(event.data, [](llms::chunk&& piece) { ... });
//
// Blocks that llms does not model (server tools and their results, redacted thinking ...) are
// other_parts and go back as they came. Everything read here comes from outside: a member of the
// wrong type is as good as absent where it may be, and a provider_error (malformed) where it must
// not.
#ifndef LLMS_CHAT_ANTHROPIC_WIRE_HPP
#define LLMS_CHAT_ANTHROPIC_WIRE_HPP

#include <llms/chat/chunk.hpp>
#include <llms/chat/message.hpp>
#include <llms/chat/provider_error.hpp>
#include <llms/chat/request.hpp>
#include <llms/chat/response.hpp>
#include <llms/detail/chat_json.hpp>
#include <llms/error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace llms::inline v0_1::anthropic {

namespace detail {

using llms::detail::add_members;
using llms::detail::excerpt;
using llms::detail::integer_of;
using llms::detail::json_member;
using llms::detail::lenient_dump;
using llms::detail::members_but;
using llms::detail::parse_json;
using llms::detail::string_of;

using ordered = nlohmann::ordered_json;

/// The source of an image or a document: a data URL's bytes, a URL, or an uploaded file's id.
[[nodiscard]] inline auto source_to_json(std::string_view url, std::string_view id = {})
    -> ordered {
    if (!id.empty()) {
        return {{"type", "file"}, {"file_id", id}};
    }
    constexpr std::string_view scheme = "data:";
    constexpr std::string_view coding = ";base64,";
    auto const cut = url.find(coding);
    if (url.starts_with(scheme) && cut != std::string_view::npos) {
        return {{"type", "base64"},
                {"media_type", url.substr(scheme.size(), cut - scheme.size())},
                {"data", url.substr(cut + coding.size())}};
    }
    return {{"type", "url"}, {"url", url}};
}

/// The URL that `source_to_json` makes this source of; empty if there is none.
[[nodiscard]] inline auto source_url(nlohmann::json const& source) -> std::string {
    if (string_of(source, "type") == "base64") {
        return "data:" + string_of(source, "media_type") + ";base64," + string_of(source, "data");
    }
    return string_of(source, "url");
}

[[nodiscard]] inline auto part_to_json(content_part const& part) -> ordered {
    struct visitor {
        auto operator()(text_part const& p) const -> ordered {
            ordered j{{"type", "text"}, {"text", p.text}};
            add_members(j, p.extra);
            return j;
        }
        auto operator()(reasoning_part const& p) const -> ordered {
            return {{"type", "thinking"}, {"thinking", p.text}, {"signature", p.signature}};
        }
        auto operator()(image_part const& p) const -> ordered {
            return {{"type", "image"}, {"source", source_to_json(p.url)}};
        }
        auto operator()(audio_part const& /*p*/) const -> ordered {
            throw error("the request cannot be sent: Anthropic's Messages take no audio part");
        }
        auto operator()(file_part const& p) const -> ordered {
            ordered j{{"type", "document"}, {"source", source_to_json(p.data, p.id)}};
            if (!p.name.empty()) {
                j["title"] = p.name;
            }
            return j;
        }
        auto operator()(other_part const& p) const -> ordered { return p.raw; }
    };
    return std::visit(visitor{}, part);
}

/// A block as a part; other_part when the part would not give the same block back.
[[nodiscard]] inline auto part_from_json(nlohmann::json const& j) -> content_part {
    auto const type = string_of(j, "type");
    content_part part = other_part{};
    if (type == "text") {
        part = text_part{string_of(j, "text"), members_but(j, {"type", "text"})};
    } else if (type == "thinking") {
        part = reasoning_part{string_of(j, "thinking"), string_of(j, "signature")};
    } else if (type == "image") {
        part = image_part{source_url(json_member(j, "source"))};
    } else if (type == "document") {
        auto const& source = json_member(j, "source");
        part = file_part{string_of(j, "title"), source_url(source), string_of(source, "file_id")};
    }
    if (std::holds_alternative<other_part>(part) || nlohmann::json(part_to_json(part)) != j) {
        return other_part{j};
    }
    return part;
}

/// What a call's arguments are on the wire: the object, or, as Anthropic asks for what is no JSON
/// object, one that holds the text.
[[nodiscard]] inline auto input_of(std::string const& arguments) -> nlohmann::json {
    if (arguments.empty()) {
        return nlohmann::json::object();
    }
    auto input = parse_json(arguments);
    return input.is_object() ? input : nlohmann::json{{"INVALID_JSON", arguments}};
}

[[nodiscard]] inline auto call_to_json(tool_call const& call) -> ordered {
    ordered j{{"type", "tool_use"},
              {"id", call.id},
              {"name", call.name},
              {"input", input_of(call.arguments)}};
    add_members(j, call.extra);
    return j;
}

[[nodiscard]] inline auto is_call(nlohmann::json const& j) -> bool {
    return string_of(j, "type") == "tool_use" && json_member(j, "input").is_object() &&
           json_member(j, "id").is_string() && json_member(j, "name").is_string();
}

[[nodiscard]] inline auto call_from_json(nlohmann::json const& j) -> tool_call {
    return {.id = string_of(j, "id"),
            .name = string_of(j, "name"),
            .arguments = lenient_dump(json_member(j, "input")),
            .extra = members_but(j, {"type", "id", "name", "input"})};
}

/// Reads the content of a wire message into `m`.
inline void read_content(nlohmann::json const& content, message& m) {
    if (content.is_string()) {
        m.content.emplace_back(text_part{content.get<std::string>()});
    } else if (content.is_array()) {
        for (auto const& block : content) {
            if (is_call(block)) {
                m.tool_calls.push_back(call_from_json(block));
            } else {
                m.content.push_back(part_from_json(block));
            }
        }
    }
}

[[nodiscard]] inline auto parts_to_json(message const& m) -> ordered {
    ordered blocks = ordered::array();
    for (auto const& part : m.content) {
        // Thoughts of other providers are not signed: Anthropic would refuse them.
        auto const* thought = std::get_if<reasoning_part>(&part);
        if (thought == nullptr || !thought->signature.empty()) {
            blocks.push_back(part_to_json(part));
        }
    }
    return blocks;
}

/// The content of a message of `system`, `user` or `assistant`.
[[nodiscard]] inline auto content_to_json(message const& m) -> ordered {
    // The form it came in, where that says the same: calls between other blocks, a plain string.
    if (auto const& came = json_member(m.extra, "content"); !came.is_null()) {
        message read;
        read_content(came, read);
        if (read.content == m.content && read.tool_calls == m.tool_calls) {
            return came;
        }
    }
    auto blocks = parts_to_json(m);
    for (auto const& call : m.tool_calls) {
        blocks.push_back(call_to_json(call));
    }
    return blocks;
}

/// The tool_result block of a message of `role::tool`.
[[nodiscard]] inline auto result_to_json(message const& m) -> ordered {
    ordered j{{"type", "tool_result"}, {"tool_use_id", m.tool_call_id}};
    auto blocks = parts_to_json(m);
    if (blocks.size() == 1 && blocks[0].size() == 2 && blocks[0].contains("text")) {
        j["content"] = std::move(blocks[0]["text"]);
    } else {
        j["content"] = std::move(blocks);
    }
    add_members(j, m.extra);
    return j;
}

[[nodiscard]] inline auto finish_from(std::string_view word) noexcept -> finish_reason {
    if (word == "end_turn" || word == "stop_sequence") {
        return finish_reason::stop;
    }
    if (word == "max_tokens" || word == "model_context_window_exceeded") {
        return finish_reason::length;
    }
    if (word == "tool_use") {
        return finish_reason::tool_calls;
    }
    return word == "refusal" ? finish_reason::content_filter : finish_reason::unknown;
}

/// The word for a reason that has none of its provider's own.
[[nodiscard]] inline auto finish_word(finish_reason reason) noexcept -> std::string_view {
    switch (reason) {
    case finish_reason::stop:
        return "end_turn";
    case finish_reason::length:
        return "max_tokens";
    case finish_reason::tool_calls:
        return "tool_use";
    case finish_reason::content_filter:
        return "refusal";
    case finish_reason::unknown:
        break;
    }
    return {};
}

/// Anthropic counts tokens read from and written to its cache apart; `usage` counts them in.
[[nodiscard]] inline auto usage_from(nlohmann::json const& j) -> usage {
    auto const tokens = [&j](char const* key) {
        constexpr std::int64_t most = std::int64_t{1} << 60; // three of them can be added
        return std::clamp<std::int64_t>(integer_of(j, key), 0, most);
    };
    auto const read = tokens("cache_read_input_tokens");
    auto const written = tokens("cache_creation_input_tokens");
    return {.input_tokens = tokens("input_tokens") + read + written,
            .output_tokens = tokens("output_tokens"),
            .cached_input_tokens = read,
            .cache_write_tokens = written};
}

[[nodiscard]] inline auto usage_to_json(usage const& u) -> ordered {
    ordered j{{"input_tokens", u.input_tokens - u.cached_input_tokens - u.cache_write_tokens}};
    if (u.cache_write_tokens != 0) {
        j["cache_creation_input_tokens"] = u.cache_write_tokens;
    }
    if (u.cached_input_tokens != 0) {
        j["cache_read_input_tokens"] = u.cached_input_tokens;
    }
    j["output_tokens"] = u.output_tokens;
    return j;
}

/// Throws what an error answer or event says.
[[noreturn]] inline void throw_error(nlohmann::json const& j) {
    auto const& complaint = json_member(j, "error");
    auto const type = string_of(complaint, "type");
    auto const kind = type == "rate_limit_error" ? failure::rate_limited
                      : type == "authentication_error" || type == "permission_error"
                          ? failure::authentication
                      : type == "invalid_request_error" || type == "not_found_error" ||
                              type == "request_too_large"
                          ? failure::invalid_request
                          : failure::server;
    auto text = string_of(complaint, "message");
    if (text.empty()) {
        text = excerpt(lenient_dump(complaint));
    }
    throw provider_error(
        "the provider reports: " + (type.empty() ? text : type + ": " + text),
        {.kind = kind, .body = excerpt(lenient_dump(j)), .request_id = string_of(j, "request_id")});
}

[[nodiscard]] inline auto tool_choice(nlohmann::json const& choice) -> nlohmann::json {
    if (choice.is_string()) {
        auto const word = choice.get<std::string>();
        return {{"type", word == "required" ? "any" : word}};
    }
    auto const name = string_of(json_member(choice, "function"), "name"); // OpenAI's form
    return name.empty() ? choice : nlohmann::json{{"type", "tool"}, {"name", name}};
}

} // namespace detail

/// A message in the wire form: a result of a tool is a user's message with one block.
/// \throws error when it holds audio.
[[nodiscard]] inline auto to_json(message const& m) -> nlohmann::ordered_json {
    if (m.role == role::tool) {
        return {{"role", "user"},
                {"content", nlohmann::ordered_json::array({detail::result_to_json(m)})}};
    }
    nlohmann::ordered_json j{{"role", to_string(m.role)}, {"content", detail::content_to_json(m)}};
    detail::add_members(j, m.extra);
    return j;
}

/// A message from the wire form. A user's message that is the result of one tool becomes one of
/// `role::tool`; what llms does not model is kept in `extra` and in other_parts.
/// \throws provider_error (malformed) when `j` is not an object.
[[nodiscard]] inline auto message_from_json(nlohmann::json const& j) -> message {
    if (!j.is_object()) {
        throw provider_error(failure::malformed, "a message must be a JSON object");
    }
    auto const& content = detail::json_member(j, "content");
    auto const who = detail::string_of(j, "role");
    if (who == "user" && content.is_array() && content.size() == 1 &&
        detail::string_of(content[0], "type") == "tool_result") {
        auto const& block = content[0];
        message result{.role = role::tool,
                       .tool_call_id = detail::string_of(block, "tool_use_id"),
                       .extra = detail::members_but(block, {"type", "tool_use_id", "content"})};
        detail::read_content(detail::json_member(block, "content"), result);
        if (nlohmann::json(to_json(result)) == j) {
            return result;
        }
    }
    message m{.role = who == "user"     ? role::user
                      : who == "system" ? role::system
                                        : role::assistant,
              .extra = detail::members_but(j, {"role", "content"})};
    detail::read_content(content, m);
    if (!content.is_null() && nlohmann::json(detail::content_to_json(m)) != content) {
        m.extra["content"] = content;
    }
    return m;
}

/// What `body` adds for the wire.
struct body_options {
    bool stream = false;
    std::int64_t max_tokens = 4096; ///< where the request says none: Anthropic demands a number
};

/// The body of a request: system and developer messages become the system prompt, the results of
/// several tools one message. `seed` and a response_format without a schema have no like here and
/// are left out. \throws error when a message holds audio.
[[nodiscard]] inline auto body(request const& ask, body_options options = {})
    -> nlohmann::ordered_json {
    using json = nlohmann::ordered_json;
    json j{{"model", ask.model}, {"max_tokens", ask.max_tokens.value_or(options.max_tokens)}};
    json system = json::array();
    json messages = json::array();
    bool results = false; // the last message holds results of tools only
    for (auto const& m : ask.messages) {
        if (m.role == role::system || m.role == role::developer) {
            for (auto& block : detail::parts_to_json(m)) {
                system.push_back(std::move(block));
            }
        } else if (m.role == role::tool && results) {
            messages.back()["content"].push_back(detail::result_to_json(m));
        } else {
            messages.push_back(to_json(m));
            results = m.role == role::tool;
        }
    }
    if (!system.empty()) {
        j["system"] = std::move(system);
    }
    j["messages"] = std::move(messages);
    for (auto const& tool : ask.tools) {
        json spec{{"name", tool.name}};
        if (!tool.description.empty()) {
            spec["description"] = tool.description;
        }
        spec["input_schema"] = tool.parameters;
        if (tool.strict) {
            spec["strict"] = true;
        }
        j["tools"].push_back(std::move(spec));
    }
    auto const optional = [&j](char const* key, auto const& value) {
        if (value) {
            j[key] = *value;
        }
    };
    optional("temperature", ask.temperature);
    optional("top_p", ask.top_p);
    if (!ask.stop.empty()) {
        j["stop_sequences"] = ask.stop;
    }
    if (!ask.tool_choice.is_null()) {
        j["tool_choice"] = detail::tool_choice(ask.tool_choice);
    }
    if (ask.response_format.is_object()) {
        auto const named = ask.response_format.value("json_schema", json::object());
        if (named.is_object() && named.contains("schema")) {
            j["output_config"] = {
                {"format", {{"type", "json_schema"}, {"schema", named["schema"]}}}};
        }
    }
    detail::add_members(j, ask.extra);
    if (options.stream) {
        j["stream"] = true;
    }
    return j;
}

/// A whole answer. \throws provider_error (malformed; another kind when it holds an error)
[[nodiscard]] inline auto response_from_json(nlohmann::json const& j) -> response {
    if (j.is_object() && !detail::json_member(j, "error").is_null()) {
        detail::throw_error(j);
    }
    auto const& content = detail::json_member(j, "content");
    if (!content.is_array()) {
        throw provider_error(failure::malformed, "the answer has no content");
    }
    auto const word = detail::string_of(j, "stop_reason");
    auto const& used = detail::json_member(j, "usage");
    response answer{.id = detail::string_of(j, "id"),
                    .model = detail::string_of(j, "model"),
                    .message = message_from_json({{"role", "assistant"}, {"content", content}}),
                    .finish = detail::finish_from(word),
                    .finish_text = word,
                    .usage = detail::usage_from(used),
                    .extra = detail::members_but(
                        j, {"id", "type", "role", "model", "content", "stop_reason", "usage"})};
    if (used.is_object() && nlohmann::json(detail::usage_to_json(answer.usage)) != used) {
        answer.extra["usage"] = used; // with the members that llms does not model
    }
    return answer;
}

/// A whole answer in the wire form, as a server would send it.
[[nodiscard]] inline auto to_json(response const& answer) -> nlohmann::ordered_json {
    nlohmann::ordered_json j{{"id", answer.id},
                             {"type", "message"},
                             {"role", "assistant"},
                             {"model", answer.model},
                             {"content", detail::content_to_json(answer.message)}};
    auto const word = answer.finish_text.empty() ? std::string(detail::finish_word(answer.finish))
                                                 : answer.finish_text;
    j["stop_reason"] = word.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(word);
    auto const& used = detail::json_member(answer.extra, "usage");
    if (used.is_object() && detail::usage_from(used) == answer.usage) {
        j["usage"] = used;
    } else {
        j["usage"] = detail::usage_to_json(answer.usage);
    }
    detail::add_members(j, answer.extra);
    return j;
}

/// Turns the events of one stream into chunks. A tool call that `max_tokens` cut off is given out
/// as far as it came: `finish_reason::length`, with arguments that are no JSON. A message that
/// begins before the one before has ended takes its place at the end; the blocks of both are parts
/// and calls of their own. One thread at a time.
class stream_decoder {
public:
    /// Reads the data of one event and passes its chunks to `out(chunk&&)`. Events of unknown
    /// types are passed over.
    /// \throws provider_error: malformed when `data` is no JSON object, continues a call that never
    /// began or opens more than 128 blocks or calls; as the error says for an error event.
    template <std::invocable<chunk&&> Out>
    void feed(std::string_view data, Out&& out) {
        if (ended_) {
            return; // what follows message_stop is not of this answer
        }
        auto const event = detail::parse_json(data);
        if (!event.is_object()) {
            throw provider_error(failure::malformed,
                                 "a stream event is not a JSON object: " + detail::excerpt(data));
        }
        auto const& type = detail::json_member(event, "type");
        auto const is = [&type](std::string_view name) {
            return type.is_string() && type.get_ref<std::string const&>() == name;
        };
        if (is("content_block_delta")) {
            delta(index_of(event), detail::json_member(event, "delta"), out);
        } else if (is("content_block_start")) {
            start(index_of(event), detail::json_member(event, "content_block"), out);
        } else if (is("content_block_stop")) {
            stop(index_of(event), out);
        } else if (is("message_start")) {
            begin(detail::json_member(event, "message"), out);
        } else if (is("message_delta")) {
            conclude(event);
        } else if (is("message_stop")) {
            end(out);
        } else if (is("error") || !detail::json_member(event, "error").is_null()) {
            detail::throw_error(event);
        }
    }

    /// The bytes of the stream are over: gives the end out if it was not, for the servers that send
    /// a stop reason and no message_stop.
    /// \throws provider_error (connection) when the answer broke off before a stop reason.
    template <std::invocable<chunk&&> Out>
    void finish(Out&& out) {
        if (!ended_) {
            if (!finished_) {
                throw provider_error(failure::connection,
                                     "the stream broke off before its stop reason");
            }
            end(out);
        }
    }

    /// The end was given out.
    [[nodiscard]] auto ended() const noexcept -> bool { return ended_; }

private:
    enum class block_kind : std::uint8_t { text, thinking, call, other };

    // A block that has begun and not stopped.
    struct block {
        std::uint64_t index = 0; // on the wire
        block_kind kind = block_kind::other;
        std::uint32_t number = 0; // of the part or of the call
        bool empty = true;        // call: no arguments yet
        nlohmann::json raw{};     // other: the block; call: its input; text: further members
        std::string input{};      // other: pieces of its input
    };

    static constexpr std::size_t max_open = 128;
    static constexpr std::uint32_t max_tool_calls = 128;

    static auto index_of(nlohmann::json const& event) -> std::uint64_t {
        auto const& index = detail::json_member(event, "index");
        return index.is_number_unsigned() ? index.get<std::uint64_t>() : 0;
    }

    auto find(std::uint64_t index) noexcept -> block* {
        auto const at = std::find_if(open_.rbegin(), open_.rend(),
                                     [index](block const& b) { return b.index == index; });
        return at == open_.rend() ? nullptr : &*at;
    }

    auto open(std::uint64_t index, block_kind kind) -> block& {
        if (open_.size() == max_open) {
            throw provider_error(failure::malformed, "a stream has more than 128 blocks open");
        }
        auto const number = kind == block_kind::call ? calls_++ : parts_++;
        if (calls_ > max_tool_calls) {
            throw provider_error(failure::malformed, "a stream makes more than 128 tool calls");
        }
        return open_.emplace_back(block{.index = index, .kind = kind, .number = number});
    }

    template <class Out>
    static void piece(chunk_kind kind, std::uint32_t number, nlohmann::json const& text, Out& out) {
        if (text.is_string() && !text.get_ref<std::string const&>().empty()) {
            out(chunk{.kind = kind, .index = number, .text = text.get<std::string>()});
        }
    }
    template <class Out>
    static void sign(std::uint32_t number, nlohmann::json const& signature, Out& out) {
        if (signature.is_string() && !signature.get_ref<std::string const&>().empty()) {
            out(chunk{.kind = chunk_kind::reasoning,
                      .index = number,
                      .signature = signature.get<std::string>()});
        }
    }

    template <class Out>
    void begin(nlohmann::json const& message, Out& out) {
        close_all(out); // a message that never ended
        last_.id = detail::string_of(message, "id");
        last_.name = detail::string_of(message, "model");
        extra_ = message.is_object()
                     ? detail::members_but(message, {"id", "type", "role", "model", "content",
                                                     "stop_reason", "usage"})
                     : nlohmann::json();
        usage_ = nlohmann::json::object();
        finished_ = false;
        last_.signature.clear();
        last_.finish = finish_reason::unknown;
        finish_with(detail::json_member(message, "stop_reason"));
        count(detail::json_member(message, "usage"));
        auto const& content = detail::json_member(message, "content"); // of a turn that goes on
        for (std::size_t i = 0; content.is_array() && i < content.size(); ++i) {
            start(i, content[i], out);
            stop(i, out);
        }
    }

    template <class Out>
    void start(std::uint64_t index, nlohmann::json const& wire, Out& out) {
        auto const type = detail::string_of(wire, "type");
        if (find(index) != nullptr) {
            stop(index, out); // a block that never stopped
        }
        if (type == "text") {
            auto& b = open(index, block_kind::text);
            b.raw = detail::members_but(wire, {"type", "text"});
            piece(chunk_kind::text, b.number, detail::json_member(wire, "text"), out);
        } else if (type == "thinking") {
            auto const number = open(index, block_kind::thinking).number;
            piece(chunk_kind::reasoning, number, detail::json_member(wire, "thinking"), out);
            sign(number, detail::json_member(wire, "signature"), out);
        } else if (type == "tool_use") {
            auto& b = open(index, block_kind::call);
            b.raw = detail::json_member(wire, "input");
            auto const extra = detail::members_but(wire, {"type", "id", "name", "input"});
            out(chunk{.kind = chunk_kind::tool_call,
                      .index = b.number,
                      .id = detail::string_of(wire, "id"),
                      .name = detail::string_of(wire, "name"),
                      .json = extra.is_null() ? std::string() : detail::lenient_dump(extra)});
        } else if (wire.is_object()) {
            open(index, block_kind::other).raw = wire;
        }
    }

    template <class Out>
    void delta(std::uint64_t index, nlohmann::json const& change, Out& out) {
        auto const type = detail::string_of(change, "type");
        auto* b = find(index);
        if (b == nullptr) {
            if (type == "text_delta" || type == "thinking_delta") { // no start: take it as begun
                b = &open(index, type == "text_delta" ? block_kind::text : block_kind::thinking);
            } else if (type == "input_json_delta") {
                throw provider_error(failure::malformed,
                                     "a stream event continues a tool call that never began");
            } else {
                return;
            }
        }
        switch (b->kind) {
        case block_kind::text:
            piece(chunk_kind::text, b->number, detail::json_member(change, "text"), out);
            if (auto const& cited = detail::json_member(change, "citation"); !cited.is_null()) {
                auto& all = b->raw["citations"];
                if (!all.is_array()) {
                    all = nlohmann::json::array();
                }
                all.push_back(cited);
            }
            break;
        case block_kind::thinking:
            piece(chunk_kind::reasoning, b->number, detail::json_member(change, "thinking"), out);
            sign(b->number, detail::json_member(change, "signature"), out);
            break;
        case block_kind::call: {
            auto const& more = detail::json_member(change, "partial_json");
            b->empty = b->empty && detail::string_of(change, "partial_json").empty();
            piece(chunk_kind::tool_call, b->number, more, out);
            break;
        }
        case block_kind::other:
            extend(*b, change);
            break;
        }
    }

    // A change of a block that llms does not model: strings grow, anything else takes its place.
    static void extend(block& b, nlohmann::json const& change) {
        if (!change.is_object()) {
            return;
        }
        for (auto const& [key, value] : change.items()) {
            if (key == "type") {
                continue;
            }
            if (key == "partial_json" && value.is_string()) {
                b.input += value.get_ref<std::string const&>();
            } else if (auto& member = b.raw[key]; member.is_string() && value.is_string()) {
                member.get_ref<std::string&>() += value.get_ref<std::string const&>();
            } else {
                member = value;
            }
        }
    }

    template <class Out>
    void stop(std::uint64_t index, Out& out) {
        if (auto* b = find(index)) {
            close(*b, true, out);
            open_.erase(open_.begin() + (b - open_.data()));
        }
    }

    template <class Out>
    void close(block& b, bool whole, Out& out) {
        if (b.kind == block_kind::text && !b.raw.is_null()) {
            out(chunk{
                .kind = chunk_kind::text, .index = b.number, .json = detail::lenient_dump(b.raw)});
        } else if (b.kind == block_kind::call && whole && b.empty) {
            out(chunk{.kind = chunk_kind::tool_call, // its input came with its start, or is {}
                      .index = b.number,
                      .text = b.raw.is_object() ? detail::lenient_dump(b.raw) : "{}"});
        } else if (b.kind == block_kind::other) {
            if (!b.input.empty()) {
                auto input = detail::parse_json(b.input);
                if (input.is_discarded()) {
                    b.raw["partial_json"] = std::move(b.input); // cut off, and not to be guessed
                } else {
                    b.raw["input"] = std::move(input);
                }
            }
            out(chunk{.kind = chunk_kind::part, .json = detail::lenient_dump(b.raw)});
        }
    }

    template <class Out>
    void close_all(Out& out) {
        for (auto& b : open_) {
            close(b, false, out);
        }
        open_.clear();
    }

    // Counts are totals: a later one takes the place of an earlier one.
    void count(nlohmann::json const& used) {
        if (used.is_object()) {
            usage_.update(used);
            last_.usage = detail::usage_from(usage_);
        }
    }

    void conclude(nlohmann::json const& event) {
        auto const& change = detail::json_member(event, "delta");
        if (change.is_object()) {
            keep(detail::members_but(change, {"stop_reason"}));
        }
        keep(detail::members_but(event, {"type", "delta", "usage"}));
        count(detail::json_member(event, "usage"));
        finish_with(detail::json_member(change, "stop_reason"));
    }

    void finish_with(nlohmann::json const& word) {
        if (word.is_string()) {
            last_.signature = word.get<std::string>();
            last_.finish = detail::finish_from(last_.signature);
            finished_ = true;
        }
    }

    // Further members of the response; later ones take the place of earlier ones.
    void keep(nlohmann::json more) {
        if (extra_.is_null()) {
            extra_ = std::move(more);
        } else if (!more.is_null()) {
            extra_.update(more);
        }
    }

    template <class Out>
    void end(Out& out) {
        close_all(out);
        ended_ = true;
        if (nlohmann::json(detail::usage_to_json(last_.usage)) != usage_ && !usage_.empty()) {
            extra_["usage"] = std::move(usage_);
        }
        last_.kind = chunk_kind::end;
        if (!extra_.is_null()) {
            last_.json = detail::lenient_dump(extra_);
        }
        out(std::move(last_));
    }

    chunk last_;
    nlohmann::json usage_ = nlohmann::json::object();
    nlohmann::json extra_;
    std::vector<block> open_;
    std::uint32_t parts_ = 0; // begun so far
    std::uint32_t calls_ = 0;
    bool finished_ = false; // a stop reason was seen
    bool ended_ = false;
};

} // namespace llms::inline v0_1::anthropic

#endif // LLMS_CHAT_ANTHROPIC_WIRE_HPP
