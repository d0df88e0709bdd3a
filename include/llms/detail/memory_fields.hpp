// SPDX-License-Identifier: MIT
//
// The fields of a plain struct, handed to a function one by one, so that a pool can clear, measure
// and wipe every field without being told their names.
//
//     struct usage { int in; int out; };
//     with_fields(u, [](auto&... field) { ((field = {}), ...); });
#ifndef LLMS_DETAIL_MEMORY_FIELDS_HPP
#define LLMS_DETAIL_MEMORY_FIELDS_HPP

#include <cstddef>
#include <cstdlib>
#include <type_traits>
#include <utility>

namespace llms::inline v0_1::detail {

// Converts to the type of any field of `Owner`. Never called, as the next two: only counted
// with. They have a body because clang warns of local types in constructors that could call them.
template <class Owner>
struct any_field {
    template <class Field>
        requires(!std::is_base_of_v<Field, Owner>)
    operator Field() const noexcept { std::abort(); }
};

// Converts to a base of `Owner` only.
template <class Owner>
struct any_base {
    template <class Base>
        requires(std::is_base_of_v<Base, Owner> && !std::is_same_v<Base, Owner>)
    operator Base() const noexcept { std::abort(); }
};

// Converts to what the arrays that we look for are made of: plain values and strings. With any type,
// {two values} could mean a list of two unique_ptr for a vector, which fails only when instantiated.
struct any_element {
    template <class Element>
        requires(std::is_trivially_copyable_v<Element> ||
                 requires { typename Element::traits_type; })
    operator Element() const noexcept { std::abort(); }
};

template <class T, std::size_t... Before>
consteval auto takes_values(std::index_sequence<Before...> /*values*/) -> bool {
    return requires {
        T{(static_cast<void>(Before), any_field<T>{})...};
    };
}

// Whether T{Before values, {two values}, After values} is well formed.
template <class T, std::size_t... Before, std::size_t... After>
consteval auto takes_pair(std::index_sequence<Before...> /*before*/,
                          std::index_sequence<After...> /*after*/) -> bool {
    return requires {
        T{(static_cast<void>(Before), any_field<T>{})...,
          {any_element{}, any_element{}},
          (static_cast<void>(After), any_field<T>{})...};
    };
}

inline constexpr std::size_t max_fields = 16;

// How many values T{...} takes, at most one more than `max_fields`.
template <class T, std::size_t Count = 0>
consteval auto count_values() -> std::size_t {
    if constexpr (Count > max_fields || !takes_values<T>(std::make_index_sequence<Count + 1>{})) {
        return Count;
    } else {
        return count_values<T, Count + 1>();
    }
}

// An array takes one value for each of its elements, which are then more values than fields. In
// braces of its own it takes them all, so that less room is left behind it than behind one field.
template <class T, std::size_t Count, std::size_t Position = 0>
consteval auto has_array() -> bool {
    if constexpr (Position == Count) {
        return false;
    } else {
        constexpr auto before = std::make_index_sequence<Position>{};
        constexpr auto after = std::make_index_sequence<Count - Position - 1>{};
        return (takes_pair<T>(before, std::index_sequence<>{}) && !takes_pair<T>(before, after)) ||
               has_array<T, Count, Position + 1>();
    }
}

template <class T>
consteval auto count_fields() -> std::size_t {
    if constexpr (std::is_aggregate_v<T> && !std::is_array_v<T> && !std::is_union_v<T> &&
                  !requires { T{any_base<T>{}}; }) {
        constexpr auto values = count_values<T>();
        if constexpr (values <= max_fields) {
            return has_array<T, values>() ? 0 : values;
        }
    }
    return 0;
}

// An aggregate of 1 to 16 fields without bases and without C arrays. (One of C arrays of classes
// other than strings is taken for one and does not compile; std::array will do.)
template <class T>
concept decomposable = count_fields<T>()
> 0;

/// Calls `visit(field, ...)` with all fields of `value`, and returns what it returns.
template <class T, class Visit>
    requires decomposable<std::remove_const_t<T>>
constexpr auto with_fields(T& value, Visit visit) noexcept {
    constexpr auto count = count_fields<std::remove_const_t<T>>();
    if constexpr (count == 1) {
        auto& [a] = value;
        return visit(a);
    } else if constexpr (count == 2) {
        auto& [a, b] = value;
        return visit(a, b);
    } else if constexpr (count == 3) {
        auto& [a, b, c] = value;
        return visit(a, b, c);
    } else if constexpr (count == 4) {
        auto& [a, b, c, d] = value;
        return visit(a, b, c, d);
    } else if constexpr (count == 5) {
        auto& [a, b, c, d, e] = value;
        return visit(a, b, c, d, e);
    } else if constexpr (count == 6) {
        auto& [a, b, c, d, e, f] = value;
        return visit(a, b, c, d, e, f);
    } else if constexpr (count == 7) {
        auto& [a, b, c, d, e, f, g] = value;
        return visit(a, b, c, d, e, f, g);
    } else if constexpr (count == 8) {
        auto& [a, b, c, d, e, f, g, h] = value;
        return visit(a, b, c, d, e, f, g, h);
    } else if constexpr (count == 9) {
        auto& [a, b, c, d, e, f, g, h, i] = value;
        return visit(a, b, c, d, e, f, g, h, i);
    } else if constexpr (count == 10) {
        auto& [a, b, c, d, e, f, g, h, i, j] = value;
        return visit(a, b, c, d, e, f, g, h, i, j);
    } else if constexpr (count == 11) {
        auto& [a, b, c, d, e, f, g, h, i, j, k] = value;
        return visit(a, b, c, d, e, f, g, h, i, j, k);
    } else if constexpr (count == 12) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l] = value;
        return visit(a, b, c, d, e, f, g, h, i, j, k, l);
    } else if constexpr (count == 13) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m] = value;
        return visit(a, b, c, d, e, f, g, h, i, j, k, l, m);
    } else if constexpr (count == 14) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = value;
        return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n);
    } else if constexpr (count == 15) {
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o] = value;
        return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o);
    } else {
        static_assert(count == 16);
        auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = value;
        return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p);
    }
}

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_MEMORY_FIELDS_HPP
