// SPDX-License-Identifier: MIT
//
// How long a call may wait. Every blocking verb of a channel takes one as its last argument; it is
// made on the spot from what the caller has:
//
//     ch.pop();                    // as long as it takes
//     ch.pop(stop);                // until the std::stop_token is stopped
//     ch.pop(5s);                  // until a timeout, or a std::chrono::time_point
//     ch.pop({stop, deadline});    // whichever comes first
//
// A parameter type, as std::string_view is: it borrows the stop_token, so do not keep one.
// A timeout starts when the call has to wait. A deadline of a clock other than steady_clock is
// translated when the call is made; later adjustments of that clock are not followed.
#ifndef LLMS_STREAM_WAIT_LIMIT_HPP
#define LLMS_STREAM_WAIT_LIMIT_HPP

#include <chrono>
#include <stop_token>

namespace llms::inline v0_1 {

/// How long a call may wait; implicitly made from a stop_token, a deadline, a timeout, or a
/// stop_token and one of the others.
class wait_limit {
public:
    using time_point = std::chrono::steady_clock::time_point;

    /// No limit.
    wait_limit() noexcept = default;

    /// Until `stop` is stopped. Implicit, as are the others: they are what the caller has.
    wait_limit(std::stop_token const& stop) noexcept : stop_(&stop) {} // NOLINT(*-explicit-*)

    /// At most `timeout` from the moment the call has to wait; zero or less: not at all.
    template <class Rep, class Period>
    wait_limit(std::chrono::duration<Rep, Period> timeout) // NOLINT(*-explicit-*)
        : kind_(kind::timeout),
          time_(nanoseconds_of(timeout)) {}

    /// Until `deadline`.
    template <class Clock, class Duration>
    wait_limit(std::chrono::time_point<Clock, Duration> deadline) // NOLINT(*-explicit-*)
        : kind_(kind::timeout),
          time_(nanoseconds_of(deadline - Clock::now())) {}

    template <class Duration>
    wait_limit( // NOLINT(*-explicit-*)
        std::chrono::time_point<std::chrono::steady_clock, Duration> deadline)
        : kind_(kind::deadline),
          time_(nanoseconds_of(deadline.time_since_epoch())) {}

    /// Until `stop` is stopped or the deadline or timeout `time` has come.
    template <class Time>
    wait_limit(std::stop_token const& stop, Time time) : wait_limit(time) {
        stop_ = &stop;
    }

    /// The token that ends the wait, or null.
    [[nodiscard]] auto stop() const noexcept -> std::stop_token const* { return stop_; }

    [[nodiscard]] auto stop_requested() const noexcept -> bool {
        return stop_ != nullptr && stop_->stop_requested();
    }

    /// When the wait ends if it starts at `now`; `time_point::max()` if time does not end it.
    [[nodiscard]] auto deadline(time_point now) const noexcept -> time_point {
        if (kind_ == kind::none || time_ == forever) {
            return time_point::max();
        }
        if (kind_ == kind::deadline) {
            return time_point{time_};
        }
        return now + time_;
    }

    /// Whether a wait would be over before it began: a timeout of zero or less.
    [[nodiscard]] auto never_waits() const noexcept -> bool {
        return kind_ == kind::timeout && time_ == std::chrono::nanoseconds::zero();
    }

private:
    enum class kind : unsigned char { none, timeout, deadline };

    // A century is for ever, so that no sum with a clock's value overflows.
    static constexpr std::chrono::nanoseconds forever = std::chrono::hours{24 * 36525};

    template <class Rep, class Period>
    static auto nanoseconds_of(std::chrono::duration<Rep, Period> time)
        -> std::chrono::nanoseconds {
        using seconds = std::chrono::duration<double>;
        if (!(time > std::chrono::duration<Rep, Period>::zero())) {
            return std::chrono::nanoseconds::zero();
        }
        if (std::chrono::duration_cast<seconds>(time) >= seconds{forever}) {
            return forever;
        }
        return std::chrono::ceil<std::chrono::nanoseconds>(time);
    }

    std::stop_token const* stop_ = nullptr;
    kind kind_ = kind::none;
    std::chrono::nanoseconds time_{};
};

} // namespace llms::inline v0_1

#endif // LLMS_STREAM_WAIT_LIMIT_HPP
