// SPDX-License-Identifier: MIT
//
// Must not compile: the key of a call would not tell its tools
#include <llms/chat/coalesced.hpp>
#include <llms/chat/mock_provider.hpp>
#include <llms/chat/with_tools.hpp>

int main() {
    auto client = llms::mock_provider{} | llms::with_tools(llms::toolbox{}) | llms::coalesced();
}
