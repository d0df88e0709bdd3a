// SPDX-License-Identifier: MIT
//
// `observed(metrics)` and `attempts(metrics)`: the middlewares that tell `metrics` what happens.
// `observed` stands outermost and counts operations, what the program asked for; `attempts` stands
// next to the provider and counts the requests that were really made; `count_retries` tells what
// `retrying` does between them:
//
//     auto client = provider | llms::attempts(metrics)
//                            | llms::retrying({.on_retry = llms::count_retries(metrics)})
//                            | llms::cached(cache) | llms::observed(metrics);
//
// The events of an attempt and of a retry bear the id of the operation that caused them, unless they
// happen on a thread of their own (a stream that is cached).
//
// Thread safety: as the provider's. The metrics must outlive the client and its streams.
#ifndef LLMS_CHAT_OBSERVED_HPP
#define LLMS_CHAT_OBSERVED_HPP

#include <llms/chat/middleware.hpp>
#include <llms/chat/provider.hpp>
#include <llms/chat/provider_error.hpp>
#include <llms/chat/request.hpp>
#include <llms/chat/response.hpp>
#include <llms/chat/response_stream.hpp>
#include <llms/error.hpp>
#include <llms/metrics/metrics.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

namespace llms::inline v0_1 {

/// The `error.type` of what a call threw; to be called in a catch block.
[[nodiscard]] inline auto current_error_type() noexcept -> std::string_view {
    try {
        throw;
    } catch (provider_error const& e) {
        return to_string(e.kind());
    } catch (cancelled_error const&) {
        return "cancelled";
    } catch (timeout_error const&) {
        return "timeout";
    } catch (...) {
        return "_OTHER"; // OpenTelemetry's word for what has no name of its own
    }
}

namespace detail {

/// Whether an observer counts operations or attempts.
enum class observed_thing : std::uint8_t { operation, attempt };

/// What the attempts and retries of an operation share with it.
struct operation_trace {
    metrics const* to = nullptr;
    operation_info info{};
    std::uint64_t id = 0;
    unsigned attempts = 0;
    unsigned retries = 0;
};

// The operations that the calling thread is inside of, innermost only.
inline constinit thread_local operation_trace* current_operation = nullptr;

/// The calling thread is inside of an operation; null: of none that is known.
class operation_scope {
public:
    explicit operation_scope(operation_trace* trace) noexcept
        : outer_(std::exchange(current_operation, trace)) {}
    operation_scope(operation_scope const&) = delete;
    auto operator=(operation_scope const&) -> operation_scope& = delete;
    ~operation_scope() { current_operation = outer_; }

private:
    operation_trace* outer_;
};

/// The operation that the calling thread is inside of, if it is one of these metrics.
inline auto operation_of(metrics const& to) noexcept -> operation_trace* {
    return current_operation != nullptr && current_operation->to == &to ? current_operation
                                                                        : nullptr;
}

/// One call being observed: reports its beginning, its chunks and its one end.
template <observed_thing Thing>
class observation {
public:
    using clock = std::chrono::steady_clock;

    /// Runs a part of the call, so that what happens inside knows of it.
    template <class Part>
    auto inside(Part part) -> decltype(auto) {
        if constexpr (Thing == observed_thing::operation) {
            trace_.info = info(); // the strings move with the observation
            operation_scope const scope(&trace_);
            return part();
        } else {
            return part();
        }
    }

    observation(metrics& to, std::string_view provider, std::string_view model)
        : to_(&to),
          provider_(provider),
          model_(model) {
        if constexpr (Thing == observed_thing::operation) {
            trace_.to = to_;
            trace_.id = to_->next_id();
            to_->record(operation_begin{.info = info(), .id = trace_.id});
        } else if (auto* const operation = operation_of(to)) {
            trace_.id = operation->id;
            number_ = ++operation->attempts;
        }
    }

    void chunk_came(chunk const& piece) noexcept {
        if (piece.kind == chunk_kind::end) {
            return;
        }
        auto const now = clock::now();
        if (!first_chunk_) {
            first_chunk_ = now - begun_;
        }
        if constexpr (Thing == observed_thing::operation) {
            to_->record(chunk_event{.info = info(),
                                    .id = trace_.id,
                                    .index = chunks_,
                                    .since_previous = now - last_chunk_,
                                    .bytes = piece.text.size()});
        }
        bytes_ += piece.text.size();
        last_chunk_ = now;
        ++chunks_;
    }

    void succeeded(usage const& used, bool cached, bool coalesced,
                   std::optional<std::size_t> bytes = {}) noexcept {
        auto const origin = cached      ? answer_origin::cache
                            : coalesced ? answer_origin::coalesced
                                        : answer_origin::provider;
        auto const count = [](std::int64_t n) {
            return n > 0 ? std::optional{static_cast<std::uint64_t>(n)} : std::nullopt;
        };
        end({.info = info(),
             .id = trace_.id,
             .duration = clock::now() - begun_,
             .input_tokens = count(used.input_tokens),
             .output_tokens = count(used.output_tokens),
             .time_to_first_chunk = first_chunk_,
             .response_bytes = bytes.value_or(bytes_),
             .origin = origin});
    }

    void failed(std::string_view error_type) noexcept {
        if (Thing == observed_thing::operation && trace_.retries > 0 && error_type != "cancelled") {
            to_->record(retry_event{.info = info(),
                                    .id = trace_.id,
                                    .failed_attempts = trace_.retries + 1,
                                    .error_type = error_type});
        }
        end({.info = info(),
             .id = trace_.id,
             .duration = clock::now() - begun_,
             .time_to_first_chunk = first_chunk_,
             .response_bytes = bytes_,
             .error_type = error_type});
    }

    [[nodiscard]] auto ended() const noexcept -> bool { return ended_; }

private:
    [[nodiscard]] auto info() const noexcept -> operation_info {
        return {.provider = provider_, .model = model_};
    }

    void end(operation_end const& event) noexcept {
        ended_ = true;
        if constexpr (Thing == observed_thing::operation) {
            to_->record(event);
        } else {
            to_->record(attempt_end{.info = event.info,
                                    .id = event.id,
                                    .number = number_,
                                    .duration = event.duration,
                                    .error_type = event.error_type});
        }
    }

    metrics* to_;
    std::string provider_;
    std::string model_;
    operation_trace trace_;
    unsigned number_ = 1; // of an attempt
    clock::time_point begun_ = clock::now();
    clock::time_point last_chunk_ = begun_;
    std::optional<std::chrono::nanoseconds> first_chunk_;
    std::uint64_t chunks_ = 0;
    std::size_t bytes_ = 0;
    bool ended_ = false;
};

/// A stream being observed. One that its consumer leaves ends as "cancelled".
template <observed_thing Thing>
class observed_source final : public chunk_source {
public:
    observed_source(response_stream inner, observation<Thing> seen)
        : inner_(std::move(inner)),
          seen_(std::move(seen)) {}
    observed_source(observed_source const&) = delete;
    auto operator=(observed_source const&) -> observed_source& = delete;
    ~observed_source() override {
        if (!seen_.ended()) {
            seen_.failed("cancelled");
        }
    }

    [[nodiscard]] auto next(chunk& out, std::stop_token const& stop) -> bool override {
        chunk const* piece = nullptr;
        try {
            piece = seen_.inside([&] { return inner_.next(stop); });
        } catch (...) {
            seen_.failed(current_error_type());
            throw;
        }
        if (piece == nullptr) {
            return false;
        }
        seen_.chunk_came(*piece);
        if (piece->kind == chunk_kind::end) {
            seen_.succeeded(piece->usage, piece->cached, piece->coalesced);
        }
        out = *piece;
        return true;
    }

private:
    response_stream inner_;
    observation<Thing> seen_;
};

} // namespace detail

/// A provider whose calls are counted; made by `observed` and `attempts`.
template <provider P, detail::observed_thing Thing>
class observed_provider {
public:
    static constexpr auto layers = layers_of<P>;

    observed_provider(P inner, metrics& to) : inner_(std::move(inner)), to_(&to) {}

    [[nodiscard]] auto complete(request const& ask, std::stop_token stop = {}) -> response {
        detail::observation<Thing> seen(*to_, inner_.name(), ask.model);
        try {
            auto answer = seen.inside([&] { return inner_.complete(ask, std::move(stop)); });
            std::size_t bytes = 0;
            for (auto const& part : answer.message.content) {
                if (auto const* text = std::get_if<text_part>(&part)) {
                    bytes += text->text.size();
                }
            }
            seen.succeeded(answer.usage, answer.cached, answer.coalesced, bytes);
            return answer;
        } catch (...) {
            seen.failed(current_error_type());
            throw;
        }
    }

    [[nodiscard]] auto stream(request const& ask, std::stop_token stop = {}) -> response_stream {
        detail::observation<Thing> seen(*to_, inner_.name(), ask.model);
        try {
            auto inner = seen.inside([&] { return inner_.stream(ask, std::move(stop)); });
            return response_stream(std::make_unique<detail::observed_source<Thing>>(
                std::move(inner), std::move(seen)));
        } catch (...) {
            seen.failed(current_error_type());
            throw;
        }
    }

    [[nodiscard]] auto name() const -> std::string_view { return inner_.name(); }

private:
    P inner_;
    metrics* to_;
};

/// The middleware that `observed` and `attempts` make.
template <detail::observed_thing Thing>
class observed_middleware {
public:
    explicit observed_middleware(metrics& to) noexcept : to_(&to) {}
    template <provider P>
    [[nodiscard]] auto wrap(P inner) && {
        static_assert(Thing == detail::observed_thing::operation ||
                          !has_layer<P, layers_of_many_calls>,
                      "attempts are requests to the provider: write `provider | attempts(...)` "
                      "before retrying, hedged, coalesced, cached and with_tools");
        return observed_provider<P, Thing>(std::move(inner), *to_);
    }

private:
    metrics* to_;
};

/// Counts operations: calls, their durations, tokens, chunks, errors, and where answers came from.
[[nodiscard]] inline auto observed(metrics& to) noexcept
    -> observed_middleware<detail::observed_thing::operation> {
    return observed_middleware<detail::observed_thing::operation>(to);
}

/// For `retry_policy::on_retry`: tells `to` of each retry and its wait (`llms.retry.*`). Inside of
/// `observed(to)` it knows the provider and model; an operation that fails after all is counted as
/// exhausted. The metrics must outlive the client.
[[nodiscard]] inline auto count_retries(metrics& to) noexcept {
    return [&to](provider_error const& failed, std::chrono::milliseconds wait) {
        retry_event event{.delay = wait, .error_type = to_string(failed.kind())};
        if (auto* const operation = detail::operation_of(to)) {
            event.info = operation->info;
            event.id = operation->id;
            event.failed_attempts = ++operation->retries;
        }
        to.record(event);
    };
}

/// Counts attempts: requests that reached the provider.
[[nodiscard]] inline auto attempts(metrics& to) noexcept
    -> observed_middleware<detail::observed_thing::attempt> {
    return observed_middleware<detail::observed_thing::attempt>(to);
}

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_OBSERVED_HPP
