// SPDX-License-Identifier: MIT
//
// `metrics` counts what a program does with providers, and tells its hooks: give one to
// `observed(...)`, and read it where you like.
//
//     llms::metrics metrics;
//     auto client = provider | llms::observed(metrics);
//     ...
//     std::cout << metrics.table();                  // for people
//     server.Get("/metrics", [&] { return metrics.prometheus_text(); });
//
// Names and buckets are OpenTelemetry's (see names.hpp). An operation is counted once, its requests
// to the provider as attempts; an answer from a cache is an operation, but no call: it has no
// duration, tokens or attempts.
//
// Thread-safe. Recording takes no lock once a model, tool or cache was seen, except for failures,
// and never throws: out of memory, an event is not counted. Memory is bounded by the options.
#ifndef LLMS_METRICS_METRICS_HPP
#define LLMS_METRICS_METRICS_HPP

#include <llms/detail/metrics_series.hpp>
#include <llms/metrics/events.hpp>
#include <llms/metrics/hooks.hpp>
#include <llms/metrics/json_text.hpp>
#include <llms/metrics/names.hpp>
#include <llms/metrics/prometheus_text.hpp>
#include <llms/metrics/registry.hpp>
#include <llms/metrics/summary.hpp>
#include <llms/metrics/table.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace llms::inline v0_1 {

/// Counts calls, tools and caches, and calls hooks.
class metrics {
public:
    /// Tells `max_series / 4` (operation, provider, model) apart, so that there is room for their
    /// errors; further ones are counted together, labelled `otel.metric.overflow="true"`.
    explicit metrics(registry_options options = {})
        : registry_{options},
          operations_{options.max_series / 4},
          tools_{options.max_series / 4},
          caches_{options.max_series} {}

    /// Calls the functions of `hook` after each event was counted, for as long as the result lives.
    auto subscribe(metrics_hook hook) -> subscription { return hooks_.subscribe(std::move(hook)); }

    /// Counts an event and runs the hooks, in this thread. The strings need only live till then.
    void record(operation_begin const& event) noexcept { hooks_.run(event); }
    void record(operation_end const& event) noexcept { count_and_run(event); }
    void record(attempt_end const& event) noexcept { count_and_run(event); }
    void record(retry_event const& event) noexcept { count_and_run(event); }
    void record(chunk_event const& event) noexcept { count_and_run(event); }
    void record(tool_begin const& event) noexcept { hooks_.run(event); }
    void record(tool_end const& event) noexcept { count_and_run(event); }
    void record(cache_event const& event) noexcept { count_and_run(event); }

    /// A number for the `id` of the events of one operation; never 0, never twice.
    [[nodiscard]] auto next_id() noexcept -> std::uint64_t {
        return last_id_.fetch_add(1, std::memory_order_relaxed) + 1;
    }

    /// Shows a pool's `stats()` (created, reused, dropped, idle) as `llms.pool`, read at each
    /// snapshot, for as long as the result lives; the pool must live longer.
    template <class Pool>
    auto watch_pool(std::string name, Pool const& pool) -> subscription {
        return registry_.observe([name = std::move(name), &pool](metrics_observer& out) {
            auto const stats = pool.stats();
            std::array<label, 1> const labels{{{metric::pool_name, name}}};
            out.counter(metric::pool_created, labels, static_cast<double>(stats.created));
            out.counter(metric::pool_reused, labels, static_cast<double>(stats.reused));
            out.counter(metric::pool_dropped, labels, static_cast<double>(stats.dropped));
            out.gauge(metric::pool_idle, labels, static_cast<double>(stats.idle));
        });
    }

    /// Shows a cache's `stats()` (hits, misses, entries, bytes, and of stale_hits, coalesced,
    /// bypassed, stored or insertions, evicted those that it has) as `llms.cache`, read at each
    /// snapshot, for as long as the result lives; the cache must live longer. Not for a cache whose
    /// events are recorded as well: they would be counted twice.
    template <class Cache>
    auto watch_cache(std::string name, Cache const& cache) -> subscription {
        return registry_.observe([name = std::move(name), &cache](metrics_observer& out) {
            auto const stats = cache.stats();
            std::array<label, 1> const labels{{{metric::cache_name, name}}};
            auto const count = [&](metric_info const& which, auto value) {
                out.counter(which, labels, static_cast<double>(value));
            };
            auto fresh = stats.hits;
            if constexpr (requires { stats.stale_hits; }) {
                fresh -= stats.stale_hits; // which are of the hits
                count(metric::cache_stale_hits, stats.stale_hits);
            }
            count(metric::cache_hits, fresh);
            count(metric::cache_misses, stats.misses);
            if constexpr (requires { stats.coalesced; }) {
                count(metric::cache_coalesced, stats.coalesced);
            }
            if constexpr (requires { stats.bypassed; }) {
                count(metric::cache_bypasses, stats.bypassed);
            }
            if constexpr (requires { stats.stored; }) {
                count(metric::cache_stores, stats.stored);
            } else if constexpr (requires { stats.insertions; }) {
                count(metric::cache_stores, stats.insertions);
            }
            if constexpr (requires { stats.evicted; }) {
                count(metric::cache_evictions, stats.evicted);
            }
            out.gauge(metric::cache_entries, labels, static_cast<double>(stats.entries));
            out.gauge(metric::cache_size, labels, static_cast<double>(stats.bytes));
        });
    }

    /// The metrics themselves, for more of your own.
    [[nodiscard]] auto registry() noexcept -> metrics_registry& { return registry_; }

    [[nodiscard]] auto snapshot() const -> metrics_snapshot { return registry_.snapshot(); }
    [[nodiscard]] auto summary() const -> metrics_summary { return summarize(snapshot()); }
    [[nodiscard]] auto prometheus_text() const -> std::string {
        return v0_1::prometheus_text(snapshot());
    }
    [[nodiscard]] auto json_text() const -> std::string { return v0_1::json_text(snapshot()); }
    [[nodiscard]] auto table() const -> std::string { return metrics_table(snapshot()); }

private:
    template <class Metric>
    using lazy = detail::lazy_metric<Metric>;

    // The metrics of one (operation, provider, model), for events without an error.
    struct operation_series {
        static constexpr std::array label_names{metric::operation_name, metric::provider,
                                                metric::model};
        lazy<histogram> duration;
        lazy<histogram> time_to_first_chunk;
        lazy<histogram> time_per_output_chunk;
        lazy<histogram> input_tokens;
        lazy<histogram> output_tokens;
        lazy<histogram> response_size;
        lazy<histogram> retry_delay;
        lazy<counter> retries;
        lazy<counter> retries_exhausted;
        lazy<counter> attempts;
        std::array<lazy<counter>, 3> operations; // by answer_origin
    };
    struct tool_series {
        static constexpr std::array label_names{metric::tool_name};
        lazy<histogram> duration;
    };
    struct cache_series {
        static constexpr std::array label_names{metric::cache_name};
        std::array<lazy<counter>, 8> outcomes; // by cache_outcome
    };

    static constexpr std::array<metric_info const*, 8> outcome_metrics{
        &metric::cache_hits,      &metric::cache_stale_hits, &metric::cache_misses,
        &metric::cache_coalesced, &metric::cache_bypasses,   &metric::cache_stores,
        &metric::cache_evictions, &metric::cache_errors};
    static constexpr std::array<std::string_view, 3> origin_names{"provider", "cache", "coalesced"};

    template <class Event>
    void count_and_run(Event const& event) noexcept {
        try {
            count(event);
        } catch (...) { // NOLINT(bugprone-empty-catch): counting never fails the call
        }
        hooks_.run(event);
    }

    void count(operation_end const& event) {
        auto const which = static_cast<std::size_t>(event.origin);
        auto& known = operation(event.info);
        find(known, known.series.operations[which], metric::operations, event.error_type,
             {metric::origin, origin_names[which]})
            .add();
        if (event.origin != answer_origin::provider) {
            return;
        }
        find(known, known.series.duration, metric::operation_duration, event.error_type)
            .record(event.duration);
        if (event.time_to_first_chunk) {
            find(known, known.series.time_to_first_chunk, metric::time_to_first_chunk)
                .record(*event.time_to_first_chunk);
        }
        if (event.input_tokens) {
            find(known, known.series.input_tokens, metric::token_usage, {},
                 {metric::token_type, "input"})
                .record(*event.input_tokens);
        }
        if (event.output_tokens) {
            find(known, known.series.output_tokens, metric::token_usage, {},
                 {metric::token_type, "output"})
                .record(*event.output_tokens);
        }
        if (event.response_bytes != 0) {
            find(known, known.series.response_size, metric::response_size)
                .record(event.response_bytes);
        }
    }

    void count(attempt_end const& event) {
        auto& known = operation(event.info);
        find(known, known.series.attempts, metric::attempts, event.error_type).add();
    }

    void count(retry_event const& event) {
        auto& known = operation(event.info);
        if (event.delay) {
            find(known, known.series.retries, metric::retries, event.error_type).add();
            find(known, known.series.retry_delay, metric::retry_delay).record(*event.delay);
        } else {
            find(known, known.series.retries_exhausted, metric::retries_exhausted, event.error_type)
                .add();
        }
    }

    void count(chunk_event const& event) {
        if (event.index != 0) {
            auto& known = operation(event.info);
            find(known, known.series.time_per_output_chunk, metric::time_per_output_chunk)
                .record(event.since_previous);
        }
    }

    void count(tool_end const& event) {
        auto& known = tools_.find_or_add(clipped(event.tool));
        find(known, known.series.duration, metric::tool_duration, event.error_type)
            .record(event.duration);
    }

    void count(cache_event const& event) {
        auto const which = static_cast<std::size_t>(event.outcome);
        auto& known = caches_.find_or_add(clipped(event.cache));
        find(known, known.series.outcomes[which], *outcome_metrics[which]).add(event.count);
    }

    auto operation(operation_info const& info)
        -> detail::series_table<3, operation_series>::entry& {
        return operations_.find_or_add(clipped(info.operation), clipped(info.provider),
                                       clipped(info.model));
    }

    // The metric of an entry. One with an error is looked up each time: errors are rare.
    template <class Entry, class Metric>
    auto find(Entry const& entry, lazy<Metric>& known, metric_info const& which,
              std::string_view error_type = {}, label more = {}) -> Metric& {
        auto const look_up = [&]() -> Metric& {
            auto const labels = labels_of(entry, error_type, more);
            if constexpr (std::is_same_v<Metric, counter>) {
                return registry_.counter(which, labels);
            } else {
                return registry_.histogram(which, labels);
            }
        };
        return error_type.empty() ? known.get(look_up) : look_up();
    }

    template <class Entry>
    static auto labels_of(Entry const& entry, std::string_view error_type, label more) noexcept {
        constexpr auto const& names = decltype(entry.series)::label_names;
        std::array<label, names.size() + 2> result;
        for (std::size_t i = 0; i < names.size(); ++i) {
            result[i] = {names[i], entry.names[i]};
        }
        if (entry.overflow) { // its names are empty
            result[0] = {metric::overflow, "true"};
        }
        result[names.size()] = {metric::error_type, error_type};
        result[names.size() + 1] = more;
        return result;
    }

    // What the registry would keep of a label, or a little more: bounds the keys of the tables.
    [[nodiscard]] auto clipped(std::string_view name) const noexcept -> std::string_view {
        return name.substr(0, registry_.options().max_label_bytes);
    }

    metrics_registry registry_;
    hook_list hooks_;
    std::atomic<std::uint64_t> last_id_{0};
    detail::series_table<3, operation_series> operations_;
    detail::series_table<1, tool_series> tools_;
    detail::series_table<1, cache_series> caches_;
};

} // namespace llms::inline v0_1

#endif // LLMS_METRICS_METRICS_HPP
