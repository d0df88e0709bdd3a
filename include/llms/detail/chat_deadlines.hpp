// SPDX-License-Identifier: MIT
//
// Deadlines of many calls on one thread, which stops those that are over their time.
#ifndef LLMS_DETAIL_CHAT_DEADLINES_HPP
#define LLMS_DETAIL_CHAT_DEADLINES_HPP

#include <llms/detail/chat_stops.hpp>

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

namespace llms::inline v0_1::detail {

/// Stops watched calls at their deadlines, on a thread that begins with the first deadline and is
/// joined by the destructor. Thread-safe. Setting a deadline that is later than that of before, or than
/// another's, wakes nobody: the thread sleeps on until the earliest that it knew of, and looks then.
class deadline_timer {
    using clock = std::chrono::steady_clock;

public:
    using time_point = clock::time_point;
    static constexpr auto never = time_point::max();

    /// A call, whose token is stopped at its deadline or when the token of its caller is.
    class watch {
    public:
        watch(deadline_timer& timer, std::stop_token const& outer)
            : timer_(&timer),
              forward_(outer, stop_forward{stop_}) {}
        watch(watch const&) = delete;
        auto operator=(watch const&) -> watch& = delete;
        ~watch() {
            std::lock_guard const lock(timer_->mutex_);
            timer_->take_out(*this);
        }

        [[nodiscard]] auto token() const noexcept -> std::stop_token { return stop_.get_token(); }

        /// Sets the deadline; false if it is too late, as one has come already.
        auto until(time_point due) -> bool {
            std::lock_guard const lock(timer_->mutex_);
            due_ = due;
            if (!over_ && due < queued_at()) {
                timer_->put(*this);
            }
            return !over_;
        }

        /// A deadline has come.
        [[nodiscard]] auto over() const -> bool {
            std::lock_guard const lock(timer_->mutex_);
            return over_;
        }

    private:
        friend deadline_timer;

        [[nodiscard]] auto queued_at() const noexcept -> time_point {
            return place_ == timer_->queue_.end() ? never : place_->first;
        }

        deadline_timer* timer_;
        std::stop_source stop_;
        time_point due_ = never; // guarded by the timer's mutex, as are the next two
        bool over_ = false;
        std::multimap<time_point, watch*>::iterator place_ = timer_->queue_.end();
        std::stop_callback<stop_forward> forward_;
    };

    deadline_timer() = default;
    deadline_timer(deadline_timer const&) = delete;
    auto operator=(deadline_timer const&) -> deadline_timer& = delete;
    /// \pre No watch is left.
    ~deadline_timer() {
        {
            std::lock_guard const lock(mutex_);
            closing_ = true;
            changed_.notify_one();
        }
        if (thread_.joinable()) {
            thread_.join();
        }
    }

private:
    // Invariant: a watch that has a deadline and is not over stands in the queue, no later than that.
    void put(watch& call) { // the mutex is held
        if (!thread_.joinable()) {
            thread_ = std::thread([this] { run(); });
        }
        if (call.place_ == queue_.end()) {
            call.place_ = queue_.emplace(call.due_, &call);
        } else {
            move(call);
        }
        if (call.due_ < wakes_at_) {
            changed_.notify_one();
        }
    }

    void move(watch& call) noexcept { // the mutex is held
        auto node = queue_.extract(call.place_);
        node.key() = call.due_;
        call.place_ = queue_.insert(std::move(node));
    }

    void take_out(watch& call) noexcept { // the mutex is held
        if (auto const place = std::exchange(call.place_, queue_.end()); place != queue_.end()) {
            queue_.erase(place);
        }
    }

    void run() {
        std::unique_lock lock(mutex_);
        while (!closing_) {
            auto const first = queue_.begin();
            auto const next = first == queue_.end() ? never : first->first;
            if (next > clock::now()) {
                wakes_at_ = next;
                next == never ? changed_.wait(lock)
                              : static_cast<void>(changed_.wait_until(lock, next));
                wakes_at_ = time_point::min(); // awake: the queue is looked at before the next wait
                continue;
            }
            auto& call = *first->second;
            if (call.due_ > next) { // it was set to a later one meanwhile
                call.due_ == never ? take_out(call) : move(call);
                continue;
            }
            take_out(call);
            call.over_ = true;
            auto stop = call.stop_; // the call may be gone once the mutex is free
            lock.unlock();
            stop.request_stop(); // runs callbacks of the provider's: under no lock
            lock.lock();
        }
    }

    std::mutex mutex_; // guards what follows
    std::condition_variable changed_;
    std::multimap<time_point, watch*> queue_;
    time_point wakes_at_ = time_point::min(); // when the thread looks by itself
    bool closing_ = false;
    std::thread thread_;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CHAT_DEADLINES_HPP
