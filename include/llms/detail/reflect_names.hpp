// SPDX-License-Identifier: MIT
//
// Names of members, enumerators and types as constants, read out of what the compiler calls a
// function instantiated with them. Known to work with g++ 12 and clang 14.
#ifndef LLMS_DETAIL_REFLECT_NAMES_HPP
#define LLMS_DETAIL_REFLECT_NAMES_HPP

#include <llms/detail/reflect_tie.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace llms::inline v0_1::detail {

constexpr auto is_name_character(char c) noexcept -> bool {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
}

// `text` without what stands before the identifier at its end.
constexpr auto last_name(std::string_view text) noexcept -> std::string_view {
    auto begin = text.size();
    while (begin > 0 && is_name_character(text[begin - 1])) {
        --begin;
    }
    return text.substr(begin);
}

// clang before 18 takes no pointer to a member of an object as a template argument, but takes a
// class that holds one.
template <class Pointer>
struct pointer_argument {
    Pointer pointer;
};
template <class Pointer>
pointer_argument(Pointer) -> pointer_argument<Pointer>;

template <pointer_argument Argument>
constexpr auto name_of_argument() noexcept -> std::string_view {
    // g++:   "... {(& sample<T>.never_made<T>::value.T::NAME)}; std::string_view = ..."
    // clang: "... [Argument = {&sample.value.NAME}]"
    std::string_view text = __PRETTY_FUNCTION__;
    text = text.substr(0, text.rfind('}'));
    while (!text.empty() && !is_name_character(text.back())) {
        text.remove_suffix(1);
    }
    return last_name(text);
}

#if defined(__clang__)
#    pragma clang diagnostic push
#    pragma clang diagnostic ignored "-Wundefined-internal"
#    pragma clang diagnostic ignored "-Wundefined-var-template"
#endif

// An object of which only the addresses of its members are ever taken; it is defined nowhere.
template <class T>
struct never_made {
    T value;
};
template <class T>
extern never_made<T> const sample;

template <class T, std::size_t... Index>
constexpr auto name_members(std::index_sequence<Index...> /*indices*/) noexcept {
    return std::array<std::string_view, sizeof...(Index)>{
        name_of_argument<pointer_argument{&std::get<Index>(tie_members(sample<T>.value))}>()...};
}

#if defined(__clang__)
#    pragma clang diagnostic pop
#endif

/// The names of the members of `T`, in the order of declaration.
template <class T>
inline constexpr auto member_names = name_members<T>(std::make_index_sequence<member_count<T>>{});

template <class Enum, Enum... Values>
constexpr auto list_enumerators() noexcept -> std::string_view {
    // g++:   "... [with Enum = E; Enum ...Values = {E::red, (E)1, E::blue}; ..."
    // clang: "... [Enum = E, Values = <E::red, (E)1, E::blue>]"
    return __PRETTY_FUNCTION__;
}

// Every value from -128 to 127 that the underlying type has is looked at.
template <class Enum>
inline constexpr int first_tried = std::is_signed_v<std::underlying_type_t<Enum>> ? -128 : 0;
template <class Enum>
inline constexpr int last_tried = std::is_same_v<std::underlying_type_t<Enum>, bool> ? 1 : 127;

template <class Enum>
struct named_enumerator {
    Enum value{};
    std::string_view name;
};

// A cast to an enumeration without a fixed underlying type is refused outside of its range.
template <class Enum>
constexpr auto enumerator_at(int value) noexcept -> Enum {
    return std::bit_cast<Enum>(static_cast<std::underlying_type_t<Enum>>(value));
}

template <class Enum, std::size_t... Index>
constexpr auto try_enumerators(std::index_sequence<Index...> /*indices*/) noexcept {
    constexpr auto text = list_enumerators<Enum, enumerator_at<Enum>(first_tried<Enum> +
                                                                     static_cast<int>(Index))...>();
    auto found = std::array<named_enumerator<Enum>, sizeof...(Index)>{};
    auto begin = text.rfind("Values = ") + std::string_view{"Values = {"}.size();
    auto value = first_tried<Enum>;
    auto depth = 0;
    auto count = std::size_t{0};
    for (auto at = begin; depth >= 0 && at < text.size(); ++at) {
        auto const c = text[at];
        if (c == '<' || c == '(' || c == '{') {
            ++depth;
        } else if (c == '>' || c == ')' || c == '}') {
            --depth;
        }
        if (depth < 0 || (depth == 0 && c == ',')) {
            // A value without a name is shown as a cast: "(E)1".
            auto const name = last_name(text.substr(begin, at - begin));
            if (name.front() > '9') {
                found[count++] = {enumerator_at<Enum>(value), name};
            }
            ++value;
            begin = at + 1;
        }
    }
    return std::pair{found, count};
}

template <class Enum>
constexpr auto find_enumerators() noexcept {
    constexpr auto tried = try_enumerators<Enum>(
        std::make_index_sequence<static_cast<std::size_t>(last_tried<Enum> - first_tried<Enum>) +
                                 1>{});
    auto found = std::array<named_enumerator<Enum>, tried.second>{};
    std::copy_n(tried.first.begin(), tried.second, found.begin());
    return found;
}

/// The enumerators of `Enum` and their names, by value.
template <class Enum>
inline constexpr auto enumerators_of = find_enumerators<Enum>();

template <class T>
constexpr auto text_with_type() noexcept -> std::string_view {
    // g++:   "... [with T = ns::type<int>; std::string_view = ..."
    // clang: "... [T = ns::type<int>]"
    return __PRETTY_FUNCTION__;
}

/// The name of a class or enumeration without namespaces and template arguments.
template <class T>
constexpr auto type_name() noexcept -> std::string_view {
    auto text = text_with_type<T>();
    text.remove_prefix(text.find("T = ") + 4);
    text = text.substr(0, std::min(text.rfind("; "), text.size() - 1));
    if (text.back() == '>') {
        auto depth = 0;
        do {
            depth += text.back() == '>' ? 1 : text.back() == '<' ? -1 : 0;
            text.remove_suffix(1);
        } while (depth > 0);
    }
    return last_name(text);
}

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_REFLECT_NAMES_HPP
