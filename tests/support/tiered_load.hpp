// SPDX-License-Identifier: MIT
//
// A whole client with a small cache in memory over a second tier, and threads that call it as fast as
// they can, by `complete` and `stream`, while the test does its worst to the tier. Every answer is
// checked against its question.
#ifndef LLMS_TESTS_SUPPORT_TIERED_LOAD_HPP
#define LLMS_TESTS_SUPPORT_TIERED_LOAD_HPP

#include "support/scripted_provider.hpp"
#include <llms/cache/guarded_store.hpp>
#include <llms/chat/cached.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace support {

/// Answers with what it was asked.
class echo_provider {
public:
    explicit echo_provider(std::atomic<int>& calls) : calls_(&calls) {}

    [[nodiscard]] static auto answer_to(std::string_view question) -> std::string {
        return "the answer to " + std::string(question);
    }
    [[nodiscard]] auto complete(llms::request const& ask, std::stop_token const& stop)
        -> llms::response {
        return stream(ask, stop).finish(stop);
    }
    [[nodiscard]] auto stream(llms::request const& ask, std::stop_token const& /*stop*/)
        -> llms::response_stream {
        ++*calls_;
        auto const text = answer_to(ask.messages.back().text());
        return llms::response_stream(
            std::make_unique<listed_source>(chunks_of({text.substr(0, 5), text.substr(5)})));
    }
    [[nodiscard]] static auto name() -> std::string_view { return "echo"; }

private:
    std::atomic<int>* calls_;
};

class tiered_load {
public:
    static constexpr unsigned questions = 32;

    explicit tiered_load(std::shared_ptr<llms::guarded_store> const& tier)
        : tier_(tier),
          cache_({.tenant = "test", .max_entries = 4, .tier = tier}) {
        threads_.reserve(3);
        for (unsigned t = 0; t < 3; ++t) {
            threads_.emplace_back([this, t](std::stop_token const& over) { call(t + 1, over); });
        }
    }
    tiered_load(tiered_load const&) = delete;
    auto operator=(tiered_load const&) -> tiered_load& = delete;
    ~tiered_load() { stop(); }

    void stop() { threads_.clear(); }

    /// Waits until so many more calls have been answered.
    void more(int answers) const {
        wait_for(answers, [this] { return answered_.load(); });
    }
    /// Waits until the second tier has answered so many more.
    void more_tier_hits(int hits) const {
        wait_for(hits, [this] { return static_cast<int>(cache_.stats().tier_hits); });
    }
    /// Waits until the second tier has failed so many more times, or has not been asked because it had.
    void more_failures(int failures) const {
        wait_for(failures, [this] {
            auto const stats = tier_->stats();
            return static_cast<int>(stats.failures + stats.refused);
        });
    }

    [[nodiscard]] auto wrong() const -> int { return wrong_; }
    [[nodiscard]] auto failed() const -> int { return failed_; }

private:
    template <class Count>
    static void wait_for(int more, Count count) {
        auto const before = count();
        while (count() < before + more) {
            std::this_thread::yield();
        }
    }

    void call(unsigned seed, std::stop_token const& over) {
        auto client = echo_provider(calls_) | llms::cached(cache_);
        while (!over.stop_requested()) {
            seed = seed * 1664525U + 1013904223U;
            auto const question = std::to_string((seed >> 20U) % questions);
            llms::request const ask{
                .model = "m", .messages = {llms::message::user(question)}, .temperature = 0.0};
            try {
                auto const answer =
                    (seed >> 30U & 1U) == 0 ? client.complete(ask) : client.stream(ask).finish();
                wrong_ += answer.text() == echo_provider::answer_to(question) ? 0 : 1;
            } catch (llms::error const&) {
                ++failed_;
            }
            ++answered_;
        }
    }

    std::shared_ptr<llms::guarded_store> tier_;
    llms::response_cache cache_;
    std::atomic<int> calls_ = 0;
    std::atomic<int> answered_ = 0;
    std::atomic<int> wrong_ = 0;
    std::atomic<int> failed_ = 0;
    std::vector<std::jthread> threads_; // last: they use all of the above
};

} // namespace support

#endif // LLMS_TESTS_SUPPORT_TIERED_LOAD_HPP
