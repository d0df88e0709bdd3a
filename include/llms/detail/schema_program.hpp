// SPDX-License-Identifier: MIT
//
// What a schema is compiled to: one node per subschema, its rules grouped by the type of instance
// that they speak about, so that a visit is one switch and touches nothing else. Everything lies in
// one arena and is immutable once the compiler is done. Rules that a node does not have are null.
#ifndef LLMS_DETAIL_SCHEMA_PROGRAM_HPP
#define LLMS_DETAIL_SCHEMA_PROGRAM_HPP

#include <llms/detail/schema_arena.hpp>
#include <llms/detail/schema_keyword.hpp>
#include <llms/detail/schema_names.hpp>
#include <llms/detail/schema_number.hpp>
#include <llms/detail/schema_types.hpp>
#include <llms/detail/schema_uri.hpp>
#include <llms/schema/compile_options.hpp>
#include <llms/schema/format.hpp>
#include <llms/schema/pattern.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace llms::inline v0_1::detail::schema_engine {

struct node;
struct resource;

constexpr auto no_limit = std::numeric_limits<std::size_t>::max();

/// A way to a subschema, with what is needed to decide most instances without following it.
struct edge {
    node* to = nullptr; // null: no subschema here, every instance passes
    type_mask types = all_types;
    type_mask more = no_types; // the types about which `to` has rules beyond `types`

    explicit operator bool() const noexcept { return to != nullptr; }
    /// Whether any instance could fail.
    [[nodiscard]] auto restricts() const noexcept -> bool {
        return types != all_types || more != no_types;
    }
};

/// The values of `enum` or `const`.
struct value_set {
    type_mask types = no_types;
    bool has_null = false;
    bool has_true = false;
    bool has_false = false;
    name_table<bool> strings;
    std::span<std::int64_t> whole; // sorted
    std::span<json const*> others; // sorted by value_order
};

struct number_rules {
    // Whole numbers that fit an int64 are inside iff low <= number <= high; all other numbers are
    // compared with the bounds as the schema gives them.
    std::int64_t low = std::numeric_limits<std::int64_t>::min();
    std::int64_t high = std::numeric_limits<std::int64_t>::max();
    json const* minimum = nullptr;
    json const* maximum = nullptr;
    json const* above = nullptr;
    json const* below = nullptr;
    json const* multiple_of = nullptr;
    decimal divisor;
    std::int64_t whole_divisor = 0; // 0: has a fraction or does not fit

    /// Sets `low` and `high` from the bounds.
    void narrow() noexcept;
};

struct string_rules {
    std::size_t min_length = 0; // in code points
    std::size_t max_length = no_limit;
    llms::pattern const* pattern = nullptr;
    format_function format = nullptr;
    format_check const* own_format = nullptr; // of the user
};

struct array_rules {
    std::size_t min_items = 0;
    std::size_t max_items = no_limit;
    std::span<edge> prefix;
    edge items; // those after the prefix
    edge contains;
    std::size_t min_contains = 1;
    std::size_t max_contains = no_limit;
    bool unique = false;
    bool contains_evaluates = false; // 2020-12: a contained item is an evaluated one
};

/// A name that the schema knows, with everything that applies to its value.
struct property {
    edge value;
    std::span<edge> also; // of the patterns that match the name
    std::string const* key = nullptr;
    bool required = false;
    bool declared = false;  // in `properties`, not only in `required`
    bool undecided = false; // patterns must be tried on it as on any other name
    bool evaluated = false; // by properties, patternProperties or additionalProperties
};

struct pattern_property {
    llms::pattern const* pattern = nullptr;
    edge value;
};

struct dependency {
    std::string const* name = nullptr;
    std::span<std::string const*> required;
    edge schema;
};

struct object_rules {
    std::size_t min_properties = 0;
    std::size_t max_properties = no_limit;
    std::size_t required = 0;
    name_table<property> names;
    std::span<pattern_property> patterns;
    edge additional;
    edge property_names;
    std::span<dependency> dependencies;
    bool walks = false;      // some member's value or name can be wrong
    bool only_known = false; // members without an entry in `names` cannot be wrong
    bool patterns_on_known = false;

    /// Whether members without an entry in `names` are always wrong.
    [[nodiscard]] auto takes_known_only() const noexcept -> bool {
        return additional && additional.types == no_types && patterns.empty();
    }
};

/// The branches of `anyOf` or `oneOf`, sieved before any is tried: by the type of the instance and,
/// for objects, by a property whose values tell the branches apart.
struct union_rules {
    static constexpr std::size_t sieved = 64;

    std::span<edge> branches;
    // A bit per branch; only up to `sieved` branches.
    std::array<std::uint64_t, type_count> admitting{};
    std::array<std::uint64_t, type_count> passing{}; // nothing but the type to check
    std::string const* tag = nullptr;
    name_table<std::uint64_t> tagged;
    std::uint64_t tag_unlisted = 0;
    std::uint64_t tag_absent = 0;
};

/// `$dynamicRef` or `$recursiveRef` whose target is known only when it is reached.
struct dynamic_rules {
    std::string_view anchor;
    node* otherwise = nullptr;
};

/// Subschemas that apply to the instance itself.
struct combined_rules {
    edge ref;
    edge other_ref; // a $dynamicRef or $recursiveRef that always leads to the same place
    std::span<edge> all_of;
    union_rules* any_of = nullptr;
    union_rules* one_of = nullptr;
    edge not_;
    edge if_;
    edge then;
    edge else_;
    dynamic_rules* dynamic = nullptr;
};

struct user_rule {
    std::string_view name;
    keyword_check const* check = nullptr;
};

/// Rules that few schemas have; all of them are off the fast path.
struct rare_rules {
    edge unevaluated_items;
    edge unevaluated_properties;
    std::span<user_rule> user;
};

struct node {
    type_mask types = all_types;
    type_mask more = no_types;
    bool special = false; // shared or rare: goes the slower way
    bool shared = false;  // two ways or more lead here
    value_set* enum_ = nullptr;
    value_set* const_ = nullptr;
    number_rules* number = nullptr;
    string_rules* string = nullptr;
    array_rules* array = nullptr;
    object_rules* object = nullptr;
    combined_rules* combined = nullptr;
    rare_rules* rare = nullptr;

    // What follows is for the compiler and for explaining failures.
    resource* home = nullptr;
    json const* source = nullptr;
    node const* parent = nullptr;
    type_mask declared_types = all_types; // by `type`, before other keywords narrow them
    std::string_view step;                // from the parent: the keyword, or a whole pointer
    std::string_view key;                 // and the name or index under it
    std::size_t index = no_limit;
    node* ref = nullptr; // as written, before references to references are followed
    node* dynamic_ref = nullptr;
    std::uint32_t ways = 0; // edges that lead here

    [[nodiscard]] auto as_edge() noexcept -> edge { return {this, types, more}; }
};

/// A schema with an identity of its own: a document or a subschema with `$id`.
struct resource {
    std::string uri;
    dialect reading;
    json const* root = nullptr;
    node* root_node = nullptr;
    bool is_root_document = true;
    std::map<std::string_view, node*> anchors;
    std::map<std::string_view, node*> dynamic_anchors; // under "" the root, if $recursiveAnchor
};

/// Appends the step from a node's parent to the node.
inline void append_step(std::string& pointer, node const& to) {
    pointer.append("/").append(to.step);
    if (to.key.data() != nullptr) {
        append_pointer_token(pointer, to.key);
    } else if (to.index != no_limit) {
        pointer.append("/").append(std::to_string(to.index));
    }
}

/// Whether a number is whole and fits; `whole` is then set.
template <class Number>
auto fits(Number const& number, std::int64_t& whole) noexcept -> bool {
    switch (number.type()) {
    case value_t::number_integer:
        whole = *number.template get_ptr<typename Number::number_integer_t const*>();
        return true;
    case value_t::number_unsigned:
        whole = *number.template get_ptr<typename Number::number_integer_t const*>();
        return whole >= 0;
    default: {
        auto const real = *number.template get_ptr<typename Number::number_float_t const*>();
        if (!(real >= -0x1p63 && real < 0x1p63) || std::trunc(real) != real) {
            return false;
        }
        whole = static_cast<std::int64_t>(real);
        return true;
    }
    }
}

inline void number_rules::narrow() noexcept {
    constexpr auto least = std::numeric_limits<std::int64_t>::min();
    constexpr auto most = std::numeric_limits<std::int64_t>::max();
    auto const raise = [&](json const* bound, bool inclusive) {
        if (bound == nullptr) {
            return;
        }
        if (auto whole = std::int64_t{}; fits(*bound, whole)) {
            if (!inclusive && whole == most) {
                high = least; // nothing is above the largest
            }
            low = std::max(low, inclusive || whole == most ? whole : whole + 1);
        } else if (compare_numbers(*bound, json(most)) > 0) {
            high = least;
            low = most;
        } else if (compare_numbers(*bound, json(least)) > 0) {
            low = std::max(low, static_cast<std::int64_t>(std::ceil(bound->get<double>())));
        }
    };
    auto const lower = [&](json const* bound, bool inclusive) {
        if (bound == nullptr) {
            return;
        }
        if (auto whole = std::int64_t{}; fits(*bound, whole)) {
            if (!inclusive && whole == least) {
                low = most;
            }
            high = std::min(high, inclusive || whole == least ? whole : whole - 1);
        } else if (compare_numbers(*bound, json(least)) < 0) {
            high = least;
            low = most;
        } else if (compare_numbers(*bound, json(most)) < 0) {
            high = std::min(high, static_cast<std::int64_t>(std::floor(bound->get<double>())));
        }
    };
    raise(minimum, true);
    raise(above, false);
    lower(maximum, true);
    lower(below, false);
}

/// A JSON Pointer of `place` in its document, with the document's URI before it for a remote one.
inline auto pointer_of(node const& place) -> std::string {
    std::vector<node const*> way;
    auto const* top = &place;
    for (; top->parent != nullptr; top = top->parent) {
        way.push_back(top);
    }
    auto result = top->home->is_root_document || top->home->root != top->source
                      ? std::string(top->step)
                      : top->home->uri + "#";
    for (auto one = way.rbegin(); one != way.rend(); ++one) {
        append_step(result, **one);
    }
    return result;
}

/// Finds the node that a piece of a schema document was compiled to.
class node_map {
public:
    [[nodiscard]] auto find(json const* source) const noexcept -> node* {
        if (slots_.empty()) {
            return nullptr;
        }
        for (auto at = home(source);; at = (at + 1) & (slots_.size() - 1)) {
            if (slots_[at].first == source || slots_[at].first == nullptr) {
                return slots_[at].second;
            }
        }
    }

    void insert(json const* source, node* compiled) {
        if (2 * (size_ + 1) > slots_.size()) {
            grow();
        }
        place(source, compiled);
        ++size_;
    }

    [[nodiscard]] auto size_bytes() const noexcept -> std::size_t {
        return slots_.size() * sizeof(slots_[0]);
    }

private:
    static constexpr std::size_t smallest = 32;

    [[nodiscard]] auto home(json const* source) const noexcept -> std::size_t {
        auto const bits = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(source));
        return static_cast<std::size_t>((bits * 0x9E3779B97F4A7C15U) >> 32U) & (slots_.size() - 1);
    }

    void place(json const* source, node* compiled) {
        auto at = home(source);
        while (slots_[at].first != nullptr) {
            at = (at + 1) & (slots_.size() - 1);
        }
        slots_[at] = {source, compiled};
    }

    void grow() {
        auto old = std::exchange(slots_, {});
        slots_.resize(old.empty() ? smallest : 2 * old.size());
        for (auto const& [source, compiled] : old) {
            if (source != nullptr) {
                place(source, compiled);
            }
        }
    }

    std::vector<std::pair<json const*, node*>> slots_;
    std::size_t size_ = 0;
};

/// A compiled schema; the first document is the one that was compiled, the others were referred to.
struct program {
    std::list<json> documents;
    arena memory;
    std::list<resource> resources;
    std::list<pattern> patterns;
    std::size_t pattern_bytes = 0; // of patterns, as their engines say
    std::list<format_check> formats;
    std::list<keyword_check> keyword_checks;
    node_map nodes;
    edge start;
    std::size_t max_depth = 0;
    std::size_t max_work = 0;
    bool dynamic = false; // some reference depends on the way that led to it
    bool tracks = false;  // some subschema asks what others have evaluated
};

} // namespace llms::inline v0_1::detail::schema_engine

#endif // LLMS_DETAIL_SCHEMA_PROGRAM_HPP
