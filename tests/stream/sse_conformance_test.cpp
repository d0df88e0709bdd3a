// SPDX-License-Identifier: MIT
#include "sse_reference.hpp"
#include "support/catch.hpp"
#include "support/shared_data.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace sse_conformance_test {

namespace {

auto from_base64(std::string_view text) -> std::string {
    constexpr std::string_view digits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string bytes;
    unsigned bits = 0;
    int size = 0;
    for (char const c : text.substr(0, text.find('='))) {
        bits = bits << 6U | static_cast<unsigned>(digits.find(c));
        size += 6;
        if (size >= 8) {
            size -= 8;
            bytes += static_cast<char>(bits >> static_cast<unsigned>(size) & 0xFFU);
        }
    }
    return bytes;
}

} // namespace

TEST_CASE("sse_decoder: gives the events of the HTML Standard for every cut of every case",
          "[sse]") {
    auto const folder = support::shared_data("sse");
    if (!folder) {
        return;
    }
    std::ifstream file{*folder / "cases.jsonl"};
    std::size_t cases = 0;
    for (std::string line; std::getline(file, line); ++cases) {
        auto const test = nlohmann::json::parse(line);
        auto const bytes = from_base64(test["bytes_base64"].get<std::string>());
        std::vector<sse_test::event> expected;
        for (auto const& e : test["events"]) {
            expected.push_back({e["event"], e["data"], e["id"], {}});
            if (!e["retry"].is_null()) {
                expected.back().retry = e["retry"].get<std::int64_t>();
            }
        }
        CAPTURE(test["id"].get<std::string>());
        CHECK(sse_test::decode(bytes) == expected);
        for (std::size_t const size : {std::size_t{1}, std::size_t{7}, bytes.size() + 1}) {
            CHECK(sse_test::decode_in_pieces(bytes, size) == expected);
        }
        if (bytes.size() <= 2000) {
            CHECK(sse_test::differing_cuts(bytes, expected) == 0);
        }
    }
    CHECK(cases >= 86);
}

} // namespace sse_conformance_test
