# Runs rt_exprgen (TOOL, through EMULATOR if there is one) on GOLDEN/tensor_requests.txt and compares its tensor form with GOLDEN/tensor_kernels.txt.
# With RUSTORCH_UPDATE_GOLDEN set in the environment the golden file is written anew.
file(MAKE_DIRECTORY "${OUT}")
execute_process(COMMAND ${EMULATOR} "${TOOL}" --requests "${GOLDEN}/tensor_requests.txt" --out-dir "${OUT}" --shards 1
                RESULT_VARIABLE code)
if(code)
  message(FATAL_ERROR "rt_exprgen failed")
endif()
if(DEFINED ENV{RUSTORCH_UPDATE_GOLDEN})
  file(COPY_FILE "${OUT}/tensor_kernels.cc" "${GOLDEN}/tensor_kernels.txt")
endif()
execute_process(COMMAND "${CMAKE_COMMAND}" -E compare_files "${OUT}/tensor_kernels.cc" "${GOLDEN}/tensor_kernels.txt"
                RESULT_VARIABLE differs)
if(differs)
  message(FATAL_ERROR "the tensor form changed: compare ${OUT}/tensor_kernels.cc with ${GOLDEN}/tensor_kernels.txt")
endif()
# A request with a mistake is refused with the kernel's name.
file(WRITE "${OUT}/bad.txt" "kernel broken\n in x:T\n out T\n types f32\n expr foo(x)\n")
execute_process(COMMAND ${EMULATOR} "${TOOL}" --requests "${OUT}/bad.txt" --out-dir "${OUT}" --shards 1 RESULT_VARIABLE code
                ERROR_VARIABLE text)
if(NOT code OR NOT text MATCHES "broken")
  message(FATAL_ERROR "a bad request was not refused: ${text}")
endif()
