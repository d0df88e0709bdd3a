# cmake -DCXX= -DPREFIX= -DSOURCE= -DWORK= -P pkg_config.cmake
#
# The installed prefix is moved before use: llms.pc must relocate.
find_program(PKG_CONFIG NAMES pkg-config pkgconf)
if(NOT PKG_CONFIG)
    message("SKIP: no pkg-config on this machine")
    return()
endif()
file(REMOVE_RECURSE ${WORK})
file(COPY ${PREFIX}/ DESTINATION ${WORK}/moved)
set(ENV{PKG_CONFIG_PATH} ${WORK}/moved/share/pkgconfig)
execute_process(COMMAND ${PKG_CONFIG} --cflags --libs llms
    OUTPUT_VARIABLE flags OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
if(NOT flags MATCHES "${WORK}/moved")
    message(FATAL_ERROR "llms.pc does not relocate: ${flags}")
endif()
separate_arguments(flags UNIX_COMMAND "${flags}")
execute_process(COMMAND ${CXX} ${SOURCE} ${flags} -o ${WORK}/consumer COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${WORK}/consumer COMMAND_ERROR_IS_FATAL ANY)
