// SPDX-License-Identifier: MIT
//
// Whether a JSON value may be copied, compared and walked: all of these recurse.
#ifndef LLMS_DETAIL_COERCE_DEPTH_HPP
#define LLMS_DETAIL_COERCE_DEPTH_HPP

#include <algorithm>
#include <cstddef>

namespace llms::inline v0_1::detail {

/// Whether `json` holds no more than `levels` arrays and objects inside each other. `visit` is
/// called once for every value.
template <class Json, class Visit>
auto nested_within(Json const& json, std::size_t levels, Visit const& visit) -> bool {
    visit();
    if (!json.is_structured()) {
        return true;
    }
    return levels > 0 && std::all_of(json.begin(), json.end(), [&](Json const& inner) {
               return nested_within(inner, levels - 1, visit);
           });
}

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_COERCE_DEPTH_HPP
