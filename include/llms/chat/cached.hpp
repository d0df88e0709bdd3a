// SPDX-License-Identifier: MIT
//
// `cached(cache)`: the middleware that answers from a `response_cache`. Identical calls that are
// made at the same time become one, whether they complete or stream: the first asks, the others get
// its answer.
//
//     llms::response_cache cache{{.tenant = "acme"}};
//     auto client = provider | llms::cached(cache);
//     auto const answer = client.complete(ask); // answer.cached, answer.coalesced tell
//
// What one call wants of the cache stands in `request.cache`: bypass, refresh, no_store,
// only_if_cached, a time to live, an age, a variant.
//
// Thread safety: as the provider's. The cache must outlive the client and its streams; refreshes
// that its executor still has may outlive both.
#ifndef LLMS_CHAT_CACHED_HPP
#define LLMS_CHAT_CACHED_HPP

#include <llms/chat/middleware.hpp>
#include <llms/chat/provider.hpp>
#include <llms/chat/recorded_response.hpp>
#include <llms/chat/request.hpp>
#include <llms/chat/response.hpp>
#include <llms/chat/response_cache.hpp>
#include <llms/chat/response_stream.hpp>
#include <llms/detail/cache_wait.hpp>
#include <llms/detail/chat_keeper.hpp>
#include <llms/detail/chat_shared_source.hpp>
#include <llms/detail/chat_stops.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

namespace llms::inline v0_1 {

/// A provider that answers from a cache what it can; made by `cached`.
template <provider P, class Cache>
class cached_provider {
public:
    static constexpr auto layers = layers_of<P> | layer::cached;

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
            return hit_on(hit->response);
        }
        std::string const own(key); // the calls below ask for keys of their own
        try {
            auto const flight =
                cache_->calls().run(flight_name(own, ask.cache),
                                    [&] {
                                        return fetch(*cache_, own, ask, stop, [&] {
                                            recorded_response answer{inner_->complete(ask, stop)};
                                            keep(*cache_, own, ask, answer);
                                            return answer;
                                        });
                                    },
                                    {.stop = stop});
            if (!flight.led) {
                cache_->count_coalesced(flight->response.model, flight->response.usage);
                auto answer = flight->response.clone();
                detail::mark_coalesced(answer);
                return answer;
            }
            return flight->response.cached ? hit_on(flight->response) : flight->response.clone();
        } catch (...) {
            if (auto const old = stand_in(*cache_, own, ask, stop)) {
                return hit_on(old->response);
            }
            throw;
        }
    }

    /// A stream that is in the cache is replayed, chunk by chunk as it was. One that is not is
    /// asked for once: callers who come while it runs get all its chunks, from the first on, and it
    /// goes into the cache when it has ended. It goes on while any of them reads it.
    /// \throws as `complete`
    [[nodiscard]] auto stream(request const& ask, std::stop_token stop = {}) -> response_stream {
        if (!looks_up(ask)) {
            return inner_->stream(ask, std::move(stop));
        }
        auto const key = cache_->key(ask, inner_->name());
        if (auto hit = find(ask, key)) {
            cache_->count_hit(hit->response.model, hit->response.usage);
            if (cache_->paced()) {
                return response_stream(std::make_unique<paced_source>(std::move(hit), stop));
            }
            return response_stream(std::make_unique<replay_source>(std::move(hit)));
        }
        std::string const own(key);
        auto reader = cache_->streams().join(flight_name(own, ask.cache), [&](flight_writer out) {
            produce(own, ask, std::move(out));
        });
        return response_stream(
            std::make_unique<detail::shared_source<flight_reader, decltype(settle(*cache_))>>(
                std::move(reader), stop, settle(*cache_)));
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

    // Gives each chunk out when it is due.
    class paced_source final : public chunk_source {
    public:
        paced_source(handle answer, std::stop_token const& outer)
            : answer_(std::move(answer)),
              stops_(outer) {}

        [[nodiscard]] auto next(chunk& out, std::stop_token const& stop) -> bool override {
            if (!cursor_.next(*answer_, out)) {
                return false;
            }
            due_ += cursor_.pause(*answer_);
            stops_.during(stop, [this](std::stop_token const& either) {
                wait_limits<> const until{.stop = either, .deadline = due_};
                detail::wait_out(until);
                if (either.stop_requested()) {
                    until.give_up("cached");
                }
            });
            return true;
        }

    private:
        handle answer_;
        replay_cursor cursor_;
        detail::both_stops stops_;
        std::chrono::steady_clock::time_point due_ = std::chrono::steady_clock::now();
    };

    // What the end of a stream in flight says: what it cost this caller and where it came from.
    [[nodiscard]] static auto settle(Cache& cache) {
        return [&cache](chunk& end, bool led) {
            if (!led || end.coalesced) {
                cache.count_coalesced(end.name, end.usage);
                detail::mark_coalesced(end);
            } else if (end.cached) {
                cache.count_hit(end.name, end.usage);
                end.usage = {};
            }
        };
    }

    // Makes the chunks of a flight, on a thread of its own: the caller who led may leave.
    void produce(std::string const& key, request const& ask, flight_writer out) {
        cache_->workers().run([cache = cache_, inner = inner_, key, ask = ask.clone(),
                               out = std::move(out)]() mutable noexcept {
            bool begun = false; // a chunk was given out
            try {
                try {
                    join_calls(*cache, *inner, key, ask, out, begun);
                } catch (...) {
                    auto const old = begun ? handle{} : stand_in(*cache, key, ask, out.abandoned());
                    if (!old) {
                        throw;
                    }
                    replay(*old, false, out);
                }
                out.close();
            } catch (...) {
                out.close(std::current_exception());
            }
        });
    }

    // A stream is one of the calls in flight: who completes waits for it, and it for who completes.
    static void join_calls(Cache& cache, P& inner, std::string const& key, request const& ask,
                           flight_writer& out, bool& begun) {
        auto const stop = out.abandoned();
        std::optional<chunk> end; // of our own call
        auto const ask_stream = [&] {
            stream_recorder<> recorder;
            auto from = inner.stream(ask, stop);
            while (auto const* piece = from.next(stop)) {
                recorder.add(*piece);
                if (recorder.done()) {
                    end = *piece;
                } else {
                    begun = true;
                    if (!out.push(*piece)) {
                        throw cancelled_error("cached: the last reader of the stream has left");
                    }
                }
            }
            auto whole = std::move(recorder).take();
            keep(cache, key, ask, whole);
            return whole;
        };
        auto const flight = cache.calls().run(
            flight_name(key, ask.cache), [&] { return fetch(cache, key, ask, stop, ask_stream); },
            {.stop = stop});
        // Who has seen the end finds the answer in the cache and the flight over.
        if (end) {
            out.seal();
            out.push(*std::move(end));
        } else {
            replay(*flight, !flight.led, out);
        }
    }

    // An answer from elsewhere into a stream; its end keeps the usage, for the counts.
    static void replay(recorded_response const& answer, bool coalesced, flight_writer& out) {
        out.seal();
        replay_cursor cursor;
        for (chunk piece; cursor.next(answer, piece);) {
            if (piece.kind == chunk_kind::end) {
                piece.usage = answer.response.usage;
                piece.cached = !coalesced;
                piece.coalesced = coalesced;
            }
            if (!out.push(std::exchange(piece, {}))) {
                return;
            }
        }
    }

    // The one call of a flight, unless the answer has come meanwhile: between this caller's look-up and
    // its flight another may have ended, so that N identical calls make one, whatever their timing;
    // or another process has put it into the second tier. Then it is marked `cached`.
    template <class Call>
    [[nodiscard]] static auto fetch(Cache& cache, std::string const& key, request const& ask,
                                    std::stop_token const& stop, Call const& call)
        -> recorded_response {
        typename Cache::tier_answer found; // with the lease, which is held until we are done
        if (ask.cache.mode != cache_mode::refresh) {
            if (auto const late = cache.find(key, ask.cache)) {
                found.answer = late->clone();
            } else {
                found = cache.ask_tier(key, ask.cache, stop);
            }
        }
        if (found.answer) {
            found.answer->response.cached = true;
            return *std::move(found.answer);
        }
        cache.count_miss();
        return call();
    }

    static void keep(Cache& cache, std::string const& key, request const& ask,
                     recorded_response const& answer) {
        if (ask.cache.mode != cache_mode::no_store) {
            cache.put(key, answer.clone(), ask.cache);
        }
    }

    // What may be served though the call failed.
    [[nodiscard]] static auto stand_in(Cache& cache, std::string_view key, request const& ask,
                                       std::stop_token const& stop) -> handle {
        return ask.cache.mode == cache_mode::refresh || stop.stop_requested()
                   ? handle{}
                   : cache.find_expired(key, ask.cache);
    }

    // Calls that want the same of the cache share a flight.
    [[nodiscard]] static auto flight_name(std::string name, cache_control const& control)
        -> std::string {
        if (control.mode == cache_mode::refresh) {
            name += 'r';
        }
        if (control.max_age != std::chrono::nanoseconds::max()) {
            name += std::to_string(control.max_age.count());
        }
        return name;
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
        auto hit = cache_->find(key, ask.cache);
        if (!hit && ask.cache.mode == cache_mode::only_if_cached) {
            if (cache_->ask_tier(key, ask.cache, {}).answer) {
                hit = cache_->find(key, ask.cache);
            }
            if (!hit) {
                cache_->count_miss();
                throw cache_miss_error("the answer is not in the cache");
            }
        }
        if (hit && hit.stale() && ask.cache.mode == cache_mode::normal) {
            refresh(ask, hit);
        }
        return hit;
    }

    // Asks again, as it was asked before, behind the caller's back; nothing here belongs to the cache,
    // which may be gone by then.
    void refresh(request const& ask, handle const& hit) const {
        cache_->refresh(
            hit, [inner = inner_, keeper = cache_->keeper(), streamed = !hit->cuts.empty(),
                  again = std::make_shared<request const>(ask.clone())](std::string_view key,
                                                                        cache_put_options& how) {
                recorded_response fresh;
                if (streamed) {
                    stream_recorder<> recorder;
                    auto from = inner->stream(*again, {});
                    while (auto const* piece = from.next()) {
                        recorder.add(*piece);
                    }
                    fresh = std::move(recorder).take();
                } else {
                    fresh.response = inner->complete(*again, {});
                }
                if (!keeper.keeps(fresh.response)) {
                    throw error("cached: the new answer is not whole");
                }
                if (auto const bytes = keeper.encode(fresh)) {
                    keeper.write(key, *bytes, again->cache);
                }
                how.ttl = again->cache.ttl;
                return fresh;
            });
    }

    [[nodiscard]] auto hit_on(response const& kept) -> response {
        cache_->count_hit(kept.model, kept.usage);
        auto answer = kept.clone();
        answer.usage = {};
        answer.cached = true;
        return answer;
    }

    std::shared_ptr<P> inner_; // shared with the threads of streams in flight, and refreshes
    Cache* cache_;
};

/// The middleware that `cached` makes.
template <class Cache>
class cached_middleware {
public:
    explicit cached_middleware(Cache& cache) noexcept : cache_(&cache) {}
    template <provider P>
    [[nodiscard]] auto wrap(P inner) && {
        static_assert(!has_layer<P, layer::with_tools>,
                      "the key of an answer would not tell its tools: write `provider | "
                      "cached(...) | with_tools(...)`");
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
