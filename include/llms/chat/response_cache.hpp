// SPDX-License-Identifier: MIT
//
// `response_cache`: answers kept by the whole request that they answer. Put `cached(cache)` around
// a provider, and an identical call is answered from memory, or by the call that is in flight
// already:
//
//     llms::response_cache cache{{.tenant = "acme", .ttl = 10min}};
//     auto client = provider | llms::cached(cache);
//
// Only complete answers are kept: none that failed, was cut for length, filtered or cancelled. Only
// requests with temperature 0 are looked up, unless `any_temperature` says that any sample will do.
// A hit reports `cached = true` and no usage. Streams are kept with the places of their cuts and
// are replayed as streams.
//
// Thread safety: all of it. Bounds: `max_entries`, `max_bytes` and `max_entry_bytes`, always.
#ifndef LLMS_CHAT_RESPONSE_CACHE_HPP
#define LLMS_CHAT_RESPONSE_CACHE_HPP

#include <llms/cache/cache.hpp>
#include <llms/cache/coarse_clock.hpp>
#include <llms/cache/single_flight.hpp>
#include <llms/cache/stream_flight.hpp>
#include <llms/chat/chunk.hpp>
#include <llms/chat/recorded_response.hpp>
#include <llms/chat/request.hpp>
#include <llms/chat/request_key.hpp>
#include <llms/chat/response.hpp>
#include <llms/detail/chat_worker_group.hpp>
#include <llms/error.hpp>
#include <llms/json/canonical.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace llms::inline v0_1 {

/// A call with `cache_mode::only_if_cached` found nothing.
class cache_miss_error : public error {
public:
    using error::error;
};

/// How a `response_cache` is bounded and what it keeps.
struct response_cache_options {
    /// Whose answers these are; must be named, so that no tenant is served another's.
    std::string tenant{};
    std::size_t max_entries = 1024;
    std::size_t max_bytes = std::size_t{64} << 20;
    std::size_t max_entry_bytes = std::size_t{4} << 20; ///< a larger answer is not kept
    std::chrono::nanoseconds ttl = std::chrono::minutes{10};
    bool any_temperature = false; ///< also answer requests whose temperature is not 0
    bool keep_truncated = false;  ///< also keep answers that were cut for length
    /// JSON Pointers into OpenAI's wire form of what does not belong to the key: "/seed".
    std::vector<std::string> ignore{};
};

/// What a `response_cache` did, and what it holds.
struct response_cache_stats {
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
    std::uint64_t coalesced = 0; ///< answered by another caller's call in flight
    std::uint64_t bypassed = 0;  ///< not looked up
    std::uint64_t stored = 0;
    std::uint64_t refused = 0;            ///< answers that are not kept
    std::uint64_t input_tokens_saved = 0; ///< by hits and coalesced calls
    std::uint64_t output_tokens_saved = 0;
    std::uint64_t evicted = 0;
    std::size_t entries = 0;
    std::size_t bytes = 0;
};

/// Answers kept by their requests; see the head of this file.
template <class Clock = coarse_clock>
class basic_response_cache {
public:
    using entries =
        llms::cache<std::string, recorded_response, s3_fifo, cache_hash<std::string>, Clock>;
    using handle = typename entries::handle;

    /// \throws error when no tenant is named; canonical_error for a malformed JSON Pointer.
    explicit basic_response_cache(response_cache_options options)
        : options_(checked(std::move(options))),
          entries_({.max_entries = options_.max_entries,
                    .max_bytes = options_.max_bytes,
                    .max_entry_bytes = options_.max_entry_bytes,
                    .ttl = options_.ttl,
                    .weigher = [](std::string_view key, recorded_response const& value) {
                        return key.size() + value.weight();
                    }}) {
        if (!options_.ignore.empty()) {
            wire_form_.emplace(key_form(options_.ignore));
        }
    }

    /// The key of a request to `provider`, valid until this thread asks for the next one.
    [[nodiscard]] auto key(request const& ask, std::string_view provider) const
        -> std::string_view {
        return request_key(ask, {.tenant = options_.tenant,
                                 .provider = provider,
                                 .wire = wire_form_ ? &*wire_form_ : nullptr});
    }

    /// A call that may be answered from here: temperature 0, or any by opt-in.
    [[nodiscard]] auto admits(request const& ask) const noexcept -> bool {
        return ask.cache.mode != cache_mode::bypass &&
               (options_.any_temperature || ask.cache.any_temperature || ask.temperature == 0.0);
    }

    /// The answer kept under a key, pinned; empty on a miss. Counts neither.
    [[nodiscard]] auto find(std::string_view key) -> handle { return entries_.get(key); }

    /// Keeps an answer. False, and counted, when it is not whole or too large.
    auto put(std::string_view key, recorded_response answer, cache_control const& control = {})
        -> bool {
        auto const whole =
            answer.response.finish == finish_reason::stop ||
            answer.response.finish == finish_reason::tool_calls ||
            (options_.keep_truncated && answer.response.finish == finish_reason::length);
        auto const kept =
            whole && entries_.put(key, std::move(answer), cache_put_options{.ttl = control.ttl});
        ++(kept ? counters_.stored : counters_.refused);
        return kept;
    }

    /// Forgets the answer of a request. True if there was one.
    auto erase(request const& ask, std::string_view provider) -> bool {
        return entries_.erase(key(ask, provider));
    }
    void clear() { entries_.clear(); }
    /// Drops up to `budget` expired entries.
    auto purge(std::size_t budget = static_cast<std::size_t>(-1)) -> std::size_t {
        return entries_.purge(budget);
    }

    [[nodiscard]] auto stats() const -> response_cache_stats {
        auto const held = entries_.stats();
        return {.hits = counters_.hits,
                .misses = counters_.misses,
                .coalesced = counters_.coalesced,
                .bypassed = counters_.bypassed,
                .stored = counters_.stored,
                .refused = counters_.refused,
                .input_tokens_saved = counters_.input_tokens_saved,
                .output_tokens_saved = counters_.output_tokens_saved,
                .evicted = held.evicted,
                .entries = held.entries,
                .bytes = held.bytes};
    }

    /// What `cached` shares through the cache: the calls and streams in flight, and the threads
    /// that these run on. Not for other use.
    struct chunk_bytes {
        auto operator()(chunk const& piece) const noexcept -> std::size_t {
            return sizeof(chunk) + piece.text.size();
        }
    };
    using call_flights = single_flight<std::string, recorded_response>;
    using stream_flights = stream_flight<std::string, chunk, std::hash<std::string>, chunk_bytes>;
    [[nodiscard]] auto calls() noexcept -> call_flights& { return calls_; }
    [[nodiscard]] auto streams() noexcept -> stream_flights& { return streams_; }
    [[nodiscard]] auto workers() noexcept -> detail::worker_group& { return workers_; }

    /// Count what `cached` did.
    void count_hit(usage const& saved) noexcept {
        ++counters_.hits;
        count_saved(saved);
    }
    void count_coalesced(usage const& saved) noexcept {
        ++counters_.coalesced;
        count_saved(saved);
    }
    void count_miss() noexcept { ++counters_.misses; }
    void count_bypass() noexcept { ++counters_.bypassed; }

private:
    // Counts only: nothing is published through them.
    struct counters {
        std::atomic<std::uint64_t> hits{0};
        std::atomic<std::uint64_t> misses{0};
        std::atomic<std::uint64_t> coalesced{0};
        std::atomic<std::uint64_t> bypassed{0};
        std::atomic<std::uint64_t> stored{0};
        std::atomic<std::uint64_t> refused{0};
        std::atomic<std::uint64_t> input_tokens_saved{0};
        std::atomic<std::uint64_t> output_tokens_saved{0};
    };

    void count_saved(usage const& saved) noexcept {
        counters_.input_tokens_saved += static_cast<std::uint64_t>(saved.input_tokens);
        counters_.output_tokens_saved += static_cast<std::uint64_t>(saved.output_tokens);
    }

    static auto checked(response_cache_options options) -> response_cache_options {
        if (options.tenant.empty()) {
            throw error("response_cache: name the tenant whose answers it keeps");
        }
        return options;
    }

    response_cache_options const options_;
    std::optional<canonical_form> wire_form_;
    entries entries_;
    call_flights calls_;
    stream_flights streams_;
    counters counters_;
    detail::worker_group workers_; // last: its threads use all of the above
};

/// Answers kept by their requests, on the clock that costs least.
using response_cache = basic_response_cache<>;

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_RESPONSE_CACHE_HPP
