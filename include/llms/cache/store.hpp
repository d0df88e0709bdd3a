// SPDX-License-Identifier: MIT
//
// What a second tier is: the concept `store`, bytes by key with a time to live and a deadline. A type
// of your own that has these three functions will do; `ext/sqlite_store.hpp` and
// `ext/redis_store.hpp` are two. Use it through `guarded_store`, which makes it harmless.
//
//     struct my_store {
//         auto get(std::string_view key, llms::store_deadline) -> std::optional<std::string>;
//         void put(std::string_view key, std::string_view value, std::chrono::milliseconds ttl,
//                  llms::store_deadline);
//         void erase(std::string_view key, llms::store_deadline);
//     };
//
// A store is called from many threads at once, gives up at the deadline, and throws when it cannot
// do what it is asked; only "there is no such key" is an answer.
#ifndef LLMS_CACHE_STORE_HPP
#define LLMS_CACHE_STORE_HPP

#include <llms/error.hpp>

#include <chrono>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>

namespace llms::inline v0_1 {

/// A second tier could not do what it was asked.
class store_error : public error {
public:
    using error::error;
};

/// When a call of a store has to be over.
using store_deadline = std::chrono::steady_clock::time_point;

/// A second tier; see the head of this file.
template <class Store>
concept store = requires(Store& tier, std::string_view bytes, std::chrono::milliseconds ttl,
                         store_deadline deadline) {
    { tier.get(bytes, deadline) } -> std::same_as<std::optional<std::string>>;
    tier.put(bytes, bytes, ttl, deadline);
    tier.erase(bytes, deadline);
};

/// A second tier that also lets one of many processes work for a key while the others wait.
template <class Store>
concept leasing_store = store<Store> &&
    requires(Store& tier, std::string_view bytes, std::chrono::milliseconds ttl,
             store_deadline deadline) {
    /// True if nobody held the key's lease: `token`, which nobody else uses, does now, until
    /// it is released or `ttl` is over.
    { tier.try_lease(bytes, bytes, ttl, deadline) } -> std::same_as<bool>;
    /// Ends the key's lease if `token` holds it.
    tier.release(bytes, bytes, deadline);
};

} // namespace llms::inline v0_1

#endif // LLMS_CACHE_STORE_HPP
