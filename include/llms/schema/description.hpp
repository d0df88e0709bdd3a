// SPDX-License-Identifier: MIT
//
// What a schema says about a C++ type beyond its shape: texts for the model, limits, other names.
// Plain aggregates need none of it; whoever wants more specialises `llms::described` beside the
// type:
//
//     struct route { std::string from, to; int changes = 3; };
//
//     template <>
//     inline constexpr auto llms::described<route> = llms::description{
//         "A journey by train.",
//         llms::member{.of = "from", .text = "Town of departure", .min_length = 1},
//         llms::member{.of = "changes", .minimum = 0, .maximum = 9, .optional = true}};
//
// Everything is a constant: a name that is no member of the type, or a limit that does not suit the
// type of the member, is a compile error. The specialisation must be seen before the type is used.
#ifndef LLMS_SCHEMA_DESCRIPTION_HPP
#define LLMS_SCHEMA_DESCRIPTION_HPP

#include <array>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string_view>

namespace llms::inline v0_1 {

/// Describes one member of an aggregate. Limits on a nullable member hold for the value inside.
struct member {
    /// The member's name in C++.
    std::string_view of;
    /// Its name in JSON; the C++ name when empty.
    std::string_view name{};
    /// What it means, for the model.
    std::string_view text{};
    /// Bounds of a number.
    std::optional<double> minimum{}, maximum{}, exclusive_minimum{}, exclusive_maximum{};
    /// Bounds of a string in Unicode code points.
    std::optional<std::size_t> min_length{}, max_length{};
    /// ECMA-262 pattern of a string. Stated in the schema; checked by `validator`, and so by
    /// `structured` and `tool`, not by reading alone.
    std::string_view pattern{};
    /// Format of a string, as `pattern`. A `validator` of your own checks it if its schema was compiled
    /// with `formats_asserted`.
    std::string_view format{};
    /// Bounds of an array, or of the number of members of a map.
    std::optional<std::size_t> min_items{}, max_items{};
    /// The member may be absent and then keeps its default initialiser, which the schema states.
    bool optional = false;
};

/// Gives one enumerator a name in JSON, or makes known an enumerator outside of -128 to 127.
template <class Enum>
struct enumerator {
    Enum value;
    std::string_view name;
};
template <class Enum>
enumerator(Enum, char const*) -> enumerator<Enum>;
template <class Enum>
enumerator(Enum, std::string_view) -> enumerator<Enum>;

/// A whole schema as JSON text, for a type with conversions of its own.
struct schema_text {
    std::string_view json;
};

/// Describes a type: a text, then `member`s of an aggregate, `enumerator`s, or one `schema_text`.
template <class Item, std::size_t Count>
struct description {
    std::string_view text{};
    std::array<Item, Count> items{};

    constexpr description() = default;
    template <std::same_as<Item>... Items>
        requires(sizeof...(Items) == Count)
    explicit constexpr description(std::string_view what, Items... each) noexcept
        : text(what),
          items{each...} {}
};
description(std::string_view)->description<member, 0>;
template <class Item, class... Items>
description(std::string_view, Item, Items...) -> description<Item, 1 + sizeof...(Items)>;

/// The description of `T`; specialise it to say something.
template <class T>
inline constexpr auto described = description<member, 0>{};

} // namespace llms::inline v0_1

#endif // LLMS_SCHEMA_DESCRIPTION_HPP
