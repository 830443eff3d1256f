// Compiler: builds a Plan, one member function a concern. Only the plan room includes this; compile() is the door.
#pragma once

#include <span>

#include "plan/limits.h"
#include "plan/plan.h"

namespace casemate::plan {

class Compiler {
public:
    Compiler(const oci::Config& config, const policy::Profile& profile, const HostFacts& facts, const Request& request)
        : config_(config), profile_(profile), facts_(facts), request_(request) {}

    Result<Plan> run() &&;

private:
    Result<void> refuse_unsupported();  // compile.cc
    Result<void> ids();                 // ids.cc
    Result<void> rootless_ids(const NamespaceFact* joined, bool user_namespace);
    Result<void> range_ids(const NamespaceFact* joined);  // root with a user namespace
    Result<void> namespaces();          // namespaces.cc
    Result<void> root();                // mounts.cc
    Result<void> mounts();              // mounts.cc
    Result<void> one_mount(const oci::Mount& asked, const std::string& where);
    void bind(MountPlan& mount);
    Result<void> idmap(const oci::Mount& asked, MountPlan& mount);
    // What a mount of type cgroup (either version) or cgroup2 is on this host (mounts.cc).
    Result<std::vector<MountPlan>> cgroup_view(MountPlan mount, bool any_version) const;
    Result<void> devices();             // devices.cc
    Result<void> place_device(DeviceNode node);
    Result<void> paths();               // paths.cc
    Result<void> cgroup();              // cgroup.cc
    Result<void> scope(cgroup::Request& request) const;  // cgroup.cc
    Result<void> sysctl();              // sysctl.cc
    Result<void> capabilities();        // capabilities.cc
    Result<void> process();             // process.cc
    Result<void> affinity();            // affinity.cc
    Result<void> scheduling();          // scheduling.cc
    Result<void> labels();              // lsm.cc
    Result<void> rlimits();             // rlimits.cc
    Result<void> make_filter();
    Result<void> seccomp();             // seccomp.cc
    Result<void> landlock();            // landlock.cc
    Result<void> network();             // network.cc
    Result<void> terminal();            // terminal.cc
    Result<void> hooks();               // hooks.cc
    Result<void> net_devices();         // network.cc

    void note(std::string text);  // compile.cc
    bool waived(std::string_view field) const {
        for (const policy::WaiverRecord& waiver : profile_.waivers)
            if (waiver.what == field && waiver.overruled_by.empty()) return true;
        return false;
    }
    // What was found at the path of the namespace of this type; nullptr: config.json names no path.
    const NamespaceFact* found(std::string_view type) const;  // namespaces.cc
    bool own_user_namespace() const { return !plan_.ids_.uid_map.empty(); }

    const oci::Config& config_;
    const policy::Profile& profile_;
    const HostFacts& facts_;
    const Request& request_;
    Plan plan_;
};

// The fields of config.json that some step applies, as oci::all_fields() names them.
std::span<const std::string_view> applied_fields();
// One mount of config.json with its options in their three roles (mount_options.cc).
Result<MountPlan> parse_mount(const oci::Mount& mount);
// The rules of linux.seccomp, added to `policy` (seccomp_oci.cc).
Result<void> add_oci_rules(const oci::Seccomp& rules, seccomp::Policy& policy);
// linux.resources.devices (cgroup.cc).
Result<std::vector<cgroup::DeviceRule>> device_rules_of(const oci::Resources& resources);
// "CAP_NET_RAW" -> its number; nothing for an unknown name.
std::optional<int> capability_number(std::string_view name);
// "RLIMIT_NOFILE" -> RLIMIT_NOFILE; nothing for an unknown name.
std::optional<int> rlimit_number(std::string_view name);
// "0-3,7" (config.md, execCPUAffinity) -> 0 1 2 3 7; an error for anything else, or beyond 1023.
Result<std::vector<unsigned>> parse_cpu_list(std::string_view text);
// Is this sysctl one of a namespace of the kinds that the plan owns? Errors say why not.
Result<std::string> sysctl_path(std::string_view key, const NamespacesPlan& namespaces);

}  // namespace casemate::plan
