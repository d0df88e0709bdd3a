// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include <llms/memory/object_pool.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <memory_resource>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

// All allocations of this executable are counted, and what is freed can be searched for a secret.
namespace {

std::atomic<long> allocations = 0;
std::atomic<char const*> secret = nullptr;
std::atomic<int> secrets_freed = 0;

constexpr std::size_t usual = alignof(std::max_align_t);

constexpr auto at_least_usual(std::align_val_t alignment) -> std::size_t {
    return static_cast<std::size_t>(alignment) < usual ? usual
                                                       : static_cast<std::size_t>(alignment);
}

// In front of each block, as much as its alignment, ends the block's size.
auto counted_allocate(std::size_t bytes, std::size_t alignment) noexcept -> void* {
    allocations.fetch_add(1);
    auto const padded = (bytes + 2 * alignment - 1) / alignment * alignment;
    auto* const block = static_cast<std::byte*>(std::aligned_alloc(alignment, padded));
    if (block == nullptr) {
        return nullptr;
    }
    std::memcpy(block + alignment - sizeof bytes, &bytes, sizeof bytes);
    return block + alignment;
}

auto allocate_or_throw(std::size_t bytes, std::size_t alignment) -> void* {
    if (void* const memory = counted_allocate(bytes, alignment)) {
        return memory;
    }
    throw std::bad_alloc();
}

void searched_free(void* memory, std::size_t alignment) noexcept {
    if (memory == nullptr) {
        return;
    }
    auto* const begin = static_cast<std::byte*>(memory);
    if (char const* const wanted = secret.load()) {
        std::size_t bytes = 0;
        std::memcpy(&bytes, begin - sizeof bytes, sizeof bytes);
        if (std::string_view(static_cast<char const*>(memory), bytes).find(wanted) !=
            std::string_view::npos) {
            secrets_freed.fetch_add(1);
        }
    }
    std::free(begin - alignment);
}

} // namespace

auto operator new(std::size_t n) -> void* {
    return allocate_or_throw(n, usual);
}
auto operator new(std::size_t n, std::align_val_t alignment) -> void* {
    return allocate_or_throw(n, at_least_usual(alignment));
}
auto operator new(std::size_t n, std::nothrow_t const& /*tag*/) noexcept -> void* {
    return counted_allocate(n, usual);
}
auto operator new(std::size_t n, std::align_val_t alignment, std::nothrow_t const& /*tag*/) noexcept
    -> void* {
    return counted_allocate(n, at_least_usual(alignment));
}
void operator delete(void* memory) noexcept {
    searched_free(memory, usual);
}
void operator delete(void* memory, std::size_t /*n*/) noexcept {
    searched_free(memory, usual);
}
void operator delete(void* memory, std::align_val_t alignment) noexcept {
    searched_free(memory, at_least_usual(alignment));
}
void operator delete(void* memory, std::size_t /*n*/, std::align_val_t alignment) noexcept {
    searched_free(memory, at_least_usual(alignment));
}

namespace object_pool_test {

namespace {

// A response-like struct without a clear() of its own.
struct answer {
    std::string text;
    std::vector<std::string> stops;
    std::optional<std::string> model;
    std::map<std::string, int> counts;
    std::unique_ptr<int> extra;
    int attempts = 1;
    double cost = 0;
    bool cached = false;

    auto operator==(answer const& other) const -> bool {
        return text == other.text && stops == other.stops && model == other.model &&
               counts == other.counts && (extra == nullptr) == (other.extra == nullptr) &&
               attempts == other.attempts && cost == other.cost && cached == other.cached;
    }

    void fill() {
        text.assign(1024, 'x');
        stops.assign(3, "stop");
        model = "a model with a name too long for the small-string buffer";
        counts["tokens"] = 7;
        extra = std::make_unique<int>(3);
        attempts = 4;
        cost = 0.25;
        cached = true;
    }
};

// Counts how many there are, and throws from its constructor when told to.
struct counted {
    static inline std::atomic<int> alive = 0;
    static inline bool refuse = false;

    counted() {
        if (refuse) {
            throw std::runtime_error("refused");
        }
        alive.fetch_add(1);
    }
    ~counted() { alive.fetch_sub(1); }
    counted(counted const&) = delete;
    auto operator=(counted const&) -> counted& = delete;
    void clear() noexcept {}
};

} // namespace

TEST_CASE("object_pool: a returned object comes back empty, with its capacity", "[object_pool]") {
    llms::object_pool<std::string> pool;
    std::string const* first = nullptr;
    {
        auto const text = pool.acquire();
        text->assign(1000, 'x');
        first = text.get();
    }
    auto const text = pool.acquire();
    CHECK(text.get() == first);
    CHECK(text->empty());
    CHECK(text->capacity() >= 1000);
}

TEST_CASE("object_pool: every field of a plain struct is cleared, buffers stay", "[object_pool]") {
    llms::object_pool<answer> pool;
    pool.acquire()->fill();
    auto const again = pool.acquire();
    CHECK(*again == answer{});
    CHECK(again->text.capacity() >= 1024);
    CHECK(again->stops.capacity() >= 3);
    CHECK(pool.stats().reused == 1);
}

TEST_CASE("object_pool: stats are exact when nothing moves", "[object_pool]") {
    llms::object_pool<std::string> pool{{.max_idle = 4, .preallocate = 2}};
    CHECK(pool.stats().created == 2);
    CHECK(pool.stats().idle == 2);
    {
        std::vector<llms::pooled<std::string>> out;
        out.reserve(10);
        for (int i = 0; i < 10; ++i) {
            out.push_back(pool.acquire());
        }
        auto const stats = pool.stats();
        CHECK(stats.acquired == 10);
        CHECK(stats.created == 10);
        CHECK(stats.reused == 2);
        CHECK(stats.dropped == 0);
        CHECK(stats.in_use == 10);
        CHECK(stats.idle == 0);
    }
    auto const stats = pool.stats();
    CHECK(stats.in_use == 0);
    CHECK(stats.idle == 4);
    CHECK(stats.dropped == 6);
}

TEST_CASE("object_pool: keeps max_idle objects, no more and no fewer", "[object_pool]") {
    for (std::size_t const max_idle : {0U, 1U, 2U, 3U, 7U, 8U, 31U, 32U, 33U, 64U, 100U, 1000U}) {
        llms::object_pool<counted> pool{{.max_idle = max_idle}};
        for (int round = 0; round < 3; ++round) {
            std::vector<llms::pooled<counted>> out;
            for (std::size_t i = 0; i < max_idle + 70; ++i) {
                out.push_back(pool.acquire());
            }
            CHECK(counted::alive == static_cast<int>(max_idle + 70));
            out.clear();
            CHECK(pool.stats().idle == max_idle);
            CHECK(counted::alive == static_cast<int>(max_idle));
        }
    }
    CHECK(counted::alive == 0);
}

TEST_CASE("object_pool: preallocates no more than max_idle", "[object_pool]") {
    llms::object_pool<counted> const pool{{.max_idle = 5, .preallocate = 9}};
    CHECK(counted::alive == 5);
    CHECK(pool.stats().created == 5);
}

TEST_CASE("object_pool: an object that grew too large is not kept", "[object_pool]") {
    llms::object_pool<answer> pool{{.max_retained_bytes = 4096}};
    pool.acquire()->text.reserve(10'000'000);
    CHECK(pool.stats().dropped == 1);
    CHECK(pool.stats().idle == 0);
    pool.acquire()->stops.reserve(200); // 6400 bytes of string objects
    CHECK(pool.stats().dropped == 2);
    pool.acquire()->text.reserve(2000);
    CHECK(pool.stats().idle == 1);
    CHECK(pool.stats().dropped == 2);
}

namespace {

struct sized_by_hand {
    std::unique_ptr<std::string> hidden = std::make_unique<std::string>();
    int uses = 0;
    void clear() noexcept {
        hidden->clear();
        ++uses;
    }
    [[nodiscard]] auto retained_bytes() const noexcept -> std::size_t { return hidden->capacity(); }
};

struct picky {
    void operator()(std::string& text) const noexcept { text.clear(); }
    [[nodiscard]] static auto retain(std::string const& text) noexcept -> bool {
        return text.capacity() % 2 == 0;
    }
};

struct keep_elements {
    void operator()(std::vector<std::string>& texts) const noexcept {
        for (auto& each : texts) {
            each.clear();
        }
    }
};

} // namespace

TEST_CASE("object_pool: what is retained can be told by the type or the policy", "[object_pool]") {
    SECTION("retained_bytes() of the type") {
        llms::object_pool<sized_by_hand> pool{{.max_retained_bytes = 100}};
        pool.acquire()->hidden->reserve(99);
        CHECK(pool.stats().idle == 1);
        pool.acquire()->hidden->reserve(101);
        CHECK(pool.stats().dropped == 1);
    }
    SECTION("retain() of the policy") {
        llms::object_pool<std::string, picky> pool;
        pool.acquire()->reserve(101);
        CHECK(pool.stats().dropped == 1);
        pool.acquire()->reserve(102);
        CHECK(pool.stats().idle == 1);
    }
    SECTION("elements that a policy keeps count too") {
        llms::object_pool<std::vector<std::string>, keep_elements> pool{
            {.max_retained_bytes = 5000}};
        pool.acquire()->assign(10, std::string(100, 'x'));
        CHECK(pool.stats().idle == 1);
        pool.acquire()->assign(10, std::string(1000, 'x'));
        CHECK(pool.stats().dropped == 1);
    }
}

TEST_CASE("object_pool: trim destroys what is idle", "[object_pool]") {
    llms::object_pool<counted> pool{{.max_idle = 100}};
    auto const kept = pool.acquire();
    std::vector<llms::pooled<counted>> out;
    out.reserve(90);
    for (int i = 0; i < 90; ++i) {
        out.push_back(pool.acquire());
    }
    out.clear();
    CHECK(pool.trim() == 90);
    CHECK(counted::alive == 1);
    CHECK(pool.stats().idle == 0);
    CHECK(pool.stats().dropped == 90);
    CHECK(pool.trim() == 0);
    { auto const next = pool.acquire(); }
    CHECK(pool.stats().idle == 1);
}

TEST_CASE("object_pool: the handle is move-only and returns once", "[object_pool]") {
    using handle = llms::pooled<std::string>;
    STATIC_REQUIRE(!std::is_copy_constructible_v<handle>);
    STATIC_REQUIRE(!std::is_copy_assignable_v<handle>);
    STATIC_REQUIRE(std::is_nothrow_move_constructible_v<handle>);
    STATIC_REQUIRE(std::is_nothrow_destructible_v<handle>);

    llms::object_pool<std::string> pool;
    handle first = pool.acquire();
    handle second = pool.acquire();
    auto* const object = first.get();
    second = std::move(first);
    CHECK(pool.stats().idle == 1); // what `second` owned
    CHECK(second.get() == object);
    CHECK(!first); // NOLINT(bugprone-use-after-move): empty, by contract
    first.reset();
    CHECK(pool.stats().idle == 1);
    first.swap(second);
    CHECK(first.get() == object);
    auto& self = first;
    first = std::move(self);
    CHECK(first.get() == object);
    first.reset();
    first.reset();
    CHECK(pool.stats().idle == 2);
    CHECK(pool.stats().in_use == 0);
    CHECK(handle().get() == nullptr);
}

TEST_CASE("object_pool: sharing an object allocates nothing", "[object_pool]") {
    llms::object_pool<std::string> pool;
    { auto const warm = pool.acquire(); }
    std::weak_ptr<std::string const> weak;
    auto const before = allocations.load();
    {
        std::shared_ptr<std::string const> const shared = pool.acquire();
        auto other = shared;
        weak = other;
        other.reset();
        CHECK(!weak.expired());
        CHECK(pool.stats().in_use == 1);
    }
    CHECK(weak.expired());
    CHECK(pool.stats().in_use == 1); // the control block is the node's
    weak.reset();
    CHECK(pool.stats().in_use == 0);
    CHECK(pool.stats().idle == 1);
    CHECK(allocations.load() == before);

    std::shared_ptr<std::string> const none = llms::pooled<std::string>();
    CHECK(none == nullptr);
}

TEST_CASE("object_pool: the last owner clears, not the last observer", "[object_pool]") {
    llms::object_pool<std::vector<std::shared_ptr<int>>> pool;
    auto const held = std::make_shared<int>(1);
    std::weak_ptr<std::vector<std::shared_ptr<int>>> weak;
    {
        std::shared_ptr<std::vector<std::shared_ptr<int>>> const shared = pool.acquire();
        shared->push_back(held);
        weak = shared;
        CHECK(held.use_count() == 2);
    }
    CHECK(held.use_count() == 1);
}

TEST_CASE("object_pool: in the steady state nothing is allocated", "[object_pool]") {
    llms::object_pool<answer> pool;
    auto const use = [&pool] {
        std::array<llms::pooled<answer>, 8> out;
        for (auto& each : out) {
            each = pool.acquire();
            each->text.assign(1024, 'x');
            each->attempts = 2;
        }
        std::shared_ptr<answer> const shared = std::move(out.front());
    };
    use();
    auto const before = allocations.load();
    for (int i = 0; i < 1000; ++i) {
        use();
    }
    CHECK(allocations.load() == before);
    CHECK(pool.stats().created == 8);
}

TEST_CASE("object_pool: a return allocates nothing, in a new thread neither", "[object_pool]") {
    llms::object_pool<std::string> pool{{.max_idle = 200}};
    std::vector<llms::pooled<std::string>> out;
    out.reserve(150);
    for (int i = 0; i < 150; ++i) {
        out.push_back(pool.acquire());
    }
    long allocated = -1;
    std::thread([&] {
        auto const before = allocations.load();
        for (auto& each : out) {
            each.reset();
        }
        allocated = allocations.load() - before;
    }).join();
    CHECK(allocated == 0);
    CHECK(pool.stats().idle == 150);
}

TEST_CASE("object_pool: a constructor that throws leaves the pool usable", "[object_pool]") {
    llms::object_pool<counted> pool;
    counted::refuse = true;
    CHECK_THROWS_AS(pool.acquire().get(), std::runtime_error);
    CHECK_THROWS_AS(llms::object_pool<counted>({.preallocate = 3}), std::runtime_error);
    counted::refuse = false;
    CHECK(pool.stats().created == 0);
    CHECK(pool.stats().acquired == 0);
    { auto const fine = pool.acquire(); }
    CHECK(pool.stats().idle == 1);
    CHECK(counted::alive == 1);
}

namespace {

struct throwing_reset {
    void operator()(std::string& text) const { text.clear(); }
};

struct careless {
    std::string text;
    void clear() { text.clear(); } // not noexcept
    careless() = default;
    careless(careless const&) = default; // nor assignable without allocating
};

struct with_array {
    std::array<int, 2> plain{};
    int numbers[3] = {}; // NOLINT(modernize-avoid-c-arrays): what is tested
    std::string text;
};

} // namespace

TEST_CASE("object_pool: a reset that may throw is no reset", "[object_pool]") {
    STATIC_REQUIRE(llms::reset_for<llms::clearing, std::string>);
    STATIC_REQUIRE(!llms::reset_for<throwing_reset, std::string>);
    STATIC_REQUIRE(!llms::reset_for<llms::clearing, careless>);
    STATIC_REQUIRE(!llms::reset_for<std::function<void(std::string&)>, std::string>);
    constexpr auto lambda = [](std::string& text) noexcept {
        text.clear();
    };
    STATIC_REQUIRE(llms::reset_for<decltype(lambda), std::string>);
    // Cannot be taken apart, but can be assigned a new one.
    STATIC_REQUIRE(llms::reset_for<llms::clearing, with_array>);
}

TEST_CASE("object_pool: a struct that cannot be taken apart is replaced", "[object_pool]") {
    llms::object_pool<with_array> pool;
    {
        auto const used = pool.acquire();
        used->numbers[1] = 5;
        used->text = "used";
    }
    auto const next = pool.acquire();
    CHECK(pool.stats().reused == 1);
    CHECK(next->numbers[1] == 0);
    CHECK(next->text.empty());
}

TEST_CASE("object_pool: a reset may have a state", "[object_pool]") {
    int calls = 0;
    auto count = [&calls](std::string& text) noexcept {
        text.clear();
        ++calls;
    };
    llms::object_pool<std::string, decltype(count)> pool({}, count);
    { auto const used = pool.acquire(); }
    CHECK(calls == 1);
}

namespace {

struct letter {
    std::string body;
    std::vector<std::string> pages;
    std::optional<std::string> key;
    std::array<char, 32> stamp{};
    std::variant<int, std::string> reply;
    int number = 9;
    // Shares its byte with `body`, which must not be overwritten for it.
    [[no_unique_address]] std::monostate nothing{};
};

// Leaves a secret in every kind of field, also past the end of a string.
void write_secret(letter& to) {
    constexpr std::string_view text = "the-secret-of-the-test-suite";
    to.body.assign(text);
    to.body.resize(2);
    to.pages.resize(2); // and no temporary string, which would leave the secret behind
    to.pages.front() = text;
    to.pages.back() = text;
    to.key = text;
    to.reply.emplace<std::string>(text);
    text.copy(to.stamp.data(), text.size());
}

auto secrets_freed_by(auto&& action) -> int {
    secrets_freed = 0;
    secret = "secret-of-the-test";
    action();
    secret = nullptr;
    return secrets_freed;
}

} // namespace

TEST_CASE("object_pool: wiping leaves no secret in freed memory", "[object_pool]") {
    // The proof that the search finds what is there.
    CHECK(secrets_freed_by([] {
              llms::object_pool<letter> pool;
              write_secret(*pool.acquire());
          }) > 0);
    CHECK(secrets_freed_by([] {
              llms::object_pool<letter, llms::wiping> pool{{.max_idle = 0}};
              write_secret(*pool.acquire());
          }) == 0);
    CHECK(secrets_freed_by([] {
              llms::object_pool<letter, llms::wiping> pool;
              write_secret(*pool.acquire());
              auto const next = pool.acquire();
              CHECK(pool.stats().reused == 1);
              CHECK(next->body.empty());
              CHECK(next->body.capacity() >= 28);
              CHECK(next->pages.empty());
              CHECK(!next->key);
              CHECK(next->reply.index() == 0);
              CHECK(next->number == 9);
          }) == 0);
    STATIC_REQUIRE(llms::reset_for<llms::wiping, letter>);
    STATIC_REQUIRE(!llms::reset_for<llms::wiping, std::unique_ptr<std::string>>);
    STATIC_REQUIRE(!llms::reset_for<llms::wiping, sized_by_hand>);
}

namespace {

class counting_resource : public std::pmr::memory_resource {
public:
    std::size_t out = 0;
    std::size_t calls = 0;

private:
    auto do_allocate(std::size_t bytes, std::size_t alignment) -> void* override {
        out += bytes;
        ++calls;
        return std::pmr::new_delete_resource()->allocate(bytes, alignment);
    }
    void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override {
        out -= bytes;
        std::pmr::new_delete_resource()->deallocate(memory, bytes, alignment);
    }
    [[nodiscard]] auto do_is_equal(memory_resource const& other) const noexcept -> bool override {
        return this == &other;
    }
};

} // namespace

TEST_CASE("object_pool: objects and their buffers come from a resource", "[object_pool]") {
    counting_resource resource;
    {
        llms::object_pool<std::pmr::string> pool({.max_idle = 2}, &resource);
        auto const text = pool.acquire();
        CHECK(text->get_allocator().resource() == &resource);
        CHECK(resource.calls == 1);
        text->assign(500, 'x');
        CHECK(resource.calls == 2);
        CHECK(resource.out > 500);
    }
    CHECK(resource.out == 0);

    llms::object_pool<std::string> plain({}, &resource); // its buffers cannot
    { auto const text = plain.acquire(); }
    CHECK(resource.out > 0);
    plain.trim();
    CHECK(resource.out == 0);
}

namespace {

struct alignas(128) wide {
    int value = 0;
    void clear() noexcept { value = 0; }
};

struct tree {
    std::vector<llms::pooled<tree>> children;
};

} // namespace

TEST_CASE("object_pool: over-aligned objects are aligned", "[object_pool]") {
    llms::object_pool<wide> pool;
    auto const one = pool.acquire();
    auto const two = pool.acquire();
    CHECK(reinterpret_cast<std::uintptr_t>(one.get()) % 128 == 0);
    CHECK(reinterpret_cast<std::uintptr_t>(two.get()) % 128 == 0);
}

TEST_CASE("object_pool: an object may own others of its pool", "[object_pool]") {
    llms::object_pool<tree> pool{{.max_idle = 3}};
    {
        auto const root = pool.acquire();
        for (int i = 0; i < 5; ++i) {
            root->children.push_back(pool.acquire());
            root->children.back()->children.push_back(pool.acquire());
        }
        CHECK(pool.stats().in_use == 11);
    }
    CHECK(pool.stats().in_use == 0);
    CHECK(pool.stats().idle == 3);
}

TEST_CASE("object_pool: many pools in one thread keep apart", "[object_pool]") {
    std::vector<std::unique_ptr<llms::object_pool<counted>>> pools;
    pools.reserve(50);
    for (int i = 0; i < 50; ++i) { // more than the thread's table has places
        pools.push_back(std::make_unique<llms::object_pool<counted>>());
    }
    for (int round = 0; round < 3; ++round) {
        for (auto const& pool : pools) {
            auto const one = pool->acquire();
            auto const two = pool->acquire();
        }
    }
    for (auto const& pool : pools) {
        CHECK(pool->stats().created == 2);
        CHECK(pool->stats().reused == 4);
    }
    pools.clear();
    CHECK(counted::alive == 0);
}

TEST_CASE("object_pool: the shared pool is one for the process", "[object_pool]") {
    auto& pool = llms::shared_pool<answer>();
    CHECK(&pool == &llms::shared_pool<answer>());
    { auto const used = pool.acquire(); }
    std::size_t reused = 0;
    std::thread([&reused] {
        { auto const used = llms::shared_pool<answer>().acquire(); }
        reused = llms::shared_pool<answer>().stats().acquired;
    }).join();
    CHECK(reused == 2);
}

#if defined(__SANITIZE_ADDRESS__)
#    define LLMS_TEST_ASAN
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer)
#        define LLMS_TEST_ASAN
#    endif
#endif

#ifdef LLMS_TEST_ASAN
extern "C" auto __asan_address_is_poisoned(void const volatile* address) -> int;
extern "C" auto __lsan_do_recoverable_leak_check() -> int;

TEST_CASE("object_pool: idle objects are poisoned under AddressSanitizer", "[object_pool]") {
    llms::object_pool<wide> pool;
    auto used = pool.acquire();
    auto const* const object = used.get();
    CHECK(__asan_address_is_poisoned(object) == 0);
    used.reset();
    CHECK(__asan_address_is_poisoned(object) != 0);
    CHECK(__asan_address_is_poisoned(reinterpret_cast<char const*>(object + 1) - 1) != 0);
    used = pool.acquire();
    CHECK(used.get() == object);
    CHECK(__asan_address_is_poisoned(object) == 0);
}

TEST_CASE("object_pool: objects may poison bytes of their own", "[object_pool]") {
    struct arena {
        arena() { __asan_poison_memory_region(bytes.data(), bytes.size()); }
        arena(arena const&) = delete;
        auto operator=(arena const&) -> arena& = delete;
        ~arena() { __asan_unpoison_memory_region(bytes.data(), bytes.size()); }
        void clear() noexcept {}
        std::array<char, 64> bytes{};
    };
    llms::object_pool<arena> pool;
    pool.acquire().reset();
    CHECK(pool.stats().idle == 1);
}

TEST_CASE("shared_pool: what its idle objects own is no leak to LeakSanitizer", "[object_pool]") {
    std::thread([] { // in the depot, once the thread has ended
        llms::shared_pool<answer>().acquire()->text.assign(1000, 'a');
    })
        .join();
    llms::shared_pool<answer>().acquire()->text.assign(1000, 'b'); // in this thread's magazine
    CHECK(__lsan_do_recoverable_leak_check() == 0);
}
#endif

} // namespace object_pool_test
