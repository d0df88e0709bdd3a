// SPDX-License-Identifier: MIT
//
// Where the idle objects of a pool are kept: a stack per thread (its magazine) over a bounded depot
// of shelves. Knows nothing of the objects but how to have one destroyed.
//
// Taking and giving touch the thread's own magazine only. When that is empty or full, a batch of
// objects comes from or goes to one shelf, which is claimed with one compare-and-swap; a shelf that
// another thread has claimed is passed over. So there is no lock: a thread that is stopped, or lost
// by a fork, holds up nobody.
//
// Source: J. Bonwick, J. Adams, Magazines and Vmem, USENIX 2001 (magazines over a depot).
#ifndef LLMS_DETAIL_MEMORY_RECYCLER_HPP
#define LLMS_DETAIL_MEMORY_RECYCLER_HPP

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>

namespace llms::inline v0_1::detail {

class recycler;

// What precedes every pooled object.
struct pool_node {
    recycler* owner = nullptr;
};

inline constexpr std::size_t max_batch = 32;

// One thread's idle objects of one recycler. What is not atomic is the holder's, but for `owner`
// and `next_of_owner`, which never change.
struct alignas(64) magazine {
    recycler* owner = nullptr;
    std::uint32_t count = 0;              // objects in `items`
    std::uint32_t limit = 0;              // how many it may hold: room reserved in the recycler
    std::uint32_t epoch = 0;              // the recycler's when this was last emptied
    std::atomic<bool> held = false;       // by some thread
    std::atomic<bool> emptied = false;    // by the thread or pool that ended first: nobody else may
    std::atomic<std::uint64_t> taken = 0; // written by the holder, read by all
    std::atomic<std::uint64_t> given = 0;
    magazine* next_of_owner = nullptr;
    magazine* next_of_thread = nullptr;
    std::array<pool_node*, 2 * max_batch> items{};
};

inline constinit magazine no_magazine{};

// The magazines of this thread. `recent` is a table by the recycler's number: one load and one
// comparison find the right one. Constant initialisation and trivial destruction spare it the guard
// that other thread_local objects call on every use.
struct thread_magazines {
    static constexpr std::size_t ways = 16;
    std::array<magazine*, ways> recent{};
    magazine* first = nullptr;
    bool over = false; // the thread is ending: it attaches to no recycler any more

    constexpr thread_magazines() noexcept { recent.fill(&no_magazine); }
};

inline constinit thread_local thread_magazines this_thread_magazines{};

// Has the first lines of an object come over while others are used.
inline void prefetch_head([[maybe_unused]] pool_node const* node) noexcept {
#if defined(__GNUC__)
    auto const* const bytes = reinterpret_cast<char const*>(node); // NOLINT(*-reinterpret-cast)
    __builtin_prefetch(bytes, 1);
    __builtin_prefetch(bytes + 64, 1);
#endif
}

// Life. A recycler is open until its pool ends, and lives until its last reference has gone: the
// pool's, one for every magazine held, one for every handle. `references_` counts the first two,
// times two; its lowest bit says "open". Handles are not counted while the pool is open, which
// would cost an atomic increment each. When all counted references are gone nobody takes or gives
// without it being seen, so that the number of handles still out is exact; only then are they
// counted, in `late_`.
// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): keeps what is read off written lines
class recycler {
public:
    static constexpr std::size_t most_idle = 65'536;

    recycler(recycler const&) = delete;
    auto operator=(recycler const&) -> recycler& = delete;
    virtual ~recycler() {
        for (auto* each = magazines_.load(std::memory_order_acquire); each != nullptr;) {
            auto* const next = each->next_of_owner;
            delete each;
            each = next;
        }
    }

    // Takes an idle object; null when there is none.
    [[nodiscard]] auto take() noexcept -> pool_node* {
        magazine& mine = *this_thread_magazines.recent[number_];
        if (mine.owner == this && mine.count != 0) [[likely]] {
            return pop(mine);
        }
        return take_slow();
    }

    // Takes an object back. It may be destroyed at once, and with it the recycler.
    void give(pool_node* node) noexcept {
        magazine& mine = *this_thread_magazines.recent[number_];
        if (mine.owner == this && mine.count < mine.limit &&
            mine.epoch == epoch_.load(std::memory_order_relaxed)) [[likely]] {
            push(mine, node);
        } else {
            give_slow(node);
        }
    }

    // As `give`, for an object not worth keeping.
    [[gnu::noinline]] void discard(pool_node* node) noexcept {
        destroy_one(node);
        note_given();
    }

    // Counts an object that was made because `take` had none: it is out, as if taken.
    [[gnu::noinline]] void note_made_and_taken() noexcept {
        missed_.fetch_add(1, std::memory_order_relaxed);
        if (magazine* const mine = my_magazine()) {
            increment<std::memory_order_relaxed>(mine->taken);
        } else {
            taken_.fetch_add(1, std::memory_order_relaxed);
        }
    }

    // Before an object is made in advance: false if there is no room for it.
    [[nodiscard]] auto reserve_one() noexcept -> bool { return reserve(1) == 1; }

    // Keeps it.
    void keep_prepared(pool_node* node) noexcept {
        prepared_.fetch_add(1, std::memory_order_relaxed);
        stow(&node, 1);
    }

    // Destroys what the depot and this thread hold, and has the other threads destroy what they
    // hold when they next give something.
    auto trim() noexcept -> std::size_t {
        auto const epoch = epoch_.fetch_add(1, std::memory_order_relaxed) + 1;
        auto destroyed = empty_depot();
        if (magazine* const mine = attached_magazine()) {
            mine->epoch = epoch;
            destroyed += empty(*mine);
        }
        return destroyed;
    }

    struct tally {
        std::uint64_t taken = 0;
        std::uint64_t given = 0;
        std::uint64_t missed = 0;   // objects made because there was none to take
        std::uint64_t prepared = 0; // objects made in advance
        std::uint64_t dropped = 0;  // objects destroyed
    };

    // Exact when no other thread takes or gives meanwhile.
    [[nodiscard]] auto count() const noexcept -> tally {
        tally sum;
        sum.given = given_.load(std::memory_order_acquire);
        sum.taken = taken_.load(std::memory_order_relaxed);
        sum.missed = missed_.load(std::memory_order_relaxed);
        sum.prepared = prepared_.load(std::memory_order_relaxed);
        sum.dropped = dropped_.load(std::memory_order_relaxed);
        for (auto const* each = magazines_.load(std::memory_order_acquire); each != nullptr;
             each = each->next_of_owner) {
            sum.given += each->given.load(std::memory_order_acquire);
            sum.taken += each->taken.load(std::memory_order_relaxed);
        }
        return sum;
    }

    // The pool ends: destroys the idle objects and gives up the pool's reference. What is in the
    // magazines of other threads is destroyed too, unless a handle is still out.
    void close() noexcept {
        references_.fetch_add(1, std::memory_order_acq_rel); // "open" becomes a counted reference
        epoch_.fetch_add(1, std::memory_order_release);
        if (magazine* const mine = attached_magazine()) {
            empty(*mine);
            detach(*mine);
        }
        empty_depot();
        // All takes happened before close() began. If as many have been given, every give is over
        // and seen here, for `given` is written last; and with no handle out no thread will touch
        // its magazine again, but to empty it at its end.
        if (auto const sum = count(); sum.taken == sum.given) {
            empty_all_magazines();
        }
        release();
    }

protected:
    explicit recycler(std::size_t max_idle)
        : batch_(static_cast<std::uint32_t>(lesser(max_idle / 8 + 1, max_batch))),
          shelves_(shelves_for(lesser(max_idle, most_idle))),
          depot_(std::make_unique<shelf[]>(shelves_)),
          room_(lesser(max_idle, most_idle)) {
        add_magazine();
    }

    virtual void destroy(pool_node* node) noexcept = 0;

private:
    static constexpr std::int64_t handles_unknown = std::numeric_limits<std::int64_t>::max() / 2;

    // One place of the depot. `state` is twice the number of objects, plus one while it is claimed;
    // the objects are touched by the claimant only.
    struct alignas(64) shelf {
        std::atomic<std::uint32_t> state = 0;
        std::array<pool_node*, max_batch> items{};

        [[nodiscard]] auto claim(std::uint32_t expected) noexcept -> bool {
            return state.compare_exchange_strong(expected, expected + 1, std::memory_order_acquire,
                                                 std::memory_order_relaxed);
        }

        void put_back(std::uint32_t count) noexcept {
            state.store(2 * count, std::memory_order_release);
        }
    };

    // std::min costs the whole of <algorithm>.
    static constexpr auto lesser(std::size_t a, std::size_t b) noexcept -> std::size_t {
        return a < b ? a : b;
    }

    // Some more than needed, because not all shelves are full when the room is used up.
    static constexpr auto shelves_for(std::size_t max_idle) noexcept -> std::size_t {
        return max_idle == 0 ? 0 : 4 + max_idle / max_batch + max_idle / max_batch / 4;
    }

    // For a counter with one writer: no read-modify-write. The order is a template argument, for g++
    // may leave the function out of line and then chooses between the orders at every call.
    template <std::memory_order Order>
    static void increment(std::atomic<std::uint64_t>& counter) noexcept {
        counter.store(counter.load(std::memory_order_relaxed) + 1, Order);
    }

    static auto pop(magazine& mine) noexcept -> pool_node* {
        increment<std::memory_order_relaxed>(mine.taken);
        return mine.items[--mine.count];
    }

    static void push(magazine& mine, pool_node* node) noexcept {
        mine.items[mine.count++] = node;
        increment<std::memory_order_release>(mine.given); // last: close() relies on it
    }

    // ---- Room. max_idle = room_ + the limits of all magazines + the objects in the depot.

    auto reserve(std::size_t wanted) noexcept -> std::size_t {
        auto room = room_.load(std::memory_order_relaxed);
        auto granted = lesser(wanted, room);
        while (granted != 0 &&
               !room_.compare_exchange_weak(room, room - granted, std::memory_order_relaxed)) {
            granted = lesser(wanted, room);
        }
        return granted;
    }

    void give_room(std::size_t n) noexcept { room_.fetch_add(n, std::memory_order_relaxed); }

    // ---- The depot. Filled from the back and emptied from the front, so that those who give and
    // those who take seldom meet.

    // Moves up to `most` objects of one shelf to `items`, and returns their number.
    auto fetch(pool_node** items, std::uint32_t most) noexcept -> std::uint32_t {
        for (std::size_t i = 0; i < shelves_; ++i) {
            auto& from = depot_[i];
            auto const state = from.state.load(std::memory_order_relaxed);
            if (state == 0 || state % 2 != 0 || !from.claim(state)) {
                continue;
            }
            auto const count = state / 2;
            auto const moved = count < most ? count : most;
            for (std::uint32_t k = 0; k < moved; ++k) {
                items[k] = from.items[count - moved + k];
            }
            from.put_back(count - moved);
            return moved;
        }
        return 0;
    }

    // Keeps `count` objects, at most max_batch, whose room is reserved; if it finds no shelf with
    // space for all of them it destroys them.
    void stow(pool_node* const* items, std::uint32_t count) noexcept {
        for (std::size_t i = shelves_; i-- > 0;) {
            auto& to = depot_[i];
            auto const state = to.state.load(std::memory_order_relaxed);
            if (state % 2 != 0 || state / 2 + count > max_batch || !to.claim(state)) {
                continue;
            }
            for (std::uint32_t k = 0; k < count; ++k) {
                to.items[state / 2 + k] = items[k];
            }
            to.put_back(state / 2 + count);
            return;
        }
        for (std::uint32_t k = 0; k < count; ++k) {
            destroy_one(items[k]);
        }
        give_room(count);
    }

    // ---- Destruction.

    void destroy_one(pool_node* node) noexcept {
        dropped_.fetch_add(1, std::memory_order_relaxed);
        destroy(node);
    }

    auto empty_depot() noexcept -> std::size_t {
        std::size_t destroyed = 0;
        std::array<pool_node*, max_batch> items;
        while (auto const count = fetch(items.data(), max_batch)) {
            for (std::uint32_t k = 0; k < count; ++k) {
                destroy_one(items[k]);
            }
            give_room(count);
            destroyed += count;
        }
        return destroyed;
    }

    // For the holder, while the pool is open or a handle is out.
    auto empty(magazine& mine) noexcept -> std::size_t {
        give_room(mine.limit - mine.count);
        mine.limit = mine.count;
        std::size_t destroyed = 0;
        for (; mine.count != 0; ++destroyed) {
            --mine.limit; // before the destructor, which may give an object to this magazine
            destroy_one(mine.items[--mine.count]);
            give_room(1);
        }
        return destroyed;
    }

    void empty_all_magazines() noexcept {
        for (auto* each = magazines_.load(std::memory_order_acquire); each != nullptr;
             each = each->next_of_owner) {
            if (!each->emptied.exchange(true, std::memory_order_acq_rel)) {
                for (std::uint32_t k = 0; k < each->count; ++k) {
                    destroy_one(each->items[k]);
                }
            }
        }
    }

    // ---- Slow paths, kept out of line lest they keep the fast ones from being inlined.

    [[nodiscard, gnu::noinline]] auto take_slow() noexcept -> pool_node* {
        if (spares_.load(std::memory_order_relaxed) == 0) {
            add_magazine(); // here, because giving must not allocate
        }
        magazine* const mine = my_magazine();
        if (mine == nullptr) {
            pool_node* node = nullptr;
            if (fetch(&node, 1) != 0) {
                give_room(1);
                taken_.fetch_add(1, std::memory_order_relaxed);
            }
            return node;
        }
        if (mine->count == 0) {
            // The room goes back first: a thread that only takes must not keep it from those that
            // give. What comes from the depot brings its own.
            give_room(mine->limit);
            mine->limit = mine->count = fetch(mine->items.data(), batch_);
            for (std::uint32_t k = 0; k < mine->count; ++k) {
                prefetch_head(mine->items[k]); // another thread touched it last
            }
        }
        return mine->count == 0 ? nullptr : pop(*mine);
    }

    [[gnu::noinline]] void give_slow(pool_node* node) noexcept {
        magazine* const mine = my_magazine();
        if (mine == nullptr) {
            give_to_depot(node);
            return;
        }
        if (auto const epoch = epoch_.load(std::memory_order_acquire); mine->epoch != epoch) {
            mine->epoch = epoch; // first: a destructor may give objects to this very magazine
            empty(*mine);
            if (!is_open()) {
                destroy_one(node);
                increment<std::memory_order_release>(mine->given);
                detach(*mine);
                return;
            }
        }
        if (make_room(*mine)) {
            push(*mine, node);
        } else {
            destroy_one(node);
            increment<std::memory_order_release>(mine->given);
        }
    }

    // Slow start: a magazine grows by doubling up to two batches. Then it hands a batch, the one
    // that came first and is coldest, to the depot.
    [[nodiscard]] auto make_room(magazine& mine) noexcept -> bool {
        if (mine.count < mine.limit) {
            return true;
        }
        auto const most = 2 * batch_;
        if (mine.limit >= most) {
            std::array<pool_node*, max_batch> cold;
            for (std::uint32_t k = 0; k < batch_; ++k) {
                cold[k] = mine.items[k];
                mine.items[k] = mine.items[batch_ + k];
            }
            mine.count -= batch_;
            mine.limit -= batch_;
            stow(cold.data(), batch_);
        }
        auto const growth = mine.limit == 0 ? 1 : mine.limit;
        mine.limit += static_cast<std::uint32_t>(reserve(lesser(growth, most - mine.limit)));
        return mine.count < mine.limit;
    }

    // For a thread without a magazine: one that is ending, or for which none was to be had.
    void give_to_depot(pool_node* node) noexcept {
        if (!acquire()) {
            destroy_one(node); // the handle's own reference keeps the recycler alive
            end_handles(1);
            return;
        }
        if (reserve_one()) {
            stow(&node, 1);
        } else {
            destroy_one(node);
        }
        given_.fetch_add(1, std::memory_order_release);
        release();
    }

    void note_given() noexcept {
        if (magazine* const mine = my_magazine()) {
            increment<std::memory_order_release>(mine->given);
        } else if (acquire()) {
            given_.fetch_add(1, std::memory_order_release);
            release();
        } else {
            end_handles(1);
        }
    }

    // ---- Magazines. They are made, claimed and let go of, but freed only with the recycler.

    void add_magazine() noexcept {
        auto* const made = new (std::nothrow) magazine;
        if (made == nullptr) {
            return; // threads without one use the depot
        }
        made->owner = this;
        made->next_of_owner = magazines_.load(std::memory_order_relaxed);
        while (!magazines_.compare_exchange_weak(
            made->next_of_owner, made, std::memory_order_release, std::memory_order_relaxed)) {}
        spares_.fetch_add(1, std::memory_order_relaxed);
    }

    [[nodiscard]] auto attached_magazine() noexcept -> magazine* {
        auto& here = this_thread_magazines;
        for (auto* each = here.first; each != nullptr; each = each->next_of_thread) {
            if (each->owner == this) {
                here.recent[number_] = each;
                return each;
            }
        }
        return nullptr;
    }

    [[nodiscard]] auto my_magazine() noexcept -> magazine* {
        auto* const found = attached_magazine();
        return found != nullptr ? found : attach();
    }

    // Claims a spare magazine for this thread. Null if there is none, or if pool or thread are
    // ending.
    [[nodiscard]] auto attach() noexcept -> magazine* {
        auto& here = this_thread_magazines;
        if (here.over) {
            return nullptr;
        }
        let_go_of_closed();
        // Before acquire(): close() writes it last, so that a close after acquire() shows.
        auto const epoch = epoch_.load(std::memory_order_acquire);
        if (!acquire()) {
            return nullptr;
        }
        for (auto* each = magazines_.load(std::memory_order_acquire); each != nullptr;
             each = each->next_of_owner) {
            bool held = each->held.load(std::memory_order_relaxed);
            if (!held && each->held.compare_exchange_strong(held, true, std::memory_order_acquire,
                                                            std::memory_order_relaxed)) {
                spares_.fetch_sub(1, std::memory_order_relaxed);
                each->epoch = epoch;
                each->next_of_thread = here.first;
                here.first = each;
                here.recent[number_] = each;
                static thread_local at_thread_exit const letting_go;
                return each;
            }
        }
        release();
        return nullptr;
    }

    // Ends this thread's hold on a magazine of this recycler, and so maybe the recycler.
    void detach(magazine& mine) noexcept {
        auto& here = this_thread_magazines;
        auto** link = &here.first;
        while (*link != &mine) {
            link = &(*link)->next_of_thread;
        }
        *link = mine.next_of_thread;
        if (here.recent[number_] == &mine) {
            here.recent[number_] = &no_magazine;
        }
        // If close() was first it is still reading: the magazine is left as it is, for good.
        if (!mine.emptied.exchange(true, std::memory_order_acq_rel)) {
            give_room(mine.limit - mine.count);
            for (std::uint32_t done = 0; done < mine.count; done += batch_) {
                auto const left = mine.count - done;
                stow(&mine.items[done], left < batch_ ? left : batch_);
            }
            mine.count = mine.limit = 0;
            mine.emptied.store(false, std::memory_order_release);
            mine.held.store(false, std::memory_order_release);
            spares_.fetch_add(1, std::memory_order_relaxed);
        }
        release();
    }

    // Called when this thread attaches, so that what it holds of pools that ended stays bounded.
    static void let_go_of_closed() noexcept {
        for (auto* each = this_thread_magazines.first; each != nullptr;) {
            auto* const next = each->next_of_thread;
            if (!each->owner->is_open()) {
                each->owner->detach(*each);
            }
            each = next;
        }
    }

    struct at_thread_exit {
        at_thread_exit() = default;
        at_thread_exit(at_thread_exit const&) = delete;
        auto operator=(at_thread_exit const&) -> at_thread_exit& = delete;
        ~at_thread_exit() {
            auto& here = this_thread_magazines;
            here.over = true; // before objects are destroyed, which may use pools themselves
            while (here.first != nullptr) {
                here.first->owner->detach(*here.first);
            }
        }
    };

    // ---- References.

    [[nodiscard]] auto is_open() const noexcept -> bool {
        return references_.load(std::memory_order_acquire) % 2 != 0;
    }

    // A counted reference, to be had while the pool is open.
    [[nodiscard]] auto acquire() noexcept -> bool {
        auto seen = references_.load(std::memory_order_relaxed);
        while (seen % 2 != 0) {
            if (references_.compare_exchange_weak(seen, seen + 2, std::memory_order_acquire,
                                                  std::memory_order_relaxed)) {
                return true;
            }
        }
        return false;
    }

    void release() noexcept {
        if (references_.fetch_sub(2, std::memory_order_acq_rel) != 2) {
            return;
        }
        // The last one: nobody can acquire any more, and all counted takes and gives are seen.
        empty_depot();
        empty_all_magazines();
        auto const sum = count();
        end_handles(handles_unknown - static_cast<std::int64_t>(sum.taken - sum.given));
    }

    // `late_` starts high. It is brought down by every handle that ends late, and once by all that
    // is not a late handle; so it reaches zero when the last of these has come.
    void end_handles(std::int64_t n) noexcept {
        if (late_.fetch_sub(n, std::memory_order_acq_rel) == n) {
            delete this;
        }
    }

    static inline std::atomic<std::size_t> recyclers_made = 0;

    // Read by every take and give, seldom written.
    std::size_t const number_ =
        recyclers_made.fetch_add(1, std::memory_order_relaxed) % thread_magazines::ways;
    std::atomic<std::uint32_t> epoch_ = 0; // changes with every trim and with the close
    std::uint32_t const batch_;
    std::size_t const shelves_;
    std::unique_ptr<shelf[]> const depot_;

    // Written by the slow paths.
    alignas(64) std::atomic<std::size_t> room_;
    std::atomic<std::uint64_t> references_ = 1;
    std::atomic<std::int64_t> late_ = handles_unknown;
    std::atomic<magazine*> magazines_ = nullptr; // only ever grows
    std::atomic<std::uint32_t> spares_ = 0;      // magazines that nobody holds
    std::atomic<std::uint64_t> taken_ = 0;       // by threads without a magazine
    std::atomic<std::uint64_t> given_ = 0;
    std::atomic<std::uint64_t> missed_ = 0;
    std::atomic<std::uint64_t> prepared_ = 0;
    std::atomic<std::uint64_t> dropped_ = 0;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_MEMORY_RECYCLER_HPP
