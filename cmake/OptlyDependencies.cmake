# Targets for what the library links: optly_cjson, and with HTTP CURL::libcurl
# and, where OPTLY_HAS_ZLIB is on, ZLIB::ZLIB.
# cJSON's own target has three names in the wild, and one of them has no
# include directory; this one always works.

find_package(PkgConfig QUIET)
add_library(optly_cjson INTERFACE)
find_package(cJSON CONFIG QUIET)
if(TARGET cjson)
  target_link_libraries(optly_cjson INTERFACE cjson)
elseif(TARGET cJSON::cjson)
  target_link_libraries(optly_cjson INTERFACE cJSON::cjson)
elseif(PkgConfig_FOUND)
  pkg_check_modules(OPTLY_CJSON REQUIRED IMPORTED_TARGET libcjson)
  target_link_libraries(optly_cjson INTERFACE PkgConfig::OPTLY_CJSON)
else()
  message(FATAL_ERROR "cJSON not found (Debian: libcjson-dev)")
endif()

if(OPTLY_WITH_HTTP)
  find_package(CURL 7.68 REQUIRED)
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
