// Plan: everything decided before the first side effect, one sub-plan a concern.
//
// The launch is data: compile() turns config.json, a profile and facts about the host into an immutable Plan that can
// be printed (`casemate plan`), tested without privilege, and compared with the running process (`casemate verify`).
// Steps carry it out; they never decide. Pure: no system call.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cgroup/draft.h"
#include "oci/config.h"
#include "plan/facts.h"
#include "policy/profile.h"

namespace casemate::plan {

// The three ways to launch (RECIPES): root; root with a user namespace of the container's own; an unprivileged caller.
enum class Mode : uint8_t { root, root_userns, rootless };
std::string_view mode_name(Mode mode);

struct IdMapping {
    uint32_t inside = 0, outside = 0, count = 0;
    bool operator==(const IdMapping&) const = default;
};

struct IdsPlan {
    Mode mode = Mode::root;
    std::vector<IdMapping> uid_map, gid_map;  // empty: no user namespace
    bool deny_setgroups = false;              // a one-id map without newgidmap
    bool use_map_helpers = false;             // newuidmap and newgidmap write the maps
    uint32_t uid = 0, gid = 0;                // the app's, inside
    std::vector<uint32_t> groups;             // supplementary, primary gid included
    bool set_groups = true;                   // false: a one-id map cannot
    // The host's id of an inside id 0 (b: BASE); owner of /dev and tmpfs.
    uint32_t owner_uid = 0, owner_gid = 0;
    bool single_id() const { return deny_setgroups; }
};

// A namespace that config.json names by its path, as the host found it behind its descriptor.
struct NamespaceFact {
    std::string type;                          // OCI's word
    std::string path;
    uint64_t inode = 0;
    bool is_hosts = false;                     // the launcher's own: nothing to join
    std::vector<IdMapping> uid_map, gid_map;   // user: as the launcher's namespace sees them
    bool setgroups_denied = false;             // user
};

struct NamespacesPlan {
    uint64_t clone_flags = 0;       // CLONE_NEW* for clone3 (never NEWTIME; NEWCGROUP on pure v2 only: RECIPES S2)
    std::vector<std::string> own_types;  // new ones, by OCI name
    std::vector<NamespaceFact> joined;   // those of somebody else, never the host's
    bool new_cgroup = false;        // v1, hybrid: unshared after the attach
    bool new_time = false;
    std::vector<std::pair<std::string, oci::TimeOffset>> time_offsets;
    std::string hostname, domainname;
    bool loopback_up = false;       // own network namespace
    bool new_session_keyring = true;
    bool restrict_user_namespaces = false;  // user.max_user_namespaces = 0 in the own user namespace
    bool owns(std::string_view type) const;  // is it a new namespace of the container's own?
    bool joins(std::string_view type) const;
    // Not the host's: what is set in it is the business of those who share it.
    bool is_apart(std::string_view type) const { return owns(type) || joins(type); }
};

enum class MountKind : uint8_t {
    proc, sysfs, tmpfs, devpts, mqueue, cgroup2, bind,
    dev,      // the whole /dev, made by us
    other,    // any file system that the kernel lets the container mount: MountPlan::type
    remount,  // no mount of its own: new attributes for the one at the destination
};
std::string_view mount_kind_name(MountKind kind);

struct MountPlan {
    MountKind kind = MountKind::tmpfs;
    std::string type;                // other: the file system's name
    std::string destination;         // normal path inside
    std::string source;              // bind: absolute host path; other: as the file system wants it
    uint64_t attributes = 0;         // MOUNT_ATTR_* to set
    uint64_t clear_attributes = 0;   // bind, remount: to clear
    // bind: for the mounts below it too ("rro", "rsuid" ...); not part of the two above.
    uint64_t tree_attributes = 0, tree_clear_attributes = 0;
    bool recursive = false;          // bind: rbind
    uint64_t propagation = 0;        // MS_PRIVATE ..., 0: private
    std::vector<std::pair<std::string, std::string>> options;  // fsconfig strings; empty value: a flag
    bool resolved = false;  // bind: the source holds no symbolic link, and none may be followed
    bool idmap = false;              // bind: through the container's user namespace (b), or its own maps
    bool idmap_recursive = false;    // "ridmap"
    std::vector<IdMapping> uid_map, gid_map;  // idmap by these; empty: the container's
    bool mkdir_target = true;        // create a missing mount point (in the host's view, before read-only)
    bool copy_up = false;            // tmpfs: tmpcopyup
    int parent = -1;                 // index of the earlier mount that holds the destination; -1: the root file system
};

struct DeviceNode {
    std::string path;  // below /dev
    char type = 'c';
    uint32_t major = 0, minor = 0, mode = 0666, uid = 0, gid = 0;
};

struct RootPlan {
    std::string path;                 // absolute host path of the root file system
    bool readonly = false;
    bool nosuid = false, nodev = false;  // for the whole tree
    bool idmap = false;               // b: idmapped to the container's range
    bool shifted = false;             // b: owners were shifted while unpacking instead
    uint64_t propagation = 0;         // of "/" inside; 0: private
    // An image of the store: the directories of its layers, topmost first; `path` is its record then. The root is an
    // overlay of them and of what is the container's own, in `own`: missing mount points, and what is written where the
    // root is not read-only.
    std::vector<std::string> layers;
    std::string own;
    bool layered() const { return !layers.empty(); }
    uint64_t attributes() const;      // MOUNT_ATTR_*, of the whole tree
};

struct MountsPlan {
    RootPlan root;
    std::vector<MountPlan> mounts;    // in order
    std::vector<DeviceNode> devices;  // of the /dev that we make
    std::vector<DeviceNode> root_devices;  // made in the root file system itself: there is no mount at their place
    bool make_dev = false;            // mounts holds a MountKind::dev
    std::vector<std::string> masked_paths, readonly_paths;  // expanded: no '*'
};

// The control group of the container: born into on v2, joined before Go on v1 (decision 0010).
struct CgroupPlan {
    bool none = true;           // nobody asked for one, or the host has none: `draft` is empty
    cgroup::Draft draft;
    bool kill_on_oom = false;   // limits.oomGroup where the kernel has no memory.oom.group: the supervisor's task
    std::vector<cgroup::Path> paths() const { return none ? std::vector<cgroup::Path>{} : draft.paths(); }
};

struct SysctlPlan {
    std::vector<std::pair<std::string, std::string>> values;  // "net/ipv4/..." below proc/sys
};

struct Rlimit {
    int resource = 0;
    std::string name;
    uint64_t soft = 0, hard = 0;
};

struct CapabilitiesPlan {
    uint64_t bounding = 0, permitted = 0, effective = 0, inheritable = 0, ambient = 0;
    uint64_t drop = 0;          // to leave the bounding set: what init holds there less `bounding`
    bool no_new_privs = true;
    uint32_t securebits = 0;    // with the _LOCKED bits; 0: leave
};

struct SeccompPlan {
    std::vector<sock_filter> program;  // empty: no filter
    uint32_t flags = 0;                // SECCOMP_FILTER_FLAG_*
    std::string listener_path, listener_metadata;  // who gets the descriptor of SCMP_ACT_NOTIFY
    bool has_listener() const { return !listener_path.empty(); }
};

struct LandlockRule {
    std::string path;   // inside
    uint64_t access = 0;
};

struct LandlockPlan {
    bool enabled = false;
    int abi = 0;                 // the host's, as used
    uint64_t handled_fs = 0, handled_net = 0, scoped = 0;
    std::vector<LandlockRule> rules;
    std::vector<std::pair<uint16_t, uint64_t>> ports;  // port, access
    std::vector<std::string> missing;  // rights that this ABI lacks, by name
};

// The app's own pseudo terminal.
struct TerminalPlan {
    uint16_t rows = 0, columns = 0;  // 0: as the kernel makes it
    std::optional<size_t> devpts;    // index of the mount that makes it; absent (exec): the one of the running container
};

// What runs beside the app in its life, exactly as config.json says it (config.md, POSIX-platform Hooks).
using HooksPlan = oci::Hooks;
// Does init wait, once everything is mounted, until the host has run hooks?
bool holds_for_hooks(const HooksPlan& hooks);

// sched_setattr(2). `nice` under SCHED_OTHER and SCHED_BATCH; times in ns, SCHED_DEADLINE only.
struct SchedulerPlan {
    uint32_t policy = 0;
    std::string name;
    int32_t nice = 0;
    uint32_t priority = 0;
    uint64_t flags = 0, runtime = 0, deadline = 0, period = 0;
};

// set_mempolicy(2): MPOL_* with its flags, and the nodes as a bit mask.
struct MemoryPolicyPlan {
    int mode = 0;
    std::string text;  // as config.json says it
    std::vector<uint64_t> nodes;
};

struct ProcessPlan {
    std::vector<std::string> args, env;
    std::string cwd = "/";
    std::optional<uint32_t> umask;
    std::optional<int> oom_score_adj;
    bool new_session = true;
    bool mdwe = false;            // PR_SET_MDWE
    bool dumpable_off = true;     // until the exec
    bool parent_death_signal = false;
    bool own_init = false;        // process.init
    std::vector<Rlimit> rlimits;
    std::optional<TerminalPlan> terminal;
    bool core_dumps_off = false;
    unsigned inherited_fds = 0;   // fds 3 .. 3+n-1 go to the app
    unsigned preserved_fds = 0;   // so many of them are whatever the caller had open (--preserve-fds, its LISTEN_FDS)
    std::optional<SchedulerPlan> scheduler;
    std::optional<int> io_priority;       // ioprio_set(2): class << 13 | level
    std::optional<uint32_t> personality;  // personality(2)
    std::optional<MemoryPolicyPlan> memory_policy;
    std::string apparmor_profile, selinux_label;
    int stop_signal = 15;
    uint64_t stop_timeout_ms = 10000;
    std::optional<uint64_t> runtime_max_ms;
    std::vector<unsigned> initial_cpus, final_cpus;  // exec: execCPUAffinity; empty: as it is
    std::string executable;       // instead of argv[0], which then is free: a hook's path
    // What is executed; nothing for a config.json without `process`, which nobody can execute.
    std::string program() const { return !executable.empty() || args.empty() ? executable : args.front(); }
};

struct NetDevice {
    std::string host_name, name;  // on the host; inside, '%d' in it is the kernel's to fill
};

struct NetworkPlan {
    policy::NetworkMode mode = policy::NetworkMode::host;
    bool managed = false;         // `launch`: ours; OCI verbs: the engine's
    std::vector<policy::Publish> publish;
    std::vector<std::string> listen;
    bool egress_open = false;
    bool proxy_protocol = false;
    std::vector<NetDevice> devices;  // moved into the container's network namespace
};

class Plan {
public:
    const IdsPlan& ids() const { return ids_; }
    const NamespacesPlan& namespaces() const { return namespaces_; }
    const MountsPlan& mounts() const { return mounts_; }
    const CgroupPlan& cgroup() const { return cgroup_; }
    const SysctlPlan& sysctl() const { return sysctl_; }
    const CapabilitiesPlan& capabilities() const { return capabilities_; }
    const SeccompPlan& seccomp() const { return seccomp_; }
    const LandlockPlan& landlock() const { return landlock_; }
    const ProcessPlan& process() const { return process_; }
    const NetworkPlan& network() const { return network_; }
    // One more process of a running container: only what concerns the process is done.
    bool exec() const { return exec_; }
    const HooksPlan& hooks() const { return hooks_; }
    const std::string& profile_name() const { return profile_name_; }
    const std::vector<policy::WaiverRecord>& waivers() const { return waivers_; }
    // What the user should know, one line each: a replaced user, limits that are not applied, rights that are missing.
    const std::vector<std::string>& notes() const { return notes_; }

private:
    friend class Compiler;
    Plan() = default;
    IdsPlan ids_;
    NamespacesPlan namespaces_;
    MountsPlan mounts_;
    CgroupPlan cgroup_;
    SysctlPlan sysctl_;
    CapabilitiesPlan capabilities_;
    SeccompPlan seccomp_;
    LandlockPlan landlock_;
    ProcessPlan process_;
    NetworkPlan network_;
    bool exec_ = false;
    HooksPlan hooks_;
    std::string profile_name_;
    std::vector<policy::WaiverRecord> waivers_;
    std::vector<std::string> notes_;
};

// What compile() must know beside the two documents.
struct Request {
    std::string id = "ID";       // the container's: names its cgroup. `plan` alone has none
    bool no_cgroup = false;      // --cgroup-manager=disabled
    bool systemd_cgroup = false; // --systemd-cgroup: cgroupsPath is SLICE:PREFIX:NAME, and systemd makes it
    std::string systemd_program; // casemate-systemd-cgroup, absolute
    std::string bundle;          // absolute; root.path is relative to it
    bool launch = false;         // `launch`: the constants of PROFILE 2.12 hold, the profile is the author of config
    bool root_shifted = false;   // owners of the root file system already are those of the id range
    bool root_can_idmap = true;
    std::vector<std::string> root_layers;  // of an image of the store, topmost first
    std::string root_own;        // with layers: an empty directory of the container's own
    uint32_t id_base = 0;        // b: first host id of the container's 65536-aligned slot; 0: none
    unsigned inherited_fds = 0;  // --listen: sockets that casemate opened
    unsigned preserved_fds = 0;  // OCI: the caller's descriptors 3 .. 3+n-1 are the app's
    unsigned listen_fds = 0;     // so many of those are sockets that it announces by LISTEN_FDS
    bool sources_resolved = false;  // bind sources hold no symbolic link, and none may appear
    bool keep_session_keyring = false;  // --no-new-keyring
    bool may_lack_process = false;  // create: a config.json without `process` can be created, never started
    std::string stop_signal;     // the image's, or empty; the profile's comes before it
    std::vector<NamespaceFact> namespaces;  // of every $.linux.namespaces[].path
    // One more process of a container that runs: its namespaces come as `namespaces`, every one by path.
    bool exec = false;
    std::string executable;      // exec: this file and not argv[0]; a startContainer hook has a path beside its args
    std::optional<SeccompPlan> filter;  // exec: the container's own, in place of config.json's and the profile's
};

// Decides. Errors name the field; nothing was touched. What config.json asks for and is not applied yet is refused by
// its JSON path.
Result<Plan> compile(const oci::Config& config, const policy::Profile& profile, const HostFacts& facts, const Request& request);

// The app's image part, for synthesize(): what an image (or a bundle's process) may say. Hostile data.
struct AppSource {
    std::string root_path;        // absolute host path of the root file system
    std::vector<std::string> args, env;
    std::string cwd = "/";
    uint32_t uid = 0, gid = 0;
    std::vector<uint32_t> additional_gids;
    bool has_user = false;        // false: the image names none, or root
    bool user_forced = false;     // --user: neither the image nor identity.imageUser has a say
    bool group_defaulted = false; // no group was named and passwd has no such uid
    std::string home;
    std::string stop_signal;
    bool terminal = false;
};

// `launch` and `unpack`: the config.json that this profile makes of an image. Every restriction of the profile is in
// it, as far as OCI has a field; compile() adds the rest (Landlock, W^X ...).
Result<oci::Config> synthesize(const AppSource& app, const policy::Profile& profile, const HostFacts& facts);

// 13 -> "CAP_NET_RAW".
std::string capability_name(int number);

// The ordered steps as text lines or JSON: `casemate plan`.
std::string to_json(const Plan& plan);

}  // namespace casemate::plan
