// SPDX-License-Identifier: MIT
//
// A pattern up to the first line feed, a subject behind it. Whatever they are, nothing crashes, hangs or
// throws but what is promised, and the trivial forms give the answer of the automaton. The subject goes
// through the formats too.
#include <llms/schema/format.hpp>
#include <llms/schema/pattern.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string_view>

namespace {

/// The answer of `compile()`'s program, if there is a program and it could tell.
template <class Compile>
auto answer(Compile compile, std::string_view subject) -> std::optional<bool> {
    try {
        return compile().search(subject);
    } catch (llms::pattern_error const&) {
    } catch (llms::pattern_limit_error const&) {}
    return std::nullopt;
}

} // namespace

extern "C" auto LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) -> int {
    std::string_view const input{reinterpret_cast<char const*>(bytes), size};
    std::size_t const line = input.find('\n');
    std::string_view const text = input.substr(0, line);
    std::string_view const subject = input.substr(line == std::string_view::npos ? size : line + 1);

    auto const by_pattern = answer([&] { return llms::pattern::compile(text); }, subject);
    auto const by_automaton = answer([&] { return llms::linear_regex::compile(text); }, subject);
    if (by_automaton && by_pattern != by_automaton) {
        std::abort();
    }
    if (by_pattern && !llms::format::regex(text)) {
        std::abort();
    }
    for (auto const* const name :
         {"date", "date-time", "duration", "email", "hostname", "idn-email", "idn-hostname", "ipv4",
          "ipv6", "iri", "iri-reference", "json-pointer", "relative-json-pointer", "time", "uri",
          "uri-reference", "uri-template", "uuid"}) {
        static_cast<void>(llms::find_format(name)(subject));
    }
    // What the narrower format accepts, the wider one does.
    if ((llms::format::uri(subject) && !llms::format::iri_reference(subject)) ||
        (llms::format::hostname(subject) && subject.find("--") == std::string_view::npos &&
         !llms::format::idn_hostname(subject)) ||
        (llms::format::email(subject) && subject.find("--") == std::string_view::npos &&
         !llms::format::idn_email(subject))) {
        std::abort();
    }
    return 0;
}
