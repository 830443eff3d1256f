// What the tracer reads of a stopped process: strings, structs, and where in its program a call comes from.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace casemate::test {

bool read_memory(pid_t pid, uint64_t address, void* out, size_t size);
// Up to 255 bytes; empty for a null or wild pointer.
std::string read_string(pid_t pid, uint64_t address);

// /proc/PID/exe.
std::string program_of(pid_t pid);

// Where the machine code of a program lies in a process, and where its first page does.
struct TextRange {
    uint64_t base = 0, begin = 0, end = 0;
};
TextRange text_of(pid_t pid, const std::string& program);

// The innermost return addresses into `text` on the stack, relative to its base: "1a2b3,4c5d6". Words on the stack that
// only look like one (what an earlier call left) make two sites of one, never one of two.
std::string call_site(pid_t pid, const TextRange& text, uint64_t stack_pointer);

}  // namespace casemate::test
