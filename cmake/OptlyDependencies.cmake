# Targets for what the library links: optly_cjson, and with HTTP CURL::libcurl
# and, where OPTLY_HAS_ZLIB is on, ZLIB::ZLIB.

find_package(PkgConfig QUIET)
include(OptlyCJSON)
if(NOT TARGET optly::cjson)
  message(FATAL_ERROR "cJSON not found (Debian: libcjson-dev)")
endif()
add_library(optly_cjson INTERFACE)
target_link_libraries(optly_cjson INTERFACE optly::cjson)

if(OPTLY_WITH_HTTP)
  find_package(CURL 7.68)
  if(NOT CURL_FOUND)
    message(FATAL_ERROR "libcurl 7.68 or newer not found (Debian: "
            "libcurl4-openssl-dev); -DOPTLY_WITH_HTTP=OFF builds without it")
  endif()
endif()

# gzip needs zlib; AUTO takes it where it is there.
set(OPTLY_WITH_ZLIB AUTO CACHE STRING "gzip for bodies: AUTO, ON or OFF")
set_property(CACHE OPTLY_WITH_ZLIB PROPERTY STRINGS AUTO ON OFF)
set(OPTLY_HAS_ZLIB OFF)
if(OPTLY_WITH_HTTP AND OPTLY_WITH_ZLIB)
  if(OPTLY_WITH_ZLIB STREQUAL "AUTO")
    find_package(ZLIB QUIET)
  else()
    find_package(ZLIB REQUIRED)
  endif()
  set(OPTLY_HAS_ZLIB ${ZLIB_FOUND})
endif()

# What scripts/sbom writes down: each library that is linked, with the version
# that was found (empty: unknown, where the project around brought it along).
set(optly_found "libcjson ${cJSON_VERSION}${OPTLY_CJSON_VERSION}\n")
if(OPTLY_WITH_HTTP)
  string(APPEND optly_found "libcurl ${CURL_VERSION_STRING}\n")
endif()
if(OPTLY_HAS_ZLIB)
  string(APPEND optly_found "zlib ${ZLIB_VERSION_STRING}\n")
endif()
file(WRITE "${PROJECT_BINARY_DIR}/optly-dependencies.txt" "${optly_found}")
