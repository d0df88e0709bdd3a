// SPDX-License-Identifier: MIT
//
// The platform (see stream_platform.hpp) of systems without a futex: sleepers meet in a small table
// of mutexes and condition variables, found by the word's address.
#ifndef LLMS_DETAIL_STREAM_PORTABLE_PLATFORM_HPP
#define LLMS_DETAIL_STREAM_PORTABLE_PLATFORM_HPP

#include <llms/detail/stream_platform_base.hpp>

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace llms::inline v0_1::detail {

struct stream_portable_platform : stream_platform_base {
    static auto wait(std::atomic<std::uint32_t>& word, std::uint32_t value, time_point deadline)
        -> bool {
        auto& room = room_of(&word);
        std::unique_lock lock(room.mutex);
        // Who changes the word takes the room's mutex afterwards, in wake_one: either this load
        // sees the change, or the sleeper is there when the mutex is taken.
        if (word.load() != value) {
            return true;
        }
        if (deadline == time_point::max()) {
            room.changed.wait(lock);
            return true;
        }
        return room.changed.wait_until(lock, deadline) == std::cv_status::no_timeout;
    }

    // Wakes everyone in the room: its sleepers wait for different words.
    static void wake_one(std::atomic<std::uint32_t>& word) {
        auto& room = room_of(&word);
        std::lock_guard const lock(room.mutex);
        room.changed.notify_all();
    }

private:
    struct room {
        std::mutex mutex;
        std::condition_variable changed;
    };

    static auto room_of(void const* word) -> room& {
        // Leaked, so that threads that outlive main can still sleep and wake.
        static auto& rooms = *new std::array<room, 64>; // NOLINT(cppcoreguidelines-owning-memory)
        auto const address = reinterpret_cast<std::uintptr_t>(word);
        return rooms[(address >> 4U ^ address >> 12U) % rooms.size()];
    }
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_STREAM_PORTABLE_PLATFORM_HPP
