// SPDX-License-Identifier: MIT
//
// A C++ value read out of JSON, or every reason why it could not be:
//
//     auto const order = llms::from_json_checked<pizza_order>(json);
//     if (!order) {
//         ask_again(order.text()); // - at /size: expected one of "small", "large", found "huge"
//     }
//     bake(order->size);
#ifndef LLMS_SCHEMA_CHECKED_HPP
#define LLMS_SCHEMA_CHECKED_HPP

#include <llms/schema/change.hpp>
#include <llms/schema/report.hpp>

#include <nlohmann/json.hpp>

#include <cassert>
#include <string>
#include <utility>
#include <vector>

namespace llms::inline v0_1 {

/// A `T` when truthy, else a `report` of what is wrong. Made by `from_json_checked`.
template <class T, class Json = nlohmann::json>
class [[nodiscard]] checked {
public:
    checked(T value, llms::report report, std::vector<change<Json>> changes)
        : value_(std::move(value)),
          report_(std::move(report)),
          changes_(std::move(changes)) {}

    /// Whether there is a value.
    [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(report_); }

    /// The value. \pre `*this` is truthy
    [[nodiscard]] auto operator*() const& noexcept -> T const& {
        assert(report_ && "a value that did not pass is not to be used");
        return value_;
    }
    [[nodiscard]] auto operator*() && noexcept -> T&& {
        assert(report_ && "a value that did not pass is not to be used");
        return std::move(value_);
    }
    [[nodiscard]] auto operator->() const noexcept -> T const* { return &**this; }

    /// What is wrong, at most `reflect_options::max_errors` things; truthy when there is a value.
    [[nodiscard]] auto report() const noexcept -> llms::report const& { return report_; }
    /// What is wrong as text for a model.
    [[nodiscard]] auto text() const -> std::string { return report_.text(); }
    /// The coercions that were made, if they were asked for; empty unless truthy.
    [[nodiscard]] auto changes() const noexcept -> std::vector<change<Json>> const& {
        return changes_;
    }

private:
    T value_;
    llms::report report_;
    std::vector<change<Json>> changes_;
};

} // namespace llms::inline v0_1

#endif // LLMS_SCHEMA_CHECKED_HPP
