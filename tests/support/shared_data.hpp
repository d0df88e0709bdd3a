// SPDX-License-Identifier: MIT
//
// The test data that lies beside the project: LLMS_SHARED_DATA in the environment, else shared/data
// in the nearest folder above the working directory that has one (with a build folder inside the
// project that is ../shared/data; and no path of this machine is compiled in, so ccache serves every
// clone). A test that needs the data says so and is skipped where there is none.
#ifndef LLMS_TESTS_SUPPORT_SHARED_DATA_HPP
#define LLMS_TESTS_SUPPORT_SHARED_DATA_HPP

#include "support/catch.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

namespace support {

/// The folder of that name in the shared data; nothing, and a warning, where there is none.
[[nodiscard]] inline auto shared_data(std::string const& name)
    -> std::optional<std::filesystem::path> {
    namespace fs = std::filesystem;
    auto const* const set = std::getenv("LLMS_SHARED_DATA"); // NOLINT(concurrency-mt-unsafe)
    bool const told = set != nullptr && *set != '\0';
    auto above = fs::current_path();
    while (!told && !fs::exists(above / "shared" / "data") && above.has_relative_path()) {
        above = above.parent_path();
    }
    auto folder = (told ? fs::path(set) : above / "shared" / "data") / name;
    if (fs::exists(folder)) {
        return folder;
    }
    WARN("skipped: there is no " << folder.string());
    return std::nullopt;
}

[[nodiscard]] inline auto read_file(std::filesystem::path const& path) -> std::string {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace support

#endif // LLMS_TESTS_SUPPORT_SHARED_DATA_HPP
