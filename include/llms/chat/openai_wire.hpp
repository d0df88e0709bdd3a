// SPDX-License-Identifier: MIT
//
// The wire form of OpenAI's Chat Completions, which most providers and local servers speak:
// requests to JSON, answers and stream events from JSON. `openai_client` is built on it; a program
// with a transport of its own may use it alone.
//
//     std::string const body = llms::openai::body(ask, {.stream = true}).dump();
//     llms::openai::stream_decoder decoder;
//     decoder.feed(event.data, [](llms::chunk&& piece) { ... });
//
// Everything read here comes from outside: a member of the wrong type is as good as absent where it
// may be, and a provider_error (malformed) where it must not.
#ifndef LLMS_CHAT_OPENAI_WIRE_HPP
#define LLMS_CHAT_OPENAI_WIRE_HPP

#include <llms/chat/chunk.hpp>
#include <llms/chat/message.hpp>
#include <llms/chat/provider_error.hpp>
#include <llms/chat/request.hpp>
#include <llms/chat/response.hpp>
#include <llms/detail/chat_json.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace llms::inline v0_1::openai {

namespace detail {

using llms::detail::add_members;
using llms::detail::excerpt;
using llms::detail::integer_of;
using llms::detail::json_member;
using llms::detail::members_but;
using llms::detail::parse_json;
using llms::detail::string_of;

[[nodiscard]] inline auto part_to_json(content_part const& part) -> nlohmann::ordered_json {
    struct visitor {
        using json = nlohmann::ordered_json;
        auto operator()(text_part const& p) const -> json {
            json j{{"type", "text"}, {"text", p.text}};
            add_members(j, p.extra);
            return j;
        }
        auto operator()(reasoning_part const& p) const -> json {
            return {{"type", "reasoning"}, {"text", p.text}};
        }
        auto operator()(image_part const& p) const -> json {
            json url = {{"url", p.url}};
            if (!p.detail.empty()) {
                url["detail"] = p.detail;
            }
            return {{"type", "image_url"}, {"image_url", std::move(url)}};
        }
        auto operator()(audio_part const& p) const -> json {
            return {{"type", "input_audio"},
                    {"input_audio", {{"data", p.data}, {"format", p.format}}}};
        }
        auto operator()(file_part const& p) const -> json {
            json file = json::object();
            if (!p.name.empty()) {
                file["filename"] = p.name;
            }
            if (!p.data.empty()) {
                file["file_data"] = p.data;
            }
            if (!p.id.empty()) {
                file["file_id"] = p.id;
            }
            return {{"type", "file"}, {"file", std::move(file)}};
        }
        auto operator()(other_part const& p) const -> json { return p.raw; }
    };
    return std::visit(visitor{}, part);
}

/// A part; other_part when the part would not give the same JSON back.
[[nodiscard]] inline auto part_from_json(nlohmann::json const& j) -> content_part {
    auto const type = string_of(j, "type");
    content_part part = other_part{};
    if (type == "text") {
        part = text_part{string_of(j, "text"), members_but(j, {"type", "text"})};
    } else if (type == "image_url") {
        auto const& url = json_member(j, "image_url");
        part = image_part{string_of(url, "url"), string_of(url, "detail")};
    } else if (type == "input_audio") {
        auto const& audio = json_member(j, "input_audio");
        part = audio_part{string_of(audio, "data"), string_of(audio, "format")};
    } else if (type == "file") {
        auto const& file = json_member(j, "file");
        part = file_part{string_of(file, "filename"), string_of(file, "file_data"),
                         string_of(file, "file_id")};
    }
    if (std::holds_alternative<other_part>(part) || nlohmann::json(part_to_json(part)) != j) {
        return other_part{j};
    }
    return part;
}

[[nodiscard]] inline auto call_to_json(tool_call const& call) -> nlohmann::ordered_json {
    nlohmann::ordered_json j{{"id", call.id},
                             {"type", "function"},
                             {"function", {{"name", call.name}, {"arguments", call.arguments}}}};
    add_members(j["function"], json_member(call.extra, "function"));
    if (auto const& type = json_member(call.extra, "type"); !type.is_null()) {
        j["type"] = type;
    }
    add_members(j, call.extra);
    return j;
}

[[nodiscard]] inline auto call_from_json(nlohmann::json const& j) -> tool_call {
    auto const& function = json_member(j, "function");
    tool_call call{.id = string_of(j, "id"),
                   .name = string_of(function, "name"),
                   .arguments = string_of(function, "arguments")};
    if (!j.is_object()) {
        return call;
    }
    call.extra = members_but(j, {"id", "type", "function"});
    if (string_of(j, "type") != "function") {
        call.extra["type"] = json_member(j, "type"); // "custom" ...
    }
    if (function.is_object()) {
        if (auto more = members_but(function, {"name", "arguments"}); !more.is_null()) {
            call.extra["function"] = std::move(more);
        }
    }
    return call;
}

[[nodiscard]] inline auto read_calls(nlohmann::json const& calls) -> std::vector<tool_call> {
    std::vector<tool_call> read;
    for (auto const& call : calls) {
        read.push_back(call_from_json(call));
    }
    return read;
}

[[nodiscard]] inline auto calls_to_json(message const& m) -> nlohmann::ordered_json {
    // The form they came in, where that says the same: members left out, or of another type.
    auto const& came = json_member(m.extra, "tool_calls");
    if (came.is_array() && read_calls(came) == m.tool_calls) {
        return came;
    }
    auto calls = nlohmann::ordered_json::array();
    for (auto const& call : m.tool_calls) {
        calls.push_back(call_to_json(call));
    }
    return calls;
}

[[nodiscard]] inline auto role_from(std::string_view name, role otherwise) noexcept -> role {
    for (auto const who :
         {role::system, role::developer, role::user, role::assistant, role::tool}) {
        if (to_string(who) == name) {
            return who;
        }
    }
    return otherwise;
}

[[nodiscard]] inline auto finish_from(std::string_view word) noexcept -> finish_reason {
    for (auto const reason : {finish_reason::stop, finish_reason::length, finish_reason::tool_calls,
                              finish_reason::content_filter}) {
        if (to_string(reason) == word) {
            return reason;
        }
    }
    return word == "function_call" ? finish_reason::tool_calls : finish_reason::unknown;
}

[[nodiscard]] inline auto usage_from(nlohmann::json const& j) -> usage {
    return {.input_tokens = integer_of(j, "prompt_tokens"),
            .output_tokens = integer_of(j, "completion_tokens"),
            .cached_input_tokens =
                integer_of(json_member(j, "prompt_tokens_details"), "cached_tokens"),
            .reasoning_tokens =
                integer_of(json_member(j, "completion_tokens_details"), "reasoning_tokens")};
}

[[nodiscard]] inline auto usage_to_json(usage const& u) -> nlohmann::ordered_json {
    nlohmann::ordered_json j{{"prompt_tokens", u.input_tokens},
                             {"completion_tokens", u.output_tokens},
                             {"total_tokens", u.input_tokens + u.output_tokens}};
    if (u.cached_input_tokens != 0) {
        j["prompt_tokens_details"] = {{"cached_tokens", u.cached_input_tokens}};
    }
    if (u.reasoning_tokens != 0) {
        j["completion_tokens_details"] = {{"reasoning_tokens", u.reasoning_tokens}};
    }
    return j;
}

/// The text of a `content` member: a string, or the text parts of a list.
template <class Text, class Reasoning>
void read_content(nlohmann::json const& content, Text text, Reasoning reasoning) {
    if (content.is_string()) {
        text(content.get_ref<std::string const&>());
    } else if (content.is_array()) {
        for (auto const& part : content) {
            if (string_of(part, "type") == "text") {
                text(string_of(part, "text"));
            } else if (string_of(part, "type") == "thinking") { // Mistral
                read_content(json_member(part, "thinking"), reasoning, reasoning);
            }
        }
    }
}

/// Throws what an `error` member of an answer or an event says.
[[noreturn]] inline void throw_error(nlohmann::json const& j, provider_error::details known) {
    auto const& complaint = json_member(j, "error");
    auto text =
        complaint.is_string() ? complaint.get<std::string>() : string_of(complaint, "message");
    throw provider_error("the provider reports: " + (text.empty() ? complaint.dump() : text),
                         std::move(known));
}

/// The parts of the `content` member of a message.
inline void read_parts(nlohmann::json const& content, message& m) {
    if (content.is_string()) {
        if (!content.get_ref<std::string const&>().empty()) {
            m.content.emplace_back(text_part{content.get<std::string>()});
        }
    } else if (content.is_array()) {
        for (auto const& part : content) {
            m.content.push_back(part_from_json(part));
        }
    }
}

/// The `content` member; the reasoning parts go into `reasoning`.
[[nodiscard]] inline auto content_to_json(message const& m, std::string& reasoning)
    -> nlohmann::ordered_json {
    nlohmann::ordered_json parts = nlohmann::ordered_json::array();
    std::vector<content_part const*> kept;
    for (auto const& part : m.content) {
        if (auto const* thought = std::get_if<reasoning_part>(&part)) {
            reasoning += thought->text;
        } else {
            kept.push_back(&part);
        }
    }
    // The form it came in, where that says the same: "" or null, a list of one text.
    if (m.extra.is_object() && m.extra.contains("content")) {
        auto const& came = m.extra["content"];
        message read;
        read_parts(came, read);
        auto const same = [](content_part const& a, content_part const* b) {
            return a == *b;
        };
        if (std::equal(read.content.begin(), read.content.end(), kept.begin(), kept.end(), same)) {
            return came;
        }
    }
    if (kept.empty()) {
        return m.tool_calls.empty() ? nlohmann::ordered_json("") : nullptr;
    }
    if (auto const* text = std::get_if<text_part>(kept[0]);
        kept.size() == 1 && text != nullptr && text->extra.is_null()) {
        return text->text;
    }
    for (auto const* part : kept) {
        parts.push_back(part_to_json(*part));
    }
    return parts;
}

} // namespace detail

/// A message in the wire form.
[[nodiscard]] inline auto to_json(message const& m) -> nlohmann::ordered_json {
    nlohmann::ordered_json j{{"role", to_string(m.role)}};
    if (auto const& came = detail::json_member(m.extra, "role");
        !came.is_null() && m.role == role::assistant) {
        j["role"] = came; // one that llms does not know
    }
    std::string reasoning;
    j["content"] = detail::content_to_json(m, reasoning);
    if (!reasoning.empty() && !m.extra.contains("reasoning")) {
        j["reasoning_content"] = std::move(reasoning);
    }
    if (!m.name.empty()) {
        j["name"] = m.name;
    }
    if (!m.tool_call_id.empty()) {
        j["tool_call_id"] = m.tool_call_id;
    }
    if (!m.tool_calls.empty()) {
        j["tool_calls"] = detail::calls_to_json(m);
    }
    detail::add_members(j, m.extra);
    return j;
}

/// A message from the wire form. Members that llms does not model are kept in `extra`.
/// \throws provider_error (malformed) when `j` is not an object.
[[nodiscard]] inline auto message_from_json(nlohmann::json const& j) -> message {
    if (!j.is_object()) {
        throw provider_error(failure::malformed, "a message must be a JSON object");
    }
    message m{.role = detail::role_from(detail::string_of(j, "role"), role::assistant)};
    for (auto const& [key, value] : j.items()) {
        if (key == "role") {
            if (value != to_string(m.role)) {
                m.extra[key] = value;
            }
        } else if (key == "content") {
            detail::read_parts(value, m);
        } else if ((key == "reasoning_content" || key == "reasoning") && value.is_string()) {
            m.content.insert(m.content.begin(), reasoning_part{value.get<std::string>()});
            if (key == "reasoning") {
                m.extra[key] = value; // so that it goes back under the name it came with
            }
        } else if (key == "name" && value.is_string()) {
            m.name = value.get<std::string>();
        } else if (key == "tool_call_id" && value.is_string()) {
            m.tool_call_id = value.get<std::string>();
        } else if (key == "tool_calls" && value.is_array()) {
            m.tool_calls = detail::read_calls(value);
        } else {
            m.extra[key] = value;
        }
    }
    // What the members above would not give back as it came.
    auto const again = nlohmann::json(to_json(m));
    for (auto const& [key, value] : j.items()) {
        if (auto const at = again.find(key); at == again.end() || *at != value) {
            m.extra[key] = value;
        }
    }
    return m;
}

/// What `body` adds for the wire.
struct body_options {
    bool stream = false;
};

/// The body of a request.
[[nodiscard]] inline auto body(request const& ask, body_options options = {})
    -> nlohmann::ordered_json {
    nlohmann::ordered_json j{{"model", ask.model}};
    auto& messages = j["messages"] = nlohmann::ordered_json::array();
    for (auto const& m : ask.messages) {
        messages.push_back(to_json(m));
    }
    for (auto const& tool : ask.tools) {
        nlohmann::ordered_json function{{"name", tool.name}};
        if (!tool.description.empty()) {
            function["description"] = tool.description;
        }
        function["parameters"] = tool.parameters;
        if (tool.strict) {
            function["strict"] = true;
        }
        j["tools"].push_back({{"type", "function"}, {"function", std::move(function)}});
    }
    auto const optional = [&j](char const* key, auto const& value) {
        if (value) {
            j[key] = *value;
        }
    };
    optional("temperature", ask.temperature);
    optional("top_p", ask.top_p);
    optional("max_tokens", ask.max_tokens);
    optional("seed", ask.seed);
    if (!ask.stop.empty()) {
        j["stop"] = ask.stop;
    }
    if (!ask.tool_choice.is_null()) {
        j["tool_choice"] = ask.tool_choice;
    }
    if (!ask.response_format.is_null()) {
        j["response_format"] = ask.response_format;
    }
    detail::add_members(j, ask.extra);
    if (options.stream) {
        j["stream"] = true;
        j["stream_options"] = {{"include_usage", true}};
    }
    return j;
}

/// A whole answer. \throws provider_error (malformed; server when it holds an error)
[[nodiscard]] inline auto response_from_json(nlohmann::json const& j) -> response {
    if (j.is_object() && j.contains("error") && !j["error"].is_null()) {
        detail::throw_error(j, {.kind = failure::server});
    }
    auto const& choices = detail::json_member(j, "choices");
    if (!choices.is_array() || choices.empty() ||
        !detail::json_member(choices[0], "message").is_object()) {
        throw provider_error(failure::malformed, "the answer has no choices[0].message");
    }
    auto const& choice = choices[0];
    auto const word = detail::string_of(choice, "finish_reason");
    auto const& used = detail::json_member(j, "usage");
    response answer{.id = detail::string_of(j, "id"),
                    .model = detail::string_of(j, "model"),
                    .message = message_from_json(choice["message"]),
                    .finish = detail::finish_from(word),
                    .finish_text = word,
                    .usage = detail::usage_from(used),
                    .extra = detail::members_but(j, {"id", "model", "choices", "usage"})};
    if (!used.is_null() && nlohmann::json(detail::usage_to_json(answer.usage)) != used) {
        answer.extra["usage"] = used; // with the members that llms does not model
    }
    auto rest = choices; // further choices, and the further members of the first
    rest[0].erase("message");
    rest[0].erase("finish_reason");
    if (rest != nlohmann::json::array({{{"index", 0}}})) {
        answer.extra["choices"] = std::move(rest);
    }
    return answer;
}

/// A whole answer in the wire form, as a server would send it.
[[nodiscard]] inline auto to_json(response const& answer) -> nlohmann::ordered_json {
    using json = nlohmann::ordered_json;
    json j{{"id", answer.id}, {"model", answer.model}};
    json choices = json::array({{{"index", 0}}});
    if (auto const& rest = detail::json_member(answer.extra, "choices");
        rest.is_array() && !rest.empty() && rest[0].is_object()) {
        choices = rest;
    }
    choices[0]["message"] = to_json(answer.message);
    auto const word =
        answer.finish_text.empty() ? std::string(to_string(answer.finish)) : answer.finish_text;
    choices[0]["finish_reason"] = word == "unknown" ? json() : json(word);
    j["choices"] = std::move(choices);
    auto const& used = detail::json_member(answer.extra, "usage");
    if (used.is_object() && detail::usage_from(used) == answer.usage) {
        j["usage"] = used;
    } else {
        j["usage"] = detail::usage_to_json(answer.usage);
    }
    detail::add_members(j, answer.extra);
    return j;
}

/// Turns the events of one stream into chunks. One thread at a time.
class stream_decoder {
public:
    /// Reads the data of one event and passes its chunks to `out(chunk&&)`.
    /// \throws provider_error: malformed when `data` is no JSON object or names a tool call beyond
    /// the 128th; server when it holds an error.
    template <std::invocable<chunk&&> Out>
    void feed(std::string_view data, Out&& out) {
        if (ended_) {
            return; // what follows [DONE] is not of this answer
        }
        if (data == "[DONE]") {
            end(out);
            return;
        }
        auto const event = detail::parse_json(data);
        if (!event.is_object()) {
            throw provider_error(failure::malformed,
                                 "a stream event is not a JSON object: " + detail::excerpt(data));
        }
        if (auto const& complaint = detail::json_member(event, "error"); !complaint.is_null()) {
            detail::throw_error(event, {.kind = failure::server});
        }
        keep(last_.id, detail::json_member(event, "id"));
        keep(last_.name, detail::json_member(event, "model"));
        if (auto const& used = detail::json_member(event, "usage"); used.is_object()) {
            last_.usage = detail::usage_from(used);
        }
        auto const& choices = detail::json_member(event, "choices");
        if (!choices.is_array() || choices.empty()) {
            return;
        }
        auto const& choice = choices[0]; // n = 1: llms asks for no other
        read_delta(detail::json_member(choice, "delta"), out);
        if (auto const& word = detail::json_member(choice, "finish_reason"); word.is_string()) {
            last_.signature = word.get<std::string>();
            last_.finish = detail::finish_from(last_.signature);
            finished_ = true;
        }
    }

    /// The bytes of the stream are over: gives the end out if it was not, for the providers that
    /// send a finish reason and no [DONE].
    /// \throws provider_error (connection) when the answer broke off before a finish reason.
    template <std::invocable<chunk&&> Out>
    void finish(Out&& out) {
        if (!ended_) {
            if (!finished_) {
                throw provider_error(failure::connection,
                                     "the stream broke off before its finish reason");
            }
            end(out);
        }
    }

    /// The end was given out.
    [[nodiscard]] auto ended() const noexcept -> bool { return ended_; }

private:
    static constexpr std::uint32_t max_tool_calls = 128; // a program's bound; OpenAI's is the same

    static void keep(std::string& known, nlohmann::json const& value) {
        if (known.empty() && value.is_string()) {
            known = value.get<std::string>();
        }
    }

    template <class Out>
    void end(Out& out) {
        ended_ = true;
        last_.kind = chunk_kind::end;
        out(std::move(last_));
    }

    template <class Out>
    void read_delta(nlohmann::json const& delta, Out& out) {
        auto const emit = [&out](chunk_kind kind) {
            return [&out, kind](std::string text) {
                if (!text.empty()) {
                    out(chunk{.kind = kind, .text = std::move(text)});
                }
            };
        };
        auto const reasoning = emit(chunk_kind::reasoning);
        auto thought = detail::string_of(delta, "reasoning_content");
        reasoning(thought.empty() ? detail::string_of(delta, "reasoning") : std::move(thought));
        detail::read_content(detail::json_member(delta, "content"), emit(chunk_kind::text),
                             reasoning);
        auto const& calls = detail::json_member(delta, "tool_calls");
        if (calls.is_array()) {
            for (auto const& call : calls) {
                read_call(call, out);
            }
        }
    }

    template <class Out>
    void read_call(nlohmann::json const& call, Out& out) {
        auto const& function = detail::json_member(call, "function");
        chunk piece{.kind = chunk_kind::tool_call,
                    .text = detail::string_of(function, "arguments"),
                    .id = detail::string_of(call, "id"),
                    .name = detail::string_of(function, "name")};
        // Some servers leave the index out: an id then opens the next call, its absence continues.
        auto const& index = detail::json_member(call, "index");
        std::uint64_t const at = index.is_number_unsigned()       ? index.get<std::uint64_t>()
                                 : piece.id.empty() && calls_ > 0 ? calls_ - 1
                                                                  : calls_;
        if (at >= max_tool_calls) {
            throw provider_error(failure::malformed,
                                 "a stream event names more than 128 tool calls");
        }
        piece.index = static_cast<std::uint32_t>(at);
        if (piece.index < calls_) {
            piece.id.clear(); // servers that repeat id and name in every delta
            piece.name.clear();
        } else {
            calls_ = piece.index + 1;
        }
        out(std::move(piece));
    }

    chunk last_;
    std::uint32_t calls_ = 0; // tool calls seen so far
    bool finished_ = false;   // a finish reason was seen
    bool ended_ = false;
};

} // namespace llms::inline v0_1::openai

#endif // LLMS_CHAT_OPENAI_WIRE_HPP
