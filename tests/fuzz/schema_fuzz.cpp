// SPDX-License-Identifier: MIT
//
// A schema up to the first line feed, an instance behind it. Whatever they are: the schema compiles or
// is refused by `schema_error`, the verdict is the report's and does not depend on the kind of json.
#include <llms/schema/validator.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string_view>

namespace {

void demand(bool holds) {
    if (!holds) {
        std::abort();
    }
}

auto compile(nlohmann::json const& document) -> std::optional<llms::validator> {
    try {
        return llms::validator{llms::schema::compile(
            document, {.formats_asserted = true, .max_depth = 64, .max_work = 100000})};
    } catch (llms::schema_error const& refused) {
        demand(!refused.problems().empty());
        return std::nullopt;
    }
}

} // namespace

extern "C" auto LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) -> int {
    auto const input = std::string_view(reinterpret_cast<char const*>(bytes), size); // NOLINT
    auto const line = input.find('\n');
    auto const document = nlohmann::json::parse(input.substr(0, line), nullptr, false);
    auto const check = document.is_discarded() ? std::nullopt : compile(document);
    if (!check || line == std::string_view::npos) {
        return 0;
    }
    auto const instance = nlohmann::json::parse(input.substr(line + 1), nullptr, false);
    if (instance.is_discarded()) {
        demand(!check->validate_text(input.substr(line + 1)));
        return 0;
    }
    auto const valid = check->is_valid(instance);
    auto const report = check->validate(instance);
    demand(static_cast<bool>(report) == valid);
    demand(report.text().empty() == valid);
    demand(report.basic()["valid"] == valid);
    demand(check->is_valid(nlohmann::ordered_json(instance)) == valid);
    return 0;
}
