// SOURCE: what is to be launched. An image is unpacked by casemate-unpack, a bundle or root directory is taken as it is;
// either way what comes out is a root file system on the host and what the image says of its process.
#pragma once

#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "oci/config.h"
#include "plan/plan.h"
#include "runtime/admission.h"
#include "runtime/runtime.h"

namespace casemate::runtime {

struct SourceRequest {
    std::string source, ref;
    std::string scratch;         // where an image is unpacked to: a directory that does not exist yet
    std::string setid;           // keep, ignore, strip
    uint32_t shift = 0;          // owners are shifted by this base; 0: not
    bool store = false;          // an image goes to the store, layer by layer, and not to scratch
    std::vector<std::string> unpacker_arguments;
    const policy::Profile* profile = nullptr;  // whose admission decides
};

struct Source {
    plan::AppSource app;
    bool unpacked = false;       // scratch was made
    bool shifted = false;
    std::string digest;          // of the manifest; of the config where there is none
    Admitted admitted;
    // An image of the store: its layers' directories, topmost first; its record, root_path, has the account files.
    std::vector<std::string> layers;
    Fd in_use;                   // keeps it from being removed, as long as it is open
    std::map<std::string, std::string> annotations;
    // A bundle's own restrictions that a launch takes over beside its process (source_bundle.cc).
    std::optional<oci::Config> bundle;
};

enum class SourceKind : uint8_t { image, registry, bundle, rootfs };
Result<SourceKind> kind_of(const std::string& source);
// Checks that a launch can honour what the bundle restricts, by name; what it merely grants is the profile's to give.
Result<void> check_bundle(const oci::Config& bundle);
// The stricter of the two in each field that both have: limits, umask, masks, capabilities, no_new_privs, root.
void add_bundle_restrictions(const oci::Config& bundle, oci::Config& made);
// What open_source() unpacked, or a bundle made of it.
Result<void> remove_unpacked(const std::string& path);
// Opens or unpacks it. On an error nothing is left in scratch.
Result<Source> open_source(const Settings& settings, const SourceRequest& request);

}  // namespace casemate::runtime
