# Where a dependency comes from: the parent project's target, else find_package, else a pinned
# download.
include(FetchContent)
find_package(Threads REQUIRED)

if(NOT TARGET nlohmann_json::nlohmann_json)
    FetchContent_Declare(nlohmann_json
        URL https://github.com/nlohmann/json/releases/download/v3.11.3/json.tar.xz
        URL_HASH SHA256=d6c65aca6b1ed68e7a182f4757257b107ae403032760ed6ef121c9d55e81757d
        SYSTEM
        FIND_PACKAGE_ARGS 3.11 CONFIG)
    FetchContent_MakeAvailable(nlohmann_json)
endif()
