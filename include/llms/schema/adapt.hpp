// SPDX-License-Identifier: MIT
//
// What is left of a schema when a provider takes only part of JSON Schema:
//
//     auto const strict = llms::adapt(schema, llms::schema_dialect::openai_strict);
//     send(strict.schema);
//     for (auto const& n : strict.notes) { log(n.pointer, n.keyword, n.text); }
//
// A constraint that the provider would refuse is taken out, noted and put in words into the
// description, where a model may heed it; whoever validates the answer against the original schema
// holds it all the same. Where the rest would mean something else, the schema is not `expressible`
// and comes back as it was.
//
//     |                         | openai_strict        | anthropic_strict     |
//     | optional member         | required, may be null | stays               |
//     | other members, maps     | closed; no maps      | closed; no maps      |
//     | oneOf, const            | anyOf, enum          | anyOf, enum          |
//     | bounds, pattern         | stay                 | to words             |
//     | minItems, maxItems      | stay                 | minItems 0 and 1     |
#ifndef LLMS_SCHEMA_ADAPT_HPP
#define LLMS_SCHEMA_ADAPT_HPP

#include <llms/schema/adapted_schema.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace llms::inline v0_1 {

namespace detail {

class schema_adapter {
public:
    using json = nlohmann::ordered_json;

    explicit schema_adapter(schema_dialect dialect) noexcept
        : openai_(dialect == schema_dialect::openai_strict) {}

    auto run(json const& original) -> adapted_schema {
        auto result = adapted_schema{};
        if (!original.is_object() || original.value("type", json{}) != "object") {
            refuse("", "type", "the root must be an object");
        }
        if (original.is_object() && original.contains("anyOf")) {
            refuse("", "anyOf", "the root must be one object");
        }
        auto adapted = adapt(original, "", 0);
        if (openai_) {
            hold("properties", properties_, 5000);
            hold("enum", enumerators_, 1000);
            hold("properties", name_bytes_, 120'000);
            hold("properties", levels_of(adapted), 10);
        } else if (refers_to_itself(original)) {
            refuse("", "$ref", "recursion cannot be said");
        }
        result.expressible = refusals_.empty();
        result.schema = result.expressible ? std::move(adapted) : json(original);
        result.notes = std::move(result.expressible ? notes_ : refusals_);
        return result;
    }

private:
    static constexpr std::size_t max_depth = 64;

    void refuse(std::string pointer, std::string_view keyword, std::string text) {
        refusals_.push_back({std::move(pointer), std::string{keyword}, std::move(text)});
    }

    void hold(std::string_view keyword, std::size_t count, std::size_t limit) {
        if (count > limit) {
            refuse("", keyword,
                   std::to_string(count) + " where at most " + std::to_string(limit) +
                       " are allowed");
        }
    }

    // How deep the values of a schema are nested, its definitions apart.
    static auto levels_of(json const& schema) -> std::size_t {
        auto inner = std::size_t{0};
        for (auto const& [keyword, value] : schema.items()) {
            auto const branches = keyword == "anyOf";
            if (keyword == "items") {
                inner = std::max(inner, 1 + levels_of(value));
            } else if (keyword == "properties" || branches) {
                for (auto const& each : value) {
                    inner = std::max(inner, (branches ? 0 : 1) + levels_of(each));
                }
            }
        }
        return inner;
    }

    static auto below(std::string const& pointer, std::string_view token) -> std::string {
        auto path = pointer + '/';
        for (auto const c : token) {
            path += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
        }
        return path;
    }

    static auto contains(auto const& list, std::string_view word) -> bool {
        return std::find(list.begin(), list.end(), word) != list.end();
    }

    [[nodiscard]] auto stays(std::string_view keyword, json const& value) const -> bool {
        static constexpr auto both = std::array<std::string_view, 6>{
            "type", "enum", "$ref", "title", "description", "required"};
        static constexpr auto openai = std::array<std::string_view, 8>{
            "minimum",    "maximum", "exclusiveMinimum", "exclusiveMaximum",
            "multipleOf", "pattern", "minItems",         "maxItems"};
        static constexpr auto formats =
            std::array<std::string_view, 10>{"date-time", "time", "date", "duration", "email",
                                             "hostname",  "ipv4", "ipv6", "uuid",     "uri"};
        if (keyword == "format") {
            return value.is_string() && (!openai_ || value != "uri") &&
                   contains(formats, value.get_ref<std::string const&>());
        }
        return contains(both, keyword) || (openai_ && contains(openai, keyword)) ||
               (keyword == "minItems" && value.is_number() && value <= 1);
    }

    auto adapt(json const& from, std::string const& pointer, std::size_t depth) -> json {
        if (depth > max_depth) {
            refuse(pointer, "", "nested deeper than " + std::to_string(max_depth) + " levels");
            return from;
        }
        if (!from.is_object() || from.empty()) {
            refuse(pointer, "type", "a value of any kind cannot be said");
            return from;
        }
        auto to = json(json::value_t::object);
        auto words = std::string{};
        for (auto const& [keyword, value] : from.items()) {
            if ((keyword == "type" && !value.is_string() && !value.is_array()) ||
                (keyword == "enum" && !value.is_array()) ||
                (keyword == "description" && !value.is_string())) {
                refuse(pointer, keyword, "is not what JSON Schema has there");
                return from;
            }
            if (stays(keyword, value)) {
                to[keyword] = value;
            } else if (keyword == "const") {
                to["enum"] = json::array({value});
            } else if (keyword == "properties" || keyword == "$defs" || keyword == "definitions") {
                auto& members = to[keyword] = json(json::value_t::object);
                for (auto const& [name, schema] : value.items()) {
                    count_property(keyword == "properties" ? name : "");
                    members[name] = adapt(schema, below(below(pointer, keyword), name), depth + 1);
                }
            } else if (keyword == "items" && value.is_object()) {
                to[keyword] = adapt(value, below(pointer, keyword), depth + 1);
            } else if (keyword == "anyOf" || keyword == "oneOf" || keyword == "allOf") {
                adapt_branches(to, keyword, value, below(pointer, keyword), depth + 1);
            } else if (keyword == "additionalProperties") {
                if (value != false) {
                    refuse(pointer, keyword, "an object with names of any kind cannot be said");
                }
            } else if (keyword == "prefixItems" || keyword == "not" || keyword == "if" ||
                       keyword == "patternProperties" || keyword == "dependentSchemas" ||
                       keyword == "items") {
                refuse(pointer, keyword, "cannot be said");
            } else if (keyword != "$schema" && keyword != "$comment" && keyword != "examples") {
                words += words.empty() ? "" : ", ";
                words += keyword + ": " + value.dump();
                if (keyword != "default") {
                    notes_.push_back({pointer, keyword, "moved into the description"});
                }
            }
        }
        enumerators_ += to.contains("enum") ? to["enum"].size() : 0;
        if (!words.empty()) {
            auto const before = to.value("description", std::string{});
            to["description"] = before + (before.empty() ? "(" : " (") + words + ')';
        }
        if (to.contains("properties") || to.value("type", json{}) == "object") {
            close(to);
        }
        return stand_alone_reference(std::move(to));
    }

    void adapt_branches(json& to, std::string_view keyword, json const& branches,
                        std::string const& pointer, std::size_t depth) {
        if (keyword == "allOf" && openai_) {
            refuse(pointer, keyword, "cannot be said");
            return;
        }
        auto adapted = json::array();
        for (auto const& branch : branches) {
            adapted.push_back(adapt(branch, below(pointer, std::to_string(adapted.size())), depth));
        }
        to[keyword == "allOf" ? "allOf" : "anyOf"] = std::move(adapted);
    }

    void count_property(std::string_view name) {
        properties_ += name.empty() ? 0 : 1;
        name_bytes_ += name.size();
    }

    // Strict objects are closed. OpenAI's have every member required, and an optional one may be null.
    void close(json& object) const {
        if (!refusals_.empty()) {
            return; // the original will be returned, and what is here may be no schema
        }
        auto& properties = object["properties"];
        if (properties.is_null()) {
            properties = json(json::value_t::object);
        }
        if (openai_) {
            auto const required = object.value("required", json::array());
            auto all = json::array();
            for (auto const& [name, schema] : properties.items()) {
                all.push_back(name);
                if (std::find(required.begin(), required.end(), json(name)) == required.end()) {
                    schema = or_null(std::move(schema));
                }
            }
            object["required"] = std::move(all);
        }
        object["additionalProperties"] = false;
    }

    static auto or_null(json schema) -> json {
        if (schema.contains("anyOf")) {
            schema["anyOf"].push_back(json{{"type", "null"}});
            return schema;
        }
        auto const type = schema.find("type");
        if (type == schema.end()) {
            auto either = json(json::value_t::object);
            either["anyOf"] = json::array({std::move(schema), json{{"type", "null"}}});
            return either;
        }
        if (type->is_string()) {
            *type = json::array({*type});
        }
        if (std::find(type->begin(), type->end(), json("null")) == type->end()) {
            type->push_back("null");
            if (schema.contains("enum")) {
                schema["enum"].push_back(nullptr);
            }
        }
        return schema;
    }

    // A reference may have nothing beside it.
    static auto stand_alone_reference(json schema) -> json {
        auto const reference = schema.find("$ref");
        if (reference == schema.end() || schema.size() == 1) {
            return schema;
        }
        auto either = json(json::value_t::object);
        either["anyOf"] = json::array({json{{"$ref", *reference}}});
        for (auto const& [keyword, value] : schema.items()) {
            if (keyword != "$ref") {
                either[keyword] = value;
            }
        }
        return either;
    }

    // Whether a definition can be reached from itself.
    static auto refers_to_itself(json const& root) -> bool {
        auto const defs = root.find("$defs");
        if (defs == root.end() || !defs->is_object()) {
            return mentions(root, "#", 0);
        }
        for (auto const& [name, unused] : defs->items()) {
            auto reached = std::vector<std::string>{name};
            for (auto at = std::size_t{0}; at < reached.size(); ++at) {
                for (auto const& [other, ignored] : defs->items()) {
                    if (!mentions((*defs)[reached[at]], "#/$defs/" + other, 0)) {
                        continue;
                    }
                    if (other == name) {
                        return true;
                    }
                    if (!contains(reached, other)) {
                        reached.push_back(other);
                    }
                }
            }
        }
        return mentions(root, "#", 0);
    }

    static auto mentions(json const& schema, std::string_view reference, std::size_t depth)
        -> bool {
        if (!schema.is_structured() || depth > 2 * max_depth) {
            return false;
        }
        return (schema.is_object() && schema.value("$ref", json{}) == reference) ||
               std::any_of(schema.begin(), schema.end(), [&](json const& inner) {
                   return mentions(inner, reference, depth + 1);
               });
    }

    bool openai_;
    std::size_t properties_ = 0;
    std::size_t enumerators_ = 0;
    std::size_t name_bytes_ = 0;
    std::vector<adapted_schema::note> notes_;
    std::vector<adapted_schema::note> refusals_;
};

} // namespace detail

/// `schema` in `dialect`. One nested deeper than 64 levels is not expressible.
template <class Json>
[[nodiscard]] auto adapt(Json const& schema, schema_dialect dialect) -> adapted_schema {
    if (dialect == schema_dialect::full) {
        return {.schema = nlohmann::ordered_json(schema)};
    }
    return detail::schema_adapter{dialect}.run(nlohmann::ordered_json(schema));
}

} // namespace llms::inline v0_1

#endif // LLMS_SCHEMA_ADAPT_HPP
