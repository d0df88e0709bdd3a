// SPDX-License-Identifier: MIT
//
// One liberty that was taken with a value, for the log or for the model.
#ifndef LLMS_SCHEMA_CHANGE_HPP
#define LLMS_SCHEMA_CHANGE_HPP

#include <llms/schema/coercion.hpp>

#include <nlohmann/json.hpp>

#include <optional>
#include <string>

namespace llms::inline v0_1 {

/// What a coercion did at one place. Changes are listed in an order in which they can be replayed:
/// one inside of a value that was itself changed comes after it.
template <class Json = nlohmann::json>
struct change {
    /// JSON Pointer of the value.
    std::string pointer;
    Json from;
    /// The value now; nothing when the member was removed.
    std::optional<Json> to;
    /// The rule that was applied.
    coercion rule = coercion::none;

    friend auto operator==(change const&, change const&) -> bool = default;
};

} // namespace llms::inline v0_1

#endif // LLMS_SCHEMA_CHANGE_HPP
