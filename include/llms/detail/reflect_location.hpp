// SPDX-License-Identifier: MIT
//
// Where a walk over a JSON value is: a chain of steps on the stack, spelled as a JSON Pointer only
// when there is something to say about the place.
#ifndef LLMS_DETAIL_REFLECT_LOCATION_HPP
#define LLMS_DETAIL_REFLECT_LOCATION_HPP

#include <cstddef>
#include <string>
#include <string_view>

namespace llms::inline v0_1::detail {

struct location {
    location const* outer = nullptr; // null at the root
    std::string_view key{};          // of an object, unless `in_array`
    std::size_t index = 0;
    bool in_array = false;

    [[nodiscard]] auto member(std::string_view name) const noexcept -> location {
        return {this, name, 0, false};
    }
    [[nodiscard]] auto item(std::size_t at) const noexcept -> location {
        return {this, {}, at, true};
    }

    [[nodiscard]] auto pointer() const -> std::string {
        auto text = std::string{};
        append_to(text);
        return text;
    }

private:
    void append_to(std::string& text) const {
        if (outer == nullptr) {
            return;
        }
        outer->append_to(text);
        text += '/';
        if (in_array) {
            text += std::to_string(index);
            return;
        }
        for (auto const c : key) {
            if (c == '~') {
                text += "~0";
            } else if (c == '/') {
                text += "~1";
            } else {
                text += c;
            }
        }
    }
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_REFLECT_LOCATION_HPP
