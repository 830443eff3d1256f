// SOURCE: what is to be launched. An image is unpacked by casemate-unpack, a bundle or root directory is taken as it is;
// either way what comes out is a root file system on the host and what the image says of its process.
#pragma once

#include <string>

#include "base/result.h"
#include "plan/plan.h"
#include "runtime/runtime.h"

namespace casemate::runtime {

struct SourceRequest {
    std::string source, ref;
    std::string scratch;         // where an image is unpacked to: a directory that does not exist yet
    std::string setid;           // keep, ignore, strip
    uint32_t shift = 0;          // owners are shifted by this base; 0: not
    std::vector<std::string> unpacker_arguments;
};

struct Source {
    plan::AppSource app;
    bool unpacked = false;       // scratch was made
    bool shifted = false;
    std::string digest;          // of the manifest, or empty
    std::map<std::string, std::string> annotations;
};

enum class SourceKind : uint8_t { image, bundle, rootfs };
Result<SourceKind> kind_of(const std::string& source);
// Opens or unpacks it. On an error nothing is left in scratch.
Result<Source> open_source(const Settings& settings, const SourceRequest& request);

}  // namespace casemate::runtime
