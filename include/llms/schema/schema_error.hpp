// SPDX-License-Identifier: MIT
//
// What `schema::compile` throws: every problem of the schema at once, each with the place, the
// keyword and the reason.
//
//     try { llms::schema::compile(document); }
//     catch (llms::schema_error const& e) {
//         for (auto const& p : e.problems()) { log(p.pointer, p.keyword, p.reason); }
//     }
#ifndef LLMS_SCHEMA_SCHEMA_ERROR_HPP
#define LLMS_SCHEMA_SCHEMA_ERROR_HPP

#include <llms/error.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace llms::inline v0_1 {

/// One thing that is wrong with a schema.
struct schema_problem {
    std::string pointer; ///< JSON Pointer of the subschema; with its URI before it, in a remote one
    std::string keyword; ///< empty where the subschema as a whole is wrong
    std::string reason;  ///< what was expected and what is there
};

/// A schema that cannot be compiled. `what()` lists the problems, one a line.
class schema_error : public error {
public:
    explicit schema_error(std::vector<schema_problem> problems)
        : error(text(problems)),
          problems_(std::make_shared<std::vector<schema_problem> const>(std::move(problems))) {}

    [[nodiscard]] auto problems() const noexcept -> std::vector<schema_problem> const& {
        return *problems_;
    }

private:
    static auto text(std::vector<schema_problem> const& problems) -> std::string {
        auto result = std::string("the schema cannot be compiled:");
        for (auto const& [pointer, keyword, reason] : problems) {
            result += problems.size() == 1 ? " at \"" : "\n- at \"";
            result += pointer + "\"";
            result += keyword.empty() ? "" : ", " + keyword;
            result += ": " + reason;
        }
        return result;
    }

    std::shared_ptr<std::vector<schema_problem> const>
        problems_; // copies of exceptions must not throw
};

} // namespace llms::inline v0_1

#endif // LLMS_SCHEMA_SCHEMA_ERROR_HPP
