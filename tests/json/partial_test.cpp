// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/shared_data.hpp"
#include <llms/json/partial.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace partial_test {

namespace {

using llms::partial_json;
using llms::partial_status;
using nlohmann::json;

// What is known after a text, as partial.jsonl has it.
auto state_of(partial_json const& seen) -> json {
    auto const partial = seen.partial();
    return {{"has_value", seen.has_value()}, {"value", seen.value()},
            {"done", seen.done()},           {"partial", partial ? json(*partial) : json(nullptr)},
            {"open", seen.open()},           {"complete", seen.complete()}};
}

auto after(std::string_view text) -> json {
    partial_json seen;
    seen.feed(text);
    return state_of(seen);
}

// Whether `later` contradicts nothing that `before` gave out.
auto grows(json const& before, json const& later, std::string const& partial, std::string const& at)
    -> bool {
    if (before.is_string() && at == partial) {
        return later.is_string() && later.get<std::string>().starts_with(before.get<std::string>());
    }
    if (before.is_structured() && before.type() == later.type()) {
        for (auto const& [key, value] : before.items()) {
            auto const found = before.is_object()
                                   ? later.contains(key)
                                   : static_cast<std::size_t>(std::stoul(key)) < later.size();
            if (!found || !grows(value, before.is_object() ? later[key] : later[std::stoul(key)],
                                 partial, at + "/" + key)) {
                return false;
            }
        }
        return true;
    }
    return before == later;
}

auto random_json(std::mt19937& random, int depth) -> json {
    switch (random() % (depth > 0 ? 8 : 6)) {
    case 0:
        return nullptr;
    case 1:
        return random() % 2 == 0;
    case 2:
        return static_cast<std::int64_t>(random()) - 2'000'000'000;
    case 3:
        return static_cast<double>(random()) / 7.0;
    case 4:
        return "a\"\\\n\u00e9\U0001F600" + std::to_string(random() % 100);
    case 5:
        return "";
    case 6: {
        auto list = json::array();
        for (auto left = random() % 4; left > 0; --left) {
            list.push_back(random_json(random, depth - 1));
        }
        return list;
    }
    default: {
        auto object = json::object();
        for (auto left = random() % 4; left > 0; --left) {
            object["k" + std::to_string(random() % 10)] = random_json(random, depth - 1);
        }
        return object;
    }
    }
}

} // namespace

TEST_CASE("partial_json: what is known after each byte, as the shared cases say", "[partial]") {
    auto const path = support::shared_data("broken_json/partial.jsonl");
    if (!path) {
        return;
    }
    std::istringstream lines(support::read_file(*path));
    std::size_t prefixes = 0;
    std::size_t right = 0;
    for (std::string line; std::getline(lines, line);) {
        auto const one = json::parse(line);
        auto const text = one["text"].get<std::string>();
        auto const& states = one["states"];
        std::size_t next = 0;
        partial_json fed; // byte by byte, beside each prefix at once
        for (std::size_t size = 0; size <= text.size(); ++size) {
            if (size > 0) {
                fed.feed(std::string_view(text).substr(size - 1, 1));
            }
            if (next < states.size() && states[next]["from"] == size) {
                ++next;
            }
            auto expected = states[next - 1];
            expected.erase("from");
            std::vector<std::string> complete = expected["complete"];
            std::sort(complete.begin(), complete.end());
            expected["complete"] = complete;
            ++prefixes;
            auto const seen = state_of(fed);
            right += seen == expected ? 1 : 0;
            if (seen != expected) {
                UNSCOPED_INFO(one["id"] << " after " << size << ": " << seen << " instead of "
                                        << expected);
            }
            CHECK(after(std::string_view(text).substr(0, size)) == seen);
        }
        CHECK(fed.finish() == partial_status::done);
        CHECK(fed.value() == json::parse(text));
    }
    std::cout << "partial_json: " << right << " of " << prefixes << " prefixes\n";
    CHECK(prefixes == right);
    CHECK(prefixes > 0);
}

TEST_CASE("partial_json: reads what nlohmann::json reads, however it is cut, and never takes back",
          "[partial]") {
    std::mt19937 random(3); // NOLINT(cert-msc32-c,cert-msc51-cpp): the same each time
    for (int round = 0; round < 300; ++round) {
        auto const value = random_json(random, 4);
        auto const text = value.dump(random() % 2 == 0 ? -1 : 2, ' ', random() % 2 == 0);
        partial_json seen;
        json before;
        bool had = false;
        for (std::size_t at = 0; at < text.size();) {
            auto const size = 1 + random() % 5;
            auto const partial = seen.partial().value_or("none");
            seen.feed(std::string_view(text).substr(at, size));
            if (had) {
                REQUIRE(grows(before, seen.value(), partial, ""));
            }
            had = seen.has_value();
            before = seen.value();
            at += size;
        }
        REQUIRE(seen.finish() == partial_status::done);
        REQUIRE(seen.value() == value);
    }
}

TEST_CASE("partial_json: says where a text is no JSON", "[partial]") {
    struct wrong {
        std::string_view text;
        std::size_t offset;
    };
    for (auto const& [text, offset] :
         {wrong{"{\"a\": tru!}", 9}, wrong{"[1, 2,]", 6}, wrong{"{'a': 1}", 1}, wrong{"[01]", 2},
          wrong{"[1] x", 4}, wrong{"\"\\q\"", 2}, wrong{"[\"a\nb\"]", 3}, wrong{"\"\xFF\"", 1},
          wrong{"[1.e]", 3}, wrong{"]", 0}}) {
        partial_json seen;
        INFO(text);
        CHECK(seen.feed(text) == partial_status::malformed);
        REQUIRE(seen.error());
        CHECK(seen.error()->offset == offset);
        CHECK_FALSE(seen.error()->reason.empty());
        CHECK_FALSE(json::accept(text));
        CHECK(seen.feed("1") == partial_status::malformed); // for good
    }
    for (auto const* const text : {"", "[1", "{\"a\"", "\"abc", "tru", "-", "1e"}) {
        partial_json seen;
        seen.feed(text);
        CHECK(seen.finish() == partial_status::malformed);
        CHECK(seen.error()->offset == std::string_view(text).size());
    }
}

TEST_CASE("partial_json: is bounded in depth and size", "[partial]") {
    partial_json deep{{.max_depth = 3}};
    CHECK(deep.feed("[[[") == partial_status::open);
    CHECK(deep.feed("[") == partial_status::malformed);
    CHECK(deep.error()->offset == 3);
    partial_json hostile;
    CHECK(hostile.feed(std::string(1'000'000, '[')) == partial_status::malformed);
    partial_json large{{.max_bytes = 10}};
    CHECK(large.feed("\"123456789") == partial_status::open);
    CHECK(large.feed("0\"") == partial_status::malformed);
}

TEST_CASE("partial_json: tells of each value when it is complete", "[partial]") {
    std::string told;
    partial_json seen{{.on_complete = [&](std::string_view pointer, json const& value) {
        told += std::string(pointer) + "=" + value.dump() + " ";
    }}};
    seen.feed(R"({"a/b": [1, "x"], "c": tr)");
    CHECK(told == R"(/a~1b/0=1 /a~1b/1="x" /a~1b=[1,"x"] )");
    seen.feed("ue}");
    CHECK(told.ends_with(R"(/c=true ={"a/b":[1,"x"],"c":true} )"));
    partial_json twice{{.unique_names = true}};
    CHECK(twice.feed(R"({"a": 1, "a")") == partial_status::malformed);
}

TEST_CASE("partial_json: says what is wrong with a character or a number", "[partial]") {
    struct row {
        std::string_view text;
        std::size_t offset;
        std::string_view reason;
    };
    for (auto const& [text, offset, reason] : {
             row{"\xEF\xBBx", 2, "byte order mark"},
             row{"\"a\xFF\"", 2, "UTF-8"},
             row{"\"\\u12G4\"", 5, "hexadecimal"},
             row{"\"\\uDC00\"", 6, "low surrogate"},
             row{"\"\\uD800\\u0041\"", 12, "surrogate"},
             row{"\"\\uD800x\"", 7, "low surrogate of a pair"},
             row{"\"\xE0\x9F\xBF\"", 2, "UTF-8, found byte 0x9F"},
             row{"\"\xE2\x82\"", 3, "UTF-8, found '\"'"},
             row{"{\"a\" 1}", 5, "expected ':', found '1'"},
             row{"[1e999]", 6, "too large"},
             row{"[1e99999999999999999999]", 23, "too large"},
             row{"[1e9223372036854775807]", 22, "too large"},
         }) {
        INFO(text);
        partial_json seen;
        CHECK_FALSE(seen.error());
        CHECK(seen.feed(text) == partial_status::malformed);
        CHECK(seen.error()->offset == offset);
        CHECK(seen.offset() == offset);
        CHECK(std::string_view(seen.error()->reason).find(reason) != std::string_view::npos);
    }
    partial_json marked;
    CHECK(marked.feed("\xEF\xBB") == partial_status::open);
    CHECK(marked.feed("\xBF[1]") == partial_status::done);
    CHECK(std::move(marked).value() == json{1});
    for (auto const* const text :
         {"[1e-99999999999999999999]", "[0.001e-9223372036854775807]", "[1e-400]"}) {
        INFO(text);
        partial_json small;
        CHECK(small.feed(text) == partial_status::done);
        CHECK(small.value() == json{0.0});
    }
}

TEST_CASE("partial_json: what a call throws ends it", "[partial]") {
    partial_json seen{{.on_complete = [](std::string_view /*pointer*/, json const& /*value*/) {
        throw 42;
    }}};
    CHECK_THROWS_AS(seen.feed("[1, 2"), int);
    CHECK(seen.feed("]") == partial_status::malformed);
    CHECK(seen.error()->reason == "a call threw");
    CHECK(seen.value() == json{1});
}

} // namespace partial_test
