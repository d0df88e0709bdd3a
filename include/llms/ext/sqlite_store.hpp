// SPDX-License-Identifier: MIT
//
// `sqlite_store`: a second tier in one SQLite file that survives restarts and that the processes of one
// host share. Link `llms::sqlite`; use it through `guarded_store`.
//
//     auto file = std::make_shared<llms::sqlite_store>("/var/cache/app/llm.db");
//     llms::guarded_store tier{file};
//
// Bounds: entries, bytes and the size of the file; the oldest make room, the expired first. A file
// that turns out to be corrupt is renamed to `<path>.corrupt-<time>`: the call that found out throws
// a store_error that says so, the next one starts a new file. A file of another program, or of a later
// version of this one, is refused and left alone.
//
// Thread safety: all of it. Cost here: get 5 µs, put 40 µs of processor time (write-ahead log, one transaction a put,
// fsync at checkpoints only: a power cut may cost the last puts, never the file). Waits for locks end
// at the deadline, a file system that hangs does not.
#ifndef LLMS_EXT_SQLITE_STORE_HPP
#define LLMS_EXT_SQLITE_STORE_HPP

#include <llms/cache/store.hpp>
#include <llms/detail/ext_connections.hpp>

#include <sqlite3.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace llms::inline v0_1 {

struct sqlite_store_options {
    std::size_t max_entries = 100'000;
    std::size_t max_bytes = std::size_t{256} << 20U; ///< of keys and values
    /// Of the file, without its write-ahead log (4 MiB); 0 = a half more than `max_bytes`.
    std::size_t max_file_bytes = 0;
    std::size_t max_connections = 4; ///< calls at one time; others wait
};

/// See the head of this file. `WallClock` is that of the expiry times.
template <class WallClock = std::chrono::system_clock>
class basic_sqlite_store {
    class connection;
    class statement;

public:
    /// Opens the file, or creates it.
    /// \throws store_error if it can be neither opened nor created, or belongs to something else. That
    /// it was corrupt, and has been set aside, the first call says.
    explicit basic_sqlite_store(std::string path, sqlite_store_options options = {})
        : path_(std::move(path)),
          options_(options),
          connections_(options.max_connections) {
        auto const deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
        try {
            use(deadline, [](connection&) { return true; });
        } catch (set_aside_error const& problem) {
            complaint_ = problem.what();
            complains_ = true;
        }
    }

    basic_sqlite_store(basic_sqlite_store const&) = delete;
    auto operator=(basic_sqlite_store const&) -> basic_sqlite_store& = delete;
    /// \pre No call is under way.
    ~basic_sqlite_store() = default;

    [[nodiscard]] auto get(std::string_view key, store_deadline deadline)
        -> std::optional<std::string> {
        return use(deadline, [&](connection& file) -> std::optional<std::string> {
            auto find = file.run(query::get);
            find.bind(1, key);
            find.bind(2, now_ms());
            return find.step() ? std::optional(find.text(0)) : std::nullopt;
        });
    }

    void put(std::string_view key, std::string_view value, std::chrono::milliseconds ttl,
             store_deadline deadline) {
        auto const bytes = key.size() + value.size();
        if (bytes > options_.max_bytes || options_.max_entries == 0) {
            throw store_error("sqlite_store: a value of " + std::to_string(bytes) +
                              " bytes is beyond the bounds of " + path_);
        }
        use(deadline, [&](connection& file) {
            auto const now = now_ms();
            transaction change(file);
            file.erase(key);
            make_room(file, bytes, now);
            auto add = file.run(query::add);
            add.bind(1, key);
            add.bind(2, value);
            add.bind(3, now + ttl.count());
            add.bind(4, static_cast<std::int64_t>(bytes));
            add.finish();
            change.commit();
            return true;
        });
    }

    void erase(std::string_view key, store_deadline deadline) {
        use(deadline, [&](connection& file) {
            file.erase(key);
            return true;
        });
    }

    /// See `leasing_store`. Works between the processes that share the file.
    [[nodiscard]] auto try_lease(std::string_view key, std::string_view token,
                                 std::chrono::milliseconds ttl, store_deadline deadline) -> bool {
        return use(deadline, [&](connection& file) {
            auto const now = now_ms();
            transaction change(file);
            auto drop = file.run(query::drop_old_leases);
            drop.bind(1, now);
            drop.finish();
            auto take = file.run(query::take_lease);
            take.bind(1, key);
            take.bind(2, token);
            take.bind(3, now + ttl.count());
            take.finish();
            bool const taken = file.changes() > 0;
            change.commit();
            return taken;
        });
    }

    void release(std::string_view key, std::string_view token, store_deadline deadline) {
        use(deadline, [&](connection& file) {
            auto give = file.run(query::end_lease);
            give.bind(1, key);
            give.bind(2, token);
            give.finish();
            return true;
        });
    }

private:
    static constexpr int schema_version = 1;
    static constexpr int application_id = 0x4C4C4D53; // "LLMS"

    // The triggers keep the totals right whichever process writes.
    static constexpr char const* schema = R"(
        CREATE TABLE entries(id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, value BLOB NOT NULL,
                             expires INTEGER NOT NULL, bytes INTEGER NOT NULL);
        CREATE INDEX entries_by_expiry ON entries(expires);
        CREATE TABLE leases(key BLOB PRIMARY KEY, token BLOB NOT NULL, expires INTEGER NOT NULL)
            WITHOUT ROWID;
        CREATE TABLE totals(entries INTEGER NOT NULL, bytes INTEGER NOT NULL);
        INSERT INTO totals VALUES(0, 0);
        CREATE TRIGGER added AFTER INSERT ON entries BEGIN
            UPDATE totals SET entries = entries + 1, bytes = bytes + new.bytes; END;
        CREATE TRIGGER removed AFTER DELETE ON entries BEGIN
            UPDATE totals SET entries = entries - 1, bytes = bytes - old.bytes; END;
    )";

    enum class query : std::uint8_t {
        begin,
        commit,
        rollback,
        get,
        add,
        erase,
        totals,
        drop_expired,
        drop_oldest,
        drop_old_leases,
        take_lease,
        end_lease,
        count
    };

    static constexpr std::array<char const*, static_cast<std::size_t>(query::count)> queries{
        "BEGIN IMMEDIATE",
        "COMMIT",
        "ROLLBACK",
        "SELECT value FROM entries WHERE key = ?1 AND expires > ?2",
        "INSERT INTO entries(key, value, expires, bytes) VALUES(?1, ?2, ?3, ?4)",
        "DELETE FROM entries WHERE key = ?1",
        "SELECT entries, bytes FROM totals",
        "DELETE FROM entries WHERE id IN (SELECT id FROM entries WHERE expires <= ?1 LIMIT 100)",
        "DELETE FROM entries WHERE id = (SELECT min(id) FROM entries)",
        "DELETE FROM leases WHERE expires <= ?1",
        "INSERT INTO leases VALUES(?1, ?2, ?3) ON CONFLICT DO NOTHING",
        "DELETE FROM leases WHERE key = ?1 AND token = ?2",
    };

    // The file is not a database, or not a sound one.
    class corrupt_error : public store_error {
    public:
        using store_error::store_error;
    };

    class set_aside_error : public store_error {
    public:
        using store_error::store_error;
    };

    // A prepared statement while it runs.
    class statement {
    public:
        statement(connection& file, sqlite3_stmt* prepared) : file_(file), prepared_(prepared) {}
        statement(statement const&) = delete;
        auto operator=(statement const&) -> statement& = delete;
        ~statement() {
            sqlite3_reset(prepared_); // ends its read transaction; repeats the error of step()
            sqlite3_clear_bindings(prepared_);
        }

        void bind(int place, std::string_view bytes) { // which must outlive the statement
            auto const* const data = bytes.empty() ? "" : bytes.data(); // null would be NULL
            file_.check(sqlite3_bind_blob64(prepared_, place, data, bytes.size(), SQLITE_STATIC));
        }
        void bind(int place, std::int64_t number) {
            file_.check(sqlite3_bind_int64(prepared_, place, number));
        }

        // True if there is a row.
        auto step() -> bool {
            auto const result = sqlite3_step(prepared_);
            if (result != SQLITE_ROW && result != SQLITE_DONE) {
                file_.check(result);
            }
            return result == SQLITE_ROW;
        }
        void finish() {
            while (step()) {}
        }

        auto text(int column) -> std::string {
            auto const* const data = sqlite3_column_blob(prepared_, column);
            auto const size = sqlite3_column_bytes(prepared_, column);
            return data == nullptr ? std::string()
                                   : std::string(static_cast<char const*>(data),
                                                 static_cast<std::size_t>(size));
        }
        auto number(int column) -> std::size_t {
            auto const value = sqlite3_column_int64(prepared_, column);
            return value < 0 ? 0 : static_cast<std::size_t>(value);
        }

    private:
        connection& file_;
        sqlite3_stmt* prepared_;
    };

    class connection {
    public:
        connection(std::string const& path, sqlite_store_options const& options,
                   store_deadline deadline)
            : path_(path) {
            sqlite3* opened = nullptr;
            auto const result = sqlite3_open_v2(
                path.c_str(), &opened,
                SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
            database_.reset(opened); // even a failed one is to be closed
            check(result);
            limit(deadline);
            sqlite3_progress_handler(opened, 1000, &connection::is_late, this);
            prepare_file(options);
            for (std::size_t i = 0; i < queries.size(); ++i) {
                sqlite3_stmt* prepared = nullptr;
                check(sqlite3_prepare_v3(opened, queries[i], -1, SQLITE_PREPARE_PERSISTENT,
                                         &prepared, nullptr));
                prepared_[i].reset(prepared);
            }
            identity_ = identity_of(path);
        }

        // Until then statements may run and wait for locks.
        void limit(store_deadline deadline) {
            using std::chrono::milliseconds;
            deadline_ = deadline;
            auto const left = std::chrono::duration_cast<milliseconds>(
                                  deadline - std::chrono::steady_clock::now())
                                  .count();
            sqlite3_busy_timeout(database_.get(), static_cast<int>(left < 0        ? 0
                                                                   : left > 60'000 ? 60'000
                                                                                   : left));
        }

        auto run(query which) -> statement {
            return statement(*this, prepared_[static_cast<std::size_t>(which)].get());
        }

        void erase(std::string_view key) {
            auto drop = run(query::erase);
            drop.bind(1, key);
            drop.finish();
        }

        auto changes() -> int { return sqlite3_changes(database_.get()); }

        void check(int result) {
            if (result == SQLITE_OK) {
                return;
            }
            auto const what = "sqlite_store: " + path_ + ": " +
                              (database_ ? sqlite3_errmsg(database_.get()) : "out of memory");
            auto const primary = result & 0xFF;
            if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB) {
                throw corrupt_error(what);
            }
            throw store_error(what);
        }

        // The file that was opened, whatever its name is now.
        [[nodiscard]] auto identity() const { return identity_; }

        static auto identity_of(std::string const& path) -> std::pair<::dev_t, ::ino_t> {
            struct ::stat about {};
            return ::stat(path.c_str(), &about) == 0 ? std::pair(about.st_dev, about.st_ino)
                                                     : std::pair<::dev_t, ::ino_t>{};
        }

    private:
        static auto is_late(void* self) -> int {
            auto const deadline = static_cast<connection*>(self)->deadline_;
            return std::chrono::steady_clock::now() > deadline ? 1 : 0;
        }

        // SQLite does not wait by itself where a lock that is held would have to be raised, as when
        // two processes switch a new file to WAL: here it is tried again, until the deadline.
        void execute(std::string const& sql) {
            auto const once = [&] {
                return sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr);
            };
            auto result = once();
            while ((result & 0xFF) == SQLITE_BUSY && std::chrono::steady_clock::now() < deadline_) {
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
                result = once();
            }
            check(result);
        }

        auto pragma(char const* name) -> std::int64_t {
            sqlite3_stmt* prepared = nullptr;
            auto const sql = std::string("PRAGMA ") + name;
            check(sqlite3_prepare_v2(database_.get(), sql.c_str(), -1, &prepared, nullptr));
            std::unique_ptr<sqlite3_stmt, finalize> const owner(prepared);
            statement asked(*this, prepared);
            return asked.step() ? static_cast<std::int64_t>(asked.number(0)) : 0;
        }

        void prepare_file(sqlite_store_options const& options) {
            recognize();
            execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                    "PRAGMA journal_size_limit = 4194304; PRAGMA trusted_schema = OFF");
            auto const page =
                static_cast<std::size_t>(std::max<std::int64_t>(pragma("page_size"), 512));
            auto const most = options.max_file_bytes > 0
                                  ? options.max_file_bytes
                                  : options.max_bytes + options.max_bytes / 2 + (1U << 20U);
            execute("PRAGMA max_page_count = " + std::to_string(most / page + 1));
            if (pragma("user_version") == 0) {
                execute("BEGIN IMMEDIATE");
                if (pragma("user_version") == 0) { // nobody was quicker
                    execute(schema);
                    execute("PRAGMA application_id = " + std::to_string(application_id));
                    execute("PRAGMA user_version = " + std::to_string(schema_version));
                }
                execute("COMMIT");
                recognize();
            }
        }

        void recognize() {
            // Another process may be creating the schema: what it commits last is read first.
            bool const used = has_tables();
            auto const version = pragma("user_version");
            auto const owner = pragma("application_id");
            if (owner != application_id && (owner != 0 || version != 0 || used)) {
                throw store_error("sqlite_store: " + path_ + " is another program's database");
            }
            if (version > schema_version) {
                throw store_error("sqlite_store: " + path_ + " has schema version " +
                                  std::to_string(version) + ", written by a later llms");
            }
        }

        auto has_tables() -> bool {
            sqlite3_stmt* prepared = nullptr;
            check(sqlite3_prepare_v2(database_.get(), "SELECT 1 FROM sqlite_master", -1, &prepared,
                                     nullptr));
            std::unique_ptr<sqlite3_stmt, finalize> const owner(prepared);
            return statement(*this, prepared).step();
        }

        struct close {
            void operator()(sqlite3* database) const noexcept { sqlite3_close_v2(database); }
        };
        struct finalize {
            void operator()(sqlite3_stmt* prepared) const noexcept { sqlite3_finalize(prepared); }
        };

        std::string path_;
        store_deadline deadline_;
        std::pair<::dev_t, ::ino_t> identity_ = {};
        std::unique_ptr<sqlite3, close> database_;
        std::array<std::unique_ptr<sqlite3_stmt, finalize>, queries.size()> prepared_;
    };

    // Rolled back unless committed.
    class transaction {
    public:
        explicit transaction(connection& file) : file_(file) { file_.run(query::begin).finish(); }
        transaction(transaction const&) = delete;
        auto operator=(transaction const&) -> transaction& = delete;
        ~transaction() {
            if (!committed_) {
                try {
                    file_.run(query::rollback).finish();
                } catch (store_error const&) { // SQLite has rolled back by itself
                    committed_ = false;
                }
            }
        }

        void commit() {
            file_.run(query::commit).finish();
            committed_ = true;
        }

    private:
        connection& file_;
        bool committed_ = false;
    };

    static auto now_ms() -> std::int64_t {
        return std::chrono::duration_cast<std::chrono::milliseconds>(
                   WallClock::now().time_since_epoch())
            .count();
    }

    // Calls `work` with a connection to the file of our name.
    template <class Work>
    auto use(store_deadline deadline, Work work) {
        if (complains_.exchange(false)) {
            throw set_aside_error(complaint_);
        }
        auto const open = [&] {
            try {
                return std::make_unique<connection>(path_, options_, deadline);
            } catch (corrupt_error const& problem) {
                set_aside(connection::identity_of(path_), problem.what());
            }
        };
        auto file = connections_.borrow(deadline, open);
        if (file->identity() != connection::identity_of(path_)) { // it was replaced meanwhile
            file.replace(open());
        }
        file->limit(deadline);
        try {
            auto result = work(*file);
            file.keep();
            return result;
        } catch (corrupt_error const& problem) {
            set_aside(file->identity(), problem.what());
        }
    }

    // Renames the file, unless another process has done so already and this is a new one.
    [[noreturn]] void set_aside(std::pair<::dev_t, ::ino_t> identity, std::string const& why) {
        std::lock_guard const lock(setting_aside_);
        auto const aside = path_ + ".corrupt-" + std::to_string(now_ms());
        if (connection::identity_of(path_) == identity) {
            for (std::string const part : {"-wal", "-shm", ""}) { // the last makes it official
                // Another process may have been first, or there is no such part.
                static_cast<void>(std::rename((path_ + part).c_str(), (aside + part).c_str()));
            }
        }
        throw set_aside_error(why + "; the file was set aside as " + aside +
                              " and a new one will be started");
    }

    void make_room(connection& file, std::size_t bytes, std::int64_t now) {
        for (bool expired = true;;) {
            auto totals = file.run(query::totals);
            if (!totals.step()) {
                throw corrupt_error("sqlite_store: " + path_ + ": no totals");
            }
            if (totals.number(0) < options_.max_entries &&
                totals.number(1) + bytes <= options_.max_bytes) {
                return;
            }
            auto drop = file.run(expired ? query::drop_expired : query::drop_oldest);
            if (expired) {
                drop.bind(1, now);
            }
            drop.finish();
            if (!expired && file.changes() == 0) {
                throw corrupt_error("sqlite_store: " + path_ + ": totals of nothing");
            }
            expired = expired && file.changes() > 0;
        }
    }

    std::string const path_;
    sqlite_store_options const options_;
    detail::ext_connections<connection> connections_;
    std::mutex setting_aside_;
    std::string complaint_; // what the constructor found, for the first call; constant afterwards
    std::atomic<bool> complains_ = false;
};

using sqlite_store = basic_sqlite_store<>;

} // namespace llms::inline v0_1

#endif // LLMS_EXT_SQLITE_STORE_HPP
