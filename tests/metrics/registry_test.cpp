// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include <llms/metrics/json_text.hpp>
#include <llms/metrics/prometheus_text.hpp>
#include <llms/metrics/registry.hpp>
#include <llms/metrics/table.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace registry_test {

namespace {

constexpr llms::metric_info jobs{.name = "app.jobs", .help = "Jobs done.", .unit = "{job}"};
constexpr llms::metric_info load{.name = "app.load", .help = "Load.", .unit = "1"};
constexpr std::array<double, 2> two_bounds{0.5, 2};
constexpr llms::metric_info waits{
    .name = "app.wait", .help = "Waits.", .unit = "s", .bounds = two_bounds, .steps_per_unit = 1e9};

using namespace std::chrono_literals;

} // namespace

TEST_CASE("registry: the same labels, in any order, are the same series", "[registry]") {
    llms::metrics_registry registry;
    auto& first = registry.counter(jobs, {{"a", "1"}, {"b", "2"}});
    CHECK(&first == &registry.counter(jobs, {{"b", "2"}, {"a", "1"}}));
    CHECK(&first == &registry.counter(jobs, {{"b", "2"}, {"empty", ""}, {"a", "1"}}));
    CHECK(&first != &registry.counter(jobs, {{"a", "1"}}));
    CHECK(&first != &registry.counter(jobs));
    std::vector<llms::label> const dynamic{{"a", "1"}, {"b", "2"}};
    CHECK(&first == &registry.counter(jobs, dynamic));
}

TEST_CASE("registry: refuses what cannot be told apart", "[registry]") {
    llms::metrics_registry registry;
    registry.counter(jobs);
    CHECK_THROWS_WITH(registry.gauge(jobs), "metric app.jobs is of another kind");
    CHECK_THROWS_WITH(registry.counter({.name = "app_jobs"}),
                      "metric app_jobs and app.jobs have one name in Prometheus: app_jobs_total");
    CHECK_THROWS_AS(registry.counter({}), llms::metrics_error);
    CHECK_THROWS_WITH(registry.counter(jobs, {{"a.b", "1"}, {"a_b", "2"}}),
                      "label a_b is empty, reserved or comes twice");
    CHECK_THROWS_AS(registry.counter(jobs, {{"le", "1"}}), llms::metrics_error);
    CHECK_THROWS_AS(registry.counter(jobs, {{"__name__", "1"}}), llms::metrics_error);
    CHECK_THROWS_AS(registry.counter(jobs, {{"", "1"}}), llms::metrics_error);
}

TEST_CASE("registry: above max_series a metric counts in one more series", "[registry]") {
    llms::metrics_registry registry{{.max_series = 3}};
    for (int i = 0; i < 100; ++i) {
        registry.counter(jobs, {{"id", std::to_string(i)}}).add();
    }
    registry.counter(jobs, {{"id", "0"}}).add();
    auto const snapshot = registry.snapshot();
    REQUIRE(snapshot.size() == 1);
    auto const& series = snapshot[0].series;
    REQUIRE(series.size() == 4);
    CHECK(series[0].value == 2);
    CHECK(series[3].labels == llms::label_values{{"otel.metric.overflow", "true"}});
    CHECK(series[3].value == 97);
}

TEST_CASE("registry: the number of metrics and the size of labels are bounded", "[registry]") {
    llms::metrics_registry registry{{.max_metrics = 2, .max_label_bytes = 5}};
    registry.counter(jobs, {{"name", "gr\xC3\xB6\xC3\x9F\xC3\xB6"}})
        .add(); // cut between characters
    registry
        .counter(jobs, {{"name", "a\xFF"
                                 "b\xE4\xB8"}})
        .add();
    registry.gauge(load);
    CHECK_THROWS_WITH(registry.histogram(waits), "more metrics than max_metrics (2)");
    auto const snapshot = registry.snapshot();
    CHECK(snapshot[0].series[0].labels[0].second == "a?b??");
    CHECK(snapshot[0].series[1].labels[0].second == "gr\xC3\xB6");
}

TEST_CASE("registry: observed values are read at each snapshot, under the same bounds",
          "[registry]") {
    llms::metrics_registry registry{{.max_metrics = 3, .max_series = 2}};
    registry.counter(jobs, {{"queue", "a"}}).add(1);
    int reads = 0;
    {
        auto const first = registry.observe([&](llms::metrics_observer& out) {
            ++reads;
            out.counter(jobs, {{"queue", "a"}}, 10); // added to the registry's own
            out.counter(jobs, {{"queue", "b"}}, 20);
            out.counter(jobs, {{"queue", "c"}}, 30);
            out.counter(jobs, {{"queue", "d"}}, 40);
            out.gauge(load, {}, 0.5);
            out.gauge(jobs, {}, 1);                   // another kind: left out
            out.counter({.name = "app_jobs"}, {}, 1); // another metric of that name: left out
            out.gauge({.name = "third"}, {}, 1);
            out.gauge({.name = "fourth"}, {}, 1);
            throw std::runtime_error{"swallowed"};
        });
        auto const second =
            registry.observe([](llms::metrics_observer& out) { out.gauge(load, {}, 0.25); });
        auto const snapshot = registry.snapshot();
        REQUIRE(snapshot.size() == 3);
        CHECK(snapshot[0].name == "app.jobs");
        REQUIRE(snapshot[0].series.size() == 3);
        CHECK(snapshot[0].series[0].value == 11);
        CHECK(snapshot[0].series[1].value == 20);
        CHECK(snapshot[0].series[2].value == 70);
        CHECK(snapshot[0].series[2].labels[0].first == "otel.metric.overflow");
        CHECK(snapshot[1].series[0].value == 0.75);
    }
    CHECK(registry.snapshot().size() == 1);
    CHECK(reads == 1);
}

TEST_CASE("registry: is used and read from many threads", "[registry]") {
    llms::metrics_registry registry{{.max_series = 5}};
    {
        std::vector<std::jthread> threads;
        threads.reserve(4);
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([&] {
                for (int i = 0; i < 200; ++i) {
                    registry.counter(jobs, {{"id", std::to_string(i % 10)}}).add();
                    registry.histogram(waits).record(1s);
                    if (i % 50 == 0) {
                        (void)llms::prometheus_text(registry.snapshot());
                    }
                }
            });
        }
    }
    auto const snapshot = registry.snapshot();
    double total = 0;
    for (auto const& series : snapshot[0].series) {
        total += series.value;
    }
    CHECK(total == 800);
    CHECK(snapshot[1].series[0].distribution.count == 800);
}

TEST_CASE("prometheus_text: names, units, escapes and cumulative buckets", "[prometheus]") {
    llms::metrics_registry registry;
    registry
        .counter({.name = "9.jobs-done", .help = "Back\\slash\nand \"line\".", .unit = "By"},
                 {{"1st", "quote \" back \\ line \n end"}, {"ok.label", "\xF0\x9F\x9A\x80"}})
        .add(7);
    registry.gauge(load).set(-0.25);
    auto& wait = registry.histogram(waits, {{"queue", "night"}});
    wait.record(500ms);
    wait.record(1s);
    wait.record(3s);
    CHECK(llms::prometheus_text(registry.snapshot()) ==
          "# HELP _9_jobs_done_bytes_total Back\\\\slash\\nand \"line\".\n"
          "# TYPE _9_jobs_done_bytes_total counter\n"
          "_9_jobs_done_bytes_total{_1st=\"quote \\\" back \\\\ line \\n end\","
          "ok_label=\"\xF0\x9F\x9A\x80\"} 7\n"
          "# HELP app_load_ratio Load.\n"
          "# TYPE app_load_ratio gauge\n"
          "app_load_ratio -0.25\n"
          "# HELP app_wait_seconds Waits.\n"
          "# TYPE app_wait_seconds histogram\n"
          "app_wait_seconds_bucket{queue=\"night\",le=\"0.5\"} 1\n"
          "app_wait_seconds_bucket{queue=\"night\",le=\"2\"} 2\n"
          "app_wait_seconds_bucket{queue=\"night\",le=\"+Inf\"} 3\n"
          "app_wait_seconds_sum{queue=\"night\"} 4.5\n"
          "app_wait_seconds_count{queue=\"night\"} 3\n");
    CHECK(llms::prometheus_text({}).empty());
}

TEST_CASE("prometheus_text: units of a program's own, and what is no number", "[prometheus]") {
    llms::metrics_registry registry;
    registry.gauge({.name = "app.lag", .help = "Lag.", .unit = "ms"}).set(-1.5);
    registry.gauge({.name = "app.full", .help = "Full.", .unit = "%"})
        .set(std::numeric_limits<double>::quiet_NaN());
    registry.gauge({.name = "app.used_percent", .help = "Used.", .unit = "%"})
        .set(-std::numeric_limits<double>::infinity());
    auto const text = llms::prometheus_text(registry.snapshot());
    CAPTURE(text);
    for (auto const* const line : {"\napp_lag_milliseconds -1.5\n", "\napp_full_percent NaN\n",
                                   "\napp_used_percent -Inf\n"}) {
        CHECK(text.find(line) != std::string::npos);
    }
}

TEST_CASE("json_text: one document, whatever the labels hold", "[json]") {
    llms::metrics_registry registry;
    registry.counter(jobs, {{"a", "quote \" back \\ line \n \x01"}, {"b", "\xF0\x9F\x9A\x80"}})
        .add(7);
    registry.gauge(load).set(std::numeric_limits<double>::infinity());
    registry.histogram(waits).record(1s);
    CHECK(llms::json_text(registry.snapshot()) ==
          R"({"metrics":[{"name":"app.jobs","kind":"counter","unit":"{job}","help":"Jobs done.",)"
          R"("series":[{"labels":{"a":"quote \" back \\ line \u000a \u0001","b":"🚀"},"value":7}]},)"
          R"({"name":"app.load","kind":"gauge","unit":"1","help":"Load.",)"
          R"("series":[{"labels":{},"value":null}]},)"
          R"({"name":"app.wait","kind":"histogram","unit":"s","help":"Waits.",)"
          R"("series":[{"labels":{},"count":1,"sum":1,"buckets":[{"le":0.5,"count":0},)"
          R"({"le":2,"count":1},{"le":null,"count":0}]}]}]})");
    CHECK(llms::json_text({}) == R"({"metrics":[]})");
}

TEST_CASE("metrics_table: aligned, readable, without the series that counted nothing", "[table]") {
    llms::metrics_registry registry;
    registry.counter(jobs, {{"queue", "gr\xC3\xBCn \x1B[31m"}}).add(1234567);
    registry.counter(jobs, {{"queue", "none"}});
    registry.gauge({.name = "app.memory", .unit = "By"}).set(4096);
    registry.histogram(waits, {{"queue", "night"}}).record(1500us);
    registry.histogram(waits, {{"queue", "none"}});
    CHECK(llms::metrics_table(registry.snapshot()) ==
          "metric      labels        count     mean      p50      p95      max\n"
          "app.jobs    gr\xC3\xBCn ?[31m  1234567\n"
          "app.memory              4.10 kB\n"
          "app.wait    night             1  1.50 ms  1.50 ms  1.50 ms  1.50 ms\n");
}

} // namespace registry_test
