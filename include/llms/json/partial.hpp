// SPDX-License-Identifier: MIT
//
// `partial_json` reads JSON as a model writes it, and has the value so far at any time.
//
//     llms::partial_json answer;
//     for (llms::chunk const& piece : stream) {
//         if (answer.feed(piece.text) == llms::partial_status::malformed) { break; }
//         show(answer.value());                              // no copy, nothing is parsed again
//     }
//     if (answer.finish() == llms::partial_status::done) { use(std::move(answer).value()); }
//
// What is in the value and will stay: every complete value; every open object and array with its
// members by the same rule; an open string with its characters so far. What is not: an unfinished
// number, literal, name, escape or UTF-8 sequence. The value only grows, but for a name that an
// object has twice: the later member replaces the earlier one, as in `nlohmann::json::parse` (or
// is refused, as an option). Where the text is cut makes no difference.
//
// Thread safety: one thread at a time. Cost: O(n) for the whole text; depth and size are bounded.
#ifndef LLMS_JSON_PARTIAL_HPP
#define LLMS_JSON_PARTIAL_HPP

#include <llms/detail/json_builder.hpp>
#include <llms/detail/json_lexer.hpp>
#include <llms/detail/schema_uri.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace llms::inline v0_1 {

/// How far a text has come.
enum class partial_status : std::uint8_t {
    open,      ///< the value is not complete
    done,      ///< the value is complete; white space may follow
    malformed, ///< the text is no JSON, or a bound was exceeded; `error()` says where
};

/// Why a text is not taken.
struct partial_error {
    std::size_t offset = 0; ///< of the first byte that is wrong; the size of a text that ends early
    std::string reason{};
};

/// Options of `basic_partial_json`.
template <class Json>
struct basic_partial_options {
    std::size_t max_depth = 256;                    ///< containers inside each other
    std::size_t max_bytes = std::size_t{16} << 20U; ///< of the whole text
    bool unique_names = false;                      ///< a name that comes twice is an error
    /// Called for every value when it is complete, members before their container, with its JSON
    /// Pointer; from inside `feed` and `finish`, which it must not call. What it throws comes out
    /// of them, and the text is then malformed.
    std::function<void(std::string_view pointer, Json const& value)> on_complete{};
};

/// An incremental parser; see the head of this file.
template <class Json>
class basic_partial_json {
public:
    basic_partial_json() : basic_partial_json(basic_partial_options<Json>{}) {}
    explicit basic_partial_json(basic_partial_options<Json> options)
        : events_{{}, std::move(options.on_complete), options.unique_names, {}, {}},
          lexer_(options.max_depth, options.max_bytes) {}

    /// Reads the next piece of the text. Amortised O(size of the piece).
    auto feed(std::string_view text) -> partial_status {
        return guarded([&] { lexer_.feed(text, events_); });
    }

    /// Says that the text has ended: a number at its very end is complete, and anything else that
    /// is not complete is an error.
    auto finish() -> partial_status {
        return guarded([&] { lexer_.finish(events_); });
    }

    [[nodiscard]] auto status() const noexcept -> partial_status {
        return lexer_.failed() ? partial_status::malformed
               : lexer_.done() ? partial_status::done
                               : partial_status::open;
    }

    /// Whether the value is complete.
    [[nodiscard]] auto done() const noexcept -> bool { return lexer_.done(); }

    /// Whether there is a value at all, complete or not.
    [[nodiscard]] auto has_value() const noexcept -> bool { return events_.built.has_value(); }

    /// The value so far; null while there is none. A malformed text keeps what came before. The
    /// reference is good until this is destroyed; what it refers to changes as the text goes on.
    [[nodiscard]] auto value() const& noexcept -> Json const& { return events_.built.root(); }

    /// Takes the value out.
    [[nodiscard]] auto value() && -> Json { return std::move(events_.built).take(); }

    /// JSON Pointer of the string value that is not complete; nothing if there is none.
    [[nodiscard]] auto partial() const -> std::optional<std::string> {
        return events_.built.in_text() ? std::optional(events_.built.pointer()) : std::nullopt;
    }

    /// JSON Pointers of the objects and arrays that are not closed, outermost first.
    [[nodiscard]] auto open() const -> std::vector<std::string> {
        std::vector<std::string> result;
        for (std::size_t level = 0; level < events_.built.depth(); ++level) {
            result.push_back(events_.built.pointer_to(level));
        }
        return result;
    }

    /// JSON Pointers of the complete members and elements of what is open; everything below a
    /// complete one is complete. Sorted. O(n log n) for n of them; `on_complete` tells of them one
    /// by one.
    [[nodiscard]] auto complete() const -> std::vector<std::string> {
        std::vector<std::string> result;
        auto const& built = events_.built;
        for (std::size_t level = 0; level < built.depth(); ++level) {
            auto const pointer = built.pointer_to(level);
            auto const* const unfinished = level + 1 < built.depth() ? &built.container(level + 1)
                                           : built.in_text()         ? &built.current()
                                                                     : nullptr;
            auto const& container = built.container(level);
            for (auto one = container.begin(); one != container.end(); ++one) {
                if (&*one != unfinished) {
                    auto& added = result.emplace_back(pointer);
                    detail::schema_engine::append_pointer_token(
                        added, container.is_object() ? std::string_view(one.key())
                                                     : std::to_string(one - container.begin()));
                }
            }
        }
        std::sort(result.begin(), result.end());
        return result;
    }

    /// The bytes read; of a malformed text, those before the byte that is wrong.
    [[nodiscard]] auto offset() const noexcept -> std::size_t { return lexer_.offset(); }

    /// What is wrong with a malformed text; nothing while nothing is.
    [[nodiscard]] auto error() const -> std::optional<partial_error> {
        if (!lexer_.failed()) {
            return std::nullopt;
        }
        return partial_error{lexer_.offset(),
                             lexer_.reason().empty() ? events_.reason : lexer_.reason()};
    }

private:
    template <class Read>
    auto guarded(Read read) -> partial_status {
        try {
            read();
        } catch (...) {
            lexer_.stop();
            events_.reason = "a call threw";
            throw;
        }
        return status();
    }

    // What the lexer calls.
    struct events {
        detail::json_builder<Json> built;
        std::function<void(std::string_view, Json const&)> on_complete;
        bool unique_names;
        std::string reason;
        std::string pointer;

        auto completed() -> bool {
            if (on_complete) {
                built.pointer_to_current(pointer);
                on_complete(pointer, built.current());
            }
            return true;
        }

        auto begin_object(std::size_t /*at*/) -> bool {
            built.begin_container(true);
            return true;
        }
        auto begin_array(std::size_t /*at*/) -> bool {
            built.begin_container(false);
            return true;
        }
        auto end_object(std::size_t /*at*/) -> bool {
            built.end_container();
            return completed();
        }
        auto end_array(std::size_t at) -> bool { return end_object(at); }
        auto comma(std::size_t /*at*/) -> bool { return true; }

        auto begin_string(detail::json_string kind, std::size_t /*at*/) -> bool {
            if (kind == detail::json_string::name) {
                built.begin_name();
            } else {
                built.begin_text();
            }
            return true;
        }
        auto string_part(detail::json_string kind, detail::json_text_part const& part) -> bool {
            if (kind == detail::json_string::name) {
                built.grow_name(part.text);
            } else {
                built.grow_text(part.text);
            }
            return true;
        }
        auto end_string(detail::json_string kind, std::size_t /*at*/) -> bool {
            if (kind == detail::json_string::value) {
                built.end_text();
                return completed();
            }
            if (unique_names && built.has_name()) {
                reason = "the object has this name already";
                return false;
            }
            return true;
        }

        auto begin_literal(detail::json_literal /*which*/, std::size_t /*at*/) -> bool {
            return true;
        }
        auto end_literal(detail::json_literal which, std::size_t /*at*/) -> bool {
            built.put(which == detail::json_literal::null
                          ? Json(nullptr)
                          : Json(which == detail::json_literal::yes));
            return completed();
        }
        auto number_byte(std::string_view /*text*/, std::size_t /*at*/) -> bool { return true; }
        auto number(detail::json_number const& value, std::size_t /*at*/) -> bool {
            std::visit([this](auto number) { built.put(Json(number)); }, value);
            return completed();
        }
    };

    events events_;
    detail::json_lexer lexer_;
};

using partial_options = basic_partial_options<nlohmann::json>;
using partial_json = basic_partial_json<nlohmann::json>;

} // namespace llms::inline v0_1

#endif // LLMS_JSON_PARTIAL_HPP
