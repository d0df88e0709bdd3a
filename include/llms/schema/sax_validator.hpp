// SPDX-License-Identifier: MIT
//
// Checks a stream of events against a schema without building the document: a handler for
// `nlohmann::json::sax_parse` and for whatever else produces JSON.
//
//     llms::sax_validator check{llms::schema::compile(document)};
//     if (!nlohmann::json::sax_parse(file, &check)) { log(check.error()->message); }
//
// The verdict is that of `validator::is_valid` on the parsed value. The parser is stopped at the first
// event after which nothing can make the value valid. Where it differs: an object about which the
// schema says anything must not have a name twice (a parser keeps the last of them, so that no
// wrong member would ever be final); `max_text_depth` holds; `max_work` counts per value.
//
// Memory: O(depth × schema), the names of the open objects, and whole containers only where a
// keyword needs them: `anyOf` and `oneOf` whose branches the type does not tell apart, `not`, `if`,
// `uniqueItems`, `unevaluated…`, `contains` (the item), `enum` and `const` of containers, dependent
// schemas, keywords of the user; the document for references that are dynamic. Such a
// container is built and judged at its end. One thread at a time.
#ifndef LLMS_SCHEMA_SAX_VALIDATOR_HPP
#define LLMS_SCHEMA_SAX_VALIDATOR_HPP

#include <llms/detail/schema_stream.hpp>
#include <llms/schema/schema.hpp>
#include <llms/schema/validation_error.hpp>
#include <llms/schema/validator_options.hpp>
#include <llms/schema/verdict.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <utility>

namespace llms::inline v0_1 {

/// A schema that judges one value by its events; see the head of this file. The events return whether
/// the value may still be valid; after one that returned false only `reset` may be called.
class sax_validator {
public:
    /// Of `options` only `max_text_depth` has a meaning here.
    explicit sax_validator(schema compiled, validator_options const& options = {})
        : schema_(std::move(compiled)),
          checker_(schema_.program_, options.max_text_depth) {}

    /// What is known by now.
    [[nodiscard]] auto state() const noexcept -> verdict { return checker_.state(); }

    /// What is wrong; null unless the verdict is `invalid`. Its `evaluation_path` is empty.
    [[nodiscard]] auto error() const noexcept -> validation_error const* {
        return state() == verdict::invalid ? &checker_.error() : nullptr;
    }

    /// Begins with another value.
    void reset() { checker_.reset(); }

    // The events of nlohmann's SAX interface.

    auto null() -> bool { return put(nullptr); }
    auto boolean(bool value) -> bool { return put(value); }
    auto number_integer(std::int64_t value) -> bool { return put(value); }
    auto number_unsigned(std::uint64_t value) -> bool { return put(value); }
    auto number_float(double value, std::string const& /*text*/) -> bool { return put(value); }
    auto string(std::string const& value) -> bool {
        return checker_.next_value() &&
               checker_.scalar(detail::schema_engine::name_instance{value});
    }
    auto binary(nlohmann::json::binary_t const& /*value*/) -> bool {
        return checker_.fail("binary data is no JSON");
    }
    auto start_object(std::size_t /*size*/) -> bool {
        return checker_.next_value() && checker_.open(true);
    }
    auto key(std::string const& name) -> bool { return checker_.name(name); }
    auto end_object() -> bool { return checker_.close(); }
    auto start_array(std::size_t /*size*/) -> bool {
        return checker_.next_value() && checker_.open(false);
    }
    auto end_array() -> bool { return checker_.close(); }
    /// The text is no JSON, from `position` on; `what` says why.
    auto parse_error(std::size_t position, std::string const& /*last_token*/,
                     std::exception const& /*what*/) -> bool {
        return checker_.fail("the text is not JSON: error at byte " + std::to_string(position));
    }

private:
    template <class Value>
    auto put(Value value) -> bool {
        return checker_.next_value() && checker_.scalar(nlohmann::json(value));
    }

    schema schema_;
    detail::schema_engine::stream_checker checker_;
};

} // namespace llms::inline v0_1

#endif // LLMS_SCHEMA_SAX_VALIDATOR_HPP
