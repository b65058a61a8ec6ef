# Headers that most files of a target include, parsed once.
#
#   rustorch_precompile(TARGET HEADER... [SKIP REGEX...])
#
# Files that match a REGEX keep their own includes only: kernels that know no Tensor are not compiled again because a
# method of Tensor was added. Nor do files with compile options of their own: gcc takes those of the precompiled header
# instead, silently (-O3 had no effect). Every file includes what it uses, so that both ways of building work. Off by default
# in builds that are looked at (RUSTORCH_SANITIZE, RUSTORCH_COVERAGE), whose compile options differ from file to file.

set(_pch ON)
if(RUSTORCH_SANITIZE OR RUSTORCH_COVERAGE)
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
  set(kept)
  foreach(source ${sources})
    get_property(skip SOURCE ${source} TARGET_DIRECTORY ${target} PROPERTY COMPILE_OPTIONS SET)
    foreach(regex ${ARG_SKIP})
      if(source MATCHES "${regex}")
        set(skip ON)
      endif()
    endforeach()
    if(skip)
      set_source_files_properties(${source} TARGET_DIRECTORY ${target} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
    else()
      list(APPEND kept ${source})
    endif()
  endforeach()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # gcc forgets what silences its warnings in headers that it precompiled: the `#pragma GCC diagnostic` of array_ref.h
    # and, for gcc 12, that std::string is the system's (https://gcc.gnu.org/bugzilla/show_bug.cgi?id=105329 and alike).
    set(quiet -Wno-init-list-lifetime)
    if(CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
      list(APPEND quiet -Wno-array-bounds -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread)
    endif()
    set_property(SOURCE ${kept} TARGET_DIRECTORY ${target} APPEND PROPERTY COMPILE_OPTIONS ${quiet})
  endif()
endfunction()
