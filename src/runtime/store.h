// The launcher's side of the image store (image/store_layout.h): finds the image of a SOURCE that has been unpacked before
// without reading it, has everything else done by casemate-unpack, and marks the image as in use.
#pragma once

#include "runtime/source.h"

namespace casemate::runtime {

// Is the directory's file system known to take idmapped mounts? Otherwise an image is unpacked with shifted owners.
bool can_idmap(const std::string& directory, std::string_view kernel);
// Can an image be run from layers below `directory`? Its file system must take idmaps, be an overlay's upper and keep
// user.* attributes.
bool can_store(const std::string& directory, std::string_view kernel);

// An image from the store, unpacked into it first where it is not there. request.scratch is a directory that may be made
// for what is fetched from a registry. Errors as those of casemate-unpack.
Result<Source> open_stored(const Settings& settings, const SourceRequest& request);

// How a SOURCE is known again: its name, and what changes with its content. Pure but for stat(2).
struct SourceIdentity {
    std::string key;       // "/absolute/path:REF"; "docker://REF"
    std::string identity;  // device, inode, size and times of the index or archive; empty: never known again
};
Result<SourceIdentity> identify(const SourceRequest& request);

}  // namespace casemate::runtime
