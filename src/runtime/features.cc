// `features`, `spec` and the kernel table of RECIPES section 2: what this runtime and this host can do.
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "json/writer.h"
#include "oci/config.h"
#include "plan/plan.h"
#include "policy/profile.h"
#include "runtime/runtime.h"
#include "seccomp/filter.h"
#include "sys/call.h"

namespace casemate::runtime {
namespace {

constexpr const char* namespaces[] = {"cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"};
constexpr const char* mount_options[] = {
    "async", "atime", "bind", "defaults", "dev", "diratime", "dirsync", "exec", "idmap", "iversion", "lazytime",
    "loud", "mand", "noatime", "nodev", "nodiratime", "noexec", "noiversion", "nolazytime", "nomand", "norelatime",
    "nostrictatime", "nosuid", "nosymfollow", "private", "ratime", "rbind", "rdev", "rdiratime", "relatime",
    "remount", "rexec", "ridmap", "rnoatime", "rnodev", "rnodiratime", "rnoexec", "rnorelatime", "rnostrictatime",
    "rnosuid", "rnosymfollow", "ro", "rprivate", "rrelatime", "rro", "rrw", "rshared", "rslave", "rstrictatime",
    "rsuid", "rsymfollow", "runbindable", "rw", "shared", "silent", "slave", "strictatime", "suid", "symfollow",
    "sync", "tmpcopyup", "unbindable"};
constexpr const char* filter_flags[] = {"SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC",
                                        "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"};
constexpr const char* memory_modes[] = {"MPOL_BIND", "MPOL_DEFAULT", "MPOL_INTERLEAVE", "MPOL_LOCAL", "MPOL_PREFERRED", "MPOL_PREFERRED_MANY", "MPOL_WEIGHTED_INTERLEAVE"};
constexpr const char* memory_flags[] = {"MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"};

void write_list(json::Writer& out, const char* key, const auto& items) {
    out.key(key).begin_array();
    for (const auto& item : items) out.value(std::string_view(item));
    out.end_array();
}

}  // namespace

std::string features_json() {
    json::Writer out(json::Writer::Style::pretty);
    out.begin_object().field("ociVersionMin", "1.0.0").field("ociVersionMax", "1.3.0");
    write_list(out, "hooks", std::vector<std::string_view>{"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"});
    write_list(out, "mountOptions", mount_options);
    out.key("linux").begin_object();
    write_list(out, "namespaces", namespaces);
    std::vector<std::string> capabilities;
    for (int number = 0; number <= 40; ++number) capabilities.push_back(plan::capability_name(number));
    write_list(out, "capabilities", capabilities);
    out.key("cgroup").begin_object().field("v1", true).field("v2", true).field("systemd", true).field("systemdUser", true).field("rdma", true).end_object();
    out.key("seccomp").begin_object().field("enabled", true);
    write_list(out, "actions", std::vector<std::string_view>{"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY", "SCMP_ACT_TRACE", "SCMP_ACT_TRAP"});
    write_list(out, "operators", std::vector<std::string_view>{"SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_LE", "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE"});
    write_list(out, "archs", std::vector<std::string_view>{"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM", "SCMP_ARCH_X32", "SCMP_ARCH_X86", "SCMP_ARCH_X86_64"});
    write_list(out, "knownFlags", filter_flags);
    write_list(out, "supportedFlags", filter_flags);  // the oldest supported kernel has them all
    out.end_object();
    // features-linux.md: what the runtime can do, whether or not this kernel has the module.
    out.key("apparmor").begin_object().field("enabled", true).end_object();
    out.key("selinux").begin_object().field("enabled", true).end_object();
    out.key("intelRdt").begin_object().field("enabled", false).end_object();
    out.key("memoryPolicy").begin_object();
    write_list(out, "modes", memory_modes);
    write_list(out, "flags", memory_flags);
    out.end_object();
    out.key("mountExtensions").begin_object().key("idmap").begin_object().field("enabled", true).end_object().end_object();
    out.key("netDevices").begin_object().field("enabled", true).end_object();
    out.end_object();
    out.key("annotations").begin_object().field("dev.casemate.version", CASEMATE_VERSION).end_object();
    write_list(out, "potentiallyUnsafeConfigAnnotations", std::vector<std::string_view>{});
    return out.end_object().take() + "\n";
}

std::vector<KernelFeature> kernel_features() {
    const int abi = sys::landlock_abi();
    const auto landlock = [&](const char* name, int needed, const char* first) {
        return KernelFeature{name, first, abi >= needed, "the right is left out, and plan and verify name it"};
    };
    const bool openat2 = static_cast<bool>(sys::openat2(-100, "/", 0x200000 | 0x10000, 0)) || errno != ENOSYS;
    const bool mdwe = ::prctl(66, 0UL, 0UL, 0UL, 0UL) >= 0;
    return {{"openat2, mount API, mount_setattr, clone3, pidfds", "5.12", openat2, "fatal"},
            landlock("Landlock", 1, "5.13"),
            landlock("Landlock ABI 2: refer", 2, "5.19"),
            landlock("Landlock ABI 3: truncate", 3, "6.2"),
            landlock("Landlock ABI 4: TCP ports", 4, "6.7"),
            landlock("Landlock ABI 5: ioctl on devices", 5, "6.10"),
            landlock("Landlock ABI 6: scopes", 6, "6.12"),
            landlock("Landlock ABI 7: audit", 7, "6.15"),
            {"PR_SET_MDWE", "6.3", mdwe, "the seccomp filter denies write+execute instead"},
            {"user namespaces for this caller", "3.8", ::access("/proc/self/ns/user", F_OK) == 0, "rootless launches are an error naming the sysctl"}};
}

std::string default_config_json(bool rootless) {
    policy::Profile profile;
    if (auto hardened = load_profile("hardened")) profile = std::move(hardened).take();
    plan::HostFacts facts;
    facts.euid = ::geteuid();
    plan::AppSource app;
    app.root_path = "rootfs";
    app.args = {"sh"};
    auto config = plan::synthesize(app, profile, facts);
    if (!config) return {};
    if (!rootless) std::erase_if(config.value().linux_.namespaces, [](const oci::Namespace& ns) { return ns.type == "user"; });
    return oci::to_json(config.value()) + "\n";
}

}  // namespace casemate::runtime
