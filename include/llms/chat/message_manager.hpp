// SPDX-License-Identifier: MIT
//
// `message_manager`: the history of a conversation, kept within a budget. What goes to make room goes
// by whole turns, oldest first, so that a model never sees an answer without its question, a tool
// result without its call or a call without its result. System and pinned messages stay.
//
//     llms::message_manager talk{{.max_tokens = 8000}};
//     talk.append(llms::message::system("You are brief."));
//     talk.append(llms::message::user("What is a fjord?"));
//     llms::request ask{.model = "gpt-4o-mini", .messages = talk.snapshot().to_list()};
//     talk.append(client.complete(ask).message);
//
// A turn is a user's message and all that follows up to the next. Of the newest turn only finished
// steps go (an assistant's message with the results of its calls), never the last. What cannot be made
// to fit is a `history_error`, and the history is as before.
//
// A snapshot keeps alive what it holds and, while it is kept, what is said after it: hold one for a
// request, not for the life of a conversation. Up to 63 messages stay in memory after they were dropped.
//
// Thread safety: all of it; hooks run under no lock. Cost: append O(1) amortised, trimming included
// (O(turn) where steps of the newest turn go); a snapshot O(1), whatever the length.
#ifndef LLMS_CHAT_MESSAGE_MANAGER_HPP
#define LLMS_CHAT_MESSAGE_MANAGER_HPP

#include <llms/chat/message.hpp>
#include <llms/chat/pools.hpp>
#include <llms/detail/cache_file.hpp>
#include <llms/detail/chat_fields.hpp>
#include <llms/detail/chat_history_log.hpp>
#include <llms/detail/chat_json.hpp>
#include <llms/error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <iterator>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace llms::inline v0_1 {

/// A history cannot be what was asked for: the budget is too small for what must stay, a tool result and
/// its call do not come together, or a file is not a history.
class history_error : public error {
public:
    using error::error;
};

/// An estimate where no tokenizer is at hand: a token for four bytes of text, four for a message and
/// for each tool call, 1,000 for an image, for audio and files a token for 16 bytes of their base64.
/// English prose comes out some 10 % high, other scripts up to twice too high; never cut text by it.
[[nodiscard]] inline auto estimate_tokens(message const& m) -> std::size_t {
    struct estimate {
        static auto of_text(std::string const& text) -> std::size_t {
            return (text.size() + 3) / 4;
        }
        auto operator()(text_part const& p) const -> std::size_t { return of_text(p.text); }
        auto operator()(reasoning_part const& p) const -> std::size_t { return of_text(p.text); }
        auto operator()(image_part const& /*p*/) const -> std::size_t { return 1000; }
        auto operator()(audio_part const& p) const -> std::size_t { return p.data.size() / 16 + 1; }
        auto operator()(file_part const& p) const -> std::size_t { return p.data.size() / 16 + 1; }
        auto operator()(other_part const& /*p*/) const -> std::size_t { return 100; }
    };
    std::size_t tokens = 4 + estimate::of_text(m.name);
    for (auto const& part : m.content) {
        tokens += std::visit(estimate{}, part);
    }
    for (auto const& call : m.tool_calls) {
        tokens += 4 + estimate::of_text(call.name) + estimate::of_text(call.arguments);
    }
    return tokens;
}

/// Counts the tokens of a message, for one model. Called once for each message, under no lock.
using token_counter = std::function<std::size_t(message const&)>;

/// The most that a history may hold.
struct history_budget {
    std::size_t max_messages = 10'000;
    std::size_t max_tokens = std::numeric_limits<std::size_t>::max();
    std::size_t max_bytes = std::size_t{64} << 20U; ///< of texts and base64
};

/// The most that a file may hold to be loaded. Memory stays within some tens of times of its bytes; only
/// JSON of a hostile file comes to more than a few.
struct history_file_limits {
    std::size_t max_messages = 100'000;
    std::size_t max_bytes = std::size_t{64} << 20U; ///< of all messages as they are written
};

/// How a `message_manager` keeps its history.
struct message_manager_options {
    std::size_t max_messages = history_budget{}.max_messages;
    std::size_t max_tokens = history_budget{}.max_tokens;
    std::size_t max_bytes = history_budget{}.max_bytes;
    token_counter count_tokens{}; ///< by default `estimate_tokens`
    /// Given what was dropped, oldest first, the last summary before it: returns a message to stand in
    /// its place, in front of what is left, or none. If it throws, the caller of `append` or `trim`
    /// gets the exception, and the hook gets these messages again with the next.
    std::function<std::optional<message>(std::vector<std::shared_ptr<message const>> const&)>
        summarise{};
};

namespace detail {

/// Messages, their tokens and their bytes.
struct history_amount {
    std::size_t messages = 0;
    std::size_t tokens = 0;
    std::size_t bytes = 0;

    auto operator+=(history_amount const& other) noexcept -> history_amount& {
        messages += other.messages;
        tokens += other.tokens;
        bytes += other.bytes;
        return *this;
    }
    auto operator-=(history_amount const& other) noexcept -> history_amount& {
        messages -= other.messages;
        tokens -= other.tokens;
        bytes -= other.bytes;
        return *this;
    }
    [[nodiscard]] friend auto operator+(history_amount a, history_amount const& b) noexcept
        -> history_amount {
        return a += b;
    }
    [[nodiscard]] auto fits(history_budget const& budget) const noexcept -> bool {
        return messages <= budget.max_messages && tokens <= budget.max_tokens &&
               bytes <= budget.max_bytes;
    }
};

/// About how many bytes of memory a message takes.
[[nodiscard]] inline auto history_bytes(message const& m) -> std::size_t {
    struct size {
        static auto of(nlohmann::json const& j) -> std::size_t {
            return j.is_null() ? 0 : 4 * lenient_dump(j).size(); // about what the tree takes
        }
        auto operator()(text_part const& p) const -> std::size_t {
            return p.text.size() + of(p.extra);
        }
        auto operator()(reasoning_part const& p) const -> std::size_t {
            return p.text.size() + p.signature.size();
        }
        auto operator()(image_part const& p) const -> std::size_t {
            return p.url.size() + p.detail.size();
        }
        auto operator()(audio_part const& p) const -> std::size_t {
            return p.data.size() + p.format.size();
        }
        auto operator()(file_part const& p) const -> std::size_t {
            return p.data.size() + p.name.size() + p.id.size();
        }
        auto operator()(other_part const& p) const -> std::size_t { return of(p.raw); }
    };
    std::size_t bytes = sizeof(message) + m.name.size() + m.tool_call_id.size() + size::of(m.extra);
    for (auto const& part : m.content) {
        bytes += sizeof(part) + std::visit(size{}, part);
    }
    for (auto const& call : m.tool_calls) {
        bytes += sizeof(call) + call.id.size() + call.name.size() + call.arguments.size() +
                 size::of(call.extra);
    }
    return bytes;
}

[[nodiscard]] inline auto amount_of(message const& m, token_counter const& count)
    -> history_amount {
    return {1, count ? count(m) : estimate_tokens(m), history_bytes(m)};
}

/// One message of a history.
struct history_entry {
    std::shared_ptr<message const> what{};
    history_amount size{};
    bool stays = false; // system, developer or pinned
};

/// Where an entry stands in a history: the order in which they are written and read.
enum class history_place : std::uint8_t { kept, summary, live };

} // namespace detail

/// A conversation as it was at one moment: immutable, shared with its manager, oldest message first.
class history {
    using entry = detail::history_entry;
    using cursor = detail::history_log<entry>::cursor;

public:
    history() = default;

    /// Forward iterator over the messages.
    class iterator {
    public:
        using value_type = message;
        using difference_type = std::ptrdiff_t;

        iterator() = default;
        [[nodiscard]] auto operator*() const noexcept -> message const& { return *pointer(); }
        [[nodiscard]] auto operator->() const noexcept -> message const* { return pointer().get(); }
        /// The message, to keep.
        [[nodiscard]] auto pointer() const noexcept -> std::shared_ptr<message const> const& {
            return what().what;
        }
        auto operator++() -> iterator& {
            // A cursor is advanced only to what the snapshot holds: see history_log.
            if (kept_left_ > 0) {
                if (--kept_left_ > 0) {
                    kept_.advance();
                }
            } else if (summary_) {
                summary_.reset();
            } else if (--live_left_ > 0) {
                live_.advance();
            }
            --left_;
            return *this;
        }
        auto operator++(int) -> iterator {
            auto before = *this;
            ++*this;
            return before;
        }
        [[nodiscard]] friend auto operator==(iterator const& a, iterator const& b) noexcept
            -> bool {
            return a.left_ == b.left_;
        }

    private:
        friend class history;
        friend class message_manager;
        [[nodiscard]] auto place() const noexcept -> detail::history_place {
            using enum detail::history_place;
            return kept_left_ > 0 ? kept : summary_ ? summary : live;
        }
        [[nodiscard]] auto what() const noexcept -> entry const& {
            return kept_left_ > 0 ? *kept_ : summary_ ? *summary_ : *live_;
        }
        cursor kept_;
        cursor live_;
        std::optional<entry> summary_;
        std::size_t kept_left_ = 0;
        std::size_t live_left_ = 0;
        std::size_t left_ = 0;
    };

    [[nodiscard]] auto begin() const -> iterator {
        iterator first;
        first.kept_ = kept_;
        first.live_ = live_;
        first.summary_ = summary_;
        first.kept_left_ = kept_count_;
        first.live_left_ = live_count_;
        first.left_ = size();
        return first;
    }
    [[nodiscard]] static auto end() -> iterator { return {}; }

    [[nodiscard]] auto size() const noexcept -> std::size_t {
        return kept_count_ + (summary_ ? 1 : 0) + live_count_;
    }
    [[nodiscard]] auto empty() const noexcept -> bool { return size() == 0; }
    /// As the manager's counter counted them.
    [[nodiscard]] auto tokens() const noexcept -> std::size_t { return tokens_; }

    /// The messages of a request: a copy of each, O(bytes).
    [[nodiscard]] auto to_list() const -> message_list {
        message_list list;
        list.reserve(size());
        for (auto const& each : *this) {
            list.push_back(each.clone());
        }
        return list;
    }

private:
    friend class message_manager;

    cursor kept_;                  // what stays of the turns that went
    cursor live_;                  // the turns that are left
    std::optional<entry> summary_; // between them
    std::size_t kept_count_ = 0;
    std::size_t live_count_ = 0;
    std::size_t tokens_ = 0;
};

/// The history of a conversation; see the head of this file.
class message_manager {
    using entry = detail::history_entry;
    using amount = detail::history_amount;
    using log = detail::history_log<entry>;

public:
    explicit message_manager(message_manager_options options = {})
        : options_(std::move(options)),
          budget_{options_.max_messages, options_.max_tokens, options_.max_bytes} {}

    /// Adds a message; a pinned one stays as a system message does, tool results with the message that
    /// asked for them. Makes room if need be. Returns the message, which `pin` knows it by.
    /// \throws history_error when what must stay would not fit, when a tool result has no call that
    /// waits for it, or when another message comes before the results of all calls; nothing has changed
    /// then. What the counter and `summarise` throw.
    auto append(message what, bool pinned = false) -> std::shared_ptr<message const> {
        auto added = make(std::move(what), pinned);
        auto handle = added.what;
        {
            std::lock_guard const lock(mutex_);
            check_order(*added.what);
            if (added.what->role == role::tool) {
                added.stays = step_stays_; // with its call, or not at all
            }
            demand(least_with(added), budget_);
            add(added);
            make_room(budget_);
        }
        summarise(budget_);
        return handle;
    }

    /// Pins a message that was returned by `append` or stands in a snapshot, as `append` does: a call
    /// together with its results, and a result with its call. False if it has gone. Snapshots taken
    /// before are not affected. O(length).
    auto pin(std::shared_ptr<message const> const& what) -> bool { return set_pinned(what, true); }
    /// Lets a pinned message go with its turn again: at once if that has gone already. System and
    /// developer messages stay. False if it has gone. O(length).
    auto unpin(std::shared_ptr<message const> const& what) -> bool {
        return set_pinned(what, false);
    }

    /// Writes the history as it is now, with its pins and its summary, to a `std::ostream` or anything
    /// else with its `write`. Others may append meanwhile. Each message is read back before it is
    /// written: no file is made that cannot be read.
    /// \throws history_error when a message has JSON that is not UTF-8, not finite or deeper than 256,
    /// or more than 65,536 parts or 1,024 calls; the file is then of no use, as when the stream fails.
    template <class Stream>
    void save(Stream& out) const {
        auto const talk = snapshot();
        using std::chrono::nanoseconds;
        auto const now = std::chrono::system_clock::now().time_since_epoch();
        detail::cache_file_writer<Stream> file(
            out, std::chrono::duration_cast<nanoseconds>(now).count(), file_magic);
        std::size_t number = 0;
        auto const refusal = [&number](char const* why) {
            return history_error("message_manager: message " + std::to_string(number) +
                                 " cannot be saved: " + why);
        };
        std::string bytes;
        for (auto at = talk.begin(); at != history::end(); ++at, ++number) {
            bytes.clear();
            try {
                detail::fields_out put(bytes);
                put(std::uint64_t(at.place()), std::uint64_t{at.what().stays}, *at);
            } catch (nlohmann::json::exception const& e) {
                throw refusal(e.what());
            }
            if (auto const read = read_back(bytes); !read || read->what != *at) {
                throw refusal("it has JSON that is no JSON or too deep, or too many parts");
            }
            file.record(bytes);
        }
        file.end();
    }

    /// Replaces the history by one that `save` wrote, read from a `std::istream` or anything else with
    /// its `read` and `gcount`; makes room if this manager's budget is smaller. What follows the history
    /// in the stream is left there. The file may come from anywhere.
    /// \throws history_error when the file is cut short, damaged, beyond the limits or not a history
    /// (with the offset of what is wrong), or what must stay does not fit; nothing has changed then.
    template <class Stream>
    void load(Stream& in, history_file_limits const& limits = {}) {
        detail::cache_file_reader<Stream> file(in, file_magic);
        auto const refusal = [&file](std::string_view what) {
            return history_error("message_manager: the file cannot be loaded: at offset " +
                                 std::to_string(file.offset()) + " is " + std::string(what));
        };
        switch (file.head()) {
        case cache_load_result::loaded:
            break;
        case cache_load_result::not_a_cache:
            throw refusal("not the beginning of a history");
        case cache_load_result::other_version:
            throw refusal("the beginning of a history of another version");
        case cache_load_result::corrupt:
            throw refusal(file.what());
        }
        message_manager fresh(options_); // not seen by others
        auto place = detail::history_place::kept;
        auto bytes_left = limits.max_bytes;
        while (auto const bytes = file.next(bytes_left)) {
            bytes_left -= bytes->size();
            auto read = read_back(*bytes);
            if (!read) {
                throw refusal("what is not a message");
            }
            if (fresh.seen_.size() == limits.max_messages) {
                throw refusal("a message more than the limit");
            }
            try {
                fresh.check_order(read->what);
            } catch (history_error const& e) {
                throw refusal("a message out of order: " + std::string(e.what()));
            }
            auto const is_second =
                read->place == detail::history_place::summary && fresh.seen_.summary_;
            if (read->place < place || is_second ||
                (read->place > place && !fresh.waiting_.empty())) {
                throw refusal("a message out of place");
            }
            place = read->place;
            fresh.put_back(make(std::move(read->what), read->stays), place);
        }
        if (!file.is_complete()) {
            throw refusal(file.what());
        }
        if (place != detail::history_place::live && !fresh.waiting_.empty()) {
            throw refusal("the end, and a call has no result");
        }
        demand(fresh.staying_ + fresh.opening_ + fresh.step_, budget_);
        fresh.make_room(budget_);
        {
            std::lock_guard const lock(mutex_);
            adopt(fresh);
            dropped_.swap(fresh.dropped_);
            ++cleared_;
        }
        summarise(budget_);
    }

    /// The conversation as it is now.
    [[nodiscard]] auto snapshot() const -> history {
        std::lock_guard const lock(mutex_);
        return seen_;
    }

    /// Drops turns until the history fits `budget`, too.
    /// \throws history_error when what must stay does not fit; nothing has changed then.
    void trim(history_budget const& budget) {
        {
            std::lock_guard const lock(mutex_);
            demand(staying_ + opening_ + step_, budget);
            make_room(budget);
        }
        summarise(budget);
    }

    [[nodiscard]] auto size() const -> std::size_t {
        std::lock_guard const lock(mutex_);
        return seen_.size();
    }
    [[nodiscard]] auto tokens() const -> std::size_t {
        std::lock_guard const lock(mutex_);
        return seen_.tokens();
    }

    /// Forgets everything, pinned messages too.
    void clear() {
        message_manager fresh;
        std::lock_guard const lock(mutex_);
        adopt(fresh);
        dropped_.swap(fresh.dropped_);
        ++cleared_;
    }

private:
    static constexpr std::string_view file_magic = "llmstalk";

    struct read_message {
        detail::history_place place;
        bool stays;
        message what;
    };

    [[nodiscard]] static auto read_back(std::string_view bytes) -> std::optional<read_message> {
        detail::fields_in take(bytes);
        auto const place = take.number(std::uint64_t(detail::history_place::live));
        auto const stays = take.number(1) == 1;
        std::optional<read_message> made({static_cast<detail::history_place>(place), stays, {}});
        take(made->what);
        if (!take.at_end()) {
            made.reset();
        }
        return made;
    }

    // Takes everything but what was dropped from another manager, which is then fit only to die.
    void adopt(message_manager& other) noexcept {
        std::swap(seen_, other.seen_);
        std::swap(kept_, other.kept_);
        std::swap(live_, other.live_);
        turns_.swap(other.turns_);
        waiting_.swap(other.waiting_);
        all_ = other.all_;
        staying_ = other.staying_;
        opening_ = other.opening_;
        step_ = other.step_;
        step_stays_ = other.step_stays_;
    }

    // What snapshots share cannot be changed: the history is written anew, with one step changed.
    [[nodiscard]] auto set_pinned(std::shared_ptr<message const> const& what, bool pinned) -> bool {
        message_manager fresh(options_);
        {
            std::lock_guard const lock(mutex_);
            std::vector<std::pair<entry, detail::history_place>> entries;
            entries.reserve(seen_.size());
            auto found = seen_.size();
            for (auto at = seen_.begin(); at != history::end(); ++at) {
                if (at.pointer() == what) {
                    found = entries.size();
                }
                entries.emplace_back(at.what(), at.place());
            }
            if (found == entries.size()) {
                return false;
            }
            auto const who = [&](std::size_t i) {
                return entries[i].first.what->role;
            };
            auto const is_in_step = [&](std::size_t i) { // results, or what stands between them
                return who(i) != role::user && who(i) != role::assistant;
            };
            if (who(found) == role::tool) {
                while (who(found) != role::assistant) {
                    --found;
                }
            }
            auto const place = entries[found].second;
            if (who(found) == role::user || who(found) == role::assistant) {
                auto i = found;
                do {
                    if (who(i) != role::system && who(i) != role::developer) {
                        entries[i].first.stays = pinned;
                    }
                } while (++i < entries.size() && who(found) == role::assistant && is_in_step(i) &&
                         entries[i].second == place);
            }
            for (auto& [each, where] : entries) {
                if (where == detail::history_place::kept && !each.stays) {
                    fresh.remember_dropped(each);
                } else {
                    fresh.put_back(std::move(each), where);
                }
            }
            dropped_.insert(dropped_.end(), fresh.dropped_.begin(), fresh.dropped_.end());
            adopt(fresh);
        }
        summarise(budget_);
        return true;
    }

    // Adds an entry where it stood in another manager.
    void put_back(entry added, detail::history_place place) {
        if (place == detail::history_place::live) {
            if (added.what->role == role::tool) {
                added.stays = step_stays_;
            }
            add(added);
            return;
        }
        added.stays = true;
        follow(*added.what);
        all_ += added.size;
        staying_ += added.size;
        seen_.tokens_ = all_.tokens;
        if (place == detail::history_place::kept) {
            keep(added);
        } else {
            seen_.summary_ = std::move(added);
        }
    }

    [[nodiscard]] auto make(message&& what, bool pinned) -> entry {
        entry made;
        made.size = detail::amount_of(what, options_.count_tokens);
        made.stays = pinned || what.role == role::system || what.role == role::developer;
        auto pooled_message = pool_.acquire();
        *pooled_message = std::move(what);
        made.what = std::shared_ptr<message>(std::move(pooled_message));
        return made;
    }

    void check_order(message const& next) const {
        if (next.role == role::tool) {
            if (std::find(waiting_.begin(), waiting_.end(), next.tool_call_id) == waiting_.end()) {
                throw history_error("message_manager: no call waits for a result of \"" +
                                    next.tool_call_id + '"');
            }
        } else if (!waiting_.empty() && next.role != role::system && next.role != role::developer) {
            throw history_error("message_manager: the call \"" + waiting_.front() +
                                "\" has no result yet, and a message of the " +
                                std::string(to_string(next.role)) + " cannot come before it");
        }
    }

    // What must stay once `added` is there: all that stays, how the newest turn opens, its last step.
    [[nodiscard]] auto least_with(entry const& added) const -> amount {
        auto least = staying_ + added.size;
        if (added.what->role != role::user) {
            least += opening_;
            if (added.what->role != role::assistant) {
                least += step_;
            }
        }
        return least;
    }

    static void demand(amount const& least, history_budget const& budget) {
        auto const check = [](char const* what, std::size_t needed, std::size_t allowed) {
            if (needed > allowed) {
                throw history_error("message_manager: what must stay takes " +
                                    std::to_string(needed) + ' ' + what + ", and the budget is " +
                                    std::to_string(allowed));
            }
        };
        check("tokens", least.tokens, budget.max_tokens);
        check("messages", least.messages, budget.max_messages);
        check("bytes", least.bytes, budget.max_bytes);
    }

    void add(entry const& added) {
        auto const& m = *added.what;
        if (turns_.empty() || m.role == role::user) {
            turns_.push_back(0); // first: it may throw
        }
        put(added);
        ++turns_.back();
        all_ += added.size;
        auto const goes = added.stays ? amount{} : added.size;
        if (added.stays) {
            staying_ += added.size;
        }
        switch (m.role) {
        case role::user:
            opening_ = goes;
            step_ = {};
            step_stays_ = false;
            break;
        case role::assistant:
            step_ = goes;
            step_stays_ = added.stays;
            break;
        case role::tool:
            step_ += goes;
            break;
        case role::system:
        case role::developer:
            break;
        }
        follow(m);
        seen_.tokens_ = all_.tokens;
    }

    // Its calls wait for results; a result has been waited for.
    void follow(message const& m) {
        if (m.role == role::tool) {
            waiting_.erase(std::find(waiting_.begin(), waiting_.end(), m.tool_call_id));
        }
        for (auto const& call : m.tool_calls) {
            waiting_.push_back(call.id);
        }
    }

    void put(entry const& added) {
        auto const place = live_.append(added);
        if (seen_.live_count_++ == 0) {
            seen_.live_ = place;
        }
    }

    void make_room(history_budget const& budget) {
        if (all_.fits(budget)) {
            return;
        }
        if (seen_.summary_ && turns_.size() > 1) {
            drop_summary(); // it becomes part of the next
        }
        while (!all_.fits(budget) && turns_.size() > 1) {
            drop_oldest_turn();
        }
        if (!all_.fits(budget)) {
            drop_steps(budget);
        }
        seen_.tokens_ = all_.tokens;
    }

    void drop_summary() {
        all_ -= seen_.summary_->size;
        staying_ -= seen_.summary_->size;
        dropped_.push_front(seen_.summary_->what); // before all that went since
        seen_.summary_.reset();
    }

    void drop_oldest_turn() {
        for (auto left = turns_.front(); left > 0; --left) {
            drop_first();
        }
        turns_.pop_front();
    }

    void drop_first() {
        entry const gone = *seen_.live_;
        if (gone.stays) {
            keep(gone);
        } else {
            all_ -= gone.size;
            remember_dropped(gone);
        }
        if (--seen_.live_count_ > 0) {
            seen_.live_.advance();
        } else {
            seen_.live_ = {};
        }
    }

    void keep(entry const& staying) {
        auto const place = kept_.append(staying);
        if (seen_.kept_count_++ == 0) {
            seen_.kept_ = place;
        }
    }

    // Of the one turn that is left, the finished steps, oldest first, until a quarter of the budget is
    // free, so that a long turn does not pay for this at every step. Then the turn is written anew.
    void drop_steps(history_budget const& budget) {
        if (seen_.summary_) {
            drop_summary();
        }
        history_budget const aim{budget.max_messages - budget.max_messages / 4,
                                 budget.max_tokens - budget.max_tokens / 4,
                                 budget.max_bytes - budget.max_bytes / 4};
        std::vector<entry> entries;
        for (auto at = seen_.live_; entries.size() < seen_.live_count_;) {
            entries.push_back(*at);
            if (entries.size() < seen_.live_count_) {
                at.advance();
            }
        }
        auto last_step = entries.size(); // where the last one begins
        do {
            --last_step;
        } while (last_step > 0 && entries[last_step].what->role != role::user &&
                 entries[last_step].what->role != role::assistant);
        seen_.live_ = {};
        seen_.live_count_ = 0;
        live_ = {}; // snapshots keep the old blocks
        bool dropping = false;
        std::size_t left = 0;
        for (std::size_t i = 0; i < entries.size(); ++i) {
            auto const& each = entries[i];
            auto const who = each.what->role;
            if (!each.stays && who != role::tool) { // a step begins, or the turn
                dropping = who == role::assistant && i < last_step && !all_.fits(aim);
            }
            if (dropping && !each.stays) {
                all_ -= each.size;
                remember_dropped(each);
            } else {
                put(each);
                ++left;
            }
        }
        turns_.front() = left;
    }

    void remember_dropped(entry const& gone) {
        if (options_.summarise) {
            dropped_.push_back(gone.what);
            bound_dropped();
        }
    }

    // A hook that keeps failing must not keep all of it.
    void bound_dropped() {
        while (dropped_.size() > options_.max_messages) {
            dropped_.pop_front();
        }
    }

    // One thread at a time calls the hook, so that each summary covers those before it.
    void summarise(history_budget const& budget) {
        std::unique_lock lock(mutex_);
        while (options_.summarise && !summarising_ && !dropped_.empty()) {
            if (seen_.summary_) {
                drop_summary();
                seen_.tokens_ = all_.tokens;
            }
            std::vector<std::shared_ptr<message const>> const batch(dropped_.begin(),
                                                                    dropped_.end());
            dropped_.clear();
            summarising_ = true;
            auto const cleared = cleared_;
            lock.unlock();
            std::optional<entry> made;
            try {
                if (auto summary = options_.summarise(batch)) {
                    made = make(*std::move(summary), true);
                }
            } catch (...) {
                lock.lock();
                summarising_ = false;
                if (cleared == cleared_) {
                    dropped_.insert(dropped_.begin(), batch.begin(), batch.end());
                    bound_dropped();
                }
                throw;
            }
            lock.lock();
            summarising_ = false;
            if (made && cleared == cleared_ &&
                (staying_ + opening_ + step_ + made->size).fits(budget)) {
                all_ += made->size;
                staying_ += made->size;
                make_room(budget); // it may take the place of one more turn
                seen_.summary_ = *std::move(made);
                seen_.tokens_ = all_.tokens;
            }
        }
    }

    message_manager_options options_;
    history_budget budget_;
    message_pool pool_{{.max_idle = 64}}; // of what was dropped

    std::mutex mutable mutex_; // guards what follows
    history seen_;             // what a snapshot is
    log kept_;
    log live_;
    std::deque<std::size_t> turns_;    // how many messages of live_ each has; the last is open
    std::vector<std::string> waiting_; // calls without a result
    amount all_;
    amount staying_;          // of it: system, pinned, the summary
    amount opening_;          // of it: the user's message of the newest turn
    amount step_;             // of it: the newest turn's last step
    bool step_stays_ = false; // that step is pinned
    std::deque<std::shared_ptr<message const>> dropped_; // not summarised yet
    bool summarising_ = false;
    std::uint64_t cleared_ = 0; // how often: a summary of what was cleared is thrown away
};

} // namespace llms::inline v0_1

#endif // LLMS_CHAT_MESSAGE_MANAGER_HPP
