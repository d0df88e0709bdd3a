// SPDX-License-Identifier: MIT
//
// A way back into a cache for work that may outlive it.
#ifndef LLMS_DETAIL_CACHE_GATE_HPP
#define LLMS_DETAIL_CACHE_GATE_HPP

#include <llms/detail/cache_lock.hpp>

namespace llms::inline v0_1::detail {

/// Shared by an owner and its background work. After `close` no work reaches the owner; `close`
/// waits for what is inside.
template <typename Owner>
class cache_gate {
public:
    explicit cache_gate(Owner& owner) noexcept : owner_{&owner} {}

    template <typename F>
    void enter(F&& f) {
        cache_reading const inside{lock_};
        if (owner_ != nullptr) {
            f(*owner_);
        }
    }

    void close() noexcept {
        cache_writing const alone{lock_};
        owner_ = nullptr;
    }

private:
    cache_lock lock_;
    Owner* owner_;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CACHE_GATE_HPP
