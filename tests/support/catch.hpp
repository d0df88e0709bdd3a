// SPDX-License-Identifier: MIT
//
// Catch2, whichever major version is installed: the tests use only what both have.
#ifndef LLMS_TESTS_SUPPORT_CATCH_HPP
#define LLMS_TESTS_SUPPORT_CATCH_HPP

#if __has_include(<catch2/catch_all.hpp>)
#    include <catch2/catch_all.hpp> // v3
#else
#    include <catch2/catch.hpp> // v2, Debian 12
#endif

#endif // LLMS_TESTS_SUPPORT_CATCH_HPP
