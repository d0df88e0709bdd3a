// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include <llms/chat/pools.hpp>

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace pools_test {

namespace {

constexpr std::string_view long_text = "a text that is too long for any small-string buffer";

// Gives every field, whatever its name, a value that a new object does not have. A field added to a
// chat type is filled without a change here, or does not compile.
struct fill_field {
    void operator()(std::string& field) const { field = long_text; }
    void operator()(nlohmann::json& field) const {
        field = {{"key", long_text}, {"list", {1, long_text}}};
    }
    void operator()(llms::content_part& field) const { field = llms::text_part{"filled"}; }
    void operator()(llms::detail::explicit_copy& /*field*/) const {}
    template <class Element>
    void operator()(std::vector<Element>& field) const {
        (*this)(field.emplace_back());
        (*this)(field.emplace_back());
    }
    template <class Field>
    void operator()(Field& field) const {
        if constexpr (std::is_enum_v<Field>) {
            field = static_cast<Field>(field == static_cast<Field>(1) ? 2 : 1);
        } else if constexpr (std::is_arithmetic_v<Field>) {
            field = Field(1);
        } else {
            llms::detail::with_fields(field, [this](auto&... each) { ((*this)(each), ...); });
        }
    }
};

// Whether each field of `value` differs from that of a new object: that the filling was whole.
template <class T>
auto all_fields_differ(T& value) -> bool {
    T fresh{};
    return llms::detail::with_fields(value, [&](auto&... field) {
        return llms::detail::with_fields(fresh, [&](auto&... fresh_field) {
            auto const differ = []<class Field>(Field const& one, Field const& other) {
                if constexpr (std::is_same_v<Field, llms::detail::explicit_copy>) {
                    return true;
                } else {
                    return !(one == other);
                }
            };
            return (differ(field, fresh_field) && ...);
        });
    });
}

template <class T, class Pool = llms::object_pool<T>>
void no_field_survives() {
    Pool pool;
    T const* object = nullptr;
    {
        auto const used = pool.acquire();
        object = used.get();
        fill_field{}(*used);
        REQUIRE(all_fields_differ(*used));
        REQUIRE(!(*used == T{}));
    }
    auto const next = pool.acquire();
    REQUIRE(next.get() == object);
    CHECK(pool.stats().reused == 1);
    CHECK(*next == T{});
    T fresh{};
    // Field by field, lest operator== forgets one.
    llms::detail::with_fields(*next, [&](auto&... field) {
        llms::detail::with_fields(fresh, [&](auto&... fresh_field) {
            auto const same = []<class Field>(Field const& one, Field const& other) {
                if constexpr (!std::is_same_v<Field, llms::detail::explicit_copy>) {
                    CHECK(one == other);
                }
            };
            (same(field, fresh_field), ...);
        });
    });
}

} // namespace

TEST_CASE("pools: no field of a message survives", "[pools]") {
    no_field_survives<llms::message>();
    no_field_survives<llms::message, llms::object_pool<llms::message, llms::wiping>>();
}

TEST_CASE("pools: no field of a response survives", "[pools]") {
    no_field_survives<llms::response>();
    no_field_survives<llms::response, llms::object_pool<llms::response, llms::wiping>>();
}

TEST_CASE("pools: no field of a piece of a stream survives", "[pools]") {
    no_field_survives<llms::chunk>();
    no_field_survives<llms::chunk, llms::object_pool<llms::chunk, llms::wiping>>();
}

TEST_CASE("pools: buffers are kept, and bounded", "[pools]") {
    llms::token_pool tokens{{.max_retained_bytes = 4096}};
    tokens.acquire()->text.assign(1000, 'x');
    CHECK(tokens.acquire()->text.capacity() >= 1000);
    tokens.acquire()->text.assign(10'000, 'x');
    CHECK(tokens.stats().dropped == 1);

    llms::response_pool responses{{.max_retained_bytes = 4096}};
    responses.acquire()->message.tool_calls.reserve(1000);
    CHECK(responses.stats().dropped == 1);
}

TEST_CASE("pools: wiping reaches the strings inside JSON", "[pools]") {
    nlohmann::json value = {{"key", long_text}, {"list", {1, long_text, {{"deep", long_text}}}}};
    llms::detail::wipe(value);
    CHECK(value.is_null());
    auto bytes = nlohmann::json::binary({1, 2, 3});
    llms::detail::wipe(bytes);
    CHECK(bytes.is_null());

    // What the strings held is gone from their buffers, not only cut off.
    std::string text(long_text);
    llms::detail::wipe(text);
    CHECK(text.empty());
    text.resize(long_text.size());
    CHECK(text == std::string(long_text.size(), '\0'));

    nlohmann::json deep;
    for (int i = 0; i < 100'000; ++i) {
        deep = nlohmann::json::array({std::move(deep)});
    }
    llms::detail::wipe(deep);
    CHECK(deep.is_null());
}

} // namespace pools_test
