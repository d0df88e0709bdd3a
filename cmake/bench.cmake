# cmake -P cmake/bench.cmake [-- --quick] [<program>...]
#
# Installs what is missing, builds every benchmark with the preset "release", runs them and writes
# build/bench/report.html and report.json. --quick: a look, not a measurement. Names of programs
# (channel_bench ...) after "--" run those alone.
include(${CMAKE_CURRENT_LIST_DIR}/setup.cmake)
llms_arguments(arguments)
set(repetitions 5)
set(min_time 0.2)
if("--quick" IN_LIST arguments)
    set(repetitions 3)
    set(min_time 0.01)
    list(REMOVE_ITEM arguments --quick)
endif()

llms_install(
    nlohmann-json3-dev libbenchmark-dev pkg-config make libcurl4-openssl-dev libsqlite3-dev
    libhiredis-dev libre2-dev libpcre2-dev prometheus-cpp-dev
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
llms_run("the report" ${folder}/benchmarks/llms_report ${folder} ${results})
