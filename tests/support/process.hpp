// SPDX-License-Identifier: MIT
//
// What this process holds at the moment, as Linux tells it: for tests of what is left over.
#ifndef LLMS_TESTS_SUPPORT_PROCESS_HPP
#define LLMS_TESTS_SUPPORT_PROCESS_HPP

#include <unistd.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace support {

/// Its threads. One that was joined is listed for a moment longer.
[[nodiscard]] inline auto threads() -> std::ptrdiff_t {
    namespace fs = std::filesystem;
    return std::distance(fs::directory_iterator("/proc/self/task"), fs::directory_iterator{});
}

/// Its memory that is in use, in KiB.
[[nodiscard]] inline auto resident_kib() -> std::size_t {
    std::ifstream file("/proc/self/statm");
    std::size_t total = 0;
    std::size_t resident = 0;
    file >> total >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) / 1024;
}

} // namespace support

#endif // LLMS_TESTS_SUPPORT_PROCESS_HPP
