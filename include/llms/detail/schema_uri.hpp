// SPDX-License-Identifier: MIT
//
// URI references and JSON Pointers as far as `$id` and `$ref` need them.
// Source: T. Berners-Lee, R. Fielding, L. Masinter, "URI: Generic Syntax", RFC 3986, §5;
// P. Bryan, K. Zyp, M. Nottingham, "JSON Pointer", RFC 6901.
#ifndef LLMS_DETAIL_SCHEMA_URI_HPP
#define LLMS_DETAIL_SCHEMA_URI_HPP

#include <llms/version.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace llms::inline v0_1::detail::schema_engine {

/// `uri` up to its `#`, and what comes after it.
inline auto split_fragment(std::string_view uri) -> std::pair<std::string_view, std::string_view> {
    auto const hash = uri.find('#');
    return hash == std::string_view::npos ? std::pair{uri, std::string_view{}}
                                          : std::pair{uri.substr(0, hash), uri.substr(hash + 1)};
}

/// The parts of a URI reference without fragment; a part that is absent has a null data pointer.
struct uri_parts {
    std::string_view scheme;
    std::string_view authority;
    std::string_view path;
    std::string_view query;

    explicit uri_parts(std::string_view text) {
        if (auto const colon = text.find_first_of(":/?"); colon != std::string_view::npos &&
                                                          text[colon] == ':' && colon > 0 &&
                                                          is_letter(text[0])) {
            scheme = text.substr(0, colon);
            text.remove_prefix(colon + 1);
        }
        if (auto const mark = text.find('?'); mark != std::string_view::npos) {
            query = text.substr(mark + 1);
            text = text.substr(0, mark);
        }
        if (text.starts_with("//")) {
            auto const slash = text.find('/', 2);
            authority = text.substr(2, slash == std::string_view::npos ? slash : slash - 2);
            path = slash == std::string_view::npos ? text.substr(text.size()) : text.substr(slash);
        } else {
            path = text;
        }
    }

private:
    static auto is_letter(char one) noexcept -> bool {
        return (one >= 'a' && one <= 'z') || (one >= 'A' && one <= 'Z');
    }
};

inline auto without_dot_segments(std::string_view path) -> std::string {
    std::string result;
    while (!path.empty()) {
        if (path.starts_with("../")) {
            path.remove_prefix(3);
        } else if (path.starts_with("./") || path.starts_with("/./")) {
            path.remove_prefix(2);
        } else if (path == "/.") {
            path = "/";
        } else if (path.starts_with("/../") || path == "/..") {
            path = path.size() == 3 ? std::string_view{"/"} : path.substr(3);
            auto const slash = result.rfind('/');
            result.resize(slash == std::string::npos ? 0 : slash);
        } else if (path == "." || path == "..") {
            path = {};
        } else {
            auto const next = path.find('/', 1);
            result += path.substr(0, next);
            path = next == std::string_view::npos ? std::string_view{} : path.substr(next);
        }
    }
    return result;
}

/// `reference` (without fragment) as seen from `base`.
inline auto resolve_uri(std::string_view base, std::string_view reference) -> std::string {
    if (reference.empty()) {
        return std::string(base);
    }
    auto const wanted = uri_parts{reference};
    if (wanted.scheme.data() != nullptr) {
        return std::string(reference);
    }
    auto const from = uri_parts{base};
    std::string result;
    if (from.scheme.data() != nullptr) {
        result.append(from.scheme).append(":");
    }
    auto const& authority = wanted.authority.data() != nullptr ? wanted.authority : from.authority;
    if (authority.data() != nullptr) {
        result.append("//").append(authority);
    }
    auto query = wanted.query;
    if (wanted.authority.data() != nullptr || wanted.path.starts_with('/')) {
        result += without_dot_segments(wanted.path);
    } else if (wanted.path.empty()) {
        result += from.path;
        query = query.data() != nullptr ? query : from.query;
    } else {
        auto merged = std::string(from.path.substr(0, from.path.rfind('/') + 1));
        if (from.path.empty() && from.authority.data() != nullptr) {
            merged = "/";
        }
        merged += wanted.path;
        result += without_dot_segments(merged);
    }
    if (query.data() != nullptr) {
        result.append("?").append(query);
    }
    return result;
}

/// `text` with its %XX read; what is no valid escape stays as it is.
inline auto percent_decoded(std::string_view text) -> std::string {
    auto const digit = [](char one) {
        auto const lower = static_cast<char>(one | 0x20);
        return one >= '0' && one <= '9' ? one - '0'
                                        : (lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1);
    };
    std::string result;
    result.reserve(text.size());
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '%' && at + 2 < text.size() && digit(text[at + 1]) >= 0 &&
            digit(text[at + 2]) >= 0) {
            result += static_cast<char>(digit(text[at + 1]) * 16 + digit(text[at + 2]));
            at += 2;
        } else {
            result += text[at];
        }
    }
    return result;
}

/// Appends `/token` with `~` and `/` escaped.
inline void append_pointer_token(std::string& pointer, std::string_view token) {
    pointer += '/';
    for (auto const one : token) {
        if (one == '~') {
            pointer += "~0";
        } else if (one == '/') {
            pointer += "~1";
        } else {
            pointer += one;
        }
    }
}

/// Takes the first token off `pointer`, which starts with `/`, and unescapes it.
inline auto take_pointer_token(std::string_view& pointer) -> std::string {
    auto const end = pointer.find('/', 1);
    auto const raw = pointer.substr(1, end == std::string_view::npos ? end : end - 1);
    pointer = end == std::string_view::npos ? std::string_view{} : pointer.substr(end);
    std::string token;
    for (std::size_t at = 0; at < raw.size(); ++at) {
        if (raw[at] == '~' && at + 1 < raw.size() && (raw[at + 1] == '0' || raw[at + 1] == '1')) {
            token += raw[++at] == '0' ? '~' : '/';
        } else {
            token += raw[at];
        }
    }
    return token;
}

/// The member or element of `from` that `token` names, or null.
template <class Json>
auto child_of(Json const& from, std::string const& token) -> Json const* {
    if (from.is_object()) {
        auto const found = from.find(token);
        return found == from.end() ? nullptr : &*found;
    }
    if (!from.is_array() || token.empty() || token.size() > 18 ||
        (token.size() > 1 && token[0] == '0')) {
        return nullptr;
    }
    std::size_t index = 0;
    for (auto const one : token) {
        if (one < '0' || one > '9') {
            return nullptr;
        }
        index = index * 10 + static_cast<std::size_t>(one - '0');
    }
    return index < from.size() ? &from[index] : nullptr;
}

} // namespace llms::inline v0_1::detail::schema_engine

#endif // LLMS_DETAIL_SCHEMA_URI_HPP
