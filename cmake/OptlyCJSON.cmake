# Makes optly::cjson: cJSON, so that `#include <cjson/cJSON.h>` works. Installed
# too, for those who link the static library.
#
# cJSON's own target is `cjson` or `cJSON::cjson`, by version and packager; a
# build that brings cJSON's source along has a `cjson` without that include
# directory; and some systems have the pkg-config file only.

if(NOT TARGET optly::cjson)
  if(NOT TARGET cjson AND NOT TARGET cJSON::cjson)
    find_package(cJSON CONFIG QUIET)
  endif()

  set(optly_cjson_link)
  if(TARGET cJSON::cjson)
    set(optly_cjson_link cJSON::cjson)
  elseif(TARGET cjson)
    set(optly_cjson_link cjson)
  else()
    find_package(PkgConfig QUIET)
    if(PkgConfig_FOUND)
      pkg_check_modules(OPTLY_CJSON QUIET IMPORTED_TARGET libcjson)
    endif()
    if(TARGET PkgConfig::OPTLY_CJSON)
      set(optly_cjson_link PkgConfig::OPTLY_CJSON)
    endif()
  endif()

  if(optly_cjson_link)
    add_library(optly::cjson INTERFACE IMPORTED)
    set_target_properties(optly::cjson PROPERTIES
        INTERFACE_LINK_LIBRARIES ${optly_cjson_link})

    get_target_property(optly_cjson_real ${optly_cjson_link} ALIASED_TARGET)
    if(NOT optly_cjson_real)
      set(optly_cjson_real ${optly_cjson_link})
    endif()
    get_target_property(optly_cjson_imported ${optly_cjson_real} IMPORTED)
    if(NOT optly_cjson_imported)
      get_target_property(optly_cjson_source ${optly_cjson_real} SOURCE_DIR)
      file(WRITE "${CMAKE_CURRENT_BINARY_DIR}/optly-cjson/cjson/cJSON.h"
           "#include \"${optly_cjson_source}/cJSON.h\"\n")
      set_target_properties(optly::cjson PROPERTIES
          INTERFACE_INCLUDE_DIRECTORIES
          "${CMAKE_CURRENT_BINARY_DIR}/optly-cjson")
    endif()
  endif()
endif()
