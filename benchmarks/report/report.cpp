// SPDX-License-Identifier: MIT
//
// report <out folder> <result.json>...: makes report.html, one self-contained page with a table and
// bars for each benchmark program, and report.json, the same figures, from what the programs wrote
// with --benchmark_format=json and repetitions.
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace {

using nlohmann::ordered_json;

struct row {
    std::string name;
    std::vector<double> times; // ns per iteration, one a repetition

    [[nodiscard]] auto median() const -> double {
        auto sorted = times;
        std::sort(sorted.begin(), sorted.end());
        return sorted[sorted.size() / 2];
    }
    // Half the distance between the fastest and the slowest repetition, in percent of the median.
    [[nodiscard]] auto spread() const -> double {
        auto const [low, high] = std::minmax_element(times.begin(), times.end());
        return 50 * (*high - *low) / median();
    }
};

auto nanoseconds(nlohmann::json const& run) -> double {
    static std::map<std::string, double> const units{
        {"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};
    return run.at("real_time").get<double>() * units.at(run.at("time_unit").get<std::string>());
}

auto rows_of(nlohmann::json const& result) -> std::vector<row> {
    std::vector<row> rows;
    for (auto const& run : result.at("benchmarks")) {
        if (run.value("run_type", "iteration") != "iteration" ||
            run.value("error_occurred", false)) {
            continue;
        }
        auto const name = run.at("run_name").get<std::string>();
        auto known =
            std::find_if(rows.begin(), rows.end(), [&](row const& r) { return r.name == name; });
        if (known == rows.end()) {
            known = rows.insert(rows.end(), row{.name = name, .times = {}});
        }
        known->times.push_back(nanoseconds(run));
    }
    return rows;
}

auto escaped(std::string_view text) -> std::string {
    std::string result;
    for (char const c : text) {
        switch (c) {
        case '<':
            result += "&lt;";
            break;
        case '&':
            result += "&amp;";
            break;
        case '"':
            result += "&quot;";
            break;
        default:
            result += c;
        }
    }
    return result;
}

auto pretty(double ns) -> std::string {
    auto const* unit = "ns";
    for (auto const* larger : {"us", "ms", "s"}) {
        if (ns < 1000) {
            break;
        }
        ns /= 1000;
        unit = larger;
    }
    char text[64];
    std::snprintf(text, sizeof text, ns < 10 ? "%.2f %s" : "%.1f %s", ns, unit);
    return text;
}

// A bar as long as the logarithm of the time, so that 10 ns and 10 ms fit one picture.
auto bar(double ns, double fastest, double slowest, bool baseline) -> std::string {
    auto const scale = std::log(std::max(slowest / fastest, 1.01));
    auto const width = 20 + 280 * std::log(ns / fastest) / scale;
    return "<svg width='310' height='14'><rect width='" + std::to_string(static_cast<int>(width)) +
           "' height='14' rx='2' fill='" + (baseline ? "#b0b8c4" : "#2f6fde") + "'/></svg>";
}

auto is_baseline(std::string_view name) -> bool {
    return name.find("baseline") != std::string_view::npos;
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::cerr << "usage: report <out folder> <result.json>...\n";
        return 2;
    }
    std::filesystem::path const folder(argv[1]);
    std::string page;
    ordered_json figures;
    for (int i = 2; i < argc; ++i) {
        std::ifstream in(argv[i]);
        auto const result = nlohmann::json::parse(in, nullptr, false);
        auto const program = std::filesystem::path(argv[i]).stem().string();
        if (result.is_discarded()) {
            std::cerr << "report: " << argv[i] << " is not JSON\n";
            return 1;
        }
        auto const rows = rows_of(result);
        if (rows.empty()) {
            std::cerr << "report: " << program << " measured nothing\n";
            return 1;
        }
        auto const& context = result.at("context");
        if (page.empty()) {
            auto const machine = std::to_string(context.value("num_cpus", 0)) + " CPUs at " +
                                 std::to_string(context.value("mhz_per_cpu", 0)) + " MHz, " +
                                 LLMS_COMPILER + ", " + context.value("date", "");
            figures["machine"] = machine;
            page = "<p>" + escaped(machine) +
                   ". Median of the repetitions; ± is half the range. Grey rows are baselines. "
                   "Bars are logarithmic within a table.</p>\n";
        }
        auto const [fastest, slowest] =
            std::minmax_element(rows.begin(), rows.end(),
                                [](row const& a, row const& b) { return a.median() < b.median(); });
        page += "<h2>" + escaped(program) + "</h2>\n<table>\n";
        for (auto const& r : rows) {
            char spread[32];
            std::snprintf(spread, sizeof spread, "± %.0f %%", r.spread());
            page += "<tr><td>" + escaped(r.name) + "<td class=n>" + pretty(r.median()) +
                    "<td class=n>" + spread + "<td>" +
                    bar(r.median(), fastest->median(), slowest->median(), is_baseline(r.name)) +
                    "\n";
            figures["programs"][program][r.name] = {{"median_ns", r.median()},
                                                    {"spread_percent", r.spread()},
                                                    {"repetitions", r.times.size()}};
        }
        page += "</table>\n";
    }
    std::ofstream(folder / "report.html")
        << "<!doctype html>\n<meta charset=utf-8>\n<title>llms benchmarks</title>\n<style>"
           "body{font:15px system-ui;margin:2em auto;max-width:70em;color:#1c2330}"
           "table{border-collapse:collapse}td{padding:2px 12px 2px 0}.n{text-align:right;"
           "font-variant-numeric:tabular-nums}h2{margin-top:1.6em}</style>\n"
           "<h1>llms benchmarks</h1>\n"
        << page;
    std::ofstream(folder / "report.json") << figures.dump(1) << '\n';
    std::cout << "wrote " << (folder / "report.html").string() << '\n';
    return 0;
}
