// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/shared_data.hpp"
#include <llms/schema/format.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <fstream>
#include <string>
#include <string_view>

namespace format_test {

namespace {

void accepts(llms::format_function check, std::initializer_list<std::string_view> texts) {
    for (auto const text : texts) {
        INFO(text);
        CHECK(check(text));
    }
}
void rejects(llms::format_function check, std::initializer_list<std::string_view> texts) {
    for (auto const text : texts) {
        INFO(text);
        CHECK_FALSE(check(text));
    }
}

} // namespace

TEST_CASE("format: all tests of the official suite", "[format]") {
    auto const suite = support::shared_data("JSON-Schema-Test-Suite/tests");
    if (!suite) {
        return;
    }
    std::size_t total = 0;
    std::size_t passed = 0;
    for (auto const* const draft : {"draft4", "draft6", "draft7", "draft2019-09", "draft2020-12"}) {
        for (auto const* const name : {"date",
                                       "date-time",
                                       "duration",
                                       "ecmascript-regex",
                                       "email",
                                       "hostname",
                                       "idn-email",
                                       "idn-hostname",
                                       "ipv4",
                                       "ipv6",
                                       "iri",
                                       "iri-reference",
                                       "json-pointer",
                                       "regex",
                                       "relative-json-pointer",
                                       "time",
                                       "unknown",
                                       "uri",
                                       "uri-reference",
                                       "uri-template",
                                       "uuid"}) {
            std::ifstream file(*suite / draft / "optional/format" / (name + std::string(".json")));
            if (!file) {
                continue; // older drafts have fewer
            }
            for (auto const& group : nlohmann::json::parse(file)) {
                auto const check =
                    llms::find_format(group.at("schema").value("format", std::string{}));
                for (auto const& test : group.at("tests")) {
                    auto const& data = test.at("data");
                    bool const valid = check == nullptr || !data.is_string() ||
                                       check(data.get_ref<std::string const&>());
                    INFO(draft << " " << name << ": " << test.at("description") << ": " << data);
                    CHECK(valid == test.at("valid").get<bool>());
                    ++total;
                    passed += valid == test.at("valid").get<bool>() ? 1 : 0;
                }
            }
        }
    }
    CHECK(total > 0);
    WARN("optional/format of five drafts: " << passed << " of " << total);
}

TEST_CASE("format: looked up by the name of the specification", "[format]") {
    CHECK(llms::find_format("date-time") == llms::format::date_time);
    CHECK(llms::find_format("uuid") == llms::format::uuid);
    CHECK(llms::find_format("date_time") == nullptr);
    CHECK(llms::find_format("") == nullptr);
    CHECK(llms::find_format("color") == nullptr);
}

TEST_CASE("format: dates and times", "[format]") {
    accepts(llms::format::date, {"2000-02-29", "0000-01-01", "9999-12-31"});
    rejects(llms::format::date, {"1900-02-29", "2026-00-10", "2026-1-1", "2026-11-23T", ""});
    accepts(llms::format::time,
            {"00:00:00Z", "23:59:60z", "12:00:00.123456789-23:59", "22:59:60-01:00"});
    rejects(llms::format::time,
            {"24:00:00Z", "12:00:00.Z", "12:00:00", "12:00Z", "12:00:00+0100", ""});
    accepts(llms::format::date_time, {"2026-11-23t08:20:00Z"});
    rejects(llms::format::date_time, {"2026-11-23 08:20:00Z", "2026-11-23", "T08:20:00Z"});
    accepts(llms::format::duration, {"P1Y", "PT1H", "P1DT1S", "P52W", "P1Y2M3DT4H5M6S"});
    rejects(llms::format::duration,
            {"", "P", "PT", "P1DT", "1D", "PW", "P1W2D", "P1S", "PT1H1S", "P1D1D"});
}

TEST_CASE("format: addresses of machines", "[format]") {
    accepts(llms::format::ipv4, {"0.0.0.0", "255.255.255.255"});
    rejects(llms::format::ipv4, {"256.0.0.0", "1.2.3", "1.2.3.4.", "01.2.3.4", "1.2.3.1000", ""});
    accepts(llms::format::ipv6, {"::", "::1", "1::", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8",
                                 "1:2:3:4:5:6:1.2.3.4", "::1.2.3.4", "A:b::C"});
    rejects(llms::format::ipv6,
            {"", ":", ":::", "1", "1:2:3:4:5:6:7:8::", "::1::", "1:2:3:4:5:6:7:1.2.3.4",
             "1:2:3:4:5:6:7:8:9", "::1.2.3.4:1", "g::", "1:", ":1", "1.2.3.4"});
    accepts(llms::format::hostname, {"a", "a.b", "A-1.example", "xn--bcher-kva.example"});
    rejects(llms::format::hostname, {"", ".", "a.", "-a", "a-", "a_b",
                                     "b\xC3\xBC"
                                     "cher.example",
                                     "a..b", "xn--", "xn--a", "xn--bcher-"});
    // What no Punycode of a name spells.
    rejects(llms::format::hostname,
            {"xn--z", "xn--99999999", "xn--a-9999b", "xn--999999b", "xn--8888888a", "xn--zz999b"});
    accepts(llms::format::idn_hostname, {"b\xC3\xBC"
                                         "cher.example",
                                         "example", "xn--bcher-kva"});
    rejects(llms::format::idn_hostname, {"",
                                         "B\xC3\x9C"
                                         "CHER",
                                         "\xE2\x82\xAC",
                                         "\xC3\xBC"
                                         "a--b",
                                         "\xFF", "a b"});
    // A joiner and right-to-left letters, among their like and not.
    accepts(llms::format::idn_hostname, {"\u0628\u064b\u200c\u064b\u0628", "\U0001E922\U0001E923"});
    rejects(llms::format::idn_hostname, {"\u0628\u064b\u200c\u064ba", "\U0001E922a"});
    std::string long_name;
    for (int i = 0; i < 63; ++i) {
        long_name += "abc.";
    }
    CHECK(llms::format::hostname(long_name + "d")); // 253 bytes
    CHECK_FALSE(llms::format::hostname(long_name + "de"));
    CHECK_FALSE(llms::format::idn_hostname(long_name + "de"));
    CHECK_FALSE(llms::format::idn_hostname(std::string(100'000, 'a')));
}

TEST_CASE("format: addresses of people", "[format]") {
    accepts(llms::format::email,
            {"a@b", "a.b+c@d.example", "\"a b\"@c", R"("\""@c)", "a@[IPv6:::1]", "a@[1.2.3.4]"});
    rejects(llms::format::email, {"", "@", "a@", "@b", "a", "a@b@c", "a.@b", "\"a@b", "a@[1.2.3]",
                                  "a@[", "\xC3\xA9@b", "a@-b", "a\n@b"});
    accepts(llms::format::idn_email, {"\xC3\xA9@\xC3\xA9.example", "a@b"});
    rejects(llms::format::idn_email, {"\xFF@b", "\xC3\xA9@", "\xC3\xA9"});
    CHECK_FALSE(llms::format::email(std::string(65, 'a') + "@b"));
}

TEST_CASE("format: resource identifiers", "[format]") {
    accepts(llms::format::uri, {"a:", "a:b", "http://a:80/b?c#d", "http://", "urn:a:b",
                                "http://[v1.a:b]/", "http://u:p@h", "a:%41"});
    rejects(llms::format::uri, {"", ":", "1a:b", "http://a b", "http://[::1", "http://[g::]",
                                "http://[v]", "http://[v1.]", "http://[v.a]", "http://a:b:1",
                                "a:%4", "a:%", "a#b#c", "http://h:p", "http://\xC3\xA9"});
    accepts(llms::format::uri_reference, {"", "a", "?a", "#", "//h", "a/b:c", "./a:b", "."});
    rejects(llms::format::uri_reference, {"%", "a b", ":a", "1:a", "[", "//h:x"});
    accepts(llms::format::iri, {"http://\xC3\xA9/\xC3\xA9?\xEE\x80\x80"});
    rejects(llms::format::iri, {"http://a/\xEE\x80\x80", "http://\xFF", "http://a/\xEF\xBF\xBF"});
    accepts(llms::format::iri_reference, {"\xC3\xA9", ""});
    accepts(llms::format::uri_template, {"", "a{b}", "{+a,b*,c:9999}", "{a.b}", "%41", "{%41}"});
    rejects(llms::format::uri_template,
            {"{", "}", "{}", "{a", "{a:0}", "{a:12345}", "{.}", "{a.}", "%4", " ", "{a*:1}"});
}

TEST_CASE("format: pointers, UUIDs and patterns", "[format]") {
    accepts(llms::format::json_pointer, {"", "/", "/a~0b~1c", "//"});
    rejects(llms::format::json_pointer, {"a", "/~", "/~2"});
    accepts(llms::format::relative_json_pointer, {"0", "10/a", "1#"});
    rejects(llms::format::relative_json_pointer, {"", "01", "-1", "0a", "0##", "#", "/a"});
    accepts(llms::format::uuid, {"2eb8aa08-AA98-11ea-b4aa-73b441d16380"});
    rejects(llms::format::uuid,
            {"", "2eb8aa08-aa98-11ea-b4aa-73b441d1638g", "2eb8aa08aa98-11ea-b4aa-73b441d163800"});
    accepts(llms::format::regex, {"", "^a$", "(?=a)", "(?<=a+)b", "(a)\\1", "\\p{Script=Greek}"});
    rejects(llms::format::regex, {"(", "\\a", "(?i)a", "[", "a{2,1}", "\\p{Nonsense}"});
}

} // namespace format_test
