// SPDX-License-Identifier: MIT
//
// What must hold for every input of a fuzz target: else it ends where the fuzzer sees it.
#ifndef LLMS_TESTS_FUZZ_DEMAND_HPP
#define LLMS_TESTS_FUZZ_DEMAND_HPP

#include <cstdlib>

namespace fuzz {

inline void demand(bool holds) {
    if (!holds) {
        std::abort();
    }
}

} // namespace fuzz

#endif // LLMS_TESTS_FUZZ_DEMAND_HPP
