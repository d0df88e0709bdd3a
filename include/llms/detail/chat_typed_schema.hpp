// SPDX-License-Identifier: MIT
//
// How a schema that comes from a C++ type is compiled for checking what a model wrote.
#ifndef LLMS_DETAIL_CHAT_TYPED_SCHEMA_HPP
#define LLMS_DETAIL_CHAT_TYPED_SCHEMA_HPP

#include <llms/detail/reflect_time.hpp>
#include <llms/schema/compile_options.hpp>
#include <llms/schema/format.hpp>

#include <string_view>

namespace llms::inline v0_1::detail {

/// Formats count, as the type means them. Reflection reads and writes durations with a sign and with
/// fractions of seconds, which JSON Schema's format does not have.
inline auto typed_compile_options() -> compile_options {
    return {.formats_asserted = true, .formats = {{"duration", [](std::string_view text) {
                                                       return format::duration(text) ||
                                                              parse_duration(text);
                                                   }}}};
}

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CHAT_TYPED_SCHEMA_HPP
