// SPDX-License-Identifier: MIT
//
// `provider`: anything that answers a request, whole or as a stream. Clients of real services,
// middlewares around them and test doubles all model it, so they nest freely:
//
//     auto client = llms::openai_client{transport, options} | llms::cached(cache);
//     llms::response const answer = client.complete(ask);
//
// A call gives its result or throws: `provider_error` says what went wrong and whether another
// attempt may help, `cancelled_error` that the caller's own stop_token was stopped.
#ifndef LLMS_CHAT_PROVIDER_HPP
#define LLMS_CHAT_PROVIDER_HPP

#include <llms/chat/request.hpp>
#include <llms/chat/response.hpp>
#include <llms/chat/response_stream.hpp>

#include <concepts>
#include <stop_token>
#include <string_view>

namespace llms::inline v0_1 {

/// A type that answers requests. Both calls may be made from several threads at once.
template <class P>
concept provider = requires(P& p, request const& ask, std::stop_token stop) {
    { p.complete(ask, stop) } -> std::same_as<response>;
    { p.stream(ask, stop) } -> std::same_as<response_stream>;
    { p.name() } -> std::convertible_to<std::string_view>;
};

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_PROVIDER_HPP
