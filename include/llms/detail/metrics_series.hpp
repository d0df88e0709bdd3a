// SPDX-License-Identifier: MIT
//
// Finds the series of an event without a lock, so that recording it costs no registry lookup.
#ifndef LLMS_DETAIL_METRICS_SERIES_HPP
#define LLMS_DETAIL_METRICS_SERIES_HPP

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace llms::inline v0_1::detail {

/// A metric that is looked up when it is first used, so that one which never is does not show.
template <class Metric>
class lazy_metric {
public:
    template <class Find>
    auto get(Find&& find) -> Metric& {
        auto* metric = metric_.load(std::memory_order_acquire);
        if (metric == nullptr) {
            metric = &find(); // two threads may do this at once: both find the same
            metric_.store(metric, std::memory_order_release);
        }
        return *metric;
    }

private:
    std::atomic<Metric*> metric_{nullptr};
};

/// A map from `Size` strings to `Series` that only grows, up to a bound: reading takes no lock.
/// All keys above the bound share the series of the empty key.
template <std::size_t Size, class Series>
class series_table {
public:
    using key = std::array<std::string_view, Size>;

    explicit series_table(std::size_t max_entries) noexcept : max_entries_{max_entries} {}
    series_table(series_table const&) = delete;
    auto operator=(series_table const&) -> series_table& = delete;
    ~series_table() {
        for (auto& bucket : buckets_) {
            for (auto* at = bucket.load(std::memory_order_relaxed); at != nullptr;) {
                delete std::exchange(at, at->next);
            }
        }
    }

    auto operator[](key const& wanted) -> Series& {
        auto& bucket = buckets_[hash(wanted) % buckets_.size()];
        if (auto* const found = find(bucket, wanted)) {
            return *found;
        }
        return add(bucket, wanted);
    }

private:
    // Published by a release store of the bucket, read with acquire, immutable but for the series.
    struct entry {
        std::array<std::string, Size> names;
        entry* next;
        Series series{};
    };

    auto add(std::atomic<entry*>& bucket, key const& wanted) -> Series& {
        std::scoped_lock const lock{adding_};
        if (auto* const found = find(bucket, wanted)) {
            return *found;
        }
        if (entries_ == max_entries_) {
            return overflow_;
        }
        auto* const added =
            new entry{.names = owned(wanted), .next = bucket.load(std::memory_order_relaxed)};
        bucket.store(added, std::memory_order_release);
        ++entries_;
        return added->series;
    }

    static auto find(std::atomic<entry*> const& bucket, key const& wanted) noexcept -> Series* {
        auto* at = bucket.load(std::memory_order_acquire);
        while (at != nullptr && !std::equal(wanted.begin(), wanted.end(), at->names.begin())) {
            at = at->next;
        }
        return at != nullptr ? &at->series : nullptr;
    }

    static auto owned(key const& names) -> std::array<std::string, Size> {
        std::array<std::string, Size> result;
        std::copy(names.begin(), names.end(), result.begin());
        return result;
    }

    // Sizes and both ends of the names: names of models differ there. Keys that collide on purpose
    // cost a walk of at most max_entries.
    static auto hash(key const& names) noexcept -> std::size_t {
        std::uint64_t mixed = 0;
        for (auto const name : names) {
            std::array<std::uint64_t, 2> ends{};
            if (name.size() >= 8) {
                std::memcpy(ends.data(), name.data(), 8);
                std::memcpy(&ends[1], name.data() + name.size() - 8, 8);
            } else if (name.size() >= 4) {
                std::memcpy(ends.data(), name.data(), 4);
                std::memcpy(&ends[1], name.data() + name.size() - 4, 4);
            } else if (!name.empty()) {
                ends[0] = static_cast<unsigned char>(name.front());
                ends[1] = static_cast<unsigned char>(name.back());
            }
            mixed = (mixed ^ ends[0] ^ name.size()) * 0x9E3779B97F4A7C15U;
            mixed = (mixed ^ ends[1]) * 0xC2B2AE3D27D4EB4FU;
            mixed ^= mixed >> 29U;
        }
        return static_cast<std::size_t>(mixed);
    }

    std::size_t max_entries_;
    std::mutex adding_;
    std::size_t entries_ = 0;
    Series overflow_{};
    std::array<std::atomic<entry*>, 64> buckets_{};
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_METRICS_SERIES_HPP
