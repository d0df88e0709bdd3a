// SPDX-License-Identifier: MIT
//
// `repair_json` reads JSON as models write it: with commas too many, quotes of another kind, Python's
// words, comments, brackets missing at the end, and prose or a fence around; mend.hpp has the rules.
//
//     auto const mended = llms::repair_json("Sure! {city: 'Oslo', tags: ['a', 'b',],}");
//     if (mended) { use(*mended.value); for (auto const& one : mended.mends) { log(one); } }
//     else { log(mended.problem.reason, mended.problem.offset); }
//
// Valid JSON is never altered. What has two readings is refused, as are two values where neither is
// asked for; what lies inside of a broken value is never taken for it. Nothing is thrown for a text.
//
// Thread safety: functions without state. Cost: O(n); the text is copied only if something is mended.
#ifndef LLMS_JSON_REPAIR_HPP
#define LLMS_JSON_REPAIR_HPP

#include <llms/detail/json_finder.hpp>
#include <llms/json/mend.hpp>

#include <nlohmann/json.hpp>

#include <concepts>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace llms::inline v0_1 {

/// Options of `repair_json`.
struct repair_options {
    mending rules = mending::all;                   ///< what may be mended
    std::size_t max_bytes = std::size_t{16} << 20U; ///< of the text
    std::size_t max_depth = 256;                    ///< containers inside each other
};

/// Why a text is refused.
struct repair_problem {
    std::size_t offset = 0;    ///< of the first byte that is wrong; the size of a text too short
    std::string_view reason{}; ///< has static storage duration
};

/// A value when truthy, with what was mended to get it; else why there is none.
struct repaired {
    std::optional<nlohmann::json> value{};
    std::vector<mend> mends{}; ///< in the order of their offsets; empty if the text is valid JSON
    std::size_t offset = 0;    ///< of the value's source in the text
    std::size_t length = 0;    ///< of the value's source
    repair_problem problem{};  ///< if there is no value

    [[nodiscard]] explicit operator bool() const noexcept { return value.has_value(); }
};

namespace detail {

template <class Fits>
auto repair_text(std::string_view text, Fits& fits, json_choice choice,
                 repair_options const& options) -> repaired {
    if (text.size() > options.max_bytes) {
        return {.problem = {options.max_bytes, "the text is too long"}};
    }
    auto found = json_finder(text, fits, choice, options.rules, options.max_depth).find();
    return {std::move(found.value),
            std::move(found.mends),
            found.offset,
            found.length,
            {found.fault.offset, found.fault.reason}};
}

} // namespace detail

/// The one JSON value in `text`, mended.
[[nodiscard]] inline auto repair_json(std::string_view text, repair_options const& options = {})
    -> repaired {
    auto const any = [](nlohmann::json const& /*value*/) {
        return true;
    };
    return detail::repair_text(text, any, detail::json_choice::only, options);
}

/// The first JSON value in `text`, mended, for which `fits(value)` holds.
template <std::predicate<nlohmann::json const&> Fits>
[[nodiscard]] auto repair_json(std::string_view text, Fits&& fits,
                               repair_options const& options = {}) -> repaired {
    return detail::repair_text(text, fits, detail::json_choice::fitting, options);
}

} // namespace llms::inline v0_1

#endif // LLMS_JSON_REPAIR_HPP
