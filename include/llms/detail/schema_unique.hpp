// SPDX-License-Identifier: MIT
//
// `uniqueItems`: whether all items of an array differ. A few items are compared pair by pair, more
// of them are sorted first: O(n log n) comparisons whatever the items are.
#ifndef LLMS_DETAIL_SCHEMA_UNIQUE_HPP
#define LLMS_DETAIL_SCHEMA_UNIQUE_HPP

#include <llms/detail/schema_order.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <vector>

namespace llms::inline v0_1::detail::schema_engine {

enum class uniqueness : unsigned char { all_differ, some_equal, too_deep };

/// What comparing all items with each other gave; the positions are of two items that are equal.
struct unique_result {
    uniqueness found = uniqueness::all_differ;
    std::size_t first = 0;
    std::size_t second = 0;
};

template <class Item>
auto sorted_differ(Item const* items, std::span<Item const*> pointers, value_order& order)
    -> unique_result {
    // Where the depth does not suffice `order` is no order, which only a heap sort bears.
    auto const before = [&](Item const* one, Item const* other) {
        return !order.too_deep() && order(*one, *other) < 0;
    };
    auto const equal = [&](Item const* one, Item const* other) {
        return order(*one, *other) == 0;
    };
    std::make_heap(pointers.begin(), pointers.end(), before);
    std::sort_heap(pointers.begin(), pointers.end(), before);
    auto const found = std::adjacent_find(pointers.begin(), pointers.end(), equal);
    if (order.too_deep()) {
        return {uniqueness::too_deep};
    }
    if (found == pointers.end()) {
        return {};
    }
    auto const [first, second] = std::minmax(found[0], found[1]);
    return {uniqueness::some_equal, static_cast<std::size_t>(first - items),
            static_cast<std::size_t>(second - items)};
}

/// Compares all items of an array, not deeper than `max_depth`. No allocation up to 64 items.
template <class Array>
auto find_equal_items(Array const& items, std::size_t max_depth) -> unique_result {
    constexpr std::size_t few = 8;
    constexpr std::size_t on_stack = 64;
    using item = typename Array::value_type;
    auto order = value_order{max_depth};
    if (items.size() <= few) {
        for (std::size_t second = 1; second < items.size(); ++second) {
            for (std::size_t first = 0; first < second; ++first) {
                if (order(items[first], items[second]) == 0) {
                    return {order.too_deep() ? uniqueness::too_deep : uniqueness::some_equal, first,
                            second};
                }
            }
        }
        return {};
    }
    auto const sort = [&](std::span<item const*> pointers) {
        std::transform(items.begin(), items.end(), pointers.begin(),
                       [](item const& one) { return &one; });
        return sorted_differ(items.data(), pointers, order);
    };
    if (items.size() <= on_stack) {
        std::array<item const*, on_stack> pointers{};
        return sort({pointers.data(), items.size()});
    }
    std::vector<item const*> pointers(items.size());
    return sort(pointers);
}

} // namespace llms::inline v0_1::detail::schema_engine

#endif // LLMS_DETAIL_SCHEMA_UNIQUE_HPP
