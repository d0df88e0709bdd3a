// SPDX-License-Identifier: MIT
//
// Coroutines for tests, and executors that resume them.
#ifndef LLMS_TESTS_SUPPORT_COROUTINE_HPP
#define LLMS_TESTS_SUPPORT_COROUTINE_HPP

#include <llms/stream/channel.hpp>

#include <atomic>
#include <coroutine>
#include <deque>
#include <exception>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

namespace support {

/// Runs what was posted when it is told to.
class run_queue {
public:
    void post(std::function<void()> task) { tasks_.push_back(std::move(task)); }
    auto run_one() -> bool {
        if (tasks_.empty()) {
            return false;
        }
        auto const task = std::move(tasks_.front());
        tasks_.pop_front();
        task();
        return true;
    }
    void run() {
        while (run_one()) {}
    }
    [[nodiscard]] auto size() const { return tasks_.size(); }

private:
    std::deque<std::function<void()>> tasks_;
};

/// A few threads that run what was posted.
class thread_pool {
public:
    explicit thread_pool(int threads) {
        for (int n = 0; n != threads; ++n) {
            threads_.emplace_back([this] {
                while (auto task = tasks_.pop()) {
                    (*task)();
                }
            });
        }
    }
    thread_pool(thread_pool const&) = delete;
    auto operator=(thread_pool const&) -> thread_pool& = delete;
    ~thread_pool() { tasks_.close(); }
    void post(std::function<void()> task) { (void)tasks_.push(std::move(task)); }

private:
    llms::channel<std::function<void()>> tasks_{1024};
    std::vector<std::jthread> threads_;
};

/// A coroutine that starts at once. Its frame goes when this goes, finished or not.
class coroutine {
public:
    struct promise_type {
        std::atomic<bool> done{false};
        std::exception_ptr error;
        auto get_return_object() -> coroutine {
            return coroutine(std::coroutine_handle<promise_type>::from_promise(*this));
        }
        static auto initial_suspend() noexcept -> std::suspend_never { return {}; }
        static auto final_suspend() noexcept {
            struct flag {
                static auto await_ready() noexcept -> bool { return false; }
                static void await_suspend(std::coroutine_handle<promise_type> self) noexcept {
                    self.promise().done = true; // the last access: the owner may destroy it
                }
                static void await_resume() noexcept {}
            };
            return flag{};
        }
        void return_void() {}
        void unhandled_exception() { error = std::current_exception(); }
    };

    explicit coroutine(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
    coroutine(coroutine&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    auto operator=(coroutine&& other) noexcept -> coroutine& {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~coroutine() {
        if (handle_) {
            handle_.destroy();
        }
    }
    [[nodiscard]] auto done() const -> bool { return handle_.promise().done; }
    [[nodiscard]] auto error() const -> std::exception_ptr { return handle_.promise().error; }

private:
    std::coroutine_handle<promise_type> handle_;
};

} // namespace support

#endif // LLMS_TESTS_SUPPORT_COROUTINE_HPP
