// SPDX-License-Identifier: MIT
//
// The tool loop: the model calls C++ functions until it has its answer. The schema of a tool's
// parameters, the check of the model's arguments and the conversion come from the struct.
#include <llms/chat/openai.hpp>
#include <llms/chat/tool.hpp>
#include <llms/chat/toolbox.hpp>
#include <llms/chat/with_tools.hpp>
#include <llms/ext/curl_transport.hpp>

#include <iostream>
#include <string>

struct route {
    std::string from;
    std::string to;
};

int main() {
    int calls = 0;
    llms::toolbox const tools{
        llms::tool{"distance_km", "Distance by road, in km.", [&](route const& r) {
                       ++calls;
                       std::cout << "asked for " << r.from << " to " << r.to << '\n';
                       return 463.0;
                   }}};
    auto client =
        llms::openai_client{llms::curl_transport{}, llms::openai_options::from_environment()} |
        llms::with_tools(tools, {.max_steps = 4});

    auto const answer = client.complete(
        {.model = "gpt-4o-mini",
         .messages = {llms::message::user("How far is it by road from Oslo to Bergen?")}});
    std::cout << answer.text() << '\n';
    return calls > 0 && answer.finish == llms::finish_reason::stop ? 0 : 1;
}
