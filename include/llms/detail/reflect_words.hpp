// SPDX-License-Identifier: MIT
//
// Words for the sentences in problems.
#ifndef LLMS_DETAIL_REFLECT_WORDS_HPP
#define LLMS_DETAIL_REFLECT_WORDS_HPP

#include <llms/detail/coerce_text.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace llms::inline v0_1::detail {

constexpr auto continues_character(char c) noexcept -> bool {
    return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

/// At most `most` bytes of `text`, whole characters, in double quotes.
inline auto in_quotes(std::string_view text, std::size_t most = 40) -> std::string {
    auto end = text.size();
    if (end > most) {
        end = most;
        while (end > 0 && continues_character(text[end])) {
            --end;
        }
    }
    auto words = std::string{'"'};
    words += text.substr(0, end);
    words += end < text.size() ? "...\"" : "\"";
    return words;
}

/// What a JSON value is: itself where that is short, else its type.
template <class Json>
auto shown(Json const& json) -> std::string {
    switch (json.type()) {
    case Json::value_t::object:
        return json.empty() ? "an empty object" : "an object";
    case Json::value_t::array:
        return json.empty() ? "an empty array" : "an array";
    case Json::value_t::string:
        return in_quotes(*json.template get_ptr<typename Json::string_t const*>());
    default:
        return json.dump();
    }
}

/// A JSON number for a bound: an integer where the bound is one.
template <class Json>
auto bound(double value) -> Json {
    if (is_exact_integer(value)) {
        return static_cast<std::int64_t>(value);
    }
    return value;
}

/// The number of Unicode code points.
constexpr auto length_of(std::string_view text) noexcept -> std::size_t {
    auto length = std::size_t{0};
    for (auto const c : text) {
        length += continues_character(c) ? 0 : 1;
    }
    return length;
}

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_REFLECT_WORDS_HPP
