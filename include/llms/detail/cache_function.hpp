// SPDX-License-Identifier: MIT
//
// A copyable, type-erased callable for a cache's options; `<functional>` would cost every user of
// the cache a fifth more preprocessed code.
#ifndef LLMS_DETAIL_CACHE_FUNCTION_HPP
#define LLMS_DETAIL_CACHE_FUNCTION_HPP

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

namespace llms::inline v0_1::detail {

template <typename Signature>
class cache_function;

/// Copies share the callable.
template <typename Result, typename... Args>
class cache_function<Result(Args...)> {
public:
    cache_function() noexcept = default;

    template <typename Callable>
        requires(!std::same_as<std::remove_cvref_t<Callable>, cache_function> &&
                 std::is_invocable_r_v<Result, std::decay_t<Callable>&, Args...>)
    cache_function(Callable&& callable) // NOLINT(google-explicit-constructor)
        : target_{
              std::make_shared<holder<std::decay_t<Callable>>>(std::forward<Callable>(callable))} {}

    [[nodiscard]] explicit operator bool() const noexcept { return target_ != nullptr; }

    auto operator()(Args... args) const -> Result {
        return target_->call(std::forward<Args>(args)...);
    }

private:
    struct target {
        target() = default;
        target(target const&) = delete;
        auto operator=(target const&) -> target& = delete;
        virtual ~target() = default;
        virtual auto call(Args... args) -> Result = 0;
    };

    template <typename Callable>
    struct holder final : target {
        template <typename From>
        explicit holder(From&& from) : callable(std::forward<From>(from)) {}
        auto call(Args... args) -> Result override { return callable(std::forward<Args>(args)...); }
        Callable callable;
    };

    std::shared_ptr<target> target_;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CACHE_FUNCTION_HPP
