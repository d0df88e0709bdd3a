// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/scripted_provider.hpp"
#include <llms/chat/message_manager.hpp>
#include <llms/chat/trimmed.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace message_manager_test {

namespace {

using llms::history;
using llms::message;
using llms::message_manager;
using llms::role;

auto calls(std::vector<std::string> const& ids) -> message {
    auto asking = message::assistant("");
    for (auto const& id : ids) {
        asking.tool_calls.push_back({.id = id, .name = "f", .arguments = "{}"});
    }
    return asking;
}

auto texts(history const& talk) -> std::string {
    std::string all;
    for (auto const& each : talk) {
        all += (all.empty() ? "" : " ") + (each.tool_calls.empty() ? each.text() : "call");
    }
    return all;
}

// Each message counts as one token.
auto one(message const& /*m*/) -> std::size_t {
    return 1;
}

// What a provider demands: each result answers a call of the assistant's message before it, and every
// call has its result before anybody else speaks. Calls may be open at the end.
auto is_well_formed(history const& talk) -> bool {
    std::set<std::string> open;
    for (auto const& each : talk) {
        if (each.role == role::tool) {
            if (open.erase(each.tool_call_id) == 0) {
                return false;
            }
        } else if (each.role != role::system && !open.empty()) {
            return false;
        }
        for (auto const& call : each.tool_calls) {
            open.insert(call.id);
        }
    }
    return true;
}

} // namespace

TEST_CASE("message_manager: whole turns go, oldest first, system and pinned messages stay",
          "[message_manager]") {
    message_manager talk{{.max_tokens = 6, .count_tokens = one}};
    talk.append(message::system("rules"));
    talk.append(message::user("q1"));
    talk.append(message::assistant("a1"));
    talk.append(message::user("q2"), true);
    talk.append(message::assistant("a2"));
    CHECK(texts(talk.snapshot()) == "rules q1 a1 q2 a2");
    talk.append(message::user("q3"));
    CHECK(texts(talk.snapshot()) == "rules q1 a1 q2 a2 q3");
    talk.append(message::assistant("a3"));
    CHECK(texts(talk.snapshot()) == "rules q2 a2 q3 a3");
    talk.append(message::user("q4"));
    talk.append(message::assistant("a4"));
    CHECK(texts(talk.snapshot()) == "rules q2 q3 a3 q4 a4");
    CHECK(talk.tokens() == 6);
    CHECK(talk.size() == 6);
}

TEST_CASE("message_manager: a snapshot stays as it was", "[message_manager]") {
    message_manager talk{{.max_messages = 100}};
    for (int i = 0; i < 90; ++i) {
        talk.append(message::user(std::to_string(i)));
    }
    auto const before = talk.snapshot();
    auto const first = before.begin().pointer();
    for (int i = 90; i < 1000; ++i) {
        talk.append(message::user(std::to_string(i)));
    }
    CHECK(talk.size() == 100);
    CHECK(talk.snapshot().begin()->text() == "900");
    talk.clear();
    CHECK(talk.snapshot().empty());
    CHECK(before.size() == 90);
    int expected = 0;
    for (auto const& each : before) {
        CHECK(each.text() == std::to_string(expected++));
    }
    CHECK(expected == 90);
    CHECK(before.begin().pointer() == first); // shared, not copied
    CHECK(before.to_list().size() == 90);
}

TEST_CASE("message_manager: results and calls come together or not at all", "[message_manager]") {
    message_manager talk{{.max_tokens = 5, .count_tokens = one}};
    CHECK_THROWS_WITH(talk.append(message::tool_result("x", "")),
                      support::contains("no call waits for a result of \"x\""));
    talk.append(message::user("q1"));
    talk.append(calls({"a", "b"}));
    CHECK_THROWS_WITH(talk.append(message::user("q2")),
                      support::contains("the call \"a\" has no result yet"));
    talk.append(message::tool_result("b", "B")); // in any order
    talk.append(message::tool_result("a", "A"));
    CHECK_THROWS_AS(talk.append(message::tool_result("a", "again")), llms::history_error);
    talk.append(message::assistant("done"));
    CHECK(texts(talk.snapshot()) == "q1 call B A done");
    talk.append(message::user("q2"));
    CHECK(texts(talk.snapshot()) == "q2"); // the turn went as a whole
}

TEST_CASE("message_manager: of one long turn the finished steps go", "[message_manager]") {
    message_manager talk{{.max_tokens = 8, .count_tokens = one}};
    talk.append(message::system("rules"));
    talk.append(message::user("task"));
    for (int i = 0; i < 20; ++i) {
        auto const id = std::to_string(i);
        talk.append(calls({id}));
        CHECK(talk.tokens() <= 8);
        talk.append(message::tool_result(id, "r" + id));
        CHECK(talk.tokens() <= 8);
        REQUIRE(is_well_formed(talk.snapshot()));
    }
    auto const left = texts(talk.snapshot());
    CHECK(left.substr(0, 10) == "rules task");
    CHECK(left.substr(left.size() - 8) == "call r19");
}

TEST_CASE("message_manager: a pinned call keeps its results", "[message_manager]") {
    message_manager talk{{.max_tokens = 5, .count_tokens = one}};
    talk.append(message::user("q1"));
    talk.append(calls({"a"}), true);
    talk.append(message::tool_result("a", "A"));
    for (int i = 0; i < 9; ++i) {
        talk.append(message::user("q"));
    }
    CHECK(texts(talk.snapshot()) == "call A q q q");
}

TEST_CASE("message_manager: what cannot fit is refused, and nothing has changed",
          "[message_manager]") {
    message_manager talk{{.max_tokens = 3, .count_tokens = one}};
    talk.append(message::system("rules"));
    talk.append(message::user("q"));
    talk.append(calls({"a", "b"}));
    CHECK_THROWS_WITH(talk.append(message::tool_result("a", "A")),
                      support::contains("what must stay takes 4 tokens, and the budget is 3"));
    CHECK(texts(talk.snapshot()) == "rules q call");
    CHECK_THROWS_AS(talk.trim({.max_messages = 2}), llms::history_error);
    CHECK(talk.size() == 3);

    message_manager small{{.max_bytes = 1000}};
    CHECK_THROWS_WITH(small.append(message::user(std::string(2000, 'x'))),
                      support::contains("bytes"));
}

TEST_CASE("message_manager: a summary stands for what was dropped", "[message_manager]") {
    std::vector<std::string> given;
    bool fail = false;
    message_manager talk{{.max_tokens = 4, .count_tokens = one, .summarise = [&](auto const& gone) {
                              if (fail) {
                                  throw std::runtime_error("busy");
                              }
                              std::string all;
                              for (auto const& each : gone) {
                                  all += each->text();
                              }
                              given.push_back(all);
                              return std::optional(message::system("[" + all + "]"));
                          }}};
    for (auto const* text : {"a", "b", "c", "d"}) {
        talk.append(message::user(text));
    }
    CHECK(given.empty());
    talk.append(message::user("e"));
    CHECK(texts(talk.snapshot()) == "[[a]b] c d e"); // the summary took the place of one more
    fail = true;
    CHECK_THROWS_WITH(talk.append(message::user("f")), "busy");
    CHECK(texts(talk.snapshot()) == "c d e f"); // added; what went waits for the next summary
    fail = false;
    talk.append(message::user("g"));
    CHECK(texts(talk.snapshot()) == "[[[[a]b]c]d] e f g");
    CHECK(talk.tokens() <= 4);
}

TEST_CASE("message_manager: the summary of one long turn takes in the one before",
          "[message_manager]") {
    std::vector<std::string> given;
    message_manager talk{{.max_tokens = 8, .count_tokens = one, .summarise = [&](auto const& gone) {
                              std::string all;
                              for (auto const& each : gone) {
                                  all += each->tool_calls.empty() ? each->text() + ' ' : "";
                              }
                              given.push_back(all);
                              return std::optional(
                                  message::system('S' + std::to_string(given.size())));
                          }}};
    talk.append(message::user("q"));
    talk.append(message::assistant("a"));
    talk.append(message::user("task"));
    for (auto const* id : {"0", "1", "2", "3", "4"}) {
        talk.append(calls({id}));
        talk.append(message::tool_result(id, std::string("r") + id));
        CHECK(talk.tokens() <= 8);
        CHECK(is_well_formed(talk.snapshot()));
    }
    // Nothing was forgotten or told twice.
    CHECK(given == std::vector<std::string>{"q a ", "S1 r0 ", "S2 r1 "});
    CHECK(texts(talk.snapshot()) == "S3 task call r2 call r3 call r4");
}

TEST_CASE("message_manager: for a hook that keeps failing the latest that went are kept",
          "[message_manager]") {
    bool fail = true;
    std::string given;
    message_manager talk{{.max_messages = 3, .summarise = [&](auto const& gone) {
                              CHECK(gone.size() <= 3);
                              if (fail) {
                                  throw std::runtime_error("busy");
                              }
                              for (auto const& each : gone) {
                                  given += each->text();
                              }
                              return std::optional<message>();
                          }}};
    for (auto const* text : {"a", "b", "c"}) {
        talk.append(message::user(text));
    }
    for (auto const* text : {"d", "e", "f", "g", "h"}) {
        CHECK_THROWS_WITH(talk.append(message::user(text)), "busy");
    }
    CHECK(texts(talk.snapshot()) == "f g h");
    fail = false;
    talk.append(message::user("i"));
    CHECK(given == "def");
    CHECK(texts(talk.snapshot()) == "g h i");
}

TEST_CASE("message_manager: what goes while a hook fails is bounded, too", "[message_manager]") {
    message_manager* self = nullptr;
    std::size_t most = 0;
    bool inside = false;
    message_manager talk{{.max_messages = 3, .summarise = [&](auto const& gone) {
                              most = std::max(most, gone.size());
                              if (!std::exchange(inside, true)) {
                                  for (auto const* text : {"x", "y", "z"}) {
                                      self->append(message::user(text));
                                  }
                                  inside = false;
                              }
                              throw std::runtime_error("busy");
                              return std::optional<message>();
                          }}};
    self = &talk;
    for (auto i = 0; i < 20; ++i) {
        try {
            talk.append(message::user(std::to_string(i)));
        } catch (std::runtime_error const&) {
            inside = false;
        }
    }
    CHECK(most == 3);
}

TEST_CASE("message_manager: what was cleared while it was summarised stays cleared",
          "[message_manager]") {
    message_manager* self = nullptr;
    message_manager talk{{.max_tokens = 1, .count_tokens = one, .summarise = [&](auto const&) {
                              self->clear();
                              return std::optional(message::system("all of it"));
                          }}};
    self = &talk;
    talk.append(message::user("a"));
    talk.append(message::user("b"));
    CHECK(talk.snapshot().empty());
}

TEST_CASE("message_manager: every part of a message counts as bytes", "[message_manager]") {
    std::string const large(5000, 'x');
    std::vector<message> messages;
    messages.push_back(message::user("a"));
    messages.back().name = large;
    messages.push_back(message::user("a"));
    messages.back().extra = {{"x", large}};
    messages.push_back(message::user(""));
    messages.back().content.emplace_back(llms::other_part{{{"x", large}}});
    messages.push_back(message::user(""));
    messages.back().content.emplace_back(llms::file_part{.id = large});
    for (auto& each : messages) {
        message_manager talk{{.max_bytes = 4096}};
        CHECK_THROWS_AS(talk.append(std::move(each)), llms::history_error);
    }
}

TEST_CASE("message_manager: an old snapshot of a long conversation is let go without recursion",
          "[message_manager]") {
    message_manager talk{{.max_messages = 10}};
    talk.append(message::user("first"));
    auto old = talk.snapshot();
    for (int i = 0; i < 200'000; ++i) {
        talk.append(message::user("q"));
    }
    CHECK(old.begin()->text() == "first");
    old = {};
    CHECK(talk.size() == 10);
}

TEST_CASE("message_manager: random conversations are always well-formed and within the budget",
          "[message_manager]") {
    std::mt19937 random(7); // NOLINT(cert-msc32-c,cert-msc51-cpp): the same each time
    auto const below = [&](unsigned n) {
        return static_cast<unsigned>(random() % n);
    };
    for (int round = 0; round < 200; ++round) {
        std::size_t const budget = 5 + below(40);
        message_manager talk{{.max_tokens = budget, .count_tokens = [](message const& m) {
                                  return 1 + m.text().size() % 3;
                              }}};
        std::vector<std::string> open;
        std::size_t pinned = 0;
        int next_id = 0;
        for (int step = 0; step < 120; ++step) {
            auto const before = texts(talk.snapshot());
            try {
                auto const what = below(8);
                if (!open.empty()) {
                    auto const which = below(static_cast<unsigned>(open.size()));
                    talk.append(message::tool_result(open[which], std::string(below(9), 'r')));
                    open.erase(open.begin() + which);
                } else if (what < 3) {
                    talk.append(message::user(std::string(below(9), 'q')));
                } else if (what < 5) {
                    std::vector<std::string> ids(1 + below(3));
                    std::generate(ids.begin(), ids.end(),
                                  [&] { return std::to_string(next_id++); });
                    talk.append(calls(ids), below(20) == 0);
                    open = ids;
                } else if (what < 7) {
                    talk.append(message::assistant(std::string(below(9), 'a')));
                } else if (pinned < 2) {
                    ++pinned;
                    talk.append(message::system("s"));
                }
            } catch (llms::history_error const&) {
                REQUIRE(texts(talk.snapshot()) == before);
                if (!open.empty()) { // the rest of the calls can never be answered here
                    break;
                }
            }
            auto const now = talk.snapshot();
            REQUIRE(is_well_formed(now));
            REQUIRE(now.tokens() <= budget);
            std::size_t counted = 0;
            for (auto const& each : now) {
                counted += 1 + each.text().size() % 3;
            }
            REQUIRE(counted == now.tokens());
        }
    }
}

TEST_CASE("message_manager: many threads append, look and trim", "[message_manager][threads]") {
    message_manager talk{{.max_messages = 200}};
    std::atomic<bool> ok = true;
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 3; ++t) {
            threads.emplace_back([&, t] {
                for (int i = 0; i < 500; ++i) {
                    talk.append(message::user(std::to_string(t) + ":" + std::to_string(i)));
                }
            });
        }
        threads.emplace_back([&] {
            for (int i = 0; i < 300; ++i) {
                std::vector<int> last(3, -1);
                auto const seen = talk.snapshot();
                std::size_t count = 0;
                for (auto const& each : seen) {
                    auto const text = each.text();
                    auto const who = static_cast<std::size_t>(text[0] - '0');
                    auto const number = std::stoi(text.substr(2));
                    ok = ok && number > last[who]; // each thread's messages in their order
                    last[who] = number;
                    ++count;
                }
                ok = ok && count == seen.size() && count <= 200;
            }
        });
        threads.emplace_back([&] {
            for (int i = 0; i < 100; ++i) {
                talk.trim({.max_messages = 50});
            }
        });
    }
    CHECK(ok);
    CHECK(talk.size() <= 200);
}

TEST_CASE("trim_messages: the rules of the manager for a plain list", "[message_manager]") {
    llms::message_list const talk{message::system("rules"), message::user("q1"),
                                  message::assistant("a1"), message::user("q2")};
    auto const left = llms::trim_messages(talk, {.max_messages = 3});
    REQUIRE(left.size() == 2);
    CHECK(left[0].text() == "rules");
    CHECK(left[1].text() == "q2");
    CHECK_THROWS_AS(llms::trim_messages(talk, {.max_messages = 1}), llms::history_error);
}

TEST_CASE("trimmed: what is sent fits", "[message_manager]") {
    support::scripted_provider inner({support::chunks_of({"a"})});
    auto client = inner | llms::trimmed({.max_messages = 2});
    llms::request ask{.model = "m",
                      .messages = {message::system("rules"), message::user("q1"),
                                   message::assistant("a1"), message::user("q2")}};
    CHECK(client.complete(ask).text() == "a");
    CHECK(client.stream(ask).finish().text() == "a");
    CHECK(inner->asked == std::vector<std::string>{"q2", "q2"});
    CHECK(client.name() == "scripted");
    ask.messages.push_back(message::tool_result("x", ""));
    CHECK_THROWS_AS(client.complete(ask), llms::history_error);
    CHECK(inner->calls == 2);
}

TEST_CASE("estimate_tokens: grows with the text, the parts and the calls", "[message_manager]") {
    CHECK(llms::estimate_tokens(message::user("")) == 4);
    CHECK(llms::estimate_tokens(message::user(std::string(400, 'x'))) == 104);
    CHECK(llms::estimate_tokens(calls({"1", "2"})) > 8);
    auto picture = message::user("");
    picture.content.emplace_back(llms::image_part{.url = "https://x/y.png"});
    CHECK(llms::estimate_tokens(picture) == 1004);
}

} // namespace message_manager_test
