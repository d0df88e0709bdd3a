// SPDX-License-Identifier: MIT
//
// What the clients make of an HTTP answer, over a transport without a network.
#include "support/catch.hpp"
#include "support/error_of.hpp"
#include <llms/chat/anthropic.hpp>
#include <llms/chat/openai.hpp>
#include <llms/chat/provider_error.hpp>
#include <llms/detail/chat_json.hpp>

#include <chrono>
#include <ctime>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace exchange_test {

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using support::error_of;

// Gives every request the same answer.
struct canned_transport {
    llms::http_head head;
    std::string body;

    void send(llms::http_request const& /*request*/, llms::http_receiver& receiver,
              std::stop_token const& /*stop*/) const {
        if (receiver.on_head(head)) {
            static_cast<void>(receiver.on_body(body));
        }
    }
};
static_assert(llms::transport<canned_transport>);

auto ask() -> llms::request {
    return {.model = "m", .messages = {llms::message::user("hi")}, .max_tokens = 10};
}

auto error_of_answer(int status, std::vector<llms::http_header> headers, std::string body = "")
    -> llms::provider_error {
    llms::openai_client client{
        canned_transport{{.status = status, .headers = std::move(headers)}, std::move(body)}};
    return error_of([&] { return client.complete(ask()); });
}

auto retry_after(std::string name, std::string value) -> std::optional<milliseconds> {
    return error_of_answer(429, {{std::move(name), std::move(value)}}).retry_after();
}

// As RFC 9110 wants a date.
auto http_date(std::chrono::system_clock::time_point time) -> std::string {
    auto const seconds = std::chrono::system_clock::to_time_t(time);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::string text(64, '\0');
    text.resize(std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts));
    return text;
}

} // namespace

TEST_CASE("exchange: how long the provider asks to wait", "[exchange]") {
    CHECK(retry_after("Retry-After", "3") == 3s);
    CHECK(retry_after("retry-after", "0.25") == 250ms);
    CHECK(retry_after("Retry-After-Ms", "1500") == 1500ms);
    CHECK(retry_after("Retry-After", "999999999") == 24h);
    CHECK(retry_after("Retry-After", "inf") == 24h);
    CHECK_FALSE(retry_after("X-Other", "3"));

    auto const now = std::chrono::system_clock::now();
    auto const wait = retry_after("Retry-After", http_date(now + 1h));
    REQUIRE(wait);
    CHECK(*wait > 59min);
    CHECK(*wait <= 1h);
    CHECK(retry_after("Retry-After", http_date(now - 1h)) == 0s);
    CHECK(retry_after("Retry-After", http_date(now + 100h)) == 24h);
    CHECK(retry_after("Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT") == 0s);
    CHECK(retry_after("Retry-After", "Sat, 31 Dec 2016 23:59:60 GMT") == 0s); // a leap second
}

TEST_CASE("exchange: a wait that makes no sense is none", "[exchange]") {
    auto const* const value =
        GENERATE("", "-1", "nan", "soon", "3 s", "Sun, 06 Nov 1994 08:49:37 CET",
                 "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
                 "Sun, 31 Feb 2094 08:49:37 GMT", "Sun, 06 Abc 2094 08:49:37 GMT",
                 "Sun, 06 anF 2094 08:49:37 GMT", "Sun, 06 Nov 2094 24:49:37 GMT",
                 "Sun, 06 Nov 2094 08:60:37 GMT", "Sun, 06 Nov 2094 08:49:61 GMT",
                 "Sun, x6 Nov 2094 08:49:37 GMT", "Sun, 06 Nov 20x4 08:49:37 GMT",
                 "Sun, 00 Nov 2094 08:49:37 GMT", "Sun; 06 Nov 2094 08:49:37 GMT");
    CAPTURE(value);
    CHECK_FALSE(retry_after("Retry-After", value));
}

TEST_CASE("exchange: an error says what the provider said", "[exchange]") {
    auto const as_object = error_of_answer(400, {{"x-request-id", "r1"}},
                                           R"({"error": {"message": "no such model"}})");
    CHECK(as_object.what() == std::string("the provider answered HTTP 400: no such model"));
    CHECK(as_object.kind() == llms::failure::invalid_request);
    CHECK(as_object.request_id() == "r1");

    auto const as_text =
        error_of_answer(500, {{"request-id", "r2"}}, R"({"error": "out of order"})");
    CHECK(as_text.what() == std::string("the provider answered HTTP 500: out of order"));
    CHECK(as_text.kind() == llms::failure::server);
    CHECK(as_text.request_id() == "r2");

    auto const as_page = error_of_answer(403, {}, "<html>forbidden</html>");
    CHECK(as_page.what() == std::string("the provider answered HTTP 403: <html>forbidden</html>"));
    CHECK(as_page.kind() == llms::failure::authentication);

    CHECK(error_of_answer(502, {}).what() == std::string("the provider answered HTTP 502"));

    // It may be of any length; so much of it is kept as a person would read.
    auto const huge = error_of_answer(500, {}, std::string(std::size_t{1} << 20U, 'x'));
    CHECK(huge.body().size() == std::size_t{64} << 10U);
}

TEST_CASE("exchange: an answer that is none", "[exchange]") {
    auto const reads = [](std::string const& body, std::size_t max_bytes = 1000) {
        llms::openai_client openai{canned_transport{{.status = 200}, body},
                                   {.max_response_bytes = max_bytes}};
        llms::anthropic_client anthropic{canned_transport{{.status = 200}, body},
                                         {.max_response_bytes = max_bytes}};
        auto const first = error_of([&] { return openai.complete(ask()); });
        auto const second = error_of([&] { return anthropic.complete(ask()); });
        CHECK(first.kind() == llms::failure::malformed);
        CHECK(second.kind() == llms::failure::malformed);
        return std::string(first.what());
    };
    CHECK(reads("not JSON") == "the answer is not JSON");
    CHECK(reads("") == "the answer is not JSON");
    CHECK(reads(std::string(1001, ' ')) == "the answer is larger than 1000 bytes");
    CHECK_FALSE(reads("[]").empty());
    CHECK_FALSE(reads("null").empty());
}

TEST_CASE("exchange: a stream that is none ends in an error", "[exchange]") {
    auto const reads = [](int status, std::string body) {
        llms::openai_client client{canned_transport{{.status = status}, std::move(body)},
                                   {.max_response_bytes = 1000}};
        return error_of([&] { return client.stream(ask()).finish(); });
    };
    CHECK(reads(200, "").kind() == llms::failure::connection); // cut off
    CHECK(reads(200, "data: {\n\n").kind() == llms::failure::malformed);
    CHECK(reads(200, "data: " + std::string(2000, 'x')).kind() == llms::failure::malformed);
    CHECK(reads(401, "data: x\n\n").kind() == llms::failure::authentication);
}

TEST_CASE("exchange: a request that is not UTF-8 is refused, an excerpt is cut between characters",
          "[exchange]") {
    CHECK_THROWS_AS(llms::detail::dump_body({{"content", "\xFF"}}), llms::error);
    auto const begin = std::string(199, 'a');
    CHECK(llms::detail::excerpt(begin + "\u00e9 and more") == begin + "...");
    CHECK(llms::detail::excerpt(begin + "b") == begin + "b");
}

} // namespace exchange_test
