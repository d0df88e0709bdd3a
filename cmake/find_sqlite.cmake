# Defines llms_find::sqlite, the target that llms::sqlite links.
set(llms_find_sqlite_hint "install SQLite (Debian: apt-get install libsqlite3-dev)")
find_package(SQLite3 3.35 QUIET)
if(SQLite3_FOUND AND NOT TARGET llms_find::sqlite)
    add_library(llms_find::sqlite INTERFACE IMPORTED)
    target_link_libraries(llms_find::sqlite INTERFACE SQLite::SQLite3)
endif()
