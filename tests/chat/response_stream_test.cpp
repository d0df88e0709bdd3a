// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/scripted_provider.hpp"
#include <llms/chat/response_stream.hpp>

#include <memory>
#include <string>

namespace response_stream_test {

namespace {

auto stream_of(std::vector<llms::chunk> chunks) -> llms::response_stream {
    return llms::response_stream(std::make_unique<support::listed_source>(std::move(chunks)));
}

} // namespace

TEST_CASE("response_stream: yields every chunk, one end, and the whole response", "[stream]") {
    auto stream = stream_of(support::chunks_of({"Hel", "lo"}));
    std::string text;
    int ends = 0;
    for (llms::chunk const& piece : stream) {
        text += piece.text;
        ends += piece.kind == llms::chunk_kind::end ? 1 : 0;
    }
    CHECK(text == "Hello");
    CHECK(ends == 1);
    CHECK(stream.done());
    CHECK(stream.next() == nullptr);
    CHECK(stream.value().text() == "Hello");
    CHECK(stream.value().finish == llms::finish_reason::stop);
    CHECK(stream.value().usage.output_tokens == 3);
}

TEST_CASE("response_stream: chunks without an end are one error, never an end", "[stream]") {
    auto chunks = support::chunks_of({"Hel", "lo"});
    chunks.pop_back();
    auto stream = stream_of(std::move(chunks));
    CHECK(stream.next() != nullptr);
    CHECK(stream.next() != nullptr);
    CHECK_THROWS_AS(stream.next(), llms::provider_error);
    CHECK(stream.next() == nullptr);
    CHECK_FALSE(stream.done());
    CHECK(stream.value().text() == "Hello"); // what came is kept
    CHECK_THROWS_AS(std::move(stream).finish(), llms::provider_error);
}

TEST_CASE("response_stream: what comes after the end is not asked for", "[stream]") {
    auto chunks = support::chunks_of({"a"});
    chunks.push_back({.text = "after the end"});
    auto stream = stream_of(std::move(chunks));
    while (stream.next() != nullptr) {}
    CHECK(stream.value().text() == "a");
}

TEST_CASE("response_stream: cancel drops the source and keeps what came", "[stream]") {
    struct counted final : llms::chunk_source {
        explicit counted(int& alive) : alive_(alive) { ++alive_; }
        counted(counted const&) = delete;
        auto operator=(counted const&) -> counted& = delete;
        ~counted() override { --alive_; }
        auto next(llms::chunk& out, std::stop_token const& /*stop*/) -> bool override {
            out.text = "x";
            return true;
        }
        int& alive_;
    };
    int alive = 0;
    llms::response_stream stream(std::make_unique<counted>(alive));
    CHECK(stream.next() != nullptr);
    CHECK(alive == 1);
    stream.cancel();
    CHECK(alive == 0);
    CHECK(stream.next() == nullptr);
    CHECK(stream.value().text() == "x");
}

TEST_CASE("response_builder: joins text, reasoning and tool calls in their order", "[stream]") {
    using llms::chunk_kind;
    llms::response_builder built;
    built.add({.kind = chunk_kind::reasoning, .text = "hm", .signature = "s"});
    built.add({.text = "Let "});
    built.add({.text = "me look."});
    built.add({.kind = chunk_kind::tool_call, .index = 1, .text = "{", .id = "b", .name = "g"});
    built.add({.kind = chunk_kind::tool_call, .index = 0, .text = "[]", .id = "a", .name = "f"});
    built.add({.kind = chunk_kind::tool_call, .index = 1, .text = "}"});
    built.add({.kind = chunk_kind::end, .finish = llms::finish_reason::tool_calls});
    REQUIRE(built.done());
    auto const& m = built.value().message;
    REQUIRE(m.content.size() == 2);
    CHECK(std::get<llms::reasoning_part>(m.content[0]) == llms::reasoning_part{"hm", "s"});
    CHECK(m.text() == "Let me look.");
    REQUIRE(m.tool_calls.size() == 2);
    CHECK(m.tool_calls[0] == llms::tool_call{"a", "f", "[]"});
    CHECK(m.tool_calls[1] == llms::tool_call{"b", "g", "{}"});
}

TEST_CASE("response_builder: members beside the text are merged, calls are bounded",
          "[response_stream]") {
    llms::response_builder built;
    built.add({.text = "a", .json = R"({"x": 1, "y": 1})"});
    built.add({.text = "b", .json = R"({"y": 2})"});
    built.add({.kind = llms::chunk_kind::tool_call, .index = 4'000'000'000U, .id = "far"});
    auto const& answer = built.value();
    REQUIRE(answer.message.content.size() == 1);
    CHECK(std::get<llms::text_part>(answer.message.content[0]).extra ==
          nlohmann::json{{"x", 1}, {"y", 2}});
    CHECK(answer.message.tool_calls.size() <= 1024);
    for (auto const& call : answer.message.tool_calls) {
        CHECK(call.id.empty());
    }
}

} // namespace response_stream_test
