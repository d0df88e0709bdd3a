// SPDX-License-Identifier: MIT
//
// What the loopback provider of the demo answers. A real provider needs none of this.
#ifndef LLMS_EXAMPLES_DEMO_SCRIPT_HPP
#define LLMS_EXAMPLES_DEMO_SCRIPT_HPP

#include "support/loopback_server.hpp"

#include <nlohmann/json.hpp>

/// The answer to a request of the demo, chosen by what its messages say.
[[nodiscard]] auto demo_answer(nlohmann::json const& request) -> support::reply;

#endif // LLMS_EXAMPLES_DEMO_SCRIPT_HPP
