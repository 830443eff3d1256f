# End-to-end tests: each tests/e2e/*.sh and *.py is one ctest test that runs the real binary; 77 = skipped. lib.* are
# their libraries. Tests of the gates and scripts are here too. Label e2e: needs root, images, a network for apt.
set(e2e_environment
  CASEMATE=${CMAKE_BINARY_DIR}/casemate
  CASEMATE_MUTANT=${CMAKE_BINARY_DIR}/mutations/casemate
  CASEMATE_SOURCE=${CMAKE_SOURCE_DIR}
  CASEMATE_BUILD=${CMAKE_BINARY_DIR}
  CASEMATE_IMAGE_CACHE=${CMAKE_SOURCE_DIR}/build/images)

file(GLOB e2e_scripts CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.sh ${CMAKE_CURRENT_LIST_DIR}/*.py)
# image_layouts makes a dozen real images, which takes minutes: scripts/test --full runs it.
list(FILTER e2e_scripts EXCLUDE REGEX "/(lib[^/]*|podman\\.py|image_layouts\\.py)$")
foreach(script IN LISTS e2e_scripts)
  get_filename_component(name ${script} NAME_WE)
  add_test(NAME "e2e: ${name}" COMMAND ${script})
  set_tests_properties("e2e: ${name}" PROPERTIES LABELS e2e SKIP_RETURN_CODE 77 TIMEOUT 400 ENVIRONMENT "${e2e_environment}")
endforeach()

foreach(mode IN ITEMS root rootless)
  add_test(NAME "e2e: podman ${mode}" COMMAND ${CMAKE_CURRENT_LIST_DIR}/podman.py --mode ${mode})
  set_tests_properties("e2e: podman ${mode}" PROPERTIES LABELS e2e SKIP_RETURN_CODE 77 TIMEOUT 600 ENVIRONMENT "${e2e_environment}")
endforeach()

# The catalogue of attacks on unpacking, one test a row.
find_package(Python3 COMPONENTS Interpreter)
if(Python3_FOUND)
  execute_process(COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_LIST_DIR}/lib_unpack_rows.py --list OUTPUT_VARIABLE unpack_rows)
  foreach(row IN LISTS unpack_rows)
    add_test(NAME "unpack: ${row}" COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_CURRENT_LIST_DIR}/lib_unpack_rows.py ${row})
    set_tests_properties("unpack: ${row}" PROPERTIES LABELS e2e SKIP_RETURN_CODE 77 TIMEOUT 300 ENVIRONMENT "${e2e_environment}")
  endforeach()
endif()


set_tests_properties("e2e: mutations" PROPERTIES DEPENDS "e2e: launch_health")  # which makes the test user
set_tests_properties("e2e: buildah" PROPERTIES DEPENDS "e2e: dockerfile_build")  # which makes the base

foreach(gate IN ITEMS layers size calls)
  add_test(NAME "gate: ${gate}" COMMAND ${CMAKE_SOURCE_DIR}/scripts/check-${gate})
  add_test(NAME "gate: ${gate} finds what is planted" COMMAND ${CMAKE_SOURCE_DIR}/scripts/check-${gate} --self-test)
endforeach()
# What the compiler was told is in the programs, where they are made to be shipped.
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND CASEMATE_STATIC AND NOT CASEMATE_SANITIZE)
  add_test(NAME "gate: hardening" COMMAND ${CMAKE_SOURCE_DIR}/scripts/check-hardening ${CMAKE_BINARY_DIR})
  add_test(NAME "gate: hardening finds what is planted" COMMAND ${CMAKE_SOURCE_DIR}/scripts/check-hardening --self-test)
endif()

# Answers with all it was sent, once its client has closed its half: the app behind the relay's half-close test.
add_executable(e2e_echo ${CMAKE_CURRENT_LIST_DIR}/echo.cc)
# What a hostile container does to those who enter it (exec_hostile.sh).
add_executable(e2e_hostile ${CMAKE_CURRENT_LIST_DIR}/hostile.cc)
foreach(program IN ITEMS e2e_echo e2e_hostile)
  target_link_libraries(${program} PRIVATE casemate_flags)
  if(NOT CASEMATE_SANITIZE)
    target_link_options(${program} PRIVATE -static-pie -s)
  endif()
endforeach()

# The launcher whose steps can be left out (mutations.py): the same libraries, with the sequence compiled anew. The shipped
# binary cannot do it.
if(TARGET casemate)
  add_executable(e2e_mutant ${CMAKE_SOURCE_DIR}/src/cli/casemate_main.cc ${CMAKE_SOURCE_DIR}/src/steps/sequence.cc)
  target_compile_definitions(e2e_mutant PRIVATE CASEMATE_MUTATIONS)
  target_link_libraries(e2e_mutant PRIVATE casemate_cli casemate_runtime)
  set_target_properties(e2e_mutant PROPERTIES OUTPUT_NAME casemate RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/mutations)
  if(CASEMATE_STATIC AND NOT CASEMATE_SANITIZE)
    target_link_options(e2e_mutant PRIVATE -static-pie)
  endif()
  foreach(program IN ITEMS casemate-unpack casemate-probe)
    add_custom_command(TARGET e2e_mutant POST_BUILD
      COMMAND ${CMAKE_COMMAND} -E create_symlink ../${program} ${CMAKE_BINARY_DIR}/mutations/${program} VERBATIM)
  endforeach()
endif()
