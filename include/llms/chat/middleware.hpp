// SPDX-License-Identifier: MIT
//
// Middlewares are values that wrap a provider in another one: caching, retrying, counting. They are
// composed with `|`, each around all that stands left of it:
//
//     auto client = llms::openai_client{transport, options} | llms::cached(cache)
//                                                            | llms::observed(metrics);
//
// A middleware of your own is any type with `wrap(provider) -> provider`. Those that are wrong around
// certain others do not compile there, whatever stands in between: a provider says in a member
// `layers` what it is made of, and `wrap` looks:
//
//     static constexpr auto layers = llms::layers_of<Inner>; // in a provider of your own
#ifndef LLMS_CHAT_MIDDLEWARE_HPP
#define LLMS_CHAT_MIDDLEWARE_HPP

#include <llms/chat/provider.hpp>

#include <cstdint>
#include <utility>

namespace llms::inline v0_1 {

/// Middlewares that others must not be put around; a set of them.
enum class layer : std::uint8_t {
    none = 0,
    retrying = 1,
    hedged = 2,
    coalesced = 4,
    cached = 8,
    with_tools = 16,
};

[[nodiscard]] constexpr auto operator|(layer a, layer b) noexcept -> layer {
    return static_cast<layer>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}

/// What provider `P` is made of, as its member `layers` says; none where it says nothing.
template <class P>
inline constexpr layer layers_of = layer::none;
template <class P>
    requires requires {
        layer{P::layers};
    }
inline constexpr layer layers_of<P> = P::layers;

/// One of `Layers`, a set, is in provider `P`.
template <class P, layer Layers>
inline constexpr bool has_layer = (static_cast<unsigned>(layers_of<P>) &
                                   static_cast<unsigned>(Layers)) != 0;

/// Layers that make no call, or several, for one: what counts requests to a provider belongs inside.
inline constexpr layer layers_of_many_calls =
    layer::retrying | layer::hedged | layer::coalesced | layer::cached | layer::with_tools;

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
