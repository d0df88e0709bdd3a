// SPDX-License-Identifier: MIT
#include <llms/ext/curl_transport.hpp>
#include <llms/llms.hpp>

#include <iostream>
#include <string>

struct forecast {
    std::string city;
    int degrees = 0;
};

int main() {
    llms::response_cache cache{{.tenant = "quick start"}};
    auto client =
        llms::openai_client{llms::curl_transport{}, llms::openai_options::from_environment()} |
        llms::cached(cache);

    llms::request const ask{.model = "gpt-4o-mini",
                            .messages = {llms::message::user("What is the weather in Bergen?")},
                            .temperature = 0.0};
    for (llms::chunk const& piece : client.stream(ask)) {
        std::cout << piece.text << std::flush; // as it comes; from the cache the next time
    }
    auto const weather = llms::structured<forecast>(client, ask); // checked, mended, asked again
    if (weather) {
        std::cout << '\n' << weather->city << ": " << weather->degrees << " degrees\n";
    }
    return weather ? 0 : 1;
}
