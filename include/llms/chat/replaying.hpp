// SPDX-License-Identifier: MIT
//
// `replaying_provider`: answers from what `recording` wrote, without a network.
//
//     llms::replaying_provider replay{"calls.jsonl"};
//     auto client = replay | llms::cached(cache);
//     client.complete(ask);          // as it was answered then
//     assert(replay.unused() == 0);  // every recorded answer was asked for
//
// A request gets the answers that were recorded to it, in their order, each once; what was streamed
// can be asked for whole and the other way round. A request that was not recorded, or is made more
// often than it was, is an `unrecorded_request_error`. Recorded failures are thrown again.
//
// Thread safety: all of it. The file is read once, by the constructor, within bounds; copies share it.
#ifndef LLMS_CHAT_REPLAYING_HPP
#define LLMS_CHAT_REPLAYING_HPP

#include <llms/chat/chunk.hpp>
#include <llms/chat/provider.hpp>
#include <llms/chat/recording_error.hpp>
#include <llms/chat/request.hpp>
#include <llms/chat/response.hpp>
#include <llms/chat/response_stream.hpp>
#include <llms/detail/chat_json.hpp>
#include <llms/detail/chat_pause.hpp>
#include <llms/detail/chat_record.hpp>
#include <llms/detail/chat_response_chunks.hpp>
#include <llms/detail/chat_secrets.hpp>
#include <llms/detail/chat_stops.hpp>
#include <llms/error.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <functional>
#include <istream>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace llms::inline v0_1 {

/// Options of `replaying_provider`.
struct replay_options {
    bool repeat_last = false; ///< the last answer to a request is given again, for ever
    bool pauses = false;      ///< wait as long as the provider took
    /// Waits; by default in real time. Throws cancelled_error when the token is stopped.
    std::function<void(std::chrono::nanoseconds, std::stop_token const&)> wait{};
    std::vector<std::string> secrets{}; ///< as in `recording_options`: those of the recording
    std::size_t max_bytes = std::size_t{256} << 20;     ///< of a recording
    std::size_t max_line_bytes = std::size_t{16} << 20; ///< of one call
};

/// Answers from a recording; see the head of this file.
class replaying_provider {
public:
    /// Reads the file of that name. \throws recording_error when it cannot be read, is too large or
    /// holds a line that is not a recorded call, and names the line.
    explicit replaying_provider(std::string const& path, replay_options options = {})
        : shared_(std::make_shared<shared>(path, std::move(options))) {
        struct close {
            void operator()(std::FILE* file) const noexcept {
                static_cast<void>(std::fclose(file));
            }
        };
        std::unique_ptr<std::FILE, close> const file(std::fopen(path.c_str(), "rb"));
        if (!file) {
            throw recording_error("replaying: cannot open " + path);
        }
        shared_->read([&](char* to, std::size_t size) {
            auto const got = std::fread(to, 1, size, file.get());
            if (std::ferror(file.get()) != 0) {
                throw recording_error("replaying: cannot read " + path);
            }
            return got;
        });
    }

    /// Reads a recording from a stream to its end.
    explicit replaying_provider(std::istream& from, replay_options options = {})
        : shared_(std::make_shared<shared>("the stream", std::move(options))) {
        shared_->read([&](char* to, std::size_t size) {
            from.read(to, static_cast<std::streamsize>(size));
            return static_cast<std::size_t>(from.gcount());
        });
    }

    /// \throws what was recorded; unrecorded_request_error, cancelled_error
    [[nodiscard]] auto complete(request const& ask, std::stop_token const& stop = {}) -> response {
        detail::throw_if_stopped(stop);
        auto const& call = shared_->take(ask);
        for (auto const& each : call.chunks) {
            shared_->pause(each.pause, stop);
        }
        shared_->pause(call.pause, stop);
        if (call.whole) {
            return call.whole->clone();
        }
        response_builder built;
        for (auto const& each : call.chunks) {
            built.add(each.piece);
        }
        if (!built.done()) {
            fail(call);
        }
        return std::move(built).value();
    }

    /// \throws as `complete`, but recorded failures come from the stream.
    [[nodiscard]] auto stream(request const& ask, std::stop_token stop = {}) -> response_stream {
        detail::throw_if_stopped(stop);
        return response_stream(
            std::make_unique<source>(shared_, shared_->take(ask), std::move(stop)));
    }

    /// That of the provider that was recorded (first).
    [[nodiscard]] auto name() const noexcept -> std::string_view { return shared_->name; }

    /// How many calls were recorded.
    [[nodiscard]] auto size() const noexcept -> std::size_t { return shared_->calls.size(); }
    /// How many recorded answers nobody has asked for yet.
    [[nodiscard]] auto unused() const -> std::size_t {
        std::lock_guard const lock(shared_->mutex);
        return shared_->unused;
    }

private:
    struct shared {
        shared(std::string where_, replay_options options_)
            : where(std::move(where_)),
              options(std::move(options_)) {
            detail::check_secrets(options.secrets);
        }

        // `more(to, size)` reads up to so many bytes; fewer at the end.
        template <class More>
        void read(More more) {
            std::array<char, std::size_t{64} << 10> block;
            std::string rest; // the begin of a line that has no end yet
            std::size_t bytes = 0;
            std::size_t number = 1;
            for (auto got = block.size(); got == block.size();) {
                got = more(block.data(), block.size());
                bytes += got;
                std::string_view text(block.data(), got);
                for (auto end = text.find('\n'); end != std::string_view::npos;
                     end = text.find('\n')) {
                    rest += text.substr(0, end);
                    text.remove_prefix(end + 1);
                    add(rest, number++);
                    rest.clear();
                }
                rest += text;
                if (bytes > options.max_bytes || rest.size() > options.max_line_bytes) {
                    throw recording_error(
                        "replaying: " + where + ", line " + std::to_string(number) +
                        (bytes > options.max_bytes ? ": the recording is larger than max_bytes"
                                                   : ": it is longer than max_line_bytes"));
                }
            }
            if (!rest.empty()) {
                add(rest, number);
            }
            unused = calls.size();
            name =
                calls.empty() || calls.front().provider.empty() ? "replay" : calls.front().provider;
        }

        void add(std::string_view line, std::size_t number) {
            if (line.ends_with('\r')) {
                line.remove_suffix(1);
            }
            if (line.empty()) {
                return;
            }
            try {
                if (line.size() > options.max_line_bytes) {
                    throw recording_error("it is longer than max_line_bytes");
                }
                calls.push_back(detail::record_reader::call(line));
            } catch (recording_error const& e) {
                throw recording_error("replaying: " + where + ", line " + std::to_string(number) +
                                      ": " + e.what());
            }
            by_key[calls.back().key].which.push_back(calls.size() - 1);
        }

        // The next answer to a request.
        auto take(request const& ask) -> detail::recorded_call const& {
            auto const key = detail::recording_key(ask, options.secrets);
            std::lock_guard const lock(mutex);
            auto const found = by_key.find(key);
            if (found == by_key.end()) {
                throw unrecorded_request_error("replaying: " + where +
                                               " holds no answer to this request: " + said(ask));
            }
            auto& [which, used] = found->second;
            if (used == which.size()) {
                if (!options.repeat_last) {
                    throw unrecorded_request_error(
                        "replaying: " + where + " holds only " + std::to_string(used) +
                        (used == 1 ? " answer" : " answers") + " to this request: " + said(ask));
                }
                return calls[which.back()];
            }
            --unused;
            return calls[which[used++]];
        }

        void pause(std::chrono::microseconds time, std::stop_token const& stop) const {
            if (options.pauses && time > std::chrono::microseconds::zero()) {
                options.wait ? options.wait(time, stop) : detail::pause(time, stop);
            }
            detail::throw_if_stopped(stop);
        }

        static auto said(request const& ask) -> std::string {
            auto const& messages = ask.messages;
            auto text = "model \"" + ask.model + "\", " + std::to_string(messages.size()) +
                        (messages.size() == 1 ? " message" : " messages");
            if (!messages.empty()) {
                text += ", the last: \"" + detail::excerpt(messages.back().text()) + '"';
            }
            return text;
        }

        struct answers {
            std::vector<std::size_t> which{}; // of `calls`
            std::size_t used = 0;             // guarded by mutex
        };

        std::string const where;
        replay_options const options;
        std::string name;
        std::vector<detail::recorded_call> calls; // as by_key but `used`: not written once read
        std::map<std::string, answers, std::less<>> by_key;
        std::mutex mutex;
        std::size_t unused = 0; // guarded by mutex
    };

    // Throws how a call ended that has no end.
    [[noreturn]] static void fail(detail::recorded_call const& call) {
        if (call.failure) {
            std::rethrow_exception(detail::exception_of(*call.failure));
        }
        throw recording_error("replaying: the recorded stream was left after " +
                              std::to_string(call.chunks.size()) + " chunks");
    }

    class source final : public chunk_source {
    public:
        source(std::shared_ptr<shared> from, detail::recorded_call const& call,
               std::stop_token outer)
            : from_(std::move(from)),
              call_(&call),
              outer_(std::move(outer)) {
            if (call.whole) {
                whole_ = detail::response_chunks(*call.whole);
            }
        }

        [[nodiscard]] auto next(chunk& out, std::stop_token const& stop) -> bool override {
            auto const& chunks = call_->chunks;
            if (call_->whole) {
                pause(at_ == 0 ? call_->pause : std::chrono::microseconds::zero(), stop);
                if (at_ == whole_.size()) {
                    return false;
                }
                out = std::move(whole_[at_++]);
                return true;
            }
            if (at_ == chunks.size()) {
                pause(call_->pause, stop);
                fail(*call_);
            }
            pause(chunks[at_].pause, stop);
            out = chunks[at_++].piece;
            return true;
        }

    private:
        void pause(std::chrono::microseconds time, std::stop_token const& stop) const {
            detail::with_either_stop(outer_, stop, [this, time](std::stop_token const& either) {
                from_->pause(time, either);
            });
        }

        std::shared_ptr<shared> from_;
        detail::recorded_call const* call_; // of from_
        std::stop_token outer_;
        std::vector<chunk> whole_;
        std::size_t at_ = 0;
    };

    std::shared_ptr<shared> shared_;
};

static_assert(provider<replaying_provider>);

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_REPLAYING_HPP
