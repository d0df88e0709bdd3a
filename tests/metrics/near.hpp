// SPDX-License-Identifier: MIT
#ifndef LLMS_TESTS_METRICS_NEAR_HPP
#define LLMS_TESTS_METRICS_NEAR_HPP

#include <cmath>

/// Whether two numbers differ by rounding, or by the given fraction.
inline auto near(double a, double b, double fraction = 1e-9) -> bool {
    return std::abs(a - b) <= fraction * std::abs(b);
}

#endif // LLMS_TESTS_METRICS_NEAR_HPP
