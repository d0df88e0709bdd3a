# What only this project's own tests, examples and benchmarks need. Nothing here reaches a consumer.
option(LLMS_WERROR "Treat warnings as errors" ${PROJECT_IS_TOP_LEVEL})
add_library(llms_warnings INTERFACE)
if(MSVC)
    target_compile_options(llms_warnings INTERFACE /W4 /permissive-)
else()
    target_compile_options(llms_warnings INTERFACE
        -Wall -Wextra -Wpedantic -Wconversion -Wshadow $<$<BOOL:${LLMS_WERROR}>:-Werror>)
endif()

# A sanitizer preset names the sanitizers; every target built here gets them.
set(LLMS_SANITIZE "" CACHE STRING "Sanitizers for this project's own targets, e.g. address,undefined")
if(LLMS_SANITIZE)
    add_compile_options(-fsanitize=${LLMS_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${LLMS_SANITIZE})
endif()
option(LLMS_COVERAGE "Instrument for gcovr" OFF)
if(LLMS_COVERAGE)
    add_compile_options(--coverage -O0 -fprofile-update=atomic) # counts of many threads
    add_link_options(--coverage)
endif()

# cpp-httplib serves the loopback provider of the examples and the tests. Debian's package is a
# compiled library with a pkg-config file; elsewhere the header alone will do.
if(LLMS_BUILD_EXAMPLES OR LLMS_BUILD_TESTS)
    find_package(PkgConfig QUIET)
    if(PkgConfig_FOUND)
        pkg_check_modules(httplib QUIET IMPORTED_TARGET GLOBAL cpp-httplib)
    endif()
    if(TARGET PkgConfig::httplib)
        add_library(llms_httplib ALIAS PkgConfig::httplib)
    else()
        FetchContent_Declare(httplib
            URL https://github.com/yhirose/cpp-httplib/archive/refs/tags/v0.15.3.tar.gz
            URL_HASH SHA256=2121bbf38871bb2aafb5f7f2b9b94705366170909f434428352187cb0216124e
            SYSTEM
            FIND_PACKAGE_ARGS CONFIG)
        set(HTTPLIB_USE_OPENSSL_IF_AVAILABLE OFF)
        set(HTTPLIB_USE_ZLIB_IF_AVAILABLE OFF)
        set(HTTPLIB_USE_BROTLI_IF_AVAILABLE OFF)
        FetchContent_MakeAvailable(httplib)
        add_library(llms_httplib ALIAS httplib::httplib)
    endif()
endif()
