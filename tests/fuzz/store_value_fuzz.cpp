// SPDX-License-Identifier: MIT
//
// What a store hands back is opened only if it is, byte for byte, what was sealed for that very key.
#include "fuzz/demand.hpp"
#include <llms/detail/cache_envelope.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

using fuzz::demand;

extern "C" auto LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) -> int {
    using envelope = llms::detail::cache_envelope;
    std::string const input(reinterpret_cast<char const*>(bytes), size); // NOLINT

    // Hostile bytes, as they are and behind a sound beginning.
    auto const sound = envelope::seal("key", "payload", 1, 2);
    for (auto const& given : {input, sound.substr(0, envelope::header_bytes) + input}) {
        if (auto const opened = envelope::open("key", given)) {
            demand(given ==
                   envelope::seal("key", opened->payload, opened->created_ms, opened->expires_ms));
        }
    }

    // Any payload survives, but not one changed bit, nor another key.
    auto sealed = envelope::seal("key", input, -1, 1LL << 62);
    auto const opened = envelope::open("key", sealed);
    demand(opened && opened->payload == input && opened->created_ms == -1 &&
           opened->expires_ms == 1LL << 62);
    demand(!envelope::open("other", sealed));
    demand(!envelope::open("key", sealed + '\0'));
    auto const at = (size > 0 ? bytes[0] * std::size_t{257} : 0) % sealed.size();
    demand(!envelope::open("key", sealed.substr(0, at)));
    sealed[at] = static_cast<char>(sealed[at] ^ (1 << at % 8));
    demand(!envelope::open("key", sealed));
    return 0;
}
