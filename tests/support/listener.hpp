// SPDX-License-Identifier: MIT
//
// A port of 127.0.0.1 to speak bytes on that no real server would send.
#ifndef LLMS_TESTS_SUPPORT_LISTENER_HPP
#define LLMS_TESTS_SUPPORT_LISTENER_HPP

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace support {

/// A free port that this process listens on.
class listener {
public:
    listener() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
        ::sockaddr_in any{};
        any.sin_family = AF_INET;
        any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ::socklen_t size = sizeof any;
        auto* const where = reinterpret_cast<::sockaddr*>(&any); // NOLINT(*-reinterpret-cast)
        if (::bind(socket_, where, size) != 0 || ::listen(socket_, 4) != 0 ||
            ::getsockname(socket_, where, &size) != 0) {
            ::close(socket_);
            throw std::runtime_error("cannot listen on 127.0.0.1");
        }
        port_ = ntohs(any.sin_port);
    }
    listener(listener const&) = delete;
    auto operator=(listener const&) -> listener& = delete;
    ~listener() { ::close(socket_); }

    [[nodiscard]] auto port() const -> int { return port_; }
    [[nodiscard]] auto url() const -> std::string {
        return "http://127.0.0.1:" + std::to_string(port_);
    }

    /// The next connection, to be closed by the caller; negative once this is shut.
    [[nodiscard]] auto accept() const -> int { return ::accept(socket_, nullptr, nullptr); }
    /// Ends `accept`.
    void shut() const { ::shutdown(socket_, SHUT_RDWR); }

private:
    int socket_;
    int port_ = 0;
};

/// Sends all of `bytes`; false if the peer has gone.
inline auto send_all(int peer, std::string_view bytes) -> bool {
    while (!bytes.empty()) {
        auto const sent = ::send(peer, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

/// Sends the same bytes to whoever says something; a connection at a time, each until the peer
/// closes it.
class parrot {
public:
    explicit parrot(std::string answer) : answer_(std::move(answer)) {}
    parrot(parrot const&) = delete;
    auto operator=(parrot const&) -> parrot& = delete;
    ~parrot() { listener_.shut(); }

    [[nodiscard]] auto port() const -> int { return listener_.port(); }
    [[nodiscard]] auto url() const -> std::string { return listener_.url(); }

private:
    void serve() const {
        for (int peer = 0; (peer = listener_.accept()) >= 0; ::close(peer)) {
            std::array<char, 1024> heard{};
            if (::recv(peer, heard.data(), heard.size(), 0) > 0 && send_all(peer, answer_)) {
                while (::recv(peer, heard.data(), heard.size(), 0) > 0) {}
            }
        }
    }

    std::string answer_;
    listener listener_;
    std::jthread thread_{&parrot::serve, this}; // last: it uses the others
};

} // namespace support

#endif // LLMS_TESTS_SUPPORT_LISTENER_HPP
