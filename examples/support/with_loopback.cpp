// SPDX-License-Identifier: MIT
//
// with_loopback <program>: runs a program that calls a provider, with LLMS_BASE_URL naming a server
// on 127.0.0.1 that answers it. So the examples are run by CTest as a user would run them.
#include "demo/script.hpp"
#include "support/loopback_server.hpp"

#include <cstdlib>
#include <iostream>
#include <string>

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: with_loopback <program>\n";
        return 2;
    }
    support::loopback_server server;
    server.answer_with(demo_answer);
#ifdef _WIN32
    _putenv_s("LLMS_BASE_URL", server.base_url().c_str());
#else
    setenv("LLMS_BASE_URL", server.base_url().c_str(), 1); // NOLINT(concurrency-mt-unsafe)
#endif
    auto const status = std::system(argv[1]); // NOLINT(cert-env33-c,concurrency-mt-unsafe)
    std::cout << server.requests() << " requests were served\n";
    return status == 0 && server.requests() > 0 ? 0 : 1;
}
