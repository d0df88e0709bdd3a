// SPDX-License-Identifier: MIT
//
// Objects that have grown buffers are handed to the next user instead of being freed: a pool of
// responses, with a bound on what it keeps and a look at what it did.
#include <llms/chat/pools.hpp>
#include <llms/memory/object_pool.hpp>

#include <iostream>
#include <string>

int main() {
    llms::object_pool<std::string> buffers{{.max_idle = 16, .max_retained_bytes = 65'536}};
    for (int i = 0; i < 1000; ++i) {
        auto const text = buffers.acquire(); // empty, with the capacity it had
        text->append(4096, 'x');
    } // goes back here, cleared

    { // one that has grown too large is not kept
        auto const huge = buffers.acquire();
        huge->assign(1 << 20, 'x');
    }

    auto const stats = buffers.stats();
    std::cout << stats.acquired << " uses, " << stats.created << " strings made, " << stats.dropped
              << " dropped, " << stats.idle << " idle\n";
    return stats.created < 5 && stats.dropped == 1 ? 0 : 1;
}
