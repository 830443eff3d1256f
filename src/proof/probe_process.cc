// Ids, capabilities, settings, limits, and what the app can reach of other processes.
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <bit>

#include "base/text.h"
#include "proof/check_list.h"

namespace casemate::proof {

namespace {

constexpr int pr_set_mdwe = 65, pr_get_mdwe = 66;
constexpr uint64_t bad = ~uint64_t{0};

void add_ids(CheckList& list) {
    const plan::IdsPlan& ids = list.plan.ids();
    const std::string id = std::to_string(ids.uid), group = std::to_string(ids.gid);
    list.add("ids", "ids", "", concat(id, ' ', id, ' ', id, ' ', group, ' ', group, ' ', group));
    const bool unprivileged = ids.uid != 0 && !list.has_capability(CAP_SETUID);
    list.add("setuid(0)", "setuid", "0", list.expect("setuid", {0}, unprivileged ? "EPERM|EINVAL" : "any"));
    const bool fixed_group = ids.gid != 0 && !list.has_capability(CAP_SETGID);
    list.add("setgid(0)", "setgid", "0", list.expect("setgid", {0}, fixed_group ? "EPERM|EINVAL" : "any"));
    list.add("setgroups()", "setgroups", "",
             list.expect("setgroups", {0, 0}, list.has_capability(CAP_SETGID) ? "any" : "EPERM"));
}

void add_capabilities(CheckList& list) {
    const plan::CapabilitiesPlan& sets = list.plan.capabilities();
    const bool none = (sets.bounding | sets.ambient | sets.inheritable) == 0;
    list.add("capabilities", "capabilities", "", none ? "none" : "any");
    list.add("bounding set", "bounding", "", std::to_string(std::popcount(sets.bounding)));
    list.add("capset CAP_SYS_ADMIN", "raise-capability", std::to_string(CAP_SYS_ADMIN),
             list.expect("capset", {bad, bad}, list.has_capability(CAP_SYS_ADMIN) ? "any" : "EPERM"));
    const auto set = [&](const char* name, int option, uint64_t value, uint64_t third, const std::string& expected) {
        list.add(name, "set-setting", concat(option, ' ', value, ' ', third),
                 list.expect("prctl", {static_cast<uint64_t>(option), value, third}, expected));
    };
    set("raise an ambient capability", PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW,
        list.has_capability(CAP_NET_RAW) ? "any" : "EPERM");
    set("prctl PR_SET_MM", PR_SET_MM, PR_SET_MM_START_CODE, bad,
        list.has_capability(CAP_SYS_RESOURCE) ? "any" : "EPERM");
    set("clear securebits", PR_SET_SECUREBITS, 0, 0,
        list.has_capability(CAP_SETPCAP) && sets.securebits == 0 ? "any" : "EPERM");
    if (sets.no_new_privs) set("clear no_new_privs", PR_SET_NO_NEW_PRIVS, 0, 0, "EINVAL");
    if (list.plan.process().mdwe) set("clear MDWE", pr_set_mdwe, 0, 0, "EPERM");
}

void add_settings(CheckList& list) {
    const auto get = [&](const char* name, int option, const std::string& expected) {
        list.add(name, "get-setting", std::to_string(option),
                 list.expect("prctl", {static_cast<uint64_t>(option)}, expected));
    };
    get("no_new_privs", PR_GET_NO_NEW_PRIVS, list.plan.capabilities().no_new_privs ? "1" : "any");
    get("seccomp mode", PR_GET_SECCOMP, list.filtering() ? "2" : "any");
    get("securebits", PR_GET_SECUREBITS,
        list.plan.capabilities().securebits != 0 ? std::to_string(list.plan.capabilities().securebits) : "any");
    if (list.plan.process().mdwe) get("MDWE", pr_get_mdwe, "1");
    if (list.plan.process().umask) {
        std::string text = "0000";
        uint32_t rest = *list.plan.process().umask;
        for (size_t i = text.size(); i-- > 0; rest >>= 3) text[i] = static_cast<char>('0' + (rest & 7));
        list.add("umask", "umask", "", text);
    }
    if (!list.plan.namespaces().hostname.empty()) list.add("hostname", "hostname", "", list.plan.namespaces().hostname);
}

void add_limits(CheckList& list) {
    constexpr uint64_t most_processes = 2048, most_files = 65536;
    for (const plan::Rlimit& limit : list.plan.process().rlimits) {
        list.add("limit " + limit.name, "limit", concat(limit.resource, ' ', limit.soft, ' ', limit.hard), "ok");
        const bool bounded = !list.has_capability(CAP_SYS_RESOURCE) && !list.has_capability(CAP_SYS_ADMIN);
        if (limit.resource == RLIMIT_NPROC && limit.soft <= most_processes && bounded && list.plan.ids().uid != 0) {
            list.add("fork past the limit", "fork-past", std::to_string(limit.soft), "EAGAIN");
        }
        if (limit.resource == RLIMIT_NOFILE && limit.soft <= most_files)
            list.add("open past the limit", "open-past", std::to_string(limit.soft), "EMFILE");
    }
    list.add("priority -20", "nice", "",
             list.has_capability(CAP_SYS_NICE)
                 ? "any"
                 : list.expect("setpriority", {0, 0, static_cast<uint64_t>(-20)}, "denied"));
}

void add_processes(CheckList& list) {
    // Without a filter the kernel allows all of these among processes of one user.
    const auto expected = [&](std::string_view call, const CallArguments& arguments) {
        return list.expect(call, arguments, "any");
    };
    list.add("ptrace ATTACH a sibling", "ptrace-attach", "", expected("ptrace", {16, bad}));
    list.add("ptrace SEIZE a sibling", "ptrace-seize", "", expected("ptrace", {0x4206, bad}));
    list.add("ptrace TRACEME", "ptrace-me", "", expected("ptrace", {0}));
    list.add("process_vm_readv of a sibling", "copy-memory", "read",
             expected("process_vm_readv", {bad, bad, 1, bad, 1}));
    list.add("process_vm_writev of a sibling", "copy-memory", "write",
             expected("process_vm_writev", {bad, bad, 1, bad, 1}));
    list.add("pidfd_getfd of a sibling", "pidfd-getfd", "", expected("pidfd_getfd", {bad, 0, 0}));
    if (list.owns("pid")) {
        list.add("a pid namespace of its own", "own-pid", "", "own");
        list.add("processes of others", "foreign-processes", "", "none");
        list.add("descriptors of process 1", "parent-descriptors", "", "nothing that leads out|out of reach");
        list.add("the root of process 1", "root-of-1", "", "our own|out of reach");
    }
    list.add("session", "session", "", list.plan.process().new_session ? "own" : "any");
}

void add_surroundings(CheckList& list) {
    const unsigned last = 2 + list.plan.process().inherited_fds;
    list.add("descriptors", "descriptors", "", concat("0-", last));
    list.add("no descriptor is a directory", "directory-descriptors", "", "none");
    list.add("working directory is inside", "working-directory", "", "absolute");
    if (list.profile.environment.deny)
        list.add("variables that are refused", "environment", join(*list.profile.environment.deny, " "), "none");
}

}  // namespace

void add_process_checks(CheckList& list) {
    add_ids(list);
    add_capabilities(list);
    add_settings(list);
    add_limits(list);
    add_processes(list);
    add_surroundings(list);
}

}  // namespace casemate::proof
