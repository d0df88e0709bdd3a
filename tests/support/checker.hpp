// SPDX-License-Identifier: MIT
//
// An exhaustive interleaving test. `explore` runs a small scenario of a few threads again and again,
// each time in another order, until every order of their synchronising steps with at most so many
// preemptions has been seen. The threads are coroutines with stacks of their own on one real
// thread, and `checked_platform` makes the library's real code stop at every atomic operation, sleep
// and wake-up, to let the explorer choose who goes on.
//
//     auto const found = checker::explore({.preemptions = 3}, [](checker::run& run) {
//         llms::channel<int, checker::checked_platform> ch(1);
//         run.thread([&] { (void)ch.push(1); });
//         run.thread([&] { (void)ch.pop(); });
//         run.join();
//         run.check(ch.size() == 0, "the item is gone");
//     });
//
// What it finds: a thread that sleeps for ever, a check that fails, an atomic used after its
// destruction. What it does not: effects of weak memory (the order is one of sequential
// consistency) and data races; the first are argued in the headers, the second are ThreadSanitizer's.
// Source: the idea of bounding preemptions is Musuvathi and Qadeer's (CHESS, PLDI 2007).
#ifndef LLMS_TESTS_SUPPORT_CHECKER_HPP
#define LLMS_TESTS_SUPPORT_CHECKER_HPP

#include <ucontext.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace checker {

struct options {
    int preemptions = 3;                ///< involuntary switches in one execution
    std::size_t executions = 2'000'000; ///< give up beyond, which is an error
};

struct outcome {
    std::size_t executions = 0;
    std::string error; ///< empty: every execution was right
};

/// Leaves the scenario at the first error.
struct violation : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// The decisions of one execution, and how to get from one execution to the next: depth first.
class decisions {
public:
    auto choose(std::size_t options) -> std::size_t {
        if (options == 1) {
            return 0;
        }
        if (next_ == made_.size()) {
            made_.push_back({0, options});
        }
        return made_[next_++].taken;
    }

    /// False if there is no other execution.
    auto advance() -> bool {
        next_ = 0;
        while (!made_.empty() && made_.back().taken + 1 == made_.back().options) {
            made_.pop_back();
        }
        if (made_.empty()) {
            return false;
        }
        ++made_.back().taken;
        return true;
    }

private:
    struct decision {
        std::size_t taken;
        std::size_t options;
    };
    std::vector<decision> made_;
    std::size_t next_ = 0;
};

/// One execution: its threads and who of them may go on.
class run {
public:
    using time_point = std::chrono::steady_clock::time_point;

    run(decisions& decisions, int preemptions) : decisions_(decisions), preemptions_(preemptions) {
        current_run() = this;
    }
    run(run const&) = delete;
    auto operator=(run const&) -> run& = delete;
    ~run() { current_run() = nullptr; }

    static auto current_run() -> run*& {
        static run* current = nullptr;
        return current;
    }

    /// Adds a thread; it starts in `join`.
    void thread(std::function<void()> body) {
        threads_.push_back(std::make_unique<fiber>(std::move(body)));
        auto& made = *threads_.back();
        getcontext(&made.context);
        made.context.uc_stack.ss_sp = made.stack.get();
        made.context.uc_stack.ss_size = stack_bytes;
        made.context.uc_link = &scheduler_;
        makecontext(&made.context, &run::start, 0);
    }

    /// Runs the threads to their ends. If some sleep for ever, calls `rescue`, which may make them
    /// runnable again and says whether it was right that they slept; without it that is an error.
    void join(std::function<bool()> const& rescue = {}) {
        schedule();
        if (!error_.empty()) {
            throw violation(error_);
        }
        if (!finished()) {
            if (!rescue || !rescue()) {
                throw violation("threads sleep for ever");
            }
            schedule();
            if (!finished()) {
                throw violation("threads sleep for ever, even after the rescue");
            }
        }
        if (!error_.empty()) {
            throw violation(error_);
        }
    }

    void check(bool right, char const* what) {
        if (!right) {
            fail(what);
        }
    }
    void fail(std::string const& what) {
        if (error_.empty()) {
            error_ = what;
        }
        if (running_ == nullptr) {
            throw violation(error_);
        }
    }

    // What the platform calls.

    /// A step that others can see comes next: whose?
    void step() {
        if (running_ == nullptr) {
            return;
        } // set-up, rescue and final checks are not interleaved
        if (++steps_ > 10'000) {
            fail("no end in sight");
            block([] { return false; });
        }
        if (preemptions_ == 0) {
            return;
        }
        auto others = std::size_t{0};
        for (auto const& thread : threads_) {
            if (thread.get() != running_ && thread->can_run()) {
                ++others;
            }
        }
        auto const choice = decisions_.choose(1 + others);
        if (choice == 0) {
            return;
        }
        --preemptions_;
        next_ = nth_other(choice - 1);
        leave();
    }

    /// Stays away until `ready`; if `timed_out` is given, time may also end it.
    void block(std::function<bool()> ready, std::optional<time_point> deadline = {}) {
        running_->ready = std::move(ready);
        running_->deadline = deadline;
        leave();
        running_->ready = nullptr;
        running_->deadline.reset();
    }

    [[nodiscard]] auto now() const -> time_point { return now_; }
    [[nodiscard]] auto running() const -> void const* { return running_; }

    /// Sleeps on `address`; false if time ended it.
    auto sleep(void const* address, std::optional<time_point> deadline) -> bool {
        auto& self = *running_;
        self.sleeps_on = address;
        block([&self] { return self.sleeps_on == nullptr; }, deadline);
        if (self.sleeps_on == nullptr) {
            return true;
        }
        self.sleeps_on = nullptr;
        if (*deadline > now_) {
            now_ = *deadline;
        }
        return false;
    }

    void wake_one(void const* address) {
        std::vector<fiber*> sleepers;
        for (auto const& thread : threads_) {
            if (thread->sleeps_on == address) {
                sleepers.push_back(thread.get());
            }
        }
        if (sleepers.empty()) {
            return;
        }
        sleepers[decisions_.choose(sleepers.size())]->sleeps_on = nullptr;
    }

private:
    static constexpr std::size_t stack_bytes = std::size_t{128} * 1024;

    struct fiber {
        explicit fiber(std::function<void()> what) : body(std::move(what)) {}

        [[nodiscard]] auto can_run() const -> bool {
            return !done && (!ready || deadline.has_value() || ready());
        }

        std::function<void()> body;
        std::unique_ptr<char[]> stack = std::make_unique<char[]>(stack_bytes);
        ucontext_t context{};
        bool done = false;
        std::function<bool()> ready;
        std::optional<time_point> deadline;
        void const* sleeps_on = nullptr;
    };

    static void start() {
        auto& self = *current_run();
        try {
            self.running_->body();
        } catch (std::exception const& e) {
            self.fail(std::string("a thread threw: ") + e.what());
        }
        self.running_->done = true;
        // Returns to uc_link, the scheduler.
    }

    void leave() {
        auto& self = *running_;
        swapcontext(&self.context, &scheduler_);
    }

    void schedule() {
        while (error_.empty()) {
            if (next_ == nullptr) {
                std::vector<fiber*> able;
                for (auto const& thread : threads_) {
                    if (thread->can_run()) {
                        able.push_back(thread.get());
                    }
                }
                if (able.empty()) {
                    break;
                }
                next_ = able[decisions_.choose(able.size())];
            }
            running_ = std::exchange(next_, nullptr);
            swapcontext(&scheduler_, &running_->context);
            running_ = nullptr;
        }
    }

    auto nth_other(std::size_t n) -> fiber* {
        for (auto const& thread : threads_) {
            if (thread.get() == running_ || !thread->can_run()) {
                continue;
            }
            if (n-- == 0) {
                return thread.get();
            }
        }
        return nullptr;
    }

    [[nodiscard]] auto finished() const -> bool {
        for (auto const& thread : threads_) {
            if (!thread->done) {
                return false;
            }
        }
        return true;
    }

    decisions& decisions_;
    int preemptions_;
    int steps_ = 0;
    time_point now_{};
    std::vector<std::unique_ptr<fiber>> threads_;
    fiber* running_ = nullptr;
    fiber* next_ = nullptr;
    ucontext_t scheduler_{};
    std::string error_;
};

/// std::atomic as far as the library uses it, with a step before every operation.
template <class T>
class checked_atomic {
public:
    checked_atomic() noexcept = default;
    constexpr checked_atomic(T value) noexcept : value_(value) {} // NOLINT(*-explicit-*)
    checked_atomic(checked_atomic const&) = delete;
    auto operator=(checked_atomic const&) -> checked_atomic& = delete;
    ~checked_atomic() { const_cast<unsigned volatile&>(alive_) = 0; }

    [[nodiscard]] auto load(std::memory_order /*order*/ = {}) const -> T {
        step();
        return value_;
    }
    void store(T value, std::memory_order /*order*/ = {}) {
        step();
        value_ = value;
    }
    auto exchange(T value, std::memory_order /*order*/ = {}) -> T {
        step();
        return std::exchange(value_, value);
    }
    auto compare_exchange_strong(T& expected, T desired, std::memory_order /*success*/ = {},
                                 std::memory_order /*failure*/ = {}) -> bool {
        step();
        if (value_ != expected) {
            expected = value_;
            return false;
        }
        value_ = desired;
        return true;
    }
    auto compare_exchange_weak(T& expected, T desired, std::memory_order success = {},
                               std::memory_order failure = {}) -> bool {
        return compare_exchange_strong(expected, desired, success, failure);
    }
    auto fetch_add(T value, std::memory_order /*order*/ = {}) -> T {
        step();
        return std::exchange(value_, value_ + value);
    }
    auto fetch_sub(T value, std::memory_order /*order*/ = {}) -> T {
        step();
        return std::exchange(value_, value_ - value);
    }
    auto fetch_or(T value, std::memory_order /*order*/ = {}) -> T {
        step();
        return std::exchange(value_, value_ | value);
    }
    auto fetch_and(T value, std::memory_order /*order*/ = {}) -> T {
        step();
        return std::exchange(value_, value_ & value);
    }

    /// The value, for the explorer itself: no step.
    [[nodiscard]] auto peek() const -> T { return value_; }

private:
    static constexpr unsigned living = 0x600D'A11E;

    void step() const {
        auto* const run = run::current_run();
        if (run == nullptr) {
            return;
        }
        run->step();
        if (alive_ != living) {
            run->fail("an atomic is used after its end");
        }
    }

    T value_{};
    unsigned alive_ = living;
};

/// See <llms/detail/stream_platform.hpp>.
struct checked_platform {
    template <class T>
    using atomic = checked_atomic<T>;
    using time_point = std::chrono::steady_clock::time_point;

    static constexpr int wait_yields = 0;

    using thread_id = void const*;
    static auto this_thread() -> thread_id {
        auto const* const run = run::current_run();
        return run == nullptr ? nullptr : run->running();
    }
    static auto now() -> time_point {
        auto const* const run = run::current_run();
        return run == nullptr ? time_point{} : run->now();
    }
    static void yield() {}
    static auto random() -> std::uint32_t { return 0; }
    static void back_off(int /*attempt*/, checked_atomic<bool> const& locked) {
        run::current_run()->block([&locked] { return !locked.peek(); });
    }
    static auto wait(checked_atomic<std::uint32_t>& word, std::uint32_t value, time_point deadline)
        -> bool {
        auto& run = *run::current_run();
        run.step();
        if (word.peek() != value) {
            return true;
        }
        return run.sleep(&word,
                         deadline == time_point::max() ? std::nullopt : std::optional(deadline));
    }
    static void wake_one(checked_atomic<std::uint32_t>& word) {
        auto* const run = run::current_run();
        run->step();
        run->wake_one(&word);
    }
};

/// Runs `scenario(run&)` in every order, or up to the first that goes wrong.
template <class Scenario>
auto explore(options const& how, Scenario&& scenario) -> outcome {
    outcome found;
    decisions taken;
    do {
        ++found.executions;
        try {
            run execution(taken, how.preemptions);
            scenario(execution);
        } catch (violation const& e) {
            found.error = e.what();
            return found;
        }
        if (found.executions == how.executions) {
            found.error = "too many executions";
            return found;
        }
    } while (taken.advance());
    return found;
}

} // namespace checker

#endif // LLMS_TESTS_SUPPORT_CHECKER_HPP
