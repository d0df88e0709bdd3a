// SPDX-License-Identifier: MIT
//
// Must not compile: one reservation would stand for many calls
#include <llms/chat/budgeted.hpp>
#include <llms/chat/limited.hpp>
#include <llms/chat/mock_provider.hpp>
#include <llms/chat/with_tools.hpp>

int main() {
    auto client = llms::mock_provider{} | llms::limited({.max_concurrent = 4}) |
                  llms::with_tools(llms::toolbox{}) | llms::budgeted({.max_tokens = 1000});
}
