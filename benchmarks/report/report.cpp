// SPDX-License-Identifier: MIT
//
// report <comparisons.json> <out folder> <README.md or -> <headers.json or -> <result.json>...
//
// Makes report.html, one self-contained page, and report.json, the same figures, from what the
// benchmark programs wrote with --benchmark_out_format=json and repetitions. comparisons.json names
// what is compared with what and what is followed as the work grows. With a README its tables are
// written anew between their marks, so that each figure in it comes from here. headers.json holds
// what each public header costs to include.
#include "figures.hpp"
#include "page.hpp"
#include "text.hpp"

#include <nlohmann/json.hpp>

#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using nlohmann::json;
using nlohmann::ordered_json;
using report::measure;
using report::pretty;

auto read_json(std::string const& path) -> json {
    std::ifstream in(path);
    if (!in) {
        throw std::runtime_error("cannot read " + path);
    }
    std::stringstream text;
    text << in.rdbuf();
    // What Google Benchmark writes for the variation of a counter that is 0, and JSON does not have.
    auto content = text.str();
    for (auto at = content.find(": NaN"); at != std::string::npos; at = content.find(": NaN", at)) {
        content.replace(at, 5, ": 0");
    }
    return json::parse(content);
}

auto measure_of(json const& row) -> measure {
    auto const name = row.value("measure", "iteration");
    return name == "item" ? measure::item : name == "bytes" ? measure::bytes : measure::iteration;
}

class maker {
public:
    maker(json comparisons, std::vector<report::program_runs> programs)
        : comparisons_(std::move(comparisons)),
          programs_(std::move(programs)) {
        auto const& context = programs_.front().context;
        machine_ = std::to_string(context.value("num_cpus", 0)) + " CPUs at " +
                   std::to_string(context.value("mhz_per_cpu", 0)) + " MHz, " + LLMS_COMPILER +
                   ", " + context.value("date", "").substr(0, 10);
        figures_["machine"] = machine_;
    }

    // What stands beside what; a row whose programs did not run is left out.
    void compare() {
        page_ +=
            "<h2>Beside what a user would write or take instead</h2><p>How many times as fast, "
            "median and range of the repetitions; red rows lose.</p>\n<table>\n";
        for (auto const& row : comparisons_.at("rows")) {
            auto* const program = find(row.at("program"));
            if (program == nullptr) {
                continue;
            }
            auto const how = measure_of(row);
            auto const what = row.at("what").get<std::string>();
            auto const ours = demand(*program, row.at("llms")).read(how);
            auto first = true;
            for (auto const& beside : row.at("beside")) {
                auto* const peer = program->find(beside.at("name"));
                if (peer == nullptr) {
                    continue; // a peer that is not installed
                }
                auto const label = beside.at("label").get<std::string>();
                auto const theirs = peer->read(how);
                auto const times = report::ratio::of(ours, theirs, how);
                page_ += "<tr><td>" + (first ? report::escaped(what) : "") + "<td class=n>" +
                         (first ? pretty(ours.median(), how) : "") + "<td>" +
                         report::escaped(label) + "<td class=n>" + pretty(theirs.median(), how) +
                         "<td class=n>" + report::digits(times.middle) + "<td>" +
                         report::ratio_bar(times) + "\n";
                readme_ += "| " + (first ? what : "") + " | " +
                           (first ? pretty(ours.median(), how) : "") + " | " + label + ", " +
                           pretty(theirs.median(), how) + " | " + report::digits(times.middle) +
                           " |\n";
                figures_["comparisons"][what][label] = {{"llms", ours.median()},
                                                        {"beside", theirs.median()},
                                                        {"ratio", times.middle},
                                                        {"lowest", times.low},
                                                        {"highest", times.high}};
                first = false;
            }
        }
        page_ += "</table>\n";
    }

    // What happens as the work grows.
    void scale() {
        page_ += "<h2>As the work grows</h2>\n";
        for (auto const& chart : comparisons_.at("scaling")) {
            auto* const program = find(chart.at("program"));
            if (program == nullptr) {
                continue;
            }
            std::vector<report::series> lines;
            for (auto const& [label, prefix] : chart.at("lines").items()) {
                auto line = follow(*program, label, prefix, measure_of(chart));
                if (!line.points.empty()) {
                    figures_["scaling"][chart.at("title")][label] = line.points;
                    lines.push_back(std::move(line));
                }
            }
            if (lines.empty()) {
                throw std::runtime_error("nothing to chart for " + chart.at("title").dump());
            }
            page_ += "<h3>" + report::escaped(chart.at("title").get<std::string>()) + "</h3>" +
                     report::scaling_chart(lines, chart.at("axis")) + "\n";
        }
    }

    void list_everything() {
        page_ += "<h2>Every figure</h2>\n";
        for (auto const& program : programs_) {
            page_ += "<h3>" + report::escaped(program.name) + "</h3>\n<table>\n";
            for (auto const& each : program.benchmarks) {
                auto const times = each.read(measure::iteration);
                auto const spread = 50 * (times.highest() - times.lowest()) / times.median();
                page_ += "<tr><td>" + report::escaped(each.name) + "<td class=n>" +
                         pretty(times.median(), measure::iteration) + "<td class=n>± " +
                         report::digits(spread) + " %\n";
                figures_["programs"][program.name][each.name] = {
                    {"median_ns", times.median()},
                    {"spread_percent", spread},
                    {"repetitions", times.values.size()}};
            }
            page_ += "</table>\n";
        }
    }

    // What including a header costs: {"llms/x.hpp": {"lines": n, "seconds": s}}
    void list_headers(json const& headers) {
        page_ +=
            "<h2>What an include costs</h2><p>A translation unit that includes the header alone, "
            "lines after preprocessing and seconds to check it.</p>\n<table>\n";
        for (auto const& [name, cost] : headers.items()) {
            auto const lines = cost.at("lines").get<long>();
            auto const seconds = cost.at("seconds").get<double>();
            page_ += "<tr><td>" + report::escaped(name) + "<td class=n>" +
                     std::to_string((lines + 999) / 1000) + " kLOC<td class=n>" +
                     report::digits(seconds) + " s\n";
        }
        page_ += "</table>\n";
        figures_["headers"] = headers;
    }

    void write(std::filesystem::path const& folder) const {
        std::ofstream(folder / "report.html")
            << "<!doctype html>\n<meta charset=utf-8>\n<title>llms benchmarks</title>\n<style>"
               "body{font:15px system-ui,sans-serif;margin:2em auto;max-width:76em;color:#1c2330}"
               "table{border-collapse:collapse}td{padding:2px 12px 2px 0}.n{text-align:right;"
               "font-variant-numeric:tabular-nums}h2{margin-top:1.6em}</style>\n"
               "<h1>llms benchmarks</h1>\n<p>"
            << report::escaped(machine_) << ". Median of the repetitions.</p>\n"
            << page_;
        std::ofstream(folder / "report.json") << figures_.dump(1) << '\n';
    }

    [[nodiscard]] auto readme_table() const -> std::string {
        return machine_ + ".\n\n| what | llms | beside it | times as fast |\n|---|--:|---|--:|\n" +
               readme_;
    }

private:
    auto find(std::string const& name) -> report::program_runs* {
        for (auto& program : programs_) {
            if (program.name == name) {
                return &program;
            }
        }
        return nullptr;
    }

    static auto demand(report::program_runs& program, std::string const& name)
        -> report::benchmark_runs& {
        auto* const found = program.find(name);
        if (found == nullptr) {
            throw std::runtime_error(program.name + " has no benchmark " + name);
        }
        return *found;
    }

    // The benchmarks whose names are `prefix` and a number, perhaps with a suffix after it.
    static auto follow(report::program_runs& program, std::string const& label,
                       std::string const& prefix, measure how) -> report::series {
        report::series line{label, {}};
        for (auto const& each : program.benchmarks) {
            if (each.name.starts_with(prefix) && each.name.size() > prefix.size()) {
                line.points.emplace_back(std::stod(each.name.substr(prefix.size())),
                                         each.read(how).median());
            }
        }
        return line;
    }

    json comparisons_;
    std::vector<report::program_runs> programs_;
    std::string machine_;
    std::string page_;
    std::string readme_;
    ordered_json figures_;
};

// Puts `text` between <!-- name --> and <!-- /name -->.
void replace_between_marks(std::string& document, std::string const& name,
                           std::string const& text) {
    auto const open = "<!-- " + name + " -->\n";
    auto const from = document.find(open);
    auto const to = document.find("<!-- /" + name + " -->");
    if (from == std::string::npos || to == std::string::npos || to < from) {
        throw std::runtime_error("the README has no marks for " + name);
    }
    document.replace(from + open.size(), to - from - open.size(), text);
}

// The last column of each row of the table of headers: the most that one of the row's headers costs.
// A row names them in its first column as `room/x.hpp`, `y.hpp`.
auto with_header_costs(std::string const& table, json const& headers) -> std::string {
    std::istringstream in(table);
    std::string result;
    for (std::string line; std::getline(in, line);) {
        auto const last = line.rfind('|', line.size() - 2);
        std::string room;
        long most = 0;
        auto const cell = line.substr(0, line.find('|', 1));
        for (std::size_t at = cell.find('`'); at != std::string::npos;
             at = cell.find('`', at + 1)) {
            auto const end = cell.find('`', at + 1);
            auto name = cell.substr(at + 1, end - at - 1);
            at = end;
            if (auto const slash = name.find('/'); slash != std::string::npos) {
                room = name.substr(0, slash + 1);
            } else {
                name = room + name;
            }
            if (!headers.contains(name)) {
                throw std::runtime_error("the README names " + name +
                                         ", which is no public header");
            }
            most = std::max(most, headers[name].at("lines").get<long>());
        }
        result +=
            (most == 0 ? line
                       : line.substr(0, last) + "| " + std::to_string((most + 999) / 1000) + " |") +
            "\n";
    }
    return result;
}

void update_readme(std::string const& path, maker const& made, json const& headers) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    auto document = text.str();
    replace_between_marks(document, "benchmarks", made.readme_table());
    if (!headers.is_null()) {
        auto const open = std::string("<!-- headers -->\n");
        auto const from = document.find(open);
        auto const to = document.find("<!-- /headers -->");
        if (from != std::string::npos && to != std::string::npos) {
            replace_between_marks(
                document, "headers",
                with_header_costs(document.substr(from + open.size(), to - from - open.size()),
                                  headers));
        }
    }
    std::ofstream(path) << document;
}

} // namespace

int main(int argc, char** argv) {
    std::vector<std::string> const arguments(argv + 1, argv + argc);
    if (arguments.size() < 5) {
        std::cerr << "usage: report <comparisons.json> <out folder> <README.md or -> "
                     "<headers.json or -> <result.json>...\n";
        return 2;
    }
    try {
        std::vector<report::program_runs> programs;
        for (std::size_t i = 4; i < arguments.size(); ++i) {
            programs.emplace_back(std::filesystem::path(arguments[i]).stem().string(),
                                  read_json(arguments[i]));
            if (programs.back().benchmarks.empty()) {
                throw std::runtime_error(programs.back().name + " measured nothing");
            }
        }
        auto const headers = arguments[3] == "-" ? json() : read_json(arguments[3]);
        maker made(read_json(arguments[0]), std::move(programs));
        made.compare();
        made.scale();
        if (!headers.is_null()) {
            made.list_headers(headers);
        }
        made.list_everything();
        made.write(arguments[1]);
        if (arguments[2] != "-") {
            update_readme(arguments[2], made, headers);
        }
        std::cout << "wrote " << (std::filesystem::path(arguments[1]) / "report.html").string()
                  << '\n';
    } catch (std::exception const& e) {
        std::cerr << "report: " << e.what() << '\n';
        return 1;
    }
    return 0;
}
