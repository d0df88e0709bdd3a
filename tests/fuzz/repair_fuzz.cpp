// SPDX-License-Identifier: MIT
//
// Any text is mended or refused; what is mended parses; valid JSON is not altered, neither as a whole
// nor by the engine that mends; and extract finds what repair finds when it may mend nothing.
#include "fuzz/demand.hpp"
#include <llms/json/extract.hpp>
#include <llms/json/repair.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

using fuzz::demand;
using nlohmann::json;

extern "C" auto LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) -> int {
    auto const text = std::string_view(reinterpret_cast<char const*>(data), size); // NOLINT

    auto const mended = llms::repair_json(text);
    demand(mended ? mended.offset + mended.length <= size : mended.problem.offset <= size);
    demand(mended ? mended.problem.reason.empty() : !mended.problem.reason.empty());
    demand(mended || mended.mends.empty());
    demand(std::is_sorted(mended.mends.begin(), mended.mends.end(),
                          [](auto const& a, auto const& b) { return a.offset < b.offset; }));
    if (mended) {
        auto const again = llms::repair_json(mended.value->dump());
        demand(again && *again.value == *mended.value && again.mends.empty());
    }

    auto const bracket = text.find_first_of("{[");
    if (bracket < size) {
        auto engine = llms::detail::json_mender(text, llms::mending::all, 64);
        demand(!engine.run(bracket, size, true) || json::accept(engine.json()));
    }

    auto const bare = llms::repair_json(text, {.rules = llms::mending::around});
    auto const found = llms::extract_json(text);
    if (bare) {
        demand(found && found->value == *bare.value && found->offset == bare.offset &&
               found->length == bare.length);
    }
    if (found) {
        demand(json::parse(text.substr(found->offset, found->length)) == found->value);
    }

    // nlohmann takes a NUL for the end of the text.
    if (text.find('\0') == std::string_view::npos && !text.starts_with("\xEF\xBB\xBF") &&
        !llms::detail::json_deeper_than(text, 200)) {
        auto const valid = json::parse(text, nullptr, false);
        if (!valid.is_discarded()) {
            demand(mended && *mended.value == valid && mended.mends.empty());
            auto const member = llms::repair_json("{\"v\": " + std::string(text) + "\n,}");
            demand(member && *member.value == json{{"v", valid}});
            demand(member.mends.size() == 1 &&
                   member.mends[0].rule == llms::mending::trailing_comma);
        }
    }
    return 0;
}
