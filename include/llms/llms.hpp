// SPDX-License-Identifier: MIT
//
// All of llms but the adapters in ext/, each of which needs a third party, and schema/std_regex.hpp,
// which costs what <regex> costs. A program that minds its build time includes what it uses.
#ifndef LLMS_LLMS_HPP
#define LLMS_LLMS_HPP

// IWYU pragma: begin_exports
#include <llms/cache/cache.hpp>
#include <llms/cache/cache_codec.hpp>
#include <llms/cache/cache_handle.hpp>
#include <llms/cache/cache_hash.hpp>
#include <llms/cache/cache_options.hpp>
#include <llms/cache/clock.hpp>
#include <llms/cache/coarse_clock.hpp>
#include <llms/cache/lru.hpp>
#include <llms/cache/s3_fifo.hpp>
#include <llms/cache/single_flight.hpp>
#include <llms/cache/stream_flight.hpp>
#include <llms/chat/cached.hpp>
#include <llms/chat/chunk.hpp>
#include <llms/chat/message.hpp>
#include <llms/chat/middleware.hpp>
#include <llms/chat/observed.hpp>
#include <llms/chat/openai.hpp>
#include <llms/chat/openai_wire.hpp>
#include <llms/chat/provider.hpp>
#include <llms/chat/provider_error.hpp>
#include <llms/chat/recorded_response.hpp>
#include <llms/chat/request.hpp>
#include <llms/chat/request_key.hpp>
#include <llms/chat/response.hpp>
#include <llms/chat/response_cache.hpp>
#include <llms/chat/response_stream.hpp>
#include <llms/chat/structured.hpp>
#include <llms/chat/transport.hpp>
#include <llms/error.hpp>
#include <llms/json/canonical.hpp>
#include <llms/json/extract.hpp>
#include <llms/memory/object_pool.hpp>
#include <llms/metrics/counter.hpp>
#include <llms/metrics/events.hpp>
#include <llms/metrics/gauge.hpp>
#include <llms/metrics/histogram.hpp>
#include <llms/metrics/hooks.hpp>
#include <llms/metrics/json_text.hpp>
#include <llms/metrics/metric_info.hpp>
#include <llms/metrics/metrics.hpp>
#include <llms/metrics/names.hpp>
#include <llms/metrics/prometheus_text.hpp>
#include <llms/metrics/registry.hpp>
#include <llms/metrics/snapshot.hpp>
#include <llms/metrics/subscription.hpp>
#include <llms/metrics/summary.hpp>
#include <llms/metrics/table.hpp>
#include <llms/schema/change.hpp>
#include <llms/schema/checked.hpp>
#include <llms/schema/coerce.hpp>
#include <llms/schema/coerced.hpp>
#include <llms/schema/coercion.hpp>
#include <llms/schema/compile_options.hpp>
#include <llms/schema/description.hpp>
#include <llms/schema/draft.hpp>
#include <llms/schema/format.hpp>
#include <llms/schema/linear_regex.hpp>
#include <llms/schema/pattern.hpp>
#include <llms/schema/pattern_error.hpp>
#include <llms/schema/reflect.hpp>
#include <llms/schema/reflect_options.hpp>
#include <llms/schema/regex_cache.hpp>
#include <llms/schema/report.hpp>
#include <llms/schema/schema.hpp>
#include <llms/schema/schema_cache.hpp>
#include <llms/schema/schema_error.hpp>
#include <llms/schema/validation_error.hpp>
#include <llms/schema/validator.hpp>
#include <llms/schema/validator_options.hpp>
#include <llms/stream/channel.hpp>
#include <llms/stream/channel_options.hpp>
#include <llms/stream/channel_pool.hpp>
#include <llms/stream/channel_pool_options.hpp>
#include <llms/stream/channel_reader.hpp>
#include <llms/stream/channel_result.hpp>
#include <llms/stream/channel_writer.hpp>
#include <llms/stream/conqueue_status.hpp>
#include <llms/stream/select.hpp>
#include <llms/stream/sse_decoder.hpp>
#include <llms/stream/wait_limit.hpp>
#include <llms/version.hpp>
// IWYU pragma: end_exports

#endif // LLMS_LLMS_HPP
