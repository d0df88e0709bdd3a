// SPDX-License-Identifier: MIT
//
// Must not compile: attempts are requests to the provider
#include <llms/chat/cached.hpp>
#include <llms/chat/mock_provider.hpp>
#include <llms/chat/observed.hpp>
#include <llms/chat/trimmed.hpp>

int main() {
    llms::metrics metrics;
    llms::response_cache cache{{.tenant = "acme"}};
    auto client = llms::mock_provider{} | llms::cached(cache) | llms::trimmed({}) |
                  llms::observed(metrics) | llms::attempts(metrics);
}
