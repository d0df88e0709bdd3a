// SPDX-License-Identifier: MIT
//
// Runs a compiled schema over an instance and says yes or no, stopping at the first failure. It
// allocates nothing, but for instances and schemas that are out of the ordinary: arrays of more than
// 64 items that must be unique, objects of more than 256 members that are asked for unevaluated
// ones, and validations that visit shared subschemas tens of thousands of times, which are
// remembered from there on so that no union is exponential.
//
// Recursion is bounded twice: by the nesting of the instance and by the visits on the stack. What
// exceeds a bound makes the whole validation fail, also under `not`, and `stopped()` says why.
#ifndef LLMS_DETAIL_SCHEMA_EVALUATOR_HPP
#define LLMS_DETAIL_SCHEMA_EVALUATOR_HPP

#include <llms/detail/schema_marks.hpp>
#include <llms/detail/schema_memo.hpp>
#include <llms/detail/schema_order.hpp>
#include <llms/detail/schema_program.hpp>
#include <llms/detail/schema_registry.hpp>
#include <llms/detail/schema_unique.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

namespace llms::inline v0_1::detail::schema_engine {

/// Why a validation was given up.
enum class stop_reason : unsigned char { none, depth, work };

/// The resources that evaluation has gone through, innermost first; a list on the stack.
struct scope {
    resource const* home;
    scope const* outer;
};

/// How much deeper evaluation may go.
struct headroom {
    std::int32_t levels; // of the instance
    std::int32_t visits; // on the stack

    [[nodiscard]] auto below() const noexcept -> headroom { return {levels - 1, visits - 1}; }
    [[nodiscard]] auto beside() const noexcept -> headroom { return {levels, visits - 1}; }
    [[nodiscard]] auto depth_left() const noexcept -> std::size_t {
        return static_cast<std::size_t>(std::max(levels, 0));
    }
    [[nodiscard]] auto spent() const noexcept -> bool { return levels <= 0 || visits <= 0; }
};

inline auto code_points(std::string_view text) noexcept -> std::size_t {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char one) {
        return (static_cast<unsigned char>(one) & 0xC0U) != 0x80U;
    }));
}

template <class Json>
class evaluator {
public:
    explicit evaluator(program const& compiled) noexcept : program_{compiled} {}

    /// Whether the instance is valid.
    auto run(Json const& instance) -> bool {
        return visit(program_.start, instance, full_headroom()) && stopped_ == stop_reason::none;
    }

    [[nodiscard]] auto stopped() const noexcept -> stop_reason { return stopped_; }

    [[nodiscard]] auto full_headroom() const noexcept -> headroom {
        auto const levels =
            static_cast<std::int32_t>(std::min(program_.max_depth, std::size_t{1} << 29U));
        return {levels + 1, 2 * levels + 1};
    }

    /// Whether `value` satisfies the subschema that `way` leads to.
    template <class Value>
    auto visit(edge const& way, Value const& value, headroom room) -> bool {
        if (!admits(way.types, value)) {
            return false;
        }
        return (way.more & bit(value.type())) == 0 || check<false>(*way.to, value, room, nullptr);
    }

    /// As `visit`; what the subschema evaluates is added to `seen`, if `value` is valid.
    template <class Value>
    auto visit_tracked(edge const& way, Value const& value, headroom room, marks& seen) -> bool {
        if (!admits(way.types, value)) {
            return false;
        }
        return (way.more & bit(value.type())) == 0 || check<true>(*way.to, value, room, &seen);
    }

    /// Where `$dynamicRef` or `$recursiveRef` leads from the present scope.
    [[nodiscard]] auto target_of(dynamic_rules const& rules) const noexcept -> edge {
        auto* target = rules.otherwise;
        for (auto const* at = scope_; at != nullptr; at = at->outer) {
            auto const& anchors = at->home->dynamic_anchors;
            if (auto const found = anchors.find(rules.anchor); found != anchors.end()) {
                target = found->second;
            }
        }
        return target->as_edge();
    }

    /// Marks what the rules of `at` evaluate in `value`; whether it satisfies them.
    auto evaluated(node const& at, Json const& value, headroom room, marks& seen) -> bool {
        return check_rules<true>(at, value, room, &seen);
    }

    /// Whether a keyword of the user accepts `value`, which it sees as a nlohmann::json.
    template <class Value>
    auto satisfies(user_rule const& rule, Value const& value, headroom room) -> bool {
        if constexpr (is_name<Value>) {
            return (*rule.check)(json(value.name));
        } else if constexpr (std::is_same_v<Value, json>) {
            return (*rule.check)(value);
        } else {
            if (!nests_within(value, room.depth_left())) {
                stopped_ = stop_reason::depth;
                return false;
            }
            return (*rule.check)(json(value));
        }
    }

    /// The branches that the type and the tag of `value` leave over, as bits.
    template <class Value>
    static auto candidates(union_rules const& rules, Value const& value) -> std::uint64_t {
        auto const admitted = rules.admitting[static_cast<std::size_t>(value.type())];
        if constexpr (!is_name<Value>) {
            if (rules.tag != nullptr && value.type() == value_t::object &&
                (admitted & (admitted - 1)) != 0) {
                auto const& members = object_of(value);
                auto const found = members.find(*rules.tag);
                if (found == members.end()) {
                    return admitted & rules.tag_absent;
                }
                if (found->second.type() != value_t::string) {
                    return admitted & rules.tag_unlisted;
                }
                auto const* const listed = rules.tagged.find(text_of(found->second));
                return admitted & (listed == nullptr ? rules.tag_unlisted : *listed);
            }
        }
        return admitted;
    }

    /// The innermost scope, for who walks the schema beside the evaluator.
    [[nodiscard]] auto scopes() noexcept -> scope const*& { return scope_; }

private:
    static constexpr std::uint64_t visits_before_memo = std::uint64_t{1} << 14U;

    template <bool Tracked, class Value>
    auto follow(edge const& way, Value const& value, headroom room, marks* seen) -> bool {
        if constexpr (Tracked) {
            return visit_tracked(way, value, room, *seen);
        } else {
            return visit(way, value, room);
        }
    }

    // The caller has looked at the type already.
    template <bool Tracked, class Value>
    auto check(node const& at, Value const& value, headroom room, marks* seen) -> bool {
        if (room.spent()) {
            stopped_ = stop_reason::depth;
            return false;
        }
        return at.special ? check_special<Tracked>(at, value, room, seen)
                          : check_rules<Tracked>(at, value, room, seen);
    }

    template <bool Tracked, class Value>
    auto check_special(node const& at, Value const& value, headroom room, marks* seen) -> bool {
        // Only shared nodes can be visited more often than the instance is large. They are counted,
        // and from some number on remembered; what cannot be remembered is bounded.
        if (at.shared && ++visits_ > visits_before_memo) {
            if (!Tracked && !program_.dynamic && at.rare == nullptr) {
                return check_remembered(at, value, room);
            }
            if (visits_ > program_.max_work || stopped_ != stop_reason::none) {
                stopped_ = stop_reason::work;
                return false;
            }
        }
        if (program_.dynamic && (scope_ == nullptr || scope_->home != at.home)) {
            auto const inner = scope{at.home, scope_};
            scope_ = &inner;
            auto const valid = check_rare<Tracked>(at, value, room, seen);
            scope_ = inner.outer;
            return valid;
        }
        return check_rare<Tracked>(at, value, room, seen);
    }

    template <class Value>
    auto check_remembered(node const& at, Value const& value, headroom room) -> bool {
        void const* where = nullptr;
        if constexpr (is_name<Value>) {
            where = &value.name;
        } else {
            where = &value;
        }
        if (memo_ == nullptr) {
            memo_ = std::make_unique<memo>();
        }
        if (auto const known = memo_->find(&at, where); known != memo::answer::unknown) {
            return known == memo::answer::valid;
        }
        auto const valid = check_rules<false>(at, value, room, nullptr);
        memo_->remember(&at, where, valid);
        return valid;
    }

    template <bool Tracked, class Value>
    auto check_rare(node const& at, Value const& value, headroom room, marks* seen) -> bool {
        auto const* const rules = at.rare;
        if (rules == nullptr) {
            return check_rules<Tracked>(at, value, room, seen);
        }
        if (!std::all_of(rules->user.begin(), rules->user.end(),
                         [&](user_rule const& rule) { return satisfies(rule, value, room); })) {
            return false;
        }
        if constexpr (!is_name<Value>) {
            auto const& unevaluated = value.type() == value_t::object
                                          ? rules->unevaluated_properties
                                          : rules->unevaluated_items;
            if (unevaluated && value.is_structured()) {
                auto own = marks{};
                if (!check_rules<true>(at, value, room, &own) ||
                    !check_unevaluated(unevaluated, value, own, room)) {
                    return false;
                }
                if constexpr (Tracked) {
                    seen->set_all();
                }
                return true;
            }
        }
        return check_rules<Tracked>(at, value, room, seen);
    }

    auto check_unevaluated(edge const& way, Json const& value, marks const& seen, headroom room)
        -> bool {
        auto position = std::size_t{0};
        if (value.type() == value_t::array) {
            for (auto const& item : array_of(value)) {
                if (!seen.test(position++) && !visit(way, item, room.below())) {
                    return false;
                }
            }
        } else {
            for (auto const& member : object_of(value)) {
                if (!seen.test(position++) && !visit(way, member.second, room.below())) {
                    return false;
                }
            }
        }
        return true;
    }

    template <bool Tracked, class Value>
    auto check_rules(node const& at, Value const& value, headroom room, marks* seen) -> bool {
        if ((at.enum_ != nullptr && !contains(*at.enum_, value)) ||
            (at.const_ != nullptr && !contains(*at.const_, value))) {
            return false;
        }
        switch (value.type()) {
        case value_t::string:
            if (at.string != nullptr && !check_string(*at.string, text_of(value))) {
                return false;
            }
            break;
        case value_t::object: // NOLINT(bugprone-branch-clone): alike for a name only
            if constexpr (!is_name<Value>) {
                if (at.object != nullptr && !check_object<Tracked>(*at.object, value, room, seen)) {
                    return false;
                }
            }
            break;
        case value_t::array:
            if constexpr (!is_name<Value>) {
                if (at.array != nullptr &&
                    !check_array<Tracked>(*at.array, array_of(value), room.below(), seen)) {
                    return false;
                }
            }
            break;
        case value_t::number_integer:
        case value_t::number_unsigned:
        case value_t::number_float:
            if constexpr (!is_name<Value>) {
                if (at.number != nullptr && !check_number(*at.number, value)) {
                    return false;
                }
            }
            break;
        default:
            break;
        }
        return at.combined == nullptr ||
               check_combined<Tracked>(*at.combined, value, room.beside(), seen);
    }

    template <class Value>
    auto contains(value_set const& values, Value const& value) -> bool {
        if (value.type() == value_t::string) {
            return !values.strings.empty() && values.strings.find(text_of(value)) != nullptr;
        }
        if constexpr (is_name<Value>) {
            return false;
        } else {
            switch (value.type()) {
            case value_t::null:
                return values.has_null;
            case value_t::boolean:
                return *value.template get_ptr<typename Value::boolean_t const*>()
                           ? values.has_true
                           : values.has_false;
            case value_t::number_integer:
            case value_t::number_unsigned:
            case value_t::number_float:
                if (auto whole = std::int64_t{}; fits(value, whole)) {
                    return std::binary_search(values.whole.begin(), values.whole.end(), whole);
                }
                break;
            default:
                break;
            }
            if (values.others.empty()) {
                return false;
            }
            auto order = value_order{program_.max_depth + 1};
            auto const found = std::lower_bound(
                values.others.begin(), values.others.end(), value,
                [&](json const* one, Value const& other) { return order(*one, other) < 0; });
            return found != values.others.end() && order(**found, value) == 0 && !order.too_deep();
        }
    }

    static auto check_number(number_rules const& rules, Json const& value) -> bool {
        auto const type = value.type();
        auto const whole = type == value_t::number_float
                               ? std::int64_t{0}
                               : *value.template get_ptr<typename Json::number_integer_t const*>();
        if (type == value_t::number_integer || (type == value_t::number_unsigned && whole >= 0)) {
            if (whole < rules.low || whole > rules.high) {
                return false;
            }
            if (rules.multiple_of == nullptr) {
                return true;
            }
            if (rules.whole_divisor != 0) {
                return whole % rules.whole_divisor == 0;
            }
        } else if ((rules.minimum != nullptr && compare_numbers(value, *rules.minimum) < 0) ||
                   (rules.maximum != nullptr && compare_numbers(value, *rules.maximum) > 0) ||
                   (rules.above != nullptr && compare_numbers(value, *rules.above) <= 0) ||
                   (rules.below != nullptr && compare_numbers(value, *rules.below) >= 0)) {
            return false;
        }
        return rules.multiple_of == nullptr || decimal::of_json(value).multiple_of(rules.divisor);
    }

    static auto check_string(string_rules const& rules, std::string const& text) -> bool {
        // A code point takes one to four bytes: the size alone decides most texts.
        auto const size = text.size();
        if (size < rules.min_length || size / 4 > rules.max_length) {
            return false;
        }
        if (size > rules.max_length || (rules.min_length > 1 && size / 4 < rules.min_length)) {
            auto const length = code_points(text);
            if (length < rules.min_length || length > rules.max_length) {
                return false;
            }
        }
        return (rules.pattern == nullptr || rules.pattern->search(text)) &&
               (rules.format == nullptr || rules.format(text)) &&
               (rules.own_format == nullptr || (*rules.own_format)(text));
    }

    template <bool Tracked>
    auto check_array(array_rules const& rules, typename Json::array_t const& items, headroom room,
                     marks* seen) -> bool {
        auto const size = items.size();
        if (size < rules.min_items || size > rules.max_items) {
            return false;
        }
        auto const prefix = std::min(rules.prefix.size(), size);
        for (std::size_t i = 0; i < prefix; ++i) {
            if (!visit(rules.prefix[i], items[i], room)) {
                return false;
            }
        }
        if (rules.items.restricts()) {
            for (std::size_t i = prefix; i < size; ++i) {
                if (!visit(rules.items, items[i], room)) {
                    return false;
                }
            }
        }
        if constexpr (Tracked) {
            seen->set_below(rules.items ? size : prefix);
        }
        if (rules.contains && !check_contains<Tracked>(rules, items, room, seen)) {
            return false;
        }
        if (rules.unique) {
            auto const found = find_equal_items(items, room.depth_left()).found;
            if (found == uniqueness::too_deep) {
                stopped_ = stop_reason::depth;
            }
            return found == uniqueness::all_differ;
        }
        return true;
    }

    template <bool Tracked>
    auto check_contains(array_rules const& rules, typename Json::array_t const& items,
                        headroom room, marks* seen) -> bool {
        // Tracking must see every match; otherwise enough is enough.
        auto const enough = rules.max_contains == no_limit ? rules.min_contains : no_limit;
        auto count = std::size_t{0};
        for (std::size_t i = 0; i < items.size() && (Tracked || count < enough); ++i) {
            if (visit(rules.contains, items[i], room)) {
                ++count;
                if constexpr (Tracked) {
                    if (rules.contains_evaluates) {
                        seen->set(i);
                    }
                }
            }
        }
        return count >= rules.min_contains && count <= rules.max_contains;
    }

    template <bool Tracked>
    auto check_object(object_rules const& rules, Json const& value, headroom room, marks* seen)
        -> bool {
        auto const& members = object_of(value);
        auto const size = members.size();
        if (size < rules.min_properties || size > rules.max_properties || size < rules.required) {
            return false;
        }
        if (Tracked || rules.walks) {
            if (!check_members<Tracked>(rules, members, room.below(), seen)) {
                return false;
            }
        } else if (rules.required > 0 && !has_required(rules, members)) {
            return false;
        }
        if (rules.property_names.restricts()) {
            for (auto const& member : members) {
                if (!visit(rules.property_names, name_instance{member.first}, room.below())) {
                    return false;
                }
            }
        }
        for (auto const& one : rules.dependencies) {
            if (members.find(*one.name) == members.end()) {
                continue;
            }
            auto const missing = [&](std::string const* name) {
                return members.find(*name) == members.end();
            };
            if (std::any_of(one.required.begin(), one.required.end(), missing) ||
                (one.schema && !follow<Tracked>(one.schema, value, room.beside(), seen))) {
                return false;
            }
        }
        return true;
    }

    static auto has_required(object_rules const& rules, typename Json::object_t const& members)
        -> bool {
        auto const& names = rules.names.entries();
        return std::all_of(names.begin(), names.end(), [&](auto const& known) {
            return !known.payload.required || members.find(*known.payload.key) != members.end();
        });
    }

    template <bool Tracked>
    auto check_members(object_rules const& rules, typename Json::object_t const& members,
                       headroom room, marks* seen) -> bool {
        if constexpr (!Tracked) {
            if (rules.names.empty() && rules.patterns.empty()) {
                return std::all_of(members.begin(), members.end(), [&](auto const& member) {
                    return visit(rules.additional, member.second, room);
                });
            }
        }
        auto required = std::size_t{0};
        auto position = std::size_t{0};
        auto later = postponed{};
        for (auto const& member : members) {
            auto evaluated = static_cast<bool>(rules.additional);
            auto const* const known = rules.names.find(member.first);
            if (known != nullptr) {
                required += static_cast<std::size_t>(known->required);
                if (!known->undecided) {
                    if (!visit_scalar(known->value, member.second, room, later)) {
                        return false;
                    }
                    for (auto const& way : known->also) {
                        if (!visit_scalar(way, member.second, room, later)) {
                            return false;
                        }
                    }
                    evaluated = known->evaluated;
                }
            }
            if (known == nullptr || known->undecided) {
                if (!check_unknown(rules, known, member, room, evaluated)) {
                    return false;
                }
            }
            if constexpr (Tracked) {
                if (evaluated) {
                    seen->set(position);
                }
                ++position;
            }
        }
        if (required != rules.required) {
            return false;
        }
        for (std::size_t i = 0; i < later.count; ++i) {
            auto const& [way, value] = later.visits[i];
            if (!check<false>(*way->to, *value, room, nullptr)) {
                return false;
            }
        }
        return true;
    }

    // Containers whose visit waits until all scalars of an object are found right: a wrong scalar is
    // cheap to find, and in a union it is what tells most branches apart.
    struct postponed {
        struct waiting {
            edge const* way;
            Json const* value;
        };

        postponed() noexcept {} // NOLINT(modernize-use-equals-default): leaves `visits` unset

        std::size_t count = 0;
        std::array<waiting, 8> visits;
    };

    // As `visit`, but for what is postponed.
    auto visit_scalar(edge const& way, Json const& value, headroom room, postponed& later) -> bool {
        if (!admits(way.types, value)) {
            return false;
        }
        if ((way.more & bit(value.type())) == 0) {
            return true;
        }
        if (value.is_structured() && later.count < later.visits.size()) {
            later.visits[later.count++] = {&way, &value};
            return true;
        }
        return check<false>(*way.to, value, room, nullptr);
    }

    // A member for which the patterns must be tried.
    template <class Member>
    auto check_unknown(object_rules const& rules, property const* known, Member const& member,
                       headroom room, bool& evaluated) -> bool {
        auto matched = known != nullptr && known->declared;
        if (matched && !visit(known->value, member.second, room)) {
            return false;
        }
        for (auto const& one : rules.patterns) {
            if (one.pattern->search(member.first)) {
                matched = true;
                if (!visit(one.value, member.second, room)) {
                    return false;
                }
            }
        }
        evaluated = evaluated || matched;
        return matched || visit(rules.additional, member.second, room);
    }

    template <bool Tracked, class Value>
    auto check_combined(combined_rules const& rules, Value const& value, headroom room, marks* seen)
        -> bool {
        if (rules.ref && !follow<Tracked>(rules.ref, value, room, seen)) {
            return false;
        }
        if (rules.other_ref && !follow<Tracked>(rules.other_ref, value, room, seen)) {
            return false;
        }
        for (auto const& branch : rules.all_of) {
            if (!follow<Tracked>(branch, value, room, seen)) {
                return false;
            }
        }
        if (rules.any_of != nullptr && !check_any<Tracked>(*rules.any_of, value, room, seen)) {
            return false;
        }
        if (rules.one_of != nullptr && !check_one<Tracked>(*rules.one_of, value, room, seen)) {
            return false;
        }
        if (rules.not_ && visit(rules.not_, value, room)) {
            return false;
        }
        if (rules.if_ && !check_if<Tracked>(rules, value, room, seen)) {
            return false;
        }
        return rules.dynamic == nullptr ||
               follow<Tracked>(target_of(*rules.dynamic), value, room, seen);
    }

    // As `follow`, but a branch that fails leaves no marks.
    template <bool Tracked, class Value>
    auto try_branch(edge const& way, Value const& value, headroom room, marks* seen) -> bool {
        if constexpr (Tracked) {
            auto own = marks{};
            auto const valid = visit_tracked(way, value, room, own);
            if (valid) {
                seen->merge(own);
            }
            return valid;
        } else {
            return visit(way, value, room);
        }
    }

    template <bool Tracked, class Value>
    auto check_if(combined_rules const& rules, Value const& value, headroom room, marks* seen)
        -> bool {
        auto const& next =
            try_branch<Tracked>(rules.if_, value, room, seen) ? rules.then : rules.else_;
        return !next || follow<Tracked>(next, value, room, seen);
    }

    template <class Value>
    static auto index_of(Value const& value) noexcept -> std::size_t {
        return static_cast<std::size_t>(value.type());
    }

    template <bool Tracked, class Value>
    auto check_any(union_rules const& rules, Value const& value, headroom room, marks* seen)
        -> bool {
        auto valid = false;
        if (rules.branches.size() > union_rules::sieved || Tracked) {
            for (auto const& branch : rules.branches) {
                valid = try_branch<Tracked>(branch, value, room, seen) || valid;
                if (valid && !Tracked) {
                    break;
                }
            }
            return valid;
        }
        if (rules.passing[index_of(value)] != 0) {
            return true;
        }
        for (auto left = candidates(rules, value); left != 0; left &= left - 1) {
            auto const& branch = rules.branches[static_cast<std::size_t>(std::countr_zero(left))];
            if (visit(branch, value, room)) {
                return true;
            }
        }
        return false;
    }

    template <bool Tracked, class Value>
    auto check_one(union_rules const& rules, Value const& value, headroom room, marks* seen)
        -> bool {
        auto valid = 0;
        if (rules.branches.size() > union_rules::sieved || Tracked) {
            for (auto const& branch : rules.branches) {
                valid += static_cast<int>(try_branch<Tracked>(branch, value, room, seen));
                if (valid > 1) {
                    return false;
                }
            }
            return valid == 1;
        }
        for (auto left = candidates(rules, value); left != 0; left &= left - 1) {
            auto const& branch = rules.branches[static_cast<std::size_t>(std::countr_zero(left))];
            valid += static_cast<int>(visit(branch, value, room));
            if (valid > 1) {
                return false;
            }
        }
        return valid == 1;
    }

    program const& program_;
    scope const* scope_ = nullptr;
    std::uint64_t visits_ = 0;
    std::unique_ptr<memo> memo_;
    stop_reason stopped_ = stop_reason::none;
};

} // namespace llms::inline v0_1::detail::schema_engine

#endif // LLMS_DETAIL_SCHEMA_EVALUATOR_HPP
