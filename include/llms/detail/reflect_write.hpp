// SPDX-License-Identifier: MIT
//
// C++ values to JSON.
#ifndef LLMS_DETAIL_REFLECT_WRITE_HPP
#define LLMS_DETAIL_REFLECT_WRITE_HPP

#include <llms/detail/reflect_time.hpp>
#include <llms/detail/reflect_traits.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace llms::inline v0_1::detail {

template <class Json, class T>
auto write(T const& value) -> Json;

template <class Json, class T>
auto write_record(T const& value) -> Json {
    auto json = Json(Json::value_t::object);
    auto const members = tie_members(value);
    auto write_member = [&]<std::size_t Index>(std::integral_constant<std::size_t, Index> /*i*/) {
        auto const& each = std::get<Index>(members);
        constexpr auto const& field = fields_of<T>[Index];
        if constexpr (!field.required &&
                      kind_of<std::remove_cvref_t<decltype(each)>> == kind::nullable) {
            if (!each) {
                return; // absent is how an empty optional member reads best
            }
        }
        json.emplace(field.name, write<Json>(each));
    };
    [&]<std::size_t... Index>(std::index_sequence<Index...> /*indices*/) {
        (write_member(std::integral_constant<std::size_t, Index>{}), ...);
    }
    (std::make_index_sequence<member_count<T>>{});
    return json;
}

template <class Enum>
constexpr auto name_of_enumerator(Enum value) noexcept -> std::string_view {
    for (auto const& choice : choices_of<Enum>) {
        if (choice.value == value) {
            return choice.name;
        }
    }
    return {};
}

template <class Json, class T>
auto write(T const& value) -> Json {
    static_assert(reflectable<T>, "llms can neither read this type nor describe it");
    constexpr auto kind = kind_of<T>;
    if constexpr (kind == kind::nothing) {
        return nullptr;
    } else if constexpr (kind == kind::enumeration) {
        auto const name = name_of_enumerator(value);
        // Without a name, the number is all that can be said.
        return name.empty() ? Json(static_cast<std::underlying_type_t<T>>(value))
                            : Json(std::string{name});
    } else if constexpr (kind == kind::nullable) {
        return value ? write<Json>(*value) : Json(nullptr);
    } else if constexpr (kind == kind::choice) {
        return std::visit([](auto const& each) { return write<Json>(each); }, value);
    } else if constexpr (kind == kind::map) {
        auto json = Json(Json::value_t::object);
        for (auto const& [name, each] : value) {
            json.emplace(name, write<Json>(each));
        }
        return json;
    } else if constexpr (kind == kind::list || kind == kind::row) {
        auto json = Json(Json::value_t::array);
        for (auto const& each : value) {
            json.push_back(write<Json, typename T::value_type>(each));
        }
        return json;
    } else if constexpr (kind == kind::tuple) {
        auto json = Json(Json::value_t::array);
        std::apply([&](auto const&... each) { (json.push_back(write<Json>(each)), ...); }, value);
        return json;
    } else if constexpr (kind == kind::duration) {
        return format_duration(from_duration(value));
    } else if constexpr (kind == kind::instant) {
        return format_instant(from_duration(value.time_since_epoch()));
    } else if constexpr (kind == kind::date) {
        return format_date(value);
    } else if constexpr (kind == kind::record) {
        return write_record<Json>(value);
    } else if constexpr (kind == kind::foreign) {
        return Json(nlohmann::json(value));
    } else {
        return Json(value);
    }
}

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_REFLECT_WRITE_HPP
