// SPDX-License-Identifier: MIT
//
// The words of validation errors: short texts of values, lists that end before they tire, and names
// ordered by how near they are to one that was mistyped.
#ifndef LLMS_DETAIL_SCHEMA_WORDING_HPP
#define LLMS_DETAIL_SCHEMA_WORDING_HPP

#include <llms/detail/schema_types.hpp>

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace llms::inline v0_1::detail::schema_engine {

/// At most `most` bytes of `text` in quotes, as JSON writes it.
inline auto in_quotes(std::string_view text, std::size_t most = 60) -> std::string {
    auto cut = std::min(most, text.size());
    while (cut < text.size() && cut > 0 &&
           (static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80U) {
        --cut;
    }
    auto result = json(text.substr(0, cut)).dump(-1, ' ', false, json::error_handler_t::replace);
    if (cut < text.size()) {
        result.insert(result.size() - 1, "...");
    }
    return result;
}

inline auto counted(std::size_t count, std::string_view noun) -> std::string {
    if (count == 1) {
        return "1 " + std::string(noun);
    }
    return std::to_string(count) + (noun.ends_with("y")
                                        ? " " + std::string(noun.substr(0, noun.size() - 1)) + "ies"
                                        : " " + std::string(noun) + "s");
}

/// Whether a container is short enough to be shown: few members that are no containers themselves.
template <class Json>
auto is_small(Json const& value) -> bool {
    constexpr std::size_t most = 4;
    constexpr std::size_t longest = 16;
    auto const is_short = [](Json const& one) {
        return one.is_structured() ? one.empty()
                                   : !one.is_string() || text_of(one).size() <= longest;
    };
    if (value.is_object() &&
        !std::all_of(object_of(value).begin(), object_of(value).end(),
                     [](auto const& member) { return member.first.size() <= longest; })) {
        return false;
    }
    return value.size() <= most && std::all_of(value.begin(), value.end(), is_short);
}

/// A value in a few words; all but small containers by their size only.
template <class Value>
auto preview(Value const& value) -> std::string {
    if constexpr (is_name<Value>) {
        return in_quotes(value.name);
    } else {
        switch (value.type()) {
        case value_t::string:
            return in_quotes(text_of(value));
        case value_t::binary:
            return "binary data";
        case value_t::object:
        case value_t::array:
            if (!is_small(value)) {
                return value.is_object() ? "an object of " + counted(value.size(), "property")
                                         : "an array of " + counted(value.size(), "item");
            }
            [[fallthrough]];
        default:
            return value.dump(-1, ' ', false, Value::error_handler_t::replace);
        }
    }
}

/// A value with its type, where the type is what matters.
template <class Value>
auto typed_preview(Value const& value) -> std::string {
    if constexpr (is_name<Value>) {
        return "string " + preview(value);
    } else {
        auto const speaks_for_itself =
            value.is_null() || value.is_binary() || (value.is_structured() && !is_small(value));
        return (speaks_for_itself ? "" : std::string(value.type_name()) + " ") + preview(value);
    }
}

/// The types of a mask, joined by "or".
inline auto type_names(type_mask types) -> std::string {
    std::string result;
    auto const add = [&](type_mask wanted, std::string_view name) {
        if ((types & wanted) == wanted) {
            result += result.empty() ? "" : " or ";
            result += name;
        }
    };
    add(string_bit, "string");
    if ((types & float_bit) != 0) {
        add(float_bit, "number");
    } else {
        add(whole_number_bits, "integer");
    }
    add(boolean_bit, "boolean");
    add(object_bit, "object");
    add(array_bit, "array");
    add(null_bit, "null");
    return result;
}

/// The texts joined by commas; from `most` on, how many more there are.
inline auto listed(std::vector<std::string> const& texts, std::size_t most = 16) -> std::string {
    std::string result;
    auto const shown = std::min(most, texts.size());
    for (std::size_t i = 0; i < shown; ++i) {
        result += (i == 0 ? "" : ", ") + texts[i];
    }
    if (shown < texts.size()) {
        result += " and " + std::to_string(texts.size() - shown) + " more";
    }
    return result;
}

/// How many characters must be put, taken or changed to make one text of the other; texts are
/// compared up to their first 64 bytes, without regard to ASCII case.
/// Source: V. Levenshtein, "Binary codes capable of correcting deletions, insertions, and
/// reversals", Soviet Physics Doklady 10 (1966).
inline auto distance(std::string_view one, std::string_view other) -> std::size_t {
    constexpr std::size_t most = 64;
    one = one.substr(0, most);
    other = other.substr(0, most);
    auto const lower = [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    };
    std::vector<std::size_t> row(other.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= one.size(); ++i) {
        auto diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= other.size(); ++j) {
            auto const change = diagonal + (lower(one[i - 1]) == lower(other[j - 1]) ? 0U : 1U);
            diagonal = row[j];
            row[j] = std::min({change, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row.back();
}

/// Orders `names` by their distance to `name`, nearest first; the distance of the nearest.
inline auto sort_by_distance(std::vector<std::string_view>& names, std::string_view name)
    -> std::size_t {
    constexpr std::size_t most = 512; // names beyond that many are not worth the time
    names.resize(std::min(names.size(), most));
    std::vector<std::pair<std::size_t, std::string_view>> ranked;
    ranked.reserve(names.size());
    for (auto const one : names) {
        ranked.emplace_back(distance(one, name), one);
    }
    std::sort(ranked.begin(), ranked.end());
    std::transform(ranked.begin(), ranked.end(), names.begin(),
                   [](auto const& one) { return one.second; });
    return ranked.empty() ? most : ranked.front().first;
}

/// Whether a name that far away is likely to be meant.
inline auto is_near(std::size_t distance_to, std::string_view name) -> bool {
    return distance_to <= std::max<std::size_t>(1, name.size() / 3);
}

} // namespace llms::inline v0_1::detail::schema_engine

#endif // LLMS_DETAIL_SCHEMA_WORDING_HPP
