// SPDX-License-Identifier: MIT
//
// Tool calls that run at once: who waits, who runs, and what happens when one gives up on the other.
#ifndef LLMS_DETAIL_CHAT_TOOL_BATCH_HPP
#define LLMS_DETAIL_CHAT_TOOL_BATCH_HPP

#include <llms/chat/message.hpp>
#include <llms/chat/tool_result.hpp>
#include <llms/metrics/events.hpp>
#include <llms/metrics/metrics.hpp>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace llms::inline v0_1::detail {

using tool_clock = std::chrono::steady_clock;

/// The end of `timeout` from now; the end of time without one, or with one beyond it.
inline auto tool_deadline(std::optional<std::chrono::nanoseconds> timeout) noexcept
    -> tool_clock::time_point {
    auto const now = tool_clock::now();
    auto const most = tool_clock::time_point::max() - now;
    return timeout && *timeout < most ? now + *timeout : tool_clock::time_point::max();
}

/// The result of a call that did not come to an end.
inline auto given_up(tool_call const& call, tool_status status) -> tool_result {
    return {.id = call.id,
            .name = call.name,
            .status = status,
            .text = status == tool_status::timed_out   ? "The tool did not answer in time."
                    : status == tool_status::cancelled ? "The call was cancelled."
                                                       : "The tool was not run."};
}

/// The `error.type` of how an execution ended; empty when it went well.
inline auto tool_error_type(tool_status status) noexcept -> std::string_view {
    return status == tool_status::ok ? std::string_view{} : to_string(status);
}

/// Runs one call and tells `to`, if it is not null.
template <class Run>
auto told_tool(metrics* to, tool_call const& call, Run run) -> tool_result {
    if (to == nullptr) {
        return run();
    }
    auto const id = to->next_id();
    to->record(tool_begin{.tool = call.name, .id = id});
    auto const begun = tool_clock::now();
    auto result = run();
    to->record(tool_end{.tool = call.name,
                        .id = id,
                        .duration = tool_clock::now() - begun,
                        .error_type = tool_error_type(result.status)});
    return result;
}

/// Shared by the caller and the jobs, so that either may be gone first.
class tool_batch {
public:
    /// One call's place in the batch. Whoever holds it last without having run the call has dropped
    /// it, and the caller is told.
    class place {
    public:
        place(std::shared_ptr<tool_batch> batch, std::size_t index) noexcept
            : batch_(std::move(batch)),
              index_(index) {}
        place(place const&) = delete;
        auto operator=(place const&) -> place& = delete;
        ~place() { batch_->drop(index_); }

        void run(auto const& call) {
            // Neither is written after the jobs were made.
            auto const& which = batch_->calls_[index_];
            if (tool_clock::now() >= batch_->deadline_) {
                batch_->complete(index_, given_up(which, tool_status::timed_out));
                return;
            }
            batch_->tell_begin(index_);
            auto result = call(which, batch_->stop_.get_token());
            batch_->tell_end(index_, result.status);
            batch_->complete(index_, std::move(result));
        }

    private:
        std::shared_ptr<tool_batch> batch_;
        std::size_t index_;
    };

    /// `to` is told of the executions unless it is null; once `wait` has returned it is not used.
    tool_batch(std::vector<tool_call> calls, tool_clock::time_point deadline, metrics* to = nullptr)
        : calls_(std::move(calls)),
          deadline_(deadline),
          to_(to),
          slots_(calls_.size()),
          left_(calls_.size()) {}

    /// The call could not be handed over; more is known than that it was dropped.
    void fail(std::size_t index, std::string why) {
        complete(index, {.id = calls_[index].id,
                         .name = calls_[index].name,
                         .status = tool_status::failed,
                         .text = std::move(why)});
    }

    /// The caller has no more use for results. Runs the tools' stop callbacks, under no lock.
    void cancel() {
        stop_.request_stop();
        auto const lock = std::lock_guard{mutex_};
        cancelled_ = true;
        changed_.notify_all();
    }

    /// Waits for all results, the deadline or `cancel`; then stops what still runs.
    auto wait() -> std::vector<tool_result> {
        auto lock = std::unique_lock{mutex_};
        auto const over = [this] {
            return left_ == 0 || cancelled_;
        };
        if (deadline_ == tool_clock::time_point::max()) {
            changed_.wait(lock, over);
        } else {
            changed_.wait_until(lock, deadline_, over);
        }
        auto const missing = cancelled_ ? tool_status::cancelled : tool_status::timed_out;
        auto const complete = left_ == 0;
        auto results = std::vector<tool_result>{};
        results.reserve(slots_.size());
        for (auto at = std::size_t{0}; at < slots_.size(); ++at) {
            results.push_back(slots_[at].what == slot::pending ? given_up(calls_[at], missing)
                              : slots_[at].what == slot::dropped
                                  ? given_up(calls_[at], tool_status::failed)
                                  : std::move(slots_[at].result));
        }
        auto const left = std::exchange(slots_, {}); // results that come later find nobody
        changed_.wait(lock, [this] { return telling_ == 0; });
        lock.unlock();
        if (!complete) {
            stop_.request_stop();
        }
        for (auto at = std::size_t{0}; to_ != nullptr && at < left.size(); ++at) {
            if (left[at].id != 0 && !left[at].told_end) {
                record_end(at, left[at], results[at].status);
            }
        }
        return results;
    }

private:
    struct slot {
        enum : std::uint8_t { pending, dropped, done } what = pending;
        tool_result result{};
        std::uint64_t id = 0; // of the execution, once its begin was told
        tool_clock::time_point begun{};
        bool told_end = false;
    };

    // The metrics may be gone once the caller is: a job tells them only while the caller waits, and
    // the caller waits for jobs that are telling, which they do under no lock.
    void tell_begin(std::size_t index) {
        auto lock = std::unique_lock{mutex_};
        if (to_ == nullptr || slots_.empty()) {
            return;
        }
        auto const id = slots_[index].id = to_->next_id();
        slots_[index].begun = tool_clock::now();
        tell(lock, [&] { to_->record(tool_begin{.tool = calls_[index].name, .id = id}); });
    }

    void tell_end(std::size_t index, tool_status status) {
        auto lock = std::unique_lock{mutex_};
        if (to_ == nullptr || slots_.empty() || slots_[index].id == 0) {
            return;
        }
        slots_[index].told_end = true;
        auto const known = slot{.id = slots_[index].id, .begun = slots_[index].begun};
        tell(lock, [&] { record_end(index, known, status); });
    }

    template <class Tell>
    void tell(std::unique_lock<std::mutex>& lock, Tell const& what) {
        ++telling_;
        lock.unlock();
        what(); // records, which does not throw
        lock.lock();
        --telling_;
        changed_.notify_all();
    }

    void record_end(std::size_t index, slot const& known, tool_status status) const noexcept {
        to_->record(tool_end{.tool = calls_[index].name,
                             .id = known.id,
                             .duration = tool_clock::now() - known.begun,
                             .error_type = tool_error_type(status)});
    }

    void complete(std::size_t index, tool_result result) {
        auto const lock = std::lock_guard{mutex_};
        if (slots_.empty() || slots_[index].what == slot::done) {
            return;
        }
        left_ -= slots_[index].what == slot::pending ? 1 : 0;
        slots_[index].what = slot::done;
        slots_[index].result = std::move(result);
        changed_.notify_all();
    }

    void drop(std::size_t index) noexcept {
        auto const lock = std::lock_guard{mutex_};
        if (!slots_.empty() && slots_[index].what == slot::pending) {
            slots_[index].what = slot::dropped;
            --left_;
            changed_.notify_all();
        }
    }

    std::vector<tool_call> const calls_;
    tool_clock::time_point const deadline_;
    metrics* const to_;
    std::stop_source stop_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<slot> slots_; // guarded by mutex_; empty once the caller has gone
    std::size_t left_;        // guarded by mutex_: how many are pending
    std::size_t telling_ = 0; // guarded by mutex_: how many jobs are inside of the metrics
    bool cancelled_ = false;  // guarded by mutex_
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CHAT_TOOL_BATCH_HPP
