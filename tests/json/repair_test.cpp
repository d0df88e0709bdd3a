// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/shared_data.hpp"
#include <llms/json/extract.hpp>
#include <llms/json/repair.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

using llms::mending;
using llms::repair_json;
using nlohmann::json;

} // namespace

TEST_CASE("repair: every case of the shared data is mended to what is expected", "[repair]") {
    auto const path = support::shared_data("broken_json/cases.jsonl");
    if (!path) {
        return;
    }
    std::istringstream lines(support::read_file(*path));
    auto cases = 0;
    for (std::string line; std::getline(lines, line); ++cases) {
        auto const one = json::parse(line);
        auto const mended = repair_json(one["input"].get_ref<std::string const&>());
        INFO(one["id"] << '\n' << one["input"].get<std::string>());
        INFO(mended.problem.reason << " at " << mended.problem.offset);
        CHECKED_IF(mended) {
            CHECK(*mended.value == one["expected"]);
            CHECK_FALSE(mended.mends.empty());
        }
        CHECK(mended);
    }
    CHECK(cases == 854);
}

TEST_CASE("repair: every text of the shared data that has no one reading is refused", "[repair]") {
    auto const path = support::shared_data("broken_json/refuse.jsonl");
    if (!path) {
        return;
    }
    std::istringstream lines(support::read_file(*path));
    auto cases = 0;
    for (std::string line; std::getline(lines, line); ++cases) {
        auto const one = json::parse(line);
        auto const text = one["input"].get<std::string>();
        auto const mended = repair_json(text);
        INFO(one["id"] << '\n' << text << '\n' << mended.value.value_or(nullptr));
        CHECK_FALSE(mended);
        CHECK_FALSE(mended.problem.reason.empty());
        CHECK(mended.problem.offset <= text.size());
    }
    CHECK(cases == 64);
}
