// SPDX-License-Identifier: MIT
#include "support/loopback_server.hpp"

#include <httplib.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>

namespace support {

using json = nlohmann::ordered_json;

auto tokens_of(std::string const& text) -> std::vector<std::string> {
    std::vector<std::string> tokens;
    for (std::size_t at = 0; at < text.size();) {
        auto const end = std::min(text.find(' ', at + 1), text.size());
        tokens.push_back(text.substr(at, end - at));
        at = end;
    }
    return tokens;
}

namespace {

constexpr auto id = "chatcmpl-loopback";

auto finish_of(reply const& answer) -> std::string {
    if (!answer.finish.empty()) {
        return answer.finish;
    }
    return answer.calls.empty() ? "stop" : "tool_calls";
}

// A server has no tokenizer: a word of the prompt counts as one token, and so does a piece sent.
auto usage_of(reply const& answer, nlohmann::json const& request) -> json {
    std::size_t prompt = 0;
    for (auto const& message : request.value("messages", nlohmann::json::array())) {
        prompt += tokens_of(message.value("content", nlohmann::json{}).dump()).size();
    }
    auto const output = answer.tokens.size() + answer.calls.size();
    return {{"prompt_tokens", prompt},
            {"completion_tokens", output},
            {"total_tokens", prompt + output}};
}

auto event(json const& choices, nlohmann::json const& request, json const& extra = json::object()) {
    json chunk{{"id", id},
               {"object", "chat.completion.chunk"},
               {"created", 1700000000},
               {"model", request.value("model", "loopback")},
               {"choices", choices}};
    chunk.update(extra);
    return "data: " + chunk.dump() + "\n\n";
}

auto delta(json change) -> json {
    return json::array({{{"index", 0}, {"delta", std::move(change)}, {"finish_reason", nullptr}}});
}

// The events of a streamed answer, as they go over the wire.
auto events_of(reply const& answer, nlohmann::json const& request) -> std::vector<std::string> {
    std::vector<std::string> events;
    for (auto const& token : answer.tokens) {
        events.push_back(event(delta({{"content", token}}), request));
    }
    for (std::size_t i = 0; i < answer.calls.size(); ++i) {
        auto const& call = answer.calls[i];
        json opening{{"index", i},
                     {"id", call.id},
                     {"type", "function"},
                     {"function", {{"name", call.name}, {"arguments", ""}}}};
        events.push_back(event(delta({{"tool_calls", json::array({opening})}}), request));
        for (std::size_t at = 0; at < call.arguments.size(); at += 5) {
            json piece{{"index", i}, {"function", {{"arguments", call.arguments.substr(at, 5)}}}};
            events.push_back(event(delta({{"tool_calls", json::array({piece})}}), request));
        }
    }
    json last = json::array();
    last.push_back({{"index", 0}, {"delta", json::object()}, {"finish_reason", finish_of(answer)}});
    events.push_back(event(last, request));
    if (request.value("stream_options", nlohmann::json::object()).value("include_usage", false)) {
        events.push_back(event(json::array(), request, {{"usage", usage_of(answer, request)}}));
    }
    events.emplace_back("data: [DONE]\n\n");
    return events;
}

auto whole(reply const& answer, nlohmann::json const& request) -> json {
    std::string text;
    for (auto const& token : answer.tokens) {
        text += token;
    }
    json message{{"role", "assistant"}, {"content", text}};
    for (auto const& call : answer.calls) {
        message["tool_calls"].push_back(
            {{"id", call.id},
             {"type", "function"},
             {"function", {{"name", call.name}, {"arguments", call.arguments}}}});
    }
    json choice{{"index", 0}, {"message", message}, {"finish_reason", finish_of(answer)}};
    return {{"id", id},
            {"object", "chat.completion"},
            {"created", 1700000000},
            {"model", request.value("model", "loopback")},
            {"choices", json::array({choice})},
            {"usage", usage_of(answer, request)}};
}

// The same in Anthropic's Messages.
namespace anthropic {

auto finish_of(reply const& answer) -> std::string {
    if (!answer.finish.empty()) {
        return answer.finish;
    }
    return answer.calls.empty() ? "end_turn" : "tool_use";
}

auto usage_of(reply const& answer, nlohmann::json const& request) -> json {
    auto const counted = support::usage_of(answer, request);
    return {{"input_tokens", counted["prompt_tokens"]},
            {"output_tokens", counted["completion_tokens"]}};
}

auto message(nlohmann::json const& request, json content, json const& finish, json const& usage)
    -> json {
    return {{"id", "msg_loopback"},          {"type", "message"},
            {"role", "assistant"},           {"model", request.value("model", "loopback")},
            {"content", std::move(content)}, {"stop_reason", finish},
            {"stop_sequence", nullptr},      {"usage", usage}};
}

auto event(std::string const& type, json const& members) -> std::string {
    json data{{"type", type}};
    data.update(members);
    return "event: " + type + "\ndata: " + data.dump() + "\n\n";
}

auto events_of(reply const& answer, nlohmann::json const& request) -> std::vector<std::string> {
    std::vector<std::string> events;
    auto const usage = usage_of(answer, request);
    events.push_back(event(
        "message_start",
        {{"message", message(request, json::array(), nullptr,
                             {{"input_tokens", usage["input_tokens"]}, {"output_tokens", 1}})}}));
    std::size_t index = 0;
    auto const block = [&](json const& opening, std::vector<json> const& deltas) {
        events.push_back(
            event("content_block_start", {{"index", index}, {"content_block", opening}}));
        for (auto const& delta : deltas) {
            events.push_back(event("content_block_delta", {{"index", index}, {"delta", delta}}));
        }
        events.push_back(event("content_block_stop", {{"index", index++}}));
    };
    if (!answer.tokens.empty()) {
        std::vector<json> deltas;
        for (auto const& token : answer.tokens) {
            deltas.push_back({{"type", "text_delta"}, {"text", token}});
        }
        block({{"type", "text"}, {"text", ""}}, deltas);
    }
    for (auto const& call : answer.calls) {
        std::vector<json> deltas;
        for (std::size_t at = 0; at < call.arguments.size(); at += 5) {
            deltas.push_back(
                {{"type", "input_json_delta"}, {"partial_json", call.arguments.substr(at, 5)}});
        }
        block(
            {{"type", "tool_use"}, {"id", call.id}, {"name", call.name}, {"input", json::object()}},
            deltas);
    }
    events.push_back(
        event("message_delta", {{"delta", {{"stop_reason", finish_of(answer)}}},
                                {"usage", {{"output_tokens", usage["output_tokens"]}}}}));
    events.push_back(event("message_stop", json::object()));
    return events;
}

auto whole(reply const& answer, nlohmann::json const& request) -> json {
    std::string text;
    for (auto const& token : answer.tokens) {
        text += token;
    }
    auto content = json::array();
    if (!text.empty()) {
        content.push_back({{"type", "text"}, {"text", text}});
    }
    for (auto const& call : answer.calls) {
        content.push_back({{"type", "tool_use"},
                           {"id", call.id},
                           {"name", call.name},
                           {"input", json::parse(call.arguments, nullptr, false)}});
    }
    return message(request, std::move(content), finish_of(answer), usage_of(answer, request));
}

} // namespace anthropic

// What the two APIs write in their own ways.
struct dialect {
    std::vector<std::string> (*events)(reply const&, nlohmann::json const& request);
    json (*whole)(reply const&, nlohmann::json const& request);
    char const* request_id;  // header
    char const* error_event; // in a stream
};
constexpr dialect openai_dialect{events_of, whole, "x-request-id",
                                 "data: {\"error\": {\"message\": \"overloaded\"}}\n\n"};
constexpr dialect anthropic_dialect{
    anthropic::events_of, anthropic::whole, "request-id",
    "event: error\ndata: {\"type\": \"error\", \"error\": {\"type\": \"overloaded_error\", "
    "\"message\": \"overloaded\"}}\n\n"};

auto default_reply(nlohmann::json const& /*request*/) -> reply {
    return {.tokens = tokens_of("The loopback server has nothing to say.")};
}

} // namespace

struct loopback_server::state {
    httplib::Server server;
    int port = 0;
    std::thread listener;
    std::atomic<std::size_t> requests{0};
    std::atomic<std::size_t> active{0};

    mutable std::mutex mutex; // of all below
    std::condition_variable stopped;
    bool stopping = false;
    std::deque<reply> waiting;
    std::function<reply(nlohmann::json const&)> make = default_reply;
    nlohmann::json last;
    httplib::Headers last_headers;

    // Sleeps, unless the server is being stopped. True when it slept to the end.
    auto pause(std::chrono::milliseconds time) -> bool {
        std::unique_lock lock(mutex);
        return !stopped.wait_for(lock, time, [this] { return stopping; });
    }

    void complete(dialect const& form, httplib::Request const& http, httplib::Response& out) {
        ++requests;
        auto request = nlohmann::json::parse(http.body, nullptr, false);
        reply answer;
        {
            std::function<reply(nlohmann::json const&)> maker;
            {
                std::lock_guard const lock(mutex);
                last = request;
                last_headers = http.headers;
                if (waiting.empty()) {
                    maker = make;
                } else {
                    answer = std::move(waiting.front());
                    waiting.pop_front();
                }
            }
            if (maker) {
                answer = maker(request);
            }
        }
        pause(answer.head);
        if (request.is_discarded()) {
            answer = {.status = 400, .error = "the body is not JSON"};
        }
        out.set_header(form.request_id, "req-" + std::to_string(requests.load()));
        if (answer.status != 200) {
            out.status = answer.status;
            if (answer.retry_after) {
                out.set_header("Retry-After", std::to_string(answer.retry_after->count()));
            }
            out.set_content(
                json{{"type", "error"}, {"error", {{"type", "error"}, {"message", answer.error}}}}
                    .dump(),
                "application/json");
        } else if (request.value("stream", false)) {
            stream(form, std::move(answer), request, out);
        } else if (answer.fault == fault::none) {
            pause(answer.first_token);
            out.set_content(form.whole(answer, request).dump(), "application/json");
        } else {
            broken(form, answer, request, out);
        }
    }

    // A streamed answer: one event a call of the provider.
    void stream(dialect const& form, reply answer, nlohmann::json const& request,
                httplib::Response& out) {
        struct progress {
            std::vector<std::string> events;
            reply answer;
            std::size_t at = 0;
        };
        auto sent = std::make_shared<progress>();
        sent->events = form.events(answer, request);
        sent->answer = std::move(answer);
        ++active;
        out.set_chunked_content_provider(
            "text/event-stream",
            [this, sent, &form](std::size_t, httplib::DataSink& sink) {
                auto const& [events, plan, at] = *sent;
                auto const middle = at == (events.size() + 1) / 2;
                if (!pause(at == 0 ? plan.first_token : plan.per_token)) {
                    return false;
                }
                if (middle && plan.fault == fault::drop) {
                    return false; // closes the connection without the last chunk
                }
                if (middle && plan.fault == fault::oversized) {
                    return oversize(sink);
                }
                if (at == 0 && plan.fault == fault::drop_at_once) {
                    return false;
                }
                if (middle && plan.fault == fault::stall) {
                    return stall(sink);
                }
                if (middle && plan.fault == fault::malformed) {
                    return write(sink, "data: {\"choices\": [ oops\n\n") && ++sent->at > 0;
                }
                if (middle && plan.fault == fault::error) {
                    return write(sink, form.error_event) && ++sent->at > 0;
                }
                if (plan.fault == fault::garbage) {
                    write(sink, std::string(4096, '\xff'));
                    sink.done();
                    return true;
                }
                if (!write(sink, events[at])) {
                    return false;
                }
                if (++sent->at == events.size()) {
                    sink.done();
                }
                return true;
            },
            [this](bool) { --active; });
    }

    // A whole answer that breaks: the body is announced longer than it is.
    void broken(dialect const& form, reply const& answer, nlohmann::json const& request,
                httplib::Response& out) {
        auto body = std::make_shared<std::string>(form.whole(answer, request).dump());
        if (answer.fault == fault::malformed || answer.fault == fault::garbage) {
            out.set_content(body->substr(0, body->size() / 2), "application/json");
            return;
        }
        ++active;
        if (answer.fault == fault::oversized) {
            out.set_chunked_content_provider(
                "application/json",
                [](std::size_t, httplib::DataSink& sink) { return oversize(sink); },
                [this](bool) { --active; });
            return;
        }
        out.set_content_provider(
            body->size(), "application/json",
            [this, body, plan = answer.fault](std::size_t at, std::size_t,
                                              httplib::DataSink& sink) {
                if (at == 0 && plan != fault::drop_at_once) {
                    return write(sink, body->substr(0, body->size() / 2));
                }
                return plan == fault::stall && stall(sink);
            },
            [this](bool) { --active; });
    }

    // Sends an event that never ends, until the client has gone.
    static auto oversize(httplib::DataSink& sink) -> bool {
        std::string const piece(std::size_t{64} << 10, 'x');
        auto more = write(sink, "data: ");
        while (more) {
            more = write(sink, piece);
        }
        return false;
    }

    // Sends nothing until the client has gone or the server stops.
    auto stall(httplib::DataSink& sink) -> bool {
        while (sink.is_writable() && pause(std::chrono::milliseconds(10))) {}
        return false;
    }

    static auto write(httplib::DataSink& sink, std::string const& text) -> bool {
        return sink.is_writable() && sink.write(text.data(), text.size());
    }
};

loopback_server::loopback_server(std::size_t threads) : state_(std::make_unique<state>()) {
    auto& server = state_->server;
    server.new_task_queue = [threads] {
        return new httplib::ThreadPool(threads);
    };                                // it deletes it
    server.set_keep_alive_timeout(1); // the destructor waits for idle connections that long
    server.set_tcp_nodelay(true);
    server.set_keep_alive_max_count(1000);
    server.Post("/v1/chat/completions",
                [this](httplib::Request const& request, httplib::Response& response) {
                    state_->complete(openai_dialect, request, response);
                });
    server.Post("/v1/messages",
                [this](httplib::Request const& request, httplib::Response& response) {
                    state_->complete(anthropic_dialect, request, response);
                });
    state_->port = server.bind_to_any_port("127.0.0.1");
    if (state_->port < 0) {
        throw std::runtime_error("cannot bind a port of 127.0.0.1");
    }
    state_->listener = std::thread([this] { state_->server.listen_after_bind(); });
    while (!server.is_running()) {
        std::this_thread::yield();
    }
}

loopback_server::~loopback_server() {
    {
        std::lock_guard const lock(state_->mutex);
        state_->stopping = true;
    }
    state_->stopped.notify_all();
    state_->server.stop();
    state_->listener.join();
}

auto loopback_server::base_url() const -> std::string {
    return "http://127.0.0.1:" + std::to_string(state_->port) + "/v1";
}

void loopback_server::next(reply answer) {
    std::lock_guard const lock(state_->mutex);
    state_->waiting.push_back(std::move(answer));
}

void loopback_server::answer_with(std::function<reply(nlohmann::json const&)> make) {
    std::lock_guard const lock(state_->mutex);
    state_->make = std::move(make);
}

auto loopback_server::requests() const -> std::size_t {
    return state_->requests;
}

auto loopback_server::active() const -> std::size_t {
    return state_->active;
}

auto loopback_server::last_request() const -> nlohmann::json {
    std::lock_guard const lock(state_->mutex);
    return state_->last;
}

auto loopback_server::last_header(std::string const& name) const -> std::string {
    std::lock_guard const lock(state_->mutex);
    auto const field = state_->last_headers.find(name);
    return field == state_->last_headers.end() ? "" : field->second;
}

} // namespace support
