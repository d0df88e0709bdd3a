// SPDX-License-Identifier: MIT
//
// A text through the two validators that read it as it comes, cut in every way that matters.
#ifndef LLMS_TESTS_SCHEMA_STREAMED_HPP
#define LLMS_TESTS_SCHEMA_STREAMED_HPP

#include <llms/schema/sax_validator.hpp>
#include <llms/schema/stream_validator.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>

namespace streamed {

struct outcome {
    bool valid = false;
    std::size_t offset = 0; // as `stream_validator` says

    friend auto operator==(outcome const&, outcome const&) -> bool = default;
};

/// Through `stream_validator`, in pieces of `step` bytes; nothing if it broke its word: a verdict that
/// was final changed, or came in another piece than the byte that it names.
inline auto in_pieces(llms::schema const& schema, std::string_view text, std::size_t step)
    -> std::optional<outcome> {
    auto check = llms::stream_validator{schema};
    for (std::size_t at = 0; at < text.size(); at += step) {
        if (check.feed(text.substr(at, step)) == llms::verdict::invalid) {
            auto const decided = check.offset();
            if (decided < at || decided >= at + step || check.error() == nullptr ||
                check.feed("null") != llms::verdict::invalid || check.offset() != decided) {
                return std::nullopt;
            }
            break;
        }
    }
    if (check.finish() == llms::verdict::undecided) {
        return std::nullopt;
    }
    return outcome{check.state() == llms::verdict::valid, check.offset()};
}

/// Through `sax_validator`.
inline auto by_events(llms::schema const& schema, std::string_view text) -> std::optional<bool> {
    auto check = llms::sax_validator{schema};
    auto const read = nlohmann::json::sax_parse(text, &check);
    auto const valid = check.state() == llms::verdict::valid;
    if (read != valid || (check.error() == nullptr) != valid) {
        return std::nullopt;
    }
    return valid;
}

/// Whether both say `expected`, however the text is cut.
inline auto agree(llms::schema const& schema, std::string_view text, bool expected) -> bool {
    auto const bytewise = in_pieces(schema, text, 1);
    return bytewise && bytewise->valid == expected && by_events(schema, text) == expected &&
           bytewise == in_pieces(schema, text, 7) &&
           bytewise == in_pieces(schema, text, std::max<std::size_t>(1, text.size()));
}

} // namespace streamed

#endif // LLMS_TESTS_SCHEMA_STREAMED_HPP
