// SPDX-License-Identifier: MIT
//
// `circuit_breaker`: stops asking what keeps failing. After `failures` failures in a row it opens and
// refuses; after a while it lets one probe through, and closes again when that succeeds.
//
//     if (breaker.allow()) {
//         try { ask(); breaker.succeeded(); } catch (...) { breaker.failed(); }
//     }
//
// Thread safety: all of it. Cost: one mutex.
#ifndef LLMS_CACHE_CIRCUIT_BREAKER_HPP
#define LLMS_CACHE_CIRCUIT_BREAKER_HPP

#include <chrono>
#include <cstdint>
#include <mutex>

namespace llms::inline v0_1 {

struct circuit_breaker_options {
    unsigned failures = 5;                      ///< in a row, until it opens
    std::chrono::milliseconds open_for{1000};   ///< doubles each time a probe fails,
    std::chrono::milliseconds open_max{30'000}; ///< up to this
};

enum class circuit_state : std::uint8_t {
    closed,    ///< everything goes through
    open,      ///< nothing goes through
    half_open, ///< one probe is under way
};

/// See the head of this file.
template <class Clock = std::chrono::steady_clock>
class circuit_breaker {
public:
    explicit circuit_breaker(circuit_breaker_options options = {}) : options_(options) {}

    /// Tells whether to ask now. Whoever is told true reports `succeeded` or `failed`; a probe that
    /// never reports is replaced by another after the time that the breaker was open.
    [[nodiscard]] auto allow() -> bool {
        std::lock_guard const lock(mutex_);
        if (state_ == circuit_state::closed) {
            return true;
        }
        auto const now = Clock::now();
        if (now < until_) {
            return false;
        }
        state_ = circuit_state::half_open;
        until_ = now + open_for_;
        return true;
    }

    void succeeded() {
        std::lock_guard const lock(mutex_);
        // What was asked before it opened and answers late says nothing about now.
        if (state_ != circuit_state::open) {
            state_ = circuit_state::closed;
            failures_ = 0;
        }
    }

    void failed() {
        std::lock_guard const lock(mutex_);
        if (state_ == circuit_state::open) {
            return;
        }
        if (state_ == circuit_state::half_open) {
            auto const longer = 2 * open_for_;
            open_for_ = longer < options_.open_max ? longer : options_.open_max;
        } else if (++failures_ < options_.failures) {
            return;
        } else {
            open_for_ = options_.open_for;
        }
        state_ = circuit_state::open;
        until_ = Clock::now() + open_for_;
        failures_ = 0;
    }

    [[nodiscard]] auto state() const -> circuit_state {
        std::lock_guard const lock(mutex_);
        return state_;
    }

private:
    circuit_breaker_options const options_;
    mutable std::mutex mutex_; // guards what follows
    circuit_state state_ = circuit_state::closed;
    unsigned failures_ = 0;                 // in a row, while closed
    std::chrono::milliseconds open_for_{0}; // since it opened last
    typename Clock::time_point until_ = {}; // the next probe may go
};

} // namespace llms::inline v0_1

#endif // LLMS_CACHE_CIRCUIT_BREAKER_HPP
