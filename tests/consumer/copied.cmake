# cmake -DCXX= -DSOURCE= -DFLAGS= -DWORK= -P copied.cmake
#
# The third way to use llms: copy include/llms, one -I, no build system.
file(REMOVE_RECURSE ${WORK})
file(COPY ${SOURCE}/include/llms DESTINATION ${WORK}/third_party)
execute_process(
    COMMAND ${CXX} -std=c++20 -I${WORK}/third_party ${FLAGS} ${SOURCE}/tests/consumer/main.cpp
            -o ${WORK}/consumer -pthread
    RESULT_VARIABLE rc)
if(rc)
    message(FATAL_ERROR "copied headers do not compile with one -I")
endif()
execute_process(COMMAND ${WORK}/consumer RESULT_VARIABLE rc)
if(rc)
    message(FATAL_ERROR "the consumer failed: ${rc}")
endif()
