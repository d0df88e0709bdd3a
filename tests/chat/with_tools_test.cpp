// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include <llms/chat/mock_provider.hpp>
#include <llms/chat/with_tools.hpp>
#include <llms/metrics/metrics.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <semaphore>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace with_tools_test {

namespace {

using namespace std::chrono_literals;
using llms::mock_answer;
using llms::mock_provider;

struct place {
    std::string city;
};

auto weather() -> llms::tool {
    return {"weather", "The weather.", [](place const& where) {
                if (where.city == "Atlantis") {
                    throw std::runtime_error("sunk");
                }
                return where.city + ": rain";
            }};
}

auto call(std::string id, std::string const& city, std::string name = "weather")
    -> llms::tool_call {
    return {std::move(id), std::move(name), R"({"city":")" + city + "\"}"};
}

auto ask() -> llms::request {
    return {.model = "m", .messages = {llms::message::user("Weather in Oslo and Bergen?")}};
}

/// Text, then calls of tools, in one answer.
auto says_and_calls(std::string const& text, std::vector<llms::tool_call> const& calls,
                    llms::usage used) -> mock_answer {
    llms::response said;
    said.message.content.emplace_back(llms::text_part{text});
    said.message.tool_calls = calls;
    said.finish = llms::finish_reason::tool_calls;
    said.usage = used;
    return mock_answer::of(said);
}

auto says(std::string const& text, llms::usage used) -> mock_answer {
    auto answer = mock_answer::text(text);
    answer.chunks.back().usage = used;
    return answer;
}

/// A model that calls the tool `rounds` times and then answers.
auto two_steps() -> mock_provider {
    return mock_provider{
        says_and_calls("Let me see. ", {call("1", "Oslo"), call("2", "Bergen")},
                       {.input_tokens = 10, .output_tokens = 5, .reasoning_tokens = 2}),
        says("Rain all over.", {.input_tokens = 30, .output_tokens = 4, .cached_input_tokens = 9})};
}

constexpr llms::usage both{
    .input_tokens = 40, .output_tokens = 9, .cached_input_tokens = 9, .reasoning_tokens = 2};

/// Runs each job on a thread of its own.
struct threads {
    std::vector<std::jthread> running;
    void post(std::function<void()> job) { running.emplace_back(std::move(job)); }
};

} // namespace

TEST_CASE("with_tools: calls tools, sends the results, gives the last answer with all usage",
          "[with_tools]") {
    auto model = two_steps();
    std::vector<std::string> told;
    auto client = model | llms::with_tools(
                              llms::toolbox{weather()}, {.on_message = [&](llms::message const& m) {
                                  told.push_back(std::string(to_string(m.role)) + ":" + m.text());
                              }});
    auto const answer = client.complete(ask());
    CHECK(answer.text() == "Rain all over.");
    CHECK(answer.usage == both);
    CHECK(answer.finish == llms::finish_reason::stop);
    auto const asked = model.requests();
    REQUIRE(asked.size() == 2);
    REQUIRE(asked[0].tools.size() == 1);
    CHECK(asked[0].tools[0].name == "weather");
    CHECK(asked[0].messages.size() == 1);
    REQUIRE(asked[1].messages.size() == 4);
    CHECK(asked[1].messages[1].tool_calls.size() == 2);
    CHECK(asked[1].messages[2] == llms::message::tool_result("1", "Oslo: rain"));
    CHECK(asked[1].messages[3] == llms::message::tool_result("2", "Bergen: rain"));
    CHECK(told == std::vector<std::string>{"assistant:Let me see. ", "tool:Oslo: rain",
                                           "tool:Bergen: rain"});
    CHECK(client.name() == "mock");
}

TEST_CASE("with_tools: a stream yields the text of all steps and ends once", "[with_tools]") {
    auto client = two_steps() | llms::with_tools(llms::toolbox{weather()});
    auto stream = client.stream(ask());
    std::vector<std::string> texts;
    int ends = 0;
    for (auto const& piece : stream) {
        CHECK(piece.kind != llms::chunk_kind::tool_call);
        ends += piece.kind == llms::chunk_kind::end ? 1 : 0;
        texts.push_back(piece.text);
    }
    CHECK(texts == std::vector<std::string>{"Let me see. ", "Rain", " all", " over.", ""});
    CHECK(ends == 1);
    CHECK(stream.value().usage == both);
    CHECK(stream.value().text() == "Let me see. Rain all over.");
    CHECK(stream.value().message.tool_calls.empty());
}

TEST_CASE("with_tools: what is wrong with a call becomes text for the model", "[with_tools]") {
    mock_provider model{mock_answer::calls({call("1", "Oslo", "wether"),
                                            {"2", "weather", "{\"city\":"},
                                            {"3", "weather", R"({"town":"Oslo"})"},
                                            call("4", "Atlantis")}),
                        mock_answer::text("sorry")};
    auto client = model | llms::with_tools(llms::toolbox{weather()});
    CHECK(client.complete(ask()).text() == "sorry");
    auto const sent = std::move(model.requests()[1].messages);
    REQUIRE(sent.size() == 6);
    CHECK_THAT(sent[2].text(), support::contains("There is no tool named \"wether\""));
    CHECK_THAT(sent[3].text(), support::contains("not JSON"));
    CHECK_THAT(sent[4].text(), support::contains("city"));
    CHECK_THAT(sent[5].text(), support::contains("sunk"));
}

TEST_CASE("with_tools: the steps are bounded, and the end says so", "[with_tools]") {
    auto const endless = [] {
        return mock_provider{says_and_calls("again", {call("1", "Oslo")}, {.output_tokens = 1})};
    };
    SECTION("with an error") {
        auto model = endless();
        auto client = model | llms::with_tools(llms::toolbox{weather()}, {.max_steps = 3});
        try {
            static_cast<void>(client.complete(ask()));
            FAIL("it ended");
        } catch (llms::tool_steps_error const& e) {
            CHECK(std::string(e.what()) == "with_tools: the model still calls tools after 3 steps, "
                                           "the most that max_steps allows");
            CHECK(e.steps() == 3);
            CHECK(e.response().usage.output_tokens == 3);
            CHECK(e.response().message.tool_calls.size() == 1);
        }
        CHECK(model.calls() == 3);
        CHECK_THROWS_AS(client.stream(ask()).finish(), llms::tool_steps_error);
    }
    SECTION("by handing the calls back") {
        auto client =
            endless() | llms::with_tools(llms::toolbox{weather()},
                                         {.max_steps = 2, .at_limit = llms::tool_limit::hand_back});
        auto const whole = client.complete(ask());
        CHECK(whole.finish == llms::finish_reason::tool_calls);
        CHECK(whole.message.tool_calls == std::vector{call("1", "Oslo")});
        auto const streamed = client.stream(ask()).finish();
        CHECK(streamed.finish == llms::finish_reason::tool_calls);
        CHECK(streamed.message.tool_calls == std::vector{call("1", "Oslo")});
        CHECK(streamed.usage.output_tokens == 2);
    }
    SECTION("by making the model answer") {
        mock_provider model{{.answer = [](llms::request const& asked, std::size_t) {
            return asked.tool_choice == "none" ? mock_answer::text("at last")
                                               : mock_answer::calls({call("1", "Oslo")});
        }}};
        auto client =
            model | llms::with_tools(llms::toolbox{weather()},
                                     {.max_steps = 2, .at_limit = llms::tool_limit::answer});
        CHECK(client.complete(ask()).text() == "at last");
        CHECK(model.calls() == 2);
    }
}

TEST_CASE("with_tools: a tool_choice that forces a call holds for the first step", "[with_tools]") {
    for (nlohmann::json const& choice :
         {nlohmann::json("required"), nlohmann::json{{"type", "any"}},
          nlohmann::json{{"type", "function"}, {"function", {{"name", "weather"}}}}}) {
        auto model = two_steps();
        auto client = model | llms::with_tools(llms::toolbox{weather()});
        auto forced = ask();
        forced.tool_choice = choice;
        static_cast<void>(client.complete(forced));
        CHECK(model.requests()[0].tool_choice == choice);
        CHECK(model.requests()[1].tool_choice.is_null());
    }
    auto model = two_steps();
    auto client = model | llms::with_tools(llms::toolbox{weather()});
    auto free = ask();
    free.tool_choice = "auto";
    static_cast<void>(client.complete(free));
    CHECK(model.requests()[1].tool_choice == "auto");
}

TEST_CASE("with_tools: a call of the caller's own tool goes to the caller", "[with_tools]") {
    mock_provider model{says_and_calls("Shall I? ", {call("1", "Oslo"), {"2", "confirm", "{}"}},
                                       {.output_tokens = 1})};
    auto client = model | llms::with_tools(llms::toolbox{weather()});
    auto mixed = ask();
    mixed.tools = {{.name = "confirm"}, {.name = "weather", .description = "as the caller says"}};
    auto const answer = client.complete(mixed);
    CHECK(answer.message.tool_calls.size() == 2);
    CHECK(client.stream(mixed).finish().message == answer.message);
    auto const sent = std::move(model.requests()[0].tools);
    REQUIRE(sent.size() == 2); // the weather only once
    CHECK(sent[1].description == "as the caller says");
}

TEST_CASE("with_tools: calls that were cut off are not made", "[with_tools]") {
    auto cut = mock_answer::calls({call("1", "Oslo")});
    cut.chunks.back().finish = llms::finish_reason::length;
    mock_provider model{cut};
    auto client = model | llms::with_tools(llms::toolbox{weather()});
    CHECK(client.complete(ask()).finish == llms::finish_reason::length);
    CHECK(model.calls() == 1);
}

TEST_CASE("with_tools: a long result is cut between characters, and says so", "[with_tools]") {
    llms::toolbox const tools{llms::tool{"talk", "", [] {
                                             return std::string("aæææ");
                                         }}};
    mock_provider model{mock_answer::calls({{"1", "talk", "{}"}}), mock_answer::text("ok")};
    auto client = model | llms::with_tools(tools, {.max_result_bytes = 4});
    static_cast<void>(client.complete(ask()));
    CHECK(model.requests()[1].messages[2].text() == "aæ\n[cut: the first 3 of 7 bytes]");
}

TEST_CASE("with_tools: on an executor the calls of a step run at once", "[with_tools][threads]") {
    std::counting_semaphore<> met{0};
    std::atomic<int> waiting{0};
    llms::toolbox const tools{llms::tool{"meet", "", [&](place const& where) {
                                             if (waiting.fetch_add(1) == 1) {
                                                 met.release(2); // both are here
                                             }
                                             met.acquire();
                                             return where.city;
                                         }}};
    threads pool;
    mock_provider model{mock_answer::calls({call("1", "a", "meet"), call("2", "b", "meet")}),
                        mock_answer::text("ok")};
    auto client = model | llms::with_tools(tools, pool);
    CHECK(client.stream(ask()).finish().text() == "ok");
    auto const sent = std::move(model.requests()[1].messages);
    CHECK(sent[2] == llms::message::tool_result("1", "a"));
    CHECK(sent[3] == llms::message::tool_result("2", "b"));
}

TEST_CASE("with_tools: the caller's stop_token reaches the tools and ends the loop",
          "[with_tools][threads]") {
    std::binary_semaphore begun{0};
    llms::toolbox const tools{llms::tool{"wait", "", [&](std::stop_token const& stop) {
                                             begun.release();
                                             while (!stop.stop_requested()) {
                                                 std::this_thread::yield();
                                             }
                                             return 0;
                                         }}};
    for (int form = 0; form < 4; ++form) {
        threads pool;
        mock_provider model{mock_answer::calls({{"1", "wait", "{}"}})};
        std::stop_source caller;
        std::jthread const stopper([&] {
            begun.acquire();
            caller.request_stop();
        });
        auto const run = [&](auto client) {
            if (form % 2 == 0) {
                static_cast<void>(client.complete(ask(), caller.get_token()));
            } else {
                static_cast<void>(client.stream(ask()).next(caller.get_token()));
            }
        };
        if (form < 2) {
            CHECK_THROWS_AS(run(model | llms::with_tools(tools)), llms::cancelled_error);
        } else {
            CHECK_THROWS_AS(run(model | llms::with_tools(tools, pool)), llms::cancelled_error);
        }
        CHECK(model.calls() == 1);
    }
}

TEST_CASE("with_tools: deadlines reach the tools, past the whole no step is begun",
          "[with_tools]") {
    std::vector<std::function<void()>> shelf;
    struct never {
        std::vector<std::function<void()>>* kept;
        void post(std::function<void()> job) const { kept->push_back(std::move(job)); }
    } executor{&shelf};
    llms::metrics metrics;
    SECTION("of a step") {
        auto model = two_steps();
        auto client = model | llms::with_tools(llms::toolbox{weather()}, executor,
                                               {.tool_timeout = 0s, .metrics = &metrics});
        CHECK(client.complete(ask()).text() == "Rain all over.");
        CHECK(model.requests()[1].messages[2].text() == "The tool did not answer in time.");
        CHECK(metrics.summary().tool_executions == 0); // none was begun
    }
    SECTION("that are far") {
        auto model = two_steps();
        auto client =
            model | llms::with_tools(llms::toolbox{weather()}, {.tool_timeout = 2h, .timeout = 1h});
        CHECK(client.complete(ask()).text() == "Rain all over.");
    }
    SECTION("of all") {
        for (bool const streamed : {false, true}) {
            auto model = two_steps();
            auto client = model | llms::with_tools(llms::toolbox{weather()}, {.timeout = 0s});
            auto const run = [&] {
                static_cast<void>(streamed ? client.stream(ask()).finish()
                                           : client.complete(ask()));
            };
            CHECK_THROWS_AS(run(), llms::timeout_error);
            CHECK(model.calls() == 1);
        }
    }
    for (auto const& late : shelf) {
        late(); // finds nobody
    }
    CHECK(metrics.summary().tool_executions == 0);
}

TEST_CASE("with_tools: metrics are told of each execution, given up ones too",
          "[with_tools][threads]") {
    llms::metrics metrics;
    std::mutex mutex;
    std::vector<std::string> told;
    auto const hook = metrics.subscribe({.before_tool =
                                             [&](llms::tool_begin const& e) {
                                                 std::lock_guard const lock(mutex);
                                                 told.push_back("begin " + std::string(e.tool));
                                             },
                                         .after_tool =
                                             [&](llms::tool_end const& e) {
                                                 std::lock_guard const lock(mutex);
                                                 told.push_back("end " + std::string(e.tool) + " " +
                                                                std::string(e.error_type));
                                                 throw std::runtime_error("the hook's own");
                                             }});
    SECTION("one after the other") {
        mock_provider model{mock_answer::calls({call("1", "Oslo"), call("2", "Atlantis")}),
                            mock_answer::text("ok")};
        auto client = model | llms::with_tools(llms::toolbox{weather()}, {.metrics = &metrics});
        static_cast<void>(client.complete(ask()));
        CHECK(told == std::vector<std::string>{"begin weather", "end weather ", "begin weather",
                                               "end weather failed"});
        CHECK(metrics.summary().tool_executions == 2);
        CHECK(metrics.summary().failed_tools == 1);
    }
    SECTION("at once, and given up") {
        std::binary_semaphore begun{0};
        std::binary_semaphore over{0};
        std::stop_source caller;
        {
            threads pool;
            llms::toolbox const tools{llms::tool{"stuck", "", [&] {
                                                     begun.release();
                                                     over.acquire(); // looks at no token
                                                     return 0;
                                                 }}};
            mock_provider model{mock_answer::calls({{"1", "stuck", "{}"}})};
            auto client = model | llms::with_tools(tools, pool, {.metrics = &metrics});
            std::jthread const stopper([&] {
                begun.acquire();
                caller.request_stop();
            });
            CHECK_THROWS_AS(client.complete(ask(), caller.get_token()), llms::cancelled_error);
            CHECK(told == std::vector<std::string>{"begin stuck", "end stuck cancelled"});
            over.release();
        }
        CHECK(told.size() == 2); // what ends later is not told
        CHECK(metrics.summary().failed_tools == 1);
    }
}

TEST_CASE("with_tools: many callers at once keep apart", "[with_tools][threads]") {
    mock_provider model{{.answer = [](llms::request const& asked, std::size_t) {
        auto const& last = asked.messages.back();
        return last.role == llms::role::tool ? mock_answer::text(last.text())
                                             : mock_answer::calls({call("1", last.text())});
    }}};
    llms::metrics metrics;
    auto const client = model | llms::with_tools(llms::toolbox{weather()}, {.metrics = &metrics});
    std::atomic<int> right{0};
    {
        std::vector<std::jthread> callers;
        for (int t = 0; t < 4; ++t) {
            callers.emplace_back([&, own = client]() mutable {
                for (int i = 0; i < 25; ++i) {
                    auto const city = std::to_string(i);
                    llms::request const one{.model = "m", .messages = {llms::message::user(city)}};
                    auto const said =
                        i % 2 == 0 ? own.complete(one).text() : own.stream(one).finish().text();
                    right += said == city + ": rain" ? 1 : 0;
                }
            });
        }
    }
    CHECK(right == 100);
    CHECK(metrics.summary().tool_executions == 100);
}

} // namespace with_tools_test
