// SPDX-License-Identifier: MIT
//
// `cached(cache)`: the middleware that answers from a `response_cache`. Identical calls that are
// made at the same time become one: the first asks, the others get its answer.
//
//     llms::response_cache cache{{.tenant = "acme"}};
//     auto client = provider | llms::cached(cache);
//     auto const answer = client.complete(ask); // answer.cached, answer.coalesced tell
//
// What one call wants of the cache stands in `request.cache`: bypass, refresh, no_store,
// only_if_cached, a time to live, a variant.
//
// Thread safety: as the provider's. The cache must outlive the client and its streams.
#ifndef LLMS_CHAT_CACHED_HPP
#define LLMS_CHAT_CACHED_HPP

#include <llms/chat/middleware.hpp>
#include <llms/chat/provider.hpp>
#include <llms/chat/recorded_response.hpp>
#include <llms/chat/request.hpp>
#include <llms/chat/response.hpp>
#include <llms/chat/response_cache.hpp>
#include <llms/chat/response_stream.hpp>

#include <exception>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

namespace llms::inline v0_1 {

/// A provider that answers from a cache what it can; made by `cached`.
template <provider P, class Cache>
class cached_provider {
public:
    cached_provider(P inner, Cache& cache)
        : inner_(std::make_shared<P>(std::move(inner))),
          cache_(&cache) {}

    /// \throws as the provider; cache_miss_error for `cache_mode::only_if_cached`.
    [[nodiscard]] auto complete(request const& ask, std::stop_token stop = {}) -> response {
        if (!looks_up(ask)) {
            return inner_->complete(ask, std::move(stop));
        }
        auto const key = cache_->key(ask, inner_->name());
        if (auto const hit = find(ask, key)) {
            cache_->count_hit(hit->response.usage);
            auto answer = free_of_charge(hit->response);
            answer.cached = true;
            return answer;
        }
        std::string const own(key); // the calls below ask for keys of their own
        auto const flight = cache_->calls().run(
            own, [&] { return recorded_response{ask_once(own, ask, stop)}; }, {.stop = stop});
        if (flight.led) {
            cache_->count_miss();
            return flight->response.clone();
        }
        cache_->count_coalesced(flight->response.usage);
        auto answer = free_of_charge(flight->response);
        answer.coalesced = true;
        return answer;
    }

    /// A stream that is in the cache is replayed at once, chunk by chunk as it was. One that is not is
    /// asked for once: callers who come while it runs get all its chunks, from the first on, and it
    /// goes into the cache when it has ended. It goes on while any of them reads it.
    /// \throws as `complete`
    [[nodiscard]] auto stream(request const& ask, std::stop_token stop = {}) -> response_stream {
        if (!looks_up(ask)) {
            return inner_->stream(ask, std::move(stop));
        }
        auto const key = cache_->key(ask, inner_->name());
        if (auto hit = find(ask, key)) {
            cache_->count_hit(hit->response.usage);
            return response_stream(std::make_unique<replay_source>(std::move(hit)));
        }
        std::string const own(key);
        auto reader = cache_->streams().join(
            own, [&](flight_writer out) { produce(own, ask, std::move(out)); });
        if (reader.led()) {
            cache_->count_miss();
        }
        return response_stream(std::make_unique<shared_source>(std::move(reader), *cache_, stop));
    }

    [[nodiscard]] auto name() const -> std::string_view { return inner_->name(); }

private:
    using handle = typename Cache::handle;
    using flight_reader = typename Cache::stream_flights::reader;
    using flight_writer = typename Cache::stream_flights::writer;

    class replay_source final : public chunk_source {
    public:
        explicit replay_source(handle answer) : answer_(std::move(answer)) {}
        [[nodiscard]] auto next(chunk& out, std::stop_token const& /*stop*/) -> bool override {
            return cursor_.next(*answer_, out);
        }

    private:
        handle answer_; // pins the entry, whatever the cache does meanwhile
        replay_cursor cursor_;
    };

    // One caller's view of a stream in flight.
    class shared_source final : public chunk_source {
    public:
        shared_source(flight_reader from, Cache& cache, std::stop_token const& outer)
            : from_(std::move(from)),
              cache_(&cache),
              outer_(outer, forward{stop_}) {}

        [[nodiscard]] auto next(chunk& out, std::stop_token const& stop) -> bool override {
            std::stop_callback const inner(stop, forward{stop_});
            auto const* const piece = from_.next({.stop = stop_.get_token()});
            if (piece == nullptr) {
                return false;
            }
            out = *piece;
            if (out.kind == chunk_kind::end && !from_.led()) {
                cache_->count_coalesced(out.usage);
                out.usage = {};
                out.coalesced = true;
            }
            return true;
        }

    private:
        struct forward {
            std::stop_source to;
            void operator()() noexcept { to.request_stop(); }
        };

        flight_reader from_;
        Cache* cache_;
        std::stop_source stop_; // stopped by either of the caller's tokens
        std::stop_callback<forward> outer_;
    };

    // Makes the chunks of a flight, on a thread of its own: the caller who led may leave.
    void produce(std::string const& key, request const& ask, flight_writer out) {
        cache_->workers().run([cache = cache_, inner = inner_, key, ask = ask.clone(),
                               out = std::move(out)]() mutable noexcept {
            try {
                pump(*cache, *inner, key, ask, out);
                out.close();
            } catch (...) {
                out.close(std::current_exception());
            }
        });
    }

    static void pump(Cache& cache, P& inner, std::string const& key, request const& ask,
                     flight_writer& out) {
        // As in ask_once: a flight may have ended since the look-up.
        if (ask.cache.mode != cache_mode::refresh) {
            if (auto const late = cache.find(key)) {
                replay_cursor cursor;
                for (chunk piece;
                     cursor.next(*late, piece) && out.push(std::exchange(piece, {}));) {}
                return;
            }
        }
        stream_recorder<> recorder;
        auto from = inner.stream(ask, out.abandoned());
        while (auto const* piece = from.next(out.abandoned())) {
            recorder.add(*piece); // NOLINT(bugprone-use-after-move): see below
            if (recorder.done() && ask.cache.mode != cache_mode::no_store) {
                // Before its end is given out: who has seen the end finds it in the cache.
                cache.put(key, std::move(recorder).take(), ask.cache); // nothing follows the end
            }
            if (!out.push(*piece)) {
                return; // the last reader has left
            }
        }
    }

    // False: the call goes past the cache.
    [[nodiscard]] auto looks_up(request const& ask) const -> bool {
        if (cache_->admits(ask)) {
            return true;
        }
        if (ask.cache.mode == cache_mode::only_if_cached) {
            throw cache_miss_error(
                "the request is not one that is cached: its temperature is not 0");
        }
        cache_->count_bypass();
        return false;
    }

    [[nodiscard]] auto find(request const& ask, std::string_view key) const -> handle {
        if (ask.cache.mode == cache_mode::refresh) {
            return {};
        }
        auto hit = cache_->find(key);
        if (!hit && ask.cache.mode == cache_mode::only_if_cached) {
            cache_->count_miss();
            throw cache_miss_error("the answer is not in the cache");
        }
        return hit;
    }

    // The one call of a flight. Between this caller's look-up and its flight another flight may
    // have ended, so the cache is asked once more: N identical calls make one, whatever their
    // timing.
    [[nodiscard]] auto ask_once(std::string const& key, request const& ask,
                                std::stop_token const& stop) -> response {
        if (auto const late = find(ask, key)) {
            auto answer = free_of_charge(late->response);
            answer.cached = true;
            return answer;
        }
        auto answer = inner_->complete(ask, stop);
        if (ask.cache.mode != cache_mode::no_store) {
            cache_->put(key, {answer.clone()}, ask.cache);
        }
        return answer;
    }

    static auto free_of_charge(response const& from) -> response {
        auto answer = from.clone();
        answer.usage = {};
        return answer;
    }

    std::shared_ptr<P> inner_; // shared with the threads of streams in flight
    Cache* cache_;
};

/// The middleware that `cached` makes.
template <class Cache>
class cached_middleware {
public:
    explicit cached_middleware(Cache& cache) noexcept : cache_(&cache) {}
    template <provider P>
    [[nodiscard]] auto wrap(P inner) && {
        return cached_provider<P, Cache>(std::move(inner), *cache_);
    }

private:
    Cache* cache_;
};

/// Answers from `cache`, which must live longer than the client made of it.
template <class Clock>
[[nodiscard]] auto cached(basic_response_cache<Clock>& cache) noexcept
    -> cached_middleware<basic_response_cache<Clock>> {
    return cached_middleware<basic_response_cache<Clock>>(cache);
}

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_CACHED_HPP
