// SPDX-License-Identifier: MIT
//
// A redis-server of the test's own on a loopback port, to be frozen and killed.
#ifndef LLMS_TESTS_SUPPORT_REDIS_SERVER_HPP
#define LLMS_TESTS_SUPPORT_REDIS_SERVER_HPP

#include <arpa/inet.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

extern char** environ; // NOLINT(readability-redundant-declaration)

namespace support {

class redis_server {
public:
    /// With options of the server's own beside the usual ones.
    explicit redis_server(std::vector<std::string> options = {})
        : options_(std::move(options)),
          port_(free_port()) {
        start();
    }
    redis_server(redis_server const&) = delete;
    auto operator=(redis_server const&) -> redis_server& = delete;
    ~redis_server() { kill(); }

    [[nodiscard]] auto port() const -> int { return port_; }

    /// False if there is no redis-server on this machine: nothing can be tested.
    [[nodiscard]] static auto installed() -> bool {
        pid_t version = 0;
        if (!spawn({"redis-server", "--version"}, version)) {
            return false;
        }
        int status = 0;
        ::waitpid(version, &status, 0);
        return WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }

    /// Starts it on its port and waits until it accepts connections; it is empty then.
    void start() {
        auto const port = std::to_string(port_);
        std::vector<std::string> words{"redis-server", "--port",     port,     "--bind",
                                       "127.0.0.1",    "--save",     "",       "--appendonly",
                                       "no",           "--loglevel", "warning"};
        words.insert(words.end(), options_.begin(), options_.end());
        if (!spawn(std::move(words), pid_)) {
            throw std::runtime_error("cannot start redis-server");
        }
        while (!accepts()) {
            if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
                pid_ = 0;
                throw std::runtime_error("redis-server ended at once");
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
    }

    void kill() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(std::exchange(pid_, 0), nullptr, 0);
        }
    }

    void freeze() const { ::kill(pid_, SIGSTOP); }
    void thaw() const { ::kill(pid_, SIGCONT); }

private:
    static auto spawn(std::vector<std::string> words, pid_t& pid) -> bool {
        std::vector<char*> arguments;
        for (auto& word : words) {
            arguments.push_back(word.data());
        }
        arguments.push_back(nullptr);
        ::posix_spawn_file_actions_t quiet;
        ::posix_spawn_file_actions_init(&quiet);
        ::posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", 1, 0);
        auto const result =
            ::posix_spawnp(&pid, arguments[0], &quiet, nullptr, arguments.data(), environ);
        ::posix_spawn_file_actions_destroy(&quiet);
        return result == 0;
    }

    static auto address(int port) -> ::sockaddr_in {
        ::sockaddr_in result{};
        result.sin_family = AF_INET;
        result.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        result.sin_port = htons(static_cast<std::uint16_t>(port));
        return result;
    }

    static auto free_port() -> int {
        auto const socket = ::socket(AF_INET, SOCK_STREAM, 0);
        auto any = address(0);
        ::socklen_t size = sizeof any;
        auto* const where = reinterpret_cast<::sockaddr*>(&any); // NOLINT(*-reinterpret-cast)
        if (::bind(socket, where, size) != 0 || ::getsockname(socket, where, &size) != 0) {
            throw std::runtime_error("no free port");
        }
        ::close(socket);
        return ntohs(any.sin_port);
    }

    [[nodiscard]] auto accepts() const -> bool {
        auto const socket = ::socket(AF_INET, SOCK_STREAM, 0);
        auto const there = address(port_);
        auto const connected =
            ::connect(socket, reinterpret_cast<::sockaddr const*>(&there), // NOLINT
                      sizeof there) == 0;
        ::close(socket);
        return connected;
    }

    std::vector<std::string> options_;
    int port_;
    pid_t pid_ = 0;
};

} // namespace support

#endif // LLMS_TESTS_SUPPORT_REDIS_SERVER_HPP
