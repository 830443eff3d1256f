// Every file of a tree as one line of mtree(5): name, type, mode, owner, links, size, time, SHA-256 of the content, extended
// attributes. Written when a layer is stored; `images verify` makes it again and compares.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace casemate::image {

// The names in a directory that is open for reading, sorted, without "." and "..".
Result<std::vector<std::string>> names_in(FdView directory);

using OnFile = std::function<Result<void>(const std::string& line)>;
// Sorted by name within each directory, a directory before what is in it. `root` is open for reading.
Result<void> list_files(FdView root, const OnFile& on_file);

// The lines into an open file.
Result<void> write_file_list(FdView root, FdView file);
// What differs between the tree and its list, one line each: "./etc/passwd: is sha256digest=..., was ..."; at most `most`.
Result<std::vector<std::string>> compare_file_list(FdView root, std::string_view list, size_t most);

}  // namespace casemate::image
