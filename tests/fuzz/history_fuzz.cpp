// SPDX-License-Identifier: MIT
//
// A file of a history is refused with a reason, and the history is as before, or loaded, and what was
// loaded is written as a file that loads as the same. Damaged records are met behind sound checksums,
// too.
#include "fuzz/demand.hpp"
#include <llms/chat/message_manager.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>

namespace {

using fuzz::demand;
using llms::message;

auto saved(llms::message_manager const& talk) -> std::string {
    std::ostringstream out;
    talk.save(out);
    return out.str();
}

auto load(llms::message_manager& talk, std::string const& file) -> bool {
    std::istringstream in(file);
    try {
        talk.load(in, {.max_messages = 1000, .max_bytes = 1U << 16U});
        return true;
    } catch (llms::history_error const&) {
        demand(talk.size() == 1);
        return false;
    }
}

void check(std::string const& file) {
    llms::message_manager talk;
    talk.append(message::user("as it was"));
    if (load(talk, file)) {
        llms::message_manager again;
        again.append(message::user(""));
        demand(load(again, saved(talk)));
        auto const a = talk.snapshot();
        auto const b = again.snapshot();
        demand(std::equal(a.begin(), a.end(), b.begin(), b.end()) && a.tokens() == b.tokens());
    }
}

} // namespace

extern "C" auto LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) -> int {
    std::string const input(reinterpret_cast<char const*>(bytes), size); // NOLINT
    check(input);

    // The input as records, each after a byte that says how long it is, in a sound file.
    std::ostringstream out;
    llms::detail::cache_file_writer file(out, 0, "llmstalk");
    for (std::string_view left = input; left.size() > 1;) {
        auto const length = std::min<std::size_t>(static_cast<unsigned char>(left[0]) + 1U, // not 0
                                                  left.size() - 1);
        file.record(left.substr(1, length));
        left.remove_prefix(1 + length);
    }
    file.end();
    check(out.str());

    // Any text survives.
    llms::message_manager talk;
    talk.append({.content = {llms::text_part{input}}, .name = input});
    llms::message_manager again;
    again.append(message::user(""));
    if (load(again, saved(talk))) {
        demand(*again.snapshot().begin() == *talk.snapshot().begin());
    } else {
        demand(2 * size + 16 > 1U << 16U);
    }
    return 0;
}
