# cmake -P cmake/bench.cmake [-- --quick --smoke --readme] [<program>...]
#
# Installs what is missing, builds every benchmark with the preset "release", runs them and writes
# build/bench/report.html and report.json. --quick: a look, not a measurement. --smoke: shows that all
# of it runs, no more. --readme: writes the figures into README.md, too. Names of programs
# (channel_bench ...) after "--" run those alone.
include(${CMAKE_CURRENT_LIST_DIR}/setup.cmake)
llms_arguments(arguments)
set(repetitions 5)
set(min_time 0.05)
if("--quick" IN_LIST arguments)
    set(repetitions 3)
    set(min_time 0.01)
    list(REMOVE_ITEM arguments --quick)
endif()
set(smoke FALSE)
if("--smoke" IN_LIST arguments)
    set(repetitions 1)
    set(min_time 0.0001)
    set(smoke TRUE)
    list(REMOVE_ITEM arguments --smoke)
endif()
set(readme -)
if("--readme" IN_LIST arguments)
    set(readme ${LLMS_ROOT}/README.md)
    list(REMOVE_ITEM arguments --readme)
endif()

llms_install(
    nlohmann-json3-dev libbenchmark-dev pkg-config make libcurl4-openssl-dev libsqlite3-dev
    libhiredis-dev libre2-dev libpcre2-dev prometheus-cpp-dev
    redis-server # for redis_store
    # the peers that are measured beside llms
    libtbb-dev libboost-fiber-dev libconcurrentqueue-dev libvalijson-dev libmimalloc-dev
    libjemalloc-dev)
llms_build(release bench DEFINE -DLLMS_BUILD_EXAMPLES=OFF -DLLMS_INSTALL=OFF TARGETS benchmarks)

set(programs ${arguments})
if(NOT programs)
    file(GLOB sources RELATIVE ${LLMS_ROOT} ${LLMS_ROOT}/benchmarks/*/*_bench.cpp)
    foreach(source IN LISTS sources)
        cmake_path(GET source STEM name)
        list(APPEND programs ${name})
    endforeach()
endif()

set(folder ${LLMS_ROOT}/build/bench)
set(results)
foreach(name IN LISTS programs)
    llms_say("running ${name}")
    set(result ${folder}/${name}.json)
    llms_run("${name}" ${folder}/benchmarks/${name}
        --benchmark_repetitions=${repetitions} --benchmark_min_time=${min_time}
        --benchmark_enable_random_interleaving=true --benchmark_report_aggregates_only=false
        --benchmark_out_format=json --benchmark_out=${result})
    list(APPEND results ${result})
endforeach()

# What the headers cost is measured with all of them or not at all: it takes minutes.
set(headers -)
if(NOT arguments AND NOT smoke)
    llms_say("measuring what an include costs")
    set(headers ${folder}/headers.json)
    file(STRINGS ${folder}/CMakeCache.txt compiler REGEX "^CMAKE_CXX_COMPILER:")
    string(REGEX REPLACE "^[^=]*=" "" compiler "${compiler}")
    llms_run("measuring the headers" ${CMAKE_COMMAND} -DCXX=${compiler} -DINCLUDE=${LLMS_ROOT}/include
        -DWORK=${folder} -DOUT=${headers} -P ${LLMS_ROOT}/benchmarks/report/headers.cmake)
endif()
llms_run("the report" ${folder}/benchmarks/llms_report
    ${LLMS_ROOT}/benchmarks/report/comparisons.json ${folder} ${readme} ${headers} ${results})
