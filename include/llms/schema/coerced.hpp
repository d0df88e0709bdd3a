// SPDX-License-Identifier: MIT
//
// The outcome of a coercion: the value that fits the schema, with what was changed to get it, or
// what is still wrong. Nothing is copied unless something was changed.
#ifndef LLMS_SCHEMA_COERCED_HPP
#define LLMS_SCHEMA_COERCED_HPP

#include <llms/schema/change.hpp>
#include <llms/schema/report.hpp>

#include <nlohmann/json.hpp>

#include <optional>
#include <utility>
#include <vector>

namespace llms::inline v0_1 {

/// Truthy when the value is valid, as it was or with the changes listed. Made by `coercer`.
template <class Json = nlohmann::json>
class [[nodiscard]] coerced {
public:
    /// Valid as it is.
    coerced() = default;
    /// Valid as `value`.
    coerced(Json value, std::vector<change<Json>> changes)
        : value_(std::move(value)),
          changes_(std::move(changes)) {}
    /// Not valid, whatever is done to it.
    explicit coerced(llms::report report) : report_(std::move(report)) {}

    /// Whether the value is valid.
    [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(report_); }

    /// The coerced copy, or `original` if nothing was changed (so also when it is not valid).
    [[nodiscard]] auto value(Json const& original) const& noexcept -> Json const& {
        return value_ ? *value_ : original;
    }
    /// As above, by value: moves out what it can.
    [[nodiscard]] auto value(Json original) && -> Json {
        return value_ ? std::move(*value_) : std::move(original);
    }

    /// What was changed, in an order in which it can be replayed; empty when not valid.
    [[nodiscard]] auto changes() const noexcept -> std::vector<change<Json>> const& {
        return changes_;
    }
    /// What is wrong even after all that coercion could mend; its pointers are into the value so
    /// mended.
    [[nodiscard]] auto report() const noexcept -> llms::report const& { return report_; }

private:
    std::optional<Json> value_;
    std::vector<change<Json>> changes_;
    llms::report report_;
};

} // namespace llms::inline v0_1

#endif // LLMS_SCHEMA_COERCED_HPP
