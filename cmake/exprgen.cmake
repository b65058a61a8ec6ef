# Pointwise kernels from requests.
#
#   rustorch_exprgen(TARGET REQUESTS SHARDS [NAMESPACE NS] [DEPENDS ...])
#
# runs rt_exprgen on the file REQUESTS (which may itself be generated) and adds SHARDS kernel files and the table
# to TARGET. Code of TARGET includes "gen/kernel_table.h" and "gen/tensor_kernels.h" ("gen/NS_table.h" with a name
# space, and then no tensor kernels).
# The tool runs on the build machine: when cross-compiling, through CMAKE_CROSSCOMPILING_EMULATOR, or set RUSTORCH_EXPRGEN
# to one built for that machine.

set(RUSTORCH_EXPRGEN "" CACHE FILEPATH "rt_exprgen of the build machine (when cross-compiling without an emulator)")

if(NOT RUSTORCH_EXPRGEN AND NOT TARGET rt_exprgen)
  file(GLOB _exprgen_sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_LIST_DIR}/../src/expr/*.cc"
       "${CMAKE_CURRENT_LIST_DIR}/../tools/exprgen/*.cc")
  add_executable(rt_exprgen ${_exprgen_sources} "${CMAKE_CURRENT_LIST_DIR}/../src/base/error.cc")
  target_compile_features(rt_exprgen PRIVATE cxx_std_20)
  target_include_directories(rt_exprgen PRIVATE "${CMAKE_CURRENT_LIST_DIR}/../src"
    "${CMAKE_CURRENT_LIST_DIR}/../include" "${CMAKE_CURRENT_LIST_DIR}/../tools/exprgen")
endif()

function(rustorch_exprgen target requests shards)
  cmake_parse_arguments(ARG "" "NAMESPACE" "DEPENDS" ${ARGN})
  set(tool rt_exprgen)
  if(RUSTORCH_EXPRGEN)
    set(tool "${RUSTORCH_EXPRGEN}")
  endif()
  set(shard_base kernels)
  set(table kernel_table)
  set(name_args)
  set(tensor_kernels tensor_kernels)
  if(ARG_NAMESPACE)
    set(shard_base "${ARG_NAMESPACE}")
    set(table "${ARG_NAMESPACE}_table")
    set(name_args --namespace "${ARG_NAMESPACE}")
    set(tensor_kernels)
  endif()
  set(dir "${CMAKE_CURRENT_BINARY_DIR}/exprgen/${target}/gen")
  file(MAKE_DIRECTORY "${dir}")
  set(sources "${dir}/${table}.cc" "${dir}/${shard_base}_scalar.cc")
  set(headers "${dir}/${table}.h")
  if(tensor_kernels)
    list(APPEND sources "${dir}/tensor_kernels.cc")
    list(APPEND headers "${dir}/tensor_kernels.h")
  endif()
  math(EXPR last "${shards} - 1")
  foreach(k RANGE ${last})
    list(APPEND sources "${dir}/${shard_base}_${k}.cc")
  endforeach()
  set(stamp "${dir}/${shard_base}.stamp")
  # Files whose text did not change keep their time stamp, so an edit recompiles only the shards it touches.
  add_custom_command(
    OUTPUT "${stamp}"
    BYPRODUCTS ${sources} ${headers}
    COMMAND ${tool} --requests "${requests}" --out-dir "${dir}" --shards ${shards} ${name_args}
    COMMAND ${CMAKE_COMMAND} -E touch "${stamp}"
    DEPENDS ${tool} "${requests}" ${ARG_DEPENDS}
    COMMENT "Rendering pointwise kernels of ${target}"
    VERBATIM)
  set_source_files_properties(${sources} ${headers} PROPERTIES GENERATED TRUE)
  # Contraction is off so that an element's bits depend neither on its position nor on the compiler's mood.
  set_source_files_properties(${sources} PROPERTIES COMPILE_OPTIONS "-ffp-contract=off")
  add_custom_target(${target}_${shard_base}_gen DEPENDS "${stamp}")
  add_dependencies(${target} ${target}_${shard_base}_gen)
  target_sources(${target} PRIVATE ${sources})
  target_include_directories(${target} PRIVATE "${dir}" "${dir}/..")
endfunction()
