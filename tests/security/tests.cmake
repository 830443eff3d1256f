# One ctest test an entry of tests/security/cve: an attack that is known from elsewhere, run against the real launcher.
file(GLOB attacks CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/cve/*.py)
foreach(attack IN LISTS attacks)
  get_filename_component(name ${attack} NAME_WE)
  add_test(NAME "security: ${name}" COMMAND ${attack})
  set_tests_properties("security: ${name}" PROPERTIES LABELS security SKIP_RETURN_CODE 77 TIMEOUT 300 ENVIRONMENT "CASEMATE=${CMAKE_BINARY_DIR}/casemate")
endforeach()
add_test(NAME "security: the harness notices" COMMAND ${CMAKE_CURRENT_LIST_DIR}/harness_self_test.py)
set_tests_properties("security: the harness notices" PROPERTIES LABELS security SKIP_RETURN_CODE 77 TIMEOUT 120 ENVIRONMENT "CASEMATE=${CMAKE_BINARY_DIR}/casemate")
add_test(NAME "security: the table is up to date" COMMAND ${CMAKE_SOURCE_DIR}/scripts/security-table --check)
set_tests_properties("security: the table is up to date" PROPERTIES LABELS security)

# The tracer behind the trace oracle and the fault sweep.
add_executable(security_tracer ${CMAKE_CURRENT_LIST_DIR}/trace/tracer.cc ${CMAKE_CURRENT_LIST_DIR}/trace/memory.cc)
target_include_directories(security_tracer PRIVATE ${CMAKE_CURRENT_LIST_DIR})
target_link_libraries(security_tracer PRIVATE casemate_seccomp casemate_flags)
add_test(NAME "security: trace oracle" COMMAND ${CMAKE_CURRENT_LIST_DIR}/trace_oracle.py)
set_tests_properties("security: trace oracle" PROPERTIES LABELS security SKIP_RETURN_CODE 77 TIMEOUT 180
  ENVIRONMENT "CASEMATE=${CMAKE_BINARY_DIR}/casemate;CASEMATE_TRACER=$<TARGET_FILE:security_tracer>;CASEMATE_MUTANT=${CMAKE_BINARY_DIR}/mutations/casemate")

# Races, made certain: the launcher is stopped before calls that have to do with paths, and the swap happens there. The whole
# of it, which takes minutes, is `races.py --sweep`.
foreach(program IN ITEMS stepper naive without_call)
  add_executable(security_${program} ${CMAKE_CURRENT_LIST_DIR}/${program}.cc)
  target_link_libraries(security_${program} PRIVATE casemate_flags)
endforeach()
add_test(NAME "security: races" COMMAND ${CMAKE_CURRENT_LIST_DIR}/races.py)
add_test(NAME "security: the planted race is caught" COMMAND ${CMAKE_CURRENT_LIST_DIR}/races.py --planted)
# Kernels that lack a call.
add_test(NAME "security: missing calls" COMMAND ${CMAKE_CURRENT_LIST_DIR}/missing_calls.py)
# runc, crun and casemate, one after the other on the same bundles.
add_test(NAME "security: differential" COMMAND ${CMAKE_CURRENT_LIST_DIR}/differential.py)
foreach(name IN ITEMS "races" "the planted race is caught" "missing calls" "differential")
  set_tests_properties("security: ${name}" PROPERTIES LABELS security SKIP_RETURN_CODE 77 TIMEOUT 300 ENVIRONMENT "CASEMATE=${CMAKE_BINARY_DIR}/casemate")
endforeach()
# What a container's process says about itself: the fault sweep compares.
add_executable(security_account ${CMAKE_CURRENT_LIST_DIR}/trace/account.cc)
target_link_libraries(security_account PRIVATE casemate_flags)
if(NOT CASEMATE_SANITIZE)
  target_link_options(security_account PRIVATE -static-pie -s)
endif()
add_test(NAME "security: fault sweep, a sample" COMMAND ${CMAKE_CURRENT_LIST_DIR}/fault_sweep.py --budget 40)
set_tests_properties("security: fault sweep, a sample" PROPERTIES LABELS security SKIP_RETURN_CODE 77 TIMEOUT 300
  ENVIRONMENT "CASEMATE=${CMAKE_BINARY_DIR}/casemate;CASEMATE_TRACER=$<TARGET_FILE:security_tracer>")
add_test(NAME "security: the fault sweep notices" COMMAND ${CMAKE_CURRENT_LIST_DIR}/fault_sweep.py --self-test)
add_test(NAME "security: scarcity" COMMAND ${CMAKE_CURRENT_LIST_DIR}/scarcity.py)
set_tests_properties("security: the fault sweep notices" "security: scarcity" PROPERTIES LABELS security SKIP_RETURN_CODE 77 TIMEOUT 300
  ENVIRONMENT "CASEMATE=${CMAKE_BINARY_DIR}/casemate;CASEMATE_TRACER=$<TARGET_FILE:security_tracer>")
