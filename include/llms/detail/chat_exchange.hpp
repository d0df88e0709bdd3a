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
#include <llms/stream/channel_pool.hpp>
#include <llms/stream/sse_decoder.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace llms::inline v0_1::detail {

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
          forward_(outer, forward{worker_.get_stop_source()}) {}

    struct forward {
        std::stop_source worker;
        void operator()() const noexcept { worker.request_stop(); }
    };

    channel_reader<chunk> reader_;
    std::jthread worker_;
    std::stop_callback<forward> forward_; // the caller's stop_token stops the worker
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CHAT_EXCHANGE_HPP
