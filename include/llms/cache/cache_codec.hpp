// SPDX-License-Identifier: MIT
//
// How keys and values become bytes and back, for `cache::save` and `cache::load`. Text and numbers
// are known; specialise it for what else you keep:
//
//     template <>
//     struct llms::cache_codec<answer> {
//         static void encode(answer const& from, std::string& to);                  // appends
//         static auto decode(std::string_view from) -> std::optional<answer>;       // or nullopt
//     };
#ifndef LLMS_CACHE_CACHE_CODEC_HPP
#define LLMS_CACHE_CACHE_CODEC_HPP

#include <concepts>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace llms::inline v0_1 {

/// `encode` appends the bytes of a value to a string; `decode` makes the value of exactly those
/// bytes.
template <typename T>
struct cache_codec;

/// Text is its own bytes.
template <>
struct cache_codec<std::string> {
    static void encode(std::string_view from, std::string& to) { to += from; }
    static auto decode(std::string_view from) -> std::optional<std::string> {
        return std::string{from};
    }
};

/// Numbers and enumerations as they lie in memory: such files are not for another kind of machine.
template <typename T>
    requires(std::is_arithmetic_v<T> || std::is_enum_v<T>)
struct cache_codec<T> {
    static void encode(T from, std::string& to) {
        to.append(reinterpret_cast<char const*>(&from), sizeof from); // NOLINT
    }
    static auto decode(std::string_view from) -> std::optional<T> {
        if (from.size() != sizeof(T)) {
            return std::nullopt;
        }
        T to;
        std::memcpy(&to, from.data(), sizeof to);
        return to;
    }
};

} // namespace llms::inline v0_1

#endif // LLMS_CACHE_CACHE_CODEC_HPP
