// SPDX-License-Identifier: MIT
//
// `fallback(providers...)`: the middleware that asks the next provider when one fails. They are tried
// in order, the one it stands on first:
//
//     auto client = openai | llms::fallback(llms::fallback_to{anthropic, "claude-sonnet-4-5"}, local);
//
// It goes on after failures that are the provider's: what `retrying` would try again, a key or model
// that it does not accept (401 to 404), an answer that is malformed. It does not after one that is the
// request's, when its caller's stop_token was stopped, nor once a stream has given out a chunk. When
// all have failed the error says how each did. Where a provider is down for long, `breaker` lets
// calls pass it by. Put `retrying` inside, around those that shall be retried.
//
// Thread safety: as the providers'. Cost: a copy of the request for each provider that has a model of
// its own; for a stream always one.
#ifndef LLMS_CHAT_FALLBACK_HPP
#define LLMS_CHAT_FALLBACK_HPP

#include <llms/cache/circuit_breaker.hpp>
#include <llms/chat/chunk.hpp>
#include <llms/chat/middleware.hpp>
#include <llms/chat/provider.hpp>
#include <llms/chat/provider_error.hpp>
#include <llms/chat/request.hpp>
#include <llms/chat/response.hpp>
#include <llms/chat/response_stream.hpp>
#include <llms/error.hpp>

#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace llms::inline v0_1 {

/// A provider to fall back to, and the model to ask of it.
template <provider P>
struct fallback_to {
    P provider;
    std::string model{}; ///< empty: that of the request
};
template <class P>
fallback_to(P) -> fallback_to<P>;
template <class P, class Model>
fallback_to(P, Model) -> fallback_to<P>;

/// Whether another provider may do what one failed at: all but faults of the request, of this
/// program and of its caller. The default of `fallback_options::next_after`.
[[nodiscard]] inline auto is_providers_failure(error const& e) noexcept -> bool {
    if (auto const* const failed = dynamic_cast<provider_error const*>(&e)) {
        return failed->kind() != failure::invalid_request || failed->retryable() ||
               failed->status() == 402 || failed->status() == 404;
    }
    return dynamic_cast<timeout_error const*>(&e) != nullptr;
}

/// How `fallback` goes from one provider to the next.
struct fallback_options {
    /// Whether to go on after this error; called on the thread of the call.
    std::function<bool(error const&)> next_after = is_providers_failure;
    /// Called before each step to another provider: the name of the one that failed, and how.
    std::function<void(std::string_view, error const&)> on_fallback{};
    /// Set: a provider that keeps failing is passed by for a while; the last one never is.
    std::optional<circuit_breaker_options> breaker{};
};

/// Every provider of a `fallback` failed. Its kind, status and what else is known are those of the
/// first failure that may pass, else of the last one.
class fallback_error : public provider_error {
public:
    /// One provider's failure.
    struct attempt {
        std::string provider;
        std::exception_ptr error; ///< null: it was passed by, as it kept failing
        std::string what;
    };

    /// \pre The last attempt has an error.
    explicit fallback_error(std::vector<attempt> attempts)
        : provider_error(summary(attempts)),
          attempts_(std::make_shared<std::vector<attempt> const>(std::move(attempts))) {}

    /// What was tried, in order.
    [[nodiscard]] auto attempts() const noexcept -> std::vector<attempt> const& {
        return *attempts_;
    }

private:
    static auto summary(std::vector<attempt> const& attempts) -> provider_error {
        std::string text = "every provider failed";
        details known;
        bool may_pass = false;
        for (auto const& each : attempts) {
            text += (&each == attempts.data() ? ": " : "; ") + each.provider + ": " + each.what;
            if (!each.error || may_pass) {
                continue;
            }
            try {
                std::rethrow_exception(each.error);
            } catch (provider_error const& e) {
                known = {.kind = e.kind(),
                         .status = e.status(),
                         .body = e.body(),
                         .request_id = e.request_id(),
                         .retry_after = e.retry_after()};
                may_pass = e.retryable();
            } catch (timeout_error const&) {
                known = {.kind = failure::timeout};
                may_pass = true;
            } catch (...) { // what only a `next_after` of the program's own goes on after
                known = {.kind = failure::invalid_request};
            }
        }
        return {text, std::move(known)};
    }

    std::shared_ptr<std::vector<attempt> const> attempts_;
};

namespace detail {

/// What all calls of a fallback share, whatever its providers are.
struct fallback_core {
    fallback_core(fallback_options options, std::size_t providers)
        : how(std::move(options)),
          last(providers - 1) {
        for (std::size_t i = 0; how.breaker && i < last; ++i) {
            breakers.push_back(std::make_unique<circuit_breaker<>>(*how.breaker));
        }
    }
    fallback_options const how;
    std::size_t const last;                                   // the number of the last provider
    std::vector<std::unique_ptr<circuit_breaker<>>> breakers; // of all but the last; or none
};

/// The way of one call through the providers.
class fallback_plan {
public:
    explicit fallback_plan(fallback_core& core) noexcept : core_(&core) {}

    /// Returns `ask(n)` for the provider at hand, or else for the first after it that does not fail.
    /// \throws fallback_error; what is not gone on after; all, once `stopped()`.
    template <class Ask, class Name, std::predicate Stopped>
    auto first_answer(Ask ask, Name name, Stopped stopped) {
        for (;; ++at_, admitted_ = false) {
            if (!std::exchange(admitted_, true) && breaker() != nullptr && !breaker()->allow()) {
                failed_.push_back({std::string(name(at_)), {}, "passed by, as it kept failing"});
                continue;
            }
            try {
                return ask(at_);
            } catch (error const& e) {
                if (stopped() || !core_->how.next_after(e)) {
                    throw;
                }
                if (breaker() != nullptr) {
                    breaker()->failed();
                }
                failed_.push_back({std::string(name(at_)), std::current_exception(), e.what()});
                if (at_ == core_->last) {
                    throw fallback_error(std::move(failed_));
                }
                if (core_->how.on_fallback) {
                    core_->how.on_fallback(failed_.back().provider, e);
                }
            }
        }
    }

    /// The provider at hand answered.
    void succeeded() {
        if (breaker() != nullptr) {
            breaker()->succeeded();
        }
    }

private:
    [[nodiscard]] auto breaker() const noexcept -> circuit_breaker<>* {
        return at_ < core_->breakers.size() ? core_->breakers[at_].get() : nullptr;
    }

    fallback_core* core_;
    std::size_t at_ = 0;
    bool admitted_ = false; // the breaker of the provider at hand has been asked
    std::vector<fallback_error::attempt> failed_;
};

template <class T>
inline constexpr bool is_fallback_to = false;
template <class P>
inline constexpr bool is_fallback_to<fallback_to<P>> = true;

/// What can be given to `fallback`.
template <class T>
concept fallback_target = provider<T> || is_fallback_to<T>;

template <fallback_target T>
[[nodiscard]] auto as_fallback_to(T target) {
    if constexpr (is_fallback_to<T>) {
        return target;
    } else {
        return fallback_to<T>{std::move(target)};
    }
}

} // namespace detail

/// A provider that asks one provider after another; made by `fallback`. Its name is the first's.
template <provider... Ps>
class fallback_provider {
public:
    static constexpr auto layers = (layers_of<Ps> | ...);

    explicit fallback_provider(fallback_options options, fallback_to<Ps>... targets)
        : shared_(std::make_shared<shared>(std::move(options), std::move(targets)...)) {}

    /// \throws fallback_error when all failed; what is not gone on after, as it was thrown.
    [[nodiscard]] auto complete(request const& ask, std::stop_token stop = {}) -> response {
        detail::fallback_plan plan(shared_->core);
        auto answer = plan.first_answer(
            [&](std::size_t number) {
                return shared_->with(number, [&](auto& target) {
                    if (target.model.empty()) {
                        return target.provider.complete(ask, stop);
                    }
                    auto other = ask.clone();
                    other.model = target.model;
                    return target.provider.complete(other, stop);
                });
            },
            shared_->names(), [&] { return stop.stop_requested(); });
        plan.succeeded();
        return answer;
    }

    [[nodiscard]] auto stream(request const& ask, std::stop_token stop = {}) -> response_stream {
        return response_stream(std::make_unique<source>(shared_, ask.clone(), std::move(stop)));
    }

    [[nodiscard]] auto name() const -> std::string_view { return shared_->names()(0); }

private:
    struct shared {
        explicit shared(fallback_options&& options, fallback_to<Ps>&&... all)
            : core(std::move(options), sizeof...(Ps)),
              targets(std::move(all)...) {}

        /// Calls `use` with a target.
        template <std::size_t I = 0, class Use>
        auto with(std::size_t number, Use const& use) {
            if constexpr (I + 1 < sizeof...(Ps)) {
                if (number != I) {
                    return with<I + 1>(number, use);
                }
            }
            return use(std::get<I>(targets));
        }
        [[nodiscard]] auto names() {
            return [this](std::size_t number) {
                return with(number, [](auto& target) -> std::string_view {
                    return target.provider.name();
                });
            };
        }

        detail::fallback_core core;
        std::tuple<fallback_to<Ps>...> targets;
    };

    class source final : public chunk_source {
    public:
        source(std::shared_ptr<shared> from, request ask, std::stop_token stop)
            : shared_(std::move(from)),
              ask_(std::move(ask)),
              model_(ask_.model),
              stop_(std::move(stop)),
              plan_(shared_->core) {
            first([this](std::size_t number) { open(number); }, {});
        }

        [[nodiscard]] auto next(chunk& out, std::stop_token const& stop) -> bool override {
            chunk const* piece = nullptr;
            if (begun_) {
                piece = inner_->next(stop);
            } else {
                auto const take = [&](std::size_t number) {
                    if (number != number_) {
                        open(number);
                    }
                    piece = inner_->next(stop);
                };
                first(take, stop);
                begun_ = true;
                plan_.succeeded();
            }
            if (piece != nullptr) {
                out = *piece;
            }
            return piece != nullptr;
        }

    private:
        template <class Ask>
        void first(Ask const& ask, std::stop_token const& stop) {
            plan_.first_answer(ask, shared_->names(),
                               [&] { return stop_.stop_requested() || stop.stop_requested(); });
        }

        void open(std::size_t number) {
            inner_.reset();
            number_ = number;
            inner_.emplace(shared_->with(number, [this](auto& target) {
                ask_.model = target.model.empty() ? model_ : target.model;
                return target.provider.stream(ask_, stop_);
            }));
        }

        std::shared_ptr<shared> shared_;
        request ask_;
        std::string model_; // of the request, as it was
        std::stop_token stop_;
        detail::fallback_plan plan_;
        std::optional<response_stream> inner_;
        std::size_t number_ = 0; // of the provider that inner_ is from
        bool begun_ = false;     // a chunk was given out
    };

    std::shared_ptr<shared> shared_;
};

/// The middleware that `fallback` makes.
template <provider... More>
class fallback_middleware {
public:
    explicit fallback_middleware(fallback_options options, fallback_to<More>... more)
        : options_(std::move(options)),
          more_(std::move(more)...) {}
    template <provider P>
    [[nodiscard]] auto wrap(P inner) && {
        return std::apply(
            [&](auto&... more) {
                return fallback_provider<P, More...>(
                    std::move(options_), fallback_to<P>{std::move(inner)}, std::move(more)...);
            },
            more_);
    }

private:
    fallback_options options_;
    std::tuple<fallback_to<More>...> more_;
};

/// Asks `more`, providers or `fallback_to`s, in order, when what it stands on fails.
template <detail::fallback_target... More>
    requires(sizeof...(More) > 0)
[[nodiscard]] auto fallback(fallback_options options, More... more) {
    return [&]<class... Ps>(fallback_to<Ps>... targets) {
        return fallback_middleware<Ps...>(std::move(options), std::move(targets)...);
    }(detail::as_fallback_to(std::move(more))...);
}
template <detail::fallback_target... More>
    requires(sizeof...(More) > 0)
[[nodiscard]] auto fallback(More... more) {
    return fallback(fallback_options{}, std::move(more)...);
}

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_FALLBACK_HPP
