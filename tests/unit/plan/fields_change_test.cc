// Every applied field of config.json at work: changing it changes the plan, or is refused with the reason.
#include <algorithm>

#include "base/text.h"
#include "unit/plan/compiling.h"

using namespace casemate;
using namespace casemate::plan;
using namespace casemate::plan::test;

namespace {

// A configuration that uses every applied field, and for each field another value of it.
constexpr const char* rich = R"({
 "ociVersion": "1.3.0", "root": {"path": "rootfs", "readonly": true}, "hostname": "web", "domainname": "example.org",
 "annotations": {"a": "b"},
 "hooks": {"prestart": [{"path": "/h0", "args": ["a0"], "env": ["E=0"], "timeout": 30}],
   "createRuntime": [{"path": "/h1", "args": ["a1"], "env": ["E=1"], "timeout": 31}],
   "createContainer": [{"path": "/h2", "args": ["a2"], "env": ["E=2"], "timeout": 32}],
   "startContainer": [{"path": "/h5", "args": ["a5"], "env": ["E=5"], "timeout": 35}],
   "poststart": [{"path": "/h3", "args": ["a3"], "env": ["E=3"], "timeout": 33}],
   "poststop": [{"path": "/h4", "args": ["a4"], "env": ["E=4"], "timeout": 34}]},
 "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
   {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"}, {"destination": "/dev/pts", "type": "devpts", "source": "devpts"},
   {"destination": "/data", "type": "bind", "source": "/srv/data", "options": ["ro"],
    "uidMappings": [{"containerID": 7, "hostID": 70, "size": 77}], "gidMappings": [{"containerID": 8, "hostID": 80, "size": 88}]}],
 "process": {"terminal": true, "consoleSize": {"height": 24, "width": 80}, "user": {"uid": 1001, "gid": 1002, "umask": 18, "additionalGids": [5]}, "args": ["/app"], "env": ["A=b"], "cwd": "/srv",
   "noNewPrivileges": true, "oomScoreAdj": 100, "apparmorProfile": "one", "selinuxLabel": "two",
   "scheduler": {"policy": "SCHED_DEADLINE", "flags": ["SCHED_FLAG_RESET_ON_FORK"], "runtime": 1001, "deadline": 2001, "period": 3001},
   "ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 4}, "execCPUAffinity": {"initial": "0-1", "final": "1"},
   "capabilities": {"bounding": ["CAP_CHOWN", "CAP_KILL"], "effective": ["CAP_CHOWN"], "permitted": ["CAP_CHOWN", "CAP_KILL"],
     "inheritable": ["CAP_KILL"], "ambient": ["CAP_KILL"]},
   "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 1024, "hard": 4096}]},
 "linux": {"namespaces": [{"type": "mount"}, {"type": "uts"}, {"type": "network"}, {"type": "user"}, {"type": "time"}],
   "uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}], "gidMappings": [{"containerID": 0, "hostID": 200000, "size": 65536}],
   "sysctl": {"net.ipv4.ip_forward": "0"}, "rootfsPropagation": "slave", "maskedPaths": ["/proc/kcore"], "readonlyPaths": ["/proc/sys"],
   "mountLabel": "three", "personality": {"domain": "LINUX"},
   "memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]}, "netDevices": {"eth9": {"name": "eth0"}},
   "timeOffsets": {"monotonic": {"secs": 10, "nanosecs": 20}},
   "devices": [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 438, "uid": 3, "gid": 4}],
   "seccomp": {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "architectures": ["SCMP_ARCH_X86_64"], "flags": ["SECCOMP_FILTER_FLAG_LOG"],
     "listenerPath": "/run/agent", "listenerMetadata": "hello",
     "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ERRNO", "errnoRet": 7,
       "args": [{"index": 1, "value": 2, "valueTwo": 3, "op": "SCMP_CMP_MASKED_EQ"}]}, {"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]}}})";

struct Change {
    const char *field, *from, *to;
};
constexpr Change changes[] = {
    {"$.root.path", R"("rootfs")", R"("other")"},
    {"$.root.readonly", R"("readonly": true)", R"("readonly": false)"},
    {"$.hostname", R"("web")", R"("db")"},
    {"$.domainname", "example.org", "example.net"},
    {"$.mounts[].destination", R"("/data")", R"("/date")"},
    {"$.mounts[].type", R"("type": "proc")", R"("type": "sysfs")"},
    {"$.mounts[].source", "/srv/data", "/srv/date"},
    {"$.mounts[].options", R"(["ro"])", R"(["rw"])"},
    {"$.process.user.uid", "1001", "1003"},
    {"$.process.user.gid", "1002", "1003"},
    {"$.process.user.umask", R"("umask": 18)", R"("umask": 63)"},
    {"$.process.user.additionalGids", "[5]", "[6]"},
    {"$.process.args", R"(["/app"])", R"(["/other"])"},
    {"$.process.env", "A=b", "A=c"},
    {"$.process.cwd", R"("/srv")", R"("/")"},
    {"$.process.noNewPrivileges", R"("noNewPrivileges": true)", R"("noNewPrivileges": false)"},
    {"$.process.oomScoreAdj", R"("oomScoreAdj": 100)", R"("oomScoreAdj": 200)"},
    {"$.process.execCPUAffinity.initial", R"("0-1")", R"("0")"},
    {"$.process.execCPUAffinity.final", R"("final": "1")", R"("final": "0")"},
    {"$.process.capabilities.bounding", R"("bounding": ["CAP_CHOWN", )", R"("bounding": ["CAP_FOWNER", )"},
    {"$.process.capabilities.effective", R"("effective": ["CAP_CHOWN"])", R"("effective": ["CAP_KILL"])"},
    {"$.process.capabilities.permitted", R"("permitted": ["CAP_CHOWN", )",
     R"("permitted": ["CAP_CHOWN", "CAP_FOWNER", )"},
    {"$.process.capabilities.inheritable", R"("inheritable": ["CAP_KILL"])", R"("inheritable": ["CAP_CHOWN"])"},
    {"$.process.capabilities.ambient", R"("ambient": ["CAP_KILL"])", R"("ambient": [])"},
    {"$.process.rlimits[].type", "RLIMIT_NOFILE", "RLIMIT_FSIZE"},
    {"$.process.rlimits[].soft", "1024", "1025"},
    {"$.process.rlimits[].hard", "4096", "4097"},
    {"$.process.terminal", R"("terminal": true)", R"("terminal": false)"},
    {"$.process.consoleSize.height", R"("height": 24)", R"("height": 25)"},
    {"$.process.consoleSize.width", R"("width": 80)", R"("width": 81)"},
    {"$.hooks.prestart[].path", "/h0", "/x0"},
    {"$.hooks.prestart[].args", "a0", "b0"},
    {"$.hooks.prestart[].env", "E=0", "F=0"},
    {"$.hooks.prestart[].timeout", R"("timeout": 30)", R"("timeout": 40)"},
    {"$.hooks.createRuntime[].path", "/h1", "/x1"},
    {"$.hooks.createRuntime[].args", "a1", "b1"},
    {"$.hooks.createRuntime[].env", "E=1", "F=1"},
    {"$.hooks.createRuntime[].timeout", R"("timeout": 31)", R"("timeout": 41)"},
    {"$.hooks.createContainer[].path", "/h2", "/x2"},
    {"$.hooks.createContainer[].args", "a2", "b2"},
    {"$.hooks.createContainer[].env", "E=2", "F=2"},
    {"$.hooks.createContainer[].timeout", R"("timeout": 32)", R"("timeout": 42)"},
    {"$.hooks.startContainer[].path", "/h5", "/x5"},
    {"$.hooks.startContainer[].args", "a5", "b5"},
    {"$.hooks.startContainer[].env", "E=5", "F=5"},
    {"$.hooks.startContainer[].timeout", R"("timeout": 35)", R"("timeout": 45)"},
    {"$.hooks.poststart[].path", "/h3", "/x3"},
    {"$.hooks.poststart[].args", "a3", "b3"},
    {"$.hooks.poststart[].env", "E=3", "F=3"},
    {"$.hooks.poststart[].timeout", R"("timeout": 33)", R"("timeout": 43)"},
    {"$.hooks.poststop[].path", "/h4", "/x4"},
    {"$.hooks.poststop[].args", "a4", "b4"},
    {"$.hooks.poststop[].env", "E=4", "F=4"},
    {"$.hooks.poststop[].timeout", R"("timeout": 34)", R"("timeout": 44)"},
    {"$.linux.namespaces[].type", R"({"type": "mount"}, )", R"({"type": "mount"}, {"type": "pid"}, )"},
    {"$.linux.namespaces[].path", R"({"type": "uts"})", R"({"type": "uts", "path": "/proc/9/ns/uts"})"},
    {"$.linux.uidMappings[].containerID", R"("containerID": 0, "hostID": 100000)",
     R"("containerID": 1, "hostID": 100000)"},
    {"$.linux.uidMappings[].hostID", "100000", "300000"},
    {"$.linux.uidMappings[].size", R"("hostID": 100000, "size": 65536)", R"("hostID": 100000, "size": 65535)"},
    {"$.linux.gidMappings[].containerID", R"("containerID": 0, "hostID": 200000)",
     R"("containerID": 1, "hostID": 200000)"},
    {"$.linux.gidMappings[].hostID", "200000", "300000"},
    {"$.linux.gidMappings[].size", R"("hostID": 200000, "size": 65536)", R"("hostID": 200000, "size": 65535)"},
    {"$.linux.sysctl", R"("net.ipv4.ip_forward": "0")", R"("net.ipv4.ip_forward": "1")"},
    {"$.linux.rootfsPropagation", R"("slave")", R"("shared")"},
    {"$.linux.maskedPaths", "/proc/kcore", "/proc/keys"},
    {"$.linux.readonlyPaths", R"(["/proc/sys"])", R"(["/proc/irq"])"},
    {"$.linux.timeOffsets.*.secs", R"("secs": 10)", R"("secs": 11)"},
    {"$.linux.timeOffsets.*.nanosecs", R"("nanosecs": 20)", R"("nanosecs": 21)"},
    {"$.linux.devices[].path", "/dev/fuse", "/dev/fuse2"},
    {"$.linux.devices[].type", R"("type": "c")", R"("type": "b")"},
    {"$.linux.devices[].major", R"("major": 10)", R"("major": 11)"},
    {"$.linux.devices[].minor", "229", "230"},
    {"$.linux.devices[].fileMode", "438", "384"},
    {"$.linux.devices[].uid", R"("uid": 3)", R"("uid": 5)"},
    {"$.linux.devices[].gid", R"("gid": 4)", R"("gid": 5)"},
    {"$.linux.seccomp.defaultAction", R"("defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38)",
     R"("defaultAction": "SCMP_ACT_LOG")"},
    {"$.linux.seccomp.defaultErrnoRet", R"("defaultErrnoRet": 38)", R"("defaultErrnoRet": 39)"},
    {"$.linux.seccomp.architectures", R"(["SCMP_ARCH_X86_64"])", R"(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"])"},
    {"$.linux.seccomp.flags", "FILTER_FLAG_LOG", "FILTER_FLAG_TSYNC"},
    {"$.linux.seccomp.syscalls[].names", R"(["read"])", R"(["write"])"},
    {"$.linux.seccomp.syscalls[].action", R"("action": "SCMP_ACT_ERRNO", "errnoRet": 7)",
     R"("action": "SCMP_ACT_LOG")"},
    {"$.linux.seccomp.syscalls[].errnoRet", R"("errnoRet": 7)", R"("errnoRet": 8)"},
    {"$.linux.seccomp.syscalls[].args[].index", R"("index": 1)", R"("index": 2)"},
    {"$.linux.seccomp.syscalls[].args[].value", R"("value": 2)", R"("value": 6)"},
    {"$.linux.seccomp.syscalls[].args[].valueTwo", R"("valueTwo": 3)", R"("valueTwo": 0)"},
    {"$.linux.seccomp.syscalls[].args[].op", "SCMP_CMP_MASKED_EQ", "SCMP_CMP_EQ"},
    {"$.linux.seccomp.listenerPath", "/run/agent", "/run/other"},
    {"$.linux.seccomp.listenerMetadata", "hello", "bye"},
    {"$.mounts[].uidMappings[].containerID", R"("containerID": 7)", R"("containerID": 6)"},
    {"$.mounts[].uidMappings[].hostID", R"("hostID": 70)", R"("hostID": 71)"},
    {"$.mounts[].uidMappings[].size", R"("size": 77)", R"("size": 78)"},
    {"$.mounts[].gidMappings[].containerID", R"("containerID": 8)", R"("containerID": 6)"},
    {"$.mounts[].gidMappings[].hostID", R"("hostID": 80)", R"("hostID": 81)"},
    {"$.mounts[].gidMappings[].size", R"("size": 88)", R"("size": 89)"},
    {"$.process.apparmorProfile", R"("one")", R"("other")"},
    {"$.process.selinuxLabel", R"("two")", R"("other")"},
    {"$.linux.mountLabel", R"("three")", R"("other")"},
    {"$.process.scheduler.policy", "SCHED_DEADLINE", "SCHED_IDLE"},  // refused: it has no times
    {"$.process.scheduler.nice", R"("policy": "SCHED_DEADLINE")", R"("policy": "SCHED_DEADLINE", "nice": 1)"},
    {"$.process.scheduler.priority", R"("policy": "SCHED_DEADLINE")", R"("policy": "SCHED_DEADLINE", "priority": 1)"},
    {"$.process.scheduler.flags", "SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_RECLAIM"},
    {"$.process.scheduler.runtime", "1001", "1002"},
    {"$.process.scheduler.deadline", "2001", "2002"},
    {"$.process.scheduler.period", "3001", "3002"},
    {"$.process.ioPriority.class", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_RT"},
    {"$.process.ioPriority.priority", R"("priority": 4)", R"("priority": 5)"},
    {"$.linux.personality.domain", R"("LINUX")", R"("LINUX32")"},
    {"$.linux.personality.flags", R"({"domain": "LINUX"})", R"({"domain": "LINUX", "flags": ["x"]})"},  // refused
    {"$.linux.memoryPolicy.mode", "MPOL_BIND", "MPOL_INTERLEAVE"},
    {"$.linux.memoryPolicy.nodes", R"("nodes": "0")", R"("nodes": "0-1")"},
    {"$.linux.memoryPolicy.flags", "MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES"},
    {"$.linux.netDevices.*.name", R"("eth0")", R"("eth1")"},
    {"$.linux.intelRdt.closID", R"("mountLabel")", R"("intelRdt": {"closID": "a"}, "mountLabel")"},  // refused
    {"$.linux.intelRdt.schemata", R"("mountLabel")", R"("intelRdt": {"schemata": ["a"]}, "mountLabel")"},
    {"$.linux.intelRdt.l3CacheSchema", R"("mountLabel")", R"("intelRdt": {"l3CacheSchema": "a"}, "mountLabel")"},
    {"$.linux.intelRdt.memBwSchema", R"("mountLabel")", R"("intelRdt": {"memBwSchema": "a"}, "mountLabel")"},
    {"$.linux.intelRdt.enableMonitoring", R"("mountLabel")", R"("intelRdt": {"enableMonitoring": true}, "mountLabel")"},
};
// The same for limits, on a host whose controllers are all of v1 but one.
constexpr const char* limited = R"({"ociVersion": "1.3.0", "root": {"path": "rootfs"},
 "process": {"user": {"uid": 0, "gid": 0}, "args": ["/app"], "cwd": "/"},
 "linux": {"namespaces": [{"type": "mount"}], "cgroupsPath": "/pod/one", "resources": {
   "devices": [{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 10, "minor": 229, "access": "rw"}],
   "memory": {"limit": 67108864, "reservation": 4096, "swap": 134217728, "kernel": -1, "kernelTCP": -1, "swappiness": 7,
     "disableOOMKiller": true, "useHierarchy": true, "checkBeforeUpdate": true},
   "cpu": {"shares": 99, "quota": 11000, "burst": 12, "period": 13000, "realtimeRuntime": 14, "realtimePeriod": 15000, "cpus": "0", "mems": "1", "idle": 0},
   "pids": {"limit": 16},
   "blockIO": {"weight": 17, "leafWeight": 0, "weightDevice": [{"major": 18, "minor": 19, "weight": 20, "leafWeight": 0}],
     "throttleReadBpsDevice": [{"major": 21, "minor": 22, "rate": 23}], "throttleWriteBpsDevice": [{"major": 24, "minor": 25, "rate": 26}],
     "throttleReadIOPSDevice": [{"major": 27, "minor": 28, "rate": 29}], "throttleWriteIOPSDevice": [{"major": 30, "minor": 31, "rate": 32}]},
   "hugepageLimits": [{"pageSize": "2MB", "limit": 33}],
   "network": {"classID": 34, "priorities": [{"name": "eth0", "priority": 35}]},
   "rdma": {"mlx5_0": {"hcaHandles": 36, "hcaObjects": 37}}, "unified": {"misc.max": "38"}}}})";
constexpr std::string_view limits = "$.linux.resources.";
constexpr Change limit_changes[] = {
    {"cgroupsPath", "/pod/one", "/pod/two"},
    {"devices[].allow", R"("allow": true)", R"("allow": false)"},
    {"devices[].type", R"("type": "c")", R"("type": "b")"},
    {"devices[].major", R"("major": 10)", R"("major": 11)"},
    {"devices[].minor", "229", "230"},
    {"devices[].access", R"("rw")", R"("r")"},
    {"memory.limit", "67108864", "67112960"},
    {"memory.reservation", "4096", "8192"},
    {"memory.swap", "134217728", "134221824"},
    {"memory.kernel", R"("kernel": -1)", R"("kernel": 1)"},
    {"memory.kernelTCP", R"("kernelTCP": -1)", R"("kernelTCP": 1)"},
    {"memory.swappiness", R"("swappiness": 7)", R"("swappiness": 8)"},
    {"memory.disableOOMKiller", R"("disableOOMKiller": true)", R"("disableOOMKiller": false)"},
    {"memory.useHierarchy", R"("useHierarchy": true)", R"("useHierarchy": false)"},
    {"cpu.shares", "99", "98"},
    {"cpu.quota", "11000", "11001"},
    {"cpu.burst", R"("burst": 12)", R"("burst": 13)"},
    {"cpu.period", "13000", "13001"},
    {"cpu.realtimeRuntime", R"("realtimeRuntime": 14)", R"("realtimeRuntime": 13)"},
    {"cpu.realtimePeriod", "15000", "15001"},
    {"cpu.cpus", R"("cpus": "0")", R"("cpus": "1")"},
    {"cpu.mems", R"("mems": "1")", R"("mems": "0")"},
    {"cpu.idle", R"("idle": 0)", R"("idle": 1)"},
    {"pids.limit", R"("limit": 16)", R"("limit": 15)"},
    {"blockIO.weight", R"("weight": 17)", R"("weight": 16)"},
    {"blockIO.leafWeight", R"("leafWeight": 0, )", R"("leafWeight": 1, )"},
    {"blockIO.weightDevice[].major", R"("major": 18)", R"("major": 17)"},
    {"blockIO.weightDevice[].minor", R"("minor": 19)", R"("minor": 18)"},
    {"blockIO.weightDevice[].weight", R"("weight": 20)", R"("weight": 21)"},
    {"blockIO.weightDevice[].leafWeight", R"("leafWeight": 0}])", R"("leafWeight": 1}])"},
    {"blockIO.throttleReadBpsDevice[].major", R"("major": 21)", R"("major": 20)"},
    {"blockIO.throttleReadBpsDevice[].minor", R"("minor": 22)", R"("minor": 21)"},
    {"blockIO.throttleReadBpsDevice[].rate", R"("rate": 23)", R"("rate": 22)"},
    {"blockIO.throttleWriteBpsDevice[].major", R"("major": 24)", R"("major": 23)"},
    {"blockIO.throttleWriteBpsDevice[].minor", R"("minor": 25)", R"("minor": 24)"},
    {"blockIO.throttleWriteBpsDevice[].rate", R"("rate": 26)", R"("rate": 25)"},
    {"blockIO.throttleReadIOPSDevice[].major", R"("major": 27)", R"("major": 26)"},
    {"blockIO.throttleReadIOPSDevice[].minor", R"("minor": 28)", R"("minor": 27)"},
    {"blockIO.throttleReadIOPSDevice[].rate", R"("rate": 29)", R"("rate": 28)"},
    {"blockIO.throttleWriteIOPSDevice[].major", R"("major": 30)", R"("major": 29)"},
    {"blockIO.throttleWriteIOPSDevice[].minor", R"("minor": 31)", R"("minor": 30)"},
    {"blockIO.throttleWriteIOPSDevice[].rate", R"("rate": 32)", R"("rate": 31)"},
    {"hugepageLimits[].pageSize", "2MB", "1GB"},
    {"hugepageLimits[].limit", R"("limit": 33)", R"("limit": 32)"},
    {"network.classID", "34", "33"},
    {"network.priorities[].name", "eth0", "eth1"},
    {"network.priorities[].priority", R"("priority": 35)", R"("priority": 34)"},
    {"rdma.*.hcaHandles", "36", "35"},
    {"rdma.*.hcaObjects", "37", "36"},
    {"unified", R"("38")", R"("37")"},
};
// Their value is what it is: a version, text for `state`, and objects that speak through their members.
constexpr std::string_view mute[] = {"$.ociVersion",
                                     "$.annotations",
                                     "$.process.capabilities",
                                     "$.process.execCPUAffinity",
                                     "$.linux.intelRdt",
                                     "$.linux.seccomp",
                                     "$.linux.resources",
                                     "$.linux.resources.memory",
                                     "$.linux.resources.cpu",
                                     "$.linux.resources.blockIO",
                                     "$.linux.resources.network",
                                     "$.linux.resources.rdma.*",
                                     "$.linux.resources.memory.checkBeforeUpdate"};  // of updates only

// What compiling says: the whole plan, or why not.
std::string answer(const std::string& text) {
    Input input;
    input.config = parsed(text);
    input.facts.apparmor = input.facts.selinux = true;
    if (!input.config.linux_.cgroups_path.empty()) {
        using cgroup::Version;
        input.facts.cgroups.hierarchies = {{Version::v2, "/sys/fs/cgroup/unified", {"misc"}}};
        for (const char* controller : {"cpu", "cpuset", "memory", "pids", "devices", "blkio", "hugetlb", "net_cls", "net_prio", "rdma"})
            input.facts.cgroups.hierarchies.push_back({Version::v1, concat("/sys/fs/cgroup/", controller), {controller}});
    }
    const auto plan = compile(input.config, input.profile, input.facts, input.request);
    return plan ? to_json(plan.value()) : plan.error().text();
}

}  // namespace

TEST_CASE("fields: whatever limit is applied changes the plan when it changes") {
    const std::string before = answer(limited);
    REQUIRE_MESSAGE(before.starts_with("{"), before);
    for (const Change& change : limit_changes) {
        CAPTURE(change.field);
        std::string text = limited;
        const size_t at = text.find(change.from);
        REQUIRE(at != std::string::npos);
        text.replace(at, std::string_view(change.from).size(), change.to);
        const bool differs = answer(text) != before;
        CHECK_MESSAGE(differs, concat(change.field, ": ", change.to));
    }
}

TEST_CASE("fields: whatever is applied changes the plan when it changes") {
    const std::string before = answer(rich);
    REQUIRE(before.starts_with("{"));
    for (const Change& change : changes) {
        CAPTURE(change.field);
        std::string text = rich;
        const size_t at = text.find(change.from);
        REQUIRE(at != std::string::npos);
        text.replace(at, std::string_view(change.from).size(), change.to);
        const bool differs = answer(text) != before;
        CHECK_MESSAGE(differs, concat(change.field, ": ", change.to));
    }
    for (const std::string_view field : applied_fields()) {
        CAPTURE(field);
        const auto names = [&](const Change& change) { return field == change.field; };
        const auto limits_it = [&](const Change& change) {
            return field == concat(std::string_view(change.field) == "cgroupsPath" ? "$.linux." : limits, change.field);
        };
        const bool tested = std::ranges::any_of(changes, names) || std::ranges::any_of(limit_changes, limits_it) || std::ranges::find(mute, field) != std::end(mute);
        CHECK_MESSAGE(tested, "say how a change of this field shows");
    }
}
