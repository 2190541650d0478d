# Flags for how the library is built, each tried before it is used; off unless
# asked for, as flags are the packager's. They reach the library alone: not the
# tests, and not whoever links it.

option(OPTLY_HARDENING "Build the library with the compiler's hardening" OFF)
option(OPTLY_REPRODUCIBLE
       "Keep the source and build folders out of the library" OFF)

include(CheckCCompilerFlag)
include(CheckLinkerFlag)

# optly_compile_option(flag): adds it where the compiler has it.
function(optly_compile_option flag)
  string(MAKE_C_IDENTIFIER "OPTLY_HAS${flag}" known)
  check_c_compiler_flag("${flag}" ${known})
  if(${known})
    target_compile_options(optly_objects PRIVATE "${flag}")
  endif()
endfunction()

# optly_link_option(flag): the same for the link of a shared library.
function(optly_link_option flag)
  string(MAKE_C_IDENTIFIER "OPTLY_LINKS${flag}" known)
  check_linker_flag(C "${flag}" ${known})
  if(${known})
    target_link_options(optly_event PRIVATE "${flag}")
  endif()
endfunction()

if(OPTLY_HARDENING)
  foreach(flag
          -fstack-protector-strong -fstack-clash-protection
          -ftrivial-auto-var-init=zero -fno-delete-null-pointer-checks
          -fno-strict-overflow -fno-strict-aliasing -fexceptions)
    optly_compile_option(${flag})
  endforeach()
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|i[3-6]86)$")
    optly_compile_option(-fcf-protection=full)
  elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
    optly_compile_option(-mbranch-protection=standard)
  endif()
  # It needs an optimiser, and warns without one. An older C library takes 3
  # as 2.
  target_compile_options(optly_objects PRIVATE
      "$<$<CONFIG:Release,RelWithDebInfo,MinSizeRel>:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=3>")
  if(BUILD_SHARED_LIBS)
    foreach(flag LINKER:-z,relro LINKER:-z,now LINKER:-z,noexecstack
                 LINKER:--as-needed LINKER:--no-undefined)
      optly_link_option(${flag})
    endforeach()
  endif()
endif()

if(OPTLY_REPRODUCIBLE)
  check_c_compiler_flag(-ffile-prefix-map=from=to OPTLY_HAS_prefix_map)
  if(OPTLY_HAS_prefix_map)
    # The last that matches counts, and the build folder may be in the other.
    # Make compiles in its subfolder, Ninja at its top.
    target_compile_options(optly_objects PRIVATE
        "-ffile-prefix-map=${PROJECT_SOURCE_DIR}=."
        "-ffile-prefix-map=${PROJECT_BINARY_DIR}=build"
        "-ffile-prefix-map=${PROJECT_BINARY_DIR}/src=build")
  endif()
endif()
