// SPDX-License-Identifier: MIT
//
// A channel on loan from a channel_pool to the two ends of one stream, and the pool's state, which
// lives until the pool and the last stream are gone.
#ifndef LLMS_DETAIL_STREAM_LEASE_HPP
#define LLMS_DETAIL_STREAM_LEASE_HPP

#include <llms/detail/stream_access.hpp>
#include <llms/detail/stream_hook.hpp>
#include <llms/detail/stream_lock.hpp>
#include <llms/stream/channel.hpp>
#include <llms/stream/channel_pool_options.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <utility>

namespace llms::inline v0_1::detail {

template <class T, class Platform>
class stream_leases;

/// One channel and what its two ends share. Ends are counted; who gives up the last one is alone
/// with the lease.
template <class T, class Platform>
struct stream_lease {
    stream_lease(stream_leases<T, Platform>& from, channel_options const& how)
        : leases(from),
          tokens(how) {}

    /// The writer goes: the stream ends, if it has not, without error.
    void leave_writer() noexcept {
        on_closed.withdraw();
        if (!alone()) {
            tokens.close();
        }
        leave();
    }

    /// The reader goes: nobody will read, so pushes fail and what is inside is thrown away.
    void leave_reader() noexcept {
        if (!alone()) {
            refuse();
            while (tokens.try_pop()) {}
        }
        leave();
    }

    /// The writer is done: no hook will run, unless the reader closed before.
    void finish(std::exception_ptr failure) noexcept {
        if (close(std::move(failure))) {
            on_closed.withdraw();
        }
    }

    /// The reader wants no more: wakes a blocked writer and runs its hook, unless the writer closed
    /// before.
    void refuse() noexcept {
        if (tokens.is_closed()) {
            return;
        }
        on_closed.fire([this] { return close(nullptr); });
    }

    stream_leases<T, Platform>& leases;
    channel<T, Platform> tokens;
    stream_hook<Platform> on_closed;
    std::uint64_t generation = 0;
    stream_lease* next_idle = nullptr;
    typename Platform::template atomic<int> ends{0};

private:
    auto close(std::exception_ptr failure) noexcept -> bool {
        return stream_access::core(tokens).close(std::move(failure));
    }

    // Acquire: what the other end did last is seen before the lease is touched alone.
    [[nodiscard]] auto alone() const noexcept -> bool {
        return ends.load(std::memory_order_acquire) == 1;
    }

    void leave() noexcept {
        if (alone() || ends.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            leases.give_back(*this);
        }
    }
};

/// The state of a channel_pool.
template <class T, class Platform>
class stream_leases {
public:
    using lease = stream_lease<T, Platform>;

    explicit stream_leases(channel_pool_options const& options) noexcept
        : options_(options),
          max_idle_(idle_bound(options)) {}
    stream_leases(stream_leases const&) = delete;
    auto operator=(stream_leases const&) -> stream_leases& = delete;

    /// A lease with two ends, or null if `max_live` streams are open.
    [[nodiscard]] auto lend() -> lease* {
        lease* lent = nullptr;
        std::uint64_t generation = 0;
        {
            stream_guard const lock(lock_);
            if (stats_.live == options_.max_live) {
                ++stats_.refused;
                return nullptr;
            }
            ++stats_.live;
            generation = ++generations_;
            if (idle_ != nullptr) {
                lent = std::exchange(idle_, idle_->next_idle);
                --stats_.idle;
                ++stats_.reused;
            }
        }
        if (lent == nullptr) {
            lent = create();
        }
        lent->generation = generation;
        lent->ends.store(2, std::memory_order_relaxed);
        return lent;
    }

    /// Takes a lease back that nobody else knows.
    void give_back(lease& returned) noexcept {
        stream_access::core(returned.tokens).reset();
        returned.on_closed.reset();
        auto keep = false;
        auto last = false;
        {
            stream_guard const lock(lock_);
            --stats_.live;
            keep = !orphaned_ && stats_.idle < max_idle_;
            if (keep) {
                returned.next_idle = std::exchange(idle_, &returned);
                ++stats_.idle;
            } else {
                ++stats_.dropped;
                last = orphaned_ && stats_.live == 0;
            }
        }
        // NOLINTBEGIN(cppcoreguidelines-owning-memory): the idle list and the ends own the leases
        if (!keep) {
            delete &returned;
        }
        if (last) {
            delete this;
        }
        // NOLINTEND(cppcoreguidelines-owning-memory)
    }

    /// Deletes idle channels until at most `keep` are left.
    void trim(std::size_t keep) noexcept {
        lease* surplus = nullptr;
        {
            stream_guard const lock(lock_);
            surplus = take_idle(keep);
        }
        destroy(surplus);
    }

    /// The pool is gone: the state goes when the last stream has.
    void orphan() noexcept {
        lease* surplus = nullptr;
        auto last = false;
        {
            stream_guard const lock(lock_);
            orphaned_ = true;
            surplus = take_idle(0);
            last = stats_.live == 0;
        }
        // Unless `last`, the last stream may end and delete `*this` at any moment.
        destroy(surplus);
        if (last) {
            delete this;
        }
    }

    [[nodiscard]] auto stats() const noexcept -> channel_pool_stats {
        stream_guard const lock(lock_);
        return stats_;
    }

private:
    ~stream_leases() = default;

    static auto idle_bound(channel_pool_options const& options) noexcept -> std::size_t {
        auto const bytes = sizeof(lease) + options.capacity * sizeof(T);
        auto const affordable = options.max_idle_bytes / bytes;
        return affordable < options.max_idle ? affordable : options.max_idle;
    }

    /// Takes idle leases out of the pool until at most `keep` are left in it.
    auto take_idle(std::size_t keep) noexcept -> lease* {
        lease* taken = nullptr;
        while (stats_.idle > keep) {
            auto* const next = std::exchange(idle_, idle_->next_idle);
            next->next_idle = std::exchange(taken, next);
            --stats_.idle;
            ++stats_.dropped;
        }
        return taken;
    }

    static void destroy(lease* list) noexcept {
        while (list != nullptr) {
            delete std::exchange(list, list->next_idle); // NOLINT(*-owning-memory)
        }
    }

    auto create() -> lease* {
        try {
            auto* const made = new lease( // NOLINT(*-owning-memory)
                *this, channel_options{options_.capacity, options_.when_full});
            stream_guard const lock(lock_);
            ++stats_.created;
            return made;
        } catch (...) {
            stream_guard const lock(lock_);
            --stats_.live;
            throw;
        }
    }

    channel_pool_options const options_;
    std::size_t const max_idle_;
    mutable stream_lock<Platform> lock_;
    channel_pool_stats stats_;
    std::uint64_t generations_ = 0;
    lease* idle_ = nullptr;
    bool orphaned_ = false;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_STREAM_LEASE_HPP
