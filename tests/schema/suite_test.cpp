// SPDX-License-Identifier: MIT
//
// The official JSON Schema test suite, where the shared data has it.
#include "schema/streamed.hpp"
#include "support/catch.hpp"
#include "support/shared_data.hpp"
#include <llms/schema/validator.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace suite_test {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

auto read(fs::path const& file) -> json {
    auto in = std::ifstream{file};
    return json::parse(in);
}

/// Files of a folder, sorted, not of its subfolders.
auto files_of(fs::path const& folder) -> std::vector<fs::path> {
    auto files = std::vector<fs::path>{};
    if (fs::is_directory(folder)) {
        for (auto const& entry : fs::directory_iterator(folder)) {
            if (entry.path().extension() == ".json") {
                files.push_back(entry.path());
            }
        }
    }
    std::sort(files.begin(), files.end());
    return files;
}

struct score {
    std::size_t passed = 0;
    std::size_t total = 0;
    std::vector<std::string> failed;
};

class suite {
public:
    explicit suite(fs::path folder) : folder_(std::move(folder)) {}

    [[nodiscard]] auto run(std::string const& below, llms::draft version, bool formats) const
        -> score {
        auto result = score{};
        for (auto const& file : files_of(folder_ / "tests" / below)) {
            for (auto const& group : read(file)) {
                run_group(result, file.stem().string(), group, version, formats);
            }
        }
        return result;
    }

private:
    void run_group(score& result, std::string const& file, json const& group, llms::draft version,
                   bool formats) const {
        auto const title = file + ": " + group["description"].get<std::string>();
        auto compiled = std::optional<llms::validator>{};
        auto refusal = std::string{};
        try {
            compiled.emplace(llms::schema::compile(group["schema"], {.default_draft = version,
                                                                     .formats_asserted = formats,
                                                                     .resolver = [this](auto uri) {
                                                                         return remote(uri);
                                                                     }}));
        } catch (std::exception const& failure) {
            refusal = failure.what();
        }
        for (auto const& test : group["tests"]) {
            ++result.total;
            auto const name = title + ": " + test["description"].get<std::string>();
            if (!compiled) {
                result.failed.push_back(name);
                result.failed.back().append(" [").append(refusal).append("]");
            } else if (agrees(*compiled, test)) {
                ++result.passed;
            } else {
                result.failed.push_back(name);
            }
        }
    }

    // The verdict, the report, the other object type and the streams must say the same.
    static auto agrees(llms::validator const& compiled, json const& test) -> bool {
        auto const expected = test["valid"].get<bool>();
        auto const& data = test["data"];
        auto const ordered = nlohmann::ordered_json::parse(data.dump());
        auto const report = compiled.validate(data);
        auto const explained = static_cast<bool>(report) || (report.errors().front().message !=
                                                             "the value does not match the schema");
        return compiled.is_valid(data) == expected && compiled.is_valid(ordered) == expected &&
               static_cast<bool>(report) == expected &&
               static_cast<bool>(compiled.validate(ordered)) == expected && explained &&
               streamed::agree(compiled.compiled(), data.dump(), expected);
    }

    [[nodiscard]] auto remote(std::string_view uri) const -> std::optional<json> {
        constexpr auto host = std::string_view{"http://localhost:1234/"};
        if (!uri.starts_with(host)) {
            return std::nullopt;
        }
        auto const file = folder_ / "remotes" / uri.substr(host.size());
        return fs::is_regular_file(file) ? std::optional{read(file)} : std::nullopt;
    }

    fs::path folder_;
};

struct draft_folder {
    char const* name;
    llms::draft version;
};

constexpr auto drafts = std::array<draft_folder, 5>{{{"draft4", llms::draft::v4},
                                                     {"draft6", llms::draft::v6},
                                                     {"draft7", llms::draft::v7},
                                                     {"draft2019-09", llms::draft::v2019_09},
                                                     {"draft2020-12", llms::draft::v2020_12}}};

void print(std::string const& what, score const& result) {
    std::cout << what << ": " << result.passed << " of " << result.total << '\n';
    for (auto const& name : result.failed) {
        std::cout << "    not passed: " << name << '\n';
    }
}

} // namespace

TEST_CASE("suite: every required test of every draft passes", "[schema][suite]") {
    auto const folder = support::shared_data("JSON-Schema-Test-Suite");
    if (!folder) {
        return;
    }
    for (auto const& [name, version] : drafts) {
        auto const result = suite{*folder}.run(name, version, false);
        print(std::string(name) + " required", result);
        CHECK(result.total > 500);
        CHECK(result.passed == result.total);
    }
}

TEST_CASE("suite: formats and the other optional tests", "[schema][suite]") {
    auto const folder = support::shared_data("JSON-Schema-Test-Suite");
    if (!folder) {
        return;
    }
    for (auto const& [name, version] : drafts) {
        auto const formats =
            suite{*folder}.run(std::string(name) + "/optional/format", version, true);
        print(std::string(name) + " optional/format", formats);
        CHECK(formats.total > 0);
        CHECK(formats.passed * 100 >= formats.total * 98);
        auto const others = suite{*folder}.run(std::string(name) + "/optional", version, false);
        print(std::string(name) + " optional", others);
        CHECK(others.total > 0);
        CHECK(others.passed * 100 >= others.total * 90);
    }
}

} // namespace suite_test
