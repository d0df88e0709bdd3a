// SPDX-License-Identifier: MIT
//
// A list of callbacks that can be called, added and removed from any thread at any time. Calling
// takes no lock and costs one load when the list is empty. When `remove` returns, the callback is
// not running in another thread and will not run again.
#ifndef LLMS_DETAIL_METRICS_CALLBACKS_HPP
#define LLMS_DETAIL_METRICS_CALLBACKS_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>

namespace llms::inline v0_1::detail {

// The callbacks that the calling thread is inside of, innermost first.
struct running_callback {
    void const* node;
    running_callback const* outer;
};
inline constinit thread_local running_callback const* running_callbacks = nullptr;

template <class Callback>
class callback_list {
public:
    enum class state : std::uint8_t { free, live, leaving, abandoned };

    // Nodes are reused but freed only with the list, so that walking it needs no protection.
    struct node {
        Callback callback{};
        node* next = nullptr;
        std::atomic<callback_list::state> state{callback_list::state::free};
        std::atomic<std::uint32_t> users{0};
    };

    callback_list() = default;
    callback_list(callback_list const&) = delete;
    auto operator=(callback_list const&) -> callback_list& = delete;
    ~callback_list() {
        for (auto* at = head_.load(std::memory_order_relaxed); at != nullptr;) {
            delete std::exchange(at, at->next);
        }
    }

    auto add(Callback callback) -> node* {
        std::scoped_lock const lock{adding_};
        auto* unused = head_.load(std::memory_order_relaxed);
        while (unused != nullptr && !reusable(*unused)) {
            unused = unused->next;
        }
        if (unused == nullptr) {
            unused = new node;
            unused->next = head_.load(std::memory_order_relaxed);
            head_.store(unused, std::memory_order_release);
        }
        // Nobody reads it: a thread that enters finds it not live and leaves without touching it.
        unused->callback = std::move(callback);
        unused->state.store(state::live);
        live_.fetch_add(1, std::memory_order_relaxed);
        return unused;
    }

    // for_each and remove each write one of (users, state) and then read the other, all
    // sequentially consistent, so at least one of them sees the other's write: either the caller
    // leaves again, or remove waits for it.
    void remove(node* which) noexcept {
        live_.fetch_sub(1, std::memory_order_relaxed);
        if (inside(which)) {
            // A callback that removes itself cannot wait for its own end; what it captured dies
            // when the node is used again, or with the list.
            which->state.store(state::abandoned);
            return;
        }
        which->state.store(state::leaving);
        for (auto users = which->users.load(); users != 0; users = which->users.load()) {
            which->users.wait(users);
        }
        which->callback = {}; // what it captured dies here, in the thread that removes it
        which->state.store(state::free);
    }

    [[nodiscard]] auto empty() const noexcept -> bool {
        return live_.load(std::memory_order_relaxed) == 0;
    }

    /// Calls `use(callback)` for each; what it throws is swallowed.
    template <class Use>
    void for_each(Use&& use) noexcept {
        if (empty()) {
            return;
        }
        for (auto* at = head_.load(std::memory_order_acquire); at != nullptr; at = at->next) {
            at->users.fetch_add(1);
            if (at->state.load() == state::live) {
                running_callback const here{at, running_callbacks};
                running_callbacks = &here;
                try {
                    use(at->callback);
                } catch (...) { // NOLINT(bugprone-empty-catch): a hook never fails the call
                }
                running_callbacks = here.outer;
            }
            if (at->users.fetch_sub(1) == 1 && at->state.load() == state::leaving) {
                at->users.notify_all();
            }
        }
    }

private:
    static auto reusable(node const& which) noexcept -> bool {
        auto const now = which.state.load();
        return now == state::free || (now == state::abandoned && which.users.load() == 0);
    }

    static auto inside(node const* which) noexcept -> bool {
        auto const* at = running_callbacks;
        while (at != nullptr && at->node != which) {
            at = at->outer;
        }
        return at != nullptr;
    }

    std::mutex adding_;
    std::atomic<node*> head_{nullptr};
    std::atomic<std::size_t> live_{0};
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_METRICS_CALLBACKS_HPP
