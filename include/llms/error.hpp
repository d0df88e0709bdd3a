// SPDX-License-Identifier: MIT
//
// What llms throws. Absence (a miss, a closed channel, a time-out of a wait) and bad data (an answer
// that does not fit its schema) are return values; only misconfiguration and calls that cannot give
// their result throw, and everything thrown on purpose derives from `llms::error`. The rooms add
// their own subclasses (`schema_error`, `pattern_error`, `provider_error` ...) beside what throws
// them.
//
//     try { ... } catch (llms::error const& e) { std::cerr << e.what() << '\n'; }
#ifndef LLMS_ERROR_HPP
#define LLMS_ERROR_HPP

#include <stdexcept>

namespace llms::inline v0_1 {

/// Base of every exception that llms throws on purpose. `what()` says what is wrong and where.
class error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// A call was given up because its `std::stop_token` was stopped.
class cancelled_error : public error {
public:
    using error::error;
};

/// A call did not end by its deadline.
class timeout_error : public error {
public:
    using error::error;
};

} // namespace llms::inline v0_1

#endif // LLMS_ERROR_HPP
