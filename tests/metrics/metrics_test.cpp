// SPDX-License-Identifier: MIT
#include "near.hpp"
#include "support/catch.hpp"
#include <llms/metrics/metrics.hpp>
#include <llms/metrics/operation_timer.hpp>

#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace metrics_test {

using namespace std::chrono_literals;

namespace {

constexpr llms::operation_info gpt{"chat", "openai", "gpt-4o"};

auto find(llms::metrics const& metrics, std::string_view name) -> llms::metric_snapshot {
    for (auto& metric : metrics.snapshot()) {
        if (metric.name == name) {
            return metric;
        }
    }
    return {};
}

struct pool_of_three {
    struct statistics {
        std::uint64_t created = 3;
        std::uint64_t reused = 40;
        std::uint64_t dropped = 1;
        std::uint64_t idle = 2;
    };
    statistics numbers{};
    [[nodiscard]] auto stats() const -> statistics { return numbers; }
};

// One of everything, with names as they may come from outside.
void record_everything(llms::metrics& metrics) {
    llms::operation_info const strange{"chat", "open\"ai\\", "line\nend \xFF"};
    for (auto const& info : {gpt, strange}) {
        metrics.record(llms::operation_begin{.info = info});
        metrics.record(llms::attempt_end{.info = info, .duration = 1s, .error_type = "429"});
        metrics.record(llms::retry_event{.info = info, .delay = 250ms, .error_type = "429"});
        metrics.record(llms::retry_event{.info = info, .error_type = "timeout"});
        metrics.record(llms::attempt_end{.info = info, .number = 2, .duration = 1s});
        metrics.record(llms::chunk_event{.info = info, .index = 0, .since_previous = 300ms});
        metrics.record(llms::chunk_event{.info = info, .index = 1, .since_previous = 20ms});
        metrics.record(llms::operation_end{.info = info,
                                           .duration = 2s,
                                           .input_tokens = 52,
                                           .output_tokens = 12,
                                           .time_to_first_chunk = 300ms,
                                           .response_bytes = 700});
        metrics.record(llms::operation_end{.info = info, .duration = 1s, .error_type = "timeout"});
        metrics.record(llms::operation_end{.info = info, .origin = llms::answer_origin::cache});
        metrics.record(llms::operation_end{.info = info, .origin = llms::answer_origin::coalesced});
    }
    metrics.record(llms::tool_begin{.tool = "weather"});
    metrics.record(llms::tool_end{.tool = "weather", .duration = 40ms});
    metrics.record(llms::tool_end{.tool = "weather", .duration = 60ms, .error_type = "throw"});
    for (auto const outcome :
         {llms::cache_outcome::hit, llms::cache_outcome::stale_hit, llms::cache_outcome::miss,
          llms::cache_outcome::coalesced, llms::cache_outcome::bypass, llms::cache_outcome::store,
          llms::cache_outcome::eviction, llms::cache_outcome::error}) {
        metrics.record(llms::cache_event{.outcome = outcome, .count = 2});
    }
}

} // namespace

TEST_CASE("metrics: sums up operations, attempts, tokens and tools", "[metrics]") {
    llms::metrics metrics;
    record_everything(metrics);
    auto const all = metrics.summary();
    CHECK(all.calls == 4); // two went well, two failed; cached and coalesced ones are not calls
    CHECK(all.failed_calls == 2);
    CHECK(all.cached_answers == 2);
    CHECK(all.coalesced_answers == 2);
    CHECK(all.attempts == 4);
    CHECK(all.retries == 2);
    CHECK(all.input_tokens == 104);
    CHECK(all.output_tokens == 24);
    CHECK(all.response_bytes == 1400);
    CHECK(all.tool_executions == 2);
    CHECK(all.failed_tools == 1);
    CHECK(near(all.latency.count(), 6));
    CHECK(near(all.mean_latency().count(), 1.5));
    CHECK(near(all.tool_time.count(), 0.1));
    CHECK(near(all.mean_tool_time().count(), 0.05));
    CHECK(llms::metrics{}.summary().mean_latency().count() == 0);
}

TEST_CASE("metrics: uses OpenTelemetry's names, labels and buckets", "[metrics]") {
    llms::metrics metrics;
    record_everything(metrics);
    auto const duration = find(metrics, "gen_ai.client.operation.duration");
    CHECK(duration.unit == "s");
    REQUIRE(duration.series.size() == 4);
    auto const& failed = duration.series[1];
    CHECK(failed.labels == llms::label_values{{"error.type", "timeout"},
                                              {"gen_ai.operation.name", "chat"},
                                              {"gen_ai.provider.name", "openai"},
                                              {"gen_ai.request.model", "gpt-4o"}});
    CHECK(failed.distribution.bounds == std::vector<double>{.01, .02, .04, .08, .16, .32, .64, 1.28,
                                                            2.56, 5.12, 10.24, 20.48, 40.96,
                                                            81.92});
    auto const tokens = find(metrics, "gen_ai.client.token.usage");
    CHECK(tokens.unit == "{token}");
    REQUIRE(tokens.series.size() == 4);
    CHECK(tokens.series[0].distribution.bounds == std::vector<double>{1, 4, 16, 64, 256, 1024, 4096,
                                                                      16384, 65536, 262144, 1048576,
                                                                      4194304, 16777216, 67108864});
    CHECK(near(
        find(metrics, "gen_ai.client.operation.time_to_first_chunk").series[0].distribution.sum,
        0.3));
    CHECK(
        find(metrics, "gen_ai.client.operation.time_per_output_chunk").series[0].distribution.sum ==
        Approx(0.02)); // the first chunk is not among them
    for (auto const* cache : {"hits", "stale_hits", "misses", "coalesced", "bypasses", "stores",
                              "evictions", "errors"}) {
        auto const metric = find(metrics, "llms.cache." + std::string{cache});
        REQUIRE(metric.series.size() == 1);
        CHECK(metric.series[0].value == 2);
        CHECK(metric.series[0].labels == llms::label_values{{"llms.cache.name", "responses"}});
    }
    CHECK(find(metrics, "llms.retry.exhausted").series.size() == 2);
}

TEST_CASE("metrics: names from outside are counted together above the bound", "[metrics]") {
    llms::metrics metrics{{.max_series = 16}};
    for (int i = 0; i < 1000; ++i) {
        auto const model =
            "model-" + std::to_string(i) + std::string(static_cast<std::size_t>(i % 300), 'x');
        llms::operation_info const info{"chat", "openai", model};
        metrics.record(llms::operation_end{
            .info = info, .duration = 1s, .input_tokens = 1, .output_tokens = 2});
        metrics.record(llms::operation_end{.info = info, .duration = 1s, .error_type = model});
        metrics.record(llms::chunk_event{.info = info, .index = 1});
        metrics.record(llms::tool_end{.tool = model});
        metrics.record(llms::cache_event{.cache = model});
    }
    auto const all = metrics.summary();
    CHECK(all.calls == 2000);
    CHECK(all.input_tokens == 1000);
    CHECK(all.output_tokens == 2000);
    CHECK(all.tool_executions == 1000);
    for (auto const& metric : metrics.snapshot()) {
        CAPTURE(metric.name);
        CHECK(metric.series.size() <= 17);
        CHECK(std::any_of(metric.series.begin(), metric.series.end(), [](auto const& series) {
            return std::any_of(series.labels.begin(), series.labels.end(), [](auto const& label) {
                return label.first == "otel.metric.overflow";
            });
        }));
    }
    auto const chunks = find(metrics, "gen_ai.client.operation.time_per_output_chunk");
    REQUIRE(chunks.series.size() == 5); // four models, and all others
    CHECK(chunks.series.back().distribution.count == 996);
}

TEST_CASE("metrics: similar names are told apart", "[metrics]") {
    llms::metrics metrics;
    std::vector<std::string> names{"", "a", "b", "ab", "ba", "abc", "acb", "bac", "abcd", "abdc"};
    for (auto const* name :
         {"abcdefgh", "abcdefgi", "gpt-4o", "gpt-4o-mini", "gpt-4o-mini-2024-07-18",
          "gpt-4o-maxi-2024-07-18", "12345678x12345678", "12345678y12345678"}) {
        names.emplace_back(name);
    }
    for (int round = 0; round < 2; ++round) {
        for (auto const& provider : names) {
            for (auto const& model : names) {
                metrics.record(llms::attempt_end{.info = {"", provider, model}});
            }
        }
    }
    auto const attempts = find(llms::metrics{}, "llms.attempts");
    CHECK(attempts.series.empty());
    // 18 x 18 pairs, of which max_series / 4 = 128 have a series of their own.
    auto const counted = find(metrics, "llms.attempts");
    REQUIRE(counted.series.size() == 129);
    CHECK(std::count_if(counted.series.begin(), counted.series.end(),
                        [](auto const& series) { return series.value == 2; }) == 128);
}

TEST_CASE("metrics: hooks see each event after it was counted", "[metrics]") {
    llms::metrics metrics;
    std::uint64_t calls = 0;
    auto const hook = metrics.subscribe({.after_operation = [&](llms::operation_end const& end) {
        calls = metrics.summary().calls;
        CHECK(end.info.model == "gpt-4o");
        throw std::runtime_error{"swallowed"};
    }});
    metrics.record(llms::operation_end{.info = gpt, .duration = 1s});
    CHECK(calls == 1);
}

TEST_CASE("metrics: shows the statistics of pools", "[metrics]") {
    llms::metrics metrics;
    pool_of_three const pool{};
    {
        auto const watch = metrics.watch_pool("buffers", pool);
        CHECK(find(metrics, "llms.pool.created").series[0].value == 3);
        CHECK(find(metrics, "llms.pool.reused").series[0].value == 40);
        CHECK(find(metrics, "llms.pool.dropped").series[0].value == 1);
        CHECK(find(metrics, "llms.pool.idle").kind == llms::metric_kind::gauge);
        CHECK(find(metrics, "llms.pool.idle").series[0].labels ==
              llms::label_values{{"llms.pool.name", "buffers"}});
    }
    CHECK(metrics.snapshot().empty());
}

TEST_CASE("metrics: shows the statistics of caches, what they have of them", "[metrics]") {
    struct small_cache {
        struct statistics {
            std::uint64_t hits = 7;
            std::uint64_t stale_hits = 2; // of the hits
            std::uint64_t misses = 5;
            std::uint64_t insertions = 4;
            std::size_t entries = 3;
            std::size_t bytes = 900;
        };
        static auto stats() -> statistics { return {}; }
    };
    small_cache const cache{};
    llms::metrics metrics;
    {
        auto const watch = metrics.watch_cache("schemas", cache);
        auto const value = [&](std::string_view name) {
            auto const metric = find(metrics, name);
            return metric.series.size() == 1 ? metric.series[0].value : -1;
        };
        CHECK(value("llms.cache.hits") == 5);
        CHECK(value("llms.cache.stale_hits") == 2);
        CHECK(value("llms.cache.misses") == 5);
        CHECK(value("llms.cache.stores") == 4);
        CHECK(value("llms.cache.evictions") == -1);
        CHECK(value("llms.cache.entries") == 3);
        CHECK(value("llms.cache.size") == 900);
        CHECK(find(metrics, "llms.cache.hits").series[0].labels ==
              llms::label_values{{"llms.cache.name", "schemas"}});
    }
    CHECK(metrics.snapshot().empty());
}

TEST_CASE("metrics: nothing is lost when many threads record, meet new names and read",
          "[metrics]") {
    llms::metrics metrics;
    std::atomic<std::uint64_t> hooked{0};
    auto const hook = metrics.subscribe({.after_operation = [&](llms::operation_end const&) {
        hooked.fetch_add(1);
    }});
    {
        std::vector<std::jthread> threads;
        threads.reserve(4);
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([&] {
                for (int i = 0; i < 1000; ++i) {
                    auto const model = "model-" + std::to_string(i % 20);
                    llms::operation_info const info{"chat", "openai", model};
                    metrics.record(llms::operation_end{
                        .info = info, .duration = 1s, .input_tokens = 3, .response_bytes = 5});
                    metrics.record(llms::cache_event{.outcome = llms::cache_outcome::miss});
                    if (i % 250 == 0) {
                        (void)metrics.table();
                    }
                }
            });
        }
    }
    CHECK(metrics.summary().calls == 4000);
    CHECK(metrics.summary().input_tokens == 12'000);
    CHECK(metrics.summary().response_bytes == 20'000);
    CHECK(find(metrics, "llms.cache.misses").series[0].value == 4000);
    CHECK(hooked == 4000);
}

TEST_CASE("metrics: Prometheus' own tool accepts the text", "[metrics]") {
    llms::metrics metrics;
    record_everything(metrics);
    pool_of_three const pool{};
    auto const watch = metrics.watch_pool("a \"pool\"\\ of\nthree", pool);
    constexpr int no_promtool = 99;
    auto* const promtool =
        ::popen("command -v promtool > /dev/null || { cat > /dev/null; exit 99; }; "
                "exec promtool check metrics",
                "w");
    REQUIRE(promtool != nullptr);
    auto const text = metrics.prometheus_text();
    CHECK(std::fwrite(text.data(), 1, text.size(), promtool) == text.size());
    auto const status = ::pclose(promtool);
    if (WIFEXITED(status) && WEXITSTATUS(status) == no_promtool) {
        WARN("no promtool (Debian: apt-get install prometheus): skipped");
        return;
    }
    CHECK(status == 0);
}

namespace {

struct manual_clock {
    using duration = std::chrono::nanoseconds;
    using time_point = std::chrono::time_point<manual_clock, duration>;
    static inline std::int64_t nanoseconds = 0;
    static auto now() -> time_point { return time_point{duration{nanoseconds}}; }
    static void advance(duration by) { nanoseconds += by.count(); }
};

using manual_timer = llms::operation_timer<manual_clock>;

} // namespace

TEST_CASE("operation_timer: measures chunks and the whole", "[metrics]") {
    llms::metrics metrics;
    std::vector<std::uint64_t> ids;
    auto const hook = metrics.subscribe(
        {.before_operation = [&](llms::operation_begin const& e) { ids.push_back(e.id); },
         .after_operation = [&](llms::operation_end const& e) { ids.push_back(e.id); },
         .on_chunk =
             [&](llms::chunk_event const& e) {
                 ids.push_back(e.id);
             }});
    {
        manual_timer timer{metrics, gpt};
        manual_clock::advance(300ms);
        timer.chunk(4);
        manual_clock::advance(20ms);
        timer.chunk(6);
        manual_clock::advance(30ms);
        timer.chunk(10);
        manual_clock::advance(50ms);
        timer.end({.output_tokens = 3});
        timer.fail("too late");
    }
    CHECK(ids == std::vector<std::uint64_t>{1, 1, 1, 1, 1});
    auto const sum = [&](std::string_view name) {
        return find(metrics, name).series.at(0).distribution.sum;
    };
    CHECK(near(sum("gen_ai.client.operation.duration"), 0.4));
    CHECK(near(sum("gen_ai.client.operation.time_to_first_chunk"), 0.3));
    CHECK(near(sum("gen_ai.client.operation.time_per_output_chunk"), 0.05));
    CHECK(sum("llms.response.size") == 20);
    CHECK(metrics.summary().failed_calls == 0);
    CHECK(metrics.summary().output_tokens == 3);
}

TEST_CASE("operation_timer: one that is left without an end was cancelled", "[metrics]") {
    llms::metrics metrics;
    { manual_timer const timer{metrics, gpt}; }
    CHECK(metrics.summary().failed_calls == 1);
    CHECK(find(metrics, "llms.operations").series.at(0).labels.at(0).second == "cancelled");
}

TEST_CASE("operation_timer: its id is that of its events", "[metrics]") {
    llms::metrics metrics;
    std::vector<std::uint64_t> ids;
    auto const seen = metrics.subscribe(
        {.before_operation = [&](llms::operation_begin const& event) { ids.push_back(event.id); },
         .after_operation =
             [&](llms::operation_end const& event) {
                 ids.push_back(event.id);
             }});
    llms::operation_timer timer{metrics, {"chat", "openai", "gpt-4o"}};
    timer.end();
    CHECK(timer.id() != 0);
    CHECK(ids == std::vector<std::uint64_t>{timer.id(), timer.id()});
}

} // namespace metrics_test
