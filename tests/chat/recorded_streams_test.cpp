// SPDX-License-Identifier: MIT
//
// Every recorded stream of the shared data, by the rules of its README: the chunks against a plain
// reading of the same events, whatever the cuts, and against the whole answer where there is one.
#include "support/catch.hpp"
#include "support/shared_data.hpp"
#include <llms/chat/anthropic_wire.hpp>
#include <llms/chat/chunk.hpp>
#include <llms/chat/openai_wire.hpp>
#include <llms/chat/recorded_response.hpp>
#include <llms/stream/sse_decoder.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace recorded_streams_test {

namespace {

using nlohmann::json;
namespace fs = std::filesystem;

// What a stream holds, read by hand from its events.
struct reading {
    std::string text;
    std::string reasoning;
    std::vector<llms::tool_call> calls; // without extra
    std::vector<json> others;           // server tools, with their input
    std::string finish;
    json usage;
};

using events = std::vector<std::string>;

auto lines_of(fs::path const& path) -> events {
    std::istringstream in(support::read_file(path));
    events lines;
    for (std::string line; std::getline(in, line);) {
        if (!line.empty()) {
            lines.push_back(line);
        }
    }
    return lines;
}

auto events_of_sse(std::string const& bytes) -> events {
    events found;
    llms::sse_decoder sse;
    auto const take = [&](llms::sse_event const& event) {
        found.emplace_back(event.data);
    };
    sse.feed(bytes, take);
    sse.feed("\n\n", take); // the recordings end without a blank line
    return found;
}

auto bytes_of(events const& data) -> std::string {
    std::string bytes;
    for (auto const& line : data) {
        bytes += "data: " + line + "\n\n";
    }
    return bytes;
}

// Several answers in one file: each begins with its message_start.
auto answers_of(events const& all) -> std::vector<events> {
    std::vector<events> answers;
    bool open = false;
    for (auto const& line : all) {
        if (!open) {
            if (json::parse(line).value("type", "") == "message_stop") {
                continue; // a second one
            }
            answers.emplace_back();
            open = true;
        }
        answers.back().push_back(line);
        open = json::parse(line).value("type", "") != "message_stop";
    }
    return answers;
}

template <class Decoder>
auto decode(std::string_view bytes, std::size_t cut) -> std::vector<llms::chunk> {
    llms::sse_decoder sse;
    Decoder decoder;
    std::vector<llms::chunk> chunks;
    auto const out = [&](llms::chunk&& piece) {
        chunks.push_back(std::move(piece));
    };
    for (std::size_t at = 0; at < bytes.size(); at += cut) {
        sse.feed(bytes.substr(at, cut),
                 [&](llms::sse_event const& event) { decoder.feed(event.data, out); });
    }
    decoder.finish(out);
    return chunks;
}

// The chunks of a stream, which must be the same for every cut.
template <class Decoder>
auto decode_in_all_cuts(events const& data) -> std::vector<llms::chunk> {
    Decoder decoder;
    std::vector<llms::chunk> chunks;
    auto const out = [&](llms::chunk&& piece) {
        chunks.push_back(std::move(piece));
    };
    for (auto const& event : data) {
        decoder.feed(event, out);
    }
    decoder.finish(out);
    auto const bytes = bytes_of(data);
    for (std::size_t const cut : {std::size_t{1}, std::size_t{7}, std::size_t{64}, bytes.size()}) {
        CHECK(decode<Decoder>(bytes, cut) == chunks);
    }
    return chunks;
}

auto build(std::vector<llms::chunk> const& chunks) -> llms::response {
    llms::response_builder built;
    for (auto const& piece : chunks) {
        built.add(piece);
    }
    REQUIRE(built.done());
    return std::move(built).value();
}

auto reasoning_of(llms::response const& answer) -> std::string {
    std::string all;
    for (auto const& part : answer.message.content) {
        if (auto const* thought = std::get_if<llms::reasoning_part>(&part)) {
            all += thought->text;
        }
    }
    return all;
}

auto others_of(llms::response const& answer) -> std::vector<json> {
    std::vector<json> all;
    for (auto const& part : answer.message.content) {
        if (auto const* other = std::get_if<llms::other_part>(&part)) {
            all.push_back(other->raw);
        }
    }
    return all;
}

auto plain(std::vector<llms::tool_call> calls) -> std::vector<llms::tool_call> {
    for (auto& call : calls) {
        call.extra = nullptr;
    }
    return calls;
}

// Kinds of content in their order, without repetitions; calls last, as `message` has them.
auto kinds_of(llms::message const& m) -> std::vector<std::string> {
    std::vector<std::string> kinds;
    for (auto const& part : m.content) {
        auto kind = "part " + std::to_string(part.index());
        if (auto const* other = std::get_if<llms::other_part>(&part)) {
            kind += other->raw.value("type", "") + other->raw.value("name", "");
        } else if (auto const* text = std::get_if<llms::text_part>(&part)) {
            if (text->text.empty()) {
                continue;
            }
        }
        if (kinds.empty() || kinds.back() != kind) {
            kinds.push_back(kind);
        }
    }
    for (auto const& call : m.tool_calls) {
        kinds.push_back("call " + call.name);
    }
    return kinds;
}

auto read_openai(events const& data) -> reading {
    reading r;
    for (auto const& line : data) {
        auto const event = json::parse(line);
        if (event.contains("usage") && event["usage"].is_object()) {
            r.usage = event["usage"];
        }
        if (!event.contains("choices") || event["choices"].empty()) {
            continue;
        }
        auto const& choice = event["choices"][0];
        if (choice.contains("finish_reason") && choice["finish_reason"].is_string()) {
            r.finish = choice["finish_reason"];
        }
        auto const delta = choice.value("delta", json::object());
        if (delta.contains("content") && delta["content"].is_string()) {
            r.text += delta["content"];
        }
        for (auto const* key : {"reasoning_content", "reasoning"}) {
            if (delta.contains(key) && delta[key].is_string()) {
                r.reasoning += delta[key];
            }
        }
        if (delta.contains("tool_calls") && delta["tool_calls"].is_array()) {
            for (auto const& call : delta["tool_calls"]) {
                auto const index = call.value("index", std::size_t{0});
                bool const fresh = r.calls.size() <= index;
                r.calls.resize(std::max(r.calls.size(), index + 1));
                auto const& function = call["function"];
                if (fresh) {
                    r.calls[index].id = call.value("id", "");
                    r.calls[index].name = function.value("name", "");
                }
                if (function.contains("arguments") && function["arguments"].is_string()) {
                    r.calls[index].arguments += function["arguments"];
                }
            }
        }
    }
    return r;
}

auto read_anthropic(events const& data) -> reading {
    reading r;
    r.usage = json::object();
    std::map<std::size_t, json> blocks;
    std::map<std::size_t, std::string> inputs;
    auto const close = [&](std::size_t index) {
        auto block = blocks[index];
        auto const type = block.value("type", "");
        if (type == "tool_use") {
            r.calls.push_back(
                {.id = block["id"],
                 .name = block["name"],
                 .arguments = inputs[index].empty() ? block["input"].dump() : inputs[index]});
        } else if (type != "text" && type != "thinking") {
            if (!inputs[index].empty()) {
                block["input"] = json::parse(inputs[index]);
            }
            r.others.push_back(block);
        }
        blocks.erase(index);
        inputs.erase(index);
    };
    for (auto const& line : data) {
        auto const event = json::parse(line);
        auto const type = event.value("type", "");
        auto const index = event.value("index", std::size_t{0});
        if (type == "message_start") {
            auto const& message = event["message"];
            r.usage.update(message["usage"]);
            if (message["stop_reason"].is_string()) {
                r.finish = message["stop_reason"];
            }
            for (auto const& block : message["content"]) { // of a turn that goes on
                r.calls.push_back(
                    {.id = block["id"], .name = block["name"], .arguments = block["input"].dump()});
            }
        } else if (type == "content_block_start") {
            blocks[index] = event["content_block"];
            r.text += blocks[index].value("text", "");
        } else if (type == "content_block_delta") {
            auto const& delta = event["delta"];
            auto const kind = delta.value("type", "");
            if (kind == "text_delta") {
                r.text += delta["text"];
            } else if (kind == "thinking_delta") {
                r.reasoning += delta["thinking"];
            } else if (kind == "input_json_delta") {
                inputs[index] += delta["partial_json"];
            } else if (kind == "compaction_delta") {
                blocks[index]["content"] = delta["content"];
            }
        } else if (type == "content_block_stop") {
            close(index);
        } else if (type == "message_delta") {
            r.usage.update(event.value("usage", json::object()));
            r.finish = event["delta"].value("stop_reason", "");
        }
    }
    while (!blocks.empty()) {
        close(blocks.begin()->first);
    }
    return r;
}

void check(llms::response const& answer, reading const& expected) {
    CHECK(answer.text() == expected.text);
    CHECK(reasoning_of(answer) == expected.reasoning);
    CHECK(plain(answer.message.tool_calls) == expected.calls);
    CHECK(others_of(answer) == expected.others);
    CHECK(answer.finish_text == expected.finish);
    CHECK(answer.finish != llms::finish_reason::unknown);
    if (answer.finish != llms::finish_reason::length) {
        for (auto const& call : answer.message.tool_calls) {
            CHECK(json::accept(call.arguments));
        }
    }
}

// A recorded answer, replayed, must build the same message.
void check_replay(std::vector<llms::chunk> const& chunks) {
    llms::stream_recorder<> recorder;
    for (auto const& piece : chunks) {
        recorder.add(piece);
    }
    auto recorded = std::move(recorder).take();
    for (bool const whole : {false, true}) {
        if (whole) {
            recorded.cuts.clear();
        }
        llms::replay_cursor cursor;
        llms::response_builder built;
        llms::chunk piece;
        while (cursor.next(recorded, piece)) {
            built.add(piece);
            piece.clear();
        }
        CHECK(built.value().message == recorded.response.message);
        CHECK(built.value().extra == recorded.response.extra);
    }
}

auto twin_of(fs::path path) -> fs::path {
    auto name = path.filename().string();
    name = name.substr(0, name.size() - std::string_view(".chunks.txt").size()) + ".json";
    return path.replace_filename(name);
}

auto is_stream(fs::path const& path) -> bool {
    return path.string().ends_with(".txt");
}

} // namespace

TEST_CASE("recorded streams: OpenAI's Chat Completions and those that follow it", "[recorded]") {
    auto const folder = support::shared_data("streams/openai-chat");
    if (!folder) {
        return;
    }
    for (auto const& entry : fs::directory_iterator(*folder)) {
        if (!is_stream(entry.path())) {
            continue;
        }
        CAPTURE(entry.path().filename().string());
        auto const data = lines_of(entry.path());
        auto const chunks = decode_in_all_cuts<llms::openai::stream_decoder>(data);
        auto const answer = build(chunks);
        auto const expected = read_openai(data);
        check(answer, expected);
        CHECK(answer.usage == llms::openai::detail::usage_from(expected.usage));
        CHECK(answer.usage.output_tokens > 0);
        check_replay(chunks);
        if (auto const twin = twin_of(entry.path()); fs::exists(twin)) {
            auto const wire = json::parse(support::read_file(twin));
            auto const whole = llms::openai::response_from_json(wire);
            CHECK(kinds_of(answer.message) == kinds_of(whole.message));
            CHECK(answer.finish == whole.finish);
            CHECK(json(llms::openai::to_json(whole)) == wire);
        }
    }
}

TEST_CASE("recorded streams: Anthropic's Messages", "[recorded]") {
    auto const folder = support::shared_data("streams/anthropic-messages");
    if (!folder) {
        return;
    }
    // Twins that took another number of steps serve for their shape only.
    auto const other = [](std::string const& name) {
        return name.find("programmatic") != std::string::npos ||
               name.find("bm25") != std::string::npos ||
               name.find("web-search") != std::string::npos;
    };
    for (auto const& entry : fs::directory_iterator(*folder)) {
        auto const name = entry.path().filename().string();
        if (!is_stream(entry.path()) || name.find("spliced") != std::string::npos) {
            continue;
        }
        CAPTURE(name);
        llms::response answer;
        for (auto const& data : answers_of(lines_of(entry.path()))) {
            auto const chunks = decode_in_all_cuts<llms::anthropic::stream_decoder>(data);
            answer = build(chunks);
            auto const expected = read_anthropic(data);
            check(answer, expected);
            CHECK(answer.usage == llms::anthropic::detail::usage_from(expected.usage));
            check_replay(chunks);
        }
        if (auto const twin = twin_of(entry.path()); fs::exists(twin)) {
            auto const wire = json::parse(support::read_file(twin));
            auto const whole = llms::anthropic::response_from_json(wire);
            CHECK(json(llms::anthropic::to_json(whole)) == wire);
            if (!other(name)) {
                CHECK(kinds_of(answer.message) == kinds_of(whole.message));
                CHECK(answer.finish == whole.finish);
            }
        }
    }
}

TEST_CASE("recorded streams: raw event streams of Anthropic", "[recorded]") {
    auto const folder = support::shared_data("streams/anthropic-sse");
    if (!folder) {
        return;
    }
    for (auto const& entry : fs::directory_iterator(*folder)) {
        CAPTURE(entry.path().filename().string());
        auto const bytes = support::read_file(entry.path());
        auto const data = events_of_sse(bytes);
        auto const chunks = decode_in_all_cuts<llms::anthropic::stream_decoder>(data);
        auto const answer = build(chunks);
        auto const expected = read_anthropic(data);
        check(answer, expected);
        CHECK(answer.usage == llms::anthropic::detail::usage_from(expected.usage));
        for (std::size_t const cut : {std::size_t{1}, std::size_t{7}, std::size_t{64}}) {
            CHECK(decode<llms::anthropic::stream_decoder>(bytes + "\n\n", cut) == chunks);
        }
    }
}

TEST_CASE("recorded streams: arguments that max_tokens cut off are incomplete", "[recorded]") {
    auto const folder = support::shared_data("streams/anthropic-sse");
    if (!folder) {
        return;
    }
    auto const data =
        events_of_sse(support::read_file(*folder / "incomplete_partial_json_response.txt"));
    auto const answer = build(decode_in_all_cuts<llms::anthropic::stream_decoder>(data));
    CHECK(answer.finish == llms::finish_reason::length);
    REQUIRE(answer.message.tool_calls.size() == 1);
    CHECK(answer.message.tool_calls[0].name == "make_file");
    CHECK_FALSE(json::accept(answer.message.tool_calls[0].arguments));
}

TEST_CASE("recorded streams: a message spliced into another is not joined to it", "[recorded]") {
    auto const folder = support::shared_data("streams/anthropic-messages");
    if (!folder) {
        return;
    }
    auto const data = lines_of(*folder / "anthropic--spliced-message-start.chunks.txt");
    auto const answer = build(decode_in_all_cuts<llms::anthropic::stream_decoder>(data));
    CHECK(answer.id == "msg_second");
    REQUIRE(answer.message.tool_calls.size() == 2);
    CHECK(answer.message.tool_calls[0].arguments == R"({"value":"Spark)");
    CHECK(answer.message.tool_calls[1] ==
          llms::tool_call{"toolu_second", "test-tool", R"({"value":"Sparkle Day"})"});
    CHECK(answer.finish == llms::finish_reason::tool_calls);
}

} // namespace recorded_streams_test
