// SPDX-License-Identifier: MIT
//
// What `co_await channel.async_pop(executor)` awaits.
//
// A coroutine that has to wait leaves a `ticket` on the heap in the channel's list. The ticket, not
// the awaiter, is what others point to, so that the coroutine may be destroyed while a wake-up is
// on its way or already posted. Owners of a ticket: the awaiter; whoever has the turn (the list,
// then the thread that took it out of the list, then the posted callable, then the list again); and
// a thread inside `post`.
#ifndef LLMS_DETAIL_STREAM_ASYNC_HPP
#define LLMS_DETAIL_STREAM_ASYNC_HPP

#include <llms/detail/stream_core.hpp>
#include <llms/stream/channel_result.hpp>
#include <llms/stream/conqueue_status.hpp>

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <optional>
#include <stop_token>
#include <utility>

namespace llms::inline v0_1::detail {

/// What async_pop and async_push have in common. `Derived::attempt(section)` is the operation.
template <class Derived, class Core, stream_side Side, class Executor>
class stream_awaiter {
public:
    using section = typename Core::section;

    stream_awaiter(Core& core, Executor&& executor, std::stop_token stop)
        : core_(core),
          executor_(std::forward<Executor>(executor)),
          stop_(std::move(stop)) {}
    stream_awaiter(stream_awaiter const&) = delete;
    auto operator=(stream_awaiter const&) -> stream_awaiter& = delete;
    ~stream_awaiter() {
        if (ticket_ == nullptr) {
            return;
        }
        ticket_->on_stop.reset(); // waits for a callback that is running
        if (waiting_) {
            abandon();
        }
        ticket_->release();
    }

    auto await_ready() -> bool {
        if (stop_.stop_requested()) {
            status_ = conqueue_status::stopped;
            return true;
        }
        status_ =
            core_.template attempt<Side>([this](auto& inside) { return self().attempt(inside); });
        return !core_.must_wait(status_);
    }

    auto await_suspend(std::coroutine_handle<> coroutine) -> bool {
        // NOLINTNEXTLINE(cppcoreguidelines-owning-memory): counted by its owners
        ticket_ = new ticket(*this, std::forward<Executor>(executor_), coroutine);
        if (stop_.stop_possible()) {
            // Before the ticket is in the list: afterwards the coroutine may be running elsewhere.
            ticket_->on_stop.emplace(stop_, leave_list{ticket_});
        }
        return attempt_or_enqueue();
    }

protected:
    /// How it ended; throws what T's move threw.
    auto finish() -> conqueue_status {
        if (thrown_) {
            std::rethrow_exception(thrown_);
        }
        return status_;
    }

    auto core() noexcept -> Core& { return core_; }

private:
    struct ticket;

    /// The stop callback: takes the ticket out of the list, unless a wake-up did so before.
    struct leave_list {
        ticket* self;

        void operator()() const noexcept {
            auto& awaiter = *self->awaiter;
            {
                section inside(awaiter.core_);
                if (!self->queued) {
                    return;
                }
                inside.dequeue(Side, *self);
            }
            ticket::post(*self);
        }
    };

    struct ticket : stream_waiter {
        ticket(stream_awaiter& owner, Executor&& runs_on, std::coroutine_handle<> waiting)
            : stream_waiter(&post),
              awaiter(&owner),
              executor(std::forward<Executor>(runs_on)),
              coroutine(waiting) {}

        // By the thread that took the ticket out of the list; an owner until the post is counted.
        static void post(stream_waiter& waiter) noexcept {
            auto& self = static_cast<ticket&>(waiter);
            self.owners.fetch_add(1, std::memory_order_relaxed);
            self.executor.post([ticket = &self] { ticket->run(); });
            self.posts.fetch_add(1, std::memory_order_release);
            self.release();
        }

        // By the executor, which has the turn.
        void run() {
            if (abandoned.load(std::memory_order_acquire)) {
                release();
                return;
            }
            if (awaiter->attempt_or_enqueue()) {
                return;
            } // the list has the turn
            auto const resumed = coroutine;
            on_stop.reset();
            release();
            resumed.resume();
        }

        void release() noexcept {
            if (owners.fetch_sub(1, std::memory_order_acq_rel) == 1) {
                delete this;
            }
        }

        stream_awaiter* awaiter;
        Executor executor;
        std::coroutine_handle<> coroutine;
        std::optional<std::stop_callback<leave_list>> on_stop;
        std::uint32_t enqueues =
            0; // guarded by the channel's locks; each leads to one post, or less
        std::atomic<std::uint32_t> posts{0};
        std::atomic<std::uint32_t> owners{1};
        std::atomic<bool> abandoned{false};
    };

    auto self() noexcept -> Derived& { return static_cast<Derived&>(*this); }

    /// True if the ticket went into the list; from then on `*this` may be gone.
    auto attempt_or_enqueue() -> bool {
        section inside(core_);
        waiting_ = false;
        try {
            status_ = self().attempt(inside);
        } catch (...) {
            thrown_ = std::current_exception();
            inside.pass_on(Side);
            return false;
        }
        if (!core_.must_wait(status_)) {
            return false;
        }
        // The callback takes the locks too: a stop not seen here will find the ticket in the list.
        if (stop_.stop_requested()) {
            status_ = conqueue_status::stopped;
            return false;
        }
        // The list's ownership; when the ticket comes back for another round it still has it.
        if (ticket_->enqueues++ == 0) {
            ticket_->owners.fetch_add(1, std::memory_order_relaxed);
        }
        waiting_ = true;
        inside.enqueue(Side, *ticket_);
        return true;
    }

    /// The coroutine is being destroyed while it waits.
    void abandon() noexcept {
        {
            section inside(core_);
            if (ticket_->queued) {
                inside.dequeue(Side, *ticket_);
                ticket_->release();
                return;
            }
            ticket_->abandoned.store(true, std::memory_order_release);
            inside.pass_on(Side);
        }
        // Whoever took the ticket out of the list is about to use the executor, which the caller
        // may destroy next.
        while (ticket_->posts.load(std::memory_order_acquire) != ticket_->enqueues) {
            Core::platform::yield();
        }
    }

    Core& core_;
    Executor executor_; // a reference if it was given an lvalue
    std::stop_token stop_;
    ticket* ticket_ = nullptr;
    bool waiting_ = false;
    conqueue_status status_ = conqueue_status::empty;
    std::exception_ptr thrown_;
};

template <class T, class Core, class Executor>
class [[nodiscard]] stream_async_pop
    : public stream_awaiter<stream_async_pop<T, Core, Executor>, Core, stream_side::pop, Executor> {
public:
    stream_async_pop(Core& core, Executor&& executor, std::stop_token stop)
        : stream_async_pop::stream_awaiter(core, std::forward<Executor>(executor),
                                           std::move(stop)) {}

    auto attempt(auto& inside) -> conqueue_status {
        return inside.take([&](T&& item) { result_.emplace(std::move(item)); });
    }

    auto await_resume() -> channel_result<T> {
        auto const status = this->finish();
        if (status == conqueue_status::closed) {
            this->core().rethrow_failure();
        }
        if (status != conqueue_status::success) {
            result_.fail(status);
        }
        return std::move(result_);
    }

private:
    channel_result<T> result_{conqueue_status::empty};
};

template <class Value, class Core, class Executor>
class [[nodiscard]] stream_async_push
    : public stream_awaiter<stream_async_push<Value, Core, Executor>, Core, stream_side::push,
                            Executor> {
public:
    stream_async_push(Core& core, Executor&& executor, Value&& value, std::stop_token stop)
        : stream_async_push::stream_awaiter(core, std::forward<Executor>(executor),
                                            std::move(stop)),
          value_(std::forward<Value>(value)) {}

    auto attempt(auto& inside) -> conqueue_status {
        return inside.put(std::forward<Value>(value_), evicted_);
    }

    auto await_resume() -> channel_result<void> { return channel_result<void>(this->finish()); }

private:
    Value value_; // a reference
    std::optional<typename Core::value_type> evicted_;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_STREAM_ASYNC_HPP
