// SPDX-License-Identifier: MIT
//
// A function that one end of a stream leaves for the other to run at most once. Withdrawing it
// waits until a run that has begun is over, so that what it refers to may be destroyed afterwards.
#ifndef LLMS_DETAIL_STREAM_HOOK_HPP
#define LLMS_DETAIL_STREAM_HOOK_HPP

#include <atomic>
#include <cassert>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace llms::inline v0_1::detail {

template <class Platform>
class stream_hook {
public:
    stream_hook() = default;
    stream_hook(stream_hook const&) = delete;
    auto operator=(stream_hook const&) -> stream_hook& = delete;
    ~stream_hook() = default;

    /// Leaves `function` to be run; runs it now if `fire` has taken effect. By one thread at a
    /// time, as `withdraw`.
    template <class Function>
    void arm(Function&& function) {
        using target = std::remove_cvref_t<Function>;
        withdraw();
        function_ = std::make_unique<holder<target>>(std::forward<Function>(function));
        auto seen = unarmed;
        while (!state_.compare_exchange_weak(seen, armed, std::memory_order_acq_rel)) {
            if (seen == unarmed) {
                continue;
            }
            if (seen == fired || on_running_thread()) {
                std::exchange(function_, nullptr)->run();
                return;
            }
            await_run();
            seen = unarmed;
        }
    }

    /// Runs `decide`, and if it returns true the function that was there before; later ones are run
    /// as they come. The order matters: what `decide` sets off on other threads cannot
    /// withdraw the function any more. Called once.
    template <class Decide>
    void fire(Decide&& decide) noexcept {
        // Known before `running` is: a withdrawal from inside the function must not wait for
        // itself.
        runner_.store(Platform::this_thread(), std::memory_order_relaxed);
        auto before = state_.load(std::memory_order_relaxed);
        do {
            if (before != unarmed && before != armed) {
                return;
            } // fired, or being fired
        } while (!state_.compare_exchange_weak(before, running, std::memory_order_acq_rel,
                                               std::memory_order_relaxed));
        // While it is `running`, and it was `armed`, function_ belongs to this thread.
        auto const function = before == armed ? std::exchange(function_, nullptr) : nullptr;
        auto const decided = decide();
        if (decided && function != nullptr) {
            function->run();
        }
        if (state_.exchange(decided ? fired : unarmed, std::memory_order_acq_rel) == awaited) {
            Platform::wake_one(state_);
        }
    }

    /// Takes the function back. If it is running on another thread, waits until it has run.
    void withdraw() noexcept {
        // Nothing is there that could run, and only this thread could leave something. Acquire: what
        // the function did is seen by who finds it `fired`.
        auto seen = state_.load(std::memory_order_acquire);
        if (seen == unarmed || seen == fired) {
            return;
        }
        seen = armed;
        if (state_.compare_exchange_strong(seen, unarmed, std::memory_order_acq_rel)) {
            function_ = nullptr;
        } else if (!on_running_thread()) {
            await_run();
        }
    }

    /// Precondition: nobody else knows the hook.
    void reset() noexcept {
        function_ = nullptr;
        runner_.store({}, std::memory_order_relaxed);
        state_.store(unarmed, std::memory_order_relaxed);
    }

private:
    struct runnable {
        runnable() = default;
        runnable(runnable const&) = delete;
        auto operator=(runnable const&) -> runnable& = delete;
        virtual ~runnable() = default;
        virtual void run() = 0;
    };

    template <class Function>
    struct holder final : runnable {
        explicit holder(Function source) : function(std::move(source)) {}
        void run() override { function(); }
        Function function;
    };

    [[nodiscard]] auto on_running_thread() const noexcept -> bool {
        return runner_.load(std::memory_order_relaxed) == Platform::this_thread();
    }

    void await_run() noexcept {
        for (auto seen = running; seen == running || seen == awaited;) {
            if (seen == awaited ||
                state_.compare_exchange_strong(seen, awaited, std::memory_order_acq_rel)) {
                Platform::wait(state_, awaited, Platform::time_point::max());
                seen = state_.load(std::memory_order_acquire);
            }
        }
    }

    // unarmed <-> armed; either -> running -> fired or unarmed; awaited: running, with a waiter.
    static constexpr std::uint32_t unarmed = 0;
    static constexpr std::uint32_t armed = 1;
    static constexpr std::uint32_t running = 2;
    static constexpr std::uint32_t awaited = 3;
    static constexpr std::uint32_t fired = 4;

    typename Platform::template atomic<std::uint32_t> state_{unarmed};
    std::atomic<typename Platform::thread_id> runner_{};
    std::unique_ptr<runnable> function_;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_STREAM_HOOK_HPP
