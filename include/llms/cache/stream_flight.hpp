// SPDX-License-Identifier: MIT
//
// `stream_flight<Key, Chunk>`: `single_flight` for streams. N callers that want the stream of one key
// share one production; each reads every chunk from the first on, at its own pace, however late it
// joined. Chunks are stored once and shared, not copied to each reader.
//
//     llms::stream_flight<std::string, token> flights;
//     auto reader = flights.join(key, [&](auto writer) { client.start(request, std::move(writer)); });
//     while (auto const* chunk = reader.next({.stop = token})) use(*chunk);
//
// The stream goes on while anyone reads it; when the last reader leaves, the writer's stop_token
// fires, so that the request can be cancelled. It ends exactly once: `close()`, `close(exception)`, or
// with `stream_broken_error` when the writer dies.
//
// Memory: `max_buffered_bytes` a stream. When a stream outgrows it, its oldest chunks are dropped;
// from then on nobody can join it (the next caller launches anew), and a reader that has not got so
// far yet fails with `stream_overrun_error`. The producer never waits for a reader.
//
// Thread safety: `join` and `stats` all of it; a reader or writer is for one thread at a time. Keys are
// hashed and compared, chunks moved and dropped, under a lock: none of these may use the same flights.
// Cost: one mutex and one wake-up per chunk; one allocation per 32 chunks.
#ifndef LLMS_CACHE_STREAM_FLIGHT_HPP
#define LLMS_CACHE_STREAM_FLIGHT_HPP

#include <llms/detail/cache_wait.hpp>
#include <llms/error.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>

namespace llms::inline v0_1 {

/// The producer went away without closing its stream.
class stream_broken_error : public error {
public:
    using error::error;
};

/// A reader stayed so far behind that the chunks it needs next have been dropped.
class stream_overrun_error : public error {
public:
    using error::error;
};

/// The bytes that a chunk holds beside its own size: those of its text or elements.
struct chunk_weight {
    template <class Chunk>
    auto operator()(Chunk const& chunk) const -> std::size_t {
        if constexpr (requires { chunk.size() * sizeof(*chunk.data()); }) {
            return chunk.size() * sizeof(*chunk.data());
        } else {
            return 0;
        }
    }
};

struct stream_flight_options {
    std::size_t max_buffered_bytes = std::size_t{8} << 20U; ///< a stream; see the head of this file
};

/// What `stream_flight` has done so far, and what it holds now.
struct stream_flight_stats {
    std::uint64_t launched = 0;  ///< productions started
    std::uint64_t shared = 0;    ///< readers who joined one that had been started
    std::uint64_t failed = 0;    ///< productions that ended in an exception, or with no end at all
    std::uint64_t abandoned = 0; ///< productions whose last reader left before the end
    std::uint64_t overruns = 0;  ///< productions that outgrew `max_buffered_bytes`
    std::size_t in_flight = 0;   ///< streams that can be joined now
};

/// Shares streams between concurrent callers of one key; see the head of this file.
/// `Weight` says how many bytes a chunk holds beside `sizeof`.
template <class Key, class Chunk, class Hash = std::hash<Key>, class Weight = chunk_weight,
          class Clock = std::chrono::steady_clock>
class stream_flight {
    struct registry;
    struct stream;
    struct block;

public:
    using limits = wait_limits<Clock>;
    class reader;
    class writer;

    explicit stream_flight(stream_flight_options options = {})
        : registry_(std::make_shared<registry>()) {
        registry_->options = options;
    }

    /// Returns a reader of the key's stream from its first chunk on. If no such stream is under
    /// way, this call starts it: `launch(writer)` is called on this thread, under no lock; it should
    /// hand the writer to whoever produces and return.
    /// \throws what `launch` throws, which then is also the end of the stream for others.
    template <class Launch>
        requires std::is_invocable_v<Launch&, writer>
    [[nodiscard]] auto join(Key const& key, Launch&& launch) -> reader {
        auto [joined, led] = registry_->join(key, registry_);
        reader mine(joined, led);
        if (led) {
            try {
                launch(writer(joined));
            } catch (...) {
                joined->finish(std::current_exception());
                throw;
            }
            joined->launched();
        }
        return mine;
    }

    /// Returns counts since construction, and how many streams can be joined now.
    [[nodiscard]] auto stats() const -> stream_flight_stats {
        std::lock_guard const lock(registry_->mutex);
        auto now = registry_->stats;
        now.in_flight = registry_->streams.size();
        return now;
    }

private:
    static constexpr std::size_t block_size = 32;

    // Chunks are written once, in order, and read by anyone who has seen `ready` pass them.
    struct block {
        std::array<std::optional<Chunk>, block_size> chunks;
        // Stored (release) by the writer after the chunk; a reader that loads it (acquire) sees the
        // chunk, and so needs no lock to read it.
        std::atomic<std::size_t> ready = 0;
        std::size_t bytes = 0; // guarded by the stream's mutex
    };

    // What all readers of a production share. Lock order: registry, then stream.
    struct stream {
        stream(Key k, std::shared_ptr<registry> r) : key(std::move(k)), owner(std::move(r)) {}

        Key const key;
        std::shared_ptr<registry> const owner;
        std::size_t readers = 0; // guarded by owner->mutex; 0 = abandoned
        bool joinable = true;    // guarded by owner->mutex; in owner->streams exactly while true
        std::stop_source abandon;

        std::mutex mutex; // guards what follows
        std::condition_variable changed;
        std::deque<std::shared_ptr<block>> blocks; // the last one is being written
        std::size_t first = 0;                     // number of blocks dropped before blocks.front()
        std::size_t bytes = 0;                     // of all in blocks
        bool launching = true;                     // launch() has not returned
        bool broken = false;                       // the writer died unclosed
        bool ended = false;
        std::exception_ptr failure; // constant once ended

        auto push(Chunk&& chunk) -> bool;

        void finish(std::exception_ptr error) noexcept {
            std::lock_guard const outer(owner->mutex);
            std::lock_guard const lock(mutex);
            if (std::exchange(ended, true)) {
                return;
            }
            owner->stats.failed += error != nullptr && readers > 0 ? 1U : 0U;
            owner->forget(*this);
            failure = std::move(error);
            changed.notify_all();
        }

        void seal() noexcept {
            std::lock_guard const lock(owner->mutex);
            owner->forget(*this);
        }

        // While launch() runs, the writer may be dying of the exception that is the better reason.
        void break_off() noexcept {
            {
                std::lock_guard const lock(mutex);
                broken = true;
                if (launching) {
                    return;
                }
            }
            finish(std::make_exception_ptr(
                stream_broken_error("stream_flight: the producer went away before the end")));
        }

        void launched() noexcept {
            bool const dead = [this] {
                std::lock_guard const lock(mutex);
                launching = false;
                return broken;
            }();
            if (dead) {
                break_off();
            }
        }
    };

    struct registry {
        stream_flight_options options; // constant
        std::mutex mutex;              // guards what follows
        std::unordered_map<Key, std::shared_ptr<stream>, Hash> streams;
        stream_flight_stats stats;

        auto join(Key const& key, std::shared_ptr<registry> const& self)
            -> std::pair<std::shared_ptr<stream>, bool> {
            std::lock_guard const lock(mutex);
            auto const known = streams.find(key);
            if (known != streams.end()) {
                stream& running = *known->second;
                std::lock_guard const inner(running.mutex);
                if (running.first == 0) {
                    ++running.readers;
                    ++stats.shared;
                    return {known->second, false};
                }
            }
            if (known != streams.end()) { // its first chunks are gone
                known->second->joinable = false;
                streams.erase(known);
            }
            auto created = std::make_shared<stream>(key, self);
            streams.emplace(key, created);
            created->readers = 1;
            ++stats.launched;
            return {std::move(created), true};
        }

        void forget(stream& which) noexcept { // the mutex is held
            if (std::exchange(which.joinable, false)) {
                streams.erase(which.key);
            }
        }

        void leave(stream& which) noexcept {
            bool last = false;
            {
                std::lock_guard const lock(mutex);
                if (--which.readers == 0) {
                    std::lock_guard const inner(which.mutex);
                    last = !which.ended;
                    stats.abandoned += last ? 1U : 0U;
                    forget(which);
                }
            }
            if (last) {
                which.abandon.request_stop(); // calls the producer's code: under no lock
            }
        }
    };

    std::shared_ptr<registry> registry_;
};

/// One caller's place in a stream. Leaves the stream when it dies.
template <class Key, class Chunk, class Hash, class Weight, class Clock>
class stream_flight<Key, Chunk, Hash, Weight, Clock>::reader {
public:
    reader(reader&&) noexcept = default;
    auto operator=(reader&& other) noexcept -> reader& {
        std::swap(stream_, other.stream_);
        std::swap(block_, other.block_);
        std::swap(number_, other.number_);
        std::swap(next_, other.next_);
        std::swap(led_, other.led_);
        return *this;
    }
    ~reader() {
        if (stream_ != nullptr) {
            stream_->owner->leave(*stream_);
        }
    }

    /// Tells whether this reader's `join` started the stream.
    [[nodiscard]] auto led() const noexcept -> bool { return led_; }

    /// Waits for the next chunk and returns it, or nullptr at the end of the stream. The chunk lives
    /// until the next call or the end of the reader.
    /// \throws the exception that the stream was closed with; `stream_broken_error`,
    /// `stream_overrun_error`; `cancelled_error` or `timeout_error` when `mine` is spent, after
    /// which the reader may go on.
    auto next(limits const& mine = {}) -> Chunk const* {
        if (auto const* const chunk = ready(); chunk != nullptr) {
            return chunk;
        }
        detail::wait_within(stream_->mutex, stream_->changed, mine,
                            [this] { return advance() || stream_->ended; });
        bool ended = false;
        {
            std::lock_guard const lock(stream_->mutex);
            if (advance()) {
                return ready();
            }
            ended = stream_->ended;
        }
        if (!ended) {
            mine.give_up("stream_flight");
        }
        if (stream_->failure) {
            std::rethrow_exception(stream_->failure);
        }
        return nullptr;
    }

private:
    friend stream_flight;

    reader(std::shared_ptr<stream> joined, bool led) : stream_(std::move(joined)), led_(led) {}

    // The next chunk if it lies in the block at hand.
    auto ready() -> Chunk const* {
        if (block_ == nullptr || next_ == block_->ready.load(std::memory_order_acquire)) {
            return nullptr;
        }
        return &*block_->chunks[next_++];
    }

    // Finds the next chunk; false if it has not been written. stream_->mutex is held.
    auto advance() -> bool {
        if (block_ != nullptr && next_ < block_->ready.load(std::memory_order_relaxed)) {
            return true;
        }
        auto const wanted = block_ == nullptr ? 0 : number_ + 1;
        if (wanted < stream_->first) {
            throw stream_overrun_error(
                "stream_flight: this reader is too far behind: the chunks it "
                "needs next have been dropped");
        }
        if (wanted - stream_->first == stream_->blocks.size()) {
            return false; // the block at hand is the last one
        }
        block_ = stream_->blocks[wanted - stream_->first];
        number_ = wanted;
        next_ = 0;
        return true; // a block is not begun without a chunk
    }

    std::shared_ptr<stream> stream_;
    std::shared_ptr<block> block_; // holds the chunk returned last, which so outlives its dropping
    std::size_t number_ = 0;       // of block_ in the stream
    std::size_t next_ = 0;         // index in block_
    bool led_ = false;
};

/// The producer's end of a stream. Closes it with `stream_broken_error` if it dies unclosed.
template <class Key, class Chunk, class Hash, class Weight, class Clock>
class stream_flight<Key, Chunk, Hash, Weight, Clock>::writer {
public:
    writer(writer&&) noexcept = default;
    auto operator=(writer&& other) noexcept -> writer& {
        std::swap(stream_, other.stream_);
        return *this;
    }
    ~writer() {
        if (stream_ != nullptr) {
            stream_->break_off();
        }
    }

    /// Appends a chunk. Returns false if nobody reads the stream any more, or it is closed: the
    /// producer may stop.
    auto push(Chunk chunk) -> bool { return stream_ != nullptr && stream_->push(std::move(chunk)); }

    /// From now on nobody joins the stream: the next caller launches anew. Before its last chunk, it
    /// keeps those who have seen the end from joining what they have seen.
    void seal() noexcept {
        if (stream_ != nullptr) {
            stream_->seal();
        }
    }

    /// Fires when the last reader has left; its callbacks run on that reader's thread.
    [[nodiscard]] auto abandoned() const -> std::stop_token {
        return stream_ == nullptr ? std::stop_token{} : stream_->abandon.get_token();
    }

    /// Ends the stream; readers get what was pushed, then the end.
    void close() noexcept { end(nullptr); }

    /// Ends the stream; readers get what was pushed, then `error`. \pre `error` is not null.
    void close(std::exception_ptr error) noexcept { end(std::move(error)); }

private:
    friend stream_flight;

    explicit writer(std::shared_ptr<stream> mine) : stream_(std::move(mine)) {}

    void end(std::exception_ptr error) noexcept {
        if (auto const mine = std::exchange(stream_, nullptr); mine != nullptr) {
            mine->finish(std::move(error));
        }
    }

    std::shared_ptr<stream> stream_;
};

template <class Key, class Chunk, class Hash, class Weight, class Clock>
auto stream_flight<Key, Chunk, Hash, Weight, Clock>::stream::push(Chunk&& chunk) -> bool {
    auto const weight = sizeof(std::optional<Chunk>) + Weight{}(chunk);
    auto const most = owner->options.max_buffered_bytes;
    bool outgrown = false;
    {
        std::lock_guard const lock(mutex);
        if (ended || abandon.stop_requested()) {
            return false;
        }
        // Blocks stay small beside the bound, so that it can be kept by dropping whole ones.
        if (blocks.empty() || blocks.back()->bytes >= most / 8 ||
            blocks.back()->ready.load(std::memory_order_relaxed) == block_size) {
            blocks.push_back(std::make_shared<block>());
        }
        auto& last = *blocks.back();
        auto const place = last.ready.load(std::memory_order_relaxed);
        last.chunks[place].emplace(std::move(chunk));
        last.bytes += weight;
        bytes += weight;
        while (bytes > most && blocks.size() > 1) {
            bytes -= blocks.front()->bytes;
            blocks.pop_front();
            outgrown = first++ == 0 || outgrown;
        }
        last.ready.store(place + 1, std::memory_order_release);
    }
    changed.notify_all();
    if (outgrown) {
        std::lock_guard const lock(owner->mutex);
        ++owner->stats.overruns;
        owner->forget(*this);
    }
    return true;
}

} // namespace llms::inline v0_1

#endif // LLMS_CACHE_STREAM_FLIGHT_HPP
