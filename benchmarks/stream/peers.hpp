// SPDX-License-Identifier: MIT
//
// The queues that llms::channel is measured against, under one interface: push(T), pop(T&).
#ifndef LLMS_BENCHMARKS_STREAM_PEERS_HPP
#define LLMS_BENCHMARKS_STREAM_PEERS_HPP

#include <llms/stream/channel.hpp>

#include <bit>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#if __has_include(<boost/fiber/buffered_channel.hpp>)
#    include <boost/fiber/buffered_channel.hpp>
#    define LLMS_BENCH_FIBERS 1
#endif
#if __has_include(<tbb/concurrent_queue.h>)
#    include <tbb/concurrent_queue.h>
#    define LLMS_BENCH_TBB 1
#endif
#if __has_include(<concurrentqueue/blockingconcurrentqueue.h>)
#    include <concurrentqueue/blockingconcurrentqueue.h>
#    define LLMS_BENCH_MOODYCAMEL 1
#endif

namespace peers {

/// The subject.
template <class T>
class llms_channel {
public:
    explicit llms_channel(std::size_t capacity) : items_(capacity) {}
    void push(T item) { (void)items_.push(std::move(item)); }
    void pop(T& item) { item = *items_.pop(); }
    void pop_all(std::vector<T>& items) { (void)items_.pop_all(items); }
    void close() { items_.close(); }

private:
    llms::channel<T> items_;
};

/// What a user writes.
template <class T>
class textbook {
public:
    explicit textbook(std::size_t capacity) : capacity_(capacity) {}
    void push(T item) {
        std::unique_lock lock(mutex_);
        not_full_.wait(lock, [&] { return items_.size() < capacity_; });
        items_.push_back(std::move(item));
        lock.unlock();
        not_empty_.notify_one();
    }
    void pop(T& item) {
        std::unique_lock lock(mutex_);
        not_empty_.wait(lock, [&] { return !items_.empty() || closed_; });
        if (items_.empty()) {
            item = {};
            return;
        }
        item = std::move(items_.front());
        items_.pop_front();
        lock.unlock();
        not_full_.notify_one();
    }
    void close() {
        std::unique_lock lock(mutex_);
        closed_ = true;
        lock.unlock();
        not_empty_.notify_all();
    }

private:
    std::size_t capacity_;
    bool closed_ = false;
    std::mutex mutex_;
    std::condition_variable not_full_;
    std::condition_variable not_empty_;
    std::deque<T> items_;
};

#ifdef LLMS_BENCH_FIBERS
/// Its capacity is a power of two, of which one place stays free.
template <class T>
class fibers {
public:
    explicit fibers(std::size_t capacity) : items_(std::bit_ceil(capacity + 1)) {}
    void push(T item) { items_.push(std::move(item)); }
    void pop(T& item) { items_.pop(item); }

private:
    boost::fibers::buffered_channel<T> items_;
};
#endif

#ifdef LLMS_BENCH_TBB
template <class T>
class tbb_bounded {
public:
    explicit tbb_bounded(std::size_t capacity) {
        items_.set_capacity(static_cast<std::ptrdiff_t>(capacity));
    }
    void push(T item) { items_.push(std::move(item)); }
    void pop(T& item) { items_.pop(item); }

private:
    tbb::concurrent_bounded_queue<T> items_;
};
#endif

#ifdef LLMS_BENCH_MOODYCAMEL
/// Unbounded: its producer never waits, which is what a token stream has to do.
template <class T>
class moodycamel_unbounded {
public:
    explicit moodycamel_unbounded(std::size_t capacity) : items_(capacity) {}
    void push(T item) { items_.enqueue(std::move(item)); }
    void pop(T& item) { items_.wait_dequeue(item); }

private:
    moodycamel::BlockingConcurrentQueue<T> items_;
};
#endif

} // namespace peers

#endif // LLMS_BENCHMARKS_STREAM_PEERS_HPP
