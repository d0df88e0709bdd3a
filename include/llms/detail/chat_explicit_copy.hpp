// SPDX-License-Identifier: MIT
//
// A member of this type makes an aggregate move-only and leaves it an aggregate, so that designated
// initialisers still work; the aggregate then offers clone().
#ifndef LLMS_DETAIL_CHAT_EXPLICIT_COPY_HPP
#define LLMS_DETAIL_CHAT_EXPLICIT_COPY_HPP

namespace llms::inline v0_1::detail {

struct explicit_copy {
    explicit_copy() = default;
    explicit_copy(explicit_copy&&) = default;
    auto operator=(explicit_copy&&) -> explicit_copy& = default;
    explicit_copy(explicit_copy const&) = delete;
    auto operator=(explicit_copy const&) -> explicit_copy& = delete;
    ~explicit_copy() = default;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CHAT_EXPLICIT_COPY_HPP
