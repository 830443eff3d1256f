// Small texts of config.json: mount options, sysctl keys, lists of cpus, paths and files of control groups. What is
// accepted stays where it belongs: a sysctl below proc/sys, a group below its hierarchy. The first byte chooses.
// rooms: plan
#include <linux/mount.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "base/text.h"
#include "cgroup/names.h"
#include "plan/compiler.h"

using namespace casemate;

namespace {

void expect(bool good) {
    if (!good) std::abort();
}

void try_sysctl(std::string_view text) {
    plan::NamespacesPlan namespaces;
    namespaces.own_types = {"pid", "mount", "ipc", "uts", "network", "cgroup", "user", "time"};
    const auto path = plan::sysctl_path(text, namespaces);
    if (!path) return;
    for (const std::string_view part : split(path.value(), '/')) expect(!part.empty() && part != "." && part != "..");
}

void try_cpus(std::string_view text) {
    const auto cpus = plan::parse_cpu_list(text);
    if (cpus) expect(std::ranges::all_of(cpus.value(), [](unsigned cpu) { return cpu < 1024; }));
    const auto count = cgroup::check_number_list(text);
    if (count) expect(count.value() <= 65536);
}

void try_group(std::string_view text) {
    const auto components = cgroup::path_components(text);
    if (components)
        for (const std::string& name : components.value()) expect(!name.empty() && name != "." && name != ".." && name.size() <= 255 && name.find('/') == std::string::npos);
    const auto file = cgroup::check_unified_file(text);
    if (file) expect(text.find('/') == std::string_view::npos && text != "cgroup.procs" && text != "cgroup.kill" && text != "cgroup.freeze");
}

void try_mount(std::string_view text, const char* type) {
    oci::Mount mount;
    mount.destination = "/data";
    mount.type = type;
    mount.source = "/source";
    for (const std::string_view option : split(text, ',')) mount.options.emplace_back(option);
    const auto parsed = plan::parse_mount(mount);
    if (!parsed) return;
    // Of the times' attributes one is set by clearing them all (mount_setattr(2)); no other is set and cleared at once.
    const plan::MountPlan& plan = parsed.value();
    expect((plan.attributes & plan.clear_attributes & ~uint64_t{MOUNT_ATTR__ATIME}) == 0);
    expect((plan.tree_attributes & plan.tree_clear_attributes & ~uint64_t{MOUNT_ATTR__ATIME}) == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 4) {
        case 0: try_sysctl(text); break;
        case 1: try_cpus(text); break;
        case 2: try_group(text); break;
        default: try_mount(text, data[0] / 4 % 2 == 0 ? "tmpfs" : "bind");
    }
    return 0;
}
