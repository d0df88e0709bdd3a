// SPDX-License-Identifier: MIT
//
// `observed(metrics)` and `attempts(metrics)`: the middlewares that tell `metrics` what happens.
// `observed` stands outermost and counts operations, what the program asked for; `attempts` stands
// next to the provider and counts the requests that were really made:
//
//     auto client = provider | llms::attempts(metrics) | llms::cached(cache)
//                            | llms::observed(metrics);
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

#include <atomic>
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

/// One call being observed: reports its beginning, its chunks and its one end.
template <observed_thing Thing>
class observation {
public:
    using clock = std::chrono::steady_clock;

    observation(metrics& to, std::string_view provider, std::string_view model)
        : to_(&to),
          provider_(provider),
          model_(model) {
        static std::atomic<std::uint64_t> last_id{0};
        id_ = last_id.fetch_add(1, std::memory_order_relaxed) + 1; // only has to be unique
        if constexpr (Thing == observed_thing::operation) {
            to_->record(operation_begin{.info = info(), .id = id_});
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
                                    .id = id_,
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
             .id = id_,
             .duration = clock::now() - begun_,
             .input_tokens = count(used.input_tokens),
             .output_tokens = count(used.output_tokens),
             .time_to_first_chunk = first_chunk_,
             .response_bytes = bytes.value_or(bytes_),
             .origin = origin});
    }

    void failed(std::string_view error_type) noexcept {
        end({.info = info(),
             .id = id_,
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
                                    .duration = event.duration,
                                    .error_type = event.error_type});
        }
    }

    metrics* to_;
    std::string provider_;
    std::string model_;
    std::uint64_t id_ = 0;
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
            piece = inner_.next(stop);
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
    observed_provider(P inner, metrics& to) : inner_(std::move(inner)), to_(&to) {}

    [[nodiscard]] auto complete(request const& ask, std::stop_token stop = {}) -> response {
        detail::observation<Thing> seen(*to_, inner_.name(), ask.model);
        try {
            auto answer = inner_.complete(ask, std::move(stop));
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
            auto inner = inner_.stream(ask, std::move(stop));
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

/// Counts attempts: requests that reached the provider.
[[nodiscard]] inline auto attempts(metrics& to) noexcept
    -> observed_middleware<detail::observed_thing::attempt> {
    return observed_middleware<detail::observed_thing::attempt>(to);
}

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_OBSERVED_HPP
