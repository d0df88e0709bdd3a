// SPDX-License-Identifier: MIT
//
// Tests without a provider: calls are recorded once, with their errors and pauses, and replayed.
// Only the requests that were recorded have answers.
#include <llms/chat/mock_answer.hpp>
#include <llms/chat/mock_provider.hpp>
#include <llms/chat/recording.hpp>
#include <llms/chat/recording_error.hpp>
#include <llms/chat/replaying.hpp>
#include <llms/chat/retrying.hpp>

#include <chrono>
#include <iostream>
#include <sstream>

int main() {
    using namespace std::chrono_literals;
    std::stringstream file; // or a path
    llms::request const ask{.model = "mock", .messages = {llms::message::user("What is a fjord?")}};

    // A provider that fails once; any other will do in its place.
    llms::mock_provider const model{llms::mock_answer::fails(llms::failure::rate_limited),
                                    llms::mock_answer::text("An arm of the sea.")};
    auto live = model | llms::recording(file) | llms::retrying({.base = 1ms});
    std::cout << live.complete(ask).text() << '\n';

    auto again = llms::replaying_provider{file} | llms::retrying({.base = 1ms});
    std::cout << again.complete(ask).text() << '\n'; // failed and retried, as it was

    try {
        static_cast<void>(again.complete({.model = "mock"}));
        return 1;
    } catch (llms::unrecorded_request_error const& e) {
        std::cout << e.what() << '\n';
    }
    return 0;
}
