// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/error_of.hpp"
#include "support/shared_data.hpp"
#include <llms/chat/chunk.hpp>
#include <llms/chat/openai_wire.hpp>
#include <llms/stream/sse_decoder.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace openai_wire_test {

namespace {

using nlohmann::json;

struct decoded {
    llms::response whole;
    std::vector<llms::chunk> chunks;
};

// The bytes of an event stream, given to the decoders `cut` at a time.
auto decode(std::string_view bytes, std::size_t cut) -> decoded {
    llms::sse_decoder events;
    llms::openai::stream_decoder decoder;
    llms::response_builder built;
    decoded result;
    auto const out = [&](llms::chunk&& piece) {
        built.add(piece);
        result.chunks.push_back(std::move(piece));
    };
    for (std::size_t at = 0; at < bytes.size(); at += cut) {
        events.feed(bytes.substr(at, cut),
                    [&](llms::sse_event const& event) { decoder.feed(event.data, out); });
    }
    decoder.finish(out);
    result.whole = std::move(built).value();
    return result;
}

auto events_of(std::vector<std::string> const& data) -> std::string {
    std::string bytes;
    for (auto const& line : data) {
        bytes += "data: " + line + "\n\n";
    }
    return bytes;
}

auto delta(json change, json finish = nullptr) -> std::string {
    return json{{"id", "i"},
                {"model", "m"},
                {"choices", {{{"index", 0}, {"delta", change}, {"finish_reason", finish}}}}}
        .dump();
}

auto kind_of_failure(std::vector<std::string> const& data) -> llms::failure {
    return support::error_of([&] { return decode(events_of(data), 1000); }).kind();
}

} // namespace

TEST_CASE("openai: a request in the wire form", "[openai]") {
    llms::request ask{.model = "m",
                      .messages = {llms::message::system("s"), llms::message::user("u")},
                      .tools = {{.name = "f", .description = "d", .strict = true}},
                      .temperature = 0.5,
                      .max_tokens = 10,
                      .stop = {"x"},
                      .extra = {{"user", "ann"}, {"model", "not this one"}}};
    ask.messages[1].content.emplace_back(llms::image_part{"data:image/png;base64,AA=="});
    CHECK(json(llms::openai::body(ask, {.stream = true})) == json::parse(R"({
        "model": "m",
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": [
                {"type": "text", "text": "u"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]}],
        "tools": [{"type": "function", "function": {
            "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": true}}],
        "temperature": 0.5, "max_tokens": 10, "stop": ["x"], "user": "ann",
        "stream": true, "stream_options": {"include_usage": true}})"));
}

TEST_CASE("openai: a message survives the round trip, unknown members included", "[openai]") {
    auto const* const wire = GENERATE(
        R"({"role": "user", "content": "hi"})", R"({"role": "user", "content": "hi", "name": "a"})",
        R"({"role": "assistant", "content": null, "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}}]})",
        R"({"role": "tool", "content": "42", "tool_call_id": "c"})",
        R"({"role": "assistant", "content": "hi", "refusal": null, "annotations": [{"x": 1}]})",
        R"({"role": "assistant", "content": "hi", "reasoning_content": "because"})",
        R"({"role": "assistant", "content": "hi", "reasoning": "because"})",
        R"({"role": "user", "content": [{"type": "text", "text": "a"},
            {"type": "image_url", "image_url": {"url": "u", "detail": "low"}},
            {"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}},
            {"type": "file", "file": {"file_id": "f"}},
            {"type": "hologram", "hologram": {"depth": 3}},
            {"type": "text", "text": "cached", "cache_control": {"type": "ephemeral"}}]})");
    auto const before = json::parse(wire);
    auto const message = llms::openai::message_from_json(before);
    CHECK(json(llms::openai::to_json(message)) == before);
}

TEST_CASE("openai: parts of a request that is built here", "[openai]") {
    llms::request ask{.model = "m",
                      .messages = {llms::message::user("u")},
                      .tool_choice = "required",
                      .response_format = {{"type", "json_object"}}};
    ask.messages[0].content.emplace_back(
        llms::file_part{.name = "a.pdf", .data = "data:application/pdf;base64,AA=="});
    auto const body = json(llms::openai::body(ask));
    CHECK(body["response_format"] == json{{"type", "json_object"}});
    CHECK(body["tool_choice"] == "required");
    CHECK(body["messages"][0]["content"][1] == json::parse(R"({"type": "file", "file": {
        "filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="}})"));
}

TEST_CASE("openai: messages as other services write them", "[openai]") {
    // Mistral's reasoning, in a list of parts within a part.
    auto const answer =
        decode(events_of({delta({{"content", json::parse(R"([{"type": "thinking", "thinking":
                               [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "a"}])")}}),
                          delta({{"content", "b"}}, "function_call")}),
               1000);
    CHECK(answer.whole.text() == "ab");
    CHECK(answer.whole.message.content.at(0) == llms::content_part(llms::reasoning_part{"hm"}));
    CHECK(answer.whole.finish == llms::finish_reason::tool_calls);

    // A role that came from nowhere goes back there.
    auto const odd = json{{"role", "critic"}, {"content", "c"}};
    CHECK(json(llms::openai::to_json(llms::openai::message_from_json(odd))) == odd);
    CHECK_THROWS_AS(llms::openai::message_from_json("text"), llms::provider_error);
}

TEST_CASE("openai: what is no answer is named", "[openai]") {
    auto const* const text =
        GENERATE("{}", "[]", "7", R"({"choices": []})", R"({"choices": [{}]})",
                 R"({"choices": {"message": {}}})", R"({"error": {"message": "x"}})",
                 R"({"choices": [{"message": 5}]})");
    CHECK_THROWS_AS(llms::openai::response_from_json(json::parse(text)), llms::provider_error);
}

TEST_CASE("openai: a stream ends once, at [DONE] or after a finish reason", "[openai]") {
    auto const with_done = events_of({delta({{"content", "a"}}), delta(json::object(), "stop"),
                                      "[DONE]", delta({{"content", "b"}})});
    auto const without = events_of({delta({{"content", "a"}}), delta(json::object(), "stop")});
    for (auto const& bytes : {with_done, without}) {
        auto const result = decode(bytes, 1000);
        CHECK(result.whole.text() == "a");
        CHECK(std::count_if(result.chunks.begin(), result.chunks.end(),
                            [](auto const& c) { return c.kind == llms::chunk_kind::end; }) == 1);
    }
    CHECK(kind_of_failure({delta({{"content", "a"}})}) == llms::failure::connection);
}

TEST_CASE("openai: broken and hostile events are errors with a name", "[openai]") {
    CHECK(kind_of_failure({"{"}) == llms::failure::malformed);
    CHECK(kind_of_failure({"[1]"}) == llms::failure::malformed);
    CHECK(kind_of_failure({std::string(100'000, '[')}) == llms::failure::malformed);
    CHECK(kind_of_failure({R"({"error": {"message": "overloaded"}})"}) == llms::failure::server);
    json const far{{"tool_calls", {{{"index", 4'000'000'000U}, {"function", {{"name", "f"}}}}}}};
    CHECK(kind_of_failure({delta(far)}) == llms::failure::malformed);
    // Members of the wrong type count as absent.
    auto const odd = decode(
        events_of({R"({"choices": 5})", R"({"choices": [[]]})",
                   R"({"id": 7, "model": [], "usage": {"prompt_tokens": "many"}, "choices": [)"
                   R"({"delta": {"content": {"a": 1}, "tool_calls": 3}, "finish_reason": 9}]})",
                   delta({{"content", "x"}}, "stop")}),
        1000);
    CHECK(odd.whole.text() == "x");
}

TEST_CASE("openai: tool calls without an index, and with repeated names", "[openai]") {
    auto const call = [](json const& function, json const& id) {
        json entry{{"function", function}};
        if (!id.is_null()) {
            entry["id"] = id;
        }
        return delta({{"tool_calls", {entry}}});
    };
    auto const result = decode(
        events_of({call({{"name", "f"}, {"arguments", "{"}}, "a"),
                   call({{"arguments", "}"}}, nullptr),
                   call({{"name", "g"}, {"arguments", "[]"}}, "b"), delta({}, "tool_calls")}),
        1000);
    auto const& calls = result.whole.message.tool_calls;
    REQUIRE(calls.size() == 2);
    CHECK(calls[0] == llms::tool_call{"a", "f", "{}"});
    CHECK(calls[1] == llms::tool_call{"b", "g", "[]"});
}

TEST_CASE("openai: recorded streams decode the same however they are cut", "[openai][data]") {
    auto const folder = support::shared_data("streams/openai-chat");
    if (!folder) {
        return;
    }
    std::size_t files = 0;
    for (auto const& entry : std::filesystem::directory_iterator(*folder)) {
        auto const path = entry.path().string();
        auto const suffix = std::string(".chunks.txt");
        if (!path.ends_with(suffix)) {
            continue;
        }
        ++files;
        CAPTURE(path);
        std::string bytes;
        std::string text; // by the plainest reading of the recording
        std::vector<std::string> arguments;
        std::string finish;
        json usage;
        auto const recorded = support::read_file(entry.path());
        for (std::size_t at = 0; at < recorded.size();) {
            auto const end = std::min(recorded.find('\n', at), recorded.size());
            auto const line = recorded.substr(at, end - at);
            at = end + 1;
            if (line.empty()) {
                continue;
            }
            bytes += "data: " + line + "\n\n";
            auto const event = json::parse(line);
            if (event.contains("usage") && event["usage"].is_object()) {
                usage = event["usage"];
            }
            for (auto const& choice : event["choices"]) {
                auto const& change = choice["delta"];
                if (change.contains("content") && change["content"].is_string()) {
                    text += change["content"];
                }
                if (choice.contains("finish_reason") && choice["finish_reason"].is_string()) {
                    finish = choice["finish_reason"];
                }
                for (auto const& piece : change.value("tool_calls", json::array())) {
                    auto const index = piece.value("index", std::size_t{0});
                    arguments.resize(std::max(arguments.size(), index + 1));
                    arguments[index] += piece["function"].value("arguments", "");
                }
            }
        }
        bytes += "data: [DONE]\n\n";
        auto const reference = decode(bytes, bytes.size());
        CHECK(reference.whole.text() == text);
        CHECK(reference.whole.finish_text == finish);
        CHECK(reference.whole.finish != llms::finish_reason::unknown);
        CHECK(reference.whole.usage.input_tokens == usage["prompt_tokens"]);
        CHECK(reference.whole.usage.output_tokens == usage["completion_tokens"]);
        REQUIRE(reference.whole.message.tool_calls.size() == arguments.size());
        for (std::size_t i = 0; i < arguments.size(); ++i) {
            CHECK(reference.whole.message.tool_calls[i].arguments == arguments[i]);
            CHECK(json::accept(arguments[i]));
        }
        for (std::size_t const cut : {1U, 7U, 64U}) {
            auto const other = decode(bytes, cut);
            CHECK(other.whole == reference.whole);
            CHECK(other.chunks == reference.chunks);
        }
        auto const twin =
            std::filesystem::path(path.substr(0, path.size() - suffix.size()) + ".json");
        if (std::filesystem::exists(twin)) {
            auto const whole =
                llms::openai::response_from_json(json::parse(support::read_file(twin)));
            CHECK(whole.finish == reference.whole.finish);
            auto const& calls = whole.message.tool_calls;
            REQUIRE(calls.size() == arguments.size());
            for (std::size_t i = 0; i < calls.size(); ++i) {
                CHECK(calls[i].name == reference.whole.message.tool_calls[i].name);
            }
        }
    }
    CHECK(files >= 1);
}

} // namespace openai_wire_test
