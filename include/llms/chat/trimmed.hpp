// SPDX-License-Identifier: MIT
//
// `trimmed(budget)`: the middleware that makes a request's messages fit a budget before it is sent, by
// the rules of `message_manager`: whole turns go, oldest first, system messages stay.
//
//     auto client = provider | llms::trimmed({.max_tokens = 8000});
//
// A request that cannot be made to fit, or whose tool calls and results do not come together, is a
// `history_error` before anything is sent. Put it inside of `cached`, so that the key is of what the
// program asked.
//
// Thread safety: as the provider's. Cost: nothing but a count for a request that fits; else two copies
// of its messages.
#ifndef LLMS_CHAT_TRIMMED_HPP
#define LLMS_CHAT_TRIMMED_HPP

#include <llms/chat/message_manager.hpp>
#include <llms/chat/middleware.hpp>
#include <llms/chat/provider.hpp>
#include <llms/chat/request.hpp>
#include <llms/chat/response.hpp>
#include <llms/chat/response_stream.hpp>

#include <cstddef>
#include <limits>
#include <stop_token>
#include <string_view>
#include <utility>

namespace llms::inline v0_1 {

/// The messages that are left of `messages` within the budget of `options`; the rest is dropped, and
/// summarised if `options` say how. O(bytes).
/// \throws history_error as `message_manager::append`
[[nodiscard]] inline auto trim_messages(message_list&& messages, message_manager_options options)
    -> message_list {
    // Added without a bound and trimmed once, so that only the last state must fit.
    history_budget const budget{options.max_messages, options.max_tokens, options.max_bytes};
    constexpr auto unbounded = std::numeric_limits<std::size_t>::max();
    options.max_messages = options.max_tokens = options.max_bytes = unbounded;
    message_manager talk(std::move(options));
    for (auto& each : messages) {
        talk.append(std::move(each));
    }
    talk.trim(budget);
    return talk.snapshot().to_list();
}
[[nodiscard]] inline auto trim_messages(message_list const& messages,
                                        message_manager_options options) -> message_list {
    return trim_messages(messages.clone(), std::move(options));
}

/// A provider that sends no more than a budget; made by `trimmed`.
template <provider P>
class trimmed_provider {
public:
    static constexpr auto layers = layers_of<P>;

    trimmed_provider(P inner, message_manager_options options)
        : inner_(std::move(inner)),
          options_(std::move(options)) {}

    [[nodiscard]] auto complete(request const& ask, std::stop_token stop = {}) -> response {
        return fits(ask) ? inner_.complete(ask, stop) : inner_.complete(shortened(ask), stop);
    }
    [[nodiscard]] auto stream(request const& ask, std::stop_token stop = {}) -> response_stream {
        return fits(ask) ? inner_.stream(ask, stop) : inner_.stream(shortened(ask), stop);
    }
    [[nodiscard]] auto name() const -> std::string_view { return inner_.name(); }

private:
    [[nodiscard]] auto fits(request const& ask) const -> bool {
        history_budget const budget{options_.max_messages, options_.max_tokens, options_.max_bytes};
        detail::history_amount all;
        for (auto const& each : ask.messages) {
            all += detail::amount_of(each, options_.count_tokens);
        }
        return all.fits(budget);
    }

    [[nodiscard]] auto shortened(request const& ask) const -> request {
        auto shorter = ask.clone();
        shorter.messages = trim_messages(std::move(shorter.messages), options_);
        return shorter;
    }

    P inner_;
    message_manager_options options_;
};

/// The middleware that `trimmed` makes.
class trimmed_middleware {
public:
    explicit trimmed_middleware(message_manager_options options) : options_(std::move(options)) {}
    template <provider P>
    [[nodiscard]] auto wrap(P inner) && {
        return trimmed_provider<P>(std::move(inner), std::move(options_));
    }

private:
    message_manager_options options_;
};

/// Sends at most what `options` allow.
[[nodiscard]] inline auto trimmed(message_manager_options options) -> trimmed_middleware {
    return trimmed_middleware(std::move(options));
}

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_TRIMMED_HPP
