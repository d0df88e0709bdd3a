// SPDX-License-Identifier: MIT
//
// A C++ value read out of JSON, or every reason why it could not be:
//
//     auto const order = llms::from_json_checked<pizza_order>(json);
//     if (!order) {
//         ask_again(order.text()); // "/size: expected one of small, large, found \"huge\""
//     }
//     bake(order->size);
#ifndef LLMS_SCHEMA_CHECKED_HPP
#define LLMS_SCHEMA_CHECKED_HPP

#include <llms/schema/change.hpp>

#include <nlohmann/json.hpp>

#include <cassert>
#include <string>
#include <utility>
#include <vector>

namespace llms::inline v0_1 {

/// One thing that is wrong with a JSON value.
struct problem {
    /// JSON Pointer of the place; empty for the whole value.
    std::string pointer;
    /// What was expected and what was found, as a sentence without a full stop.
    std::string message;

    friend auto operator==(problem const&, problem const&) -> bool = default;
};

/// The problems as text for a person or a model, one a line.
[[nodiscard]] inline auto to_text(std::vector<problem> const& problems) -> std::string {
    auto text = std::string{};
    for (auto const& each : problems) {
        text += text.empty() ? "" : "\n";
        text += each.pointer.empty() ? "the value" : each.pointer;
        text += ": ";
        text += each.message;
    }
    return text;
}

/// A `T` when truthy, else a list of problems. Made by `from_json_checked`.
template <class T, class Json = nlohmann::json>
class [[nodiscard]] checked {
public:
    checked(T value, std::vector<problem> problems, std::vector<change<Json>> changes)
        : value_(std::move(value)),
          problems_(std::move(problems)),
          changes_(std::move(changes)) {}

    /// Whether there is a value.
    [[nodiscard]] explicit operator bool() const noexcept { return problems_.empty(); }

    /// The value. \pre `*this` is truthy
    [[nodiscard]] auto operator*() const& noexcept -> T const& {
        assert(problems_.empty() && "a value that did not pass is not to be used");
        return value_;
    }
    [[nodiscard]] auto operator*() && noexcept -> T&& {
        assert(problems_.empty() && "a value that did not pass is not to be used");
        return std::move(value_);
    }
    [[nodiscard]] auto operator->() const noexcept -> T const* { return &**this; }

    /// What is wrong, at most `reflect_options::max_problems`; empty when truthy.
    [[nodiscard]] auto problems() const noexcept -> std::vector<problem> const& {
        return problems_;
    }
    /// The problems as text, one a line.
    [[nodiscard]] auto text() const -> std::string { return to_text(problems_); }
    /// The coercions that were made, if they were asked for.
    [[nodiscard]] auto changes() const noexcept -> std::vector<change<Json>> const& {
        return changes_;
    }

private:
    T value_;
    std::vector<problem> problems_;
    std::vector<change<Json>> changes_;
};

} // namespace llms::inline v0_1

#endif // LLMS_SCHEMA_CHECKED_HPP
