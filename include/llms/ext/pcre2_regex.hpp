// SPDX-License-Identifier: MIT
//
// Patterns by PCRE2 with its just-in-time compiler: the whole of ECMA-262, back-references and
// lookarounds included, but for lookbehinds of variable length.
//
//     llms::regex_cache cache{llms::pcre2_regex{}};
//     auto twice = cache.get(R"(^(\w+) \1$)");
//     twice.search("so so");                                         // true
//
// A backtracking engine needs limits. When one is hit, or the stack of the compiled code is used
// up, the interpreter of PCRE2 goes on, then `linear_regex`; only if that cannot run the pattern is
// a `pattern_limit_error` thrown. A limit is never taken for "no match".
//
// Threads: programs are immutable; the working memory is one block per thread. Needs libpcre2-8.
#ifndef LLMS_EXT_PCRE2_REGEX_HPP
#define LLMS_EXT_PCRE2_REGEX_HPP

#include <llms/detail/regex_print.hpp>
#include <llms/detail/regex_syntax.hpp>
#include <llms/schema/linear_regex.hpp>
#include <llms/schema/pattern_error.hpp>

#ifndef PCRE2_CODE_UNIT_WIDTH
#    define PCRE2_CODE_UNIT_WIDTH 8 // NOLINT(readability-identifier-naming)
#endif
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace llms::inline v0_1 {

namespace detail {

struct pcre2_dialect {
    static constexpr bool looks_ahead = true;
    static constexpr bool looks_behind = true;
    static constexpr bool refers_back = true;
    static void character(std::string& out, char32_t c) { put_hex_character(out, c); }
    static auto end() -> std::string_view { return "\\z"; }
    static auto back_reference(std::uint32_t number) -> std::string {
        return "\\g{" + std::to_string(number) + "}";
    }
    static void property(std::string& out, regex_tree const& /*tree*/, regex_node const& /*node*/,
                         regex_property const& property) {
        if (property.categories != 0) {
            put_categories(out, property);
        } else if (property.name == "ASCII") {
            out += property.negated ? "\\x{80}-\\x{10ffff}" : "\\x{0}-\\x{7f}";
        } else {
            out += (property.negated ? "\\P{" : "\\p{") + property.name + "}";
        }
    }
};

// A deleter for each handle of PCRE2, by its free function.
template <auto Free>
struct pcre2_free {
    template <class T>
    void operator()(T* handle) const noexcept {
        Free(handle);
    }
};
template <class T, auto Free>
using pcre2_handle = std::unique_ptr<T, pcre2_free<Free>>;

using pcre2_code_handle = pcre2_handle<pcre2_code_8, pcre2_code_free_8>;

/// What a thread needs to match, made when it matches first.
struct pcre2_workspace {
    pcre2_handle<pcre2_match_context_8, pcre2_match_context_free_8> context{
        pcre2_match_context_create_8(nullptr)};
    // No match is asked where it is: one pair of offsets will do.
    pcre2_handle<pcre2_match_data_8, pcre2_match_data_free_8> data{
        pcre2_match_data_create_8(1, nullptr)};
    pcre2_handle<pcre2_jit_stack_8, pcre2_jit_stack_free_8> stack;
    std::size_t stack_bytes = 0;

    static auto of_this_thread() -> pcre2_workspace& {
        static thread_local pcre2_workspace workspace;
        return workspace;
    }
};

} // namespace detail

/// A `regex_engine`. Its members bound each search.
struct pcre2_regex {
    /// Turns of the matcher before PCRE2 gives up.
    std::uint32_t match_limit = 1'000'000;
    /// Heap that the interpreter may use for its backtracking points.
    std::size_t heap_limit_bytes = std::size_t{32} << 20U;
    /// Stack of compiled code, one a thread; it is mapped as it grows.
    std::size_t jit_stack_bytes = std::size_t{1} << 20U;
    /// Whether to make machine code; it takes about ten microseconds a pattern.
    bool jit = true;

    class program;

    /// Throws `pattern_error`.
    [[nodiscard]] auto compile(std::string_view text) const -> program;
};

class pcre2_regex::program {
public:
    /// Throws `pattern_limit_error` when a limit was hit and `linear_regex` cannot take over.
    [[nodiscard]] auto search(std::string_view subject) const -> bool {
        auto& workspace = prepared_workspace();
        int found = PCRE2_ERROR_JIT_STACKLIMIT;
        auto const* const begin = reinterpret_cast<PCRE2_SPTR8>( // NOLINT(*-reinterpret-cast)
            subject.data() == nullptr ? "" : subject.data());
        if (is_jit_) {
            found = pcre2_jit_match_8(code_.get(), begin, subject.size(), 0, 0,
                                      workspace.data.get(), workspace.context.get());
        }
        if (found == PCRE2_ERROR_JIT_STACKLIMIT) {
            found = pcre2_match_8(code_.get(), begin, subject.size(), 0, PCRE2_NO_JIT,
                                  workspace.data.get(), workspace.context.get());
        }
        if (found == PCRE2_ERROR_NOMATCH) {
            return false;
        }
        return found >= 0 || search_linearly(subject, found);
    }

    [[nodiscard]] auto is_jit() const noexcept -> bool { return is_jit_; }

    [[nodiscard]] auto memory_bytes() const noexcept -> std::size_t {
        std::size_t code = 0;
        std::size_t machine_code = 0;
        pcre2_pattern_info_8(code_.get(), PCRE2_INFO_SIZE, &code);
        pcre2_pattern_info_8(code_.get(), PCRE2_INFO_JITSIZE, &machine_code);
        return text_.capacity() + code + machine_code;
    }

private:
    friend struct pcre2_regex;

    program(std::string_view text, pcre2_regex const& limits, detail::pcre2_code_handle code)
        : text_(text),
          limits_(limits),
          code_(std::move(code)),
          is_jit_(limits.jit && pcre2_jit_compile_8(code_.get(), PCRE2_JIT_COMPLETE) == 0) {}

    [[nodiscard]] auto prepared_workspace() const -> detail::pcre2_workspace& {
        constexpr std::size_t first_stack_bytes = 32768;
        auto& workspace = detail::pcre2_workspace::of_this_thread();
        if (workspace.context == nullptr || workspace.data == nullptr) {
            throw pattern_limit_error(text_, "no memory to match");
        }
        if (is_jit_ && workspace.stack_bytes < limits_.jit_stack_bytes) {
            workspace.stack.reset(
                pcre2_jit_stack_create_8(std::min(first_stack_bytes, limits_.jit_stack_bytes),
                                         limits_.jit_stack_bytes, nullptr));
            // Without a stack (no memory) PCRE2 uses 32 KiB of the thread's own.
            workspace.stack_bytes = limits_.jit_stack_bytes;
            pcre2_jit_stack_assign_8(workspace.context.get(), nullptr, workspace.stack.get());
        }
        constexpr std::size_t kibibyte = 1024;
        pcre2_set_match_limit_8(workspace.context.get(), limits_.match_limit);
        pcre2_set_heap_limit_8(workspace.context.get(),
                               static_cast<std::uint32_t>(limits_.heap_limit_bytes / kibibyte));
        return workspace;
    }

    [[nodiscard]] auto search_linearly(std::string_view subject, int reason) const -> bool {
        std::optional<linear_regex::program> automaton;
        try {
            automaton = linear_regex::compile(text_);
        } catch (pattern_error const&) {
            throw pattern_limit_error(text_, message(reason));
        }
        return automaton->search(subject);
    }

    static auto message(int code) -> std::string {
        std::array<PCRE2_UCHAR8, 256> buffer{};
        pcre2_get_error_message_8(code, buffer.data(), buffer.size());
        return {buffer.begin(), std::find(buffer.begin(), buffer.end(), PCRE2_UCHAR8{0})};
    }

    std::string text_;
    pcre2_regex limits_;
    detail::pcre2_code_handle code_;
    bool is_jit_;
};

inline auto pcre2_regex::compile(std::string_view text) const -> program {
    auto const tree = detail::regex_parser::parse(text);
    auto const printed = detail::regex_printer<detail::pcre2_dialect, std::string>::print(tree);
    detail::pcre2_handle<pcre2_compile_context_8, pcre2_compile_context_free_8> const context{
        pcre2_compile_context_create_8(nullptr)};
    if (context != nullptr) {
        pcre2_set_compile_extra_options_8(context.get(), PCRE2_EXTRA_ALLOW_SURROGATE_ESCAPES);
    }
    constexpr std::uint32_t options =
        PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_MATCH_UNSET_BACKREF | PCRE2_NEVER_BACKSLASH_C;
    int error = 0;
    std::size_t offset = 0;
    detail::pcre2_code_handle code{
        pcre2_compile_8(reinterpret_cast<PCRE2_SPTR8>(printed.data()), // NOLINT(*-reinterpret-cast)
                        printed.size(), options, &error, &offset, context.get())};
    if (code == nullptr) {
        throw pattern_error(text, 0, "PCRE2: " + program::message(error));
    }
    return {text, *this, std::move(code)};
}

} // namespace llms::inline v0_1

#endif // LLMS_EXT_PCRE2_REGEX_HPP
