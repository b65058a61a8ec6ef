# Headers that most files of a target include, parsed once.
#
#   rustorch_precompile(TARGET HEADER... [SKIP REGEX...])
#
# Files that match a REGEX keep their own includes only: kernels that know no Tensor are not compiled again because a
# method of Tensor was added. Off by default: ccache keeps whole results and cannot look into a precompiled header, and
# gcc 12 warns of the standard library's own code once it comes from one (-Warray-bounds in language.cc). Every file
# includes what it uses, so that both ways of building work.

option(RUSTORCH_PCH "Precompile the headers that most files include" OFF)

function(rustorch_precompile target)
  if(NOT RUSTORCH_PCH)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SKIP" ${ARGN})
  target_precompile_headers(${target} PRIVATE ${ARG_UNPARSED_ARGUMENTS})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # gcc forgets the `#pragma GCC diagnostic` of a header that it precompiled (array_ref.h explains this one).
    target_compile_options(${target} PRIVATE -Wno-init-list-lifetime)
  endif()
  get_target_property(sources ${target} SOURCES)
  foreach(regex ${ARG_SKIP})
    set(skipped ${sources})
    list(FILTER skipped INCLUDE REGEX "${regex}")
    set_source_files_properties(${skipped} TARGET_DIRECTORY ${target} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
  endforeach()
endfunction()
