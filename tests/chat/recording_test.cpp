// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/manual_clock.hpp"
#include "support/shared_data.hpp"
#include "support/temporary_directory.hpp"
#include <llms/chat/mock_provider.hpp>
#include <llms/chat/recording.hpp>
#include <llms/chat/replaying.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <sstream>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace recording_test {

namespace {

using namespace std::chrono_literals;
using llms::failure;
using llms::mock_answer;
using llms::mock_provider;
using llms::replaying_provider;
using test_clock = support::manual_clock<17>;

auto ask(std::string text = "hi") -> llms::request {
    return {.model = "m", .messages = {llms::message::user(std::move(text))}, .temperature = 0.5};
}

/// Everything that a response can hold.
auto everything() -> llms::response {
    llms::response all;
    all.id = "id-1";
    all.model = "model-1";
    all.message.content = {llms::reasoning_part{"hm", "signed"},
                           llms::text_part{"caf\u00e9 \n\"\\", {{"citations", {1}}}},
                           llms::image_part{"https://x/y.png", "low"},
                           llms::audio_part{"AAAA", "wav"},
                           llms::file_part{"a.pdf", "data:", "f-1"},
                           llms::other_part{{{"type", "new"}, {"n", 1.5}}}};
    all.message.tool_calls = {{"c1", "f", R"({"a":1})"}, {"c2", "g", "", {{"caller", "code"}}}};
    all.message.name = "bot";
    all.message.tool_call_id = "t";
    all.message.extra = {{"refusal", nullptr}, {"deep", {1, 2, {{"x", true}}}}};
    all.finish = llms::finish_reason::tool_calls;
    all.finish_text = "tool_use";
    all.usage = {1, 2, 3, 4, 5};
    all.cached = true;
    all.coalesced = true;
    all.extra = {{"system_fingerprint", "fp"}, {"big", 18446744073709551615U}};
    return all;
}

/// Answers everything(), and perhaps more in `extra`, when it is not streamed.
struct whole_provider {
    nlohmann::json more = nlohmann::json::object();
    [[nodiscard]] auto complete(llms::request const& /*ask*/, std::stop_token const& /*stop*/) const
        -> llms::response {
        auto all = everything();
        all.extra.update(more);
        return all;
    }
    static auto stream(llms::request const& /*ask*/, std::stop_token const& /*stop*/)
        -> llms::response_stream {
        return mock_provider{mock_answer::of(everything())}.stream(ask());
    }
    static auto name() -> std::string_view { return "whole"; }
};

auto chunks_of(llms::response_stream stream) -> std::vector<llms::chunk> {
    std::vector<llms::chunk> chunks;
    for (auto const& piece : stream) {
        chunks.push_back(piece);
    }
    return chunks;
}

auto error_of(auto&& call) -> std::string {
    try {
        call();
    } catch (llms::recording_error const& e) {
        return e.what();
    }
    return "no error";
}

} // namespace

TEST_CASE("recording: a response comes back with all that it held", "[recording]") {
    std::stringstream file;
    auto client = whole_provider{} | llms::recording(file);
    CHECK(client.complete(ask()) == everything());
    CHECK(client.name() == "whole");
    CHECK(replaying_provider{file}.complete(ask()) == everything());
}

TEST_CASE("recording: a stream comes back chunk by chunk", "[recording]") {
    mock_provider const model{mock_answer{
        .chunks = {{.kind = llms::chunk_kind::reasoning, .text = "h"},
                   {.kind = llms::chunk_kind::reasoning, .text = "m", .signature = "s"},
                   {.index = 1, .text = "caf"},
                   {.index = 1, .text = "\u00e9\n", .json = R"({"citations":[1]})"},
                   {.index = 2, .text = ""},
                   {.kind = llms::chunk_kind::part, .json = R"({"type":"search"})"},
                   {.kind = llms::chunk_kind::tool_call, .text = "{", .id = "1", .name = "f"},
                   {.kind = llms::chunk_kind::tool_call, .index = 1, .id = "2", .name = "g"},
                   {.kind = llms::chunk_kind::tool_call, .text = "}"},
                   {.kind = llms::chunk_kind::end,
                    .finish = llms::finish_reason::tool_calls,
                    .id = "i",
                    .name = "n",
                    .signature = "tool_use",
                    .json = R"({"tier":"flex"})",
                    .usage = {1, 2, 3, 4, 5},
                    .coalesced = true}}}};
    std::stringstream file;
    auto client = model | llms::recording(file);
    auto const was = chunks_of(client.stream(ask()));
    CHECK(was.size() == 10);
    std::stringstream again(file.str());
    CHECK(chunks_of(replaying_provider{file}.stream(ask())) == was);
    // Asked for whole, it is the same answer.
    CHECK(replaying_provider{again}.complete(ask()) == mock_provider(model).complete(ask()));
}

TEST_CASE("replaying: what was whole can be streamed", "[recording]") {
    std::stringstream file;
    mock_provider const model{mock_answer::pieces({"a", "b"})};
    auto client = model | llms::recording(file);
    auto const whole = client.complete(ask());
    replaying_provider replay{file};
    CHECK(replay.stream(ask()).finish() == whole);
    CHECK(replay.name() == "mock");
}

TEST_CASE("recording: keeps the pauses", "[recording]") {
    std::stringstream file;
    auto const wait = [](std::chrono::nanoseconds time, std::stop_token const&) {
        test_clock::advance(time);
    };
    mock_provider const model{
        {.answers = {mock_answer::pieces({"a", "b"}).paced(30ms, 2us),
                     mock_answer::text("a").paced(5ms, 1ms),
                     mock_answer::pieces({"a"}).paced(7ms, 1ms).failing_after(1, failure::server)},
         .wait = wait}};
    auto client = model | llms::recording<test_clock>(file);
    static_cast<void>(client.stream(ask()).finish());
    static_cast<void>(client.complete(ask()));
    CHECK_THROWS(client.stream(ask()).finish());
    std::vector<std::chrono::nanoseconds> waits;
    replaying_provider replay{file, {.pauses = true, .wait = [&](auto time, auto const&) {
                                         waits.push_back(time);
                                     }}};
    static_cast<void>(replay.stream(ask()).finish());
    CHECK(waits == std::vector<std::chrono::nanoseconds>{30ms, 2us, 2us});
    waits.clear();
    static_cast<void>(replay.stream(ask()).finish());
    CHECK(waits == std::vector<std::chrono::nanoseconds>{6ms});
    waits.clear();
    CHECK_THROWS_AS(replay.complete(ask()), llms::provider_error);
    CHECK(waits == std::vector<std::chrono::nanoseconds>{7ms});
}

TEST_CASE("recording: failures are thrown again, where they were thrown", "[recording]") {
    std::stringstream file;
    llms::provider_error const full("too fast", {.kind = failure::rate_limited,
                                                 .status = 429,
                                                 .body = R"({"error":"wait"})",
                                                 .request_id = "r-1",
                                                 .retry_after = 1500ms});
    mock_provider const model{
        mock_answer::fails(full),
        mock_answer::fails(failure::malformed),
        mock_answer::text("a b").failing_after(1, std::make_exception_ptr(full)),
        mock_answer::fails(std::make_exception_ptr(llms::timeout_error("late"))),
        mock_answer::fails(std::make_exception_ptr(std::runtime_error("odd"))),
        mock_answer::fails(std::make_exception_ptr(42))};
    auto client = model | llms::recording(file);
    CHECK_THROWS(client.complete(ask()));
    CHECK_THROWS(client.stream(ask()));
    CHECK_THROWS(client.stream(ask()).finish());
    for (int i = 0; i < 3; ++i) {
        CHECK_THROWS(client.complete(ask()));
    }
    replaying_provider replay{file};
    CHECK(replay.size() == 6);
    for (int i = 0; i < 3; ++i) {
        auto stream = replay.stream(ask());
        try {
            if (i == 2) {
                CHECK(stream.next()->text == "a");
            }
            static_cast<void>(stream.next());
            FAIL("it did not fail");
        } catch (llms::provider_error const& e) {
            if (i == 1) {
                CHECK(e.kind() == failure::malformed);
                CHECK_FALSE(e.retry_after());
            } else {
                CHECK(std::string(e.what()) == "too fast");
                CHECK(e.kind() == failure::rate_limited);
                CHECK(e.status() == 429);
                CHECK(e.body() == full.body());
                CHECK(e.request_id() == "r-1");
                CHECK(e.retry_after() == 1500ms);
            }
        }
    }
    CHECK_THROWS_AS(replay.complete(ask()), llms::timeout_error);
    CHECK_THROWS_WITH(replay.complete(ask()), "odd");
    CHECK_THROWS_AS(replay.complete(ask()), llms::error);
}

TEST_CASE("replaying: a request that was not recorded is named", "[recording]") {
    std::stringstream file;
    mock_provider const model{mock_answer::text("1"), mock_answer::text("2"),
                              mock_answer::text("3")};
    auto client = model | llms::recording(file);
    static_cast<void>(client.complete(ask()));
    static_cast<void>(client.complete(ask("other")));
    static_cast<void>(client.complete(ask()));
    std::stringstream again(file.str());
    replaying_provider replay{file};
    CHECK(replay.unused() == 3);
    CHECK(replay.complete(ask()).text() == "1"); // identical requests in their order
    CHECK(replay.complete(ask()).text() == "3");
    CHECK(replay.complete(ask("other")).text() == "2");
    CHECK(replay.unused() == 0);
    CHECK(error_of([&] { static_cast<void>(replay.complete(ask())); }) ==
          "replaying: the stream holds only 2 answers to this request: model \"m\", 1 message, the "
          "last: \"hi\"");
    auto hotter = ask();
    hotter.temperature = 0.75;
    CHECK_THROWS_AS(replay.complete(hotter), llms::unrecorded_request_error);
    CHECK(error_of([&] { static_cast<void>(replay.stream(ask("new"))); }) ==
          "replaying: the stream holds no answer to this request: model \"m\", 1 message, the "
          "last: \"new\"");
    replaying_provider patient{again, {.repeat_last = true}};
    for (auto const* said : {"1", "3", "3"}) {
        CHECK(patient.complete(ask()).text() == said);
    }
}

TEST_CASE("recording: no API key gets into it", "[recording]") {
    std::string const key = "sk-proj-0123456789abcdefGHIJ";
    std::string const own = "my-house-key/42";
    std::stringstream file;
    mock_provider const model{
        mock_answer::fails(llms::provider_error(
            "Incorrect API key provided: " + key + ". Header: Authorization: Bearer " + own,
            {.kind = failure::authentication, .status = 401, .body = R"({"key":")" + key + "\"}"})),
        mock_answer::text("your key is " + own)};
    llms::recording_options const options{.secrets = {own, ""}};
    auto client = model | llms::recording(file, options);
    auto told = ask("use " + key + " and " + own + " for the task-0123456789abcdef0");
    told.extra = {{"api_key", own}, {"nested", {{{"X-Api-Key", "abc"}}}}, {"top_k", 4}};
    CHECK_THROWS(client.complete(told));
    CHECK(client.complete(told).text() == "your key is " + own);
    auto const text = file.str();
    CHECK(text.find("0123456789abcdefGHIJ") == std::string::npos);
    CHECK(text.find(own) == std::string::npos);
    CHECK(text.find("abc\\\"") == std::string::npos);
    CHECK(text.find("top_k") != std::string::npos);
    CHECK(text.find("task-0123456789abcdef0") != std::string::npos); // no key
    replaying_provider replay{file, {.secrets = {own}}};
    try {
        static_cast<void>(replay.complete(told));
        FAIL("it did not fail");
    } catch (llms::provider_error const& e) {
        CHECK(std::string(e.what()) == "Incorrect API key provided: sk-[redacted] Header: "
                                       "Authorization: Bearer [redacted]");
        CHECK(e.status() == 401);
    }
    CHECK(replay.complete(told).text() == "your key is [redacted]");
    std::stringstream other;
    CHECK_THROWS_AS(llms::recording(other, {.secrets = {"short"}}), llms::error);
    CHECK_THROWS_AS(llms::recording(other, {.secrets = {"with \"quotes\""}}), llms::error);
}

TEST_CASE("replaying: a line that is none is refused by its number", "[recording]") {
    std::string const good = R"({"llms":1,"request":"[]","error":{"type":"error","what":"x"}})";
    auto const refused = [&](std::string const& line) {
        std::istringstream file(good + "\n\n" + line + "\n" + good);
        return error_of([&] { replaying_provider const replay{file}; });
    };
    std::string const begin = R"({"llms":1,"request":"[]",)";
    CHECK(refused(good) == "no error");
    CHECK(refused(good + "\r") == "no error");
    CHECK(refused("") == "no error");
    CHECK(refused("{") == "replaying: the stream, line 3: not a JSON object");
    CHECK(refused("[1]") == "replaying: the stream, line 3: not a JSON object");
    CHECK(refused(std::string(1000, '[')) == "replaying: the stream, line 3: not a JSON object");
    CHECK_THAT(refused("{}"), support::contains("it has no \"llms\" version"));
    CHECK_THAT(refused(R"({"llms":2})"), support::contains("line 3: version 2, and this library"));
    CHECK_THAT(refused(R"({"llms":1})"), support::contains("it has no \"request\""));
    for (auto const& [line, problem] : std::vector<std::pair<std::string, std::string>>{
             {R"("us":-1})", "\"us\" is not"},
             {R"("us":1e300})", "\"us\" is not an integer"},
             {R"("chunks":{}})", "\"chunks\" is not an array"},
             {R"("chunks":[]})", "the answer has no end"},
             {R"("chunks":[{"text":"a"}]})", "the answer has no end"},
             {R"("chunks":[{}]})", "a chunk is neither"},
             {R"("chunks":[{"text":1}]})", "\"text\" is not a text"},
             {R"("chunks":[{"text":{"hex":"6x"}}]})", "\"text\" is not a text"},
             {R"("chunks":[{"text":{"hex":"666"}}]})", "\"text\" is not a text"},
             {R"("chunks":[{"tool_call":-1}]})", "\"tool_call\" is not an index"},
             {R"("chunks":[{"finish":"bored"}]})", R"("finish" is "bored")"},
             {R"("chunks":[{"finish":"stop"},{"text":"a"}]})", "chunks come after the end"},
             {R"("chunks":[{"finish":"stop","usage":1}]})", "\"usage\" is not an object"},
             {R"("response":1})", "\"response\" is not an object"},
             {R"("response":{}})", "\"message\" is not an object"},
             {R"("response":{"finish":"stop","message":{"role":"king"}}})", R"("role" is "king")"},
             {R"("response":{"finish":"stop","message":{"role":"user","content":[{}]}}})",
              "of no known kind"},
             {R"("error":{"type":"sad"}})", "an error of type \"sad\""},
             {R"("error":{"type":"provider_error","kind":"server","status":99999}})",
              "\"status\" is not"},
             {R"("abandoned":"yes"})", "\"abandoned\" is not true or false"}}) {
        CAPTURE(line);
        CHECK_THAT(refused(begin + line), support::contains("line 3: "));
        CHECK_THAT(refused(begin + line), support::contains(problem));
    }
}

TEST_CASE("replaying: reads within its bounds", "[recording]") {
    std::string const line =
        R"({"llms":1,"request":"[]","error":{"type":"error","what":")" + std::string(1000, 'x');
    auto const refused = [&](std::string const& text, llms::replay_options options) {
        std::istringstream file(text);
        return error_of([&] { replaying_provider const replay{file, std::move(options)}; });
    };
    auto const good = line + "\"}}\n";
    CHECK(refused(good, {.max_bytes = good.size(), .max_line_bytes = good.size() - 1}) ==
          "no error");
    CHECK(refused(good + good, {.max_bytes = 2 * good.size() - 1}) ==
          "replaying: the stream, line 3: the recording is larger than max_bytes");
    CHECK(refused(good, {.max_line_bytes = 1000}) ==
          "replaying: the stream, line 1: it is longer than max_line_bytes");
    CHECK(refused(good + std::string(1 << 20, 'x'), {.max_line_bytes = 100'000}) ==
          "replaying: the stream, line 2: it is longer than max_line_bytes");
    CHECK(error_of([] { replaying_provider const replay{"/nonexistent/calls.jsonl"}; }) ==
          "replaying: cannot open /nonexistent/calls.jsonl");
}

TEST_CASE("recording: a stream that is left is replayed so far, a cancelled call is not",
          "[recording]") {
    std::stringstream file;
    mock_provider const model{mock_answer::text("a b c")};
    auto client = model | llms::recording(file);
    {
        auto stream = client.stream(ask());
        static_cast<void>(stream.next());
        static_cast<void>(stream.next());
    }
    { auto const unread = client.stream(ask()); }
    std::stop_source stopped;
    stopped.request_stop();
    CHECK_THROWS_AS(client.complete(ask(), stopped.get_token()), llms::cancelled_error);
    CHECK_THROWS_AS(client.stream(ask()).next(stopped.get_token()), llms::cancelled_error);
    replaying_provider replay{file};
    CHECK(replay.size() == 1);
    auto stream = replay.stream(ask());
    CHECK(stream.next()->text == "a");
    CHECK(stream.next()->text == " b");
    CHECK(error_of([&] { static_cast<void>(stream.next()); }) ==
          "replaying: the recorded stream was left after 2 chunks");
}

TEST_CASE("recording: what is not UTF-8 is kept, too", "[recording]") {
    std::stringstream file;
    mock_provider const model{mock_answer::pieces({"\xC3", "\xA9\xFF", std::string("\0", 1)})};
    auto client = model | llms::recording(file);
    auto const was = chunks_of(client.stream(ask()));
    CHECK(chunks_of(replaying_provider{file}.stream(ask())) == was);
}

TEST_CASE("recording: an answer that has no JSON text is refused, and nothing of it written",
          "[recording]") {
    std::stringstream file;
    auto to = llms::recording(file);
    auto odd = whole_provider{{{"odd", "\xFF"}}} | to;
    CHECK_THAT(error_of([&] { static_cast<void>(odd.complete(ask())); }),
               support::contains("recording: an answer has no JSON text: "));
    CHECK(file.str().empty());
    auto good = whole_provider{} | to; // it goes on
    static_cast<void>(good.complete(ask()));
    CHECK(replaying_provider{file}.complete(ask()) == everything());
}

TEST_CASE("recording: into a file, anew or appended", "[recording]") {
    support::temporary_directory const folder;
    auto const path = folder.file("calls.jsonl");
    mock_provider const model{mock_answer::text("a")};
    for (bool const append : {false, true, true, false}) {
        auto client = model | llms::recording(path, {.append = append});
        static_cast<void>(client.complete(ask()));
        replaying_provider const replay{path}; // while the recording goes on
        CHECK(replay.size() >= 1);
    }
    CHECK(replaying_provider{path}.size() == 1);
    CHECK(error_of([] { static_cast<void>(llms::recording("/nonexistent/calls.jsonl")); }) ==
          "recording: cannot open /nonexistent/calls.jsonl");
    std::stringstream full;
    full.setstate(std::ios::badbit);
    auto client = model | llms::recording(full);
    CHECK(error_of([&] { static_cast<void>(client.complete(ask())); }) ==
          "recording: cannot write to the stream");
    {
        auto left = client.stream(ask());
        CHECK(left.next()->text == "a");
    } // there is nobody to tell
    full.clear();
    static_cast<void>(client.complete(ask()));
    CHECK(replaying_provider{full}.size() == 1);
}

TEST_CASE("replaying: a stopped caller ends a pause", "[recording][threads]") {
    std::istringstream file(R"({"llms":1,"request":)" +
                            nlohmann::json(llms::detail::recording_key(ask(), {})).dump() +
                            R"(,"chunks":[{"us":3600000000,"text":"a"},{"finish":"stop"}]})");
    replaying_provider replay{file, {.pauses = true}};
    std::stop_source caller;
    auto stream = replay.stream(ask(), caller.get_token());
    std::jthread const stopper([&] { caller.request_stop(); });
    CHECK_THROWS_AS(stream.next(), llms::cancelled_error);
}

TEST_CASE("recording: many threads record and replay", "[recording][threads]") {
    std::stringstream file;
    mock_provider const model{{.answer = [](llms::request const& asked, std::size_t) {
        return mock_answer::text(asked.messages.back().text());
    }}};
    auto const run = [](auto const& provider) {
        std::atomic<int> right{0};
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([&right, own = provider]() mutable {
                for (int i = 0; i < 20; ++i) {
                    auto const text = "number " + std::to_string(i);
                    auto const said = i % 2 == 0 ? own.complete(ask(text)).text()
                                                 : own.stream(ask(text)).finish().text();
                    right += said == text ? 1 : 0;
                }
            });
        }
        threads.clear();
        return right.load();
    };
    CHECK(run(model | llms::recording(file)) == 80);
    replaying_provider const replay{file};
    CHECK(run(replay) == 80);
    CHECK(replay.unused() == 0);
}

} // namespace recording_test
