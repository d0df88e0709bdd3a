// SPDX-License-Identifier: MIT
//
// The validators that read a text as it comes against the one that has all of it. Up to the first 0xFF
// the input chooses a schema and an instance; what follows is a text, judged by the same schema.
#include "fuzz/choices.hpp"
#include "fuzz/demand.hpp"
#include "schema/random_schema.hpp"
#include "schema/streamed.hpp"
#include <llms/json/partial.hpp>
#include <llms/schema/validator.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

using fuzz::demand;

extern "C" auto LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) -> int {
    auto const bytes = std::span{data, size};
    auto const end = std::find(bytes.begin(), bytes.end(), 0xFF);
    auto make = random_schema::maker{fuzz::choices{{bytes.begin(), end}}};
    auto const check = llms::validator{llms::schema::compile(make.schema())};
    auto const instance = make.instance();
    demand(streamed::agree(check.compiled(), instance.dump(), check.is_valid(instance)));

    if (end == bytes.end()) {
        return 0;
    }
    auto const text = std::string_view(reinterpret_cast<char const*>(&*end), // NOLINT
                                       static_cast<std::size_t>(bytes.end() - end))
                          .substr(1);
    auto const whole = streamed::in_pieces(check.compiled(), text, size);
    demand(whole && whole == streamed::in_pieces(check.compiled(), text, 1));
    // A name that comes twice may be refused, and so may what is no JSON; all else is judged alike.
    auto reader = llms::partial_json{{.unique_names = true}};
    reader.feed(text);
    reader.finish();
    if (reader.status() == llms::partial_status::done) {
        demand(whole->valid == check.is_valid(reader.value()));
    } else {
        auto lenient = llms::partial_json{};
        lenient.feed(text);
        lenient.finish();
        demand(!whole->valid ||
               (lenient.status() == llms::partial_status::done && check.is_valid(lenient.value())));
    }
    return 0;
}
