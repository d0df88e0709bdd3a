# Defines llms_find::curl, the target that llms::curl links.
set(llms_find_curl_hint "install libcurl (Debian: apt-get install libcurl4-openssl-dev)")
find_package(CURL 7.68 QUIET)
if(CURL_FOUND AND NOT TARGET llms_find::curl)
    add_library(llms_find::curl INTERFACE IMPORTED)
    target_link_libraries(llms_find::curl INTERFACE CURL::libcurl)
endif()
