// SPDX-License-Identifier: MIT
//
// The whole pipeline for a stated time, with everything that can go wrong going wrong at random:
//
//     soak [--seconds 5] [--threads 8] [--seed 1]
//
// Clients call a real server on 127.0.0.1 over HTTP, through every middleware and a cache with a second
// tier; the server drops, stalls, sends garbage and refuses; callers leave, stop and ask for the same
// thing at once; the second tiers are damaged, frozen and killed; the cache's clock jumps. What must hold:
// an answer is the right one or an error of llms; a stream that is left has given a part of the right
// one; every call ends; at the end nothing is left over, of threads, connections and reservations, and
// the metrics have counted every call. (Failing allocations are tried one by one in
// core/allocation_failure_test.cpp.)
#include "support/loopback_server.hpp"
#include "support/process.hpp"
#include "support/temporary_directory.hpp"
#include <llms/ext/curl_transport.hpp>
#include <llms/ext/sqlite_store.hpp>
#include <llms/llms.hpp>
#ifdef LLMS_SOAK_REDIS
#    include "support/redis_server.hpp"
#    include <llms/ext/redis_store.hpp>
#endif

#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

struct settings {
    int seconds = 5;
    unsigned threads = 8;
    unsigned seed = 1;
};

// The cache's time: that of the machine, and what the chaos adds to it.
struct jumping_clock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<jumping_clock>;

    static auto now() -> time_point {
        return time_point(steady::now().time_since_epoch() + ahead.load());
    }
    static void jump() { ahead = ahead.load() + std::chrono::hours(1); }

private:
    inline static std::atomic<duration> ahead = duration(0);
};

// What the model says: always the same to the same question.
auto answer_to(std::string const& question) -> std::string {
    std::seed_seq seed(question.begin(), question.end());
    std::minstd_rand random(seed);
    auto text = "to " + question + ":";
    for (auto words = 3 + random() % 40; words > 0; --words) {
        text += " w" + std::to_string(random() % 1000);
    }
    return text;
}

// ---- Counts, by name.

class tally {
public:
    void add(std::string_view what) {
        std::lock_guard const lock(mutex_);
        ++counts_[std::string(what)];
    }
    [[nodiscard]] auto sum() const -> std::size_t {
        std::lock_guard const lock(mutex_);
        std::size_t all = 0;
        for (auto const& [what, count] : counts_) {
            all += count;
        }
        return all;
    }
    void print(std::string_view title) const {
        std::lock_guard const lock(mutex_);
        std::cout << title << ":";
        for (auto const& [what, count] : counts_) {
            std::cout << "  " << what << ' ' << count;
        }
        std::cout << '\n';
    }

private:
    mutable std::mutex mutex_;
    std::map<std::string, std::size_t, std::less<>> counts_;
};

// ---- The provider: right answers, and every fault that the server knows.

class faulty_provider {
public:
    faulty_provider(std::size_t threads, unsigned seed) : random_(seed), server_(threads) {
        server_.answer_with([this](nlohmann::json const& request) { return make(request); });
    }

    [[nodiscard]] auto usual() const {
        return llms::openai_client{llms::curl_transport{},
                                   {.base_url = server_.base_url(),
                                    .api_key = "key",
                                    .timeouts = timeouts,
                                    .max_response_bytes = longest}};
    }
    [[nodiscard]] auto spare() const {
        auto const url = server_.base_url();
        return llms::anthropic_client{
            llms::curl_transport{},
            {.base_url = url.substr(0, url.size() - std::string_view("/v1").size()),
             .api_key = "key",
             .timeouts = timeouts,
             .max_response_bytes = longest}};
    }

    [[nodiscard]] auto requests() const -> std::size_t { return server_.requests(); }
    [[nodiscard]] auto active() const -> std::size_t { return server_.active(); }

    tally faults;

private:
    static constexpr llms::http_timeouts timeouts{
        .connect = 5s, .first_byte = 5s, .idle = 5s, .total = 20s};
    static constexpr auto longest = std::size_t{1} << 16U;

    // The text of a message, and whether it is a tool's result: Anthropic's are a block.
    static auto last_of(nlohmann::json const& message) -> std::pair<std::string, bool> {
        auto const& content = message.at("content");
        return content.is_string()
                   ? std::pair(content.get<std::string>(), message.at("role") == "tool")
                   : std::pair(content.at(0).at("content").get<std::string>(), true);
    }

    auto make(nlohmann::json const& request) -> support::reply {
        support::reply reply;
        auto const [text, is_result] = last_of(request.at("messages").back());
        if (is_result) {
            reply.tokens = support::tokens_of("the sum is " + text);
        } else if (text.starts_with("add ")) {
            reply.calls = {{"call", "add", text.substr(4)}};
        } else {
            reply.tokens = support::tokens_of(answer_to(text));
        }
        spoil(reply, request.at("model") == "spare" ? 5 : 25);
        return reply;
    }

    void spoil(support::reply& reply, unsigned percent) {
        using support::fault;
        static constexpr std::pair<fault, char const*> kinds[] = {
            {fault::drop_at_once, "dropped at once"},
            {fault::drop, "dropped"},
            {fault::stall, "stalled"},
            {fault::malformed, "malformed"},
            {fault::garbage, "garbage"},
            {fault::error, "error event"},
            {fault::oversized, "oversized"},
            {fault::none, "429"},
            {fault::none, "500"},
            {fault::none, "slow"}};
        std::lock_guard const lock(mutex_);
        if (random_() % 100 >= percent) {
            return;
        }
        auto const& [kind, name] = kinds[random_() % std::size(kinds)];
        reply.fault = kind;
        if (std::string_view(name) == "429") {
            reply.status = 429;
            reply.retry_after = 0s;
        } else if (std::string_view(name) == "500") {
            reply.status = 500;
        } else if (std::string_view(name) == "slow") {
            reply.first_token = 300ms;
        }
        faults.add(name);
    }

    std::mutex mutex_;
    std::mt19937 random_; // guarded by mutex_
    support::loopback_server server_;
};

// ---- Second tiers, and what happens to them.

auto guarded(auto store) -> std::shared_ptr<llms::guarded_store> {
    return std::make_shared<llms::guarded_store>(
        std::move(store),
        llms::guarded_store_options{.breaker = {.failures = 3, .open_for = 10ms, .open_max = 50ms},
                                    .lease_ttl = 1s,
                                    .poll_interval = 2ms});
}

class chaos {
public:
    explicit chaos(unsigned seed) : random_(seed) {
#ifdef LLMS_SOAK_REDIS
        if (support::redis_server::installed()) {
            redis_.emplace();
        }
#endif
    }

    [[nodiscard]] auto sqlite() const {
        return guarded(std::make_shared<llms::sqlite_store>(path_));
    }
    // Redis where it is, else the file again.
    [[nodiscard]] auto redis() const -> std::shared_ptr<llms::guarded_store> {
#ifdef LLMS_SOAK_REDIS
        if (redis_) {
            return guarded(std::make_shared<llms::redis_store>(
                llms::redis_store_options{.port = redis_->port()}));
        }
#endif
        return sqlite();
    }

    void run(std::stop_token const& over) {
        while (!over.stop_requested()) {
            std::this_thread::sleep_for(std::chrono::milliseconds(50 + random_() % 200));
            strike();
        }
    }

    tally strikes;

private:
    void strike() {
        namespace fs = std::filesystem;
        std::error_code failed; // the store may have set the file aside
        switch (random_() % 6) {
        case 0:
            fs::resize_file(path_, fs::file_size(path_, failed) / 2, failed);
            strikes.add("file cut");
            break;
        case 1:
            fs::remove(path_, failed);
            strikes.add("file removed");
            break;
        case 2:
            std::fstream(path_, std::ios::in | std::ios::out | std::ios::binary)
                .seekp(4096)
                .write("noise noise noise", 17);
            strikes.add("file overwritten");
            break;
        case 3:
            jumping_clock::jump();
            strikes.add("clock jumped");
            break;
        default:
            strike_redis();
        }
    }

    void strike_redis() {
#ifdef LLMS_SOAK_REDIS
        if (!redis_) {
            return;
        }
        if (random_() % 2 == 0) {
            redis_->freeze();
            std::this_thread::sleep_for(std::chrono::milliseconds(random_() % 300));
            redis_->thaw();
            strikes.add("redis frozen");
        } else {
            redis_->kill();
            std::this_thread::sleep_for(std::chrono::milliseconds(random_() % 300));
            redis_->start();
            strikes.add("redis killed");
        }
#endif
    }

    std::mt19937 random_;
    support::temporary_directory place_;
    std::string path_ = place_.file("db");
#ifdef LLMS_SOAK_REDIS
    std::optional<support::redis_server> redis_;
#endif
};

// ---- The calls.

// What all callers have done. A call that has not ended after a minute ends the program.
class ledger {
public:
    explicit ledger(unsigned callers) : begun_(callers), steps_(callers) {}

    void begin(unsigned caller) {
        steps_[caller] = "not begun";
        begun_[caller] = steady::now().time_since_epoch().count();
    }
    void step(unsigned caller, char const* name) { steps_[caller] = name; }
    void end(unsigned caller) {
        auto const took = steady::now().time_since_epoch().count() - begun_[caller].exchange(0);
        auto slowest = slowest_.load();
        while (took > slowest && !slowest_.compare_exchange_weak(slowest, took)) {}
        ++calls;
    }
    void watch(std::stop_token const& over) const {
        while (!over.stop_requested()) {
            std::this_thread::sleep_for(100ms);
            for (std::size_t caller = 0; caller < begun_.size(); ++caller) {
                auto const begun = begun_[caller].load();
                if (begun != 0 &&
                    steady::now().time_since_epoch() - steady::duration(begun) > 60s) {
                    std::cerr << "soak: a call of thread " << caller
                              << " does not end: " << steps_[caller].load() << '\n';
                    std::abort();
                }
            }
        }
    }
    [[nodiscard]] auto slowest() const -> std::chrono::milliseconds {
        return std::chrono::duration_cast<std::chrono::milliseconds>(
            steady::duration(slowest_.load()));
    }

    std::atomic<std::size_t> calls = 0;
    std::atomic<std::size_t> right = 0;
    std::atomic<std::size_t> left = 0; // streams, before their end
    tally failures;
    tally wrong;

private:
    std::vector<std::atomic<steady::rep>> begun_; // 0: no call
    std::vector<std::atomic<char const*>> steps_;
    std::atomic<steady::rep> slowest_ = 0;
};

template <class Client>
class caller {
public:
    caller(Client client, ledger& book, unsigned number, unsigned seed)
        : client_(std::move(client)),
          book_(&book),
          number_(number),
          random_(seed + number) {}

    void run(steady::time_point until) {
        while (steady::now() < until) {
            book_->begin(number_);
            std::stop_source stop;
            try {
                call(stop);
            } catch (llms::provider_error const& e) {
                book_->failures.add(to_string(e.kind()));
            } catch (llms::cancelled_error const& e) {
                book_->failures.add("stopped");
                if (!stop.stop_requested()) {
                    book_->wrong.add(std::string("stopped by nobody: ") + e.what());
                }
            } catch (llms::error const& e) {
                book_->failures.add(e.what());
            } catch (std::exception const& e) {
                book_->wrong.add(std::string("not an error of llms: ") + e.what());
            }
            book_->end(number_);
        }
    }

private:
    void call(std::stop_source& stop) {
        // A tenth of the questions is asked half of the time, so that callers meet.
        auto const number = random_() % (random_() % 2 == 0 ? 20 : 200);
        bool const adds = random_() % 10 == 0;
        auto const question = adds ? R"(add {"a": 20, "b": )" + std::to_string(number) + "}"
                                   : "question " + std::to_string(number);
        auto const expected =
            adds ? "the sum is " + std::to_string(20 + number) : answer_to(question);
        llms::request const ask{.model = "usual",
                                .messages = {llms::message::user(question)},
                                .temperature = random_() % 5 == 0 ? 0.7 : 0.0};
        switch (random_() % 5) {
        case 0:
            book_->step(number_, "complete");
            return judge(client_.complete(ask), expected);
        case 1: { // stopped by another thread, sooner or later
            book_->step(number_, "stream that is stopped");
            std::jthread const stopper([&stop, after = random_() % 100] {
                std::this_thread::sleep_for(std::chrono::milliseconds(after));
                stop.request_stop();
            });
            return judge(client_.stream(ask, stop.get_token()).finish(), expected);
        }
        case 2:
            book_->step(number_, "stream that is left");
            return leave(client_.stream(ask), static_cast<unsigned>(random_() % 10), expected);
        default:
            book_->step(number_, "stream");
            return judge(client_.stream(ask).finish(), expected);
        }
    }

    void judge(llms::response const& answer, std::string const& expected) {
        if (answer.text() == expected && answer.finish == llms::finish_reason::stop) {
            ++book_->right;
        } else {
            book_->wrong.add("\"" + answer.text() + "\" for \"" + expected + "\"");
        }
    }

    // Reads some chunks and goes.
    void leave(llms::response_stream stream, unsigned chunks, std::string const& expected) {
        std::string text;
        for (; chunks > 0; --chunks) {
            auto const* const piece = stream.next();
            if (piece == nullptr) {
                return judge(std::move(stream).finish(), expected);
            }
            text += piece->kind == llms::chunk_kind::text ? piece->text : "";
        }
        if (!expected.starts_with(text)) {
            book_->wrong.add("\"" + text + "\" begins no \"" + expected + "\"");
        }
        ++book_->left;
    }

    Client client_;
    ledger* book_;
    unsigned number_;
    std::mt19937 random_;
};

// ---- What is left over, and what it took.

auto resident_mib() -> std::size_t {
    return support::resident_kib() / 1024;
}

// The most memory there ever was.
auto peak_mib() -> long {
    ::rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss / 1024;
}

auto holds_soon(auto condition) -> bool {
    for (int i = 0; i < 10'000 && !condition(); ++i) {
        std::this_thread::sleep_for(1ms);
    }
    return condition();
}

struct numbers {
    int a = 0;
    int b = 0;
};

// Every middleware there is. The spare provider, of another API, is asked when the usual one fails.
template <class Clock>
auto pipeline(faulty_provider const& from, llms::budget const& budget, llms::metrics& metrics,
              llms::basic_response_cache<Clock>& cache, llms::toolbox const& tools) {
    auto spare = from.spare() | llms::attempts(metrics) |
                 llms::timeout({.total = 10s, .first_chunk = 5s, .idle = 200ms});
    return from.usual() | llms::attempts(metrics) | llms::limited({.max_concurrent = 64}) |
           llms::timeout({.total = 10s, .first_chunk = 5s, .idle = 200ms}) |
           llms::hedged({.after = 200ms}) |
           llms::retrying({.max_attempts = 3, .base = 1ms, .longest = 5ms}) |
           llms::fallback(llms::fallback_to{spare, "spare"}) | llms::budgeted(budget) |
           llms::cached(cache) | llms::with_tools(tools) | llms::observed(metrics);
}

auto soak(settings const& chosen) -> bool {
    std::thread([] {}).join(); // with the first one ThreadSanitizer starts one of its own
    auto const before = support::threads();
    ledger book(chosen.threads);
    llms::metrics metrics;
    llms::budget const budget;
    bool whole = true;
    auto const expect = [&whole](bool holds, std::string_view what) {
        whole = whole && holds;
        std::cout << (holds ? "  [ok]   " : "  [FAIL] ") << what << '\n';
    };
    {
        faulty_provider provider(8 * chosen.threads + 16, chosen.seed);
        chaos chaos(chosen.seed + 1);
        llms::toolbox const tools{llms::tool{"add", "Adds.", [](numbers const& of) {
                                                 return of.a + of.b;
                                             }}};
        std::size_t early = 0;
        {
            llms::basic_response_cache<jumping_clock> caches[2] = {
                llms::basic_response_cache<jumping_clock>(
                    {.tenant = "soak", .max_entries = 100, .ttl = 5s, .tier = chaos.sqlite()}),
                llms::basic_response_cache<jumping_clock>(
                    {.tenant = "soak", .max_entries = 100, .ttl = 5s, .tier = chaos.redis()})};
            auto const start = steady::now();
            auto const until = start + std::chrono::seconds(chosen.seconds);
            std::jthread const watchdog([&](std::stop_token const& over) { book.watch(over); });
            std::jthread const trouble([&](std::stop_token const& over) { chaos.run(over); });
            {
                std::vector<std::jthread> callers;
                for (unsigned n = 0; n < chosen.threads; ++n) {
                    callers.emplace_back([&, n] {
                        caller(pipeline(provider, budget, metrics, caches[n % 2], tools), book, n,
                               chosen.seed + 2)
                            .run(until);
                    });
                }
                std::this_thread::sleep_until(start + (until - start) / 4);
                early = resident_mib();
            }
        }
        auto const late = resident_mib();
        auto const summary = metrics.summary();
        std::cout << "soak: " << chosen.seconds << " s, " << chosen.threads << " threads, seed "
                  << chosen.seed << "\ncalls: " << book.calls << "  right " << book.right
                  << "  left half way " << book.left << "  failed " << book.failures.sum()
                  << "  slowest " << book.slowest().count() << " ms\nanswers: provider "
                  << summary.calls << "  cache " << summary.cached_answers << "  coalesced "
                  << summary.coalesced_answers << "  requests " << provider.requests()
                  << "\nmemory: " << early << " MiB after a quarter, " << late
                  << " MiB at the end, " << peak_mib() << " MiB at most\n";
        provider.faults.print("faults");
        chaos.strikes.print("strikes");
        book.failures.print("failures");
        book.wrong.print("wrong");

        expect(book.wrong.sum() == 0, "no answer was wrong");
        expect(book.right > 0, "some were right");
        expect(book.right + book.left + book.failures.sum() == book.calls, "none was lost");
        expect(summary.calls + summary.cached_answers + summary.coalesced_answers == book.calls,
               "the metrics have counted every call");
        expect(budget.reserved() == llms::budget_amount{}, "no reservation is left");
        expect(chosen.seconds < 60 || late < 2 * early + 16, "memory has not grown");
        expect(holds_soon([&] { return provider.active() == 0; }), "no connection is left");
    }
    expect(holds_soon([&] { return support::threads() <= before; }), "no thread is left");
    return whole;
}

auto chosen_by(int count, char** words) -> settings {
    settings chosen;
    for (int i = 1; i + 1 < count; i += 2) {
        std::string_view const name = words[i];
        auto const value = static_cast<unsigned>(std::strtoul(words[i + 1], nullptr, 10));
        if (name == "--seconds") {
            chosen.seconds = static_cast<int>(value);
        } else if (name == "--threads") {
            chosen.threads = value;
        } else if (name == "--seed") {
            chosen.seed = value;
        }
    }
    return chosen;
}

} // namespace

int main(int count, char** words) {
    return soak(chosen_by(count, words)) ? 0 : 1;
}
