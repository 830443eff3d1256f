# The programs. `casemate` is one static-pie binary: it works in an initramfs, in any image's host, and starts without a
# dynamic linker. Debug symbols and the symbol table go to casemate.debug beside it (a test reads that).
if(NOT TARGET casemate_cli OR NOT TARGET casemate_runtime)
  return()
endif()

add_executable(casemate ${CMAKE_SOURCE_DIR}/src/cli/casemate_main.cc)
target_link_libraries(casemate PRIVATE casemate_cli casemate_runtime)
set_target_properties(casemate PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
if(CASEMATE_STATIC AND NOT CASEMATE_SANITIZE)
  target_link_options(casemate PRIVATE -static-pie)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_custom_command(TARGET casemate POST_BUILD
    COMMAND ${CMAKE_COMMAND} -E copy $<TARGET_FILE:casemate> $<TARGET_FILE:casemate>.debug
    COMMAND ${CMAKE_STRIP} $<TARGET_FILE:casemate>
    VERBATIM)
endif()
install(TARGETS casemate RUNTIME DESTINATION bin)

# Man pages and completions, from the program itself: casemate.1, casemate-VERB.1, completions/casemate.{bash,zsh,fish}.
set(casemate_documented launch unpack plan verify probe profile gc run state kill delete list features spec)
set(man_commands COMMAND casemate help --man > ${CMAKE_BINARY_DIR}/man/casemate.1)
foreach(verb IN LISTS casemate_documented)
  list(APPEND man_commands COMMAND casemate help --man ${verb} > ${CMAKE_BINARY_DIR}/man/casemate-${verb}.1)
endforeach()
set(completion_commands)
foreach(shell IN ITEMS bash zsh fish)
  list(APPEND completion_commands COMMAND casemate completion ${shell} > ${CMAKE_BINARY_DIR}/completions/casemate.${shell})
endforeach()
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/man ${CMAKE_BINARY_DIR}/completions)
if(NOT CMAKE_CROSSCOMPILING)
  add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/man/stamp ${man_commands} ${completion_commands}
    COMMAND ${CMAKE_COMMAND} -E touch ${CMAKE_BINARY_DIR}/man/stamp
    DEPENDS casemate VERBATIM)
  add_custom_target(casemate_pages ALL DEPENDS ${CMAKE_BINARY_DIR}/man/stamp)
  install(DIRECTORY ${CMAKE_BINARY_DIR}/man/ DESTINATION share/man/man1 FILES_MATCHING PATTERN "*.1")
  install(FILES ${CMAKE_BINARY_DIR}/completions/casemate.bash DESTINATION share/bash-completion/completions RENAME casemate)
  install(FILES ${CMAKE_BINARY_DIR}/completions/casemate.zsh DESTINATION share/zsh/vendor-completions RENAME _casemate)
  install(FILES ${CMAKE_BINARY_DIR}/completions/casemate.fish DESTINATION share/fish/vendor_completions.d)
endif()

# What --version calls the commit.
find_package(Git QUIET)
if(GIT_FOUND)
  execute_process(COMMAND ${GIT_EXECUTABLE} describe --always WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
    OUTPUT_VARIABLE casemate_commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(casemate_commit)
  set_source_files_properties(${CMAKE_SOURCE_DIR}/src/cli/version.cc PROPERTIES COMPILE_DEFINITIONS CASEMATE_COMMIT="${casemate_commit}")
endif()
