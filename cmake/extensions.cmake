# The optional third parties. Each adapter header in include/llms/ext has one option, one INTERFACE
# target llms::<name>, one install component and one vcpkg feature:
#
#   LLMS_WITH_<NAME>   ON: required; OFF: not built; AUTO: built where the third party is found.
#
# cmake/llmsConfig.cmake.in finds the same third party again for find_package(llms COMPONENTS name),
# through the same cmake/find_<name>.cmake.
set(LLMS_EXTENSIONS curl sqlite redis re2 pcre2 prometheus)
set(llms_header_curl curl_transport.hpp)
set(llms_header_sqlite sqlite_store.hpp)
set(llms_header_redis redis_store.hpp)
set(llms_header_re2 re2_regex.hpp)
set(llms_header_pcre2 pcre2_regex.hpp)
set(llms_header_prometheus prometheus.hpp)

set(default OFF)
if(PROJECT_IS_TOP_LEVEL)
    set(default AUTO)
endif()

foreach(name IN LISTS LLMS_EXTENSIONS)
    string(TOUPPER LLMS_WITH_${name} option)
    set(${option} ${default} CACHE STRING "Build the target llms::${name}: ON, OFF or AUTO")
    set_property(CACHE ${option} PROPERTY STRINGS ON OFF AUTO)
    set(header include/llms/ext/${llms_header_${name}})
    if(NOT ${option} OR NOT EXISTS ${PROJECT_SOURCE_DIR}/${header})
        continue()
    endif()
    include(cmake/find_${name}.cmake)
    if(NOT TARGET llms_find::${name})
        if(${option} STREQUAL "AUTO")
            message(STATUS "llms::${name} is left out: ${llms_find_${name}_hint}")
            continue()
        endif()
        message(FATAL_ERROR "${option} is ON, but its library is missing: ${llms_find_${name}_hint}, "
                            "or configure with -D${option}=OFF.")
    endif()
    add_library(llms_${name} INTERFACE)
    add_library(llms::${name} ALIAS llms_${name})
    target_link_libraries(llms_${name} INTERFACE llms llms_find::${name})
    target_sources(llms_${name} INTERFACE FILE_SET HEADERS BASE_DIRS include FILES ${header})
    set_target_properties(llms_${name} PROPERTIES
        EXPORT_NAME ${name}
        VERIFY_INTERFACE_HEADER_SETS ${PROJECT_IS_TOP_LEVEL})
    list(APPEND LLMS_EXTENSIONS_FOUND ${name})
endforeach()
