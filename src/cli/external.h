// The verbs that are programs of their own (audit, images, learn ...), as in git: what is not on the way to a start is
// not linked into the launcher.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace casemate::cli {

// The path of this binary; empty when /proc does not tell.
std::string own_path();

// The path of casemate-NAME: beside this binary (a build directory), else PREFIX/libexec/casemate. Never by PATH, which
// may be the caller's. ENOENT names both places.
Result<std::string> external_program(std::string_view name);

// Becomes casemate-NAME with these arguments; comes back only with the error.
Error become_external(std::string_view name, std::span<const std::string_view> arguments);

}  // namespace casemate::cli
