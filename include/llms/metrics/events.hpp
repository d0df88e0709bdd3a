// SPDX-License-Identifier: MIT
//
// What happens during a call to a provider, as plain values: `metrics::record` takes them and hands
// them to the hooks. An *operation* is what the program asked for ("chat"); an *attempt* is one
// request to the provider: an operation takes several when it is retried or falls back, and none
// when a cache answers it.
//
//     metrics.record(llms::operation_end{.info = {"chat", "openai", "gpt-4o"},
//                                        .duration = 1300ms, .input_tokens = 52});
//
// The views need to live only until `record` returns; a hook must copy what it keeps.
#ifndef LLMS_METRICS_EVENTS_HPP
#define LLMS_METRICS_EVENTS_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace llms::inline v0_1 {

/// What an operation is, in the words of OpenTelemetry. An empty attribute is left out.
struct operation_info {
    std::string_view operation = "chat"; ///< `gen_ai.operation.name`: chat, embeddings ...
    std::string_view provider{};         ///< `gen_ai.provider.name`: openai, anthropic ...
    std::string_view model{};            ///< `gen_ai.request.model`
};

/// Where an answer came from. Only what comes from the provider counts as a call.
enum class answer_origin : std::uint8_t { provider, cache, coalesced };

/// An operation begins.
struct operation_begin {
    operation_info info{};
    std::uint64_t id = 0; ///< The same in all events of one operation; 0 when not tracked.
};

/// An operation has ended, well or not.
struct operation_end {
    operation_info info{};
    std::uint64_t id = 0;
    std::chrono::nanoseconds duration{};
    std::optional<std::uint64_t> input_tokens{};  ///< Billed; with those the provider had cached.
    std::optional<std::uint64_t> output_tokens{}; ///< Billed.
    std::optional<std::chrono::nanoseconds> time_to_first_chunk{}; ///< Of a streamed answer.
    std::uint64_t response_bytes = 0;
    std::string_view error_type{}; ///< `error.type`: timeout, 429 ...; empty when it went well.
    answer_origin origin = answer_origin::provider;
};

/// One request to a provider has ended, well or not.
struct attempt_end {
    operation_info info{};
    std::uint64_t id = 0;
    unsigned number = 1; ///< 1 is the first of its operation.
    std::chrono::nanoseconds duration{};
    std::string_view error_type{};
};

/// An attempt failed: there will be another after `delay`, or none.
struct retry_event {
    operation_info info{};
    std::uint64_t id = 0;
    unsigned failed_attempts = 1;
    std::optional<std::chrono::nanoseconds> delay{}; ///< None: given up.
    std::string_view error_type{};
};

/// A piece of a streamed answer has come.
struct chunk_event {
    operation_info info{};
    std::uint64_t id = 0;
    std::uint64_t index = 0;                   ///< 0 is the first of its operation.
    std::chrono::nanoseconds since_previous{}; ///< The first: since the operation began.
    std::size_t bytes = 0;
};

/// A tool is about to be run.
struct tool_begin {
    std::string_view tool{};
    std::uint64_t id = 0; ///< The same in both events of one execution; 0 when not tracked.
};

/// A tool was run, well or not.
struct tool_end {
    std::string_view tool{};
    std::uint64_t id = 0;
    std::chrono::nanoseconds duration{};
    std::string_view error_type{};
};

/// What a cache did.
enum class cache_outcome : std::uint8_t {
    hit,
    stale_hit, ///< Answered with an expired value: it is being renewed, or renewing it failed.
    miss,
    coalesced, ///< Joined an identical call that was under way.
    bypass,    ///< Not looked up: not cacheable, or the caller said so.
    store,
    eviction,
    error, ///< A store failed; the call went on without it.
};

/// A cache did something.
struct cache_event {
    std::string_view cache = "responses"; ///< Which cache of the program.
    cache_outcome outcome = cache_outcome::hit;
    std::uint64_t count = 1; ///< How often, for events that are reported in batches.
};

} // namespace llms::inline v0_1

#endif // LLMS_METRICS_EVENTS_HPP
