// SPDX-License-Identifier: MIT
//
// `single_flight<Key, Value>`: N concurrent calls of one key run once, and all get the one result.
// Put it between a cache and what the cache saves: when an entry expires, a hundred waiting callers
// make one provider call instead of a hundred.
//
//     llms::single_flight<std::string, answer> flights;
//     auto const result = flights.run(key, [&] { return provider.complete(request); },
//                                     {.stop = token, .deadline = steady_clock::now() + 30s});
//     use(*result, result.led);
//
// The first caller leads: it runs its function on its own thread, the others wait. Each caller
// keeps its own stop_token and deadline. A leader that was cancelled or ran out of its own time
// hands over to one that waits, which then runs its own function; any other failure reaches all who
// wait and is forgotten, unless `remember_failures` is set.
//
// Thread safety: all of it. Cost: one mutex, held for a map lookup, and one allocation per flight.
// Bound: a key is in flight only while a caller is inside `run`, so there are never more of them
// than calling threads; remembered failures are bounded by `max_failures`.
#ifndef LLMS_CACHE_SINGLE_FLIGHT_HPP
#define LLMS_CACHE_SINGLE_FLIGHT_HPP

#include <llms/detail/cache_wait.hpp>
#include <llms/error.hpp>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>
#include <unordered_map>
#include <utility>

namespace llms::inline v0_1 {

/// What `single_flight` does besides joining calls.
struct single_flight_options {
    /// How long a failure answers later callers of its key too; zero = not at all.
    std::chrono::nanoseconds remember_failures{0};
    /// The most failures remembered at one time; beyond it a failure is not remembered.
    std::size_t max_failures = 1024;
};

/// What `single_flight` has done so far, and what it holds now.
struct single_flight_stats {
    std::uint64_t led = 0;         ///< functions run
    std::uint64_t shared = 0;      ///< callers who got the result or failure of another's function
    std::uint64_t handed_over = 0; ///< functions given up because their caller was cancelled
    std::uint64_t failed = 0;      ///< functions that failed otherwise
    std::uint64_t gave_up = 0;     ///< callers cancelled or out of time while they waited
    std::uint64_t remembered = 0;  ///< callers answered by a remembered failure
    std::size_t in_flight = 0;     ///< keys in flight now
    std::size_t waiting = 0;       ///< callers waiting now
};

/// One value for all callers of a flight, and whether this caller made it.
template <class Value>
struct flight_result {
    std::shared_ptr<Value const> value; ///< never null
    bool led = false;                   ///< this caller's own function made the value

    auto operator*() const -> Value const& { return *value; }
    auto operator->() const -> Value const* { return value.get(); }
};

/// Joins concurrent calls of one key into one; see the head of this file.
template <class Key, class Value, class Hash = std::hash<Key>,
          class Clock = std::chrono::steady_clock>
class single_flight {
public:
    using limits = wait_limits<Clock>;
    using result = flight_result<Value>;

    explicit single_flight(single_flight_options options = {}) : options_(options) {}

    single_flight(single_flight const&) = delete;
    auto operator=(single_flight const&) -> single_flight& = delete;
    /// \pre No thread is inside `run`.
    ~single_flight() = default;

    /// Returns what `make()` returns, called once for all who are inside `run` with this key.
    /// `make` runs on the thread of the caller that leads, under no lock. It should itself heed
    /// `mine`: when it throws after `mine` is spent, or throws `cancelled_error`, its caller has
    /// left the flight and the next one leads.
    /// \throws whatever the leading `make` threw; `cancelled_error` or `timeout_error` when
    /// `mine` ends this caller's wait; `error` when `make` calls `run` again with its own key,
    /// which would wait for itself.
    template <class Make>
        requires std::is_invocable_r_v<Value, Make&>
    auto run(Key const& key, Make&& make, limits const& mine = {}) -> result {
        auto [call, part] = join(key);
        while (part == role::waits) {
            detail::wait_within(mutex_, call->changed, mine,
                                [&call = *call] { return call.phase != phase::running; });
            part = resume(key, *call, mine);
        }
        if (part == role::leads) {
            lead(key, *call, make, mine);
        } else if (call->failure) {
            std::rethrow_exception(call->failure);
        }
        auto const* const value = &*call->value;
        return {{std::move(call), value}, part == role::leads};
    }

    /// Returns counts since construction, and how many keys and callers are inside now.
    [[nodiscard]] auto stats() const -> single_flight_stats {
        std::lock_guard const lock(mutex_);
        auto now = stats_;
        now.in_flight = flights_.size();
        return now;
    }

private:
    enum class phase : std::uint8_t { running, leaderless, done };
    enum class role : std::uint8_t { leads, waits, shares };

    // In flights_ exactly while running or leaderless; leaderless only while someone waits.
    // phase, leader and waiting are guarded by mutex_; value and failure are the leader's until
    // the phase is done, and constant from then on.
    struct flight {
        enum phase phase = phase::running;
        std::thread::id leader;          // the thread inside make()
        std::size_t waiting = 0;         // callers between join() and their last resume()
        std::condition_variable changed; // notified when the phase is no longer running
        std::optional<Value> value;
        std::exception_ptr failure;
    };

    struct past_failure {
        std::exception_ptr error;
        typename Clock::time_point until;
    };

    // Leads the key's flight if it has no leader, else counts the caller as one that waits.
    auto join(Key const& key) -> std::pair<std::shared_ptr<flight>, role> {
        auto const self = std::this_thread::get_id();
        std::lock_guard const lock(mutex_);
        auto const known = flights_.find(key);
        if (known == flights_.end()) {
            rethrow_remembered(key);
            auto created = std::make_shared<flight>();
            created->leader = self;
            flights_.emplace(key, created);
            ++stats_.led;
            return {std::move(created), role::leads};
        }
        flight& call = *known->second;
        if (call.phase == phase::leaderless) {
            take_over(call);
            return {known->second, role::leads};
        }
        if (call.leader == self) {
            throw error("single_flight: run() was called from inside run() of the same key");
        }
        ++call.waiting;
        ++stats_.waiting;
        return {known->second, role::waits};
    }

    // What a caller that waited does next.
    auto resume(Key const& key, flight& call, limits const& mine) -> role {
        std::lock_guard const lock(mutex_);
        bool const spent = call.phase != phase::done && mine.spent();
        if (call.phase == phase::running && !spent) {
            return role::waits; // another one took over
        }
        --call.waiting;
        --stats_.waiting;
        if (call.phase == phase::done) {
            ++stats_.shared;
            return role::shares;
        }
        if (!spent) {
            take_over(call);
            return role::leads;
        }
        ++stats_.gave_up;
        if (call.phase == phase::leaderless && call.waiting == 0) {
            flights_.erase(key);
        }
        mine.give_up("single_flight");
    }

    void take_over(flight& call) {
        call.phase = phase::running;
        call.leader = std::this_thread::get_id();
        ++stats_.led;
    }

    template <class Make>
    void lead(Key const& key, flight& call, Make& make, limits const& mine) {
        try {
            call.value.emplace(make());
        } catch (cancelled_error const&) {
            hand_over(key, call);
            throw;
        } catch (...) {
            if (mine.spent()) {
                hand_over(key, call);
            } else {
                call.failure = std::current_exception();
                finish(key, call);
            }
            throw;
        }
        finish(key, call);
    }

    void hand_over(Key const& key, flight& call) {
        std::lock_guard const lock(mutex_);
        ++stats_.handed_over;
        call.leader = {};
        call.phase = phase::leaderless;
        if (call.waiting == 0) {
            flights_.erase(key);
        }
        // All of them: a single one notified might be giving up at this moment.
        call.changed.notify_all();
    }

    void finish(Key const& key, flight& call) {
        std::lock_guard const lock(mutex_);
        call.phase = phase::done;
        flights_.erase(key);
        call.changed.notify_all();
        if (call.failure) {
            ++stats_.failed;
            remember(key, call.failure);
        }
    }

    void rethrow_remembered(Key const& key) {
        if (failures_.empty()) {
            return;
        }
        auto const found = failures_.find(key);
        if (found == failures_.end()) {
            return;
        }
        if (Clock::now() < found->second.until) {
            ++stats_.remembered;
            std::rethrow_exception(found->second.error);
        }
        failures_.erase(found);
    }

    void remember(Key const& key, std::exception_ptr const& failure) {
        if (options_.remember_failures <= std::chrono::nanoseconds::zero()) {
            return;
        }
        auto const now = Clock::now();
        if (failures_.size() >= options_.max_failures) {
            std::erase_if(failures_, [&](auto const& kept) { return kept.second.until <= now; });
        }
        if (failures_.size() < options_.max_failures) {
            auto const kept =
                std::chrono::duration_cast<typename Clock::duration>(options_.remember_failures);
            failures_.insert_or_assign(key, past_failure{failure, now + kept});
        }
    }

    single_flight_options const options_;
    mutable std::mutex mutex_;
    std::unordered_map<Key, std::shared_ptr<flight>, Hash> flights_; // guarded by mutex_
    std::unordered_map<Key, past_failure, Hash> failures_;           // guarded by mutex_
    single_flight_stats stats_;                                      // guarded by mutex_
};

} // namespace llms::inline v0_1

#endif // LLMS_CACHE_SINGLE_FLIGHT_HPP
