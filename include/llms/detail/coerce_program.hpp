// SPDX-License-Identifier: MIT
//
// A JSON Schema as coercion needs it: a table of nodes that knows which values fit roughly and
// which rule could make one fit. Keywords that are not here (`pattern`, `not`, `if` ...) never stop
// a coercion; the validator, which knows them, has the last word on the result.
#ifndef LLMS_DETAIL_COERCE_PROGRAM_HPP
#define LLMS_DETAIL_COERCE_PROGRAM_HPP

#include <llms/schema/schema.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace llms::inline v0_1::detail {

/// The types of JSON Schema as bits; an integer has two.
enum coerce_type : std::uint8_t {
    coerce_null = 1,
    coerce_boolean = 2,
    coerce_integer = 4,
    coerce_fraction = 8, // a number that is no integer
    coerce_string = 16,
    coerce_array = 32,
    coerce_object = 64,
    coerce_any = 127,
};

template <class Json>
auto coerce_type_of(Json const& json) noexcept -> unsigned {
    switch (json.type()) {
    case Json::value_t::null:
        return coerce_null;
    case Json::value_t::boolean:
        return coerce_boolean;
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
        return coerce_integer;
    case Json::value_t::number_float: {
        auto const value = *json.template get_ptr<double const*>();
        return std::trunc(value) == value ? coerce_integer : coerce_fraction;
    }
    case Json::value_t::string:
        return coerce_string;
    case Json::value_t::array:
        return coerce_array;
    case Json::value_t::object:
        return coerce_object;
    default:
        return 0;
    }
}

enum class date_format : std::uint8_t { none, date, date_time };

struct size_range {
    std::size_t least = 0;
    std::size_t most = std::numeric_limits<std::size_t>::max();

    [[nodiscard]] constexpr auto holds(std::size_t size) const noexcept -> bool {
        return size >= least && size <= most;
    }
};

struct coerce_node {
    using index = std::uint32_t;
    static constexpr index none = std::numeric_limits<index>::max();

    unsigned types = coerce_any;
    date_format format = date_format::none;
    bool never = false;     // the schema `false`
    bool open_names = true; // members not in `properties` are allowed
    bool named_by_pattern = false;
    bool has_choices = false;
    std::vector<nlohmann::json> choices; // of enum or const
    double minimum = -std::numeric_limits<double>::infinity();
    double maximum = std::numeric_limits<double>::infinity();
    double above = -std::numeric_limits<double>::infinity();
    double below = std::numeric_limits<double>::infinity();
    size_range length, item_count, member_count;
    std::vector<std::pair<std::string, index>> properties; // by name
    std::vector<std::string> required;
    index additional = none;
    std::vector<index> prefix;
    index items = none;
    std::vector<index> all_of;              // with the target of $ref
    std::vector<std::vector<index>> one_of; // anyOf and oneOf: each a list of branches

    [[nodiscard]] auto property(std::string_view name) const noexcept -> index {
        auto const at = std::lower_bound(
            properties.begin(), properties.end(), name,
            [](auto const& property, std::string_view key) { return property.first < key; });
        return at != properties.end() && at->first == name ? at->second : none;
    }
    [[nodiscard]] auto requires_member(std::string_view name) const noexcept -> bool {
        return std::find(required.begin(), required.end(), name) != required.end();
    }
};

class coerce_program {
public:
    using json = nlohmann::json;
    using index = coerce_node::index;

    explicit coerce_program(schema const& compiled) {
        node_of(compiled.document());
        // Nodes are made when they are first mentioned and filled in turn, so that neither nesting
        // nor a chain or circle of references recurses.
        for (auto next = std::size_t{0}; next < nodes_.size(); ++next) {
            auto node = coerce_node{};
            fill(node, compiled, *sources_[next]);
            if (auto const* const target = compiled.referenced(*sources_[next])) {
                node.all_of.push_back(node_of(*target));
            }
            nodes_[next] = std::move(node);
        }
        sources_.clear();
        known_.clear();
    }

    [[nodiscard]] auto node(index which) const noexcept -> coerce_node const& {
        return nodes_[which];
    }
    /// Whether some string is asked to be a date.
    [[nodiscard]] auto asks_for_dates() const noexcept -> bool { return asks_for_dates_; }

private:
    auto node_of(json const& source) -> index {
        auto const [at, made] = known_.try_emplace(&source, static_cast<index>(nodes_.size()));
        if (made) {
            nodes_.emplace_back();
            sources_.push_back(&source);
        }
        return at->second;
    }

    void fill(coerce_node& node, schema const& compiled, json const& source) {
        node.never = source.is_boolean() && !source.get<bool>();
        if (!source.is_object()) {
            return;
        }
        for (auto const& [keyword, value] : source.items()) {
            if (compiled.heeds(source, keyword)) {
                fill(node, keyword, value);
            }
        }
        if (compiled.heeds(source, "const") && source.contains("const")) {
            node.has_choices = true;
            node.choices = {source["const"]};
        }
    }

    void fill(coerce_node& node, std::string_view keyword, json const& value) {
        if (keyword == "type") {
            node.types = types_in(value);
        } else if (keyword == "enum" && value.is_array()) {
            node.has_choices = true;
            node.choices = *value.get_ptr<json::array_t const*>();
        } else if (keyword == "properties" && value.is_object()) {
            for (auto const& [name, schema] : value.items()) {
                node.properties.emplace_back(name, node_of(schema));
            }
        } else if (keyword == "required" && value.is_array()) {
            for (auto const& name : value) {
                if (name.is_string()) {
                    node.required.push_back(name.get<std::string>());
                }
            }
        } else if (keyword == "additionalProperties") {
            node.open_names = !value.is_boolean() || value.get<bool>();
            node.additional = value.is_object() ? node_of(value) : coerce_node::none;
        } else if (keyword == "patternProperties") {
            node.named_by_pattern = true;
        } else if (keyword == "prefixItems" || (keyword == "items" && value.is_array())) {
            node.prefix = nodes_of(value);
        } else if (keyword == "items" || (keyword == "additionalItems" && value.is_object())) {
            node.items = node_of(value);
        } else if (keyword == "allOf") {
            auto const all = nodes_of(value);
            node.all_of.insert(node.all_of.end(), all.begin(), all.end());
        } else if (keyword == "anyOf" || keyword == "oneOf") {
            node.one_of.push_back(nodes_of(value));
        } else if (keyword == "format" && value.is_string()) {
            node.format = value == "date"        ? date_format::date
                          : value == "date-time" ? date_format::date_time
                                                 : date_format::none;
            asks_for_dates_ = asks_for_dates_ || node.format != date_format::none;
        } else if (value.is_number()) {
            limit(node, keyword, value.get<double>());
        }
    }

    static void limit(coerce_node& node, std::string_view keyword, double value) {
        auto const size = value > 0 && value < 1e15 ? static_cast<std::size_t>(value) : 0;
        if (keyword == "minimum") {
            node.minimum = value;
        } else if (keyword == "maximum") {
            node.maximum = value;
        } else if (keyword == "exclusiveMinimum") {
            node.above = value;
        } else if (keyword == "exclusiveMaximum") {
            node.below = value;
        } else if (keyword == "minLength") {
            node.length.least = size;
        } else if (keyword == "maxLength") {
            node.length.most = size;
        } else if (keyword == "minItems") {
            node.item_count.least = size;
        } else if (keyword == "maxItems") {
            node.item_count.most = size;
        } else if (keyword == "minProperties") {
            node.member_count.least = size;
        } else if (keyword == "maxProperties") {
            node.member_count.most = size;
        }
    }

    // Of a name or an array of names; compiling refused what is neither.
    static auto types_in(json const& value) -> unsigned {
        if (value.is_array()) {
            auto types = 0U;
            for (auto const& each : value) {
                types |= types_in(each);
            }
            return types;
        }
        static constexpr auto names = std::array<std::pair<std::string_view, unsigned>, 7>{{
            {"null", coerce_null},
            {"boolean", coerce_boolean},
            {"integer", coerce_integer},
            {"number", coerce_integer | coerce_fraction},
            {"string", coerce_string},
            {"array", coerce_array},
            {"object", coerce_object},
        }};
        return std::find_if(names.begin(), names.end(),
                            [&](auto const& row) { return value == row.first; })
            ->second;
    }

    auto nodes_of(json const& schemas) -> std::vector<index> {
        auto nodes = std::vector<index>{};
        if (schemas.is_array()) {
            for (auto const& each : schemas) {
                nodes.push_back(node_of(each));
            }
        }
        return nodes;
    }

    std::vector<coerce_node> nodes_;
    std::vector<json const*> sources_;
    std::unordered_map<json const*, index> known_;
    bool asks_for_dates_ = false;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_COERCE_PROGRAM_HPP
