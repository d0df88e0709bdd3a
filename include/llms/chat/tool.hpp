// SPDX-License-Identifier: MIT
//
// A C++ function that a model can call:
//
//     struct route { std::string from, to; };
//     auto const distance = llms::tool{"distance_km", "Distance by road in km.",
//                                      [](route const& r) { return measure(r.from, r.to); }};
//     ask.tools = {distance.spec().tool};
//     conversation.push_back(distance.call(response.message.tool_calls[0]).message());
//
// Any callable will do that takes nothing or one aggregate, whose members are the parameters (C++
// does not let a library see the names of several), and then perhaps a std::stop_token. The schema
// comes from the aggregate by reflection. A function of JSON takes a schema given at run time.
// Arguments are mended, coerced and checked before the function is called; what is wrong with them, and what
// the function throws (`what()` goes to the model), becomes text that the model can act on.
// Thread safety: const; a function must bear to be called from several threads if the tool is. A
// copy is a shared pointer. Cost: the schema is compiled once, in the constructor; a call costs the
// parsing, the validation and the reading of its arguments.
#ifndef LLMS_CHAT_TOOL_HPP
#define LLMS_CHAT_TOOL_HPP

#include <llms/chat/message.hpp>
#include <llms/chat/request.hpp>
#include <llms/chat/tool_result.hpp>
#include <llms/detail/chat_tool_function.hpp>
#include <llms/detail/chat_typed_schema.hpp>
#include <llms/detail/coerce_text.hpp>
#include <llms/error.hpp>
#include <llms/json/mend.hpp>
#include <llms/json/repair.hpp>
#include <llms/schema/adapt.hpp>
#include <llms/schema/coerce.hpp>
#include <llms/schema/compile_options.hpp>
#include <llms/schema/reflect.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace llms::inline v0_1 {

/// The wire forms of a tool.
enum class tool_dialect : std::uint8_t { openai, openai_strict, anthropic, anthropic_strict, mcp };

/// A tool in a wire form, with the constraints on its parameters that the form could not say; the
/// tool itself holds them all the same. If the schema cannot be said in a strict form at all, `strict`
/// is false in the tool and `notes` tell why.
template <class Tool>
struct rendered_tool {
    Tool tool;
    std::vector<adapted_schema::note> notes;
};

/// Options of `tool`.
struct tool_options {
    /// The liberties taken with the arguments.
    coercion coerce = coercion::all;
    /// The liberties taken with their text. Arguments that were cut off are not completed: what is
    /// missing could have been a limit.
    mending repair = mending::all & ~(mending::prose | mending::missing_bracket);
    /// The longest text of arguments that is read, and its deepest nesting.
    std::size_t max_argument_bytes = std::size_t{1} << 20U;
    std::size_t max_depth = 128;
};

/// A function with a name, a description and checked parameters.
class tool {
public:
    /// A tool of `function`. Throws `error` if providers would refuse the name: it is 1 to 64
    /// letters, digits, '_' and '-'.
    template <detail::tool_function Function>
    tool(std::string name, std::string description, Function function,
         tool_options const& options = {})
        : tool(std::move(name), std::move(description), schema_of<detail::argument_of<Function>>(),
               detail::typed_compile_options(), detail::checked_call(std::move(function)),
               options) {}

    /// A tool whose parameters are described by `schema`. `function` takes a JSON object that is
    /// valid under it and perhaps a stop_token. Throws `schema_error` if the schema is none.
    template <detail::json_function Function>
    tool(std::string name, std::string description, nlohmann::ordered_json schema,
         Function function, tool_options const& options = {})
        : tool(std::move(name), std::move(description), std::move(schema), {},
               detail::checked_call(std::move(function)), options) {}

    [[nodiscard]] auto name() const noexcept -> std::string const& { return self_->name; }
    [[nodiscard]] auto description() const noexcept -> std::string const& {
        return self_->description;
    }
    /// The JSON Schema of the arguments.
    [[nodiscard]] auto parameters() const noexcept -> nlohmann::ordered_json const& {
        return self_->parameters;
    }

    /// Calls the function on this thread. Never throws for what the model or the function did.
    /// `stop` is handed to the function; if it is stopped before, the function is not called.
    [[nodiscard]] auto call(tool_call const& call, std::stop_token const& stop = {}) const
        -> tool_result {
        auto result = this->call(std::string_view{call.arguments}, stop);
        result.id = call.id;
        result.name = call.name;
        return result;
    }
    /// The same, of arguments as JSON text; empty text and null stand for none.
    [[nodiscard]] auto call(std::string_view arguments, std::stop_token const& stop = {}) const
        -> tool_result {
        auto result = tool_result{.name = name()};
        try {
            run(arguments, stop, result);
        } catch (std::exception const& e) {
            result.status = tool_status::failed;
            result.text = "Error: " + std::string{e.what()};
        } catch (...) {
            result.status = tool_status::failed;
            result.text = "Error: the tool failed without saying why.";
        }
        result.text = detail::as_utf8(std::move(result.text));
        if (!result && stop.stop_requested()) {
            result.status = tool_status::cancelled;
        }
        return result;
    }

    /// The tool for `request::tools`.
    [[nodiscard]] auto spec(schema_dialect dialect = schema_dialect::full) const
        -> rendered_tool<tool_spec> {
        auto adapted = adapt(parameters(), dialect);
        return {{.name = name(),
                 .description = description(),
                 .parameters = std::move(adapted.schema),
                 .strict = dialect != schema_dialect::full && adapted.expressible},
                std::move(adapted.notes)};
    }

    /// The tool as a member of `tools` in a request to OpenAI or Anthropic, or in MCP's tools/list.
    [[nodiscard]] auto render(tool_dialect dialect) const -> rendered_tool<nlohmann::ordered_json> {
        auto [spec, notes] = this->spec(
            dialect == tool_dialect::openai_strict      ? schema_dialect::openai_strict
            : dialect == tool_dialect::anthropic_strict ? schema_dialect::anthropic_strict
                                                        : schema_dialect::full);
        auto const openai =
            dialect == tool_dialect::openai || dialect == tool_dialect::openai_strict;
        auto json = nlohmann::ordered_json{{"name", std::move(spec.name)},
                                           {"description", std::move(spec.description)}};
        json[openai                         ? "parameters"
             : dialect == tool_dialect::mcp ? "inputSchema"
                                            : "input_schema"] = std::move(spec.parameters);
        if (spec.strict) {
            json["strict"] = true;
        }
        if (openai) {
            json = {{"type", "function"}, {"function", std::move(json)}};
        }
        return {std::move(json), std::move(notes)};
    }

private:
    struct state {
        std::string name;
        std::string description;
        nlohmann::ordered_json parameters;
        coercer arguments;
        detail::tool_body body;
        tool_options options;
    };

    tool(std::string name, std::string description, nlohmann::ordered_json parameters,
         compile_options const& reading, detail::tool_body body, tool_options const& options) {
        auto const good = [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                   c == '_' || c == '-';
        };
        if (name.empty() || name.size() > 64 || !std::all_of(name.begin(), name.end(), good)) {
            throw error{"a tool's name must be 1 to 64 letters, digits, '_' and '-', not \"" +
                        name + '"'};
        }
        auto arguments = coercer{schema::compile(parameters, reading),
                                 {.rules = options.coerce, .max_depth = options.max_depth}};
        self_ = std::make_shared<state const>(state{std::move(name), std::move(description),
                                                    std::move(parameters), std::move(arguments),
                                                    std::move(body), options});
    }

    void run(std::string_view text, std::stop_token const& stop, tool_result& result) const {
        if (stop.stop_requested()) {
            result.status = tool_status::cancelled;
            result.text = "The call was cancelled.";
            return;
        }
        auto const refuse = [&result](std::string why) {
            result.status = tool_status::bad_arguments;
            result.text = "The arguments were refused, the tool was not called:\n" + std::move(why);
        };
        auto arguments = nlohmann::json::object();
        if (auto const given = detail::trimmed(text); !given.empty() && given != "null") {
            auto const& options = self_->options;
            auto mended = repair_json(text, {.rules = options.repair,
                                             .max_bytes = options.max_argument_bytes,
                                             .max_depth = options.max_depth});
            if (!mended) {
                return refuse(
                    "- they are not JSON that can be read: " + std::string(mended.problem.reason) +
                    ", at byte " + std::to_string(mended.problem.offset) + '\n');
            }
            arguments = *std::move(mended.value);
            result.mends = std::move(mended.mends);
        }
        auto coerced = self_->arguments(arguments);
        if (!coerced) {
            return refuse(coerced.report().text());
        }
        result.changes = coerced.changes();
        if (auto report = self_->body(coerced.value(arguments), stop, result.text); !report) {
            refuse(report.text());
        }
    }

    std::shared_ptr<state const> self_;
};

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_TOOL_HPP
