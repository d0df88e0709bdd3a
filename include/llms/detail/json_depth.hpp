// SPDX-License-Identifier: MIT
//
// How deep arrays and objects lie inside each other in a text, before anything recursive reads it.
#ifndef LLMS_DETAIL_JSON_DEPTH_HPP
#define LLMS_DETAIL_JSON_DEPTH_HPP

#include <cstddef>
#include <string_view>

namespace llms::inline v0_1::detail {

/// Whether brackets outside of strings nest deeper than `most` in a JSON text, valid or not. Reads no
/// further than the first that does.
[[nodiscard]] constexpr auto json_deeper_than(std::string_view text, std::size_t most) noexcept
    -> bool {
    std::size_t depth = 0;
    bool in_string = false;
    for (std::size_t at = 0; at < text.size(); ++at) {
        char const c = text[at];
        if (in_string) {
            at += c == '\\' ? 1U : 0U;
            in_string = c != '"';
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > most) {
                return true;
            }
        } else if ((c == ']' || c == '}') && depth > 0) {
            --depth;
        }
    }
    return false;
}

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_JSON_DEPTH_HPP
