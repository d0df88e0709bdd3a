// SPDX-License-Identifier: MIT
//
// `guarded_store` makes a second tier harmless: whatever the store does, a call costs at most its
// timeout and ends in a hit or a miss. It never throws, never serves what was not put under that very
// key or has expired, and stops asking a store that keeps failing (circuit breaker).
//
//     llms::guarded_store tier{std::make_shared<llms::sqlite_store>(path), {.get_timeout = 50ms}};
//     if (auto found = tier.get(key)) return found->value;
//     tier.put(key, bytes, 10min); // queued; written behind
//
// Writes go through a bounded queue that one thread of its own empties, or the executor that you
// give; what a full queue refuses is counted. What is queued is seen by `get` at once.
//
// Thread safety: all of it, but construction and destruction. Cost: the store's, and a SHA-256 of key
// and value.
#ifndef LLMS_CACHE_GUARDED_STORE_HPP
#define LLMS_CACHE_GUARDED_STORE_HPP

#include <llms/cache/circuit_breaker.hpp>
#include <llms/cache/store.hpp>
#include <llms/detail/cache_envelope.hpp>
#include <llms/detail/cache_function.hpp>
#include <llms/detail/cache_mix.hpp>
#include <llms/detail/cache_wait.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>

namespace llms::inline v0_1 {

struct guarded_store_options {
    std::chrono::milliseconds get_timeout{100};
    std::chrono::milliseconds put_timeout{1000};
    circuit_breaker_options breaker = {};
    std::size_t max_value_bytes = std::size_t{8} << 20U;    ///< a bigger value is not written
    std::size_t max_pending = 1024;                         ///< writes waiting
    std::size_t max_pending_bytes = std::size_t{16} << 20U; ///< of their keys and values
    /// Runs the writes, one task at a time; without it one thread of the guarded_store does. A task
    /// that the executor drops leaves its writes for the next one.
    detail::cache_function<void(detail::cache_function<void()>)> executor = {};
    std::chrono::milliseconds close_timeout{1000}; ///< the destructor waits so long for writes
    std::chrono::milliseconds lease_ttl{30'000};   ///< a lease ends then, whatever happens
    std::chrono::milliseconds poll_interval{20};   ///< between looks for another's value
};

/// What a guarded_store has done so far, and what it holds now.
struct guarded_store_stats {
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;     ///< there was no such key, or its value had expired
    std::uint64_t mismatches = 0; ///< values that were not what was put under their key: misses
    std::uint64_t failures = 0;   ///< calls that threw or were late
    std::uint64_t refused = 0;    ///< calls not made because the circuit was open
    std::uint64_t written = 0;    ///< writes done
    std::uint64_t dropped = 0;    ///< writes not done: queue full, value too big, store failing
    std::size_t pending = 0;      ///< writes waiting now
    std::size_t pending_bytes = 0;
    circuit_state circuit = circuit_state::closed;
    std::string last_failure; ///< what the store said when it failed last
};

/// A value from a second tier, and when it was put and when it ends: a first tier that keeps it must
/// not do so for longer.
template <class WallClock>
struct basic_stored_value {
    std::string value;
    typename WallClock::time_point created;
    typename WallClock::time_point expires;
};

/// See the head of this file. `Clock` is the circuit breaker's, `WallClock` that of the expiry times,
/// which outlive the process.
template <class Clock = std::chrono::steady_clock, class WallClock = std::chrono::system_clock>
class basic_guarded_store {
    class core;

public:
    using stored_value = basic_stored_value<WallClock>;
    using limits = wait_limits<std::chrono::steady_clock>;

    /// The right to be the one who makes a value; given back when it dies. Empty if there was no
    /// need or no way to get one.
    class lease {
    public:
        lease() = default;
        lease(lease&&) noexcept = default;
        auto operator=(lease&& other) noexcept -> lease& {
            std::swap(core_, other.core_);
            std::swap(key_, other.key_);
            std::swap(token_, other.token_);
            return *this;
        }
        ~lease() {
            if (core_ != nullptr) {
                core_->release(std::move(key_), std::move(token_));
            }
        }

        [[nodiscard]] explicit operator bool() const noexcept { return core_ != nullptr; }

    private:
        friend basic_guarded_store;
        std::shared_ptr<core> core_;
        std::string key_;
        std::string token_;
    };

    /// Either a value, or leave to make it.
    struct value_or_lease {
        std::optional<stored_value> value;
        lease permit; ///< keep it until the value has been put
    };

    /// Guards `tier`, which others may use as well.
    template <store Store>
    explicit basic_guarded_store(std::shared_ptr<Store> tier, guarded_store_options options = {})
        : core_(std::make_shared<core>(std::make_unique<backend_of<Store>>(std::move(tier)),
                                       std::move(options))) {
        core_->start(core_);
    }

    basic_guarded_store(basic_guarded_store const&) = delete;
    auto operator=(basic_guarded_store const&) -> basic_guarded_store& = delete;

    /// Waits up to `close_timeout` for queued writes; drops the others.
    ~basic_guarded_store() { core_->close(); }

    /// Returns the key's value, if the store has it and says so by the deadline and `get_timeout`.
    [[nodiscard]] auto get(std::string_view key,
                           store_deadline deadline = store_deadline::max()) noexcept
        -> std::optional<stored_value> {
        return core_->get(key, deadline);
    }

    /// Queues the value for the store; false if it was dropped at once.
    auto put(std::string_view key, std::string_view value, std::chrono::nanoseconds ttl) noexcept
        -> bool {
        return core_->put(key, value, ttl);
    }

    /// Queues the erasure of the key; false if it was dropped at once.
    auto erase(std::string_view key) noexcept -> bool { return core_->erase(key); }

    /// Returns the key's value; if there is none, the lease to make it. While another process holds
    /// that, waits for its value. When the store fails, has no leases, or `mine` or `lease_ttl` is
    /// over, returns neither: then make the value all the same.
    [[nodiscard]] auto get_or_lease(std::string_view key, limits const& mine = {}) noexcept
        -> value_or_lease {
        return core_->get_or_lease(key, mine, core_);
    }

    /// Waits until nothing is queued; false if that took until `deadline`.
    auto flush(store_deadline deadline) -> bool { return core_->flush(deadline); }

    [[nodiscard]] auto stats() const -> guarded_store_stats { return core_->stats(); }

private:
    using milliseconds = std::chrono::milliseconds;

    // The store, whatever its type.
    struct backend {
        backend() = default;
        backend(backend const&) = delete;
        auto operator=(backend const&) -> backend& = delete;
        virtual ~backend() = default;
        virtual auto get(std::string_view key, store_deadline deadline)
            -> std::optional<std::string> = 0;
        virtual void put(std::string_view key, std::string_view value, milliseconds ttl,
                         store_deadline deadline) = 0;
        virtual void erase(std::string_view key, store_deadline deadline) = 0;
        virtual auto has_leases() -> bool = 0;
        virtual auto try_lease(std::string_view key, std::string_view token, milliseconds ttl,
                               store_deadline deadline) -> bool = 0;
        virtual void release(std::string_view key, std::string_view token,
                             store_deadline deadline) = 0;
    };

    template <class Store>
    struct backend_of final : backend {
        explicit backend_of(std::shared_ptr<Store> given) : tier(std::move(given)) {}

        auto get(std::string_view key, store_deadline deadline)
            -> std::optional<std::string> override {
            return tier->get(key, deadline);
        }
        void put(std::string_view key, std::string_view value, milliseconds ttl,
                 store_deadline deadline) override {
            tier->put(key, value, ttl, deadline);
        }
        void erase(std::string_view key, store_deadline deadline) override {
            tier->erase(key, deadline);
        }
        auto has_leases() -> bool override { return leasing_store<Store>; }
        auto try_lease([[maybe_unused]] std::string_view key,
                       [[maybe_unused]] std::string_view token, [[maybe_unused]] milliseconds ttl,
                       [[maybe_unused]] store_deadline deadline) -> bool override {
            if constexpr (leasing_store<Store>) {
                return tier->try_lease(key, token, ttl, deadline);
            } else {
                return true;
            }
        }
        void release([[maybe_unused]] std::string_view key, [[maybe_unused]] std::string_view token,
                     [[maybe_unused]] store_deadline deadline) override {
            if constexpr (leasing_store<Store>) {
                tier->release(key, token, deadline);
            }
        }

        std::shared_ptr<Store> tier;
    };

    struct write {
        enum class kind : std::uint8_t { put, erase, release };

        kind what = kind::put;
        std::string key;
        std::string value; // or the lease's token
        std::int64_t created_ms = 0;
        std::int64_t expires_ms = 0;

        [[nodiscard]] auto bytes() const -> std::size_t { return key.size() + value.size(); }
    };

    // Everything, in one block that tasks with an executor and leases can outlive us with.
    class core {
    public:
        core(std::unique_ptr<backend> tier, guarded_store_options options)
            : options_(std::move(options)),
              tier_(std::move(tier)),
              breaker_(options_.breaker) {}

        void start(std::shared_ptr<core> const& self) {
            self_ = self;
            if (!options_.executor) {
                thread_ = std::jthread([this] { work(); });
            }
        }

        void close() {
            flush(std::chrono::steady_clock::now() + options_.close_timeout);
            {
                std::lock_guard const lock(mutex_);
                closed_ = true;
                auto const kept = writing_ ? 1U : 0U; // the first is being written
                while (queue_.size() > kept) {
                    forget(queue_.back());
                    queue_.pop_back();
                    ++stats_.dropped;
                }
            }
            changed_.notify_all();
            if (thread_.joinable()) {
                thread_.join();
            }
        }

        auto get(std::string_view key, store_deadline deadline) noexcept
            -> std::optional<stored_value> try {
            std::string bytes;
            if (auto const queued = look_in_queue(key)) {
                if (queued->what == write::kind::erase) {
                    return miss();
                }
                return accept({queued->created_ms, queued->expires_ms, queued->value});
            }
            auto const found = ask(std::min(deadline, in(options_.get_timeout)),
                                   [&](store_deadline by) { return tier_->get(key, by); });
            if (!found) {
                return std::nullopt;
            }
            if (!*found) {
                return miss();
            }
            auto opened = detail::cache_envelope::open(key, *std::move(*found));
            if (!opened) {
                count(&guarded_store_stats::mismatches);
                return std::nullopt;
            }
            return accept(*std::move(opened));
        } catch (...) { // out of memory
            return std::nullopt;
        }

        auto put(std::string_view key, std::string_view value,
                 std::chrono::nanoseconds ttl) noexcept -> bool {
            if (value.size() > options_.max_value_bytes) {
                count(&guarded_store_stats::dropped);
                return false;
            }
            try {
                auto const now = now_ms();
                auto const lives = std::chrono::duration_cast<milliseconds>(ttl).count();
                return enqueue(
                    {write::kind::put, std::string(key), std::string(value), now, now + lives});
            } catch (...) { // out of memory
                count(&guarded_store_stats::dropped);
                return false;
            }
        }

        auto erase(std::string_view key) noexcept -> bool {
            try {
                return enqueue({write::kind::erase, std::string(key), {}, 0, 0});
            } catch (...) { // out of memory
                count(&guarded_store_stats::dropped);
                return false;
            }
        }

        // In the queue behind the put of the value, so that whoever gets the lease next finds it.
        void release(std::string key, std::string token) noexcept {
            try {
                if (!enqueue({write::kind::release, key, token, 0, 0})) {
                    owe(std::move(key), std::move(token));
                }
            } catch (...) { // out of memory; the lease will end by its time
                count(&guarded_store_stats::dropped);
            }
        }

        auto get_or_lease(std::string_view key, limits const& mine,
                          std::shared_ptr<core> const& self) noexcept -> value_or_lease try {
            value_or_lease result;
            auto const give_up = in(options_.lease_ttl);
            auto pause = options_.poll_interval;
            for (bool leased = false;; pause = std::min(2 * pause, 10 * options_.poll_interval)) {
                if ((result.value = get(key, mine.deadline)) || leased || !tier_->has_leases()) {
                    return result; // with a lease, it was the second look: nobody was quicker
                }
                auto token = new_token();
                bool asked = false;
                auto const given =
                    ask(std::min(mine.deadline, in(options_.get_timeout)), [&](store_deadline by) {
                        asked = true;
                        return tier_->try_lease(key, token, options_.lease_ttl, by);
                    });
                if (!given) {
                    if (asked) { // perhaps we have it, and only the answer was lost
                        owe(std::string(key), std::move(token));
                    }
                    return result;
                }
                leased = *given;
                if (!leased && repay(key)) {
                    return result; // nobody makes the value
                }
                if (leased) {
                    result.permit.core_ = self;
                    result.permit.key_ = key;
                    result.permit.token_ = std::move(token);
                    continue;
                }
                auto const until = std::min(std::min(mine.deadline, give_up), in(pause));
                detail::wait_out(limits{mine.stop, until});
                if (mine.spent() || std::chrono::steady_clock::now() >= give_up) {
                    return result;
                }
            }
        } catch (...) { // out of memory
            return {};
        }

        auto flush(store_deadline deadline) -> bool {
            std::unique_lock lock(mutex_);
            return changed_.wait_until(lock, std::min(deadline, in(std::chrono::hours(24 * 365))),
                                       [this] { return queue_.empty(); });
        }

        [[nodiscard]] auto stats() const -> guarded_store_stats {
            std::lock_guard const lock(mutex_);
            auto now = stats_;
            now.pending = queue_.size();
            now.pending_bytes = pending_bytes_;
            now.circuit = breaker_.state();
            return now;
        }

    private:
        static auto in(std::chrono::nanoseconds time) -> store_deadline {
            return std::chrono::steady_clock::now() +
                   std::chrono::duration_cast<store_deadline::duration>(time);
        }

        static auto now_ms() -> std::int64_t {
            auto const now = WallClock::now().time_since_epoch();
            return std::chrono::duration_cast<milliseconds>(now).count();
        }

        static auto at(std::int64_t ms) -> typename WallClock::time_point {
            using duration = typename WallClock::duration;
            return typename WallClock::time_point(
                std::chrono::duration_cast<duration>(milliseconds(ms)));
        }

        void count(std::uint64_t guarded_store_stats::*counter) noexcept {
            std::lock_guard const lock(mutex_);
            ++(stats_.*counter);
        }

        auto miss() -> std::optional<stored_value> {
            count(&guarded_store_stats::misses);
            return std::nullopt;
        }

        auto accept(detail::cache_envelope opened) -> std::optional<stored_value> {
            // A century is for ever, and keeps nanosecond clocks from overflowing.
            auto const now = now_ms();
            auto const most = now + std::int64_t{100} * 365 * 24 * 3600 * 1000;
            if (opened.expires_ms <= now) {
                return miss();
            }
            count(&guarded_store_stats::hits);
            return stored_value{std::move(opened.payload), at(std::min(opened.created_ms, now)),
                                at(std::min(opened.expires_ms, most))};
        }

        // Calls the store through the breaker; nothing if it was not asked, or failed. An answer
        // that comes late counts as a failure, but is an answer.
        template <class Call>
        auto ask(store_deadline by, Call call) -> std::optional<decltype(call(by))> {
            if (!breaker_.allow()) {
                count(&guarded_store_stats::refused);
                return std::nullopt;
            }
            try {
                auto answer = std::optional(call(by));
                if (std::chrono::steady_clock::now() <= by) {
                    breaker_.succeeded();
                } else {
                    fail("late");
                }
                return answer;
            } catch (std::exception const& problem) {
                fail(problem.what());
            } catch (...) {
                fail("unknown exception");
            }
            return std::nullopt;
        }

        void fail(char const* what) {
            breaker_.failed();
            std::lock_guard const lock(mutex_);
            ++stats_.failures;
            stats_.last_failure = what;
        }

        static auto new_token() -> std::string {
            static std::atomic<std::uint64_t> number = 0;
            auto const secret = detail::cache_process_secret();
            auto const now = std::chrono::steady_clock::now().time_since_epoch().count();
            std::string seed = std::to_string(now) + ' ' + std::to_string(++number) + ' ' +
                               std::to_string(secret.a) + ' ' + std::to_string(secret.b);
            return detail::sha256_hex(detail::sha256_of(seed)).substr(0, 32);
        }

        auto look_in_queue(std::string_view key) -> std::shared_ptr<write const> {
            std::lock_guard const lock(mutex_);
            if (newest_.empty()) {
                return nullptr;
            }
            auto const found = newest_.find(std::string(key));
            return found == newest_.end() ? nullptr : found->second;
        }

        auto enqueue(write&& job) -> bool {
            auto item = std::make_shared<write const>(std::move(job));
            bool wake = false;
            {
                std::lock_guard const lock(mutex_);
                auto const bytes = item->bytes();
                if (closed_ || queue_.size() >= options_.max_pending ||
                    bytes > options_.max_pending_bytes - pending_bytes_) {
                    ++stats_.dropped;
                    return false;
                }
                queue_.push_back(item);
                if (item->what != write::kind::release) {
                    newest_[item->key] = item;
                }
                pending_bytes_ += bytes;
                wake = !draining_;
            }
            if (wake && options_.executor) {
                options_.executor([self = self_.lock()] { self->drain(); });
            } else if (wake) {
                changed_.notify_all();
            }
            return true;
        }

        void forget(std::shared_ptr<write const> const& item) { // mutex_ is held
            pending_bytes_ -= item->bytes();
            auto const found = newest_.find(item->key);
            if (found != newest_.end() && found->second == item) {
                newest_.erase(found);
            }
        }

        // A lease of ours that we could not give back, because the store failed, is in nobody's
        // hands: gives it back once more.
        auto repay(std::string_view key) -> bool {
            std::string token;
            {
                std::lock_guard const lock(mutex_);
                auto const found = owed_.empty() ? owed_.end() : owed_.find(std::string(key));
                if (found == owed_.end()) {
                    return false;
                }
                token = std::move(found->second);
                owed_.erase(found);
            }
            release(std::string(key), std::move(token));
            return true;
        }

        void owe(std::string key, std::string token) {
            std::lock_guard const lock(mutex_);
            if (owed_.size() < options_.max_pending) {
                owed_.insert_or_assign(std::move(key), std::move(token));
            }
        }

        // The life of our own thread.
        void work() {
            for (;;) {
                {
                    std::unique_lock lock(mutex_);
                    changed_.wait(lock, [this] { return closed_ || !queue_.empty(); });
                    if (queue_.empty()) {
                        return;
                    }
                }
                drain();
            }
        }

        // Writes what is queued, in order; one thread at a time does this.
        void drain() {
            std::unique_lock lock(mutex_);
            if (std::exchange(draining_, true)) {
                return;
            }
            while (!queue_.empty()) {
                auto const item = queue_.front();
                writing_ = true;
                lock.unlock();
                bool const done = carry_out(*item);
                if (!done && item->what == write::kind::release) {
                    owe(item->key, item->value);
                }
                lock.lock();
                writing_ = false;
                queue_.pop_front();
                forget(item);
                ++(done ? stats_.written : stats_.dropped);
            }
            draining_ = false;
            changed_.notify_all();
        }

        auto carry_out(write const& item) noexcept -> bool try {
            return ask(in(options_.put_timeout),
                       [&](store_deadline by) {
                           switch (item.what) {
                           case write::kind::put:
                               if (auto const left = item.expires_ms - now_ms(); left > 0) {
                                   tier_->put(item.key,
                                              detail::cache_envelope::seal(item.key, item.value,
                                                                           item.created_ms,
                                                                           item.expires_ms),
                                              milliseconds(left), by);
                               }
                               break;
                           case write::kind::erase:
                               tier_->erase(item.key, by);
                               break;
                           case write::kind::release:
                               tier_->release(item.key, item.value, by);
                               break;
                           }
                           return true;
                       })
                .has_value();
        } catch (...) { // out of memory
            return false;
        }

        guarded_store_options const options_;
        std::unique_ptr<backend> const tier_;
        circuit_breaker<Clock> breaker_;
        std::weak_ptr<core> self_;
        std::jthread thread_; // if there is no executor

        mutable std::mutex mutex_; // guards what follows
        std::condition_variable changed_;
        std::deque<std::shared_ptr<write const>> queue_; // the first may be being written
        std::unordered_map<std::string, std::shared_ptr<write const>> newest_; // of each key
        std::unordered_map<std::string, std::string> owed_; // key and token of each, see repay()
        std::size_t pending_bytes_ = 0;
        bool draining_ = false; // drain() is running
        bool writing_ = false;
        bool closed_ = false;
        guarded_store_stats stats_;
    };

    std::shared_ptr<core> core_;
};

using guarded_store = basic_guarded_store<>;
using stored_value = guarded_store::stored_value;

} // namespace llms::inline v0_1

#endif // LLMS_CACHE_GUARDED_STORE_HPP
