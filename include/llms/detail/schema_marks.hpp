// SPDX-License-Identifier: MIT
//
// Which members or elements of one instance have been evaluated, for `unevaluatedProperties` and
// `unevaluatedItems`. Members count by their position in the object. No allocation up to 256.
#ifndef LLMS_DETAIL_SCHEMA_MARKS_HPP
#define LLMS_DETAIL_SCHEMA_MARKS_HPP

#include <llms/version.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace llms::inline v0_1::detail::schema_engine {

class marks {
public:
    void set(std::size_t position) {
        auto const word = position / bits;
        auto const here = std::uint64_t{1} << (position % bits);
        if (word < few_.size()) {
            few_[word] |= here;
            return;
        }
        if (many_.size() <= word - few_.size()) {
            many_.resize(word - few_.size() + 1);
        }
        many_[word - few_.size()] |= here;
    }

    /// Marks the positions below `end`.
    void set_below(std::size_t end) noexcept { below_ = std::max(below_, end); }
    void set_all() noexcept { below_ = static_cast<std::size_t>(-1); }

    [[nodiscard]] auto test(std::size_t position) const noexcept -> bool {
        if (position < below_) {
            return true;
        }
        auto const word = position / bits;
        auto const held = word < few_.size()                  ? few_[word]
                          : word - few_.size() < many_.size() ? many_[word - few_.size()]
                                                              : std::uint64_t{0};
        return (held >> (position % bits) & 1U) != 0;
    }

    void merge(marks const& other) {
        below_ = std::max(below_, other.below_);
        for (std::size_t i = 0; i < few_.size(); ++i) {
            few_[i] |= other.few_[i];
        }
        many_.resize(std::max(many_.size(), other.many_.size()));
        for (std::size_t i = 0; i < other.many_.size(); ++i) {
            many_[i] |= other.many_[i];
        }
    }

private:
    static constexpr std::size_t bits = 64;

    std::size_t below_ = 0;
    std::array<std::uint64_t, 4> few_{};
    std::vector<std::uint64_t> many_;
};

} // namespace llms::inline v0_1::detail::schema_engine

#endif // LLMS_DETAIL_SCHEMA_MARKS_HPP
