// SPDX-License-Identifier: MIT
//
// Labels of internationalised domain names: which Unicode strings may stand for a label, and
// Punycode. Rules of IDNA 2008: RFC 5891 (registration), 5892 (code points), 5893 (right-to-left),
// 3492. Not checked: that a label is in Unicode normalisation form C.
#ifndef LLMS_DETAIL_FORMAT_IDNA_HPP
#define LLMS_DETAIL_FORMAT_IDNA_HPP

#include <llms/detail/regex_unicode.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

namespace llms::inline v0_1::detail {

// clang-format off
// Letters, marks and digits that RFC 5892 disallows all the same, most of them because they fold to
// something else. Ranges run on over code points of other categories.
inline constexpr auto idna_disallowed = std::to_array<code_range>({
    {0xAA, 0xBA}, {0x133, 0x133}, {0x140, 0x140}, {0x149, 0x149}, {0x17F, 0x17F}, {0x1C6, 0x1CC},
    {0x1F3, 0x1F3}, {0x2B0, 0x2B8}, {0x2E0, 0x2E4}, {0x340, 0x341}, {0x343, 0x345}, {0x34F, 0x34F},
    {0x374, 0x374}, {0x37A, 0x37A}, {0x3D0, 0x3D6}, {0x3F0, 0x3F2}, {0x3F5, 0x3F5}, {0x587, 0x587},
    {0x640, 0x640}, {0x660, 0x669}, {0x675, 0x678}, {0x6F0, 0x6F9}, {0x7FA, 0x7FA}, {0x958, 0x95F},
    {0x9DC, 0x9DF}, {0xA33, 0xA33}, {0xA36, 0xA36}, {0xA59, 0xA5B}, {0xA5E, 0xA5E}, {0xB5C, 0xB5D},
    {0xE33, 0xE33}, {0xEB3, 0xEB3}, {0xEDC, 0xEDD}, {0xF43, 0xF43}, {0xF4D, 0xF4D}, {0xF52, 0xF52},
    {0xF57, 0xF57}, {0xF5C, 0xF5C}, {0xF69, 0xF69}, {0xF73, 0xF73}, {0xF75, 0xF79}, {0xF81, 0xF81},
    {0xF93, 0xF93}, {0xF9D, 0xF9D}, {0xFA2, 0xFA2}, {0xFA7, 0xFA7}, {0xFAC, 0xFAC}, {0xFB9, 0xFB9},
    {0x10FC, 0x10FC}, {0x1100, 0x11FF}, {0x13F8, 0x13FD}, {0x17B4, 0x17B5}, {0x180B, 0x180F},
    {0x1C80, 0x1C88}, {0x1D2C, 0x1D2E}, {0x1D30, 0x1D3A}, {0x1D3C, 0x1D4D}, {0x1D4F, 0x1D6A},
    {0x1D78, 0x1D78}, {0x1D9B, 0x1DBF}, {0x1E9A, 0x1E9B}, {0x1F71, 0x1F71}, {0x1F73, 0x1F73},
    {0x1F75, 0x1F75}, {0x1F77, 0x1F77}, {0x1F79, 0x1F79}, {0x1F7B, 0x1F7B}, {0x1F7D, 0x1FA7},
    {0x1FB2, 0x1FB4}, {0x1FB7, 0x1FC4}, {0x1FC7, 0x1FC7}, {0x1FD3, 0x1FD3}, {0x1FE3, 0x1FE3},
    {0x1FF2, 0x1FF4}, {0x1FF7, 0x2149}, {0x2C7C, 0x2C7D}, {0x2D6F, 0x2D6F}, {0x302E, 0x303B},
    {0x309F, 0x309F}, {0x30FF, 0x30FF}, {0x3131, 0x318E}, {0xA69C, 0xA69D}, {0xA770, 0xA770},
    {0xA7F1, 0xA7F4}, {0xA7F8, 0xA7F9}, {0xA960, 0xA97C}, {0xAB5C, 0xAB5F}, {0xAB69, 0xABBF},
    {0xD7B0, 0xFA0D}, {0xFA10, 0xFA10}, {0xFA12, 0xFA12}, {0xFA15, 0xFA1E}, {0xFA20, 0xFA20},
    {0xFA22, 0xFA22}, {0xFA25, 0xFA26}, {0xFA2A, 0xFB1D}, {0xFB1F, 0xFE0F}, {0xFE70, 0xFE72},
    {0xFE74, 0xFFDC}, {0x10781, 0x107BA}, {0x1CCF0, 0x1CCF9}, {0x1D165, 0x1D7FF},
    {0x1E030, 0x1E06D}, {0x1EE00, 0x1FBF9}, {0x2F800, 0x2FA1D}, {0xE0100, 0xE01EF},
});

// Joining_Type L or D, and R or D.
inline constexpr auto joins_next = std::to_array<code_range>({
    {0x620, 0x620}, {0x626, 0x626}, {0x628, 0x628}, {0x62A, 0x62E}, {0x633, 0x63F}, {0x641, 0x647},
    {0x649, 0x64A}, {0x66E, 0x66F}, {0x678, 0x687}, {0x69A, 0x6BF}, {0x6C1, 0x6C2}, {0x6CC, 0x6CC},
    {0x6CE, 0x6CE}, {0x6D0, 0x6D1}, {0x6FA, 0x6FC}, {0x6FF, 0x6FF}, {0x712, 0x714}, {0x71A, 0x71D},
    {0x71F, 0x727}, {0x729, 0x729}, {0x72B, 0x72B}, {0x72D, 0x72E}, {0x74E, 0x758}, {0x75C, 0x76A},
    {0x76D, 0x770}, {0x772, 0x772}, {0x775, 0x777}, {0x77A, 0x77F}, {0x7CA, 0x7EA}, {0x841, 0x845},
    {0x848, 0x848}, {0x84A, 0x853}, {0x855, 0x855}, {0x860, 0x860}, {0x862, 0x865}, {0x868, 0x868},
    {0x886, 0x886}, {0x889, 0x88D}, {0x8A0, 0x8A9}, {0x8AF, 0x8B0}, {0x8B3, 0x8B8}, {0x8BA, 0x8C8},
    {0x1807, 0x1807}, {0x1820, 0x1878}, {0x1887, 0x18A8}, {0x18AA, 0x18AA}, {0xA840, 0xA872},
    {0x10AC0, 0x10AC4}, {0x10ACD, 0x10ACD}, {0x10AD3, 0x10ADC}, {0x10ADE, 0x10AE0},
    {0x10AEB, 0x10AEE}, {0x10B80, 0x10B80}, {0x10B82, 0x10B82}, {0x10B86, 0x10B88},
    {0x10B8A, 0x10B8B}, {0x10B8D, 0x10B8D}, {0x10B90, 0x10B90}, {0x10BAD, 0x10BAE},
    {0x10D00, 0x10D21}, {0x10D23, 0x10D23}, {0x10F30, 0x10F32}, {0x10F34, 0x10F44},
    {0x10F51, 0x10F53}, {0x10F70, 0x10F73}, {0x10F76, 0x10F81}, {0x10FB0, 0x10FB0},
    {0x10FB2, 0x10FB3}, {0x10FB8, 0x10FB8}, {0x10FBB, 0x10FBC}, {0x10FBE, 0x10FBF},
    {0x10FC1, 0x10FC1}, {0x10FC4, 0x10FC4}, {0x10FCA, 0x10FCB}, {0x1E900, 0x1E943},
});

inline constexpr auto joins_previous = std::to_array<code_range>({
    {0x620, 0x620}, {0x622, 0x63F}, {0x641, 0x64A}, {0x66E, 0x66F}, {0x671, 0x673}, {0x675, 0x6D3},
    {0x6D5, 0x6D5}, {0x6EE, 0x6EF}, {0x6FA, 0x6FC}, {0x6FF, 0x6FF}, {0x710, 0x710}, {0x712, 0x72F},
    {0x74D, 0x77F}, {0x7CA, 0x7EA}, {0x840, 0x858}, {0x860, 0x860}, {0x862, 0x865}, {0x867, 0x86A},
    {0x870, 0x882}, {0x886, 0x886}, {0x889, 0x88E}, {0x8A0, 0x8AC}, {0x8AE, 0x8C8},
    {0x1807, 0x1807}, {0x1820, 0x1878}, {0x1887, 0x18A8}, {0x18AA, 0x18AA}, {0xA840, 0xA871},
    {0x10AC0, 0x10AC5}, {0x10AC7, 0x10AC7}, {0x10AC9, 0x10ACA}, {0x10ACE, 0x10AD6},
    {0x10AD8, 0x10AE1}, {0x10AE4, 0x10AE4}, {0x10AEB, 0x10AEF}, {0x10B80, 0x10B91},
    {0x10BA9, 0x10BAE}, {0x10D01, 0x10D23}, {0x10F30, 0x10F44}, {0x10F51, 0x10F54},
    {0x10F70, 0x10F81}, {0x10FB0, 0x10FB0}, {0x10FB2, 0x10FB6}, {0x10FB8, 0x10FBF},
    {0x10FC1, 0x10FC4}, {0x10FC9, 0x10FCA}, {0x1E900, 0x1E943},
});

// Canonical_Combining_Class 9.
inline constexpr auto virama = std::to_array<code_range>({
    {0x94D, 0x94D}, {0x9CD, 0x9CD}, {0xA4D, 0xA4D}, {0xACD, 0xACD}, {0xB4D, 0xB4D}, {0xBCD, 0xBCD},
    {0xC4D, 0xC4D}, {0xCCD, 0xCCD}, {0xD3B, 0xD3C}, {0xD4D, 0xD4D}, {0xDCA, 0xDCA}, {0xE3A, 0xE3A},
    {0xEBA, 0xEBA}, {0xF84, 0xF84}, {0x1039, 0x103A}, {0x1714, 0x1715}, {0x1734, 0x1734},
    {0x17D2, 0x17D2}, {0x1A60, 0x1A60}, {0x1B44, 0x1B44}, {0x1BAA, 0x1BAB}, {0x1BF2, 0x1BF3},
    {0x2D7F, 0x2D7F}, {0xA806, 0xA806}, {0xA82C, 0xA82C}, {0xA8C4, 0xA8C4}, {0xA953, 0xA953},
    {0xA9C0, 0xA9C0}, {0xAAF6, 0xAAF6}, {0xABED, 0xABED}, {0x10A3F, 0x10A3F}, {0x11046, 0x11046},
    {0x11070, 0x11070}, {0x1107F, 0x1107F}, {0x110B9, 0x110B9}, {0x11133, 0x11134},
    {0x111C0, 0x111C0}, {0x11235, 0x11235}, {0x112EA, 0x112EA}, {0x1134D, 0x1134D},
    {0x11442, 0x11442}, {0x114C2, 0x114C2}, {0x115BF, 0x115BF}, {0x1163F, 0x1163F},
    {0x116B6, 0x116B6}, {0x1172B, 0x1172B}, {0x11839, 0x11839}, {0x1193D, 0x1193E},
    {0x119E0, 0x119E0}, {0x11A34, 0x11A34}, {0x11A47, 0x11A47}, {0x11A99, 0x11A99},
    {0x11C3F, 0x11C3F}, {0x11D44, 0x11D45}, {0x11D97, 0x11D97},
});

// Scripts that contextual rules ask for.
inline constexpr auto greek = std::to_array<code_range>({
    {0x370, 0x373}, {0x375, 0x377}, {0x37A, 0x37D}, {0x37F, 0x37F}, {0x384, 0x384}, {0x386, 0x386},
    {0x388, 0x38A}, {0x38C, 0x38C}, {0x38E, 0x3A1}, {0x3A3, 0x3E1}, {0x3F0, 0x3FF},
    {0x1D26, 0x1D2A}, {0x1D5D, 0x1D61}, {0x1D66, 0x1D6A}, {0x1DBF, 0x1DBF}, {0x1F00, 0x1F15},
    {0x1F18, 0x1F1D}, {0x1F20, 0x1F45}, {0x1F48, 0x1F4D}, {0x1F50, 0x1F57}, {0x1F59, 0x1F59},
    {0x1F5B, 0x1F5B}, {0x1F5D, 0x1F5D}, {0x1F5F, 0x1F7D}, {0x1F80, 0x1FB4}, {0x1FB6, 0x1FC4},
    {0x1FC6, 0x1FD3}, {0x1FD6, 0x1FDB}, {0x1FDD, 0x1FEF}, {0x1FF2, 0x1FF4}, {0x1FF6, 0x1FFE},
    {0x2126, 0x2126}, {0xAB65, 0xAB65}, {0x10140, 0x1018E}, {0x101A0, 0x101A0}, {0x1D200, 0x1D245},
});

inline constexpr auto hebrew = std::to_array<code_range>({
    {0x591, 0x5C7}, {0x5D0, 0x5EA}, {0x5EF, 0x5F4}, {0xFB1D, 0xFB36}, {0xFB38, 0xFB3C},
    {0xFB3E, 0xFB3E}, {0xFB40, 0xFB41}, {0xFB43, 0xFB44}, {0xFB46, 0xFB4F},
});

// Hiragana, Katakana, Han.
inline constexpr auto kana_or_han = std::to_array<code_range>({
    {0x2E80, 0x2E99}, {0x2E9B, 0x2EF3}, {0x2F00, 0x2FD5}, {0x3005, 0x3005}, {0x3007, 0x3007},
    {0x3021, 0x3029}, {0x3038, 0x303B}, {0x3041, 0x3096}, {0x309D, 0x309F}, {0x30A1, 0x30FA},
    {0x30FD, 0x30FF}, {0x31F0, 0x31FF}, {0x32D0, 0x32FE}, {0x3300, 0x3357}, {0x3400, 0x4DBF},
    {0x4E00, 0x9FFF}, {0xF900, 0xFA6D}, {0xFA70, 0xFAD9}, {0xFF66, 0xFF6F}, {0xFF71, 0xFF9D},
    {0x16FE2, 0x16FE3}, {0x16FF0, 0x16FF6}, {0x1AFF0, 0x1AFF3}, {0x1AFF5, 0x1AFFB},
    {0x1AFFD, 0x1AFFE}, {0x1B000, 0x1B122}, {0x1B132, 0x1B132}, {0x1B150, 0x1B152},
    {0x1B155, 0x1B155}, {0x1B164, 0x1B167}, {0x1F200, 0x1F200}, {0x20000, 0x2A6DF},
    {0x2A700, 0x2B81D}, {0x2B820, 0x2CEAD}, {0x2CEB0, 0x2EBE0}, {0x2EBF0, 0x2EE5D},
    {0x2F800, 0x2FA1D}, {0x30000, 0x3134A}, {0x31350, 0x33479},
});

// clang-format on

constexpr std::size_t max_label_bytes = 63;

/// A label in code points. More than 63 of them have no A-label of 63 bytes either.
class unicode_label {
public:
    /// False when it is full.
    auto insert(std::size_t at, char32_t c) -> bool {
        if (size_ == points_.size()) {
            return false;
        }
        std::copy_backward(points_.begin() + static_cast<std::ptrdiff_t>(at),
                           points_.begin() + static_cast<std::ptrdiff_t>(size_),
                           points_.begin() + static_cast<std::ptrdiff_t>(size_ + 1));
        points_[at] = c;
        ++size_;
        return true;
    }
    auto push_back(char32_t c) -> bool { return insert(size_, c); }
    [[nodiscard]] auto size() const -> std::size_t { return size_; }
    [[nodiscard]] auto points() const -> std::span<char32_t const> {
        return {points_.data(), size_};
    }

private:
    std::array<char32_t, max_label_bytes> points_{};
    std::size_t size_ = 0;
};

// Punycode, RFC 3492.
namespace punycode {

constexpr std::uint32_t base = 36;
constexpr std::uint32_t first_bias = 72;

constexpr auto adapt(std::uint32_t delta, std::uint32_t points, bool first) -> std::uint32_t {
    constexpr std::uint32_t t_min = 1;
    constexpr std::uint32_t t_max = 26;
    constexpr std::uint32_t skew = 38;
    constexpr std::uint32_t damp = 700;
    delta = first ? delta / damp : delta / 2;
    delta += delta / points;
    std::uint32_t k = 0;
    while (delta > (base - t_min) * t_max / 2) {
        delta /= base - t_min;
        k += base;
    }
    return k + (base - t_min + 1) * delta / (delta + skew);
}

constexpr auto threshold(std::uint32_t k, std::uint32_t bias) -> std::uint32_t {
    return k <= bias ? 1 : std::min<std::uint32_t>(k - bias, 26);
}

/// The label that `text` (without "xn--") stands for.
inline auto decode(std::string_view text) -> std::optional<unicode_label> {
    unicode_label label;
    std::size_t const dash = text.rfind('-');
    if (dash != std::string_view::npos) {
        for (char const c : text.substr(0, dash)) {
            if (!label.push_back(static_cast<unsigned char>(c))) {
                return std::nullopt;
            }
        }
        text.remove_prefix(dash + 1);
    }
    std::uint64_t n = 0x80;
    std::uint32_t bias = first_bias;
    std::uint64_t i = 0;
    bool first = true;
    while (!text.empty()) {
        std::uint64_t const old = i;
        std::uint64_t weight = 1;
        for (std::uint32_t k = base;; k += base) {
            if (text.empty()) {
                return std::nullopt;
            }
            auto const c = static_cast<unsigned char>(text.front() | 0x20);
            text.remove_prefix(1);
            std::uint32_t const digit = c >= 'a' && c <= 'z'   ? c - 'a'
                                        : c >= '0' && c <= '9' ? c - '0' + 26U
                                                               : base;
            i += digit * weight;
            if (digit == base || i > std::numeric_limits<std::uint32_t>::max()) {
                return std::nullopt;
            }
            std::uint32_t const t = threshold(k, bias);
            if (digit < t) {
                break;
            }
            weight *= base - t;
        }
        auto const points = static_cast<std::uint32_t>(label.size() + 1);
        bias = adapt(static_cast<std::uint32_t>(i - old), points, first);
        first = false;
        n += i / points;
        i %= points;
        if (n > max_code_point || !label.insert(i, static_cast<char32_t>(n))) {
            return std::nullopt;
        }
        ++i;
    }
    return label;
}

/// Calls `put` with each character of the Punycode of `label`, in lower case.
template <class Put>
void encode(std::span<char32_t const> label, Put put) {
    std::uint32_t handled = 0;
    for (char32_t const c : label) {
        if (c < 0x80) {
            put(static_cast<char>(c));
            ++handled;
        }
    }
    if (handled > 0) {
        put('-');
    }
    std::uint32_t const basic = handled;
    std::uint32_t n = 0x80;
    std::uint32_t delta = 0; // at most 0x110000 * 64: does not wrap
    std::uint32_t bias = first_bias;
    while (handled < label.size()) {
        std::uint32_t next = max_code_point + 1;
        for (char32_t const c : label) {
            next = c >= n ? std::min<std::uint32_t>(next, c) : next;
        }
        delta += (next - n) * (handled + 1);
        n = next;
        for (char32_t const c : label) {
            delta += c < n ? 1 : 0;
            if (c != n) {
                continue;
            }
            std::uint32_t q = delta;
            for (std::uint32_t k = base;; k += base) {
                std::uint32_t const t = threshold(k, bias);
                std::uint32_t const digit = q < t ? q : t + (q - t) % (base - t);
                put(static_cast<char>(digit < 26 ? 'a' + digit : '0' + digit - 26));
                if (q < t) {
                    break;
                }
                q = (q - t) / (base - t);
            }
            bias = adapt(delta, handled + 1, handled == basic);
            delta = 0;
            ++handled;
        }
        ++delta;
        ++n;
    }
}

} // namespace punycode

/// PVALID of RFC 5892, without the code points that depend on their neighbours.
inline auto is_idna_valid(char32_t c) -> bool {
    if (c < 0x80) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    }
    if (c == 0x06FD || c == 0x06FE || c == 0x0F0B || c == 0x3007 || (c >= 0x13A0 && c <= 0x13F5)) {
        return true;
    }
    constexpr std::uint32_t allowed = mask(category::Ll) | mask(category::Lo) | mask(category::Lm) |
                                      mask(category::Nd) | mask(category::Mn) | mask(category::Mc);
    return (mask(category_of(c)) & allowed) != 0 && !contains(idna_disallowed, c);
}

inline auto is_mark(char32_t c) -> bool {
    return (mask(category_of(c)) & mark_mask) != 0;
}

/// Whether `label[at]`, a code point of CONTEXTJ or CONTEXTO, may stand there; nothing for others.
inline auto fits_context(std::span<char32_t const> label, std::size_t at) -> std::optional<bool> {
    bool const has_previous = at > 0;
    bool const has_next = at + 1 < label.size();
    auto const any = [&](auto matches) {
        return std::any_of(label.begin(), label.end(), matches);
    };
    auto const between = [](char32_t first, char32_t last) {
        return [=](char32_t c) {
            return c >= first && c <= last;
        };
    };
    auto const is_transparent = [](char32_t c) {
        return is_mark(c) && category_of(c) != category::Mc;
    };
    char32_t const c = label[at];
    switch (c) {
    case 0x200C:
    case 0x200D: {
        if (has_previous && contains(virama, label[at - 1])) {
            return true;
        }
        std::size_t before = at;
        while (before > 0 && is_transparent(label[before - 1])) {
            --before;
        }
        std::size_t after = at + 1;
        while (after < label.size() && is_transparent(label[after])) {
            ++after;
        }
        return c == 0x200C && before > 0 && contains(joins_next, label[before - 1]) &&
               after < label.size() && contains(joins_previous, label[after]);
    }
    case 0x00B7:
        return has_previous && has_next && label[at - 1] == 'l' && label[at + 1] == 'l';
    case 0x0375:
        return has_next && contains(greek, label[at + 1]);
    case 0x05F3:
    case 0x05F4:
        return has_previous && contains(hebrew, label[at - 1]);
    case 0x30FB:
        return any([](char32_t other) { return contains(kana_or_han, other); });
    default:
        break;
    }
    if (between(0x0660, 0x0669)(c)) {
        return !any(between(0x06F0, 0x06F9));
    }
    if (between(0x06F0, 0x06F9)(c)) {
        return !any(between(0x0660, 0x0669));
    }
    return std::nullopt;
}

enum class direction : std::uint8_t { left, right, european, arabic, mark, neutral };

/// The bidirectional class of a code point that a label may have, as far as RFC 5893 asks.
inline auto direction_of(char32_t c) -> direction {
    if ((c >= '0' && c <= '9') || (c >= 0x06F0 && c <= 0x06F9)) {
        return direction::european;
    }
    if ((c >= 0x0660 && c <= 0x0669) || (c >= 0x10D30 && c <= 0x10D39)) {
        return direction::arabic;
    }
    // Those of the classes ES, ON and BN that IDNA lets in.
    constexpr auto neutral = std::to_array<code_range>({{'-', '-'},
                                                        {0xB7, 0xB7},
                                                        {0x2B9, 0x2BA},
                                                        {0x2C6, 0x2CF},
                                                        {0x2EC, 0x2EC},
                                                        {0x374, 0x375},
                                                        {0x200C, 0x200D},
                                                        {0x2E2F, 0x2E2F},
                                                        {0x30FB, 0x30FB},
                                                        {0xA67F, 0xA67F}});
    if (contains(neutral, c)) {
        return direction::neutral;
    }
    if (c >= 0x0300 && category_of(c) == category::Mn) {
        return direction::mark;
    }
    bool const right = (c >= 0x0590 && c <= 0x08FF) || (c >= 0xFB1D && c <= 0xFDFF) ||
                       (c >= 0xFE70 && c <= 0xFEFF) || (c >= 0x10800 && c <= 0x10FFF) ||
                       (c >= 0x1E800 && c <= 0x1EFFF);
    return right ? direction::right : direction::left;
}

inline auto is_right_to_left(std::span<char32_t const> label) -> bool {
    return std::any_of(label.begin(), label.end(), [](char32_t c) {
        direction const d = direction_of(c);
        return d == direction::right || d == direction::arabic;
    });
}

/// The rule of RFC 5893, section 2, that each label of a name with a right-to-left label obeys.
inline auto obeys_bidi_rule(std::span<char32_t const> label) -> bool {
    direction const first = direction_of(label.front());
    if (first != direction::left && first != direction::right) {
        return false;
    }
    bool const rtl = first == direction::right;
    bool european = false;
    bool arabic = false;
    direction last = first;
    for (char32_t const c : label) {
        direction const d = direction_of(c);
        if (d == (rtl ? direction::left : direction::right) || (!rtl && d == direction::arabic)) {
            return false;
        }
        european = european || d == direction::european;
        arabic = arabic || d == direction::arabic;
        last = d == direction::mark ? last : d;
    }
    return last != direction::neutral && !(rtl && european && arabic);
}

/// Whether `label` may be a U-label, but for the rule on right-to-left names.
inline auto is_unicode_label(std::span<char32_t const> label) -> bool {
    if (label.empty() || label.front() == '-' || label.back() == '-' || is_mark(label.front()) ||
        (label.size() >= 4 && label[2] == '-' && label[3] == '-')) {
        return false;
    }
    for (std::size_t i = 0; i < label.size(); ++i) {
        if (!fits_context(label, i).value_or(is_idna_valid(label[i]))) {
            return false;
        }
    }
    return true;
}

/// The U-label of an A-label, which starts with "xn--" in any case; nothing when it has none.
inline auto decode_a_label(std::string_view text) -> std::optional<unicode_label> {
    std::string_view const code = text.substr(4);
    auto label = punycode::decode(code);
    if (!label || !is_unicode_label(label->points()) ||
        std::all_of(label->points().begin(), label->points().end(),
                    [](char32_t c) { return c < 0x80; })) {
        return std::nullopt;
    }
    // There must be no other, shorter way to write it.
    std::size_t at = 0;
    bool same = true;
    punycode::encode(label->points(), [&](char c) {
        char const given = at < code.size() ? code[at] : '\0';
        bool const upper = given >= 'A' && given <= 'Z';
        same = same && (upper ? given | 0x20 : given) == c;
        ++at;
    });
    return same && at == code.size() ? label : std::nullopt;
}

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_FORMAT_IDNA_HPP
