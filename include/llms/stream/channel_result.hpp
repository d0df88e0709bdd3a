// SPDX-License-Identifier: MIT
//
// What the verbs of a channel return: the item, or the reason why there is none. It is the part of
// C++23's `std::expected<T, conqueue_status>` that channels need.
//
//     while (auto token = ch.pop(stop)) text += *token;          // true: an item came out
//     if (ch.push(line, 5ms) == conqueue_status::timeout) ...    // compares with the reason
#ifndef LLMS_STREAM_CHANNEL_RESULT_HPP
#define LLMS_STREAM_CHANNEL_RESULT_HPP

#include <llms/stream/conqueue_status.hpp>

#include <cassert>
#include <optional>
#include <utility>

namespace llms::inline v0_1 {

/// An item taken out of a channel, or the reason why none was.
template <class T>
class [[nodiscard]] channel_result {
public:
    /// No item; `why` is not `success`.
    explicit channel_result(conqueue_status why) noexcept : status_(why) {
        assert(why != conqueue_status::success);
    }

    /// Success, with a `T` made of `args`.
    template <class... Args>
    explicit channel_result(std::in_place_t /*tag*/, Args&&... args)
        : value_(std::in_place, std::forward<Args>(args)...) {}

    /// Puts in a `T` made of `args` and becomes a success; `empty` if that throws.
    template <class... Args>
    auto emplace(Args&&... args) -> T& {
        status_ = conqueue_status::empty;
        value_.emplace(std::forward<Args>(args)...);
        status_ = conqueue_status::success;
        return *value_;
    }

    /// Drops the item and says why there is none; `why` is not `success`.
    void fail(conqueue_status why) noexcept {
        assert(why != conqueue_status::success);
        value_.reset();
        status_ = why;
    }

    [[nodiscard]] auto has_value() const noexcept -> bool { return value_.has_value(); }
    [[nodiscard]] explicit operator bool() const noexcept { return value_.has_value(); }
    [[nodiscard]] auto status() const noexcept -> conqueue_status { return status_; }

    /// The item. Precondition: `has_value()`.
    [[nodiscard]] auto operator*() & noexcept -> T& { return value(); }
    [[nodiscard]] auto operator*() const& noexcept -> T const& { return value(); }
    [[nodiscard]] auto operator*() && noexcept -> T&& { return std::move(*this).value(); }
    [[nodiscard]] auto operator->() noexcept -> T* { return &value(); }
    [[nodiscard]] auto operator->() const noexcept -> T const* { return &value(); }
    [[nodiscard]] auto value() & noexcept -> T& {
        assert(value_);
        return *value_;
    }
    [[nodiscard]] auto value() const& noexcept -> T const& {
        assert(value_);
        return *value_;
    }
    [[nodiscard]] auto value() && noexcept -> T&& {
        assert(value_);
        return std::move(*value_);
    }

    [[nodiscard]] friend auto operator==(channel_result const& result,
                                         conqueue_status status) noexcept -> bool {
        return result.status_ == status;
    }

private:
    std::optional<T> value_;
    conqueue_status status_ = conqueue_status::success;
};

/// Whether an item went into a channel, and if not, why.
template <>
class [[nodiscard]] channel_result<void> {
public:
    explicit channel_result(conqueue_status status) noexcept : status_(status) {}

    [[nodiscard]] auto has_value() const noexcept -> bool {
        return status_ == conqueue_status::success;
    }
    [[nodiscard]] explicit operator bool() const noexcept { return has_value(); }
    [[nodiscard]] auto status() const noexcept -> conqueue_status { return status_; }

    [[nodiscard]] friend auto operator==(channel_result const& result,
                                         conqueue_status status) noexcept -> bool {
        return result.status_ == status;
    }

private:
    conqueue_status status_;
};

} // namespace llms::inline v0_1

#endif // LLMS_STREAM_CHANNEL_RESULT_HPP
