// SPDX-License-Identifier: MIT

#include "support/catch.hpp"
#include <llms/chat/tool.hpp>
#include <llms/chat/toolbox.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <semaphore>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace tool_test {

using llms::tool_dialect;
using llms::tool_status;
using nlohmann::json;
using nlohmann::ordered_json;
using namespace std::chrono_literals;

namespace {

struct route {
    std::string from;
    std::string to;
    std::optional<int> stops;
    bool fast = false;
};

struct labels {
    std::map<std::string, int> counts;
};

struct list {
    int value = 0;
    std::unique_ptr<list> next;
};

struct pause {
    std::string until;
    std::chrono::milliseconds margin{};
};

struct span { // reads itself
    int from = 0;
    int to = 0;
};
[[maybe_unused]] void to_json(json& out, span const& s) {
    out = {{"from", s.from}, {"to", s.to}};
}
void from_json(json const& in, span& s) {
    s = {in.at("from").get<int>(), in.at("to").get<int>()};
    if (s.from > s.to) {
        throw std::invalid_argument{"the span ends before it begins"};
    }
}

auto distance_km(route const& way) -> double {
    return way.fast ? 90.5 : 100;
}

auto make_distance() -> llms::tool {
    return llms::tool{"distance_km", "Distance by rail in km.", distance_km};
}

// Runs each job on a thread of its own.
struct threads {
    std::vector<std::jthread> running;

    void post(std::function<void()> job) { running.emplace_back(std::move(job)); }
};

// Keeps the jobs until they are asked for.
struct shelf {
    std::vector<std::function<void()>> jobs;

    void post(std::function<void()> job) { jobs.push_back(std::move(job)); }
    void run_all() {
        for (auto const& job : std::exchange(jobs, {})) {
            job();
        }
    }
};

// Runs jobs at once, but not those that it is told to drop or refuse.
struct moody {
    int dropped = -1;
    int refused = -1;
    int next = 0;

    void post(std::function<void()> const& job) {
        auto const which = next++;
        if (which == refused) {
            throw std::runtime_error{"queue full"};
        }
        if (which != dropped) {
            job();
        }
    }
};

auto notes_of(auto const& rendered) -> std::vector<std::string> {
    auto result = std::vector<std::string>{};
    for (auto const& each : rendered.notes) {
        result.push_back(each.pointer + ' ' + each.keyword);
    }
    return result;
}

} // namespace

} // namespace tool_test

template <>
inline constexpr auto llms::described<tool_test::route> =
    llms::description{"", llms::member{.of = "from", .text = "Town of departure", .min_length = 1},
                      llms::member{.of = "stops", .minimum = 0, .maximum = 9},
                      llms::member{.of = "fast", .optional = true}};

template <>
inline constexpr auto llms::described<tool_test::pause> =
    llms::description{"", llms::member{.of = "until", .format = "date"},
                      llms::member{.of = "margin", .optional = true}};

template <>
inline constexpr auto llms::described<tool_test::span> =
    llms::description{"", llms::schema_text{R"({"type": "object"})"}};

namespace tool_test {

TEST_CASE("tool: arguments are read, coerced and checked before the function is called", "[tool]") {
    auto const distance = make_distance();
    CHECK(distance.call(R"({"from": "Ulm", "to": "Bonn"})").text == "100.0");

    auto const coerced = distance.call(
        {.id = "c1",
         .name = "distance_km",
         .arguments = R"({"from": "Ulm", "to": "Bonn", "stops": "2", "fast": "True"})"});
    CHECK(coerced);
    CHECK(coerced.text == "90.5");
    CHECK(coerced.changes.size() == 2);
    CHECK(coerced.message().tool_call_id == "c1");
    CHECK(coerced.message().text() == "90.5");

    auto calls = 0;
    auto const counted = llms::tool{"counted", "", [&calls](route const& /*way*/) {
                                        ++calls;
                                    }};
    auto const bad = counted.call(R"({"from": "", "too": "Bonn", "stops": "many"})");
    CHECK(bad.status == tool_status::bad_arguments);
    CHECK(bad.text.find("/from") != std::string::npos);
    CHECK(bad.text.find("/stops") != std::string::npos);
    CHECK(bad.text.find("to") != std::string::npos);
    for (auto const* const text : {"{", "[1]", "\"x\"", R"({"from": "Ulm"})", "nul"}) {
        INFO(text);
        CHECK(counted.call(text).status == tool_status::bad_arguments);
    }
    CHECK(counted.call(std::string(1000, '[')).status == tool_status::bad_arguments);
    CHECK(counted.call(std::string(2'000'000, ' ')).status == tool_status::bad_arguments);
    CHECK(calls == 0);
    CHECK(counted.call(R"({"from": "Ulm", "to": "Bonn"})").text == "null");
    CHECK(calls == 1);
}

TEST_CASE("tool: any callable of one aggregate or nothing, and perhaps a stop_token", "[tool]") {
    auto const hello = llms::tool{"hello", "", [] {
                                      return "hello";
                                  }};
    CHECK(hello.call("").text == "hello");
    CHECK(hello.call("{}").text == "hello");
    CHECK(hello.call("null").text == "hello");
    CHECK(hello.call(R"({"x": 1})").status == tool_status::bad_arguments);
    CHECK(hello.parameters()["properties"].empty());

    auto const told = llms::tool{"told", "", [](std::stop_token const& stop) {
                                     return stop.stop_possible();
                                 }};
    CHECK(told.call("").text == "false");
    CHECK(told.call("", std::stop_source{}.get_token()).text == "true");

    // One that can only be moved, and changes.
    auto const counter = llms::tool{
        "counter", "",
        [count = std::make_unique<int>(0)](route const&, std::stop_token const&) mutable {
            return ++*count;
        }};
    CHECK(counter.call(R"({"from": "a", "to": "b"})").text == "1");
    CHECK(counter.call(R"({"from": "a", "to": "b"})").text == "2");

    auto const structured = llms::tool{"structured", "", [](route way) {
                                           return way;
                                       }};
    CHECK(structured.call(R"({"from": "a", "to": "b"})").text ==
          R"({"from":"a","to":"b","fast":false})");

    auto const free_form =
        llms::tool{"raw", "", ordered_json::parse(R"({"type": "object", "properties": {"n": {"type":
        "integer"}}})"),
                   [](json const& arguments) {
                       return arguments;
                   }};
    CHECK(free_form.call(R"({"n": "1", "m": 2})").text == R"({"m":2,"n":1})");

    CHECK_THROWS_AS((llms::tool{"has space", "",
                                [] {
                                }}),
                    llms::error);
    CHECK_THROWS_AS((llms::tool{"", "",
                                [] {
                                }}),
                    llms::error);
    CHECK_THROWS_AS((llms::tool{"x", "", ordered_json{{"type", 5}},
                                [](json const&) {
                                }}),
                    llms::schema_error);
}

TEST_CASE("tool: the formats that a type asks for are checked", "[tool]") {
    auto const wait = llms::tool{"wait", "", [](pause const& p) {
                                     return p.until + ' ' + std::to_string(p.margin.count());
                                 }};
    CHECK(wait.call(R"({"until": "2026-11-27", "margin": "-PT1.5S"})").text == "2026-11-27 -1500");
    auto const refused = wait.call(R"({"until": "2026-11-31"})");
    CHECK(refused.status == tool_status::bad_arguments);
    CHECK_THAT(refused.text, support::contains("/until"));
    // In a schema that the program gives they inform, as the specification has it.
    auto const own = llms::tool{"own", "", json::parse(R"({"type": "object", "properties": {
                                    "until": {"format": "date"}}})"),
                                [](json const& given) {
                                    return given.at("until");
                                }};
    CHECK(own.call(R"({"until": "soon"})").text == R"("soon")");
}

TEST_CASE("tool: what a schema of the program's own lets through its type may refuse", "[tool]") {
    auto calls = 0;
    auto const length = llms::tool{"length", "", [&calls](span const& s) {
                                       ++calls;
                                       return s.to - s.from;
                                   }};
    CHECK(length.call(R"({"from": 2, "to": 5})").text == "3");
    auto const refused = length.call(R"({"from": 5, "to": 2})");
    CHECK(refused.status == tool_status::bad_arguments);
    CHECK_THAT(refused.text, support::contains("the tool was not called"));
    CHECK_THAT(refused.text, support::contains("the span ends before it begins"));
    CHECK(length.call("{}").status == tool_status::bad_arguments);
    CHECK(calls == 1);
}

TEST_CASE("tool: what the function throws becomes text", "[tool]") {
    auto const thrower = llms::tool{"thrower", "", []() -> int {
                                        throw std::runtime_error{"no road"};
                                    }};
    CHECK(thrower.call("").status == tool_status::failed);
    CHECK(thrower.call("").text == "Error: no road");
    auto const odd = llms::tool{"odd", "", []() -> int {
                                    throw 5;
                                }};
    CHECK(odd.call("").status == tool_status::failed);
    auto const bytes = llms::tool{"bytes", "", [] {
                                      return "\xC3\xA9 \xFF";
                                  }};
    CHECK(bytes.call("").text == "\xC3\xA9 \xEF\xBF\xBD");

    auto stop = std::stop_source{};
    auto const stopped = llms::tool{"stopped", "", [&stop]() -> int {
                                        stop.request_stop();
                                        throw std::runtime_error{"gave up"};
                                    }};
    CHECK(stopped.call("", stop.get_token()).status == tool_status::cancelled);
    CHECK(stopped.call("", stop.get_token()).text == "The call was cancelled.");
}

TEST_CASE("tool: renders each wire form and says what the form drops", "[tool]") {
    auto const distance = make_distance();
    auto const openai = distance.render(tool_dialect::openai);
    CHECK(openai.tool["type"] == "function");
    CHECK(openai.tool["function"]["parameters"] == llms::schema_of<route>());
    CHECK_FALSE(openai.tool["function"].contains("strict"));
    CHECK(openai.notes.empty());

    auto const strict = distance.render(tool_dialect::openai_strict);
    CHECK(strict.tool["function"]["strict"] == true);
    CHECK(strict.tool["function"]["parameters"].dump() ==
          R"x({"type":"object","properties":{"from":{"type":"string",)x"
          R"x("description":"Town of departure (minLength: 1)"},"to":{"type":"string"},)x"
          R"x("stops":{"type":["integer","null"],"minimum":0,"maximum":9},)x"
          R"x("fast":{"type":["boolean","null"],"description":"(default: false)"}},)x"
          R"x("required":["from","to","stops","fast"],"additionalProperties":false})x");
    CHECK(notes_of(strict) == std::vector<std::string>{"/properties/from minLength"});
    // What strict mode makes the model write is taken.
    CHECK(distance.call(R"({"from": "a", "to": "b", "stops": null, "fast": null})"));

    CHECK(distance.render(tool_dialect::anthropic).tool["input_schema"] ==
          llms::schema_of<route>());
    auto const anthropic = distance.render(tool_dialect::anthropic_strict);
    CHECK(anthropic.tool["input_schema"]["properties"]["stops"]["description"] ==
          "(minimum: 0, maximum: 9)");
    CHECK(anthropic.tool["input_schema"]["required"] == ordered_json({"from", "to"}));
    CHECK(notes_of(anthropic) == std::vector<std::string>{"/properties/from minLength",
                                                          "/properties/stops minimum",
                                                          "/properties/stops maximum"});

    auto const mcp = distance.render(tool_dialect::mcp);
    CHECK(mcp.tool["inputSchema"] == llms::schema_of<route>());
    CHECK(mcp.tool["name"] == "distance_km");
    CHECK(distance.spec().tool.parameters == llms::schema_of<route>());
    CHECK(distance.spec(llms::schema_dialect::openai_strict).tool.strict);
}

TEST_CASE("tool: a schema that a strict form cannot say is sent as it is, not strict", "[tool]") {
    auto const map = llms::tool{"map", "", [](labels const&) {
                                }};
    auto const strict = map.render(tool_dialect::openai_strict);
    CHECK_FALSE(strict.tool["function"].contains("strict"));
    CHECK(strict.tool["function"]["parameters"] == llms::schema_of<labels>());
    CHECK(notes_of(strict) == std::vector<std::string>{"/properties/counts additionalProperties"});

    auto const recursive = llms::tool{"recursive", "", [](list const&) {
                                      }};
    CHECK(recursive.render(tool_dialect::openai_strict).tool["function"]["strict"] == true);
    CHECK_FALSE(recursive.render(tool_dialect::anthropic_strict).tool.contains("strict"));

    auto const variants = llms::adapt(ordered_json::parse(R"({"type": "object", "properties": {
            "a": {"oneOf": [{"const": "x"}, {"$ref": "#/$defs/d", "description": "d"}]},
            "b": {"enum": ["u", "v"], "type": "string"}}, "$defs": {"d": {"type": "integer",
            "multipleOf": 2, "format": "int32"}}})"),
                                      llms::schema_dialect::openai_strict);
    CHECK(variants.expressible);
    CHECK(variants.schema["properties"].dump() ==
          R"({"a":{"anyOf":[{"enum":["x"]},{"anyOf":[{"$ref":"#/$defs/d"}],"description":"d"},)"
          R"({"type":"null"}]},"b":{"enum":["u","v",null],"type":["string","null"]}})");
    CHECK(variants.schema["$defs"]["d"].dump() ==
          R"x({"type":"integer","multipleOf":2,"description":"(format: \"int32\")"})x");

    auto deep = ordered_json{{"type", "object"}};
    for (auto level = 1; level <= 100; ++level) {
        deep = {{"type", "object"}, {"properties", {{"a", std::move(deep)}}}};
        CHECK(llms::adapt(deep, llms::schema_dialect::openai_strict).expressible == (level <= 10));
    }
}

TEST_CASE("toolbox: calls by name, in order, and knows what it has", "[tool]") {
    auto const tools = llms::toolbox{make_distance(), llms::tool{"hi", "", [] {
                                                                     return "hi";
                                                                 }}};
    CHECK(tools.size() == 2);
    CHECK(tools.specs().at(1).name == "hi");
    CHECK(tools.find("nobody") == nullptr);
    auto const results = tools.call({{"1", "hi", ""}, {"2", "hello", "{}"}, {"3", "hi", "{}"}});
    REQUIRE(results.size() == 3);
    CHECK(results[0].text == "hi");
    CHECK(results[1].status == tool_status::unknown_tool);
    CHECK(results[1].text == R"(There is no tool named "hello". The tools are: distance_km, hi)");
    CHECK(results[2].id == "3");
    CHECK_THROWS_AS(llms::toolbox(make_distance(), make_distance()), llms::error);
    auto const late = tools.call({{"1", "hi", ""}}, {.timeout = 0ns});
    CHECK(late.at(0).status == tool_status::timed_out);
    CHECK(tools.call(std::vector<llms::tool_call>{}).empty());
}

TEST_CASE("toolbox: parallel calls end in any order and come back in theirs", "[tool]") {
    // The first call ends only after the second, the second only after the third.
    auto first = std::binary_semaphore{0};
    auto second = std::binary_semaphore{0};
    auto const tools = llms::toolbox{llms::tool{"a", "",
                                                [&] {
                                                    first.acquire();
                                                    return "A";
                                                }},
                                     llms::tool{"b", "",
                                                [&] {
                                                    second.acquire();
                                                    first.release();
                                                    return "B";
                                                }},
                                     llms::tool{"c", "", [&] {
                                                    second.release();
                                                    return "C";
                                                }}};
    auto pool = threads{};
    auto const results = tools.call({{"1", "a", ""}, {"2", "b", ""}, {"3", "c", ""}}, pool);
    REQUIRE(results.size() == 3);
    CHECK(results[0].text == "A");
    CHECK(results[1].text == "B");
    CHECK(results[2].text == "C");
}

TEST_CASE("toolbox: the deadline gives up a tool that runs on", "[tool]") {
    auto release = std::binary_semaphore{0};
    auto seen_stop = std::atomic<bool>{false};
    auto pool = threads{};
    {
        auto const tools = llms::toolbox{llms::tool{"slow", "",
                                                    [&](std::stop_token const& stop) {
                                                        release.acquire();
                                                        seen_stop = stop.stop_requested();
                                                    }},
                                         llms::tool{"quick", "", [] {
                                                        return "quick";
                                                    }}};
        auto const results =
            tools.call({{"1", "slow", ""}, {"2", "quick", ""}}, pool, {.timeout = 20ms});
        CHECK(results[0].status == tool_status::timed_out);
        CHECK(results[0].text == "The tool did not answer in time.");
        // Whether the quick one was quick enough is the scheduler's affair.
        CHECK((results[1].text == "quick" || results[1].status == tool_status::timed_out));
    }
    release.release(); // the toolbox is gone, the job is not
    pool.running.clear();
    CHECK(seen_stop);

    auto kept = shelf{};
    auto calls = 0;
    auto const tools = llms::toolbox{llms::tool{"t", "", [&calls] {
                                                    ++calls;
                                                }}};
    CHECK(tools.call({{"1", "t", ""}}, kept, {.timeout = 0ns}).at(0).status ==
          tool_status::timed_out);
    kept.run_all();
    CHECK(calls == 0);
}

TEST_CASE("toolbox: a stopped caller gets what there is at once", "[tool]") {
    auto stop = std::stop_source{};
    auto kept = shelf{};
    auto const tools = llms::toolbox{llms::tool{"stopper", "", [&] {
                                                    stop.request_stop();
                                                    return "done";
                                                }}};
    auto now = moody{};
    auto const results =
        tools.call({{"1", "stopper", ""}, {"2", "stopper", ""}}, now, {.stop = stop.get_token()});
    CHECK(results[0].text == "done");
    CHECK(results[1].status == tool_status::cancelled);
    CHECK(tools.call({{"1", "stopper", ""}}, kept, {.stop = stop.get_token()}).at(0).status ==
          tool_status::cancelled);
    CHECK(tools.call({{"1", "stopper", ""}}, {.stop = stop.get_token()}).at(0).status ==
          tool_status::cancelled);

    // Stopped by another thread while all wait.
    auto other = std::stop_source{};
    auto pool = threads{};
    auto begun = std::binary_semaphore{0};
    auto const waiting = llms::toolbox{llms::tool{"wait", "", [&](std::stop_token const& token) {
                                                      auto woken = std::binary_semaphore{0};
                                                      auto const wake =
                                                          std::stop_callback{token, [&woken] {
                                                                                 woken.release();
                                                                             }};
                                                      begun.release();
                                                      woken.acquire();
                                                  }}};
    auto stopper = std::jthread{[&] {
        begun.acquire();
        other.request_stop();
    }};
    auto const ended = waiting.call({{"1", "wait", ""}}, pool, {.stop = other.get_token()});
    CHECK((ended.at(0).status == tool_status::cancelled || ended.at(0)));
}

TEST_CASE("toolbox: an executor that drops or refuses a job fails that call alone", "[tool]") {
    auto const tools = llms::toolbox{llms::tool{"hi", "", [] {
                                                    return "hi";
                                                }}};
    auto const calls =
        std::vector<llms::tool_call>{{"1", "hi", ""}, {"2", "hi", ""}, {"3", "hi", ""}};
    auto dropping = moody{.dropped = 1};
    auto const dropped = tools.call(calls, dropping);
    CHECK(dropped[0].text == "hi");
    CHECK(dropped[1].status == tool_status::failed);
    CHECK(dropped[1].text == "The tool was not run.");
    CHECK(dropped[2].text == "hi");
    auto refusing = moody{.refused = 0};
    auto const refused = tools.call(calls, refusing);
    CHECK(refused[0].text == "The tool could not be started: queue full");
    CHECK(refused[1].text == "hi");
}

TEST_CASE("toolbox: many callers at once get their own results", "[tool][threads]") {
    struct number {
        int n = 0;
    };
    auto const tools = llms::toolbox{llms::tool{"twice", "", [](number in) {
                                                    return 2 * in.n;
                                                }}};
    auto wrong = std::atomic<int>{0};
    {
        auto callers = std::vector<std::jthread>{};
        for (auto caller = 0; caller < 4; ++caller) {
            callers.emplace_back([&, caller] {
                for (auto round = 0; round < 20; ++round) {
                    auto pool = threads{};
                    auto calls = std::vector<llms::tool_call>{};
                    for (auto i = 0; i < 4; ++i) {
                        calls.push_back(
                            {std::to_string(i), "twice", json{{"n", caller * 1000 + i}}.dump()});
                    }
                    auto const results = tools.call(calls, pool);
                    for (auto i = 0; i < 4; ++i) {
                        auto const& result = results[static_cast<std::size_t>(i)];
                        auto const right = result.text == std::to_string(2 * (caller * 1000 + i)) &&
                                           result.id == std::to_string(i);
                        wrong += right ? 0 : 1;
                    }
                }
            });
        }
    }
    CHECK(wrong == 0);
}

TEST_CASE("tool: arguments with broken syntax are mended, and the result says how", "[tool]") {
    auto const distance = make_distance();
    auto const mended = distance.call("{from: 'Oslo', \"to\": \"Bergen\", fast: True,}");
    CHECK(mended.status == tool_status::ok);
    CHECK(mended.text == "90.5");
    REQUIRE(mended.mends.size() == 5);
    CHECK(mended.mends[1] == llms::mend{llms::mending::quotes, 7});
    CHECK(mended.mends[4].rule == llms::mending::trailing_comma);
    CHECK(distance.call(R"({"from": "a", "to": "b"})").mends.empty());
}

TEST_CASE("tool: arguments that were cut off are refused, and mending can be off", "[tool]") {
    auto const cut = make_distance().call(R"({"from": "Oslo", "to": "Bergen")");
    CHECK(cut.status == tool_status::bad_arguments);
    CHECK(cut.text.find("at byte 31") != std::string::npos);

    auto const strict = llms::tool{"strict", "", distance_km, {.repair = llms::mending::none}};
    CHECK(strict.call(R"({"from": "Oslo", "to": "Bergen",})").status == tool_status::bad_arguments);

    auto const small = llms::tool{"small", "", distance_km, {.max_argument_bytes = 10}};
    CHECK(small.call(R"({"from": "Oslo", "to": "Bergen"})").text.find("too long") !=
          std::string::npos);
}

} // namespace tool_test
