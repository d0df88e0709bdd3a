// SPDX-License-Identifier: MIT
//
// A JSON value in the making: it grows by events, is whole at any time, and knows the JSON Pointers
// of what is open. Nothing that was built moves before its container is closed.
#ifndef LLMS_DETAIL_JSON_BUILDER_HPP
#define LLMS_DETAIL_JSON_BUILDER_HPP

#include <llms/detail/json_lexer.hpp>
#include <llms/detail/schema_uri.hpp>
#include <llms/version.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace llms::inline v0_1::detail {

template <class Json>
class json_builder {
public:
    [[nodiscard]] auto root() const noexcept -> Json const& { return *root_; }
    [[nodiscard]] auto has_value() const noexcept -> bool { return has_value_; }
    [[nodiscard]] auto depth() const noexcept -> std::size_t { return open_.size(); }

    /// The open container that is inside of `outer` others.
    [[nodiscard]] auto container(std::size_t outer) const noexcept -> Json const& {
        return *open_[outer].container;
    }
    [[nodiscard]] auto innermost() const noexcept -> Json const& { return *open_.back().container; }

    /// The value that was put, opened or grew last, until the next event.
    [[nodiscard]] auto current() const noexcept -> Json const& { return *current_; }

    [[nodiscard]] auto in_text() const noexcept -> bool { return in_text_; }

    void begin_container(bool is_object) {
        auto& made = put(is_object ? Json::object() : Json::array());
        if (open_.empty()) {
            pointer_.clear();
        } else {
            pointer_.resize(open_.back().pointer_size);
            append_step(pointer_, open_.back().count - 1);
        }
        open_.push_back({&made, 0, pointer_.size()});
    }

    /// The closed container is the current value.
    void end_container() {
        current_ = open_.back().container;
        pointer_.resize(open_.back().pointer_size);
        open_.pop_back();
        closed_ = true;
    }

    void begin_name() { name_.clear(); }
    void grow_name(std::string_view part) { name_.append(part); }
    /// Whether the innermost object has a member of the present name already.
    [[nodiscard]] auto has_name() const -> bool {
        return innermost().find(name_) != innermost().end();
    }

    void begin_text() {
        put(Json(std::string{}));
        in_text_ = true;
    }
    void grow_text(std::string_view part) {
        current_->template get_ptr<std::string*>()->append(part);
    }
    void end_text() { in_text_ = false; }

    auto put(Json&& value) -> Json& {
        closed_ = false;
        if (open_.empty()) {
            *root_ = std::move(value);
            has_value_ = true;
            return *(current_ = root_.get());
        }
        auto& to = open_.back();
        ++to.count;
        if (to.container->is_object()) {
            current_ = &(*to.container->template get_ptr<typename Json::object_t*>())[name_];
            *current_ = std::move(value);
        } else {
            auto& items = *to.container->template get_ptr<typename Json::array_t*>();
            items.push_back(std::move(value));
            current_ = &items.back();
        }
        return *current_;
    }

    /// JSON Pointer of the container inside of `outer` others.
    [[nodiscard]] auto pointer_to(std::size_t outer) const -> std::string {
        return pointer_.substr(0, open_[outer].pointer_size);
    }

    /// JSON Pointer of the current value.
    [[nodiscard]] auto pointer() const -> std::string {
        std::string result;
        pointer_to_current(result);
        return result;
    }
    /// As `pointer`, into a string that is there.
    void pointer_to_current(std::string& result) const {
        if (closed_ || open_.empty()) {
            result.assign(closed_ ? pointer_ : std::string_view{});
            return;
        }
        result.assign(pointer_, 0, open_.back().pointer_size);
        if (current_ != open_.back().container) {
            append_step(result, open_.back().count - 1);
        }
    }

    [[nodiscard]] auto take() && -> Json { return std::move(*root_); }

private:
    struct level {
        Json* container;
        std::size_t count; // of the values that were put
        std::size_t pointer_size;
    };

    // Appends the step from the innermost container to the member of the present name, or to an item.
    void append_step(std::string& pointer, std::size_t index) const {
        schema_engine::append_pointer_token(pointer, open_.back().container->is_object()
                                                         ? std::string_view(name_)
                                                         : std::to_string(index));
    }

    std::unique_ptr<Json> root_ = std::make_unique<Json>(); // stays where it is when this is moved
    Json* current_ = root_.get();
    bool has_value_ = false;
    bool in_text_ = false;
    bool closed_ = false; // the current value is a container that was closed
    std::vector<level> open_;
    std::string pointer_; // of the container opened or closed last
    std::string name_;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_JSON_BUILDER_HPP
