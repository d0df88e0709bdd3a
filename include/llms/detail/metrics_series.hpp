// SPDX-License-Identifier: MIT
//
// Finds the series of an event without a lock, so that recording it costs no registry lookup.
#ifndef LLMS_DETAIL_METRICS_SERIES_HPP
#define LLMS_DETAIL_METRICS_SERIES_HPP

#include <array>
#include <atomic>
#include <bit>
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

/// A string as its size and its first and last bytes, which is all of it up to 16 bytes: to compare
/// and hash the names of operations, providers and models without calls.
class name_key {
public:
    name_key() = default;
    explicit name_key(std::string_view text) noexcept : text_{text} {
        if (text.size() >= 8) {
            first_ = load<8>(0);
            last_ = load<8>(text.size() - 8);
        } else if (text.size() >= 4) {
            first_ = load<4>(0);
            last_ = load<4>(text.size() - 4);
        } else if (!text.empty()) {
            first_ = load<1>(0) | load<1>(text.size() / 2) << 8U;
            last_ = load<1>(text.size() - 1);
        }
    }

    auto operator==(name_key const& other) const noexcept -> bool {
        return first_ == other.first_ && last_ == other.last_ &&
               text_.size() == other.text_.size() && (text_.size() <= 16 || text_ == other.text_);
    }

    [[nodiscard]] auto mixed_into(std::uint64_t hash) const noexcept -> std::uint64_t {
        return std::rotl(hash, 23) + first_ + std::rotl(last_, 32) + text_.size();
    }

    [[nodiscard]] auto text() const noexcept -> std::string_view { return text_; }

private:
    template <std::size_t Bytes>
    [[nodiscard]] auto load(std::size_t from) const noexcept -> std::uint64_t {
        std::uint64_t bytes = 0;
        std::memcpy(&bytes, text_.data() + from, Bytes);
        return bytes;
    }

    std::string_view text_;
    std::uint64_t first_ = 0;
    std::uint64_t last_ = 0;
};

/// A map from `Size` names to `Series` that only grows, up to a bound: reading takes no lock.
template <std::size_t Size, class Series>
class series_table {
    using key = std::array<name_key, Size>;

public:
    /// Published by a release store of its bucket, read with acquire, immutable but for the series.
    struct entry {
        entry() = default;
        entry(key const& wanted, entry* following) : next{following} {
            for (std::size_t i = 0; i < Size; ++i) {
                names[i] = wanted[i].text();
                keys[i] = name_key{names[i]};
            }
        }

        std::array<std::string, Size> names;
        key keys;
        entry* next = nullptr;
        bool overflow = false;
        Series series{};
    };

    explicit series_table(std::size_t max_entries) : max_entries_{max_entries} {
        overflow_.overflow = true;
    }
    series_table(series_table const&) = delete;
    auto operator=(series_table const&) -> series_table& = delete;
    ~series_table() {
        for (auto& bucket : buckets_) {
            for (auto* at = bucket.load(std::memory_order_relaxed); at != nullptr;) {
                delete std::exchange(at, at->next);
            }
        }
    }

    /// The entry of these names; the one of all other names when the table is full.
    template <class... Names>
    auto find_or_add(Names... names) -> entry& {
        key const wanted{name_key{names}...};
        auto& bucket = bucket_of(wanted);
        auto* const found = find(bucket, wanted);
        return found != nullptr ? *found : add(bucket, wanted);
    }

private:
    auto add(std::atomic<entry*>& bucket, key const& wanted) -> entry& {
        std::scoped_lock const lock{adding_};
        if (auto* const found = find(bucket, wanted)) {
            return *found;
        }
        if (entries_ == max_entries_) {
            return overflow_;
        }
        auto* const added = new entry{wanted, bucket.load(std::memory_order_relaxed)};
        bucket.store(added, std::memory_order_release);
        ++entries_;
        return *added;
    }

    static auto find(std::atomic<entry*> const& bucket, key const& wanted) noexcept -> entry* {
        auto* at = bucket.load(std::memory_order_acquire);
        while (at != nullptr && at->keys != wanted) {
            at = at->next;
        }
        return at;
    }

    // Names that collide on purpose cost a walk of at most max_entries.
    auto bucket_of(key const& names) noexcept -> std::atomic<entry*>& {
        std::uint64_t mixed = 0;
        for (auto const& name : names) {
            mixed = name.mixed_into(mixed);
        }
        return buckets_[mixed * 0x9E3779B97F4A7C15U >> (64U - bucket_bits)];
    }

    static constexpr unsigned bucket_bits = 6;

    std::size_t max_entries_;
    std::mutex adding_;
    std::size_t entries_ = 0;
    entry overflow_;
    std::array<std::atomic<entry*>, std::size_t{1} << bucket_bits> buckets_{};
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_METRICS_SERIES_HPP
