// SPDX-License-Identifier: MIT
//
// The envelope that every value in a second tier travels in, so that a store which mixes up, truncates,
// corrupts or outlives its values serves nothing wrong. Integers are little-endian:
//
//     0 "LLMS"   4 format version   8 created, ms   16 expires, ms   24 payload bytes
//     32 SHA-256 of the key   64 first 8 bytes of the SHA-256 of bytes 0 to 63 and the payload
//     72 payload
//
// Times are milliseconds since 1970.
#ifndef LLMS_DETAIL_CACHE_ENVELOPE_HPP
#define LLMS_DETAIL_CACHE_ENVELOPE_HPP

#include <llms/detail/cache_sha256.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace llms::inline v0_1::detail {

struct cache_envelope {
    static constexpr std::uint32_t version = 1;
    static constexpr std::size_t header_bytes = 72;

    std::int64_t created_ms = 0;
    std::int64_t expires_ms = 0;
    std::string payload;

    /// The bytes that a store keeps for `key`.
    [[nodiscard]] static auto seal(std::string_view key, std::string_view payload,
                                   std::int64_t created_ms, std::int64_t expires_ms)
        -> std::string {
        std::string bytes = "LLMS";
        bytes.reserve(header_bytes + payload.size());
        put(bytes, version);
        put(bytes, static_cast<std::uint64_t>(created_ms));
        put(bytes, static_cast<std::uint64_t>(expires_ms));
        put(bytes, std::uint64_t{payload.size()});
        append(bytes, sha256_of(key), 32);
        append(bytes, checksum(bytes, payload), 8);
        bytes += payload;
        return bytes;
    }

    /// Takes the bytes that a store has kept for `key` apart; nothing if they are not exactly that.
    [[nodiscard]] static auto open(std::string_view key, std::string bytes)
        -> std::optional<cache_envelope> {
        auto const view = std::string_view(bytes);
        if (view.size() < header_bytes || !view.starts_with("LLMS") ||
            number<std::uint32_t>(view.substr(4)) != version ||
            number<std::uint64_t>(view.substr(24)) != view.size() - header_bytes ||
            !holds(view.substr(32), sha256_of(key), 32) ||
            !holds(view.substr(64), checksum(view.substr(0, 64), view.substr(header_bytes)), 8)) {
            return std::nullopt;
        }
        cache_envelope opened{static_cast<std::int64_t>(number<std::uint64_t>(view.substr(8))),
                              static_cast<std::int64_t>(number<std::uint64_t>(view.substr(16))),
                              {}};
        bytes.erase(0, header_bytes);
        opened.payload = std::move(bytes);
        return opened;
    }

private:
    template <class Integer>
    static void put(std::string& bytes, Integer value) {
        for (std::size_t i = 0; i < sizeof value; ++i) {
            bytes += static_cast<char>(value >> (8 * i) & 0xFFU);
        }
    }

    template <class Integer>
    static auto number(std::string_view bytes) -> Integer {
        Integer value = 0;
        for (std::size_t i = 0; i < sizeof value; ++i) {
            value |= static_cast<Integer>(Integer{static_cast<unsigned char>(bytes[i])} << (8 * i));
        }
        return value;
    }

    static void append(std::string& bytes, sha256_digest const& digest, std::size_t size) {
        for (std::size_t i = 0; i < size; ++i) {
            bytes += static_cast<char>(digest[i]);
        }
    }

    static auto holds(std::string_view bytes, sha256_digest const& digest, std::size_t size)
        -> bool {
        return std::memcmp(bytes.data(), digest.data(), size) == 0;
    }

    static auto checksum(std::string_view header, std::string_view payload) -> sha256_digest {
        sha256 hash;
        hash.update(header);
        hash.update(payload);
        return hash.finish();
    }
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CACHE_ENVELOPE_HPP
