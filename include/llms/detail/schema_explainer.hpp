// SPDX-License-Identifier: MIT
//
// Says why an instance is invalid. It runs only after the evaluator has said no, walks the schema
// keyword by keyword as it was written, and asks the evaluator where a keyword needs no more than a
// verdict. What it finds and what the evaluator finds are compared by the tests.
#ifndef LLMS_DETAIL_SCHEMA_EXPLAINER_HPP
#define LLMS_DETAIL_SCHEMA_EXPLAINER_HPP

#include <llms/detail/schema_evaluator.hpp>
#include <llms/detail/schema_program.hpp>
#include <llms/detail/schema_uri.hpp>
#include <llms/detail/schema_wording.hpp>
#include <llms/schema/validation_error.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace llms::inline v0_1::detail::schema_engine {

template <class Json>
class explainer {
public:
    explainer(program const& compiled, std::size_t max_errors)
        : program_{compiled},
          run_{compiled},
          left_{std::max<std::size_t>(1, max_errors)} {}

    explainer(explainer const&) = delete; // refers to its own list
    auto operator=(explainer const&) -> explainer& = delete;
    ~explainer() = default;

    /// What is wrong with `instance`, which is not valid.
    auto explain(Json const& instance) -> std::vector<validation_error> {
        explain_node(*program_.nodes.find(&program_.documents.front()), instance,
                     run_.full_headroom());
        return std::move(found_);
    }

    /// What is wrong with `value`, which is not valid by the subschema `at`; `pointer` is that of
    /// `value`. The errors have no `evaluation_path`.
    template <class Value>
    auto explain(node& at, Value const& value, std::string pointer)
        -> std::vector<validation_error> {
        instance_ = std::move(pointer);
        explain_node(at, value, run_.full_headroom());
        for (auto& one : found_) {
            one.evaluation_path.clear();
        }
        return std::move(found_);
    }

    [[nodiscard]] auto truncated() const noexcept -> bool { return truncated_; }

private:
    // Lengthens a pointer for as long as it lives.
    class step {
    public:
        step(std::string& pointer, std::string_view token)
            : pointer_{pointer},
              size_{pointer.size()} {
            append_pointer_token(pointer, token);
        }
        step(std::string& pointer, std::size_t index) : step(pointer, std::to_string(index)) {}
        step(step const&) = delete;
        auto operator=(step const&) -> step& = delete;
        ~step() { pointer_.resize(size_); }

    private:
        std::string& pointer_;
        std::size_t size_;
    };

    // Errors go to another list for as long as it lives.
    class redirected {
    public:
        redirected(explainer& owner, std::vector<validation_error>& to)
            : owner_{owner},
              before_{std::exchange(owner.errors_, &to)} {}
        redirected(redirected const&) = delete;
        auto operator=(redirected const&) -> redirected& = delete;
        ~redirected() { owner_.errors_ = before_; }

    private:
        explainer& owner_;
        std::vector<validation_error>* before_;
    };

    void fail(node const& at, std::string_view keyword_name, std::string message,
              std::vector<validation_error> causes = {}) {
        if (left_ == 0) {
            truncated_ = true;
            return;
        }
        --left_;
        auto const suffix = keyword_name.empty() ? std::string{} : "/" + std::string(keyword_name);
        auto pointer = pointer_of(at) + suffix;
        auto location = pointer.find('#') == std::string::npos || pointer.front() == '/'
                            ? program_.resources.front().uri + "#" + pointer
                            : pointer;
        errors_->push_back({instance_, std::move(pointer), std::string(keyword_name),
                            std::move(message), way_ + suffix, std::move(location),
                            std::move(causes)});
    }

    [[nodiscard]] auto child(json const& source) const -> node& {
        return *program_.nodes.find(&source);
    }

    template <class Value>
    auto holds(json const& source, Value const& value, headroom room) -> bool {
        return run_.visit(child(source).as_edge(), value, room);
    }

    template <class Value>
    auto equal(json const& wanted, Value const& value) -> bool {
        if constexpr (is_name<Value>) {
            return wanted.is_string() && text_of(wanted) == value.name;
        } else {
            auto order = value_order{program_.max_depth + 1};
            return order(wanted, value) == 0 && !order.too_deep();
        }
    }

    // Explains the subschema `source`, which lies under `tokens` of the present one.
    template <class Value, class... Tokens>
    void explain_at(json const& source, Value const& value, headroom room,
                    Tokens const&... tokens) {
        auto const size = way_.size();
        (append_token(tokens), ...);
        explain_node(child(source), value, room);
        way_.resize(size);
    }
    void append_token(std::string const& token) { append_pointer_token(way_, token); }
    void append_token(std::size_t index) { append_pointer_token(way_, std::to_string(index)); }

    // Everything that is wrong with `value` by the subschema `at`; nothing if it is valid.
    template <class Value>
    void explain_node(node& at, Value const& value, headroom room) {
        if (truncated_ || room.spent()) {
            return;
        }
        if (left_ == 0) {
            truncated_ = !run_.visit(at.as_edge(), value, room);
            return;
        }
        // Dynamic references are resolved in the scope that the evaluator would have here.
        auto const here = scope{at.home, run_.scopes()};
        run_.scopes() = &here;
        explain_keywords(at, value, room);
        run_.scopes() = here.outer;
    }

    template <class Value>
    void explain_keywords(node const& at, Value const& value, headroom room) {
        auto const& source = *at.source;
        if (source.is_boolean()) {
            if (!source.template get<bool>()) {
                fail(at, "", "no value is allowed here, found " + preview(value));
            }
            return;
        }
        auto const& reading = at.home->reading;
        if (reading.ref_stands_alone() && source.contains("$ref")) {
            explain_reference(at, "$ref", at.ref, value, room);
            return;
        }
        if (!admits(at.declared_types, value)) {
            fail(at, "type",
                 "expected " + type_names(at.declared_types) + ", found " + typed_preview(value));
            return;
        }
        for (auto const& [name, rule] : object_of(source)) {
            explain_keyword(at, keyword_of(name, reading), name, rule, value, room);
        }
    }

    template <class Value>
    void explain_keyword(node const& at, keyword id, std::string const& name, json const& rule,
                         Value const& value, headroom room) {
        switch (id) {
        case keyword::enum_:
            explain_enum(at, rule, value);
            return;
        case keyword::const_:
            if (!equal(rule, value)) {
                fail(at, name, "expected " + preview(rule) + ", found " + preview(value));
            }
            return;
        case keyword::all_of:
        case keyword::any_of:
        case keyword::one_of:
        case keyword::not_:
        case keyword::if_:
        case keyword::ref:
        case keyword::dynamic_ref:
        case keyword::recursive_ref:
            explain_combined(at, id, name, rule, value, room.beside());
            return;
        case keyword::unknown:
            explain_user(at, name, value);
            return;
        default:
            break;
        }
        if (value.type() == value_t::string) {
            explain_string(at, id, name, rule, text_of(value));
        } else if constexpr (!is_name<Value>) {
            switch (value.type()) {
            case value_t::object:
                explain_object(at, id, name, rule, value, room);
                break;
            case value_t::array:
                explain_array(at, id, name, rule, value, room);
                break;
            case value_t::number_integer:
            case value_t::number_unsigned:
            case value_t::number_float:
                explain_number(at, id, name, rule, value);
                break;
            default:
                break;
            }
        }
    }

    // Any value.

    template <class Value>
    void explain_enum(node const& at, json const& values, Value const& value) {
        if (std::any_of(values.begin(), values.end(),
                        [&](json const& one) { return equal(one, value); })) {
            return;
        }
        auto texts = std::vector<std::string>{};
        if (value.type() == value_t::string) {
            auto names = std::vector<std::string_view>{};
            for (auto const& one : values) {
                if (one.is_string()) {
                    names.emplace_back(text_of(one));
                }
            }
            sort_by_distance(names, text_of(value));
            for (auto const name : names) {
                texts.push_back(in_quotes(name));
            }
        }
        for (auto const& one : values) {
            if (texts.size() >= values.size() || texts.size() > most_listed) {
                break;
            }
            if (value.type() != value_t::string || !one.is_string()) {
                texts.push_back(preview(one));
            }
        }
        fail(at, "enum", "expected one of " + listed(texts) + "; found " + preview(value));
    }

    template <class Value>
    void explain_user(node const& at, std::string const& name, Value const& value) {
        if (at.rare == nullptr) {
            return;
        }
        for (auto const& rule : at.rare->user) {
            if (rule.name == name && !run_.satisfies(rule, value, run_.full_headroom())) {
                fail(at, name,
                     preview(value) + " does not satisfy \"" + name +
                         "\": " + preview(at.source->at(name)));
            }
        }
    }

    // Strings.

    void explain_string(node const& at, keyword id, std::string const& name, json const& rule,
                        std::string const& text) {
        auto const limit = [&](std::string_view relation) {
            fail(at, name,
                 "expected " + std::string(relation) + " " + rule.dump() + " characters, found " +
                     std::to_string(code_points(text)) + ": " + in_quotes(text));
        };
        if (at.string == nullptr) {
            return;
        }
        auto const& rules = *at.string;
        if (id == keyword::min_length && code_points(text) < rules.min_length) {
            limit("at least");
        } else if (id == keyword::max_length && code_points(text) > rules.max_length) {
            limit("at most");
        } else if (id == keyword::pattern && !rules.pattern->search(text)) {
            fail(at, name,
                 in_quotes(text) + " does not match the pattern " +
                     in_quotes(text_of(rule), longest_pattern));
        } else if (id == keyword::format &&
                   ((rules.format != nullptr && !rules.format(text)) ||
                    (rules.own_format != nullptr && !(*rules.own_format)(text)))) {
            fail(at, name, in_quotes(text) + " is not a valid " + text_of(rule));
        }
    }

    // Numbers.

    void explain_number(node const& at, keyword id, std::string const& name, json const& rule,
                        Json const& value) {
        if (at.number == nullptr) {
            return;
        }
        auto const& rules = *at.number;
        auto const wrong = [&](std::string_view relation) {
            fail(at, name,
                 "expected a number " + std::string(relation) + " " + rule.dump() + ", found " +
                     value.dump());
        };
        // Draft 4 makes a bound exclusive by a keyword beside it, which has nothing to say itself.
        if (&rule == rules.minimum && compare_numbers(value, rule) < 0) {
            wrong("of at least");
        } else if (&rule == rules.maximum && compare_numbers(value, rule) > 0) {
            wrong("of at most");
        } else if (&rule == rules.above && compare_numbers(value, rule) <= 0) {
            wrong("above");
        } else if (&rule == rules.below && compare_numbers(value, rule) >= 0) {
            wrong("below");
        } else if (id == keyword::multiple_of &&
                   !decimal::of_json(value).multiple_of(rules.divisor)) {
            wrong("that is a multiple of");
        }
    }

    // Arrays.

    void explain_array(node const& at, keyword id, std::string const& name, json const& rule,
                       Json const& value, headroom room) {
        auto const& items = array_of(value);
        auto const limit = [&](std::string_view relation) {
            fail(at, name,
                 "expected " + std::string(relation) + " " + rule.dump() + " items, found " +
                     std::to_string(items.size()));
        };
        switch (id) {
        case keyword::min_items:
            if (items.size() < at.array->min_items) {
                limit("at least");
            }
            break;
        case keyword::max_items:
            if (items.size() > at.array->max_items) {
                limit("at most");
            }
            break;
        case keyword::unique_items:
            explain_unique(at, items, room);
            break;
        case keyword::prefix_items:
        case keyword::items:
        case keyword::additional_items:
            explain_items(at, id, name, rule, items, room.below());
            break;
        case keyword::contains:
            explain_contains(at, rule, items, room.below());
            break;
        case keyword::unevaluated_items: {
            auto seen = marks{};
            if (!run_.evaluated(at, value, room, seen)) {
                break; // what is wrong otherwise comes first
            }
            for (std::size_t i = 0; i < items.size(); ++i) {
                if (!seen.test(i) && !holds(rule, items[i], room.below())) {
                    auto const here = step{instance_, i};
                    if (rule.is_boolean()) {
                        fail(at, name, "unexpected item " + preview(items[i]));
                    } else {
                        explain_at(rule, items[i], room.below(), name);
                    }
                }
            }
            break;
        }
        default:
            break;
        }
    }

    void explain_unique(node const& at, typename Json::array_t const& items, headroom room) {
        if (!at.array->unique) {
            return;
        }
        auto const same = find_equal_items(items, room.depth_left());
        if (same.found == uniqueness::some_equal) {
            fail(at, "uniqueItems",
                 "items must differ, but items " + std::to_string(same.first) + " and " +
                     std::to_string(same.second) + " are both " + preview(items[same.first]));
        }
    }

    void explain_items(node const& at, keyword id, std::string const& name, json const& rule,
                       typename Json::array_t const& items, headroom room) {
        auto const declared = at.array == nullptr ? std::size_t{0} : at.array->prefix.size();
        auto const prefix = std::min(declared, items.size());
        if (rule.is_array()) {
            for (std::size_t i = 0; i < prefix; ++i) {
                auto const here = step{instance_, i};
                explain_at(rule[i], items[i], room, name, i);
            }
            return;
        }
        // `additionalItems` without an array of `items` says nothing.
        if (id == keyword::additional_items && declared == 0) {
            return;
        }
        for (std::size_t i = prefix; i < items.size() && !truncated_; ++i) {
            auto const here = step{instance_, i};
            if (rule.is_boolean() && !rule.template get<bool>()) {
                fail(at, name,
                     "unexpected item " + preview(items[i]) + ": at most " +
                         counted(prefix, "item") + " allowed");
            } else {
                explain_at(rule, items[i], room, name);
            }
        }
    }

    void explain_contains(node const& at, json const& rule, typename Json::array_t const& items,
                          headroom room) {
        auto const count = static_cast<std::size_t>(std::count_if(
            items.begin(), items.end(), [&](Json const& one) { return holds(rule, one, room); }));
        auto const& rules = *at.array;
        if (count >= rules.min_contains && count <= rules.max_contains) {
            return;
        }
        auto const few = count < rules.min_contains;
        fail(at, few ? (rules.min_contains == 1 ? "contains" : "minContains") : "maxContains",
             "expected " + std::string(few ? "at least " : "at most ") +
                 counted(few ? rules.min_contains : rules.max_contains, "item") + " to be " +
                 describe(rule) + ", found " + std::to_string(count));
    }

    // Objects.

    void explain_object(node const& at, keyword id, std::string const& name, json const& rule,
                        Json const& value, headroom room) {
        auto const& members = object_of(value);
        auto const limit = [&](std::string_view relation) {
            fail(at, name,
                 "expected " + std::string(relation) + " " + rule.dump() + " properties, found " +
                     std::to_string(members.size()));
        };
        switch (id) {
        case keyword::min_properties:
            if (members.size() < at.object->min_properties) {
                limit("at least");
            }
            break;
        case keyword::max_properties:
            if (members.size() > at.object->max_properties) {
                limit("at most");
            }
            break;
        case keyword::required:
            for (auto const& key : rule) {
                if (members.find(text_of(key)) == members.end()) {
                    fail(at, name,
                         "missing property " + in_quotes(text_of(key)) +
                             expectation_of(at, text_of(key)));
                }
            }
            break;
        case keyword::properties:
            for (auto const& [key, source] : object_of(rule)) {
                if (auto const found = members.find(key); found != members.end()) {
                    auto const here = step{instance_, key};
                    explain_at(source, found->second, room.below(), name, key);
                }
            }
            break;
        case keyword::pattern_properties:
            explain_patterns(at, name, rule, members, room.below());
            break;
        case keyword::additional_properties:
            explain_additional(at, name, rule, members, room.below());
            break;
        case keyword::unevaluated_properties:
            explain_unevaluated(at, name, rule, value, room);
            break;
        case keyword::property_names:
            for (auto const& member : members) {
                auto const here = step{instance_, member.first};
                if (rule.is_boolean() && !rule.template get<bool>()) {
                    fail(at, name, "unexpected property: no property is allowed here");
                } else {
                    explain_at(rule, name_instance{member.first}, room.below(), name);
                }
            }
            break;
        case keyword::dependencies:
        case keyword::dependent_schemas:
        case keyword::dependent_required:
            explain_dependencies(at, id, name, rule, value, room);
            break;
        default:
            break;
        }
    }

    // What the schema says about a property that is missing, for who has to add it.
    [[nodiscard]] auto expectation_of(node const& at, std::string const& key) const -> std::string {
        auto const properties = at.source->find("properties");
        if (properties == at.source->end() || !properties->is_object()) {
            return {};
        }
        auto const found = properties->find(key);
        if (found == properties->end() || !found->is_object()) {
            return {};
        }
        auto result = " (" + describe(*found) + ")";
        if (auto const text = text_or_empty(*found, "description"); !text.empty()) {
            result += ": " + in_quotes(text, longest_pattern);
        }
        return result;
    }

    template <class Member>
    static auto is_covered(object_rules const& rules, Member const& member) -> bool {
        auto const* const known = rules.names.find(member.first);
        return (known != nullptr && known->declared) ||
               std::any_of(
                   rules.patterns.begin(), rules.patterns.end(),
                   [&](pattern_property const& one) { return one.pattern->search(member.first); });
    }

    void explain_patterns(node const& at, std::string const& name, json const& rule,
                          typename Json::object_t const& members, headroom room) {
        auto next = at.object->patterns.begin();
        for (auto const& [text, source] : object_of(rule)) {
            auto const& compiled = *next->pattern;
            ++next;
            for (auto const& member : members) {
                if (compiled.search(member.first)) {
                    auto const here = step{instance_, member.first};
                    explain_at(source, member.second, room, name, text);
                }
            }
        }
    }

    void explain_additional(node const& at, std::string const& name, json const& rule,
                            typename Json::object_t const& members, headroom room) {
        for (auto const& member : members) {
            if (truncated_) {
                return;
            }
            if (is_covered(*at.object, member)) {
                continue;
            }
            auto const here = step{instance_, member.first};
            if (rule.is_boolean()) {
                if (!rule.template get<bool>()) {
                    fail(at, name, unexpected(member.first, known_names(at)));
                }
            } else {
                explain_at(rule, member.second, room, name);
            }
        }
    }

    void explain_unevaluated(node const& at, std::string const& name, json const& rule,
                             Json const& value, headroom room) {
        auto seen = marks{};
        if (!run_.evaluated(at, value, room, seen)) {
            return; // what is wrong otherwise comes first
        }
        auto position = std::size_t{0};
        for (auto const& member : object_of(value)) {
            if (seen.test(position++) || holds(rule, member.second, room.below())) {
                continue;
            }
            auto const here = step{instance_, member.first};
            if (rule.is_boolean()) {
                fail(at, name, unexpected(member.first, known_names(at)));
            } else {
                explain_at(rule, member.second, room.below(), name);
            }
        }
    }

    // The names that `properties` of a node and of what applies beside it declare.
    [[nodiscard]] auto known_names(node const& at) const -> std::vector<std::string_view> {
        auto names = std::vector<std::string_view>{};
        add_known_names(at, names, 3);
        std::sort(names.begin(), names.end());
        names.erase(std::unique(names.begin(), names.end()), names.end());
        return names;
    }

    void add_known_names(node const& at, std::vector<std::string_view>& names, int depth) const {
        if (at.object != nullptr) {
            for (auto const& one : at.object->names.entries()) {
                if (one.payload.declared) {
                    names.push_back(one.name);
                }
            }
        }
        if (at.combined == nullptr || depth == 0) {
            return;
        }
        for (auto const* const ref : {at.ref, at.dynamic_ref}) {
            if (ref != nullptr) {
                add_known_names(*ref, names, depth - 1);
            }
        }
        for (auto const& branch : at.combined->all_of) {
            add_known_names(*branch.to, names, depth - 1);
        }
    }

    static auto unexpected(std::string const& name, std::vector<std::string_view> known)
        -> std::string {
        auto result = "unexpected property " + in_quotes(name);
        if (known.empty()) {
            return result;
        }
        if (is_near(sort_by_distance(known, name), name)) {
            result += ", did you mean " + in_quotes(known.front()) + "?";
        }
        auto texts = std::vector<std::string>{};
        for (auto const one : known) {
            texts.push_back(in_quotes(one));
        }
        return result + " (known: " + listed(texts) + ")";
    }

    void explain_dependencies(node const& at, keyword id, std::string const& name, json const& rule,
                              Json const& value, headroom room) {
        auto const& members = object_of(value);
        for (auto const& [key, needs] : object_of(rule)) {
            if (members.find(key) == members.end()) {
                continue;
            }
            if (id == keyword::dependent_schemas || !needs.is_array()) {
                explain_at(needs, value, room.beside(), name, key);
                continue;
            }
            for (auto const& needed : needs) {
                if (members.find(text_of(needed)) == members.end()) {
                    fail(at, name,
                         "missing property " + in_quotes(text_of(needed)) +
                             ", which is required beside " + in_quotes(key));
                }
            }
        }
    }

    // Subschemas about the value itself.

    template <class Value>
    void explain_reference(node const& at, std::string const& name, node* target,
                           Value const& value, headroom room) {
        if (at.combined != nullptr && at.combined->dynamic != nullptr && name != "$ref") {
            target = run_.target_of(*at.combined->dynamic).to;
        }
        auto const here = step{way_, name};
        explain_node(*target, value, room.beside());
    }

    template <class Value>
    void explain_combined(node const& at, keyword id, std::string const& name, json const& rule,
                          Value const& value, headroom room) {
        switch (id) {
        case keyword::ref:
            explain_reference(at, name, at.ref, value, room);
            break;
        case keyword::dynamic_ref:
        case keyword::recursive_ref:
            explain_reference(at, name, at.dynamic_ref, value, room);
            break;
        case keyword::all_of:
            for (std::size_t i = 0; i < rule.size(); ++i) {
                explain_at(rule[i], value, room, name, i);
            }
            break;
        case keyword::not_:
            if (holds(rule, value, room)) {
                fail(at, name, "must not be " + describe(rule) + ", found " + preview(value));
            }
            break;
        case keyword::if_:
            explain_if(at, rule, value, room);
            break;
        default:
            explain_union(at, id, name, rule, value, room);
            break;
        }
    }

    template <class Value>
    void explain_if(node const& at, json const& condition, Value const& value, headroom room) {
        auto const holds_here = holds(condition, value, room);
        std::string const name = holds_here ? "then" : "else";
        if (auto const next = at.source->find(name); next != at.source->end()) {
            explain_at(*next, value, room, name);
        }
    }

    template <class Value>
    void explain_union(node const& at, keyword id, std::string const& name, json const& branches,
                       Value const& value, headroom room) {
        auto matching = std::vector<std::string>{};
        for (std::size_t i = 0; i < branches.size(); ++i) {
            if (holds(branches[i], value, room)) {
                matching.push_back(std::to_string(i + 1));
            }
        }
        if (matching.size() == 1 || (id == keyword::any_of && !matching.empty())) {
            return;
        }
        if (!matching.empty()) {
            fail(at, name,
                 "exactly one variant must match, but variants " + listed(matching) + " of " +
                     std::to_string(branches.size()) + " do");
            return;
        }
        auto causes = std::vector<validation_error>{};
        auto message = explain_tag(at, id, value);
        auto variants = std::vector<std::string>{};
        auto nearest = std::pair{no_limit, std::size_t{0}};
        // The variants that the value of the tag leaves over, as bits; 0 if there is no tag.
        auto const meant = message.empty() ? std::uint64_t{0}
                                           : evaluator<Json>::candidates(*union_at(at, id), value);
        for (std::size_t i = 0; i < std::min(branches.size(), most_listed + 1); ++i) {
            variants.push_back("(" + std::to_string(i + 1) + ") " + describe(branches[i]));
        }
        for (std::size_t i = 0; i < branches.size() && left_ > 0; ++i) {
            if (meant != 0 && (meant >> i & 1U) == 0) {
                continue;
            }
            auto const before = causes.size();
            auto const to = redirected{*this, causes};
            explain_at(branches[i], value, room, name, i);
            nearest = std::min(nearest, std::pair{causes.size() - before, i});
        }
        if (message.empty()) {
            message = "matches none of the " + counted(branches.size(), "variant") + ": " +
                      listed(variants);
            if (branches.size() > 1 && nearest.first != no_limit) {
                message += "; nearest is (" + std::to_string(nearest.second + 1) + ")";
            }
        }
        auto const kept = std::exchange(left_, std::max<std::size_t>(left_, 1));
        fail(at, name, std::move(message), std::move(causes));
        left_ = kept == 0 ? 0 : kept - 1;
    }

    static auto union_at(node const& at, keyword id) -> union_rules const* {
        return at.combined == nullptr  ? nullptr
               : id == keyword::any_of ? at.combined->any_of
                                       : at.combined->one_of;
    }

    // If a property tells the variants apart: what it says, and what follows from it.
    template <class Value>
    auto explain_tag(node const& at, keyword id, Value const& value) -> std::string {
        if constexpr (is_name<Value>) {
            return {};
        } else {
            auto const* const rules = union_at(at, id);
            if (rules == nullptr || rules->tag == nullptr || value.type() != value_t::object) {
                return {};
            }
            auto const& members = object_of(value);
            auto const found = members.find(*rules->tag);
            auto values = std::vector<std::string>{};
            for (auto const& one : rules->tagged.entries()) {
                values.push_back(in_quotes(one.name));
            }
            auto const tag = in_quotes(*rules->tag);
            if (found == members.end()) {
                return rules->tag_absent != 0
                           ? std::string{}
                           : "property " + tag + " is missing; it must be one of " + listed(values);
            }
            auto const left = evaluator<Json>::candidates(*rules, value);
            if (left == 0) {
                return rules->tag_unlisted != 0
                           ? std::string{}
                           : "property " + tag + " must be one of " + listed(values) + ", found " +
                                 preview(found->second);
            }
            return (left & (left - 1)) != 0
                       ? std::string{}
                       : "by " + tag + ": " + preview(found->second) + " this is variant (" +
                             std::to_string(std::countr_zero(left) + 1) + "), " +
                             describe(*union_source(at, id, left)) + ", which it does not match";
        }
    }

    static auto union_source(node const& at, keyword id, std::uint64_t one) -> json const* {
        auto const& branches = at.source->at(id == keyword::any_of ? "anyOf" : "oneOf");
        return &branches[static_cast<std::size_t>(std::countr_zero(one))];
    }

    // A subschema in a few words.
    [[nodiscard]] auto describe(json const& source, int depth = 4) const -> std::string {
        if (source.is_boolean()) {
            return source.template get<bool>() ? "anything" : "nothing";
        }
        if (auto const title = text_or_empty(source, "title"); !title.empty()) {
            return in_quotes(title);
        }
        if (auto const found = source.find("const"); found != source.end()) {
            return preview(*found);
        }
        if (auto const found = source.find("enum"); found != source.end() && found->is_array()) {
            auto texts = std::vector<std::string>{};
            for (std::size_t i = 0; i < std::min(found->size(), most_listed); ++i) {
                texts.push_back(preview((*found)[i]));
            }
            return "one of " + listed(texts) + (found->size() > most_listed ? ", ..." : "");
        }
        auto const* const compiled = program_.nodes.find(&source);
        if (compiled == nullptr) {
            return "a value";
        }
        if (compiled->ref != nullptr && depth > 0) {
            return describe(*compiled->ref->source, depth - 1);
        }
        auto result = compiled->declared_types == all_types ? std::string("a value")
                                                            : type_names(compiled->declared_types);
        if (compiled->object != nullptr && compiled->object->required > 0) {
            auto texts = std::vector<std::string>{};
            for (auto const& one : compiled->object->names.entries()) {
                if (one.payload.required) {
                    texts.push_back(in_quotes(one.name) + constant_of(one.payload));
                }
            }
            result += " with " + listed(texts, 6);
        }
        if (auto const format = text_or_empty(source, "format"); !format.empty()) {
            result += " (" + std::string(format) + ")";
        }
        return result;
    }

    // " = ..." for a property that can have one value only.
    static auto constant_of(property const& known) -> std::string {
        auto const* const value = known.value.to;
        if (value == nullptr || value->source == nullptr || !value->source->is_object()) {
            return {};
        }
        auto const found = value->source->find("const");
        return found == value->source->end() ? std::string{} : " = " + preview(*found);
    }

    static constexpr std::size_t most_listed = 16;
    static constexpr std::size_t longest_pattern = 200;

    program const& program_;
    evaluator<Json> run_;
    std::vector<validation_error> found_;
    std::vector<validation_error>* errors_ = &found_;
    std::string instance_;
    std::string way_;
    std::size_t left_;
    bool truncated_ = false;
};

} // namespace llms::inline v0_1::detail::schema_engine

#endif // LLMS_DETAIL_SCHEMA_EXPLAINER_HPP
