// The Plan as JSON: every sub-plan in the order of plan.h, numbers in the words of the kernel or of OCI. Absent and
// empty members are left out, so that two plans are compared by their texts.
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>

#include <array>

#include "base/text.h"
#include "json/writer.h"
#include "oci/hooks.h"
#include "plan/compiler.h"
#include "plan/expected.h"
#include "plan/plan.h"

namespace casemate::plan {

namespace {

struct Bit {
    uint64_t bit;
    std::string_view name;
};
constexpr std::array<Bit, 7> clone_bits = {{{CLONE_NEWNS, "mount"},
                                            {CLONE_NEWCGROUP, "cgroup"},
                                            {CLONE_NEWUTS, "uts"},
                                            {CLONE_NEWIPC, "ipc"},
                                            {CLONE_NEWUSER, "user"},
                                            {CLONE_NEWPID, "pid"},
                                            {CLONE_NEWNET, "network"}}};
constexpr std::array<Bit, 8> mount_bits = {{{MOUNT_ATTR_RDONLY, "ro"},
                                            {MOUNT_ATTR_NOSUID, "nosuid"},
                                            {MOUNT_ATTR_NODEV, "nodev"},
                                            {MOUNT_ATTR_NOEXEC, "noexec"},
                                            {MOUNT_ATTR_NOATIME, "noatime"},
                                            {MOUNT_ATTR_STRICTATIME, "strictatime"},
                                            {MOUNT_ATTR_NODIRATIME, "nodiratime"},
                                            {MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow"}}};
constexpr std::array<Bit, 8> secure_bits = {{{1, "noroot"},
                                             {2, "noroot-locked"},
                                             {4, "no-setuid-fixup"},
                                             {8, "no-setuid-fixup-locked"},
                                             {16, "keep-caps"},
                                             {32, "keep-caps-locked"},
                                             {64, "no-cap-ambient-raise"},
                                             {128, "no-cap-ambient-raise-locked"}}};
constexpr std::array<Bit, 16> landlock_fs = {{{1, "execute"},
                                              {2, "write_file"},
                                              {4, "read_file"},
                                              {8, "read_dir"},
                                              {16, "remove_dir"},
                                              {32, "remove_file"},
                                              {64, "make_char"},
                                              {128, "make_dir"},
                                              {256, "make_reg"},
                                              {512, "make_sock"},
                                              {1024, "make_fifo"},
                                              {2048, "make_block"},
                                              {4096, "make_sym"},
                                              {8192, "refer"},
                                              {16384, "truncate"},
                                              {32768, "ioctl_dev"}}};
constexpr std::array<Bit, 2> landlock_net = {{{1, "bind_tcp"}, {2, "connect_tcp"}}};
constexpr std::array<Bit, 2> landlock_scopes = {{{1, "abstract_unix_socket"}, {2, "signal"}}};
constexpr std::array<Bit, 4> filter_flags = {{{SECCOMP_FILTER_FLAG_LOG, "SECCOMP_FILTER_FLAG_LOG"},
                                              {SECCOMP_FILTER_FLAG_SPEC_ALLOW, "SECCOMP_FILTER_FLAG_SPEC_ALLOW"},
                                              {SECCOMP_FILTER_FLAG_NEW_LISTENER, "SECCOMP_FILTER_FLAG_NEW_LISTENER"},
                                              {1 << 5, "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"}}};
constexpr std::array<std::string_view, 4> network_modes = {"host", "sockets", "published",
                                                           "none"};  // policy::NetworkMode

// The plan's printer: one function a sub-plan.
class Printer {
public:
    explicit Printer(const Plan& plan) : plan_(plan) {}
    std::string text() {
        out_.begin_object().field("profile", plan_.profile_name());
        ids();
        namespaces();
        mounts();
        cgroup();
        pairs("sysctl", plan_.sysctl().values);
        capabilities();
        seccomp();
        landlock();
        process();
        hooks();
        network();
        waivers();
        strings("notes", plan_.notes());
        out_.end_object();
        return out_.take() + "\n";
    }

private:
    template <size_t N>
    void bits(std::string_view key, uint64_t value, const std::array<Bit, N>& names) {
        if (value == 0) return;
        out_.key(key).begin_array();
        for (const Bit& bit : names) {
            if (value & bit.bit) out_.value(bit.name);
            value &= ~bit.bit;
        }
        if (value != 0) out_.value(value);  // a bit without a name is shown, never dropped
        out_.end_array();
    }
    void strings(std::string_view key, const std::vector<std::string>& list) {
        if (list.empty()) return;
        out_.key(key).begin_array();
        for (const std::string& item : list) out_.value(item);
        out_.end_array();
    }
    void pairs(std::string_view key, const std::vector<std::pair<std::string, std::string>>& list) {
        if (list.empty()) return;
        out_.key(key).begin_object();
        for (const auto& [name, value] : list) out_.field(name, value);
        out_.end_object();
    }
    void flag(std::string_view key, bool value) {
        if (value) out_.field(key, true);
    }
    void text_field(std::string_view key, const std::string& value) {
        if (!value.empty()) out_.field(key, value);
    }
    void octal(std::string_view key, uint32_t value) {
        std::string digits = "0000";
        for (size_t i = digits.size(); i-- > 0; value >>= 3) digits[i] = static_cast<char>('0' + (value & 7));
        out_.field(key, digits);
    }
    void propagation(uint64_t value) {
        if (value & MS_SHARED) out_.field("propagation", "shared");
        if (value & MS_SLAVE) out_.field("propagation", "slave");
        if (value & MS_UNBINDABLE) out_.field("propagation", "unbindable");
    }
    void id_map(std::string_view key, const std::vector<IdMapping>& map) {
        if (map.empty()) return;
        out_.key(key).begin_array();
        for (const IdMapping& entry : map) {
            out_.begin_object()
                .field("containerID", entry.inside)
                .field("hostID", entry.outside)
                .field("size", entry.count)
                .end_object();
        }
        out_.end_array();
    }
    void ids() {
        const IdsPlan& ids = plan_.ids();
        out_.key("ids").begin_object().field("mode", mode_name(ids.mode)).field("uid", ids.uid).field("gid", ids.gid);
        out_.key("groups").begin_array();
        for (const uint32_t group : ids.groups) out_.value(group);
        out_.end_array();
        flag("groupsStay", !ids.set_groups);
        flag("denySetgroups", ids.deny_setgroups);
        flag("mapHelpers", ids.use_map_helpers);
        id_map("uidMappings", ids.uid_map);
        id_map("gidMappings", ids.gid_map);
        out_.end_object();
    }
    void namespaces() {
        const NamespacesPlan& namespaces = plan_.namespaces();
        out_.key("namespaces").begin_object();
        bits("clone", namespaces.clone_flags, clone_bits);
        flag("cgroupAfterAttach", namespaces.new_cgroup);
        flag("time", namespaces.new_time);
        if (!namespaces.joined.empty()) {
            out_.key("joined").begin_object();
            for (const NamespaceFact& fact : namespaces.joined) out_.field(fact.type, fact.path);
            out_.end_object();
        }
        for (const auto& [clock, offset] : namespaces.time_offsets)
            out_.key(concat(clock, "Offset")).begin_object().field("secs", offset.secs).field("nanosecs", offset.nanosecs).end_object();
        text_field("hostname", namespaces.hostname);
        text_field("domainname", namespaces.domainname);
        flag("loopbackUp", namespaces.loopback_up);
        flag("newSessionKeyring", namespaces.new_session_keyring);
        flag("noUserNamespacesInside", namespaces.restrict_user_namespaces);
        out_.end_object();
    }
    void mounts() {
        const MountsPlan& mounts = plan_.mounts();
        const RootPlan& root = mounts.root;
        out_.key("root").begin_object().field("path", root.path);
        bits("flags", root.attributes(), mount_bits);
        flag("idmap", root.idmap);
        flag("shifted", root.shifted);
        if (root.layered()) {
            out_.key("layers").begin_array();
            for (const std::string& layer : root.layers) out_.value(layer);
            out_.end_array();
        }
        propagation(root.propagation);
        out_.end_object();
        out_.key("mounts").begin_array();
        for (const MountPlan& mount : mounts.mounts) one_mount(mount);
        out_.end_array();
        nodes("devices", mounts.devices);
        if (!mounts.root_devices.empty()) nodes("devicesInRoot", mounts.root_devices);
        strings("maskedPaths", mounts.masked_paths);
        strings("readonlyPaths", mounts.readonly_paths);
    }
    void nodes(std::string_view key, const std::vector<DeviceNode>& list) {
        out_.key(key).begin_array();
        for (const DeviceNode& node : list) {
            out_.begin_object()
                .field("path", node.path)
                .field("type", std::string(1, node.type))
                .field("major", node.major)
                .field("minor", node.minor);
            octal("mode", node.mode);
            if (node.uid != 0) out_.field("uid", node.uid);
            if (node.gid != 0) out_.field("gid", node.gid);
            out_.end_object();
        }
        out_.end_array();
    }
    void one_mount(const MountPlan& mount) {
        out_.begin_object().field("destination", mount.destination).field("kind", mount_kind_name(mount.kind));
        text_field("type", mount.type);
        text_field("source", mount.source);
        bits("flags", mount.attributes, mount_bits);
        bits("cleared", mount.clear_attributes & ~uint64_t{MOUNT_ATTR__ATIME}, mount_bits);
        flag("recursive", mount.recursive);
        bits("treeFlags", mount.tree_attributes, mount_bits);
        bits("treeCleared", mount.tree_clear_attributes & ~uint64_t{MOUNT_ATTR__ATIME}, mount_bits);
        flag("idmap", mount.idmap);
        flag("idmapRecursive", mount.idmap_recursive);
        id_map("uidMappings", mount.uid_map);
        id_map("gidMappings", mount.gid_map);
        flag("copyUp", mount.copy_up);
        propagation(mount.propagation);
        pairs("options", mount.options);
        out_.end_object();
    }
    void capability_set(std::string_view key, uint64_t set) {
        out_.key(key).begin_array();
        for (int number = 0; number < 64; ++number) {
            if (set >> number & 1) out_.value(capability_name(number));
        }
        out_.end_array();
    }
    void capabilities() {
        const CapabilitiesPlan& sets = plan_.capabilities();
        out_.field("noNewPrivileges", sets.no_new_privs);
        out_.key("capabilities").begin_object();
        capability_set("bounding", sets.bounding);
        capability_set("permitted", sets.permitted);
        capability_set("effective", sets.effective);
        capability_set("inheritable", sets.inheritable);
        capability_set("ambient", sets.ambient);
        bits("securebits", sets.securebits, secure_bits);
        out_.end_object();
    }
    void cgroup() {
        const CgroupPlan& cgroup = plan_.cgroup();
        if (cgroup.none) return;
        std::string path;
        for (const std::string& component : cgroup.draft.components) path += concat("/", component);
        out_.key("cgroup").begin_object().field("path", path).key("limits").begin_object();
        for (const cgroup::Setting& setting : cgroup.draft.settings) out_.field(setting.file, setting.value);
        out_.end_object();
        if (const auto& rules = cgroup.draft.request.limits.devices) {
            out_.key("devices").begin_array();
            for (const cgroup::DeviceRule& rule : *rules) out_.value(concat(rule.allow ? "allow " : "deny ", cgroup::device_rule_text(rule)));
            out_.end_array();
        }
        flag("required", cgroup.draft.request.if_none == cgroup::IfNone::fail);
        flag("killAllOnOutOfMemory", cgroup.kill_on_oom);
        out_.end_object();
    }
    void seccomp() {
        const SeccompPlan& seccomp = plan_.seccomp();
        if (seccomp.program.empty()) return;
        out_.key("seccomp").begin_object().field("instructions", uint64_t{seccomp.program.size()});
        bits("flags", seccomp.flags, filter_flags);
        text_field("listenerPath", seccomp.listener_path);
        text_field("listenerMetadata", seccomp.listener_metadata);
        out_.field("program", program_hex(seccomp.program)).end_object();
    }
    void landlock() {
        const LandlockPlan& landlock = plan_.landlock();
        if (!landlock.enabled) return;
        out_.key("landlock").begin_object().field("abi", landlock.abi);
        bits("handled", landlock.handled_fs, landlock_fs);
        bits("handledNet", landlock.handled_net, landlock_net);
        bits("scoped", landlock.scoped, landlock_scopes);
        out_.key("rules").begin_array();
        for (const LandlockRule& rule : landlock.rules) {
            out_.begin_object().field("path", rule.path);
            bits("access", rule.access, landlock_fs);
            out_.end_object();
        }
        out_.end_array();
        out_.key("ports").begin_array();
        for (const auto& [port, access] : landlock.ports) {
            out_.begin_object().field("port", unsigned{port});
            bits("access", access, landlock_net);
            out_.end_object();
        }
        out_.end_array();
        strings("missing", landlock.missing);
        out_.end_object();
    }
    void process() {
        const ProcessPlan& process = plan_.process();
        out_.key("process").begin_object();
        strings("args", process.args);
        strings("env", process.env);
        out_.field("cwd", process.cwd);
        if (process.umask) octal("umask", *process.umask);
        for (const auto& [key, cpus] : {std::pair{"initialCpus", &process.initial_cpus}, {"finalCpus", &process.final_cpus}}) {
            if (cpus->empty()) continue;
            out_.key(key).begin_array();
            for (const unsigned cpu : *cpus) out_.value(cpu);
            out_.end_array();
        }
        if (process.oom_score_adj) out_.field("oomScoreAdj", *process.oom_score_adj);
        flag("newSession", process.new_session);
        flag("mdwe", process.mdwe);
        flag("notDumpableUntilExec", process.dumpable_off);
        flag("dieWithParent", process.parent_death_signal);
        flag("init", process.own_init);
        if (process.terminal)
            out_.key("terminal").begin_object().field("rows", process.terminal->rows).field("columns", process.terminal->columns).end_object();
        flag("coreDumpsOff", process.core_dumps_off);
        scheduling(process);
        text_field("apparmorProfile", process.apparmor_profile);
        text_field("selinuxLabel", process.selinux_label);
        if (process.inherited_fds != 0) out_.field("inheritedFds", process.inherited_fds);
        out_.field("stopSignal", process.stop_signal).field("stopTimeoutMs", process.stop_timeout_ms);
        if (process.runtime_max_ms) out_.field("runtimeMaxMs", *process.runtime_max_ms);
        out_.key("rlimits").begin_array();
        for (const Rlimit& limit : process.rlimits) {
            out_.begin_object()
                .field("type", limit.name)
                .field("soft", limit.soft)
                .field("hard", limit.hard)
                .end_object();
        }
        out_.end_array().end_object();
    }
    void hooks() {
        if (plan_.hooks().empty()) return;
        out_.key("hooks");
        oci::write_json(out_, plan_.hooks());
    }
    void scheduling(const ProcessPlan& process) {
        if (const auto& scheduler = process.scheduler) {
            out_.key("scheduler").begin_object().field("policy", scheduler->name).field("nice", scheduler->nice).field("priority", scheduler->priority);
            out_.field("flags", scheduler->flags).field("runtime", scheduler->runtime).field("deadline", scheduler->deadline).field("period", scheduler->period);
            out_.end_object();
        }
        if (process.io_priority) out_.field("ioPriority", *process.io_priority);
        if (process.personality) out_.field("personality", *process.personality);
        if (process.memory_policy) out_.field("memoryPolicy", process.memory_policy->text);
    }
    void network() {
        const NetworkPlan& network = plan_.network();
        if (!network.devices.empty()) {
            out_.key("netDevices").begin_object();
            for (const NetDevice& device : network.devices) out_.field(device.host_name, device.name);
            out_.end_object();
        }
        if (!network.managed) return;
        out_.key("network").begin_object().field("mode", network_modes[static_cast<size_t>(network.mode)]);
        out_.field("egress", network.egress_open ? "open" : "closed");
        out_.key("publish").begin_array();
        for (const policy::Publish& entry : network.publish)
            out_.value(concat(entry.address, ':', entry.host_port, ':', entry.container_port));
        out_.end_array();
        strings("listen", network.listen);
        flag("proxyProtocol", network.proxy_protocol);
        out_.end_object();
    }
    void waivers() {
        if (plan_.waivers().empty()) return;
        out_.key("waivers").begin_array();
        for (const policy::WaiverRecord& waiver : plan_.waivers()) {
            out_.begin_object()
                .field("what", waiver.what)
                .field("from", waiver.from)
                .field("to", waiver.to)
                .field("because", waiver.because);
            text_field("overruledBy", waiver.overruled_by);
            out_.end_object();
        }
        out_.end_array();
    }

    const Plan& plan_;
    json::Writer out_{json::Writer::Style::pretty};
};

}  // namespace

std::string to_json(const Plan& plan) { return Printer(plan).text(); }

}  // namespace casemate::plan
