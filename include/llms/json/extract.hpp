// SPDX-License-Identifier: MIT
//
// `extract_json` finds the JSON value in what a model wrote: alone, in a code fence, or with prose
// around it.
//
//     auto const found = llms::extract_json("Sure! ```json\n{\"city\": \"Oslo\"}\n```");
//     if (found) { use(found->value, found->offset, found->length); }
//
// Of several candidates the first that parses and `fits` wins: the whole text, then what stands in
// fences, then objects and arrays in the text. Functions without state: safe in any thread. The work
// is bounded by a constant times the length of the text; nothing nested deeper than 256 is taken.
#ifndef LLMS_JSON_EXTRACT_HPP
#define LLMS_JSON_EXTRACT_HPP

#include <llms/detail/json_depth.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

namespace llms::inline v0_1 {

/// A JSON value found in a text, and where: `text.substr(offset, length)` is its source.
struct extracted {
    nlohmann::json value;
    std::size_t offset = 0;
    std::size_t length = 0;
};

namespace detail {

/// Looks for values in one text, within a budget of bytes read.
template <class Fits>
class json_finder {
public:
    json_finder(std::string_view text, Fits& fits)
        : text_(text),
          fits_(fits),
          budget_(text.size() * 8 + 1024) {}

    auto find() -> std::optional<extracted> {
        if (try_value(trimmed(0, text_.size()), true) || in_fences() || between_brackets()) {
            return std::move(found_);
        }
        return std::nullopt;
    }

private:
    struct span {
        std::size_t first;
        std::size_t last; // one beyond
    };

    [[nodiscard]] auto trimmed(std::size_t first, std::size_t last) const -> span {
        auto const blank = [this](std::size_t i) {
            return text_[i] == ' ' || text_[i] == '\n' || text_[i] == '\r' || text_[i] == '\t';
        };
        while (first < last && blank(first)) {
            ++first;
        }
        while (last > first && blank(last - 1)) {
            --last;
        }
        return {first, last};
    }

    // Parses a span. A scalar counts only where nothing else can be meant.
    auto try_value(span where, bool scalars) -> bool {
        auto const source = text_.substr(where.first, where.last - where.first);
        if (source.empty() || (!scalars && source[0] != '{' && source[0] != '[') ||
            json_deeper_than(source, 256)) {
            return false;
        }
        auto value = nlohmann::json::parse(source, nullptr, false);
        if (value.is_discarded() || !fits_(std::as_const(value))) {
            return false;
        }
        found_ = {std::move(value), where.first, source.size()};
        return true;
    }

    // A fence is a line of three or more ` or ~, perhaps with a language, up to the next of its kind.
    auto in_fences() -> bool {
        for (std::size_t at = 0;;) {
            auto const open = std::min(text_.find("```", at), text_.find("~~~", at));
            if (open == std::string_view::npos) {
                return false;
            }
            auto const mark = text_.substr(open, 3);
            auto const body = text_.find('\n', open);
            if (body == std::string_view::npos) {
                return false;
            }
            auto const close = std::min(text_.find(mark, body), text_.size());
            if (try_value(trimmed(body + 1, std::max(close, body + 1)), true)) {
                return true;
            }
            at = std::min(close + 3, text_.size());
        }
    }

    auto between_brackets() -> bool {
        for (std::size_t at = 0; budget_ > 0;) {
            at = text_.find_first_of("{[", at);
            if (at == std::string_view::npos) {
                return false;
            }
            auto const end = end_of(at);
            if (end != 0 && try_value({at, end}, false)) {
                return true;
            }
            ++at;
        }
        return false;
    }

    // One beyond the bracket that closes the one at `at`, or 0. Takes its steps from the budget.
    auto end_of(std::size_t at) -> std::size_t {
        std::size_t depth = 0;
        bool in_string = false;
        for (; at < text_.size() && budget_ > 0; ++at, --budget_) {
            char const c = text_[at];
            if (in_string) {
                if (c == '\\') {
                    ++at;
                } else if (c == '"') {
                    in_string = false;
                }
            } else if (c == '"') {
                in_string = true;
            } else if (c == '{' || c == '[') {
                ++depth;
            } else if ((c == '}' || c == ']') && --depth == 0) {
                return at + 1;
            }
        }
        return 0;
    }

    std::string_view text_;
    Fits& fits_;
    std::size_t budget_;
    extracted found_;
};

} // namespace detail

/// The first JSON value in `text` for which `fits(value)` holds.
template <std::predicate<nlohmann::json const&> Fits>
[[nodiscard]] auto extract_json(std::string_view text, Fits&& fits) -> std::optional<extracted> {
    return detail::json_finder(text, fits).find();
}

/// The first JSON value in `text`.
[[nodiscard]] inline auto extract_json(std::string_view text) -> std::optional<extracted> {
    auto const any = [](nlohmann::json const& /*value*/) {
        return true;
    };
    return detail::json_finder(text, any).find();
}

} // namespace llms::inline v0_1

#endif // LLMS_JSON_EXTRACT_HPP
