// Mount options and sysctl keys of config.json: an accepted sysctl stays below proc/sys, an accepted mount never has an
// attribute set and cleared at once. The first byte chooses.
// rooms: plan
#include <cstdlib>
#include <string>

#include "base/text.h"
#include "plan/compiler.h"

using namespace casemate;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    if (data[0] % 2 == 0) {
        plan::NamespacesPlan namespaces;
        namespaces.own_types = {"pid", "mount", "ipc", "uts", "network", "cgroup", "user", "time"};
        const auto path = plan::sysctl_path(text, namespaces);
        if (path && (path.value().find("..") != std::string::npos || path.value().find("//") != std::string::npos)) std::abort();
        return 0;
    }
    oci::Mount mount;
    mount.destination = "/data";
    mount.type = (data[0] & 2) != 0 ? "tmpfs" : "bind";
    mount.source = "/source";
    for (const std::string_view option : split(text, ',')) mount.options.emplace_back(option);
    const auto parsed = plan::parse_mount(mount);
    (void)static_cast<bool>(parsed);
    return 0;
}
