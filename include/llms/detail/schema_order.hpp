// SPDX-License-Identifier: MIT
//
// A total order over JSON values in which equal means equal to JSON Schema: 1 is 1.0, and the
// order of an object's members does not matter. `enum`, `const` and `uniqueItems` rest on it, and
// it works across basic_json's object types.
#ifndef LLMS_DETAIL_SCHEMA_ORDER_HPP
#define LLMS_DETAIL_SCHEMA_ORDER_HPP

#include <llms/detail/schema_number.hpp>
#include <llms/detail/schema_types.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <vector>

namespace llms::inline v0_1::detail::schema_engine {

/// Compares two values, not deeper than a bound; beyond it `too_deep` is set and the result void.
class value_order {
public:
    explicit value_order(std::size_t max_depth) noexcept : left_{max_depth} {}

    [[nodiscard]] auto too_deep() const noexcept -> bool { return too_deep_; }

    /// < 0, 0, > 0; O(size of the smaller value), times a logarithm for unsorted objects.
    template <class One, class Other>
    auto operator()(One const& one, Other const& other) -> int {
        auto const rank_of_one = rank(one.type());
        if (auto const other_rank = rank(other.type()); rank_of_one != other_rank) {
            return rank_of_one < other_rank ? -1 : 1;
        }
        switch (one.type()) {
        case value_t::boolean: {
            auto const left = *one.template get_ptr<typename One::boolean_t const*>();
            auto const right = *other.template get_ptr<typename Other::boolean_t const*>();
            return static_cast<int>(left) - static_cast<int>(right);
        }
        case value_t::number_integer:
        case value_t::number_unsigned:
        case value_t::number_float:
            return compare_numbers(one, other);
        case value_t::string:
            return text_of(one).compare(text_of(other));
        case value_t::array:
        case value_t::object: {
            if (left_ == 0) {
                too_deep_ = true;
                return 0;
            }
            --left_;
            auto const result = one.type() == value_t::array
                                    ? arrays(array_of(one), array_of(other))
                                    : objects<One, Other>(object_of(one), object_of(other));
            ++left_;
            return result;
        }
        default: // null has one value; binary is no JSON and equal to itself only as a type
            return 0;
        }
    }

private:
    static constexpr auto rank(value_t type) noexcept -> int {
        switch (type) {
        case value_t::number_integer:
        case value_t::number_unsigned:
        case value_t::number_float:
            return static_cast<int>(value_t::number_integer);
        default:
            return static_cast<int>(type);
        }
    }

    static constexpr auto by_size(std::size_t one, std::size_t other) noexcept -> int {
        return sign(one<other, one> other);
    }

    template <class One, class Other>
    auto arrays(One const& one, Other const& other) -> int {
        auto result = by_size(one.size(), other.size());
        for (std::size_t i = 0; result == 0 && !too_deep_ && i < one.size(); ++i) {
            result = (*this)(one[i], other[i]);
        }
        return result;
    }

    // The members of an object in the order of their names; no allocation for a few.
    template <class Object>
    class sorted_members {
    public:
        using member_pointer = typename Object::value_type const*;

        explicit sorted_members(Object const& object) {
            if (object.size() > few_.size()) {
                many_.resize(object.size());
            }
            members_ = many_.empty() ? std::span(few_).first(object.size()) : std::span(many_);
            std::transform(object.begin(), object.end(), members_.begin(),
                           [](auto const& one) { return &one; });
            std::sort(members_.begin(), members_.end(), [](auto const* left, auto const* right) {
                return left->first < right->first;
            });
        }
        sorted_members(sorted_members const&) = delete;
        auto operator=(sorted_members const&) -> sorted_members& = delete;
        ~sorted_members() = default;

        [[nodiscard]] auto begin() const { return members_.begin(); }
        [[nodiscard]] auto end() const { return members_.end(); }

    private:
        std::array<member_pointer, 8> few_{};
        std::vector<member_pointer> many_;
        std::span<member_pointer> members_;
    };

    template <class Json, class Object>
    static auto in_key_order(Object const& object) -> decltype(auto) {
        if constexpr (members_are_sorted<Json>) {
            return (object);
        } else {
            return sorted_members<Object>(object);
        }
    }

    template <class Member>
    static auto member(Member const* pointer) noexcept -> Member const& {
        return *pointer;
    }
    template <class Member>
    static auto member(Member const& reference) noexcept -> Member const& {
        return reference;
    }

    template <class One, class Other, class OneObject, class OtherObject>
    auto objects(OneObject const& one, OtherObject const& other) -> int {
        auto result = by_size(one.size(), other.size());
        if (result != 0 || one.empty()) {
            return result;
        }
        auto const& left = in_key_order<One>(one);
        auto const& right = in_key_order<Other>(other);
        auto other_at = right.begin();
        for (auto const& each : left) {
            auto const& [key, value] = member(each);
            auto const& [other_key, other_value] = member(*other_at);
            ++other_at;
            result = key.compare(other_key);
            if (result == 0) {
                result = (*this)(value, other_value);
            }
            if (result != 0 || too_deep_) {
                break;
            }
        }
        return result;
    }

    std::size_t left_;
    bool too_deep_ = false;
};

} // namespace llms::inline v0_1::detail::schema_engine

#endif // LLMS_DETAIL_SCHEMA_ORDER_HPP
