// RUN: each rule finds what it is for, and is quiet about what looks like it.
#include "audit/bundle_rules.h"
#include "rule_support.h"

using namespace test;
using oci::Config;
using oci::Mount;

namespace {

Mount mount(const char* destination, const char* type, std::vector<std::string> options, const char* source = "none") {
    Mount made;
    made.destination = destination;
    made.type = type;
    made.source = source;
    made.options = std::move(options);
    return made;
}

Config clean_config() {
    Config config;
    config.root_readonly = true;
    oci::Process process;
    process.user.uid = process.user.gid = 1001;
    process.user.umask = 077;
    process.user.additional_gids = {2000};
    process.args = {"/usr/bin/server"};
    process.env = {"PATH=/usr/bin", "HOME=/"};
    const std::vector<std::string> none;
    process.capabilities = oci::Capabilities{none, none, none, none, none};
    process.rlimits = {{"RLIMIT_CORE", 0, 0}, {"RLIMIT_NOFILE", 1024, 1024}, {"RLIMIT_NPROC", 64, 64}};
    process.no_new_privileges = true;
    process.apparmor_profile = "casemate";
    config.process = process;
    config.mounts = {mount("/proc", "proc", {"nosuid", "noexec", "nodev", "hidepid=invisible"}),
                     mount("/tmp", "tmpfs", {"nosuid", "noexec", "nodev", "size=64m"}),
                     mount("/dev", "tmpfs", {"nosuid", "noexec", "size=64k"}),
                     mount("/sys", "sysfs", {"nosuid", "noexec", "nodev", "ro"}),
                     mount("/etc/resolv.conf", "bind", {"rbind", "ro"}, "/etc/resolv.conf"),
                     mount("/data", "bind", {"bind", "ro", "rprivate"}, "/srv/data")};
    for (const char* type : {"pid", "network", "ipc", "uts", "mount", "cgroup", "user"})
        config.linux_.namespaces.push_back({type, ""});
    config.linux_.uid_mappings = {{0, 100000, 65536}};
    config.linux_.masked_paths = {"/proc/acpi",       "/proc/kcore",       "/proc/keys", "/proc/latency_stats",
                                  "/proc/timer_list", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"};
    config.linux_.readonly_paths = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
    config.linux_.seccomp = oci::Seccomp{};
    config.linux_.seccomp->default_action = "SCMP_ACT_ERRNO";
    config.linux_.seccomp->architectures = {"SCMP_ARCH_X86_64"};
    config.linux_.seccomp->syscalls = {
        {{"read", "write"}, "SCMP_ACT_ALLOW", {}, {}},
        {{"clone"}, "SCMP_ACT_ALLOW", {}, {{0, 0x7E020000, 0, "SCMP_CMP_MASKED_EQ"}}},
        {{"socket"}, "SCMP_ACT_ALLOW", {}, {{0, 1, 0, "SCMP_CMP_EQ"}}}};
    config.linux_.sysctl = {{"net.ipv4.ip_unprivileged_port_start", "0"}};
    oci::Resources resources;
    resources.devices = {{false, "", {}, {}, "rwm"}, {true, "c", 1, 3, "rwm"}};
    resources.memory = oci::Resources::Memory{};
    resources.memory->limit = resources.memory->swap = 64 << 20;
    resources.cpu = oci::Resources::Cpu{};
    resources.cpu->quota = 50000;
    resources.pids_limit = 64;
    config.linux_.resources = resources;
    return config;
}

std::vector<Finding> judge_config(const Config& config) {
    std::vector<Finding> findings;
    for (const auto checks : {privilege_checks(), seccomp_checks(), mount_checks(), resource_checks()})
        run_checks(checks, config, findings);
    return findings;
}

using Change = std::function<void(Config&)>;
Change mounts(Mount added) {
    return [added](Config& c) { c.mounts.push_back(added); };
}
Change without_namespace(const char* type) {
    return [type](Config& c) {
        std::erase_if(c.linux_.namespaces, [&](const oci::Namespace& one) { return one.type == type; });
    };
}
Change variable(const char* text) {
    return [text](Config& c) { c.process->env.emplace_back(text); };
}
Change seccomp_rule(oci::SeccompRule rule) {
    return [rule](Config& c) { c.linux_.seccomp->syscalls.push_back(rule); };
}

const std::vector<Row<Config>> found = {
    {"RUN-17", [](Config& c) { c.linux_.seccomp.reset(); }, "$.linux.seccomp"},
    {"RUN-17", [](Config& c) { c.linux_.seccomp->syscalls.push_back({{"unshare"}, "SCMP_ACT_ALLOW", {}, {}}); }},
    {"RUN-17", [](Config& c) { c.linux_.seccomp->syscalls[1].args.clear(); }},
    {"RUN-17", [](Config& c) { c.linux_.seccomp->default_action = "SCMP_ACT_ALLOW"; }},
    {"RUN-50", [](Config& c) { c.linux_.personality = oci::Personality{"LINUX32", {}}; }},
    {"RUN-53", [](Config& c) { c.linux_.seccomp->syscalls[2].args.clear(); }},
    {"RUN-01", [](Config& c) { c.process->user.uid = 0; }, "$.process.user.uid"},
    {"RUN-01", [](Config& c) { c.process.reset(); }},
    {"RUN-02", [](Config& c) { c.process->user.gid = 0; }},
    {"RUN-02",
     [](Config& c) {
         c.process->user.additional_gids = {5, 0};
     }},
    {"RUN-03", [](Config& c) { c.process->capabilities->bounding = {{"CAP_KILL"}}; }},
    {"RUN-03", [](Config& c) { c.process->capabilities.reset(); }},
    {"RUN-04", [](Config& c) { c.process->capabilities->ambient = {{"CAP_KILL"}}; }, "ambient"},
    {"RUN-04", [](Config& c) { c.process->capabilities->inheritable = {{"CAP_KILL"}}; }, "inheritable"},
    {"RUN-05", [](Config& c) { c.process->capabilities->bounding = {{"CAP_SYS_ADMIN"}}; }},
    {"RUN-06", [](Config& c) { c.process->capabilities->effective = {{"CAP_NET_RAW"}}; }},
    {"RUN-07", [](Config& c) { c.process->no_new_privileges = false; }},
    {"RUN-08", [](Config& c) { c.root_readonly = false; }},
    {"RUN-09", [](Config& c) { c.linux_.seccomp.reset(); }},
    {"RUN-10", [](Config& c) { c.linux_.seccomp->default_action = "SCMP_ACT_ALLOW"; }},
    {"RUN-10", [](Config& c) { c.linux_.seccomp->default_action = "SCMP_ACT_LOG"; }},
    {"RUN-11", seccomp_rule({{"bpf"}, "SCMP_ACT_ALLOW", {}, {}})},
    {"RUN-11", seccomp_rule({{"unshare"}, "SCMP_ACT_ALLOW", {}, {{0, 0, 0, "SCMP_CMP_EQ"}}})},
    {"RUN-11", [](Config& c) { c.linux_.seccomp->default_action = "SCMP_ACT_ALLOW"; }},
    {"RUN-12", [](Config& c) { c.linux_.seccomp->architectures.emplace_back("SCMP_ARCH_X32"); }},
    {"RUN-13", without_namespace("pid")},
    {"RUN-14", without_namespace("network")},
    {"RUN-15", without_namespace("ipc")},
    {"RUN-15", without_namespace("cgroup")},
    {"RUN-16", without_namespace("user")},
    {"RUN-16",
     [](Config& c) {
         c.linux_.uid_mappings = {{0, 0, 65536}};
     }},
    {"RUN-18", [](Config& c) { c.linux_.masked_paths.pop_back(); }},
    {"RUN-19", [](Config& c) { c.linux_.readonly_paths.pop_back(); }},
    {"RUN-20", mounts(mount("/proc2", "proc", {"hidepid=0"})), "/proc2"},
    {"RUN-21", mounts(mount("/cg", "cgroup2", {"nosuid"}))},
    {"RUN-22", mounts(mount("/x", "tmpfs", {"nosuid", "nodev", "size=1m"}))},
    {"RUN-22", mounts(mount("/x", "tmpfs", {"noexec", "nosuid", "nodev", "exec", "size=1m"}))},  // the last one counts
    {"RUN-23", mounts(mount("/x", "tmpfs", {"noexec", "nosuid", "nodev"}))},
    {"RUN-24", mounts(mount("/host", "bind", {"rbind", "ro"}, "/"))},
    {"RUN-24", mounts(mount("/x", "none", {"rbind", "ro"}, "/etc/ssl"))},
    {"RUN-25", mounts(mount("/s", "bind", {"bind", "ro"}, "/var/run/docker.sock"))},
    {"RUN-26", mounts(mount("/x", "bind", {"rbind", "nosuid", "nodev", "noexec"}, "/srv/x"))},
    {"RUN-26", mounts(mount("/x", "bind", {"rbind", "ro", "rw"}, "/srv/x"))},
    {"RUN-27", [](Config& c) { c.linux_.rootfs_propagation = "rshared"; }},
    {"RUN-27", mounts(mount("/x", "bind", {"rbind", "ro", "shared"}, "/srv/x"))},
    {"RUN-28", [](Config& c) { c.linux_.resources->devices.clear(); }},
    {"RUN-28", [](Config& c) { c.linux_.resources->devices.push_back({true, "b", 8, 0, "rwm"}); }},
    {"RUN-28", [](Config& c) { c.linux_.devices.push_back({"/dev/kvm", "c", 10, 232, {}, {}, {}}); }},
    {"RUN-29", [](Config& c) { c.linux_.resources->pids_limit.reset(); }},
    {"RUN-29", [](Config& c) { c.linux_.resources->pids_limit = -1; }},
    {"RUN-30", [](Config& c) { c.linux_.resources->memory.reset(); }},
    {"RUN-30", [](Config& c) { c.linux_.resources->memory->swap = -1; }},
    {"RUN-31", [](Config& c) { c.linux_.resources->cpu.reset(); }},
    {"RUN-33", [](Config& c) { c.process->rlimits[0].hard = 1; }},
    {"RUN-33", [](Config& c) { c.process->rlimits.pop_back(); }},
    {"RUN-34", [](Config& c) { c.process->user.umask = 022; }},
    {"RUN-35", [](Config& c) { c.process->terminal = true; }},
    {"RUN-36", [](Config& c) { c.process->apparmor_profile = "unconfined"; }},
    {"RUN-38", variable("LD_PRELOAD=/x.so"), "LD_PRELOAD"},
    {"RUN-38", variable("API_TOKEN=abcdef")},
    {"RUN-40", [](Config& c) { c.linux_.sysctl["kernel.core_pattern"] = "|/x"; }},
    {"RUN-40", [](Config& c) { without_namespace("network")(c); }},
    {"RUN-48", [](Config& c) { c.hooks.prestart.push_back({"/usr/bin/x", {}, {}, {}}); }, "prestart"},
    {"RUN-51", [](Config& c) { c.process->oom_score_adj = -1; }},
    {"RUN-52", [](Config& c) { c.process->rlimits.push_back({"RLIMIT_RTPRIO", 1, 1}); }},
    {"RUN-52", [](Config& c) { c.process->scheduler = oci::Scheduler{"SCHED_FIFO", {}, {}, {}, {}, {}, {}}; }}};

const std::vector<Row<Config>> quiet = {
    {"RUN-01", [](Config& c) { c.process->user.uid = 1; }},
    {"RUN-03", [](Config& c) { c.process->capabilities->ambient.reset(); }},  // not given is empty (runtime-spec)
    {"RUN-04", [](Config& c) { c.process->capabilities->bounding = {{"CAP_KILL"}}; }},
    {"RUN-05", [](Config& c) { c.process->capabilities->bounding = {{"CAP_NET_BIND_SERVICE"}}; }},
    {"RUN-06", [](Config& c) { c.process->capabilities->bounding = {{"CAP_NET_ADMIN"}}; }},
    {"RUN-07", [](Config& c) { c.process.reset(); }},  // RUN-01 speaks of that
    {"RUN-08", mounts(mount("/x", "tmpfs", {"nosuid", "noexec", "nodev", "size=1m"}))},
    {"RUN-09", [](Config& c) { c.linux_.seccomp->default_action = "SCMP_ACT_ALLOW"; }},  // RUN-10's
    {"RUN-10", [](Config& c) { c.linux_.seccomp->default_action = "SCMP_ACT_KILL_PROCESS"; }},
    {"RUN-13", [](Config& c) { c.linux_.namespaces[0].path = "/proc/1/ns/pid"; }},  // of another container
    {"RUN-14", [](Config& c) { c.linux_.namespaces[1].path = "/run/netns/app"; }},
    {"RUN-15", without_namespace("pid")},
    {"RUN-15", without_namespace("user")},
    {"RUN-16", [](Config& c) { c.linux_.uid_mappings = {{0, 1, 65536}}; }},
    {"RUN-19",
     [](Config& c) {
         c.linux_.readonly_paths = {"/proc/bus", "/proc/fs", "/proc/irq"};
         c.linux_.masked_paths.insert(c.linux_.masked_paths.end(), {"/proc/sys", "/proc/sysrq-trigger"});
     }},
    {"RUN-21", mounts(mount("/cg", "cgroup2", {"rw", "ro"}))},  // the last one counts
    {"RUN-23", mounts(mount("/x", "tmpfs", {"nr_blocks=10"}))},
    {"RUN-25", mounts(mount("/s", "bind", {"bind", "ro"}, "/srv/app.sock"))},
    {"RUN-26", mounts(mount("/x", "bind", {"rbind", "rw", "ro"}, "/srv/x"))},
    {"RUN-28", [](Config& c) { c.linux_.resources->devices.push_back({true, "b", {}, {}, "m"}); }},  // only mknod
    {"RUN-28", [](Config& c) { c.linux_.devices.push_back({"/dev/tty", "c", 5, 0, {}, {}, {}}); }},
    {"RUN-29", [](Config& c) { c.linux_.resources->pids_limit = 1; }},
    {"RUN-30", [](Config& c) { c.linux_.resources->memory->reservation = 1; }},
    {"RUN-33", [](Config& c) { c.process->rlimits.push_back({"RLIMIT_STACK", 1, 1}); }},
    {"RUN-34", [](Config& c) { c.process->user.umask = 027; }},
    {"RUN-35", [](Config& c) { c.process->console_size = std::pair{24u, 80u}; }},
    {"RUN-36",
     [](Config& c) {
         c.process->apparmor_profile = "";
         c.process->selinux_label = "system_u:system_r:container_t:s0";
     }},
    {"RUN-48", [](Config& c) { c.hooks = {}; }},
    {"RUN-17", [](Config& c) { c.linux_.seccomp->syscalls.push_back({{"clone3"}, "SCMP_ACT_ERRNO", 38u, {}}); }},
    {"RUN-50", [](Config& c) { c.linux_.personality = oci::Personality{"LINUX", {}}; }},
    {"RUN-53", [](Config& c) { c.linux_.seccomp->syscalls.pop_back(); }},
    {"RUN-02", [](Config& c) { c.process->user.additional_gids.clear(); }},
    {"RUN-11", seccomp_rule({{"bpf"}, "SCMP_ACT_ERRNO", {}, {}})},
    {"RUN-12", [](Config& c) { c.linux_.seccomp->architectures = {"SCMP_ARCH_X86_64"}; }},
    {"RUN-18",
     [](Config& c) {
         c.linux_.masked_paths = {"/proc", "/sys"};
     }},  // covered from above
    {"RUN-20", mounts(mount("/proc2", "proc", {"subset=pid"}))},
    {"RUN-22", mounts(mount("/x", "tmpfs", {"ro"}))},
    {"RUN-24", mounts(mount("/x", "bind", {"rbind", "ro"}, "/etcetera/x"))},
    {"RUN-27", mounts(mount("/x", "bind", {"rbind", "ro", "rslave"}, "/srv/x"))},
    {"RUN-31", [](Config& c) { c.linux_.resources->cpu.reset(), c.linux_.resources->unified["cpu.max"] = "1 2"; }},
    {"RUN-38", variable("LDAP_HOST=x")},
    {"RUN-40", [](Config& c) { c.linux_.sysctl["kernel.msgmax"] = "1"; }},
    {"RUN-51", [](Config& c) { c.process->oom_score_adj = 100; }},
    {"RUN-52", [](Config& c) { c.process->scheduler = oci::Scheduler{"SCHED_BATCH", 5, {}, {}, {}, {}, {}}; }}};

}  // namespace

TEST_CASE("bundle rules: nothing is found in a hardened config.json") {
    CHECK(told(judge_config(clean_config())) == "");
}
TEST_CASE("bundle rules: each finds what it is for") {
    expect_found(found, clean_config(), judge_config);
    for (const auto checks : {privilege_checks(), seccomp_checks(), mount_checks(), resource_checks()}) expect_all_tried(checks, found);
}
TEST_CASE("bundle rules: near misses") {
    expect_quiet(quiet, clean_config(), judge_config);
    for (const auto checks : {privilege_checks(), seccomp_checks(), mount_checks(), resource_checks()}) expect_all_tried(checks, quiet);
}
