// SPDX-License-Identifier: MIT
//
// What an object holds: how to clear it so that its buffers stay, how many bytes these buffers are,
// and how to overwrite them.
#ifndef LLMS_DETAIL_MEMORY_CONTENTS_HPP
#define LLMS_DETAIL_MEMORY_CONTENTS_HPP

#include <llms/detail/memory_fields.hpp>

#include <concepts>
#include <cstddef>
#include <cstring>
#include <type_traits>
#include <utility>

namespace llms::inline v0_1::detail {

template <class T>
concept clears_itself = requires(T& value) {
    { value.clear() }
    noexcept;
};

template <class T>
concept measures_itself = requires(T const& value) {
    { value.retained_bytes() }
    noexcept->std::convertible_to<std::size_t>;
};

template <class T>
concept wipes_itself = requires(T& value) {
    { value.wipe() }
    noexcept;
};

// A string, a vector and their like.
template <class T>
concept has_buffer = clears_itself<T> && requires(T const& value) {
    typename T::value_type;
    { value.capacity() } -> std::convertible_to<std::size_t>;
};

template <class... Field>
struct field_list {
    static constexpr auto all_of(auto test) -> bool {
        return (test(std::type_identity<Field>{}) && ...);
    }
};

template <decomposable T>
using memory_fields_of =
    decltype(with_fields(std::declval<T&>(), []<class... Field>(Field&... /*fields*/) {
        return field_list<Field...>{};
    }));

// ---- clear: back to what a new T holds, but with the buffers of strings and vectors kept.

struct clearable_field {
    template <class Field>
    constexpr auto operator()(std::type_identity<Field> /*field*/) const -> bool {
        if constexpr (clears_itself<Field> || std::is_nothrow_move_assignable_v<Field>) {
            return true;
        } else if constexpr (decomposable<Field>) {
            return memory_fields_of<Field>::all_of(clearable_field{});
        } else {
            return false;
        }
    }
};

template <class T>
concept clearable_by_field = decomposable<T> && memory_fields_of<T>::all_of(clearable_field{});

// A T() that may throw has something to allocate, which clearing must not.
template <class T>
concept clearable = clears_itself<T> ||
    (std::is_nothrow_default_constructible_v<T> &&
     (clearable_by_field<T> || std::is_nothrow_move_assignable_v<T>));

// `fresh` is the same field of a new object: a default may be other than zero, and the clear() of a
// type that can be of several kinds (JSON) may keep the kind.
template <class Field>
void clear_field(Field& field, Field& fresh) noexcept {
    if constexpr (!has_buffer<Field> && clearable_by_field<Field>) {
        with_fields(field, [&](auto&... part) {
            with_fields(fresh, [&](auto&... fresh_part) { (clear_field(part, fresh_part), ...); });
        });
    } else if constexpr (!has_buffer<Field> && std::is_nothrow_move_assignable_v<Field>) {
        field = std::move(fresh);
    } else {
        field.clear();
    }
}

template <clearable T>
void clear(T& value) noexcept {
    if constexpr (clears_itself<T>) {
        value.clear();
    } else {
        T fresh{};
        clear_field(value, fresh);
    }
}

// ---- measure: the bytes of the buffers of strings and vectors, capacity and not size.

template <class T>
[[nodiscard]] auto retained_bytes(T const& value) noexcept -> std::size_t {
    if constexpr (measures_itself<T>) {
        return value.retained_bytes();
    } else if constexpr (has_buffer<T>) {
        using element = typename T::value_type;
        std::size_t bytes = value.capacity() * sizeof(element);
        if constexpr (!std::is_trivially_copyable_v<element>) {
            for (auto const& each : value) { // most often none: it was cleared
                bytes += retained_bytes(each);
            }
        }
        return bytes;
    } else if constexpr (decomposable<T>) {
        return with_fields(value, [](auto const&... field) {
            return (std::size_t{0} + ... + retained_bytes(field));
        });
    } else {
        return 0;
    }
}

// ---- wipe: overwrite, so that the compiler cannot know that nobody reads it.

inline void* (*const volatile overwrite)(void*, int, std::size_t) = &std::memset;

// A buffer of plain values, all of which can be reached: also those past the end.
template <class T>
concept plain_buffer = has_buffer<T> && std::is_trivially_copyable_v<typename T::value_type> &&
    requires(T& value, std::size_t n) {
    { value.data() } -> std::same_as<typename T::value_type*>;
    value.resize(n);
};

// How to wipe what none of these describes, for a header above this one to say: a specialisation has
// `static void wipe(T&) noexcept`.
template <class T>
struct wiper_for;

template <class T>
concept has_wiper = requires(T& value) {
    { wiper_for<T>::wipe(value) }
    noexcept;
};

// A std::variant, found without its header: visit() by its argument.
template <class T>
struct is_variant : std::false_type {};
template <template <class...> class Variant, class... Alternative>
    requires requires(Variant<Alternative...>& value) {
        { value.valueless_by_exception() }
        noexcept;
    }
struct is_variant<Variant<Alternative...>> : std::true_type {
    static constexpr auto all_of(auto test) -> bool {
        return (test(std::type_identity<Alternative>{}) && ...);
    }
};

// A container of others than itself (JSON values claim to be one of JSON values).
template <class T>
concept element_sequence = clears_itself<T> && requires(T& value) {
    { *value.begin() } -> std::same_as<typename T::value_type&>;
    value.end();
    requires !std::same_as<typename T::value_type, T>;
};

template <class T>
concept optional_like = requires(T& value) {
    { value.has_value() }
    noexcept;
    { *value } -> std::same_as<typename T::value_type&>;
    { value.reset() }
    noexcept;
};

// What may be overwritten byte by byte. An empty object or padding at the end may share its bytes with
// the next member ([[no_unique_address]]).
template <class T>
concept plain_bytes = std::is_trivially_copyable_v<T> && !std::is_empty_v<T> &&
                      (std::is_scalar_v<T> || std::has_unique_object_representations_v<T> ||
                       (std::is_trivial_v<T> && std::is_standard_layout_v<T>));

struct wipeable_type {
    template <class T>
    constexpr auto operator()(std::type_identity<T> /*type*/) const -> bool {
        if constexpr (wipes_itself<T> || has_wiper<T> || plain_buffer<T> || plain_bytes<T> ||
                      std::is_empty_v<T>) {
            return true;
        } else if constexpr (is_variant<T>::value) {
            return is_variant<T>::all_of(wipeable_type{});
        } else if constexpr (element_sequence<T> || optional_like<T>) {
            return (*this)(std::type_identity<typename T::value_type>{});
        } else if constexpr (decomposable<T>) {
            return memory_fields_of<T>::all_of(wipeable_type{});
        } else {
            return false;
        }
    }
};

template <class T>
inline constexpr bool is_wipeable = wipeable_type{}(std::type_identity<T>{});

template <class T>
concept wipeable = is_wipeable<T>;

template <wipeable T>
void wipe(T& value) noexcept {
    if constexpr (wipes_itself<T>) {
        value.wipe();
    } else if constexpr (has_wiper<T>) {
        wiper_for<T>::wipe(value);
    } else if constexpr (plain_buffer<T>) {
        value.resize(value.capacity()); // no allocation, so that it does not throw
        overwrite(value.data(), 0, value.size() * sizeof(typename T::value_type));
        value.clear();
    } else if constexpr (plain_bytes<T>) {
        overwrite(&value, 0, sizeof(T));
    } else if constexpr (is_variant<T>::value) {
        if (!value.valueless_by_exception()) {
            visit([](auto& held) { wipe(held); }, value);
        }
    } else if constexpr (element_sequence<T>) {
        for (auto& each : value) {
            wipe(each);
        }
        value.clear();
    } else if constexpr (optional_like<T>) {
        if (value.has_value()) {
            wipe(*value);
            value.reset();
        }
    } else if constexpr (!std::is_empty_v<T>) {
        with_fields(value, [](auto&... field) { (wipe(field), ...); });
    }
}

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_MEMORY_CONTENTS_HPP
