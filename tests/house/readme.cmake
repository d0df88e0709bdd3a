# cmake -DROOT= -P readme.cmake
#
# The README's quick start is a compiled program: its fenced block is examples/quick_start.cpp to
# the letter, but for the licence line.
file(READ ${ROOT}/README.md readme)
file(READ ${ROOT}/examples/quick_start.cpp program)
string(REGEX REPLACE "^// SPDX[^\n]*\n+" "" program "${program}")
string(FIND "${readme}" "```cpp\n${program}```" at)
if(at EQUAL -1)
    message(FATAL_ERROR "README.md has no ```cpp block that equals examples/quick_start.cpp")
endif()
