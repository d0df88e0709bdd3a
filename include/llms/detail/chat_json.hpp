// SPDX-License-Identifier: MIT
//
// Reading JSON that somebody else wrote: absence and wrong types give neutral values, never throw.
#ifndef LLMS_DETAIL_CHAT_JSON_HPP
#define LLMS_DETAIL_CHAT_JSON_HPP

#include <llms/detail/json_depth.hpp>
#include <llms/error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>

namespace llms::inline v0_1::detail {

/// The member of that name, or null.
[[nodiscard]] inline auto json_member(nlohmann::json const& j, char const* key) noexcept
    -> nlohmann::json const& {
    static nlohmann::json const null;
    if (!j.is_object()) {
        return null;
    }
    auto const at = j.find(key);
    return at == j.end() ? null : *at;
}

/// The member of that name if it is a string, else "".
[[nodiscard]] inline auto string_of(nlohmann::json const& j, char const* key) -> std::string {
    auto const& value = json_member(j, key);
    return value.is_string() ? value.get<std::string>() : std::string{};
}

/// The member of that name if it is a number that std::int64_t holds, else 0.
[[nodiscard]] inline auto integer_of(nlohmann::json const& j, char const* key) noexcept
    -> std::int64_t {
    auto const& value = json_member(j, key);
    if (value.is_number_unsigned()) {
        auto const n = value.get<std::uint64_t>();
        return n <= std::numeric_limits<std::int64_t>::max() ? static_cast<std::int64_t>(n) : 0;
    }
    if (value.is_number_float()) {
        auto const d = value.get<double>();
        return d > -9e18 && d < 9e18 ? static_cast<std::int64_t>(d) : 0;
    }
    return value.is_number_integer() ? value.get<std::int64_t>() : 0;
}

/// Adds the members of `extra`, if it is an object, that `j` does not have.
template <class Extra>
void add_members(nlohmann::ordered_json& j, Extra const& extra) {
    if (extra.is_object()) {
        for (auto const& [key, value] : extra.items()) {
            if (!j.contains(key)) {
                j[key] = value;
            }
        }
    }
}

/// The members of an object but those named; null when there are none.
[[nodiscard]] inline auto members_but(nlohmann::json const& j,
                                      std::initializer_list<std::string_view> known)
    -> nlohmann::json {
    nlohmann::json rest;
    for (auto const& [key, value] : j.items()) {
        if (std::find(known.begin(), known.end(), key) == known.end()) {
            rest[key] = value;
        }
    }
    return rest;
}

/// Parses JSON from outside; a discarded value when it is not JSON or nested deeper than 256.
/// nlohmann::json copies recursively: a deep document would overflow the stack later.
[[nodiscard]] inline auto parse_json(std::string_view text) -> nlohmann::json {
    constexpr std::size_t max_depth = 256;
    if (json_deeper_than(text, max_depth)) {
        return {nlohmann::json::value_t::discarded};
    }
    return nlohmann::json::parse(text, nullptr, false);
}

/// The text of a JSON value; what is not UTF-8 in its strings is replaced.
[[nodiscard]] inline auto lenient_dump(nlohmann::json const& j) -> std::string {
    return j.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// The text of a body to send. \throws error when a string in it is not UTF-8.
[[nodiscard]] inline auto dump_body(nlohmann::ordered_json const& body) -> std::string {
    try {
        return body.dump();
    } catch (nlohmann::json::exception const& e) {
        throw error(std::string("the request cannot be sent: ") + e.what());
    }
}

/// The beginning of a text for an error message, at most 200 bytes, never cut inside a character.
[[nodiscard]] inline auto excerpt(std::string_view text) -> std::string {
    constexpr std::size_t most = 200;
    if (text.size() <= most) {
        return std::string(text);
    }
    auto end = most;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
        --end;
    }
    return std::string(text.substr(0, end)) + "...";
}

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CHAT_JSON_HPP
