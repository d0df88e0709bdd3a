# cmake -P cmake/test.cmake [-- <ctest arguments>]
#
# Installs what is missing, builds everything with the preset "debug" and runs every test.
include(${CMAKE_CURRENT_LIST_DIR}/setup.cmake)
llms_install(
    nlohmann-json3-dev catch2 libbenchmark-dev pkg-config make
    libcpp-httplib-dev libcurl4-openssl-dev libsqlite3-dev libhiredis-dev redis-server
    libre2-dev libpcre2-dev prometheus-cpp-dev prometheus)
llms_build(debug debug TARGETS all all_verify_interface_header_sets)
llms_arguments(arguments)
llms_say("running the tests")
cmake_path(GET CMAKE_COMMAND PARENT_PATH bin)
llms_run("ctest" ${bin}/ctest --preset debug -j ${LLMS_JOBS} ${arguments})
