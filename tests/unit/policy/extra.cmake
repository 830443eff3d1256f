# The schema's test needs python3-jsonschema; without it the test is skipped and counted.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
add_test(NAME "unit_policy: the schema agrees with the corpus"
  COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/unit/policy/check-schema.py)
set_tests_properties("unit_policy: the schema agrees with the corpus" PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 60)
