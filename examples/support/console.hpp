// SPDX-License-Identifier: MIT
//
// What the example programs print with: headings, notes and claims, in colour on a terminal unless
// NO_COLOR is set, plain when piped. A program ends with the number of claims that failed.
#ifndef LLMS_EXAMPLES_SUPPORT_CONSOLE_HPP
#define LLMS_EXAMPLES_SUPPORT_CONSOLE_HPP

#include <chrono>
#include <string>
#include <string_view>

namespace support {

/// "1.3 ms", "42 us", "2.0 s"
[[nodiscard]] auto pretty(std::chrono::nanoseconds time) -> std::string;

/// "12.3": a number with one digit after the point
[[nodiscard]] auto pretty(double number) -> std::string;

/// A variable of the environment; an empty one counts as unset.
[[nodiscard]] auto environment(char const* name, std::string fallback) -> std::string;

/// Prints to standard output. One thread at a time.
class console {
public:
    console();

    void heading(std::string_view text);
    void say(std::string_view text);
    /// Prints a piece of a line at once, as it comes.
    void piece(std::string_view text);
    /// Prints what was shown, with a mark for whether it is so; one that is not fails the program.
    void claim(bool holds, std::string_view text);

    /// 0 if every claim held, else 1, for main to return.
    [[nodiscard]] auto exit_code() const noexcept -> int { return failed_ == 0 ? 0 : 1; }

private:
    [[nodiscard]] auto coloured(std::string_view code, std::string_view text) const -> std::string;

    bool colour_;
    int failed_ = 0;
    int step_ = 0;
};

} // namespace support

#endif // LLMS_EXAMPLES_SUPPORT_CONSOLE_HPP
