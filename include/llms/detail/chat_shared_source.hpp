// SPDX-License-Identifier: MIT
//
// What callers get who share one call in flight: `cached` and `coalesced`.
#ifndef LLMS_DETAIL_CHAT_SHARED_SOURCE_HPP
#define LLMS_DETAIL_CHAT_SHARED_SOURCE_HPP

#include <llms/chat/chunk.hpp>
#include <llms/chat/response.hpp>
#include <llms/chat/response_stream.hpp>
#include <llms/detail/chat_stops.hpp>

#include <concepts>
#include <cstddef>
#include <stop_token>
#include <utility>

namespace llms::inline v0_1::detail {

/// What a chunk holds beside its own size, to the bound of a stream in flight.
struct chunk_bytes {
    auto operator()(chunk const& piece) const noexcept -> std::size_t {
        return piece.text.size() + piece.id.size() + piece.name.size() + piece.signature.size();
    }
};

/// Marks an answer, or the end of a stream, as that of another caller's call.
template <class Answer>
void mark_coalesced(Answer& answer) noexcept {
    answer.usage = {};
    answer.cached = false;
    answer.coalesced = true;
}

/// One caller's view of a stream in flight. `settle(end, led)` completes the end of it: what it cost
/// this caller, and where it came from.
template <class Reader, std::invocable<chunk&, bool> Settle>
class shared_source final : public chunk_source {
public:
    shared_source(Reader from, std::stop_token const& outer, Settle settle)
        : settle_(std::move(settle)),
          from_(std::move(from)),
          stops_(outer) {}

    [[nodiscard]] auto next(chunk& out, std::stop_token const& stop) -> bool override {
        auto const* const piece = stops_.during(
            stop, [this](std::stop_token const& either) { return from_.next({.stop = either}); });
        if (piece == nullptr) {
            return false;
        }
        out = *piece;
        if (out.kind == chunk_kind::end) {
            settle_(out, from_.led());
        }
        return true;
    }

private:
    Settle settle_; // goes after the reader: it may own what the reader's flight lives in
    Reader from_;
    both_stops stops_;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CHAT_SHARED_SOURCE_HPP
