// SPDX-License-Identifier: MIT
#include "demo/script.hpp"

#include <string>

namespace {

using namespace std::chrono_literals;

auto reply_with(std::string const& text) -> support::reply {
    return {.tokens = support::tokens_of(text), .first_token = 30ms, .per_token = 4ms};
}

} // namespace

auto demo_answer(nlohmann::json const& request) -> support::reply {
    auto const talk = request.at("messages").dump();
    auto const says = [&](char const* words) {
        return talk.find(words) != std::string::npos;
    };
    if (says("weather in Bergen")) {
        // Readable, and still no JSON, nor what was asked for: a comma too many, and text where an
        // integer is due.
        auto const* const sky = says("sky") ? R"("sky": "Rain", )" : "";
        return reply_with("Of course!\n```json\n"
                          R"({"city": "Bergen", )" +
                          std::string(sky) +
                          R"("degrees": "3",})"
                          "\n```\nShall I look up tomorrow, too?");
    }
    if (says("weather in Tromso")) {
        return says("does not fit the schema")
                   ? reply_with(R"({"city": "Tromso", "degrees": -4, "sky": "snow"})")
                   : reply_with("```json\n"
                                R"({"city": "Tromso", "degrees": "rather cold"})"
                                "\n```");
    }
    if (says("How far is it")) {
        if (says("tool_call_id")) {
            return reply_with(says("463") ? "It is 463 km by road." : "The tool did not say.");
        }
        return {.calls = {{"call-1", "distance_km", R"({"from": "Oslo", "to": "Bergen"})"}},
                .first_token = 30ms,
                .per_token = 4ms};
    }
    if (says("deepest fjord")) {
        return reply_with("The Sognefjord, at 1,308 metres.");
    }
    return reply_with("A fjord is a long, narrow arm of the sea between high cliffs, carved by a "
                      "glacier and deepest where the ice was thickest.");
}
