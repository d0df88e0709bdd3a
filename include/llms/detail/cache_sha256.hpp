// SPDX-License-Identifier: MIT
//
// SHA-256 as a stream: `sha256 hash; hash.update(bytes); auto digest = hash.finish();`
// Uses the processor's SHA instructions where it has them (0.7 ns a byte), else portable code (4
// ns).
//
// Source: NIST, FIPS 180-4, "Secure Hash Standard", section 6.2.
#ifndef LLMS_DETAIL_CACHE_SHA256_HPP
#define LLMS_DETAIL_CACHE_SHA256_HPP

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace llms::inline v0_1::detail {

using sha256_digest = std::array<unsigned char, 32>;

inline constexpr std::array<std::uint32_t, 64> sha256_constants{
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

using sha256_state = std::array<std::uint32_t, 8>;

/// Mixes `blocks` blocks of 64 bytes into the state.
inline void sha256_portable(sha256_state& state, char const* data, std::size_t blocks) noexcept {
    for (; blocks > 0; --blocks, data += 64) {
        std::array<std::uint32_t, 64> w; // NOLINT(cppcoreguidelines-pro-type-member-init)
        for (std::size_t t = 0; t < 16; ++t) {
            auto const byte = [&](std::size_t i) {
                return std::uint32_t{static_cast<unsigned char>(data[4 * t + i])};
            };
            w[t] = byte(0) << 24U | byte(1) << 16U | byte(2) << 8U | byte(3);
        }
        for (std::size_t t = 16; t < 64; ++t) {
            auto const s0 = std::rotr(w[t - 15], 7) ^ std::rotr(w[t - 15], 18) ^ (w[t - 15] >> 3U);
            auto const s1 = std::rotr(w[t - 2], 17) ^ std::rotr(w[t - 2], 19) ^ (w[t - 2] >> 10U);
            w[t] = w[t - 16] + s0 + w[t - 7] + s1;
        }
        auto [a, b, c, d, e, f, g, h] = state;
        for (std::size_t t = 0; t < 64; ++t) {
            auto const s1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
            auto const t1 = h + s1 + ((e & f) ^ (~e & g)) + sha256_constants[t] + w[t];
            auto const s0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
            auto const t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
            h = g;
            g = f;
            f = e;
            e = d + t1;
            d = c;
            c = b;
            b = a;
            a = t1 + t2;
        }
        sha256_state const mixed{a, b, c, d, e, f, g, h};
        for (std::size_t i = 0; i < state.size(); ++i) {
            state[i] += mixed[i];
        }
    }
}

// The intrinsics' header would cost every user 30,000 lines; the compiler's built-in functions and
// vector extensions say the same.
#if defined(__x86_64__) && defined(__GNUC__)

inline auto sha256_instructions() noexcept -> bool {
    static bool const supported = [] {
        std::uint32_t a = 0;
        std::uint32_t b = 0;
        std::uint32_t c = 0;
        std::uint32_t d = 0;
        __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
        if (a < 7) {
            return false; // no leaf of extended features
        }
        a = 7;
        c = 0;
        __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
        return (b >> 29U & 1U) != 0;
    }();
    return supported;
}

__attribute__((target("sha,sse4.1"))) inline void
sha256_accelerated(sha256_state& state, char const* data, std::size_t blocks) noexcept {
    using words = std::uint32_t __attribute__((vector_size(16)));
    using ints = int __attribute__((vector_size(16)));
    using bytes = char __attribute__((vector_size(16)));
    // The instructions want the eight words as (f, e, b, a) and (h, g, d, c), lowest lane first.
    auto abef = words{state[5], state[4], state[1], state[0]};
    auto cdgh = words{state[7], state[6], state[3], state[2]};
    for (; blocks > 0; --blocks, data += 64) {
        auto const abef_before = abef;
        auto const cdgh_before = cdgh;
        words w[4]; // the last 16 words of the message schedule, a ring
#    pragma GCC unroll 16
        for (unsigned group = 0; group < 16; ++group) {
            auto& current = w[group % 4];
            if (group < 4) {
                bytes raw;
                std::memcpy(&raw, data + std::size_t{16} * group, sizeof raw);
                current = reinterpret_cast<words>( // NOLINT
                    __builtin_shufflevector(raw, raw, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14,
                                            13, 12));
            } else {
                auto const& w4 = w[group % 4];
                auto const& w3 = w[(group - 3) % 4];
                auto const& w2 = w[(group - 2) % 4];
                auto const& w1 = w[(group - 1) % 4];
                auto const partial = (words)__builtin_ia32_sha256msg1((ints)w4, (ints)w3) +
                                     __builtin_shufflevector(w2, w1, 1, 2, 3, 4);
                current = (words)__builtin_ia32_sha256msg2((ints)partial, (ints)w1);
            }
            words constants;
            std::memcpy(&constants, sha256_constants.data() + std::size_t{4} * group,
                        sizeof constants);
            auto const sum = current + constants;
            cdgh = (words)__builtin_ia32_sha256rnds2((ints)cdgh, (ints)abef, (ints)sum);
            auto const high = __builtin_shufflevector(sum, sum, 2, 3, 2, 3);
            abef = (words)__builtin_ia32_sha256rnds2((ints)abef, (ints)cdgh, (ints)high);
        }
        abef += abef_before;
        cdgh += cdgh_before;
    }
    state = {abef[3], abef[2], cdgh[3], cdgh[2], abef[1], abef[0], cdgh[1], cdgh[0]};
}

#else

inline auto sha256_instructions() noexcept -> bool {
    return false;
}

inline void sha256_accelerated(sha256_state& state, char const* data, std::size_t blocks) noexcept {
    sha256_portable(state, data, blocks);
}

#endif

/// Hashes bytes given in pieces of any size; 2^61 of them at most.
class sha256 {
public:
    void update(std::string_view bytes) noexcept {
        total_ += bytes.size();
        if (used_ > 0) {
            auto const taken =
                bytes.size() < block_.size() - used_ ? bytes.size() : block_.size() - used_;
            std::memcpy(block_.data() + used_, bytes.data(), taken);
            used_ += taken;
            bytes.remove_prefix(taken);
            if (used_ < block_.size()) {
                return;
            }
            mix(block_.data(), 1);
            used_ = 0;
        }
        mix(bytes.data(), bytes.size() / block_.size());
        bytes.remove_prefix(bytes.size() / block_.size() * block_.size());
        if (!bytes.empty()) {
            std::memcpy(block_.data(), bytes.data(), bytes.size());
        }
        used_ = bytes.size();
    }

    /// Returns the digest; the object is as after construction.
    auto finish() noexcept -> sha256_digest {
        auto const bits = std::uint64_t{total_} * 8;
        std::array<char, 72> padding{'\x80'};
        auto const zeros = (block_.size() + 55 - used_) % block_.size();
        for (std::size_t i = 0; i < 8; ++i) {
            padding[1 + zeros + i] = static_cast<char>(bits >> (56 - 8 * i));
        }
        update({padding.data(), 1 + zeros + 8});
        sha256_digest digest{};
        for (std::size_t i = 0; i < digest.size(); ++i) {
            digest[i] = static_cast<unsigned char>(state_[i / 4] >> (24 - 8 * (i % 4)));
        }
        *this = {};
        return digest;
    }

private:
    void mix(char const* data, std::size_t blocks) noexcept {
        if (blocks > 0) {
            (sha256_instructions() ? sha256_accelerated : sha256_portable)(state_, data, blocks);
        }
    }

    sha256_state state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    std::array<char, 64> block_{}; // the first used_ bytes wait for the rest of their block
    std::size_t used_ = 0;
    std::uint64_t total_ = 0;
};

/// The digest of bytes that lie in one piece.
inline auto sha256_of(std::string_view bytes) noexcept -> sha256_digest {
    sha256 hash;
    hash.update(bytes);
    return hash.finish();
}

/// 64 lower-case hexadecimal digits.
inline auto sha256_hex(sha256_digest const& digest) -> std::string {
    std::string text;
    text.reserve(2 * digest.size());
    for (auto const byte : digest) {
        text += "0123456789abcdef"[byte >> 4U];
        text += "0123456789abcdef"[byte & 15U];
    }
    return text;
}

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CACHE_SHA256_HPP
