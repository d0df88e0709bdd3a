// SPDX-License-Identifier: MIT
//
// An exchange of `curl_transport` with a server on 127.0.0.1, over a connection that stays open: what
// timeouts, cancelling and the hand-over to a receiver add. The baseline is libcurl as its manual has
// it: one easy handle, used again and again. The server writes bytes it made before.
#include <benchmark/benchmark.h>

#if __has_include(<curl/curl.h>)
#    include "support/listener.hpp"
#    include <llms/chat/transport.hpp>
#    include <llms/ext/curl_transport.hpp>

#    include <curl/curl.h>
#    include <netinet/tcp.h>
#    include <sys/socket.h>
#    include <unistd.h>

#    include <array>
#    include <charconv>
#    include <cstddef>
#    include <cstdint>
#    include <string>
#    include <string_view>
#    include <thread>
#    include <utility>

namespace {

constexpr std::size_t tokens = 1000;

auto whole_answer() -> std::string {
    std::string const body(1024, 'a');
    return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
}

// A chunk an event, as providers send them.
auto streamed_answer() -> std::string {
    constexpr std::string_view event = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":"
                                       "\" token\"},\"finish_reason\":null}]}\n\n";
    std::array<char, 16> digits{};
    auto const end = std::to_chars(digits.data(), digits.data() + digits.size(), event.size(), 16);
    std::string answer = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                         "Transfer-Encoding: chunked\r\n\r\n";
    for (std::size_t n = 0; n < tokens; ++n) {
        answer.append(digits.data(), end.ptr).append("\r\n").append(event).append("\r\n");
    }
    return answer + "0\r\n\r\n";
}

/// Answers every POST with the same bytes; one connection at a time.
class server {
public:
    explicit server(std::string answer) : answer_(std::move(answer)) {}
    server(server const&) = delete;
    auto operator=(server const&) -> server& = delete;
    ~server() { listener_.shut(); } // its client has hung up

    [[nodiscard]] auto url() const -> std::string {
        return listener_.url() + "/v1/chat/completions";
    }

private:
    void serve() const {
        for (int peer = 0; (peer = listener_.accept()) >= 0; ::close(peer)) {
            int const on = 1;
            ::setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            for (std::string got; read_request(peer, got) && support::send_all(peer, answer_);) {}
        }
    }

    // The head and as much of a body as it says. libcurl writes "Content-Length".
    static auto read_request(int peer, std::string& got) -> bool {
        constexpr std::string_view field = "Content-Length: ";
        got.clear();
        for (std::array<char, 4096> piece{};;) {
            auto const n = ::recv(peer, piece.data(), piece.size(), 0);
            if (n <= 0) {
                return false;
            }
            got.append(piece.data(), static_cast<std::size_t>(n));
            auto const head = got.find("\r\n\r\n");
            auto const at = got.find(field);
            if (head != std::string::npos && at < head &&
                got.size() >= head + 4 + std::stoul(got.substr(at + field.size()))) {
                return true;
            }
        }
    }

    std::string answer_;
    support::listener listener_;
    std::jthread thread_{&server::serve, this}; // last: it uses the others
};

struct counting_receiver final : llms::http_receiver {
    std::size_t bytes = 0;
    int status = 0;

    auto on_head(llms::http_head const& head) -> bool override {
        status = head.status;
        return true;
    }
    auto on_body(std::string_view piece) -> bool override {
        bytes += piece.size();
        return true;
    }
};

class through_llms {
public:
    explicit through_llms(std::string const& url)
        : request_{.url = url,
                   .body = std::string(2048, 'q'),
                   .headers = {{"Content-Type", "application/json"},
                               {"Authorization", "Bearer sk-0123456789"}}} {}

    auto exchange() -> std::size_t {
        counting_receiver into;
        transport_.send(request_, into, {});
        return into.status == 200 ? into.bytes : 0;
    }

private:
    llms::curl_transport transport_;
    llms::http_request request_;
};

class by_hand {
public:
    explicit by_hand(std::string const& url) {
        headers_ = curl_slist_append(headers_, "Content-Type: application/json");
        headers_ = curl_slist_append(headers_, "Authorization: Bearer sk-0123456789");
        headers_ = curl_slist_append(headers_, "Expect:");
        curl_easy_setopt(easy_, CURLOPT_URL, url.c_str());
        curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers_);
        curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, body_.c_str());
        curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &by_hand::take);
        curl_easy_setopt(easy_, CURLOPT_WRITEDATA, &bytes_);
        curl_easy_setopt(easy_, CURLOPT_TIMEOUT, 60L);
    }
    by_hand(by_hand const&) = delete;
    auto operator=(by_hand const&) -> by_hand& = delete;
    ~by_hand() {
        curl_easy_cleanup(easy_);
        curl_slist_free_all(headers_);
    }

    auto exchange() -> std::size_t {
        bytes_ = 0;
        return curl_easy_perform(easy_) == CURLE_OK ? bytes_ : 0;
    }

private:
    static auto take(char* /*piece*/, std::size_t one, std::size_t n, void* bytes) -> std::size_t {
        *static_cast<std::size_t*>(bytes) += one * n;
        return one * n;
    }

    CURL* easy_ = curl_easy_init();
    curl_slist* headers_ = nullptr;
    std::string body_ = std::string(2048, 'q');
    std::size_t bytes_ = 0;
};

template <class Client>
void BM_curl_answer(benchmark::State& state) {
    server const at(whole_answer());
    Client client(at.url());
    for (auto _ : state) {
        if (client.exchange() != 1024) {
            state.SkipWithError("not the answer");
            break;
        }
    }
}

template <class Client>
void BM_curl_stream(benchmark::State& state) {
    server const at(streamed_answer());
    Client client(at.url());
    auto const whole = client.exchange();
    for (auto _ : state) {
        if (whole < tokens || client.exchange() != whole) {
            state.SkipWithError("not the answer");
            break;
        }
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(tokens) * state.iterations());
}

BENCHMARK_TEMPLATE(BM_curl_answer, through_llms)->Name("BM_curl_answer")->UseRealTime();
BENCHMARK_TEMPLATE(BM_curl_answer, by_hand)->Name("BM_curl_answer_baseline_easy")->UseRealTime();
BENCHMARK_TEMPLATE(BM_curl_stream, through_llms)->Name("BM_curl_stream")->UseRealTime();
BENCHMARK_TEMPLATE(BM_curl_stream, by_hand)->Name("BM_curl_stream_baseline_easy")->UseRealTime();

} // namespace

#endif
