# Tests of the house itself: what a consumer sees and the rules that keep it in order.
set(house ${CMAKE_CURRENT_SOURCE_DIR}/house)
set(compiler ${CMAKE_CXX_COMPILER})
get_target_property(json_includes nlohmann_json::nlohmann_json INTERFACE_INCLUDE_DIRECTORIES)
string(GENEX_STRIP "${json_includes}" json_includes)

function(add_house_test name)
    add_test(NAME house.${name} COMMAND ${ARGN})
    set_tests_properties(house.${name} PROPERTIES LABELS house)
endfunction()

# Include budgets: preprocessed lines of each public header, in thousands (g++ with libstdc++).
add_house_test(include_budget ${CMAKE_COMMAND}
    -DCXX=${compiler} -DINCLUDE=${PROJECT_SOURCE_DIR}/include "-DJSON_INCLUDES=${json_includes}"
    -DWORK=${CMAKE_CURRENT_BINARY_DIR} -P ${house}/include_budget.cmake)
add_house_test(layering ${CMAKE_COMMAND}
    -DINCLUDE=${PROJECT_SOURCE_DIR}/include/llms -P ${house}/layering.cmake)
add_house_test(readme ${CMAKE_COMMAND} -DROOT=${PROJECT_SOURCE_DIR} -P ${house}/readme.cmake)
add_house_test(top_level ${CMAKE_COMMAND} -DROOT=${PROJECT_SOURCE_DIR} -P ${house}/top_level.cmake)
# A rule that cannot fail is no rule: the layering check must refuse a tree that breaks it.
add_house_test(layering_refuses ${CMAKE_COMMAND}
    -DINCLUDE=${house}/bad_tree/llms -P ${house}/layering.cmake)
set_tests_properties(house.layering_refuses PROPERTIES
    PASS_REGULAR_EXPRESSION "cache/bad.hpp \\(floor 1\\) includes <llms/json/canonical.hpp>")

# What must not compile, and the words by which the compiler says why: the last ones of the file's
# head, after "Must not compile: ".
file(GLOB refused CONFIGURE_DEPENDS ${house}/refused/*.cpp)
list(TRANSFORM json_includes PREPEND -I OUTPUT_VARIABLE json_flags)
foreach(source IN LISTS refused)
    cmake_path(GET source STEM name)
    file(STRINGS ${source} words REGEX "^// Must not compile: ")
    string(REPLACE "// Must not compile: " "" words "${words}")
    add_house_test(refused.${name} ${compiler} -std=c++20 -fsyntax-only
        -I${PROJECT_SOURCE_DIR}/include ${json_flags} ${source})
    set_tests_properties(house.refused.${name} PROPERTIES PASS_REGULAR_EXPRESSION "error: .*${words}")
endforeach()

# Two translation units that include everything, linked together.
add_executable(llms_odr house/odr_a.cpp house/odr_b.cpp)
target_link_libraries(llms_odr PRIVATE llms::llms llms_warnings)
add_house_test(odr llms_odr)

# Consumers: vendored, copied, installed.
function(add_consumer name dir)
    add_test(NAME consumer.${name} COMMAND ${CMAKE_CTEST_COMMAND}
        --build-and-test ${CMAKE_CURRENT_SOURCE_DIR}/consumer/${dir}
                         ${CMAKE_CURRENT_BINARY_DIR}/consumer/${name}
        --build-generator ${CMAKE_GENERATOR} --build-makeprogram ${CMAKE_MAKE_PROGRAM}
        --build-options -DCMAKE_CXX_COMPILER=${compiler} ${ARGN}
                        "-DCMAKE_PREFIX_PATH=${CMAKE_PREFIX_PATH}"
        --test-command consumer)
    set_tests_properties(consumer.${name} PROPERTIES LABELS consumer)
endfunction()

add_consumer(vendored vendored -DLLMS_SOURCE_DIR=${PROJECT_SOURCE_DIR})
add_test(NAME consumer.copied COMMAND ${CMAKE_COMMAND}
    -DCXX=${compiler} -DSOURCE=${PROJECT_SOURCE_DIR} "-DFLAGS=${json_flags}"
    -DWORK=${CMAKE_CURRENT_BINARY_DIR}/consumer/copied
    -P ${CMAKE_CURRENT_SOURCE_DIR}/consumer/copied.cmake)
set_tests_properties(consumer.copied PROPERTIES LABELS consumer)

if(LLMS_INSTALL)
    set(prefix ${PROJECT_BINARY_DIR}/prefix)
    add_test(NAME consumer.install
        COMMAND ${CMAKE_COMMAND} --install ${PROJECT_BINARY_DIR} --prefix ${prefix})
    set_tests_properties(consumer.install PROPERTIES FIXTURES_SETUP prefix LABELS consumer)
    set(installed -Dllms_ROOT=${prefix} -DLLMS_VERSION=${PROJECT_VERSION})
    add_consumer(installed installed ${installed})
    if(curl IN_LIST LLMS_EXTENSIONS_FOUND)
        add_consumer(installed_curl installed ${installed} -DLLMS_COMPONENT=curl)
    endif()
    add_consumer(refuses_wrong_version installed -Dllms_ROOT=${prefix} -DLLMS_VERSION=99)
    add_consumer(refuses_missing_component installed ${installed} -DLLMS_COMPONENT=telepathy)
    add_test(NAME consumer.pkg_config COMMAND ${CMAKE_COMMAND}
        -DCXX=${compiler} -DPREFIX=${prefix} -DSOURCE=${CMAKE_CURRENT_SOURCE_DIR}/consumer/main.cpp
        -DWORK=${CMAKE_CURRENT_BINARY_DIR}/consumer/pkg_config
        -P ${CMAKE_CURRENT_SOURCE_DIR}/consumer/pkg_config.cmake)
    get_property(consumers DIRECTORY PROPERTY TESTS)
    list(FILTER consumers INCLUDE REGEX "^consumer\\.(installed|refuses|pkg_config)")
    set_tests_properties(${consumers} PROPERTIES FIXTURES_REQUIRED prefix LABELS consumer)
    set_tests_properties(consumer.refuses_wrong_version PROPERTIES
        PASS_REGULAR_EXPRESSION "requested[ \n]+version \"99\"")
    set_tests_properties(consumer.refuses_missing_component PROPERTIES
        PASS_REGULAR_EXPRESSION "component telepathy is not installed")
    set_tests_properties(consumer.pkg_config PROPERTIES SKIP_REGULAR_EXPRESSION "^SKIP|\nSKIP")
endif()
