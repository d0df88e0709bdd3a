// SPDX-License-Identifier: MIT
//
// Checks JSON values against a compiled schema.
//
//     llms::validator v{llms::schema::compile(document)};
//     if (v.is_valid(answer)) { ... }                     // the verdict: hundreds of nanoseconds
//     else { ask_again(v.validate(answer).text()); }      // the reasons, for a person or a model
//
// Instances are `nlohmann::json`, `nlohmann::ordered_json` or another `basic_json`. Thread safety:
// all members are const and may be called at once. A validator is a shared pointer and a few
// numbers. Neither a deep nor a large instance makes it crash or run for long; patterns of an
// engine that can give up throw `pattern_limit_error` when it does.
#ifndef LLMS_SCHEMA_VALIDATOR_HPP
#define LLMS_SCHEMA_VALIDATOR_HPP

#include <llms/detail/json_depth.hpp>
#include <llms/detail/schema_evaluator.hpp>
#include <llms/detail/schema_explainer.hpp>
#include <llms/schema/report.hpp>
#include <llms/schema/schema.hpp>
#include <llms/schema/validator_options.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace llms::inline v0_1 {

/// A schema that is ready to judge.
class validator {
public:
    explicit validator(schema compiled, validator_options const& options = {})
        : schema_(std::move(compiled)),
          options_(options) {}

    /// Whether `instance` is valid. Stops at the first failure and allocates nothing, but for
    /// arrays of more than 64 items that must be unique, objects of more than 256 members whose
    /// unevaluated ones matter, and validations that visit shared subschemas over 16,384 times.
    template <class Json = nlohmann::json>
    [[nodiscard]] auto is_valid(Json const& instance) const -> bool {
        return detail::schema_engine::evaluator<Json>{*schema_.program_}.run(instance);
    }

    /// What is wrong with `instance`. For a valid one as quick as `is_valid`.
    template <class Json = nlohmann::json>
    [[nodiscard]] auto validate(Json const& instance) const -> report {
        auto run = detail::schema_engine::evaluator<Json>{*schema_.program_};
        return run.run(instance) ? report{} : explain(instance, run.stopped());
    }

    /// As `validate`, on text; text that is too long, too deep or no JSON is reported, not thrown.
    /// The parsed value goes to `parsed`, if it is not null and the text is JSON.
    template <class Json = nlohmann::json>
    [[nodiscard]] auto validate_text(std::string_view text, Json* parsed = nullptr) const
        -> report {
        if (auto const problem = refuse_text(text)) {
            return broken(*problem);
        }
        auto value = Json{};
        try {
            value = Json::parse(text);
        } catch (typename Json::parse_error const& failure) {
            return broken("the text is not JSON: error at byte " + std::to_string(failure.byte));
        } catch (typename Json::out_of_range const&) {
            return broken("the text has a number that is too large");
        }
        auto result = validate(value);
        if (parsed != nullptr) {
            *parsed = std::move(value);
        }
        return result;
    }

    /// The schema that this checks against.
    [[nodiscard]] auto compiled() const noexcept -> schema const& { return schema_; }

private:
    static auto broken(std::string message) -> report {
        return report{{{"", "", "", std::move(message)}}};
    }

    template <class Json>
    [[nodiscard]] auto explain(Json const& instance,
                               detail::schema_engine::stop_reason stopped) const -> report {
        using detail::schema_engine::stop_reason;
        if (stopped == stop_reason::depth) {
            return broken("schema and value nest deeper than " +
                          std::to_string(schema_.program_->max_depth) +
                          " levels, or the schema refers to itself without end");
        }
        if (stopped == stop_reason::work) {
            return broken("the schema takes more work than is allowed for this value");
        }
        auto why = detail::schema_engine::explainer<Json>{*schema_.program_, options_.max_errors};
        auto errors = why.explain(instance);
        if (errors.empty()) {
            return broken("the value does not match the schema");
        }
        return report{std::move(errors), why.truncated()};
    }

    // Why the text should not be parsed. One pass over the bytes.
    [[nodiscard]] auto refuse_text(std::string_view text) const -> std::optional<std::string> {
        if (text.size() > options_.max_text_bytes) {
            return "the text is longer than " + std::to_string(options_.max_text_bytes) + " bytes";
        }
        if (detail::json_deeper_than(text, options_.max_text_depth)) {
            return "the text nests deeper than " + std::to_string(options_.max_text_depth) +
                   " levels";
        }
        return std::nullopt;
    }

    schema schema_;
    validator_options options_;
};

} // namespace llms::inline v0_1

#endif // LLMS_SCHEMA_VALIDATOR_HPP
