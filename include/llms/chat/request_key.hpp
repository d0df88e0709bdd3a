// SPDX-License-Identifier: MIT
//
// The cache key of a request: the canonical text of all of it that reaches the model. Two requests
// have one key exactly when every part is equal; the text itself is the key, not a hash of it, so
// no collision can serve another prompt's answer.
//
//     std::string_view const key = llms::request_key(ask, {.tenant = "acme", .provider =
//     "openai"});
//
// Left out is what does not reach the model: "user", "metadata", "store", "stream" and
// "stream_options" of `extra`, `request.cache` but its variant, and what `ignore` names by JSON
// Pointers into OpenAI's wire form ("/seed", "/messages/*/name"). Numbers are unified (1 = 1.0) and
// members sorted, except in tool parameters and the response format, whose order the model sees.
//
// Cost: O(bytes), no allocation once warm, for requests without images or JSON members; pointers in
// `ignore` make it build the wire form first.
#ifndef LLMS_CHAT_REQUEST_KEY_HPP
#define LLMS_CHAT_REQUEST_KEY_HPP

#include <llms/chat/openai_wire.hpp>
#include <llms/chat/request.hpp>
#include <llms/json/canonical.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace llms::inline v0_1 {

/// What a key holds beside the request.
struct key_scope {
    std::string_view tenant;         ///< whose answers these are: no other tenant gets them
    std::string_view provider = {};  ///< who answers
    canonical_form const* wire = {}; ///< set: the key is that form of the wire form
};

namespace detail {

/// Writes one request into a key; see request_key.
template <byte_sink Sink>
class key_writer {
public:
    explicit key_writer(Sink& sink) : out_(sink) {}

    void write(request const& ask, key_scope const& scope) {
        out_.begin_array().string("llms1").string(scope.tenant).string(scope.provider);
        out_.integer(ask.cache.variant);
        if (scope.wire != nullptr) {
            json(openai::body(ask), *scope.wire);
        } else {
            fields(ask);
        }
        out_.end_array().flush();
    }

private:
    // Every field in its place, none by name: equal texts mean equal fields.
    void fields(request const& ask) {
        out_.string(ask.model);
        out_.begin_array();
        for (auto const& m : ask.messages) {
            message_fields(m);
        }
        out_.end_array().begin_array();
        for (auto const& tool : ask.tools) {
            out_.string(tool.name).string(tool.description).boolean(tool.strict);
            json(tool.parameters, ordered());
        }
        out_.end_array();
        json(ask.tool_choice, sorted());
        optional(ask.temperature);
        optional(ask.top_p);
        optional(ask.max_tokens);
        optional(ask.seed);
        out_.begin_array();
        for (auto const& text : ask.stop) {
            out_.string(text);
        }
        out_.end_array();
        json(ask.response_format, ordered());
        json(ask.extra, extra_members());
    }

    void message_fields(message const& m) {
        out_.begin_array().integer(static_cast<int>(m.role)).string(m.name).string(m.tool_call_id);
        for (auto const& part : m.content) {
            out_.integer(part.index());
            std::visit([this](auto const& p) { this->part_fields(p); }, part);
        }
        out_.begin_array();
        for (auto const& call : m.tool_calls) {
            out_.string(call.id).string(call.name).string(call.arguments);
            json(call.extra, sorted());
        }
        out_.end_array();
        json(m.extra, sorted());
        out_.end_array();
    }

    void part_fields(text_part const& p) {
        out_.string(p.text);
        json(p.extra, sorted());
    }
    void part_fields(reasoning_part const& p) { out_.string(p.text).string(p.signature); }
    void part_fields(image_part const& p) { out_.string(p.url).string(p.detail); }
    void part_fields(audio_part const& p) { out_.string(p.data).string(p.format); }
    void part_fields(file_part const& p) { out_.string(p.name).string(p.data).string(p.id); }
    void part_fields(other_part const& p) { json(p.raw, sorted()); }

    void optional(std::optional<double> const& value) {
        if (value) {
            out_.number(*value);
        } else {
            out_.null();
        }
    }
    void optional(std::optional<std::int64_t> const& value) {
        if (value) {
            out_.integer(*value);
        } else {
            out_.null();
        }
    }

    // JSON goes in as the string of its canonical text; null and {} are both "nothing said".
    template <class Json>
    void json(Json const& value, canonical_form const& form) {
        if (value.is_null()) {
            out_.null();
            return;
        }
        auto const text = form.text(value);
        if (text == "{}") {
            out_.null();
        } else {
            out_.string(text);
        }
    }

    static auto sorted() -> canonical_form const& {
        static canonical_form const form;
        return form;
    }
    static auto extra_members() -> canonical_form const& {
        static canonical_form const form{
            {.ignore = {"/user", "/metadata", "/store", "/stream", "/stream_options"}}};
        return form;
    }
    static auto ordered() -> canonical_form const& {
        static canonical_form const form{{.keep_order = {""}}};
        return form;
    }

    canonical_writer<Sink> out_;
};

} // namespace detail

/// The canonical form for `key_scope::wire`: leaves out the default members and `ignore`.
/// \throws canonical_error for a malformed JSON Pointer.
[[nodiscard]] inline auto key_form(std::vector<std::string> ignore) -> canonical_form {
    for (auto const* member : {"/user", "/metadata", "/store", "/stream", "/stream_options"}) {
        ignore.emplace_back(member);
    }
    return canonical_form{{.ignore = std::move(ignore),
                           .keep_order = {"/tools/*/function/parameters", "/response_format"}}};
}

/// The key of a request, valid until this thread asks for the next one.
/// \throws canonical_error when a text is not UTF-8 or a number not finite.
[[nodiscard]] inline auto request_key(request const& ask, key_scope const& scope)
    -> std::string_view {
    // Keys are as long as prompts; the buffer is used again, but one of 1 MiB and more is given up.
    thread_local std::string text;
    if (text.capacity() > (std::size_t{1} << 20)) {
        text = {};
    }
    text.clear();
    auto append = [](std::string_view piece) {
        text += piece;
    };
    detail::key_writer(append).write(ask, scope);
    return text;
}

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_REQUEST_KEY_HPP
