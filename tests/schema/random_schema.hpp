// SPDX-License-Identifier: MIT
//
// Random schemas and instances over few names and values, so that they have much to do with each
// other. Deterministic: a choice is the next number of a stream, which a fuzzer may supply.
#ifndef LLMS_TESTS_SCHEMA_RANDOM_SCHEMA_HPP
#define LLMS_TESTS_SCHEMA_RANDOM_SCHEMA_HPP

#include <nlohmann/json.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace random_schema {

using nlohmann::json;

/// Source: S. Vigna, "splitmix64", https://prng.di.unimi.it/splitmix64.c
class splitmix {
public:
    explicit splitmix(std::uint64_t seed) : state_(seed) {}

    /// A number below `end`.
    auto below(std::size_t end) -> std::size_t {
        auto word = state_ += 0x9E3779B97F4A7C15U;
        word = (word ^ (word >> 30U)) * 0xBF58476D1CE4E5B9U;
        word = (word ^ (word >> 27U)) * 0x94D049BB133111EBU;
        return static_cast<std::size_t>((word ^ (word >> 31U)) % end);
    }

private:
    std::uint64_t state_;
};

template <class Source>
class maker {
public:
    explicit maker(Source source) : source_(std::move(source)) {}

    auto schema() -> json {
        auto root = subschema(3, true);
        if (!root.is_object()) {
            return root;
        }
        root["$defs"] = {{"a", leaf()}, {"b", subschema(1, false)}};
        return root;
    }

    auto instance(int depth = 3) -> json {
        switch (source_.below(depth > 0 ? 8 : 5)) {
        case 0:
            return nullptr;
        case 1:
            return source_.below(2) == 0;
        case 2:
            return number();
        case 3:
        case 4:
            return text();
        case 5: {
            auto array = json::array();
            for (auto left = source_.below(4); left > 0; --left) {
                array.push_back(instance(depth - 1));
            }
            return array;
        }
        default: {
            auto object = json::object();
            for (auto left = source_.below(5); left > 0; --left) {
                object[name()] = instance(depth - 1);
            }
            return object;
        }
        }
    }

private:
    auto name() -> std::string {
        static constexpr auto names =
            std::array{"a", "b", "ab", "kind", "a name that is rather long", "ba"};
        return names[source_.below(names.size())];
    }
    auto text() -> std::string {
        static constexpr auto texts = std::array{"", "a", "b", "ab", "aé", "x"};
        return texts[source_.below(texts.size())];
    }
    auto number() -> json {
        static auto const numbers = std::array<json, 9>{0, 1, 2, 3, -1, 1.0, 1.5, 2.5, -2.0};
        return numbers[source_.below(numbers.size())];
    }
    auto leaf() -> json {
        auto result = json::object();
        assertion(result);
        return result;
    }

    /// `in_place`: whether it applies to the whole instance, where `#` would go round for ever.
    auto subschema(int depth, bool in_place) -> json {
        auto const kind = source_.below(12);
        if (kind == 0 && !in_place) {
            return {{"$ref", "#"}};
        }
        if (kind == 1) {
            return source_.below(3) != 0;
        }
        auto result = json::object();
        for (auto left = 1 + source_.below(3); left > 0; --left) {
            if (depth > 0 && source_.below(3) != 0) {
                applicator(result, depth - 1, in_place);
            } else {
                assertion(result);
            }
        }
        return result;
    }

    auto type_name() -> std::string {
        static constexpr auto types =
            std::array{"null", "boolean", "integer", "number", "string", "array", "object"};
        return types[source_.below(types.size())];
    }

    void assertion(json& to) {
        switch (source_.below(18)) {
        case 0:
        case 1:
            to["type"] = type_name();
            break;
        case 2:
            to["type"] = {type_name(), "object"};
            break;
        case 3:
            to["enum"] = {text(), instance(1), number()};
            break;
        case 4:
            to["const"] = instance(1);
            break;
        case 5:
            to["minimum"] = number();
            break;
        case 6:
            to["exclusiveMaximum"] = number();
            break;
        case 7:
            to["multipleOf"] = source_.below(2) == 0 ? json(2) : json(0.5);
            break;
        case 8:
            to["minLength"] = source_.below(3);
            break;
        case 9:
            to["maxLength"] = source_.below(3);
            break;
        case 10:
            to["pattern"] = (source_.below(2) == 0 ? "^" : "") + text();
            break;
        case 11:
            to["minItems"] = source_.below(3);
            break;
        case 12:
            to["uniqueItems"] = true;
            break;
        case 13:
            to["required"] = json::array({name()});
            break;
        case 14:
            to["maxProperties"] = source_.below(4);
            break;
        case 15:
            to["dependentRequired"][name()] = json::array({name()});
            break;
        case 16:
            to["maximum"] = number();
            break;
        default:
            to["enum"] = {"a", "b", text()};
            break;
        }
    }

    void applicator(json& to, int depth, bool in_place) {
        switch (source_.below(20)) {
        case 0:
        case 1:
        case 2:
            to["properties"][name()] = subschema(depth, false);
            to["properties"][name()] = subschema(depth, false);
            break;
        case 3:
            to["patternProperties"][(source_.below(2) == 0 ? "^" : "") + text()] =
                subschema(depth, false);
            break;
        case 4:
            to["additionalProperties"] = subschema(depth, false);
            break;
        case 5:
            to["propertyNames"] = leaf();
            break;
        case 6:
            to["prefixItems"] = json::array({subschema(depth, false)});
            break;
        case 7:
            to["items"] = subschema(depth, false);
            break;
        case 8:
            to["contains"] = subschema(depth, false);
            to["minContains"] = source_.below(3);
            break;
        case 9:
            to["allOf"] = {subschema(depth, in_place), subschema(depth, in_place)};
            break;
        case 10:
        case 11:
            to["anyOf"] = {subschema(depth, in_place), subschema(depth, in_place)};
            break;
        case 12:
            to["oneOf"] = {subschema(depth, in_place), subschema(depth, in_place)};
            break;
        case 13:
            to["not"] = subschema(depth, in_place);
            break;
        case 14:
            to["if"] = subschema(depth, in_place);
            to["then"] = subschema(depth, in_place);
            to["else"] = subschema(depth, in_place);
            break;
        case 15:
            to["dependentSchemas"][name()] = subschema(depth, in_place);
            break;
        case 16:
            to["unevaluatedProperties"] = subschema(depth, false);
            break;
        case 17:
            to["unevaluatedItems"] = subschema(depth, false);
            break;
        case 18:
            to["oneOf"] = {tagged("a", depth), tagged("b", depth), tagged(text(), depth)};
            break;
        default:
            to["$ref"] = "#/$defs/a";
            break;
        }
    }

    /// A variant that a property tells from others.
    auto tagged(std::string const& tag, int depth) -> json {
        auto result = json{{"type", "object"}, {"properties", {{"kind", {{"const", tag}}}}}};
        result["properties"][name()] = subschema(depth, false);
        if (source_.below(2) == 0) {
            result["required"] = json::array({"kind"});
        }
        return result;
    }

    Source source_;
};

} // namespace random_schema

#endif // LLMS_TESTS_SCHEMA_RANDOM_SCHEMA_HPP
