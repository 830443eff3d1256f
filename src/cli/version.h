// What `casemate --version` prints: engines parse its first line.
#pragma once

#include <string>

namespace casemate::cli {

// "casemate version X", "commit: ...", "spec: ...", one a line.
std::string version_text();

}  // namespace casemate::cli
