// SPDX-License-Identifier: MIT
//
// `coalesced()`: the middleware that makes identical calls in flight one: the first asks, those who
// come while it runs get its answer. Nothing is kept: whoever comes later asks anew. `cached` does
// this too, so a client has one of them.
//
//     auto client = provider | llms::retrying() | llms::coalesced();
//     auto const answer = client.complete(ask); // answer.coalesced: another's call; usage is zero
//
// Identical is what has the same `request_key`. Only requests at temperature 0 are joined, unless
// they or the options say `any_temperature`; `cache_mode::bypass` goes past. Each caller keeps its own
// stop_token: a leader that is stopped hands over to one that waits, and a stream, every chunk of
// which each of its readers gets, goes on until the last has left. Put it outside of `retrying`, so
// that the one call is retried.
//
// Thread safety: as the provider's. The last of the client's copies and its streams to go waits for
// calls that were given up. Cost: the key, one mutex, a copy of the answer; for a stream that leads
// a thread, and a lock per chunk.
#ifndef LLMS_CHAT_COALESCED_HPP
#define LLMS_CHAT_COALESCED_HPP

#include <llms/cache/single_flight.hpp>
#include <llms/cache/stream_flight.hpp>
#include <llms/chat/chunk.hpp>
#include <llms/chat/middleware.hpp>
#include <llms/chat/provider.hpp>
#include <llms/chat/request.hpp>
#include <llms/chat/request_key.hpp>
#include <llms/chat/response.hpp>
#include <llms/chat/response_stream.hpp>
#include <llms/detail/chat_shared_source.hpp>
#include <llms/detail/chat_worker_group.hpp>

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

namespace llms::inline v0_1 {

/// What `coalesced` joins.
struct coalesced_options {
    bool any_temperature = false;    ///< join calls at any temperature: the same answer is fine
    stream_flight_options streams{}; ///< what a stream that is being read may hold
};

/// A provider whose identical calls in flight are one; made by `coalesced`.
template <provider P>
class coalesced_provider {
public:
    static constexpr auto layers = layers_of<P> | layer::coalesced;

    coalesced_provider(P inner, coalesced_options options)
        : shared_(std::make_shared<shared>(std::move(inner), options)) {}

    /// \throws as the provider: what the one call fails with, all who share it get.
    [[nodiscard]] auto complete(request const& ask, std::stop_token stop = {}) -> response {
        if (!joins(ask)) {
            return shared_->inner.complete(ask, std::move(stop));
        }
        auto const flight = shared_->calls.run(
            flight_name(ask), [&] { return shared_->inner.complete(ask, stop); }, {.stop = stop});
        auto answer = flight->clone();
        if (!flight.led) {
            detail::mark_coalesced(answer);
        }
        return answer;
    }

    [[nodiscard]] auto stream(request const& ask, std::stop_token stop = {}) -> response_stream {
        if (!joins(ask)) {
            return shared_->inner.stream(ask, std::move(stop));
        }
        auto reader = shared_->streams.join(flight_name(ask), [&](flight_writer out) {
            shared_->workers.run([inner = &shared_->inner, again = ask.clone(),
                                  out = std::move(out)]() mutable noexcept {
                produce(*inner, again, std::move(out));
            });
        });
        // The owner of the worker threads must not go before the reader, nor on one of them.
        auto settle = [owner = shared_](chunk& end, bool led) noexcept {
            if (!led) {
                detail::mark_coalesced(end);
            }
        };
        return response_stream(
            std::make_unique<detail::shared_source<flight_reader, decltype(settle)>>(
                std::move(reader), stop, std::move(settle)));
    }

    [[nodiscard]] auto name() const -> std::string_view { return shared_->inner.name(); }

    /// What was joined so far, whole answers and streams.
    [[nodiscard]] auto stats() const -> std::pair<single_flight_stats, stream_flight_stats> {
        return {shared_->calls.stats(), shared_->streams.stats()};
    }

private:
    using stream_flights =
        stream_flight<std::string, chunk, std::hash<std::string>, detail::chunk_bytes>;
    using flight_reader = typename stream_flights::reader;
    using flight_writer = typename stream_flights::writer;

    struct shared {
        shared(P&& inner_, coalesced_options const& how)
            : inner(std::move(inner_)),
              options(how),
              streams(how.streams) {}
        P inner;
        coalesced_options const options;
        single_flight<std::string, response> calls;
        stream_flights streams;
        detail::worker_group workers; // goes first: its threads use the others
    };

    static void produce(P& inner, request const& ask, flight_writer out) noexcept {
        try {
            auto const stop = out.abandoned();
            auto from = inner.stream(ask, stop);
            while (auto const* piece = from.next(stop)) {
                if (piece->kind == chunk_kind::end) {
                    out.seal(); // who has seen the end and asks again makes a call of its own
                }
                if (!out.push(*piece)) {
                    break; // nobody reads it
                }
            }
            out.close();
        } catch (...) {
            out.close(std::current_exception());
        }
    }

    [[nodiscard]] auto joins(request const& ask) const noexcept -> bool {
        return ask.cache.mode != cache_mode::bypass &&
               (shared_->options.any_temperature || ask.cache.any_temperature ||
                ask.temperature == 0.0);
    }

    // All who share a call agree on which answer of a cache further in would do. How long that cache
    // keeps a new one, the first of them says.
    [[nodiscard]] static auto flight_name(request const& ask) -> std::string {
        std::string name(request_key(ask, {}));
        name += static_cast<char>('0' + static_cast<int>(ask.cache.mode));
        if (ask.cache.max_age != std::chrono::nanoseconds::max()) {
            name += std::to_string(ask.cache.max_age.count());
        }
        return name;
    }

    std::shared_ptr<shared> shared_;
};

/// The middleware that `coalesced` makes.
class coalesced_middleware {
public:
    explicit coalesced_middleware(coalesced_options options) noexcept : options_(options) {}
    template <provider P>
    [[nodiscard]] auto wrap(P inner) && {
        static_assert(!has_layer<P, layer::with_tools>,
                      "the key of a call would not tell its tools: write `provider | "
                      "coalesced() | with_tools(...)`");
        return coalesced_provider<P>(std::move(inner), options_);
    }

private:
    coalesced_options options_;
};

/// Joins identical calls in flight.
[[nodiscard]] inline auto coalesced(coalesced_options options = {}) noexcept
    -> coalesced_middleware {
    return coalesced_middleware(options);
}

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_COALESCED_HPP
