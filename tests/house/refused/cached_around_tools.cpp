// SPDX-License-Identifier: MIT
//
// Must not compile: the key of an answer would not tell its tools
#include <llms/chat/cached.hpp>
#include <llms/chat/mock_provider.hpp>
#include <llms/chat/retrying.hpp>
#include <llms/chat/with_tools.hpp>

int main() {
    llms::response_cache cache{{.tenant = "acme"}};
    auto client = llms::mock_provider{} | llms::retrying() | llms::with_tools(llms::toolbox{}) |
                  llms::cached(cache);
}
