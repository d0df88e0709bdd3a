// SPDX-License-Identifier: MIT
//
// What a stream holds while it is open: 200 of them against a server in a process of its own, each with
// 300 tokens of which one has been read. Prints the growth of this process's resident memory, libcurl
// and the threads' stacks included, and fails above 128 KiB a stream, or if it grows with what is read.
#include "support/loopback_server.hpp"
#include "support/process.hpp"
#include <llms/chat/openai.hpp>
#include <llms/ext/curl_transport.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstddef>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

namespace {

constexpr std::size_t streams = 200;
constexpr std::size_t tokens = 300;
constexpr std::size_t most_kib = 128;

// Runs until it is killed; its address goes into `out`.
[[noreturn]] void serve(int out) {
    support::loopback_server server(streams + 8);
    server.answer_with([](nlohmann::json const& /*ask*/) {
        return support::reply{.tokens = std::vector<std::string>(tokens, "word ")};
    });
    auto const url = server.base_url();
    if (::write(out, url.data(), url.size()) != static_cast<::ssize_t>(url.size())) {
        ::_exit(1);
    }
    for (;;) {
        ::pause();
    }
}

auto measure(std::string url) -> bool {
    llms::openai_client client{llms::curl_transport{}, {.base_url = std::move(url)}};
    llms::request const ask{.model = "m", .messages = {llms::message::user("hi")}};
    static_cast<void>(client.stream(ask).finish()); // what is made once
    auto const before = support::resident_kib();
    std::vector<llms::response_stream> open;
    for (std::size_t i = 0; i < streams; ++i) {
        open.push_back(client.stream(ask));
        if (open.back().next() ==
            nullptr) { // one after the other: cpp-httplib queues 5 connections
            return false;
        }
    }
    auto const during = support::resident_kib();
    std::size_t read = streams;
    for (auto& stream : open) {
        while (auto const* const piece = stream.next()) {
            read += piece->kind == llms::chunk_kind::text ? 1 : 0;
        }
    }
    auto const after = support::resident_kib();
    auto const each = (during - before) / streams;
    std::cout << streams << " open streams: " << each << " KiB each; " << before << " KiB before, "
              << during << " while they are open, " << after << " after " << read << " tokens\n";
    return read == streams * tokens && each < most_kib && after < before + streams * most_kib;
}

} // namespace

int main() {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) {
        return 1;
    }
    auto const server = ::fork();
    if (server == 0) {
        serve(ends[1]);
    }
    std::string url(100, '\0');
    auto const length = ::read(ends[0], url.data(), url.size());
    url.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
    bool const good = !url.empty() && measure(url);
    ::kill(server, SIGKILL);
    ::waitpid(server, nullptr, 0);
    return good ? 0 : 1;
}
