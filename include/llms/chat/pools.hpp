// SPDX-License-Identifier: MIT
//
// Object pools for what a chat moves by the thousand: messages, responses and the pieces of a stream.
// An object comes back as new, but with the buffers that its strings and vectors have grown.
//
//     llms::response_pool pool{{.max_idle = 64}};
//     llms::pooled<llms::response> answer = pool.acquire();
//     answer->id = "resp_1";
//
// One for the whole process: llms::shared_pool<llms::response>(). For prompts and answers that must
// not linger in memory: llms::object_pool<llms::message, llms::wiping>.
//
// Threads and cost: as object_pool. A short piece of text gains nothing from a pool: making and
// moving one costs no more.
#ifndef LLMS_CHAT_POOLS_HPP
#define LLMS_CHAT_POOLS_HPP

#include <llms/chat/chunk.hpp>
#include <llms/chat/message.hpp>
#include <llms/chat/response.hpp>
#include <llms/detail/memory_contents.hpp>
#include <llms/memory/object_pool.hpp>

#include <nlohmann/json.hpp>

#include <string>

namespace llms::inline v0_1 {

using message_pool = object_pool<message>;
using response_pool = object_pool<response>;
/// Of chunks: the pieces that a stream yields.
using token_pool = object_pool<chunk>;

namespace detail {

// JSON: the strings, keys and bytes in it. What is nested deeper than `max_depth` (a document that no
// decoder of ours lets in) is freed as it is, rather than overflow the stack.
template <>
struct wiper_for<nlohmann::json> {
    static constexpr int max_depth = 512;

    static void wipe(nlohmann::json& value) noexcept {
        wipe(value, max_depth);
        value = nullptr;
    }

private:
    using json = nlohmann::json;

    static void wipe(json& value, int depth) noexcept {
        if (auto* const text = value.get_ptr<json::string_t*>()) {
            detail::wipe(*text);
        } else if (auto* const array = value.get_ptr<json::array_t*>();
                   array != nullptr && depth > 0) {
            for (auto& each : *array) {
                wipe(each, depth - 1);
            }
        } else if (auto* const object = value.get_ptr<json::object_t*>();
                   object != nullptr && depth > 0) {
            while (!object->empty()) {
                auto member = object->extract(object->begin()); // its key can be written to
                detail::wipe(member.key());
                wipe(member.mapped(), depth - 1);
            }
        } else if (auto* const binary = value.get_ptr<json::binary_t*>()) {
            detail::wipe(static_cast<json::binary_t::container_type&>(*binary));
        }
    }
};

} // namespace detail
} // namespace llms::inline v0_1

#endif // LLMS_CHAT_POOLS_HPP
