# Headers that most files of a target include, parsed once.
#
#   rustorch_precompile(TARGET HEADER... [SKIP REGEX...])
#
# Files that match a REGEX keep their own includes only: kernels that know no Tensor are not compiled again because a
# method of Tensor was added. Every file includes what it uses, so that both ways of building work. Off by default
# where it would not help: behind a compiler cache (ccache keeps whole results, and sees changes of a precompiled
# header only with CCACHE_SLOPPINESS=pch_defines,time_macros) and in builds that are looked at (RUSTORCH_SANITIZE,
# RUSTORCH_COVERAGE), whose compile options differ from file to file.

set(_pch ON)
if(CMAKE_CXX_COMPILER_LAUNCHER OR RUSTORCH_SANITIZE OR RUSTORCH_COVERAGE)
  set(_pch OFF)
endif()
option(RUSTORCH_PCH "Precompile the headers that most files include" ${_pch})

function(rustorch_precompile target)
  if(NOT RUSTORCH_PCH)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SKIP" ${ARGN})
  target_precompile_headers(${target} PRIVATE ${ARG_UNPARSED_ARGUMENTS})
  get_target_property(sources ${target} SOURCES)
  foreach(regex ${ARG_SKIP})
    set(skipped ${sources})
    list(FILTER skipped INCLUDE REGEX "${regex}")
    list(FILTER sources EXCLUDE REGEX "${regex}")
    set_source_files_properties(${skipped} TARGET_DIRECTORY ${target} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
  endforeach()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # gcc forgets what silences its warnings in headers that it precompiled: the `#pragma GCC diagnostic` of array_ref.h
    # and, for gcc 12, that std::string is the system's (https://gcc.gnu.org/bugzilla/show_bug.cgi?id=105329 and alike).
    set(quiet -Wno-init-list-lifetime)
    if(CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
      list(APPEND quiet -Wno-array-bounds -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread)
    endif()
    set_property(SOURCE ${sources} TARGET_DIRECTORY ${target} APPEND PROPERTY COMPILE_OPTIONS ${quiet})
  endif()
endfunction()
