// SPDX-License-Identifier: MIT
//
// Must not compile: a second call would run the tools again
#include <llms/chat/hedged.hpp>
#include <llms/chat/mock_provider.hpp>
#include <llms/chat/with_tools.hpp>

int main() {
    auto client = llms::mock_provider{} | llms::with_tools(llms::toolbox{}) | llms::hedged({});
}
