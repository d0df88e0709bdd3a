// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include <llms/chat/message.hpp>
#include <llms/chat/request.hpp>
#include <llms/chat/response.hpp>

#include <type_traits>
#include <utility>

namespace message_test {

namespace {

auto full_message() -> llms::message {
    llms::message m{.role = llms::role::assistant};
    m.content.emplace_back(llms::text_part{"see "});
    m.content.emplace_back(llms::image_part{"https://example.org/a.png", "low"});
    m.content.emplace_back(llms::reasoning_part{"because", "signed"});
    m.content.emplace_back(llms::text_part{"this"});
    m.tool_calls.push_back({"call-1", "look", R"({"at": 1})"});
    m.tool_call_id = "call-0";
    m.name = "ann";
    m.extra = {{"annotations", nlohmann::json::array()}};
    return m;
}

} // namespace

TEST_CASE("message: moves, and is copied only by clone", "[message]") {
    STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<llms::message>);
    STATIC_REQUIRE_FALSE(std::is_copy_assignable_v<llms::message>);
    STATIC_REQUIRE(std::is_nothrow_move_constructible_v<llms::message>);
    STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<llms::request>);
    STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<llms::response>);

    auto const original = full_message();
    auto const copy = original.clone();
    CHECK(copy == original);
    CHECK(copy.text() == "see this");
}

TEST_CASE("message: clear leaves nothing of any field", "[message]") {
    auto m = full_message();
    m.clear();
    CHECK(m == llms::message{});
}

TEST_CASE("response: clone copies and clear empties every field", "[message]") {
    llms::response r{.id = "r", .model = "m", .message = full_message()};
    r.finish = llms::finish_reason::length;
    r.finish_text = "max_tokens";
    r.usage = {.input_tokens = 1,
               .output_tokens = 2,
               .cached_input_tokens = 3,
               .cache_write_tokens = 4,
               .reasoning_tokens = 5};
    r.cached = true;
    r.coalesced = true;
    r.extra = {{"system_fingerprint", "fp"}};
    CHECK(r.clone() == r);
    CHECK_FALSE(r == llms::response{});
    r.clear();
    CHECK(r == llms::response{});
}

TEST_CASE("message_list: is written as a list of messages and cloned whole", "[message]") {
    llms::request const ask{.messages = {llms::message::system("Be brief."),
                                         llms::message::user("Hi"),
                                         llms::message::tool_result("call-1", "42")}};
    REQUIRE(ask.messages.size() == 3);
    CHECK(ask.messages[0].role == llms::role::system);
    CHECK(ask.messages[2].tool_call_id == "call-1");
    auto const copy = ask.clone();
    CHECK(copy.messages == ask.messages);
}

} // namespace message_test
