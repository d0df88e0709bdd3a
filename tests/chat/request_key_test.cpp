// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include <llms/chat/request_key.hpp>

#include <cstddef>
#include <functional>
#include <set>
#include <string>
#include <vector>

namespace request_key_test {

namespace {

auto base() -> llms::request {
    return {.model = "m", .messages = {llms::message::user("hi")}, .temperature = 0.0};
}

auto key(llms::request const& ask, llms::key_scope const& scope = {.tenant = "t"}) -> std::string {
    return std::string(llms::request_key(ask, scope));
}

auto changed(std::function<void(llms::request&)> const& change) -> std::string {
    auto ask = base();
    change(ask);
    return key(ask);
}

} // namespace

TEST_CASE("request_key: whatever reaches the model is in the key", "[request_key]") {
    using llms::request;
    auto const image = [](std::string const& url) {
        return [url](request& r) {
            r.messages[0].content.emplace_back(llms::image_part{url});
        };
    };
    std::vector<std::function<void(request&)>> const changes{
        [](request&) {},
        [](request& r) { r.model = "n"; },
        [](request& r) { r.messages[0] = llms::message::user("ho"); },
        [](request& r) { r.messages[0] = llms::message::system("hi"); },
        [](request& r) { r.messages[0].name = "ann"; },
        [](request& r) { r.messages[0].tool_call_id = "c"; },
        [](request& r) {
            r.messages[0].extra = {{"user", "x"}};
        },
        [](request& r) {
            r.messages[0].tool_calls.push_back({"i", "n", "{}"});
        },
        [](request& r) {
            r.messages[0].tool_calls.push_back({"in", "", "{}"});
        },
        [](request& r) { r.messages.push_back(llms::message::user("")); },
        image("data:image/png;base64,AAAA"),
        image("data:image/png;base64,AAAB"), // same type and size, other picture
        [](request& r) {
            r.messages[0].content.emplace_back(llms::audio_part{"AAAA", "wav"});
        },
        [](request& r) {
            r.messages[0].content.emplace_back(llms::file_part{"AAAA", "wav"});
        },
        [](request& r) { r.messages[0].content.emplace_back(llms::text_part{""}); },
        [](request& r) {
            r.messages[0].content.emplace_back(llms::reasoning_part{"hm", ""});
        },
        [](request& r) {
            r.messages[0].content.emplace_back(llms::reasoning_part{"h", "m"});
        },
        [](request& r) {
            r.messages[0].content.emplace_back(llms::other_part{{{"type", "x"}}});
        },
        [](request& r) { r.tools.push_back({.name = "f"}); },
        [](request& r) { r.tools.push_back({.name = "f", .description = "d"}); },
        [](request& r) { r.tools.push_back({.name = "f", .strict = true}); },
        [](request& r) {
            r.tools.push_back({.name = "f", .parameters = {{"a", 1}, {"b", 2}}});
        },
        [](request& r) {
            r.tools.push_back({.name = "f", .parameters = {{"b", 2}, {"a", 1}}});
        },
        [](request& r) { r.tool_choice = "none"; },
        [](request& r) { r.temperature = 0.1; },
        [](request& r) { r.temperature.reset(); },
        [](request& r) { r.top_p = 0.0; },
        [](request& r) { r.max_tokens = 0; },
        [](request& r) { r.seed = 0; },
        [](request& r) {
            r.stop = {"a", "b"};
        },
        [](request& r) { r.stop = {"ab"}; },
        [](request& r) {
            r.response_format = {{"type", "json_object"}};
        },
        [](request& r) {
            r.extra = {{"logprobs", true}};
        },
        [](request& r) {
            r.cache.variant = 1;
        }};
    std::set<std::string> keys;
    for (auto const& change : changes) {
        keys.insert(changed(change));
    }
    CHECK(keys.size() == changes.size());
}

TEST_CASE("request_key: what does not reach the model is not", "[request_key]") {
    auto const plain = key(base());
    CHECK(changed([](auto& r) {
              r.extra = {{"user", "u1"}, {"metadata", {{"trace", 1}}}};
          }) == plain);
    CHECK(changed([](auto& r) { r.extra = {{"stream", true}, {"store", false}}; }) == plain);
    CHECK(changed([](auto& r) { r.extra = nlohmann::ordered_json::object(); }) == plain);
    CHECK(changed([](auto& r) { r.cache.mode = llms::cache_mode::refresh; }) == plain);
    CHECK(changed([](auto& r) {
              r.extra = {{"a", 1}, {"b", 2}};
          }) == changed([](auto& r) {
              r.extra = {{"b", 2.0}, {"a", 1.0}};
          }));
}

TEST_CASE("request_key: tenants and providers have keys of their own", "[request_key]") {
    CHECK(key(base(), {.tenant = "a"}) != key(base(), {.tenant = "b"}));
    CHECK(key(base(), {.tenant = "a", .provider = "x"}) != key(base(), {.tenant = "ax"}));
}

TEST_CASE("request_key: pointers of the wire form can be ignored", "[request_key]") {
    auto const form = llms::key_form({"/seed", "/messages/*/name"});
    llms::key_scope const scope{.tenant = "t", .wire = &form};
    auto other = base();
    other.seed = 7;
    other.messages[0].name = "ann";
    CHECK(key(other, scope) == key(base(), scope));
    other.model = "n";
    CHECK(key(other, scope) != key(base(), scope));
    CHECK_THROWS_AS(llms::key_form({"seed"}), llms::canonical_error);
}

TEST_CASE("request_key: after a long prompt keys are as before", "[request_key]") {
    auto const plain = key(base());
    auto ask = base();
    ask.messages.push_back(llms::message::user(std::string(std::size_t{2} << 20U, 'x')));
    auto const large = key(ask);
    CHECK(large.size() > std::size_t{2} << 20U);
    CHECK(key(base()) == plain);
    CHECK((key(ask) == large)); // not to be printed
    CHECK(key(base()) == plain);
}

TEST_CASE("request_key: text that is not UTF-8 is an error, not a key", "[request_key]") {
    auto ask = base();
    ask.messages[0] = llms::message::user("\xff");
    CHECK_THROWS_AS(key(ask), llms::canonical_error);
}

} // namespace request_key_test
