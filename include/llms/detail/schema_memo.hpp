// SPDX-License-Identifier: MIT
//
// Remembers which subschema holds for which value within one validation, in a table of fixed size
// where a later answer replaces an earlier one in the same slot. The value visited last is there
// when it is visited again, which is what keeps nested unions from being exponential.
#ifndef LLMS_DETAIL_SCHEMA_MEMO_HPP
#define LLMS_DETAIL_SCHEMA_MEMO_HPP

#include <llms/version.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace llms::inline v0_1::detail::schema_engine {

class memo {
public:
    enum class answer : unsigned char { unknown, invalid, valid };

    [[nodiscard]] auto find(void const* schema, void const* value) const noexcept -> answer {
        auto const& held = slots_[home(schema, value)];
        return held.schema == schema && held.value == value ? held.known : answer::unknown;
    }

    void remember(void const* schema, void const* value, bool valid) noexcept {
        slots_[home(schema, value)] = {schema, value, valid ? answer::valid : answer::invalid};
    }

private:
    struct slot {
        void const* schema = nullptr;
        void const* value = nullptr;
        answer known = answer::unknown;
    };

    static constexpr unsigned size_log2 = 16;

    static auto home(void const* schema, void const* value) noexcept -> std::size_t {
        auto const one = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(schema));
        auto const other = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(value));
        auto const mixed = (one * 0x9E3779B97F4A7C15U) ^ (other * 0xC2B2AE3D27D4EB4FU);
        return static_cast<std::size_t>((mixed * 0x9E3779B97F4A7C15U) >> (64U - size_log2));
    }

    std::vector<slot> slots_ = std::vector<slot>(std::size_t{1} << size_log2);
};

} // namespace llms::inline v0_1::detail::schema_engine

#endif // LLMS_DETAIL_SCHEMA_MEMO_HPP
