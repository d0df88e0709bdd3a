// SPDX-License-Identifier: MIT
//
// A line of a recording is refused with a reason or read, and what was read is written as a line
// that reads the same. Whatever bytes a stream gave out survive their recording.
#include "fuzz/demand.hpp"
#include <llms/chat/recording_error.hpp>
#include <llms/detail/chat_record.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>

namespace {

using fuzz::demand;
using reader = llms::detail::record_reader;
using writer = llms::detail::record_writer;

void check_line(std::string const& line) {
    llms::detail::recorded_call call;
    try {
        call = reader::call(line);
    } catch (llms::recording_error const&) {
        return;
    }
    auto const written = writer::line(call);
    demand(written.find('\n') == written.size() - 1);
    auto const again = reader::call(written);
    demand(writer::line(again) == written);
    demand(again.key == call.key && again.chunks.size() == call.chunks.size() &&
           again.whole.has_value() == call.whole.has_value() &&
           (!call.whole || *again.whole == *call.whole));
    for (std::size_t i = 0; i < call.chunks.size(); ++i) {
        demand(again.chunks[i].piece == call.chunks[i].piece &&
               again.chunks[i].pause == call.chunks[i].pause);
    }
}

} // namespace

extern "C" auto LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) -> int {
    std::string const input(reinterpret_cast<char const*>(bytes), size); // NOLINT
    check_line(input);
    check_line(R"({"llms":1,"request":"[]",)" + input);
    check_line(R"({"llms":1,"request":"[]","chunks":[)" + input);

    llms::detail::recorded_call call;
    call.key = "[]";
    call.chunks.push_back({{.text = input}, std::chrono::microseconds{5}});
    call.failure = {.type = "error", .what = input};
    auto const again = reader::call(writer::line(call));
    demand(again.chunks[0].piece.text == input && again.failure->what == input);
    return 0;
}
