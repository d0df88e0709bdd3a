// SPDX-License-Identifier: MIT
//
// `response_cache`: answers kept by the whole request that they answer. Put `cached(cache)` around
// a provider, and an identical call is answered from memory, from a second tier that processes share,
// or by the call that is in flight already:
//
//     llms::response_cache cache{{.tenant = "acme", .ttl = 10min, .tier = tier}};
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
#include <llms/cache/guarded_store.hpp>
#include <llms/cache/single_flight.hpp>
#include <llms/cache/stream_flight.hpp>
#include <llms/chat/chunk.hpp>
#include <llms/chat/recorded_response.hpp>
#include <llms/chat/request.hpp>
#include <llms/chat/request_key.hpp>
#include <llms/chat/response.hpp>
#include <llms/detail/cache_function.hpp>
#include <llms/detail/chat_keeper.hpp>
#include <llms/detail/chat_response_codec.hpp>
#include <llms/detail/chat_shared_source.hpp>
#include <llms/detail/chat_worker_group.hpp>
#include <llms/error.hpp>
#include <llms/json/canonical.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
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
    /// After this long an answer is still served, while `executor` fetches a new one.
    std::chrono::nanoseconds soft_ttl = cache_forever;
    /// How long past its time to live an answer stands in when the provider fails.
    std::chrono::nanoseconds stale_if_error{0};
    /// Shortens each lifetime by a random share of it up to this, from 0 to 1.
    double jitter = 0;
    /// How long a failure of the provider answers later calls of its key too; zero: not at all.
    std::chrono::nanoseconds remember_failures{0};
    bool any_temperature = false; ///< also answer requests whose temperature is not 0
    bool keep_truncated = false;  ///< also keep answers that were cut for length
    bool keep_filtered = false;   ///< also keep answers that a content filter ended
    /// Replay streams with the pauses that they came with, rather than at once.
    bool paced = false;
    /// JSON Pointers into OpenAI's wire form of what does not belong to the key: "/seed".
    std::vector<std::string> ignore{};
    /// What a call costs, by the model that answered and its usage: for `cost_saved`. Asked at each hit;
    /// what it throws counts as nothing.
    detail::cache_function<double(std::string_view, usage const&)> price{};
    /// Runs the refreshes of `soft_ttl` somewhere else, for instance on a thread pool; a task may also be
    /// dropped, or outlive the cache.
    detail::cache_function<void(detail::cache_function<void()>)> executor{};
    /// Asked on a miss before the provider, given what the provider answers, and shared with whom you
    /// like: while one process asks the provider, the others wait for its answer.
    std::shared_ptr<guarded_store> tier{};
};

/// What a `response_cache` did, and what it holds.
struct response_cache_stats {
    std::uint64_t hits = 0;       ///< from memory or the second tier
    std::uint64_t tier_hits = 0;  ///< of these: from the second tier
    std::uint64_t stale_hits = 0; ///< of these: past their soft time to live, or for a failed call
    std::uint64_t misses = 0;     ///< the provider was asked, or was not to be (only_if_cached)
    std::uint64_t coalesced = 0;  ///< answered by another caller's call in flight
    std::uint64_t bypassed = 0;   ///< not looked up
    std::uint64_t stored = 0;
    std::uint64_t refused = 0;            ///< answers that are not kept
    std::uint64_t refreshes = 0;          ///< answers fetched past their soft time to live
    std::uint64_t refresh_failures = 0;   ///< the old answer stayed
    std::uint64_t input_tokens_saved = 0; ///< by hits and coalesced calls
    std::uint64_t output_tokens_saved = 0;
    double cost_saved = 0; ///< by the same, in the unit of `price`
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

    /// \throws error when no tenant is named, or there is a `soft_ttl` and no executor; cache_error for
    /// other options out of their range; canonical_error for a malformed JSON Pointer.
    explicit basic_response_cache(response_cache_options options)
        : options_(checked(std::move(options))),
          keeper_{.tier = options_.tier,
                  .ttl = options_.ttl,
                  .keep_truncated = options_.keep_truncated,
                  .keep_filtered = options_.keep_filtered},
          entries_({.max_entries = options_.max_entries,
                    .max_bytes = options_.max_bytes,
                    .max_entry_bytes = options_.max_entry_bytes,
                    .ttl = options_.ttl,
                    .soft_ttl = options_.soft_ttl,
                    .stale_if_error = options_.stale_if_error,
                    .jitter = options_.jitter,
                    .weigher =
                        [](std::string_view key, recorded_response const& value) {
                            return key.size() + value.weight();
                        },
                    .executor = options_.executor}),
          calls_({.remember_failures = options_.remember_failures}) {
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

    /// The answer kept in memory under a key, pinned; empty on a miss. Counts neither.
    [[nodiscard]] auto find(std::string_view key, cache_control const& control = {}) -> handle {
        return entries_.get(key, {.max_age = control.max_age});
    }

    /// Keeps an answer, in the second tier too. False, and counted, when it is not whole or too large.
    auto put(std::string_view key, recorded_response answer, cache_control const& control = {})
        -> bool {
        auto const whole = keeper_.keeps(answer.response);
        auto const bytes = whole ? keeper_.encode(answer) : std::nullopt;
        auto const kept = whole && entries_.put(key, std::move(answer), {.ttl = control.ttl});
        if (kept && bytes) {
            keeper_.write(key, *bytes, control);
        }
        ++(kept ? counters_.stored : counters_.refused);
        return kept;
    }

    /// Forgets the answer of a request, in the second tier too. True if there was one in memory.
    auto erase(request const& ask, std::string_view provider) -> bool {
        auto const which = key(ask, provider);
        keeper_.erase(which);
        return entries_.erase(which);
    }
    /// Forgets what is in memory; the second tier stays as it is.
    void clear() { entries_.clear(); }
    /// Drops up to `budget` expired entries.
    auto purge(std::size_t budget = static_cast<std::size_t>(-1)) -> std::size_t {
        return entries_.purge(budget);
    }

    /// Writes what is in memory to a stream, and reads it back, as `cache::save` and `cache::load` do.
    template <class Stream>
    void save(Stream& out) {
        entries_.save(out);
    }
    template <class Stream>
    [[nodiscard]] auto load(Stream& in) -> cache_load_result {
        return entries_.load(in);
    }

    [[nodiscard]] auto stats() const -> response_cache_stats {
        auto const held = entries_.stats();
        return {.hits = counters_.hits,
                .tier_hits = counters_.tier_hits,
                .stale_hits = held.stale_hits,
                .misses = counters_.misses,
                .coalesced = counters_.coalesced,
                .bypassed = counters_.bypassed,
                .stored = counters_.stored,
                .refused = counters_.refused,
                .refreshes = held.loads,
                .refresh_failures = held.load_failures,
                .input_tokens_saved = counters_.input_tokens_saved,
                .output_tokens_saved = counters_.output_tokens_saved,
                .cost_saved = counters_.cost_saved,
                .evicted = held.evicted,
                .entries = held.entries,
                .bytes = held.bytes};
    }

    /// What follows is for `cached`, which shares it through the cache: the calls and streams in
    /// flight, the threads that these run on, and its steps. Not for other use.
    using call_flights = single_flight<std::string, recorded_response>;
    using stream_flights =
        stream_flight<std::string, chunk, std::hash<std::string>, detail::chunk_bytes>;
    [[nodiscard]] auto calls() noexcept -> call_flights& { return calls_; }
    [[nodiscard]] auto streams() noexcept -> stream_flights& { return streams_; }
    [[nodiscard]] auto workers() noexcept -> detail::worker_group& { return workers_; }
    [[nodiscard]] auto keeper() const noexcept -> detail::response_keeper const& { return keeper_; }
    [[nodiscard]] auto paced() const noexcept -> bool { return options_.paced; }

    /// Past its time to live, but within `stale_if_error`.
    [[nodiscard]] auto find_expired(std::string_view key, cache_control const& control) -> handle {
        return entries_.get(key, {.max_age = control.max_age, .accept_expired = true});
    }

    /// An answer of the second tier, kept in memory now, or else leave to ask the provider, which holds
    /// until the answer has been put.
    struct tier_answer {
        std::optional<recorded_response> answer;
        guarded_store::lease permit;
    };
    [[nodiscard]] auto ask_tier(std::string_view key, cache_control const& control,
                                std::stop_token const& stop) -> tier_answer {
        if (!options_.tier) {
            return {};
        }
        auto const name = detail::response_keeper::tier_key(key);
        if (control.mode == cache_mode::no_store || control.mode == cache_mode::only_if_cached) {
            return {accept(key, options_.tier->get(name), control), {}};
        }
        auto found = options_.tier->get_or_lease(name, {.stop = stop});
        return {accept(key, found.value, control), std::move(found.permit)};
    }

    /// Replaces an answer that is past its soft time to live by what `loader` returns.
    template <class Loader>
    void refresh(handle const& stale, Loader&& loader) {
        entries_.refresh(stale, std::forward<Loader>(loader));
    }

    /// Count what `cached` did.
    void count_hit(std::string_view model, usage const& saved) noexcept {
        counters_.hits.fetch_add(1, std::memory_order_relaxed);
        count_saved(model, saved);
    }
    void count_coalesced(std::string_view model, usage const& saved) noexcept {
        counters_.coalesced.fetch_add(1, std::memory_order_relaxed);
        count_saved(model, saved);
    }
    void count_miss() noexcept { ++counters_.misses; }
    void count_bypass() noexcept { ++counters_.bypassed; }

private:
    // Counts only: nothing is published through them.
    struct counters {
        std::atomic<std::uint64_t> hits{0};
        std::atomic<std::uint64_t> tier_hits{0};
        std::atomic<std::uint64_t> misses{0};
        std::atomic<std::uint64_t> coalesced{0};
        std::atomic<std::uint64_t> bypassed{0};
        std::atomic<std::uint64_t> stored{0};
        std::atomic<std::uint64_t> refused{0};
        std::atomic<std::uint64_t> input_tokens_saved{0};
        std::atomic<std::uint64_t> output_tokens_saved{0};
        std::atomic<double> cost_saved{0};
    };

    void count_saved(std::string_view model, usage const& saved) noexcept {
        auto const add = [](std::atomic<std::uint64_t>& sum, std::int64_t tokens) {
            sum.fetch_add(static_cast<std::uint64_t>(tokens), std::memory_order_relaxed);
        };
        add(counters_.input_tokens_saved, saved.input_tokens);
        add(counters_.output_tokens_saved, saved.output_tokens);
        if (options_.price) {
            try {
                auto const cost = options_.price(model, saved);
                auto sum = counters_.cost_saved.load(std::memory_order_relaxed);
                while (!counters_.cost_saved.compare_exchange_weak(sum, sum + cost,
                                                                   std::memory_order_relaxed)) {}
            } catch (...) { // NOLINT(bugprone-empty-catch): as documented
            }
        }
    }

    // Takes what the second tier has into memory, for the rest of its time.
    [[nodiscard]] auto accept(std::string_view key, std::optional<stored_value> const& found,
                              cache_control const& control) -> std::optional<recorded_response> {
        using std::chrono::nanoseconds;
        if (!found) {
            return std::nullopt;
        }
        auto const age = std::max<nanoseconds>(std::chrono::system_clock::now() - found->created,
                                               nanoseconds::zero());
        auto answer = keeper_.decode(found->value);
        if (!answer || age > control.max_age) {
            return std::nullopt;
        }
        entries_.put(key, answer->clone(), {.ttl = found->expires - found->created, .age = age});
        counters_.tier_hits.fetch_add(1, std::memory_order_relaxed);
        return answer;
    }

    static auto checked(response_cache_options options) -> response_cache_options {
        if (options.tenant.empty()) {
            throw error("response_cache: name the tenant whose answers it keeps");
        }
        if (options.soft_ttl != cache_forever && !options.executor) {
            throw error("response_cache: soft_ttl needs an executor that runs the refreshes");
        }
        return options;
    }

    response_cache_options const options_;
    detail::response_keeper const keeper_;
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
