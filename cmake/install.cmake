if(NOT nlohmann_json_FOUND AND PROJECT_IS_TOP_LEVEL)
    message(FATAL_ERROR "LLMS_INSTALL needs an installed nlohmann_json (found by find_package); a "
                        "downloaded copy is no part of this package. Install it (Debian: apt-get "
                        "install nlohmann-json3-dev) or configure with -DLLMS_INSTALL=OFF.")
endif()
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

# share/llms is on CMake's search path and needs no fix-up by vcpkg: nothing here is compiled.
set(dir ${CMAKE_INSTALL_DATADIR}/llms)
install(TARGETS llms EXPORT llmsTargets FILE_SET HEADERS COMPONENT llms)
install(EXPORT llmsTargets NAMESPACE llms:: DESTINATION ${dir} COMPONENT llms)
configure_package_config_file(cmake/llmsConfig.cmake.in llmsConfig.cmake INSTALL_DESTINATION ${dir})
write_basic_package_version_file(llmsConfigVersion.cmake
    COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES
    ${PROJECT_BINARY_DIR}/llmsConfig.cmake
    ${PROJECT_BINARY_DIR}/llmsConfigVersion.cmake
    DESTINATION ${dir} COMPONENT llms)
configure_file(cmake/llms.pc.in llms.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/llms.pc
    DESTINATION ${CMAKE_INSTALL_DATADIR}/pkgconfig COMPONENT llms)

foreach(name IN LISTS LLMS_EXTENSIONS_FOUND)
    install(TARGETS llms_${name} EXPORT llms-${name}-targets FILE_SET HEADERS COMPONENT ${name})
    install(EXPORT llms-${name}-targets NAMESPACE llms:: DESTINATION ${dir} COMPONENT ${name})
    install(FILES cmake/find_${name}.cmake DESTINATION ${dir} COMPONENT ${name})
endforeach()
