// SPDX-License-Identifier: MIT
//
// The drafts' own schemas, so that a `$ref` to one needs no network. They state what a schema of
// the draft looks like, nothing more (no titles, no defaults).
#ifndef LLMS_DETAIL_SCHEMA_META_HPP
#define LLMS_DETAIL_SCHEMA_META_HPP

#include <llms/version.hpp>

#include <array>
#include <string_view>

namespace llms::inline v0_1::detail::schema_engine {

struct meta_document {
    std::string_view uri; // without the empty fragment
    std::string_view text;
};

// clang-format off
inline constexpr auto meta_documents = std::to_array<meta_document>({

{"http://json-schema.org/draft-04/schema", R"({
"id":"http://json-schema.org/draft-04/schema#","$schema":"http://json-schema.org/draft-04/schema#",
"definitions":{
 "size":{"type":"integer","minimum":0},
 "schemas":{"type":"array","minItems":1,"items":{"$ref":"#"}},
 "named":{"type":"object","additionalProperties":{"$ref":"#"}},
 "names":{"type":"array","items":{"type":"string"},"minItems":1,"uniqueItems":true},
 "kind":{"enum":["array","boolean","integer","null","number","object","string"]}},
"type":"object",
"properties":{
 "id":{"type":"string"},"$schema":{"type":"string"},"title":{"type":"string"},"description":{"type":"string"},
 "multipleOf":{"type":"number","minimum":0,"exclusiveMinimum":true},
 "maximum":{"type":"number"},"exclusiveMaximum":{"type":"boolean"},
 "minimum":{"type":"number"},"exclusiveMinimum":{"type":"boolean"},
 "maxLength":{"$ref":"#/definitions/size"},"minLength":{"$ref":"#/definitions/size"},
 "pattern":{"type":"string","format":"regex"},
 "additionalItems":{"anyOf":[{"type":"boolean"},{"$ref":"#"}]},
 "items":{"anyOf":[{"$ref":"#"},{"$ref":"#/definitions/schemas"}]},
 "maxItems":{"$ref":"#/definitions/size"},"minItems":{"$ref":"#/definitions/size"},"uniqueItems":{"type":"boolean"},
 "maxProperties":{"$ref":"#/definitions/size"},"minProperties":{"$ref":"#/definitions/size"},
 "required":{"$ref":"#/definitions/names"},
 "additionalProperties":{"anyOf":[{"type":"boolean"},{"$ref":"#"}]},
 "definitions":{"$ref":"#/definitions/named"},"properties":{"$ref":"#/definitions/named"},
 "patternProperties":{"$ref":"#/definitions/named"},
 "dependencies":{"type":"object","additionalProperties":{"anyOf":[{"$ref":"#"},{"$ref":"#/definitions/names"}]}},
 "enum":{"type":"array","minItems":1,"uniqueItems":true},
 "type":{"anyOf":[{"$ref":"#/definitions/kind"},{"type":"array","items":{"$ref":"#/definitions/kind"},"minItems":1,"uniqueItems":true}]},
 "format":{"type":"string"},
 "allOf":{"$ref":"#/definitions/schemas"},"anyOf":{"$ref":"#/definitions/schemas"},"oneOf":{"$ref":"#/definitions/schemas"},
 "not":{"$ref":"#"}},
"dependencies":{"exclusiveMaximum":["maximum"],"exclusiveMinimum":["minimum"]}})"},

{"http://json-schema.org/draft-06/schema", R"({
"$id":"http://json-schema.org/draft-06/schema#","$schema":"http://json-schema.org/draft-06/schema#",
"definitions":{
 "size":{"type":"integer","minimum":0},
 "schemas":{"type":"array","minItems":1,"items":{"$ref":"#"}},
 "named":{"type":"object","additionalProperties":{"$ref":"#"}},
 "names":{"type":"array","items":{"type":"string"},"uniqueItems":true},
 "kind":{"enum":["array","boolean","integer","null","number","object","string"]}},
"type":["object","boolean"],
"properties":{
 "$id":{"type":"string","format":"uri-reference"},"$schema":{"type":"string","format":"uri"},
 "$ref":{"type":"string","format":"uri-reference"},"title":{"type":"string"},"description":{"type":"string"},"examples":{"type":"array"},
 "multipleOf":{"type":"number","exclusiveMinimum":0},
 "maximum":{"type":"number"},"exclusiveMaximum":{"type":"number"},"minimum":{"type":"number"},"exclusiveMinimum":{"type":"number"},
 "maxLength":{"$ref":"#/definitions/size"},"minLength":{"$ref":"#/definitions/size"},
 "pattern":{"type":"string","format":"regex"},
 "additionalItems":{"$ref":"#"},"items":{"anyOf":[{"$ref":"#"},{"$ref":"#/definitions/schemas"}]},
 "maxItems":{"$ref":"#/definitions/size"},"minItems":{"$ref":"#/definitions/size"},"uniqueItems":{"type":"boolean"},"contains":{"$ref":"#"},
 "maxProperties":{"$ref":"#/definitions/size"},"minProperties":{"$ref":"#/definitions/size"},
 "required":{"$ref":"#/definitions/names"},"additionalProperties":{"$ref":"#"},
 "definitions":{"$ref":"#/definitions/named"},"properties":{"$ref":"#/definitions/named"},
 "patternProperties":{"$ref":"#/definitions/named"},
 "dependencies":{"type":"object","additionalProperties":{"anyOf":[{"$ref":"#"},{"$ref":"#/definitions/names"}]}},
 "propertyNames":{"$ref":"#"},"enum":{"type":"array"},
 "type":{"anyOf":[{"$ref":"#/definitions/kind"},{"type":"array","items":{"$ref":"#/definitions/kind"},"minItems":1,"uniqueItems":true}]},
 "format":{"type":"string"},
 "allOf":{"$ref":"#/definitions/schemas"},"anyOf":{"$ref":"#/definitions/schemas"},"oneOf":{"$ref":"#/definitions/schemas"},
 "not":{"$ref":"#"}}})"},

{"http://json-schema.org/draft-07/schema", R"({
"$id":"http://json-schema.org/draft-07/schema#","$schema":"http://json-schema.org/draft-07/schema#",
"definitions":{
 "size":{"type":"integer","minimum":0},
 "schemas":{"type":"array","minItems":1,"items":{"$ref":"#"}},
 "named":{"type":"object","additionalProperties":{"$ref":"#"}},
 "names":{"type":"array","items":{"type":"string"},"uniqueItems":true},
 "kind":{"enum":["array","boolean","integer","null","number","object","string"]}},
"type":["object","boolean"],
"properties":{
 "$id":{"type":"string","format":"uri-reference"},"$schema":{"type":"string","format":"uri"},
 "$ref":{"type":"string","format":"uri-reference"},"$comment":{"type":"string"},
 "title":{"type":"string"},"description":{"type":"string"},"readOnly":{"type":"boolean"},"writeOnly":{"type":"boolean"},"examples":{"type":"array"},
 "multipleOf":{"type":"number","exclusiveMinimum":0},
 "maximum":{"type":"number"},"exclusiveMaximum":{"type":"number"},"minimum":{"type":"number"},"exclusiveMinimum":{"type":"number"},
 "maxLength":{"$ref":"#/definitions/size"},"minLength":{"$ref":"#/definitions/size"},
 "pattern":{"type":"string","format":"regex"},
 "additionalItems":{"$ref":"#"},"items":{"anyOf":[{"$ref":"#"},{"$ref":"#/definitions/schemas"}]},
 "maxItems":{"$ref":"#/definitions/size"},"minItems":{"$ref":"#/definitions/size"},"uniqueItems":{"type":"boolean"},"contains":{"$ref":"#"},
 "maxProperties":{"$ref":"#/definitions/size"},"minProperties":{"$ref":"#/definitions/size"},
 "required":{"$ref":"#/definitions/names"},"additionalProperties":{"$ref":"#"},
 "definitions":{"$ref":"#/definitions/named"},"properties":{"$ref":"#/definitions/named"},
 "patternProperties":{"type":"object","additionalProperties":{"$ref":"#"},"propertyNames":{"format":"regex"}},
 "dependencies":{"type":"object","additionalProperties":{"anyOf":[{"$ref":"#"},{"$ref":"#/definitions/names"}]}},
 "propertyNames":{"$ref":"#"},"enum":{"type":"array"},
 "type":{"anyOf":[{"$ref":"#/definitions/kind"},{"type":"array","items":{"$ref":"#/definitions/kind"},"minItems":1,"uniqueItems":true}]},
 "format":{"type":"string"},"contentMediaType":{"type":"string"},"contentEncoding":{"type":"string"},
 "if":{"$ref":"#"},"then":{"$ref":"#"},"else":{"$ref":"#"},
 "allOf":{"$ref":"#/definitions/schemas"},"anyOf":{"$ref":"#/definitions/schemas"},"oneOf":{"$ref":"#/definitions/schemas"},
 "not":{"$ref":"#"}}})"},

{"https://json-schema.org/draft/2019-09/schema", R"({
"$id":"https://json-schema.org/draft/2019-09/schema","$schema":"https://json-schema.org/draft/2019-09/schema",
"$vocabulary":{
 "https://json-schema.org/draft/2019-09/vocab/core":true,"https://json-schema.org/draft/2019-09/vocab/applicator":true,
 "https://json-schema.org/draft/2019-09/vocab/validation":true,"https://json-schema.org/draft/2019-09/vocab/meta-data":true,
 "https://json-schema.org/draft/2019-09/vocab/format":false,"https://json-schema.org/draft/2019-09/vocab/content":true},
"$recursiveAnchor":true,"type":["object","boolean"],
"allOf":[{"$ref":"meta/core"},{"$ref":"meta/applicator"},{"$ref":"meta/validation"},{"$ref":"meta/meta-data"},{"$ref":"meta/format"},{"$ref":"meta/content"}],
"properties":{
 "definitions":{"type":"object","additionalProperties":{"$recursiveRef":"#"}},
 "dependencies":{"type":"object","additionalProperties":{"anyOf":[{"$recursiveRef":"#"},{"$ref":"meta/validation#/$defs/names"}]}}}})"},
{"https://json-schema.org/draft/2019-09/meta/core", R"({
"$id":"https://json-schema.org/draft/2019-09/meta/core","$schema":"https://json-schema.org/draft/2019-09/schema",
"$recursiveAnchor":true,"type":["object","boolean"],
"properties":{
 "$id":{"type":"string","format":"uri-reference","pattern":"^[^#]*#?$"},"$schema":{"type":"string","format":"uri"},
 "$anchor":{"type":"string","pattern":"^[A-Za-z][-A-Za-z0-9.:_]*$"},
 "$ref":{"type":"string","format":"uri-reference"},"$recursiveRef":{"type":"string","format":"uri-reference"},"$recursiveAnchor":{"type":"boolean"},
 "$vocabulary":{"type":"object","propertyNames":{"type":"string","format":"uri"},"additionalProperties":{"type":"boolean"}},
 "$comment":{"type":"string"},"$defs":{"type":"object","additionalProperties":{"$recursiveRef":"#"}}}})"},
{"https://json-schema.org/draft/2019-09/meta/applicator", R"({
"$id":"https://json-schema.org/draft/2019-09/meta/applicator","$schema":"https://json-schema.org/draft/2019-09/schema",
"$recursiveAnchor":true,"type":["object","boolean"],
"$defs":{"schemas":{"type":"array","minItems":1,"items":{"$recursiveRef":"#"}},"named":{"type":"object","additionalProperties":{"$recursiveRef":"#"}}},
"properties":{
 "additionalItems":{"$recursiveRef":"#"},"unevaluatedItems":{"$recursiveRef":"#"},
 "items":{"anyOf":[{"$recursiveRef":"#"},{"$ref":"#/$defs/schemas"}]},"contains":{"$recursiveRef":"#"},
 "additionalProperties":{"$recursiveRef":"#"},"unevaluatedProperties":{"$recursiveRef":"#"},
 "properties":{"$ref":"#/$defs/named"},"dependentSchemas":{"$ref":"#/$defs/named"},
 "patternProperties":{"type":"object","additionalProperties":{"$recursiveRef":"#"},"propertyNames":{"format":"regex"}},
 "propertyNames":{"$recursiveRef":"#"},"if":{"$recursiveRef":"#"},"then":{"$recursiveRef":"#"},"else":{"$recursiveRef":"#"},
 "allOf":{"$ref":"#/$defs/schemas"},"anyOf":{"$ref":"#/$defs/schemas"},"oneOf":{"$ref":"#/$defs/schemas"},"not":{"$recursiveRef":"#"}}})"},
{"https://json-schema.org/draft/2019-09/meta/validation", R"({
"$id":"https://json-schema.org/draft/2019-09/meta/validation","$schema":"https://json-schema.org/draft/2019-09/schema",
"$recursiveAnchor":true,"type":["object","boolean"],
"$defs":{
 "size":{"type":"integer","minimum":0},"names":{"type":"array","items":{"type":"string"},"uniqueItems":true},
 "kind":{"enum":["array","boolean","integer","null","number","object","string"]}},
"properties":{
 "multipleOf":{"type":"number","exclusiveMinimum":0},
 "maximum":{"type":"number"},"exclusiveMaximum":{"type":"number"},"minimum":{"type":"number"},"exclusiveMinimum":{"type":"number"},
 "maxLength":{"$ref":"#/$defs/size"},"minLength":{"$ref":"#/$defs/size"},"pattern":{"type":"string","format":"regex"},
 "maxItems":{"$ref":"#/$defs/size"},"minItems":{"$ref":"#/$defs/size"},"uniqueItems":{"type":"boolean"},
 "maxContains":{"$ref":"#/$defs/size"},"minContains":{"$ref":"#/$defs/size"},
 "maxProperties":{"$ref":"#/$defs/size"},"minProperties":{"$ref":"#/$defs/size"},"required":{"$ref":"#/$defs/names"},
 "dependentRequired":{"type":"object","additionalProperties":{"$ref":"#/$defs/names"}},"enum":{"type":"array"},
 "type":{"anyOf":[{"$ref":"#/$defs/kind"},{"type":"array","items":{"$ref":"#/$defs/kind"},"minItems":1,"uniqueItems":true}]}}})"},
{"https://json-schema.org/draft/2019-09/meta/meta-data", R"({
"$id":"https://json-schema.org/draft/2019-09/meta/meta-data","$schema":"https://json-schema.org/draft/2019-09/schema",
"$recursiveAnchor":true,"type":["object","boolean"],
"properties":{
 "title":{"type":"string"},"description":{"type":"string"},"deprecated":{"type":"boolean"},
 "readOnly":{"type":"boolean"},"writeOnly":{"type":"boolean"},"examples":{"type":"array"}}})"},
{"https://json-schema.org/draft/2019-09/meta/format", R"({
"$id":"https://json-schema.org/draft/2019-09/meta/format","$schema":"https://json-schema.org/draft/2019-09/schema",
"$recursiveAnchor":true,"type":["object","boolean"],"properties":{"format":{"type":"string"}}})"},
{"https://json-schema.org/draft/2019-09/meta/content", R"({
"$id":"https://json-schema.org/draft/2019-09/meta/content","$schema":"https://json-schema.org/draft/2019-09/schema",
"$recursiveAnchor":true,"type":["object","boolean"],
"properties":{"contentMediaType":{"type":"string"},"contentEncoding":{"type":"string"},"contentSchema":{"$recursiveRef":"#"}}})"},

{"https://json-schema.org/draft/2020-12/schema", R"({
"$id":"https://json-schema.org/draft/2020-12/schema","$schema":"https://json-schema.org/draft/2020-12/schema",
"$vocabulary":{
 "https://json-schema.org/draft/2020-12/vocab/core":true,"https://json-schema.org/draft/2020-12/vocab/applicator":true,
 "https://json-schema.org/draft/2020-12/vocab/unevaluated":true,"https://json-schema.org/draft/2020-12/vocab/validation":true,
 "https://json-schema.org/draft/2020-12/vocab/meta-data":true,"https://json-schema.org/draft/2020-12/vocab/format-annotation":true,
 "https://json-schema.org/draft/2020-12/vocab/content":true},
"$dynamicAnchor":"meta","type":["object","boolean"],
"allOf":[{"$ref":"meta/core"},{"$ref":"meta/applicator"},{"$ref":"meta/unevaluated"},{"$ref":"meta/validation"},{"$ref":"meta/meta-data"},{"$ref":"meta/format-annotation"},{"$ref":"meta/content"}],
"properties":{
 "definitions":{"type":"object","additionalProperties":{"$dynamicRef":"#meta"}},
 "dependencies":{"type":"object","additionalProperties":{"anyOf":[{"$dynamicRef":"#meta"},{"$ref":"meta/validation#/$defs/names"}]}},
 "$recursiveAnchor":{"$ref":"meta/core#/$defs/anchor"},"$recursiveRef":{"type":"string","format":"uri-reference"}}})"},
{"https://json-schema.org/draft/2020-12/meta/core", R"({
"$id":"https://json-schema.org/draft/2020-12/meta/core","$schema":"https://json-schema.org/draft/2020-12/schema",
"$dynamicAnchor":"meta","type":["object","boolean"],
"$defs":{"anchor":{"type":"string","pattern":"^[A-Za-z_][-A-Za-z0-9._]*$"},"reference":{"type":"string","format":"uri-reference"}},
"properties":{
 "$id":{"type":"string","format":"uri-reference","pattern":"^[^#]*#?$"},"$schema":{"type":"string","format":"uri"},
 "$ref":{"$ref":"#/$defs/reference"},"$anchor":{"$ref":"#/$defs/anchor"},
 "$dynamicRef":{"$ref":"#/$defs/reference"},"$dynamicAnchor":{"$ref":"#/$defs/anchor"},
 "$vocabulary":{"type":"object","propertyNames":{"type":"string","format":"uri"},"additionalProperties":{"type":"boolean"}},
 "$comment":{"type":"string"},"$defs":{"type":"object","additionalProperties":{"$dynamicRef":"#meta"}}}})"},
{"https://json-schema.org/draft/2020-12/meta/applicator", R"({
"$id":"https://json-schema.org/draft/2020-12/meta/applicator","$schema":"https://json-schema.org/draft/2020-12/schema",
"$dynamicAnchor":"meta","type":["object","boolean"],
"$defs":{"schemas":{"type":"array","minItems":1,"items":{"$dynamicRef":"#meta"}},"named":{"type":"object","additionalProperties":{"$dynamicRef":"#meta"}}},
"properties":{
 "prefixItems":{"$ref":"#/$defs/schemas"},"items":{"$dynamicRef":"#meta"},"contains":{"$dynamicRef":"#meta"},
 "additionalProperties":{"$dynamicRef":"#meta"},"properties":{"$ref":"#/$defs/named"},"dependentSchemas":{"$ref":"#/$defs/named"},
 "patternProperties":{"type":"object","additionalProperties":{"$dynamicRef":"#meta"},"propertyNames":{"format":"regex"}},
 "propertyNames":{"$dynamicRef":"#meta"},"if":{"$dynamicRef":"#meta"},"then":{"$dynamicRef":"#meta"},"else":{"$dynamicRef":"#meta"},
 "allOf":{"$ref":"#/$defs/schemas"},"anyOf":{"$ref":"#/$defs/schemas"},"oneOf":{"$ref":"#/$defs/schemas"},"not":{"$dynamicRef":"#meta"}}})"},
{"https://json-schema.org/draft/2020-12/meta/unevaluated", R"({
"$id":"https://json-schema.org/draft/2020-12/meta/unevaluated","$schema":"https://json-schema.org/draft/2020-12/schema",
"$dynamicAnchor":"meta","type":["object","boolean"],
"properties":{"unevaluatedItems":{"$dynamicRef":"#meta"},"unevaluatedProperties":{"$dynamicRef":"#meta"}}})"},
{"https://json-schema.org/draft/2020-12/meta/validation", R"({
"$id":"https://json-schema.org/draft/2020-12/meta/validation","$schema":"https://json-schema.org/draft/2020-12/schema",
"$dynamicAnchor":"meta","type":["object","boolean"],
"$defs":{
 "size":{"type":"integer","minimum":0},"names":{"type":"array","items":{"type":"string"},"uniqueItems":true},
 "kind":{"enum":["array","boolean","integer","null","number","object","string"]}},
"properties":{
 "type":{"anyOf":[{"$ref":"#/$defs/kind"},{"type":"array","items":{"$ref":"#/$defs/kind"},"minItems":1,"uniqueItems":true}]},
 "enum":{"type":"array"},"multipleOf":{"type":"number","exclusiveMinimum":0},
 "maximum":{"type":"number"},"exclusiveMaximum":{"type":"number"},"minimum":{"type":"number"},"exclusiveMinimum":{"type":"number"},
 "maxLength":{"$ref":"#/$defs/size"},"minLength":{"$ref":"#/$defs/size"},"pattern":{"type":"string","format":"regex"},
 "maxItems":{"$ref":"#/$defs/size"},"minItems":{"$ref":"#/$defs/size"},"uniqueItems":{"type":"boolean"},
 "maxContains":{"$ref":"#/$defs/size"},"minContains":{"$ref":"#/$defs/size"},
 "maxProperties":{"$ref":"#/$defs/size"},"minProperties":{"$ref":"#/$defs/size"},"required":{"$ref":"#/$defs/names"},
 "dependentRequired":{"type":"object","additionalProperties":{"$ref":"#/$defs/names"}}}})"},
{"https://json-schema.org/draft/2020-12/meta/meta-data", R"({
"$id":"https://json-schema.org/draft/2020-12/meta/meta-data","$schema":"https://json-schema.org/draft/2020-12/schema",
"$dynamicAnchor":"meta","type":["object","boolean"],
"properties":{
 "title":{"type":"string"},"description":{"type":"string"},"deprecated":{"type":"boolean"},
 "readOnly":{"type":"boolean"},"writeOnly":{"type":"boolean"},"examples":{"type":"array"}}})"},
{"https://json-schema.org/draft/2020-12/meta/format-annotation", R"({
"$id":"https://json-schema.org/draft/2020-12/meta/format-annotation","$schema":"https://json-schema.org/draft/2020-12/schema",
"$dynamicAnchor":"meta","type":["object","boolean"],"properties":{"format":{"type":"string"}}})"},
{"https://json-schema.org/draft/2020-12/meta/format-assertion", R"({
"$id":"https://json-schema.org/draft/2020-12/meta/format-assertion","$schema":"https://json-schema.org/draft/2020-12/schema",
"$dynamicAnchor":"meta","type":["object","boolean"],"properties":{"format":{"type":"string"}}})"},
{"https://json-schema.org/draft/2020-12/meta/content", R"({
"$id":"https://json-schema.org/draft/2020-12/meta/content","$schema":"https://json-schema.org/draft/2020-12/schema",
"$dynamicAnchor":"meta","type":["object","boolean"],
"properties":{"contentMediaType":{"type":"string"},"contentEncoding":{"type":"string"},"contentSchema":{"$dynamicRef":"#meta"}}})"},

});
// clang-format on

/// The built-in document of `uri` (without fragment), or an empty text.
inline auto meta_text(std::string_view uri) noexcept -> std::string_view {
    for (auto const& [name, text] : meta_documents) {
        if (name == uri) {
            return text;
        }
    }
    return {};
}

} // namespace llms::inline v0_1::detail::schema_engine

#endif // LLMS_DETAIL_SCHEMA_META_HPP
