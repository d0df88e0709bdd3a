// SPDX-License-Identifier: MIT
//
// What the benchmark programs wrote with --benchmark_out_format=json and repetitions, as figures: for
// each benchmark one value a repetition. A time is in nanoseconds, a rate in bytes per second.
#ifndef LLMS_BENCHMARKS_REPORT_FIGURES_HPP
#define LLMS_BENCHMARKS_REPORT_FIGURES_HPP

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace report {

/// How a benchmark is read.
enum class measure { iteration, item, bytes };

/// The values of one benchmark, one a repetition, in their order.
struct figure {
    std::vector<double> values;

    [[nodiscard]] auto median() const -> double {
        auto sorted = values;
        std::sort(sorted.begin(), sorted.end());
        return sorted[sorted.size() / 2];
    }
    [[nodiscard]] auto lowest() const -> double {
        return *std::min_element(values.begin(), values.end());
    }
    [[nodiscard]] auto highest() const -> double {
        return *std::max_element(values.begin(), values.end());
    }
};

/// One benchmark of one program.
struct benchmark_runs {
    std::string name;
    std::vector<nlohmann::json> repetitions;

    /// \throws std::runtime_error where the benchmark does not count items.
    [[nodiscard]] auto read(measure how) const -> figure {
        static std::map<std::string, double> const units{
            {"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};
        figure result;
        for (auto const& run : repetitions) {
            if (how == measure::iteration) {
                result.values.push_back(run.at("real_time").get<double>() *
                                        units.at(run.at("time_unit").get<std::string>()));
                continue;
            }
            result.values.push_back(
                how == measure::item ? per_item(run) : run.at("bytes_per_second").get<double>());
        }
        return result;
    }

private:
    // The counters by which the programs say what one of many items took, and their units.
    [[nodiscard]] auto per_item(nlohmann::json const& run) const -> double {
        static std::map<std::string, double> const units{
            {"ns_per_token", 1}, {"per_object", 1e9}, {"each", 1e9}};
        for (auto const& [counter, unit] : units) {
            if (run.contains(counter)) {
                return run[counter].get<double>() * unit;
            }
        }
        if (run.contains("items_per_second")) {
            return 1e9 / run["items_per_second"].get<double>();
        }
        throw std::runtime_error(name + " does not say what an item takes");
    }
};

/// All benchmarks of one program, in their order.
struct program_runs {
    std::string name;
    nlohmann::json context;
    std::vector<benchmark_runs> benchmarks;

    program_runs(std::string program, nlohmann::json const& result)
        : name(std::move(program)),
          context(result.at("context")) {
        for (auto const& run : result.at("benchmarks")) {
            if (run.value("run_type", "iteration") != "iteration" ||
                run.value("error_occurred", false)) {
                continue;
            }
            auto const title = run.at("run_name").get<std::string>();
            auto known = find(title);
            if (known == nullptr) {
                known = &benchmarks.emplace_back(benchmark_runs{title, {}});
            }
            known->repetitions.push_back(run);
        }
    }

    /// Null if there is none of that name, or it failed.
    [[nodiscard]] auto find(std::string const& title) -> benchmark_runs* {
        auto const found = std::find_if(benchmarks.begin(), benchmarks.end(),
                                        [&](auto const& each) { return each.name == title; });
        return found == benchmarks.end() ? nullptr : &*found;
    }
};

} // namespace report

#endif // LLMS_BENCHMARKS_REPORT_FIGURES_HPP
