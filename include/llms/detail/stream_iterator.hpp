// SPDX-License-Identifier: MIT
//
// Input iterator over what can be popped: reads one item ahead, and no more, so that a loop that is
// left leaves the rest inside.
#ifndef LLMS_DETAIL_STREAM_ITERATOR_HPP
#define LLMS_DETAIL_STREAM_ITERATOR_HPP

#include <llms/stream/channel_result.hpp>
#include <llms/stream/conqueue_status.hpp>

#include <cstddef>
#include <iterator>

namespace llms::inline v0_1::detail {

template <class Source>
class stream_iterator {
public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = typename Source::value_type;
    using difference_type = std::ptrdiff_t;

    explicit stream_iterator(Source& source) : source_(&source), item_(source.pop()) {}

    auto operator*() const noexcept -> value_type& { return *item_; }
    auto operator->() const noexcept -> value_type* { return &*item_; }

    auto operator++() -> stream_iterator& {
        item_.fail(
            conqueue_status::empty); // a consumer that waits does not hold on to the old item
        item_ = source_->pop();
        return *this;
    }
    void operator++(int) { ++*this; }

    [[nodiscard]] friend auto operator==(stream_iterator const& position,
                                         std::default_sentinel_t /*end*/) noexcept -> bool {
        return !position.item_;
    }

private:
    Source* source_;
    mutable channel_result<value_type> item_; // an input iterator's item is not part of its value
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_STREAM_ITERATOR_HPP
