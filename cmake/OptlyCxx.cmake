# C++ for tests and examples of the C++ header, where there is a compiler; the
# library is C. Sets OPTLY_CXX to the sibling of the C compiler, or to "".

get_filename_component(cc_dir "${CMAKE_C_COMPILER}" DIRECTORY)
get_filename_component(cc_name "${CMAKE_C_COMPILER}" NAME)
string(REGEX REPLACE "^cc" "c++" cxx_name "${cc_name}")
string(REGEX REPLACE "gcc" "g++" cxx_name "${cxx_name}")
string(REGEX REPLACE "clang" "clang++" cxx_name "${cxx_name}")
find_program(OPTLY_CXX NAMES "${cxx_name}" c++ HINTS "${cc_dir}")
if(NOT OPTLY_CXX)
  message(STATUS "No C++ compiler: the C++ header is not tried")
  set(OPTLY_CXX "")
  return()
endif()

# C++ programs are linked with what the library was built for, sanitizers say,
# so they get its flags, but for those that are C's alone.
if(NOT DEFINED CMAKE_CXX_FLAGS)
  string(REGEX REPLACE "-W(strict|missing)-prototypes" "" flags
         "${CMAKE_C_FLAGS}")
  set(CMAKE_CXX_FLAGS "${flags}" CACHE STRING "Flags of the C++ compiler")
endif()
if(NOT CMAKE_CXX_COMPILER)
  set(CMAKE_CXX_COMPILER "${OPTLY_CXX}")
endif()
enable_language(CXX)
