// SPDX-License-Identifier: MIT
//
// JSON Schema 2020-12 as the specification tells it, slowly: no compiling, every keyword looked up
// where it is needed, evaluated members and items as sets. The tests hold the compiled schema
// against it. Patterns may only be a literal, with or without `^` before it; references only
// `#` and `#/$defs/name`.
#ifndef LLMS_TESTS_SCHEMA_SCHEMA_INTERPRETER_HPP
#define LLMS_TESTS_SCHEMA_SCHEMA_INTERPRETER_HPP

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>

namespace schema_interpreter {

using nlohmann::json;

struct verdict {
    bool valid = true;
    std::set<std::string> members; // evaluated
    std::set<std::size_t> items;   // evaluated

    // What another subschema says about the same instance.
    void add(verdict const& other) {
        valid = valid && other.valid;
        if (other.valid) {
            members.insert(other.members.begin(), other.members.end());
            items.insert(other.items.begin(), other.items.end());
        }
    }
};

/// nlohmann's equality tells 1 from 1.0 nowhere, and counts members without their order.
inline auto equal(json const& one, json const& other) -> bool {
    return one == other;
}

inline auto matches(std::string const& pattern, std::string const& text) -> bool {
    return pattern.starts_with('^') ? text.starts_with(pattern.substr(1))
                                    : text.find(pattern) != std::string::npos;
}

inline auto has_type(json const& instance, std::string const& type) -> bool {
    if (type == "integer") {
        return instance.is_number_integer() ||
               (instance.is_number_float() &&
                std::floor(instance.get<double>()) == instance.get<double>());
    }
    return type == "number" ? instance.is_number() : type == instance.type_name();
}

inline auto length(std::string const& text) -> std::size_t {
    auto count = std::size_t{0};
    for (auto const one : text) {
        count += (static_cast<unsigned char>(one) & 0xC0U) == 0x80U ? 0U : 1U;
    }
    return count;
}

class interpreter {
public:
    explicit interpreter(json const& root) : root_(root) {}

    [[nodiscard]] auto run(json const& schema, json const& instance) const -> verdict {
        auto result = verdict{};
        if (schema.is_boolean()) {
            result.valid = schema.get<bool>();
            return result;
        }
        any_value(schema, instance, result);
        if (instance.is_number()) {
            number(schema, instance.get<double>(), result);
        } else if (instance.is_string()) {
            string(schema, instance.get_ref<std::string const&>(), result);
        } else if (instance.is_array()) {
            array(schema, instance, result);
        } else if (instance.is_object()) {
            object(schema, instance, result);
        }
        combined(schema, instance, result);
        unevaluated(schema, instance, result);
        return result;
    }

private:
    static void require(bool holds, verdict& result) { result.valid = result.valid && holds; }

    static auto size_or(json const& schema, char const* keyword, std::size_t otherwise)
        -> std::size_t {
        return schema.contains(keyword) ? schema[keyword].get<std::size_t>() : otherwise;
    }

    static void any_value(json const& schema, json const& instance, verdict& result) {
        if (schema.contains("type")) {
            auto const& type = schema["type"];
            auto found = false;
            for (auto const& one : type.is_array() ? type : json::array({type})) {
                found = found || has_type(instance, one.get<std::string>());
            }
            require(found, result);
        }
        if (schema.contains("enum")) {
            auto found = false;
            for (auto const& one : schema["enum"]) {
                found = found || equal(one, instance);
            }
            require(found, result);
        }
        require(!schema.contains("const") || equal(schema["const"], instance), result);
    }

    static void number(json const& schema, double value, verdict& result) {
        auto const bound = [&](char const* keyword, auto holds) {
            require(!schema.contains(keyword) || holds(schema[keyword].get<double>()), result);
        };
        bound("minimum", [&](double limit) { return value >= limit; });
        bound("maximum", [&](double limit) { return value <= limit; });
        bound("exclusiveMinimum", [&](double limit) { return value > limit; });
        bound("exclusiveMaximum", [&](double limit) { return value < limit; });
        bound("multipleOf", [&](double divisor) { return std::fmod(value, divisor) == 0; });
    }

    static void string(json const& schema, std::string const& text, verdict& result) {
        require(length(text) >= size_or(schema, "minLength", 0), result);
        require(length(text) <= size_or(schema, "maxLength", std::string::npos), result);
        require(!schema.contains("pattern") || matches(schema["pattern"].get<std::string>(), text),
                result);
    }

    void array(json const& schema, json const& instance, verdict& result) const {
        auto const size = instance.size();
        require(size >= size_or(schema, "minItems", 0), result);
        require(size <= size_or(schema, "maxItems", std::string::npos), result);
        if (schema.value("uniqueItems", false)) {
            for (std::size_t i = 0; i < size; ++i) {
                for (std::size_t j = 0; j < i; ++j) {
                    require(!equal(instance[i], instance[j]), result);
                }
            }
        }
        auto next = std::size_t{0};
        if (schema.contains("prefixItems")) {
            for (; next < size && next < schema["prefixItems"].size(); ++next) {
                require(run(schema["prefixItems"][next], instance[next]).valid, result);
                result.items.insert(next);
            }
        }
        if (schema.contains("items")) {
            for (; next < size; ++next) {
                require(run(schema["items"], instance[next]).valid, result);
                result.items.insert(next);
            }
        }
        if (schema.contains("contains")) {
            auto count = std::size_t{0};
            for (std::size_t i = 0; i < size; ++i) {
                if (run(schema["contains"], instance[i]).valid) {
                    ++count;
                    result.items.insert(i);
                }
            }
            require(count >= size_or(schema, "minContains", 1), result);
            require(count <= size_or(schema, "maxContains", std::string::npos), result);
        }
    }

    void object(json const& schema, json const& instance, verdict& result) const {
        require(instance.size() >= size_or(schema, "minProperties", 0), result);
        require(instance.size() <= size_or(schema, "maxProperties", std::string::npos), result);
        if (schema.contains("required")) {
            for (auto const& name : schema["required"]) {
                require(instance.contains(name.get<std::string>()), result);
            }
        }
        for (auto const& [name, value] : instance.items()) {
            member(schema, name, value, result);
        }
        if (schema.contains("dependentRequired")) {
            for (auto const& [name, needed] : schema["dependentRequired"].items()) {
                for (auto const& other : needed) {
                    require(!instance.contains(name) || instance.contains(other.get<std::string>()),
                            result);
                }
            }
        }
        if (schema.contains("dependentSchemas")) {
            for (auto const& [name, other] : schema["dependentSchemas"].items()) {
                if (instance.contains(name)) {
                    result.add(run(other, instance));
                }
            }
        }
    }

    void member(json const& schema, std::string const& name, json const& value,
                verdict& result) const {
        auto covered = false;
        auto const apply = [&](json const& other) {
            covered = true;
            result.members.insert(name);
            require(run(other, value).valid, result);
        };
        if (schema.contains("properties") && schema["properties"].contains(name)) {
            apply(schema["properties"][name]);
        }
        if (schema.contains("patternProperties")) {
            for (auto const& [pattern, other] : schema["patternProperties"].items()) {
                if (matches(pattern, name)) {
                    apply(other);
                }
            }
        }
        if (!covered && schema.contains("additionalProperties")) {
            apply(schema["additionalProperties"]);
        }
        if (schema.contains("propertyNames")) {
            require(run(schema["propertyNames"], name).valid, result);
        }
    }

    void combined(json const& schema, json const& instance, verdict& result) const {
        if (schema.contains("$ref")) {
            auto const name = schema["$ref"].get<std::string>();
            result.add(run(name == "#" ? root_ : root_["$defs"][name.substr(8)], instance));
        }
        if (schema.contains("allOf")) {
            for (auto const& branch : schema["allOf"]) {
                result.add(run(branch, instance));
            }
        }
        for (auto const* const keyword : {"anyOf", "oneOf"}) {
            if (!schema.contains(keyword)) {
                continue;
            }
            auto count = 0;
            for (auto const& branch : schema[keyword]) {
                auto const one = run(branch, instance);
                if (one.valid) {
                    ++count;
                    result.add(one);
                }
            }
            require(count == 1 || (count > 1 && std::string_view(keyword) == "anyOf"), result);
        }
        require(!schema.contains("not") || !run(schema["not"], instance).valid, result);
        if (schema.contains("if")) {
            auto const condition = run(schema["if"], instance);
            if (condition.valid) {
                result.add(condition);
            }
            auto const* const next = condition.valid ? "then" : "else";
            if (schema.contains(next)) {
                result.add(run(schema[next], instance));
            }
        }
    }

    void unevaluated(json const& schema, json const& instance, verdict& result) const {
        if (instance.is_array() && schema.contains("unevaluatedItems")) {
            for (std::size_t i = 0; i < instance.size(); ++i) {
                if (!result.items.contains(i)) {
                    require(run(schema["unevaluatedItems"], instance[i]).valid, result);
                    result.items.insert(i);
                }
            }
        }
        if (instance.is_object() && schema.contains("unevaluatedProperties")) {
            for (auto const& [name, value] : instance.items()) {
                if (!result.members.contains(name)) {
                    require(run(schema["unevaluatedProperties"], value).valid, result);
                    result.members.insert(name);
                }
            }
        }
    }

    json const& root_;
};

} // namespace schema_interpreter

#endif // LLMS_TESTS_SCHEMA_SCHEMA_INTERPRETER_HPP
