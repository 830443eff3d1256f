// Conditions on arguments as tests of a program, with the kernel's width and in two halves where it is 64 bits.
#pragma once

#include <span>

#include "seccomp/filter.h"
#include "seccomp/program.h"

namespace casemate::seccomp {

// Goes to `yes` where every condition holds, else to `no`. A condition on a pointer compares its 64 bits.
Program::Node test_all(Program& program, Arch arch, const Syscall& syscall, std::span<const Condition> conditions,
                       Program::Node yes, Program::Node no);

}  // namespace casemate::seccomp
