# The stub: freestanding, static, position dependent, a page or two; embedded into the steps room as bytes.
set(stub_elf ${CMAKE_BINARY_DIR}/generated/stub.elf)
set(stub_flags -Os -std=c11 -Wall -Wextra -Werror -nostdlib -static -ffreestanding -fno-pie -fno-stack-protector
  -fno-asynchronous-unwind-tables -fomit-frame-pointer -fno-builtin-memset -Wl,--build-id=none -Wl,-z,noseparate-code -Wl,-z,noexecstack -s)
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  list(APPEND stub_flags -fcf-protection=branch -mno-sse -mgeneral-regs-only)
endif()
if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
  list(APPEND stub_flags -no-pie)  # to clang, -static says it
endif()
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/generated)
add_custom_command(OUTPUT ${stub_elf}
  COMMAND ${CMAKE_C_COMPILER} ${stub_flags} -o ${stub_elf} ${CMAKE_SOURCE_DIR}/src/steps/stub/stub.c
  DEPENDS ${CMAKE_SOURCE_DIR}/src/steps/stub/stub.c VERBATIM)
set_source_files_properties(${CMAKE_SOURCE_DIR}/src/steps/stub/embed.S PROPERTIES
  OBJECT_DEPENDS ${stub_elf} COMPILE_DEFINITIONS "STUB_ELF=\"${stub_elf}\"" COMPILE_OPTIONS "-Wno-error")
target_sources(casemate_steps PRIVATE ${CMAKE_SOURCE_DIR}/src/steps/stub/embed.S)
