// SPDX-License-Identifier: MIT
//
// Must not compile: Reset must be callable with T& and be noexcept
#include <llms/memory/object_pool.hpp>

#include <string>

struct may_throw {
    void operator()(std::string& text) const { text.clear(); }
};

int main() {
    llms::object_pool<std::string, may_throw> pool;
}
