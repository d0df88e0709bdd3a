// SPDX-License-Identifier: MIT
//
// A provider that gives prepared answers, in turn; the last one for ever. It counts its calls.
#ifndef LLMS_TESTS_SUPPORT_SCRIPTED_PROVIDER_HPP
#define LLMS_TESTS_SUPPORT_SCRIPTED_PROVIDER_HPP

#include <llms/chat/chunk.hpp>
#include <llms/chat/provider.hpp>
#include <llms/chat/provider_error.hpp>
#include <llms/chat/response_stream.hpp>
#include <llms/error.hpp>

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace support {

/// Gives out chunks from a list, then ends or fails.
class listed_source final : public llms::chunk_source {
public:
    explicit listed_source(std::vector<llms::chunk> chunks,
                           std::function<void(std::size_t, std::stop_token const&)> before = {})
        : chunks_(std::move(chunks)),
          before_(std::move(before)) {}

    [[nodiscard]] auto next(llms::chunk& out, std::stop_token const& stop) -> bool override {
        if (before_) {
            before_(at_, stop);
        }
        if (at_ == chunks_.size()) {
            return false;
        }
        out = chunks_[at_++];
        return true;
    }

private:
    std::vector<llms::chunk> chunks_;
    std::function<void(std::size_t, std::stop_token const&)> before_;
    std::size_t at_ = 0;
};

/// Text in pieces, then the end.
[[nodiscard]] inline auto chunks_of(std::vector<std::string> const& pieces,
                                    llms::finish_reason finish = llms::finish_reason::stop)
    -> std::vector<llms::chunk> {
    std::vector<llms::chunk> chunks;
    for (auto const& piece : pieces) {
        chunks.push_back({.text = piece});
    }
    chunks.push_back({.kind = llms::chunk_kind::end,
                      .finish = finish,
                      .id = "id-1",
                      .name = "model-1",
                      .signature = std::string(to_string(finish)),
                      .usage = {.input_tokens = 7, .output_tokens = 3}});
    return chunks;
}

/// The provider; copies share the script. Thread-safe.
class scripted_provider {
public:
    struct script {
        std::mutex mutex;
        std::vector<std::vector<llms::chunk>> answers; // guarded by mutex
        std::vector<std::string> asked; // guarded by mutex: last message of each call
        std::atomic<std::size_t> calls{0};
        /// Called at the beginning of each call and before each chunk; may wait or throw.
        std::function<void(std::stop_token const&)> on_call;
        std::function<void(std::size_t, std::stop_token const&)> on_chunk;
    };

    scripted_provider() : script_(std::make_shared<script>()) {}
    explicit scripted_provider(std::vector<std::vector<llms::chunk>> answers)
        : scripted_provider() {
        script_->answers = std::move(answers);
    }

    [[nodiscard]] auto complete(llms::request const& ask, std::stop_token stop) -> llms::response {
        return stream(ask, stop).finish(stop);
    }

    [[nodiscard]] auto stream(llms::request const& ask, std::stop_token stop)
        -> llms::response_stream {
        auto const call = script_->calls++;
        if (script_->on_call) {
            script_->on_call(stop);
        }
        std::lock_guard const lock(script_->mutex);
        script_->asked.push_back(ask.messages.empty() ? "" : ask.messages.back().text());
        auto const& answers = script_->answers;
        return llms::response_stream(std::make_unique<listed_source>(
            answers[std::min(call, answers.size() - 1)], script_->on_chunk));
    }

    [[nodiscard]] static auto name() -> std::string_view { return "scripted"; }
    [[nodiscard]] auto operator->() const noexcept -> script* { return script_.get(); }

private:
    std::shared_ptr<script> script_;
};

static_assert(llms::provider<scripted_provider>);

} // namespace support

#endif // LLMS_TESTS_SUPPORT_SCRIPTED_PROVIDER_HPP
