// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include <llms/detail/json_depth.hpp>

namespace json_depth_test {

using llms::detail::json_deeper_than;

TEST_CASE("json_depth: counts brackets inside each other, closed or not", "[json_depth]") {
    CHECK(json_deeper_than("[{", 1));
    CHECK_FALSE(json_deeper_than("[{", 2));
    CHECK_FALSE(json_deeper_than("[]{}[]", 1));
    CHECK_FALSE(json_deeper_than("]]}}[", 1)); // what closes nothing lowers nothing
}

TEST_CASE("json_depth: brackets in strings do not count", "[json_depth]") {
    CHECK_FALSE(json_deeper_than(R"("[[\"[[")", 0));
    CHECK(json_deeper_than(R"("a\\"[)", 0));
    CHECK_FALSE(json_deeper_than("\"\\", 0)); // ends in an escape
}

} // namespace json_depth_test
