# The two Debian packages, made by `cpack -G DEB` in the build folder of a shared
# library that was configured with -DCMAKE_INSTALL_PREFIX=/usr: liboptly-event0
# to run with and liboptly-event-dev to build with. scripts/check-packages makes
# and tries them.
#
# The number in the first name is SOVERSION.

if(NOT PROJECT_IS_TOP_LEVEL OR NOT BUILD_SHARED_LIBS
   OR NOT CMAKE_SYSTEM_NAME STREQUAL "Linux")
  return()
endif()
find_program(OPTLY_GZIP gzip)
if(NOT OPTLY_GZIP)
  return()
endif()

set(debian "${PROJECT_SOURCE_DIR}/packaging/debian")
get_target_property(soversion optly_event SOVERSION)
set(runtime "liboptly-event${soversion}")
set(development liboptly-event-dev)

# The version is that of the changelog's first entry.
file(STRINGS "${debian}/changelog" entry LIMIT_COUNT 1)
string(REGEX REPLACE "^optly-event \\((.*)-([^-]*)\\).*" "\\1;\\2" entry
       "${entry}")
list(GET entry 0 upstream)
list(GET entry 1 revision)
if(NOT upstream VERSION_EQUAL PROJECT_VERSION)
  message(WARNING "packaging/debian/changelog is about ${upstream}, "
                  "not ${PROJECT_VERSION}: the packages get its version")
endif()

# What Debian wants in a package and nobody in a plain install. gzip -n leaves
# out the time.
execute_process(COMMAND "${OPTLY_GZIP}" -9nc "${debian}/changelog"
                OUTPUT_FILE "${PROJECT_BINARY_DIR}/changelog.Debian.gz")
execute_process(COMMAND "${OPTLY_GZIP}" -9nc "${PROJECT_SOURCE_DIR}/CHANGELOG.md"
                OUTPUT_FILE "${PROJECT_BINARY_DIR}/changelog.gz")
foreach(side runtime development)
  install(FILES "${debian}/copyright"
                "${PROJECT_BINARY_DIR}/changelog.Debian.gz"
                "${PROJECT_BINARY_DIR}/changelog.gz"
          DESTINATION "${CMAKE_INSTALL_DATAROOTDIR}/doc/${${side}}"
          COMPONENT debian_${side} EXCLUDE_FROM_ALL)
  install(FILES "${debian}/${${side}}.lintian-overrides"
          DESTINATION "${CMAKE_INSTALL_DATAROOTDIR}/lintian/overrides"
          RENAME "${${side}}" COMPONENT debian_${side} EXCLUDE_FROM_ALL)
endforeach()

# The symbols file: which version brought each function.
file(STRINGS "${PROJECT_SOURCE_DIR}/abi/symbols" symbols REGEX "^optly_")
set(text "liboptly_event.so.${soversion} ${runtime} #MINVER#\n")
string(APPEND text "* Build-Depends-Package: ${development}\n")
foreach(symbol IN LISTS symbols)
  string(REPLACE " " "@Base " symbol "${symbol}")
  string(APPEND text " ${symbol}\n")
endforeach()
file(WRITE "${PROJECT_BINARY_DIR}/symbols" "${text}")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME optly-event)
set(CPACK_PACKAGE_VERSION "${PROJECT_VERSION}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # each package has its own, below
set(CPACK_PACKAGE_CONTACT
    "optly-event maintainers <maintainers@optly-event.example>"
    CACHE STRING "Maintainer that the packages name")
set(CPACK_PACKAGING_INSTALL_PREFIX "${CMAKE_INSTALL_PREFIX}")
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_THREADS 1) # the same bytes however many processors there are
set(CPACK_PRE_BUILD_SCRIPTS "${CMAKE_CURRENT_LIST_DIR}/OptlyDebianModes.cmake")

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_COMPONENTS_ALL optly_runtime debian_runtime
                         optly_development debian_development)
foreach(side RUNTIME DEVELOPMENT)
  set(CPACK_COMPONENT_OPTLY_${side}_GROUP ${side})
  set(CPACK_COMPONENT_DEBIAN_${side}_GROUP ${side})
endforeach()

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SOURCE optly-event)
set(CPACK_DEBIAN_PACKAGE_VERSION "${upstream}")
set(CPACK_DEBIAN_PACKAGE_RELEASE "${revision}")
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_MULTIARCH same) # from CMake 3.31 on
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)

set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME "${runtime}")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
# Not for both: the link of the other package dangles by itself.
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA
    "${debian}/triggers;${PROJECT_BINARY_DIR}/symbols")
set(CPACK_DEBIAN_RUNTIME_DESCRIPTION
    "experimentation events, delivered in batches (library)
optly-event turns what a visitor saw or did into experimentation events and
delivers them in batches to an event service compatible with that of
Optimizely. It keeps events in a bounded queue, sends them on one thread of its
own or in the host's event loop, tries again, and accounts for each event.

This package contains the shared library.")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME "${development}")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
    "${runtime} (= ${upstream}-${revision})")
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION
    "experimentation events, delivered in batches (development files)
optly-event turns what a visitor saw or did into experimentation events and
delivers them in batches to an event service compatible with that of
Optimizely.

This package contains the headers and the files for CMake and pkg-config. The
library's own dependencies are not needed to build with it.")

include(CPack)
