// SPDX-License-Identifier: MIT
//
// Threads that end by themselves, owned by something that must not go before they have ended.
#ifndef LLMS_DETAIL_CHAT_WORKER_GROUP_HPP
#define LLMS_DETAIL_CHAT_WORKER_GROUP_HPP

#include <concepts>
#include <list>
#include <mutex>
#include <thread>
#include <utility>

namespace llms::inline v0_1::detail {

/// Runs functions on threads of their own; its destructor waits for all of them. Thread-safe.
class worker_group {
public:
    worker_group() = default;
    worker_group(worker_group const&) = delete;
    auto operator=(worker_group const&) -> worker_group& = delete;
    ~worker_group() {
        for (;;) {
            std::list<std::thread> ending;
            {
                std::lock_guard const lock(mutex_);
                ending.splice(ending.end(), ended_);
                if (ending.empty()) {
                    ending.splice(ending.end(), running_, running_.begin(), running_.end());
                    orphaned_ = true; // what still runs finds its thread gone, and leaves it
                }
            }
            if (ending.empty()) {
                return;
            }
            for (auto& thread : ending) {
                thread.join();
            }
        }
    }

    /// Calls `work()`, which must not throw, on a new thread.
    template <std::invocable Work>
    void run(Work work) {
        std::list<std::thread> ended;
        {
            std::lock_guard const lock(mutex_);
            ended.splice(ended.end(), ended_);
            auto const self = running_.emplace(running_.end());
            try {
                *self = std::thread([this, self, work = std::move(work)]() mutable {
                    work();
                    std::lock_guard const done(mutex_);
                    if (!orphaned_) {
                        ended_.splice(ended_.end(), running_, self);
                    }
                });
            } catch (...) {
                running_.erase(self);
                throw;
            }
        }
        for (auto& thread : ended) {
            thread.join(); // it has left work(): this does not wait
        }
    }

private:
    std::mutex mutex_;
    std::list<std::thread> running_; // guarded by mutex_
    std::list<std::thread> ended_;   // guarded by mutex_: past work(), not joined
    bool orphaned_ = false;          // guarded by mutex_: the destructor has taken running_
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CHAT_WORKER_GROUP_HPP
