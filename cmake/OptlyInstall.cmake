# What `cmake --install` puts where: the library, the headers, a CMake package
# (optly-event, target optly::event) and a pkg-config file. Nothing installed
# holds an absolute path, so that the prefix may be moved.
#
# Components: optly_runtime is what a linked program needs, optly_development
# what its build needs, optly_legal the licence's text.

include(CMakePackageConfigHelpers)

set(optly_package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/optly-event")

install(TARGETS optly_event EXPORT optly-eventTargets
        LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
                COMPONENT optly_runtime NAMELINK_COMPONENT optly_development
        ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
                COMPONENT optly_development
        RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT optly_runtime)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/optly"
        DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT optly_development
        FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE"
        DESTINATION "${CMAKE_INSTALL_DOCDIR}" COMPONENT optly_legal)
install(EXPORT optly-eventTargets NAMESPACE optly::
        DESTINATION "${optly_package_dir}" COMPONENT optly_development)

# What users of the package need besides: a static library leaves its
# dependencies to them, a shared one has them linked.
set(optly_modules Threads)
set(optly_requires libcjson)
get_target_property(optly_links optly_event LINK_LIBRARIES)
if("CURL::libcurl" IN_LIST optly_links)
  list(APPEND optly_modules CURL)
  list(APPEND optly_requires libcurl)
endif()
if("ZLIB::ZLIB" IN_LIST optly_links)
  list(APPEND optly_modules ZLIB)
  list(APPEND optly_requires zlib)
endif()

get_target_property(optly_type optly_event TYPE)
set(OPTLY_IS_STATIC OFF)
if(optly_type STREQUAL "STATIC_LIBRARY")
  set(OPTLY_IS_STATIC ON)
endif()

set(OPTLY_FIND_DEPENDENCIES)
foreach(module IN LISTS optly_modules)
  string(APPEND OPTLY_FIND_DEPENDENCIES "  find_dependency(${module})\n")
endforeach()
configure_package_config_file(
    "${CMAKE_CURRENT_LIST_DIR}/optly-eventConfig.cmake.in"
    "${PROJECT_BINARY_DIR}/optly-eventConfig.cmake"
    INSTALL_DESTINATION "${optly_package_dir}"
    NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(
    "${PROJECT_BINARY_DIR}/optly-eventConfigVersion.cmake"
    COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/optly-eventConfig.cmake"
              "${PROJECT_BINARY_DIR}/optly-eventConfigVersion.cmake"
              "${PROJECT_SOURCE_DIR}/cmake/OptlyCJSON.cmake"
        DESTINATION "${optly_package_dir}" COMPONENT optly_development)

# The prefix relative to the .pc file: how far up depends on the libdir, which
# is "lib" or, on Debian below /usr, "lib/x86_64-linux-gnu".
file(RELATIVE_PATH OPTLY_PC_UP
     "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
string(REGEX REPLACE "/$" "" OPTLY_PC_UP "${OPTLY_PC_UP}")
file(RELATIVE_PATH OPTLY_PC_LIBDIR
     "${CMAKE_INSTALL_PREFIX}" "${CMAKE_INSTALL_FULL_LIBDIR}")
file(RELATIVE_PATH OPTLY_PC_INCLUDEDIR
     "${CMAKE_INSTALL_PREFIX}" "${CMAKE_INSTALL_FULL_INCLUDEDIR}")

# A static library puts its dependencies into Requires, not Requires.private:
# --static, with which the latter is linked, also wants the private dependencies
# of libcurl, and Debian's libcurl does not install those. A shared library
# names none: pkg-config --cflags fails where one of Requires.private is missing.
string(REPLACE ";" ", " optly_requires "${optly_requires}")
if(OPTLY_IS_STATIC)
  set(OPTLY_PC_FIELDS "Requires: ${optly_requires}\nLibs: -L\${libdir} -loptly_event -pthread\nCflags: -I\${includedir} -DOPTLY_STATIC_DEFINE")
else()
  set(OPTLY_PC_FIELDS "Libs: -L\${libdir} -loptly_event\nCflags: -I\${includedir}")
endif()
configure_file("${CMAKE_CURRENT_LIST_DIR}/optly-event.pc.in"
               "${PROJECT_BINARY_DIR}/optly-event.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/optly-event.pc"
        DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig"
        COMPONENT optly_development)
