# Targets for what the library links: optly_cjson, and CURL::libcurl with HTTP.

find_package(PkgConfig QUIET)
include(OptlyCJSON)
if(NOT TARGET optly::cjson)
  message(FATAL_ERROR "cJSON not found (Debian: libcjson-dev)")
endif()
add_library(optly_cjson INTERFACE)
target_link_libraries(optly_cjson INTERFACE optly::cjson)

if(OPTLY_WITH_HTTP)
  find_package(CURL 7.68 REQUIRED)
endif()
