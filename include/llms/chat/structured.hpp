// SPDX-License-Identifier: MIT
//
// `structured<T>` asks a model for a C++ value: it tells the model the schema of T, finds the JSON in
// its answer, mends and checks it, and sends it back with the errors until it fits or the attempts
// are used up.
//
//     struct forecast { std::string city; int degrees; };
//     auto const weather = llms::structured<forecast>(client, ask);
//     if (weather) { show(weather->city, weather->degrees); } else { log(weather.text()); }
//
// `steps()` tells what happened in each attempt: the answer, what was mended, what was wrong.
//
// Thread safety: a function without state; as the provider's.
#ifndef LLMS_CHAT_STRUCTURED_HPP
#define LLMS_CHAT_STRUCTURED_HPP

#include <llms/chat/message.hpp>
#include <llms/chat/provider.hpp>
#include <llms/chat/request.hpp>
#include <llms/chat/response.hpp>
#include <llms/detail/chat_typed_schema.hpp>
#include <llms/json/extract.hpp>
#include <llms/json/mend.hpp>
#include <llms/json/repair.hpp>
#include <llms/schema/change.hpp>
#include <llms/schema/coercion.hpp>
#include <llms/schema/reflect.hpp>
#include <llms/schema/report.hpp>
#include <llms/schema/schema.hpp>
#include <llms/schema/validator.hpp>

#include <nlohmann/json.hpp>

#include <cassert>
#include <cstddef>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace llms::inline v0_1 {

/// How `structured` asks and what it lets pass.
struct structured_options {
    std::size_t max_attempts = 3;    ///< answers asked for, the first included
    coercion coerce = coercion::all; ///< the liberties taken with values that do not fit
    mending repair = mending::all;   ///< and with text that is no JSON
    bool instruct = true;            ///< add the schema to the conversation, as text
    bool response_format = false;    ///< ask the provider to enforce the schema
    std::string name = "answer";     ///< of the schema, where the provider wants one
};

/// One attempt of `structured`.
struct structured_step {
    llms::response response{};                     ///< what the model said
    std::vector<mend> mends{};                     ///< what was mended in its JSON
    std::vector<change<nlohmann::json>> changes{}; ///< what was changed in the value
    std::string problem{}; ///< what was wrong, as the model was told; "" = nothing
};

/// A `T` when truthy, and the steps to it either way.
template <class T>
class [[nodiscard]] structured_result {
public:
    structured_result(std::optional<T> value, std::vector<structured_step> steps)
        : value_(std::move(value)),
          steps_(std::move(steps)) {}

    [[nodiscard]] explicit operator bool() const noexcept { return value_.has_value(); }
    /// The value. \pre `*this` is truthy
    [[nodiscard]] auto operator*() const& noexcept -> T const& {
        assert(value_ && "no answer fitted: ask operator bool first");
        return *value_;
    }
    [[nodiscard]] auto operator*() && noexcept -> T&& {
        assert(value_ && "no answer fitted: ask operator bool first");
        return *std::move(value_);
    }
    [[nodiscard]] auto operator->() const noexcept -> T const* { return &**this; }

    /// The attempts, in their order; at least one.
    [[nodiscard]] auto steps() const noexcept -> std::vector<structured_step> const& {
        return steps_;
    }
    /// What was mended in the JSON of the answer that was taken.
    [[nodiscard]] auto mends() const noexcept -> std::vector<mend> const& {
        return steps_.back().mends;
    }
    /// What was changed in the value that was taken.
    [[nodiscard]] auto changes() const noexcept -> std::vector<change<nlohmann::json>> const& {
        return steps_.back().changes;
    }
    /// What was wrong with the last answer; empty when it was taken.
    [[nodiscard]] auto text() const noexcept -> std::string const& { return steps_.back().problem; }

private:
    std::optional<T> value_;
    std::vector<structured_step> steps_; // never empty
};

namespace detail {

/// What the model is told of a `T`, and what judges its answers.
template <class T>
struct structured_schema {
    nlohmann::ordered_json document = schema_of<T>();
    std::string instruction =
        "Answer with one JSON value that conforms to this JSON Schema, and nothing else:\n" +
        document.dump();
    validator judge{schema::compile(document, typed_compile_options())};

    /// Made by the first call, and never destroyed: calls may be under way when the program ends.
    [[nodiscard]] static auto get() -> structured_schema const& {
        static auto const& made = *new structured_schema; // NOLINT(cppcoreguidelines-owning-memory)
        return made;
    }
};

/// Reads one answer into `step`; a value when it fits.
template <class T>
auto read_structured(structured_step& step, validator const& judge,
                     structured_options const& options) -> std::optional<T> {
    auto const text = step.response.text();
    auto const fits = [&](nlohmann::json const& candidate) {
        return judge.is_valid(candidate);
    };
    // What fits as it is, else what fits when its syntax is mended. If nothing does, the one value
    // that there is gets coerced, or tells what is wrong.
    auto candidate = repaired{};
    auto found = extract_json(text, fits);
    if (!found && !(candidate = repair_json(text, fits, {.rules = options.repair}))) {
        found = extract_json(text);
    }
    if (found) {
        candidate.value = std::move(found->value);
    } else if (!candidate && !(candidate = repair_json(text, {.rules = options.repair}))) {
        step.problem =
            "- the answer holds no JSON value: " + std::string(candidate.problem.reason) +
            ", at byte " + std::to_string(candidate.problem.offset) + '\n';
        return std::nullopt;
    }
    step.mends = std::move(candidate.mends);
    auto read = from_json_checked<T>(*candidate.value, {.coerce = options.coerce});
    step.changes = read.changes();
    if (!read) {
        step.problem = read.text();
        return std::nullopt;
    }
    // What reflection does not check by itself: patterns and formats.
    auto value = *std::move(read);
    if (auto const verdict = judge.validate(to_json<nlohmann::json>(value)); !verdict) {
        step.problem = verdict.text();
        return std::nullopt;
    }
    return value;
}

} // namespace detail

/// Asks `client` for a `T`.
/// \throws as the client; an answer that does not fit is a falsy result, not an exception.
template <reflectable T, provider Client>
auto structured(Client& client, request const& ask, structured_options const& options = {},
                std::stop_token stop = {}) -> structured_result<T> {
    auto const& expected = detail::structured_schema<T>::get();

    auto talk = ask.clone();
    if (options.instruct) {
        talk.messages.push_back(message::system(expected.instruction));
    }
    if (options.response_format && talk.response_format.is_null()) {
        talk.response_format = {
            {"type", "json_schema"},
            {"json_schema",
             {{"name", options.name}, {"strict", true}, {"schema", expected.document}}}};
    }

    std::vector<structured_step> steps;
    for (;;) {
        auto& step = steps.emplace_back();
        step.response = client.complete(talk, stop);
        if (auto value = detail::read_structured<T>(step, expected.judge, options)) {
            return {std::move(value), std::move(steps)};
        }
        if (steps.size() >= options.max_attempts) {
            return {std::nullopt, std::move(steps)};
        }
        talk.messages.push_back(step.response.message.clone());
        talk.messages.push_back(message::user("That answer does not fit the schema:\n" +
                                              step.problem + "Answer again, with the JSON only."));
    }
}

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_STRUCTURED_HPP
