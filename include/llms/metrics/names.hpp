// SPDX-License-Identifier: MIT
//
// The metrics that llms records, under the names and with the buckets of OpenTelemetry's semantic
// conventions for generative AI where these have one (`gen_ai.*`), else under our own (`llms.*`).
//
//     registry.histogram(llms::metric::operation_duration, {{llms::metric::model, "gpt-4o"}});
//
// Source: open-telemetry/semantic-conventions, docs/gen-ai/gen-ai-metrics.md (status: development).
#ifndef LLMS_METRICS_NAMES_HPP
#define LLMS_METRICS_NAMES_HPP

#include <llms/metrics/metric_info.hpp>

#include <array>
#include <string_view>

namespace llms::inline v0_1::metric {

inline constexpr std::array duration_bounds{0.01, 0.02, 0.04, 0.08,  0.16,  0.32,  0.64,
                                            1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92};
inline constexpr std::array token_bounds{1.,       4.,       16.,       64.,      256.,
                                         1024.,    4096.,    16384.,    65536.,   262144.,
                                         1048576., 4194304., 16777216., 67108864.};
inline constexpr std::array byte_bounds{64.,    256.,    1024.,    4096.,    16384.,
                                        65536., 262144., 1048576., 4194304., 16777216.};

// Labels.
inline constexpr std::string_view operation_name = "gen_ai.operation.name";
inline constexpr std::string_view provider = "gen_ai.provider.name";
inline constexpr std::string_view model = "gen_ai.request.model";
inline constexpr std::string_view token_type = "gen_ai.token.type"; ///< input, output
inline constexpr std::string_view tool_name = "gen_ai.tool.name";
inline constexpr std::string_view error_type = "error.type";
inline constexpr std::string_view origin = "llms.origin"; ///< provider, cache, coalesced
inline constexpr std::string_view cache_name = "llms.cache.name";
inline constexpr std::string_view pool_name = "llms.pool.name";
/// On the one series that takes what is above `registry_options::max_series`.
inline constexpr std::string_view overflow = "otel.metric.overflow";

// Calls to providers.
inline constexpr metric_info operation_duration{
    .name = "gen_ai.client.operation.duration",
    .help = "Duration of GenAI operations that were answered by a provider.",
    .unit = "s",
    .bounds = duration_bounds,
    .steps_per_unit = 1e9};
inline constexpr metric_info time_to_first_chunk{
    .name = "gen_ai.client.operation.time_to_first_chunk",
    .help = "Time from the begin of a streamed operation to its first chunk.",
    .unit = "s",
    .bounds = duration_bounds,
    .steps_per_unit = 1e9};
inline constexpr metric_info time_per_output_chunk{
    .name = "gen_ai.client.operation.time_per_output_chunk",
    .help = "Time between one chunk of a streamed operation and the next.",
    .unit = "s",
    .bounds = duration_bounds,
    .steps_per_unit = 1e9};
inline constexpr metric_info token_usage{.name = "gen_ai.client.token.usage",
                                         .help = "Input and output tokens billed per operation.",
                                         .unit = "{token}",
                                         .bounds = token_bounds};
inline constexpr metric_info tool_duration{.name = "gen_ai.execute_tool.duration",
                                           .help = "Duration of tool executions.",
                                           .unit = "s",
                                           .bounds = duration_bounds,
                                           .steps_per_unit = 1e9};
inline constexpr metric_info response_size{.name = "llms.response.size",
                                           .help = "Size of answers from providers.",
                                           .unit = "By",
                                           .bounds = byte_bounds};
inline constexpr metric_info operations{.name = "llms.operations",
                                        .help =
                                            "Operations that ended, by where the answer came from.",
                                        .unit = "{operation}"};
inline constexpr metric_info attempts{
    .name = "llms.attempts", .help = "Requests to providers.", .unit = "{attempt}"};
inline constexpr metric_info retries{
    .name = "llms.retry.retries", .help = "Attempts that were repeated.", .unit = "{retry}"};
inline constexpr metric_info retry_delay{.name = "llms.retry.delay",
                                         .help = "Waits before an attempt was repeated.",
                                         .unit = "s",
                                         .bounds = duration_bounds,
                                         .steps_per_unit = 1e9};
inline constexpr metric_info retries_exhausted{.name = "llms.retry.exhausted",
                                               .help =
                                                   "Operations given up after their last attempt.",
                                               .unit = "{operation}"};

// Caches.
inline constexpr metric_info cache_hits{
    .name = "llms.cache.hits", .help = "Lookups answered from the cache.", .unit = "{lookup}"};
inline constexpr metric_info cache_stale_hits{.name = "llms.cache.stale_hits",
                                              .help = "Lookups answered with an expired value.",
                                              .unit = "{lookup}"};
inline constexpr metric_info cache_misses{
    .name = "llms.cache.misses", .help = "Lookups that found nothing.", .unit = "{lookup}"};
inline constexpr metric_info cache_coalesced{.name = "llms.cache.coalesced",
                                             .help =
                                                 "Calls that joined an identical one under way.",
                                             .unit = "{call}"};
inline constexpr metric_info cache_bypasses{
    .name = "llms.cache.bypasses", .help = "Calls that were not looked up.", .unit = "{call}"};
inline constexpr metric_info cache_stores{
    .name = "llms.cache.stores", .help = "Values stored.", .unit = "{value}"};
inline constexpr metric_info cache_evictions{
    .name = "llms.cache.evictions", .help = "Values removed to make room.", .unit = "{value}"};
inline constexpr metric_info cache_errors{
    .name = "llms.cache.errors", .help = "Failures of a store.", .unit = "{failure}"};
inline constexpr metric_info cache_entries{
    .name = "llms.cache.entries", .help = "Values held.", .unit = "{value}"};
inline constexpr metric_info cache_size{
    .name = "llms.cache.size", .help = "Memory that the values held count for.", .unit = "By"};

// Pools.
inline constexpr metric_info pool_created{
    .name = "llms.pool.created", .help = "Objects constructed.", .unit = "{object}"};
inline constexpr metric_info pool_reused{
    .name = "llms.pool.reused", .help = "Objects taken from the pool.", .unit = "{object}"};
inline constexpr metric_info pool_dropped{
    .name = "llms.pool.dropped", .help = "Objects not kept on return.", .unit = "{object}"};
inline constexpr metric_info pool_idle{
    .name = "llms.pool.idle", .help = "Objects waiting in the pool.", .unit = "{object}"};

} // namespace llms::inline v0_1::metric

#endif // LLMS_METRICS_NAMES_HPP
