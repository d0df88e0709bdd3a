// SPDX-License-Identifier: MIT
//
// Catch2, whichever major version is installed: the tests use only what both have, and `contains`
// for the one matcher whose name differs.
#ifndef LLMS_TESTS_SUPPORT_CATCH_HPP
#define LLMS_TESTS_SUPPORT_CATCH_HPP

#if __has_include(<catch2/catch_all.hpp>)
#    include <catch2/catch_all.hpp> // v3
#else
#    include <catch2/catch.hpp> // v2, Debian 12
#endif

#include <string>

namespace support {

/// Matches a string that contains `text`.
[[nodiscard]] inline auto contains(std::string const& text) {
#if __has_include(<catch2/catch_all.hpp>)
    return Catch::Matchers::ContainsSubstring(text);
#else
    return Catch::Contains(text);
#endif
}

} // namespace support

#endif // LLMS_TESTS_SUPPORT_CATCH_HPP
