// SPDX-License-Identifier: MIT
//
// What goes wrong with a `pattern`: it cannot be compiled (`pattern_error`, thrown when the schema
// is compiled), or a bound was hit while it ran (`pattern_limit_error`), which is never reported as
// "does not match".
//
//     try { llms::pattern::compile("^(abc]"); }
//     catch (llms::pattern_error const& e) { /* e.offset() == 6, e.reason() == "unclosed group" */
//     }
#ifndef LLMS_SCHEMA_PATTERN_ERROR_HPP
#define LLMS_SCHEMA_PATTERN_ERROR_HPP

#include <llms/error.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace llms::inline v0_1 {

/// A pattern that is not valid, or that the chosen engine cannot run.
class pattern_error : public error {
public:
    pattern_error(std::string_view pattern, std::size_t offset, std::string_view reason)
        : error("pattern \"" + excerpt(pattern) + "\", byte " + std::to_string(offset) + ": " +
                std::string(reason)),
          pattern_(pattern),
          offset_(offset),
          reason_(reason) {}

    /// The whole text of the pattern.
    [[nodiscard]] auto pattern() const noexcept -> std::string const& { return pattern_; }
    /// Where in the text, in bytes.
    [[nodiscard]] auto offset() const noexcept -> std::size_t { return offset_; }
    [[nodiscard]] auto reason() const noexcept -> std::string const& { return reason_; }

    /// At most 200 bytes of `text`, cut between characters, for messages.
    [[nodiscard]] static auto excerpt(std::string_view text) -> std::string {
        constexpr std::size_t most = 200;
        if (text.size() <= most) {
            return std::string(text);
        }
        std::size_t cut = most;
        while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80U) {
            --cut;
        }
        return std::string(text.substr(0, cut)) + "...";
    }

private:
    std::string pattern_;
    std::size_t offset_;
    std::string reason_;
};

/// A bound on time, stack or memory was hit while a pattern ran: whether it matches is not known.
class pattern_limit_error : public error {
public:
    pattern_limit_error(std::string_view pattern, std::string_view limit)
        : error("pattern \"" + pattern_error::excerpt(pattern) + "\": " + std::string(limit)),
          pattern_(pattern),
          limit_(limit) {}

    [[nodiscard]] auto pattern() const noexcept -> std::string const& { return pattern_; }
    /// Which bound it was.
    [[nodiscard]] auto limit() const noexcept -> std::string const& { return limit_; }

private:
    std::string pattern_;
    std::string limit_;
};

} // namespace llms::inline v0_1

#endif // LLMS_SCHEMA_PATTERN_ERROR_HPP
