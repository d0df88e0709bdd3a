// SPDX-License-Identifier: MIT
//
// One valid text of each format in use; the baseline is the std::regex that validators use instead.
#include <llms/schema/format.hpp>

#include <benchmark/benchmark.h>

#include <regex>
#include <string>
#include <string_view>

namespace {

void BM_format(benchmark::State& state, char const* name, char const* text) {
    auto const check = llms::find_format(name);
    std::string const subject = text;
    if (check == nullptr || !check(subject)) {
        state.SkipWithError("not a valid text");
        return;
    }
    for (auto _ : state) {
        std::string_view view = subject;
        benchmark::DoNotOptimize(view);
        benchmark::DoNotOptimize(check(view));
    }
}
BENCHMARK_CAPTURE(BM_format, date_time, "date-time", "1990-12-31T15:59:50.123-08:00");
BENCHMARK_CAPTURE(BM_format, date, "date", "2026-11-23");
BENCHMARK_CAPTURE(BM_format, duration, "duration", "P1Y2M3DT4H5M6S");
BENCHMARK_CAPTURE(BM_format, email, "email", "joe.bloggs@mail.example.com");
BENCHMARK_CAPTURE(BM_format, hostname, "hostname", "www.mail.example.com");
BENCHMARK_CAPTURE(BM_format, idn_hostname, "idn-hostname",
                  "b\xC3\xBC"
                  "cher.example.com");
BENCHMARK_CAPTURE(BM_format, ipv4, "ipv4", "192.168.100.1");
BENCHMARK_CAPTURE(BM_format, ipv6, "ipv6", "2001:0db8:85a3::8a2e:0370:7334");
BENCHMARK_CAPTURE(BM_format, uri, "uri", "https://user@example.com:8080/a/b%20c?d=e&f=g#h");
BENCHMARK_CAPTURE(BM_format, iri, "iri", "https://example.com/\xC3\xBC/b%20c?d=e&f=g#h");
BENCHMARK_CAPTURE(BM_format, uri_template, "uri-template", "https://example.com/{a}/{?b,c*}");
BENCHMARK_CAPTURE(BM_format, uuid, "uuid", "2eb8aa08-aa98-11ea-b4aa-73b441d16380");
BENCHMARK_CAPTURE(BM_format, json_pointer, "json-pointer", "/a/b~0c/d~1e/10");
BENCHMARK_CAPTURE(BM_format, regex, "regex", "^[a-z]+(-[0-9]{1,3})?$");

void BM_format_baseline_std_regex(benchmark::State& state, char const* pattern, char const* text) {
    std::regex const check(pattern);
    std::string const subject = text;
    if (!std::regex_match(subject, check)) {
        state.SkipWithError("not a valid text");
        return;
    }
    for (auto _ : state) {
        benchmark::DoNotOptimize(std::regex_match(subject, check));
    }
}
BENCHMARK_CAPTURE(BM_format_baseline_std_regex, date_time,
                  R"(\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2}))",
                  "1990-12-31T15:59:50.123-08:00");
BENCHMARK_CAPTURE(BM_format_baseline_std_regex, uuid,
                  "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
                  "2eb8aa08-aa98-11ea-b4aa-73b441d16380");
BENCHMARK_CAPTURE(BM_format_baseline_std_regex, email, R"([\w.+-]+@[\w-]+(\.[\w-]+)*)",
                  "joe.bloggs@mail.example.com");

} // namespace
