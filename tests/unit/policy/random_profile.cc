#include "unit/policy/random_profile.h"

#include <doctest/doctest.h>

#include "base/text.h"
#include "unit/policy/files.h"

namespace casemate::policy::test {
namespace {

struct Values {
    std::string_view path;
    std::vector<const char*> texts;
};

constexpr const char *yes = "true", *no = "false";
const std::vector<const char*> access_words{R"("readwrite")", R"("readonly")", R"("none")"};
const std::vector<const char*> paths{R"(["/a"])", R"(["/a/b", "/d"])", R"(["/a", "/ab"])", R"([])",
                                     R"(["/d/e", "/a/b/c"])"};
const std::vector<const char*> sizes{"0", R"("1MiB")", "4097", R"("2GiB")"};

const std::vector<Values> table{
    {"capabilities", {"[]", R"(["CAP_CHOWN"])", R"(["CAP_KILL", "CAP_CHOWN"])", R"(["CAP_NET_RAW", "CAP_KILL"])"}},
    {"identity.imageUser", {R"("accept")", R"("ignore")"}},
    {"identity.user", {R"({"uid": 1, "gid": 1})", R"({"uid": 1, "gid": 2, "additionalGids": [5, 3]})"}},
    {"filesystem.setidFiles", {R"("keep")", R"("ignore")", R"("strip")"}},
    {"filesystem.rootfsPropagation", {R"("shared")", R"("slave")", R"("private")"}},
    {"filesystem.volumes", access_words},
    {"filesystem.allowedSources", paths},
    {"filesystem.deniedSources", paths},
    {"filesystem.mounts",
     {R"([{"destination": "/t", "type": "tmpfs", "size": 4096}])",
      R"([{"destination": "/t", "type": "tmpfs", "size": 8192}])",
      R"([{"destination": "/u", "type": "bind", "source": "/srv"}])"}},
    {"filesystem.maskedPaths", {R"(["/a*"])", R"(["/a*", "/b"])", "[]"}},
    {"filesystem.readonlyPaths", paths},
    {"filesystem.devices", {"[]", R"(["/dev/fuse"])", R"(["/dev/kvm", "/dev/fuse"])"}},
    {"filesystem.proc.subset", {R"("all")", R"("pid")"}},
    {"filesystem.proc.hidepid", {R"("off")", R"("noaccess")", R"("invisible")", R"("ptraceable")"}},
    {"filesystem.sys", access_words},
    {"filesystem.cgroup", access_words},
    {"namespaces.private", {"[]", R"(["pid"])", R"(["network", "ipc"])", R"(["pid", "network"])"}},
    {"namespaces.sysctl", {R"({"net.a": "1"})", R"({"net.a": "2"})", R"({"kernel.shmmax": "1"})"}},
    {"network.mode", {R"("host")", R"("sockets")", R"("published")", R"("none")"}},
    {"network.egress", {R"("open")", R"("closed")"}},
    {"network.bindPorts", {"[]", "[80]", "[443, 80]", "[22]"}},
    {"network.connectPorts", {"[]", "[80]", "[443, 80]", "[22]"}},
    {"network.publish", {R"(["80:80"])", R"(["80:81"])", R"(["81:81"])"}},
    {"network.listen", {R"(["127.0.0.1:80"])", R"(["/run/a.sock"])"}},
    {"seccomp.defaultAction",
     {R"("SCMP_ACT_ALLOW")", R"("SCMP_ACT_LOG")", R"("SCMP_ACT_ERRNO")", R"("SCMP_ACT_TRAP")",
      R"("SCMP_ACT_KILL_THREAD")", R"("SCMP_ACT_KILL_PROCESS")"}},
    {"seccomp.defaultErrnoRet", {R"("EPERM")", R"("ENOSYS")", R"("EACCES")", "200"}},
    {"seccomp.allow",
     {"[]", R"(["read", "write", "prctl"])", R"(["write", "mount", "clone3"])",
      R"(["read", {"names": ["prctl"], "args": [{"index": 0, "op": "SCMP_CMP_EQ", "value": 15}]}])",
      R"([{"names": ["prctl"], "args": [{"index": 0, "op": "SCMP_CMP_GT", "value": 10}, {"index": 1, "op": "SCMP_CMP_LT", "value": 9}]}])"}},
    {"seccomp.deny",
     {R"(["mount"])", R"([{"names": ["mount", "prctl"], "errnoRet": "ENOSYS"}])",
      R"([{"names": ["write"], "action": "SCMP_ACT_TRAP"}])",
      R"([{"names": ["prctl"], "args": [{"index": 0, "op": "SCMP_CMP_LE", "value": 15}], "action": "SCMP_ACT_KILL_PROCESS"}])"}},
    {"seccomp.socketFamilies", {"[]", R"(["AF_UNIX"])", R"(["AF_INET", "AF_UNIX"])", R"(["AF_INET"])"}},
    {"seccomp.netlinkProtocols", {"[]", R"(["NETLINK_ROUTE"])", R"(["NETLINK_AUDIT", "NETLINK_ROUTE"])"}},
    {"landlock.minimumAbi", {"1", "2", "7"}},
    {"landlock.execPaths", paths},
    {"memory.memfd", {R"("allow")", R"("deny")"}},
    {"limits.memory", sizes},
    {"limits.swap", sizes},
    {"limits.cpu", {"1", R"("500m")", "2"}},
    {"limits.pids", {"1", "64", "512"}},
    {"limits.runtimeMax", {R"("1s")", R"("2h")", R"("90ms")"}},
    {"limits.cgroup", {R"("optional")", R"("required")"}},
    {"environment.image", {R"("accept")", R"("ignore")"}},
    {"environment.deny", {"[]", R"(["*A"])", R"(["B*", "*A"])"}},
    {"environment.set", {R"({"V": "1"})", R"({"V": "2", "W": "1"})"}},
    {"environment.pass", {R"(["TZ"])", R"(["TZ", "LANG"])"}},
    {"process.umask", {R"("0000")", R"("0027")", R"("0072")", R"("0077")"}},
    {"process.oomScoreAdj", {"-1000", "0", "500"}},
    {"process.apparmorProfile", {R"("a")", R"("b")"}},
    {"process.selinuxLabel", {R"("a")", R"("b")"}},
    {"process.hostname", {R"("a")", R"("b")"}},
    {"process.stopSignal", {R"("SIGTERM")", R"("SIGINT")"}},
    {"process.stopTimeout", {R"("1s")", R"("10s")"}},
    {"admission.maxImageAge", {R"("1d")", R"("30d")"}},
    {"admission.maxSize", sizes},
    {"admission.allowedBases", {"[]", R"(["debian*"])", R"(["alpine", "debian*"])"}},
    {"admission.requiredLabels", {"[]", R"(["a"])", R"(["b", "a"])"}},
    {"admission.denyFiles", {"[]", R"(["*.pem"])", R"(["*.key", "*.pem"])"}},
    {"admission.signature.publicKeys", {"[]", R"(["k1"])", R"(["k2", "k1"])"}},
    {"admission.audit",
     {R"({"failOn": "warn"})", R"({"failOn": "warn", "suppress": [{"id": "A", "because": "why"}]})"}},
    {"admission.vulnerabilities",
     {R"({"failOn": "HIGH"})", R"({"severities": ["LOW", "HIGH"], "maxReportAge": "168h"})"}},
    {"oci.hooks", {R"("allow")", R"("deny")"}},
    {"oci.rootUser", {R"("replace")", R"("refuse")"}},
    {"oci.userNamespace", {R"("engine")", R"("require")"}},
    {"oci.onTighten", {R"("log")", R"("refuse")"}},
    {"expect",
     {R"([{"read": "/a", "result": "ok"}])", R"([{"read": "/a", "result": "denied"}])",
      R"([{"write": "/a", "result": "EROFS"}])"}},
};

std::vector<const char*> values_for(const Field& field) {
    for (const Values& row : table)
        if (row.path == field.path) return row.texts;
    if (field.path.starts_with("limits.rlimits."))
        return {"0", R"({"soft": 1, "hard": 9})", R"({"soft": 4, "hard": 5})"};
    return {yes, no};  // refused by the parser if the field is no bool
}

}  // namespace

RandomProfiles::RandomProfiles(unsigned seed) : random_(seed) {
    for (const Field& field : fields()) {
        const bool conflicts = field.role == Field::Role::grant || field.path.starts_with("process.apparmor") ||
                               field.path.starts_with("process.selinux");
        Pool pool{&field, {}, conflicts};
        for (const char* text : values_for(field)) {
            Problems problems("pool");
            const auto document = json::Document::parse(text);
            Profile value;
            field.parse(At(problems, std::string(field.path)), document.value().root(), value);
            field.sort(value);
            if (problems.any()) MESSAGE(problems.error().text());
            if (!problems.any()) pool.values.push_back(std::move(value));
        }
        pools_.push_back(std::move(pool));
    }
}

Profile RandomProfiles::next(bool all) {
    using seccomp::Action;
    Profile out;
    out.name = concat("r", ++count_ % 7);
    for (const Pool& pool : pools_) {
        if ((pool.may_contradict && !all) || random_() % 3 != 0) continue;
        pool.field->copy(pool.values[random_() % pool.values.size()], out);
    }
    for (seccomp::Layer& layer : out.seccomp.layers) {
        const Action action = out.seccomp.default_action.value_or(Action::errno_);
        layer.default_verdict = {
            action, action == Action::errno_ ? out.seccomp.default_errno_ret.value_or(EPERM) : uint16_t{0}, false};
        layer.unknown_verdict = {Action::errno_, ENOSYS, true};
    }
    return out;
}

size_t RandomProfiles::values_of(const Field& field) const {
    for (const Pool& pool : pools_)
        if (pool.field == &field) return pool.values.size();
    return 0;
}

}  // namespace casemate::policy::test
