// SPDX-License-Identifier: MIT
//
// Says while a model still writes JSON that the answer can no longer satisfy a schema, so that the
// caller cancels the stream and pays for no more tokens.
//
//     llms::stream_validator check{llms::schema::compile(document)};
//     for (llms::chunk const& piece : stream) {
//         if (check.feed(piece.text) == llms::verdict::invalid) {
//             stream.cancel();                 // check.error(): what, where; check.offset(): the byte
//             break;
//         }
//     }
//     check.finish();
//
// An answer is never refused that could still become valid; at the end the verdict is that of
// `validator::is_valid` on the parsed text, with the differences that sax_validator.hpp names. Where
// the text is cut makes no difference. What decides when:
//
//     at the first byte of a value      type (by `anyOf`, `allOf`, `$ref` … too), null and booleans
//                                       by any keyword, the sign of a number by its bounds
//     at a character of a string        enum, const: no listed text goes on so; maxLength
//     at a character of a name          additionalProperties false (without patterns): no known
//                                       name goes on so; propertyNames with enum, const, maxLength
//     at the quote that ends a string   minLength, pattern, format
//     at the quote that ends a name     other propertyNames; a name that came before
//     at the byte after a number        all keywords about numbers (100 may become 100e-9)
//     at the comma before a member      maxProperties; all known names came already
//     at the comma before an item       maxItems; items false behind prefixItems
//     at the end of a counted item      maxContains
//     at the end of a tag's value       the variants of `anyOf` or `oneOf` that a property with enum or
//                                       const tells apart; the one that is left applies from there
//     at the bracket that ends          required, minProperties, dependentRequired, minItems,
//                                       contains, and all that sax_validator.hpp says needs a whole
//     at the first wrong byte           what is no JSON
//
// For all but the keywords that wait for a quote or a bracket (and combinations of keywords that
// nothing satisfies) that is the first byte from which nothing valid follows. One thread at a time.
// O(n) for a text, what needs a whole aside; memory as sax_validator.hpp says.
#ifndef LLMS_SCHEMA_STREAM_VALIDATOR_HPP
#define LLMS_SCHEMA_STREAM_VALIDATOR_HPP

#include <llms/detail/json_lexer.hpp>
#include <llms/detail/schema_stream.hpp>
#include <llms/detail/schema_text_watch.hpp>
#include <llms/schema/schema.hpp>
#include <llms/schema/validation_error.hpp>
#include <llms/schema/validator_options.hpp>
#include <llms/schema/verdict.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace llms::inline v0_1 {

/// A schema that judges one JSON text as it comes; see the head of this file.
class stream_validator {
public:
    /// Of `options` the bounds of a text have a meaning here.
    explicit stream_validator(schema compiled, validator_options const& options = {})
        : schema_(std::move(compiled)),
          events_{{schema_.program_, options.max_text_depth}, {}, {}, 0, false},
          lexer_(options.max_text_depth, options.max_text_bytes) {}

    /// Reads the next piece of the text. What a keyword or a pattern engine of the user throws comes
    /// out; the verdict is then `invalid`. Once it is `invalid`, does nothing.
    auto feed(std::string_view text) -> verdict {
        return guarded([&] { lexer_.feed(text, events_); });
    }

    /// Says that the text has ended: the verdict is no longer `undecided`.
    auto finish() -> verdict {
        return guarded([&] { lexer_.finish(events_); });
    }

    /// What is known by now. A text that is `valid` becomes `invalid` if more than white space follows.
    [[nodiscard]] auto state() const noexcept -> verdict {
        return lexer_.failed() ? verdict::invalid
               : lexer_.done() ? verdict::valid
                               : verdict::undecided;
    }

    /// The bytes read; of an invalid text, those before the byte from which nothing valid follows.
    [[nodiscard]] auto offset() const noexcept -> std::size_t { return offset_; }

    /// What is wrong; null unless the verdict is `invalid`. Its `evaluation_path` is empty; where the
    /// text is no JSON, its `keyword` is too.
    [[nodiscard]] auto error() const noexcept -> validation_error const* {
        return lexer_.failed() ? &events_.checker.error() : nullptr;
    }

private:
    template <class Read>
    auto guarded(Read read) -> verdict {
        if (lexer_.failed()) {
            return verdict::invalid;
        }
        try {
            read();
        } catch (...) {
            lexer_.stop();
            events_.checker.fail("a call threw");
            throw;
        }
        offset_ = lexer_.offset();
        if (lexer_.failed()) {
            if (!lexer_.reason().empty()) {
                events_.checker.fail(lexer_.reason());
            } else if (events_.in_text) {
                offset_ = events_.wrong_at;
            }
        }
        return state();
    }

    // What the lexer calls.
    struct events {
        detail::schema_engine::stream_checker checker;
        detail::schema_engine::text_watch watch;
        std::string text;     // of the string in progress
        std::size_t wrong_at; // if a character of the string is wrong
        bool in_text;         // and it is

        auto begin_object(std::size_t /*at*/) -> bool {
            return checker.next_value() && checker.open(true);
        }
        auto begin_array(std::size_t /*at*/) -> bool {
            return checker.next_value() && checker.open(false);
        }
        auto end_object(std::size_t /*at*/) -> bool { return checker.close(); }
        auto end_array(std::size_t /*at*/) -> bool { return checker.close(); }
        auto comma(std::size_t /*at*/) -> bool { return checker.comma(); }

        auto begin_string(detail::json_string kind, std::size_t /*at*/) -> bool {
            text.clear();
            return kind == detail::json_string::name
                       ? checker.begin_name() && watch.begin_name(checker)
                       : checker.next_value() && watch.begin_value(checker);
        }
        auto string_part(detail::json_string /*kind*/, detail::json_text_part const& part) -> bool {
            auto const right = watch.read(checker, part.text);
            if (right < part.text.size()) {
                wrong_at = part.offset_of(right);
                in_text = true;
                return false;
            }
            text.append(part.text);
            return true;
        }
        auto end_string(detail::json_string kind, std::size_t /*at*/) -> bool {
            return kind == detail::json_string::name
                       ? checker.name(text)
                       : checker.scalar(detail::schema_engine::name_instance{text});
        }

        // The first byte tells which literal it is.
        auto begin_literal(detail::json_literal which, std::size_t /*at*/) -> bool {
            using detail::json_literal;
            return checker.next_value() &&
                   checker.scalar(which == json_literal::null
                                      ? nlohmann::json(nullptr)
                                      : nlohmann::json(which == json_literal::yes));
        }
        static auto end_literal(detail::json_literal /*which*/, std::size_t /*at*/) -> bool {
            return true;
        }

        auto number_byte(std::string_view number, std::size_t /*at*/) -> bool {
            using namespace detail::schema_engine; // NOLINT(google-build-using-namespace)
            if (number.size() == 1) {
                return checker.next_value() && checker.admit_sign(number.front() == '-');
            }
            auto const byte = number.back();
            return (byte != '.' && byte != 'e' && byte != 'E') ||
                   checker.admit(static_cast<type_mask>(float_bit | whole_float_bit));
        }
        auto number(detail::json_number const& value, std::size_t /*at*/) -> bool {
            return std::visit(
                [this](auto number) { return checker.scalar(nlohmann::json(number)); }, value);
        }
    };

    schema schema_;
    events events_;
    detail::json_lexer lexer_;
    std::size_t offset_ = 0;
};

} // namespace llms::inline v0_1

#endif // LLMS_SCHEMA_STREAM_VALIDATOR_HPP
