# Targets for what the library links: optly_cjson, and CURL::libcurl with HTTP.
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
