// SPDX-License-Identifier: MIT
//
// A provider and a middleware of your own. Whatever has `complete`, `stream` and `name` is a
// provider; what wraps one in another is a middleware; both work with all the rest.
#include <llms/chat/cached.hpp>
#include <llms/chat/middleware.hpp>
#include <llms/chat/provider.hpp>
#include <llms/chat/response_cache.hpp>

#include <iostream>
#include <memory>
#include <stop_token>
#include <string_view>
#include <utility>

// Says what it is told: a model in this process, say.
class parrot {
public:
    [[nodiscard]] auto complete(llms::request const& ask, std::stop_token stop) -> llms::response {
        return stream(ask, stop).finish(stop);
    }
    [[nodiscard]] auto stream(llms::request const& ask, std::stop_token /*stop*/)
        -> llms::response_stream {
        return llms::response_stream(std::make_unique<source>(ask.messages.back().text()));
    }
    [[nodiscard]] static auto name() -> std::string_view { return "parrot"; }

private:
    // A stream is a source of chunks: some text, then one end.
    class source final : public llms::chunk_source {
    public:
        explicit source(std::string text) : text_(std::move(text)) {}
        [[nodiscard]] auto next(llms::chunk& out, std::stop_token const& /*stop*/)
            -> bool override {
            if (!text_.empty()) {
                out.text = std::exchange(text_, {});
            } else {
                out.kind = llms::chunk_kind::end;
                out.finish = llms::finish_reason::stop;
            }
            return true;
        }

    private:
        std::string text_;
    };
};

// Counts the calls that pass through it.
class counting {
public:
    explicit counting(int& calls) : calls_(&calls) {}

    template <llms::provider P>
    class wrapped {
    public:
        wrapped(P inner, int& calls) : inner_(std::move(inner)), calls_(&calls) {}
        [[nodiscard]] auto complete(llms::request const& ask, std::stop_token stop)
            -> llms::response {
            ++*calls_;
            return inner_.complete(ask, stop);
        }
        [[nodiscard]] auto stream(llms::request const& ask, std::stop_token stop)
            -> llms::response_stream {
            ++*calls_;
            return inner_.stream(ask, stop);
        }
        [[nodiscard]] auto name() const -> std::string_view { return inner_.name(); }

    private:
        P inner_;
        int* calls_;
    };

    template <llms::provider P>
    [[nodiscard]] auto wrap(P inner) const -> wrapped<P> {
        return {std::move(inner), *calls_};
    }

private:
    int* calls_;
};

int main() {
    using llms::operator|; // needed where neither side is a type of llms
    int calls = 0;
    llms::response_cache cache{{.tenant = "cookbook"}};
    auto client = parrot{} | counting{calls} | llms::cached(cache);
    for (int i = 0; i < 2; ++i) {
        llms::request const ask{
            .model = "parrot", .messages = {llms::message::user("Polly!")}, .temperature = 0.0};
        std::cout << client.complete(ask, {}).text() << '\n';
    }
    std::cout << calls << " call\n"; // the second answer came from the cache
    return calls == 1 ? 0 : 1;
}
