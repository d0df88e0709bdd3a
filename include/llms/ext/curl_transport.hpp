// SPDX-License-Identifier: MIT
//
// `curl_transport`: the transport on libcurl. https with certificate checks, HTTP/2 where the
// server has it, proxies from the environment, connections kept open and used again.
//
//     llms::openai_client client{llms::curl_transport{}, {.api_key = key}};
//
// An exchange runs on the thread that calls `send` and ends at once when its stop_token is stopped.
// Redirects are not followed: a POST with a key in it goes where it was sent, or fails.
//
// Thread safety: `send` may be called from several threads; each exchange in progress has a
// connection of its own, at most `max_idle` stay open in between. Copies share them.
//
// Link llms::curl. Cost of the include: curl/curl.h, 2 kLOC.
#ifndef LLMS_EXT_CURL_TRANSPORT_HPP
#define LLMS_EXT_CURL_TRANSPORT_HPP

#include <llms/chat/provider_error.hpp>
#include <llms/chat/transport.hpp>

#include <curl/curl.h>

#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace llms::inline v0_1 {

/// How to set up a `curl_transport`.
struct curl_options {
    std::size_t max_idle = 16; ///< connections kept open between exchanges
    std::string ca_file{};     ///< certificates to trust; empty = the system's
    std::string proxy{};       ///< empty = from the environment (https_proxy ...)
    std::string user_agent = "llms/0.1";
};

/// The transport on libcurl; see the head of this file.
class curl_transport {
public:
    /// \throws error when libcurl cannot be initialised.
    explicit curl_transport(curl_options options = {})
        : shared_(std::make_shared<shared>(std::move(options))) {}

    /// Sends a POST request and passes the answer to `receiver`; see the concept `transport`.
    void send(http_request const& request, http_receiver& receiver, std::stop_token stop) {
        exchange(*shared_, request, receiver).run(stop);
    }

private:
    struct easy_delete {
        void operator()(CURL* handle) const noexcept { curl_easy_cleanup(handle); }
    };
    struct multi_delete {
        void operator()(CURLM* handle) const noexcept { curl_multi_cleanup(handle); }
    };
    struct list_delete {
        void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
    };

    // A multi handle owns the connections of the one exchange at a time that runs on it.
    struct line {
        std::unique_ptr<CURLM, multi_delete> multi{curl_multi_init()};
        std::unique_ptr<CURL, easy_delete> easy{curl_easy_init()};
    };

    struct shared {
        explicit shared(curl_options options_) : options(std::move(options_)) {
            // Once per process, and never undone: other users of libcurl may be alive.
            static CURLcode const ready = curl_global_init(CURL_GLOBAL_DEFAULT);
            if (ready != CURLE_OK) {
                throw error(std::string("libcurl: ") + curl_easy_strerror(ready));
            }
            idle.reserve(options.max_idle); // give_back() must not allocate
        }

        auto take() -> line {
            {
                std::lock_guard const lock(mutex);
                if (!idle.empty()) {
                    line last = std::move(idle.back());
                    idle.pop_back();
                    return last;
                }
            }
            line fresh;
            if (!fresh.multi || !fresh.easy) {
                throw std::bad_alloc();
            }
            return fresh;
        }

        void give_back(line&& used) noexcept {
            std::lock_guard const lock(mutex);
            if (idle.size() < options.max_idle) {
                idle.push_back(std::move(used));
            }
        }

        curl_options const options;
        std::mutex mutex;
        std::vector<line> idle; // guarded by mutex
    };

    using clock = std::chrono::steady_clock;

    class exchange {
    public:
        exchange(shared& owner, http_request const& request, http_receiver& receiver)
            : owner_(owner),
              request_(request),
              receiver_(receiver),
              line_(owner.take()) {
            for (auto const& field : request.headers) {
                add_header(field.name + ": " + field.value);
            }
            add_header("Expect:"); // no 100-continue round trip before a long prompt
            set_up();
        }

        exchange(exchange const&) = delete;
        auto operator=(exchange const&) -> exchange& = delete;
        ~exchange() {
            curl_multi_remove_handle(line_.multi.get(), line_.easy.get());
            curl_easy_reset(line_.easy.get()); // the next exchange starts without these pointers
            owner_.give_back(std::move(line_));
        }

        void run(std::stop_token const& stop) {
            auto* const multi = line_.multi.get();
            check(curl_multi_add_handle(multi, line_.easy.get()));
            std::stop_callback const wake(stop, [multi] { curl_multi_wakeup(multi); });
            last_byte_ = started_ = clock::now();
            for (;;) {
                int running = 0;
                check(curl_multi_perform(multi, &running));
                if (problem_) {
                    std::rethrow_exception(problem_);
                }
                if (stop.stop_requested()) {
                    throw cancelled_error("the call was cancelled");
                }
                if (given_up_) {
                    return;
                }
                if (running == 0) {
                    return conclude();
                }
                check_time();
                check(curl_multi_poll(multi, nullptr, 0, wait_ms(), nullptr));
            }
        }

    private:
        void add_header(std::string const& line) {
            auto* const longer = curl_slist_append(headers_.get(), line.c_str());
            if (longer == nullptr) {
                throw std::bad_alloc();
            }
            static_cast<void>(headers_.release());
            headers_.reset(longer);
        }

        template <class Value>
        void set(CURLoption option, Value value) {
            auto const code = curl_easy_setopt(line_.easy.get(), option, value);
            if (code != CURLE_OK) {
                throw error(std::string("libcurl: ") + curl_easy_strerror(code));
            }
        }

        void set_up() {
            auto const& options = owner_.options;
            if (!request_.url.starts_with("https://") && !request_.url.starts_with("http://")) {
                throw error("the URL must begin with https:// or http://: " + request_.url);
            }
            set(CURLOPT_URL, request_.url.c_str());
            set(CURLOPT_POST, 1L);
            set(CURLOPT_POSTFIELDS, request_.body.data());
            set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
            set(CURLOPT_HTTPHEADER, headers_.get());
            set(CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_2TLS});
            set(CURLOPT_USERAGENT, options.user_agent.c_str());
            set(CURLOPT_ERRORBUFFER, static_cast<char*>(message_));
            set(CURLOPT_NOSIGNAL, 1L); // time-outs without SIGALRM: this is a library
            set(CURLOPT_TCP_NODELAY, 1L);
            set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(request_.timeouts.connect));
            set(CURLOPT_TIMEOUT_MS, milliseconds(request_.timeouts.total));
            if (!options.ca_file.empty()) {
                set(CURLOPT_CAINFO, options.ca_file.c_str());
            }
            if (!options.proxy.empty()) {
                set(CURLOPT_PROXY, options.proxy.c_str());
            }
            set(CURLOPT_HEADERFUNCTION, &exchange::take_header);
            set(CURLOPT_HEADERDATA, this);
            set(CURLOPT_WRITEFUNCTION, &exchange::take_body);
            set(CURLOPT_WRITEDATA, this);
#ifdef SOCK_CLOEXEC
            set(CURLOPT_OPENSOCKETFUNCTION, &exchange::open_socket);
#endif
        }

#ifdef SOCK_CLOEXEC
        // Of libcurl's own sockets a process that is started meanwhile gets a copy: the provider would
        // go on sending to a call that was stopped, and a stranger could read it.
        static auto open_socket(void* /*self*/, curlsocktype /*purpose*/,
                                curl_sockaddr* to) noexcept -> curl_socket_t {
            auto const opened = ::socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
            return opened < 0 ? CURL_SOCKET_BAD : opened;
        }
#endif

        static auto milliseconds(std::chrono::milliseconds time) -> long {
            return static_cast<long>(time.count());
        }

        static auto take_header(char* data, std::size_t /*one*/, std::size_t bytes,
                                void* self) noexcept -> std::size_t {
            return static_cast<exchange*>(self)->guarded(bytes, [&](exchange& me) {
                me.on_header({data, bytes});
                return true;
            });
        }
        static auto take_body(char* data, std::size_t /*one*/, std::size_t bytes,
                              void* self) noexcept -> std::size_t {
            return static_cast<exchange*>(self)->guarded(bytes, [&](exchange& me) {
                return me.on_body({data, bytes});
            });
        }

        // libcurl is C: an exception is kept and the transfer ended; run() throws it.
        template <class F>
        auto guarded(std::size_t bytes, F f) noexcept -> std::size_t {
            try {
                last_byte_ = clock::now();
                if (f(*this)) {
                    return bytes;
                }
                given_up_ = true;
            } catch (...) {
                problem_ = std::current_exception();
            }
            return bytes == 0 ? 1 : 0; // any other count than `bytes` aborts
        }

        void on_header(std::string_view line) {
            while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) {
                line.remove_suffix(1);
            }
            if (line.starts_with("HTTP/")) { // a new head: of a 100 Continue, or the real one
                head_ = {};
                head_.status = status();
                return;
            }
            auto const colon = line.find(':');
            if (colon == std::string_view::npos) {
                return;
            }
            auto value = line.substr(colon + 1);
            while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) {
                value.remove_prefix(1);
            }
            head_bytes_ += line.size();
            if (head_bytes_ > max_head_bytes) {
                throw provider_error(failure::malformed, "the answer's headers exceed 256 KiB");
            }
            head_.headers.push_back({std::string(line.substr(0, colon)), std::string(value)});
        }

        auto on_body(std::string_view bytes) -> bool {
            return give_head() && receiver_.on_body(bytes);
        }

        auto give_head() -> bool {
            if (head_given_) {
                return true;
            }
            head_given_ = true;
            head_.status = status();
            return receiver_.on_head(head_);
        }

        [[nodiscard]] auto status() const -> int {
            long code = 0;
            curl_easy_getinfo(line_.easy.get(), CURLINFO_RESPONSE_CODE, &code);
            return static_cast<int>(code);
        }

        void conclude() {
            int left = 0;
            CURLcode code = CURLE_OK;
            while (auto const* note = curl_multi_info_read(line_.multi.get(), &left)) {
                if (note->msg == CURLMSG_DONE) {
                    code = note->data.result;
                }
            }
            if (code == CURLE_OK) {
                static_cast<void>(give_head()); // an answer without a body
                return;
            }
            auto const kind =
                code == CURLE_OPERATION_TIMEDOUT ? failure::timeout : failure::connection;
            throw provider_error(
                kind, std::string(curl_easy_strerror(code)) +
                          (message_[0] != '\0' ? ": " + std::string(message_) : std::string()));
        }

        // The limit that applies now (first byte or idle), and when it ends.
        [[nodiscard]] auto limit() const -> std::chrono::milliseconds {
            return last_byte_ == started_ ? request_.timeouts.first_byte : request_.timeouts.idle;
        }
        void check_time() const {
            if (limit().count() > 0 && clock::now() >= last_byte_ + limit()) {
                throw provider_error(
                    failure::timeout,
                    (last_byte_ == started_ ? "no first byte within " : "the stream stalled for ") +
                        std::to_string(limit().count()) + " ms");
            }
        }
        [[nodiscard]] auto wait_ms() const -> int {
            constexpr std::chrono::milliseconds longest{
                10'000}; // a wake-up now and then costs nothing
            auto wait = longest;
            if (limit().count() > 0) {
                auto const left = std::chrono::ceil<std::chrono::milliseconds>(
                    last_byte_ + limit() - clock::now());
                wait = left < wait ? left : wait;
            }
            return wait.count() > 0 ? static_cast<int>(wait.count()) : 0;
        }

        static void check(CURLMcode code) {
            if (code != CURLM_OK) {
                throw error(std::string("libcurl: ") + curl_multi_strerror(code));
            }
        }

        static constexpr std::size_t max_head_bytes = std::size_t{256} << 10;

        shared& owner_;
        http_request const& request_;
        http_receiver& receiver_;
        line line_;
        std::unique_ptr<curl_slist, list_delete> headers_;
        char message_[CURL_ERROR_SIZE] = {};
        http_head head_;
        std::size_t head_bytes_ = 0;
        clock::time_point started_;
        clock::time_point last_byte_;
        std::exception_ptr problem_;
        bool head_given_ = false;
        bool given_up_ = false;
    };

    std::shared_ptr<shared> shared_;
};

static_assert(transport<curl_transport>);

} // namespace llms::inline v0_1

#endif // LLMS_EXT_CURL_TRANSPORT_HPP
