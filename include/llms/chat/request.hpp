// SPDX-License-Identifier: MIT
//
// `request`: what a program asks of a model, independent of the provider's wire form.
//
//     llms::request ask{.model = "gpt-4o-mini",
//                       .messages = {llms::message::user("Name three fjords.")},
//                       .temperature = 0.0};
//
// What llms does not model goes into `extra`, whose members are sent as they are. Tool parameters
// and response formats are ordered_json: the order of a schema's members reaches the model, so it
// is kept, on the wire and in the cache key.
//
// Thread safety: as a standard container: concurrent reads, exclusive writes.
#ifndef LLMS_CHAT_REQUEST_HPP
#define LLMS_CHAT_REQUEST_HPP

#include <llms/chat/message.hpp>
#include <llms/detail/chat_explicit_copy.hpp>

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace llms::inline v0_1 {

/// A tool as the model sees it.
struct tool_spec {
    std::string name;
    std::string description{};
    nlohmann::ordered_json parameters = {{"type", "object"}}; ///< JSON Schema of the arguments
    bool strict = false; ///< ask the provider to enforce the schema, where it can

    auto operator==(tool_spec const&) const -> bool = default;
};

/// How a call uses the response cache it passes through.
enum class cache_mode : std::uint8_t {
    normal,         ///< answered from the cache if it can be, stored if it may be
    bypass,         ///< neither read nor stored
    refresh,        ///< not read; stored in the place of what was there
    no_store,       ///< read, not stored
    only_if_cached, ///< answered from the cache, or `cache_miss_error`
};

/// What a call says to the response cache it passes through; never sent to a provider.
struct cache_control {
    cache_mode mode = cache_mode::normal;
    /// Cache this call though its temperature is not 0: the same answer each time is fine.
    bool any_temperature = false;
    /// Which of several samples of one prompt this is: each has an entry of its own.
    std::uint32_t variant = 0;
    /// How long the answer is good; by default what the cache says. Of calls that share one, the
    /// first decides.
    std::optional<std::chrono::nanoseconds> ttl{};
    /// An answer older than that will not do for this call.
    std::chrono::nanoseconds max_age = std::chrono::nanoseconds::max();
};

/// What a program asks of a model; see the head of this file.
struct request {
    std::string model{};
    message_list messages{};
    std::vector<tool_spec> tools{};
    nlohmann::json tool_choice{}; ///< null = the provider's default; "none", "required", an object
    std::optional<double> temperature{};
    std::optional<double> top_p{};
    std::optional<std::int64_t> max_tokens{}; ///< of the answer
    std::optional<std::int64_t> seed{};
    std::vector<std::string> stop{};          ///< texts that end the answer
    nlohmann::ordered_json response_format{}; ///< null = plain text
    nlohmann::ordered_json extra{};           ///< further members of the body, sent as they are
    cache_control cache{};                    ///< for a `response_cache` on the way
    [[no_unique_address]] detail::explicit_copy copies_are_explicit{};

    [[nodiscard]] auto clone() const -> request {
        return {.model = model,
                .messages = messages.clone(),
                .tools = tools,
                .tool_choice = tool_choice,
                .temperature = temperature,
                .top_p = top_p,
                .max_tokens = max_tokens,
                .seed = seed,
                .stop = stop,
                .response_format = response_format,
                .extra = extra,
                .cache = cache};
    }
};

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_REQUEST_HPP
