# Compiles profiles/*.json into the binary: build/generated/policy/built_in_profiles.h.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
file(GLOB shipped_profiles CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/profiles/*.json)
set(embedded_profiles ${CMAKE_BINARY_DIR}/generated/policy/built_in_profiles.h)
add_custom_command(
  OUTPUT ${embedded_profiles}
  COMMAND Python3::Interpreter ${CMAKE_SOURCE_DIR}/scripts/embed-profiles ${embedded_profiles} ${shipped_profiles}
  DEPENDS ${CMAKE_SOURCE_DIR}/scripts/embed-profiles ${shipped_profiles}
  COMMENT "Embedding the shipped profiles"
  VERBATIM)
add_custom_target(casemate_profiles DEPENDS ${embedded_profiles})
