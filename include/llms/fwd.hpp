// SPDX-License-Identifier: MIT
//
// The names of what llms passes around, for headers that only mention them. Class templates with
// default arguments are not here: their own headers are the place of the defaults.
#ifndef LLMS_FWD_HPP
#define LLMS_FWD_HPP

namespace llms::inline v0_1 {

class error;

struct sse_event;
class sse_decoder;

class metrics;
class metrics_registry;

class schema;
class validator;
class sax_validator;
class stream_validator;
class report;
class coercer;

struct message;
struct message_list;
struct request;
struct response;
struct chunk;
class response_stream;
class provider_error;
class tool;
class toolbox;

} // namespace llms::inline v0_1

#endif // LLMS_FWD_HPP
