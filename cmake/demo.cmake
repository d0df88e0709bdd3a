# cmake -P cmake/demo.cmake [-- --metrics prometheus]
#
# The main job in one command: installs what is missing, builds examples/demo and runs it. Needs a
# C++20 compiler and CMake 3.25, no API key and no internet beyond the system's packages.
include(${CMAKE_CURRENT_LIST_DIR}/setup.cmake)
llms_install(nlohmann-json3-dev libcurl4-openssl-dev libcpp-httplib-dev pkg-config make)
llms_build(release demo
    DEFINE -DLLMS_BUILD_BENCHMARKS=OFF -DLLMS_INSTALL=OFF -DLLMS_WITH_CURL=ON -DLLMS_WITH_SQLITE=OFF
           -DLLMS_WITH_REDIS=OFF -DLLMS_WITH_RE2=OFF -DLLMS_WITH_PCRE2=OFF -DLLMS_WITH_PROMETHEUS=OFF
    TARGETS llms_demo)
llms_arguments(arguments)
llms_say("running the demo")
llms_run("the demo" ${LLMS_ROOT}/build/demo/examples/demo/llms_demo ${arguments})
