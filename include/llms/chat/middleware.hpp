// SPDX-License-Identifier: MIT
//
// Middlewares are values that wrap a provider in another one: caching, retrying, counting. They are
// composed with `|`, each around all that stands left of it:
//
//     auto client = llms::openai_client{transport, options} | llms::cached(cache)
//                                                            | llms::observed(metrics);
//
// A middleware of your own is any type with `wrap(provider) -> provider`.
#ifndef LLMS_CHAT_MIDDLEWARE_HPP
#define LLMS_CHAT_MIDDLEWARE_HPP

#include <llms/chat/provider.hpp>

#include <utility>

namespace llms::inline v0_1 {

/// A value that wraps a provider of type `P` in another provider.
template <class M, class P>
concept middleware = provider<P> && requires(M m, P p) {
    { std::move(m).wrap(std::move(p)) } -> provider;
};

/// Wraps `inner` in `outer`.
template <provider P, middleware<P> M>
[[nodiscard]] auto operator|(P inner, M outer) {
    return std::move(outer).wrap(std::move(inner));
}

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_MIDDLEWARE_HPP
