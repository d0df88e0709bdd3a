// SPDX-License-Identifier: MIT
//
// Patterns of real schemas on the texts that validating their instances asks them about, as often as it
// does: the schemas and instances of ../shared/data/schema_bench. One iteration is all of them; the
// counter `each` is the time of one. Baselines: std::regex as a user would write it, and the engines
// by themselves, without our trivial forms before them.
#include <llms/schema/pattern.hpp>
#include <llms/schema/regex_cache.hpp>
#include <llms/schema/schema.hpp>
#include <llms/schema/std_regex.hpp>
#include <llms/schema/validator.hpp>

#if __has_include(<pcre2.h>)
#    include <llms/ext/pcre2_regex.hpp>
#endif
#if __has_include(<re2/re2.h>)
#    include <llms/ext/re2_regex.hpp>
#endif

#include <benchmark/benchmark.h>
#include <nlohmann/json.hpp>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <regex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#ifndef LLMS_SOURCE_DIR
#    define LLMS_SOURCE_DIR "."
#endif

namespace {

struct match {
    std::size_t pattern; // into workload::patterns
    std::string subject;
    bool matches;
};

struct workload {
    std::vector<std::string> patterns;
    std::vector<match> matches;
};

/// An engine that writes down what it is asked.
struct recorder {
    workload* log;
    std::map<std::string, std::size_t, std::less<>>* numbers;

    struct program {
        workload* log;
        std::size_t number;
        llms::pattern compiled;

        [[nodiscard]] auto search(std::string_view subject) const -> bool {
            bool const found = compiled.search(subject);
            log->matches.push_back({number, std::string(subject), found});
            return found;
        }
        [[nodiscard]] static auto memory_bytes() -> std::size_t { return 0; }
    };

    // What `record` appends, so that no pattern is of a trivial form and all come here.
    static constexpr std::string_view never = "|[]";

    [[nodiscard]] auto compile(std::string_view text) const -> program {
        text.remove_suffix(never.size());
        auto const [found, inserted] = numbers->try_emplace(std::string(text), numbers->size());
        if (inserted) {
            log->patterns.emplace_back(text);
        }
        return {log, found->second, compile_any(text)};
    }

    static auto compile_any(std::string_view text) -> llms::pattern {
        try {
            return llms::pattern::compile(text);
        } catch (llms::pattern_error const&) {
            return llms::pattern::compile(text, llms::std_regex{});
        }
    }
};

auto record() -> workload {
    workload log;
    std::map<std::string, std::size_t, std::less<>> numbers;
    char const* const data = std::getenv("LLMS_SHARED_DATA"); // NOLINT(concurrency-mt-unsafe)
    std::string const folder =
        (data != nullptr ? std::string(data) : LLMS_SOURCE_DIR "/../shared/data") +
        "/schema_bench/";
    for (auto const* const set : {"ansible-meta", "clang-format", "code-climate", "cql2", "cspell",
                                  "fabric-mod", "jsconfig", "pre-commit-hooks", "semantic-release",
                                  "ui5", "unreal-engine-uproject", "vercel"}) {
        std::ifstream schema_file(folder + set + "/schema-noformat.json");
        std::ifstream instances(folder + set + "/instances.jsonl");
        if (!schema_file || !instances) {
            continue;
        }
        llms::validator const validator{llms::schema::compile(
            nlohmann::json::parse(schema_file), {.patterns = [&](std::string_view text) {
                return llms::pattern::compile(std::string(text) + std::string(recorder::never),
                                              recorder{&log, &numbers});
            }})};
        for (std::string line; std::getline(instances, line);) {
            benchmark::DoNotOptimize(validator.is_valid(nlohmann::json::parse(line)));
        }
    }
    return log;
}

auto recorded() -> workload const& {
    static workload const log = record();
    return log;
}

/// Says what each of the `count` matches or patterns of an iteration took.
void report_each(benchmark::State& state, std::size_t count) {
    state.counters["each"] =
        benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(count),
                           benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

/// `Compile` makes of a pattern's text what has `search`.
template <class Compile>
void match_all(benchmark::State& state, Compile const& compile) {
    auto const& log = recorded();
    if (log.matches.empty()) {
        state.SkipWithError("no data: see LLMS_SHARED_DATA");
        return;
    }
    std::vector<decltype(compile(std::string()))> programs;
    for (auto const& text : log.patterns) {
        programs.push_back(compile(text));
    }
    for (auto const& [pattern, subject, matches] : log.matches) {
        if (programs[pattern].search(subject) != matches) {
            state.SkipWithError(("wrong answer of " + log.patterns[pattern]).c_str());
            return;
        }
    }
    for (auto _ : state) {
        std::size_t found = 0;
        for (auto const& [pattern, subject, matches] : log.matches) {
            found += programs[pattern].search(subject) ? 1 : 0;
        }
        benchmark::DoNotOptimize(found);
    }
    report_each(state, log.matches.size());
}

/// What a user would write: not bounded, and not by code points.
struct plain_std_regex {
    std::regex code;
    [[nodiscard]] auto search(std::string const& subject) const -> bool {
        return std::regex_search(subject, code);
    }
};

template <class Engine>
auto pattern_of(std::string const& text, Engine const& engine) -> llms::pattern {
    try {
        return llms::pattern::compile(text, engine);
    } catch (llms::pattern_error const&) {
        return recorder::compile_any(text); // lookarounds of cspell
    }
}

void BM_match_pattern(benchmark::State& state) {
    match_all(state,
              [](std::string const& text) { return pattern_of(text, llms::linear_regex{}); });
}
BENCHMARK(BM_match_pattern)->Name("BM_match/pattern");

void BM_match_std_regex(benchmark::State& state) {
    match_all(state, [](std::string const& text) { return plain_std_regex{std::regex(text)}; });
}
BENCHMARK(BM_match_std_regex)->Name("BM_match/baseline_std_regex");

#if __has_include(<pcre2.h>)
void BM_match_pattern_pcre2(benchmark::State& state) {
    match_all(state, [](std::string const& text) { return pattern_of(text, llms::pcre2_regex{}); });
}
BENCHMARK(BM_match_pattern_pcre2)->Name("BM_match/pattern_pcre2");

void BM_match_pcre2_jit(benchmark::State& state) {
    match_all(state, [](std::string const& text) { return llms::pcre2_regex{}.compile(text); });
}
BENCHMARK(BM_match_pcre2_jit)->Name("BM_match/baseline_pcre2_jit");
#endif

#if __has_include(<re2/re2.h>)
struct re2_or_pattern {
    std::function<bool(std::string_view)> run;
    [[nodiscard]] auto search(std::string_view subject) const -> bool { return run(subject); }
};
void BM_match_re2(benchmark::State& state) {
    match_all(state, [](std::string const& text) -> re2_or_pattern {
        try {
            auto program =
                std::make_shared<llms::re2_regex::program const>(llms::re2_regex{}.compile(text));
            return {[program](std::string_view subject) {
                return program->search(subject);
            }};
        } catch (llms::pattern_error const&) {
            auto program = recorder::compile_any(text);
            return {[program](std::string_view subject) {
                return program.search(subject);
            }};
        }
    });
}
BENCHMARK(BM_match_re2)->Name("BM_match/baseline_re2");
#endif

/// Time to compile each of the patterns once.
template <class Compile>
void compile_all(benchmark::State& state, Compile const& compile) {
    auto const& log = recorded();
    if (log.patterns.empty()) {
        state.SkipWithError("no data: see LLMS_SHARED_DATA");
        return;
    }
    for (auto _ : state) {
        for (auto const& text : log.patterns) {
            benchmark::DoNotOptimize(compile(text));
        }
    }
    report_each(state, log.patterns.size());
}

void BM_compile_pattern(benchmark::State& state) {
    compile_all(state,
                [](std::string const& text) { return pattern_of(text, llms::linear_regex{}); });
}
BENCHMARK(BM_compile_pattern)->Name("BM_compile/pattern");

void BM_compile_std_regex(benchmark::State& state) {
    compile_all(state, [](std::string const& text) { return std::regex(text); });
}
BENCHMARK(BM_compile_std_regex)->Name("BM_compile/baseline_std_regex");

#if __has_include(<pcre2.h>)
void BM_compile_pcre2(benchmark::State& state) {
    compile_all(state, [](std::string const& text) { return llms::pcre2_regex{}.compile(text); });
}
BENCHMARK(BM_compile_pcre2)->Name("BM_compile/pcre2_jit");
#endif

void BM_regex_cache_hit(benchmark::State& state) {
    llms::regex_cache<> cache;
    std::string_view const date = R"(^\d{4}-\d{2}-\d{2}$)";
    benchmark::DoNotOptimize(cache.get(date));
    for (auto _ : state) {
        benchmark::DoNotOptimize(cache.get(date));
    }
}
BENCHMARK(BM_regex_cache_hit)->ThreadRange(1, 2);

void BM_regex_cache_hit_baseline_compile(benchmark::State& state) {
    std::string_view const date = R"(^\d{4}-\d{2}-\d{2}$)";
    for (auto _ : state) {
        benchmark::DoNotOptimize(llms::pattern::compile(date));
    }
}
BENCHMARK(BM_regex_cache_hit_baseline_compile);

} // namespace
