// SPDX-License-Identifier: MIT
//
// `extract_json` finds the JSON value in what a model wrote: alone, in a code fence, or with prose
// around it. It mends nothing in the value; `repair_json` does.
//
//     auto const found = llms::extract_json("Sure! ```json\n{\"city\": \"Oslo\"}\n```");
//     if (found) { use(found->value, found->offset, found->length); }
//
// Of several candidates the first that `fits` wins: the whole text, then objects and arrays in fences,
// then those in the prose. What lies inside of a broken value is not taken for it. Functions without
// state: safe in any thread. O(n), no copies; nothing nested deeper than 256 is taken.
#ifndef LLMS_JSON_EXTRACT_HPP
#define LLMS_JSON_EXTRACT_HPP

#include <llms/detail/json_finder.hpp>
#include <llms/json/mend.hpp>

#include <nlohmann/json.hpp>

#include <concepts>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

namespace llms::inline v0_1 {

/// A JSON value found in a text, and where: `text.substr(offset, length)` is its source.
struct extracted {
    nlohmann::json value;
    std::size_t offset = 0;
    std::size_t length = 0;
};

namespace detail {

template <class Fits>
auto extract_first(std::string_view text, Fits& fits, json_choice choice)
    -> std::optional<extracted> {
    auto found = json_finder(text, fits, choice, mending::around, 256).find();
    if (!found.value) {
        return std::nullopt;
    }
    return extracted{*std::move(found.value), found.offset, found.length};
}

} // namespace detail

/// The first JSON value in `text` for which `fits(value)` holds.
template <std::predicate<nlohmann::json const&> Fits>
[[nodiscard]] auto extract_json(std::string_view text, Fits&& fits) -> std::optional<extracted> {
    return detail::extract_first(text, fits, detail::json_choice::fitting);
}

/// The first JSON value in `text`.
[[nodiscard]] inline auto extract_json(std::string_view text) -> std::optional<extracted> {
    auto const any = [](nlohmann::json const& /*value*/) {
        return true;
    };
    return detail::extract_first(text, any, detail::json_choice::first);
}

} // namespace llms::inline v0_1

#endif // LLMS_JSON_EXTRACT_HPP
