// SPDX-License-Identifier: MIT
//
// How the rest of the stream room reaches the mechanism inside a channel.
#ifndef LLMS_DETAIL_STREAM_ACCESS_HPP
#define LLMS_DETAIL_STREAM_ACCESS_HPP

namespace llms::inline v0_1::detail {

struct stream_access {
    /// Of a channel, or of an end of a pooled one.
    template <class Source>
    static auto core(Source& source) noexcept -> auto& {
        if constexpr (requires { source.core_; }) {
            return source.core_;
        } else {
            return source.tokens().core_;
        }
    }
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_STREAM_ACCESS_HPP
