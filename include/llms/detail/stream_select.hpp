// SPDX-License-Identifier: MIT
//
// The mechanism of `select`: one thread waits in the lists of several channels at once.
#ifndef LLMS_DETAIL_STREAM_SELECT_HPP
#define LLMS_DETAIL_STREAM_SELECT_HPP

#include <llms/detail/stream_core.hpp>
#include <llms/detail/stream_parker.hpp>
#include <llms/detail/stream_waiter.hpp>
#include <llms/stream/channel_result.hpp>
#include <llms/stream/conqueue_status.hpp>
#include <llms/stream/wait_limit.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>

namespace llms::inline v0_1::detail {

/// One case of a select, whatever its channel's type. A function that attempts returns true if the
/// case has taken place (or failed for good) and false if it would have to wait.
template <class Platform>
class stream_case_base : public stream_waiter {
public:
    using platform = Platform;

    stream_case_base(stream_case_base const&) = delete;
    auto operator=(stream_case_base const&) -> stream_case_base& = delete;
    virtual ~stream_case_base() = default;

    [[nodiscard]] virtual auto looks_ready() const noexcept -> bool = 0;
    virtual auto attempt() -> bool = 0;
    /// Attempts, and if that would have to wait, enters the channel's list.
    virtual auto attempt_or_enqueue() -> bool = 0;
    /// Leaves the list; false if the case was taken out of it before, to be woken.
    virtual auto withdraw() noexcept -> bool = 0;
    virtual void pass_on() noexcept = 0;
    /// Calls the user's function.
    virtual void finish(bool may_throw) = 0;

    stream_parker<Platform>* parker = nullptr; // set before the case enters a list

protected:
    stream_case_base() noexcept
        : stream_waiter([](stream_waiter& self) noexcept {
              static_cast<stream_case_base&>(self).parker->wake();
          }) {}
};

template <class Case>
concept stream_case =
    std::is_base_of_v<stream_case_base<typename std::remove_reference_t<Case>::platform>,
                      std::remove_reference_t<Case>>;

/// What cases of one channel have in common; `Derived::operate(section)` is the operation.
template <class Derived, class Core, stream_side Side>
class stream_case_of : public stream_case_base<typename Core::platform> {
public:
    using section = typename Core::section;

    explicit stream_case_of(Core& core) noexcept : core_(core) {}

    [[nodiscard]] auto looks_ready() const noexcept -> bool final {
        return core_.looks_ready(Side);
    }

    auto attempt() -> bool final {
        status_ =
            core_.template attempt<Side>([this](auto& inside) { return self().operate(inside); });
        return !core_.must_wait(status_);
    }

    auto attempt_or_enqueue() -> bool final {
        section inside(core_);
        status_ = self().operate(inside);
        if (!core_.must_wait(status_)) {
            return true;
        }
        inside.enqueue(Side, *this);
        return false;
    }

    auto withdraw() noexcept -> bool final {
        section inside(core_);
        if (!this->queued) {
            return false;
        }
        inside.dequeue(Side, *this);
        return true;
    }

    void pass_on() noexcept final { section(core_).pass_on(Side); }

protected:
    [[nodiscard]] auto core() noexcept -> Core& { return core_; }
    [[nodiscard]] auto status() const noexcept -> conqueue_status { return status_; }

private:
    auto self() noexcept -> Derived& { return static_cast<Derived&>(*this); }

    Core& core_;
    conqueue_status status_ = conqueue_status::empty;
};

template <class Core, class Then>
class stream_pop_case final
    : public stream_case_of<stream_pop_case<Core, Then>, Core, stream_side::pop> {
    using value_type = typename Core::value_type;

public:
    stream_pop_case(Core& core, Then&& then)
        : stream_pop_case::stream_case_of(core),
          then_(std::forward<Then>(then)) {}

    auto operate(auto& inside) -> conqueue_status {
        return inside.take([&](value_type&& item) { result_.emplace(std::move(item)); });
    }

    void finish(bool may_throw) override {
        if (!result_) {
            if (may_throw) {
                this->core().rethrow_failure();
            }
            result_.fail(this->status());
        }
        then_(std::move(result_));
    }

private:
    Then then_; // a reference if it was given an lvalue
    channel_result<value_type> result_{conqueue_status::empty};
};

template <class Core, class Value, class Then>
class stream_push_case final
    : public stream_case_of<stream_push_case<Core, Value, Then>, Core, stream_side::push> {
public:
    stream_push_case(Core& core, Value&& value, Then&& then)
        : stream_push_case::stream_case_of(core),
          value_(std::forward<Value>(value)),
          then_(std::forward<Then>(then)) {}

    auto operate(auto& inside) -> conqueue_status {
        return inside.put(std::forward<Value>(value_), evicted_);
    }

    void finish(bool /*may_throw*/) override { then_(channel_result<void>(this->status())); }

private:
    Value&& value_;
    Then then_;
    std::optional<typename Core::value_type> evicted_;
};

template <class Platform, std::size_t Count>
class stream_selection {
public:
    using selectable = stream_case_base<Platform>;

    explicit stream_selection(std::array<selectable*, Count> cases) noexcept : cases_(cases) {
        for (std::size_t i = 0; i != Count; ++i) {
            order_[i] = i;
        }
    }

    auto attempt() -> channel_result<std::size_t> {
        shuffle();
        auto const chosen = attempt_all();
        return chosen ? finish(*chosen, false)
                      : channel_result<std::size_t>(conqueue_status::empty);
    }

    auto wait(wait_limit const& limit) -> channel_result<std::size_t> {
        if (limit.stop_requested()) {
            return channel_result<std::size_t>(conqueue_status::stopped);
        }
        shuffle();
        auto chosen = attempt_all();
        if (!chosen && limit.never_waits()) {
            return channel_result<std::size_t>(conqueue_status::timeout);
        }
        for (int round = 0; !chosen && round < Platform::wait_yields; ++round) {
            Platform::yield();
            if (looks_ready()) {
                chosen = attempt_all();
            }
        }
        auto reason = conqueue_status::success;
        if (!chosen) {
            chosen = sleep(limit, reason);
        }
        return chosen ? finish(*chosen, true) : channel_result<std::size_t>(reason);
    }

private:
    struct stop_sleeper {
        stream_parker<Platform>& parker;
        void operator()() const noexcept { parker.stop(); }
    };

    /// The cases that are in their channels' lists. When it ends, none is, every wake has arrived,
    /// and what cases other than the chosen one were notified of has been passed on.
    class enlistment {
    public:
        explicit enlistment(stream_parker<Platform>& parker) noexcept : parker_(parker) {}
        enlistment(enlistment const&) = delete;
        auto operator=(enlistment const&) -> enlistment& = delete;
        ~enlistment() {
            withdraw();
            for (auto* const one : cases_) {
                if (one != nullptr) {
                    one->pass_on();
                }
            }
        }

        auto attempt_or_enqueue(std::size_t index, selectable& one) -> bool {
            one.parker = &parker_;
            if (one.attempt_or_enqueue()) {
                return true;
            }
            cases_[index] = &one;
            return false;
        }

        auto sleep(typename Platform::time_point deadline) noexcept -> conqueue_status {
            auto const reason = parker_.sleep(deadline);
            wakes_taken_ = reason == conqueue_status::success ? 1 : 0;
            return reason;
        }

        /// Takes the cases out of the lists; true if any of them was notified.
        auto withdraw() noexcept -> bool {
            if (std::exchange(withdrawn_, true)) {
                return false;
            }
            std::uint32_t notified = 0;
            for (auto*& one : cases_) {
                if (one == nullptr) {
                    continue;
                }
                if (one->withdraw()) {
                    one = nullptr;
                } else {
                    ++notified;
                }
            }
            parker_.take(notified - wakes_taken_);
            return notified != 0;
        }

        /// The case took place, so its notification, if it had one, is used.
        void used(std::size_t index) noexcept { cases_[index] = nullptr; }

    private:
        stream_parker<Platform>& parker_;
        std::array<selectable*, Count> cases_{}; // enlisted; after `withdraw`: notified
        std::uint32_t wakes_taken_ = 0;
        bool withdrawn_ = false;
    };

    auto sleep(wait_limit const& limit, conqueue_status& reason) -> std::optional<std::size_t> {
        stream_parker<Platform> parker;
        auto const deadline = limit.deadline(Platform::now());
        std::optional<std::stop_callback<stop_sleeper>> on_stop;
        if (limit.stop() != nullptr && limit.stop()->stop_possible()) {
            on_stop.emplace(*limit.stop(), stop_sleeper{parker});
        }
        for (;;) {
            enlistment enlisted(parker);
            for (auto const index : order_) {
                if (enlisted.attempt_or_enqueue(index, *cases_[index])) {
                    return index;
                }
            }
            reason = enlisted.sleep(deadline);
            if (enlisted.withdraw()) {
                shuffle();
                if (auto const chosen = attempt_all()) {
                    enlisted.used(*chosen);
                    return chosen;
                }
            }
            if (reason != conqueue_status::success) {
                return std::nullopt;
            }
        }
    }

    auto attempt_all() -> std::optional<std::size_t> {
        for (auto const index : order_) {
            if (cases_[index]->attempt()) {
                return index;
            }
        }
        return std::nullopt;
    }

    auto finish(std::size_t chosen, bool may_throw) -> channel_result<std::size_t> {
        cases_[chosen]->finish(may_throw);
        return channel_result<std::size_t>(std::in_place, chosen);
    }

    [[nodiscard]] auto looks_ready() const noexcept -> bool {
        for (auto const* one : cases_) {
            if (one->looks_ready()) {
                return true;
            }
        }
        return false;
    }

    // A random permutation: no ready case is preferred to another. Source: Fisher and Yates.
    void shuffle() noexcept {
        for (auto left = Count; left > 1; --left) {
            std::swap(order_[left - 1], order_[Platform::random() % left]);
        }
    }

    std::array<selectable*, Count> cases_;
    std::array<std::size_t, Count> order_{};
};

template <stream_case First, stream_case... More>
auto stream_select_among(First& first, More&... more) {
    using platform = typename First::platform;
    using selectable = stream_case_base<platform>;
    return stream_selection<platform, 1 + sizeof...(More)>(
        std::array<selectable*, 1 + sizeof...(More)>{&first, &more...});
}

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_STREAM_SELECT_HPP
