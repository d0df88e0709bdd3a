# cmake -P cmake/templates.cmake
#
# Says which functions of templates below include/llms no unit test instantiates: line coverage does
# not count what was never compiled. clang-query lists, for each translation unit of the tests, the
# functions that templates define and those that were made of them; what is in the first list alone
# is an error.
include(${CMAKE_CURRENT_LIST_DIR}/setup.cmake)
llms_install(
    nlohmann-json3-dev catch2 pkg-config make clang clang-tools
    libcpp-httplib-dev libcurl4-openssl-dev libsqlite3-dev libhiredis-dev
    libre2-dev libpcre2-dev prometheus-cpp-dev)
llms_run("configuring" ${CMAKE_COMMAND} --preset clang)

set(folder ${LLMS_ROOT}/build/clang)
# Left out: what the compiler writes; closures, which live in functions that are listed; the conversions
# that memory_fields.hpp counts with and nothing may call; and what an iterator and an allocator must
# have and libstdc++ does not use.
file(WRITE ${folder}/templates.query [[
set output diag
set bind-root false
let whole functionDecl(isExpansionInFileMatching("include/llms/"), isDefinition(), unless(isDefaulted()), unless(isDeleted()), unless(isImplicit()))
let named functionDecl(whole, unless(cxxMethodDecl(ofClass(isLambda()))), unless(cxxMethodDecl(ofClass(hasAnyName("any_field", "any_base", "any_element", "watched_iterator", "shared_block_allocator")))))
match functionDecl(named, isTemplateInstantiation()).bind("made")
match functionDecl(named, unless(isTemplateInstantiation()), anyOf(hasParent(functionTemplateDecl()), hasAncestor(classTemplateDecl()), hasAncestor(classTemplatePartialSpecializationDecl()))).bind("template")
]])

file(STRINGS ${folder}/compile_commands.json units REGEX "\"file\": .*(Unity|/soak/)")
list(TRANSFORM units REPLACE "^[^:]*: \"(.*)\".*$" "\\1")
list(REMOVE_DUPLICATES units)
find_program(clang_query NAMES clang-query clang-query-14 REQUIRED)
set(places)
foreach(unit IN LISTS units)
    cmake_path(RELATIVE_PATH unit BASE_DIRECTORY ${folder} OUTPUT_VARIABLE name)
    llms_say("asking ${name}")
    execute_process(COMMAND ${clang_query} -p ${folder} -f ${folder}/templates.query ${unit}
        OUTPUT_VARIABLE answer ERROR_VARIABLE complaint RESULT_VARIABLE rc)
    if(rc OR complaint MATCHES "error: ")
        message(FATAL_ERROR "${complaint}\n${answer}\nclang-query failed")
    endif()
    string(REGEX MATCHALL "include/llms/[^:\n]*:[0-9]+:[0-9]+: note: \"(made|template)\"" found "${answer}")
    list(APPEND places ${found})
    list(REMOVE_DUPLICATES places)
endforeach()

set(made ${places})
list(FILTER made INCLUDE REGEX "\"made\"$")
list(TRANSFORM made REPLACE ": note: .*" "")
list(FILTER places INCLUDE REGEX "\"template\"$")
list(TRANSFORM places REPLACE ": note: .*" "")
list(LENGTH places all)
list(REMOVE_ITEM places ${made})
if(all EQUAL 0)
    message(FATAL_ERROR "clang-query found no templates")
endif()
if(places)
    list(JOIN places "\n  " lines)
    message(FATAL_ERROR "no test instantiates the functions at\n  ${lines}")
endif()
llms_say("the tests instantiate each of the ${all} functions of templates")
