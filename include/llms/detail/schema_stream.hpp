// SPDX-License-Identifier: MIT
//
// Runs a compiled schema over events. Each open container has a frame with the subschemas that it
// must satisfy; their rules about members, items and numbers of them are checked as these come.
// Scalars are given to the evaluator. What takes a whole container (unions that the type does not
// decide, `not`, `if`, `uniqueItems`, `unevaluated…`, `contains`, `enum` and `const` of containers,
// dependent schemas, keywords of the user) is a need: the container is built, and evaluated at its
// end. A need covers all that its subschema asks of what is inside; the rules of that subschema run
// beside it only to say no early, and make no needs of their own, so that nothing is evaluated once
// per level.
#ifndef LLMS_DETAIL_SCHEMA_STREAM_HPP
#define LLMS_DETAIL_SCHEMA_STREAM_HPP

#include <llms/detail/json_builder.hpp>
#include <llms/detail/schema_evaluator.hpp>
#include <llms/detail/schema_explainer.hpp>
#include <llms/detail/schema_name_set.hpp>
#include <llms/detail/schema_program.hpp>
#include <llms/detail/schema_wording.hpp>
#include <llms/schema/validation_error.hpp>
#include <llms/schema/verdict.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace llms::inline v0_1::detail::schema_engine {

/// A subschema that the value to come must satisfy or, for `contains`, that it is counted by.
struct due_schema {
    edge way;
    headroom room;
    bool covered;                   // an enclosing need evaluates it as well
    std::size_t counter = no_limit; // index of the rules that count what satisfies it
};

class stream_checker {
public:
    stream_checker(std::shared_ptr<program const> compiled, std::size_t max_depth)
        : program_(std::move(compiled)),
          max_depth_(max_depth) {}

    /// Begins with another value; the memory is kept.
    void reset() {
        if (building_ != 0) {
            builder_ = {};
        }
        depth_ = 0;
        building_ = 0;
        rules_.clear();
        tags_.clear();
        needs_.clear();
        state_ = verdict::undecided;
    }

    [[nodiscard]] auto state() const noexcept -> verdict { return state_; }
    [[nodiscard]] auto error() const noexcept -> validation_error const& { return error_; }

    // The events return whether the value may still be valid. `next_value` comes before each value.

    auto next_value() -> bool {
        if (depth_ > 0) {
            return top().is_object || next_item();
        }
        due_.assign({{program_->start, evaluator<json>{*program_}.full_headroom(), false}});
        return true;
    }

    /// Whether the types that the next value may have and `types` have one in common.
    auto admit(type_mask types) -> bool {
        return std::all_of(due_.begin(), due_.end(), [&](due_schema const& one) {
            return one.counter != no_limit || admit(one.way, types);
        });
    }

    /// As `admit`, for a number that is negative or minus zero, or not. Its size is not known before
    /// its end: an exponent may follow, and what underflows is zero.
    auto admit_sign(bool negative) -> bool {
        for (auto const& one : due_) {
            passed_.clear();
            if (one.counter == no_limit &&
                !walk(
                    one.way, number_bits, one.room, true,
                    [&](node const& at, headroom /*room*/, bool /*covered*/) {
                        return at.number == nullptr || has_sign(at, negative);
                    },
                    [](node const& /*at*/, headroom /*room*/) {})) {
                return false;
            }
        }
        return true;
    }

    /// A null, boolean or number as json, or a string as `name_instance`.
    template <class Value>
    auto scalar(Value const& value) -> bool {
        for (auto const& one : due_) {
            if (!check(one, value)) {
                return false;
            }
        }
        if (building_ != 0) {
            if constexpr (is_name<Value>) {
                builder_.put(json(value.name));
            } else {
                builder_.put(json(value));
            }
        }
        return read_tag(value) && value_ended();
    }

    auto open(bool is_object) -> bool {
        auto const type = is_object ? object_bit : array_bit;
        if (!admit(type)) {
            return false;
        }
        if (depth_ >= max_depth_) {
            return fail("the text nests deeper than " + std::to_string(max_depth_) + " levels");
        }
        if (depth_ == frames_.size()) {
            frames_.emplace_back();
        }
        auto& made = frames_[depth_++];
        made.is_object = is_object;
        made.named = false;
        made.count = 0;
        made.first_rules = rules_.size();
        made.first_need = needs_.size();
        made.first_tag = tags_.size();
        made.names.clear();
        passed_.clear();
        for (auto const& one : due_) {
            if (program_->dynamic) {
                needs_.push_back(one); // the root: references depend on the way from there
            } else if (one.counter != no_limit) {
                if (passes(one.way, type)) {
                    if (!count(rules_[one.counter])) {
                        return false;
                    }
                } else if ((one.way.types & type) != 0) {
                    needs_.push_back(one);
                }
            } else if (!walk(
                           one.way, type, one.room, one.covered,
                           [&](node const& at, headroom room, bool covered) {
                               if (is_object ? at.object != nullptr : at.array != nullptr) {
                                   rules_.push_back({&at, room.below(), covered, 0});
                               }
                               if (is_object && at.combined != nullptr) {
                                   add_tag(at, at.combined->any_of, room);
                                   add_tag(at, at.combined->one_of, room);
                               }
                               return true;
                           },
                           [&](node& at, headroom room) {
                               needs_.push_back({at.as_edge(), room, false});
                           })) {
                return false;
            }
        }
        due_.clear();
        if (building_ == 0 && needs_.size() > made.first_need) {
            building_ = depth_;
        }
        if (building_ != 0) {
            builder_.begin_container(is_object);
        }
        return true;
    }

    auto close() -> bool {
        auto const& ended = top();
        for (auto i = ended.first_rules; i < rules_.size(); ++i) {
            if (!(ended.is_object ? check_object(rules_[i]) : check_array(rules_[i]))) {
                return false;
            }
        }
        --depth_;
        rules_.resize(ended.first_rules);
        tags_.resize(ended.first_tag);
        if (building_ != 0) {
            builder_.end_container();
            for (auto i = ended.first_need; i < needs_.size(); ++i) {
                if (!check(needs_[i], builder_.current())) {
                    return false;
                }
            }
            needs_.resize(ended.first_need);
            if (building_ > depth_) {
                building_ = 0;
                static_cast<void>(std::move(builder_).take());
            }
        }
        return value_ended();
    }

    auto name(std::string const& name) -> bool {
        auto& in = top();
        ++in.count;
        in.key = name;
        in.named = true;
        due_.clear();
        if (building_ != 0) {
            builder_.begin_name();
            builder_.grow_name(name);
        } else if (in.first_rules == rules_.size()) {
            return true; // the schema says nothing about this object
        }
        if (!in.names.insert(name)) {
            return fail("the object has the property " + in_quotes(name) + " twice");
        }
        for (auto i = in.first_rules; i < rules_.size(); ++i) {
            if (!check_name(rules_[i], name)) {
                return false;
            }
        }
        return true;
    }

    /// One more member or item is sure to come, after the first.
    auto comma() -> bool {
        auto const& in = top();
        return std::all_of(rules_.begin() + static_cast<std::ptrdiff_t>(in.first_rules),
                           rules_.end(), [&](active const& one) {
                               return in.is_object ? has_room_for_member(one, in.count)
                                                   : has_room_for_item(one, in.count);
                           });
    }
    /// A name has begun, of which `name` will tell.
    auto begin_name() -> bool {
        top().named = false;
        return top().count > 0 || comma();
    }

    /// Says no; for what the schema does not decide.
    auto fail(std::string message) -> bool {
        return fail({pointer(depth_), "", "", std::move(message)});
    }
    auto fail(node const& at, std::string_view keyword, std::string message) -> bool {
        return fail(at, keyword, std::move(message), depth_);
    }

    /// JSON Pointer of the value in progress.
    [[nodiscard]] auto pointer() const -> std::string { return pointer(depth_); }

    /// The subschemas that the value to come must satisfy.
    [[nodiscard]] auto due() const noexcept -> std::vector<due_schema> const& { return due_; }

    /// Whether the next value is of any interest.
    [[nodiscard]] auto watches_value() const noexcept -> bool {
        return building_ != 0 || !due_.empty();
    }

    /// Calls `each(rules, room)` for the object rules that the innermost object must satisfy.
    template <class Each>
    void for_each_rules(Each each) const {
        for (auto i = top().first_rules; i < rules_.size(); ++i) {
            each(*rules_[i].at, rules_[i].room);
        }
    }

    /// Goes through the subschemas that a value must satisfy which has one of `types` and satisfies
    /// that of `way`: `rules(node, room, covered)` for each, and `whole(node, room)` for those that
    /// have rules which need the whole value.
    template <class Rules, class Whole>
    auto walk(edge const& way, type_mask types, headroom room, bool covered, Rules const& rules,
              Whole const& whole) -> bool {
        if (!admit(way, types)) {
            return false;
        }
        if ((way.more & types) == 0) {
            return true;
        }
        auto& at = *way.to;
        if (room.spent()) {
            return fail(stop_reason::depth);
        }
        auto mark = passed_.size();
        if (at.shared) {
            for (auto const& one : passed_) {
                if (one.at == &at && one.within) {
                    return fail(stop_reason::depth); // it refers to itself
                }
                if (one.at == &at && one.covered <= covered) {
                    return true;
                }
            }
            if (mark == most_passed) {
                if (!covered) {
                    whole(at, room);
                }
                return true;
            }
            passed_.push_back({&at, covered, true});
        }
        if (!covered && needs_whole(at, types)) {
            whole(at, room);
            covered = true;
        }
        auto const good = rules(at, room, covered) &&
                          (at.combined == nullptr ||
                           walk_combined(at, types, room.beside(), covered, rules, whole));
        if (at.shared) {
            passed_[mark].within = false;
        }
        return good;
    }

    /// Before a `walk` that is not part of `open`.
    void begin_walk() noexcept { passed_.clear(); }

private:
    struct active {
        node const* at;
        headroom room; // of members or items
        bool covered;
        std::size_t seen;  // required members, or items that `contains` counts
        bool late = false; // began after the first member
    };

    // A union of the innermost object whose branches a property tells apart.
    struct tagged_union {
        node const* at;
        union_rules const* rules;
        headroom room;
    };

    struct frame {
        bool is_object = false;
        bool named = false;          // the name of the member in progress is `key`
        std::size_t count = 0;       // members or items that have begun
        std::size_t first_rules = 0; // up to the next frame's
        std::size_t first_need = 0;
        std::size_t first_tag = 0;
        std::string key; // of the last member
        name_set names;
    };

    struct passed_node {
        node const* at;
        bool covered;
        bool within; // the walk is below it
    };

    // Shared subschemas of one value that are told apart; more are evaluated at its end.
    static constexpr std::size_t most_passed = 64;

    [[nodiscard]] auto top() noexcept -> frame& { return frames_[depth_ - 1]; }
    [[nodiscard]] auto top() const noexcept -> frame const& { return frames_[depth_ - 1]; }

    auto fail(validation_error error) -> bool {
        error_ = std::move(error);
        state_ = verdict::invalid;
        return false;
    }
    auto fail(node const& at, std::string_view keyword, std::string message, std::size_t depth)
        -> bool {
        auto where = pointer_of(at);
        if (!keyword.empty()) {
            where.append("/").append(keyword);
        }
        return fail({pointer(depth), std::move(where), std::string(keyword), std::move(message)});
    }
    auto fail(stop_reason why) -> bool {
        return fail(why == stop_reason::depth
                        ? "schema and value nest deeper than " +
                              std::to_string(program_->max_depth) +
                              " levels, or the schema refers to itself without end"
                        : "the schema takes more work than is allowed for this value");
    }
    // About the innermost container as a whole.
    auto fail_size(active const& one, std::string_view keyword, std::string_view relation,
                   std::size_t bound, std::string_view noun) -> bool {
        return fail(*one.at, keyword,
                    "expected at " + std::string(relation) + " " + counted(bound, noun),
                    depth_ - 1);
    }

    [[nodiscard]] auto pointer(std::size_t depth) const -> std::string {
        auto result = std::string{};
        for (std::size_t i = 0; i < depth; ++i) {
            auto const& one = frames_[i];
            if (one.is_object ? one.named : one.count > 0) {
                append_pointer_token(result,
                                     one.is_object ? one.key : std::to_string(one.count - 1));
            }
        }
        return result;
    }

    auto admit(edge const& way, type_mask types) -> bool {
        if ((way.types & types) != 0) {
            return true;
        }
        auto const& at = *way.to;
        auto const found = type_names(types == number_bits ? float_bit : types);
        if (at.types == no_types) {
            return fail(at, "", "no value is allowed here, found " + found);
        }
        auto const* const keyword = (at.declared_types & types) == 0 ? "type"
                                    : at.enum_ != nullptr            ? "enum"
                                    : at.const_ != nullptr           ? "const"
                                                                     : "";
        return fail(at, keyword, "expected " + type_names(at.types) + ", found " + found);
    }

    auto has_sign(node const& at, bool negative) -> bool {
        auto const& rules = *at.number;
        // Whether zero lies before the bound, seen from the side of the sign.
        auto const beyond = [&](json const* bound, std::string_view keyword, int nearest) {
            return bound == nullptr ||
                   (negative ? 1 : -1) * compare_numbers(*bound, json(0)) < nearest ||
                   fail(at, keyword,
                        "expected a number " + std::string(negative ? "from " : "up to ") +
                            bound->dump() + ", found one that begins " +
                            (negative ? "with '-'" : "without '-'"));
        };
        return negative ? beyond(rules.minimum, "minimum", 1) &&
                              beyond(rules.above, "exclusiveMinimum", 0)
                        : beyond(rules.maximum, "maximum", 1) &&
                              beyond(rules.below, "exclusiveMaximum", 0);
    }

    // A fresh evaluator each time: it remembers values by their addresses, which come again.
    template <class Value>
    auto satisfies(edge const& way, Value const& value, headroom room, stop_reason& stopped)
        -> bool {
        if (admits(way.types, value) && (way.more & bit(value.type())) == 0) {
            return true;
        }
        auto run = evaluator<json>{*program_};
        auto const valid = run.visit(way, value, room);
        stopped = run.stopped();
        return valid && stopped == stop_reason::none;
    }

    template <class Value>
    auto check(due_schema const& one, Value const& value) -> bool {
        auto stopped = stop_reason::none;
        auto const valid = satisfies(one.way, value, one.room, stopped);
        if (stopped != stop_reason::none) {
            return fail(stopped);
        }
        return one.counter == no_limit ? valid || explain(one.way, value)
                                       : !valid || count(rules_[one.counter]);
    }

    template <class Value>
    auto explain(edge const& way, Value const& value) -> bool {
        auto why = explainer<json>{*program_, 1};
        auto errors = why.explain(*way.to, value, pointer(depth_));
        return errors.empty() ? fail("the value does not match the schema")
                              : fail(std::move(errors.front()));
    }

    auto value_ended() -> bool {
        if (depth_ == 0) {
            state_ = verdict::valid;
        }
        return true;
    }

    // Which subschemas hold for a value.

    static auto passes(edge const& way, type_mask types) noexcept -> bool {
        return (way.types & types) == types && (way.more & types) == 0;
    }

    struct sieved_union {
        edge const* admitting = nullptr; // the last one
        std::size_t admitted = 0;
        bool passed = false;
    };

    static auto sieve(union_rules const& rules, type_mask types) noexcept -> sieved_union {
        auto result = sieved_union{};
        for (auto const& branch : rules.branches) {
            if ((branch.types & types) != 0) {
                result.admitting = &branch;
                ++result.admitted;
                result.passed = result.passed || passes(branch, types);
            }
        }
        return result;
    }

    // Whether rules of `at` itself cannot be checked member by member.
    static auto needs_whole(node const& at, type_mask types) -> bool {
        if (at.enum_ != nullptr || at.const_ != nullptr) {
            return true;
        }
        if (at.rare != nullptr &&
            (!at.rare->user.empty() || (types == object_bit ? at.rare->unevaluated_properties
                                                            : at.rare->unevaluated_items))) {
            return true;
        }
        if (types == array_bit && at.array != nullptr && at.array->unique) {
            return true;
        }
        if (types == object_bit && at.object != nullptr &&
            std::any_of(at.object->dependencies.begin(), at.object->dependencies.end(),
                        [](dependency const& one) { return one.schema.restricts(); })) {
            return true;
        }
        if (at.combined == nullptr) {
            return false;
        }
        auto const& rules = *at.combined;
        if (rules.dynamic != nullptr || (rules.not_ && (rules.not_.types & types) != 0) ||
            (rules.if_ && (rules.if_.types & types) != 0 && !passes(rules.if_, types))) {
            return true;
        }
        if (rules.any_of != nullptr) {
            if (auto const left = sieve(*rules.any_of, types); !left.passed && left.admitted > 1) {
                return true;
            }
        }
        return rules.one_of != nullptr && sieve(*rules.one_of, types).admitted > 1;
    }

    template <class Rules, class Whole>
    auto walk_combined(node const& at, type_mask types, headroom room, bool covered,
                       Rules const& rules, Whole const& whole) -> bool {
        auto const& all = *at.combined;
        auto const follow = [&](edge const& way) {
            return !way || walk(way, types, room, covered, rules, whole);
        };
        if (!follow(all.ref) || !follow(all.other_ref) ||
            !std::all_of(all.all_of.begin(), all.all_of.end(), follow)) {
            return false;
        }
        if (all.not_ && passes(all.not_, types)) {
            return fail(at, "not", "expected a value that is not " + type_names(all.not_.types));
        }
        // A union is decided where the type leaves one branch over.
        if (all.any_of != nullptr) {
            auto const left = sieve(*all.any_of, types);
            if (!left.passed && left.admitted == 1 && !follow(*left.admitting)) {
                return false;
            }
        }
        if (all.one_of != nullptr) {
            auto const left = sieve(*all.one_of, types);
            if (left.admitted == 1 && !follow(*left.admitting)) {
                return false;
            }
        }
        if (all.if_) {
            if ((all.if_.types & types) == 0) {
                return follow(all.else_);
            }
            return !passes(all.if_, types) || follow(all.then);
        }
        return true;
    }

    void add_tag(node const& at, union_rules const* rules, headroom room) {
        if (rules != nullptr && rules->tag != nullptr) {
            tags_.push_back({&at, rules, room.beside()});
        }
    }

    // A union of which the tag leaves one branch over demands that from here on; none, and nothing
    // helps. What came before, and what the object as a whole must be, its need decides.
    template <class Value>
    auto read_tag(Value const& value) -> bool {
        if (depth_ == 0 || !top().is_object) {
            return true;
        }
        for (auto i = top().first_tag; i < tags_.size(); ++i) {
            auto const [at, rules, room] = tags_[i];
            if (*rules->tag != top().key) {
                continue;
            }
            auto left = rules->admitting[static_cast<std::size_t>(value_t::object)];
            auto const* listed = static_cast<std::uint64_t const*>(nullptr);
            if constexpr (is_name<Value>) {
                listed = rules->tagged.find(value.name);
            }
            left &= listed == nullptr ? rules->tag_unlisted : *listed;
            if (left == 0) {
                return fail(*at, rules == at->combined->any_of ? "anyOf" : "oneOf",
                            "no variant has such a property " + in_quotes(*rules->tag));
            }
            if ((left & (left - 1)) == 0) {
                passed_.clear();
                if (!walk(
                        rules->branches[static_cast<std::size_t>(std::countr_zero(left))],
                        object_bit, room, true,
                        [&](node const& branch, headroom inside, bool /*covered*/) {
                            if (branch.object != nullptr) {
                                rules_.push_back({&branch, inside.below(), true, 0, true});
                            }
                            return true;
                        },
                        [](node const& /*at*/, headroom /*room*/) {})) {
                    return false;
                }
            }
        }
        return true;
    }

    // Objects.

    auto has_room_for_member(active const& one, std::size_t count) -> bool {
        auto const& rules = *one.at->object;
        if (count >= rules.max_properties) {
            return fail_size(one, "maxProperties", "most", rules.max_properties, "property");
        }
        // Names differ, so there is none left.
        return !rules.takes_known_only() || count < rules.names.size() ||
               fail_size(one, "additionalProperties", "most", rules.names.size(), "property");
    }

    auto check_name(active& one, std::string const& name) -> bool {
        auto const& rules = *one.at->object;
        if (top().count > rules.max_properties) {
            return has_room_for_member(one, top().count);
        }
        if (rules.property_names.restricts() &&
            !check({rules.property_names, one.room, one.covered}, name_instance{name})) {
            return false;
        }
        auto const* const known = rules.names.find(name);
        auto matched = known != nullptr && (known->declared || !known->undecided);
        if (known != nullptr) {
            one.seen += known->required ? 1U : 0U;
            if (matched && !add_due(one, known->value,
                                    known->declared ? "properties" : "additionalProperties")) {
                return false;
            }
            for (auto const& way : known->also) {
                if (!add_due(one, way, "patternProperties")) {
                    return false;
                }
            }
        }
        if (known == nullptr || known->undecided) {
            for (auto const& pattern : rules.patterns) {
                if (pattern.pattern->search(name)) {
                    matched = true;
                    if (!add_due(one, pattern.value, "patternProperties")) {
                        return false;
                    }
                }
            }
        }
        return matched || add_due(one, rules.additional, "additionalProperties");
    }

    // A member for which there is a subschema.
    auto add_due(active const& owner, edge const& way, std::string_view keyword) -> bool {
        if (way && way.types == no_types) {
            return fail(*owner.at, keyword, "unexpected property " + in_quotes(top().key));
        }
        if (way.restricts()) {
            due_.push_back({way, owner.room, owner.covered});
        }
        return true;
    }

    auto check_object(active const& one) -> bool {
        if (one.late) {
            return true;
        }
        auto const& rules = *one.at->object;
        auto const& names = top().names;
        if (top().count < rules.min_properties) {
            return fail_size(one, "minProperties", "least", rules.min_properties, "property");
        }
        if (one.seen != rules.required) {
            for (auto const& known : rules.names.entries()) {
                if (known.payload.required && !names.contains(known.name)) {
                    return fail(*one.at, "required", "missing property " + in_quotes(known.name),
                                depth_ - 1);
                }
            }
        }
        for (auto const& needy : rules.dependencies) {
            if (needy.required.empty() || !names.contains(*needy.name)) {
                continue;
            }
            for (auto const* const wanted : needy.required) {
                if (!names.contains(*wanted)) {
                    auto const reading = one.at->home->reading.version;
                    return fail(*one.at,
                                reading < draft::v2019_09 ? "dependencies" : "dependentRequired",
                                "missing property " + in_quotes(*wanted) +
                                    ", which is required beside " + in_quotes(*needy.name),
                                depth_ - 1);
                }
            }
        }
        return true;
    }

    // Arrays.

    static auto item_of(array_rules const& rules, std::size_t index) noexcept -> edge const& {
        return index < rules.prefix.size() ? rules.prefix[index] : rules.items;
    }

    auto has_room_for_item(active const& one, std::size_t count) -> bool {
        auto const& rules = *one.at->array;
        if (count >= rules.max_items) {
            return fail_size(one, "maxItems", "most", rules.max_items, "item");
        }
        if (auto const& way = item_of(rules, count); way && way.types == no_types) {
            return fail_size(one, "items", "most", count, "item");
        }
        return true;
    }

    auto next_item() -> bool {
        auto& in = top();
        due_.clear();
        for (auto i = in.first_rules; i < rules_.size(); ++i) {
            auto const& one = rules_[i];
            auto const& rules = *one.at->array;
            if (!has_room_for_item(one, in.count)) {
                return false;
            }
            if (auto const& way = item_of(rules, in.count); way.restricts()) {
                due_.push_back({way, one.room, one.covered});
            }
            // A need that covers the array counts them itself.
            auto const enough = rules.max_contains == no_limit ? rules.min_contains : no_limit;
            if (rules.contains && !one.covered && one.seen < enough) {
                due_.push_back({rules.contains, one.room, true, i});
            }
        }
        ++in.count;
        return true;
    }

    auto count(active& one) -> bool {
        auto const most = one.at->array->max_contains;
        return ++one.seen <= most ||
               fail(*one.at, "maxContains",
                    "expected at most " + counted(most, "item") + " of those that are counted");
    }

    auto check_array(active const& one) -> bool {
        auto const& rules = *one.at->array;
        if (top().count < rules.min_items) {
            return fail_size(one, "minItems", "least", rules.min_items, "item");
        }
        if (rules.contains && !one.covered && one.seen < rules.min_contains) {
            return fail(*one.at, rules.min_contains == 1 ? "contains" : "minContains",
                        "expected at least " + counted(rules.min_contains, "item") +
                            " of those that are counted, found " + std::to_string(one.seen),
                        depth_ - 1);
        }
        return true;
    }

    std::shared_ptr<program const> program_;
    std::size_t max_depth_;
    std::vector<frame> frames_; // those from `depth_` on are kept for their memory
    std::size_t depth_ = 0;
    std::vector<active> rules_;      // of all frames, outermost first
    std::vector<due_schema> needs_;  // likewise
    std::vector<tagged_union> tags_; // likewise
    std::vector<due_schema> due_;
    std::vector<passed_node> passed_;
    json_builder<json> builder_;
    std::size_t building_ = 0; // the depth whose container is the root that is built; 0: none
    verdict state_ = verdict::undecided;
    validation_error error_;
};

} // namespace llms::inline v0_1::detail::schema_engine

#endif // LLMS_DETAIL_SCHEMA_STREAM_HPP
