// SPDX-License-Identifier: MIT
//
// The error of a call, which must fail with a provider_error.
#ifndef LLMS_TESTS_SUPPORT_ERROR_OF_HPP
#define LLMS_TESTS_SUPPORT_ERROR_OF_HPP

#include <llms/chat/provider_error.hpp>

#include <stdexcept>

namespace support {

template <class Call>
[[nodiscard]] auto error_of(Call call) -> llms::provider_error {
    try {
        static_cast<void>(call());
    } catch (llms::provider_error const& e) {
        return e;
    }
    throw std::logic_error("the call did not fail");
}

} // namespace support

#endif // LLMS_TESTS_SUPPORT_ERROR_OF_HPP
