// SPDX-License-Identifier: MIT
//
// A frozen map from names to payloads, looked up once for every key of every instance object, so
// the heart of the validator's speed. Names of up to 16 bytes are compared as two words and never
// touched again; longer ones are hashed whole and compared byte by byte. Building is bounded:
// where a few seeds do not spread the names (somebody chose them so that they collide), the table
// is a sorted list and a look-up a binary search.
#ifndef LLMS_DETAIL_SCHEMA_NAMES_HPP
#define LLMS_DETAIL_SCHEMA_NAMES_HPP

#include <llms/detail/schema_arena.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <tuple>

namespace llms::inline v0_1::detail::schema_engine {

template <class Word>
auto load_word(char const* from) noexcept -> std::uint64_t {
    Word word{};
    std::memcpy(&word, from, sizeof word);
    return word;
}

/// The first and last bytes of a name and a hash of all of it. For two names of one size up to
/// 16, equal words mean equal names.
struct name_words {
    std::uint64_t head = 0;
    std::uint64_t tail = 0;
    std::uint64_t hash = 0;

    static constexpr std::size_t whole = 16;

    explicit name_words(std::string_view name) noexcept {
        auto const* const first = name.data();
        auto const size = name.size();
        if (size >= 8) {
            head = load_word<std::uint64_t>(first);
            tail = load_word<std::uint64_t>(first + size - 8);
        } else if (size >= 4) {
            head = load_word<std::uint32_t>(first);
            tail = load_word<std::uint32_t>(first + size - 4);
        } else if (size > 0) {
            head = static_cast<unsigned char>(first[0]);
            tail = static_cast<std::uint64_t>(static_cast<unsigned char>(first[size / 2])) << 8U |
                   static_cast<unsigned char>(first[size - 1]);
        }
        hash = mix(head * first_factor + tail * second_factor + size);
        for (std::size_t at = 8; at + 8 < size; at += 8) {
            hash = mix((hash ^ load_word<std::uint64_t>(first + at)) * first_factor);
        }
    }

private:
    static constexpr std::uint64_t first_factor = 0x9E3779B97F4A7C15U;
    static constexpr std::uint64_t second_factor = 0xC2B2AE3D27D4EB4FU;

    static auto mix(std::uint64_t word) noexcept -> std::uint64_t { return word ^ (word >> 32U); }
};

template <class Payload>
class name_table {
public:
    struct entry {
        std::uint64_t head;
        std::uint64_t tail;
        std::string_view name;
        Payload payload;
    };

    /// Makes room for `count` names; `entries()` are then filled in any order and `freeze` called.
    void reserve(arena& memory, std::size_t count) { entries_ = memory.array<entry>(count); }

    [[nodiscard]] auto entries() noexcept -> std::span<entry> { return entries_; }
    [[nodiscard]] auto entries() const noexcept -> std::span<entry const> { return entries_; }
    [[nodiscard]] auto size() const noexcept -> std::size_t { return entries_.size(); }
    [[nodiscard]] auto empty() const noexcept -> bool { return entries_.empty(); }

    /// Whether `entries()` are in the order of their names' bytes, as nearly always.
    [[nodiscard]] auto is_sorted() const noexcept -> bool { return sorted_; }

    /// Makes the names findable; they must differ. O(n log n).
    void freeze(arena& memory);

    /// The payload of `name`, or null. Two or three cache lines for names that do not collide.
    [[nodiscard]] auto find(std::string_view name) const noexcept -> Payload* {
        if (slots_.empty()) {
            return find_sorted(name);
        }
        auto const words = name_words{name};
        auto const scrambled = words.hash * seed_;
        auto const mask = slots_.size() - 1;
        for (auto at = static_cast<std::size_t>(scrambled >> shift_);; at = (at + 1) & mask) {
            auto const [tag, index] = slots_[at];
            if (index == 0) {
                return nullptr;
            }
            if (tag == static_cast<std::uint32_t>(scrambled)) {
                auto& found = entries_[index - 1];
                if (found.head == words.head && found.tail == words.tail &&
                    found.name.size() == name.size() &&
                    (name.size() <= name_words::whole ||
                     std::memcmp(found.name.data(), name.data(), name.size()) == 0)) {
                    return &found.payload;
                }
            }
        }
    }

private:
    // index 0 is an empty slot; the others are one more than the entry's.
    struct slot {
        std::uint32_t tag;
        std::uint32_t index;
    };

    static constexpr unsigned seeds_tried = 8;
    static constexpr std::size_t few = 64;
    static constexpr std::size_t longest_probe = 16;

    static auto order(std::string_view name) noexcept { return std::tuple(name.size(), name); }

    [[nodiscard]] auto find_sorted(std::string_view name) const noexcept -> Payload* {
        auto const found = std::lower_bound(
            entries_.begin(), entries_.end(), name,
            [](entry const& one, std::string_view key) { return order(one.name) < order(key); });
        return found != entries_.end() && found->name == name ? &found->payload : nullptr;
    }

    // Fills the slots under `seed_`; the longest way from a name's own slot to where it lies.
    auto place() noexcept -> std::size_t {
        std::fill(slots_.begin(), slots_.end(), slot{});
        auto const mask = slots_.size() - 1;
        std::size_t longest = 0;
        for (std::size_t index = 0; index < entries_.size(); ++index) {
            auto const scrambled = name_words{entries_[index].name}.hash * seed_;
            auto at = static_cast<std::size_t>(scrambled >> shift_);
            std::size_t probe = 0;
            for (; slots_[at].index != 0 && probe <= longest_probe; ++probe) {
                at = (at + 1) & mask;
            }
            if (probe > longest_probe) {
                return probe;
            }
            longest = std::max(longest, probe);
            slots_[at] = {static_cast<std::uint32_t>(scrambled),
                          static_cast<std::uint32_t>(index + 1)};
        }
        return longest;
    }

    std::span<entry> entries_;
    std::span<slot> slots_;
    std::uint64_t seed_ = 1;
    unsigned shift_ = 0;
    bool sorted_ = true;
};

template <class Payload>
void name_table<Payload>::freeze(arena& memory) {
    for (auto& one : entries_) {
        auto const words = name_words{one.name};
        one.head = words.head;
        one.tail = words.tail;
    }
    if (entries_.empty()) {
        return;
    }
    auto const slots = std::bit_ceil(entries_.size() * 2);
    slots_ = memory.array<slot>(slots);
    shift_ = 64U - static_cast<unsigned>(std::countr_zero(slots));
    // A small table is worth a few seeds for having every name in its own slot.
    auto const tries = entries_.size() <= few ? seeds_tried : 2U;
    auto best_seed = std::uint64_t{0};
    auto best = longest_probe + 1;
    for (auto tried = 0U; tried < tries && best > 0; ++tried) {
        seed_ = 0x9E3779B97F4A7C15U * (2 * tried + 1);
        if (auto const longest = place(); longest < best) {
            best = longest;
            best_seed = seed_;
        }
    }
    if (best > longest_probe) {
        slots_ = {};
        std::sort(entries_.begin(), entries_.end(), [](entry const& one, entry const& other) {
            return order(one.name) < order(other.name);
        });
    } else if (seed_ != best_seed) {
        seed_ = best_seed;
        place();
    }
    sorted_ =
        std::is_sorted(entries_.begin(), entries_.end(),
                       [](entry const& one, entry const& other) { return one.name < other.name; });
}

} // namespace llms::inline v0_1::detail::schema_engine

#endif // LLMS_DETAIL_SCHEMA_NAMES_HPP
