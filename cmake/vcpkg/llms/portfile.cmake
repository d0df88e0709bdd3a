set(VCPKG_BUILD_TYPE release) # header-only

vcpkg_from_github(
    OUT_SOURCE_PATH SOURCE_PATH
    REPO llms-cpp/llms
    REF "v${VERSION}"
    SHA512 0 # of the release's archive; filled in when the tag is made
    HEAD_REF main
)

vcpkg_check_features(OUT_FEATURE_OPTIONS FEATURE_OPTIONS
    FEATURES
        curl        LLMS_WITH_CURL
        pcre2       LLMS_WITH_PCRE2
        prometheus  LLMS_WITH_PROMETHEUS
        re2         LLMS_WITH_RE2
        redis       LLMS_WITH_REDIS
        sqlite      LLMS_WITH_SQLITE
)

vcpkg_cmake_configure(
    SOURCE_PATH "${SOURCE_PATH}"
    OPTIONS
        ${FEATURE_OPTIONS}
        -DLLMS_BUILD_EXAMPLES=OFF
        -DLLMS_BUILD_TESTS=OFF
        -DLLMS_INSTALL=ON
)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup()
vcpkg_fixup_pkgconfig()

file(INSTALL "${CMAKE_CURRENT_LIST_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
