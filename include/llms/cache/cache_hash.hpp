// SPDX-License-Identifier: MIT
//
// The default hash of `llms::cache`: fast, and seeded with a secret of the process, so that nobody
// outside can choose keys that collide (HashDoS). Values differ from run to run; never store them.
//
//     llms::cache_hash<std::string> hash;
//     hash("text") == hash(std::string_view{"text"}); // transparent for text
//
// Text is hashed here (64 bytes: 2 ns, or 8 for who waits for the result); other keys by `std::hash`,
// whose result is stirred with the secret. Thread safety: immutable.
#ifndef LLMS_CACHE_CACHE_HASH_HPP
#define LLMS_CACHE_CACHE_HASH_HPP

#include <llms/detail/cache_mix.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace llms::inline v0_1 {

/// Hashes a `Key` with the process's secret; `Key` must have a `std::hash`.
template <typename Key>
class cache_hash {
public:
    [[nodiscard]] auto operator()(Key const& key) const noexcept(noexcept(std::hash<Key>{}(key)))
        -> std::size_t {
        return std::hash<Key>{}(key);
    }
};

/// Text, in any form that a `std::string_view` can be made of.
template <>
class cache_hash<std::string> {
public:
    using is_transparent = void;
    using is_avalanching = void;

    [[nodiscard]] auto operator()(std::string_view text) const noexcept -> std::size_t {
        return detail::cache_hash_bytes(text.data(), text.size(), secret_);
    }

private:
    detail::cache_secret secret_ = detail::cache_process_secret();
};

} // namespace llms::inline v0_1

#endif // LLMS_CACHE_CACHE_HASH_HPP
