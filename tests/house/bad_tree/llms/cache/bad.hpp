// SPDX-License-Identifier: MIT
// A header that breaks the layering on purpose: house.layering_refuses expects to hear of it.
#include <llms/json/canonical.hpp>
