// SPDX-License-Identifier: MIT
//
// What is wrong with an instance: every error with the place in the instance, the place in the
// schema, the keyword, and a sentence that a person or a model can act on.
//
//     llms::report r = v.validate(answer);
//     if (!r) {
//         for (auto const& e : r.errors()) { log(e.instance_pointer, e.keyword, e.message); }
//         ask_again(r.text());
//     }
#ifndef LLMS_SCHEMA_REPORT_HPP
#define LLMS_SCHEMA_REPORT_HPP

#include <llms/schema/validation_error.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace llms::inline v0_1 {

/// The outcome of `validator::validate`; true when the instance is valid.
class report {
public:
    /// The report on a valid instance.
    report() = default;
    /// A report of these errors, at least one; `truncated` says that there were more.
    explicit report(std::vector<validation_error> errors, bool truncated = false)
        : errors_(std::move(errors)),
          truncated_(truncated) {}

    explicit operator bool() const noexcept { return errors_.empty(); }

    /// The errors, in the order of the schema; empty when valid.
    [[nodiscard]] auto errors() const noexcept -> std::vector<validation_error> const& {
        return errors_;
    }

    /// Whether there were more errors than were asked for.
    [[nodiscard]] auto truncated() const noexcept -> bool { return truncated_; }

    /// The errors as a list for a person or a model; empty when valid.
    [[nodiscard]] auto text() const -> std::string {
        std::string result;
        append_text(result, errors_, 0);
        if (truncated_) {
            result += "- and more\n";
        }
        return result;
    }

    /// The specification's output format "flag".
    [[nodiscard]] auto flag() const -> nlohmann::json { return {{"valid", errors_.empty()}}; }

    /// The specification's output format "basic": a flat list.
    [[nodiscard]] auto basic() const -> nlohmann::json {
        auto result = flag();
        if (!errors_.empty()) {
            result["errors"] = nlohmann::json::array();
            flatten(result["errors"], errors_);
        }
        return result;
    }

    /// The specification's output format "detailed": what made a variant fail is nested under it.
    [[nodiscard]] auto detailed() const -> nlohmann::json {
        auto result = flag();
        if (!errors_.empty()) {
            result["errors"] = nested(errors_);
        }
        return result;
    }

private:
    static void append_text(std::string& result, std::vector<validation_error> const& errors,
                            std::size_t depth) {
        constexpr std::size_t deepest = 3; // beyond it a list is of no help
        for (auto const& one : errors) {
            result.append(2 * depth, ' ');
            result += one.instance_pointer.empty() ? "- " : "- at " + one.instance_pointer + ": ";
            result += one.message + "\n";
            if (depth < deepest) {
                append_text(result, one.causes, depth + 1);
            }
        }
    }

    static auto unit(validation_error const& one) -> nlohmann::json {
        return {{"valid", false},
                {"keywordLocation", one.evaluation_path},
                {"absoluteKeywordLocation", one.absolute_location},
                {"instanceLocation", one.instance_pointer},
                {"error", one.message}};
    }

    static void flatten(nlohmann::json& list, std::vector<validation_error> const& errors) {
        for (auto const& one : errors) {
            list.push_back(unit(one));
            flatten(list, one.causes);
        }
    }

    static auto nested(std::vector<validation_error> const& errors) -> nlohmann::json {
        auto list = nlohmann::json::array();
        for (auto const& one : errors) {
            auto& added = list.emplace_back(unit(one));
            if (!one.causes.empty()) {
                added["errors"] = nested(one.causes);
            }
        }
        return list;
    }

    std::vector<validation_error> errors_;
    bool truncated_ = false;
};

} // namespace llms::inline v0_1

#endif // LLMS_SCHEMA_REPORT_HPP
