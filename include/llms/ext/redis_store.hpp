// SPDX-License-Identifier: MIT
//
// `redis_store`: a second tier in a Redis or Valkey server, shared by many machines. Link `llms::redis`
// (hiredis 0.14 or later); use it through `guarded_store`.
//
//     auto server = std::make_shared<llms::redis_store>(llms::redis_store_options{
//         .host = "10.0.0.5", .key_prefix = "myapp:"});
//     llms::guarded_store tier{server};
//     auto found = tier.get_or_lease(key); // one call for all machines: see guarded_store
//
// Connecting and every command have timeouts, whatever the caller's deadline; both hold for the whole
// of it, not for each packet. A broken connection is replaced; one that broke while idle costs no
// error. Memory is the server's to bound (`maxmemory`, `maxmemory-policy allkeys-lru`).
//
// Thread safety: all of it. Cost: a round trip. Not here: TLS (use a local tunnel), cluster redirects.
// The look-up of a host's name is the system's, and has the system's time-out; prefer addresses.
#ifndef LLMS_EXT_REDIS_STORE_HPP
#define LLMS_EXT_REDIS_STORE_HPP

#include <llms/cache/store.hpp>
#include <llms/detail/ext_connections.hpp>

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace llms::inline v0_1 {

struct redis_store_options {
    std::string host = "127.0.0.1";
    int port = 6379;
    std::string unix_socket = {}; ///< a path, used instead of host and port
    std::string user = {};
    std::string password = {};
    int database = 0;
    std::string key_prefix = "llms:"; ///< of every key that is read or written
    std::chrono::milliseconds connect_timeout{50};
    std::chrono::milliseconds command_timeout{100};
    std::size_t max_connections = 8;                      ///< calls at one time; others wait
    std::size_t max_reply_bytes = std::size_t{64} << 20U; ///< a longer reply is a failure
};

/// See the head of this file.
class redis_store {
public:
    /// Connects when it is first used.
    explicit redis_store(redis_store_options options = {})
        : options_(std::move(options)),
          connections_(options_.max_connections) {}

    redis_store(redis_store const&) = delete;
    auto operator=(redis_store const&) -> redis_store& = delete;
    /// \pre No call is under way.
    ~redis_store() = default;

    [[nodiscard]] auto get(std::string_view key, store_deadline deadline)
        -> std::optional<std::string> {
        auto const answer = call(deadline, {"GET", value_key(key)});
        if (answer->type == REDIS_REPLY_NIL) {
            return std::nullopt;
        }
        return std::string(text(*answer));
    }

    void put(std::string_view key, std::string_view value, std::chrono::milliseconds ttl,
             store_deadline deadline) {
        call(deadline, {"SET", value_key(key), value, "PX", time(ttl)});
    }

    void erase(std::string_view key, store_deadline deadline) {
        call(deadline, {"DEL", value_key(key)});
    }

    /// See `leasing_store`.
    [[nodiscard]] auto try_lease(std::string_view key, std::string_view token,
                                 std::chrono::milliseconds ttl, store_deadline deadline) -> bool {
        auto const answer =
            call(deadline, {"SET", lease_key(key), token, "NX", "PX", time(ttl)}, once);
        return answer->type != REDIS_REPLY_NIL;
    }

    void release(std::string_view key, std::string_view token, store_deadline deadline) {
        call(deadline, {"EVAL",
                        "if redis.call('GET', KEYS[1]) == ARGV[1] then "
                        "return redis.call('DEL', KEYS[1]) else return 0 end",
                        "1", lease_key(key), token});
    }

private:
    struct free_reply {
        void operator()(redisReply* answer) const noexcept { freeReplyObject(answer); }
    };
    using reply = std::unique_ptr<redisReply, free_reply>;

    // A command's words. Those that are made up here live as long as the command.
    struct word {
        word(char const* given) : text(given) {}      // NOLINT(google-explicit-constructor)
        word(std::string_view given) : text(given) {} // NOLINT(google-explicit-constructor)
        word(std::string given) : own(std::move(given)), text(own) {} // NOLINT(google-explicit-*)
        word(word const&) = delete;
        auto operator=(word const&) -> word& = delete;
        ~word() = default;

        std::string own;
        std::string_view text;
    };

    enum class repeat : bool { no, yes };
    static constexpr auto once = repeat::no;

    class connection {
    public:
        connection(redis_store_options const& options, store_deadline deadline) {
            using std::chrono::microseconds;
            auto const left = std::chrono::duration_cast<microseconds>(
                std::min(deadline - std::chrono::steady_clock::now(),
                         store_deadline::duration(options.connect_timeout)));
            if (left <= left.zero()) {
                throw store_error("redis_store: no time left to connect");
            }
            timeval timeout{};
            timeout.tv_sec = static_cast<decltype(timeout.tv_sec)>(left.count() / 1'000'000);
            timeout.tv_usec = static_cast<decltype(timeout.tv_usec)>(left.count() % 1'000'000);
            context_.reset(
                options.unix_socket.empty()
                    ? redisConnectWithTimeout(options.host.c_str(), options.port, timeout)
                    : redisConnectUnixWithTimeout(options.unix_socket.c_str(), timeout));
            if (context_ == nullptr) {
                throw store_error("redis_store: out of memory");
            }
            if (context_->err != 0) {
                throw store_error(std::string("redis_store: cannot connect: ") + context_->errstr);
            }
            ::fcntl(context_->fd, F_SETFD, FD_CLOEXEC); // a process that is started gets no copy
        }

        /// True once a command has been answered: the connection was sound then.
        bool proven = false;

        // hiredis reads and writes with a timeout for each packet, and a write to a server that is
        // gone raises SIGPIPE; so it does neither here.
        auto ask(std::string const& command, std::size_t max_reply, store_deadline deadline)
            -> reply {
            for (std::string_view left = command; !left.empty();) {
                auto const sent =
                    ::send(context_->fd, left.data(), left.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
                if (sent >= 0) {
                    left.remove_prefix(static_cast<std::size_t>(sent));
                } else {
                    wait_or_throw(POLLOUT, deadline);
                }
            }
            std::array<char, 16384> block; // NOLINT(cppcoreguidelines-pro-type-member-init)
            for (std::size_t received = 0;;) {
                void* answer = nullptr;
                if (redisReaderGetReply(context_->reader, &answer) != REDIS_OK) {
                    throw store_error(
                        std::string("redis_store: the reply is not Redis protocol: ") +
                        context_->reader->errstr);
                }
                if (answer != nullptr) {
                    proven = true;
                    return reply(static_cast<redisReply*>(answer));
                }
                auto const got = ::recv(context_->fd, block.data(), block.size(), MSG_DONTWAIT);
                if (got == 0) {
                    throw store_error("redis_store: the server closed the connection");
                }
                if (got < 0) {
                    wait_or_throw(POLLIN, deadline);
                    continue;
                }
                received += static_cast<std::size_t>(got);
                if (received > max_reply) {
                    throw store_error("redis_store: the reply is longer than max_reply_bytes");
                }
                if (redisReaderFeed(context_->reader, block.data(),
                                    static_cast<std::size_t>(got)) != REDIS_OK) {
                    throw store_error("redis_store: out of memory");
                }
            }
        }

    private:
        // After a send or recv that failed: waits for the socket if that was all.
        void wait_or_throw(short event, store_deadline deadline) {
            if (errno == EINTR) {
                return;
            }
            if (errno != EAGAIN && errno != EWOULDBLOCK) {
                throw store_error("redis_store: " + std::system_category().message(errno));
            }
            auto const left = std::chrono::ceil<std::chrono::milliseconds>(
                                  deadline - std::chrono::steady_clock::now())
                                  .count();
            if (left <= 0) {
                throw store_error("redis_store: no reply by the deadline");
            }
            pollfd socket{context_->fd, event, 0};
            ::poll(&socket, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
        }

        struct free_context {
            void operator()(redisContext* context) const noexcept { redisFree(context); }
        };
        std::unique_ptr<redisContext, free_context> context_;
    };

    [[nodiscard]] auto value_key(std::string_view key) const -> std::string {
        return std::string(options_.key_prefix).append("value:").append(key);
    }

    [[nodiscard]] auto lease_key(std::string_view key) const -> std::string {
        return std::string(options_.key_prefix).append("lease:").append(key);
    }

    static auto time(std::chrono::milliseconds ttl) -> std::string {
        return std::to_string(std::max<std::int64_t>(1, ttl.count()));
    }

    static auto text(redisReply const& answer) -> std::string_view {
        if (answer.type != REDIS_REPLY_STRING) {
            throw store_error("redis_store: a reply of an unexpected type");
        }
        return {answer.str, static_cast<std::size_t>(answer.len)};
    }

    // The command as Redis wants it: a counted array of counted strings.
    static auto encode(std::initializer_list<word> const& words) -> std::string {
        std::string command = "*" + std::to_string(words.size()) + "\r\n";
        for (auto const& each : words) {
            command += "$" + std::to_string(each.text.size()) + "\r\n";
            command.append(each.text).append("\r\n");
        }
        return command;
    }

    [[nodiscard]] auto open(store_deadline deadline) const -> std::unique_ptr<connection> {
        auto fresh = std::make_unique<connection>(options_, deadline);
        auto const demand = [&](std::initializer_list<word> const& words) {
            check(*fresh->ask(encode(words), options_.max_reply_bytes, deadline));
        };
        if (!options_.password.empty() && options_.user.empty()) {
            demand({"AUTH", options_.password});
        } else if (!options_.password.empty()) {
            demand({"AUTH", options_.user, options_.password});
        }
        if (options_.database != 0) {
            demand({"SELECT", std::to_string(options_.database)});
        }
        fresh->proven = false;
        return fresh;
    }

    static void check(redisReply const& answer) {
        if (answer.type == REDIS_REPLY_ERROR) {
            throw store_error("redis_store: the server says: " +
                              std::string(answer.str, answer.len));
        }
    }

    // Sends a command and returns its reply. A connection that had answered before may have broken
    // while it lay idle: then one that may be done twice is sent again on a new one.
    auto call(store_deadline deadline, std::initializer_list<word> const& words,
              repeat may_repeat = repeat::yes) -> reply {
        auto const by =
            std::min(deadline, std::chrono::steady_clock::now() + options_.command_timeout);
        auto const command = encode(words);
        auto server = connections_.borrow(by, [&] { return open(by); });
        auto const ask = [&] {
            return server->ask(command, options_.max_reply_bytes, by);
        };
        reply answer;
        try {
            answer = ask();
        } catch (store_error const&) {
            if (!server->proven || may_repeat == repeat::no ||
                std::chrono::steady_clock::now() >= by) {
                throw;
            }
            server.replace(open(by));
            answer = ask();
        }
        server.keep();
        check(*answer);
        return answer;
    }

    redis_store_options const options_;
    detail::ext_connections<connection> connections_;
};

} // namespace llms::inline v0_1

#endif // LLMS_EXT_REDIS_STORE_HPP
