// SPDX-License-Identifier: MIT
//
// From any callable to a function of JSON and a stop_token.
#ifndef LLMS_DETAIL_CHAT_TOOL_FUNCTION_HPP
#define LLMS_DETAIL_CHAT_TOOL_FUNCTION_HPP

#include <llms/schema/reflect.hpp>
#include <llms/schema/report.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <concepts>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>

namespace llms::inline v0_1::detail {

/// Calls the function with arguments that passed the schema. Writes what it returns to `text`, or
/// reports why the arguments are not what the C++ type takes.
using tool_body = std::function<report(nlohmann::json const& arguments, std::stop_token const& stop,
                                       std::string& text)>;

// The parameters of a function, a function object or a lambda that is no template.
template <class... Parameters>
struct parameter_list {};

template <class Function>
struct signature {};
template <class Function>
    requires requires {
        &Function::operator();
    }
struct signature<Function> : signature<decltype(&Function::operator())> {};
template <class Result, class... Parameters>
struct signature<Result (*)(Parameters...)> {
    using type = parameter_list<std::remove_cvref_t<Parameters>...>;
};
template <class Result, class... Parameters>
struct signature<Result (*)(Parameters...) noexcept> : signature<Result (*)(Parameters...)> {};
template <class Result, class Class, class... Parameters>
struct signature<Result (Class::*)(Parameters...)> : signature<Result (*)(Parameters...)> {};
template <class Result, class Class, class... Parameters>
struct signature<Result (Class::*)(Parameters...) const> : signature<Result (*)(Parameters...)> {};
template <class Result, class Class, class... Parameters>
struct signature<Result (Class::*)(Parameters...) noexcept> : signature<Result (*)(Parameters...)> {
};
template <class Result, class Class, class... Parameters>
struct signature<Result (Class::*)(Parameters...) const noexcept>
    : signature<Result (*)(Parameters...)> {};

struct no_argument {};

template <class List>
struct argument {};
template <>
struct argument<parameter_list<>> {
    using type = no_argument;
};
template <>
struct argument<parameter_list<std::stop_token>> {
    using type = no_argument;
};
template <class Argument>
struct argument<parameter_list<Argument>> {
    using type = Argument;
};
template <class Argument>
struct argument<parameter_list<Argument, std::stop_token>> {
    using type = Argument;
};

/// What a tool's function takes beside a stop_token.
template <class Function>
using argument_of = typename argument<typename signature<Function>::type>::type;

/// A callable that takes an aggregate or nothing, then perhaps a std::stop_token.
template <class Function>
concept tool_function = requires {
    typename argument_of<Function>;
}
&&(kind_of<argument_of<Function>> == kind::record ||
   kind_of<argument_of<Function>> == kind::foreign);

/// A callable that takes JSON, then perhaps a std::stop_token.
template <class Function>
concept json_function = requires {
    typename argument_of<Function>;
}
&&std::same_as<argument_of<Function>, nlohmann::json>;

/// `text` with U+FFFD for whatever is no UTF-8: a request that holds such bytes cannot be written.
inline auto as_utf8(std::string text) -> std::string {
    auto const ascii = [](char c) {
        return static_cast<unsigned char>(c) < 0x80;
    };
    if (std::all_of(text.begin(), text.end(), ascii)) {
        return text;
    }
    auto const mended = nlohmann::json(std::move(text))
                            .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    return nlohmann::json::parse(mended).get<std::string>();
}

template <class Function, class... Arguments>
auto result_as_text(Function& function, Arguments&&... arguments) -> std::string {
    using result = std::remove_cvref_t<std::invoke_result_t<Function&, Arguments...>>;
    if constexpr (std::is_void_v<result>) {
        std::invoke(function, std::forward<Arguments>(arguments)...);
        return "null";
    } else if constexpr (!any_json<result> && std::convertible_to<result, std::string>) {
        return std::invoke(function, std::forward<Arguments>(arguments)...);
    } else {
        static_assert(reflectable<result>, "llms cannot write what the tool returns as JSON");
        auto const json =
            to_json(result(std::invoke(function, std::forward<Arguments>(arguments)...)));
        return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    }
}

/// Reads the argument of `function` and calls it.
template <class Function>
auto checked_call(Function function) -> tool_body {
    using argument = argument_of<Function>;
    // Shared, because a std::function must be copied and the callable may not be.
    return [shared = std::make_shared<Function>(std::move(function))](
               nlohmann::json const& input, std::stop_token const& stop, std::string& text) {
        auto const call = [&](auto&&... arguments) {
            if constexpr (std::is_invocable_v<Function&, decltype(arguments)..., std::stop_token>) {
                text =
                    result_as_text(*shared, std::forward<decltype(arguments)>(arguments)..., stop);
            } else {
                text = result_as_text(*shared, std::forward<decltype(arguments)>(arguments)...);
            }
        };
        if constexpr (std::same_as<argument, no_argument>) {
            call();
        } else if constexpr (any_json<argument>) {
            call(input);
        } else {
            auto read = from_json_checked<argument>(input);
            if (!read) {
                return read.report();
            }
            call(*std::move(read));
        }
        return report{};
    };
}

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CHAT_TOOL_FUNCTION_HPP
