// SPDX-License-Identifier: MIT
//
// Text work shared by the registry and the writers of metrics.
#ifndef LLMS_DETAIL_METRICS_TEXT_HPP
#define LLMS_DETAIL_METRICS_TEXT_HPP

#include <llms/metrics/metric_info.hpp>

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>

namespace llms::inline v0_1::detail {

/// Bytes of the UTF-8 character that `text` begins with; 0 when it does not begin with one.
inline auto utf8_character(std::string_view text) noexcept -> std::size_t {
    auto const byte = [&](std::size_t i) -> unsigned {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
    };
    std::size_t const size = byte(0) < 0x80 ? 1 : byte(0) >= 0xF0 ? 4 : byte(0) >= 0xE0 ? 3 : 2;
    if (size == 1) {
        return 1;
    }
    unsigned code = byte(0) & (0xFFU >> (size + 1));
    for (std::size_t i = 1; i < size; ++i) {
        if ((byte(i) & 0xC0U) != 0x80U) {
            return 0;
        }
        code = code << 6 | (byte(i) & 0x3FU);
    }
    constexpr std::array<unsigned, 5> least{0, 0, 0x80, 0x800, 0x10000};
    bool const surrogate = code >= 0xD800 && code <= 0xDFFF;
    return byte(0) >= 0xC0 && code >= least.at(size) && code <= 0x10FFFF && !surrogate ? size : 0;
}

/// `text` as valid UTF-8 of at most `max_bytes`: a broken byte becomes '?', the end is cut between
/// characters.
inline auto label_text(std::string_view text, std::size_t max_bytes) -> std::string {
    std::string result;
    while (!text.empty()) {
        auto const size = utf8_character(text);
        if (result.size() + (size != 0 ? size : 1) > max_bytes) {
            break;
        }
        if (size != 0) {
            result += text.substr(0, size);
        } else {
            result += '?';
        }
        text.remove_prefix(size != 0 ? size : 1);
    }
    return result;
}

/// A name that Prometheus takes: letters, digits and underscores, no digit first.
inline auto prometheus_label(std::string_view name) -> std::string {
    std::string result;
    for (char const c : name) {
        bool const digit = c >= '0' && c <= '9';
        bool const letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (digit && result.empty()) {
            result += '_';
        }
        result += digit || letter ? c : '_';
    }
    return result;
}

/// The Prometheus name of a metric: with its unit, and `_total` when it is a counter. Source:
/// OpenTelemetry, "Prometheus and OpenMetrics compatibility".
inline auto prometheus_name(std::string_view name, std::string_view unit, metric_kind kind)
    -> std::string {
    auto result = prometheus_label(name);
    auto const add_suffix = [&](std::string_view suffix) {
        if (!std::string_view{result}.ends_with(suffix)) {
            result += suffix;
        }
    };
    if (unit == "s") {
        add_suffix("_seconds");
    } else if (unit == "ms") {
        add_suffix("_milliseconds");
    } else if (unit == "By") {
        add_suffix("_bytes");
    } else if (unit == "1" && kind == metric_kind::gauge) {
        add_suffix("_ratio");
    } else if (unit == "%") {
        add_suffix("_percent");
    }
    if (kind == metric_kind::counter) {
        add_suffix("_total");
    }
    return result;
}

/// Appends the shortest text that reads back as `value`, whatever the locale.
inline void append_number(std::string& out, double value) {
    if (std::isnan(value)) {
        out += "NaN";
    } else if (std::isinf(value)) {
        out += value > 0 ? "+Inf" : "-Inf";
    } else {
        std::array<char, 32> digits{};
        auto* const end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
        out.append(digits.data(), end);
    }
}

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_METRICS_TEXT_HPP
