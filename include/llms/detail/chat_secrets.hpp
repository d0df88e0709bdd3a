// SPDX-License-Identifier: MIT
//
// Keeps API keys out of recordings. Clients put them into headers, which no recording sees; but
// providers repeat them in errors, and some requests carry them in `extra`.
#ifndef LLMS_DETAIL_CHAT_SECRETS_HPP
#define LLMS_DETAIL_CHAT_SECRETS_HPP

#include <llms/chat/request.hpp>
#include <llms/error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace llms::inline v0_1::detail {

inline constexpr std::string_view redacted = "[redacted]";

/// \throws error for a secret that could be found in the midst of other text, or would be escaped.
inline void check_secrets(std::vector<std::string> const& secrets) {
    for (auto const& secret : secrets) {
        bool const plain = std::all_of(secret.begin(), secret.end(), [](char c) {
            return c > ' ' && c <= '~' && c != '"' && c != '\\';
        });
        if (!secret.empty() && (secret.size() < 8 || !plain)) {
            throw error("recording: a secret must be at least 8 visible ASCII characters without "
                        "quotes and backslashes");
        }
    }
}

inline void replace_all(std::string& text, std::string_view what, std::string_view with) {
    for (auto at = text.find(what); at != std::string::npos;
         at = text.find(what, at + with.size())) {
        text.replace(at, what.size(), with);
    }
}

/// Replaces the given secrets; empty ones, of keys that are not set, are none.
inline void redact(std::string& text, std::vector<std::string> const& secrets) {
    for (auto const& secret : secrets) {
        if (!secret.empty()) {
            replace_all(text, secret, redacted);
        }
    }
}

/// Replaces what looks like the key of a provider: 16 characters or more behind "sk-" and the like,
/// and whatever follows "Bearer ".
inline void redact_keys(std::string& text) {
    struct mark {
        std::string_view begin;
        std::size_t least; // characters that follow
    };
    constexpr std::array<mark, 7> marks{{{"sk-", 16},
                                         {"gsk_", 16},
                                         {"xai-", 16},
                                         {"hf_", 16},
                                         {"AIza", 16},
                                         {"Bearer ", 1},
                                         {"bearer ", 8}}};
    auto const letter = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    };
    auto const of_key = [&](char c) {
        return letter(c) || c == '-' || c == '_' || c == '.' || c == '~' || c == '+' || c == '/' ||
               c == '=' || c == '*';
    };
    for (auto const& [begin, least] : marks) {
        for (auto at = text.find(begin); at != std::string::npos; at = text.find(begin, at + 1)) {
            auto const from = at + begin.size();
            auto const end = static_cast<std::size_t>(
                std::find_if_not(text.begin() + static_cast<std::ptrdiff_t>(from), text.end(),
                                 of_key) -
                text.begin());
            if (end - from >= least && (at == 0 || !letter(text[at - 1]))) {
                text.replace(from, end - from, redacted);
            }
        }
    }
}

/// Takes the members that hold keys by their name out of a JSON value, at most `depth` deep.
template <class Json>
void drop_secret_members(Json& value, int depth = 16) {
    constexpr std::array<std::string_view, 8> names{"api_key",
                                                    "apikey",
                                                    "api-key",
                                                    "x-api-key",
                                                    "authorization",
                                                    "access_token",
                                                    "aws_secret_access_key",
                                                    "password"};
    if (depth == 0 || !value.is_structured()) {
        return;
    }
    if (value.is_object()) {
        std::vector<std::string> found;
        for (auto const& [name, member] : value.items()) {
            auto lower = name;
            std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
                return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
            });
            if (std::find(names.begin(), names.end(), lower) != names.end()) {
                found.push_back(name);
            }
        }
        for (auto const& name : found) {
            value.erase(name);
        }
    }
    for (auto& member : value) {
        drop_secret_members(member, depth - 1);
    }
}

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CHAT_SECRETS_HPP
