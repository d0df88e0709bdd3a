// SPDX-License-Identifier: MIT
//
// `subscription` keeps a hook registered for as long as it lives.
//
//     llms::subscription log = metrics.subscribe({.after_operation = [](auto const& end) { ... }});
//
// When its destructor or `cancel` returns, the hook is not running in another thread and will not
// run again, so it may refer to locals that were declared before the subscription. A hook may
// cancel its own subscription. Two hooks that cancel each other's at the same time wait for ever.
#ifndef LLMS_METRICS_SUBSCRIPTION_HPP
#define LLMS_METRICS_SUBSCRIPTION_HPP

#include <functional>
#include <utility>

namespace llms::inline v0_1 {

/// Owns a registration. Move-only; may outlive what it was registered with.
class [[nodiscard]] subscription {
public:
    subscription() = default;
    explicit subscription(std::function<void()> cancel) noexcept : cancel_{std::move(cancel)} {}
    subscription(subscription&& other) noexcept : cancel_{std::exchange(other.cancel_, nullptr)} {}
    auto operator=(subscription&& other) noexcept -> subscription& {
        if (this != &other) {
            cancel();
            cancel_ = std::exchange(other.cancel_, nullptr);
        }
        return *this;
    }
    subscription(subscription const&) = delete;
    auto operator=(subscription const&) -> subscription& = delete;
    ~subscription() { cancel(); }

    /// Ends the registration now; does nothing when it has ended.
    void cancel() noexcept {
        if (auto const end = std::exchange(cancel_, nullptr)) {
            end();
        }
    }

private:
    std::function<void()> cancel_;
};

} // namespace llms::inline v0_1

#endif // LLMS_METRICS_SUBSCRIPTION_HPP
