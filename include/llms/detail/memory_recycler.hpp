// SPDX-License-Identifier: MIT
//
// Where idle objects of a pool are kept: a stack per thread (its magazine) over a bounded depot of
// whole chains. Knows nothing of the objects but how to have them destroyed.
//
// Taking and giving touch the thread's own magazine only; every `batch_` objects one chain goes to
// or comes from the depot with one exchange. No lock anywhere: a thread that is stopped, or lost by
// a fork, holds up nobody.
//
// Source: J. Bonwick, J. Adams, Magazines and Vmem, USENIX 2001 (magazines and depot).
#ifndef LLMS_DETAIL_MEMORY_RECYCLER_HPP
#define LLMS_DETAIL_MEMORY_RECYCLER_HPP

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>

namespace llms::inline v0_1::detail {

class recycler;

// What precedes every pooled object.
struct pool_node {
    recycler* owner = nullptr;
    pool_node* next = nullptr;    // the next idle one of its chain
    std::uint32_t chain_size = 0; // of the chain in the depot that starts here
};

// One thread's idle objects of one recycler. Fields without a comment are the holding thread's
// alone.
struct alignas(64) magazine {
    recycler* owner = nullptr;             // never changes
    std::atomic<pool_node*> top = nullptr; // taken away by exchange when the thread or pool ends
    std::uint32_t count = 0;
    std::uint32_t limit = 0;              // how many it may hold: room reserved in the recycler
    std::uint32_t epoch = 0;              // the recycler's when it was last emptied
    std::atomic<bool> held = false;       // by some thread
    std::atomic<std::uint64_t> taken = 0; // written by the holder only, read by all
    std::atomic<std::uint64_t> given = 0;
    magazine* next_of_owner = nullptr; // never changes
    magazine* next_of_thread = nullptr;
};

// The magazines of this thread. `recent` is a table by the recycler's number, so that finding one's
// magazine is one load and one comparison; constant initialisation and trivial destruction spare it
// the guard that thread_local objects otherwise call on every use.
inline constinit magazine no_magazine{};

struct thread_magazines {
    static constexpr std::size_t ways = 16;
    std::array<magazine*, ways> recent{};
    magazine* first = nullptr;
    bool over = false; // the thread is ending: it attaches to no recycler any more

    constexpr thread_magazines() noexcept { recent.fill(&no_magazine); }
};

inline constinit thread_local thread_magazines this_thread_magazines{};

// Life. A recycler is open until its pool ends, and lives until its last reference has gone: the
// pool's, one for every magazine held, and one for every handle. `references_` counts the first
// two, times two; its lowest bit says "open". Handles are not counted while the pool is open (it
// would cost an atomic increment each); when all counted references are gone, no thread gives
// without counting any more, so that the number of handles still out is exact, and only then are
// they counted, in `late_`.
class recycler {
public:
    static constexpr std::size_t most_idle = 65'536;

    recycler(recycler const&) = delete;
    auto operator=(recycler const&) -> recycler& = delete;

    // Takes an idle object; null when there is none.
    [[nodiscard]] auto take() noexcept -> pool_node* {
        magazine& mine = *this_thread_magazines.recent[number_];
        if (mine.owner == this) [[likely]] {
            if (pool_node* const node = mine.top.load(std::memory_order_relaxed)) [[likely]] {
                pop(mine, node);
                return node;
            }
        }
        return take_slow();
    }

    // Takes an object back. It may be destroyed at once, and with it the recycler.
    void give(pool_node* node) noexcept {
        magazine& mine = *this_thread_magazines.recent[number_];
        if (mine.owner == this && mine.count < mine.limit &&
            mine.epoch == epoch_.load(std::memory_order_relaxed)) [[likely]] {
            push(mine, node);
            return;
        }
        give_slow(node);
    }

    // As `give`, for an object not worth keeping.
    void discard(pool_node* node) noexcept {
        destroy_one(node);
        note_given();
    }

    // Counts an object that was made because `take` had none: it is out, as if taken.
    void note_created_and_taken() noexcept {
        missed_.fetch_add(1, std::memory_order_relaxed);
        if (magazine* const mine = my_magazine()) {
            add(mine->taken, 1, std::memory_order_relaxed);
        } else {
            taken_.fetch_add(1, std::memory_order_relaxed);
        }
    }

    // Before an object is made in advance: false if there is no room for it.
    [[nodiscard]] auto reserve_one() noexcept -> bool { return reserve(1) == 1; }

    // Keeps it.
    void keep_prepared(pool_node* node) noexcept {
        prepared_.fetch_add(1, std::memory_order_relaxed);
        stow_one(node);
    }

    // Destroys what the depot and this thread hold, and has the other threads destroy what they
    // hold when they next give something.
    auto trim() noexcept -> std::size_t {
        auto const epoch = epoch_.fetch_add(1, std::memory_order_relaxed) + 1;
        auto destroyed = drain_depot();
        if (magazine* const mine = attached_magazine()) {
            destroyed += drain(*mine);
            mine->epoch = epoch;
        }
        return destroyed;
    }

    struct tally {
        std::uint64_t taken = 0, given = 0, missed = 0, created = 0, dropped = 0;
    };

    // Exact when no other thread takes or gives meanwhile.
    [[nodiscard]] auto count() const noexcept -> tally {
        tally sum;
        sum.given = given_.load(std::memory_order_acquire);
        sum.taken = taken_.load(std::memory_order_relaxed);
        sum.missed = missed_.load(std::memory_order_relaxed);
        sum.created = sum.missed + prepared_.load(std::memory_order_relaxed);
        sum.dropped = dropped_.load(std::memory_order_relaxed);
        for (auto const* each = magazines_.load(std::memory_order_acquire); each != nullptr;
             each = each->next_of_owner) {
            sum.given += each->given.load(std::memory_order_acquire);
            sum.taken += each->taken.load(std::memory_order_relaxed);
        }
        return sum;
    }

    // The pool ends: destroys all idle objects and gives up the pool's reference. Those that other
    // threads hold too, unless a handle is still out.
    void close() noexcept {
        references_.fetch_add(1, std::memory_order_acq_rel); // "open" becomes a counted reference
        epoch_.fetch_add(1, std::memory_order_release);
        drain_depot();
        // Every take happened before close() began. If as many have been given, all of it is over:
        // `given` is written last, so that what the givers did before is seen here; and with no
        // handle out, no thread will touch its magazine again but to let go of it, by exchange.
        if (auto const sum = count(); sum.taken == sum.given) {
            drain_magazines();
        }
        release();
    }

protected:
    explicit recycler(std::size_t max_idle)
        : batch_(batch_for(less_of(max_idle, most_idle))),
          room_(less_of(max_idle, most_idle)) {
        add_magazine();
    }

    virtual ~recycler() {
        for (auto* each = magazines_.load(std::memory_order_acquire); each != nullptr;) {
            auto* const next = each->next_of_owner;
            delete each;
            each = next;
        }
    }

    virtual void destroy(pool_node* node) noexcept = 0;

private:
    static constexpr std::size_t slots = 64;
    static constexpr std::size_t max_batch = 32;
    static constexpr std::int64_t handles_unknown = std::numeric_limits<std::int64_t>::max() / 2;

    // std::min costs the whole of <algorithm>.
    static constexpr auto less_of(std::size_t a, std::size_t b) noexcept -> std::size_t {
        return a < b ? a : b;
    }

    // Small pools move small chains, so that one thread cannot hold most of a pool; large ones move
    // larger chains, so that the slots of the depot suffice with a quarter to spare.
    static constexpr auto batch_for(std::size_t max_idle) noexcept -> std::uint32_t {
        auto const wanted = less_of(max_idle / 8, max_batch);
        auto const needed = max_idle / (slots - slots / 4) + 1;
        return static_cast<std::uint32_t>(wanted > needed ? wanted : needed);
    }

    // For a counter with one writer: no read-modify-write.
    static void add(std::atomic<std::uint64_t>& counter, std::uint64_t n,
                    std::memory_order order) noexcept {
        counter.store(counter.load(std::memory_order_relaxed) + n, order);
    }

    static void pop(magazine& mine, pool_node* node) noexcept {
        mine.top.store(node->next, std::memory_order_relaxed);
        --mine.count;
        add(mine.taken, 1, std::memory_order_relaxed);
    }

    static void push(magazine& mine, pool_node* node) noexcept {
        node->next = mine.top.load(std::memory_order_relaxed);
        mine.top.store(node, std::memory_order_relaxed);
        ++mine.count;
        add(mine.given, 1, std::memory_order_release); // last: close() relies on it
    }

    // ---- room: idle objects allowed = room_ + limits of all magazines + objects in the depot.

    auto reserve(std::size_t wanted) noexcept -> std::size_t {
        auto room = room_.load(std::memory_order_relaxed);
        auto granted = less_of(wanted, room);
        while (granted != 0 &&
               !room_.compare_exchange_weak(room, room - granted, std::memory_order_relaxed)) {
            granted = less_of(wanted, room);
        }
        return granted;
    }

    void give_room(std::size_t n) noexcept { room_.fetch_add(n, std::memory_order_relaxed); }

    // ---- the depot: slots that hold a chain or nothing. Whoever exchanges a chain out owns it, so
    // that there is no ABA. Full chains are put from the front, others from the back.

    [[nodiscard]] auto put_chain(pool_node* chain, bool from_back) noexcept -> bool {
        for (std::size_t i = 0; i < slots; ++i) {
            auto& slot = depot_[from_back ? slots - 1 - i : i];
            pool_node* nothing = slot.load(std::memory_order_relaxed);
            if (nothing == nullptr &&
                slot.compare_exchange_strong(nothing, chain, std::memory_order_release,
                                             std::memory_order_relaxed)) {
                return true;
            }
        }
        return false;
    }

    [[nodiscard]] auto take_chain(bool from_back = false) noexcept -> pool_node* {
        for (std::size_t i = 0; i < slots; ++i) {
            auto& slot = depot_[from_back ? slots - 1 - i : i];
            if (slot.load(std::memory_order_relaxed) != nullptr) {
                if (auto* const chain = slot.exchange(nullptr, std::memory_order_acquire)) {
                    return chain;
                }
            }
        }
        return nullptr;
    }

    void put_or_drop(pool_node* chain) noexcept {
        if (!put_chain(chain, chain->chain_size < batch_)) {
            give_room(destroy_chain(chain));
        }
    }

    // Puts a chain of at most `batch_` objects, whose room is reserved, into the depot. A short one
    // is first joined with another short one, lest single objects fill the slots.
    void stow(pool_node* chain) noexcept {
        if (chain->chain_size < batch_) {
            if (auto* const other = take_chain(true)) {
                if (other->chain_size + chain->chain_size <= batch_) {
                    auto* last = chain;
                    while (last->next != nullptr) {
                        last = last->next;
                    }
                    last->next = other;
                    chain->chain_size += other->chain_size;
                } else {
                    put_or_drop(other);
                }
            }
        }
        put_or_drop(chain);
    }

    void stow_one(pool_node* node) noexcept {
        node->next = nullptr;
        node->chain_size = 1;
        stow(node);
    }

    // ---- destruction

    void destroy_one(pool_node* node) noexcept {
        dropped_.fetch_add(1, std::memory_order_relaxed);
        destroy(node);
    }

    auto destroy_chain(pool_node* chain) noexcept -> std::size_t {
        std::size_t n = 0;
        for (; chain != nullptr; ++n) {
            auto* const next = chain->next;
            destroy_one(chain);
            chain = next;
        }
        return n;
    }

    auto drain_depot() noexcept -> std::size_t {
        std::size_t n = 0;
        while (auto* const chain = take_chain()) {
            n += destroy_chain(chain);
        }
        give_room(n);
        return n;
    }

    // For the holder only.
    auto drain(magazine& mine) noexcept -> std::size_t {
        give_room(mine.limit);
        mine.limit = 0;
        mine.count = 0;
        return destroy_chain(mine.top.exchange(nullptr, std::memory_order_acquire));
    }

    void drain_magazines() noexcept {
        for (auto* each = magazines_.load(std::memory_order_acquire); each != nullptr;
             each = each->next_of_owner) {
            destroy_chain(each->top.exchange(nullptr, std::memory_order_acquire));
        }
    }

    // ---- slow paths

    [[nodiscard]] auto take_slow() noexcept -> pool_node* {
        if (spares_.load(std::memory_order_relaxed) == 0) {
            add_magazine(); // here, because giving must not allocate
        }
        magazine* const mine = my_magazine();
        if (mine == nullptr) {
            return take_from_depot();
        }
        if (auto* const node = mine->top.load(std::memory_order_relaxed)) {
            pop(*mine, node);
            return node;
        }
        // A thread that only takes must not keep room from those that give.
        give_room(mine->limit);
        auto* const chain = take_chain();
        mine->limit = mine->count = chain == nullptr ? 0 : chain->chain_size;
        if (chain != nullptr) {
            pop(*mine, chain);
        }
        return chain;
    }

    void give_slow(pool_node* node) noexcept {
        magazine* const mine = my_magazine();
        if (mine == nullptr) {
            give_to_depot(node);
            return;
        }
        if (auto const epoch = epoch_.load(std::memory_order_acquire); mine->epoch != epoch) {
            mine->epoch = epoch; // first: a destructor may give objects to this very magazine
            drain(*mine);
            if (!is_open()) {
                destroy_one(node);
                add(mine->given, 1, std::memory_order_release);
                detach(mine);
                return;
            }
        }
        if (make_room(*mine)) {
            push(*mine, node);
        } else {
            destroy_one(node);
            add(mine->given, 1, std::memory_order_release);
        }
    }

    // Slow start: a magazine grows by doubling up to two batches, and then hands the colder half to
    // the depot.
    [[nodiscard]] auto make_room(magazine& mine) noexcept -> bool {
        if (mine.count < mine.limit) {
            return true;
        }
        auto const max_limit = 2 * batch_;
        if (mine.limit >= max_limit) {
            auto* last = mine.top.load(std::memory_order_relaxed);
            for (std::uint32_t i = batch_ + 1; i < mine.count; ++i) {
                last = last->next;
            }
            auto* const cold = last->next;
            last->next = nullptr;
            cold->chain_size = batch_;
            mine.count -= batch_;
            mine.limit -= batch_;
            stow(cold);
        }
        auto const growth = mine.limit == 0 ? 1 : mine.limit;
        auto const granted = reserve(less_of(growth, max_limit - mine.limit));
        mine.limit += static_cast<std::uint32_t>(granted);
        return granted != 0;
    }

    // For a thread without a magazine: one that is ending, or for which no magazine was to be had.

    [[nodiscard]] auto take_from_depot() noexcept -> pool_node* {
        auto* const chain = take_chain();
        if (chain == nullptr) {
            return nullptr;
        }
        if (auto* const rest = chain->next) {
            rest->chain_size = chain->chain_size - 1;
            put_or_drop(rest);
        }
        give_room(1);
        taken_.fetch_add(1, std::memory_order_relaxed);
        return chain;
    }

    void give_to_depot(pool_node* node) noexcept {
        if (!acquire()) {
            give_late(node);
            return;
        }
        if (reserve_one()) {
            stow_one(node);
        } else {
            destroy_one(node);
        }
        given_.fetch_add(1, std::memory_order_release);
        release();
    }

    // The pool is closed and this thread holds no reference; the object's own keeps the recycler.
    void give_late(pool_node* node) noexcept {
        destroy_one(node);
        drop_late(1);
    }

    void note_given() noexcept {
        if (magazine* const mine = my_magazine()) {
            add(mine->given, 1, std::memory_order_release);
        } else if (acquire()) {
            given_.fetch_add(1, std::memory_order_release);
            release();
        } else {
            drop_late(1);
        }
    }

    // ---- magazines

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

    // Claims a spare magazine for this thread; null if there is none, or the pool or thread is
    // ending.
    [[nodiscard]] auto attach() noexcept -> magazine* {
        auto& here = this_thread_magazines;
        if (here.over) {
            return nullptr;
        }
        let_go_of_closed();
        // Before acquire(): close() writes the epoch last, so that this one tells if it came
        // between.
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

    // The end of this thread's hold on a magazine of this recycler, which may end the recycler.
    void detach(magazine* mine) noexcept {
        auto& here = this_thread_magazines;
        auto** link = &here.first;
        while (*link != mine) {
            link = &(*link)->next_of_thread;
        }
        *link = mine->next_of_thread;
        if (here.recent[number_] == mine) {
            here.recent[number_] = &no_magazine;
        }
        auto* chain = mine->top.exchange(nullptr, std::memory_order_acquire);
        if (chain == nullptr || !is_open()) {
            give_room(mine->limit);
            destroy_chain(chain);
        } else {
            give_room(mine->limit - mine->count);
            auto left = mine->count;
            while (chain != nullptr) {
                auto* const first = chain;
                auto* last = chain;
                first->chain_size = left < batch_ ? left : batch_;
                left -= first->chain_size;
                for (std::uint32_t i = 1; i < first->chain_size; ++i) {
                    last = last->next;
                }
                chain = last->next;
                last->next = nullptr;
                stow(first);
            }
        }
        mine->limit = mine->count = 0;
        mine->held.store(false, std::memory_order_release);
        spares_.fetch_add(1, std::memory_order_relaxed);
        release();
    }

    // Called when this thread attaches, so that what it holds of pools that ended stays bounded.
    static void let_go_of_closed() noexcept {
        for (auto* each = this_thread_magazines.first; each != nullptr;) {
            auto* const next = each->next_of_thread;
            if (!each->owner->is_open()) {
                each->owner->detach(each);
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
            here.over = true; // before the objects are destroyed, which may use pools themselves
            while (here.first != nullptr) {
                here.first->owner->detach(here.first);
            }
        }
    };

    void add_magazine() noexcept {
        auto* const fresh = new (std::nothrow) magazine;
        if (fresh == nullptr) {
            return; // the threads without one use the depot
        }
        fresh->owner = this;
        fresh->next_of_owner = magazines_.load(std::memory_order_relaxed);
        while (!magazines_.compare_exchange_weak(
            fresh->next_of_owner, fresh, std::memory_order_release, std::memory_order_relaxed)) {}
        spares_.fetch_add(1, std::memory_order_relaxed);
    }

    // ---- references

    [[nodiscard]] auto is_open() const noexcept -> bool {
        return (references_.load(std::memory_order_acquire) & 1U) != 0;
    }

    // A counted reference, to be had while the pool is open.
    [[nodiscard]] auto acquire() noexcept -> bool {
        auto seen = references_.load(std::memory_order_relaxed);
        while ((seen & 1U) != 0) {
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
        // The last one: closed, and nobody can acquire any more. All counted takes and gives are
        // over and seen here; the rest gives late.
        drain_depot();
        drain_magazines();
        auto const sum = count();
        drop_late(handles_unknown - static_cast<std::int64_t>(sum.taken - sum.given));
    }

    // `late_` starts high and is brought down by what is not out: it reaches zero once.
    void drop_late(std::int64_t n) noexcept {
        if (late_.fetch_sub(n, std::memory_order_acq_rel) == n) {
            delete this;
        }
    }

    static inline std::atomic<std::size_t> pools_made_ = 0;

    // Read by every take and give, seldom written.
    std::size_t const number_ =
        pools_made_.fetch_add(1, std::memory_order_relaxed) % thread_magazines::ways;
    std::uint32_t const batch_;
    std::atomic<std::uint32_t> epoch_ = 0; // changes with every trim and with the close

    // Written by the slow paths.
    alignas(64) std::atomic<std::size_t> room_;
    std::atomic<std::uint64_t> references_ = 1;
    std::atomic<std::int64_t> late_ = handles_unknown;
    std::atomic<magazine*> magazines_ = nullptr; // only ever grows
    std::atomic<std::uint32_t> spares_ = 0;
    std::atomic<std::uint64_t> taken_ = 0; // by threads without a magazine
    std::atomic<std::uint64_t> given_ = 0;
    std::atomic<std::uint64_t> missed_ = 0;   // objects made for a take
    std::atomic<std::uint64_t> prepared_ = 0; // objects made in advance
    std::atomic<std::uint64_t> dropped_ = 0;
    alignas(64) std::array<std::atomic<pool_node*>, slots> depot_{};
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_MEMORY_RECYCLER_HPP
