# The target "docs": doxygen pages of the public headers, with warnings as errors.
find_package(Doxygen QUIET)
if(DOXYGEN_FOUND)
    configure_file(cmake/Doxyfile.in ${PROJECT_BINARY_DIR}/Doxyfile @ONLY)
    add_custom_target(docs
        COMMAND Doxygen::doxygen ${PROJECT_BINARY_DIR}/Doxyfile
        WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
        COMMENT "Writing ${PROJECT_BINARY_DIR}/docs/html/index.html")
endif()
