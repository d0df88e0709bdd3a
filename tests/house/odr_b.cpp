// SPDX-License-Identifier: MIT
#include <llms/llms.hpp>

auto version_seen_by_b() -> int;
auto version_seen_by_b() -> int {
    return LLMS_VERSION_MAJOR * 10000 + LLMS_VERSION_MINOR * 100;
}
