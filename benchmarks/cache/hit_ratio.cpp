// SPDX-License-Identifier: MIT
//
// Replays access traces against `llms::cache` and prints the hit ratios beside those of an exact
// simulator (`expected.tsv`, which also says the policies' parameters).
//
//     hit_ratio [directory of the traces]     default: $LLMS_SHARED_DATA/traces, else ../shared/data/traces
//
// Each trace is run at each size of the table three times: S3-FIFO in one shard, in the shards that the
// cache chooses for itself, and with the published parameters. `d` is the difference in points to the
// simulator with the same parameters and one shard; the last column is the share of the way from LRU to
// the best possible (Belady) that the default cache goes. The exit code is 1 if a cache that the table has
// at 128 entries or more misses its figure by more than a point.
#include <llms/cache/cache.hpp>
#include <llms/cache/clock.hpp>
#include <llms/cache/lru.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace {

auto read_trace(std::string const& path) -> std::vector<std::uint32_t> {
    std::ifstream in{path, std::ios::binary};
    std::string const bytes{std::istreambuf_iterator<char>{in}, {}};
    std::vector<std::uint32_t> ids;
    for (std::size_t at = 0; at + 4 <= bytes.size(); at += 4) {
        std::uint32_t id = 0;
        for (unsigned i = 0; i < 4; ++i) {
            id |= std::uint32_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
        }
        ids.push_back(id);
    }
    return ids;
}

template <typename Policy>
auto hit_ratio(std::vector<std::uint32_t> const& trace, std::size_t entries, std::size_t shards)
    -> double {
    llms::cache<std::uint32_t, char, Policy> cache{{.max_entries = entries, .shards = shards}};
    std::size_t hits = 0;
    for (auto const id : trace) {
        if (cache.get(id)) {
            ++hits;
        } else {
            cache.put(id, 'x');
        }
    }
    return static_cast<double>(hits) / static_cast<double>(trace.size());
}

struct row {
    std::size_t entries = 0;
    std::map<std::string, double> exact; // by policy, one shard
};

} // namespace

auto main(int argc, char** argv) -> int {
    auto const* const shared = std::getenv("LLMS_SHARED_DATA"); // NOLINT(concurrency-mt-unsafe)
    std::string const directory = argc > 1            ? argv[1]
                                  : shared != nullptr ? std::string{shared} + "/traces"
                                                      : "../shared/data/traces";
    std::ifstream table{directory + "/expected.tsv"};
    if (!table) {
        std::fprintf(stderr, "hit_ratio: no expected.tsv in %s\n", directory.c_str());
        return 2;
    }
    std::map<std::string, std::map<std::size_t, row>> wanted;
    std::string line;
    std::getline(table, line);
    while (std::getline(table, line)) {
        std::istringstream fields{line};
        std::string trace;
        std::string size;
        std::size_t entries = 0;
        std::string policy;
        int shards = 0;
        double ratio = 0;
        fields >> trace >> size >> entries >> policy >> shards >> ratio;
        if (shards == 1) {
            wanted[trace][entries].exact[policy] = ratio;
        }
    }

    std::printf("%-32s %7s | %6s %6s %6s | %8s %6s | %8s %6s | %9s %6s | %6s %6s | %s\n", "trace",
                "entries", "LRU", "best", "S3", "s3_fifo", "d", "sharded", "d", "published", "d",
                "clock", "lru", "gap");
    auto is_near = true;
    for (auto const& [name, sizes] : wanted) {
        auto const trace = read_trace(directory + "/" + name + ".u32");
        if (trace.empty()) {
            std::printf("%-32s no such trace here\n", name.c_str());
            continue;
        }
        for (auto const& [entries, expected] : sizes) {
            auto const exact = expected.exact;
            auto const lru = exact.at("LRU");
            auto const best = exact.at("Belady");
            auto const tuned = exact.at("S3-FIFO-20/1/1.5");
            auto const one = hit_ratio<llms::s3_fifo>(trace, entries, 1);
            auto const sharded = hit_ratio<llms::s3_fifo>(trace, entries, 0);
            auto const published = hit_ratio<llms::s3_fifo_published>(trace, entries, 1);
            auto const clock = hit_ratio<llms::clock>(trace, entries, 1);
            auto const own_lru = hit_ratio<llms::lru>(trace, entries, 1);
            std::printf("%-32s %7zu | %6.2f %6.2f %6.2f | %8.2f %+6.2f | %8.2f %+6.2f | %9.2f "
                        "%+6.2f | %6.2f %6.2f | %3.0f %%\n",
                        name.c_str(), entries, 100 * lru, 100 * best, 100 * tuned, 100 * one,
                        100 * (one - tuned), 100 * sharded, 100 * (sharded - tuned),
                        100 * published, 100 * (published - exact.at("S3-FIFO")), 100 * clock,
                        100 * own_lru, best > lru ? 100 * (sharded - lru) / (best - lru) : 100.0);
            is_near = is_near && (entries < 128 || (one > tuned - 0.01 && sharded > tuned - 0.01));
        }
    }
    std::puts(is_near ? "within a point of the table" : "NOT within a point of the table");
    return is_near ? 0 : 1;
}
