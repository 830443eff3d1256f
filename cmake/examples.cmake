# examples/health: the server, and the image that scripts/pack-image makes of it: build/PRESET/examples/health (an OCI
# layout; what quickstart and the end-to-end tests launch).
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(health_dir ${CMAKE_BINARY_DIR}/examples)
set(health_source ${CMAKE_SOURCE_DIR}/examples/health)

add_executable(example_health ${health_source}/health.cc)
target_link_libraries(example_health PRIVATE casemate_flags)
target_compile_options(example_health PRIVATE -fno-exceptions -fno-rtti)
if(NOT CASEMATE_SANITIZE)
  target_link_options(example_health PRIVATE -static-pie -s)
endif()
set_target_properties(example_health PROPERTIES OUTPUT_NAME health RUNTIME_OUTPUT_DIRECTORY ${health_dir}/bin)

set(health_root ${health_dir}/health-root)
add_custom_command(
  OUTPUT ${health_dir}/health/index.json
  COMMAND ${CMAKE_COMMAND} -E rm -rf ${health_root}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${health_root}/etc ${health_root}/proc ${health_root}/sys ${health_root}/dev ${health_root}/tmp
  COMMAND ${CMAKE_COMMAND} -E copy $<TARGET_FILE:example_health> ${health_root}/health
  COMMAND ${CMAKE_COMMAND} -E copy ${health_source}/passwd ${health_source}/group ${health_root}/etc
  COMMAND Python3::Interpreter ${CMAKE_SOURCE_DIR}/scripts/pack-image --output ${health_dir}/health
          --entrypoint /health --env PORT=8080 --env PATH=/ --expose 8080/tcp ${health_root}
  DEPENDS example_health ${health_source}/passwd ${health_source}/group ${CMAKE_SOURCE_DIR}/scripts/pack-image
  COMMENT "Packing examples/health" VERBATIM)
add_custom_target(example_health_image ALL DEPENDS ${health_dir}/health/index.json)
