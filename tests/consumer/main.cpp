// SPDX-License-Identifier: MIT
//
// What a consumer's first program might be: it uses a header of each floor and exits 0.
#include <llms/llms.hpp>
#ifdef CONSUMER_USES_CURL
#    include <llms/ext/curl_transport.hpp>
#endif

#include <string>

int main() {
    llms::object_pool<std::string> pool;
    auto text = pool.acquire();
    *text += "hello";

    auto const schema = llms::schema::compile({{"type", "string"}});
    llms::validator const validator{schema};
#ifdef CONSUMER_USES_CURL
    llms::curl_transport const transport;
#endif
    return validator.is_valid(nlohmann::json(*text)) && !validator.is_valid(nlohmann::json(5)) ? 0
                                                                                               : 1;
}
