// SPDX-License-Identifier: MIT
//
// Validation of real instances by real schemas (../shared/data/schema_bench), compiled once, parsed
// beforehand, formats stripped, beside valijson where it is installed; and of their texts, as events
// and as a stream, beside parsing and validating. The time of `…/<set>` is that of
// one instance of the set (of one schema for `compile`), the time of `…/geomean` the geometric mean
// over the sets of the best of three passes. `tool` is what an agent pays for a tool it sees for
// the first time: compile its parameters and validate one call. `long_instance` is a list of such
// calls, from 1 KB to 100 MB.
#include <llms/schema/sax_validator.hpp>
#include <llms/schema/stream_validator.hpp>
#include <llms/schema/validator.hpp>

#include <benchmark/benchmark.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#if __has_include(<valijson/validator.hpp>)
#    include <valijson/adapters/nlohmann_json_adapter.hpp>
#    include <valijson/schema.hpp>
#    include <valijson/schema_parser.hpp>
#    include <valijson/validator.hpp>
#    define LLMS_BENCH_VALIJSON 1
#else
#    define LLMS_BENCH_VALIJSON 0
#endif

#ifndef LLMS_SOURCE_DIR
#    define LLMS_SOURCE_DIR "."
#endif

namespace {

using nlohmann::json;
using nlohmann::ordered_json;

#if LLMS_BENCH_VALIJSON
class peer {
public:
    explicit peer(json const& document) {
        auto const fetch = [](std::string const&) -> json const* {
            return nullptr;
        };
        auto const release = [](json const*) {
        };
        valijson::SchemaParser().populateSchema<valijson::adapters::NlohmannJsonAdapter>(
            valijson::adapters::NlohmannJsonAdapter(document), schema_, fetch, release);
    }

    auto is_valid(json const& instance) -> bool {
        return validator_.validate(schema_, valijson::adapters::NlohmannJsonAdapter(instance),
                                   nullptr);
    }

private:
    valijson::Schema schema_;
    valijson::Validator validator_;
};
#endif

/// One data set, and what is measured on it.
struct data_set {
    std::string name;
    json document;
    std::vector<json> instances;
    std::vector<ordered_json> ordered;
    std::vector<std::string> texts;
};

auto load() -> std::deque<data_set> {
    namespace fs = std::filesystem;
    auto const* const shared = std::getenv("LLMS_SHARED_DATA"); // NOLINT(concurrency-mt-unsafe)
    auto const folder = (shared != nullptr ? fs::path(shared)
                                           : fs::path(LLMS_SOURCE_DIR) / ".." / "shared" / "data") /
                        "schema_bench";
    auto sets = std::deque<data_set>{};
    if (!fs::is_directory(folder)) {
        return sets;
    }
    for (auto const& entry : fs::directory_iterator(folder)) {
        if (!entry.is_directory()) {
            continue;
        }
        auto& added = sets.emplace_back();
        added.name = entry.path().filename().string();
        added.document = json::parse(std::ifstream(entry.path() / "schema-noformat.json"));
        auto lines = std::ifstream(entry.path() / "instances.jsonl");
        for (auto line = std::string{}; std::getline(lines, line);) {
            added.instances.push_back(json::parse(line));
            added.ordered.push_back(ordered_json::parse(line));
            added.texts.push_back(line);
        }
    }
    return sets;
}

/// Processor time of this thread: others may use the machine meanwhile.
auto now() -> double {
    auto time = std::timespec{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

/// Something to do once over a whole set: how many instances were valid.
using pass = std::function<std::size_t()>;

struct measured {
    std::string what;
    std::function<pass(data_set const&)> prepare;
    bool per_instance;
};

auto all_measured() -> std::vector<measured> {
    auto const over = [](auto const& instances, auto judge) -> pass {
        return [&instances, judge]() mutable {
            auto valid = std::size_t{0};
            for (auto const& one : instances) {
                valid += judge(one) ? 1U : 0U;
            }
            return valid;
        };
    };
    auto list = std::vector<measured>{
        {"is_valid",
         [over](data_set const& set) {
             return over(set.instances, [v = llms::validator{llms::schema::compile(set.document)}](
                                            json const& one) { return v.is_valid(one); });
         },
         true},
        {"is_valid_ordered",
         [over](data_set const& set) {
             return over(set.ordered, [v = llms::validator{llms::schema::compile(set.document)}](
                                          ordered_json const& one) { return v.is_valid(one); });
         },
         true},
        {"validate",
         [over](data_set const& set) {
             return over(set.instances,
                         [v = llms::validator{llms::schema::compile(set.document)}](
                             json const& one) { return static_cast<bool>(v.validate(one)); });
         },
         true},
        {"text_parse_is_valid",
         [over](data_set const& set) {
             return over(set.texts,
                         [v = llms::validator{llms::schema::compile(set.document)}](
                             std::string const& text) { return v.is_valid(json::parse(text)); });
         },
         true},
        {"text_sax_validator",
         [over](data_set const& set) {
             auto check =
                 std::make_shared<llms::sax_validator>(llms::schema::compile(set.document));
             return over(set.texts, [check](std::string const& text) {
                 check->reset();
                 return json::sax_parse(text, check.get());
             });
         },
         true},
        {"text_stream_validator",
         [over](data_set const& set) {
             return over(set.texts,
                         [s = llms::schema::compile(set.document)](std::string const& text) {
                             auto v = llms::stream_validator{s};
                             v.feed(text);
                             return v.finish() == llms::verdict::valid;
                         });
         },
         true},
        {"compile",
         [](data_set const& set) -> pass {
             return [&set] {
                 return llms::schema::compile(set.document).size_bytes();
             };
         },
         false},
    };
#if LLMS_BENCH_VALIJSON
    list.push_back({"valijson_is_valid",
                    [over](data_set const& set) {
                        return over(set.instances,
                                    [v = std::make_shared<peer>(set.document)](json const& one) {
                                        return v->is_valid(one);
                                    });
                    },
                    true});
    list.push_back({"valijson_compile",
                    [](data_set const& set) -> pass {
                        return [&set] {
                            auto const made = peer(set.document);
                            benchmark::DoNotOptimize(&made);
                            return std::size_t{1};
                        };
                    },
                    false});
#endif
    return list;
}

void run_set(benchmark::State& state, measured const& what, data_set const& set) {
    auto const once = what.prepare(set);
    auto const count = what.per_instance ? set.instances.size() : 1;
    auto result = std::size_t{0};
    for (auto _ : state) {
        auto const begin = now();
        benchmark::DoNotOptimize(result = once());
        auto const took = now() - begin;
        state.SetIterationTime(took / static_cast<double>(count));
    }
    if (what.per_instance && result != count) {
        state.SkipWithError("a valid instance was rejected");
    }
}

void run_geomean(benchmark::State& state, measured const& what, std::deque<data_set> const& sets) {
    auto passes = std::vector<pass>{};
    for (auto const& set : sets) {
        passes.push_back(what.prepare(set));
    }
    for (auto _ : state) {
        auto sum = 0.0;
        for (std::size_t i = 0; i < passes.size(); ++i) {
            auto const count = what.per_instance ? sets[i].instances.size() : 1;
            auto took = std::numeric_limits<double>::infinity();
            for (auto again = 0; again < 3; ++again) {
                auto const begin = now();
                benchmark::DoNotOptimize(passes[i]());
                took = std::min(took, now() - begin);
            }
            sum += std::log(took / static_cast<double>(count));
        }
        state.SetIterationTime(std::exp(sum / static_cast<double>(passes.size())));
    }
}

auto tool() -> json const& {
    static auto const parameters = json::parse(R"({"type": "object", "properties": {
        "location": {"type": "string", "description": "City and state, e.g. San Francisco, CA"},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "description": "Unit"},
        "days": {"type": "integer", "minimum": 1, "maximum": 14}}, "required": ["location"]})");
    return parameters;
}

auto call() -> json const& {
    static auto const arguments =
        json::parse(R"({"location": "Berlin", "unit": "celsius", "days": 3})");
    return arguments;
}

void bm_tool_first_call(benchmark::State& state) {
    for (auto _ : state) {
        auto const valid = llms::validator{llms::schema::compile(tool())}.is_valid(call());
        if (!valid) {
            state.SkipWithError("a valid call was refused");
        }
    }
}
BENCHMARK(bm_tool_first_call)->Name("BM_tool/compile_and_first_call");

#if LLMS_BENCH_VALIJSON
void bm_tool_first_call_valijson(benchmark::State& state) {
    for (auto _ : state) {
        if (!peer(tool()).is_valid(call())) {
            state.SkipWithError("a valid call was refused");
        }
    }
}
BENCHMARK(bm_tool_first_call_valijson)->Name("BM_tool/compile_and_first_call_valijson");
#endif

/// An array of such calls, of about `bytes` bytes of text.
auto calls(std::size_t bytes) -> json {
    auto const count = bytes / call().dump().size() + 1;
    return json(json::array_t(count, call()));
}

auto calls_schema() -> json {
    return {{"type", "array"}, {"items", tool()}};
}

/// By `bytes`: what it takes as the instance grows.
template <class Judge>
void run_long_instance(benchmark::State& state, Judge judge) {
    auto const instance = calls(static_cast<std::size_t>(state.range(0)));
    for (auto _ : state) {
        if (!judge.is_valid(instance)) {
            state.SkipWithError("a valid instance was refused");
        }
    }
}

void bm_long_instance(benchmark::State& state) {
    run_long_instance(state, llms::validator{llms::schema::compile(calls_schema())});
}
BENCHMARK(bm_long_instance)
    ->Name("BM_long_instance")
    ->ArgName("bytes")
    ->RangeMultiplier(10)
    ->Range(1000, 100'000'000);

#if LLMS_BENCH_VALIJSON
void bm_long_instance_valijson(benchmark::State& state) {
    run_long_instance(state, peer(calls_schema()));
}
BENCHMARK(bm_long_instance_valijson)
    ->Name("BM_long_instance_valijson")
    ->ArgName("bytes")
    ->RangeMultiplier(10)
    ->Range(1000, 10'000'000);
#endif

/// Registers what needs the data, as soon as the program starts.
auto const registered = [] {
    static auto const sets = load();
    static auto const list = all_measured();
    for (auto const& what : list) {
        if (sets.empty()) {
            continue;
        }
        benchmark::RegisterBenchmark(
            ("BM_" + what.what + "/geomean").c_str(),
            [&what](benchmark::State& state) { run_geomean(state, what, sets); })
            ->UseManualTime()
            ->Iterations(30);
        for (auto const& set : sets) {
            benchmark::RegisterBenchmark(
                ("BM_" + what.what + "/" + set.name).c_str(),
                [&what, &set](benchmark::State& state) { run_set(state, what, set); })
                ->UseManualTime()
                ->Iterations(20);
        }
    }
    return !sets.empty();
}();

} // namespace
