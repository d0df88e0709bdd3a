// SPDX-License-Identifier: MIT
//
// The main job of llms in one program: streams, caches and checks real LLM calls over real HTTP.
//
//     llms_demo [--metrics table|prometheus|json]
//
// Without an API key it asks a server of its own on 127.0.0.1. LLMS_BASE_URL, LLMS_API_KEY and
// LLMS_MODEL point it at a real provider. It exits non-zero when one of its claims does not hold.
#include "demo/script.hpp"
#include "support/console.hpp"
#include "support/loopback_server.hpp"
#include <llms/ext/curl_transport.hpp>
#include <llms/llms.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <iostream>
#include <latch>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;
using support::pretty;

enum class sky { sun, cloud, rain, snow };

struct forecast {
    std::string city;
    int degrees = 0;
    ::sky sky = ::sky::sun;
};

struct route {
    std::string from;
    std::string to;
};

// A plain function that the model may call.
auto distance_km(route const& r) -> double {
    return r.from == r.to ? 0.0 : 463.0;
}

auto question(std::string const& model, std::string text) -> llms::request {
    return {.model = model, .messages = {llms::message::user(std::move(text))}, .temperature = 0.0};
}

auto calls_and_results_match(llms::history const& window) -> bool {
    std::set<std::string> open;
    for (auto const& each : window) {
        if (each.role == llms::role::tool ? open.erase(each.tool_call_id) == 0 : !open.empty()) {
            return false;
        }
        for (auto const& call : each.tool_calls) {
            open.insert(call.id);
        }
    }
    return open.empty();
}

auto metrics_text(llms::metrics const& metrics, std::string_view form) -> std::string {
    if (form == "prometheus") {
        return metrics.prometheus_text();
    }
    return form == "json" ? metrics.json_text() : metrics.table();
}

void run(support::console& out, std::string_view metrics_form) {
    out.heading("A provider");
    std::optional<support::loopback_server> server;
    auto options = llms::openai_options::from_environment();
    if (support::environment("LLMS_BASE_URL", "").empty()) {
        server.emplace();
        server->answer_with(demo_answer);
        options.base_url = server->base_url();
        options.api_key.clear(); // it is nobody else's business
        out.say("a server of our own on " + options.base_url);
    } else {
        out.say("the provider at " + options.base_url);
    }
    auto const model = support::environment("LLMS_MODEL", "demo-model");

    // The client: a connection, around it what it saves and what it counts.
    llms::metrics metrics;
    llms::response_cache cache{{.tenant = "demo"}};
    auto client = llms::openai_client{llms::curl_transport{}, options} | llms::attempts(metrics) |
                  llms::cached(cache) | llms::observed(metrics);
    // Requests that reached the provider: by its own count where it is ours.
    auto const upstream = [&] {
        return server ? server->requests() : std::size_t{metrics.summary().attempts};
    };

    out.heading("Tokens as they come");
    auto const asked = clock_type::now();
    std::optional<clock_type::duration> first;
    std::size_t pieces = 0;
    auto stream = client.stream(question(model, "In one sentence, what is a fjord?"));
    out.piece("  ");
    for (llms::chunk const& piece : stream) {
        if (piece.kind == llms::chunk_kind::text) {
            first = first.value_or(clock_type::now() - asked);
            ++pieces;
            out.piece(piece.text);
        }
    }
    auto const all = clock_type::now() - asked;
    auto const seconds = std::chrono::duration<double>(all - first.value_or(all)).count();
    out.piece("\n");
    out.claim(stream.done() && pieces > 1, "streamed in " + std::to_string(pieces) + " pieces");
    out.say("time to first token " + pretty(first.value_or(all)) + ", then " +
            pretty(seconds > 0 ? static_cast<double>(pieces) / seconds : 0) + " tokens per second");

    out.heading("Eight threads ask the same thing at the same moment");
    auto const same = question(model, "Which is the deepest fjord of Norway?");
    auto const before = upstream();
    std::vector<std::string> answers(8);
    auto const together = clock_type::now();
    {
        std::latch start(static_cast<std::ptrdiff_t>(answers.size()));
        std::vector<std::jthread> threads;
        threads.reserve(answers.size());
        for (auto& answer : answers) {
            threads.emplace_back([&] {
                start.arrive_and_wait();
                answer = client.complete(same).text();
            });
        }
    }
    auto const live = clock_type::now() - together;
    auto const made = upstream() - before;
    out.say(answers.front());
    out.claim(made == 1, std::to_string(made) + " upstream request for eight callers, as the " +
                             (server ? "server" : "client") + " counted");
    out.claim(!answers.front().empty() &&
                  std::all_of(answers.begin(), answers.end(),
                              [&](auto const& text) { return text == answers.front(); }),
              "all eight got the same answer");

    auto const again = clock_type::now();
    auto replay = client.stream(same);
    auto const ninth = std::move(replay).finish();
    auto const replayed = clock_type::now() - again;
    out.claim(ninth.cached && ninth.text() == answers.front() && upstream() == before + made,
              "a ninth caller got it as a stream from the cache: " + pretty(replayed) +
                  " instead of " + pretty(live) + ", " +
                  pretty(std::chrono::duration<double>(live) / replayed) + " times as fast");

    out.heading("Answers as checked C++ values");
    auto const bergen =
        llms::structured<forecast>(client, question(model, "What is the weather in Bergen?"));
    out.claim(static_cast<bool>(bergen), "a forecast from an answer in a code fence");
    if (bergen) {
        out.say(bergen->city + ": " + std::to_string(bergen->degrees) + " degrees");
        for (auto const& mend : bergen.mends()) {
            out.say("mended " + std::string(to_string(mend.rule)) + " at byte " +
                    std::to_string(mend.offset));
        }
        for (auto const& change : bergen.changes()) {
            out.say("coerced " + change.pointer + ": " + change.from.dump() + " became " +
                    (change.to ? change.to->dump() : "absent"));
        }
    } else {
        out.say(bergen.text());
    }
    auto const tromso =
        llms::structured<forecast>(client, question(model, "What is the weather in Tromso?"));
    for (auto const& step : tromso.steps()) {
        if (!step.problem.empty()) {
            out.say("sent back: " + step.problem.substr(0, step.problem.find('\n')));
        }
    }
    out.claim(tromso && (!server || tromso.steps().size() == 2),
              "a forecast after " + std::to_string(tromso.steps().size()) + " answers");

    out.heading("A C++ function as a tool");
    llms::toolbox const tools{llms::tool{"distance_km", "Distance by road, in km.", distance_km}};
    auto talk = question(model, "How far is it by road from Oslo to Bergen? Use the tool.");
    talk.tools = tools.specs();
    auto const wants = client.stream(talk).finish(); // its tool call came in pieces
    for (auto const& call : wants.message.tool_calls) {
        out.say("the model calls " + call.name + "(" + call.arguments + ")");
    }
    auto const results = tools.call(wants.message.tool_calls);
    talk.messages.push_back(wants.message.clone());
    for (auto const& result : results) {
        out.say("the function returns " + result.text);
        talk.messages.push_back(result.message());
    }
    auto const distance = client.complete(talk).text();
    out.say("the model says: " + distance);
    out.claim(results.size() == 1 && static_cast<bool>(results.front()) &&
                  distance.find("463") != std::string::npos,
              "the function was called with the model's arguments, and its result was used");

    if (server) { // a real provider does not fail on request
        out.heading("A provider that fails");
        std::size_t retries = 0;
        auto patient =
            llms::openai_client{llms::curl_transport{},
                                {.base_url = options.base_url, .timeouts = {.idle = 300ms}}} |
            llms::attempts(metrics) |
            llms::retrying(
                {.base = 20ms, .on_retry = [&](llms::provider_error const& e, auto pause) {
                     ++retries;
                     out.say(std::string(e.what()) + "; again in " + pretty(pause));
                 }});
        struct trouble {
            std::string_view name;
            support::reply answer;
        };
        for (auto const& [name, answer] :
             {trouble{
                  "a 429, waiting as told",
                  {.status = 429, .error = "slow down", .retry_after = std::chrono::seconds(1)}},
              trouble{
                  "a dropped connection",
                  {.tokens = support::tokens_of("This will never"), .fault = support::fault::drop}},
              trouble{
                  "a stall, by its deadline",
                  {.tokens = support::tokens_of("This takes"), .fault = support::fault::stall}}}) {
            retries = 0;
            server->next(answer);
            auto const text =
                patient.complete(question(model, "Which is the deepest fjord?")).text();
            out.claim(retries == 1 && text.find("Sognefjord") != std::string::npos,
                      "survived " + std::string(name));
        }
    }

    out.heading("A long conversation in a small window");
    llms::message_manager history{{.max_tokens = 400}};
    history.append(llms::message::system("You know the fjords of Norway."));
    for (int i = 1; i <= 40; ++i) {
        history.append(llms::message::user("Question " + std::to_string(i) + " about fjords."));
        auto lookup = llms::message::assistant("");
        auto const id = "call-" + std::to_string(i);
        lookup.tool_calls.push_back({.id = id, .name = "look_up", .arguments = "{}"});
        history.append(std::move(lookup));
        history.append(llms::message::tool_result(id, "Fact " + std::to_string(i) + "."));
        history.append(llms::message::assistant("Answer " + std::to_string(i) + "."));
    }
    history.append(llms::message::user("Which is the deepest fjord?"));
    auto const window = history.snapshot();
    out.say("161 messages were said, " + std::to_string(window.size()) + " are left, " +
            std::to_string(window.tokens()) + " tokens by estimate");
    out.claim(window.tokens() <= 400 && window.begin()->role == llms::role::system,
              "the budget holds, and the system message stays");
    out.claim(calls_and_results_match(window),
              "every tool result has its call, every call its result");
    auto const about = client.complete({.model = model, .messages = window.to_list()}).text();
    out.claim(!about.empty() && (!server || about.find("Sognefjord") != std::string::npos),
              "the provider took it: " + about);

    out.heading("What it took");
    auto const total = metrics.summary();
    out.claim(total.attempts == upstream(),
              "the metrics and the " + std::string(server ? "server" : "client") + " agree on " +
                  std::to_string(upstream()) + " requests");
    std::cout << '\n' << metrics_text(metrics, metrics_form);
}

} // namespace

int main(int argc, char** argv) {
    std::vector<std::string_view> const arguments(argv + 1, argv + argc);
    std::string_view form = "table";
    if (arguments.size() == 2 && arguments[0] == "--metrics" &&
        (arguments[1] == "table" || arguments[1] == "prometheus" || arguments[1] == "json")) {
        form = arguments[1];
    } else if (!arguments.empty()) {
        std::cerr << "usage: llms_demo [--metrics table|prometheus|json]\n";
        return 2;
    }
    support::console out;
    try {
        run(out, form);
    } catch (std::exception const& e) {
        out.claim(false, e.what());
    }
    return out.exit_code();
}
