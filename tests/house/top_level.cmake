# cmake -DROOT= -P top_level.cmake
#
# What may stand at the top of the tree, and nothing else.
set(allowed include tests benchmarks examples cmake build CMakeLists.txt CMakePresets.json README.md
    CHANGELOG.md LICENSE)
file(GLOB entries RELATIVE ${ROOT} ${ROOT}/*)
list(FILTER entries EXCLUDE REGEX "^\\.")
list(REMOVE_ITEM entries ${allowed} CMakeUserPresets.json)
if(entries)
    message(FATAL_ERROR "these do not belong at the top level: ${entries}")
endif()
