// SPDX-License-Identifier: MIT
//
// What the stream benchmarks have in common: token texts, and threads that stay on a core.
#ifndef LLMS_BENCHMARKS_STREAM_SUPPORT_HPP
#define LLMS_BENCHMARKS_STREAM_SUPPORT_HPP

#include <array>
#include <cstddef>
#include <string>
#include <thread>

#if defined(__linux__)
#    include <pthread.h>
#    include <sched.h>
#endif

namespace bench {

/// The n-th token of a stream: 1 to 16 bytes, as those of a language model.
inline auto token(std::size_t n) -> std::string {
    static constexpr std::array<char, 17> text{"abcdefghijklmnop"};
    return std::string(text.data(), 1 + n % 16);
}

/// The length of tokens [0, count).
constexpr auto token_bytes(std::size_t count) -> std::size_t {
    std::size_t bytes = 0;
    for (std::size_t n = 0; n != count; ++n) {
        bytes += 1 + n % 16;
    }
    return bytes;
}

/// Keeps the calling thread on a core; without effect where that is not possible.
inline void pin([[maybe_unused]] unsigned core) {
#if defined(__linux__)
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET(core % std::thread::hardware_concurrency(), &cores);
    pthread_setaffinity_np(pthread_self(), sizeof cores, &cores);
#endif
}

/// Puts the calling thread on a core for as long as it lives.
class pinned {
public:
    explicit pinned(unsigned core) {
#if defined(__linux__)
        pthread_getaffinity_np(pthread_self(), sizeof before_, &before_);
#endif
        pin(core);
    }
    pinned(pinned const&) = delete;
    auto operator=(pinned const&) -> pinned& = delete;
    ~pinned() {
#if defined(__linux__)
        pthread_setaffinity_np(pthread_self(), sizeof before_, &before_);
#endif
    }

private:
#if defined(__linux__)
    cpu_set_t before_{};
#endif
};

} // namespace bench

#endif // LLMS_BENCHMARKS_STREAM_SUPPORT_HPP
