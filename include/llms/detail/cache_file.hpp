// SPDX-License-Identifier: MIT
//
// The form of a saved cache or history: a head, then records, then an end. Whole numbers are
// little-endian, `magic` is "llmscach" or "llmstalk".
//
//     head    magic  u32 version  i64 wall clock, nanoseconds  u64 checksum
//     record  u64 size (not 0)  bytes  u64 checksum
//     end     u64 0  u64 number of records  u64 checksum
//
// Each checksum covers everything before it, so a file that is cut short, damaged, or put together
// of pieces is known as such before any of the bytes in question is decoded.
#ifndef LLMS_DETAIL_CACHE_FILE_HPP
#define LLMS_DETAIL_CACHE_FILE_HPP

#include <llms/cache/cache_options.hpp>
#include <llms/detail/cache_mix.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace llms::inline v0_1::detail {

inline constexpr std::string_view cache_file_magic = "llmscach";
inline constexpr std::uint32_t cache_file_version = 2;

/// Against accidents, not against forgery: the key is known.
class cache_checksum {
public:
    void add(std::string_view bytes) noexcept {
        state_ = cache_hash_bytes(bytes.data(), bytes.size(),
                                  {state_, 0xa0761d6478bd642fU, 0xe7037ed1a0b428dbU});
    }
    [[nodiscard]] auto value() const noexcept -> std::uint64_t { return state_; }

private:
    std::uint64_t state_ = 0x8ebc6af09c88c6e3U;
};

inline void cache_put_number(std::string& to, std::uint64_t number, unsigned bytes = 8) {
    for (unsigned i = 0; i < bytes; ++i) {
        to += static_cast<char>(number >> (8 * i) & 255U);
    }
}

/// Takes a number off the front of `from`, which is at least that long.
[[nodiscard]] inline auto cache_take_number(std::string_view& from, unsigned bytes = 8) noexcept
    -> std::uint64_t {
    std::uint64_t number = 0;
    for (unsigned i = 0; i < bytes; ++i) {
        number |= std::uint64_t{static_cast<unsigned char>(from[i])} << (8 * i);
    }
    from.remove_prefix(bytes);
    return number;
}

/// Writes to anything with the `write` of a `std::ostream`.
template <typename Stream>
class cache_file_writer {
public:
    cache_file_writer(Stream& out, std::int64_t wall_clock,
                      std::string_view magic = cache_file_magic)
        : out_{out},
          buffer_{magic} {
        cache_put_number(buffer_, cache_file_version, 4);
        cache_put_number(buffer_, static_cast<std::uint64_t>(wall_clock));
        flush();
    }

    void record(std::string_view bytes) {
        cache_put_number(buffer_, bytes.size());
        buffer_ += bytes;
        flush();
        ++records_;
    }

    void end() {
        cache_put_number(buffer_, 0);
        cache_put_number(buffer_, records_);
        flush();
    }

private:
    void flush() {
        sum_.add(buffer_);
        cache_put_number(buffer_, sum_.value());
        out_.write(buffer_.data(), static_cast<std::ptrdiff_t>(buffer_.size()));
        buffer_.clear();
    }

    Stream& out_;
    cache_checksum sum_;
    std::string buffer_;
    std::uint64_t records_ = 0;
};

/// Reads from anything with the `read` and `gcount` of a `std::istream`.
template <typename Stream>
class cache_file_reader {
public:
    /// `magic` has the length of `cache_file_magic`.
    explicit cache_file_reader(Stream& in, std::string_view magic = cache_file_magic)
        : in_{in},
          magic_{magic} {}

    [[nodiscard]] auto head() -> cache_load_result {
        if (!read(magic_.size()) || buffer_ != magic_) {
            return cache_load_result::not_a_cache;
        }
        if (!read(4)) {
            return cache_load_result::corrupt;
        }
        std::string_view left{buffer_};
        left.remove_prefix(magic_.size());
        if (cache_take_number(left, 4) != cache_file_version) {
            return cache_load_result::other_version;
        }
        if (!read(8) || !check()) {
            return cache_load_result::corrupt;
        }
        left = buffer_;
        left.remove_prefix(magic_.size() + 4);
        wall_clock_ = static_cast<std::int64_t>(cache_take_number(left));
        return cache_load_result::loaded;
    }

    /// When the file was written.
    [[nodiscard]] auto wall_clock() const noexcept -> std::int64_t { return wall_clock_; }

    /// The bytes of the next record, valid until the next call; nothing at the end, and where the
    /// file is damaged or a record is longer than `limit`.
    [[nodiscard]] auto next(std::size_t limit) -> std::optional<std::string_view> {
        buffer_.clear();
        offset_ = read_;
        if (!read(8)) {
            return std::nullopt;
        }
        std::string_view left{buffer_};
        auto const size = cache_take_number(left);
        if (size == 0) {
            if (read(8) && check()) {
                left = buffer_;
                left.remove_prefix(8);
                is_complete_ = cache_take_number(left) == records_;
            }
            return std::nullopt;
        }
        if (size > limit) {
            what_ = "what is longer than the limit";
            return std::nullopt;
        }
        if (!read(static_cast<std::size_t>(size)) || !check()) {
            return std::nullopt;
        }
        ++records_;
        left = buffer_;
        left.remove_prefix(8);
        return left;
    }

    /// Whether the end was met where it belongs.
    [[nodiscard]] auto is_complete() const noexcept -> bool { return is_complete_; }
    /// How many bytes lay before the last record, or what was met in its stead.
    [[nodiscard]] auto offset() const noexcept -> std::uint64_t { return offset_; }
    /// What was met there, where it was not a record.
    [[nodiscard]] auto what() const noexcept -> std::string_view { return what_; }

private:
    // Appends to the buffer, in steps, so that a length that lies costs no more than the file is
    // long.
    auto read(std::size_t size) -> bool {
        while (size > 0) {
            auto const step = size < max_step ? size : max_step;
            auto const at = buffer_.size();
            buffer_.resize(at + step);
            in_.read(buffer_.data() + at, static_cast<std::ptrdiff_t>(step));
            if (static_cast<std::size_t>(in_.gcount()) != step) {
                what_ = "the end of a file that was cut short";
                return false;
            }
            read_ += step;
            size -= step;
        }
        return true;
    }

    // Whether the checksum of all so far comes next.
    auto check() -> bool {
        sum_.add(buffer_);
        auto const at = buffer_.size();
        if (!read(8)) {
            return false;
        }
        auto stored = std::string_view{buffer_}.substr(at);
        auto const matches = cache_take_number(stored) == sum_.value();
        buffer_.resize(at);
        return matches;
    }

    static constexpr std::size_t max_step = std::size_t{1} << 16U;

    Stream& in_;
    std::string_view magic_;
    cache_checksum sum_;
    std::string buffer_;
    std::string_view what_ = "what its checksum does not fit";
    std::uint64_t read_ = 0;
    std::uint64_t offset_ = 0;
    std::int64_t wall_clock_ = 0;
    std::uint64_t records_ = 0;
    bool is_complete_ = false;
};

} // namespace llms::inline v0_1::detail

#endif // LLMS_DETAIL_CACHE_FILE_HPP
