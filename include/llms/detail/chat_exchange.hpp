// SPDX-License-Identifier: MIT
//
// What the provider clients share: one HTTP exchange to a whole body or to a stream of chunks, and
// the errors of both.
#ifndef LLMS_DETAIL_CHAT_EXCHANGE_HPP
#define LLMS_DETAIL_CHAT_EXCHANGE_HPP

#include <llms/chat/chunk.hpp>
#include <llms/chat/provider_error.hpp>
#include <llms/chat/response_stream.hpp>
#include <llms/chat/transport.hpp>
#include <llms/detail/chat_http_date.hpp>
#include <llms/detail/chat_json.hpp>
#include <llms/detail/chat_stops.hpp>
#include <llms/stream/channel_pool.hpp>
#include <llms/stream/sse_decoder.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace llms::inline v0_1::detail {

/// The first of these environment variables that is set and not empty, into `into`. To be called
/// before other threads change the environment.
inline void read_environment(std::initializer_list<char const*> names, std::string& into) {
    for (auto const* name : names) {
        auto const* const value = std::getenv(name); // NOLINT(concurrency-mt-unsafe)
        if (value != nullptr && *value != '\0') {
            into = value;
            return;
        }
    }
}

[[nodiscard]] inline auto failure_of(int status) noexcept -> failure {
    if (status == 429) {
        return failure::rate_limited;
    }
    if (status == 401 || status == 403) {
        return failure::authentication;
    }
    return status >= 500 ? failure::server : failure::invalid_request;
}

/// How long the headers ask to wait: retry-after-ms, or Retry-After in seconds or as a date; at
/// most a day.
[[nodiscard]] inline auto retry_after(http_head const& head)
    -> std::optional<std::chrono::milliseconds> {
    using std::chrono::milliseconds;
    auto const number = [](std::string_view text) -> std::optional<double> {
        double value = 0;
        auto const [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (problem != std::errc{} || end != text.data() + text.size() || !(value >= 0)) {
            return std::nullopt;
        }
        return value;
    };
    double const day = 86'400'000;
    if (auto const ms = number(head.header("retry-after-ms"))) {
        return milliseconds(static_cast<std::int64_t>(std::min(*ms, day)));
    }
    auto const field = head.header("retry-after");
    if (auto const seconds = number(field)) {
        return milliseconds(static_cast<std::int64_t>(std::min(*seconds * 1000, day)));
    }
    if (auto const date = http_date(field)) {
        auto const wait = std::chrono::ceil<milliseconds>(*date - std::chrono::system_clock::now());
        return std::clamp(wait, milliseconds{0}, milliseconds{static_cast<std::int64_t>(day)});
    }
    return std::nullopt;
}

/// The error of an answer whose status is not 2xx.
[[nodiscard]] inline auto status_error(http_head const& head, std::string body) -> provider_error {
    auto const parsed = parse_json(body);
    auto const& complaint = json_member(parsed, "error");
    auto text =
        complaint.is_string() ? complaint.get<std::string>() : string_of(complaint, "message");
    if (text.empty()) {
        text = excerpt(body);
    }
    auto id = head.header("x-request-id");
    if (id.empty()) {
        id = head.header("request-id");
    }
    return {"the provider answered HTTP " + std::to_string(head.status) +
                (text.empty() ? "" : ": " + text),
            {.kind = failure_of(head.status),
             .status = head.status,
             .body = std::move(body),
             .request_id = std::string(id),
             .retry_after = retry_after(head)}};
}

/// Keeps the head and the body of an answer, the body within a bound.
class body_receiver : public http_receiver {
public:
    explicit body_receiver(std::size_t max_bytes) noexcept : max_bytes_(max_bytes) {}

    [[nodiscard]] auto on_head(http_head const& head) -> bool override {
        head_ = head;
        return true;
    }
    [[nodiscard]] auto on_body(std::string_view bytes) -> bool override {
        // An error's body is kept only for its message.
        auto const most = ok() ? max_bytes_ : std::min(max_bytes_, max_error_bytes);
        if (bytes.size() > most - body_.size()) {
            if (ok()) {
                throw provider_error(failure::malformed, "the answer is larger than " +
                                                             std::to_string(max_bytes_) + " bytes");
            }
            body_.append(bytes.substr(0, most - body_.size()));
            return false;
        }
        body_.append(bytes);
        return true;
    }

    /// The body of a whole answer. \throws provider_error unless the status is 2xx.
    [[nodiscard]] auto take() -> std::string {
        if (!ok()) {
            throw status_error(head_, std::move(body_));
        }
        return std::move(body_);
    }
    [[nodiscard]] auto ok() const noexcept -> bool {
        return head_.status >= 200 && head_.status < 300;
    }

private:
    static constexpr std::size_t max_error_bytes = std::size_t{64} << 10;

    std::size_t max_bytes_;
    http_head head_;
    std::string body_;
};

/// Decodes an event stream as it comes and writes its chunks into a channel. `Decoder` has
/// feed(data, out), finish(out) and ended(), as openai::stream_decoder.
template <class Decoder>
class stream_receiver final : public http_receiver {
public:
    stream_receiver(channel_writer<chunk>& writer, std::stop_token stop, std::size_t max_bytes)
        : writer_(writer),
          stop_(std::move(stop)),
          error_body_(max_bytes),
          sse_(sse_options{.max_event_bytes = max_bytes}) {}

    [[nodiscard]] auto on_head(http_head const& head) -> bool override {
        return error_body_.on_head(head);
    }
    [[nodiscard]] auto on_body(std::string_view bytes) -> bool override {
        if (!error_body_.ok()) {
            return error_body_.on_body(bytes);
        }
        try {
            sse_.feed(bytes, [this](sse_event const& event) {
                decoder_.feed(event.data, out());
                return wanted_ && !decoder_.ended();
            });
        } catch (sse_error const& e) {
            throw provider_error(failure::malformed, e.what());
        }
        return wanted_ && !decoder_.ended();
    }

    /// The exchange is over: writes the end, or throws what kept it from coming.
    void finish() {
        if (!error_body_.ok()) {
            static_cast<void>(error_body_.take()); // throws
        }
        if (wanted_) {
            decoder_.finish(out());
        }
    }

private:
    auto out() {
        return [this](chunk&& piece) {
            if (wanted_ && !writer_.push(std::move(piece), stop_)) {
                wanted_ = false; // the reader is gone, or the call was cancelled
            }
        };
    }

    channel_writer<chunk>& writer_;
    std::stop_token stop_;
    body_receiver error_body_;
    sse_decoder sse_;
    Decoder decoder_;
    bool wanted_ = true;
};

/// What a client shares with its streams, which may outlive it.
template <class Transport, class Options>
struct exchange_state {
    exchange_state(Transport&& transport_, Options&& options_)
        : transport(std::move(transport_)),
          options(std::move(options_)),
          channels({.capacity = options.channel_capacity, .max_live = options.max_streams}) {}

    Transport transport;
    Options options;
    channel_pool<chunk> channels;
};

/// Sends a request and waits for the JSON of the whole answer.
/// \throws provider_error, cancelled_error
template <class Transport, class Options>
[[nodiscard]] auto exchange_json(exchange_state<Transport, Options>& state,
                                 http_request const& wire, std::stop_token stop) -> nlohmann::json {
    body_receiver receiver(state.options.max_response_bytes);
    state.transport.send(wire, receiver, std::move(stop));
    auto answer = parse_json(receiver.take());
    if (answer.is_discarded()) {
        throw provider_error(failure::malformed, "the answer is not JSON");
    }
    return answer;
}

/// The chunks that a thread of its own writes into a pooled channel. Dropping the source closes the
/// channel, which stops the thread's exchange wherever it waits, and then joins the thread.
class exchange_source final : public chunk_source {
public:
    /// Calls `produce(writer, stop)` on a thread of its own; what it throws reaches the reader.
    template <class Produce>
    exchange_source(channel_pool<chunk>& channels, std::stop_token const& outer, Produce produce)
        : exchange_source(channels.open(), outer, std::move(produce)) {}

    ~exchange_source() override {
        reader_ = {};           // wakes a blocked push
        worker_.request_stop(); // wakes a waiting transport
    }
    exchange_source(exchange_source const&) = delete;
    auto operator=(exchange_source const&) -> exchange_source& = delete;

    [[nodiscard]] auto next(chunk& out, std::stop_token const& stop) -> bool override {
        auto item = reader_.pop(stop);
        if (item) {
            out = *std::move(item);
            return true;
        }
        if (item.status() == conqueue_status::stopped) {
            throw cancelled_error("the call was cancelled");
        }
        return false;
    }

private:
    template <class Produce>
    exchange_source(channel_pool<chunk>::ends ends, std::stop_token const& outer, Produce produce)
        : reader_(std::move(ends.reader)),
          worker_([writer = std::move(ends.writer),
                   produce = std::move(produce)](std::stop_token stop) mutable {
              try {
                  produce(writer, stop);
                  writer.close();
              } catch (...) {
                  writer.close(std::current_exception());
              }
          }),
          forward_(outer, stop_forward{worker_.get_stop_source()}) {}

    channel_reader<chunk> reader_;
    std::jthread worker_;
    std::stop_callback<stop_forward> forward_; // the caller's stop_token stops the worker
};

/// Sends a request for a stream, whose events `Decoder` decodes.
/// \throws error when `max_streams` are open.
template <class Decoder, class Transport, class Options>
[[nodiscard]] auto exchange_stream(std::shared_ptr<exchange_state<Transport, Options>> const& state,
                                   http_request wire, std::stop_token const& stop)
    -> response_stream {
    auto produce = [state, wire = std::move(wire)](auto& writer, std::stop_token const& halt) {
        stream_receiver<Decoder> decoded(writer, halt, state->options.max_response_bytes);
        state->transport.send(wire, decoded, halt);
        decoded.finish();
    };
    return response_stream(
        std::make_unique<exchange_source>(state->channels, stop, std::move(produce)));
}

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CHAT_EXCHANGE_HPP
