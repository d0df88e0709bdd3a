# cmake -DCXX= -DINCLUDE= -DJSON_INCLUDES= -DWORK= -P include_budget.cmake
#
# Every public header costs those who include it: the budgets below are the most that it may
# preprocess to, in thousands of lines. The first matching rule holds; no rule is an error.
set(budgets
    "^version.hpp$:1" "^fwd.hpp$:2" "^error.hpp$:25" "^llms.hpp$:150"
    "^memory/:43" "^stream/:48" "^cache/:55" "^metrics/:75"
    "^schema/schema_cache.hpp$:112" # the cache engine on top of the schema
    "^(json|schema)/:110" "^chat/:130" "^detail/:130"
    "^ext/:140")

file(GLOB_RECURSE headers RELATIVE ${INCLUDE}/llms ${INCLUDE}/llms/*.hpp)
list(FILTER headers EXCLUDE REGEX "^(detail|ext)/")
if(NOT headers)
    message(FATAL_ERROR "there are no headers in ${INCLUDE}")
endif()
list(TRANSFORM JSON_INCLUDES PREPEND -I) # g++ ignores -I of its own folders, as it must
set(failures 0)
foreach(header IN LISTS headers)
    unset(budget)
    foreach(rule IN LISTS budgets)
        string(REGEX MATCH "^(.*):([0-9]+)$" _ "${rule}")
        set(pattern "${CMAKE_MATCH_1}")
        set(limit ${CMAKE_MATCH_2})
        if(header MATCHES "${pattern}")
            set(budget ${limit})
            break()
        endif()
    endforeach()
    if(NOT DEFINED budget)
        message(SEND_ERROR "${header} has no include budget: add a rule")
        continue()
    endif()
    file(WRITE ${WORK}/budget_probe.cpp "#include <llms/${header}>\n")
    execute_process(
        COMMAND ${CXX} -std=c++20 -E -P -I${INCLUDE} ${JSON_INCLUDES} -o ${WORK}/budget_probe.ii
                ${WORK}/budget_probe.cpp
        RESULT_VARIABLE rc)
    if(rc)
        message(SEND_ERROR "cannot preprocess ${header}")
        continue()
    endif()
    # The lines are counted without CMake's list parsing, which brackets in the text would upset.
    file(READ ${WORK}/budget_probe.ii text)
    string(REGEX REPLACE "[^\n]+" "" newlines "${text}")
    string(LENGTH "${newlines}" lines)
    math(EXPR kloc "(${lines} + 999) / 1000")
    message(STATUS "${header}: ${kloc} kLOC preprocessed, budget ${budget}")
    if(lines GREATER "${budget}000")
        message(SEND_ERROR "${header} exceeds its include budget: ${lines} lines, budget ${budget}000")
    endif()
endforeach()
