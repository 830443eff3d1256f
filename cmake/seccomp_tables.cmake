# The tables of src/seccomp, made at build time from libseccomp and the lists beside the sources.
find_package(PkgConfig REQUIRED)
pkg_check_modules(seccomp REQUIRED IMPORTED_TARGET libseccomp)

add_executable(casemate-seccomp-tables ${CMAKE_SOURCE_DIR}/src/seccomp/generate_tables_main.cc)
target_link_libraries(casemate-seccomp-tables PRIVATE casemate_flags PkgConfig::seccomp)

set(seccomp_lists groups.txt arguments.txt newer.txt)
list(TRANSFORM seccomp_lists PREPEND ${CMAKE_SOURCE_DIR}/src/seccomp/)
set(seccomp_tables ${CMAKE_BINARY_DIR}/generated/seccomp/tables.inc)
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/generated/seccomp)
add_custom_command(
  OUTPUT ${seccomp_tables}
  COMMAND casemate-seccomp-tables ${CMAKE_SOURCE_DIR}/src/seccomp ${seccomp_tables}
  DEPENDS casemate-seccomp-tables ${seccomp_lists}
  COMMENT "System call tables")
add_custom_target(casemate_seccomp_tables DEPENDS ${seccomp_tables})
