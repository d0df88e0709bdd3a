// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include <llms/chat/message_manager.hpp>

#include <atomic>
#include <cstddef>
#include <functional>
#include <limits>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace message_history_file_test {

namespace {

using llms::history_error;
using llms::message;
using llms::message_manager;
using llms::role;

auto one(message const& /*m*/) -> std::size_t {
    return 1;
}

auto saved(message_manager const& talk) -> std::string {
    std::ostringstream out;
    talk.save(out);
    return out.str();
}

void load(message_manager& talk, std::string const& file,
          llms::history_file_limits const& limits = {}) {
    std::istringstream in(file);
    talk.load(in, limits);
}

auto refusal_of(std::string const& file, llms::history_file_limits const& limits = {})
    -> std::string {
    message_manager talk;
    talk.append(message::user("as it was"));
    try {
        load(talk, file, limits);
    } catch (history_error const& e) {
        CHECK(talk.size() == 1);
        CHECK(talk.snapshot().begin()->text() == "as it was");
        return e.what();
    }
    return "loaded";
}

auto texts(message_manager const& talk) -> std::string {
    std::string all;
    for (auto const& each : talk.snapshot()) {
        all += (all.empty() ? "" : " ") + (each.tool_calls.empty() ? each.text() : "call");
    }
    return all;
}

// Every role and every kind of part.
void fill(message_manager& talk) {
    talk.append(message::system("rules"));
    talk.append({.role = role::developer, .content = {llms::text_part{"more rules"}}});
    talk.append(
        {.role = role::user,
         .content = {llms::text_part{std::string("\xC3\xA6 \xFF") + '\0'}, // need not be UTF-8
                     llms::image_part{"https://x/y.png", "low"},
                     llms::audio_part{"UklGRg==", "wav"},
                     llms::file_part{"a.pdf", "data:application/pdf;base64,JVBE", "f-1"},
                     llms::other_part{{{"type", "video"}, {"at", {1, 2.5, nullptr}}}}},
         .name = "ada",
         .extra = {{"cache_control", {{"type", "ephemeral"}}}}});
    talk.append(
        {.role = role::assistant,
         .content = {llms::reasoning_part{"hm", "signed"},
                     llms::text_part{"let me see", {{"citations", nlohmann::json::array()}}}},
         .tool_calls = {{"c1", "look", R"({"q": )", {{"index", 7}}}, {"c2", "look", "{}"}}},
        true);
    talk.append(message::tool_result("c2", "two"));
    talk.append(message::tool_result("c1", std::string("o\0ne", 4)));
    talk.append(message::assistant(""));
}

// A call and its result, behind something to drop, in four messages.
void fill_small(message_manager& talk) {
    talk.append(message::user("q"));
    talk.append({.role = role::assistant, .tool_calls = {{"a", "f", "{}"}}}, true);
    talk.append(message::tool_result("a", "A"));
    talk.append(message::user("r"));
}

} // namespace

TEST_CASE("history file: every role and part comes back, in few bytes", "[history_file]") {
    message_manager talk;
    fill(talk);
    auto const before = talk.snapshot();
    message_manager other;
    other.append(message::user("replaced"));
    load(other, saved(talk));
    auto const after = other.snapshot();
    REQUIRE(after.size() == before.size());
    std::size_t texts_bytes = 0;
    for (auto a = before.begin(), b = after.begin(); a != before.end(); ++a, ++b) {
        CHECK(*a == *b);
        texts_bytes += a->text().size();
    }
    CHECK(after.tokens() == before.tokens());
    CHECK(saved(talk).size() < texts_bytes + 700);
    CHECK_THROWS_AS(other.append(message::tool_result("c1", "again")), history_error);

    message_manager empty;
    load(other, saved(empty));
    CHECK(other.size() == 0);
}

TEST_CASE("history file: pins, summary, open calls and turns go on as before", "[history_file]") {
    llms::message_manager_options const options{
        .max_tokens = 6, .count_tokens = one, .summarise = [](auto const& gone) {
            std::string all = "[";
            for (auto const& each : gone) {
                all += each->text();
            }
            return std::optional(message::system(all + "]"));
        }};
    message_manager talk{options};
    talk.append(message::user("a"));
    talk.append({.role = role::assistant, .tool_calls = {{"1", "f", "{}"}}}, true);
    talk.append(message::tool_result("1", "A"));
    for (auto const* text : {"b", "c", "d", "e"}) {
        talk.append(message::user(text));
    }
    CHECK(texts(talk) == "call A [[a]b] c d e");
    talk.append({.role = role::assistant, .tool_calls = {{"2", "f", "{}"}}});
    message_manager other{options};
    load(other, saved(talk));
    CHECK(saved(other).size() == saved(talk).size());
    for (auto* each : {&talk, &other}) {
        CHECK(texts(*each) == "call A [[[[a]b]]c] d e call");
        CHECK_THROWS_WITH(each->append(message::user("f")), support::contains("\"2\""));
        each->append(message::tool_result("2", "B"));
        each->append(message::user("f"));
    }
    CHECK(texts(other) == texts(talk));
    CHECK(other.tokens() == talk.tokens());
}

TEST_CASE("history file: a smaller budget makes room or refuses", "[history_file]") {
    message_manager talk;
    talk.append(message::system("rules"));
    for (auto const* text : {"a", "b", "c"}) {
        talk.append(message::user(text));
    }
    auto const file = saved(talk);
    message_manager small{{.max_messages = 2}};
    load(small, file);
    CHECK(texts(small) == "rules c");
    message_manager tiny{{.max_messages = 1}};
    CHECK_THROWS_WITH(load(tiny, file), support::contains("what must stay takes 2 messages"));
    CHECK(tiny.size() == 0);
}

TEST_CASE("history file: no prefix and no flipped bit is taken", "[history_file]") {
    message_manager talk{{.max_messages = 3}};
    fill_small(talk);
    auto const file = saved(talk);
    REQUIRE(refusal_of(file) == "loaded");
    for (std::size_t size = 0; size < file.size(); ++size) {
        REQUIRE_THAT(refusal_of(file.substr(0, size)), support::contains("at offset "));
    }
    for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
        auto damaged = file;
        damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
        REQUIRE_THAT(refusal_of(damaged), support::contains("at offset "));
    }
    CHECK_THAT(refusal_of(""), support::contains("not the beginning of a history"));
    auto newer = file;
    ++newer[8];
    CHECK_THAT(refusal_of(newer), support::contains("another version"));
    CHECK_THAT(refusal_of(file.substr(0, 40)),
               support::contains("at offset 28 is the end of a file that was cut short"));
}

TEST_CASE("history file: what is beyond the limits is refused", "[history_file]") {
    message_manager talk;
    fill(talk);
    auto const file = saved(talk);
    CHECK_THAT(refusal_of(file, {.max_messages = 6}),
               support::contains("a message more than the limit"));
    CHECK_THAT(refusal_of(file, {.max_bytes = 200}),
               support::contains("what is longer than the limit"));
    CHECK(refusal_of(file, {.max_messages = 7}) == "loaded");
    auto lying = file;
    lying[35] = '\x7F'; // the top byte of the first record's length
    CHECK_THAT(refusal_of(lying, {.max_bytes = std::numeric_limits<std::size_t>::max()}),
               support::contains("cut short"));
}

TEST_CASE("history file: a sound file that holds no conversation is refused", "[history_file]") {
    using llms::detail::history_place;
    struct line {
        history_place place;
        message what;
    };
    auto const forged = [](std::vector<line> const& lines, std::string const& more = {}) {
        std::ostringstream out;
        llms::detail::cache_file_writer file(out, 0, "llmstalk");
        for (auto const& each : lines) {
            std::string bytes;
            llms::detail::fields_out put(bytes);
            put(std::uint64_t(each.place), std::uint64_t{0}, each.what);
            file.record(bytes + more);
        }
        file.end();
        return refusal_of(out.str());
    };
    auto const line_of = [](history_place place, message what) {
        std::vector<line> lines;
        lines.push_back({place, std::move(what)});
        return lines;
    };
    auto const call = [] {
        return message{.role = role::assistant, .tool_calls = {{"a", "f", "{}"}}};
    };
    using enum history_place;
    CHECK(forged(line_of(live, call())) == "loaded");
    CHECK_THAT(forged(line_of(live, call()), "x"), support::contains("what is not a message"));
    CHECK_THAT(forged(line_of(live, message::tool_result("a", ""))),
               support::contains("no call waits for a result of \"a\""));
    CHECK_THAT(forged(line_of(kept, call())), support::contains("a call has no result"));
    CHECK_THAT(forged(line_of(static_cast<history_place>(3), call())),
               support::contains("what is not a message"));
    auto lines = line_of(kept, call());
    lines.push_back({live, message::tool_result("a", "")});
    CHECK_THAT(forged(lines), support::contains("out of place"));
    lines = line_of(summary, message::system("1"));
    lines.push_back({summary, message::system("2")});
    CHECK_THAT(forged(lines), support::contains("out of place"));
    lines[1].place = kept;
    CHECK_THAT(forged(lines), support::contains("out of place"));
    lines[1].place = live;
    CHECK(forged(lines) == "loaded");
}

TEST_CASE("history file: what could not be read is not written", "[history_file]") {
    auto const refused = [](message what) {
        message_manager talk;
        talk.append(message::system(""));
        talk.append(std::move(what));
        try {
            return saved(talk);
        } catch (history_error const& e) {
            return std::string(e.what());
        }
    };
    CHECK_THAT(refused({.extra = {{"x", "\xFF"}}}), support::contains("message 1 cannot be saved"));
    CHECK_THAT(refused({.extra = {{"x", std::numeric_limits<double>::infinity()}}}),
               support::contains("message 1 cannot be saved"));
    auto deep = nlohmann::json::array();
    for (int i = 0; i < 300; ++i) {
        deep = nlohmann::json::array({std::move(deep)});
    }
    CHECK_THAT(refused({.extra = {{"x", std::move(deep)}}}), support::contains("too deep"));
    message many;
    many.tool_calls.resize(1025);
    CHECK_THAT(refused(std::move(many)), support::contains("too many parts"));
}

TEST_CASE("history file: what follows it in the stream is left there", "[history_file]") {
    message_manager talk;
    fill(talk);
    std::stringstream stream;
    talk.save(stream);
    stream << "rest";
    talk.load(stream);
    std::string rest;
    stream >> rest;
    CHECK(rest == "rest");
    CHECK(talk.size() == 7);
}

TEST_CASE("history file: saved while others append, pin and load", "[history_file][threads]") {
    message_manager talk{{.max_messages = 100}};
    talk.append(message::system("rules"));
    auto const start = saved(talk);
    std::atomic<bool> ok = true;
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 2; ++t) {
            threads.emplace_back([&, t] {
                for (int i = 0; i < 300; ++i) {
                    auto const mine = talk.append(message::user(std::to_string(t)));
                    if (i % 10 == 0) {
                        talk.pin(mine);
                        talk.unpin(mine);
                    }
                }
            });
        }
        threads.emplace_back([&] {
            for (int i = 0; i < 50; ++i) {
                message_manager copy;
                load(copy, saved(talk));
                ok = ok && copy.size() <= 100 && copy.snapshot().begin()->text() == "rules";
            }
        });
        threads.emplace_back([&] {
            for (int i = 0; i < 20; ++i) {
                load(talk, start);
            }
        });
    }
    CHECK(ok);
}

TEST_CASE("message_manager: pinned after the fact, and let go again", "[message_manager]") {
    message_manager talk{{.max_tokens = 4, .count_tokens = one}};
    talk.append(message::user("q1"));
    auto const call = talk.append({.role = role::assistant, .tool_calls = {{"a", "f", "{}"}}});
    auto const result = talk.append(message::tool_result("a", "A"));
    auto const before = talk.snapshot();
    CHECK(talk.pin(result)); // and with it the call
    CHECK(before.size() == 3);
    CHECK(before.begin()->text() == "q1");
    for (auto const* text : {"q2", "q3", "q4"}) {
        talk.append(message::user(text));
    }
    CHECK(texts(talk) == "call A q3 q4");
    CHECK(talk.unpin(call)); // its turn has gone
    CHECK(texts(talk) == "q3 q4");
    CHECK(talk.tokens() == 2);
    CHECK_FALSE(talk.pin(call));
    CHECK_FALSE(talk.pin(nullptr));

    auto const newest = talk.append(message::user("q5"));
    CHECK(talk.pin(newest));
    CHECK(talk.unpin(newest));
    CHECK(talk.pin(newest));
    CHECK(talk.pin(newest));
    for (auto const* text : {"q6", "q7", "q8"}) {
        talk.append(message::user(text));
    }
    CHECK(texts(talk) == "q5 q6 q7 q8");
    CHECK(talk.unpin(newest)); // goes with its turn
    talk.append(message::user("q9"));
    CHECK(texts(talk) == "q6 q7 q8 q9");
}

TEST_CASE("message_manager: a call pinned before its results keeps them", "[message_manager]") {
    message_manager talk{{.max_tokens = 5, .count_tokens = one}};
    auto const rules = talk.append(message::system("rules"));
    talk.append(message::user("q1"));
    auto const call =
        talk.append({.role = role::assistant, .tool_calls = {{"a", "f", "{}"}, {"b", "f", "{}"}}});
    CHECK(talk.pin(call));
    talk.append(message::tool_result("a", "A"));
    talk.append(message::tool_result("b", "B"));
    talk.append(message::user("q2"));
    CHECK(texts(talk) == "rules call A B q2");
    CHECK(talk.unpin(rules)); // stays: the rules of a system message are the system's
    CHECK_THROWS_AS(talk.append(message::assistant("a2")), history_error);
    CHECK(talk.unpin(call));
    talk.append(message::assistant("a2"));
    CHECK(texts(talk) == "rules q2 a2");
}

TEST_CASE("message_manager: what is let go after its turn is summarised", "[message_manager]") {
    std::vector<std::string> given;
    message_manager talk{{.max_tokens = 2, .count_tokens = one, .summarise = [&](auto const& gone) {
                              for (auto const& each : gone) {
                                  given.push_back(each->text());
                              }
                              return std::optional<message>();
                          }}};
    auto const first = talk.append(message::user("a"), true);
    talk.append(message::user("b"));
    talk.append(message::user("c"));
    CHECK(texts(talk) == "a c");
    CHECK(talk.unpin(first));
    CHECK(texts(talk) == "c");
    CHECK(given == std::vector<std::string>{"b", "a"});
}

} // namespace message_history_file_test
