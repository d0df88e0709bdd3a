// SPDX-License-Identifier: MIT
//
// Walks a value along a coerce_program and mends it in place.
#ifndef LLMS_DETAIL_COERCE_WALK_HPP
#define LLMS_DETAIL_COERCE_WALK_HPP

#include <llms/detail/coerce_depth.hpp>
#include <llms/detail/coerce_program.hpp>
#include <llms/detail/coerce_text.hpp>
#include <llms/detail/coerce_time.hpp>
#include <llms/detail/reflect_location.hpp>
#include <llms/detail/reflect_words.hpp>
#include <llms/schema/change.hpp>
#include <llms/schema/coercion.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace llms::inline v0_1::detail {

// Each step takes a value and says whether it now fits as far as the program knows. What was
// changed on the way is noted, also when something else does not fit: the caller decides what that
// means.
template <class Json>
class coerce_walk {
public:
    struct bounds {
        std::size_t depth; // of steps into the program, and of nesting in text
        std::size_t steps;
    };

    coerce_walk(coerce_program const& program, coercion rules, bounds limits) noexcept
        : program_(program),
          rules_(rules),
          max_depth_(limits.depth),
          steps_left_(limits.steps) {}

    auto run(Json& value) -> bool { return visit(0, value, location{}, 0); }

    [[nodiscard]] auto changes() noexcept -> std::vector<change<Json>>& { return changes_; }

private:
    using index = coerce_node::index;

    [[nodiscard]] auto may(coercion rule) const noexcept -> bool {
        return (rules_ & rule) != coercion::none;
    }

    auto visit(index which, Json& value, location const& at, std::size_t depth) -> bool {
        if (steps_left_ == 0 || depth >= max_depth_) {
            return false;
        }
        --steps_left_;
        auto const& node = program_.node(which);
        if (node.never) {
            return false;
        }
        return takes(node, value) ? inside(node, value, at, depth)
                                  : convert(node, value, at, depth);
    }

    // --- the value itself ---

    static auto takes(coerce_node const& node, Json const& value) -> bool {
        if ((node.types & coerce_type_of(value)) == 0) {
            return false;
        }
        return !node.has_choices ||
               std::any_of(node.choices.begin(), node.choices.end(),
                           [&](auto const& choice) { return same(choice, value); });
    }

    static auto same(nlohmann::json const& a, Json const& b) -> bool {
        if constexpr (std::is_same_v<Json, nlohmann::json>) {
            return a == b;
        } else if (a.is_structured() || b.is_structured()) {
            return a == nlohmann::json(b);
        } else if (a.is_string() && b.is_string()) {
            return a.template get_ref<std::string const&>() ==
                   b.template get_ref<std::string const&>();
        } else {
            return Json(a) == b;
        }
    }

    // The types that would do.
    static auto wanted(coerce_node const& node) -> unsigned {
        if (!node.has_choices) {
            return node.types;
        }
        auto types = 0U;
        for (auto const& choice : node.choices) {
            types |= coerce_type_of(choice);
        }
        return types & node.types;
    }

    auto convert(coerce_node const& node, Json& value, location const& at, std::size_t depth)
        -> bool {
        auto const types = wanted(node);
        if (auto const* const text = value.template get_ptr<typename Json::string_t const*>()) {
            if ((types & coerce_string) != 0) {
                return replace(node, value, other_case(node, *text), coercion::enum_case, at,
                               depth);
            }
            // No text can be read in two of these ways.
            if (((types & coerce_fraction) != 0 && replace(node, value, number_in<Json>(*text),
                                                           coercion::text_to_number, at, depth)) ||
                ((types & coerce_integer) != 0 && replace(node, value, integer_in<Json>(*text),
                                                          coercion::text_to_number, at, depth)) ||
                ((types & coerce_boolean) != 0 && replace(node, value, boolean_as_json(*text),
                                                          coercion::text_to_boolean, at, depth)) ||
                ((types & coerce_null) != 0 && same_letters(trimmed(*text), "null") &&
                 replace(node, value, Json(nullptr), coercion::text_to_null, at, depth)) ||
                ((types & coerce_array) != 0 && may(coercion::text_to_array) &&
                 replace(node, value, container_in<Json>(*text, '[', max_depth_),
                         coercion::text_to_array, at, depth)) ||
                ((types & coerce_object) != 0 && may(coercion::text_to_object) &&
                 replace(node, value, container_in<Json>(*text, '{', max_depth_),
                         coercion::text_to_object, at, depth))) {
                return true;
            }
        }
        return (types & coerce_array) != 0 && !value.is_array() && !value.is_null() &&
               may(coercion::wrap_in_array) &&
               replace(node, value, Json::array({value}), coercion::wrap_in_array, at, depth);
    }

    // Puts `with` in the place of `value` if that makes it fit, else leaves all as it was.
    auto replace(coerce_node const& node, Json& value, Json with, coercion rule, location const& at,
                 std::size_t depth) -> bool {
        if (!may(rule) || with.is_discarded() || !takes(node, with)) {
            return false;
        }
        auto const mark = changes_.size();
        changes_.push_back({at.pointer(), value, with, rule});
        if (!inside(node, with, at, depth)) {
            changes_.resize(mark);
            return false;
        }
        value = std::move(with);
        return true;
    }

    static auto boolean_as_json(std::string_view text) -> Json {
        auto const value = boolean_in(text);
        return value ? Json(*value) : Json(Json::value_t::discarded);
    }

    // The one choice that differs in nothing but case; discarded if there is none or more than one.
    static auto other_case(coerce_node const& node, std::string_view text) -> Json {
        auto match = Json(Json::value_t::discarded);
        for (auto const& choice : node.choices) {
            auto const* const name = choice.template get_ptr<std::string const*>();
            if (name == nullptr || !same_letters(*name, text)) {
                continue;
            }
            if (match.is_string() && match != *name) {
                return Json(Json::value_t::discarded);
            }
            match = *name;
        }
        return match;
    }

    // --- what the value holds, and what else is asked of it ---

    auto inside(coerce_node const& node, Json& value, location const& at, std::size_t depth)
        -> bool {
        auto good = true;
        switch (coerce_type_of(value)) {
        case coerce_integer:
        case coerce_fraction:
            good = number_within(node, value.template get<double>());
            break;
        case coerce_string:
            good = string_fits(node, value, at);
            break;
        case coerce_array:
            good = items_fit(node, value, at, depth);
            break;
        case coerce_object:
            good = members_fit(node, value, at, depth);
            break;
        default:
            break;
        }
        for (auto const each : node.all_of) {
            good = visit(each, value, at, depth + 1) && good;
        }
        for (auto const& branches : node.one_of) {
            good = one_fits(branches, value, at, depth + 1) && good;
        }
        return good;
    }

    static auto number_within(coerce_node const& node, double number) noexcept -> bool {
        return number >= node.minimum && number <= node.maximum && number > node.above &&
               number < node.below;
    }

    auto string_fits(coerce_node const& node, Json& value, location const& at) -> bool {
        auto const& text = *value.template get_ptr<typename Json::string_t const*>();
        if (node.format != date_format::none && may(coercion::date_form)) {
            auto const is_date = node.format == date_format::date;
            if (!(is_date ? parse_date(text).has_value() : parse_instant(text).has_value())) {
                auto form = is_date ? date_form_of(text) : date_time_form_of(text);
                if (!form.empty() && node.length.holds(length_of(form)) && !node.has_choices) {
                    changes_.push_back({at.pointer(), value, Json(form), coercion::date_form});
                    value = std::move(form);
                    return true;
                }
            }
        }
        return node.length.holds(length_of(text));
    }

    auto items_fit(coerce_node const& node, Json& value, location const& at, std::size_t depth)
        -> bool {
        auto good = node.item_count.holds(value.size());
        auto place = std::size_t{0};
        for (auto& item : value) {
            auto const which = place < node.prefix.size() ? node.prefix[place] : node.items;
            if (which == coerce_node::none) {
                break;
            }
            good = visit(which, item, at.item(place), depth + 1) && good;
            ++place;
        }
        return good;
    }

    auto members_fit(coerce_node const& node, Json& value, location const& at, std::size_t depth)
        -> bool {
        auto good = true;
        for (auto member = value.begin(); member != value.end();) {
            auto const known = node.property(member.key());
            auto const which = known != coerce_node::none ? known
                               : node.named_by_pattern    ? coerce_node::none
                                                          : node.additional;
            auto const here = at.member(member.key());
            auto const allowed =
                known != coerce_node::none || node.named_by_pattern || node.open_names;
            if (!allowed ||
                (which != coerce_node::none && !visit(which, member.value(), here, depth + 1))) {
                if (auto const rule = removal(node, member.key(), *member);
                    rule != coercion::none) {
                    changes_.push_back({here.pointer(), *member, std::nullopt, rule});
                    member = value.erase(member);
                    continue;
                }
                good = false;
            }
            ++member;
        }
        return good && node.member_count.holds(value.size()) &&
               std::all_of(node.required.begin(), node.required.end(),
                           [&](auto const& name) { return value.contains(name); });
    }

    // The rule by which a member that does not fit may be left out.
    [[nodiscard]] auto removal(coerce_node const& node, std::string_view name,
                               Json const& member) const -> coercion {
        if (node.property(name) == coerce_node::none || node.requires_member(name)) {
            return coercion::none;
        }
        auto const* const text = member.template get_ptr<typename Json::string_t const*>();
        auto const rule = member.is_null()                   ? coercion::drop_null
                          : text != nullptr && text->empty() ? coercion::drop_empty
                                                             : coercion::none;
        return rules_ & rule;
    }

    // --- branches ---

    // A value that fits a branch as it is stays. Otherwise a branch is taken if it is the only one
    // that the value can be made to fit, or if all such make the same of it.
    auto one_fits(std::vector<index> const& branches, Json& value, location const& at,
                  std::size_t depth) -> bool {
        auto const mark = changes_.size();
        auto found = std::optional<Json>{};
        auto found_changes = std::vector<change<Json>>{};
        auto ambiguous = false;
        for (auto const branch : branches) {
            if (value.is_structured() && !could_take(branch, value)) {
                continue;
            }
            if (!spend_copy(value)) {
                return false;
            }
            auto trial = value;
            auto const good = visit(branch, trial, at, depth);
            if (good && changes_.size() == mark) {
                return true;
            }
            if (good && !found) {
                found = std::move(trial);
                found_changes.assign(
                    std::make_move_iterator(changes_.begin() + static_cast<std::ptrdiff_t>(mark)),
                    std::make_move_iterator(changes_.end()));
            } else if (good) {
                ambiguous = ambiguous || *found != trial;
            }
            changes_.resize(mark);
        }
        if (!found || ambiguous) {
            return false;
        }
        changes_.insert(changes_.end(), std::make_move_iterator(found_changes.begin()),
                        std::make_move_iterator(found_changes.end()));
        value = std::move(*found);
        return true;
    }

    // A step for every value and for every few bytes of text that a trial copies.
    auto spend_copy(Json const& value) -> bool {
        auto const spend = [this](std::size_t steps) {
            steps_left_ -= std::min(steps, steps_left_);
        };
        if (auto const* const text = value.template get_ptr<typename Json::string_t const*>()) {
            spend(text->size() / 64);
        } else {
            nested_within(value, max_depth_, [&] { spend(1); });
        }
        return steps_left_ > 0;
    }

    // Spares the copy of a large value for a branch that has no use for it.
    [[nodiscard]] auto could_take(index branch, Json const& value) const noexcept -> bool {
        auto const& node = program_.node(branch);
        return ((node.types & coerce_type_of(value)) != 0 ||
                ((node.types & coerce_array) != 0 && may(coercion::wrap_in_array))) &&
               !node.never;
    }

    coerce_program const& program_;
    coercion rules_;
    std::size_t max_depth_;
    std::size_t steps_left_;
    std::vector<change<Json>> changes_;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_COERCE_WALK_HPP
