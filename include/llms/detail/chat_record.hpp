// SPDX-License-Identifier: MIT
//
// One call as a line of a recording, and back. Nothing of a response, a chunk or an error is lost.
#ifndef LLMS_DETAIL_CHAT_RECORD_HPP
#define LLMS_DETAIL_CHAT_RECORD_HPP

#include <llms/chat/chunk.hpp>
#include <llms/chat/message.hpp>
#include <llms/chat/provider_error.hpp>
#include <llms/chat/recording_error.hpp>
#include <llms/chat/request.hpp>
#include <llms/chat/request_key.hpp>
#include <llms/chat/response.hpp>
#include <llms/detail/chat_json.hpp>
#include <llms/detail/chat_secrets.hpp>
#include <llms/detail/json_text.hpp>
#include <llms/error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace llms::inline v0_1::detail {

/// How a recorded call failed.
struct recorded_failure {
    std::string type{}; ///< provider_error, timeout_error, error or unknown
    std::string what{};
    provider_error::details details{}; ///< of a provider_error
};

/// A chunk, and the pause before it.
struct recorded_chunk {
    chunk piece{};
    std::chrono::microseconds pause{};
};

/// One call: what was asked, and all that came.
struct recorded_call {
    static constexpr int version = 1;

    std::string provider{};
    std::string key{};
    std::vector<recorded_chunk> chunks{}; ///< of a stream
    std::optional<response> whole{};      ///< of a call that was not streamed
    std::chrono::microseconds pause{};    ///< until `whole`, or the failure of either
    std::optional<recorded_failure> failure{};
    bool abandoned = false; ///< the stream was left
};

/// What a request is recorded under: the key of all of it that reaches a model, without secrets.
[[nodiscard]] inline auto recording_key(request const& ask, std::vector<std::string> const& secrets)
    -> std::string {
    std::string key;
    if (ask.extra.is_structured()) {
        auto clean = ask.clone();
        drop_secret_members(clean.extra);
        key = request_key(clean, {.tenant = ""});
    } else {
        key = request_key(ask, {.tenant = ""});
    }
    redact_keys(key);
    redact(key, secrets);
    return key;
}

/// The failure that is being handled; to be called in a catch block.
[[nodiscard]] inline auto current_failure() -> recorded_failure {
    recorded_failure failed;
    try {
        throw;
    } catch (provider_error const& e) {
        failed = {"provider_error",
                  e.what(),
                  {.kind = e.kind(),
                   .status = e.status(),
                   .body = e.body(),
                   .request_id = e.request_id(),
                   .retry_after = e.retry_after()}};
    } catch (timeout_error const& e) {
        failed = {.type = "timeout_error", .what = e.what()};
    } catch (std::exception const& e) {
        failed = {.type = "error", .what = e.what()};
    } catch (...) {
        failed = {.type = "unknown", .what = "not a std::exception"};
    }
    redact_keys(failed.what);
    redact_keys(failed.details.body);
    return failed;
}

/// What a recorded failure is thrown as.
[[nodiscard]] inline auto exception_of(recorded_failure const& failed) -> std::exception_ptr {
    if (failed.type == "provider_error") {
        return std::make_exception_ptr(provider_error(failed.what, failed.details));
    }
    return failed.type == "timeout_error" ? std::make_exception_ptr(timeout_error(failed.what))
                                          : std::make_exception_ptr(error(failed.what));
}

/// Writes a call as one line.
class record_writer {
public:
    using json = nlohmann::ordered_json;

    [[nodiscard]] static auto line(recorded_call const& call) -> std::string {
        json j{{"llms", recorded_call::version}};
        text(j, "provider", call.provider);
        text(j, "request", call.key);
        if (call.pause.count() != 0) {
            j["us"] = call.pause.count();
        }
        if (call.whole) {
            j["response"] = of(*call.whole);
        } else {
            auto& chunks = j["chunks"] = json::array();
            for (auto const& each : call.chunks) {
                chunks.push_back(of(each));
            }
        }
        if (call.failure) {
            j["error"] = of(*call.failure);
        }
        if (call.abandoned) {
            j["abandoned"] = true;
        }
        return j.dump() + '\n'; // JSON has no raw line ends inside
    }

private:
    // Empty texts are left out. What is not UTF-8, which JSON cannot say, goes in as {"hex": ...}.
    static void text(json& into, char const* name, std::string_view value, bool always = false) {
        if (value.empty() && !always) {
            return;
        }
        if (is_utf8(value)) {
            into[name] = value;
            return;
        }
        constexpr std::string_view digits = "0123456789abcdef";
        std::string hex;
        for (char const c : value) {
            hex += digits[static_cast<unsigned char>(c) >> 4U];
            hex += digits[static_cast<unsigned char>(c) & 15U];
        }
        into[name] = {{"hex", std::move(hex)}};
    }

    static auto is_utf8(std::string_view value) noexcept -> bool {
        auto const* const end = value.data() + value.size();
        for (auto const* at = value.data(); at != nullptr && at != end;) {
            at = static_cast<unsigned char>(*at) < 0x80 ? at + 1 : json_skip_utf8(at, end);
            if (at == nullptr) {
                return false;
            }
        }
        return true;
    }

    static void integer(json& into, char const* name, std::int64_t value) {
        if (value != 0) {
            into[name] = value;
        }
    }

    static void extra(json& into, nlohmann::json const& members) {
        if (!members.is_null()) {
            into["extra"] = members;
        }
    }

    static void used(json& into, usage const& from) {
        if (from != usage{}) {
            auto& j = into["usage"] = json::object();
            integer(j, "input_tokens", from.input_tokens);
            integer(j, "output_tokens", from.output_tokens);
            integer(j, "cached_input_tokens", from.cached_input_tokens);
            integer(j, "cache_write_tokens", from.cache_write_tokens);
            integer(j, "reasoning_tokens", from.reasoning_tokens);
        }
    }

    // What the end of a stream and a whole response say alike.
    template <class From>
    static void ending(json& j, From const& from, std::string_view model,
                       std::string_view finish_text) {
        j["finish"] = to_string(from.finish);
        text(j, "finish_text", finish_text);
        text(j, "id", from.id);
        text(j, "model", model);
        used(j, from.usage);
        if (from.cached) {
            j["cached"] = true;
        }
        if (from.coalesced) {
            j["coalesced"] = true;
        }
    }

    static auto of(recorded_chunk const& from) -> json {
        auto const& piece = from.piece;
        json j = json::object();
        integer(j, "us", from.pause.count());
        switch (piece.kind) {
        case chunk_kind::text:
            text(j, "text", piece.text, true);
            integer(j, "index", piece.index);
            break;
        case chunk_kind::reasoning:
            text(j, "reasoning", piece.text, true);
            text(j, "signature", piece.signature);
            integer(j, "index", piece.index);
            break;
        case chunk_kind::tool_call:
            j["tool_call"] = piece.index;
            text(j, "id", piece.id);
            text(j, "name", piece.name);
            text(j, "arguments", piece.text);
            break;
        case chunk_kind::part:
            j["part"] = true;
            break;
        case chunk_kind::end:
            ending(j, piece, piece.name, piece.signature);
            break;
        }
        text(j, "json", piece.json);
        return j;
    }

    static auto of(response const& from) -> json {
        json j = json::object();
        ending(j, from, from.model, from.finish_text);
        j["message"] = of(from.message);
        extra(j, from.extra);
        return j;
    }

    static auto of(message const& from) -> json {
        json j{{"role", to_string(from.role)}};
        for (auto const& part : from.content) {
            j["content"].push_back(std::visit([](auto const& each) { return of(each); }, part));
        }
        for (auto const& call : from.tool_calls) {
            json one = json::object();
            text(one, "id", call.id);
            text(one, "name", call.name);
            text(one, "arguments", call.arguments);
            extra(one, call.extra);
            j["tool_calls"].push_back(std::move(one));
        }
        text(j, "tool_call_id", from.tool_call_id);
        text(j, "name", from.name);
        extra(j, from.extra);
        return j;
    }

    static auto of(text_part const& from) -> json {
        json j = json::object();
        text(j, "text", from.text, true);
        extra(j, from.extra);
        return j;
    }
    static auto of(reasoning_part const& from) -> json {
        json j = json::object();
        text(j, "reasoning", from.text, true);
        text(j, "signature", from.signature);
        return j;
    }
    static auto of(image_part const& from) -> json {
        json j = json::object();
        text(j, "image", from.url, true);
        text(j, "detail", from.detail);
        return j;
    }
    static auto of(audio_part const& from) -> json {
        json j = json::object();
        text(j, "audio", from.data, true);
        text(j, "format", from.format);
        return j;
    }
    static auto of(file_part const& from) -> json {
        json j = json::object();
        text(j, "file", from.name, true);
        text(j, "data", from.data);
        text(j, "id", from.id);
        return j;
    }
    static auto of(other_part const& from) -> json { return {{"raw", from.raw}}; }

    static auto of(recorded_failure const& from) -> json {
        json j{{"type", from.type}};
        text(j, "what", from.what);
        if (from.type == "provider_error") {
            j["kind"] = to_string(from.details.kind);
            integer(j, "status", from.details.status);
            text(j, "body", from.details.body);
            text(j, "request_id", from.details.request_id);
            if (from.details.retry_after) {
                j["retry_after_ms"] = from.details.retry_after->count();
            }
        }
        return j;
    }
};

/// Reads what `record_writer` wrote. \throws recording_error that says what is wrong in the line.
class record_reader {
public:
    using json = nlohmann::json;

    [[nodiscard]] static auto call(std::string_view line) -> recorded_call {
        auto const j = parse_json(line);
        if (!j.is_object()) {
            throw recording_error("not a JSON object");
        }
        if (auto const version = integer(j, "llms"); version != recorded_call::version) {
            throw recording_error(version == 0 ? "not a recorded call: it has no \"llms\" version"
                                               : "version " + std::to_string(version) +
                                                     ", and this library reads version " +
                                                     std::to_string(recorded_call::version));
        }
        recorded_call result{.provider = text(j, "provider"),
                             .key = text(j, "request"),
                             .pause = pause(j),
                             .abandoned = boolean(j, "abandoned")};
        if (result.key.empty()) {
            throw recording_error("it has no \"request\"");
        }
        for (auto const& each : array(j, "chunks")) {
            if (!result.chunks.empty() && result.chunks.back().piece.kind == chunk_kind::end) {
                throw recording_error("chunks come after the end");
            }
            result.chunks.push_back({chunk_of(each), pause(each)});
        }
        if (j.contains("response")) {
            result.whole = response_of(object(j, "response"));
        }
        if (j.contains("error")) {
            result.failure = failure_of(object(j, "error"));
        }
        bool const ended =
            !result.chunks.empty() && result.chunks.back().piece.kind == chunk_kind::end;
        if (!result.whole && !ended && !result.failure && !result.abandoned) {
            throw recording_error("the answer has no end");
        }
        return result;
    }

private:
    [[noreturn]] static void refuse(char const* name, char const* wanted) {
        throw recording_error("member \"" + std::string(name) + "\" is not " + wanted);
    }

    static auto integer(json const& j, char const* name) -> std::int64_t {
        auto const& value = json_member(j, name);
        bool const fits =
            value.is_null() || (value.is_number_integer() &&
                                !(value.is_number_unsigned() &&
                                  value.get<std::uint64_t>() >
                                      std::uint64_t{std::numeric_limits<std::int64_t>::max()}));
        if (!fits) {
            refuse(name, "an integer of 64 bits");
        }
        return value.is_null() ? 0 : value.get<std::int64_t>();
    }

    static auto pause(json const& j) -> std::chrono::microseconds {
        auto const time = integer(j, "us");
        constexpr std::int64_t year = 366LL * 24 * 3600 * 1'000'000;
        if (time < 0 || time > year) {
            refuse("us", "a number of microseconds below a year");
        }
        return std::chrono::microseconds{time};
    }

    static auto boolean(json const& j, char const* name) -> bool {
        auto const& value = json_member(j, name);
        if (!value.is_null() && !value.is_boolean()) {
            refuse(name, "true or false");
        }
        return value.is_boolean() && value.get<bool>();
    }

    static auto text(json const& j, char const* name) -> std::string {
        auto const& value = json_member(j, name);
        if (value.is_null()) {
            return {};
        }
        if (value.is_string()) {
            return value.get<std::string>();
        }
        auto const hex = string_of(value, "hex");
        std::string bytes;
        constexpr std::string_view digits = "0123456789abcdef";
        for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
            auto const high = digits.find(hex[i]);
            auto const low = digits.find(hex[i + 1]);
            if (high == std::string_view::npos || low == std::string_view::npos) {
                refuse(name, "a text");
            }
            bytes += static_cast<char>(high * 16 + low);
        }
        if (hex.empty() || hex.size() % 2 != 0) {
            refuse(name, "a text");
        }
        return bytes;
    }

    static auto object(json const& j, char const* name) -> json const& {
        auto const& value = json_member(j, name);
        if (!value.is_object()) {
            refuse(name, "an object");
        }
        return value;
    }

    static auto array(json const& j, char const* name) -> json const& {
        static json const none = json::array();
        auto const& value = json_member(j, name);
        if (!value.is_null() && !value.is_array()) {
            refuse(name, "an array");
        }
        return value.is_null() ? none : value;
    }

    template <class Enum, std::size_t Size>
    static auto word(json const& j, char const* name, std::array<Enum, Size> const& known) -> Enum {
        auto const said = text(j, name);
        auto const* const at = std::find_if(known.begin(), known.end(),
                                            [&](Enum each) { return to_string(each) == said; });
        if (at == known.end()) {
            throw recording_error("member \"" + std::string(name) + "\" is \"" + excerpt(said) +
                                  "\", which is none of its words");
        }
        return *at;
    }

    static auto finish(json const& j) -> finish_reason {
        return word(j, "finish",
                    std::array{finish_reason::unknown, finish_reason::stop, finish_reason::length,
                               finish_reason::tool_calls, finish_reason::content_filter});
    }

    static auto used(json const& j) -> usage {
        auto const& from = json_member(j, "usage");
        if (!from.is_null() && !from.is_object()) {
            refuse("usage", "an object");
        }
        return {.input_tokens = integer(from, "input_tokens"),
                .output_tokens = integer(from, "output_tokens"),
                .cached_input_tokens = integer(from, "cached_input_tokens"),
                .cache_write_tokens = integer(from, "cache_write_tokens"),
                .reasoning_tokens = integer(from, "reasoning_tokens")};
    }

    static auto index(json const& j, char const* name) -> std::uint32_t {
        auto const value = integer(j, name);
        if (value < 0 || value > std::numeric_limits<std::uint32_t>::max()) {
            refuse(name, "an index");
        }
        return static_cast<std::uint32_t>(value);
    }

    static auto chunk_of(json const& j) -> chunk {
        if (j.contains("text")) {
            return {.index = index(j, "index"), .text = text(j, "text"), .json = text(j, "json")};
        }
        if (j.contains("reasoning")) {
            return {.kind = chunk_kind::reasoning,
                    .index = index(j, "index"),
                    .text = text(j, "reasoning"),
                    .signature = text(j, "signature"),
                    .json = text(j, "json")};
        }
        if (j.contains("tool_call")) {
            return {.kind = chunk_kind::tool_call,
                    .index = index(j, "tool_call"),
                    .text = text(j, "arguments"),
                    .id = text(j, "id"),
                    .name = text(j, "name"),
                    .json = text(j, "json")};
        }
        if (j.contains("part")) {
            return {.kind = chunk_kind::part, .json = text(j, "json")};
        }
        if (j.contains("finish")) {
            return {.kind = chunk_kind::end,
                    .finish = finish(j),
                    .id = text(j, "id"),
                    .name = text(j, "model"),
                    .signature = text(j, "finish_text"),
                    .json = text(j, "json"),
                    .usage = used(j),
                    .cached = boolean(j, "cached"),
                    .coalesced = boolean(j, "coalesced")};
        }
        throw recording_error("a chunk is neither text, reasoning, tool_call, part nor finish");
    }

    static auto response_of(json const& j) -> response {
        return {.id = text(j, "id"),
                .model = text(j, "model"),
                .message = message_of(object(j, "message")),
                .finish = finish(j),
                .finish_text = text(j, "finish_text"),
                .usage = used(j),
                .cached = boolean(j, "cached"),
                .coalesced = boolean(j, "coalesced"),
                .extra = json_member(j, "extra")};
    }

    static auto message_of(json const& j) -> message {
        message result{.role = word(j, "role",
                                    std::array{role::system, role::developer, role::user,
                                               role::assistant, role::tool}),
                       .tool_call_id = text(j, "tool_call_id"),
                       .name = text(j, "name"),
                       .extra = json_member(j, "extra")};
        for (auto const& part : array(j, "content")) {
            result.content.push_back(part_of(part));
        }
        for (auto const& call : array(j, "tool_calls")) {
            result.tool_calls.push_back({.id = text(call, "id"),
                                         .name = text(call, "name"),
                                         .arguments = text(call, "arguments"),
                                         .extra = json_member(call, "extra")});
        }
        return result;
    }

    static auto part_of(json const& j) -> content_part {
        if (j.contains("text")) {
            return text_part{text(j, "text"), json_member(j, "extra")};
        }
        if (j.contains("reasoning")) {
            return reasoning_part{text(j, "reasoning"), text(j, "signature")};
        }
        if (j.contains("image")) {
            return image_part{text(j, "image"), text(j, "detail")};
        }
        if (j.contains("audio")) {
            return audio_part{text(j, "audio"), text(j, "format")};
        }
        if (j.contains("file")) {
            return file_part{text(j, "file"), text(j, "data"), text(j, "id")};
        }
        if (j.contains("raw")) {
            return other_part{j["raw"]};
        }
        throw recording_error("a part of a message is of no known kind");
    }

    static auto failure_of(json const& j) -> recorded_failure {
        recorded_failure result{.type = text(j, "type"), .what = text(j, "what")};
        if (result.type == "provider_error") {
            auto const status = integer(j, "status");
            if (status < 0 || status > 999) {
                refuse("status", "an HTTP status");
            }
            result.details = {
                .kind =
                    word(j, "kind",
                         std::array{failure::connection, failure::timeout, failure::rate_limited,
                                    failure::server, failure::authentication,
                                    failure::invalid_request, failure::malformed}),
                .status = static_cast<int>(status),
                .body = text(j, "body"),
                .request_id = text(j, "request_id")};
            if (j.contains("retry_after_ms")) {
                result.details.retry_after =
                    std::chrono::milliseconds{integer(j, "retry_after_ms")};
            }
        } else if (result.type != "timeout_error" && result.type != "error" &&
                   result.type != "unknown") {
            throw recording_error("an error of type \"" + excerpt(result.type) + '"');
        }
        return result;
    }
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CHAT_RECORD_HPP
