// SPDX-License-Identifier: MIT
//
// From a schema document to a program, in three steps: every subschema that a keyword names becomes
// a node; references are resolved, which may load documents and find more subschemas; the linker
// then copies into every edge what its node decides by type alone. All problems are collected and
// thrown together.
#ifndef LLMS_DETAIL_SCHEMA_COMPILER_HPP
#define LLMS_DETAIL_SCHEMA_COMPILER_HPP

#include <llms/detail/schema_linker.hpp>
#include <llms/detail/schema_order.hpp>
#include <llms/detail/schema_program.hpp>
#include <llms/detail/schema_registry.hpp>
#include <llms/schema/compile_options.hpp>
#include <llms/schema/format.hpp>
#include <llms/schema/pattern.hpp>
#include <llms/schema/schema_error.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace llms::inline v0_1::detail::schema_engine {

template <class Json>
class compiler {
public:
    compiler(program& target, compile_options const& options)
        : target_{target},
          options_{options},
          registry_{target, options} {
        target.max_depth = options.max_depth;
        target.max_work = options.max_work;
    }

    /// Compiles `document` into the program. Throws `schema_error`.
    void run(Json document) {
        auto const& root = target_.documents.emplace_back(std::move(document));
        auto& home = registry_.add_document(root, options_.base_uri);
        auto& start = subschema(root, {}, home);
        resolve_references();
        if (problems_.empty() && registry_.problems().empty()) {
            linker{target_, nodes_, edges_}.run(start, dynamic_);
            return;
        }
        auto& all = registry_.problems();
        all.insert(all.end(), std::make_move_iterator(problems_.begin()),
                   std::make_move_iterator(problems_.end()));
        throw schema_error(std::move(all));
    }

private:
    using keywords = std::array<Json const*, keyword_count>;

    struct reference {
        node* from;
        combined_rules* rules;
        keyword kind;
        std::string const* text;
    };

    // Where a subschema stands: under `key` or `index` of the parent's keyword `step`.
    struct place {
        node const* parent = nullptr;
        std::string_view step{};
        std::string_view key{};
        std::size_t index = no_limit;
    };

    static constexpr std::size_t most_problems = 100;
    // Names times patterns up to which it is known beforehand which pattern matches which name.
    static constexpr std::size_t most_matched_names = 65536;

    auto memory() -> arena& { return target_.memory; }

    void problem(node const& at, std::string_view name, std::string reason) {
        if (problems_.size() < most_problems) {
            problems_.push_back({pointer_of(at), std::string(name), std::move(reason)});
        }
    }

    static auto name_of(keyword id) -> std::string_view {
        auto const* const found =
            std::find_if(keyword_rows.begin(), keyword_rows.end(),
                         [id](keyword_row const& row) { return row.id == id; });
        return found == keyword_rows.end() ? std::string_view{} : found->name;
    }

    static auto at(keywords const& all, keyword id) -> Json const* {
        return all[static_cast<std::size_t>(id)];
    }

    // Step one: nodes.

    auto subschema(Json const& source, place where, resource& home) -> node& {
        auto& made = memory().template make<node>();
        made.home = &home;
        made.source = &source;
        made.parent = where.parent;
        made.step = where.step;
        made.key = where.key;
        made.index = where.index;
        nodes_.push_back(&made);
        target_.nodes.insert(&source, &made);
        if (home.root == &source) {
            home.root_node = &made;
        }
        if (source.is_boolean()) {
            made.types = source.template get<bool>() ? all_types : no_types;
        } else if (source.is_object()) {
            compile_object(made, home);
        } else {
            problem(made, "",
                    std::string("a schema is an object or a boolean, this is ") +
                        source.type_name());
        }
        return made;
    }

    void collect(node const& made, dialect const& reading, keywords& found,
                 std::vector<user_rule>& user) {
        for (auto const& [name, value] : object_of(*made.source)) {
            auto const id = keyword_of(name, reading);
            if (id != keyword::unknown) {
                found[static_cast<std::size_t>(id)] = &value;
            } else if (auto const own = options_.keywords.find(name);
                       own != options_.keywords.end()) {
                add_user_rule(made, name, value, own->second, user);
            } else if (options_.strict) {
                problem(made, name, "unknown keyword");
            }
        }
    }

    void add_user_rule(node const& made, std::string const& name, Json const& value,
                       keyword_factory const& factory, std::vector<user_rule>& user) {
        try {
            user.push_back({name, &target_.keyword_checks.emplace_back(factory(value))});
        } catch (std::exception const& failure) {
            problem(made, name, failure.what());
        }
    }

    void compile_object(node& made, resource& outer) {
        auto* home = &outer;
        auto found = keywords{};
        auto user = std::vector<user_rule>{};
        enter_resource(made, home);
        collect(made, home->reading, found, user);
        if (home->reading.ref_stands_alone() && at(found, keyword::ref) != nullptr) {
            add_reference(made, combined(made), keyword::ref, *at(found, keyword::ref));
            return;
        }
        compile_names(made, *home, found);
        for (auto const id : {keyword::definitions, keyword::defs}) {
            if (auto const* const named = at(found, id)) {
                for_each_named(made, *named, id,
                               [&](auto const& key, auto const& source, auto step) {
                                   subschema(source, {&made, step, key}, *home);
                               });
            }
        }
        compile_values(made, found);
        compile_number(made, *home, found);
        compile_string(made, *home, found);
        compile_array(made, *home, found);
        compile_object_rules(made, *home, found);
        compile_combined(made, *home, found);
        compile_rare(made, *home, found, user);
    }

    // A subschema with an identifier of its own begins a resource, perhaps in another dialect.
    void enter_resource(node& made, resource*& home) {
        if (home->root == made.source) {
            return;
        }
        auto const reading = home->reading;
        auto const id = text_or_empty(*made.source, reading.version == draft::v4 ? "id" : "$id");
        auto const uri = split_fragment(id).first;
        if (uri.empty() || (reading.ref_stands_alone() && made.source->contains("$ref"))) {
            return;
        }
        home = &registry_.add_resource(*made.source, resolve_uri(home->uri, uri),
                                       registry_.dialect_of(*made.source, reading));
        home->root_node = &made;
        made.home = home;
    }

    // `$id` as a plain name, anchors.
    void compile_names(node& made, resource& home, keywords const& found) {
        auto const text = [&](keyword id) -> std::string const* {
            auto const* const value = at(found, id);
            if (value == nullptr) {
                return nullptr;
            }
            if (!value->is_string()) {
                wrong_type(made, id, "a string", *value);
                return nullptr;
            }
            return &text_of(*value);
        };
        if (auto const* const id = text(keyword::id)) {
            auto const fragment = split_fragment(*id).second;
            if (!fragment.empty() && home.reading.ref_stands_alone()) {
                home.anchors.emplace(fragment, &made);
            }
        }
        if (auto const* const anchor = text(keyword::anchor)) {
            home.anchors.emplace(*anchor, &made);
        }
        if (auto const* const anchor = text(keyword::dynamic_anchor)) {
            home.anchors.emplace(*anchor, &made);
            home.dynamic_anchors.emplace(*anchor, &made);
        }
        text(keyword::schema);
        if (auto const* const recursive = at(found, keyword::recursive_anchor)) {
            if (!recursive->is_boolean()) {
                wrong_type(made, keyword::recursive_anchor, "a boolean", *recursive);
            } else if (recursive->template get<bool>() && home.root == made.source) {
                home.dynamic_anchors.emplace(std::string_view{}, &made);
            }
        }
    }

    void wrong_type(node const& made, keyword id, std::string_view expected, Json const& value) {
        problem(made, name_of(id),
                "expected " + std::string(expected) + ", found " + value.type_name());
    }

    /// Calls `each(key, source, step)` for every member of an object of subschemas.
    template <class Each>
    void for_each_named(node const& made, Json const& named, keyword id, Each each) {
        if (!named.is_object()) {
            wrong_type(made, id, "an object of schemas", named);
            return;
        }
        for (auto const& [key, source] : object_of(named)) {
            each(key, source, name_of(id));
        }
    }

    auto link(edge& from, node& to) -> edge& {
        from.to = &to;
        edges_.push_back(&from);
        return from;
    }

    void link_child(edge& from, node& parent, resource& home, keywords const& found, keyword id) {
        if (auto const* const source = at(found, id)) {
            link(from, subschema(*source, {&parent, name_of(id)}, home));
        }
    }

    // Every element of an array of subschemas.
    auto link_all(node& parent, resource& home, Json const& sources, keyword id)
        -> std::span<edge> {
        if (!sources.is_array() || sources.empty()) {
            wrong_type(parent, id, "an array of at least one schema", sources);
            return {};
        }
        auto const edges = memory().template array<edge>(sources.size());
        for (std::size_t i = 0; i < edges.size(); ++i) {
            link(edges[i], subschema(sources[i], {&parent, name_of(id), {}, i}, home));
        }
        return edges;
    }

    // Keywords about values as a whole.

    void compile_values(node& made, keywords const& found) {
        if (auto const* const type = at(found, keyword::type)) {
            made.types = types_of(made, *type);
            made.declared_types = made.types;
        }
        if (auto const* const listed = at(found, keyword::enum_)) {
            if (listed->is_array()) {
                std::vector<Json const*> values;
                values.reserve(listed->size());
                for (auto const& value : *listed) {
                    values.push_back(&value);
                }
                made.enum_ = &values_of(values, made);
            } else {
                wrong_type(made, keyword::enum_, "an array", *listed);
            }
        }
        if (auto const* const value = at(found, keyword::const_)) {
            made.const_ = &values_of({value}, made);
        }
    }

    auto types_of(node const& made, Json const& type) -> type_mask {
        struct known {
            std::string_view name;
            type_mask types;
        };
        static constexpr auto names = std::to_array<known>({
            {"string", string_bit},
            {"object", object_bit},
            {"integer", integer_bits},
            {"number", number_bits},
            {"array", array_bit},
            {"boolean", boolean_bit},
            {"null", null_bit},
        });
        auto result = no_types;
        auto const add = [&](Json const& one) {
            for (auto const& [name, types] : names) {
                if (one.is_string() && text_of(one) == name) {
                    // Draft 4 goes by how the number is written: 1.0 is no integer.
                    auto const exact = made.home->reading.version == draft::v4 && name == "integer";
                    result = static_cast<type_mask>(result | (exact ? whole_number_bits : types));
                    return;
                }
            }
            problem(made, "type", "unknown type " + one.dump(-1, ' ', true, lenient));
        };
        if (type.is_string()) {
            add(type);
        } else if (type.is_array() && !type.empty()) {
            std::for_each(type.begin(), type.end(), add);
        } else {
            wrong_type(made, keyword::type, "a type's name or an array of them", type);
        }
        return result;
    }

    /// The values as a set; `made` is narrowed to their types.
    auto values_of(std::vector<Json const*> const& values, node& made) -> value_set& {
        auto& set = memory().template make<value_set>();
        std::vector<std::string_view> strings;
        std::vector<std::int64_t> whole;
        std::vector<Json const*> others;
        auto types = no_types;
        for (auto const* const value : values) {
            auto const type = value->type();
            auto of_value = bit(type);
            if (type == value_t::string) {
                strings.push_back(text_of(*value));
            } else if (type == value_t::boolean) {
                (value->template get<bool>() ? set.has_true : set.has_false) = true;
            } else if (auto small = std::int64_t{}; value->is_number()) {
                of_value = number_bits;
                if (fits(*value, small)) {
                    of_value = integer_bits;
                    whole.push_back(small);
                } else {
                    others.push_back(value);
                }
            } else if (type != value_t::null) {
                others.push_back(value);
            }
            types = static_cast<type_mask>(types | of_value);
        }
        set.has_null = (types & null_bit) != 0;
        set.types = types;
        std::sort(strings.begin(), strings.end());
        strings.erase(std::unique(strings.begin(), strings.end()), strings.end());
        set.strings.reserve(memory(), strings.size());
        for (std::size_t i = 0; i < strings.size(); ++i) {
            set.strings.entries()[i].name = strings[i];
        }
        set.strings.freeze(memory());
        std::sort(whole.begin(), whole.end());
        set.whole = copied(whole);
        std::sort(others.begin(), others.end(), [this](Json const* one, Json const* other) {
            return value_order{options_.max_depth}(*one, *other) < 0;
        });
        set.others = copied(others);
        made.types = both(made.types, types);
        return set;
    }

    template <class T>
    auto copied(std::vector<T> const& from) -> std::span<T> {
        auto const to = memory().template array<T>(from.size());
        std::copy(from.begin(), from.end(), to.begin());
        return to;
    }

    // Numbers.

    void compile_number(node& made, resource const& home, keywords const& found) {
        auto rules = number_rules{};
        auto const number = [&](keyword id) -> Json const* {
            auto const* const value = at(found, id);
            if (value != nullptr && !value->is_number()) {
                wrong_type(made, id, "a number", *value);
                return nullptr;
            }
            return value;
        };
        rules.minimum = number(keyword::minimum);
        rules.maximum = number(keyword::maximum);
        if (home.reading.version == draft::v4) {
            make_exclusive(made, found, keyword::exclusive_minimum, rules.minimum, rules.above);
            make_exclusive(made, found, keyword::exclusive_maximum, rules.maximum, rules.below);
        } else {
            rules.above = number(keyword::exclusive_minimum);
            rules.below = number(keyword::exclusive_maximum);
        }
        rules.multiple_of = number(keyword::multiple_of);
        if (rules.multiple_of != nullptr) {
            rules.divisor = decimal::of_json(*rules.multiple_of);
            if (compare_numbers(*rules.multiple_of, Json(0)) <= 0) {
                problem(made, "multipleOf", "must be above 0");
                return;
            }
            if (!fits(*rules.multiple_of, rules.whole_divisor)) {
                rules.whole_divisor = 0;
            }
        }
        if (rules.minimum == nullptr && rules.maximum == nullptr && rules.above == nullptr &&
            rules.below == nullptr && rules.multiple_of == nullptr) {
            return;
        }
        rules.narrow();
        auto& kept = memory().template make<number_rules>();
        kept = rules;
        made.number = &kept;
    }

    // Draft 4: the exclusive keyword is a flag on the inclusive one.
    void make_exclusive(node const& made, keywords const& found, keyword id, Json const*& inclusive,
                        Json const*& exclusive) {
        auto const* const flag = at(found, id);
        if (flag == nullptr) {
            return;
        }
        if (!flag->is_boolean()) {
            wrong_type(made, id, "a boolean", *flag);
        } else if (flag->template get<bool>()) {
            exclusive = std::exchange(inclusive, nullptr);
        }
    }

    // Sets `size` if the keyword is there; whether it is.
    auto read_size(node const& made, keywords const& found, keyword id, std::size_t& size) -> bool {
        auto const* const value = at(found, id);
        if (value == nullptr) {
            return false;
        }
        auto whole = std::int64_t{};
        if (!value->is_number() || !fits(*value, whole) || whole < 0) {
            problem(made, name_of(id),
                    "expected a whole number from 0 on, found " +
                        value->dump(-1, ' ', true, lenient));
            return false;
        }
        size = static_cast<std::size_t>(whole);
        return true;
    }

    // Strings.

    void compile_string(node& made, resource const& home, keywords const& found) {
        auto rules = string_rules{};
        auto any = read_size(made, found, keyword::min_length, rules.min_length);
        any = read_size(made, found, keyword::max_length, rules.max_length) || any;
        if (auto const* const text = at(found, keyword::pattern)) {
            if (text->is_string()) {
                rules.pattern = compile_pattern(made, "pattern", text_of(*text));
            } else {
                wrong_type(made, keyword::pattern, "a string", *text);
            }
        }
        if (auto const* const name = at(found, keyword::format)) {
            if (!name->is_string()) {
                wrong_type(made, keyword::format, "a string", *name);
            } else if (home.reading.format_asserted) {
                compile_format(text_of(*name), rules);
            }
        }
        if (any || rules.pattern != nullptr || rules.format != nullptr ||
            rules.own_format != nullptr) {
            auto& kept = memory().template make<string_rules>();
            kept = rules;
            made.string = &kept;
        }
    }

    auto compile_pattern(node const& made, std::string_view name, std::string const& text)
        -> pattern const* {
        if (target_.pattern_bytes > options_.max_pattern_bytes) {
            return nullptr; // one more problem of the same kind helps nobody
        }
        try {
            auto const& compiled = target_.patterns.emplace_back(
                options_.patterns ? options_.patterns(text) : pattern::compile(text));
            target_.pattern_bytes += compiled.memory_bytes();
            if (target_.pattern_bytes > options_.max_pattern_bytes) {
                problem(made, name,
                        "the patterns of the schema take more than " +
                            std::to_string(options_.max_pattern_bytes) + " bytes together");
            }
            return &compiled;
        } catch (std::exception const& failure) {
            problem(made, name, failure.what());
            return nullptr;
        }
    }

    // The user's formats come before the built-in ones; an unknown format says nothing.
    void compile_format(std::string const& name, string_rules& rules) {
        if (auto const own = options_.formats.find(name); own != options_.formats.end()) {
            rules.own_format = &target_.formats.emplace_back(own->second);
        } else {
            rules.format = find_format(name);
        }
    }

    // Arrays.

    void compile_array(node& made, resource& home, keywords const& found) {
        auto rules = array_rules{};
        auto any = read_size(made, found, keyword::min_items, rules.min_items);
        any = read_size(made, found, keyword::max_items, rules.max_items) || any;
        if (auto const* const unique = at(found, keyword::unique_items)) {
            if (unique->is_boolean()) {
                rules.unique = unique->template get<bool>();
                any = any || rules.unique;
            } else {
                wrong_type(made, keyword::unique_items, "a boolean", *unique);
            }
        }
        auto* kept = static_cast<array_rules*>(nullptr);
        auto const keep = [&]() -> array_rules& {
            if (kept == nullptr) {
                kept = &memory().template make<array_rules>();
                *kept = rules;
                made.array = kept;
            }
            return *kept;
        };
        if (any) {
            keep();
        }
        auto const* const items = at(found, keyword::items);
        if (home.reading.version == draft::v2020_12) {
            if (auto const* const prefix = at(found, keyword::prefix_items)) {
                keep().prefix = link_all(made, home, *prefix, keyword::prefix_items);
            }
            if (items != nullptr) {
                link_child(keep().items, made, home, found, keyword::items);
            }
        } else if (items != nullptr && items->is_array()) {
            if (!items->empty()) {
                keep().prefix = link_all(made, home, *items, keyword::items);
            }
            if (at(found, keyword::additional_items) != nullptr) {
                link_child(keep().items, made, home, found, keyword::additional_items);
            }
        } else if (items != nullptr) {
            link_child(keep().items, made, home, found, keyword::items);
        }
        if (at(found, keyword::contains) != nullptr) {
            auto& list = keep();
            link_child(list.contains, made, home, found, keyword::contains);
            read_size(made, found, keyword::min_contains, list.min_contains);
            read_size(made, found, keyword::max_contains, list.max_contains);
            list.contains_evaluates = home.reading.version == draft::v2020_12;
        }
    }

    // Objects.

    void compile_object_rules(node& made, resource& home, keywords const& found) {
        static constexpr auto relevant = std::to_array<keyword>(
            {keyword::min_properties, keyword::max_properties, keyword::required,
             keyword::properties, keyword::pattern_properties, keyword::additional_properties,
             keyword::property_names, keyword::dependencies, keyword::dependent_schemas,
             keyword::dependent_required});
        if (std::none_of(relevant.begin(), relevant.end(),
                         [&](keyword id) { return at(found, id) != nullptr; })) {
            return;
        }
        auto& rules = memory().template make<object_rules>();
        made.object = &rules;
        read_size(made, found, keyword::min_properties, rules.min_properties);
        read_size(made, found, keyword::max_properties, rules.max_properties);
        link_child(rules.additional, made, home, found, keyword::additional_properties);
        link_child(rules.property_names, made, home, found, keyword::property_names);
        compile_pattern_properties(made, home, found, rules);
        compile_properties(made, home, found, rules);
        compile_dependencies(made, home, found, rules);
    }

    void compile_pattern_properties(node& made, resource& home, keywords const& found,
                                    object_rules& rules) {
        auto const* const named = at(found, keyword::pattern_properties);
        if (named == nullptr) {
            return;
        }
        auto* next = static_cast<pattern_property*>(nullptr);
        if (named->is_object()) {
            rules.patterns = memory().template array<pattern_property>(named->size());
            next = rules.patterns.data();
        }
        for_each_named(made, *named, keyword::pattern_properties,
                       [&](auto const& text, auto const& source, auto step) {
                           next->pattern = compile_pattern(made, step, text);
                           link(next->value, subschema(source, {&made, step, text}, home));
                           ++next;
                       });
    }

    // The names of an array of names, sorted; the strings live in the schema.
    auto names_of(node const& made, Json const& list, keyword id)
        -> std::vector<std::string const*> {
        auto names = std::vector<std::string const*>{};
        auto good = list.is_array();
        for (auto one = list.begin(); good && one != list.end(); ++one) {
            good = one->is_string();
            if (good) {
                names.push_back(&text_of(*one));
            }
        }
        if (!good) {
            wrong_type(made, id, "an array of property names", list);
            return {};
        }
        std::sort(names.begin(), names.end(), [](auto const* a, auto const* b) { return *a < *b; });
        names.erase(std::unique(names.begin(), names.end(),
                                [](auto const* a, auto const* b) { return *a == *b; }),
                    names.end());
        return names;
    }

    // One table of the names in `properties` and in `required`.
    void compile_properties(node& made, resource& home, keywords const& found,
                            object_rules& rules) {
        auto required = std::vector<std::string const*>{};
        if (auto const* const list = at(found, keyword::required)) {
            required = names_of(made, *list, keyword::required);
        }
        rules.required = required.size();
        struct known {
            std::string const* name;
            node* value;
            bool required;
        };
        std::vector<known> names;
        if (auto const* const named = at(found, keyword::properties)) {
            names.reserve(named->size() + required.size());
            for_each_named(
                made, *named, keyword::properties,
                [&](auto const& key, auto const& source, auto step) {
                    names.push_back({&key, &subschema(source, {&made, step, key}, home), false});
                });
        }
        // Both are sorted by name: the members of a json are.
        auto const declared = names.size();
        auto next = std::size_t{0};
        for (auto const* const name : required) {
            while (next < declared && *names[next].name < *name) {
                ++next;
            }
            if (next < declared && *names[next].name == *name) {
                names[next].required = true;
            } else {
                names.push_back({name, nullptr, true});
            }
        }
        rules.names.reserve(memory(), names.size());
        rules.patterns_on_known = names.size() * rules.patterns.size() > most_matched_names;
        for (std::size_t i = 0; i < names.size(); ++i) {
            auto& entry = rules.names.entries()[i];
            entry.name = *names[i].name;
            entry.payload.required = names[i].required;
            entry.payload.key = names[i].name;
            entry.payload.declared = names[i].value != nullptr;
        }
        rules.names.freeze(memory());
        // Edges are linked where they stay: freezing may have moved the entries.
        for (auto const& [name, value, unused] : names) {
            link_property(made, rules, *rules.names.find(*name), value);
        }
    }

    void link_property(node const& made, object_rules& rules, property& known, node* value) {
        if (value != nullptr) {
            link(known.value, *value);
        }
        auto matching = std::vector<node*>{};
        if (!rules.patterns_on_known) {
            for (auto const& [text, subschema_edge] : rules.patterns) {
                if (text != nullptr && matches(made, *text, *known.key)) {
                    matching.push_back(subschema_edge.to);
                }
            }
        }
        known.also = memory().template array<edge>(matching.size());
        for (std::size_t i = 0; i < matching.size(); ++i) {
            link(known.also[i], *matching[i]);
        }
        known.undecided = rules.patterns_on_known;
        if (value == nullptr && matching.empty() && !known.undecided && rules.additional) {
            link(known.value, *rules.additional.to);
        }
        known.evaluated = value != nullptr || !matching.empty() || rules.additional;
    }

    auto matches(node const& made, pattern const& text, std::string const& name) -> bool {
        try {
            return text.search(name);
        } catch (std::exception const& failure) {
            problem(made, "patternProperties", failure.what());
            return false;
        }
    }

    void compile_dependencies(node& made, resource& home, keywords const& found,
                              object_rules& rules) {
        std::vector<dependency> all;
        std::vector<node*> schemas;
        for (auto const id :
             {keyword::dependencies, keyword::dependent_schemas, keyword::dependent_required}) {
            auto const* const named = at(found, id);
            if (named == nullptr) {
                continue;
            }
            for_each_named(made, *named, id, [&](auto const& key, auto const& value, auto step) {
                auto one = dependency{};
                one.name = &key;
                auto const is_list = id == keyword::dependent_required ||
                                     (id == keyword::dependencies && value.is_array());
                if (is_list) {
                    one.required = copied(names_of(made, value, id));
                }
                schemas.push_back(is_list ? nullptr : &subschema(value, {&made, step, key}, home));
                all.push_back(one);
            });
        }
        rules.dependencies = copied(all);
        for (std::size_t i = 0; i < all.size(); ++i) {
            if (schemas[i] != nullptr) {
                link(rules.dependencies[i].schema, *schemas[i]);
            }
        }
    }

    // Subschemas about the instance itself.

    auto combined(node& made) -> combined_rules& {
        if (made.combined == nullptr) {
            made.combined = &memory().template make<combined_rules>();
        }
        return *made.combined;
    }

    void compile_combined(node& made, resource& home, keywords const& found) {
        for (auto const id : {keyword::ref, keyword::dynamic_ref, keyword::recursive_ref}) {
            if (auto const* const text = at(found, id)) {
                add_reference(made, combined(made), id, *text);
            }
        }
        if (auto const* const all = at(found, keyword::all_of)) {
            combined(made).all_of = link_all(made, home, *all, keyword::all_of);
        }
        if (auto const* const any = at(found, keyword::any_of)) {
            combined(made).any_of = &union_of(made, home, *any, keyword::any_of);
        }
        if (auto const* const one = at(found, keyword::one_of)) {
            combined(made).one_of = &union_of(made, home, *one, keyword::one_of);
        }
        if (at(found, keyword::not_) != nullptr) {
            link_child(combined(made).not_, made, home, found, keyword::not_);
        }
        if (at(found, keyword::if_) != nullptr) {
            auto& rules = combined(made);
            link_child(rules.if_, made, home, found, keyword::if_);
            link_child(rules.then, made, home, found, keyword::then);
            link_child(rules.else_, made, home, found, keyword::else_);
        } else {
            auto unused = edge{};
            for (auto const id : {keyword::then, keyword::else_}) {
                if (auto const* const source = at(found, id)) {
                    unused = subschema(*source, {&made, name_of(id)}, home).as_edge();
                }
            }
        }
    }

    auto union_of(node& made, resource& home, Json const& sources, keyword id) -> union_rules& {
        auto& rules = memory().template make<union_rules>();
        rules.branches = link_all(made, home, sources, id);
        return rules;
    }

    void compile_rare(node& made, resource& home, keywords const& found,
                      std::vector<user_rule> const& user) {
        auto const evaluates = at(found, keyword::unevaluated_items) != nullptr ||
                               at(found, keyword::unevaluated_properties) != nullptr;
        if (!evaluates && user.empty()) {
            return;
        }
        auto& rules = memory().template make<rare_rules>();
        made.rare = &rules;
        rules.user = copied(user);
        target_.tracks = target_.tracks || evaluates;
        link_child(rules.unevaluated_items, made, home, found, keyword::unevaluated_items);
        link_child(rules.unevaluated_properties, made, home, found,
                   keyword::unevaluated_properties);
    }

    // Step two: references.

    void add_reference(node& made, combined_rules& rules, keyword id, Json const& text) {
        if (text.is_string()) {
            references_.push_back({&made, &rules, id, &text_of(text)});
        } else {
            wrong_type(made, id, "a string", text);
        }
    }

    // Resolving may compile more subschemas, which may have more references.
    void resolve_references() {
        for (std::size_t i = 0; i < references_.size(); ++i) {
            auto const one = references_[i];
            auto reason = std::string{};
            auto* const target = resolve(*one.text, *one.from->home, reason);
            if (target == nullptr) {
                problem(*one.from, name_of(one.kind), reason);
                continue;
            }
            bind(one, *target);
        }
    }

    void bind(reference const& one, node& target) {
        if (one.kind != keyword::ref) {
            auto const anchor = one.kind == keyword::dynamic_ref ? split_fragment(*one.text).second
                                                                 : std::string_view{};
            auto const& anchors = target.home->dynamic_anchors;
            auto const holder = anchors.find(anchor);
            auto const by_name = one.kind == keyword::recursive_ref || !anchor.empty();
            if (by_name && holder != anchors.end() && holder->second == &target) {
                auto& rules = memory().template make<dynamic_rules>();
                rules = {anchor, &target};
                one.rules->dynamic = &rules;
                dynamic_.push_back({one.from, one.rules, &target});
                return;
            }
        }
        if (one.kind == keyword::ref) {
            one.from->ref = &target;
            link(one.rules->ref, target);
        } else {
            one.from->dynamic_ref = &target;
            link(one.rules->other_ref, target);
        }
    }

    auto resolve(std::string const& text, resource& from, std::string& reason) -> node* {
        auto const [uri, fragment] = split_fragment(text);
        auto* home = &from;
        if (!uri.empty()) {
            home = resource_named(resolve_uri(from.uri, uri), reason);
            if (home == nullptr) {
                return nullptr;
            }
        }
        if (fragment.empty()) {
            return home->root_node;
        }
        auto const decoded = fragment.find('%') == std::string_view::npos
                                 ? std::string(fragment)
                                 : percent_decoded(fragment);
        if (decoded.front() == '/') {
            return node_at(*home, decoded, text, reason);
        }
        if (auto const found = home->anchors.find(decoded); found != home->anchors.end()) {
            return found->second;
        }
        reason = "\"" + text + "\": there is no anchor \"" + decoded + "\"";
        return nullptr;
    }

    auto resource_named(std::string const& uri, std::string& reason) -> resource* {
        auto* found = registry_.find(uri);
        if (found == nullptr) {
            if (auto const* const document = registry_.load(uri, reason)) {
                found = &registry_.add_document(*document, uri);
            }
        }
        if (found != nullptr && found->root_node == nullptr) {
            subschema(*found->root, {}, *found);
        }
        return found;
    }

    // The node of a JSON Pointer below the root of a resource; compiled now if no keyword led there.
    auto node_at(resource& from, std::string_view pointer, std::string const& text,
                 std::string& reason) -> node* {
        auto const* source = from.root;
        auto* home = &from;
        auto const* nearest = from.root_node;
        auto below_nearest = pointer;
        while (!pointer.empty()) {
            auto const token = take_pointer_token(pointer);
            source = child_of(*source, token);
            if (source == nullptr) {
                reason = "\"" + text + "\" points at nothing: there is no \"" + token + "\"";
                return nullptr;
            }
            if (auto* const passed = target_.nodes.find(source)) {
                home = passed->home;
                nearest = passed;
                below_nearest = pointer;
                if (pointer.empty()) {
                    return passed;
                }
            }
        }
        return &subschema(*source, {nearest, memory().text(below_nearest.substr(1))}, *home);
    }

    static constexpr auto lenient = Json::error_handler_t::replace;

    program& target_;
    compile_options const& options_;
    registry<Json> registry_;
    std::vector<node*> nodes_;
    std::vector<edge*> edges_;
    std::vector<reference> references_;
    std::vector<dynamic_reference> dynamic_;
    std::vector<schema_problem> problems_;
};

} // namespace llms::inline v0_1::detail::schema_engine

#endif // LLMS_DETAIL_SCHEMA_COMPILER_HPP
