// SPDX-License-Identifier: MIT
//
// Keeps objects that are dear to build up (a response with its strings, a buffer) for the next
// user. What pays is not the object but the buffers it has grown. For small objects without
// buffers, do without a pool.
//
//     llms::object_pool<std::string> pool{{.max_idle = 64, .max_retained_bytes = 16 * 1024}};
//     llms::pooled<std::string> text = pool.acquire();   // empty, with capacity from last time
//     text->append(chunk);
//     std::shared_ptr<std::string> shared = std::move(text);   // no allocation
//
// When the last owner is gone the object is cleared by the pool's `Reset` and kept, or destroyed if
// there are enough idle ones or it has grown too large. A handle may outlive its pool and may end
// in any thread.
//
// Threads: everything but the pool's destructor may be called from any thread at any time. No
// locks. Cost: acquire and return touch only what belongs to the thread; every 32 objects that go
// from one thread to another cost one atomic exchange. 56 bytes per object besides the object.
#ifndef LLMS_MEMORY_OBJECT_POOL_HPP
#define LLMS_MEMORY_OBJECT_POOL_HPP

#include <llms/detail/memory_asan.hpp>
#include <llms/detail/memory_contents.hpp>
#include <llms/detail/memory_recycler.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace llms::inline v0_1 {

/// Decides how an object is made ready for its next user: callable with `T&`, and never throws.
///
/// A policy may also have `retain(T const&) const noexcept -> bool`, asked after the reset, which
/// says whether the object is worth keeping; `object_pool_options::max_retained_bytes` holds
/// besides.
template <class Reset, class T>
concept reset_for =
    std::is_nothrow_invocable_v<Reset const&, T&> && std::is_nothrow_move_constructible_v<Reset>;

/// The default reset: back to what a new T holds, with the buffers of strings and vectors kept.
///
/// Calls `clear()` if T has one; it must be noexcept, and empty means what T means by it. A plain
/// struct (no bases, no C arrays, at most 16 fields) is cleared field by field, a field added later
/// is not forgotten. Anything else is assigned a new T.
struct clearing {
    template <detail::clearable T>
    void operator()(T& value) const noexcept {
        detail::clear(value);
    }
};

/// For secrets: as `clearing`, but first overwrites what the object holds, in a way the compiler
/// cannot leave out.
///
/// Reaches the whole capacity of strings and of vectors of plain values, also inside structs,
/// optionals and other containers; a class of your own needs a `wipe() noexcept`. It cannot reach
/// buffers that a string has left behind by growing: reserve enough.
struct wiping {
    template <detail::wipeable T>
        requires detail::clearable<T>
    void operator()(T& value) const noexcept {
        detail::wipe(value);
        detail::clear(value);
    }
};

struct object_pool_options {
    std::size_t max_idle = 512; ///< objects kept at most, by all threads together; at most 65,536
    std::size_t max_retained_bytes = 65'536; ///< an object whose buffers are larger is not kept
    std::size_t preallocate = 0;             ///< objects made by the constructor
};

/// Exact while nobody acquires or returns.
struct object_pool_stats {
    std::uint64_t acquired = 0; ///< calls of `acquire()` that returned
    std::uint64_t created = 0;  ///< objects made, those preallocated too
    std::uint64_t reused = 0;   ///< `acquired` that needed no new object
    std::uint64_t dropped = 0;  ///< objects destroyed instead of being kept, by `trim()` too
    std::uint64_t in_use = 0;   ///< objects out now
    std::uint64_t idle = 0;     ///< objects kept now
};

template <class T, class Reset>
class object_pool;

namespace detail {

template <class T>
struct pooled_node : pool_node {
    union {
        T value;
    };
    // For the control block of a shared_ptr; enough for libstdc++, libc++ and Microsoft's library.
    alignas(void*) std::byte shared_block[6 * sizeof(void*)]{};
    [[no_unique_address]] kept_pointers<T> pointers;

    // `value` is made and destroyed by the pool.
    // NOLINTNEXTLINE(clang-analyzer-optin.cplusplus.UninitializedObject)
    explicit pooled_node(recycler* pool) noexcept : pool_node{pool} {}

    void hide() noexcept {
        unpoison(std::addressof(value), sizeof(T)); // what T itself may have poisoned is read, too
        pointers.keep(value);
        poison(std::addressof(value), sizeof(T));
    }

    void show() noexcept {
        unpoison(std::addressof(value), sizeof(T));
        pointers.forget();
    }
};

template <class T, class Reset>
class pool_core : public recycler {
public:
    using node_type = pooled_node<T>;

    [[nodiscard]] auto acquire() -> node_type* {
        if (pool_node* const idle = take()) {
            auto* const node = static_cast<node_type*>(idle);
            node->show();
            return node;
        }
        return acquire_new();
    }

    void reset(node_type* node) const noexcept { reset_(node->value); }

    // Takes back an object that has been reset.
    void put(node_type* node) noexcept {
        if (worth_keeping(node->value)) {
            node->hide();
            give(node);
        } else {
            discard(node);
        }
    }

    // Makes objects in advance, as many as there is room for.
    void preallocate(std::size_t n) {
        for (; n > 0 && reserve_one(); --n) {
            auto* const node = make(); // if this throws, the pool is not made: never mind the room
            node->hide();
            keep_prepared(node);
        }
    }

protected:
    pool_core(object_pool_options const& options, Reset reset)
        : recycler(options.max_idle),
          max_retained_bytes_(options.max_retained_bytes),
          reset_(std::move(reset)) {}

    // A new object; throws what T() and the allocation throw.
    virtual auto make() -> node_type* = 0;

private:
    [[gnu::noinline]] auto acquire_new() -> node_type* {
        auto* const node = make();
        note_made_and_taken();
        return node;
    }

    [[nodiscard]] auto worth_keeping(T const& value) const noexcept -> bool {
        if constexpr (requires { reset_.retain(value); }) {
            static_assert(noexcept(reset_.retain(value)), "Reset::retain must be noexcept");
            if (!reset_.retain(value)) {
                return false;
            }
        }
        return retained_bytes(value) <= max_retained_bytes_;
    }

    std::size_t const max_retained_bytes_;
    [[no_unique_address]] Reset const reset_;
};

// The memory of objects, when no other resource is named.
struct heap_resource {
    static auto allocate(std::size_t bytes, std::size_t alignment) -> void* {
        return alignment <= __STDCPP_DEFAULT_NEW_ALIGNMENT__
                   ? ::operator new(bytes)
                   : ::operator new (bytes, std::align_val_t{alignment});
    }

    static void deallocate(void* memory, std::size_t /*bytes*/, std::size_t alignment) noexcept {
        if (alignment <= __STDCPP_DEFAULT_NEW_ALIGNMENT__) {
            ::operator delete(memory);
        } else {
            ::operator delete (memory, std::align_val_t{alignment});
        }
    }
};

template <class Resource>
concept memory_resource_like = requires(Resource& resource, void* memory, std::size_t n) {
    { resource.allocate(n, n) } -> std::same_as<void*>;
    resource.deallocate(memory, n, n);
};

// Whether T can be told to take the memory of its own buffers from the resource too.
template <class T, class Resource>
concept allocates_from = requires {
    typename T::allocator_type;
    requires std::constructible_from<typename T::allocator_type, Resource*>;
    requires std::uses_allocator_v<T, typename T::allocator_type>;
};

template <class T, class Reset, class Resource>
class pool_core_of final : public pool_core<T, Reset> {
    using node_type = pooled_node<T>;

public:
    pool_core_of(object_pool_options const& options, Reset reset, Resource* resource)
        : pool_core<T, Reset>(options, std::move(reset)),
          resource_(resource) {}

private:
    auto make() -> node_type* override {
        struct memory_guard {
            Resource* resource;
            void* memory;
            ~memory_guard() {
                if (memory != nullptr) {
                    resource->deallocate(memory, sizeof(node_type), alignof(node_type));
                }
            }
        };
        memory_guard guard{resource_, resource_->allocate(sizeof(node_type), alignof(node_type))};
        auto* const node = ::new (guard.memory) node_type(this);
        if constexpr (allocates_from<T, Resource>) {
            std::uninitialized_construct_using_allocator(std::addressof(node->value),
                                                         typename T::allocator_type(resource_));
        } else {
            ::new (static_cast<void*>(std::addressof(node->value))) T();
        }
        guard.memory = nullptr;
        return node;
    }

    void destroy(pool_node* base) noexcept override {
        auto* const node = static_cast<node_type*>(base);
        node->show();
        std::destroy_at(std::addressof(node->value));
        resource_->deallocate(node, sizeof(node_type), alignof(node_type));
    }

    Resource* const resource_;
};

inline constinit heap_resource heap{};

template <class T, class Reset>
struct reset_on_last_owner {
    pooled_node<T>* node;
    void operator()(T* /*value*/) const noexcept {
        static_cast<pool_core<T, Reset> const*>(node->owner)->reset(node);
    }
};

// Has a shared_ptr put its control block into the object's node, and returns the object when the
// block is freed: that is, after the last weak_ptr too.
template <class T, class Reset, class Block>
struct shared_block_allocator {
    using value_type = Block;
    template <class Other>
    struct rebind {
        using other = shared_block_allocator<T, Reset, Other>;
    };

    pooled_node<T>* node;

    explicit shared_block_allocator(pooled_node<T>* where) noexcept : node(where) {}
    template <class Other>
    explicit(false)
        shared_block_allocator(shared_block_allocator<T, Reset, Other> const& other) noexcept
        : node(other.node) {}

    [[nodiscard]] auto allocate(std::size_t /*one*/) noexcept -> Block* {
        static_assert(sizeof(Block) <= sizeof(node->shared_block) &&
                      alignof(Block) <= alignof(void*));
        return static_cast<Block*>(static_cast<void*>(node->shared_block));
    }

    void deallocate(Block* /*block*/, std::size_t /*one*/) noexcept {
        static_cast<pool_core<T, Reset>*>(node->owner)->put(node);
    }

    template <class Other>
    auto operator==(shared_block_allocator<T, Reset, Other> const& other) const noexcept -> bool {
        return node == other.node;
    }
};

} // namespace detail

/// The owner of an object on loan from an `object_pool`: move-only, returns the object when it
/// ends.
///
/// Converts to `std::shared_ptr` without allocating: the object is then cleared when its last owner
/// is gone, and returned when its last `weak_ptr` is gone too.
template <class T, class Reset = clearing>
class [[nodiscard]] pooled {
public:
    using element_type = T;

    pooled() noexcept = default;
    pooled(pooled&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
    auto operator=(pooled&& other) noexcept -> pooled& {
        pooled(std::move(other)).swap(*this);
        return *this;
    }
    pooled(pooled const&) = delete;
    auto operator=(pooled const&) -> pooled& = delete;
    ~pooled() {
        if (node_ != nullptr) {
            give_back(node_);
        }
    }

    [[nodiscard]] explicit operator bool() const noexcept { return node_ != nullptr; }
    /// The object, or null if the handle is empty.
    [[nodiscard]] auto get() const noexcept -> T* {
        return node_ == nullptr ? nullptr : std::addressof(node_->value);
    }
    /// \pre not empty; as for `->`.
    [[nodiscard]] auto operator*() const noexcept -> T& { return node_->value; }
    [[nodiscard]] auto operator->() const noexcept -> T* { return std::addressof(node_->value); }

    /// Returns the object now; the handle is empty then.
    void reset() noexcept {
        if (auto* const node = std::exchange(node_, nullptr)) {
            give_back(node);
        }
    }

    void swap(pooled& other) noexcept { std::swap(node_, other.node_); }

    /// Shares the object; the handle is empty then. Empty gives a null pointer.
    template <class U>
        requires std::convertible_to<T*, U*>
    [[nodiscard]] operator std::shared_ptr<U>() && noexcept { // NOLINT(*-explicit-*)
        auto* const node = std::exchange(node_, nullptr);
        if (node == nullptr) {
            return nullptr;
        }
        return std::shared_ptr<T>(std::addressof(node->value),
                                  detail::reset_on_last_owner<T, Reset>{node},
                                  detail::shared_block_allocator<T, Reset, T>(node));
    }

private:
    friend class object_pool<T, Reset>;
    explicit pooled(detail::pooled_node<T>* node) noexcept : node_(node) {}

    static void give_back(detail::pooled_node<T>* node) noexcept {
        auto* const core = static_cast<detail::pool_core<T, Reset>*>(node->owner);
        core->reset(node);
        core->put(node);
    }

    detail::pooled_node<T>* node_ = nullptr;
};

/// A bounded store of idle objects, from which any thread takes and to which any thread returns.
///
/// Ends of life: handles that outlive the pool destroy their object when they end. The pool's
/// destructor destroys all idle objects; if a handle is still out, those idle in the magazine of
/// another thread end with that thread, or when it next uses any pool. A thread that ends leaves
/// its idle objects to the others. In the child of a fork the pool goes on working; what other
/// threads of the parent held is lost to it.
template <class T, class Reset = clearing>
class object_pool {
    static_assert(std::is_object_v<T> && !std::is_array_v<T> && !std::is_const_v<T>);
    static_assert(std::is_nothrow_destructible_v<T>, "the destructor of T must not throw");
    static_assert(reset_for<Reset, T>,
                  "Reset must be callable with T& and be noexcept. For the default: give T a "
                  "clear() noexcept, or pass a Reset of your own");

public:
    using value_type = T;
    using handle = pooled<T, Reset>;

    object_pool() : object_pool(object_pool_options{}) {}

    /// Makes `options.preallocate` objects (at most `max_idle`); throws what T's constructor
    /// throws.
    explicit object_pool(object_pool_options const& options, Reset reset = {})
        : object_pool(options, &detail::heap, std::move(reset)) {}

    /// Takes the objects' memory from `resource`, a `std::pmr::memory_resource` or what has its
    /// `allocate` and `deallocate`; also that of their buffers, if T takes an allocator (as the
    /// containers of `std::pmr` do). It must be safe to use from all threads that use the pool, and
    /// outlive the pool and its handles.
    template <detail::memory_resource_like Resource>
    object_pool(object_pool_options const& options, Resource* resource, Reset reset = {})
        : core_(new detail::pool_core_of<T, Reset, Resource>(options, std::move(reset), resource)) {
        core_->preallocate(options.preallocate);
    }

    object_pool(object_pool const&) = delete;
    auto operator=(object_pool const&) -> object_pool& = delete;

    /// Destroys the idle objects. \pre No thread is in `acquire()`; handles may be out.
    ~object_pool() = default;

    /// An idle object, or a new one. Throws what T's constructor throws, and `std::bad_alloc`.
    auto acquire() -> handle { return handle(core_->acquire()); }

    /// Destroys the idle objects that the calling thread can reach, and returns their number. Those
    /// in the magazine of another thread go when it next returns an object to this pool.
    auto trim() noexcept -> std::size_t { return core_->trim(); }

    [[nodiscard]] auto stats() const noexcept -> object_pool_stats {
        auto const sum = core_->count();
        object_pool_stats stats;
        stats.acquired = sum.taken;
        stats.created = sum.missed + sum.prepared;
        stats.reused = sum.taken - sum.missed;
        stats.dropped = sum.dropped;
        stats.in_use = sum.taken - sum.given;
        stats.idle = stats.created - sum.dropped - stats.in_use;
        return stats;
    }

private:
    struct close {
        void operator()(detail::pool_core<T, Reset>* core) const noexcept { core->close(); }
    };

    std::unique_ptr<detail::pool_core<T, Reset>, close> core_; // lives on while handles are out
};

/// The pool of this type that the whole process shares, made at first use with default options.
///
/// Never destroyed, so that handles may end at any time: also while static objects are destroyed.
template <class T, class Reset = clearing>
[[nodiscard]] auto shared_pool() -> object_pool<T, Reset>& {
    static auto& pool = *new object_pool<T, Reset>;
    return pool;
}

} // namespace llms::inline v0_1

#endif // LLMS_MEMORY_OBJECT_POOL_HPP
