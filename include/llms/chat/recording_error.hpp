// SPDX-License-Identifier: MIT
//
// What goes wrong with recordings of calls; see recording.hpp and replaying.hpp. None of it is a
// `provider_error`: no middleware takes it for a failure of a provider and asks again.
#ifndef LLMS_CHAT_RECORDING_ERROR_HPP
#define LLMS_CHAT_RECORDING_ERROR_HPP

#include <llms/error.hpp>

namespace llms::inline v0_1 {

/// A recording cannot be opened, written or read; the text names the file, and the line.
class recording_error : public error {
public:
    using error::error;
};

/// A request that is not in the recording, or not once more.
class unrecorded_request_error : public recording_error {
public:
    using recording_error::recording_error;
};

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_RECORDING_ERROR_HPP
