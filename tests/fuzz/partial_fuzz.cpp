// SPDX-License-Identifier: MIT
//
// The incremental parser against nlohmann::json: both take a text or neither does, with one value; and
// where the text is cut makes no difference. The first byte says how it is cut.
#include "fuzz/demand.hpp"
#include <llms/json/partial.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

using fuzz::demand;

extern "C" auto LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) -> int {
    if (size == 0) {
        return 0;
    }
    auto const step = std::size_t{1} + data[0] % 7U;
    auto const text =
        std::string_view(reinterpret_cast<char const*>(data), size).substr(1); // NOLINT

    llms::partial_json whole;
    whole.feed(text);
    whole.finish();
    llms::partial_json cut;
    for (std::size_t at = 0; at < text.size(); at += step) {
        cut.feed(text.substr(at, step));
    }
    cut.finish();
    demand(cut.status() == whole.status() && cut.value() == whole.value() &&
           cut.offset() == whole.offset());

    if (std::count(text.begin(), text.end(), '[') + std::count(text.begin(), text.end(), '{') <
        200) {
        auto const parsed = nlohmann::json::parse(text, nullptr, false);
        auto const done = whole.status() == llms::partial_status::done;
        // nlohmann skips a byte order mark and takes a NUL for the end of the text.
        if (!text.starts_with("\xEF\xBB\xBF") && text.find('\0') == std::string_view::npos) {
            demand(done == !parsed.is_discarded());
        }
        demand(!done || whole.value() == parsed);
    }
    return 0;
}
