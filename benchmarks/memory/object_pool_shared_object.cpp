// SPDX-License-Identifier: MIT
//
// The bare load of object_pool_bench.cpp, to be built as a shared object (-shared -fPIC).
#include <llms/memory/object_pool.hpp>

#include <benchmark/benchmark.h>

#include <cstddef>
#include <string>
#include <vector>

namespace {

struct response {
    std::string content;
    std::string model;
    std::string finish_reason;
    std::vector<int> logprobs;
    int input_tokens = 0;
    int output_tokens = 0;

    void clear() noexcept {
        content.clear();
        model.clear();
        finish_reason.clear();
        logprobs.clear();
        input_tokens = 0;
        output_tokens = 0;
    }
};

llms::object_pool<response> pool;

} // namespace

extern "C" void llms_bench_get_and_put(std::size_t n) {
    for (; n > 0; --n) {
        auto const object = pool.acquire();
        benchmark::DoNotOptimize(object.get());
        benchmark::ClobberMemory();
    }
}
