// SPDX-License-Identifier: MIT
//
// An answer as a C++ value. The schema that the model is given, the check of its answer and the
// conversion all come from the struct; `described` adds what a struct cannot say.
#include <llms/chat/openai.hpp>
#include <llms/chat/structured.hpp>
#include <llms/ext/curl_transport.hpp>

#include <iostream>
#include <string>

enum class sky { sun, cloud, rain, snow };

struct forecast {
    std::string city;
    int degrees = 0;
    ::sky sky = ::sky::sun;
};

template <>
inline constexpr auto llms::described<forecast> = llms::description{
    "The weather in a town.",
    llms::member{.of = "degrees", .text = "Celsius", .minimum = -90, .maximum = 60}};

int main() {
    llms::openai_client client{llms::curl_transport{}, llms::openai_options::from_environment()};
    llms::request const ask{.model = "gpt-4o-mini",
                            .messages = {llms::message::user("What is the weather in Tromso?")}};

    // Asks again, with the errors, until the answer fits; three times at most.
    auto const weather = llms::structured<forecast>(client, ask, {.max_attempts = 3});
    for (auto const& step : weather.steps()) {
        std::cout << "the model said: " << step.response.text() << '\n';
        if (!step.problem.empty()) {
            std::cout << "and was told:\n" << step.problem;
        }
    }
    if (!weather) {
        return 1;
    }
    std::cout << weather->city << ", " << weather->degrees << " degrees\n";
    return 0;
}
