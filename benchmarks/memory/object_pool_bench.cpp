// SPDX-License-Identifier: MIT
//
// object_pool beside what a user would write instead, in three loads:
//   bare      get and put of a warm object, nothing done with it
//   fill      get, fill in a response of 1 KiB, put; on one thread, and on two, each for itself
//   handover  one thread gets and fills, the other puts; `in_turn` does so without any pool
//
// The malloc replacements are opened as shared libraries where they are installed, and called by
// names of their own (mi_malloc, mallocx, scalable_malloc): linked, or loaded before libc, they
// would take over malloc for every line of the table. jemalloc wants room for its thread-local
// data:
//     GLIBC_TUNABLES=glibc.rtld.optional_static_tls=16384 ./object_pool_bench
// To see one as the malloc of the whole program, run the lines of new_delete with it preloaded:
//     LD_PRELOAD=libjemalloc.so.2 ./object_pool_bench --benchmark_filter=new_delete
#include <llms/memory/object_pool.hpp>

#include <benchmark/benchmark.h>
#include <dlfcn.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

// A response-like struct, whose strings come from Allocator.
template <template <class> class Allocator>
struct basic_response {
    using text = std::basic_string<char, std::char_traits<char>, Allocator<char>>;
    text content;
    text model;
    text finish_reason;
    std::vector<int, Allocator<int>> logprobs;
    int input_tokens = 0;
    int output_tokens = 0;

    void clear() noexcept {
        content.clear();
        model.clear();
        finish_reason.clear();
        logprobs.clear();
        input_tokens = 0;
        output_tokens = 0;
    }

    // 1 KiB of content, and two strings too long for the small-string buffer. The source lies half a page
    // away from the content: where two buffers lie to each other changes the time of a copy by half.
    void fill() {
        constexpr std::size_t page = 4096;
        alignas(page) static std::array<char, 2 * page> const source{'t', 'e', 'x', 't'};
        auto const at = reinterpret_cast<std::uintptr_t>(content.data());
        content.assign(&source[(at + page / 2) % page], 1024);
        model.assign("some-model-2026-11-23-preview");
        finish_reason.assign("stopped: the answer is whole");
        input_tokens = 12;
        output_tokens = 256;
    }
};

using response = basic_response<std::allocator>;

// ---- The ways to get an object: get() gives a handle, which put() takes.

struct new_delete {
    static auto get() -> response* { return new response; }
    static void put(response* used) { delete used; }
};

struct mutex_vector {
    static inline std::mutex mutex;
    static inline std::vector<std::unique_ptr<response>> idle;

    static auto get() -> std::unique_ptr<response> {
        std::unique_lock lock(mutex);
        if (idle.empty()) {
            lock.unlock();
            return std::make_unique<response>();
        }
        auto object = std::move(idle.back());
        idle.pop_back();
        return object;
    }
    static void put(std::unique_ptr<response> used) {
        used->clear();
        std::lock_guard const lock(mutex);
        idle.push_back(std::move(used));
    }
};

struct local_vector {
    static inline thread_local std::vector<std::unique_ptr<response>> idle;

    static auto get() -> std::unique_ptr<response> {
        if (idle.empty()) {
            return std::make_unique<response>();
        }
        auto object = std::move(idle.back());
        idle.pop_back();
        return object;
    }
    static void put(std::unique_ptr<response> used) {
        used->clear();
        idle.push_back(std::move(used));
    }
};

// For the hand-over only: as many objects as the loads have out at most, each used in its turn. Nothing
// is taken or given back, so this is what it costs that another thread used the object last.
struct in_turn {
    static constexpr std::size_t objects = 384;
    static inline std::vector<std::unique_ptr<response>> const all = [] {
        std::vector<std::unique_ptr<response>> made(objects);
        for (auto& each : made) {
            each = std::make_unique<response>();
            each->fill();
            each->clear();
        }
        // As a pool that has been used for a while hands them out: not side by side.
        std::shuffle(made.begin(), made.end(), std::minstd_rand(1));
        return made;
    }();
    static inline std::size_t next = 0;

    static auto get() -> response* { return all[next++ % objects].get(); }
    static void put(response* used) { used->clear(); }
};

struct object_pool {
    static inline llms::object_pool<response> pool;

    static auto get() -> llms::pooled<response> { return pool.acquire(); }
    static void put(llms::pooled<response> /*used*/) {}
};

// ---- The malloc replacements.

struct allocation_functions {
    void* (*allocate)(std::size_t) = nullptr;
    void (*deallocate)(void*) = nullptr;
};

template <class Function>
auto find(char const* library, char const* name) -> Function {
    void* const opened = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    return opened == nullptr ? nullptr : reinterpret_cast<Function>(dlsym(opened, name));
}

auto open_mimalloc() -> allocation_functions {
    constexpr auto* library = "libmimalloc.so.2";
    return {find<void* (*)(std::size_t)>(library, "mi_malloc"),
            find<void (*)(void*)>(library, "mi_free")};
}

auto open_tbbmalloc() -> allocation_functions {
    constexpr auto* library = "libtbbmalloc.so.2";
    return {find<void* (*)(std::size_t)>(library, "scalable_malloc"),
            find<void (*)(void*)>(library, "scalable_free")};
}

// mallocx and dallocx take flags besides.
void* (*jemalloc_mallocx)(std::size_t, int) = nullptr;
void (*jemalloc_dallocx)(void*, int) = nullptr;

auto open_jemalloc() -> allocation_functions {
    constexpr auto* library = "libjemalloc.so.2";
    jemalloc_mallocx = find<void* (*)(std::size_t, int)>(library, "mallocx");
    jemalloc_dallocx = find<void (*)(void*, int)>(library, "dallocx");
    if (jemalloc_mallocx == nullptr || jemalloc_dallocx == nullptr) {
        return {};
    }
    return {[](std::size_t n) { return jemalloc_mallocx(n, 0); },
            [](void* memory) {
                jemalloc_dallocx(memory, 0);
            }};
}

template <allocation_functions (*Open)()>
struct new_delete_of {
    static inline allocation_functions const functions = Open();

    template <class T>
    struct allocator {
        using value_type = T;
        allocator() = default;
        template <class Other>
        explicit(false) allocator(allocator<Other> const& /*other*/) noexcept {}
        auto allocate(std::size_t n) -> T* {
            if (void* const memory = functions.allocate(n * sizeof(T))) {
                return static_cast<T*>(memory);
            }
            throw std::bad_alloc();
        }
        void deallocate(T* memory, std::size_t /*n*/) noexcept { functions.deallocate(memory); }
        auto operator==(allocator const& /*other*/) const noexcept -> bool { return true; }
    };
    using object = basic_response<allocator>;

    static auto get() -> object* { return ::new (allocator<object>{}.allocate(1)) object; }
    static void put(object* used) {
        std::destroy_at(used);
        allocator<object>{}.deallocate(used, 1);
    }
};

using mimalloc = new_delete_of<open_mimalloc>;
using jemalloc = new_delete_of<open_jemalloc>;
using tbbmalloc = new_delete_of<open_tbbmalloc>;

template <class Way>
auto installed(benchmark::State& state) -> bool {
    if constexpr (requires { Way::functions; }) {
        if (Way::functions.allocate == nullptr || Way::functions.deallocate == nullptr) {
            state.SkipWithError("not installed, or cannot be opened (see the head of this file)");
            return false;
        }
    }
    return true;
}

// ---- The loads.

template <class Way>
void BM_object_pool_bare(benchmark::State& state) {
    if (!installed<Way>(state)) {
        return;
    }
    for (auto _ : state) {
        auto object = Way::get();
        benchmark::DoNotOptimize(&*object);
        benchmark::ClobberMemory();
        Way::put(std::move(object));
    }
}

template <class Way>
void BM_object_pool_fill(benchmark::State& state) {
    if (!installed<Way>(state)) {
        return;
    }
    for (auto _ : state) {
        auto object = Way::get();
        object->fill();
        benchmark::DoNotOptimize(&*object);
        benchmark::ClobberMemory();
        Way::put(std::move(object));
    }
}

// The least that filling can cost: one object, always warm.
void BM_object_pool_fill_warm_object(benchmark::State& state) {
    auto const object = object_pool::get();
    for (auto _ : state) {
        object->fill();
        benchmark::DoNotOptimize(&*object);
        benchmark::ClobberMemory();
        object->clear();
    }
}

// One producer, one consumer. Both move 16 handles at a time, so that the ring costs little.
template <class Handle>
class ring {
public:
    static constexpr std::size_t capacity = 256;
    static constexpr std::size_t batch = 16;
    static_assert(capacity % batch == 0);

    template <class Make>
    void push_batch(Make make) {
        auto const at = written_.load(std::memory_order_relaxed);
        while (at - read_.load(std::memory_order_acquire) > capacity - batch) {
            std::this_thread::yield();
        }
        for (std::size_t i = 0; i < batch; ++i) {
            slots_[(at + i) % capacity] = make();
        }
        written_.store(at + batch, std::memory_order_release);
    }

    template <class Use>
    void pop_batch(Use use) {
        auto const at = read_.load(std::memory_order_relaxed);
        while (written_.load(std::memory_order_acquire) == at) {
            std::this_thread::yield();
        }
        for (std::size_t i = 0; i < batch; ++i) {
            use(std::move(slots_[(at + i) % capacity]));
        }
        read_.store(at + batch, std::memory_order_release);
    }

private:
    std::array<Handle, capacity> slots_{};
    alignas(64) std::atomic<std::size_t> written_ = 0;
    alignas(64) std::atomic<std::size_t> read_ = 0;
};

// Keeps a thread on one core until this ends: left to the scheduler, both ends of a hand-over may
// share a core, and then no lock is ever contended.
class pinned {
public:
    explicit pinned(unsigned core) {
        sched_getaffinity(0, sizeof before_, &before_);
        cpu_set_t only;
        CPU_ZERO(&only);
        CPU_SET(core % std::thread::hardware_concurrency(), &only);
        sched_setaffinity(0, sizeof only, &only);
    }
    ~pinned() { sched_setaffinity(0, sizeof before_, &before_); }
    pinned(pinned const&) = delete;
    auto operator=(pinned const&) -> pinned& = delete;

private:
    cpu_set_t before_{};
};

template <class Way>
void BM_object_pool_handover(benchmark::State& state) {
    if (!installed<Way>(state)) {
        return;
    }
    constexpr std::size_t batches = 4096;
    using handle = decltype(Way::get());
    auto const passage = std::make_unique<ring<handle>>();
    pinned const here(0);
    for (auto _ : state) {
        std::thread consumer([&] {
            pinned const there(1);
            for (std::size_t i = 0; i < batches; ++i) {
                passage->pop_batch([](handle object) { Way::put(std::move(object)); });
            }
        });
        for (std::size_t i = 0; i < batches; ++i) {
            passage->push_batch([] {
                auto object = Way::get();
                object->fill();
                return object;
            });
        }
        consumer.join();
    }
    auto const objects = batches * ring<handle>::batch;
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(objects));
    state.counters["per_object"] = benchmark::Counter(
        static_cast<double>(objects),
        benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

// 64 out at once, then all back.
template <class Way>
void BM_object_pool_burst(benchmark::State& state) {
    if (!installed<Way>(state)) {
        return;
    }
    std::array<decltype(Way::get()), 64> out{};
    for (auto _ : state) {
        for (auto& object : out) {
            object = Way::get();
            benchmark::DoNotOptimize(&*object);
        }
        benchmark::ClobberMemory();
        for (auto& object : out) {
            Way::put(std::move(object));
        }
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(out.size()));
}

// The bare load inside a shared object, where finding thread-local data is a call. CMake names the
// file that object_pool_shared_object.cpp was built to.
#ifdef LLMS_BENCH_SHARED_OBJECT
void BM_object_pool_bare_shared_object(benchmark::State& state) {
    auto* const get_and_put =
        find<void (*)(std::size_t)>(LLMS_BENCH_SHARED_OBJECT, "llms_bench_get_and_put");
    if (get_and_put == nullptr) {
        state.SkipWithError("cannot open " LLMS_BENCH_SHARED_OBJECT);
        return;
    }
    while (state.KeepRunningBatch(1000)) {
        get_and_put(1000);
    }
}
BENCHMARK(BM_object_pool_bare_shared_object);
#endif

BENCHMARK_TEMPLATE(BM_object_pool_bare, local_vector);
BENCHMARK_TEMPLATE(BM_object_pool_bare, object_pool);
BENCHMARK_TEMPLATE(BM_object_pool_bare, new_delete);
BENCHMARK_TEMPLATE(BM_object_pool_bare, mutex_vector);
BENCHMARK_TEMPLATE(BM_object_pool_bare, mimalloc);
BENCHMARK_TEMPLATE(BM_object_pool_bare, jemalloc);
BENCHMARK_TEMPLATE(BM_object_pool_bare, tbbmalloc);

BENCHMARK(BM_object_pool_fill_warm_object)->Threads(1)->Threads(2);
BENCHMARK_TEMPLATE(BM_object_pool_fill, object_pool)->ThreadRange(1, 16);
BENCHMARK_TEMPLATE(BM_object_pool_fill, local_vector)->Threads(1)->Threads(2);
BENCHMARK_TEMPLATE(BM_object_pool_fill, new_delete)->ThreadRange(1, 16);
BENCHMARK_TEMPLATE(BM_object_pool_fill, mutex_vector)->ThreadRange(1, 16);
BENCHMARK_TEMPLATE(BM_object_pool_fill, mimalloc)->Threads(1)->Threads(2);
BENCHMARK_TEMPLATE(BM_object_pool_fill, jemalloc)->Threads(1)->Threads(2);
BENCHMARK_TEMPLATE(BM_object_pool_fill, tbbmalloc)->Threads(1)->Threads(2);

BENCHMARK_TEMPLATE(BM_object_pool_burst, object_pool);
BENCHMARK_TEMPLATE(BM_object_pool_burst, local_vector);
BENCHMARK_TEMPLATE(BM_object_pool_burst, new_delete);
BENCHMARK_TEMPLATE(BM_object_pool_burst, mutex_vector);

BENCHMARK_TEMPLATE(BM_object_pool_handover, object_pool)->UseRealTime();
BENCHMARK_TEMPLATE(BM_object_pool_handover, in_turn)->UseRealTime();
BENCHMARK_TEMPLATE(BM_object_pool_handover, mutex_vector)->UseRealTime();
BENCHMARK_TEMPLATE(BM_object_pool_handover, local_vector)->UseRealTime();
BENCHMARK_TEMPLATE(BM_object_pool_handover, new_delete)->UseRealTime();
BENCHMARK_TEMPLATE(BM_object_pool_handover, mimalloc)->UseRealTime();
BENCHMARK_TEMPLATE(BM_object_pool_handover, jemalloc)->UseRealTime();
BENCHMARK_TEMPLATE(BM_object_pool_handover, tbbmalloc)->UseRealTime();

} // namespace
