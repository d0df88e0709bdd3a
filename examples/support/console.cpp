// SPDX-License-Identifier: MIT
#include "support/console.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#ifdef _WIN32
#    include <io.h>
#else
#    include <unistd.h>
#endif

namespace support {

namespace {

auto on_terminal() -> bool {
#ifdef _WIN32
    return _isatty(_fileno(stdout)) != 0;
#else
    return isatty(STDOUT_FILENO) != 0;
#endif
}

} // namespace

auto pretty(double number) -> std::string {
    std::array<char, 64> text{};
    static_cast<void>(std::snprintf(text.data(), text.size(), "%.1f", number));
    return text.data();
}

auto pretty(std::chrono::nanoseconds time) -> std::string {
    auto const ns = static_cast<double>(time.count());
    if (ns < 1e3) {
        return pretty(ns) + " ns";
    }
    if (ns < 1e6) {
        return pretty(ns / 1e3) + " us";
    }
    return ns < 1e9 ? pretty(ns / 1e6) + " ms" : pretty(ns / 1e9) + " s";
}

auto environment(char const* name, std::string fallback) -> std::string {
    auto const* const value = std::getenv(name); // NOLINT(concurrency-mt-unsafe): before any thread
    return value == nullptr || *value == '\0' ? std::move(fallback) : std::string(value);
}

console::console() : colour_(on_terminal() && environment("NO_COLOR", "").empty()) {}

auto console::coloured(std::string_view code, std::string_view text) const -> std::string {
    std::string result;
    if (colour_) {
        result += "\x1b[";
        result += code;
        result += 'm';
    }
    result += text;
    if (colour_) {
        result += "\x1b[0m";
    }
    return result;
}

void console::heading(std::string_view text) {
    std::cout << '\n'
              << coloured("1;36", std::to_string(++step_) + ". " + std::string(text)) << '\n';
}

void console::say(std::string_view text) {
    std::cout << "   " << text << '\n';
}

void console::piece(std::string_view text) {
    std::cout << text << std::flush;
}

void console::claim(bool holds, std::string_view text) {
    failed_ += holds ? 0 : 1;
    std::cout << "   " << (holds ? coloured("32", "[ok]  ") : coloured("1;31", "[FAIL]")) << ' '
              << text << std::endl;
}

} // namespace support
