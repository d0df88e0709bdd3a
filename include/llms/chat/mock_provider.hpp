// SPDX-License-Identifier: MIT
//
// `mock_provider`: a provider that does as it is told, for tests, benchmarks and demos without a
// network. It answers from a list, by a function of the request, or with words of its own; it
// pauses and fails where told, or at random places that a seed repeats; it keeps what it was asked.
//
//     llms::mock_provider model{llms::mock_answer::fails(llms::failure::rate_limited),
//                               llms::mock_answer::text("Sogne, Hardanger, Geiranger")};
//     auto client = model | llms::retrying({.base = 1ms});
//     client.complete(ask);
//     assert(model.calls() == 2 && model.requests()[1].model == ask.model);
//
// Copies are the same provider: the one in the client and the one at hand count together.
//
// Thread safety: all of it; `answer` and `wait` may be called from several threads at once. Cost:
// with `max_requests = 0` a call takes no lock, and a chunk costs its copy.
#ifndef LLMS_CHAT_MOCK_PROVIDER_HPP
#define LLMS_CHAT_MOCK_PROVIDER_HPP

#include <llms/chat/chunk.hpp>
#include <llms/chat/message.hpp>
#include <llms/chat/mock_answer.hpp>
#include <llms/chat/provider.hpp>
#include <llms/chat/provider_error.hpp>
#include <llms/chat/request.hpp>
#include <llms/chat/response.hpp>
#include <llms/chat/response_stream.hpp>
#include <llms/detail/chat_pause.hpp>
#include <llms/detail/chat_stops.hpp>
#include <llms/error.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace llms::inline v0_1 {

/// What a `mock_provider` does once its answers are used up.
enum class mock_end : std::uint8_t {
    repeat_last, ///< gives the last one again
    start_over,  ///< begins with the first again
    fail,        ///< throws `error`, which no middleware takes for a failure of a provider
};

/// What a `mock_provider` does.
struct mock_options {
    std::vector<mock_answer> answers{}; ///< call number n gets number n
    mock_end at_end = mock_end::repeat_last;
    /// Set: gives the answer to a request, which is call number `n` (from 0); may throw.
    std::function<mock_answer(request const& ask, std::size_t n)> answer{};
    std::size_t words = 20;          ///< of an answer when there are neither `answers` nor `answer`
    std::uint64_t seed = 1;          ///< of all that is random: equal seeds, equal calls
    double failure_rate = 0;         ///< how many calls in 1 fail, at random places in passing ways
    double jitter = 0;               ///< pauses vary by this share of them, up and down
    std::string name = "mock";       ///< of the provider
    std::size_t max_requests = 1024; ///< kept for `requests()`: the latest
    /// Waits; by default in real time. Throws cancelled_error when the token is stopped.
    std::function<void(std::chrono::nanoseconds, std::stop_token const&)> wait{};
};

/// A provider that does as it is told; see the head of this file.
class mock_provider {
public:
    explicit mock_provider(mock_options options = {})
        : shared_(std::make_shared<shared>(std::move(options))) {}
    template <std::same_as<mock_answer>... Answers>
        requires(sizeof...(Answers) > 0)
    explicit mock_provider(Answers... answers)
        : mock_provider(mock_options{.answers = {std::move(answers)...}}) {}

    /// \throws what its answer fails with; cancelled_error; error when the answers are used up.
    [[nodiscard]] auto complete(request const& ask, std::stop_token const& stop = {}) -> response {
        auto const now = begin(ask, stop);
        auto const& script = now.answer->script;
        auto const count = now.error_after.value_or(script.chunks.size());
        for (std::size_t at = 0; at < count; ++at) {
            shared_->pause(now, at, stop);
        }
        if (now.error_after) {
            std::rethrow_exception(now.error);
        }
        if (!now.answer->ends) {
            throw provider_error(failure::connection, "mock_provider: the answer has no end");
        }
        auto whole = now.answer->whole.clone();
        complete_end(now, ask, whole.id, whole.model, whole.usage);
        return whole;
    }

    /// \throws what a call fails with at once; the rest comes from the stream.
    [[nodiscard]] auto stream(request const& ask, std::stop_token stop = {}) -> response_stream {
        auto now = begin(ask, stop);
        chunk end;
        complete_end(now, ask, end.id, end.name, end.usage);
        return response_stream(
            std::make_unique<source>(shared_, std::move(now), std::move(end), std::move(stop)));
    }

    [[nodiscard]] auto name() const noexcept -> std::string_view { return shared_->options.name; }

    /// How often it was called.
    [[nodiscard]] auto calls() const noexcept -> std::size_t { return shared_->calls.load(); }
    /// How many streams were given up before their end or failure was taken.
    [[nodiscard]] auto abandoned() const noexcept -> std::size_t {
        return shared_->abandoned.load();
    }
    /// What it was asked, oldest first: the latest `max_requests`.
    [[nodiscard]] auto requests() const -> std::vector<request> {
        std::lock_guard const lock(shared_->mutex);
        std::vector<request> copies;
        copies.reserve(shared_->asked.size());
        for (auto const& ask : shared_->asked) {
            copies.push_back(ask.clone());
        }
        return copies;
    }

private:
    // An answer with what it is as a whole.
    struct prepared {
        explicit prepared(mock_answer from) : script(std::move(from)) {
            response_builder built;
            for (auto const& piece : script.chunks) {
                if (!built.done()) {
                    built.add(piece);
                }
            }
            ends = built.done();
            whole = std::move(built).value();
        }

        mock_answer script;
        response whole;
        bool ends = false;
    };

    // Source: S. Vigna, splitmix64, https://prng.di.unimi.it/splitmix64.c.
    class random_numbers {
    public:
        random_numbers(std::uint64_t seed, std::uint64_t call) noexcept
            : state_(seed * 0xD1342543DE82EF95U + call * 0xDA942042E4DD58B5U) {}
        auto below(std::size_t bound) noexcept -> std::size_t {
            return static_cast<std::size_t>(next() % bound);
        }
        auto fraction() noexcept -> double { return static_cast<double>(next() >> 11U) * 0x1p-53; }

    private:
        auto next() noexcept -> std::uint64_t {
            auto z = state_ += 0x9E3779B97F4A7C15U;
            z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
            z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
            return z ^ (z >> 31U);
        }
        std::uint64_t state_;
    };

    // One call: what it will answer, and where it will fail.
    struct call {
        std::shared_ptr<prepared const> answer{};
        std::size_t number = 0;
        std::exception_ptr error{};
        std::optional<std::size_t> error_after{};
    };

    struct shared {
        explicit shared(mock_options from)
            : answers(prepare(std::exchange(from.answers, {}))),
              options(std::move(from)) {}

        static auto prepare(std::vector<mock_answer> scripts)
            -> std::vector<std::shared_ptr<prepared const>> {
            std::vector<std::shared_ptr<prepared const>> answers;
            answers.reserve(scripts.size());
            for (auto& each : scripts) {
                answers.push_back(std::make_shared<prepared const>(std::move(each)));
            }
            return answers;
        }

        // Before chunk number `at`.
        void pause(call const& now, std::size_t at, std::stop_token const& stop) const {
            auto const& script = now.answer->script;
            auto time = at == 0 ? script.first_delay : script.delay;
            if (time <= std::chrono::nanoseconds::zero()) {
                detail::throw_if_stopped(stop);
                return;
            }
            if (options.jitter > 0) {
                random_numbers random(options.seed + at + 1, now.number);
                auto const share = 1 + options.jitter * (2 * random.fraction() - 1);
                time = std::chrono::nanoseconds{
                    static_cast<std::int64_t>(static_cast<double>(time.count()) * share)};
            }
            if (options.wait) {
                options.wait(time, stop);
                detail::throw_if_stopped(stop);
            } else {
                detail::pause(time, stop);
            }
        }

        std::vector<std::shared_ptr<prepared const>> const answers;
        mock_options const options; // without its answers
        std::atomic<std::size_t> calls{0};
        std::atomic<std::size_t> abandoned{0};
        std::mutex mutex;
        std::deque<request> asked; // guarded by mutex, in the order of the calls' numbers
    };

    class source final : public chunk_source {
    public:
        source(std::shared_ptr<shared> from, call now, chunk end, std::stop_token outer)
            : from_(std::move(from)),
              now_(std::move(now)),
              end_(std::move(end)),
              outer_(std::move(outer)) {}
        source(source const&) = delete;
        auto operator=(source const&) -> source& = delete;
        ~source() override {
            if (!over_) {
                from_->abandoned.fetch_add(1, std::memory_order_relaxed); // only counted
            }
        }

        [[nodiscard]] auto next(chunk& out, std::stop_token const& stop) -> bool override {
            auto const& chunks = now_.answer->script.chunks;
            if (now_.error_after == at_) {
                over_ = true;
                std::rethrow_exception(now_.error);
            }
            if (at_ == chunks.size()) {
                over_ = true;
                return false;
            }
            detail::with_either_stop(outer_, stop, [this](std::stop_token const& either) {
                from_->pause(now_, at_, either);
            });
            out = chunks[at_++];
            if (out.kind == chunk_kind::end) {
                over_ = true;
                fill(out.id, end_.id);
                fill(out.name, end_.name);
                out.usage = end_.usage;
            }
            return true;
        }

    private:
        static void fill(std::string& text, std::string const& otherwise) {
            if (text.empty()) {
                text = otherwise;
            }
        }

        std::shared_ptr<shared> from_;
        call now_;
        chunk end_; // what the end does not say itself
        std::stop_token outer_;
        std::size_t at_ = 0;
        bool over_ = false;
    };

    // Counts and keeps the request, and decides what becomes of it.
    [[nodiscard]] auto begin(request const& ask, std::stop_token const& stop) const -> call {
        call now{.number = keep(ask)};
        detail::throw_if_stopped(stop);
        now.answer = answer_to(ask, now.number);
        auto const& script = now.answer->script;
        now.error = script.error;
        now.error_after = script.error_after;
        if (now.error_after) {
            now.error_after = std::min(*now.error_after, script.chunks.size());
            if (!now.error) {
                now.error_after.reset();
            }
        } else if (now.error) {
            std::rethrow_exception(now.error);
        }
        if (shared_->options.failure_rate > 0) {
            fail_at_random(now);
        }
        return now;
    }

    [[nodiscard]] auto keep(request const& ask) const -> std::size_t {
        auto const most = shared_->options.max_requests;
        if (most == 0) {
            return shared_->calls.fetch_add(1, std::memory_order_relaxed);
        }
        auto copy = ask.clone();
        std::lock_guard const lock(shared_->mutex);
        if (shared_->asked.size() == most) {
            shared_->asked.pop_front();
        }
        shared_->asked.push_back(std::move(copy));
        return shared_->calls.fetch_add(1, std::memory_order_relaxed);
    }

    [[nodiscard]] auto answer_to(request const& ask, std::size_t number) const
        -> std::shared_ptr<prepared const> {
        auto const& options = shared_->options;
        if (options.answer) {
            return std::make_shared<prepared const>(options.answer(ask, number));
        }
        auto const& answers = shared_->answers;
        if (answers.empty()) {
            return std::make_shared<prepared const>(some_words(number));
        }
        if (number >= answers.size()) {
            if (options.at_end == mock_end::fail) {
                throw error("mock_provider: call number " + std::to_string(number + 1) +
                            ", and there are " + std::to_string(answers.size()) + " answers");
            }
            number = options.at_end == mock_end::start_over ? number % answers.size()
                                                            : answers.size() - 1;
        }
        return answers[number];
    }

    [[nodiscard]] auto some_words(std::size_t number) const -> mock_answer {
        constexpr std::array<std::string_view, 16> words{
            "fjord",  "river", "under", "quiet", "seven", "stone", "light", "answer",
            "winter", "north", "boat",  "a",     "the",   "and",   "from",  "of"};
        random_numbers random(shared_->options.seed, number);
        std::vector<std::string> texts;
        texts.reserve(shared_->options.words);
        for (std::size_t i = 0; i < shared_->options.words; ++i) {
            texts.emplace_back(i == 0 ? "" : " ").append(words[random.below(words.size())]);
        }
        return mock_answer::pieces(texts);
    }

    void fail_at_random(call& now) const {
        random_numbers random(~shared_->options.seed, now.number);
        if (random.fraction() >= shared_->options.failure_rate) {
            return;
        }
        constexpr std::array<failure, 4> kinds{failure::connection, failure::timeout,
                                               failure::rate_limited, failure::server};
        auto const kind = kinds[random.below(kinds.size())];
        auto failed = std::make_exception_ptr(provider_error(
            kind, "mock_provider: a random failure (" + std::string(to_string(kind)) + ")"));
        auto const place = random.below(now.answer->script.chunks.size() + 1);
        if (place == 0) {
            std::rethrow_exception(failed);
        }
        now.error = std::move(failed);
        now.error_after = place - 1;
    }

    // What the end of an answer does not say itself.
    static void complete_end(call const& now, request const& ask, std::string& id,
                             std::string& model, usage& used) {
        auto const& whole = now.answer->whole;
        used = whole.usage;
        if (used == usage{}) {
            used = {.input_tokens = tokens(ask),
                    .output_tokens =
                        static_cast<std::int64_t>(now.answer->script.chunks.size()) - 1};
        }
        if (whole.id.empty()) {
            id = "mock-" + std::to_string(now.number + 1);
        }
        if (whole.model.empty()) {
            model = ask.model;
        }
    }

    static auto tokens(request const& ask) noexcept -> std::int64_t {
        std::size_t bytes = 0;
        for (auto const& m : ask.messages) {
            for (auto const& part : m.content) {
                if (auto const* text = std::get_if<text_part>(&part)) {
                    bytes += text->text.size();
                }
            }
        }
        return static_cast<std::int64_t>((bytes + 3) / 4);
    }

    std::shared_ptr<shared> shared_;
};

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_MOCK_PROVIDER_HPP
