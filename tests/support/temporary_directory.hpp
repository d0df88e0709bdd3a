// SPDX-License-Identifier: MIT
//
// A directory of a test's own, removed with what is in it.
#ifndef LLMS_TESTS_SUPPORT_TEMPORARY_DIRECTORY_HPP
#define LLMS_TESTS_SUPPORT_TEMPORARY_DIRECTORY_HPP

#include <stdlib.h> // NOLINT(modernize-deprecated-headers): mkdtemp is POSIX

#include <filesystem>
#include <stdexcept>
#include <string>

namespace support {

class temporary_directory {
public:
    temporary_directory() {
        path_ = (std::filesystem::temp_directory_path() / "llms-XXXXXX").string();
        if (::mkdtemp(path_.data()) == nullptr) {
            throw std::runtime_error("cannot create " + path_);
        }
    }
    temporary_directory(temporary_directory const&) = delete;
    auto operator=(temporary_directory const&) -> temporary_directory& = delete;
    ~temporary_directory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    [[nodiscard]] auto file(std::string const& name) const -> std::string {
        return path_ + "/" + name;
    }

    /// How many files' names begin with `prefix`.
    [[nodiscard]] auto count(std::string const& prefix) const -> int {
        int found = 0;
        for (auto const& entry : std::filesystem::directory_iterator(path_)) {
            found += entry.path().filename().string().starts_with(prefix) ? 1 : 0;
        }
        return found;
    }

private:
    std::string path_;
};

} // namespace support

#endif // LLMS_TESTS_SUPPORT_TEMPORARY_DIRECTORY_HPP
