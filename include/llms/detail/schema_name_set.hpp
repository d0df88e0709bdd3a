// SPDX-License-Identifier: MIT
//
// The names that an object has so far. Few are compared one by one and cost no allocation once the
// set has been used; more are in a tree, where nobody can make them collide.
#ifndef LLMS_DETAIL_SCHEMA_NAME_SET_HPP
#define LLMS_DETAIL_SCHEMA_NAME_SET_HPP

#include <llms/version.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace llms::inline v0_1::detail::schema_engine {

class name_set {
public:
    void clear() noexcept {
        bytes_.clear();
        few_.clear();
        more_.clear();
    }

    [[nodiscard]] auto contains(std::string_view name) const -> bool {
        return std::any_of(few_.begin(), few_.end(),
                           [&](auto const& place) {
                               return place.second == name.size() &&
                                      bytes_.compare(place.first, place.second, name) == 0;
                           }) ||
               (!more_.empty() && more_.find(name) != more_.end());
    }

    /// Adds `name`; false if it is there already.
    auto insert(std::string_view name) -> bool {
        if (contains(name)) {
            return false;
        }
        if (few_.size() == few) {
            more_.emplace(name);
        } else {
            few_.emplace_back(bytes_.size(), name.size());
            bytes_.append(name);
        }
        return true;
    }

private:
    static constexpr std::size_t few = 16;

    std::string bytes_;                                    // the few, one after the other
    std::vector<std::pair<std::size_t, std::size_t>> few_; // where each begins, and its size
    std::set<std::string, std::less<>> more_;
};

} // namespace llms::inline v0_1::detail::schema_engine

#endif // LLMS_DETAIL_SCHEMA_NAME_SET_HPP
