// SPDX-License-Identifier: MIT
//
// A blocking producer on a thread of its own, whose items coroutines await. The waiting, and what
// may be destroyed when, is that of channel::async_pop.
#ifndef LLMS_DETAIL_CHAT_ASYNC_CALL_HPP
#define LLMS_DETAIL_CHAT_ASYNC_CALL_HPP

#include <llms/detail/chat_stops.hpp>
#include <llms/stream/channel.hpp>

#include <cstddef>
#include <exception>
#include <stop_token>
#include <thread>
#include <utility>

namespace llms::inline v0_1::detail {

/// Items that a thread makes. Destroying it stops the thread, wherever it waits, and joins it.
template <class T>
class async_call {
public:
    /// `produce(items, stop)` pushes into the channel; what it throws closes it.
    template <class Produce>
    async_call(std::size_t capacity, std::stop_token const& outer, Produce produce)
        : items_(capacity),
          thread_([this, produce = std::move(produce)](std::stop_token const& stop) mutable {
              try {
                  produce(items_, stop);
                  items_.close();
              } catch (...) {
                  items_.close(std::current_exception());
              }
          }),
          forward_(outer, stop_forward{thread_.get_stop_source()}) {}
    async_call(async_call const&) = delete;
    auto operator=(async_call const&) -> async_call& = delete;
    ~async_call() = default; // in this order: no more forwarding; stop and join; the channel

    [[nodiscard]] auto items() noexcept -> channel<T>& { return items_; }

private:
    channel<T> items_;
    std::jthread thread_;
    std::stop_callback<stop_forward> forward_;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CHAT_ASYNC_CALL_HPP
