// SPDX-License-Identifier: MIT
//
// A second tier in memory for tests: it does as told, fails when told, and lets the test tamper with
// what it keeps.
#ifndef LLMS_TESTS_SUPPORT_MEMORY_STORE_HPP
#define LLMS_TESTS_SUPPORT_MEMORY_STORE_HPP

#include <llms/cache/store.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace support {

class memory_store {
public:
    std::atomic<bool> failing = false; ///< every call throws
    std::atomic<int> calls = 0;
    std::atomic<int> refused_leases = 0; ///< because another had them
    std::function<void()> before_put;    ///< runs in each put, under no lock; set it before use

    auto get(std::string_view key, llms::store_deadline /*deadline*/)
        -> std::optional<std::string> {
        enter();
        std::lock_guard const lock(mutex_);
        auto const found = values_.find(key);
        return found == values_.end() ? std::nullopt : std::optional(found->second);
    }

    void put(std::string_view key, std::string_view value, std::chrono::milliseconds /*ttl*/,
             llms::store_deadline /*deadline*/) {
        if (before_put) {
            before_put();
        }
        enter();
        std::lock_guard const lock(mutex_);
        values_.insert_or_assign(std::string(key), std::string(value));
    }

    void erase(std::string_view key, llms::store_deadline /*deadline*/) {
        enter();
        std::lock_guard const lock(mutex_);
        values_.erase(std::string(key));
    }

    auto try_lease(std::string_view key, std::string_view token, std::chrono::milliseconds /*ttl*/,
                   llms::store_deadline /*deadline*/) -> bool {
        enter();
        std::lock_guard const lock(mutex_);
        bool const taken = leases_.emplace(key, token).second;
        refused_leases += taken ? 0 : 1;
        return taken;
    }

    void release(std::string_view key, std::string_view token, llms::store_deadline /*deadline*/) {
        enter();
        std::lock_guard const lock(mutex_);
        if (auto const found = leases_.find(key);
            found != leases_.end() && found->second == token) {
            leases_.erase(found);
        }
    }

    /// Calls `change` with the bytes kept for `key`.
    template <class Change>
    void tamper(std::string_view key, Change change) {
        std::lock_guard const lock(mutex_);
        change(values_.find(key)->second);
    }

    /// Makes `key` answer with what is kept for `other`.
    void mix_up(std::string_view key, std::string_view other) {
        std::lock_guard const lock(mutex_);
        values_.insert_or_assign(std::string(key), values_.find(other)->second);
    }

private:
    void enter() {
        ++calls;
        if (failing) {
            throw llms::store_error("memory_store: told to fail");
        }
    }

    std::mutex mutex_;
    std::map<std::string, std::string, std::less<>> values_;
    std::map<std::string, std::string, std::less<>> leases_;
};

static_assert(llms::leasing_store<memory_store>);

} // namespace support

#endif // LLMS_TESTS_SUPPORT_MEMORY_STORE_HPP
