// SPDX-License-Identifier: MIT
//
// Answers that survive the program: a cache in memory over a file that the processes of a host share.
// Whatever happens to the file, calls go on.
#include <llms/cache/guarded_store.hpp>
#include <llms/chat/cached.hpp>
#include <llms/chat/mock_answer.hpp>
#include <llms/chat/mock_provider.hpp>
#include <llms/chat/response_cache.hpp>
#include <llms/ext/sqlite_store.hpp>

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>

int main() {
    auto const path = (std::filesystem::temp_directory_path() / "llms_cookbook.db").string();
    std::filesystem::remove(path);

    llms::mock_provider const model{llms::mock_answer::text("A fjord is an arm of the sea.")};
    llms::request const ask{
        .model = "mock", .messages = {llms::message::user("What is a fjord?")}, .temperature = 0.0};
    for (auto const* process : {"the first process", "one that starts later"}) {
        auto const file = std::make_shared<llms::sqlite_store>(path);
        llms::response_cache cache{
            {.tenant = "cookbook", .tier = std::make_shared<llms::guarded_store>(file)}};
        auto client = model | llms::cached(cache);
        auto const answer = client.complete(ask);
        std::cout << process << (answer.cached ? " found: " : " asked: ") << answer.text() << '\n';
    } // what is queued for the file is written before the cache goes

    std::filesystem::remove(path);
    return model.calls() == 1 ? 0 : 1;
}
