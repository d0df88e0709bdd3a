// SPDX-License-Identifier: MIT
//
// Scenarios of the explorer (checker.hpp) as Catch2's assertions, and what the sanitizers leave to explore.
#ifndef LLMS_TESTS_SUPPORT_MODEL_HPP
#define LLMS_TESTS_SUPPORT_MODEL_HPP

#include "support/catch.hpp"
#include "support/checker.hpp"

#include <cstddef>

#if defined(__has_feature)
#    define LLMS_TEST_HAS_FEATURE(feature) __has_feature(feature)
#else
#    define LLMS_TEST_HAS_FEATURE(feature) 0
#endif

namespace checker {

// One real thread changes stacks behind ThreadSanitizer's back, and there is no race it could find.
#if defined(__SANITIZE_THREAD__) || LLMS_TEST_HAS_FEATURE(thread_sanitizer)
inline constexpr bool can_explore = false;
#else
inline constexpr bool can_explore = true;
#endif
#if defined(__SANITIZE_ADDRESS__) || LLMS_TEST_HAS_FEATURE(address_sanitizer)
inline constexpr bool under_address_sanitizer = true;
#else
inline constexpr bool under_address_sanitizer = false;
#endif

/// Requires that the scenario goes right in every order, of which there are more than `few`.
template <class Scenario>
void require_right(options const& how, std::size_t few, Scenario const& scenario) {
    if (!can_explore) {
        WARN("not explored under ThreadSanitizer");
        return;
    }
    auto const found = explore(how, scenario);
    INFO("after " << found.executions << " executions");
    REQUIRE(found.error == "");
    REQUIRE(found.executions > few);
}

} // namespace checker

#undef LLMS_TEST_HAS_FEATURE

#endif // LLMS_TESTS_SUPPORT_MODEL_HPP
