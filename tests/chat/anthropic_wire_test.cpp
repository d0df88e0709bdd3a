// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/error_of.hpp"
#include <llms/chat/anthropic_wire.hpp>
#include <llms/chat/chunk.hpp>
#include <llms/chat/openai_wire.hpp>

#include <random>
#include <string>
#include <utility>
#include <vector>

namespace anthropic_wire_test {

namespace {

using nlohmann::json;
using nlohmann::ordered_json;
using support::error_of;

auto decode(std::vector<json> const& events) -> llms::response {
    llms::anthropic::stream_decoder decoder;
    llms::response_builder built;
    auto const out = [&](llms::chunk&& piece) {
        built.add(piece);
    };
    for (auto const& event : events) {
        decoder.feed(event.dump(), out);
    }
    decoder.finish(out);
    return std::move(built).value();
}

auto start(json block, int index = 0) -> json {
    return {{"type", "content_block_start"}, {"index", index}, {"content_block", std::move(block)}};
}
auto delta(json change, int index = 0) -> json {
    return {{"type", "content_block_delta"}, {"index", index}, {"delta", std::move(change)}};
}
auto stop(int index = 0) -> json {
    return {{"type", "content_block_stop"}, {"index", index}};
}
auto finish(std::string const& reason) -> json {
    return {{"type", "message_delta"},
            {"delta", {{"stop_reason", reason}}},
            {"usage", {{"output_tokens", 5}}}};
}

// A message as a program or a provider may write it, in either form.
class generator {
public:
    explicit generator(unsigned seed) : random_(seed) {}

    auto number(int below) -> int { return std::uniform_int_distribution<>(0, below - 1)(random_); }
    auto word() -> std::string {
        static std::vector<std::string> const words{"",     "a",         "fjord", "\xc3\xa6",
                                                    "\"\\", "{\"x\": 1", "null",  "line\n"};
        return words[static_cast<std::size_t>(number(8))];
    }
    auto value(int depth = 3) -> json {
        switch (number(depth > 0 ? 7 : 5)) {
        case 0:
            return nullptr;
        case 1:
            return number(2) == 0;
        case 2:
            return number(1000) - 500;
        case 3:
            return 0.25 * number(100);
        case 4:
            return word();
        case 5:
            return json::array({value(depth - 1), value(depth - 1)});
        default:
            return json{{word() + "k", value(depth - 1)}, {"m", value(depth - 1)}};
        }
    }
    // A member now and then, of the type it should have or of another.
    void maybe(json& j, char const* key, json good) {
        auto const chance = number(8);
        if (chance < 4) {
            j[key] = std::move(good);
        } else if (chance == 4) {
            j[key] = value();
        }
    }

    auto anthropic_block() -> json {
        json block;
        switch (number(7)) {
        case 0:
            block = {{"type", "text"}, {"text", word()}};
            break;
        case 1:
            block = {{"type", "tool_use"},
                     {"id", word()},
                     {"name", word()},
                     {"input", json{{"x", value()}}}};
            break;
        case 2:
            block = {{"type", "thinking"}, {"thinking", word()}, {"signature", word() + "s"}};
            break;
        case 3:
            block = {{"type", "redacted_thinking"}, {"data", word()}};
            break;
        case 4:
            block = {
                {"type", "image"},
                {"source", {{"type", "base64"}, {"media_type", "image/png"}, {"data", "AA=="}}}};
            break;
        case 5:
            block = {{"type", "document"},
                     {"source", {{"type", "url"}, {"url", "https://x.test/" + word()}}}};
            break;
        default:
            block = {{"type", "server_tool_use"}, {"id", word()}, {"input", value()}};
            break;
        }
        maybe(block, "extra", value());
        if (number(8) == 0) {
            block["type"] = value();
        }
        return block;
    }
    auto openai_part() -> json {
        json part;
        switch (number(5)) {
        case 0:
            part = {{"type", "text"}, {"text", word()}};
            break;
        case 1:
            part = {{"type", "image_url"}, {"image_url", {{"url", word()}}}};
            break;
        case 2:
            part = {{"type", "input_audio"}, {"input_audio", {{"data", "A"}, {"format", "wav"}}}};
            break;
        case 3:
            part = {{"type", "file"}, {"file", {{"file_id", "f" + word()}}}};
            break;
        default:
            part = {{"type", "refusal"}, {"refusal", word()}};
            break;
        }
        maybe(part, "extra", value());
        return part;
    }
    template <class Make>
    auto list(Make make) -> json {
        auto all = json::array();
        for (auto n = number(4); n > 0; --n) {
            all.push_back(make());
        }
        return all;
    }
    auto openai_message() -> json {
        json m{{"role", number(2) == 0 ? "assistant" : "user"}, {"content", nullptr}};
        maybe(m, "content", number(2) == 0 ? json(word()) : list([this] { return openai_part(); }));
        maybe(m, "name", word() + "n");
        maybe(m, "refusal", nullptr);
        maybe(m, "reasoning_content", word());
        maybe(m, "reasoning", word());
        maybe(m, "tool_calls", list([this] {
                  json call{{"id", word()},
                            {"type", "function"},
                            {"function", {{"name", word()}, {"arguments", word()}}}};
                  maybe(call, "type", "function");
                  maybe(call, "extra_content", value());
                  maybe(call["function"], "strict", true);
                  return call;
              }));
        maybe(m, "annotations", value());
        return m;
    }

private:
    std::mt19937 random_;
};

} // namespace

TEST_CASE("anthropic: a request in the wire form", "[anthropic]") {
    llms::request ask{
        .model = "m",
        .messages = {llms::message::system("be brief"), llms::message::user("u"),
                     llms::message::assistant(""), llms::message::tool_result("a", "1"),
                     llms::message::tool_result("b", "2"), llms::message::user("so?")},
        .tools = {{.name = "f", .description = "d", .strict = true}},
        .tool_choice = "required",
        .temperature = 0.5,
        .stop = {"x"},
        .extra = {{"metadata", {{"user_id", "ann"}}}, {"model", "not this one"}}};
    ask.messages[1].content.emplace_back(llms::image_part{"data:image/png;base64,AA=="});
    ask.messages[1].content.emplace_back(llms::image_part{"https://x.test/i.png"});
    ask.messages[1].content.emplace_back(
        llms::file_part{.name = "n", .data = "data:application/pdf;base64,BB=="});
    ask.messages[2].content.clear();
    ask.messages[2].tool_calls = {{"a", "f", R"({"x":1})"}, {"b", "f", R"({"x":)"}};
    CHECK(json(llms::anthropic::body(ask, {.stream = true, .max_tokens = 77})) == json::parse(R"({
        "model": "m", "max_tokens": 77, "stream": true,
        "system": [{"type": "text", "text": "be brief"}],
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "u"},
                {"type": "image", "source":
                    {"type": "base64", "media_type": "image/png", "data": "AA=="}},
                {"type": "image", "source": {"type": "url", "url": "https://x.test/i.png"}},
                {"type": "document", "title": "n", "source":
                    {"type": "base64", "media_type": "application/pdf", "data": "BB=="}}]},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
                {"type": "tool_use", "id": "b", "name": "f",
                 "input": {"INVALID_JSON": "{\"x\":"}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "a", "content": "1"},
                {"type": "tool_result", "tool_use_id": "b", "content": "2"}]},
            {"role": "user", "content": [{"type": "text", "text": "so?"}]}],
        "tools": [{"name": "f", "description": "d", "strict": true,
                   "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "any"}, "temperature": 0.5, "stop_sequences": ["x"],
        "metadata": {"user_id": "ann"}})"));
}

TEST_CASE("anthropic: a tool that must be called, and a schema for the answer", "[anthropic]") {
    llms::request const ask{
        .tool_choice = {{"type", "function"}, {"function", {{"name", "f"}}}},
        .max_tokens = 5,
        .response_format = {{"type", "json_schema"},
                            {"json_schema", {{"name", "n"}, {"schema", {{"type", "object"}}}}}}};
    auto const body = llms::anthropic::body(ask);
    CHECK(body["max_tokens"] == 5);
    CHECK(json(body["tool_choice"]) == json{{"type", "tool"}, {"name", "f"}});
    CHECK(body["output_config"]["format"]["schema"] == ordered_json{{"type", "object"}});
}

TEST_CASE("anthropic: audio cannot be sent", "[anthropic]") {
    llms::request ask{.messages = {llms::message::user("u")}};
    ask.messages[0].content.emplace_back(llms::audio_part{"AA==", "wav"});
    CHECK_THROWS_AS(llms::anthropic::body(ask), llms::error);
}

TEST_CASE("anthropic: reasoning goes back signed or not at all", "[anthropic]") {
    auto m = llms::message::assistant("t");
    m.content.insert(m.content.begin(), llms::reasoning_part{"thought", "sig"});
    CHECK(llms::anthropic::to_json(m)["content"][0] ==
          ordered_json{{"type", "thinking"}, {"thinking", "thought"}, {"signature", "sig"}});
    m.content[0] = llms::reasoning_part{"thought of another provider"};
    CHECK(llms::anthropic::to_json(m)["content"].size() == 1);
}

TEST_CASE("anthropic: usage counts the cache's tokens in", "[anthropic]") {
    auto const answer = llms::anthropic::response_from_json(json::parse(R"({
        "id": "i", "type": "message", "role": "assistant", "model": "m",
        "content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn",
        "usage": {"input_tokens": 10, "cache_read_input_tokens": 100,
                  "cache_creation_input_tokens": 1000, "output_tokens": 7}})"));
    CHECK(answer.usage == llms::usage{.input_tokens = 1110,
                                      .output_tokens = 7,
                                      .cached_input_tokens = 100,
                                      .cache_write_tokens = 1000});
    CHECK(answer.finish == llms::finish_reason::stop);
}

TEST_CASE("anthropic: stop reasons", "[anthropic]") {
    using llms::finish_reason;
    auto const [word, reason] = GENERATE(
        table<std::string, finish_reason>({{"end_turn", finish_reason::stop},
                                           {"stop_sequence", finish_reason::stop},
                                           {"max_tokens", finish_reason::length},
                                           {"model_context_window_exceeded", finish_reason::length},
                                           {"tool_use", finish_reason::tool_calls},
                                           {"refusal", finish_reason::content_filter},
                                           {"pause_turn", finish_reason::unknown}}));
    auto const answer = decode({finish(word)});
    CHECK(answer.finish == reason);
    CHECK(answer.finish_text == word);
}

TEST_CASE("anthropic: a response that was made here", "[anthropic]") {
    using llms::finish_reason;
    auto const [reason, word] =
        GENERATE(table<finish_reason, json>({{finish_reason::stop, "end_turn"},
                                             {finish_reason::length, "max_tokens"},
                                             {finish_reason::tool_calls, "tool_use"},
                                             {finish_reason::content_filter, "refusal"},
                                             {finish_reason::unknown, nullptr}}));
    llms::response answer{.id = "i", .model = "m", .finish = reason};
    answer.message = llms::message::assistant("a");
    answer.usage = {.input_tokens = 3, .output_tokens = 2};
    auto const wire = json(llms::anthropic::to_json(answer));
    CHECK(wire["stop_reason"] == word);
    CHECK(wire["usage"]["input_tokens"] == 3);
    CHECK(wire["usage"]["output_tokens"] == 2);
    CHECK(wire["content"] == json::parse(R"([{"type": "text", "text": "a"}])"));
}

TEST_CASE("anthropic: a message is an object", "[anthropic]") {
    CHECK_THROWS_AS(llms::anthropic::message_from_json("text"), llms::provider_error);
}

TEST_CASE("anthropic: a file by its id, a call without arguments", "[anthropic]") {
    llms::request ask{.model = "m", .messages = {llms::message::user("u")}};
    ask.messages[0].content.emplace_back(llms::file_part{.id = "file_1"});
    ask.messages.push_back(
        {.role = llms::role::assistant, .tool_calls = {{.id = "c", .name = "f", .arguments = ""}}});
    auto const body = json(llms::anthropic::body(ask));
    CHECK(body["messages"][0]["content"][1]["source"] ==
          json{{"type", "file"}, {"file_id", "file_1"}});
    CHECK(body["messages"][1]["content"][0]["input"] == json::object());
}

TEST_CASE("anthropic: a stream of every kind of block", "[anthropic]") {
    auto const answer = decode(
        {{{"type", "message_start"},
          {"message", {{"id", "i"}, {"model", "m"}, {"usage", {{"input_tokens", 3}}}}}},
         {{"type", "ping"}},
         start({{"type", "thinking"}, {"thinking", ""}}),
         delta({{"type", "thinking_delta"}, {"thinking", "hm"}}),
         delta({{"type", "signature_delta"}, {"signature", "sig"}}),
         stop(),
         start({{"type", "redacted_thinking"}, {"data", "xyz"}}, 1),
         stop(1),
         start({{"type", "server_tool_use"}, {"id", "s"}, {"name", "search"}, {"input", {}}}, 2),
         delta({{"type", "input_json_delta"}, {"partial_json", "{\"q\":"}}, 2),
         delta({{"type", "input_json_delta"}, {"partial_json", "1}"}}, 2),
         stop(2),
         start({{"type", "text"}, {"text", ""}}, 3),
         delta({{"type", "text_delta"}, {"text", "one"}}, 3),
         delta({{"type", "citations_delta"}, {"citation", {{"n", 1}}}}, 3),
         stop(3),
         start({{"type", "text"}, {"text", ""}}, 4),
         delta({{"type", "text_delta"}, {"text", "two"}}, 4),
         stop(4),
         start({{"type", "tool_use"}, {"id", "t"}, {"name", "f"}, {"input", json::object()}}, 5),
         stop(5),
         {{"type", "an_event_of_tomorrow"}},
         finish("tool_use"),
         {{"type", "message_stop"}}});
    auto const& parts = answer.message.content;
    REQUIRE(parts.size() == 5);
    CHECK(parts[0] == llms::content_part(llms::reasoning_part{"hm", "sig"}));
    CHECK(parts[1] ==
          llms::content_part(llms::other_part{{{"type", "redacted_thinking"}, {"data", "xyz"}}}));
    CHECK(std::get<llms::other_part>(parts[2]).raw["input"] == json{{"q", 1}});
    CHECK(parts[3] == llms::content_part(llms::text_part{"one", {{"citations", {{{"n", 1}}}}}}));
    CHECK(parts[4] == llms::content_part(llms::text_part{"two"}));
    REQUIRE(answer.message.tool_calls.size() == 1);
    CHECK(answer.message.tool_calls[0] == llms::tool_call{"t", "f", "{}"});
    CHECK(answer.usage == llms::usage{.input_tokens = 3, .output_tokens = 5});
    CHECK(answer.id == "i");
}

TEST_CASE("anthropic: an error event says how it failed", "[anthropic]") {
    auto const [type, kind] = GENERATE(table<std::string, llms::failure>(
        {{"overloaded_error", llms::failure::server},
         {"api_error", llms::failure::server},
         {"rate_limit_error", llms::failure::rate_limited},
         {"authentication_error", llms::failure::authentication},
         {"invalid_request_error", llms::failure::invalid_request}}));
    json const event{{"type", "error"},
                     {"error", {{"type", type}, {"message", "too much"}}},
                     {"request_id", "req_1"}};
    auto const streamed = error_of([&] { return decode({event}); });
    CHECK(streamed.kind() == kind);
    CHECK(streamed.request_id() == "req_1");
    CHECK(std::string(streamed.what()).find("too much") != std::string::npos);
    CHECK(error_of([&] { return llms::anthropic::response_from_json(event); }).kind() == kind);
}

TEST_CASE("anthropic: a stream that breaks off or makes no sense is an error", "[anthropic]") {
    using llms::failure;
    CHECK(error_of([] { return decode({}); }).kind() == failure::connection);
    CHECK(error_of([] {
              return decode({start({{"type", "text"}})});
          }).kind() == failure::connection);
    CHECK(error_of([] { return decode({json::array()}); }).kind() == failure::malformed);
    CHECK(error_of([] {
              return decode({delta({{"type", "input_json_delta"}, {"partial_json", "1"}})});
          }).kind() == failure::malformed);
    std::vector<json> many;
    for (int i = 0; i < 200; ++i) {
        many.push_back(start({{"type", "tool_use"}, {"id", "x"}, {"name", "f"}}, i));
        many.push_back(stop(i));
    }
    CHECK(error_of([&] { return decode(many); }).kind() == failure::malformed);
}

TEST_CASE("anthropic: any message makes the round trip", "[anthropic]") {
    generator make(7);
    for (int i = 0; i < 3000; ++i) {
        json m{{"role", make.number(2) == 0 ? "assistant" : "user"},
               {"content", make.list([&] { return make.anthropic_block(); })}};
        if (make.number(6) == 0) {
            m["content"] = make.word();
        }
        make.maybe(m, "extra", make.value());
        if (make.number(6) == 0) {
            m = {{"role", "user"},
                 {"content",
                  {{{"type", "tool_result"}, {"tool_use_id", "t"}, {"content", m["content"]}}}}};
            make.maybe(m["content"][0], "is_error", true);
        }
        auto const read = llms::anthropic::message_from_json(m);
        CAPTURE(m.dump());
        REQUIRE(json(llms::anthropic::to_json(read)) == m);
        REQUIRE(llms::anthropic::message_from_json(llms::anthropic::to_json(read)) == read);
    }
}

TEST_CASE("openai: any message makes the round trip", "[openai]") {
    generator make(11);
    for (int i = 0; i < 3000; ++i) {
        auto const m = make.openai_message();
        auto const read = llms::openai::message_from_json(m);
        CAPTURE(m.dump());
        REQUIRE(json(llms::openai::to_json(read)) == m);
    }
}

TEST_CASE("openai: a response makes the round trip, unknown members and all", "[openai]") {
    auto const wire = json::parse(R"({
        "id": "i", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "a", "refusal": null},
             "logprobs": {"content": []}, "finish_reason": "stop"},
            {"index": 1, "message": {"role": "assistant", "content": "b"},
             "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3,
                  "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0}},
        "system_fingerprint": "fp"})");
    CHECK(json(llms::openai::to_json(llms::openai::response_from_json(wire))) == wire);
}

TEST_CASE("anthropic: pieces without a beginning, and what follows the end", "[anthropic]") {
    auto const answer = decode({delta({{"type", "thinking_delta"}, {"thinking", "hm"}}),
                                delta({{"type", "text_delta"}, {"text", "a"}}, 1),
                                delta({{"type", "news_delta"}, {"text", "of what?"}}, 2),
                                finish("end_turn"), json{{"type", "message_stop"}},
                                delta({{"type", "text_delta"}, {"text", "late"}}, 1)});
    CHECK(answer.text() == "a");
    REQUIRE(answer.message.content.size() == 2);
    CHECK(std::get<llms::reasoning_part>(answer.message.content[0]).text == "hm");
}

TEST_CASE("anthropic: a block of an unknown kind grows by what is said of it", "[anthropic]") {
    auto const answer = decode({start({{"type", "news"}, {"text", "a"}, {"n", 1}}),
                                delta({{"type", "news_delta"}, {"text", "b"}, {"n", 2}}), delta(5),
                                stop(), finish("end_turn"), json{{"type", "message_stop"}}});
    REQUIRE(answer.message.content.size() == 1);
    CHECK(std::get<llms::other_part>(answer.message.content[0]).raw ==
          json{{"type", "news"}, {"text", "ab"}, {"n", 2}});
}

TEST_CASE("anthropic: the blocks open at one time are bounded", "[anthropic]") {
    std::vector<json> events;
    for (int i = 0; i < 129; ++i) {
        events.push_back(start({{"type", "text"}, {"text", ""}}, i));
    }
    auto const error = error_of([&] { return decode(events); });
    CHECK(error.kind() == llms::failure::malformed);
    CHECK(std::string(error.what()).find("128 blocks open") != std::string::npos);
}

} // namespace anthropic_wire_test
