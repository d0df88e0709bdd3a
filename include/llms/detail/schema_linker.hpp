// SPDX-License-Identifier: MIT
//
// The last step of compiling: what a subschema decides by the type of an instance alone is copied
// into the edges that lead to it, references to references are followed, and unions get the sieves
// that spare them most of their branches.
#ifndef LLMS_DETAIL_SCHEMA_LINKER_HPP
#define LLMS_DETAIL_SCHEMA_LINKER_HPP

#include <llms/detail/schema_program.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace llms::inline v0_1::detail::schema_engine {

/// A reference whose target depends on the way that led to it, if more than one can be meant.
struct dynamic_reference {
    node* from;
    combined_rules* rules;
    node* target;
};

class linker {
public:
    linker(program& target, std::vector<node*> const& nodes, std::vector<edge*>& edges)
        : target_{target},
          nodes_{nodes},
          edges_{edges} {}

    void run(node& start, std::vector<dynamic_reference> const& dynamic) {
        settle(dynamic);
        if (!target_.dynamic) {
            for (auto* const one : edges_) {
                one->to = &final_target(*one->to);
            }
        }
        for (auto* const one : nodes_) {
            one->more = more_of(*one);
        }
        // Children are made after their parents, so most are narrow before their parents ask;
        // where not, a mask is only wider than it could be.
        for (auto one = nodes_.rbegin(); one != nodes_.rend(); ++one) {
            narrow(**one);
        }
        target_.start.to = target_.dynamic ? &start : &final_target(start);
        edges_.push_back(&target_.start);
        for (auto* const one : edges_) {
            auto& to = *one->to;
            one->types = to.types;
            one->more = to.more;
            ++to.ways;
        }
        for (auto* const one : nodes_) {
            one->shared = one->ways > 1;
            one->special = one->shared || one->rare != nullptr || target_.dynamic;
            if (one->object != nullptr) {
                finish(*one->object);
            }
            if (one->combined != nullptr) {
                finish(one->combined->any_of);
                finish(one->combined->one_of);
            }
        }
    }

private:
    // A dynamic anchor that one resource has is no different from a plain one.
    void settle(std::vector<dynamic_reference> const& dynamic) {
        auto holders = std::map<std::string_view, int>{};
        if (!dynamic.empty()) {
            for (auto const& one : target_.resources) {
                for (auto const& [name, holder] : one.dynamic_anchors) {
                    ++holders[name];
                }
            }
        }
        for (auto const& [from, rules, to] : dynamic) {
            from->dynamic_ref = to;
            if (holders[rules->dynamic->anchor] > 1) {
                target_.dynamic = true;
            } else {
                rules->dynamic = nullptr;
                rules->other_ref.to = to;
                edges_.push_back(&rules->other_ref);
            }
        }
    }

    static auto only_reference(node const& one) -> edge const* {
        auto const* const rules = one.combined;
        if (rules == nullptr || one.enum_ != nullptr || one.const_ != nullptr ||
            one.number != nullptr || one.string != nullptr || one.array != nullptr ||
            one.object != nullptr || one.rare != nullptr || one.types != all_types ||
            !rules->all_of.empty() || rules->any_of != nullptr || rules->one_of != nullptr ||
            rules->not_ || rules->if_ || rules->dynamic != nullptr ||
            static_cast<bool>(rules->ref) == static_cast<bool>(rules->other_ref)) {
            return nullptr;
        }
        return rules->ref ? &rules->ref : &rules->other_ref;
    }

    // Where a chain of references ends; a ring of them stays, and is found when it is walked.
    static auto final_target(node& first) -> node& {
        constexpr auto longest = 32; // what is left of a longer chain costs a visit each
        auto* at = &first;
        for (auto i = 0; i < longest; ++i) {
            auto const* const next = only_reference(*at);
            if (next == nullptr) {
                break;
            }
            at = next->to;
        }
        return *at;
    }

    static auto more_of(node const& one) -> type_mask {
        auto more = unsigned{no_types};
        for (auto const* const values : {one.enum_, one.const_}) {
            if (values != nullptr) {
                auto const both_booleans = values->has_true && values->has_false;
                more |= unsigned{values->types} &
                        ~(unsigned{null_bit} | (both_booleans ? boolean_bit : 0U));
            }
        }
        more |= one.number != nullptr ? number_bits : no_types;
        more |= one.string != nullptr ? string_bit : no_types;
        more |= one.array != nullptr ? array_bit : no_types;
        more |= one.object != nullptr ? object_bit : no_types;
        more |= one.combined != nullptr ? all_types : no_types;
        if (one.rare != nullptr) {
            more |= one.rare->unevaluated_items ? array_bit : no_types;
            more |= one.rare->unevaluated_properties ? object_bit : no_types;
            more |= one.rare->user.empty() ? no_types : all_types;
        }
        more |= (more & whole_float_bit) != 0 ? float_bit : no_types;
        return within(more, one.types);
    }

    // A whole float is stored as a float.
    static auto within(unsigned more, type_mask types) -> type_mask {
        auto const stored =
            unsigned{types} | ((types & whole_float_bit) != 0 ? float_bit : no_types);
        return static_cast<type_mask>(more & stored);
    }

    // Narrows the types of a node by those of the subschemas that apply to the same instance.
    static void narrow(node& one) {
        if (one.combined == nullptr) {
            return;
        }
        auto const& rules = *one.combined;
        for (auto const& reference : {rules.ref, rules.other_ref}) {
            if (reference) {
                one.types = both(one.types, reference.to->types);
            }
        }
        for (auto const& branch : rules.all_of) {
            one.types = both(one.types, branch.to->types);
        }
        for (auto const* any : {rules.any_of, rules.one_of}) {
            if (any != nullptr) {
                auto types = no_types;
                for (auto const& branch : any->branches) {
                    types = static_cast<type_mask>(types | branch.to->types);
                }
                one.types = both(one.types, types);
            }
        }
        drop_decided_union(one);
        one.more = within(one.more, one.types);
    }

    // An `anyOf` of nothing but types has been decided by narrowing the types.
    static void drop_decided_union(node& one) {
        auto& rules = *one.combined;
        if (rules.any_of == nullptr ||
            std::any_of(rules.any_of->branches.begin(), rules.any_of->branches.end(),
                        [](edge const& branch) {
                            return branch.to->more != no_types || branch.to->rare != nullptr;
                        })) {
            return;
        }
        rules.any_of = nullptr;
        if (!rules.ref && !rules.other_ref && rules.all_of.empty() && rules.one_of == nullptr &&
            !rules.not_ && !rules.if_ && rules.dynamic == nullptr) {
            one.combined = nullptr;
            one.more = more_of(one);
        }
    }

    static void finish(object_rules& rules) {
        auto const restricts = [](edge const& one) {
            return one.restricts();
        };
        auto const unknown_can_fail =
            rules.additional.restricts() ||
            std::any_of(rules.patterns.begin(), rules.patterns.end(),
                        [&](pattern_property const& one) { return restricts(one.value); });
        auto const known_can_fail = std::any_of(
            rules.names.entries().begin(), rules.names.entries().end(), [&](auto const& one) {
                return restricts(one.payload.value) ||
                       std::any_of(one.payload.also.begin(), one.payload.also.end(), restricts);
            });
        rules.walks = unknown_can_fail || known_can_fail;
        rules.only_known = !unknown_can_fail;
    }

    void finish(union_rules* unfinished) {
        if (unfinished == nullptr || unfinished->branches.size() > union_rules::sieved) {
            return;
        }
        auto& rules = *unfinished;
        for (std::size_t type = 0; type < type_count; ++type) {
            auto const stored = bit(static_cast<value_t>(type));
            for (std::size_t i = 0; i < rules.branches.size(); ++i) {
                auto const& branch = rules.branches[i];
                auto const whole = stored == float_bit && (branch.types & whole_float_bit) != 0;
                auto const here = std::uint64_t{1} << i;
                if ((branch.types & stored) != 0 || whole) {
                    rules.admitting[type] |= here;
                }
                if ((branch.types & stored) != 0 && (branch.more & stored) == 0) {
                    rules.passing[type] |= here;
                }
            }
        }
        choose_tag(rules);
    }

    // What a schema says about one property of an object.
    struct claim {
        bool constrained = false; // its value, where it is there, is one of `values`
        bool required = false;
        std::vector<std::string_view> values;
    };

    // How many nodes are looked at for the tag of one union, so that unions of unions stay cheap.
    static constexpr int most_looked_at = 512;

    // The strings that a value must be one of, or null.
    static auto strings_of(node const& value) -> value_set const* {
        for (auto const* const values : {value.const_, value.enum_}) {
            if (values != nullptr && values->types == string_bit) {
                return values;
            }
        }
        return nullptr;
    }

    /// Calls `each` for the subschemas that an instance of `at` has to satisfy as well.
    template <class Each>
    static void for_each_beside(node const& at, Each each) {
        if (at.combined == nullptr) {
            return;
        }
        for (auto const& way : {at.combined->ref, at.combined->other_ref}) {
            if (way) {
                each(*way.to);
            }
        }
        for (auto const& way : at.combined->all_of) {
            each(*way.to);
        }
    }

    // The properties below `at` that take only certain strings.
    static void collect_tags(node const& at, std::map<std::string_view, std::string const*>& names,
                             int& left) {
        if (--left < 0) {
            return;
        }
        if (at.object != nullptr) {
            for (auto const& known : at.object->names.entries()) {
                if (known.payload.declared && strings_of(*known.payload.value.to) != nullptr) {
                    names.emplace(known.name, known.payload.key);
                }
            }
        }
        for_each_beside(at, [&](node const& other) { collect_tags(other, names, left); });
        if (at.combined != nullptr) {
            for (auto const* const any : {at.combined->any_of, at.combined->one_of}) {
                if (any != nullptr && !any->branches.empty()) {
                    collect_tags(*any->branches.front().to, names, left);
                }
            }
        }
    }

    static auto claim_of(node const& at, std::string_view name, int& left) -> claim {
        auto result = claim{};
        if (--left < 0) {
            return result;
        }
        if (auto const* const known =
                at.object == nullptr ? nullptr : at.object->names.find(name)) {
            result.required = known->required;
            if (auto const* const values =
                    known->declared ? strings_of(*known->value.to) : nullptr) {
                result.constrained = true;
                for (auto const& one : values->strings.entries()) {
                    result.values.push_back(one.name);
                }
            }
        }
        auto const add = [&](claim&& other) {
            result.required = result.required || other.required;
            if (!result.constrained && other.constrained) {
                result.constrained = true;
                result.values = std::move(other.values);
            }
        };
        for_each_beside(at, [&](node const& other) { add(claim_of(other, name, left)); });
        if (at.combined != nullptr) {
            for (auto const* const any : {at.combined->any_of, at.combined->one_of}) {
                if (any != nullptr) {
                    add(claim_of_union(*any, name, left));
                }
            }
        }
        return result;
    }

    // One of the branches holds: what all of them claim.
    static auto claim_of_union(union_rules const& rules, std::string_view name, int& left)
        -> claim {
        auto result = claim{true, true, {}};
        for (auto const& branch : rules.branches) {
            if ((branch.to->types & object_bit) == 0) {
                continue;
            }
            auto const one = claim_of(*branch.to, name, left);
            result.constrained = result.constrained && one.constrained;
            result.required = result.required && one.required;
            result.values.insert(result.values.end(), one.values.begin(), one.values.end());
        }
        return result;
    }

    // The property by which most branches can be told from the others.
    static auto best_tag(union_rules const& rules) -> std::string const* {
        auto votes = std::map<std::string_view, std::size_t>{};
        auto left = most_looked_at;
        auto best = std::size_t{1};
        auto const* tag = static_cast<std::string const*>(nullptr);
        for (auto const& branch : rules.branches) {
            auto names = std::map<std::string_view, std::string const*>{};
            if ((branch.types & object_bit) != 0) {
                collect_tags(*branch.to, names, left);
            }
            for (auto const& [name, key] : names) {
                if (auto const count = ++votes[name]; count > best) {
                    best = count;
                    tag = key;
                }
            }
        }
        return tag;
    }

    void choose_tag(union_rules& rules) {
        auto const objects = rules.admitting[static_cast<std::size_t>(value_t::object)];
        if ((objects & (objects - 1)) == 0) {
            return; // the type alone decides
        }
        auto const* const tag = best_tag(rules);
        if (tag == nullptr) {
            return;
        }
        auto masks = std::map<std::string_view, std::uint64_t>{};
        for (std::size_t i = 0; i < rules.branches.size(); ++i) {
            auto left = most_looked_at;
            auto const here = std::uint64_t{1} << i;
            auto const claimed = claim_of(*rules.branches[i].to, *tag, left);
            for (auto const value : claimed.values) {
                masks[value] |= claimed.constrained ? here : 0U;
            }
            rules.tag_unlisted |= claimed.constrained ? 0U : here;
            rules.tag_absent |= claimed.required ? 0U : here;
        }
        rules.tag = tag;
        rules.tagged.reserve(target_.memory, masks.size());
        auto next = std::size_t{0};
        for (auto const& [name, mask] : masks) {
            auto& entry = rules.tagged.entries()[next++];
            entry.name = name;
            entry.payload = mask | rules.tag_unlisted;
        }
        rules.tagged.freeze(target_.memory);
    }

    program& target_;
    std::vector<node*> const& nodes_;
    std::vector<edge*>& edges_;
};

} // namespace llms::inline v0_1::detail::schema_engine

#endif // LLMS_DETAIL_SCHEMA_LINKER_HPP
