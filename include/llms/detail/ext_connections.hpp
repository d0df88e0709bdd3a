// SPDX-License-Identifier: MIT
//
// A bounded pool of connections for the stores of ext/: opened when needed, lent to one thread at a time,
// waited for no longer than a deadline, thrown away when broken.
#ifndef LLMS_DETAIL_EXT_CONNECTIONS_HPP
#define LLMS_DETAIL_EXT_CONNECTIONS_HPP

#include <llms/cache/store.hpp>

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace llms::inline v0_1::detail {

template <class Connection>
class ext_connections {
public:
    explicit ext_connections(std::size_t most) : left_(most) { idle_.reserve(most); }

    /// A connection, for the time being. It goes back to the pool only after `keep()`: whoever is
    /// interrupted by an exception leaves behind a connection in an unknown state.
    class loan {
    public:
        loan(ext_connections& pool, std::unique_ptr<Connection> connection) noexcept
            : pool_(pool),
              connection_(std::move(connection)) {}
        loan(loan const&) = delete;
        auto operator=(loan const&) -> loan& = delete;
        ~loan() {
            if (!keep_) {
                connection_.reset();
            }
            pool_.give_back(std::move(connection_));
        }

        void keep() noexcept { keep_ = true; }

        auto operator*() const noexcept -> Connection& { return *connection_; }
        auto operator->() const noexcept -> Connection* { return connection_.get(); }

        /// Replaces a connection that turned out to be broken.
        void replace(std::unique_ptr<Connection> fresh) noexcept { connection_ = std::move(fresh); }

    private:
        ext_connections& pool_;
        std::unique_ptr<Connection> connection_;
        bool keep_ = false;
    };

    /// Lends an idle connection, or what `open()` makes while fewer than the most are out.
    /// \throws store_error if none is free by `deadline`; what `open` throws.
    template <class Open>
    [[nodiscard]] auto borrow(store_deadline deadline, Open open) -> loan {
        {
            std::unique_lock lock(mutex_);
            if (!free_.wait_until(lock, deadline, [this] { return left_ > 0; })) {
                throw store_error("every connection was busy up to the deadline");
            }
            --left_;
            if (!idle_.empty()) {
                auto connection = std::move(idle_.back());
                idle_.pop_back();
                return loan(*this, std::move(connection));
            }
        }
        std::unique_ptr<Connection> connection;
        try {
            connection = open();
        } catch (...) {
            give_back(nullptr);
            throw;
        }
        return loan(*this, std::move(connection));
    }

private:
    void give_back(std::unique_ptr<Connection> connection) noexcept {
        {
            std::lock_guard const lock(mutex_);
            ++left_;
            if (connection != nullptr) {
                idle_.push_back(std::move(connection)); // reserved: does not allocate
            }
        }
        free_.notify_one();
    }

    std::mutex mutex_; // guards what follows
    std::condition_variable free_;
    std::size_t left_; // loans possible now
    std::vector<std::unique_ptr<Connection>> idle_;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_EXT_CONNECTIONS_HPP
