// SPDX-License-Identifier: MIT
//
// The choices of a random maker, taken from a fuzzer's input.
#ifndef LLMS_TESTS_FUZZ_CHOICES_HPP
#define LLMS_TESTS_FUZZ_CHOICES_HPP

#include <cstddef>
#include <cstdint>
#include <span>

namespace fuzz {

/// Reads choices from the input, zeros behind its end.
class choices {
public:
    explicit choices(std::span<std::uint8_t const> bytes) : bytes_(bytes) {}

    auto below(std::size_t end) -> std::size_t {
        if (bytes_.empty()) {
            return 0;
        }
        auto const one = bytes_.front();
        bytes_ = bytes_.subspan(1);
        return one % end;
    }

private:
    std::span<std::uint8_t const> bytes_;
};

} // namespace fuzz

#endif // LLMS_TESTS_FUZZ_CHOICES_HPP
