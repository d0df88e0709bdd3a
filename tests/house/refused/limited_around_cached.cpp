// SPDX-License-Identifier: MIT
//
// Must not compile: limits are of requests to the provider
#include <llms/chat/budgeted.hpp>
#include <llms/chat/cached.hpp>
#include <llms/chat/limited.hpp>
#include <llms/chat/mock_provider.hpp>

int main() {
    llms::response_cache cache{{.tenant = "acme"}};
    auto client = llms::mock_provider{} | llms::cached(cache) |
                  llms::budgeted({.max_tokens = 1000}) | llms::limited({.max_concurrent = 4});
}
