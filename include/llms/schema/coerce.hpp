// SPDX-License-Identifier: MIT
//
// Makes a value that a model wrote fit a schema where only its form is wrong: "3" for 3, "[1, 2]"
// for [1, 2], null for a member that may be absent. The rules are the table in `coercion.hpp`.
//
//     auto const mend = llms::coercer{llms::schema::compile(tool_schema)};
//     auto const result = mend(arguments);           // arguments stays as it is
//     if (!result) { return ask_again(result.report().text()); }
//     for (auto const& c : result.changes()) { log(c.pointer, to_string(c.rule)); }
//     call(result.value(arguments));
//
// A valid value is never changed (but for a string that is due to be a date and is none). Else each
// value that does not fit its subschema is tried against the rules; of `anyOf` and `oneOf` a branch
// is taken only if no other can be made to fit too; and the changes are made only if the whole
// value is valid then, as the validator says. So it is all or nothing. Thread safety: const, may be
// used at once; a copy is a few shared pointers. Cost: of a valid value that of validation; else a
// copy of it and two walks, bounded by `coerce_options`.
#ifndef LLMS_SCHEMA_COERCE_HPP
#define LLMS_SCHEMA_COERCE_HPP

#include <llms/detail/coerce_depth.hpp>
#include <llms/detail/coerce_program.hpp>
#include <llms/detail/coerce_walk.hpp>
#include <llms/schema/coerced.hpp>
#include <llms/schema/coercion.hpp>
#include <llms/schema/schema.hpp>
#include <llms/schema/validator.hpp>

#include <cstddef>
#include <memory>
#include <utility>

namespace llms::inline v0_1 {

/// Options of `coercer`.
struct coerce_options {
    /// The rules that may be used.
    coercion rules = coercion::all;
    /// A value nested deeper is left as it is, also one inside of a string.
    std::size_t max_depth = 128;
    /// How many values may be looked at, once for each branch that is tried.
    std::size_t max_steps = 1'000'000;
};

/// A schema that values are made to fit.
class coercer {
public:
    explicit coercer(validator judge, coerce_options const& options = {})
        : judge_(std::move(judge)),
          program_(std::make_shared<detail::coerce_program const>(judge_.compiled())),
          options_(options) {}
    explicit coercer(schema const& compiled, coerce_options const& options = {})
        : coercer(validator{compiled}, options) {}

    /// Coerces `instance`; see above.
    template <class Json>
    [[nodiscard]] auto operator()(Json const& instance) const -> coerced<Json> {
        auto const valid = judge_.is_valid(instance);
        if (valid && !program_->asks_for_dates()) {
            return {};
        }
        if (!detail::nested_within(instance, options_.max_depth, [] {})) {
            return valid ? coerced<Json>{} : coerced<Json>{judge_.validate(instance)};
        }
        auto mended = instance;
        // A step of the walk is one of the value or of the schema: `$ref`, `allOf`, a branch.
        auto walk = detail::coerce_walk<Json>{
            *program_, options_.rules, {4 * options_.max_depth, options_.max_steps}};
        walk.run(mended);
        if (walk.changes().empty()) {
            return valid ? coerced<Json>{} : coerced<Json>{judge_.validate(instance)};
        }
        if (auto report = judge_.validate(mended); !report) {
            return valid ? coerced<Json>{} : coerced<Json>{std::move(report)};
        }
        return {std::move(mended), std::move(walk.changes())};
    }

    /// The validator that has the last word.
    [[nodiscard]] auto judge() const noexcept -> validator const& { return judge_; }

private:
    validator judge_;
    std::shared_ptr<detail::coerce_program const> program_;
    coerce_options options_;
};

/// Coerces one value; keep a `coercer` for more.
template <class Json>
[[nodiscard]] auto coerce(schema const& compiled, Json const& instance,
                          coerce_options const& options = {}) -> coerced<Json> {
    return coercer{compiled, options}(instance);
}

} // namespace llms::inline v0_1

#endif // LLMS_SCHEMA_COERCE_HPP
