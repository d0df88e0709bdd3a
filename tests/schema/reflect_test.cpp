// SPDX-License-Identifier: MIT

#include "support/catch.hpp"
#include <llms/schema/reflect.hpp>
#include <llms/schema/validator.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

namespace reflect_test {

using llms::from_json_checked;
using llms::schema_of;
using llms::to_json;
using nlohmann::json;
using nlohmann::ordered_json;
using namespace std::chrono_literals;

namespace {

// Compiles only in a header that is read before `described` is asked: types first.

enum class size : std::uint8_t { small, large, x_large = 7 };
enum plain { first, second };
enum class unit { km, mi };
enum class far_away { near = 1, far = 5000 };
enum class prefix { milli, Milli };

struct point {
    double x = 0;
    double y = 0;

    auto operator==(point const&) const -> bool = default;
};

struct order {
    std::string dish;
    size how_large = size::small;
    std::vector<std::string> toppings;
    std::optional<int> table;
    std::map<std::string, point> places;

    auto operator==(order const&) const -> bool = default;
};

struct tree {
    int value = 0;
    std::vector<tree> children;
    std::unique_ptr<tree> twin;
};

struct circle {
    double radius = 0;
};
struct square {
    double side = 0;
};

// Each parting doubles the ways to read what follows.
struct parting;
struct left_way {
    std::unique_ptr<parting> next;
};
struct right_way {
    std::unique_ptr<parting> next;
};
struct parting {
    std::variant<left_way, right_way> way;
};

struct route {
    std::string from;
    std::string to;
    int changes = 3;
    std::optional<int> seats;
    std::vector<std::string> via;
    unit in = unit::km;
};

struct everything {
    bool flag = false;
    std::int8_t tiny = 0;
    std::uint64_t huge = 0;
    std::int64_t low = 0;
    float ratio = 0;
    double exact = 0;
    std::string text;
    size choice = size::small;
    std::optional<std::string> maybe;
    std::unique_ptr<point> own;
    std::shared_ptr<point> shared;
    std::variant<int, std::string, point> either;
    std::vector<point> points;
    std::deque<int> queue;
    std::list<bool> list;
    std::vector<bool> bits;
    std::set<int> sorted;
    std::unordered_set<std::string> hashed;
    std::array<int, 3> triple{};
    std::pair<int, std::string> pair;
    std::tuple<int, bool, std::string> tuple;
    std::map<std::string, int> map;
    std::unordered_map<std::string, std::vector<int>> hashes;
    std::chrono::milliseconds wait{};
    std::chrono::sys_seconds when;
    std::chrono::year_month_day day{std::chrono::year{2024}, std::chrono::May, std::chrono::day{1}};
    std::monostate nothing;
    json anything;
    point nested;
};

template <std::size_t>
struct one {
    int m = 0;
};

struct pairs {
    one<1> a, b;
    one<2> c, d;
};

struct share {
    double part = 1;
};

// clang-format off
struct sixty_four {
    int a0{},a1{},a2{},a3{},a4{},a5{},a6{},a7{},b0{},b1{},b2{},b3{},b4{},b5{},b6{},b7{},
        c0{},c1{},c2{},c3{},c4{},c5{},c6{},c7{},d0{},d1{},d2{},d3{},d4{},d5{},d6{},d7{},
        e0{},e1{},e2{},e3{},e4{},e5{},e6{},e7{},f0{},f1{},f2{},f3{},f4{},f5{},f6{},f7{},
        g0{},g1{},g2{},g3{},g4{},g5{},g6{},g7{},h0{},h1{},h2{},h3{},h4{},h5{},h6{},last{};
};
// clang-format on

// Types that convert themselves.
struct by_macro {
    int width = 0;
    int height = 0;

    NLOHMANN_DEFINE_TYPE_INTRUSIVE(by_macro, width, height)
};

struct money { // "12 EUR"
    int amount = 0;
    std::string currency;
};
void to_json(json& to, money const& from) {
    to = std::to_string(from.amount) + ' ' + from.currency;
}
void from_json(json const& from, money& to) {
    auto const text = from.get<std::string>();
    auto const gap = text.find(' ');
    if (gap == std::string::npos) {
        throw std::invalid_argument{"no currency"};
    }
    to = {std::stoi(text.substr(0, gap)), text.substr(gap + 1)};
}

enum class direction { north, south };
NLOHMANN_JSON_SERIALIZE_ENUM(direction, {{direction::north, "N"}, {direction::south, "S"}})

struct stars {
    int count = 0;
};
void to_json(json& to, stars const& from) {
    to = from.count;
}
void from_json(json const& from, stars& to) {
    from.get_to(to.count);
}

struct blank {};
void to_json(json& to, blank const& /*from*/) {
    to = nullptr;
}
void from_json(json const& /*from*/, blank& /*to*/) {}

struct with_own {
    by_macro box;
    money price;
    direction way = direction::north;
};

template <class T>
auto read(char const* text, llms::reflect_options const& options = {}) {
    return from_json_checked<T>(json::parse(text), options);
}

template <class T>
auto coerce(char const* text) {
    return read<T>(text, {.coerce = llms::coercion::all});
}

// The pointers and messages of a report.
auto lines(llms::report const& report) -> std::vector<std::string> {
    auto result = std::vector<std::string>{};
    for (auto const& each : report.errors()) {
        result.push_back(each.instance_pointer + ": " + each.message);
    }
    return result;
}

auto error_of(auto const& checked) -> std::string {
    REQUIRE_FALSE(checked);
    return lines(checked.report()).front();
}

} // namespace

} // namespace reflect_test

template <>
inline constexpr auto llms::described<reflect_test::route> = llms::description{
    "A journey by train.",
    llms::member{.of = "from", .name = "start", .text = "Town of departure", .min_length = 1},
    llms::member{.of = "changes", .minimum = 0, .maximum = 9, .optional = true},
    llms::member{.of = "seats", .exclusive_minimum = 0, .exclusive_maximum = 5},
    llms::member{.of = "via", .max_items = 2, .optional = true},
    llms::member{.of = "in", .optional = true}};

template <>
inline constexpr auto llms::described<reflect_test::unit> =
    llms::description{"Unit of length", llms::enumerator{reflect_test::unit::mi, "miles"}};

template <>
inline constexpr auto llms::described<reflect_test::far_away> =
    llms::description{"", llms::enumerator{reflect_test::far_away::far, "far"}};

template <>
inline constexpr auto llms::described<reflect_test::share> =
    llms::description{"", llms::member{.of = "part", .minimum = 0.25, .maximum = 1}};

template <>
inline constexpr auto llms::described<reflect_test::money> =
    llms::description{"An amount", llms::schema_text{R"({"type": "string", "pattern": " "})"}};

namespace reflect_test {

TEST_CASE("reflect: names of members and enumerators are constants", "[reflect]") {
    static_assert(llms::detail::member_names<point>[1] == "y");
    static_assert(llms::detail::member_names<sixty_four>.size() == 64);
    static_assert(llms::detail::member_names<sixty_four>[63] == "last");
    static_assert(llms::detail::choices_of<size>[2].name == "x_large");
    static_assert(llms::detail::choices_of<plain>.size() == 2);
    static_assert(llms::detail::choices_of<unit>.size() == 2);
    static_assert(llms::detail::type_name<one<3>>() == "one");
    static_assert(llms::reflectable<everything>);
    static_assert(!llms::reflectable<char> && !llms::reflectable<int*>);

    CHECK(to_json(size::x_large) == "x_large");
    CHECK(to_json(static_cast<size>(5)) == 5); // which has no name

    struct local {
        int of_a_function = 1;
    };
    CHECK(to_json(local{}).dump() == R"({"of_a_function":1})");
}

TEST_CASE("reflect: a struct becomes a closed object schema in its own order", "[reflect]") {
    CHECK(schema_of<order>().dump() ==
          R"({"type":"object","properties":{"dish":{"type":"string"},)"
          R"("how_large":{"type":"string","enum":["small","large","x_large"]},)"
          R"("toppings":{"type":"array","items":{"type":"string"}},"table":{"type":"integer"},)"
          R"("places":{"type":"object","additionalProperties":{"type":"object","properties":)"
          R"({"x":{"type":"number"},"y":{"type":"number"}},"required":["x","y"],)"
          R"("additionalProperties":false}}},"required":["dish","how_large","toppings","places"],)"
          R"("additionalProperties":false})");
    CHECK_FALSE(schema_of<order>(llms::unknown_members::ignore).contains("additionalProperties"));
    CHECK(schema_of<order, json>() == json(schema_of<order>()));
}

TEST_CASE("reflect: descriptions, limits, names and defaults are in the schema", "[reflect]") {
    auto const schema = schema_of<route>();
    CHECK(schema["description"] == "A journey by train.");
    CHECK(schema["required"] == ordered_json({"start", "to"}));
    auto const& members = schema["properties"];
    CHECK(members["start"].dump() ==
          R"({"type":"string","minLength":1,"description":"Town of departure"})");
    CHECK(members["changes"].dump() == R"({"type":"integer","minimum":0,"maximum":9,"default":3})");
    CHECK(members["seats"].dump() ==
          R"({"type":"integer","exclusiveMinimum":0,"exclusiveMaximum":5})");
    CHECK(members["via"].dump() ==
          R"({"type":"array","items":{"type":"string"},"maxItems":2,"default":[]})");
    CHECK(members["in"].dump() == R"({"type":"string","enum":["miles","km"],)"
                                  R"("description":"Unit of length","default":"km"})");
}

TEST_CASE("reflect: a recursive type refers to itself", "[reflect]") {
    auto const schema = schema_of<tree, json>();
    CHECK(schema["properties"]["children"]["items"]["$ref"] == "#/$defs/tree");
    CHECK(schema["$defs"]["tree"]["properties"]["twin"]["$ref"] == "#/$defs/tree");

    auto const document = json::parse(
        R"({"value": 1, "children": [{"value": 2, "children": []}],
            "twin": {"value": 3, "children": []}})");
    CHECK(llms::validator{llms::schema::compile(schema)}.is_valid(document));
    auto const read = from_json_checked<tree>(document);
    REQUIRE(read);
    CHECK(read->children.at(0).value == 2);
    CHECK(read->twin->value == 3);
    CHECK(to_json<json>(*read) == document);
}

TEST_CASE("reflect: two types of one name are two definitions", "[reflect]") {
    auto const schema = schema_of<pairs, json>();
    CHECK(schema["properties"]["b"]["$ref"] == "#/$defs/one");
    CHECK(schema["properties"]["d"]["$ref"] == "#/$defs/one2");
    CHECK(schema["$defs"].size() == 2);
}

TEST_CASE("reflect: every kind of member survives the way to JSON and back", "[reflect]") {
    auto value = everything{};
    value.flag = true;
    value.tiny = -128;
    value.huge = std::numeric_limits<std::uint64_t>::max();
    value.low = std::numeric_limits<std::int64_t>::min();
    value.ratio = 0.1F;
    value.exact = 0.1;
    value.text = "h\u00e9 \"\n";
    value.choice = size::x_large;
    value.maybe = "yes";
    value.own = std::make_unique<point>(point{1, 2});
    value.shared = std::make_shared<point>(point{3, 4});
    value.either = point{5, 6};
    value.points = {{1, 1}, {2, 2}};
    value.queue = {1, 2};
    value.list = {true, false};
    value.bits = {false, true};
    value.sorted = {3, 1};
    value.hashed = {"a"};
    value.triple = {1, 2, 3};
    value.pair = {7, "seven"};
    value.tuple = {1, true, "x"};
    value.map = {{"a/b~c", 1}};
    value.hashes = {{"k", {1, 2}}};
    value.wait = -1500ms;
    value.when = std::chrono::sys_days{std::chrono::year{2024} / 2 / 29} + 3h + 4min + 5s;
    value.anything = json::parse(R"({"deep": [1, {"x": null}]})");
    value.nested = {8, 9};

    auto const written = to_json<json>(value);
    CHECK(written["wait"] == "-PT1.5S");
    CHECK(written["when"] == "2024-02-29T03:04:05Z");
    CHECK(written["day"] == "2024-05-01");
    auto const compiled = llms::schema::compile(schema_of<everything>());
    CHECK(llms::validator{compiled}.validate(written).text().empty());

    auto const back = from_json_checked<everything>(written);
    INFO(back.text());
    REQUIRE(back);
    CHECK(to_json<json>(*back) == written);
    CHECK(back->wait == value.wait);
    CHECK(back->huge == value.huge);

    auto const ordered = to_json(value);
    CHECK(ordered.begin().key() == "flag");
    auto const from_ordered = from_json_checked<everything>(ordered);
    REQUIRE(from_ordered);
    CHECK(to_json<json>(*from_ordered) == written);
}

TEST_CASE("reflect: optional members may be absent or null, others may not", "[reflect]") {
    auto const absent =
        read<order>(R"({"dish": "x", "how_large": "small", "toppings": [], "places": {}})");
    REQUIRE(absent);
    CHECK_FALSE(absent->table);
    CHECK(to_json(*absent).contains("table") == false);
    CHECK(read<order>(R"({"dish": "x", "how_large": "small", "toppings": [], "places": {},
                          "table": null})"));
    CHECK(error_of(read<order>(R"({"dish": null, "how_large": "small", "toppings": [],
                                    "places": {}})")) == "/dish: expected a string, found null");
    auto const defaulted = read<route>(R"({"start": "a", "to": "b"})");
    REQUIRE(defaulted);
    CHECK(defaulted->changes == 3);
}

TEST_CASE("reflect: integers are never cut, rounded or wrapped", "[reflect]") {
    CHECK(*read<std::uint8_t>("255") == 255);
    CHECK(*read<std::int8_t>("-128") == -128);
    CHECK(*read<int>("3.0") == 3);
    CHECK(*read<int>("1e3") == 1000);
    CHECK(*read<std::uint64_t>("18446744073709551615") ==
          std::numeric_limits<std::uint64_t>::max());
    CHECK(error_of(read<std::uint8_t>("256")) == ": expected an integer from 0 to 255, found 256");
    CHECK_FALSE(read<std::uint8_t>("-1"));
    CHECK_FALSE(read<std::int8_t>("128"));
    CHECK_FALSE(read<int>("2147483648"));
    CHECK_FALSE(read<std::int64_t>("9223372036854775808"));
    CHECK_FALSE(read<std::int64_t>("1e19"));
    CHECK_FALSE(read<std::uint64_t>("18446744073709551616"));
    CHECK_FALSE(read<std::uint64_t>("1e300"));
    CHECK_FALSE(read<unsigned>("-0.5"));
    CHECK_FALSE(read<int>("3.5"));
    CHECK_FALSE(read<int>("true"));
    CHECK_FALSE(read<bool>("1"));
    CHECK_FALSE(read<float>("1e300"));
    CHECK(*read<float>("1e30") == 1e30F);
    CHECK(*read<double>("7") == 7.0);
    CHECK(*read<double>("-7") == -7.0);
}

TEST_CASE("reflect: a report names every place and what was expected there", "[reflect]") {
    auto const result = read<order>(R"({"how_large": "huge", "toppings": ["a", 2], "tabel": 1,
                                         "places": {"a/b~": {"x": "1", "y": 2}}})");
    REQUIRE_FALSE(result);
    CHECK(lines(result.report()) ==
          std::vector<std::string>{
              R"(/how_large: expected one of "small", "large", "x_large", found "huge")",
              R"(/places/a~1b~0/x: expected a number, found "1")",
              R"(/tabel: is unknown; the members are dish, how_large, toppings, table, places)",
              R"(/toppings/1: expected a string, found 2)",
              R"(: the required member "dish" is missing)"});
    CHECK(result.report().errors().back().keyword == "required");

    auto const bounded = read<order>(R"({"x1": 1, "x2": 2, "x3": 3})", {.max_errors = 2});
    CHECK(bounded.report().errors().size() == 2);
    CHECK(bounded.report().truncated());
    CHECK_FALSE(read<point>(R"({"x": null, "y": null})", {.max_errors = 2}).report().truncated());
    auto const first =
        read<std::map<std::string, int>>(R"({"a": "1", "b": "2", "c": "3"})", {.max_errors = 1});
    CHECK(lines(first.report()).size() == 1);
    CHECK(first.report().truncated());
    auto const lenient =
        read<point>(R"({"x": 1, "y": 2, "z": 3})", {.unknown = llms::unknown_members::ignore});
    CHECK(lenient);
}

TEST_CASE("reflect: a report shows what was found, if it is short", "[reflect]") {
    CHECK(error_of(read<int>("{}")).ends_with(", found an empty object"));
    CHECK(error_of(read<int>(R"({"a": 1})")).ends_with(", found an object"));
    CHECK(error_of(read<int>("[]")).ends_with(", found an empty array"));
    CHECK(error_of(read<int>("[1]")).ends_with(", found an array"));
    // Cut between characters.
    auto const shown = std::string(39, 'x');
    CHECK(error_of(from_json_checked<int>(json(shown + "\u00e9y")))
              .ends_with(", found \"" + shown + "...\""));
}

TEST_CASE("reflect: limits of described are checked", "[reflect]") {
    CHECK(error_of(read<route>(R"({"start": "", "to": "b"})")) ==
          "/start: expected at least 1 characters, found 0");
    CHECK(error_of(read<route>(R"({"start": "a", "to": "b", "changes": 10})")) ==
          "/changes: expected at most 9, found 10");
    CHECK(error_of(read<route>(R"({"start": "a", "to": "b", "seats": 5})")) ==
          "/seats: expected less than 5, found 5");
    CHECK(error_of(read<route>(R"({"start": "a", "to": "b", "seats": 0})")) ==
          "/seats: expected more than 0, found 0");
    CHECK(error_of(read<route>(R"({"start": "a", "to": "b", "changes": -1})")) ==
          "/changes: expected at least 0, found -1");
    CHECK(error_of(read<route>(R"({"start": "a", "to": "b", "via": ["1", "2", "3"]})")) ==
          "/via: expected at most 2 items, found 3");
    CHECK(error_of(read<share>(R"({"part": 0.2})")) == "/part: expected at least 0.25, found 0.2");
    CHECK(read<route>(R"({"start": "\u00e9", "to": "b", "seats": null, "in": "miles"})"));
    CHECK_FALSE(read<route>(R"({"start": "a", "to": "b", "in": "mi"})"));
    CHECK(read<far_away>(R"("far")"));
    CHECK(read<far_away>(R"("near")"));
}

TEST_CASE("reflect: a variant takes the first alternative that fits", "[reflect]") {
    using number = std::variant<int, double>;
    CHECK(std::get<int>(*read<number>("3")) == 3);
    CHECK(std::get<double>(*read<number>("3.5")) == 3.5);
    using shape = std::variant<circle, square>;
    CHECK(std::get<square>(*read<shape>(R"({"side": 2})")).side == 2);
    CHECK(error_of(read<shape>(R"({"edge": 2})")) ==
          ": fits none of its 2 forms: circle (/edge: is unknown; the members are radius); "
          "square (/edge: is unknown; the members are side)");
    // Only one alternative is an object: its own errors are told.
    using name_or_point = std::variant<std::string, point>;
    CHECK(error_of(read<name_or_point>(R"({"x": 1})")) ==
          R"(: the required member "y" is missing)");
    CHECK(schema_of<name_or_point, json>()["anyOf"].size() == 2);
    // Forms without a name of their own go by that of their kind.
    using many = std::variant<bool, int, double, std::vector<int>, std::map<std::string, int>,
                              std::chrono::seconds, std::chrono::year_month_day,
                              std::chrono::sys_seconds, far_away, std::monostate, one<1>>;
    auto const text = error_of(read<many>(R"("x")"));
    CAPTURE(text);
    CHECK(text.starts_with(": fits none of its 11 forms: boolean ("));
    for (auto const* const form : {"integer (", "number (", "array (", "object (", "duration (",
                                   "date (", "date-time (", "far_away (", "null (", "one ("}) {
        CHECK(text.find(std::string("; ") + form) != std::string::npos);
    }
    CHECK(to_json(shape{circle{1}}).dump() == R"({"radius":1.0})");
    using size_or_text = std::variant<size, std::string>;
    CHECK(std::get<size>(*read<size_or_text>(R"("large")")) == size::large);
    CHECK(std::get<std::string>(*read<size_or_text>(R"("huge")")) == "huge");
    using some = std::variant<int, std::vector<int>>;
    CHECK(std::get<std::vector<int>>(*read<some>("[1, 2]")) == std::vector<int>{1, 2});
    CHECK_FALSE(from_json_checked<some>(json::binary({1, 2})));
}

TEST_CASE("reflect: arrays of fixed length and sets keep their promises", "[reflect]") {
    CHECK(error_of(read<std::array<int, 3>>("[1, 2]")) ==
          ": expected an array of 3 items, found 2");
    CHECK_FALSE(read<std::pair<int, int>>("[1, 2, 3]"));
    CHECK(error_of(read<std::set<int>>("[1, 1]")) ==
          "/1: is equal to an item before it, and all must differ");
    CHECK(schema_of<std::set<int>, json>()["uniqueItems"] == true);
    CHECK(*read<std::vector<std::optional<int>>>("[1, null]") ==
          std::vector<std::optional<int>>{1, std::nullopt});
    CHECK(schema_of<std::vector<std::optional<int>>>()["items"].dump() ==
          R"({"type":["integer","null"]})");
    CHECK(schema_of<std::vector<std::optional<size>>>()["items"].dump() ==
          R"({"anyOf":[{"type":"string","enum":["small","large","x_large"]},{"type":"null"}]})");
}

TEST_CASE("reflect: times are text that says its unit", "[reflect]") {
    CHECK(*read<std::chrono::seconds>(R"("PT1H30M")") == 90min);
    CHECK(*read<std::chrono::seconds>(R"("P1W2DT3S")") == 9 * 24h + 3s);
    CHECK(*read<std::chrono::milliseconds>(R"("PT0.25S")") == 250ms);
    CHECK(*read<std::chrono::minutes>(R"("PT120S")") == 2min);
    CHECK(*read<std::chrono::duration<double>>(R"("PT0.5S")") == 500ms);
    for (auto const* const bad :
         {R"("PT0.5S")", R"("P1M")", R"("P1Y")", R"("PT")", R"("P")", R"("1H")", "90", R"("P1W2W")",
          R"("PT1S2M")", R"("PT99999999999999999999S")", R"("PT9223372036854775807H")",
          R"("PT0.5M")", R"("PT1.S")"}) {
        INFO(bad);
        CHECK_FALSE(read<std::chrono::seconds>(bad));
    }
    using brief = std::chrono::duration<std::int16_t, std::milli>;
    CHECK(*read<brief>(R"("PT32.767S")") == brief::max());
    CHECK_FALSE(read<brief>(R"("PT32.768S")"));
    using instant = std::chrono::sys_time<std::chrono::milliseconds>;
    auto const noon = std::chrono::sys_days{std::chrono::year{2024} / 5 / 1} + 12h;
    CHECK(*read<instant>(R"("2024-05-01T12:00:00Z")") == noon);
    CHECK(*read<instant>(R"("2024-05-01t14:00:00.250+02:00")") == noon + 250ms);
    for (auto const* const bad :
         {R"("2024-05-01")", R"("2024-02-30T12:00:00Z")", R"("2024-05-01T24:00:00Z")",
          R"("2024-05-01T12:00:00")", R"("2024-05-01T12:00:60Z")", R"("2024-05-01T12:00:00.0001Z")",
          R"("2024-05-01T12:00:00+24:00")", R"("2024-05-01T12:00:00-01:60")", "1714564800"}) {
        INFO(bad);
        CHECK_FALSE(read<instant>(bad));
    }
    CHECK(to_json(std::chrono::sys_seconds{-1s}) == "1969-12-31T23:59:59Z");
    CHECK(to_json(90061s) == "PT25H1M1S");
    CHECK(to_json(0ns) == "PT0S");
    CHECK(to_json(-1ns) == "-PT0.000000001S");
    CHECK(*from_json_checked<std::chrono::nanoseconds>(to_json(-1ns)) == -1ns);
    CHECK_FALSE(read<std::chrono::year_month_day>(R"("2023-02-29")"));
}

TEST_CASE("reflect: types with conversions of their own use them", "[reflect]") {
    auto const document =
        json::parse(R"({"box": {"width": 1, "height": 2}, "price": "12 EUR", "way": "S"})");
    auto const value = from_json_checked<with_own>(document);
    REQUIRE(value);
    CHECK(value->box.height == 2);
    CHECK(value->price.currency == "EUR");
    CHECK(value->way == direction::south);
    CHECK(to_json<json>(*value) == document);

    auto const schema = schema_of<with_own, json>()["properties"];
    CHECK(schema["box"]["required"] == json({"width", "height"}));
    CHECK(schema["price"] ==
          json({{"type", "string"}, {"pattern", " "}, {"description", "An amount"}}));
    CHECK(schema["way"]["enum"] == json({"N", "S"}));
    CHECK(schema_of<stars, json>() == json({{"type", "integer"}}));
    CHECK(schema_of<blank, json>() == json::object());
    CHECK(read<stars>("4")->count == 4);
    CHECK(read<blank>("null"));

    auto const bad = read<with_own>(R"({"box": {"width": 1}, "price": "12", "way": "up"})");
    REQUIRE(bad.report().errors().size() == 3);
    CHECK(bad.report().errors()[1].message == "no currency");
    CHECK(bad.report().errors()[2].instance_pointer == "/way");
}

TEST_CASE("reflect: with coercion the value is filled and every liberty listed", "[reflect]") {
    auto const value = coerce<order>(
        R"({"dish": "x", "how_large": "LARGE", "toppings": "[\"a\"]", "table": " 7 ",
            "places": "{\"home\": {\"x\": \"1.5\", \"y\": 2}}"})");
    INFO(value.text());
    REQUIRE(value);
    CHECK(*value == order{"x", size::large, {"a"}, 7, {{"home", {1.5, 2}}}});
    auto changes = std::vector<std::string>{};
    for (auto const& each : value.changes()) {
        changes.push_back(each.pointer + ' ' + std::string{to_string(each.rule)});
    }
    CHECK(changes == std::vector<std::string>{"/how_large enum_case", "/places text_to_object",
                                              "/places/home/x text_to_number",
                                              "/table text_to_number", "/toppings text_to_array"});
    CHECK(value.changes().front().from == "LARGE");
    CHECK(value.changes().front().to == json("large"));

    CHECK(*coerce<std::vector<int>>("5") == std::vector<int>{5});
    CHECK(*coerce<std::vector<std::string>>(R"("[1, 2]")") == std::vector<std::string>{"[1, 2]"});
    CHECK(coerce<route>(R"({"start": "a", "to": "b", "changes": null, "seats": ""})")->changes ==
          3);
    CHECK(*coerce<std::chrono::year_month_day>(R"("May 1, 2024")") ==
          std::chrono::year{2024} / 5 / 1);
    CHECK(*coerce<std::optional<bool>>(R"("False")") == false);
    CHECK(*coerce<std::optional<bool>>(R"("null")") == std::nullopt);
}

TEST_CASE("reflect: coercion never guesses", "[reflect]") {
    for (auto const* const bad :
         {R"("3.14")", R"("1,234")", R"("007")", R"("+5")", R"("0x10")", R"("")", R"("12 apples")",
          R"("2147483648")", "null", "true", "[3]", R"("1e-1")", R"("NaN")"}) {
        INFO(bad);
        CHECK_FALSE(coerce<int>(bad));
    }
    for (auto const* const bad : {R"("yes")", R"("1")", "1", "0", R"("garbage")", "null"}) {
        INFO(bad);
        CHECK_FALSE(coerce<bool>(bad));
    }
    CHECK_FALSE(coerce<std::string>("5"));
    CHECK_FALSE(coerce<std::vector<int>>("null"));
    CHECK(error_of(coerce<std::vector<int>>("true")) == ": expected an array, found true");
    CHECK_FALSE(coerce<size>(R"("LARG")"));
    CHECK_FALSE(coerce<prefix>(R"("MILLI")")); // either could be meant
    CHECK_FALSE(coerce<std::int64_t>(R"("9223372036854775808")"));
    CHECK_FALSE(coerce<std::int64_t>(R"("9007199254740993.0")"));
    // Two alternatives could be meant.
    CHECK_FALSE(coerce<std::variant<std::vector<int>, std::set<int>>>("5"));
    CHECK(std::get<int>(*coerce<std::variant<int, bool>>(R"("5")")) == 5);
    CHECK(read<int>(R"("3")", {.coerce = ~llms::coercion::text_to_number}).changes().empty());
    CHECK_FALSE(read<int>(R"("3")", {.coerce = ~llms::coercion::text_to_number}));
}

TEST_CASE("reflect: hostile documents are bounded in depth and work", "[reflect]") {
    auto text = std::string{};
    for (auto i = 0; i < 100'000; ++i) {
        text += R"({"value":1,"children":[)";
    }
    for (auto i = 0; i < 100'000; ++i) {
        text += "]}";
    }
    auto const deep = from_json_checked<tree>(json::parse(text));
    REQUIRE_FALSE(deep);
    CHECK(deep.text().find("nested deeper than 128 levels") != std::string::npos);
    CHECK_FALSE(from_json_checked<json>(json::parse(text)));
    CHECK(from_json_checked<everything>(json{{"anything", json::parse(std::string(100'000, '[') +
                                                                      std::string(100'000, ']'))}})
              .text()
              .find("nested deeper") != std::string::npos);
    CHECK_FALSE(read<std::vector<int>>("[1, 2, 3]", {.max_values = 3}));
    using grid = std::vector<std::vector<std::vector<int>>>;
    CHECK(read<grid>("[[[1]]]", {.max_depth = 3}));
    CHECK(error_of(read<grid>("[[[1]]]", {.max_depth = 2})) == "/0/0: nested deeper than 2 levels");
    CHECK(error_of(read<money>("[[[1]]]", {.max_depth = 2})) == ": nested deeper than 2 levels");

    auto partings = json(5);
    for (auto level = 0; level < 60; ++level) {
        partings = {{"way", {{"next", std::move(partings)}}}};
    }
    for (auto const rules : {llms::coercion::none, llms::coercion::all}) {
        auto const lost =
            from_json_checked<parting>(partings, {.coerce = rules, .max_values = 100'000});
        CHECK_FALSE(lost);
        CHECK(lost.text().size() < 1000);
        CHECK(lost.changes().empty());
    }

    // A text inside of a text is no way around the bound.
    auto quoted = json(std::string(200, '[') + std::string(200, ']')).dump();
    CHECK_FALSE(coerce<std::vector<json>>(quoted.c_str())->at(0).is_array());
}

TEST_CASE("reflect: a choice between choices", "[reflect]") {
    using number = std::variant<int, bool>;
    using choice = std::variant<number, std::string>;
    CHECK(std::get<bool>(std::get<number>(*read<choice>("true"))));
    CHECK(std::get<int>(std::get<number>(*read<choice>("7"))) == 7);
    CHECK(std::get<std::string>(*read<choice>(R"("7")")) == "7");
    CHECK_FALSE(read<choice>("null"));
    using perhaps = std::variant<std::optional<int>, std::string>;
    CHECK_FALSE(std::get<std::optional<int>>(*read<perhaps>("null")));
    CHECK(std::get<std::optional<int>>(*read<perhaps>("7")) == 7);
}

} // namespace reflect_test
