# The reference compiler, and the reader of the profiles that are test data.
target_link_libraries(unit_seccomp PRIVATE PkgConfig::seccomp casemate_json)
