// SPDX-License-Identifier: MIT
//
// Canonical JSON: one text for all ways to write the same value, so that equal requests have equal
// cache keys. Members are sorted, 1 = 1.0 = 1e0, no spaces, one way to escape.
//
//     llms::canonical_form const form{{.ignore = {"/stream", "/user", "/metadata"},
//                                      .keep_order = {"/tools/*/function/parameters"}}};
//     std::string key = form.text(request);
//     form.write(request, [&](std::string_view piece) { hash.update(piece); }); // no string built
//
// With `.rfc8785 = true` the text is that of RFC 8785 (JCS), for caches shared with other
// languages. What has no canonical text (NaN, ill-formed UTF-8, nesting beyond `max_depth`) throws
// `canonical_error`, which names the place.
//
// Thread safety: a form is immutable. Cost: O(n), one allocation; sorting only where members are
// not in order already. Nothing recurses.
#ifndef LLMS_JSON_CANONICAL_HPP
#define LLMS_JSON_CANONICAL_HPP

#include <llms/detail/json_text.hpp>
#include <llms/error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace llms::inline v0_1 {

/// A value has no canonical text, or a `canonical_form` makes no sense.
class canonical_error : public error {
public:
    canonical_error(std::string pointer, std::string reason)
        : error("canonical JSON: at \"" + pointer + "\": " + reason),
          pointer_(std::move(pointer)),
          reason_(std::move(reason)) {}

    /// The JSON Pointer of the value, or of the one that holds it.
    [[nodiscard]] auto pointer() const noexcept -> std::string const& { return pointer_; }

    /// What is wrong there.
    [[nodiscard]] auto reason() const noexcept -> std::string const& { return reason_; }

private:
    std::string pointer_;
    std::string reason_;
};

/// What a `canonical_form` leaves out, keeps and sorts. In the JSON Pointers a reference token `*`
/// stands for any one member or element. At most 64 pointers in all.
struct canonical_options {
    std::vector<std::string> ignore = {};     ///< members and elements left out
    std::vector<std::string> keep_order = {}; ///< members below these stay in their order
    /// RFC 8785 to the letter: names sorted by UTF-16 code units, every number a double. Without
    /// it names sort by bytes, and integers beyond 2^53 keep all their digits.
    bool rfc8785 = false;
    std::size_t max_depth = 1000; ///< arrays and objects inside each other
};

/// Takes text in pieces of any size.
template <class Sink>
concept byte_sink = requires(Sink& sink, std::string_view piece) {
    sink(piece);
};

/// Writes canonical JSON piece by piece, for callers who have no `basic_json` at hand: the commas,
/// the escapes and the numbers are right; the order of the members is the caller's.
///
///     canonical_writer out{sink};
///     out.begin_object().name("model").string("gpt-4o").name("n").integer(2).end_object().flush();
template <byte_sink Sink>
class canonical_writer {
public:
    explicit canonical_writer(Sink& sink) : sink_(sink) {}

    auto begin_object() -> canonical_writer& { return open('{'); }
    auto end_object() -> canonical_writer& { return shut('}'); }
    auto begin_array() -> canonical_writer& { return open('['); }
    auto end_array() -> canonical_writer& { return shut(']'); }
    auto null() -> canonical_writer& { return literal("null"); }
    auto boolean(bool value) -> canonical_writer& { return literal(value ? "true" : "false"); }

    template <std::integral Integer>
    auto integer(Integer value) -> canonical_writer& {
        auto* const to = begin_value();
        return end_value(std::to_chars(to, to + detail::json_number_size, value).ptr);
    }

    /// A finite number; one that is an integer of 64 bits is written with all its digits.
    /// \throws canonical_error for NaN and the infinities.
    auto number(double value) -> canonical_writer& {
        constexpr auto end = 18446744073709551616.0; // 2^64
        if (std::trunc(value) == value && std::fabs(value) < end) {
            if (value >= 0) {
                return integer(static_cast<std::uint64_t>(value));
            }
            if (value >= -end / 2) {
                return integer(static_cast<std::int64_t>(value));
            }
        }
        return ecmascript_number(value);
    }

    /// As `number`, always in ECMAScript's form (RFC 8785).
    auto ecmascript_number(double value) -> canonical_writer& {
        if (!std::isfinite(value)) {
            throw canonical_error("", "NaN and the infinities are no JSON numbers");
        }
        return end_value(detail::json_print_double(begin_value(), value));
    }

    /// \throws canonical_error if `text` is not UTF-8.
    auto string(std::string_view text) -> canonical_writer& {
        return end_value(quote(begin_value(), text));
    }

    /// The name of the member whose value comes next. \throws canonical_error if it is not UTF-8.
    auto name(std::string_view text) -> canonical_writer& {
        auto* to = quote(begin_value(), text);
        *to++ = ':';
        end_value(to);
        comma_ = false;
        return *this;
    }

    /// Hands everything written so far to the sink; call it at the end.
    void flush() {
        if (used_ > 0) {
            sink_(std::string_view(block_.data(), std::exchange(used_, 0)));
        }
    }

private:
    // Characters are put through a local pointer, which the compiler can keep in a register; a
    // store through it might otherwise change any member. room() promises this many bytes behind
    // it.
    static constexpr std::size_t slack = 64;
    static_assert(slack >= detail::json_number_size + 1);

    auto room() -> char* {
        if (block_.size() - used_ < slack) {
            flush();
        }
        return block_.data() + used_;
    }

    auto begin_value() -> char* {
        auto* to = room();
        *to = ','; // counts if it is kept
        return to + static_cast<int>(comma_);
    }

    auto end_value(char const* to) -> canonical_writer& {
        used_ = static_cast<std::size_t>(to - block_.data());
        comma_ = true;
        return *this;
    }

    auto open(char bracket) -> canonical_writer& {
        auto* to = begin_value();
        *to++ = bracket;
        end_value(to);
        comma_ = false;
        return *this;
    }

    auto shut(char bracket) -> canonical_writer& {
        auto* to = room();
        *to++ = bracket;
        return end_value(to);
    }

    auto literal(std::string_view text) -> canonical_writer& {
        auto* const to = begin_value();
        std::memcpy(to, text.data(), text.size());
        return end_value(to + text.size());
    }

    auto quote(char* to, std::string_view text) -> char* {
        // Up to here a word, a character and what comes behind the text still fit.
        auto const* const full = block_.data() + block_.size() - 32;
        auto const* at = text.data();
        auto const* const end = at + text.size();
        *to++ = '"';
        for (;;) {
            // Eight plain bytes at a time,
            for (; end - at >= 8 && to <= full; at += 8, to += 8) {
                std::uint64_t word = 0;
                std::memcpy(&word, at, sizeof word);
                if (detail::json_special(word) != 0) {
                    break;
                }
                std::memcpy(to, &word, sizeof word);
            }
            // then fewer, up to the end or to a special one.
            auto const left = std::min<std::size_t>(8, static_cast<std::size_t>(end - at));
            auto const plain = detail::json_copy_plain(at, left, to);
            at += plain;
            to += plain;
            if (at == end) {
                break;
            }
            if (plain < left) {
                special(at, end, to, full);
            }
            end_value(to);
            to = room();
        }
        *to++ = '"';
        return to;
    }

    // Puts the character at `at` that does not stand for itself, or a run of those beyond ASCII.
    static void special(char const*& at, char const* end, char*& to, char const* full) {
        constexpr std::string_view shorts = "\b\t\n\f\r\"\\";
        constexpr std::string_view letters = "btnfr\"\\";
        auto const byte = static_cast<unsigned char>(*at);
        if (byte < 0x80) {
            *to++ = '\\';
            if (auto const known = shorts.find(*at); known != std::string_view::npos) {
                *to++ = letters[known];
            } else {
                for (auto const c :
                     {'u', '0', '0', "01"[byte >> 4U], "0123456789abcdef"[byte & 15U]}) {
                    *to++ = c;
                }
            }
            ++at;
            return;
        }
        do {
            auto const* const next = detail::json_skip_utf8(at, end);
            if (next == nullptr) {
                throw canonical_error("", "the text is not UTF-8");
            }
            while (at != next) {
                *to++ = *at++;
            }
        } while (at != end && static_cast<unsigned char>(*at) >= 0x80 && to <= full);
    }

    Sink& sink_;
    bool comma_ = false; // a value has been written at this level
    std::size_t used_ = 0;
    std::array<char, 1024> block_; // the first used_ bytes are on their way to the sink
};

/// The rules by which a JSON value becomes text; see the head of this file.
class canonical_form {
public:
    /// \throws canonical_error for a malformed JSON Pointer, or for more than 64.
    explicit canonical_form(canonical_options const& options = {})
        : rfc8785_(options.rfc8785),
          max_depth_(options.max_depth) {
        if (options.ignore.size() + options.keep_order.size() > 64) {
            throw canonical_error("", "more than 64 pointers");
        }
        for (auto const& pointer : options.ignore) {
            add(pointer, true);
        }
        for (auto const& pointer : options.keep_order) {
            add(pointer, false);
        }
    }

    /// Writes the canonical text of `value` (a `basic_json`) to `sink` in pieces of 1 KiB or more.
    /// \throws canonical_error after some pieces may have been written; what `sink` throws.
    template <class Json, byte_sink Sink>
    void write(Json const& value, Sink&& sink) const {
        walk<Json, std::remove_reference_t<Sink>>(*this, sink).run(value);
    }

    /// Returns the canonical text of `value`.
    template <class Json>
    [[nodiscard]] auto text(Json const& value) const -> std::string {
        std::string text;
        write(value, [&text](std::string_view piece) { text += piece; });
        return text;
    }

    /// Tells whether `text` is the canonical text of `value`, without building it.
    template <class Json>
    [[nodiscard]] auto matches(Json const& value, std::string_view text) const -> bool {
        bool same = true;
        write(value, [&](std::string_view piece) {
            same = same && text.starts_with(piece);
            text.remove_prefix(same ? piece.size() : 0);
        });
        return same && text.empty();
    }

private:
    using mask = std::uint64_t; // a bit for each of patterns_

    struct pattern {
        std::vector<std::string> tokens;
        bool ignore;
    };

    void add(std::string_view pointer, bool ignore) {
        if (pointer.empty() && ignore) {
            throw canonical_error("", "the whole value cannot be ignored");
        }
        if (!pointer.empty() && pointer.front() != '/') {
            throw canonical_error(std::string(pointer), "a JSON Pointer begins with '/'");
        }
        pattern parsed{{}, ignore};
        for (std::size_t i = 0; i < pointer.size(); ++i) {
            if (pointer[i] == '/') {
                parsed.tokens.emplace_back();
            } else if (pointer[i] != '~') {
                parsed.tokens.back() += pointer[i];
            } else if (auto const code = ++i < pointer.size() ? pointer[i] : '\0';
                       code == '0' || code == '1') {
                parsed.tokens.back() += code == '0' ? '~' : '/';
            } else {
                throw canonical_error(std::string(pointer), "'~' is followed by '0' or '1' only");
            }
        }
        patterns_.push_back(std::move(parsed));
    }

    // What the patterns say of a child.
    struct verdict {
        mask alive = 0; // patterns that may match below it
        bool ignored = false;
        bool ordered = false;
    };

    // `alive` patterns match the path of the parent, which lies `depth` steps below the root.
    [[nodiscard]] auto judge(mask alive, std::size_t depth, std::string_view token) const
        -> verdict {
        verdict result;
        for (; alive != 0; alive &= alive - 1) {
            auto const bit = static_cast<std::size_t>(std::countr_zero(alive));
            auto const& [tokens, ignore] = patterns_[bit];
            if (tokens[depth] != token && tokens[depth] != "*") {
                continue;
            }
            if (tokens.size() > depth + 1) {
                result.alive |= mask{1} << bit;
            } else {
                (ignore ? result.ignored : result.ordered) = true;
            }
        }
        return result;
    }

    // One walk over one value. The stack is a vector, so depth costs no call stack.
    template <class Json, class Sink>
    class walk {
    public:
        walk(canonical_form const& form, Sink& sink) : form_(form), out_(sink) {
            stack_.reserve(8);
        }

        void run(Json const& root) {
            verdict whole;
            for (std::size_t i = 0; i < form_.patterns_.size(); ++i) {
                auto const here = form_.patterns_[i].tokens.empty();
                whole.ordered = whole.ordered || here;
                whole.alive |= here ? 0 : mask{1} << i;
            }
            try {
                write(root, whole);
                while (!stack_.empty()) {
                    step(stack_.back());
                }
                out_.flush();
            } catch (canonical_error const& problem) {
                throw canonical_error(pointer(), problem.reason());
            }
        }

    private:
        using object = typename Json::object_t;
        using array = typename Json::array_t;
        using member = typename object::value_type;

        // An array or object that is being written, and how far.
        struct level {
            explicit level(verdict const& given) : rules(given) {}

            verdict rules;
            std::size_t index = 0; // of the next element
            typename array::const_iterator element = {};
            typename array::const_iterator last_element = {};
            typename object::const_iterator next = {};
            typename object::const_iterator last = {};
            std::size_t sorted = none; // if members are sorted: the next one's place in sorted_
            std::size_t first_sorted = 0;
            std::size_t last_sorted = 0;
            std::string_view name = {}; // of the member being written
            bool is_array = false;
        };

        static constexpr auto none = static_cast<std::size_t>(-1);

        void write(Json const& value, verdict const& rules) {
            using nlohmann::detail::value_t;
            switch (value.type()) {
            case value_t::null:
                out_.null();
                return;
            case value_t::boolean:
                out_.boolean(*value.template get_ptr<typename Json::boolean_t const*>());
                return;
            case value_t::number_integer:
                integer(*value.template get_ptr<typename Json::number_integer_t const*>());
                return;
            case value_t::number_unsigned:
                integer(*value.template get_ptr<typename Json::number_unsigned_t const*>());
                return;
            case value_t::number_float: {
                auto const number = static_cast<double>(
                    *value.template get_ptr<typename Json::number_float_t const*>());
                form_.rfc8785_ ? out_.ecmascript_number(number) : out_.number(number);
                return;
            }
            case value_t::string:
                out_.string(*value.template get_ptr<typename Json::string_t const*>());
                return;
            case value_t::array:
                enter(*value.template get_ptr<array const*>(), rules);
                return;
            case value_t::object:
                enter(*value.template get_ptr<object const*>(), rules);
                return;
            default: // binary, discarded
                throw canonical_error("", "a binary or discarded value has no JSON text");
            }
        }

        template <class Integer>
        void integer(Integer value) {
            constexpr auto exact = std::int64_t{1} << 53U;
            if (form_.rfc8785_ &&
                (std::cmp_greater(value, exact) || std::cmp_less(value, -exact))) {
                out_.ecmascript_number(static_cast<double>(value));
            } else {
                out_.integer(value);
            }
        }

        auto push(verdict const& rules) -> level& {
            if (stack_.size() >= form_.max_depth_) {
                throw canonical_error("", "nested deeper than " + std::to_string(form_.max_depth_) +
                                              " levels");
            }
            return stack_.emplace_back(rules);
        }

        void enter(array const& elements, verdict const& rules) {
            level& here = push(rules);
            here.is_array = true;
            here.element = elements.begin();
            here.last_element = elements.end();
            out_.begin_array();
        }

        void enter(object const& members, verdict const& rules) {
            level& here = push(rules);
            here.next = members.begin();
            here.last = members.end();
            if (!rules.ordered && !in_order(members)) {
                here.first_sorted = here.sorted = sorted_.size();
                for (auto const& each : members) {
                    sorted_.push_back(&each);
                }
                here.last_sorted = sorted_.size();
                std::sort(sorted_.begin() + static_cast<std::ptrdiff_t>(here.sorted), sorted_.end(),
                          [this](auto const* a, auto const* b) { return less(*a, *b); });
            }
            out_.begin_object();
        }

        [[nodiscard]] auto in_order(object const& members) const -> bool {
            // nlohmann::json's std::map is in the order of bytes.
            using compare = typename object::key_compare;
            if constexpr (std::same_as<compare, std::less<>> ||
                          std::same_as<compare, std::less<typename object::key_type>>) {
                if (!form_.rfc8785_) {
                    return true;
                }
            }
            return std::is_sorted(members.begin(), members.end(),
                                  [this](auto const& a, auto const& b) { return less(a, b); });
        }

        [[nodiscard]] auto less(member const& a, member const& b) const -> bool {
            std::string_view const one = a.first;
            std::string_view const other = b.first;
            return form_.rfc8785_ ? detail::json_utf16_less(one, other) : one < other;
        }

        // Writes the children of the innermost level, up to one that has children itself, or its
        // end.
        void step(level& here) {
            auto const depth = stack_.size();
            while (stack_.size() == depth) {
                if (here.is_array) {
                    if (here.element == here.last_element) {
                        out_.end_array();
                        stack_.pop_back();
                        return;
                    }
                    auto const& child = *here.element++;
                    auto const index = here.index++;
                    auto const rules = below(here, [&] { return std::to_string(index); });
                    if (!rules.ignored) {
                        write(child, rules);
                    }
                } else if (auto const* const child = next_member(here); child != nullptr) {
                    here.name = child->first;
                    auto const rules = below(here, [&] { return here.name; });
                    if (!rules.ignored) {
                        out_.name(here.name);
                        write(child->second, rules);
                    }
                } else {
                    out_.end_object();
                    stack_.pop_back();
                    return;
                }
            }
        }

        auto next_member(level& here) -> member const* {
            if (here.sorted == none) {
                return here.next == here.last ? nullptr : &*here.next++;
            }
            if (here.sorted != here.last_sorted) {
                return sorted_[here.sorted++];
            }
            sorted_.resize(here.first_sorted);
            return nullptr;
        }

        template <class Token>
        [[nodiscard]] auto below(level const& here, Token token) const -> verdict {
            verdict rules;
            if (here.rules.alive != 0) {
                rules = form_.judge(here.rules.alive, stack_.size() - 1, token());
            }
            rules.ordered = rules.ordered || here.rules.ordered;
            return rules;
        }

        // The path to what is being written.
        [[nodiscard]] auto pointer() const -> std::string {
            std::string path;
            for (auto const& each : stack_) {
                path += '/';
                if (each.is_array) {
                    path += std::to_string(each.index - 1);
                    continue;
                }
                for (auto const c : each.name) {
                    path += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
                }
            }
            return path;
        }

        canonical_form const& form_;
        canonical_writer<Sink> out_;
        std::vector<level> stack_;
        std::vector<member const*> sorted_; // members of the levels that need sorting
    };

    bool rfc8785_;
    std::size_t max_depth_;
    std::vector<pattern> patterns_;
};

} // namespace llms::inline v0_1

#endif // LLMS_JSON_CANONICAL_HPP
