// SPDX-License-Identifier: MIT
//
// A token bucket.
#ifndef LLMS_DETAIL_CHAT_RATE_HPP
#define LLMS_DETAIL_CHAT_RATE_HPP

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace llms::inline v0_1::detail {

/// A token bucket, kept as the time at which it will be full: taking moves that time on. What is
/// larger than the bucket is taken when it is full, and leaves a debt. One thread at a time.
/// Source: the generic cell rate algorithm, ITU-T I.371, annex A (virtual scheduling).
template <class Clock>
class rate_bucket {
public:
    using duration = std::chrono::nanoseconds;
    using time_point = std::chrono::time_point<Clock, duration>;

    /// Fills at `per_minute`, and is full after `burst`; 0 = there is always enough.
    rate_bucket(double per_minute, duration burst)
        : price_(per_minute > 0
                     ? static_cast<double>(duration(std::chrono::minutes(1)).count()) / per_minute
                     : 0),
          burst_(burst),
          full_(Clock::now()) {}

    /// When `amount` can be taken.
    [[nodiscard]] auto when(double amount) const -> time_point {
        return full_ + std::min(worth(amount), burst_) - burst_;
    }

    /// Takes it, there or not; a negative amount is given back.
    void take(double amount, time_point now) {
        full_ = std::min(std::max(full_, now) + worth(amount), now + longest);
    }

private:
    // Debts end after a year: no count that a provider sends can overflow the time.
    static constexpr duration longest = std::chrono::hours(24 * 365);

    [[nodiscard]] auto worth(double amount) const -> duration {
        auto const most = static_cast<double>(longest.count());
        return duration(static_cast<std::int64_t>(std::clamp(amount * price_, -most, most)));
    }

    double price_; // ns for one
    duration burst_;
    time_point full_;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CHAT_RATE_HPP
