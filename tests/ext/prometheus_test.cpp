// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include <llms/ext/prometheus.hpp>
#include <llms/metrics/prometheus_text.hpp>

#include <array>
#include <chrono>
#include <limits>

namespace prometheus_test {

using namespace std::chrono_literals;

TEST_CASE("prometheus_collectable: gives what prometheus_text writes", "[prometheus]") {
    static constexpr std::array<double, 2> bounds{0.5, 2};
    llms::metrics_registry registry;
    registry.counter({.name = "app.jobs", .help = "Jobs."}, {{"app.queue", "night"}}).add(7);
    registry.gauge({.name = "app.load"}).set(0.5);
    auto& wait = registry.histogram(
        {.name = "app.wait", .unit = "s", .bounds = bounds, .steps_per_unit = 1e9});
    wait.record(1s);
    wait.record(3s);

    llms::prometheus_collectable const collectable{registry};
    auto const families = collectable.Collect();
    REQUIRE(families.size() == 3);

    CHECK(families[0].name == "app_jobs_total");
    CHECK(families[0].help == "Jobs.");
    CHECK(families[0].type == prometheus::MetricType::Counter);
    CHECK(families[0].metric.at(0).counter.value == 7);
    CHECK(families[0].metric.at(0).label.at(0).name == "app_queue");
    CHECK(families[0].metric.at(0).label.at(0).value == "night");

    CHECK(families[1].type == prometheus::MetricType::Gauge);
    CHECK(families[1].metric.at(0).gauge.value == 0.5);

    CHECK(families[2].name == "app_wait_seconds");
    CHECK(families[2].type == prometheus::MetricType::Histogram);
    auto const& histogram = families[2].metric.at(0).histogram;
    CHECK(histogram.sample_count == 2);
    CHECK(histogram.sample_sum == 4);
    REQUIRE(histogram.bucket.size() == 3);
    CHECK(histogram.bucket[0].cumulative_count == 0);
    CHECK(histogram.bucket[1].cumulative_count == 1);
    CHECK(histogram.bucket[2].cumulative_count == 2);
    CHECK(histogram.bucket[2].upper_bound == std::numeric_limits<double>::infinity());
}

} // namespace prometheus_test
