// SPDX-License-Identifier: MIT
//
// Streams an answer and stops it when enough has come: leaving the loop ends the call, so that no
// more tokens are made or paid for.
#include <llms/chat/openai.hpp>
#include <llms/ext/curl_transport.hpp>

#include <iostream>
#include <string>

int main() {
    llms::openai_client client{llms::curl_transport{}, llms::openai_options::from_environment()};
    llms::request const ask{.model = "gpt-4o-mini",
                            .messages = {llms::message::system("You are a guide in Norway."),
                                         llms::message::user("What is a fjord?")},
                            .max_tokens = 200};
    auto stream = client.stream(ask);
    std::string begun;
    for (llms::chunk const& piece : stream) {
        if (piece.kind == llms::chunk_kind::text) {
            begun += piece.text;
            std::cout << piece.text << std::flush;
        }
        if (begun.size() > 40) {
            stream.cancel(); // also what happens when `stream` goes out of scope
            break;
        }
    }
    std::cout << " ...\n";
    return begun.empty() ? 1 : 0;
}
