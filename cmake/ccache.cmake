# A compiler cache where one is installed: branches, clean trees and the other presets then build in a fraction of the
# time. Depend mode, since a run of the preprocessor for every miss costs a quarter of a cold build; the inode cache,
# since otherwise every file hashes the precompiled header (cmake/pch.cmake) again; the sloppiness, since ccache sees
# through precompiled headers only with it.

find_program(RUSTORCH_CCACHE_PROGRAM ccache)
mark_as_advanced(RUSTORCH_CCACHE_PROGRAM)
option(RUSTORCH_CCACHE "Compile through ccache where it is installed" ON)
if(RUSTORCH_CCACHE AND RUSTORCH_CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_DEPEND=1 CCACHE_INODECACHE=1
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${RUSTORCH_CCACHE_PROGRAM})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-fpch-preprocess)
  endif()
endif()
