// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/scripted_provider.hpp"
#include <llms/chat/mock_provider.hpp>
#include <llms/chat/structured.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace structured_test {

namespace {

struct forecast {
    std::string city;
    int degrees = 0;
};

struct address {
    std::string zip;
    std::string mail;
    std::chrono::milliseconds away{};
};

auto client_saying(std::vector<std::string> const& answers) -> support::scripted_provider {
    std::vector<std::vector<llms::chunk>> chunks;
    chunks.reserve(answers.size());
    for (auto const& answer : answers) {
        chunks.push_back(support::chunks_of({answer}));
    }
    return support::scripted_provider(std::move(chunks));
}

auto question() -> llms::request {
    return {.model = "m", .messages = {llms::message::user("Weather in Oslo?")}};
}

} // namespace

} // namespace structured_test

template <>
inline constexpr auto llms::described<structured_test::address> =
    llms::description{"", llms::member{.of = "zip", .pattern = "^[0-9]{5}$"},
                      llms::member{.of = "mail", .format = "email"}};

namespace structured_test {

TEST_CASE("structured: a value from an answer in a fence, with prose around", "[structured]") {
    auto client = client_saying({"Sure:\n```json\n{\"city\": \"Oslo\", \"degrees\": 3}\n```\nBye"});
    auto const weather = llms::structured<forecast>(client, question());
    REQUIRE(weather);
    CHECK(weather->city == "Oslo");
    CHECK(weather->degrees == 3);
    CHECK(weather.changes().empty());
    CHECK(weather.steps().size() == 1);
    CHECK(client->calls == 1);
}

TEST_CASE("structured: tells what it mended", "[structured]") {
    auto client = client_saying({R"({"city": "Oslo", "degrees": "3"})"});
    auto const weather = llms::structured<forecast>(client, question());
    REQUIRE(weather);
    CHECK(weather->degrees == 3);
    REQUIRE(weather.changes().size() == 1);
    CHECK(weather.changes()[0].pointer == "/degrees");
    CHECK(weather.changes()[0].from == "3");
}

TEST_CASE("structured: sends an answer that does not fit back, with the errors", "[structured]") {
    auto client = client_saying({R"({"city": "Oslo", "degrees": "cold"})", "I cannot say.",
                                 R"({"city": "Oslo", "degrees": -4})"});
    auto const weather = llms::structured<forecast>(client, question());
    REQUIRE(weather);
    CHECK(weather->degrees == -4);
    REQUIRE(weather.steps().size() == 3);
    CHECK(client->asked[1].find("/degrees") != std::string::npos);
    CHECK(client->asked[2].find("no JSON") != std::string::npos);
    CHECK(weather.text().empty());
}

TEST_CASE("structured: gives up after max_attempts and says why", "[structured]") {
    auto client = client_saying({"no"});
    auto const weather = llms::structured<forecast>(client, question(), {.max_attempts = 2});
    CHECK_FALSE(weather);
    CHECK(client->calls == 2);
    CHECK(weather.steps().size() == 2);
    CHECK_FALSE(weather.text().empty());
}

TEST_CASE("structured: an answer that a pattern or a format refuses is sent back, too",
          "[structured]") {
    auto client = client_saying({R"({"zip": "5311", "mail": "a@b.example", "away": "-PT0.5S"})",
                                 R"({"zip": "53111", "mail": "nobody", "away": "-PT0.5S"})",
                                 R"({"zip": "53111", "mail": "a@b.example", "away": "-PT0.5S"})"});
    auto const where = llms::structured<address>(client, question());
    REQUIRE(where);
    CHECK(where->zip == "53111");
    CHECK(where->away == std::chrono::milliseconds{-500});
    CHECK(client->calls == 3);
    CHECK_THAT(client->asked[1], support::contains("/zip"));
    CHECK_THAT(client->asked[1], support::contains("^[0-9]{5}$"));
    CHECK_THAT(client->asked[2], support::contains("/mail"));
    CHECK_THAT(client->asked[2], support::contains("email"));
}

TEST_CASE("structured: of several candidates the one that fits wins", "[structured]") {
    auto client = client_saying(
        {R"(The form is {"city": "...", "degrees": "..."}, so: {"city": "Oslo", "degrees": 1}.)"});
    auto const weather = llms::structured<forecast>(client, question());
    REQUIRE(weather);
    CHECK(weather->degrees == 1);
}

TEST_CASE("structured: mends broken JSON before it is coerced, and tells so", "[structured]") {
    auto client =
        client_saying({"Sure:\n```json\n{city: 'Oslo', \"degrees\": \"3\",} // done\n```"});
    auto const weather = llms::structured<forecast>(client, question());
    REQUIRE(weather);
    CHECK(weather->city == "Oslo");
    CHECK(weather->degrees == 3);
    CHECK(weather.changes().size() == 1);
    auto const& mends = weather.steps()[0].mends;
    auto const has = [&](llms::mending rule) {
        return std::any_of(mends.begin(), mends.end(),
                           [rule](llms::mend const& one) { return one.rule == rule; });
    };
    CHECK(has(llms::mending::fence));
    CHECK(has(llms::mending::unquoted_key));
    CHECK(has(llms::mending::quotes));
    CHECK(has(llms::mending::trailing_comma));
}

TEST_CASE("structured: of broken candidates the one that fits wins", "[structured]") {
    auto client = client_saying({"Not {'city': 'Oslo'} but {'city': 'Rome', 'degrees': 20}!"});
    auto const weather = llms::structured<forecast>(client, question());
    REQUIRE(weather);
    CHECK(weather->city == "Rome");
    CHECK(client->calls == 1);
}

TEST_CASE("structured: tells the model where its JSON is broken, mending can be off",
          "[structured]") {
    auto client = client_saying(
        {R"({"city": "Oslo", "degrees": NaN})", R"({"city": "Oslo", "degrees": 3,})"});
    auto const weather = llms::structured<forecast>(
        client, question(), {.max_attempts = 2, .repair = llms::mending::none});
    CHECK_FALSE(weather);
    CHECK(client->asked[1].find("no value of JSON, at byte 28") != std::string::npos);
    CHECK(weather.text().find("the rule that would mend it is off, at byte 29") !=
          std::string::npos);
}

TEST_CASE("structured: the value can be moved out, and what was mended is told", "[structured]") {
    auto client = client_saying({R"({"city": "Oslo", "degrees": 3,})"});
    auto weather = llms::structured<forecast>(client, question());
    REQUIRE(weather);
    REQUIRE(weather.mends().size() == 1);
    CHECK(weather.mends()[0].rule == llms::mending::trailing_comma);
    forecast const taken = *std::move(weather);
    CHECK(taken.city == "Oslo");
}

TEST_CASE("structured: asks for the provider's own kind of it where told to", "[structured]") {
    llms::mock_provider model{llms::mock_answer::text(R"({"city": "Oslo", "degrees": 3})")};
    llms::structured_options const options{.response_format = true, .name = "forecast"};
    CHECK(llms::structured<forecast>(model, question(), options));
    auto asked = question();
    asked.response_format = {{"type", "json_object"}};
    CHECK(llms::structured<forecast>(model, asked, options)); // what the caller said stands
    auto const format = model.requests().at(0).response_format;
    CHECK(format.at("type") == "json_schema");
    CHECK(format.at("json_schema").at("name") == "forecast");
    CHECK(format.at("json_schema").at("schema") == llms::schema_of<forecast>());
    CHECK(model.requests().at(1).response_format == asked.response_format);
}

} // namespace structured_test
