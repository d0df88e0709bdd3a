// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include <llms/error.hpp>
#include <llms/version.hpp>

#include <string>
#include <type_traits>

namespace version_test {

TEST_CASE("version: the inline namespace carries major and minor", "[core]") {
    STATIC_REQUIRE(std::is_same_v<llms::error, llms::v0_1::error>);
    STATIC_REQUIRE(LLMS_VERSION_MAJOR == 0);
    STATIC_REQUIRE(LLMS_VERSION_MINOR == 1);
}

TEST_CASE("error: everything llms throws is a llms::error and a std::runtime_error", "[core]") {
    STATIC_REQUIRE(std::is_base_of_v<std::runtime_error, llms::error>);
    STATIC_REQUIRE(std::is_base_of_v<llms::error, llms::cancelled_error>);
    STATIC_REQUIRE(std::is_base_of_v<llms::error, llms::timeout_error>);
    CHECK(std::string(llms::timeout_error("too late").what()) == "too late");
}

} // namespace version_test
