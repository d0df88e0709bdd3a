// SPDX-License-Identifier: MIT
//
// The formats of JSON Schema, each a function of our own over the text: no regular expressions, no
// locale, and no allocation but for `regex`.
//
//     llms::format::date_time("2026-11-23T08:30:00Z");                      // true
//     if (auto const check = llms::find_format(name)) { return check(text); }
//
// The rules are those of the RFC that the specification names for each; text that is not valid
// UTF-8 has no format. Not checked: that an internationalised name is in normalisation form C.
//
// Threads: pure functions. Cost: one pass, tens of nanoseconds for the lengths in use.
#ifndef LLMS_SCHEMA_FORMAT_HPP
#define LLMS_SCHEMA_FORMAT_HPP

#include <llms/detail/format_idna.hpp>
#include <llms/detail/regex_syntax.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace llms::inline v0_1 {

/// Says whether a text has a format.
using format_function = bool (*)(std::string_view text);

namespace detail {

/// Reads a text from the left. What does not fit leaves it where it is, or makes it fail for good,
/// whichever the method says.
class format_scanner {
public:
    explicit format_scanner(std::string_view text) : rest_(text) {}

    [[nodiscard]] auto at_end() const -> bool { return rest_.empty(); }
    [[nodiscard]] auto rest() const -> std::string_view { return rest_; }
    [[nodiscard]] auto peek() const -> char { return rest_.empty() ? '\0' : rest_.front(); }

    /// Takes one of `characters`.
    auto accept(std::string_view characters) -> bool {
        if (rest_.empty() || characters.find(rest_.front()) == std::string_view::npos) {
            return false;
        }
        rest_.remove_prefix(1);
        return true;
    }
    /// Takes as many characters of `set` as there are. Returns how many.
    template <class Set>
    auto skip(Set const& set) -> std::size_t {
        std::size_t count = 0;
        while (count < rest_.size() && set(rest_[count])) {
            ++count;
        }
        rest_.remove_prefix(count);
        return count;
    }
    /// Takes as many decimal digits as there are. Returns how many.
    auto digits() -> std::size_t {
        return skip([](char c) { return is_ascii_digit(static_cast<unsigned char>(c)); });
    }
    /// Takes exactly `count` decimal digits, at most nine. Returns their value or -1.
    auto number(std::size_t count) -> int {
        int value = 0;
        if (rest_.size() < count) {
            return -1;
        }
        for (char const c : rest_.substr(0, count)) {
            if (!is_ascii_digit(static_cast<unsigned char>(c))) {
                return -1;
            }
            value = value * 10 + (c - '0');
        }
        rest_.remove_prefix(count);
        return value;
    }
    /// Takes %XX.
    auto percent_encoded() -> bool {
        if (rest_.size() < 3 || rest_[0] != '%' ||
            hex_value(static_cast<unsigned char>(rest_[1])) < 0 ||
            hex_value(static_cast<unsigned char>(rest_[2])) < 0) {
            return false;
        }
        rest_.remove_prefix(3);
        return true;
    }
    /// Takes one character beyond ASCII of which `allowed` is true.
    template <class Allowed>
    auto beyond_ascii(Allowed allowed) -> bool {
        if (rest_.empty()) {
            return false;
        }
        auto const [code_point, length] = decode_utf8(rest_, 0);
        if (length < 2 || !allowed(code_point)) {
            return false;
        }
        rest_.remove_prefix(length);
        return true;
    }

private:
    std::string_view rest_;
};

inline auto scan_date(format_scanner& in) -> bool {
    constexpr std::array<int, 12> month_days{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int const year = in.number(4);
    if (year < 0 || !in.accept("-")) {
        return false;
    }
    int const month = in.number(2);
    if (month < 1 || month > 12 || !in.accept("-")) {
        return false;
    }
    int const day = in.number(2);
    bool const leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return day >= 1 && day <= month_days[static_cast<std::size_t>(month - 1)] &&
           (leap || month != 2 || day < 29);
}

// A leap second is the last of a day in UTC.
inline auto scan_time(format_scanner& in) -> bool {
    constexpr int day_minutes = 24 * 60;
    int const hour = in.number(2);
    if (hour < 0 || hour > 23 || !in.accept(":")) {
        return false;
    }
    int const minute = in.number(2);
    if (minute < 0 || minute > 59 || !in.accept(":")) {
        return false;
    }
    int const second = in.number(2);
    if (second < 0 || second > 60 || (in.accept(".") && in.digits() == 0)) {
        return false;
    }
    int offset = 0;
    if (!in.accept("Zz")) {
        bool const ahead = in.peek() == '+';
        if (!in.accept("+-")) {
            return false;
        }
        int const hours = in.number(2);
        if (hours < 0 || hours > 23 || !in.accept(":")) {
            return false;
        }
        int const minutes = in.number(2);
        if (minutes < 0 || minutes > 59) {
            return false;
        }
        offset = (hours * 60 + minutes) * (ahead ? 1 : -1);
    }
    int const utc = (hour * 60 + minute - offset + 2 * day_minutes) % day_minutes;
    return second < 60 || utc == day_minutes - 1;
}

// Numbers with the units of `units`, each once, in their order and without a gap.
inline auto scan_duration_units(format_scanner& in, std::string_view units) -> bool {
    std::size_t next = std::string_view::npos; // until the first unit any may come
    while (in.digits() > 0) {
        std::size_t const unit = units.find(in.peek());
        if (in.at_end() || unit == std::string_view::npos ||
            (next != std::string_view::npos && unit != next)) {
            return false;
        }
        in.accept(units);
        next = unit + 1;
    }
    return next != std::string_view::npos;
}

inline auto scan_ipv4(format_scanner& in) -> bool {
    for (int part = 0; part < 4; ++part) {
        if (part > 0 && !in.accept(".")) {
            return false;
        }
        std::string_view const before = in.rest();
        std::size_t const digits = in.digits();
        if (digits == 0 || digits > 3 || (digits > 1 && before.front() == '0') ||
            (digits == 3 && before.substr(0, 3) > "255")) {
            return false;
        }
    }
    return true;
}

inline auto is_ipv6(std::string_view text) -> bool {
    int groups = 0;
    bool compressed = false;
    format_scanner in{text};
    if (text.starts_with("::")) {
        compressed = true;
        in = format_scanner{text.substr(2)};
    }
    while (!in.at_end()) {
        std::string_view const group = in.rest().substr(0, in.rest().find(':'));
        if (group.find('.') != std::string_view::npos) {
            groups += 2; // the last 32 bits in the form of IPv4
            if (!scan_ipv4(in) || !in.at_end()) {
                return false;
            }
            break;
        }
        if (group.empty() || group.size() > 4 || ++groups > 8 ||
            !std::all_of(group.begin(), group.end(),
                         [](char c) { return hex_value(static_cast<unsigned char>(c)) >= 0; })) {
            return false;
        }
        in = format_scanner{in.rest().substr(group.size())};
        if (in.at_end()) {
            break;
        }
        in.accept(":");
        if (in.accept(":")) {
            if (compressed) {
                return false;
            }
            compressed = true;
        } else if (in.at_end()) {
            return false; // a colon with nothing behind it
        }
    }
    return compressed ? groups <= 7 : groups == 8;
}

/// One label in letters, digits and dashes; an A-label must stand for a U-label.
inline auto is_ascii_label(std::string_view label, bool* right_to_left = nullptr) -> bool {
    auto const allowed = [](char c) {
        auto const byte = static_cast<unsigned char>(c);
        return is_ascii_alpha(byte) || is_ascii_digit(byte) || c == '-';
    };
    if (label.empty() || label.size() > max_label_bytes || label.front() == '-' ||
        label.back() == '-' || !std::all_of(label.begin(), label.end(), allowed)) {
        return false;
    }
    if (label.size() < 4 || label[2] != '-' || label[3] != '-' || (label[0] | 0x20) != 'x' ||
        (label[1] | 0x20) != 'n') {
        return true;
    }
    auto const unicode = decode_a_label(label);
    if (!unicode) {
        return false;
    }
    if (is_right_to_left(unicode->points())) {
        if (right_to_left != nullptr) {
            *right_to_left = true;
        }
        return obeys_bidi_rule(unicode->points());
    }
    return true;
}

constexpr std::size_t max_hostname_bytes = 253;

inline auto is_hostname(std::string_view text) -> bool {
    if (text.size() > max_hostname_bytes) {
        return false;
    }
    while (true) {
        std::size_t const dot = text.find('.');
        if (!is_ascii_label(text.substr(0, dot))) {
            return false;
        }
        if (dot == std::string_view::npos) {
            return true;
        }
        text.remove_prefix(dot + 1);
    }
}

/// Takes the label before the next separator, which it takes too. Nothing where that is no label.
inline auto take_idn_label(std::string_view& text, bool& last) -> std::optional<unicode_label> {
    unicode_label label;
    last = true;
    while (!text.empty()) {
        auto const [c, length] = decode_utf8(text, 0);
        if (length == 0) {
            return std::nullopt;
        }
        text.remove_prefix(length);
        if (c == '.' || c == 0x3002 || c == 0xFF0E || c == 0xFF61) {
            last = false;
            break;
        }
        if (!label.push_back(c)) {
            return std::nullopt;
        }
    }
    return label;
}

inline auto is_idn_hostname(std::string_view text) -> bool {
    bool right_to_left = false; // whether any label is
    for (bool const bidi_pass : {false, true}) {
        std::string_view rest = text;
        std::size_t total = 0;
        bool last = false;
        while (!last) {
            auto label = take_idn_label(rest, last);
            if (!label) {
                return false;
            }
            std::array<char, max_label_bytes> ascii{};
            std::size_t ascii_size = 0;
            bool const is_ascii = std::all_of(label->points().begin(), label->points().end(),
                                              [](char32_t c) { return c < 0x80; });
            if (is_ascii) {
                for (char32_t const c : label->points()) {
                    ascii[ascii_size++] = static_cast<char>(c);
                }
                std::string_view const written{ascii.data(), ascii_size};
                if (!is_ascii_label(written, &right_to_left)) {
                    return false;
                }
                if (written.size() > 4 && written[2] == '-' && written[3] == '-' &&
                    (written[0] | 0x20) == 'x') {
                    label = decode_a_label(written);
                }
            } else {
                ascii_size = 4; // "xn--"
                punycode::encode(label->points(), [&](char) { ++ascii_size; });
                if (ascii_size > max_label_bytes || !is_unicode_label(label->points())) {
                    return false;
                }
                right_to_left = right_to_left || is_right_to_left(label->points());
            }
            total += ascii_size + (last ? 0 : 1);
            if (total > max_hostname_bytes ||
                (bidi_pass && (!label || !obeys_bidi_rule(label->points())))) {
                return false;
            }
        }
        if (!right_to_left) {
            return true;
        }
    }
    return true;
}

/// ucschar of RFC 3987.
constexpr auto is_iri_character(char32_t c) -> bool {
    return (c >= 0xA0 && c <= 0xD7FF) || (c >= 0xF900 && c <= 0xFDCF) ||
           (c >= 0xFDF0 && c <= 0xFFEF) ||
           (c >= 0x10000 && c <= 0xEFFFD && (c & 0xFFFFU) < 0xFFFE && (c < 0xE0000 || c > 0xE0FFF));
}
/// iprivate of RFC 3987.
constexpr auto is_private_character(char32_t c) -> bool {
    return (c >= 0xE000 && c <= 0xF8FF) || (c >= 0xF0000 && (c & 0xFFFFU) < 0xFFFE);
}

/// Letters, digits, `_` and some others.
class ascii_set {
public:
    consteval explicit ascii_set(std::string_view others) {
        for (char32_t c = 0; c < 0x80; ++c) {
            table_[c] =
                is_word_character(c) || others.find(static_cast<char>(c)) != std::string_view::npos;
        }
    }
    constexpr auto operator()(char c) const -> bool {
        return table_[static_cast<unsigned char>(c)];
    }

private:
    std::array<bool, 256> table_{};
};

/// unreserved and sub-delims of RFC 3986.
inline constexpr ascii_set uri_plain{"-.~!$&'()*+,;="};
/// atext of RFC 5322.
inline constexpr ascii_set email_atom{"!#$%&'*+-/=?^`{|}~"};
/// literals of RFC 6570 but for %XX.
inline constexpr ascii_set template_literal{"!#$&'()*+,-./:;=?@[]~"};

/// Generic syntax of RFC 3986, and of RFC 3987 when `International`.
template <bool International>
class uri_reader {
public:
    static auto read(std::string_view text, bool needs_scheme) -> bool {
        std::size_t const fragment = text.find('#');
        if (fragment != std::string_view::npos &&
            !has_only(text.substr(fragment + 1), ":@/?", false)) {
            return false;
        }
        text = text.substr(0, fragment);
        std::size_t const query = text.find('?');
        if (query != std::string_view::npos && !has_only(text.substr(query + 1), ":@/?", true)) {
            return false;
        }
        text = text.substr(0, query);
        std::size_t const colon = text.find(':');
        bool const has_scheme = colon != std::string_view::npos && is_scheme(text.substr(0, colon));
        if (has_scheme) {
            text.remove_prefix(colon + 1);
        } else if (needs_scheme || colon < text.find('/')) {
            return false; // in a relative reference the first segment has no colon
        }
        if (text.starts_with("//")) {
            text.remove_prefix(2);
            std::size_t const slash = std::min(text.find('/'), text.size());
            if (!is_authority(text.substr(0, slash))) {
                return false;
            }
            text.remove_prefix(slash);
        }
        return has_only(text, ":@/", false);
    }

private:
    static auto is_scheme(std::string_view text) -> bool {
        return !text.empty() && is_ascii_alpha(static_cast<unsigned char>(text.front())) &&
               std::all_of(text.begin(), text.end(), [](char c) {
                   auto const byte = static_cast<unsigned char>(c);
                   return is_ascii_alpha(byte) || is_ascii_digit(byte) || c == '+' || c == '-' ||
                          c == '.';
               });
    }

    static auto is_authority(std::string_view text) -> bool {
        std::size_t const at = text.find('@');
        if (at != std::string_view::npos) {
            if (!has_only(text.substr(0, at), ":", false)) {
                return false;
            }
            text.remove_prefix(at + 1);
        }
        std::size_t const bracket = text.find(']');
        std::string_view host = text.substr(0, text.find(':'));
        if (text.starts_with("[")) {
            if (bracket == std::string_view::npos ||
                !is_address_literal(text.substr(1, bracket - 1))) {
                return false;
            }
            host = text.substr(0, bracket + 1);
        } else if (!has_only(host, "", false)) {
            return false;
        }
        std::string_view const port = text.substr(host.size());
        return port.empty() ||
               (port.front() == ':' && std::all_of(port.begin() + 1, port.end(), [](char c) {
                    return is_ascii_digit(static_cast<unsigned char>(c));
                }));
    }

    static auto is_address_literal(std::string_view text) -> bool {
        if (text.empty() || (text.front() | 0x20) != 'v') {
            return is_ipv6(text);
        }
        std::size_t const dot = text.find('.');
        if (dot == std::string_view::npos || dot < 2 || dot + 1 == text.size()) {
            return false;
        }
        std::string_view const version = text.substr(1, dot - 1);
        std::string_view const address = text.substr(dot + 1);
        return std::all_of(version.begin(), version.end(),
                           [](char c) { return hex_value(static_cast<unsigned char>(c)) >= 0; }) &&
               std::all_of(address.begin(), address.end(),
                           [](char c) { return uri_plain(c) || c == ':'; });
    }

    /// Whether `text` is made of plain characters, %XX, `extra`, and what RFC 3987 adds.
    static auto has_only(std::string_view text, std::string_view extra, bool in_query) -> bool {
        format_scanner in{text};
        while (in.skip(uri_plain), !in.at_end()) {
            if (!in.accept(extra) && !in.percent_encoded() &&
                !(International && in.beyond_ascii([&](char32_t c) {
                    return is_iri_character(c) || (in_query && is_private_character(c));
                }))) {
                return false;
            }
        }
        return true;
    }
};

/// Mailbox of RFC 5321, with RFC 6531 when `International`.
template <bool International>
auto is_email(std::string_view text) -> bool {
    constexpr std::size_t max_local_bytes = 64;
    auto const any = [](char32_t) {
        return true;
    };
    format_scanner in{text};
    if (in.accept("\"")) {
        while (!in.accept("\"")) {
            bool const escaped = in.accept("\\");
            char const c = in.peek();
            bool const printable = c >= ' ' && c <= '~' && (escaped || (c != '"' && c != '\\'));
            if (!(printable ? in.accept(in.rest().substr(0, 1))
                            : International && in.beyond_ascii(any))) {
                return false;
            }
        }
    } else {
        bool at_start = true; // of the text, or behind a dot
        while (in.peek() != '@' || at_start) {
            if (in.skip(email_atom) > 0 || (International && in.beyond_ascii(any))) {
                at_start = false;
            } else if (!at_start && in.accept(".")) {
                at_start = true;
            } else {
                return false;
            }
        }
    }
    if (text.size() - in.rest().size() > max_local_bytes || !in.accept("@")) {
        return false;
    }
    std::string_view domain = in.rest();
    if (domain.starts_with("[") && domain.ends_with("]")) {
        domain = domain.substr(1, domain.size() - 2);
        constexpr std::string_view tag = "IPv6:";
        bool const has_tag = domain.size() > tag.size() &&
                             std::equal(tag.begin(), tag.end(), domain.begin(), [](char a, char b) {
                                 return a == b || (a | 0x20) == (b | 0x20);
                             });
        format_scanner address{domain};
        return has_tag ? is_ipv6(domain.substr(tag.size()))
                       : scan_ipv4(address) && address.at_end();
    }
    return International ? is_idn_hostname(domain) : is_hostname(domain);
}

inline auto scan_template_expression(format_scanner& in) -> bool {
    in.accept("+#./;?&=,!@|");
    do {
        auto const variable_character = [&in] {
            return is_word_character(static_cast<unsigned char>(in.peek()))
                       ? in.accept(in.rest().substr(0, 1))
                       : in.percent_encoded();
        };
        if (!variable_character()) {
            return false;
        }
        while (true) {
            bool const dotted = in.accept(".");
            if (!variable_character()) {
                if (dotted) {
                    return false;
                }
                break;
            }
        }
        if (!in.accept("*") && in.accept(":")) {
            bool const positive = in.peek() != '0';
            std::size_t const digits = in.digits();
            if (!positive || digits == 0 || digits > 4) {
                return false;
            }
        }
    } while (in.accept(","));
    return in.accept("}");
}

inline auto scan_json_pointer(std::string_view text) -> bool {
    if (!text.empty() && text.front() != '/') {
        return false;
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '~' &&
            (i + 1 == text.size() || (text[i + 1] != '0' && text[i + 1] != '1'))) {
            return false;
        }
    }
    return true;
}

} // namespace detail

/// One function a format, under its name in the specification with `_` for `-`.
namespace format {

/// RFC 3339.
inline auto date(std::string_view text) -> bool {
    detail::format_scanner in{text};
    return detail::scan_date(in) && in.at_end();
}

/// RFC 3339. A leap second must be the last second of a day in UTC.
inline auto time(std::string_view text) -> bool {
    detail::format_scanner in{text};
    return detail::scan_time(in) && in.at_end();
}

/// RFC 3339.
inline auto date_time(std::string_view text) -> bool {
    detail::format_scanner in{text};
    return detail::scan_date(in) && in.accept("Tt") && detail::scan_time(in) && in.at_end();
}

/// RFC 3339, appendix A.
inline auto duration(std::string_view text) -> bool {
    detail::format_scanner in{text};
    if (!in.accept("P")) {
        return false;
    }
    if (text.ends_with("W")) {
        return in.digits() > 0 && in.accept("W") && in.at_end();
    }
    if (in.peek() != 'T' && !(detail::scan_duration_units(in, "YMD"))) {
        return false;
    }
    return in.at_end() || (in.accept("T") && detail::scan_duration_units(in, "HMS") && in.at_end());
}

/// RFC 5321, section 4.1.2.
inline auto email(std::string_view text) -> bool {
    return detail::is_email<false>(text);
}

/// RFC 6531.
inline auto idn_email(std::string_view text) -> bool {
    return detail::is_email<true>(text);
}

/// RFC 1123, section 2.1; labels that start with "xn--" must be A-labels of RFC 5890.
inline auto hostname(std::string_view text) -> bool {
    return detail::is_hostname(text);
}

/// RFC 5890, section 2.3.2.3.
inline auto idn_hostname(std::string_view text) -> bool {
    return detail::is_idn_hostname(text);
}

/// RFC 2673, section 3.2: dotted quad.
inline auto ipv4(std::string_view text) -> bool {
    detail::format_scanner in{text};
    return detail::scan_ipv4(in) && in.at_end();
}

/// RFC 4291, section 2.2, without zone.
inline auto ipv6(std::string_view text) -> bool {
    return detail::is_ipv6(text);
}

/// RFC 3986.
inline auto uri(std::string_view text) -> bool {
    return detail::uri_reader<false>::read(text, true);
}
/// RFC 3986.
inline auto uri_reference(std::string_view text) -> bool {
    return detail::uri_reader<false>::read(text, false);
}
/// RFC 3987.
inline auto iri(std::string_view text) -> bool {
    return detail::uri_reader<true>::read(text, true);
}

/// RFC 3987.
inline auto iri_reference(std::string_view text) -> bool {
    return detail::uri_reader<true>::read(text, false);
}

/// RFC 6570.
inline auto uri_template(std::string_view text) -> bool {
    detail::format_scanner in{text};
    while (!in.at_end()) {
        if (in.accept("{")) {
            if (!detail::scan_template_expression(in)) {
                return false;
            }
            continue;
        }
        if (in.skip(detail::template_literal) == 0 && !in.percent_encoded() &&
            !in.beyond_ascii([](char32_t c) {
                return detail::is_iri_character(c) || detail::is_private_character(c);
            })) {
            return false;
        }
    }
    return true;
}

/// RFC 4122.
inline auto uuid(std::string_view text) -> bool {
    constexpr std::size_t length = 36;
    if (text.size() != length) {
        return false;
    }
    for (std::size_t i = 0; i < length; ++i) {
        bool const dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : detail::hex_value(static_cast<unsigned char>(text[i])) < 0) {
            return false;
        }
    }
    return true;
}

/// RFC 6901, section 5.
inline auto json_pointer(std::string_view text) -> bool {
    return detail::scan_json_pointer(text);
}

/// draft-bhutton-relative-json-pointer: without the index manipulation of its later versions.
inline auto relative_json_pointer(std::string_view text) -> bool {
    detail::format_scanner in{text};
    bool const zero = in.peek() == '0';
    std::size_t const digits = in.digits();
    return digits > 0 && (!zero || digits == 1) &&
           (in.rest() == "#" || detail::scan_json_pointer(in.rest()));
}

/// ECMA-262, as patterns are read: see pattern.hpp. Allocates.
inline auto regex(std::string_view text) -> bool {
    try {
        static_cast<void>(detail::regex_parser::parse(text));
        return true;
    } catch (pattern_error const&) {
        return false;
    }
}

} // namespace format

/// The check for the format that the specification calls `name`, or null.
inline auto find_format(std::string_view name) noexcept -> format_function {
    struct entry {
        std::string_view name;
        format_function check;
    };
    static constexpr auto formats = std::to_array<entry>({
        {"date", format::date},
        {"date-time", format::date_time},
        {"duration", format::duration},
        {"email", format::email},
        {"hostname", format::hostname},
        {"idn-email", format::idn_email},
        {"idn-hostname", format::idn_hostname},
        {"ipv4", format::ipv4},
        {"ipv6", format::ipv6},
        {"iri", format::iri},
        {"iri-reference", format::iri_reference},
        {"json-pointer", format::json_pointer},
        {"regex", format::regex},
        {"relative-json-pointer", format::relative_json_pointer},
        {"time", format::time},
        {"uri", format::uri},
        {"uri-reference", format::uri_reference},
        {"uri-template", format::uri_template},
        {"uuid", format::uuid},
    });
    auto const* const found = std::find_if(formats.begin(), formats.end(),
                                           [name](entry const& e) { return e.name == name; });
    return found == formats.end() ? nullptr : found->check;
}

} // namespace llms::inline v0_1

#endif // LLMS_SCHEMA_FORMAT_HPP
