// SPDX-License-Identifier: MIT
//
// Watches a string as it comes, a value or a name: whether some of the strings that the schema lists
// still begin with it, and whether it is too long already.
#ifndef LLMS_DETAIL_SCHEMA_TEXT_WATCH_HPP
#define LLMS_DETAIL_SCHEMA_TEXT_WATCH_HPP

#include <llms/detail/schema_names.hpp>
#include <llms/detail/schema_program.hpp>
#include <llms/detail/schema_stream.hpp>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace llms::inline v0_1::detail::schema_engine {

/// The names of a table that begin with what was read. O(log n) for each byte.
template <class Payload>
class prefix_range {
public:
    prefix_range(node const& from, std::string_view keyword, name_table<Payload> const& listed)
        : from_{&from},
          keyword_{keyword},
          all_{listed.entries()},
          left_{all_} {}

    /// Reads the byte at index `at` of the text; false if no name is left.
    auto narrow(std::size_t at, char byte) noexcept -> bool {
        auto const rank = [at](auto const& one) {
            return one.name.size() <= at ? -1 : int{static_cast<unsigned char>(one.name[at])};
        };
        auto const wanted = int{static_cast<unsigned char>(byte)};
        auto const first = std::partition_point(
            left_.begin(), left_.end(), [&](auto const& one) { return rank(one) < wanted; });
        auto const last = std::partition_point(
            first, left_.end(), [&](auto const& one) { return rank(one) == wanted; });
        left_ = {first, last};
        return !left_.empty();
    }

    [[nodiscard]] auto from() const noexcept -> node const& { return *from_; }
    [[nodiscard]] auto keyword() const noexcept -> std::string_view { return keyword_; }

    /// What was expected.
    [[nodiscard]] auto expectation() const -> std::string {
        constexpr auto most = std::size_t{16};
        auto texts = std::vector<std::string>{};
        for (auto const& one : all_) {
            texts.push_back(texts.size() < most ? in_quotes(one.name) : std::string{});
        }
        return "expected one of " + listed(texts, most);
    }

private:
    using entries = std::span<typename name_table<Payload>::entry const>;

    node const* from_;
    std::string_view keyword_;
    entries all_;
    entries left_;
};

class text_watch {
public:
    /// Begins with the value that `checker` is about to read.
    auto begin_value(stream_checker& checker) -> bool {
        clear();
        for (auto const& one : checker.due()) {
            if (one.counter == no_limit && !add(checker, one.way, one.room)) {
                return false;
            }
        }
        return true;
    }

    /// Begins with the next name of the innermost object.
    auto begin_name(stream_checker& checker) -> bool {
        clear();
        auto good = true;
        checker.for_each_rules([&](node const& at, headroom room) {
            auto const& rules = *at.object;
            if (rules.takes_known_only() && rules.names.is_sorted()) {
                names_.emplace_back(at, "additionalProperties", rules.names);
            }
            good = good &&
                   (!rules.property_names.restricts() || add(checker, rules.property_names, room));
        });
        return good;
    }

    /// Reads whole characters; returns how many bytes of them are right.
    auto read(stream_checker& checker, std::string_view text) -> std::size_t {
        auto at = std::size_t{0};
        if (names_.empty() && values_.empty() && longest_ == no_limit) {
            return text.size();
        }
        for (; at < text.size(); ++at, ++bytes_) {
            auto const byte = text[at];
            characters_ += (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U ? 1U : 0U;
            if (characters_ > longest_) {
                checker.fail(*bounded_, "maxLength",
                             "expected at most " + counted(longest_, "character"));
                return at;
            }
            if (!narrow(checker, values_, byte) || !narrow(checker, names_, byte)) {
                return at;
            }
        }
        return at;
    }

private:
    void clear() noexcept {
        values_.clear();
        names_.clear();
        longest_ = no_limit;
        bytes_ = 0;
        characters_ = 0;
    }

    auto add(stream_checker& checker, edge const& way, headroom room) -> bool {
        checker.begin_walk();
        return checker.walk(
            way, string_bit, room, true,
            [this](node const& at, headroom /*room*/, bool /*covered*/) {
                add_values(at, "enum", at.enum_);
                add_values(at, "const", at.const_);
                if (at.string != nullptr && at.string->max_length < longest_) {
                    longest_ = at.string->max_length;
                    bounded_ = &at;
                }
                return true;
            },
            [](node const& /*at*/, headroom /*room*/) {});
    }

    void add_values(node const& at, std::string_view keyword, value_set const* values) {
        if (values != nullptr && values->strings.is_sorted()) {
            values_.emplace_back(at, keyword, values->strings);
        }
    }

    template <class Payload>
    auto narrow(stream_checker& checker, std::vector<prefix_range<Payload>>& ranges, char byte)
        -> bool {
        for (auto& one : ranges) {
            if (!one.narrow(bytes_, byte)) {
                return checker.fail(one.from(), one.keyword(), one.expectation());
            }
        }
        return true;
    }

    std::vector<prefix_range<bool>> values_;
    std::vector<prefix_range<property>> names_;
    std::size_t longest_ = no_limit;
    node const* bounded_ = nullptr; // the subschema that says `longest_`
    std::size_t bytes_ = 0;
    std::size_t characters_ = 0;
};

} // namespace llms::inline v0_1::detail::schema_engine

#endif // LLMS_DETAIL_SCHEMA_TEXT_WATCH_HPP
