// SPDX-License-Identifier: MIT
//
// Whatever JSON comes: its canonical text reads back as the same value, is its own canonical text,
// and does not depend on the order of members or on the kind of basic_json.
#include <llms/json/canonical.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

namespace {

void demand(bool holds) {
    if (!holds) {
        std::abort();
    }
}

template <class Json>
auto text(llms::canonical_form const& form, Json const& value) -> std::optional<std::string> {
    try {
        return form.text(value);
    } catch (llms::canonical_error const&) {
        return std::nullopt; // too deep, or a number beyond double
    }
}

} // namespace

extern "C" auto LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) -> int {
    using nlohmann::json;
    using nlohmann::ordered_json;
    std::string_view const input(reinterpret_cast<char const*>(bytes), size); // NOLINT
    auto const ordered = ordered_json::parse(input, nullptr, false);
    if (ordered.is_discarded()) {
        // Not JSON; but as the content of a string it is text, or refused.
        json const value = std::string(input);
        if (auto const made = text(llms::canonical_form(), value)) {
            demand(json::parse(*made) == value);
        }
        return 0;
    }
    auto const sorted = json::parse(input);
    for (bool const strict : {false, true}) {
        llms::canonical_form const form({.rfc8785 = strict, .max_depth = 200});
        auto const one = text(form, ordered);
        auto const other = text(form, sorted);
        // Of members with one name the two keep different ones, so these may differ in value.
        demand(one.has_value() == other.has_value() || input.find('{') != std::string_view::npos);
        if (!one) {
            continue;
        }
        auto const back = ordered_json::parse(*one);
        demand(text(form, back) == one);
        demand(form.matches(ordered, *one));
        demand(!form.matches(ordered, *one + " "));
        demand(strict || !other || json::parse(*other) == sorted);
        llms::canonical_form const partial(
            {.ignore = {"/a", "/*/0"}, .keep_order = {"/b"}, .max_depth = 200});
        demand(!ordered.is_structured() || text(partial, ordered).has_value());
    }
    return 0;
}
