// SPDX-License-Identifier: MIT
//
// A client for the bad days of a provider: limits of rate and time for each attempt, a second attempt
// where the first is slow, a third party where both fail, and a budget that nothing can overrun. The
// providers here are scripted; put an openai_client in their place.
#include <llms/chat/budgeted.hpp>
#include <llms/chat/coalesced.hpp>
#include <llms/chat/fallback.hpp>
#include <llms/chat/hedged.hpp>
#include <llms/chat/limited.hpp>
#include <llms/chat/mock_provider.hpp>
#include <llms/chat/retrying.hpp>
#include <llms/chat/timeout.hpp>

#include <chrono>
#include <iostream>

int main() {
    using namespace std::chrono_literals;
    using llms::mock_answer;
    llms::mock_provider const usual{mock_answer::text("from the usual provider"),
                                    mock_answer::fails(llms::failure::server)}; // from now on
    llms::mock_provider const other{mock_answer::text("from the other one")};

    llms::budget daily{{.max_tokens = 1'000'000}};
    auto client = usual | llms::limited({.requests_per_minute = 500, .max_concurrent = 16}) |
                  llms::timeout({.total = 60s, .first_chunk = 10s, .idle = 5s}) |
                  llms::hedged({.after = 3s}) | llms::retrying({.max_attempts = 2, .base = 1ms}) |
                  llms::fallback(llms::fallback_to{other, "claude-sonnet-4-5"}) |
                  llms::budgeted(daily) | llms::coalesced();

    llms::request const ask{.model = "gpt-4o-mini", .messages = {llms::message::user("Hello?")}};
    auto const first = client.complete(ask);
    auto const second = client.complete(ask);
    std::cout << first.text() << "\n"
              << second.text() << "\n"
              << daily.spent().tokens << " tokens spent\n";
    return second.text() == "from the other one" && daily.spent().tokens > 0 ? 0 : 1;
}
