# Runs opgen: OPGEN_DIR holds what it writes, OPGEN_SOURCES the C++ files, OPGEN_PYTHON_SOURCES those of the binding.
set(OPGEN_DIR ${PROJECT_BINARY_DIR}/opgen)
file(GLOB OPGEN_INPUTS CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/ops/*.ops)
file(GLOB OPGEN_SCRIPTS CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tools/opgen/*.py)
set(OPGEN_SOURCES ${OPGEN_DIR}/gen/kernel_ids.cc ${OPGEN_DIR}/gen/transform_table.cc)
set(OPGEN_PYTHON_SOURCES ${OPGEN_DIR}/python/ops_index.cc)
set(OPGEN_HEADERS ${OPGEN_DIR}/include/rustorch/gen/ops.h ${OPGEN_DIR}/include/rustorch/gen/headers.h
    ${OPGEN_DIR}/include/rustorch/gen/tensor_methods.h ${OPGEN_DIR}/include/rustorch/gen/tensor_methods_inl.h
    ${OPGEN_DIR}/gen/impl.h)
foreach(file ${OPGEN_INPUTS})
  # Every header must be named below, or Ninja looks at its time before it is written and compiles its users a run late.
  file(STRINGS ${file} own REGEX "^header ")
  if(own)
    string(REPLACE "header " "" own ${own})
    list(APPEND OPGEN_HEADERS ${OPGEN_DIR}/include/rustorch/${own}.h ${OPGEN_DIR}/gen/impl_${own}.h)
  endif()
  get_filename_component(shard ${file} NAME_WE)
  list(APPEND OPGEN_SOURCES ${OPGEN_DIR}/gen/ops_${shard}.cc)
  list(APPEND OPGEN_PYTHON_SOURCES ${OPGEN_DIR}/python/ops_${shard}.cc)
endforeach()
list(REMOVE_DUPLICATES OPGEN_HEADERS)
# Files that do not change keep their time, so one command with a stamp rebuilds only what an edit touches.
add_custom_command(
  OUTPUT ${OPGEN_DIR}/stamp
  BYPRODUCTS ${OPGEN_SOURCES} ${OPGEN_PYTHON_SOURCES} ${OPGEN_HEADERS} ${OPGEN_DIR}/gen/kernels.txt
  COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/tools/opgen --ops ${PROJECT_SOURCE_DIR}/ops --out ${OPGEN_DIR}
  COMMAND ${CMAKE_COMMAND} -E touch ${OPGEN_DIR}/stamp
  DEPENDS ${OPGEN_INPUTS} ${OPGEN_SCRIPTS}
  COMMENT "Generating operators"
  VERBATIM)
set_source_files_properties(${OPGEN_SOURCES} ${OPGEN_PYTHON_SOURCES} ${OPGEN_HEADERS} PROPERTIES GENERATED TRUE)
add_custom_target(opgen DEPENDS ${OPGEN_DIR}/stamp)
