// Where casemate keeps things: state on tmpfs, unpacked images on disk. All of it 0700 and the caller's own (I18); never a
// predictable name in a directory that others may write.
#pragma once

#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/runtime.h"

namespace casemate::runtime {

// The state root, made where it is missing. Errors name the directory and a hint.
Result<std::string> state_root(const Settings& settings);
// The directory for unpacked images and logs of containers, made where it is missing.
Result<std::string> data_root(const Settings& settings);
// A directory of ours: 0700, owned by the caller, not a symlink. `make`: created where missing.
Result<Fd> open_private_directory(const std::string& path, bool make);
// [A-Za-z0-9][A-Za-z0-9_+.-]{0,127} (SECURITY I18).
Result<void> check_id(std::string_view id);
// Twelve hexadecimal digits from getrandom(2).
Result<std::string> random_id();
// A program of ours beside the launcher (build tree) or in libexec/casemate. Errors name the places.
Result<std::string> find_libexec(const Settings& settings, const std::string& name);

}  // namespace casemate::runtime
