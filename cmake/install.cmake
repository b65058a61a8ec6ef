# Installing: the library, its headers and the files that find_package(rustorch) needs. The Python package is a component
# of its own (python/CMakeLists.txt).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

if(NOT SKBUILD)  # a wheel keeps links as copies
  set_target_properties(rustorch PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
endif()
install(TARGETS rustorch EXPORT rustorch LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY ${OPGEN_DIR}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES LICENSE-MIT LICENSE-APACHE DESTINATION ${CMAKE_INSTALL_DOCDIR})
set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/rustorch)
install(EXPORT rustorch NAMESPACE rustorch:: FILE rustorch-targets.cmake DESTINATION ${config_dir})
file(WRITE ${PROJECT_BINARY_DIR}/rustorch-config.cmake "include(\"\${CMAKE_CURRENT_LIST_DIR}/rustorch-targets.cmake\")\n")
write_basic_package_version_file(${PROJECT_BINARY_DIR}/rustorch-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/rustorch-config.cmake ${PROJECT_BINARY_DIR}/rustorch-config-version.cmake
        DESTINATION ${config_dir})
