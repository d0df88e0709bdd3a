// SPDX-License-Identifier: MIT
//
// `operation_timer` measures one operation and records its begin, its chunks and its end.
//
//     llms::operation_timer timer{metrics, {"chat", "openai", "gpt-4o"}};
//     for (auto const& token : stream) { timer.chunk(token.size()); ... }
//     timer.end({.input_tokens = 52, .output_tokens = 12});
//
// A timer that dies without an end records the error "cancelled". It belongs to one thread at a
// time and must not outlive the metrics. `Clock` is a template parameter for tests.
#ifndef LLMS_METRICS_OPERATION_TIMER_HPP
#define LLMS_METRICS_OPERATION_TIMER_HPP

#include <llms/metrics/events.hpp>
#include <llms/metrics/metrics.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace llms::inline v0_1 {

/// Measures one operation.
template <class Clock = std::chrono::steady_clock>
class operation_timer {
public:
    /// Records the begin. Copies the strings of `info`.
    operation_timer(metrics& metrics, operation_info const& info)
        : metrics_{&metrics},
          operation_{info.operation},
          provider_{info.provider},
          model_{info.model},
          id_{metrics.next_id()} {
        metrics_->record(operation_begin{.info = this->info(), .id = id_});
    }
    operation_timer(operation_timer const&) = delete;
    auto operator=(operation_timer const&) -> operation_timer& = delete;
    ~operation_timer() { fail("cancelled"); }

    /// Records a chunk of a streamed answer.
    void chunk(std::size_t bytes = 0) noexcept {
        auto const now = Clock::now();
        if (chunks_ == 0) {
            time_to_first_chunk_ = now - begin_;
        }
        metrics_->record(chunk_event{.info = info(),
                                     .id = id_,
                                     .index = chunks_++,
                                     .since_previous = now - last_,
                                     .bytes = bytes});
        last_ = now;
        bytes_ += bytes;
    }

    /// Records the end; only the first end counts. The timer fills in what it knows: everything but
    /// the tokens, the error, the origin and, when no chunk was recorded, the size of the answer.
    void end(operation_end event = {}) noexcept {
        if (ended_) {
            return;
        }
        ended_ = true;
        event.info = info();
        event.id = id_;
        event.duration = Clock::now() - begin_;
        if (chunks_ != 0) {
            event.time_to_first_chunk = time_to_first_chunk_;
            event.response_bytes = bytes_;
        }
        metrics_->record(event);
    }

    /// Records an end with an error.
    void fail(std::string_view error_type) noexcept { end({.error_type = error_type}); }

    /// What the timer was made with, and the id in its events, for those that others record.
    [[nodiscard]] auto info() const noexcept -> operation_info {
        return {operation_, provider_, model_};
    }
    [[nodiscard]] auto id() const noexcept -> std::uint64_t { return id_; }

private:
    metrics* metrics_;
    std::string operation_;
    std::string provider_;
    std::string model_;
    std::uint64_t id_;
    std::uint64_t chunks_ = 0;
    std::uint64_t bytes_ = 0;
    bool ended_ = false;
    typename Clock::time_point begin_ = Clock::now();
    typename Clock::time_point last_ = begin_;
    std::chrono::nanoseconds time_to_first_chunk_{};
};

} // namespace llms::inline v0_1

#endif // LLMS_METRICS_OPERATION_TIMER_HPP
