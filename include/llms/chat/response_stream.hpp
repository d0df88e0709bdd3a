// SPDX-License-Identifier: MIT
//
// `response_stream`: an answer as it is being made. It yields chunks, the last of them the one end,
// or throws one error; never both, never neither. Whoever wants the whole answer asks for it after.
//
//     auto stream = client.stream(ask);
//     for (llms::chunk const& piece : stream) {
//         std::cout << piece.text << std::flush;
//     }
//     llms::response const& whole = stream.value();
//
// Destroying a stream that has not ended cancels the call behind it.
//
// Thread safety: one thread at a time. Cost: one virtual call per chunk; the chunk's strings are
// reused.
#ifndef LLMS_CHAT_RESPONSE_STREAM_HPP
#define LLMS_CHAT_RESPONSE_STREAM_HPP

#include <llms/chat/chunk.hpp>
#include <llms/chat/provider_error.hpp>
#include <llms/chat/response.hpp>

#include <cassert>
#include <cstddef>
#include <iterator>
#include <memory>
#include <stop_token>
#include <utility>

namespace llms::inline v0_1 {

/// Where a stream's chunks come from: a provider's connection, a cache, another stream.
class chunk_source {
public:
    chunk_source() = default;
    chunk_source(chunk_source const&) = delete;
    auto operator=(chunk_source const&) -> chunk_source& = delete;
    /// Cancels what makes the chunks, and does not wait for the provider.
    virtual ~chunk_source() = default;

    /// Puts the next chunk into `out` (which is clear) and returns true, or false when there is
    /// none and never will be. Waits for it. \throws provider_error, cancelled_error when `stop` is
    /// stopped.
    [[nodiscard]] virtual auto next(chunk& out, std::stop_token const& stop) -> bool = 0;
};

/// An answer as it is being made; see the head of this file.
class response_stream {
public:
    explicit response_stream(std::unique_ptr<chunk_source> source) noexcept
        : source_(std::move(source)) {
        assert(source_ != nullptr && "a stream needs a source");
    }

    /// The next chunk, valid until the next call; null after the end was given out or an error was
    /// thrown. Waits for it.
    /// \throws provider_error when the call failed; `failure::connection` also when the chunks
    /// stopped before the end. cancelled_error when `stop` was stopped first.
    [[nodiscard]] auto next(std::stop_token const& stop = {}) -> chunk const* {
        if (!source_) {
            return nullptr;
        }
        current_.clear();
        bool more = false;
        try {
            more = source_->next(current_, stop);
        } catch (...) {
            source_.reset();
            throw;
        }
        if (!more) {
            source_.reset();
            throw provider_error(failure::connection, "the stream broke off before its end");
        }
        built_.add(current_);
        if (built_.done()) {
            source_.reset();
        }
        return &current_;
    }

    /// The response so far; whole once the end was given out.
    [[nodiscard]] auto value() const& noexcept -> response const& { return built_.value(); }

    /// The end was given out: `value()` is whole.
    [[nodiscard]] auto done() const noexcept -> bool { return built_.done(); }

    /// Takes the rest of the stream and returns the whole response.
    /// \throws as `next`; provider_error also when the stream failed before.
    [[nodiscard]] auto finish(std::stop_token const& stop = {}) && -> response {
        while (next(stop) != nullptr) {}
        if (!built_.done()) {
            throw provider_error(failure::connection, "the stream had failed before its end");
        }
        return std::move(built_).value();
    }

    /// Gives the call up. What came so far stays in `value()`.
    void cancel() noexcept { source_.reset(); }

    /// Input iterator over the chunks; advancing it calls `next()`.
    class iterator {
    public:
        using value_type = chunk;
        using difference_type = std::ptrdiff_t;

        explicit iterator(response_stream& from) : from_(&from), at_(from.next()) {}
        [[nodiscard]] auto operator*() const noexcept -> chunk const& { return *at_; }
        [[nodiscard]] auto operator->() const noexcept -> chunk const* { return at_; }
        auto operator++() -> iterator& {
            at_ = from_->next();
            return *this;
        }
        void operator++(int) { ++*this; }
        [[nodiscard]] auto operator==(std::default_sentinel_t /*end*/) const noexcept -> bool {
            return at_ == nullptr;
        }

    private:
        response_stream* from_;
        chunk const* at_;
    };

    /// Takes the first chunk that was not taken yet. \throws as `next`
    [[nodiscard]] auto begin() -> iterator { return iterator(*this); }
    [[nodiscard]] static auto end() noexcept -> std::default_sentinel_t { return {}; }

private:
    std::unique_ptr<chunk_source> source_; // null once ended, failed or cancelled
    chunk current_;
    response_builder built_;
};

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_RESPONSE_STREAM_HPP
