# The reference compiler, and the reader of the profiles that are test data.
target_link_libraries(unit_seccomp PRIVATE PkgConfig::seccomp casemate_json)
add_dependencies(unit_seccomp casemate-seccomp-tables)
target_compile_definitions(unit_seccomp PRIVATE TABLES_PROGRAM="$<TARGET_FILE:casemate-seccomp-tables>")
