// SPDX-License-Identifier: MIT
//
// What calls cost and how they went: counters and histograms under OpenTelemetry's names, hooks for
// what a program wants to see at once, and the text that Prometheus reads.
#include <llms/chat/cached.hpp>
#include <llms/chat/observed.hpp>
#include <llms/chat/openai.hpp>
#include <llms/chat/response_cache.hpp>
#include <llms/ext/curl_transport.hpp>
#include <llms/metrics/metrics.hpp>

#include <iostream>

int main() {
    llms::metrics metrics;
    auto const watching = metrics.subscribe({.after_operation = [](llms::operation_end const& end) {
        std::cout << end.info.model << ": "
                  << (end.origin == llms::answer_origin::cache ? "from the cache" : "called")
                  << '\n';
    }});

    llms::response_cache cache{{.tenant = "cookbook"}};
    auto client =
        llms::openai_client{llms::curl_transport{}, llms::openai_options::from_environment()} |
        llms::attempts(metrics) | llms::cached(cache) | llms::observed(metrics);
    llms::request const ask{.model = "gpt-4o-mini",
                            .messages = {llms::message::user("What is a fjord?")},
                            .temperature = 0.0};
    for (int i = 0; i < 3; ++i) {
        static_cast<void>(client.complete(ask));
    }

    std::cout << metrics.table() << metrics.prometheus_text();
    return metrics.summary().attempts == 1 ? 0 : 1;
}
