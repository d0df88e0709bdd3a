# cmake -P cmake/coverage.cmake
#
# Installs what is missing, builds the unit tests with the preset "coverage", runs them and writes
# build/coverage/report.html: the lines of include/llms that they reach. Fails below 95 percent. What a
# template defines and no test instantiates has no lines to count: templates.cmake finds it.
include(${CMAKE_CURRENT_LIST_DIR}/setup.cmake)
llms_install(
    nlohmann-json3-dev catch2 pkg-config make gcovr
    libcpp-httplib-dev libcurl4-openssl-dev libsqlite3-dev libhiredis-dev redis-server
    libre2-dev libpcre2-dev prometheus-cpp-dev prometheus)
llms_build(coverage coverage TARGETS unit_tests)

set(folder ${LLMS_ROOT}/build/coverage)
file(GLOB_RECURSE old ${folder}/*.gcda)
if(old)
    file(REMOVE ${old})
endif()
llms_say("running the unit tests")
cmake_path(GET CMAKE_COMMAND PARENT_PATH bin)
llms_run("ctest" ${bin}/ctest --test-dir ${folder} -L unit -j ${LLMS_JOBS} --output-on-failure)

llms_say("the report")
find_program(gcovr gcovr REQUIRED)
llms_run("line coverage of at least 95 percent" ${gcovr}
    --root ${LLMS_ROOT} --object-directory ${folder} --filter ${LLMS_ROOT}/include/llms/
    --exclude-throw-branches --exclude-unreachable-branches --fail-under-line 95
    --html-details ${folder}/report.html --txt ${folder}/report.txt --print-summary)
