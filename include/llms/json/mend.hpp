// SPDX-License-Identifier: MIT
//
// What may be mended in text that is meant as JSON. Each is a rule that has one reading; whatever is
// not in the table is refused: what is left out (`...`), what JSON has no word for (NaN, undefined),
// holes in arrays, quotes inside of a string, digits like 010 or 1,234, brackets that do not pair.
//
// | rule              | from                               | to               | never                  |
// |-------------------|------------------------------------|------------------|------------------------|
// | byte_order_mark   | U+FEFF before the text             | nothing          |                        |
// | prose             | words before and after             | nothing          | code: `a[0]`, `x = {`  |
// | fence             | a code fence around                | nothing          | one tagged as no JSON  |
// | comment           | `// a`, `# a`, `/* a */`           | nothing          |                        |
// | trailing_comma    | `[1,]`                             | `[1]`            | `[,]`                  |
// | double_comma      | `{"a": 1,, "b": 2}`                | one comma        | in an array            |
// | missing_comma     | `[1⏎2]`, `[{}{}]`, `{"a": 1 "b":…` | with the comma   | `[1 2]`, `{"a": "x" "` |
// | quotes            | `'a'`, `“a”`, `‘a’`                | `"a"`            |                        |
// | unquoted_key      | `{a: 1}`                           | `{"a": 1}`       | `{null: 1}`, `{1: 1}`  |
// | literal           | `True`, `False`, `None`            | as JSON has them | NaN, undefined         |
// | number            | `+3`, `.5`, `-.25`, `5.`           | `3`, `0.5`, …    | `010`, `0x1F`, `1.2.3` |
// | control_character | a line feed or tab in a string     | `\n`, `\t`, …    |                        |
// | concatenation     | `"a" + "b"`                        | `"ab"`           | of anything else       |
// | missing_bracket   | `{"a": [1, 2`⏎ at the very end     | `{"a": [1, 2]}`  | after `[`, `"a":`, `2` |
#ifndef LLMS_JSON_MEND_HPP
#define LLMS_JSON_MEND_HPP

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

namespace llms::inline v0_1 {

/// A set of mending rules, joined with `|`; the header's table says what each does.
enum class mending : std::uint16_t {
    none = 0,
    byte_order_mark = 1 << 0,
    prose = 1 << 1,
    fence = 1 << 2,
    around = (1 << 3) - 1, ///< those that leave the value itself as it is
    comment = 1 << 3,
    trailing_comma = 1 << 4,
    double_comma = 1 << 5,
    missing_comma = 1 << 6,
    quotes = 1 << 7,
    unquoted_key = 1 << 8,
    literal = 1 << 9,
    number = 1 << 10,
    control_character = 1 << 11,
    concatenation = 1 << 12,
    missing_bracket = 1 << 13,
    all = (1 << 14) - 1,
};

constexpr auto operator|(mending a, mending b) noexcept -> mending {
    return static_cast<mending>(static_cast<std::uint16_t>(a) | static_cast<std::uint16_t>(b));
}

constexpr auto operator&(mending a, mending b) noexcept -> mending {
    return static_cast<mending>(static_cast<std::uint16_t>(a) & static_cast<std::uint16_t>(b));
}

/// `mending::all & ~mending::missing_bracket` is every rule but one.
constexpr auto operator~(mending a) noexcept -> mending {
    return static_cast<mending>(~static_cast<std::uint16_t>(a)) & mending::all;
}

/// The name of one rule, as in the table.
constexpr auto to_string(mending rule) noexcept -> std::string_view {
    constexpr std::string_view names[] = {"byte_order_mark", "prose",          "fence",
                                          "comment",         "trailing_comma", "double_comma",
                                          "missing_comma",   "quotes",         "unquoted_key",
                                          "literal",         "number",         "control_character",
                                          "concatenation",   "missing_bracket"};
    for (std::size_t i = 0; i < std::size(names); ++i) {
        if (static_cast<std::uint16_t>(rule) == 1U << i) {
            return names[i];
        }
    }
    return "mending";
}

/// What was mended at one place.
struct mend {
    mending rule{};         ///< one rule
    std::size_t offset = 0; ///< of the first byte concerned, in the text that was given

    friend auto operator==(mend const&, mend const&) -> bool = default;
};

} // namespace llms::inline v0_1

#endif // LLMS_JSON_MEND_HPP
