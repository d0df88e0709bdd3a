// SPDX-License-Identifier: MIT
//
// Half of the ODR test: this file and odr_b.cpp include everything and are linked together.
#include <llms/llms.hpp>

auto version_seen_by_b() -> int;

int main() {
    return version_seen_by_b() == LLMS_VERSION_MAJOR * 10000 + LLMS_VERSION_MINOR * 100 ? 0 : 1;
}
