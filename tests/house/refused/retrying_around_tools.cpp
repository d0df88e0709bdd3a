// SPDX-License-Identifier: MIT
//
// Must not compile: a retry would run the tools again
#include <llms/chat/mock_provider.hpp>
#include <llms/chat/retrying.hpp>
#include <llms/chat/trimmed.hpp>
#include <llms/chat/with_tools.hpp>

int main() {
    auto client = llms::mock_provider{} | llms::with_tools(llms::toolbox{}) | llms::trimmed({}) |
                  llms::retrying();
}
