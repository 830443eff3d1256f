// Calling a program of ours in libexec and taking what it says. It gets a clean environment, handles signals itself, and
// has nothing of ours open.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace casemate::runtime {

struct LibexecCall {
    std::string program;             // absolute
    std::vector<std::string> words;  // its argv
    int input = -1;                  // its standard input; -1: /dev/null
    std::vector<std::string> pass;   // variables of ours that it gets; PATH is a fixed one unless it is among them
};

struct LibexecAnswer {
    int code = 0;  // 128+N: ended by signal N
    std::string output, complaints;
    // What it said on stderr, "NAME: TEXT" and "hint: TEXT", as an error of ours.
    Error failure(std::string_view name) const;
};

// Errors: it could not be started, or said more than 64 MiB.
Result<LibexecAnswer> run_libexec(const LibexecCall& call);

}  // namespace casemate::runtime
