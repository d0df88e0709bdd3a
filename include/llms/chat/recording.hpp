// SPDX-License-Identifier: MIT
//
// `recording(path)`: the middleware that writes each call into a file, to be replayed without the
// provider by `replaying_provider`:
//
//     auto client = llms::openai_client{transport, options} | llms::recording("calls.jsonl");
//     ...
//     llms::replaying_provider replay{"calls.jsonl"};
//
// One line of JSON a call: the request as its `request_key`, the chunks with the pauses between them
// or the whole response, and how it failed. Nothing of an answer is lost. A line is written when its
// call ends, so concurrent calls stand in the order in which they ended; one that was cancelled
// before anything came is not written.
//
// API keys are not recorded: the recording sees no headers, what looks like a key is removed from
// errors and requests ("sk-...", "Bearer ..."), as are members of `extra` like "api_key"; further
// `secrets` can be named. What people wrote, and what the model answered, is recorded as it is.
//
// Thread safety: as the provider's; clients may share a recording by sharing the middleware.
#ifndef LLMS_CHAT_RECORDING_HPP
#define LLMS_CHAT_RECORDING_HPP

#include <llms/chat/chunk.hpp>
#include <llms/chat/middleware.hpp>
#include <llms/chat/provider.hpp>
#include <llms/chat/recording_error.hpp>
#include <llms/chat/request.hpp>
#include <llms/chat/response.hpp>
#include <llms/chat/response_stream.hpp>
#include <llms/detail/chat_record.hpp>
#include <llms/detail/chat_secrets.hpp>
#include <llms/error.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <mutex>
#include <ostream>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace llms::inline v0_1 {

/// Options of `recording`.
struct recording_options {
    bool append = false; ///< to what the file holds; otherwise it is replaced
    /// Texts that are written as "[redacted]" wherever they come whole: the API key. At least 8
    /// visible ASCII characters each; empty ones are skipped.
    std::vector<std::string> secrets{};
};

namespace detail {

/// Where the lines go. Thread-safe.
class record_sink {
public:
    record_sink(std::string const& path, recording_options options)
        : options_(checked(std::move(options))),
          name_(path),
          file_(std::fopen(path.c_str(), options_.append ? "ab" : "wb")) {
        if (!file_) {
            throw recording_error("recording: cannot open " + name_);
        }
    }
    record_sink(std::ostream& to, recording_options options)
        : options_(checked(std::move(options))),
          name_("the stream"),
          stream_(&to) {}

    /// \throws recording_error
    void write(recorded_call const& call) {
        std::string line;
        try {
            line = record_writer::line(call);
        } catch (nlohmann::json::exception const& e) { // `extra` that is not UTF-8
            throw recording_error("recording: an answer has no JSON text: " +
                                  std::string(e.what()));
        }
        redact(line, options_.secrets);
        std::lock_guard const lock(mutex_);
        bool const written =
            file_ ? std::fwrite(line.data(), 1, line.size(), file_.get()) == line.size() &&
                        std::fflush(file_.get()) == 0
                  : static_cast<bool>(
                        stream_->write(line.data(), static_cast<std::streamsize>(line.size()))
                            .flush());
        if (!written) {
            throw recording_error("recording: cannot write to " + name_);
        }
    }

    [[nodiscard]] auto key(request const& ask) const -> std::string {
        return recording_key(ask, options_.secrets);
    }

private:
    static auto checked(recording_options options) -> recording_options {
        check_secrets(options.secrets);
        return options;
    }
    struct close {
        void operator()(std::FILE* file) const noexcept { static_cast<void>(std::fclose(file)); }
    };

    recording_options const options_;
    std::string const name_;
    std::mutex mutex_;
    std::unique_ptr<std::FILE, close> file_; // guarded by mutex_
    std::ostream* stream_ = nullptr;         // guarded by mutex_
};

/// Measures the time since it was asked last.
template <class Clock>
class lap_timer {
public:
    [[nodiscard]] auto lap() -> std::chrono::microseconds {
        auto const before = std::exchange(last_, Clock::now());
        auto const time = std::chrono::duration_cast<std::chrono::microseconds>(last_ - before);
        return std::max(time, std::chrono::microseconds::zero());
    }

private:
    typename Clock::time_point last_ = Clock::now();
};

/// A stream that is being recorded.
template <class Clock>
class recording_source final : public chunk_source {
public:
    recording_source(response_stream inner, std::shared_ptr<record_sink> to, recorded_call call,
                     lap_timer<Clock> timer)
        : inner_(std::move(inner)),
          to_(std::move(to)),
          call_(std::move(call)),
          timer_(timer) {}
    recording_source(recording_source const&) = delete;
    auto operator=(recording_source const&) -> recording_source& = delete;
    ~recording_source() override {
        if (to_ != nullptr) {
            try {
                leave();
            } catch (...) { // NOLINT(bugprone-empty-catch): there is nobody to tell
            }
        }
    }

    [[nodiscard]] auto next(chunk& out, std::stop_token const& stop) -> bool override {
        chunk const* piece = nullptr;
        try {
            piece = inner_.next(stop);
        } catch (cancelled_error const&) {
            leave();
            throw;
        } catch (...) {
            call_.pause = timer_.lap();
            call_.failure = current_failure();
            write();
            throw;
        }
        if (piece == nullptr) {
            return false;
        }
        call_.chunks.push_back({*piece, timer_.lap()});
        out = *piece;
        if (piece->kind == chunk_kind::end) {
            write();
        }
        return true;
    }

private:
    void write() { std::exchange(to_, nullptr)->write(call_); }
    void leave() {
        if (call_.chunks.empty()) {
            to_ = nullptr;
        } else {
            call_.abandoned = true;
            write();
        }
    }

    response_stream inner_;
    std::shared_ptr<record_sink> to_; // null once the call was written
    recorded_call call_;
    lap_timer<Clock> timer_;
};

} // namespace detail

/// A provider whose calls are recorded; made by `recording`.
template <provider P, class Clock>
class recording_provider {
public:
    static constexpr auto layers = layers_of<P>;

    recording_provider(P inner, std::shared_ptr<detail::record_sink> to)
        : inner_(std::move(inner)),
          to_(std::move(to)) {}

    /// \throws as the provider; recording_error when the call cannot be recorded.
    [[nodiscard]] auto complete(request const& ask, std::stop_token stop = {}) -> response {
        auto call = begin(ask);
        detail::lap_timer<Clock> timer;
        call.whole = of(call, timer, [&] { return inner_.complete(ask, std::move(stop)); });
        call.pause = timer.lap();
        to_->write(call);
        return *std::move(call.whole);
    }

    /// \throws as `complete`
    [[nodiscard]] auto stream(request const& ask, std::stop_token stop = {}) -> response_stream {
        auto call = begin(ask);
        detail::lap_timer<Clock> timer;
        auto inner = of(call, timer, [&] { return inner_.stream(ask, std::move(stop)); });
        return response_stream(std::make_unique<detail::recording_source<Clock>>(
            std::move(inner), to_, std::move(call), timer));
    }

    [[nodiscard]] auto name() const -> std::string_view { return inner_.name(); }

private:
    [[nodiscard]] auto begin(request const& ask) const -> detail::recorded_call {
        return {.provider = std::string(inner_.name()), .key = to_->key(ask)};
    }

    template <class Call>
    auto of(detail::recorded_call& call, detail::lap_timer<Clock>& timer, Call make) {
        try {
            return make();
        } catch (cancelled_error const&) {
            throw;
        } catch (...) {
            call.pause = timer.lap();
            call.failure = detail::current_failure();
            to_->write(call);
            throw;
        }
    }

    P inner_;
    std::shared_ptr<detail::record_sink> to_;
};

/// The middleware that `recording` makes.
template <class Clock>
class recording_middleware {
public:
    explicit recording_middleware(std::shared_ptr<detail::record_sink> to) noexcept
        : to_(std::move(to)) {}
    template <provider P>
    [[nodiscard]] auto wrap(P inner) && {
        return recording_provider<P, Clock>(std::move(inner), std::move(to_));
    }

private:
    std::shared_ptr<detail::record_sink> to_;
};

/// Records into the file of that name. \throws recording_error when it cannot be opened; error for a
/// secret that is none. `Clock` measures the pauses.
template <class Clock = std::chrono::steady_clock>
[[nodiscard]] auto recording(std::string const& path, recording_options options = {})
    -> recording_middleware<Clock> {
    return recording_middleware<Clock>(
        std::make_shared<detail::record_sink>(path, std::move(options)));
}

/// Records into a stream, which must outlive the client and its streams and be used by nobody else
/// meanwhile.
template <class Clock = std::chrono::steady_clock>
[[nodiscard]] auto recording(std::ostream& to, recording_options options = {})
    -> recording_middleware<Clock> {
    return recording_middleware<Clock>(
        std::make_shared<detail::record_sink>(to, std::move(options)));
}

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_RECORDING_HPP
